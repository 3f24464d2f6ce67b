"""One table of odd and forged bundles, and the verdict on each of ours, cosign, sigstore-go and sigstore-js.

Two things are held beyond the table itself: we never accept what all the others refuse, and where the four do
not agree the table says why ours is the verdict we want.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from attest.bundle import key_bundle, parse_bundle
from attest.digest import sha256_bytes
from attest.envelope import IN_TOTO, pae
from attest.errors import AttestError
from attest.keys import PublicKey
from attest.resource import ResourceDescriptor
from attest.signers.file import generate_key
from attest.statement import Statement
from attest.verifiers.key import verify

pytestmark = pytest.mark.interop

PREDICATE = "https://example.com/made-up/v1"
WEIGHTS = b"weights"
DIGEST = sha256_bytes(WEIGHTS)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-5)


class Forge:
    """A signer who can also do everything a signer should not."""

    def __init__(self, folder):
        self.folder = folder
        self.key = generate_key(folder / "key")
        generate_key(folder / "stranger")
        self.private = serialization.load_pem_private_key((folder / "key").read_bytes(), None)
        self.subject = ResourceDescriptor(name="model", digest={"sha256": DIGEST})
        # its base64 holds + and /
        self.statement = Statement.build([self.subject], PREDICATE, {"note": "???>>>~~~" * 3})
        self.stamp = None  # sigstore-go wants a timestamp on everything

    def signature(self, payload, kind=IN_TOTO):
        return self.private.sign(pae(kind, payload), ec.ECDSA(hashes.SHA256()))

    def bundle(self, payload=None, signature=None, kind=IN_TOTO):
        """A bundle as JSON, of any payload and any signature."""
        payload = self.statement.payload if payload is None else payload
        signature = self.signature(payload, kind) if signature is None else signature
        stamps = [self.stamp(signature)] if self.stamp else []
        value = json.loads(key_bundle(payload, signature, self.key.hint, stamps).raw)
        value["dsseEnvelope"]["payloadType"] = kind
        return value

    def replaced(self, old, new):
        """A bundle of the statement with other text in it, rightly signed."""
        assert old in self.statement.payload
        return self.bundle(self.statement.payload.replace(old, new))

    def encoded(self, change):
        """A bundle whose payload is the same bytes, written differently in base64."""
        value = self.bundle()
        value["dsseEnvelope"]["payload"] = change(value["dsseEnvelope"]["payload"])
        return value


def edited(change, *place):
    """The good bundle after ``change`` was made to the object at ``place``."""

    def make(forge):
        whole = value = forge.bundle()
        for step in place:
            value = value[step]
        change(value)
        return whole

    return make


def text(change):
    """The good bundle's JSON text, changed."""
    return lambda forge: change(json.dumps(forge.bundle())).encode()


def flip(name, byte):
    def change(value):
        data = bytearray(base64.b64decode(value[name]))
        data[byte] ^= 1
        value[name] = base64.b64encode(data).decode()

    return change


def signed_by(change):
    """The good payload under a signature made out of its good one."""

    def make(forge):
        good = forge.signature(forge.statement.payload)
        return forge.bundle(signature=change(good))

    return make


def numbers(change):
    return signed_by(lambda good: encode_dss_signature(*change(*decode_dss_signature(good))))


def many_subjects(count):
    def make(forge):
        value = json.loads(forge.statement.payload)
        value["subject"] *= count
        return forge.bundle(json.dumps(value).encode())

    return make


@dataclass(frozen=True)
class Case:
    """A bundle and, per verifier, a piece of the reason it is refused for; ``None``: it is accepted."""

    make: Callable[[Forge], object]
    ours: str | None = None
    cosign: str | None = None
    sigstore_go: str | None = None
    sigstore_js: str | None = None
    why: str = ""
    """Why ours differs from some of the others, where it does."""
    key: str = "key.pub"

    @property
    def others(self):
        return self.cosign, self.sigstore_go, self.sigstore_js


NO_MATCH = "accepted signatures do not match threshold"
BAD_SIGNATURE = ("the signature is not that of key", NO_MATCH, NO_MATCH, "SIGNATURE_ERROR")
# a timestamp covers the signature, and sigstore-go looks at it first
STAMPED = ("the signature is not that of key", NO_MATCH, "hashed messages don't match", "SIGNATURE_ERROR")
UNKNOWN = "unknown field"
NO_JSON = "unexpected end of JSON input"  # cosign's word for every bundle its parser refuses
NO_STATEMENT = "parsing in-toto statement"
NO_DIGEST = "provided artifact digest"
ODD_STATEMENT = "invalid attestation: decoding json"

