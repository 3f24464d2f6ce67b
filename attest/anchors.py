"""What certificates, log entries and timestamps are held against: authorities and logs the reader pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from attest.bundle import Bundle
from attest.document import Document
from attest.trustfile import MAX_ROOT_BYTES, PinnedFile, SigstoreIdentity, TrustFile, matches
from attest.verifier import Identity, UnverifiedError
from attest.verifiers.certificate import (
    Authority,
    is_name,
    is_subject,
    is_subject_name,
    subject_of,
)
from attest.verifiers.fulcio import Claims, read_claims, unmet
from attest.verifiers.rekor import Log, log_times
from attest.verifiers.timestamp import TimestampRoot, trusted_time
from attest.verifiers.trusted_root import TrustedRoot

__all__ = [
    "Anchors",
    "Holders",
    "KeylessHolder",
    "Signed",
    "load_anchors",
    "load_sigstore_roots",
    "load_timestamp_authorities",
    "read_certificate_root",
    "read_sigstore_root",
    "read_timestamp_root",
]


@dataclass(frozen=True)
class Signed:
    """Who is shown to have signed a bundle, and before when."""

    signer: Identity
    principals: tuple[str, ...]
    time: datetime | None


@dataclass(frozen=True)
class Holders:
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
class KeylessHolder:
    """A principal that a Sigstore instance vouches for."""

    name: str
    identity: SigstoreIdentity
    root: str | None
    """SHA-256 of the file of the root that may; ``None``: none is pinned."""


@dataclass(frozen=True)
class Anchors:
    """Everything a bundle can be held against besides public keys and timestamp authorities."""

    authorities: tuple[Holders, ...] = ()
    logs: Mapping[bytes, Log] = field(default_factory=dict)
    roots: Mapping[str, TrustedRoot] = field(default_factory=dict)
    """Sigstore roots by the SHA-256 of their files."""
    keyless: tuple[KeylessHolder, ...] = ()

    def time_of(
        self, bundle: Bundle, verifier: bytes, timestamps: tuple[TimestampRoot, ...]
    ) -> datetime | None:
        """Return the earliest time a pinned authority or log shows a signature to have existed at.

        Args:
            bundle: its timestamps are passed over where they do not hold, its log entries are not.
            verifier: DER of the public key or certificate that is shown to have signed it.
            timestamps: the timestamp authorities the reader pinned.

        Raises:
            UnverifiedError: a log entry does not hold (``verifiers.rekor``).
        """
        if not bundle.timestamps and not bundle.log_entries:  # as most that a key signed
            return None
        stamped = trusted_time(bundle, timestamps)
        times = [*log_times(bundle, verifier, self.logs), *([stamped] if stamped else [])]
        return min(times, default=None)

    def could_name(self, subject: str, issuer: str) -> bool:
        """Tell whether a certificate with these two names could be a principal's."""
        return any(holders.could_name(subject, issuer) for holders in self.authorities) or any(
            each.identity.issuer == issuer and matches(each.identity.identity, subject)
            for each in self.keyless
        )

    def holder_of(
        self,
        bundle: Bundle,
        leaf: Certificate,
        timestamps: tuple[TimestampRoot, ...],
        as_of: datetime | None,
    ) -> Signed | None:
        """Return which principals' certificate signed, or nothing where no private authority issued it.

        Args:
            bundle: signed with a certificate.
            leaf: that certificate.
            timestamps: the timestamp authorities the reader pinned.
            as_of: time of evaluation, for a bundle without a trusted time.

        Raises:
            UnverifiedError: an authority issued it, and something about it does not hold.
        """
        issuers = [(each, paths) for each in self.authorities if (paths := each.authority.paths(leaf))]
        if not issuers:
            return None
        time = self.time_of(bundle, bundle.certificate or b"", timestamps)
        found: list[tuple[Identity, set[str]]] = []
        refusals: list[UnverifiedError] = []
        for holders, paths in issuers:
            try:
                signer = holders.authority.verify(bundle, leaf, paths, time or as_of)
                found.append((signer, holders.named(leaf)))
            except UnverifiedError as error:
                refusals.append(error)
        if not found:
            raise refusals[0]
        names = {name for _, named in found for name in named}
        return Signed(found[0][0], tuple(sorted(names)), time)

    def keyless_signer_of(self, bundle: Bundle, leaf: Certificate) -> Signed | None:
        """Return which keyless principals signed, or nothing where the certificate is of another kind.

        Whom the certificate claims to be is looked at first: nothing of a stranger's needs sigstore-python.

        Raises:
            UnverifiedError: it is nobody's, or something about it does not hold.
            AttestError: sigstore-python is not installed.
        """
        claims = read_claims(leaf)
        if claims is None:
            return None
        judged = [(each, unmet(each.identity, claims)) for each in self.keyless]
        named = [each for each, reason in judged if reason is None]
        who = f"{claims.identity[:200]} ({claims.issuer[:200]})"
        if not named:
            reasons = [f"{each.name}: {reason}" for each, reason in judged if reason]
            if reasons:
                raise UnverifiedError("condition-unmet", f"signed as {who}, but not as {'; '.join(reasons)}")
            raise UnverifiedError("signer-unknown", f"signed as {who}, whom this trust file does not name")
        return self._keyless(bundle, leaf, named, claims)

    def _keyless(
        self, bundle: Bundle, leaf: Certificate, named: Sequence[KeylessHolder], claims: Claims
    ) -> Signed:
        refusal: UnverifiedError | None = None
        for root in dict.fromkeys(each.root for each in named if each.root is not None):
            try:
                time = self.roots[root].verify(bundle, leaf)
            except UnverifiedError as error:
                refusal = refusal or error
                continue
            names = tuple(sorted(each.name for each in named if each.root == root))
            return Signed(Identity("sigstore", claims.identity, claims.issuer, root), names, time)
        who = ", ".join(each.name for each in named)
        raise refusal or UnverifiedError("root-missing", f"signed as {who}, and no Sigstore root is pinned")


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


