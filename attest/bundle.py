"""Sigstore bundle v0.3 around one DSSE envelope, and JSON Lines files of them. Everything here is untrusted.

Bare envelopes and link files of in-toto are read as bundles without evidence (``attest.bare``).

A ``Bundle`` has been parsed and nothing more: no signature was checked. Only ``attest.trust`` turns one into
a ``VerifiedStatement``. The original line is kept, so reading and writing gives the same bytes.

Source: sigstore/protobuf-specs ``sigstore_bundle.proto``; interoperability rules seen by running cosign,
sigstore-go and sigstore-js (docs/formats.md).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import SchemaValidator, ValidationError, core_schema

from attest.bare import SIGSTORE, form_of, opened, parts
from attest.canonical import canonical_bytes, read_json
from attest.digest import sha256_bytes
from attest.envelope import IN_TOTO
from attest.errors import FormatError, LimitError
from attest.files import write_file
from attest.limits import DEFAULT, Limits
from attest.statement import Statement

__all__ = [
    "MEDIA_TYPE",
    "Bundle",
    "UnknownLine",
    "certificate_bundle",
    "key_bundle",
    "numbered_lines",
    "parse_bundle",
    "parse_line",
    "raw_lines",
    "read_lines",
    "with_evidence",
    "write_lines",
]

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MEDIA_TYPES = frozenset({MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"})
_BUFFER = 1 << 18
"""Bytes read at a time: lines are longer than Python's usual buffer."""
_LINE_BREAKS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")
_BUNDLE = frozenset({"mediaType", "verificationMaterial", "dsseEnvelope"})
_ENVELOPE = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE = frozenset({"sig", "keyid"})
_PUBLIC_KEY = frozenset({"hint"})
_TIMESTAMPS = frozenset({"rfc3161Timestamps"})
_MATERIAL = frozenset({"publicKey", "certificate", "tlogEntries", "timestampVerificationData"})
_CHAIN = "x509CertificateChain"
_MODEL_SIGNING = "https://model_signing/signature/v1.0"
"""What OpenSSF model-signing signs: it alone puts a chain of certificates into bundles of version 0.3."""


@dataclass(frozen=True)
class Bundle:
    """One signed envelope with what is needed to check it."""

    raw: bytes = field(repr=False)
    """The line as it was read or will be written, without its line feed."""
    payload: bytes = field(repr=False)
    payload_type: str
    signature: bytes = field(repr=False)
    hint: str | None
    """``publicKey.hint`` of a key-signed bundle. It helps to find the key and is never identity."""
    certificate: bytes | None = field(repr=False)
    """DER of the signing certificate, or ``None`` for a key-signed bundle."""
    timestamps: tuple[bytes, ...] = field(repr=False)
    """RFC 3161 responses (DER)."""
    log_entries: tuple[dict[str, Any], ...] = field(repr=False)
    """Transparency log entries as they stand in the bundle."""
    form: str = SIGSTORE
    """How it is written: one of the forms of ``attest.bare``."""

    @cached_property
    def statement_digest(self) -> str:
        """SHA-256 of the payload bytes, lowercase hex. Unverified."""
        return sha256_bytes(self.payload)

    @cached_property
    def line(self) -> bytes:
        """The bundle as one line of JSON Lines: ``raw``, unless that was pretty-printed.

        A JSON string never holds a line break, so every one in ``raw`` is white space between tokens.
        """
        if b"\n" not in self.raw and b"\r" not in self.raw:
            return self.raw
        return self.raw.translate(_LINE_BREAKS_TO_SPACES).strip()

    def statement(self, where: str | None = None, limits: Limits = DEFAULT) -> Statement:
        """Parse the payload without having checked its signature: for showing and indexing only."""
        return Statement.parse(self.payload, where, limits)


@dataclass(frozen=True)
class UnknownLine:
    """A line that is JSON but no bundle we read: carried, reported, and never evidence."""

    number: int
    raw: bytes = field(repr=False)
    reason: str


class _NotABundleError(FormatError):
    """The JSON is something else than a Sigstore bundle of a DSSE envelope."""

    def __init__(self, what: str, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where, hint, code="bundle-malformed")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _NotABundleError(f"{name}: expected an object, got {type(value).__name__}")
    return value


def _bytes(value: Any, name: str) -> bytes:
    if not isinstance(value, str):
        raise _NotABundleError(f"{name}: expected base64 in a string")
    # DSSE v1.0 has verifiers accept both alphabets, protobuf's JSON a missing padding too
    standard = value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4)
    try:
        return base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _NotABundleError(f"{name}: not base64") from error


