"""Whom this reader believes, for what: ``trust.yaml``, and the door from a bundle to a verified statement.

Trust is never taken from a bundle. Every file the document names is pinned by its SHA-256 and read relative
to the document. A signature by somebody who is no principal here is nobody's; a principal without the role a
statement needs is carried and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from attest.bundle import Bundle
from attest.digest import sha256_bytes
from attest.document import Document, read_file
from attest.errors import FormatError
from attest.keys import MAX_KEY_BYTES, PublicKey
from attest.limits import DEFAULT, Limits
from attest.statement import Statement
from attest.trustfile import MAX_ROOT_BYTES, ROLES, PinnedFile, TrustFile, matches, parse_trust
from attest.verifier import Identity, UnverifiedError, VerifiedStatement
from attest.verifiers import key as key_verifier
from attest.verifiers.certificate import (
    Authority,
    is_name,
    is_subject,
    is_subject_name,
    read_leaf,
    subject_of,
)
from attest.verifiers.timestamp import TimestampRoot, trusted_time

__all__ = [
    "ROLES",
    "Anchors",
    "Trust",
    "TrustFile",
    "matches",
    "parse_trust",
    "read_certificate_root",
    "read_timestamp_root",
    "read_trust",
]


@dataclass(frozen=True)
class _Key:
    public: PublicKey
    principals: tuple[str, ...]


@dataclass(frozen=True)
class _Holders:
    """A private authority and the principals it vouches for: (name, pattern of the subject)."""

    authority: Authority
    subjects: tuple[tuple[str, str], ...]

    def could_name(self, subject: str, issuer: str) -> bool:
        """Tell whether a certificate with these two names could be a principal's."""
        if not self.authority.is_called(issuer):
            return False
        # a pattern that is no subject speaks of alternative names, which this one says nothing about
        return any(
            is_subject_name(pattern, subject) if is_name(pattern) else True for _, pattern in self.subjects
        )

    def named(self, leaf: Certificate) -> set[str]:
        """Return the principals whose certificate this is.

        Raises:
            UnverifiedError: code ``subject-mismatch``: it is nobody's.
        """
        names = {name for name, pattern in self.subjects if is_subject(pattern, leaf)}
        if not names:
            wanted = " or ".join(sorted({pattern for _, pattern in self.subjects}))
            what = f"its certificate's subject: got {subject_of(leaf)[:200]!r}, expected {wanted[:500]}"
            raise UnverifiedError("subject-mismatch", what)
        return names


@dataclass(frozen=True)
class Anchors:
    """What certificates are held against; all of it pinned by the reader."""

    authorities: tuple[_Holders, ...] = ()


@dataclass(frozen=True)
class _Signed:
    """Who is shown to have signed a bundle, and before when."""

    signer: Identity
    principals: tuple[str, ...]
    time: datetime | None


