"""Signatures of keys and private authorities in a real Rekor v2, with real time, before us and others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pki
import pytest
from clients.cache import Unavailable
from clients.programs import Cosign, SigstoreJs
from cryptography.hazmat.primitives import serialization

from attest import service
from attest.bundle import Bundle, parse_bundle
from attest.canonical import canonical_bytes
from attest.digest import sha256_bytes
from attest.errors import SignatureError
from attest.rekor_entry import LoggedSigner, log_entry
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.signers.file import generate_key
from attest.statement import Statement
from attest.timestamping import TimestampedSigner
from attest.trust import read_trust
from attest.verifier import UnverifiedError

pytestmark = pytest.mark.stack

PREDICATE = "https://example.com/made-up/v1"
WEIGHTS = b"weights of a very small model"
SUBJECT = ResourceDescriptor(name="weights", digest={"sha256": sha256_bytes(WEIGHTS)})


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(service, "sleep", lambda _: None)


def statement(number=1):
    return Statement.build([SUBJECT], PREDICATE, {"epochs": number})


def sign(stack, uri, number=1):
    signer = TimestampedSigner(open_signer(uri), [stack.urls["timestamp"]])
    return LoggedSigner(signer, stack.urls["rekor2"]).sign(statement(number))


def trust(folder, stack, principal, pinned):
    """A trust file that pins one principal's file, and the stack's trusted root."""
    sha256 = sha256_bytes((folder / pinned).read_bytes())
    root = stack.trusted_root
    (folder / "trust.yaml").write_text(
        f"principals: {{somebody: {principal.format(file=pinned, sha256=sha256)}}}\n"
        f"roots: {{sigstore: [{{file: {root}, sha256: {sha256_bytes(root.read_bytes())}}}]}}\n"
    )
    return read_trust(folder / "trust.yaml")


@pytest.fixture(params=["ecdsa-p256", "rsa-3072"])
def key(request, tmp_path):
    generate_key(tmp_path / "key", request.param)
    return tmp_path


KEY = "{{key: {{file: {file}, sha256: {sha256}}}}}"
CERTIFICATE = "{{certificate: {{root: {file}, sha256: {sha256}, subject: CN=provenance}}}}"


def test_a_logged_and_stamped_key_is_verified_with_its_time(key, stack):
    bundle = sign(stack, str(key / "key"))
    verified = trust(key, stack, KEY, "key.pub").verify(bundle)
    assert abs(verified.trusted_time - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.fixture
def certified(tmp_path):
    root = pki.authority()
    holder = root.issue()
    (tmp_path / "root.pem").write_bytes(pki.pem(root.certificate))
    (tmp_path / "chain.pem").write_bytes(pki.pem(holder.certificate))
    (tmp_path / "key").touch(0o600)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(holder.key.private_bytes(*form))
    return tmp_path


def test_a_logged_and_stamped_certificate_is_verified_after_its_end(certified, stack):
    bundle = sign(stack, f"certificate:{certified}/chain.pem,{certified}/key")
    verified = trust(certified, stack, CERTIFICATE, "root.pem").verify(
        bundle, as_of=datetime.now(UTC) + timedelta(days=365)
    )
    assert verified.signer.subject == "CN=provenance"
    assert abs(verified.trusted_time - datetime.now(UTC)) < timedelta(minutes=5)


def test_the_entry_of_another_statement_is_found_out(key, stack):
    one, two = sign(stack, str(key / "key")), sign(stack, str(key / "key"), 2)
    value = json.loads(one.raw)
    value["verificationMaterial"]["tlogEntries"] = list(two.log_entries)
    pinned = trust(key, stack, KEY, "key.pub")
    with pytest.raises(UnverifiedError) as caught:
        pinned.verify(parse_bundle(canonical_bytes(value)))
    assert caught.value.code == "log-entry-mismatch"


def test_an_answer_that_got_lost(key, stack):
    """The log takes the same signature once; ECDSA signs anew, RSA cannot."""
    signer = open_signer(str(key / "key"))
    bundle = signer.sign(statement())
    log_entry(stack.urls["rekor2"], bundle, signer.public)
    with pytest.raises(SignatureError) as caught:
        log_entry(stack.urls["rekor2"], bundle, signer.public)
    assert caught.value.code == "log-conflict"
    if signer.public.algorithm == "ECDSA P-256":
        assert LoggedSigner(signer, stack.urls["rekor2"]).sign(statement()).log_entries
    else:
        with pytest.raises(SignatureError, match="has this very signature already") as caught:
            LoggedSigner(signer, stack.urls["rekor2"]).sign(statement())
        assert "sign without --log" in caught.value.hint


def test_no_log_takes_ed25519(tmp_path, stack):
    """Were it otherwise, ``log-key`` would refuse what is possible."""
    generate_key(tmp_path / "key", "ed25519")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attest.rekor_entry._details", lambda _: "PKIX_ED25519")
        signer = open_signer(str(tmp_path / "key"))
        with pytest.raises(SignatureError) as caught:
            log_entry(stack.urls["rekor2"], signer.sign(statement()), signer.public, retries=0)
    assert caught.value.code == "log-status"


@pytest.mark.parametrize("name", ["rekor2", "timestamp"])
def test_a_server_that_is_down(key, stack, name):
    stack.stop(name)
    with pytest.raises(SignatureError) as caught:
        sign(stack, str(key / "key"))
    assert caught.value.code == {"rekor2": "log", "timestamp": "timestamp"}[name] + "-unreachable"


def written(bundle: Bundle, folder):
    (folder / "bundle.json").write_bytes(bundle.raw)
    (folder / "model").write_bytes(WEIGHTS)
    return folder / "bundle.json"


def client(kind, folder):
    try:
        return kind(folder)
    except Unavailable as reason:
        pytest.skip(f"{kind.name} is not available here: {reason}")


@pytest.mark.interop
def test_cosign_finds_time_and_log_entry_in_order(key, stack):
    """No check is switched off: this is what ``--insecure-ignore-tlog`` is needed for without an entry."""
    cosign = client(Cosign, key)
    path = written(sign(stack, str(key / "key")), key)
    root = stack.trusted_root
    answer = cosign.verify(path, key / "key.pub", PREDICATE, blob=key / "model", trusted_root=root, log=True)
    assert answer.accepted, answer.said


@pytest.mark.interop
def test_sigstore_js_finds_time_and_log_entry_in_order(key, stack):
    path = written(sign(stack, str(key / "key")), key)
    answer = client(SigstoreJs, key).verify(path, key / "key.pub", stack.trusted_root)
    assert answer.accepted, answer.said
