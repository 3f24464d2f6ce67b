"""``trust.yaml`` as it is written: whom a reader believes, for what, with every file pinned by digest."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from attest.digest import Sha256
from attest.document import Document
from attest.errors import FormatError, UsageError, nearest
from attest.model import StrictModel

__all__ = [
    "MAX_ROOT_BYTES",
    "ROLES",
    "CertificateIdentity",
    "PinnedFile",
    "Principal",
    "RoleEntry",
    "Roots",
    "SigstoreIdentity",
    "TrustFile",
    "matches",
    "parse_trust",
]

MAX_ROOT_BYTES = 4 << 20
"""Bytes of a file of certificates or of a Sigstore trusted root."""

_SCOPED = frozenset({"builder", "data-owner", "rights-holder", "publisher"})
"""Roles that can be limited to some artifacts."""

ROLES = (
    "builder",
    "data-owner",
    "rights-holder",
    "publisher",
    "keeper",
    "auditor",
    "officer",
    "revoker",
)
"""Trust roles: builder signs steps, data-owner datasets, rights-holder rights, publisher contents and
distributions, keeper registers and orders, auditor verdicts, officer certificates, revoker withdrawals."""


class PinnedFile(StrictModel):
    """A file of the reader's, relative to the document that names it."""

    file: str
    sha256: Sha256 = Field(description="SHA-256 of the file's bytes.")

    def read(self, folder: Path, where: str, limit: int) -> bytes:
        """Return the file's bytes if they are the pinned ones.

        Raises:
            FormatError: it cannot be read, is too large, or its digest differs.
        """
        path = folder / self.file
        try:
            with path.open("rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            raise FormatError(f"{self.file}: cannot be read: {error.strerror}", where) from error
        if len(data) > limit:
            raise FormatError(f"{self.file}: larger than {limit} bytes", where)
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.sha256:
            raise FormatError(
                f"{self.file}: got sha256 {actual}, pinned is {self.sha256}",
                where,
                "the file changed after it was pinned: compare fingerprints out of band before pinning anew",
            )
        return data


class SigstoreIdentity(StrictModel):
    """A keyless identity: what a Sigstore certificate says, exactly, or with anchored ``*``."""

    issuer: str
    identity: str
    source_repository: str | None = None

    @model_validator(mode="after")
    def _github_needs_repository(self) -> SigstoreIdentity:
        if "token.actions.githubusercontent.com" in self.issuer and not self.source_repository:
            raise ValueError(
                "a GitHub identity needs sourceRepository: all callers of a reusable workflow share its name"
            )
        return self


class CertificateIdentity(StrictModel):
    """A subject under a private certificate authority."""

    root: str
    sha256: Sha256
    subject: str


class Principal(StrictModel):
    """Somebody, by exactly one kind of identity."""

    key: PinnedFile | None = None
    sigstore: SigstoreIdentity | None = None
    certificate: CertificateIdentity | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Principal:
        given = [kind for kind in ("key", "sigstore", "certificate") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("a principal has exactly one of key, sigstore, certificate")
        return self


class RoleEntry(StrictModel):
    """One principal in one role, and how far that role reaches."""

    principal: str
    builder_ids: list[str] = Field(default_factory=list, description="builder: the builder ids it may claim.")
    artifacts: list[str] = Field(
        default_factory=list, description="Only these artifacts (sha256:…); absent: any."
    )
    register_id: str | None = Field(default=None, alias="register", description="keeper: of this register.")
    verifier_ids: list[str] = Field(
        default_factory=list, description="auditor: the verifier ids it may claim."
    )
    principals: list[str] = Field(
        default_factory=list, description="revoker: whose statements; absent: anybody's."
    )

    @field_validator("artifacts")
    @classmethod
    def _digests(cls, value: list[str]) -> list[str]:
        for text in value:
            digest = text.removeprefix("sha256:")
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ValueError(f"got {text[:80]!r}, expected sha256: and 64 lowercase hex digits")
        return value


class Roots(StrictModel):
    """Certificate roots, pinned."""

    sigstore: list[PinnedFile] = Field(default_factory=list)
    timestamp: list[PinnedFile] = Field(default_factory=list)


RoleName = Literal[
    "builder", "data-owner", "rights-holder", "publisher", "keeper", "auditor", "officer", "revoker"
]


class TrustFile(StrictModel):
    """``trust.yaml`` as it is written."""

    principals: dict[str, Principal] = Field(min_length=1)
    roles: dict[RoleName, list[RoleEntry]] = Field(default_factory=dict)
    roots: Roots = Roots()


def matches(pattern: str, value: str) -> bool:
    """Match exactly, or anchored where ``*`` is written; ``*`` never crosses ``/`` or ``@``."""
    regex = "".join("[^/@]*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern))
    return re.fullmatch(regex, value) is not None


def _check_roles(document: Document, parsed: TrustFile) -> None:
    """Every role names principals that exist, and says how far it reaches where that is needed."""
    for role, entries in parsed.roles.items():
        for number, entry in enumerate(entries):
            where = document.where(("roles", role, number))
            for name in (entry.principal, *entry.principals):
                if name not in parsed.principals:
                    guess = nearest(name, parsed.principals)
                    hint = f"did you mean {guess!r}?" if guess else "define it under principals"
                    raise UsageError(f"role {role}: no principal {name[:80]!r}", where, hint)
            if entry.artifacts and role not in _SCOPED:
                what = f"role {role}: artifacts means nothing here"
                raise UsageError(what, where, f"it limits {', '.join(sorted(_SCOPED))}")
            if role == "builder" and not entry.builder_ids:
                what = f"role builder: {entry.principal} needs builderIds, the ids it may claim"
                raise UsageError(what, where)
            if role == "keeper" and not entry.register_id:
                raise UsageError(f"role keeper: {entry.principal} needs register, the register's id", where)


def parse_trust(document: Document) -> TrustFile:
    """Read a trust document without the files it pins.

    Raises:
        UsageError: an unknown key or role, or a principal nobody defined; with its line.
    """
    if not isinstance(document.value, dict):
        raise UsageError("expected principals, roles and roots", document.where(), "see attest trust new")
    parsed = document.validate(TrustFile)
    _check_roles(document, parsed)
    return parsed