def _closed(value: dict[str, Any], known: frozenset[str], name: str) -> None:
    if not value.keys() <= known:
        unknown = sorted(value.keys() - known)
        raise _NotABundleError(f"{name}: unknown field {unknown[0][:100]!r}")


def _entries(material: dict[str, Any], limits: Limits, where: str | None) -> tuple[dict[str, Any], ...]:
    entries = material.get("tlogEntries") or []
    if entries == []:
        return ()
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _NotABundleError("tlogEntries: expected a list of objects")
    limits.check("bundle_entries", len(entries), where)
    return tuple(entries)


def _timestamps(material: dict[str, Any], limits: Limits, where: str | None) -> tuple[bytes, ...]:
    if not material.get("timestampVerificationData"):
        return ()
    data = _object(material["timestampVerificationData"], "timestampVerificationData")
    _closed(data, _TIMESTAMPS, "timestampVerificationData")
    stamps = data.get("rfc3161Timestamps") or []
    if not isinstance(stamps, list):
        raise _NotABundleError("rfc3161Timestamps: expected a list")
    limits.check("bundle_entries", len(stamps), where)
    return tuple(
        _bytes(_object(stamp, "rfc3161Timestamps").get("signedTimestamp"), "signedTimestamp")
        for stamp in stamps
    )


def _signed(envelope: dict[str, Any]) -> tuple[bytes, str, bytes]:
    _closed(envelope, _ENVELOPE, "dsseEnvelope")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        count = len(signatures) if isinstance(signatures, list) else 0
        raise _NotABundleError(f"dsseEnvelope: {count} signatures, a Sigstore bundle has exactly one")
    signature = _object(signatures[0], "signatures")
    _closed(signature, _SIGNATURE, "signatures")
    kind = envelope.get("payloadType")
    if not isinstance(kind, str):
        raise _NotABundleError("dsseEnvelope.payloadType: expected a string")
    return _bytes(envelope.get("payload"), "dsseEnvelope.payload"), kind, _bytes(signature.get("sig"), "sig")


def _is_model_signature(payload: bytes, limits: Limits) -> bool:
    """Tell whether a payload says so of itself; whoever signed it, this only chooses how it is read."""
    try:
        return Statement.parse(payload, None, limits).predicate_type == _MODEL_SIGNING
    except FormatError:
        return False


def _leaf_alone(material: dict[str, Any]) -> dict[str, Any]:
    """Take the signer's own certificate out of a chain: its issuers are the reader's to know."""
    chain = _object(material[_CHAIN], _CHAIN)
    _closed(chain, frozenset({"certificates"}), _CHAIN)
    certificates = chain.get("certificates")
    if not isinstance(certificates, list) or not certificates:
        raise _NotABundleError(f"{_CHAIN}: no certificate")
    others = {name: value for name, value in material.items() if name != _CHAIN}
    if "certificate" in others:
        raise _NotABundleError(f"verificationMaterial: expected either certificate or {_CHAIN}")
    return {**others, "certificate": certificates[0]}


def _parse_bare(raw: bytes, value: dict[str, Any], form: str, where: str | None, limits: Limits) -> Bundle:
    try:
        payload, kind, signature = opened(value, form)
    except FormatError as error:
        raise _NotABundleError(error.what) from error
    limits.check("payload_bytes", len(payload), where)
    return Bundle(raw, payload, kind, signature, None, None, (), (), form)


def _parse(raw: bytes, value: Any, where: str | None, limits: Limits) -> Bundle:
    if (form := form_of(value)) != SIGSTORE:
        return _parse_bare(raw, value, form, where, limits)
    bundle = _object(value, "bundle")
    if bundle.get("mediaType") not in _MEDIA_TYPES:
        raise _NotABundleError(
            f"mediaType: got {str(bundle.get('mediaType'))[:100]!r}, expected {MEDIA_TYPE!r}"
        )
    _closed(bundle, _BUNDLE, "bundle")
    material = _object(bundle.get("verificationMaterial"), "verificationMaterial")
    payload, kind, signature = _signed(_object(bundle.get("dsseEnvelope"), "dsseEnvelope"))
    if len(payload) > limits.payload_bytes:
        limits.check("payload_bytes", len(payload), where)
    if _CHAIN in material and _is_model_signature(payload, limits):
        material = _leaf_alone(material)
    _closed(material, _MATERIAL, "verificationMaterial")
    if ("publicKey" in material) == ("certificate" in material):
        raise _NotABundleError("verificationMaterial: expected either publicKey or certificate")
    hint: str | None = None
    certificate: bytes | None = None
    if "publicKey" in material:
        key = _object(material["publicKey"], "publicKey")
        _closed(key, _PUBLIC_KEY, "publicKey")
        hint = str(key.get("hint", ""))
    else:
        certificate = _bytes(_object(material["certificate"], "certificate").get("rawBytes"), "rawBytes")
    return Bundle(
        raw,
        payload,
        kind,
        signature,
        hint,
        certificate,
        _timestamps(material, limits, where),
        _entries(material, limits, where),
    )


