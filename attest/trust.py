"""Whom this reader believes, for what: ``trust.yaml``, and the door from a bundle to a verified statement.

Trust is never taken from a bundle. Every file the document names is pinned by its SHA-256 and read relative
to the document. A signature by somebody who is no principal here is nobody's; a principal without the role a
statement needs is carried and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

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
from attest.verifiers.timestamp import TimestampRoot, trusted_time

__all__ = [
    "ROLES",
    "Trust",
    "TrustFile",
    "matches",
    "parse_trust",
    "read_timestamp_root",
    "read_trust",
]


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
