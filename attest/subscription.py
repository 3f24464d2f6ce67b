"""A register that is fetched again and again, because its reader asked for it by its URL.

Nothing a statement names is ever fetched. What comes back is bounded in size and time, never redirected, and
kept in a folder of the reader's: when the service is down, the last edition seen is used, and its own
``nextUpdate`` says how long it is good for. The edition before is kept too, so that an older or a forked one
is seen beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from attest.digest import sha256_bytes
from attest.errors import AttestError, FormatError, SignatureError, UsageError
from attest.files import write_file
from attest.limits import DEFAULT, Limits
from attest.service import Service, check_url

__all__ = ["is_url", "subscribe"]

_LOCAL = ("127.0.0.1", "::1", "localhost")


def is_url(given: str) -> bool:
    """Tell whether somebody named a place on the network and no file."""
    return given.lower().startswith(("https://", "http://"))


def _check(url: str) -> None:
    parts = urlsplit(check_url(url))
    if parts.scheme != "https" and parts.hostname not in _LOCAL:
        raise UsageError(f"{url[:200]!r}: a register is fetched over https", hint="or name a file")


def subscribe(
    url: str, folder: Path, tell: Callable[[str], None], limits: Limits = DEFAULT, timeout: float = 20.0
) -> list[Path]:
    """Fetch a register, keep it, and return the files that hold it: the newest and the one before.

    Args:
        url: https, as the reader wrote it; http on this machine alone.
        folder: where editions are kept.
        tell: is told when the last edition seen has to do.
        limits: ``document_bytes`` bounds the answer.
        timeout: seconds one attempt may take in all.

    Raises:
        UsageError: the URL is none to fetch a register from.
        AttestError: it cannot be fetched and was never seen before, or cannot be kept.
    """
    _check(url)
    name = sha256_bytes(url.encode())
    newest, before = folder / f"{name}.jsonl", folder / f"{name}.before.jsonl"
    service = Service(url, "register", "register", timeout, answer_bytes=limits.document_bytes)
    try:
        data = service.get()
        if not data.strip():
            raise AttestError("register: the answer is empty", url)
        _keep(data, newest, before)
    except SignatureError as error:
        if not newest.exists():
            raise AttestError(error.what, url, error.hint) from error
        tell(f"{error.what}: the edition seen last is used ({url})")
    return [each for each in (newest, before) if each.exists()]


def _keep(data: bytes, newest: Path, before: Path) -> None:
    try:
        newest.parent.mkdir(parents=True, exist_ok=True)
        known = newest.read_bytes() if newest.exists() else None
    except OSError as error:
        raise FormatError(f"cannot be kept: {error.strerror}", str(newest)) from error
    if known == data:
        return
    if known is not None:
        write_file(before, [known])
    write_file(newest, [data])
