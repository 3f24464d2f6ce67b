"""``trust.yaml`` as it is written: whom a reader believes, for what, with every file pinned by digest."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from attest.digest import Sha256
from attest.document import Document
from attest.errors import FormatError, UsageError, nearest
from attest.model import Date, StrictModel, Timestamp

__all__ = [
    "CONDITIONS",
    "MAX_ROOT_BYTES",
    "ROLES",
    "CertificateIdentity",
    "KeyIdentity",
    "LayoutFile",
    "PinnedFile",
    "Principal",
    "RoleEntry",
    "RootFile",
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
                code="pin-mismatch",
            )
        return data


class KeyIdentity(PinnedFile):
    """A public key, and from when to when it is its holder's.

    Within these bounds counts what was signed at a trusted time; what has no trusted time is judged by the
    time of evaluation. A date stands for its first second in UTC.
    """

    valid_from: Timestamp | None = None
    """When the key came into use, itself included."""
    valid_until: Timestamp | None = None
    """When the key went out of use, itself included: older signatures with a trusted time stay good."""

    @model_validator(mode="after")
    def _in_order(self) -> KeyIdentity:
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError("validFrom is later than validUntil")
        return self


CONDITIONS = {
    "github_workflow_trigger": "2",
    "github_workflow_sha": "3",
    "github_workflow_name": "4",
    "github_workflow_repository": "5",
    "github_workflow_ref": "6",
    "build_signer": "9",
    "build_signer_digest": "10",
    "runner_environment": "11",
    "source_repository": "12",
    "source_repository_digest": "13",
    "source_repository_ref": "14",
    "source_repository_identifier": "15",
    "source_repository_owner": "16",
    "source_repository_owner_identifier": "17",
    "build_config": "18",
    "build_config_digest": "19",
    "build_trigger": "20",
    "run_invocation": "21",
    "source_repository_visibility": "22",
    "deployment_environment": "23",
}
"""Condition on a keyless certificate → last number of the extension it reads (Fulcio oid-info.md)."""


class SigstoreIdentity(StrictModel):
    """A keyless identity: what a Sigstore certificate says, exactly, or with anchored ``*``.

    All that is given must hold. ``issuer`` is always exact. Each of the others reads one extension of the
    certificate; one that the certificate does not have is not met.
    """

    issuer: str
    """OIDC issuer, exactly."""
    identity: str
    """The certificate's subject alternative name: workflow, e-mail address, service account."""
    root: str | None = None
    """Which of ``roots.sigstore`` vouches for it, by its ``file``. Needed where there are several."""
    source_repository: str | None = None
    """URI of the repository the build was of."""
    source_repository_ref: str | None = None
    """Its branch or tag, like ``refs/tags/v*``."""
    source_repository_digest: str | None = None
    """Its commit."""
    source_repository_identifier: str | None = None
    """Its number, which no renaming changes."""
    source_repository_owner: str | None = None
    """URI of its owner."""
    source_repository_owner_identifier: str | None = None
    """The owner's number."""
    source_repository_visibility: str | None = None
    """``public``, ``private`` or ``internal`` when it was signed."""
    build_signer: str | None = None
    """URI of the build instructions that signed: the reusable workflow."""
    build_signer_digest: str | None = None
    """Their commit."""
    build_config: str | None = None
    """URI of the build instructions that were started."""
    build_config_digest: str | None = None
    """Their commit."""
    build_trigger: str | None = None
    """What started the build, like ``push``."""
    run_invocation: str | None = None
    """URI of the run."""
    runner_environment: str | None = None
    """Where it ran, like ``github-hosted`` or ``self-hosted``."""
    deployment_environment: str | None = None
    """The protected environment it ran for."""
    github_workflow_trigger: str | None = None
    """Deprecated by Fulcio, as the next four are: what started the workflow."""
    github_workflow_sha: str | None = None
    """Commit of the workflow."""
    github_workflow_name: str | None = None
    """Name of the workflow."""
    github_workflow_repository: str | None = None
    """Owner and name of the repository."""
    github_workflow_ref: str | None = None
    """Branch or tag of the workflow."""
    extensions: dict[str, str] = Field(
        default_factory=dict, description="Any other extension of Fulcio's, by its full OID."
    )

    @property
    def who(self) -> str:
        """Identity, issuer and every condition, in words."""
        given = self.to_json()
        conditions = {name: value for name, value in given.items() if name not in ("identity", "issuer")}
        conditions |= conditions.pop("extensions", {})
        return "; ".join([f"{self.identity} ({self.issuer})", *(f"{n}={v}" for n, v in conditions.items())])

    @field_validator("issuer")
    @classmethod
    def _exact(cls, value: str) -> str:
        if "*" in value:
            raise ValueError("an issuer is exact: whoever else it matched could name anybody")
        return value

    @field_validator("extensions")
    @classmethod
    def _oids(cls, value: dict[str, str]) -> dict[str, str]:
        for oid in value:
            if not re.fullmatch(r"1\.3\.6\.1\.4\.1\.57264\.1(\.[0-9]{1,9})+", oid):
                raise ValueError(f"got {oid[:80]!r}, expected an OID under 1.3.6.1.4.1.57264.1")
        return value

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

    key: KeyIdentity | None = None
    sigstore: SigstoreIdentity | None = None
    certificate: CertificateIdentity | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Principal:
        given = [kind for kind in ("key", "sigstore", "certificate") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("a principal has exactly one of key, sigstore, certificate")
        return self


class RoleEntry(StrictModel):
    """One principal in one role, or some that sign together, and how far that role reaches."""

    principal: str | None = None
    """Who holds the role alone."""
    cosigners: list[str] = Field(
        default_factory=list,
        description="Who holds it together: `threshold` of them sign the same statement.",
    )
    threshold: int | None = Field(default=None, description="How many of the cosigners it takes.")
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

    @model_validator(mode="after")
    def _who(self) -> RoleEntry:
        if (self.principal is None) == (not self.cosigners):
            raise ValueError("an entry names one principal, or cosigners and a threshold")
        if len(set(self.cosigners)) != len(self.cosigners):
            raise ValueError("cosigners: a principal counts once")
        if self.cosigners and (self.threshold is None or not 1 <= self.threshold <= len(self.cosigners)):
            raise ValueError(f"threshold: got {self.threshold}, expected 1 to {len(self.cosigners)}")
        if self.threshold is not None and not self.cosigners:
            raise ValueError("threshold: of which cosigners?")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody the entry is about."""
        return (self.principal,) if self.principal is not None else tuple(self.cosigners)

    @property
    def who(self) -> str:
        """The same in words."""
        listed = ", ".join(self.names)
        return f"{self.threshold} of {listed}" if self.cosigners else listed


class RootFile(PinnedFile):
    """A file of roots, which somebody fetched somewhere at some time."""

    fetched: Date | None = None
    """The day it was fetched and compared: reports show how old it is."""


class Roots(StrictModel):
    """Certificate roots, pinned."""

    sigstore: list[RootFile] = Field(default_factory=list)
    timestamp: list[RootFile] = Field(default_factory=list)


class LayoutFile(PinnedFile):
    """A layout of in-toto: where there are any, a link is believed only within a run that one describes."""

    skip_inspections: bool = False
    """Its inspections are commands, which are never run: say that you do without them."""


RoleName = Literal[
    "builder", "data-owner", "rights-holder", "publisher", "keeper", "auditor", "officer", "revoker"
]


class TrustFile(StrictModel):
    """``trust.yaml`` as it is written."""

    principals: dict[str, Principal] = Field(min_length=1)
    roles: dict[RoleName, list[RoleEntry]] = Field(default_factory=dict)
    roots: Roots = Roots()
    layouts: list[LayoutFile] = Field(default_factory=list)


class _Unfinished(TrustFile):
    """A trust file somebody is still writing: nobody may be in it yet, and so it is no trust to go by."""

    principals: dict[str, Principal] = Field(default_factory=dict)


def matches(pattern: str, value: str) -> bool:
    """Match exactly, or anchored where ``*`` is written; ``*`` never crosses ``/`` or ``@``."""
    return _regex(pattern).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    parts = ("[^/@]*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern))
    return re.compile("".join(parts))


def _check_roles(document: Document, parsed: TrustFile) -> None:
    """Every role names principals that exist, and says how far it reaches where that is needed."""
    for role, entries in parsed.roles.items():
        for number, entry in enumerate(entries):
            where = document.where(("roles", role, number))
            for name in (*entry.names, *entry.principals):
                if name not in parsed.principals:
                    guess = nearest(name, parsed.principals)
                    hint = f"did you mean {guess!r}?" if guess else "define it under principals"
                    raise UsageError(f"role {role}: no principal {name[:80]!r}", where, hint)
            if entry.artifacts and role not in _SCOPED:
                what = f"role {role}: artifacts means nothing here"
                raise UsageError(what, where, f"it limits {', '.join(sorted(_SCOPED))}")
            if role == "builder" and not entry.builder_ids:
                what = f"role builder: {entry.who} needs builderIds, the ids it may claim"
                raise UsageError(what, where)
            if role == "auditor" and not entry.verifier_ids:
                what = f"role auditor: {entry.who} needs verifierIds, the ids it may claim"
                raise UsageError(what, where)
            if role == "keeper" and not entry.register_id:
                raise UsageError(f"role keeper: {entry.who} needs register, the register's id", where)


def _check_sigstore(document: Document, parsed: TrustFile) -> None:
    """Every keyless principal belongs to one pinned instance: another one could vouch for the same names."""
    files = [pinned.file for pinned in parsed.roots.sigstore]
    for name, principal in parsed.principals.items():
        if principal.sigstore is None:
            continue
        where = document.where(("principals", name, "sigstore"))
        root = principal.sigstore.root
        if root is not None and root not in files:
            known = ", ".join(files) or "none is pinned"
            raise UsageError(f"root: no Sigstore root {root[:100]!r} is pinned", where, f"roots: {known}")
        if root is None and len(files) > 1:
            what = f"principal {name}: several Sigstore roots are pinned, say which vouches for it"
            raise UsageError(what, where, f"root: {' or '.join(files)}")


def parse_trust(document: Document, *, unfinished: bool = False) -> TrustFile:
    """Read a trust document without the files it pins.

    Args:
        document: the document.
        unfinished: it is still being written, so that it may name no principal yet.

    Raises:
        UsageError: an unknown key or role, or a principal nobody defined; with its line.
    """
    if not isinstance(document.value, dict):
        raise UsageError("expected principals, roles and roots", document.where(), "see attest trust new")
    parsed = document.validate(_Unfinished if unfinished else TrustFile)
    _check_sigstore(document, parsed)
    _check_roles(document, parsed)
    return parsed