STATEMENTS_ARE_NOT_ITS_BUSINESS = "sigstore-js checks the envelope and leaves the payload to its caller"
ONE_READING = "two readers must never see two different bundles in the same bytes"
SPEC_LENIENT = "in-toto has consumers ignore unknown fields; Go's protobuf reader does not"

ENVELOPE = ("dsseEnvelope",)
SIGNATURE = ("dsseEnvelope", "signatures", 0)
MATERIAL = ("verificationMaterial",)

CASES = {
    # nothing wrong
    "as we write it": Case(Forge.bundle),
    "no tlogEntries": Case(edited(lambda it: it.pop("tlogEntries"), *MATERIAL)),
    "another hint": Case(edited(lambda it: it.update(hint="anybody"), *MATERIAL, "publicKey")),
    "no hint": Case(edited(lambda it: it.clear(), *MATERIAL, "publicKey")),
    "an empty keyid": Case(edited(lambda it: it.update(keyid=""), *SIGNATURE)),
    "the older spelling of 0.3": Case(
        edited(lambda it: it.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.3"))
    ),
    "base64 in the URL-safe alphabet": Case(
        lambda forge: forge.encoded(lambda it: it.replace("+", "-").replace("/", "_"))
    ),
    "base64 without padding": Case(lambda forge: forge.encoded(lambda it: it.rstrip("="))),
    "the mirrored ECDSA signature": Case(numbers(lambda r, s: (r, ORDER - s))),
    "1,024 subjects": Case(many_subjects(1024)),
    # another payload, type, signature or key than was signed
    "a payload bit flipped": Case(edited(flip("payload", 30), *ENVELOPE), *BAD_SIGNATURE),
    "a signature bit flipped": Case(edited(flip("sig", 20), *SIGNATURE), *STAMPED),
    "another payload type": Case(
        edited(lambda it: it.update(payloadType="application/vnd.in-toto+jsom"), *ENVELOPE),
        "payload type: got 'application/vnd.in-toto+jsom'",
        *BAD_SIGNATURE[1:],
    ),
    "another key": Case(Forge.bundle, *BAD_SIGNATURE, key="stranger.pub"),
    "no payload": Case(
        edited(lambda it: it.update(payload=""), *ENVELOPE),
        "the signature is not that of key",
        "missing valid envelope",
        "missing valid envelope",
        "invalid bundle",
    ),
    "an empty signature": Case(
        edited(lambda it: it.update(sig=""), *SIGNATURE), *STAMPED[:3], "invalid bundle"
    ),
    "a signature of zeros": Case(numbers(lambda _r, _s: (0, 0)), *BAD_SIGNATURE),
    "a signature above the order": Case(numbers(lambda r, s: (r, s + ORDER)), *BAD_SIGNATURE),
    "bytes after the signature": Case(signed_by(lambda good: good + b"\0"), *BAD_SIGNATURE),
    "a signature in BER": Case(signed_by(lambda good: b"\x30\x81" + good[1:]), *BAD_SIGNATURE),
    "a signature as r and s without DER": Case(
        signed_by(lambda good: b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(good))),
        "the signature is not that of key",
        None,
        None,
        "SIGNATURE_ERROR",
        why="an ECDSA signature in a bundle is DER; only sigstore-go's library takes a second form",
    ),
    # rightly signed, but not what it should be
    "another payload type, signed": Case(
        lambda forge: forge.bundle(kind="application/json"),
        "payload type: got 'application/json'",
        "unsupported DSSE payload type",
        "unsupported DSSE payload type",
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "no JSON in the payload": Case(
        lambda forge: forge.bundle(b"hello"),
        "not JSON",
        NO_STATEMENT,
        NO_STATEMENT,
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "no statement in the payload": Case(
        lambda forge: forge.bundle(b'{"a":1}'),
        "_type: got 'None'",
        NO_DIGEST,
        NO_DIGEST,
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "no subject": Case(
        lambda forge: forge.replaced(b'"subject":[', b'"subject":[],"predicat":['),
        "a statement needs at least one subject",
        NO_DIGEST,
        NO_DIGEST,
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "1,025 subjects": Case(
        many_subjects(1025),
        "subjects: 1025 is above the limit of 1024",
        "too many subjects: 1025 > 1024",
        "too many subjects: 1025 > 1024",
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "a duplicate key in the statement": Case(
        lambda forge: forge.replaced(
            b'"predicateType":', b'"predicateType":"https://other","predicateType":'
        ),
        "duplicate key 'predicateType'",
        ODD_STATEMENT,
        ODD_STATEMENT,
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "a duplicate digest": Case(
        lambda forge: forge.replaced(b'"sha256":', b'"sha256":"' + b"0" * 64 + b'","sha256":'),
        "duplicate key 'sha256'",
        ODD_STATEMENT,
        ODD_STATEMENT,
        why=STATEMENTS_ARE_NOT_ITS_BUSINESS,
    ),
    "an unknown field in the statement": Case(
        lambda forge: forge.replaced(b'{"_type":', b'{"more":1,"_type":'),
        None,
        ODD_STATEMENT,
        ODD_STATEMENT,
        why=SPEC_LENIENT,
    ),
    "an unknown field in a subject": Case(
        lambda forge: forge.replaced(b'"name":"model"', b'"more":1,"name":"model"'),
        None,
        ODD_STATEMENT,
        ODD_STATEMENT,
        why=SPEC_LENIENT,
    ),
    "a statement of version 0.1": Case(
        # cosign attest-blob --predicate writes it
        lambda forge: forge.replaced(b"Statement/v1", b"Statement/v0.1"),
    ),
    "a digest in capitals": Case(
        lambda forge: forge.replaced(DIGEST.encode(), DIGEST.upper().encode()),
        "expected 64 lowercase hex digits",
        why="digests are links, compared byte by byte: one spelling each",
    ),
    # another shape
    "two signatures": Case(
        edited(lambda it: it.append(it[0]), "dsseEnvelope", "signatures"),
        "2 signatures, a Sigstore bundle has exactly one",
        "exactly one signature is required",
        "exactly one signature is required",
        "invalid bundle",
    ),
    "no signature": Case(
        edited(lambda it: it.clear(), "dsseEnvelope", "signatures"),
        "0 signatures, a Sigstore bundle has exactly one",
        "exactly one signature is required",
        "hashed messages don't match",
        "invalid bundle",
    ),
    "no material": Case(
        edited(lambda it: it.pop("verificationMaterial")),
        "verificationMaterial: expected an object",
        NO_JSON,
        "missing verification material",
        "invalid bundle",
    ),
    "a key and a certificate": Case(
        edited(lambda it: it.update(certificate={"rawBytes": "AAAA"}), *MATERIAL),
        "expected either publicKey or certificate",
        NO_JSON,
        "oneof",
        why="sigstore-js takes the first it knows; " + ONE_READING,
    ),
    "an envelope and a message": Case(
        edited(lambda it: it.update(messageSignature={"signature": "AAAA"})),
        "unknown field 'messageSignature'",
        NO_JSON,
        "oneof",
        "invalid bundle",
    ),
    "another media type": Case(
        edited(lambda it: it.update(mediaType="application/json")),
        "mediaType: got 'application/json'",
        NO_JSON,
        "unsupported media type",
        "invalid bundle",
    ),
    "bundle version 0.2": Case(
        edited(lambda it: it.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2")),
        "mediaType: got",
        why="we read bundles of version 0.3 alone; older ones do not hold keyless material the same way",
    ),
    "a keyid": Case(
        edited(lambda it: it.update(keyid="my-key"), *SIGNATURE),
        None,
        NO_MATCH,
        NO_MATCH,
        why="DSSE: a keyid is an unauthenticated hint and decides nothing. Ours never write one",
    ),
    "an unknown field in the bundle": Case(
        edited(lambda it: it.update(more=1)), UNKNOWN, NO_JSON, UNKNOWN, why=ONE_READING
    ),
    "an unknown field in the material": Case(
        edited(lambda it: it.update(more=1), *MATERIAL), UNKNOWN, NO_JSON, UNKNOWN, why=ONE_READING
    ),
    "an unknown field in the envelope": Case(
        edited(lambda it: it.update(more=1), *ENVELOPE), UNKNOWN, NO_JSON, UNKNOWN, why=ONE_READING
    ),
    "an unknown field in the signature": Case(
        edited(lambda it: it.update(more=1), *SIGNATURE), UNKNOWN, NO_JSON, UNKNOWN, why=ONE_READING
    ),
    # another text
    "a second payload": Case(
        text(lambda it: it.replace('"dsseEnvelope": {', '"dsseEnvelope": {"payload": "e30=", ')),
        "duplicate key 'payload'",
        NO_JSON,
        "duplicate field",
        why="JavaScript takes the last of two; " + ONE_READING,
    ),
    "a second envelope": Case(
        text(lambda it: it.replace('"dsseEnvelope": {', '"dsseEnvelope": {}, "dsseEnvelope": {')),
        "duplicate key 'dsseEnvelope'",
        NO_JSON,
        "duplicate field",
        why="JavaScript takes the last of two; " + ONE_READING,
    ),
    "names_with_underscores": Case(
        text(
            lambda it: (
                it.replace("mediaType", "media_type")
                .replace("dsseEnvelope", "dsse_envelope")
                .replace("verificationMaterial", "verification_material")
            )
        ),
        "mediaType: got 'None'",
        None,
        None,
        "invalid bundle",
        why="protobuf's JSON readers may take both spellings; no known writer uses this one",
    ),
    "white space in base64": Case(
        lambda forge: forge.encoded(lambda it: it[:8] + "\n\n\n\n" + it[8:]),
        "not base64",
        why="RFC 4648, 3.3: characters outside the alphabet are refused",
    ),
    "something after the bundle": Case(
        text(lambda it: it + "x"),
        "not JSON",
        "invalid character 'x'",
        "invalid value x",
        "Unexpected non-whitespace",
    ),
    "two bundles on one line": Case(
        text(lambda it: it + it), "not JSON", "invalid character", "unexpected token", "Unexpected non-white"
    ),
    "half a bundle": Case(
        text(lambda it: it[: len(it) // 2]), "not JSON", NO_JSON, "unexpected EOF", "Unterminated string"
    ),
    "a byte order mark": Case(
        text(lambda it: "\ufeff" + it), "BOM", "invalid character", "invalid value", "Unexpected token"
    ),
}


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    return Forge(tmp_path_factory.mktemp("forge"))


def written(case, forge, path, stamp=None):
    forge.stamp = stamp
    made = case.make(forge)
    path.write_bytes(made if isinstance(made, bytes) else json.dumps(made).encode())
    return path


def agrees(accepted, said, reason):
    assert accepted == (reason is None), said
    if reason is not None:
        assert reason in said


@pytest.mark.parametrize("name", CASES)
def test_ours(name, forge, tmp_path):
    case = CASES[name]
    path = written(case, forge, tmp_path / "bundle.json")
    key = PublicKey.from_pem((forge.folder / case.key).read_bytes(), case.key)
    accepted, said = True, ""
    try:
        bundle = parse_bundle(path.read_bytes(), str(path))
        verify(bundle, key)
        Statement.parse(bundle.payload)
    except AttestError as error:
        accepted, said = False, error.what
    agrees(accepted, said, case.ours)


@pytest.mark.parametrize("name", CASES)
def test_cosign(name, cosign, forge, tmp_path):
    case = CASES[name]
    path = written(case, forge, tmp_path / "bundle.json")
    answer = cosign.verify(path, forge.folder / case.key, PREDICATE, digest=DIGEST)
    agrees(answer.accepted, answer.said, case.cosign)


@pytest.mark.parametrize("name", CASES)
def test_sigstore_go(name, sigstore_go, authority, forge, tmp_path):
    case = CASES[name]
    path = written(case, forge, tmp_path / "bundle.json", authority.stamp)
    answer = sigstore_go.verify(path, forge.folder / case.key, DIGEST, authority.trusted_root())
    agrees(answer.accepted, answer.said, case.sigstore_go)


@pytest.mark.parametrize("name", CASES)
def test_sigstore_js(name, sigstore_js, forge, tmp_path):
    case = CASES[name]
    path = written(case, forge, tmp_path / "bundle.json")
    answer = sigstore_js.verify(path, forge.folder / case.key)
    agrees(answer.accepted, answer.said, case.sigstore_js)


def test_we_accept_nothing_that_all_the_others_refuse():
    assert [name for name, case in CASES.items() if case.ours is None and None not in case.others] == []


def test_every_disagreement_has_its_reason():
    for name, case in CASES.items():
        verdicts = {reason is None for reason in (case.ours, *case.others)}
        assert bool(case.why) == (len(verdicts) == 2), name