def read_sigstore_root(data: bytes, where: str) -> TrustedRoot:
    """Read a Sigstore ``trusted_root.json``.

    Raises:
        SignatureError: it is not one.
    """
    return TrustedRoot.from_json(data, where)


def load_timestamp_authorities(
    document: Document, parsed: TrustFile, folder: Path, roots: Mapping[str, TrustedRoot]
) -> tuple[TimestampRoot, ...]:
    """Read the timestamp authorities: those pinned by themselves, then those of the Sigstore roots.

    Raises:
        FormatError: a pinned file is missing or changed.
        SignatureError: it holds no root certificate.
    """
    found = []
    for number, pinned in enumerate(parsed.roots.timestamp):
        where = document.where(("roots", "timestamp", number))
        found.append(read_timestamp_root(pinned.read(folder, where, MAX_ROOT_BYTES), where))
    return (*found, *(each for root in roots.values() for each in root.timestamp_authorities))


def load_sigstore_roots(document: Document, parsed: TrustFile, folder: Path) -> dict[str, TrustedRoot]:
    """Read the Sigstore roots, by the SHA-256 of their files.

    Raises:
        FormatError: a pinned file is missing or changed.
        SignatureError: it is no trusted root.
    """
    roots = {}
    for number, pinned in enumerate(parsed.roots.sigstore):
        where = document.where(("roots", "sigstore", number))
        roots[pinned.sha256] = read_sigstore_root(pinned.read(folder, where, MAX_ROOT_BYTES), where)
    return roots


def load_anchors(
    document: Document, parsed: TrustFile, folder: Path, roots: Mapping[str, TrustedRoot]
) -> Anchors:
    """Read the private authorities, and take the logs of the Sigstore roots.

    Raises:
        FormatError: a pinned file is missing or changed.
        SignatureError: it holds no root certificate.
    """
    logs = {log.key_id: log for root in roots.values() for log in root.logs}
    files = {pinned.file: pinned.sha256 for pinned in parsed.roots.sigstore}
    only = next(iter(files.values()), None)
    keyless = tuple(
        KeylessHolder(name, given, files[given.root] if given.root else only)
        for name, principal in parsed.principals.items()
        if (given := principal.sigstore) is not None
    )
    return Anchors(_authorities(document, parsed, folder), logs, roots, keyless)


def _authorities(document: Document, parsed: TrustFile, folder: Path) -> tuple[Holders, ...]:
    found: dict[str, Holders] = {}
    for name, principal in parsed.principals.items():
        if principal.certificate is None:
            continue
        where = document.where(("principals", name))
        pinned = PinnedFile(file=principal.certificate.root, sha256=principal.certificate.sha256)
        authority = read_certificate_root(pinned.read(folder, where, MAX_ROOT_BYTES), where)
        known = found.get(pinned.sha256)
        subjects = (*(known.subjects if known else ()), (name, principal.certificate.subject))
        found[pinned.sha256] = Holders(authority, subjects)
    return tuple(found.values())
