"""Key-signed bundles of ours before cosign, sigstore-go and sigstore-js, and theirs before us.

cosign stands on the sigstore-go library. sigstore-go's own example program takes ECDSA keys only and wants a
timestamp, so the other algorithms meet that library through cosign.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attest.bundle import Bundle, key_bundle, parse_bundle
from attest.cli import main
from attest.digest import sha256_bytes
from attest.errors import FormatError, LimitError
from attest.keys import PublicKey
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.statement import Statement
from attest.verifier import UnverifiedError
from attest.verifiers.key import verify
from attest.verifiers.timestamp import TimestampRoot, trusted_time

pytestmark = pytest.mark.interop

ALGORITHMS = ("ecdsa-p256", "ed25519", "rsa-3072")
PREDICATE = "https://example.com/made-up/v1"
WEIGHTS = b"weights of a very small model"


@dataclass(frozen=True)
class Signed:
    """A statement about a file, signed by us with a fresh key, and everything on disk."""

    key: PublicKey
    public: Path
    private: Path
    statement: Statement
    bundle: Bundle
    path: Path
    blob: Path

    @property
    def digest(self):
        return sha256_bytes(WEIGHTS)


def make_statement(subjects=1):
    named = [
        ResourceDescriptor(name=f"part-{number}", digest={"sha256": sha256_bytes(b"%d" % number)})
        for number in range(1, subjects)
    ]
    weights = ResourceDescriptor(name="model.safetensors", digest={"sha256": sha256_bytes(WEIGHTS)})
    # text that JSON writers escape differently, and a number protobuf's Struct would turn into a float
    return Statement.build([weights, *named], PREDICATE, {"epochs": 3, "note": "größer <&> \u2028 \x7f 🙂"})


def generate(private, algorithm="ecdsa-p256"):
    """Make a key as a user does; return its public half."""
    with pytest.raises(SystemExit) as end:
        main(["key", "generate", str(private), "--algorithm", algorithm])
    assert end.value.code == 0
    return private.with_name(private.name + ".pub")


def make_signed(folder, algorithm):
    private = folder / "signing-key"
    public = generate(private, algorithm)
    key = PublicKey.from_pem(public.read_bytes(), str(public))
    statement = make_statement()
    bundle = open_signer(f"file:{private}").sign(statement)
    path, blob = folder / "bundle.json", folder / "model.safetensors"
    path.write_bytes(bundle.raw)
    blob.write_bytes(WEIGHTS)
    return Signed(key, public, private, statement, bundle, path, blob)


@pytest.fixture(scope="module", params=ALGORITHMS)
def signed(request, tmp_path_factory):
    return make_signed(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def p256(tmp_path_factory):
    return make_signed(tmp_path_factory.mktemp("p256"), "ecdsa-p256")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("stranger") / "key")


@pytest.fixture
def stamped(p256, authority, tmp_path):
    """The bundle of ``p256`` with a timestamp over its signature."""
    bundle = p256.bundle
    token = authority.stamp(bundle.signature)
    path = tmp_path / "stamped.json"
    path.write_bytes(key_bundle(bundle.payload, bundle.signature, p256.key.hint, [token]).raw)
    return path


# ours before them


def test_cosign_accepts_a_file_it_hashes_itself(cosign, signed):
    answer = cosign.verify(signed.path, signed.public, PREDICATE, blob=signed.blob)
    assert answer.accepted, answer.said


def test_cosign_accepts_a_digest(cosign, signed):
    answer = cosign.verify(signed.path, signed.public, PREDICATE, digest=signed.digest)
    assert answer.accepted, answer.said


def test_cosign_refuses_another_file(cosign, signed, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(WEIGHTS + b"!")
    answer = cosign.verify(signed.path, signed.public, PREDICATE, blob=other)
    assert not answer.accepted
    assert "provided artifact digest" in answer.said


def test_cosign_refuses_another_predicate_type(cosign, signed):
    answer = cosign.verify(signed.path, signed.public, PREDICATE + "1", blob=signed.blob)
    assert not answer.accepted
    assert "predicate" in answer.said


def test_cosign_refuses_another_key(cosign, signed, stranger):
    answer = cosign.verify(signed.path, stranger, PREDICATE, blob=signed.blob)
    assert not answer.accepted
    assert "accepted signatures do not match threshold" in answer.said


def test_sigstore_js_accepts(sigstore_js, signed):
    answer = sigstore_js.verify(signed.path, signed.public)
    assert answer.accepted, answer.said


def test_sigstore_js_refuses_another_key(sigstore_js, signed, stranger):
    answer = sigstore_js.verify(signed.path, stranger)
    assert not answer.accepted
    assert "SIGNATURE_ERROR" in answer.said


def test_sigstore_go_accepts_and_reads_the_same_statement_and_time(sigstore_go, p256, authority, stamped):
    answer = sigstore_go.verify(stamped, p256.public, p256.digest, authority.trusted_root())
    assert answer.accepted, answer.said
    theirs = json.loads(answer.said[answer.said.index("{") :])
    assert theirs["statement"] == json.loads(p256.statement.payload)
    ours = trusted_time(
        parse_bundle(stamped.read_bytes()), [TimestampRoot.from_pem(authority.pem, "tsa.pem")]
    )
    assert datetime.fromisoformat(theirs["verifiedTimestamps"][0]["timestamp"]).astimezone(UTC) == ours


def test_sigstore_go_refuses_another_file(sigstore_go, p256, authority, stamped):
    answer = sigstore_go.verify(stamped, p256.public, sha256_bytes(b"other"), authority.trusted_root())
    assert not answer.accepted
    assert "provided artifact digest" in answer.said


def test_timestamps_are_accepted_by_all_three(cosign, sigstore_js, p256, authority, stamped):
    root = authority.trusted_root()
    by_cosign = cosign.verify(stamped, p256.public, PREDICATE, blob=p256.blob, trusted_root=root)
    assert by_cosign.accepted, by_cosign.said
    by_js = sigstore_js.verify(stamped, p256.public, root)
    assert by_js.accepted, by_js.said


def test_a_timestamp_of_another_signature_is_evidence_for_nobody(
    cosign, sigstore_go, sigstore_js, p256, authority, tmp_path
):
    foreign = key_bundle(
        p256.bundle.payload, p256.bundle.signature, p256.key.hint, [authority.stamp(b"another signature")]
    )
    path = tmp_path / "foreign.json"
    path.write_bytes(foreign.raw)
    root = authority.trusted_root()
    refusals = (
        (
            cosign.verify(path, p256.public, PREDICATE, blob=p256.blob, trusted_root=root),
            "messages don't match",
        ),
        (sigstore_go.verify(path, p256.public, p256.digest, root), "messages don't match"),
        (sigstore_js.verify(path, p256.public, root), "TIMESTAMP_ERROR"),
    )
    for answer, reason in refusals:
        assert not answer.accepted
        assert reason in answer.said
    # for us the signature stands by itself and only the time is missing (law: no fact, no PASS)
    verify(foreign, p256.key)
    assert trusted_time(foreign, [TimestampRoot.from_pem(authority.pem, "tsa.pem")]) is None


def test_1024_subjects_are_accepted_by_all(cosign, sigstore_go, sigstore_js, p256, authority, tmp_path):
    bundle = open_signer(f"file:{p256.private}").sign(make_statement(1024))
    stamped = key_bundle(bundle.payload, bundle.signature, p256.key.hint, [authority.stamp(bundle.signature)])
    path = tmp_path / "many.json"
    path.write_bytes(stamped.raw)
    root = authority.trusted_root()
    for answer in (
        cosign.verify(path, p256.public, PREDICATE, blob=p256.blob),
        sigstore_go.verify(path, p256.public, p256.digest, root),
        sigstore_js.verify(path, p256.public, root),
    ):
        assert answer.accepted, answer.said


def test_1025_subjects_are_refused_before_they_are_signed():
    with pytest.raises(LimitError, match="subjects: 1025 is above the limit of 1024"):
        make_statement(1025)


# theirs before us


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "rsa-3072"])
def test_a_bundle_of_cosign_is_ours_to_read(cosign, algorithm, tmp_path):
    signed = make_signed(tmp_path, algorithm)
    statement = tmp_path / "statement.json"
    statement.write_bytes(signed.statement.payload)
    cosign.sign(statement, signed.private, tmp_path / "theirs.json")
    theirs = parse_bundle((tmp_path / "theirs.json").read_bytes())
    verify(theirs, signed.key)
    # the very same payload type, material and hint: the two differ in the signature alone
    assert (theirs.payload, theirs.payload_type) == (signed.bundle.payload, signed.bundle.payload_type)
    assert (theirs.hint, theirs.certificate) == (signed.key.hint, None)


def test_ed25519_bundles_of_cosign_are_refused_by_itself_and_by_us(cosign, tmp_path):
    """It signs with Ed25519ph, which no verifier of attestations expects (seen with cosign 3.1.1)."""
    signed = make_signed(tmp_path, "ed25519")
    statement = tmp_path / "statement.json"
    statement.write_bytes(signed.statement.payload)
    path = tmp_path / "theirs.json"
    cosign.sign(statement, signed.private, path, check=False)
    answer = cosign.verify(path, signed.public, PREDICATE, blob=signed.blob)
    assert not answer.accepted
    assert "accepted signatures do not match threshold" in answer.said
    with pytest.raises(UnverifiedError) as refused:
        verify(parse_bundle(path.read_bytes()), signed.key)
    assert refused.value.code == "signature-invalid"


def test_a_bundle_of_sigstore_go_is_ours_to_read(sigstore_go, tmp_path):
    statement = tmp_path / "statement.json"
    statement.write_bytes(make_statement().payload)
    raw, pem = sigstore_go.sign(statement)
    key = PublicKey.from_pem(pem, "theirs.pub")
    theirs = parse_bundle(raw)
    verify(theirs, key)
    assert theirs.payload == make_statement().payload
    assert theirs.hint == key.hint


def flipped(text, place):
    return text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]


def signed_parts(bundle):
    return bundle.payload_type, bundle.payload, bundle.signature


def test_no_byte_of_a_bundle_of_cosign_can_change(cosign, p256, tmp_path):
    """Every byte of payload, signature and type: it stops being base64 or a bundle, or it stops verifying."""
    statement = tmp_path / "statement.json"
    statement.write_bytes(p256.statement.payload)
    cosign.sign(statement, p256.private, tmp_path / "theirs.json")
    whole = json.loads((tmp_path / "theirs.json").read_bytes())
    envelope = whole["dsseEnvelope"]
    original = parse_bundle(json.dumps(whole).encode())
    verify(original, p256.key)
    tried = 0
    for holder, name in (
        (envelope, "payload"),
        (envelope, "payloadType"),
        (envelope["signatures"][0], "sig"),
    ):
        kept = holder[name]
        for place in range(len(kept)):
            holder[name] = flipped(kept, place)
            raw = json.dumps(whole).encode()
            holder[name] = kept
            try:
                changed = parse_bundle(raw)
            except FormatError as error:
                assert "not base64" in error.what  # noqa: PT017 - to be refused earlier is right too
                continue
            if signed_parts(changed) == signed_parts(original):
                continue  # the last character before the padding has bits that mean nothing
            tried += 1
            with pytest.raises(UnverifiedError) as refused:
                verify(changed, p256.key)
            assert refused.value.code == ("payload-type" if name == "payloadType" else "signature-invalid")
    assert tried > len(original.payload)
