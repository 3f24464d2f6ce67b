"""Everything else that fsspec can read: Google's and Azure's stores, Hugging Face, SFTP, HDFS and more.

fsspec has no word for "this very object and no other", so everything is looked at again after it was read:
entity tag, generation, size and time must be what they were. These file systems pass through as they are; of
all of them, only fsspec's own in memory is tried by our tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any, TypeVar

from attest.errors import UsageError
from attest.source import Location, Object, Patience, SourceError, Tries

__all__ = ["FileSystemSource", "open_filesystem"]

T = TypeVar("T")

_TIMES = ("mtime", "last_modified", "LastModified", "updated", "modified", "created")
_TAGS = ("etag", "ETag", "blob_id", "md5Hash", "content_md5", "checksum")
_VERSIONS = ("generation", "version_id", "VersionId")


class FileSystemSource:
    """A file or directory of a file system that fsspec knows.

    Args:
        location: where.
        patience: how long is waited.

    Raises:
        UsageError: fsspec is not installed, knows no such URLs, or lacks the package that does.
    """

    pinned = False

    def __init__(self, location: Location, patience: Patience) -> None:
        shown = location.shown
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            hint = "pip install 'attest-provenance[objects]'"
            raise UsageError(f"fsspec is needed to read this: {error}", shown, hint) from error
        try:
            self._fs, root = url_to_fs(f"{location.scheme}://{location.rest}")
        except ImportError as error:
            hint = f"pip install what fsspec names: {str(error)[:200]}"
            raise UsageError(f"a package is missing to read {location.scheme}://", shown, hint) from error
        except ValueError as error:
            what = f"nothing reads {location.scheme}:// here"
            raise UsageError(what, shown, "https, s3, and what fsspec knows, are read") from error
        except Exception as error:
            raise self._translated(error, shown) from error
        self._root = str(root).rstrip("/")
        # one that does not promise to do several things at once (FTP, say) is asked for one
        self._turn: AbstractContextManager[Any] = (
            nullcontext() if getattr(self._fs, "async_impl", False) else Lock()
        )
        self._location = location
        self._patience = patience

    def find(self) -> Iterator[Object]:
        """Yield the file, or what lies below the directory.

        Raises:
            SourceError: there is nothing.
        """
        shown = self._location.shown
        if not self._location.is_tree:
            info = self._patiently(lambda: self._fs.info(self._root))
            if info.get("type") == "directory":
                raise SourceError("this is a directory", shown, "write it with a slash at its end")
            yield _object(self._location.name, info)
            return
        found = self._patiently(lambda: self._fs.find(self._root, detail=True))
        for path, info in found.items():
            if not str(path).startswith(f"{self._root}/"):
                raise SourceError(f"the listing holds {str(path)[:100]!r}", shown)
            yield _object(str(path)[len(self._root) + 1 :], info)

    def read(self, item: Object, start: int, stop: int | None) -> Iterator[bytes]:
        """Yield a part of a file.

        Raises:
            SourceError: it cannot be had.
        """
        path = f"{self._root}/{item.path}" if self._location.is_tree else self._root
        try:
            # an empty range is not known to every file system
            with self._turn:
                data = self._fs.cat_file(path, start=start, end=stop) if stop != start else b""
        except Exception as error:
            raise self._translated(error, self._location.shown) from error
        yield data

    def stated(self, item: Object) -> str | None:  # noqa: ARG002 - the protocol's
        """Return ``None``: what these stores say of digests was not tried."""
        return None

    def close(self) -> None:
        """Close nothing: fsspec keeps its file systems for others."""

    def _patiently(self, ask: Callable[[], T]) -> T:
        tries = Tries(self._patience)
        self._fs.invalidate_cache()  # a listing of before would hide what has changed since
        while True:
            try:
                return ask()
            except Exception as error:  # noqa: BLE001 - each file system has its own
                tries.failed(self._translated(error, self._location.shown))

    @staticmethod
    def _translated(error: Exception, shown: str) -> SourceError:
        """Return an error of a file system as one of ours; its words may hold the URL and are not told."""
        if isinstance(error, SourceError):
            return error
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            hint = "a directory is written with a slash at its end"
            return SourceError("there is nothing", shown, hint, gone=True)
        if isinstance(error, PermissionError):
            return SourceError("access is denied", shown, "fsspec finds credentials as that store's tools do")
        return SourceError(
            f"cannot be read: {type(error).__name__}", shown, temporary=isinstance(error, OSError)
        )


def _object(path: str, info: Mapping[str, Any]) -> Object:
    size = info.get("size")
    if not isinstance(size, int) or size < 0:
        raise SourceError(f"its size is not known: {size!r}"[:100], path)
    return Object(path, size, _first(info, _TAGS), _first(info, _VERSIONS), _first(info, _TIMES))


def _first(info: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(info[name])[:200] for name in names if info.get(name) is not None), None)


def open_filesystem(location: Location, patience: Patience) -> FileSystemSource:
    """Open a file or directory of a file system that fsspec knows.

    Raises:
        UsageError: fsspec is not installed, knows no such URLs, or lacks the package that does.
    """
    return FileSystemSource(location, patience)