@dataclass(frozen=True)
class Trust:
    """A reader's trust, loaded and pinned."""

    name: str
    sha256: str
    """SHA-256 of the document's bytes: stands in every report."""
    file: TrustFile
    _keys: dict[str, _Key] = field(repr=False)
    _authorities: tuple[TimestampRoot, ...] = field(repr=False)
    _anchors: Anchors = field(default=Anchors(), repr=False)

    # -- from a bundle to a verified statement ---------------------------------------------------------

    def verify(
        self,
        bundle: Bundle,
        where: str | None = None,
        limits: Limits = DEFAULT,
        as_of: datetime | None = None,
    ) -> VerifiedStatement:
        """Check who signed a bundle and parse the very bytes that were signed.

        1. The envelope says it holds an in-toto statement.
        2. The trusted time, if a pinned authority vouches for one.
        3. Its signature is that of a principal: of its key (the hint only says which to try first), or of a
           certificate that a pinned root vouches for at the trusted time, or now where there is none.
        4. The payload is a Statement v1 within the limits.

        It does not check whether that principal may say this: ``granted_by`` does.

        Args:
            bundle: as it was read.
            where: where, for messages.
            limits: the reader's limits.
            as_of: time of evaluation: what has no trusted time and can expire is judged at it.

        Raises:
            UnverifiedError: codes ``payload-type``, ``signer-unknown``, ``signature-invalid``,
                ``subject-mismatch``, ``not-a-statement``, and those of ``verifiers.certificate``.
            LimitError: beyond the reader's limits.
        """
        key_verifier.check_envelope(bundle)
        signed = self._by_key(bundle) if bundle.certificate is None else self._by_certificate(bundle, as_of)
        try:
            statement = Statement.parse(bundle.payload, where, limits)
        except FormatError as error:
            if type(error) is FormatError:
                raise UnverifiedError("not-a-statement", str(error)) from error
            raise
        return VerifiedStatement(statement, signed.signer, signed.principals, signed.time, bundle)

    def _by_key(self, bundle: Bundle) -> _Signed:
        known = self._key_of(bundle)
        time = trusted_time(bundle, self._authorities)
        return _Signed(Identity("key", known.public.fingerprint), known.principals, time)

    def _key_of(self, bundle: Bundle) -> _Key:
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

    def _by_certificate(self, bundle: Bundle, as_of: datetime | None) -> _Signed:
        """Ask every private authority; of their refusals, one that knows the issuer says most."""
        leaf = read_leaf(bundle.certificate or b"")
        time = trusted_time(bundle, self._authorities)
        signers: list[Identity] = []
        names: set[str] = set()
        refusals: list[UnverifiedError] = []
        for holders in self._anchors.authorities:
            try:
                signer = holders.authority.verify(bundle, leaf, time or as_of)
                names |= holders.named(leaf)
                signers.append(signer)
            except UnverifiedError as error:
                refusals.append(error)
        if names:
            return _Signed(signers[0], tuple(sorted(names)), time)
        refusals.sort(key=lambda each: each.code == "certificate-untrusted")
        if refusals and refusals[0].code != "certificate-untrusted":
            raise refusals[0]
        if any(principal.sigstore for principal in self.file.principals.values()):
            raise UnverifiedError("unsupported-material", "this version verifies no keyless signatures")
        if refusals:
            raise refusals[0]
        raise UnverifiedError(
            "signer-unknown", "signed with a certificate nobody this trust file names holds"
        )

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
        held: set[str] = set()
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

    def knows_identity(self, subject: str, issuer: str) -> bool:
        """Tell whether a certificate that says so could be a principal's.

        Args:
            subject: what a keyless identity or a private authority's certificate is called.
            issuer: the OIDC issuer, or the name of the authority.
        """
        for principal in self.file.principals.values():
            keyless = principal.sigstore
            if keyless and keyless.issuer == issuer and matches(keyless.identity, subject):
                return True
        return any(holders.could_name(subject, issuer) for holders in self._anchors.authorities)

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
    return keys


def _load_authorities(document: Document, parsed: TrustFile, folder: Path) -> tuple[_Holders, ...]:
    """Read the private authorities, each with the subjects that are principals under it."""
    found: dict[str, _Holders] = {}
    for name, principal in parsed.principals.items():
        if principal.certificate is None:
            continue
        where = document.where(("principals", name))
        pinned = PinnedFile(file=principal.certificate.root, sha256=principal.certificate.sha256)
        authority = read_certificate_root(pinned.read(folder, where, MAX_ROOT_BYTES), where)
        known = found.get(pinned.sha256)
        subjects = (*(known.subjects if known else ()), (name, principal.certificate.subject))
        found[pinned.sha256] = _Holders(authority, subjects)
    return tuple(found.values())


def read_certificate_root(data: bytes, where: str) -> Authority:
    """Read the certificates of a private authority, in PEM.

    Raises:
        SignatureError: no certificate, or none that is a root.
    """
    return Authority.from_pem(data, where)


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
    anchors = Anchors(_load_authorities(document, parsed, path.parent))
    return Trust(path.name, sha256_bytes(document.data), parsed, keys, tuple(authorities), anchors)
