"""Whom this reader believes, for what: ``trust.yaml``, and the door from a bundle to a verified statement.

Trust is never taken from a bundle. Every file the document names is pinned by its SHA-256 and read relative
to the document. A signature by somebody who is no principal here is nobody's; a principal without the role a
statement needs is carried and grants nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from attest.anchors import (
    Anchors,
    Signed,
    load_anchors,
    load_sigstore_roots,
    load_timestamp_authorities,
    read_certificate_root,
    read_sigstore_root,
    read_timestamp_root,
)
from attest.bundle import Bundle
from attest.digest import sha256_bytes
from attest.document import Document, read_file
from attest.errors import FormatError
from attest.keyring import Keyring, PinnedKey, holders, load_keys
from attest.keys import PublicKey
from attest.layouts import MAX_LAYOUT_BYTES, Layout
from attest.limits import DEFAULT, Limits
from attest.model import format_time
from attest.statement import Statement
from attest.trustfile import ROLES, Principal, RootFile, Roots, TrustFile, matches, parse_trust
from attest.verifier import UNDECIDED, Identity, UnverifiedError, VerifiedStatement, count_principals
from attest.verifiers import key as key_verifier
from attest.verifiers.certificate import read_leaf
from attest.verifiers.timestamp import TimestampRoot

__all__ = [
    "ROLES",
    "Grant",
    "Trust",
    "TrustFile",
    "matches",
    "parse_trust",
    "read_certificate_root",
    "read_sigstore_root",
    "read_timestamp_root",
    "read_trust",
]


@dataclass(frozen=True)
class Grant:
    """Who of those that signed a statement may say it."""

    principals: tuple[str, ...]
    """Sorted; empty: nobody."""
    ways: tuple[tuple[frozenset[str], int], ...] = ()
    """Each entry that grants it: its principals, and how many of them it took."""
    reason: str = ""
    """Why too few of those who could have been granted it were; empty where that is not why."""


@dataclass(frozen=True)
class Trust:
    """A reader's trust, loaded and pinned."""

    name: str
    sha256: str
    """SHA-256 of the document's bytes: stands in every report."""
    file: TrustFile
    _keys: Keyring = field(repr=False)
    _authorities: tuple[TimestampRoot, ...] = field(repr=False)
    _anchors: Anchors = field(default=Anchors(), repr=False)
    _unlimited: frozenset[str] = field(default=frozenset(), repr=False)
    layouts: tuple[Layout, ...] = ()
    """Layouts of in-toto: where there are any, a link is believed only within a run one of them describes."""

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
        known = base._keys if base else Keyring({})  # noqa: SLF001 - of this very class
        unlimited = set()
        for wanted, public in keys.items():
            name = wanted
            while name in file.principals:  # its namesake in the file holds only what the file gives it
                name += "'"
            known = known.with_key(name, public)
            unlimited.add(name)
        return cls(
            base.name if base else ", ".join(sorted(unlimited)),
            base.sha256 if base else sha256_bytes(b""),
            file,
            known,
            base._authorities if base else (),  # noqa: SLF001 - of this very class
            base._anchors if base else Anchors(),  # noqa: SLF001 - of this very class
            frozenset(unlimited),
            base.layouts if base else (),
        )

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
            UnverifiedError: codes ``payload-type``, ``not-a-statement``, ``signer-unknown``,
                ``signature-invalid``, ``key-expired``, ``key-not-yet-valid``, ``time-unknown``,
                ``subject-mismatch``, ``condition-unmet``, ``root-missing``; those of
                ``verifiers.certificate``, ``verifiers.rekor`` and ``verifiers.sigstore``.
            LimitError: beyond the reader's limits.
            AttestError: a keyless signature, and sigstore-python is not installed.
        """
        key_verifier.check_envelope(bundle)
        by = self._by_key if bundle.certificate is None else self._by_certificate
        signed = by(bundle, as_of)
        try:
            statement = Statement.parse(bundle.payload, where, limits)
        except FormatError as error:
            if type(error) is FormatError:
                raise UnverifiedError("not-a-statement", str(error)) from error
            raise
        return VerifiedStatement(statement, signed.signer, signed.principals, signed.time, bundle)

    def stands_for(
        self,
        statement: Statement,
        signer: Identity,
        principals: tuple[str, ...],
        trusted_time: datetime | None,
        bundle: Bundle,
    ) -> VerifiedStatement:
        """Take over what ``verify`` found out under this very trust in another process of this program."""
        return VerifiedStatement(statement, signer, principals, trusted_time, bundle)

    def _by_key(self, bundle: Bundle, as_of: datetime | None) -> Signed:
        known = self._key_of(bundle)
        time = self._anchors.time_of(bundle, known.public.der, self._authorities)
        return Signed(known.identity, holders(known, self.file.principals, time, as_of), time)

    def _key_of(self, bundle: Bundle) -> PinnedKey:
        for known in self._keys.candidates(bundle.hint):
            try:
                key_verifier.verify(bundle, known.public)
            except UnverifiedError as error:
                if error.code in UNDECIDED:
                    raise
                continue
            return known
        if hinted := self._keys.hinted(bundle.hint):
            names = ", ".join(hinted[0].principals)
            raise UnverifiedError(
                "signature-invalid", f"names the key of {names}, but the signature is not its"
            )
        raise UnverifiedError("signer-unknown", "signed by nobody this trust file names")

    def _by_certificate(self, bundle: Bundle, as_of: datetime | None) -> Signed:
        leaf = read_leaf(bundle.certificate or b"")
        signed = self._anchors.holder_of(bundle, leaf, self._authorities, as_of)
        signed = signed or self._anchors.keyless_signer_of(bundle, leaf)
        if signed is not None:
            return signed
        if self._anchors.authorities or self._anchors.keyless:
            issuer = leaf.issuer.rfc4514_string()[:200]
            raise UnverifiedError(
                "certificate-untrusted",
                f"its certificate is issued by {issuer!r}: no pinned root vouches for that",
            )
        raise UnverifiedError(
            "signer-unknown", "signed with a certificate nobody this trust file names holds"
        )

    # -- who may say what ------------------------------------------------------------------------------

    @property
    def registers(self) -> tuple[str, ...]:
        """Ids of the registers somebody is trusted to keep, sorted."""
        keepers = {str(name): entries for name, entries in self.file.roles.items()}.get("keeper", [])
        return tuple(sorted({entry.register_id for entry in keepers if entry.register_id}))

    def granted_by(
        self,
        role: str,
        principals: Iterable[str],
        *,
        artifacts: Iterable[str] = (),
        builder_id: str | None = None,
        register_id: str | None = None,
    ) -> tuple[str, ...]:
        """Return those of ``principals`` who hold ``role`` if each of them signed; ``grant`` says more."""
        signatures = [(name,) for name in principals]
        granted = self.grant(
            role, signatures, artifacts=artifacts, builder_id=builder_id, register_id=register_id
        )
        return granted.principals

    def grant(
        self,
        role: str,
        signatures: Sequence[Collection[str]],
        *,
        artifacts: Iterable[str] = (),
        builder_id: str | None = None,
        register_id: str | None = None,
        verifier_id: str | None = None,
    ) -> Grant:
        """Return who of those that signed holds ``role`` for all the ``artifacts`` (SHA-256 hex).

        An artifact that any entry of the role names belongs to the entries naming it: an entry without
        ``artifacts`` reaches only artifacts nobody was named for. Cosigners hold the role if enough of them
        signed, each by a signature of its own.

        Args:
            role: a trust role.
            signatures: the principals of each signature over one statement.
            artifacts: what the statement is about.
            builder_id: builder: the id the step claims.
            register_id: keeper: the register it is about.
            verifier_id: auditor: the verifier id the verdict claims.
        """
        entries = {str(name): entries for name, entries in self.file.roles.items()}.get(role, [])
        named = _prefixed(digest for entry in entries for digest in entry.artifacts)
        wanted = {f"sha256:{digest}" for digest in artifacts}
        signed = {name for names in signatures for name in names}
        held = signed & self._unlimited
        ways: list[tuple[frozenset[str], int]] = []
        short: list[str] = []
        for entry in entries:
            reach = _prefixed(entry.artifacts)
            covered = wanted <= reach if reach else not (wanted & named)
            if not covered or not signed & set(entry.names):
                continue
            if role == "builder" and not any(matches(own, builder_id or "") for own in entry.builder_ids):
                continue
            if role == "keeper" and entry.register_id != register_id:
                continue
            if role == "auditor" and not any(matches(own, verifier_id or "") for own in entry.verifier_ids):
                continue
            count = count_principals(signatures, entry.names)
            if count < (entry.threshold or 1):
                short.append(f"{count} of them signed, it takes {entry.who}")
                continue
            held |= signed & set(entry.names)
            ways.append((frozenset(entry.names), entry.threshold or 1))
        return Grant(tuple(sorted(held)), tuple(ways), "" if held else "; ".join(short))

    def knows_key(self, fingerprint: str) -> bool:
        """Tell whether the key with that fingerprint is a principal's."""
        return fingerprint in self._keys

    def knows_identity(self, subject: str, issuer: str) -> bool:
        """Tell whether a certificate that says so could be a principal's.

        Args:
            subject: what a keyless identity or a private authority's certificate is called.
            issuer: the OIDC issuer, or the name of the authority.
        """
        return self._anchors.could_name(subject, issuer)

    def may_revoke(self, signatures: Sequence[Collection[str]], principals: Iterable[str]) -> bool:
        """Tell whether those who signed a withdrawal may withdraw statements of any of ``principals``.

        Args:
            signatures: the principals of each signature over the withdrawal.
            principals: whose statements; everybody may withdraw their own besides.
        """
        theirs = set(principals)
        return any(
            count_principals(signatures, entry.names) >= (entry.threshold or 1)
            for entry in self.file.roles.get("revoker", [])
            if not entry.principals or theirs & set(entry.principals)
        )

    def pinned_roots(self) -> list[tuple[str, RootFile]]:
        """Return every file of roots with its kind: ``sigstore``, ``timestamp``, ``certificate``."""
        found = [("sigstore", each) for each in self.file.roots.sigstore]
        found += [("timestamp", each) for each in self.file.roots.timestamp]
        held = [each.certificate for each in self.file.principals.values() if each.certificate is not None]
        files = dict.fromkeys((each.root, each.sha256) for each in held)
        return [*found, *(("certificate", RootFile(file=file, sha256=pin)) for file, pin in files)]

    def fingerprints(self) -> dict[str, str]:
        """Return principal → what to compare out of band."""
        by_name = self._keys.fingerprints()
        shown: dict[str, str] = {}
        for name, principal in self.file.principals.items():
            if name in by_name:
                shown[name] = f"key sha256:{by_name[name]}{_period(principal)}"
            elif principal.sigstore:
                shown[name] = f"sigstore {principal.sigstore.who}"
            elif principal.certificate:
                shown[name] = (
                    f"certificate {principal.certificate.subject}, root sha256:{principal.certificate.sha256}"
                )
        return shown


