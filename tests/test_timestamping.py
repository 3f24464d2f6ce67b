"""What a timestamp authority answers is taken only if it is an answer to our question (RFC 3161)."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from clients.tsa import TimestampAuthority
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from loopback import Answer, Loopback
from world import signer

from attest import service
from attest.bundle import parse_bundle
from attest.errors import SignatureError, UsageError
from attest.resource import ResourceDescriptor
from attest.statement import Statement
from attest.timestamping import TimestampedSigner, timestamp
from attest.verifiers.timestamp import TimestampRoot, trusted_time

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

SIGNATURE = b"a signature"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(service, "sleep", lambda _: None)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TimestampAuthority(tmp_path_factory.mktemp("tsa"))


def replies(body, kind="application/timestamp-reply"):
    return lambda question: Answer(200, body(question.body), kind)


def refused(body, **settings):
    """Return the error for an answer made of the query."""
    with Loopback(replies(body)) as server, pytest.raises(SignatureError) as caught:
        timestamp(server.url, SIGNATURE, **settings)
    assert caught.value.where == server.url
    return caught.value


def test_a_token_that_openssl_and_we_accept(authority):
    with Loopback(replies(authority.answer)) as server:
        token = timestamp(server.url, SIGNATURE)
    assert authority.accepts(token, SIGNATURE)
    assert not authority.accepts(token, b"another signature")
    (question,) = server.asked
    assert question.headers["content-type"] == "application/timestamp-query"
    assert question.headers["accept"] == "application/timestamp-reply"


def test_only_a_digest_leaves(authority):
    with Loopback(replies(authority.answer)) as server:
        timestamp(server.url, SIGNATURE)
        timestamp(server.url, SIGNATURE)
    first, second = (question.body for question in server.asked)
    assert SIGNATURE not in first
    assert len(first) < 100
    assert first != second  # the nonce


@pytest.mark.parametrize("body", [b"", b"garbage", b"\x30\x03\x02\x01\x02", b"\x30\x80" + b"\x30\x80" * 500])
def test_garbage_is_no_answer(body):
    assert refused(lambda _: body).code == "timestamp-malformed"


def test_half_an_answer_is_none(authority):
    for part in (0.3, 0.6, 0.99):
        error = refused(lambda query, part=part: (whole := authority.answer(query))[: int(len(whole) * part)])
        assert error.code == "timestamp-malformed"


def test_a_token_of_yesterday_is_not_taken(authority):
    error = refused(lambda _: authority.stamp(SIGNATURE))
    assert (error.code, "nonce" in error.what) == ("timestamp-mismatch", True)


def test_a_token_over_something_else_is_not_taken(authority):
    error = refused(lambda _: authority.stamp(b"something else"))
    assert (error.code, "something else than the signature" in error.what) == ("timestamp-mismatch", True)


def test_a_refusal_is_told_in_the_authoritys_words(authority):
    error = refused(lambda _: authority.stamp(SIGNATURE, digest="sha1"))
    assert error.code == "timestamp-refused"
    assert "answered: rejected: " in error.what
    assert "digest algorithm is not supported" in error.what


def edited(authority, change):
    """An answer of the authority, changed afterwards under its signature, which nobody here can check."""
    tsp = pytest.importorskip("asn1crypto.tsp")

    def body(query):
        response = tsp.TimeStampResp.load(authority.answer(query))
        change(response)
        return response.dump(force=True)

    return body


def certificate(authority, *usages, critical=True, days=30):
    """Another certificate that calls itself the authority's."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(authority.leaf.subject)
        .issuer_name(authority.leaf.issuer)
        .serial_number(authority.leaf.serial_number)
        .public_key(key.public_key())
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now - timedelta(days=40) + timedelta(days=days))
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def with_certificates(authority, *certificates):
    cms = pytest.importorskip("asn1crypto.cms")

    def change(response):
        chosen = [cms.CertificateChoices.load(each) for each in certificates]
        response["time_stamp_token"]["content"]["certificates"] = cms.CertificateSet(chosen)

    return edited(authority, change)


STAMPING, SIGNING = ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING


