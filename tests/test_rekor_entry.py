"""What a log answers is taken only if it is an entry of this signature; what it learns is shown first."""

from __future__ import annotations

import base64
import json

import pki
import pytest
from loopback import Answer, Loopback
from tlog import TestLog

from attest import service
from attest.bundle import certificate_bundle, parse_bundle
from attest.errors import SignatureError, UsageError
from attest.rekor_entry import LoggedSigner, log_entry
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.signers.file import generate_key
from attest.statement import Statement
from attest.verifiers.rekor import Entry, check_proof, log_times
from attest.verifiers.trusted_root import Log

STATEMENT = Statement.build(
    [ResourceDescriptor(name="a", digest={"sha256": "0" * 64})],
    "https://example.org/any/v1",
    {"confidential": "nobody's business"},
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(service, "sleep", lambda _: None)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ecdsa-p256", "ed25519", "rsa-3072"):
        generate_key(folder / name, name)
    return folder


@pytest.fixture
def signer(keys):
    return open_signer(str(keys / "ecdsa-p256"))


def log_of(log, change=lambda entry: None):
    """A server that takes in whatever it is sent, and changes what it answers."""

    def answer(question):
        sent = json.loads(question.body)["hashedRekordRequestV002"]
        spec = {
            "data": {"algorithm": "SHA2_256", "digest": sent["digest"]},
            "signature": sent["signature"],
        }
        entry = log.take({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}})
        changed = change(entry)
        body = changed if isinstance(changed, bytes) else json.dumps(entry).encode()
        return Answer(201, body, "application/json")

    return Loopback(answer)


def holds(log, bundle, verifier):
    """Check the entry as a reader does who pinned the log."""
    pinned = Log(log.key_id, log.key.public_key(), log.start, None)
    assert log_times(bundle, verifier, {log.key_id: pinned}) == []  # a Rekor v2 tells no time
    check_proof(Entry.parse(bundle.log_entries[0]), pinned)
    return True


@pytest.mark.parametrize("name", ["ecdsa-p256", "rsa-3072"])
def test_an_entry_a_reader_accepts(keys, name):
    signer, log = open_signer(str(keys / name)), TestLog()
    with log_of(log) as server:
        bundle = LoggedSigner(signer, server.url).sign(STATEMENT)
    assert bundle == parse_bundle(bundle.raw)
    assert len(bundle.log_entries) == 1
    assert holds(log, bundle, signer.public.der)


def test_a_certificate_is_logged_as_one(tmp_path):
    holder, log = pki.authority().issue(), TestLog()
    bundle = holder.sign(STATEMENT)
    with log_of(log) as server:
        entry = log_entry(server.url, bundle)
    body = json.loads(base64.b64decode(entry["canonicalizedBody"]))
    verifier = body["spec"]["hashedRekordV002"]["signature"]["verifier"]
    assert verifier == {
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": {"rawBytes": base64.b64encode(holder.der).decode()},
    }


def test_the_entry_stands_in_the_bundle_as_the_log_wrote_it(signer):
    kept = []

    def keep(entry):
        # a log of the real kind writes these two, empty
        entry.update(inclusionPromise=None, integratedTime="0")
        kept.append(json.loads(json.dumps(entry)))

    with log_of(TestLog(), keep) as server:
        bundle = LoggedSigner(signer, server.url).sign(STATEMENT)
    assert json.loads(bundle.raw)["verificationMaterial"]["tlogEntries"] == kept


def test_nothing_of_the_statement_leaves(signer):
    with log_of(TestLog()) as server:
        bundle = LoggedSigner(signer, server.url).sign(STATEMENT)
    (question,) = server.asked
    assert question.path == "/api/api/v2/log/entries"
    sent = json.loads(question.body)["hashedRekordRequestV002"]
    assert sent.keys() == {"digest", "signature"}
    assert sent["signature"].keys() == {"content", "verifier"}
    assert sent["signature"]["verifier"].keys() == {"publicKey", "keyDetails"}
    for foreign in (b"confidential", base64.b64encode(bundle.payload)[:40]):
        assert foreign not in question.body


def test_what_becomes_public_is_told_before_it_does(signer):
    told = []
    with log_of(TestLog()) as server:
        made = LoggedSigner(signer, server.url, lambda text: told.append((text, len(server.asked))))
        made.sign(STATEMENT)
    ((text, asked),) = told
    assert asked == 0
    assert made.identity == signer.identity
    assert made.public == signer.public
    sent = json.loads(server.asked[0].body)["hashedRekordRequestV002"]
    assert f"sha256:{base64.b64decode(sent['digest']).hex()}" in text
    assert f"sha256:{signer.public.fingerprint}" in text
    assert server.url in text
    assert "for ever" in text


def test_whose_certificate_becomes_public_is_told(tmp_path):
    holder = pki.authority().issue("CN=provenance,O=Photo Co-op")
    told = []

    class Certified:
        identity, public = {}, None

        def sign(self, statement):
            return holder.sign(statement)

    with log_of(TestLog()) as server:
        LoggedSigner(Certified(), server.url, told.append).sign(STATEMENT)
    assert "the certificate of CN=provenance,O=Photo Co-op by CN=Coop Root,O=Photo Co-op" in told[0]


