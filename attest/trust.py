"""Whom this reader believes, for what: ``trust.yaml``, and the door from a bundle to a verified statement.

Trust is never taken from a bundle. Every file the document names is pinned by its SHA-256 and read relative
to the document. A signature by somebody who is no principal here is nobody's; a principal without the role a
statement needs is carried and grants nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from attest.bundle import Bundle
from attest.digest import Sha256, sha256_bytes
from attest.document import Document, read_file
from attest.errors import FormatError, UsageError, nearest
from attest.keys import MAX_KEY_BYTES, PublicKey
from attest.limits import DEFAULT, Limits
from attest.model import StrictModel
from attest.statement import Statement
from attest.verifier import Identity, UnverifiedError, VerifiedStatement
from attest.verifiers import key as key_verifier
from attest.verifiers.timestamp import TimestampRoot, trusted_time

__all__ = [
    "ROLES",
    "CertificateIdentity",
    "PinnedFile",
    "Principal",
    "RoleEntry",
    "Roots",
    "SigstoreIdentity",
    "Trust",
    "TrustFile",
    "matches",
    "parse_trust",
    "read_timestamp_root",
    "read_trust",
]

MAX_ROOT_BYTES = 4 << 20

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
    import re

    regex = "".join("[^/@]*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern))
    return re.fullmatch(regex, value) is not None


@dataclass(frozen=True)
class _Key:
    public: PublicKey
    principals: tuple[str, ...]


@dataclass(frozen=True)
class Trust:
    """A reader's trust, loaded and pinned."""

    name: str
    sha256: str
    """SHA-256 of the document's bytes: stands in every report."""
    file: TrustFile
    _keys: dict[str, _Key] = field(repr=False)
    _authorities: tuple[TimestampRoot, ...] = field(repr=False)
    _unlimited: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of_keys(cls, keys: Mapping[str, PublicKey], base: Trust | None = None) -> Trust:
        """Believe keys for everything they say, besides what ``base`` believes.

        This is how somebody looks at statements of their own before they hand them over. A reader's trust is
        always a file that says who may say what.

        Args:
            keys: names for messages, and the keys.
            base: whom else to believe, within the roles it gives them.
        """
        file = base.file if base else TrustFile.model_construct(principals={}, roles={}, roots=Roots())
        known = dict(base._keys) if base else {}  # noqa: SLF001 - of this very class
        unlimited = set()
        for wanted, public in keys.items():
            name = wanted
            while name in file.principals:  # its namesake in the file holds only what the file gives it
                name += "'"
            names = known[public.fingerprint].principals if public.fingerprint in known else ()
            known[public.fingerprint] = _Key(public, tuple(sorted({*names, name})))
            unlimited.add(name)
        return cls(
            base.name if base else ", ".join(sorted(unlimited)),
            base.sha256 if base else sha256_bytes(b""),
            file,
            known,
            base._authorities if base else (),  # noqa: SLF001 - of this very class
            frozenset(unlimited),
        )

    # -- from a bundle to a verified statement ---------------------------------------------------------

    def verify(self, bundle: Bundle, where: str | None = None, limits: Limits = DEFAULT) -> VerifiedStatement:
        """Check who signed a bundle and parse the very bytes that were signed.

        1. The envelope says it holds an in-toto statement.
        2. Its signature is that of a principal's key; the hint only says which to try first.
        3. The payload is a Statement v1 within the limits.
        4. The trusted time, if a pinned authority vouches for one.

        It does not check whether that principal may say this: ``granted_by`` does.

        Raises:
            UnverifiedError: codes ``payload-type``, ``signer-unknown``, ``signature-invalid``,
                ``unsupported-material``, ``not-a-statement``.
            LimitError: beyond the reader's limits.
        """
        key_verifier.check_envelope(bundle)
        if bundle.certificate is not None:
            raise UnverifiedError(
                "unsupported-material", "signed with a certificate; this version verifies key signatures"
            )
        signer = self._signer(bundle)
        try:
            statement = Statement.parse(bundle.payload, where, limits)
        except FormatError as error:
            if type(error) is FormatError:
                raise UnverifiedError("not-a-statement", str(error)) from error
            raise
        return VerifiedStatement(
            statement,
            Identity("key", signer.public.fingerprint),
            signer.principals,
            trusted_time(bundle, self._authorities),
            bundle,
        )

    def _signer(self, bundle: Bundle) -> _Key:
        hinted = [known for known in self._keys.values() if known.public.hint == bundle.hint]
        others = [known for known in self._keys.values() if known.public.hint != bundle.hint]
        for known in (*hinted, *others):
            try:
                key_verifier.verify(bundle, known.public)
            except UnverifiedError:
                continue
            return known
        if hinted:
            names = ", ".join(hinted[0].principals)
            raise UnverifiedError(
                "signature-invalid", f"names the key of {names}, but the signature is not its"
            )
        raise UnverifiedError("signer-unknown", "signed by nobody this trust file names")

    # -- who may say what ------------------------------------------------------------------------------

    def granted_by(
        self,
        role: str,
        principals: Iterable[str],
        *,
        artifacts: Iterable[str] = (),
        builder_id: str | None = None,
        register_id: str | None = None,
    ) -> tuple[str, ...]:
        """Return those of ``principals`` who hold ``role`` for all the ``artifacts`` (SHA-256 hex).

        An artifact that any entry of the role names belongs to the entries naming it: an entry without
        ``artifacts`` reaches only artifacts nobody was named for.
        """
        entries = {str(name): entries for name, entries in self.file.roles.items()}.get(role, [])
        named = _prefixed(digest for entry in entries for digest in entry.artifacts)
        wanted = {f"sha256:{digest}" for digest in artifacts}
        held = set(self._unlimited)
        for entry in entries:
            reach = _prefixed(entry.artifacts)
            covered = wanted <= reach if reach else not (wanted & named)
            if not covered:
                continue
            if role == "builder" and not any(matches(own, builder_id or "") for own in entry.builder_ids):
                continue
            if role == "keeper" and entry.register_id != register_id:
                continue
            held.add(entry.principal)
        return tuple(sorted(held & set(principals)))

    def knows_key(self, fingerprint: str) -> bool:
        """Tell whether the key with that fingerprint is a principal's."""
        return fingerprint in self._keys

    def revokers_of(self, principals: Iterable[str]) -> frozenset[str]:
        """Return principals who may withdraw statements of any of ``principals`` besides themselves."""
        theirs = set(principals)
        return frozenset(
            entry.principal
            for entry in self.file.roles.get("revoker", [])
            if not entry.principals or theirs & set(entry.principals)
        )

    def fingerprints(self) -> dict[str, str]:
        """Return principal → what to compare out of band."""
        by_name = {
            name: known.public.fingerprint for known in self._keys.values() for name in known.principals
        }
        shown: dict[str, str] = {}
        for name, principal in self.file.principals.items():
            if name in by_name:
                shown[name] = f"key sha256:{by_name[name]}"
            elif principal.sigstore:
                shown[name] = f"sigstore {principal.sigstore.identity} ({principal.sigstore.issuer})"
            elif principal.certificate:
                shown[name] = (
                    f"certificate {principal.certificate.subject}, root sha256:{principal.certificate.sha256}"
                )
        return shown


