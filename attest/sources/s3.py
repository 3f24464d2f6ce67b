"""Objects of S3, and of servers that speak its protocol, through s3fs.

Credentials, endpoint and region are found as s3fs finds them: the AWS variables and files, fsspec's own
configuration. Each request demands the object that was listed (``If-Match`` with its entity tag), or the
version the URL names; each answer must say that it is that object.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from attest.errors import UsageError
from attest.source import CONNECTIONS, Location, Object, Patience, SourceError, Tries

__all__ = ["S3Source", "open_s3", "whole_sha256"]

T = TypeVar("T")

PAGES = 100
"""Pages of a listing that may follow on each other with nothing in them."""

_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_WHY = {
    "AccessDenied": ("the store refuses it", "may these credentials list and read it?"),
    "InvalidObjectState": ("it is in an archive, and cannot be read at once", "restore it first"),
    "NoSuchBucket": ("there is no such bucket", None),
    "PreconditionFailed": ("changed while it was read", "digest it again"),
}
_BY_STATUS = {
    301: ("the bucket is in another region", "set AWS_DEFAULT_REGION"),
    403: _WHY["AccessDenied"],
    404: ("there is no such object", "a prefix is written with a slash at its end"),
    412: _WHY["PreconditionFailed"],
    416: ("changed while it was read: it is shorter now", "digest it again"),
}


class S3Source:
    """An object, or all below a prefix.

    Args:
        location: where.
        patience: how long is waited.

    Raises:
        UsageError: s3fs is not installed, or cannot work with its configuration.
    """

    pinned = True

    def __init__(self, location: Location, patience: Patience) -> None:
        try:
            import fsspec.config
            import s3fs
        except ImportError as error:
            hint = "pip install 'attest-provenance[objects]'"
            raise UsageError(f"s3fs is needed to read this: {error}", location.shown, hint) from error
        own = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        settings = {
            "max_pool_connections": CONNECTIONS,
            "connect_timeout": patience.timeout,
            "read_timeout": patience.timeout,
            **own,
            "retries": {"mode": "standard", "total_max_attempts": 1},  # who asks tries again
        }
        self._location = location
        self._patience = patience
        try:
            self._fs = s3fs.S3FileSystem(config_kwargs=settings, skip_instance_cache=True)
            self._fs.retries = 1
            bucket, self._key, _ = self._fs.split_path(f"s3://{location.rest}")
        except Exception as error:
            raise _translated(error, location.shown) from error
        if location.rest.removesuffix("/") != f"{bucket}/{self._key}".removesuffix("/"):
            # a key may hold what s3fs takes for something else, and another object must not be read for it
            raise UsageError(f"s3fs takes this for {self._key!r} of {bucket!r}", location.shown)
        self._bucket = {"Bucket": bucket}

    def find(self) -> Iterator[Object]:
        """Yield the object, or what is listed below the prefix.

        Raises:
            SourceError: there is nothing, or the listing is none.
        """
        if not self._location.is_tree:
            head = self._patiently(lambda: self._head(self._pin(None)))
            yield Object(self._location.name, head["ContentLength"], head["ETag"], _version(head))
            return
        if self._location.version:
            raise UsageError("a prefix has no version", self._location.shown)
        for each in self._listed():
            path = each["Key"].removeprefix(self._key)
            # consoles make empty objects that stand for folders; a manifest binds no empty folder
            if each["Size"] or (path and not path.endswith("/")):
                yield Object(path, each["Size"], each["ETag"])

    def _listed(self) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        empty = 0
        while True:
            words = {"Prefix": str(self._key), **more}
            page = self._patiently(partial(self._call, "list_objects_v2", **words))
            listed = page.get("Contents", [])
            for each in listed:
                if not each["Key"].startswith(self._key):
                    raise SourceError(f"the listing holds {each['Key'][:100]!r}", self._location.shown)
                yield each
            if not page.get("IsTruncated"):
                return
            empty = 0 if listed else empty + 1
            token = page.get("NextContinuationToken")
            if not token or token == more.get("ContinuationToken") or empty > PAGES:
                raise SourceError("the listing does not go on, and does not end", self._location.shown)
            more = {"ContinuationToken": token}

    def read(self, item: Object, start: int, stop: int | None) -> Iterator[bytes]:
        """Yield a part of an object.

        Raises:
            SourceError: it cannot be had, or is not what was found.
        """
        from fsspec.asyn import sync

        stop = stop or 0
        wanted = {} if (start, stop) == (0, item.size) else {"Range": f"bytes={start}-{stop - 1}"}
        answer = self._call("get_object", Key=self._key_of(item), **self._pin(item), **wanted)
        fault = self._difference(item, answer, stop - start)
        try:
            data = sync(self._fs.loop, _taken, answer["Body"], fault is None, timeout=self._patience.stall)
        except Exception as error:
            raise _translated(error, self._location.shown) from error
        if fault is not None:
            raise fault
        yield data

    def stated(self, item: Object) -> str | None:
        """Return the SHA-256 that S3 checked when the object came in, if it came in one part.

        Raises:
            SourceError: it cannot be asked, or the object is not what was found.
        """
        head = self._head({**self._pin(item), "ChecksumMode": "ENABLED"}, item)
        fault = self._difference(item, head, item.size)
        if fault is not None:
            raise fault
        return whole_sha256(head)

    def close(self) -> None:
        """Close nothing: connections end with the file system, whose loop others may use."""

    def _head(self, more: dict[str, str], item: Object | None = None) -> dict[str, Any]:
        return self._call("head_object", Key=self._key_of(item), **more)

    def _key_of(self, item: Object | None) -> str:
        return f"{self._key}{item.path}" if item and self._location.is_tree else str(self._key)

    def _pin(self, item: Object | None) -> dict[str, str]:
        """Return what makes an answer be of the object that was found."""
        version = {"VersionId": self._location.version} if self._location.version else {}
        return {**version, **({"IfMatch": item.etag} if item and item.etag else {})}

    def _difference(self, item: Object, answer: dict[str, Any], size: int | None) -> SourceError | None:
        """Tell why an answer is of another object: not every server minds what it is asked."""
        shown = self._location.shown
        now, version = answer.get("ETag"), _version(answer)
        if now != item.etag or (item.version and version != item.version):
            told = f"{item.version or item.etag} when it was found, now {version or now}"
            return SourceError(f"changed while it was read: {told}", shown, "digest it again")
        if answer.get("ContentLength") != size:
            what = f"asked for {size} bytes, got an answer of {answer.get('ContentLength')}"
            return SourceError(what, shown)
        return None

    def _call(self, method: str, **words: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._fs.call_s3(method, **self._bucket, **words)
        except Exception as error:
            raise _translated(error, self._location.shown) from error
        return answer

    def _patiently(self, ask: Callable[[], T]) -> T:
        tries = Tries(self._patience)
        while True:
            try:
                return ask()
            except SourceError as error:
                tries.failed(error)


async def _taken(body: Any, wanted: bool) -> bytes:  # noqa: FBT001 - fsspec calls it
    """Return the bytes of an answer, and let go of its connection, both on the loop that holds it."""
    try:
        return await body.read() if wanted else b""
    finally:
        body.close()


def _version(answer: dict[str, Any]) -> str | None:
    """Return the version of an object; that of a bucket without versions names nothing."""
    version = answer.get("VersionId")
    return str(version) if version and version != "null" else None


def whole_sha256(head: dict[str, Any]) -> str | None:
    """Return the SHA-256 of all bytes of an object out of the answer to HeadObject, or ``None``.

    The checksum of an object that came in parts is one of the parts' checksums (S3, "Checking object
    integrity": type COMPOSITE, written with ``-`` and their number), and no digest of the object.
    """
    given = head.get("ChecksumSHA256")
    parts = head.get("PartsCount") or head.get("ETag", "").strip('"').partition("-")[2]
    if not isinstance(given, str) or head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT" or parts:
        return None
    try:
        digest = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):  # ``-N`` behind it, or no checksum at all
        return None
    return digest.hex() if len(digest) == 32 else None


def _translated(error: Exception, shown: str) -> Exception:
    """Return an error of s3fs, botocore or aiohttp as one of ours."""
    from botocore.exceptions import BotoCoreError, NoCredentialsError
    from fsspec.exceptions import FSTimeoutError

    if isinstance(error, (SourceError, UsageError)):
        return error
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if isinstance(response, dict):
        code = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status in _TRY_AGAIN or code in {"SlowDown", "RequestTimeout", "InternalError"}:
            return SourceError(f"answered with status {status} ({code[:60]})", shown, temporary=True)
        what, hint = _WHY.get(code) or _BY_STATUS.get(status) or (f"status {status} ({code[:60]})", None)
        return SourceError(what, shown, hint, gone=status == 404)
    if isinstance(error, NoCredentialsError):
        hint = "s3fs finds them as the AWS command line does; of a public bucket, see docs/objects.md: anon"
        return SourceError("there are no credentials", shown, hint)
    if isinstance(error, (FSTimeoutError, TimeoutError)):
        return SourceError("no answer in time", shown, temporary=True)
    name = type(error).__name__
    # what is not known may pass: a reset connection comes in many guises
    temporary = not isinstance(error, (BotoCoreError, PermissionError, ValueError, TypeError)) or any(
        word in name for word in ("Connect", "HTTP", "Timeout", "Checksum", "Incomplete")
    )
    return SourceError(f"cannot be reached: {name}: {str(error)[:200]}", shown, temporary=temporary)


def open_s3(location: Location, patience: Patience) -> S3Source:
    """Open an object of S3, or a prefix.

    Raises:
        UsageError: s3fs is not installed, or cannot work with its configuration.
    """
    return S3Source(location, patience)
