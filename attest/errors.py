"""Every way attest can fail.

An error means "cannot tell": a broken file, a wrong passphrase, an unknown name. A chain that does not
satisfy a policy is not an error but a verdict (``attest.verdict``). The tree::

    AttestError            exit 4   what went wrong, where, what to do
    ├── UsageError         exit 2   the command's words, or a document the user wrote, are off
    ├── FormatError        exit 4   bytes that are not what they claim to be
    │   └── LimitError     exit 4   larger, deeper or more than the limits allow
    ├── SignatureError     exit 4   a key or signature that cannot be used
    ├── DigestError        exit 4   bytes that cannot be digested, or changed while they were
    ├── StoreError         exit 4   the store cannot be read or written
    ├── SecretError        exit 4   something that looks like a secret stands in what would be signed
    └── RecordingError     exit 125 ``attest run`` could not record
        └── SpooledError   exit 75  the step ran; its statement waits unsigned
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AttestError",
    "DigestError",
    "FormatError",
    "LimitError",
    "RecordingError",
    "SecretError",
    "SignatureError",
    "SpooledError",
    "StoreError",
    "UsageError",
    "nearest",
]


class AttestError(Exception):
    """Something that keeps attest from answering.

    Args:
        what: one sentence, lower case, no full stop: what went wrong, with both values of a mismatch.
        where: the file, line, digest or field it happened at.
        hint: what the reader can do about it.
    """

    exit_code = 4

    def __init__(self, what: str, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class UsageError(AttestError):
    """The command's words, or a document the user wrote, cannot be used as they stand."""

    exit_code = 2


class FormatError(AttestError):
    """Bytes that are not what they claim to be.

    Args:
        what: as of every error.
        where: as of every error.
        hint: as of every error.
        code: a stable reason for programs, e.g. ``pin-mismatch``; "" if it has none.
    """

    def __init__(
        self, what: str, where: str | None = None, hint: str | None = None, *, code: str = ""
    ) -> None:
        super().__init__(what, where, hint)
        self.code = code


class LimitError(FormatError):
    """Something is larger, deeper or more numerous than the reader's limits allow."""


class SignatureError(AttestError):
    """A key or a signature that cannot be used, or a service that signing needs and cannot have.

    Args:
        what: as of every error.
        where: as of every error.
        hint: as of every error.
        code: a stable reason for programs, e.g. ``timestamp-unreachable``.
    """

    NO_CODE = "signature"
    """The code of what has no reason of its own."""

    def __init__(
        self, what: str, where: str | None = None, hint: str | None = None, *, code: str = NO_CODE
    ) -> None:
        super().__init__(what, where, hint)
        self.code = code

    @property
    def temporary(self) -> bool:
        """Whether a service was down, and the same may succeed later without anybody doing anything."""
        return self.code.endswith(("-unreachable", "-timeout", "-status"))


class DigestError(AttestError):
    """Bytes that cannot be digested, or that changed while they were read."""


class StoreError(AttestError):
    """The store cannot be opened, read or written."""


class SecretError(AttestError):
    """Something that looks like a secret stands in what would be signed."""


class RecordingError(AttestError):
    """``attest run`` could not record the step."""

    exit_code = 125


class SpooledError(RecordingError):
    """The step ran, but its statement waits: ``attest sign --pending`` signs and stores it later."""

    exit_code = 75


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` was probably meant to be, for "did you mean" hints."""
    import difflib  # not paid for by `attest --help`

    found = difflib.get_close_matches(name[:200], list(known), n=1)
    return found[0] if found else None