_BEFORE_PAYLOAD = b'{"dsseEnvelope":{"payload":"'
_BEFORE_SIGNATURE = b'","payloadType":"%s","signatures":[{"sig":"' % IN_TOTO.encode()
_BEFORE_HINT = b'"}]},"mediaType":"%s","verificationMaterial":{"publicKey":{"hint":"' % MEDIA_TYPE.encode()
_END = b'"},"tlogEntries":[]}}'
_HINT = re.compile(rb"[A-Za-z0-9+/=]{1,200}")
_BASE64 = SchemaValidator(core_schema.bytes_schema(), core_schema.CoreConfig(val_json_bytes="base64"))
"""Decodes a string of JSON, four times as fast as ``binascii``; what it takes, ``_bytes`` reads the same."""


def _parse_ours(raw: bytes, limits: Limits) -> Bundle | None:
    """Read a line that is byte for byte what ``key_bundle`` writes without timestamps, in half the time.

    Between fixed words stand three strings of base64, so there is nothing else JSON could mean by it. Of
    other lines this decides nothing: they are read as JSON.
    """
    start = len(_BEFORE_PAYLOAD)
    middle = raw.find(b'"', start)
    begin = middle + len(_BEFORE_SIGNATURE)
    stop = raw.find(b'"', begin)
    hint = raw[stop + len(_BEFORE_HINT) : -len(_END)]
    if not (
        raw.startswith(_BEFORE_PAYLOAD)
        and raw.startswith(_BEFORE_SIGNATURE, middle)
        and raw.startswith(_BEFORE_HINT, stop)
        and raw.endswith(_END)
        and _HINT.fullmatch(hint)
    ):
        return None
    try:
        payload = _BASE64.validate_json(raw[start - 1 : middle + 1])
        signature = _BASE64.validate_json(raw[begin - 1 : stop + 1])
    except ValidationError:
        return None
    if len(payload) > limits.payload_bytes:
        return None
    return Bundle(raw, payload, IN_TOTO, signature, hint.decode(), None, (), ())


def parse_bundle(raw: bytes, where: str | None = None, limits: Limits = DEFAULT) -> Bundle:
    """Parse one bundle.

    Raises:
        FormatError: not I-JSON, or not a Sigstore bundle v0.3 of one DSSE envelope.
        LimitError: beyond the reader's limits.
    """
    if len(raw) > limits.line_bytes:
        limits.check("line_bytes", len(raw), where)
    if (ours := _parse_ours(raw, limits)) is not None:
        return ours
    value = read_json(raw, where, limits.for_lines)
    try:
        return _parse(raw, value, where, limits)
    except LimitError:
        raise
    except FormatError as error:
        raise type(error)(error.what, where, error.hint) from error


def key_bundle(payload: bytes, signature: bytes, hint: str, timestamps: Sequence[bytes] = ()) -> Bundle:
    """Write a bundle whose signer is a long-lived key, in the form every known verifier accepts.

    Args:
        payload: the statement's bytes; the payload type is always in-toto's.
        signature: over ``pae(IN_TOTO, payload)``.
        hint: base64 of the SHA-256 of the public key's DER.
        timestamps: RFC 3161 responses over the signature (DER).
    """
    value = _json(payload, signature, {"publicKey": {"hint": hint}}, timestamps)
    return Bundle(canonical_bytes(value), payload, IN_TOTO, signature, hint, None, tuple(timestamps), ())


def certificate_bundle(
    payload: bytes, signature: bytes, certificate: bytes, timestamps: Sequence[bytes] = ()
) -> Bundle:
    """Write a bundle whose signer has a certificate: the leaf alone, its issuers are the reader's to know.

    Args:
        payload: the statement's bytes; the payload type is always in-toto's.
        signature: over ``pae(IN_TOTO, payload)``.
        certificate: the signer's own (DER).
        timestamps: RFC 3161 responses over the signature (DER).
    """
    signer = {"certificate": {"rawBytes": base64.b64encode(certificate).decode()}}
    raw = canonical_bytes(_json(payload, signature, signer, timestamps))
    return Bundle(raw, payload, IN_TOTO, signature, None, certificate, tuple(timestamps), ())