def _prefixed(digests: Iterable[str]) -> set[str]:
    return {digest if ":" in digest else f"sha256:{digest}" for digest in digests}


def _load_keys(document: Document, parsed: TrustFile, folder: Path) -> dict[str, _Key]:
    keys: dict[str, _Key] = {}
    for name, principal in parsed.principals.items():
        where = document.where(("principals", name))
        if principal.key:
            data = principal.key.read(folder, where, MAX_KEY_BYTES)
            public = PublicKey.from_pem(data, where)
            names = (*(keys[public.fingerprint].principals if public.fingerprint in keys else ()), name)
            keys[public.fingerprint] = _Key(public, tuple(sorted(names)))
        elif principal.certificate:
            pinned = PinnedFile(file=principal.certificate.root, sha256=principal.certificate.sha256)
            pinned.read(folder, where, MAX_ROOT_BYTES)
    return keys


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


def read_timestamp_root(data: bytes, where: str) -> TimestampRoot:
    """Read the certificates of a timestamp authority, in PEM.

    Raises:
        SignatureError: no certificate, or none that is a root.
    """
    return TimestampRoot.from_pem(data, where)


def read_trust(path: Path, limits: Limits = DEFAULT) -> Trust:
    """Read a trust file and every file it pins.

    Raises:
        UsageError: not YAML, an unknown key or role, a principal nobody defined; with its line.
        FormatError: a pinned file is missing or changed.
        SignatureError: a pinned file is not a key or certificate.
    """
    document = read_file(path, limits)
    parsed = parse_trust(document)
    keys = _load_keys(document, parsed, path.parent)
    authorities = []
    for number, pinned in enumerate(parsed.roots.timestamp):
        where = document.where(("roots", "timestamp", number))
        authorities.append(read_timestamp_root(pinned.read(path.parent, where, MAX_ROOT_BYTES), where))
    for number, pinned in enumerate(parsed.roots.sigstore):
        pinned.read(path.parent, document.where(("roots", "sigstore", number)), MAX_ROOT_BYTES)
    return Trust(path.name, sha256_bytes(document.data), parsed, keys, tuple(authorities))