def test_whoever_stops_it_has_published_nothing(signer):
    def stop(_):
        raise KeyboardInterrupt

    with log_of(TestLog()) as server, pytest.raises(KeyboardInterrupt):
        LoggedSigner(signer, server.url, stop).sign(STATEMENT)
    assert server.asked == []


def test_what_no_log_takes_is_neither_told_nor_sent(keys):
    told = []
    with log_of(TestLog()) as server, pytest.raises(SignatureError) as caught:
        LoggedSigner(open_signer(str(keys / "ed25519")), server.url, told.append).sign(STATEMENT)
    assert caught.value.code == "log-key"
    assert "ECDSA P-256" in caught.value.hint
    assert (told, server.asked) == ([], [])


def test_a_certificate_nobody_can_read():
    with pytest.raises(SignatureError) as caught:
        log_entry("http://127.0.0.1:9", certificate_bundle(b"{}", b"", b"no certificate"))
    assert caught.value.code == "log-key"


def test_a_signer_that_logs_by_itself(signer):
    with log_of(TestLog()) as server, pytest.raises(UsageError, match="logs its statements itself"):
        LoggedSigner(LoggedSigner(signer, server.url), server.url).sign(STATEMENT)
    assert len(server.asked) == 1


# ── answers that will not do ──


@pytest.mark.parametrize("name", ["ecdsa-p256", "rsa-3072"])
def test_a_signature_that_is_in_the_log_already_is_made_anew(keys, name):
    """RSA makes the same one again, and there it ends."""
    told, seen = [], []
    with log_of(TestLog()) as good:

        def answer(question):
            seen.append(json.loads(question.body)["hashedRekordRequestV002"]["signature"]["content"])
            return good.answer(question) if seen[0] != seen[-1] else Answer(409, b"{}", "application/json")

        with Loopback(answer) as server:
            signer = LoggedSigner(open_signer(str(keys / name)), server.url, told.append)
            if name == "ecdsa-p256":
                assert signer.sign(STATEMENT).log_entries
            else:
                with pytest.raises(SignatureError) as caught:
                    signer.sign(STATEMENT)
                assert caught.value.code == "log-conflict"
    assert (len(seen), len(told)) == (2, 2)


def refused(signer, change):
    with log_of(TestLog(), change) as server, pytest.raises(SignatureError) as caught:
        LoggedSigner(signer, server.url).sign(STATEMENT)
    assert len(server.asked) == 1
    return caught.value


def without(name):
    def change(entry):
        del entry[name]

    return change


def body(change):
    def edit(entry):
        value = json.loads(base64.b64decode(entry["canonicalizedBody"]))
        change(value["spec"]["hashedRekordV002"])
        entry["canonicalizedBody"] = base64.b64encode(json.dumps(value).encode()).decode()

    return edit


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: b"[]",
        lambda _: b"null",
        lambda _: b"{}",
        lambda _: b"\xff",
        lambda _: b'{"logIndex": "1", "logIndex": "2"}',
        without("canonicalizedBody"),
        without("inclusionProof"),
        without("logId"),
        without("kindVersion"),
        lambda entry: entry.update(inclusionProof={}),
        lambda entry: entry["inclusionProof"].update(checkpoint=None),
        lambda entry: entry["inclusionProof"].update(rootHash=""),
        lambda entry: entry.update(canonicalizedBody="*"),
        lambda entry: entry.update(canonicalizedBody=base64.b64encode(b"hello").decode()),
        lambda entry: entry.update(canonicalizedBody=7),
        lambda entry: entry["kindVersion"].update(kind="dsse"),
        lambda entry: entry["kindVersion"].update(version="0.0.1"),
        lambda entry: entry.update(surprise=1),
    ],
)
def test_what_is_no_entry(signer, change):
    assert refused(signer, change).code == "log-malformed"


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["data"].update(digest="AAAA"),
        lambda spec: spec["data"].update(algorithm="SHA2_512"),
        lambda spec: spec["signature"].update(content="AAAA"),
        lambda spec: spec["signature"]["verifier"]["publicKey"].update(rawBytes="AAAA"),
        lambda spec: spec["signature"]["verifier"].update(keyDetails="PKIX_ED25519"),
        lambda spec: spec.update(more=1),
    ],
)
def test_an_entry_of_something_else(signer, change):
    error = refused(signer, body(change))
    assert (error.code, "about something else" in error.what) == ("log-mismatch", True)


@pytest.mark.parametrize(
    ("answer", "code", "times"),
    [
        (Answer(500, b'{"code":13}', "application/json"), "log-status", 3),
        (Answer(400, b"no", "text/plain"), "log-status", 1),
        (Answer(200, b"<html>", "text/html"), "log-type", 1),
        (Answer(200, b" " * (1 << 20), "application/json"), "log-size", 1),
    ],
)
def test_a_log_that_does_not_answer_as_it_should(signer, answer, code, times):
    with Loopback(lambda _: answer) as server, pytest.raises(SignatureError) as caught:
        LoggedSigner(signer, server.url).sign(STATEMENT)
    assert (caught.value.code, len(server.asked)) == (code, times)
    assert caught.value.where == f"{server.url}/api/v2/log/entries"