def _period(principal: Principal) -> str:
    key = principal.key
    start = f" from {format_time(key.valid_from)}" if key and key.valid_from else ""
    return start + (f" until {format_time(key.valid_until)}" if key and key.valid_until else "")


def _prefixed(digests: Iterable[str]) -> set[str]:
    return {digest if ":" in digest else f"sha256:{digest}" for digest in digests}


def _load_layouts(document: Document, parsed: TrustFile, folder: Path) -> tuple[Layout, ...]:
    found = []
    for number, pinned in enumerate(parsed.layouts):
        where = document.where(("layouts", number))
        data = pinned.read(folder, where, MAX_LAYOUT_BYTES)
        found.append(Layout.from_json(data, pinned.file, where, skip_inspections=pinned.skip_inspections))
    return tuple(found)


def read_trust(path: Path, limits: Limits = DEFAULT) -> Trust:
    """Read a trust file and every file it pins.

    Raises:
        UsageError: not YAML, an unknown key or role, a principal nobody defined; with its line.
        FormatError: a pinned file is missing or changed, or no layout.
        SignatureError: a pinned file is not a key or certificate.
        AttestError: it pins a layout, and in-toto is not installed.
    """
    document = read_file(path, limits)
    parsed = parse_trust(document)
    keys = load_keys(document, parsed, path.parent)
    roots = load_sigstore_roots(document, parsed, path.parent)
    authorities = load_timestamp_authorities(document, parsed, path.parent, roots)
    anchors = load_anchors(document, parsed, path.parent, roots)
    layouts = _load_layouts(document, parsed, path.parent)
    name, digest = path.name, sha256_bytes(document.data)
    return Trust(name, digest, parsed, keys, authorities, anchors, layouts=layouts)