@pytest.mark.parametrize(
    ("usages", "settings", "reason"),
    [
        ((), {"days": 60}, "not for timestamps"),
        ((SIGNING,), {"days": 60}, "not for timestamps"),
        ((STAMPING, SIGNING), {"days": 60}, "not for timestamps"),
        ((STAMPING,), {"days": 60, "critical": False}, "not for timestamps"),
        ((STAMPING,), {"days": 30}, "its certificate is valid from"),
    ],
    ids=["any use", "another use", "one use more", "not critical", "expired"],
)
def test_a_wrong_certificate(authority, usages, settings, reason):
    error = refused(with_certificates(authority, certificate(authority, *usages, **settings)))
    assert (error.code, reason in error.what) == ("timestamp-certificate", True)


def test_no_certificate_of_its_own(authority):
    der = authority.root.public_bytes(serialization.Encoding.DER)
    error = refused(with_certificates(authority, der))
    assert (error.code, "lacks the certificate" in error.what) == ("timestamp-certificate", True)
    own = authority.leaf.public_bytes(serialization.Encoding.DER)
    with Loopback(replies(with_certificates(authority, der, own))) as server:
        assert timestamp(server.url, SIGNATURE)


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_that_is_two_days_off(authority, days):
    cms = pytest.importorskip("asn1crypto.cms")
    fresh = certificate(authority, STAMPING, days=60)  # the authority's own began yesterday

    def change(response):
        signed = response["time_stamp_token"]["content"]
        signed["certificates"] = cms.CertificateSet([cms.CertificateChoices.load(fresh)])
        info = signed["encap_content_info"]["content"].parsed
        info["gen_time"] = datetime.now(UTC) + timedelta(days=days)
        signed["encap_content_info"]["content"].set(info.dump(force=True))

    error = refused(edited(authority, change))
    assert error.code == "timestamp-clock"
    assert "this machine's clock says" in error.what
    assert "one of the two clocks is wrong" in error.hint


def test_an_authority_that_is_down_is_asked_again(authority):
    answers = [Answer(503), Answer(502)]
    good = replies(authority.answer)
    with Loopback(lambda question: answers.pop() if answers else good(question)) as server:
        assert timestamp(server.url, SIGNATURE)
    assert len(server.asked) == 3
    with Loopback(lambda _: Answer(503)) as server, pytest.raises(SignatureError) as caught:
        timestamp(server.url, SIGNATURE, retries=1)
    assert (caught.value.code, len(server.asked)) == ("timestamp-status", 2)


def test_an_answer_of_another_type():
    html = Answer(200, b"<html>", "text/html")
    with Loopback(lambda _: html) as server, pytest.raises(SignatureError) as caught:
        timestamp(server.url, SIGNATURE)
    assert caught.value.code == "timestamp-type"


def test_no_url():
    with pytest.raises(UsageError, match="is no URL of a service"):
        timestamp("tsa.example", SIGNATURE)


# ── the signer around a signer ──


STATEMENT = Statement.build(
    [ResourceDescriptor(name="a", digest={"sha256": "0" * 64})], "https://example.org/any/v1", {}
)


def test_every_authority_adds_its_token(authority, tmp_path):
    other = TimestampAuthority(tmp_path)
    with Loopback(replies(authority.answer)) as one, Loopback(replies(other.answer)) as two:
        made = TimestampedSigner(signer("ci"), [one.url, two.url])
        bundle = made.sign(STATEMENT)
    assert made.identity == signer("ci").identity
    assert bundle == parse_bundle(bundle.raw)
    assert bundle.payload == STATEMENT.payload
    assert authority.accepts(bundle.timestamps[0], bundle.signature)
    assert other.accepts(bundle.timestamps[1], bundle.signature)
    for each in (authority, other):
        assert trusted_time(bundle, [TimestampRoot.from_pem(each.pem, "tsa.pem")]) is not None


def test_one_authority_that_is_missing_is_one_too_few(authority):
    with (
        Loopback(replies(authority.answer)) as one,
        Loopback(lambda _: Answer(500)) as two,
        pytest.raises(SignatureError) as caught,
    ):
        TimestampedSigner(signer("ci"), [one.url, two.url]).sign(STATEMENT)
    assert (caught.value.code, caught.value.where) == ("timestamp-status", two.url)