def _json(
    payload: bytes, signature: bytes, signer: dict[str, Any], timestamps: Sequence[bytes]
) -> dict[str, Any]:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {**signer, "tlogEntries": [], **_stamps(timestamps)},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        },
    }


def _stamps(timestamps: Sequence[bytes]) -> dict[str, Any]:
    if not timestamps:
        return {}
    stamps = [{"signedTimestamp": base64.b64encode(stamp).decode()} for stamp in timestamps]
    return {"timestampVerificationData": {"rfc3161Timestamps": stamps}}


def with_evidence(
    bundle: Bundle, timestamps: Sequence[bytes] = (), log_entries: Sequence[dict[str, Any]] = ()
) -> Bundle:
    """Return the bundle with more evidence of when it was signed; envelope and signer stay as they are.

    Args:
        bundle: signed.
        timestamps: RFC 3161 responses over its signature (DER), put after those it has.
        log_entries: transparency log entries as their log wrote them, put after those it has.

    Raises:
        LimitError: more than a bundle may hold.
    """
    value = read_json(bundle.raw, None, DEFAULT.for_lines)
    material = value["verificationMaterial"]
    material["tlogEntries"] = [*bundle.log_entries, *log_entries]
    material.update(_stamps([*bundle.timestamps, *timestamps]))
    return _parse(canonical_bytes(value), value, None, DEFAULT)


def _lines(stream: BinaryIO, name: str, limits: Limits) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(limits.line_bytes + 2):
        number += 1
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if len(line) > limits.line_bytes:
            limits.check("line_bytes", len(line), f"{name}:{number}")
        if line and not line.isspace():
            yield number, line


def read_lines(path: Path, limits: Limits = DEFAULT) -> Iterator[Bundle | UnknownLine]:
    """Stream an attestation bundle; ``numbered_lines`` says how."""
    for _, content in numbered_lines(path, limits):
        yield content


def numbered_lines(path: Path, limits: Limits = DEFAULT) -> Iterator[tuple[int, Bundle | UnknownLine]]:
    """Stream an attestation bundle, JSON Lines of Sigstore bundles in any order, with their line numbers.

    A single bundle in a file of its own, pretty-printed or not, is read too. A line that is JSON but not a
    bundle is yielded as an ``UnknownLine``.

    Raises:
        FormatError: a line is not JSON (truncated, not UTF-8, duplicate keys), or the file cannot be read.
        LimitError: beyond the reader's limits.
    """
    for number, line in raw_lines(path, limits):
        yield number, parse_line(line, number, f"{path}:{number}", limits)


def raw_lines(path: Path, limits: Limits = DEFAULT) -> Iterator[tuple[int, bytes]]:
    """Stream the lines of an attestation bundle with their numbers, for ``parse_line``; no empty ones.

    Raises:
        FormatError: the file cannot be read.
        LimitError: a line is too long, or there are too many.
    """
    name = str(path)
    try:
        with path.open("rb", buffering=_BUFFER) as stream:
            for count, (number, line) in enumerate(_lines(stream, name, limits), 1):
                if count == 1 and line.strip() == b"{":  # one pretty-printed bundle
                    rest = stream.read(limits.line_bytes + 1)
                    for part in parts(line + b"\n" + rest, f"{name}:{number}", limits):
                        yield number, part
                    return
                if count > limits.statements:
                    limits.check("statements", count, f"{name}:{number}")
                for part in parts(line, f"{name}:{number}", limits):
                    yield number, part
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", name) from error


def parse_line(line: bytes, number: int, where: str, limits: Limits = DEFAULT) -> Bundle | UnknownLine:
    """Parse one line of an attestation bundle.

    Raises:
        FormatError: it is not JSON.
        LimitError: beyond the reader's limits.
    """
    try:
        return parse_bundle(line, where, limits)
    except _NotABundleError as error:
        return UnknownLine(number, line, error.what)


def write_lines(path: Path, bundles: Iterable[Bundle]) -> None:
    """Write an attestation bundle whole or not at all, streaming.

    Raises:
        AttestError: the file cannot be written, or ``bundles`` raised it; what was there is unchanged.
    """
    write_file(path, (bundle.line + b"\n" for bundle in bundles))
