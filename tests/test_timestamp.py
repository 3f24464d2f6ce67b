"""Trusted time: tokens made by OpenSSL, an independent timestamp authority, are read as they should."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from world import POLICY, World, codes, make_trust, signer

from attest.bundle import key_bundle
from attest.errors import AttestError, SignatureError
from attest.verdict import Verdict
from attest.verifiers.timestamp import TimestampRoot, trusted_time

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
"""


def openssl(*words: str, folder: Path, data: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *words], cwd=folder, input=data, check=True, capture_output=True).stdout


class Authority:
    """A timestamp authority made of the openssl command."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "c.cnf").write_text(CONFIG.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        new = (
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-config",
            "c.cnf",
        )
        openssl(
            *new,
            "-subj",
            f"/CN={name} root",
            "-extensions",
            "root",
            "-days",
            "3650",
            "-keyout",
            "root.key",
            "-out",
            "root.pem",
            folder=self.folder,
        )
        openssl(
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-config",
            "c.cnf",
            "-subj",
            f"/CN={name}",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.csr",
            folder=self.folder,
        )
        openssl(
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-extfile",
            "c.cnf",
            "-extensions",
            "leaf",
            "-days",
            "3650",
            "-out",
            "tsa.pem",
            folder=self.folder,
        )
        self.chain = (self.folder / "tsa.pem").read_bytes() + (self.folder / "root.pem").read_bytes()

    @property
    def root(self) -> TimestampRoot:
        return TimestampRoot.from_pem(self.chain, "tsa.pem")

    def stamp(self, signature: bytes, *, certificate: bool = True) -> bytes:
        (self.folder / "sig").write_bytes(signature)
        flags = ["-cert"] if certificate else []
        openssl("ts", "-query", "-data", "sig", "-sha256", *flags, "-out", "q.tsq", folder=self.folder)
        openssl(
            "ts",
            "-reply",
            "-config",
            "c.cnf",
            "-section",
            "one",
            "-queryfile",
            "q.tsq",
            "-signer",
            "tsa.pem",
            "-inkey",
            "tsa.key",
            "-out",
            "r.tsr",
            folder=self.folder,
        )
        return (self.folder / "r.tsr").read_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"), "first")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa2"), "second")


@pytest.fixture
def bundle():
    world = World()
    world.dataset("digits")
    return world.bundles[0]


def stamped(bundle, *tokens: bytes):
    return key_bundle(bundle.payload, bundle.signature, bundle.hint, tokens)


def test_a_token_of_a_pinned_authority_is_an_upper_bound(authority, bundle):
    time = trusted_time(stamped(bundle, authority.stamp(bundle.signature)), [authority.root])
    assert time is not None
    assert abs(time - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_token_without_its_certificate_needs_the_one_of_the_root_file(authority, bundle):
    token = authority.stamp(bundle.signature, certificate=False)
    assert trusted_time(stamped(bundle, token), [authority.root]) is not None


def test_no_time_from_another_authority(authority, stranger, bundle):
    assert trusted_time(stamped(bundle, stranger.stamp(bundle.signature)), [authority.root]) is None
    assert trusted_time(stamped(bundle, stranger.stamp(bundle.signature)), []) is None


def test_no_time_from_a_token_over_another_signature(authority, bundle):
    assert trusted_time(stamped(bundle, authority.stamp(b"another signature")), [authority.root]) is None


@pytest.mark.parametrize("token", [b"", b"garbage", b"\x30\x03\x02\x01\x02"])
def test_garbage_is_no_time(authority, bundle, token):
    assert trusted_time(stamped(bundle, token), [authority.root]) is None


def test_no_flipped_byte_of_a_token_gives_another_time(authority, bundle):
    token = authority.stamp(bundle.signature)
    true_time = trusted_time(stamped(bundle, token), [authority.root])
    for place in range(0, len(token), 7):
        flipped = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        assert trusted_time(stamped(bundle, flipped), [authority.root]) in (None, true_time)


def test_a_root_file_without_a_root(authority):
    with pytest.raises(SignatureError, match="no self-signed root"):
        TimestampRoot.from_pem((authority.folder / "tsa.pem").read_bytes(), "tsa.pem")
    with pytest.raises(SignatureError, match="not certificates"):
        TimestampRoot.from_pem(b"hello", "tsa.pem")


TIME_POLICY = "policy: t\nversion: 1\nrules: [{trusted-time: {steps: required, datasets: required}}]"


def timed_world(authority: Authority, *, timed: bool = True):
    world = World(replace(make_trust(), _authorities=(authority.root,)))
    data, model = world.dataset("digits"), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    world.contents(model)
    if timed:
        world.bundles = [stamped(each, authority.stamp(each.signature)) for each in world.bundles]
    return world, model


def test_rule_trusted_time(authority):
    later = datetime.now(UTC) + timedelta(hours=1)
    world, model = timed_world(authority)
    assert world.judge(model, TIME_POLICY, as_of=later).verdict is Verdict.ACCEPT
    bare, model_too = timed_world(authority, timed=False)
    judgement = bare.judge(model_too, TIME_POLICY, as_of=later)
    assert judgement.verdict is Verdict.INCOMPLETE
    assert codes(judgement) == {"trusted-time/no-trusted-time"}


def test_signed_too_late(authority):
    world, model = timed_world(authority)
    policy = "policy: t\nversion: 1\nrules: [{trusted-time: {before: 2020-01-01}}]"
    judgement = world.judge(model, policy, as_of=datetime.now(UTC) + timedelta(hours=1))
    assert judgement.verdict is Verdict.REJECT
    assert codes(judgement) == {"trusted-time/signed-too-late"}


def test_a_clock_set_back_is_an_error(authority):
    world, model = timed_world(authority)
    with pytest.raises(AttestError, match="is earlier than the trusted time"):
        world.judge(model, POLICY, as_of=datetime(2026, 1, 1, tzinfo=UTC))


def test_as_of_the_past_forgets_later_grants_and_keeps_later_withdrawals(authority):
    world, model = timed_world(authority)
    then = datetime(2026, 1, 1, tzinfo=UTC)
    judgement = world.judge(model, TIME_POLICY, as_of=then, historical=True)
    assert not judgement.verdict.accepts
    reviewed = world.review(model, as_of=then, historical=True)
    assert {each.reason for each in reviewed.graph.evidence} == {"signed after the time of evaluation"}
    bare, model_too = timed_world(authority, timed=False)
    withdrawal = bare.withdraw(bare.bundles[2].statement_digest, by="ci")
    bare.bundles[-1] = stamped(withdrawal, authority.stamp(withdrawal.signature))
    reviewed = bare.review(model_too, as_of=then, historical=True)
    assert [each.kind for each in reviewed.graph.evidence if each.withdrawn_by] == ["step"]


def test_the_earliest_time_of_any_copy_counts(authority):
    world, model = timed_world(authority)
    copies = [stamped(each, authority.stamp(each.signature)) for each in world.bundles]
    later = datetime.now(UTC) + timedelta(hours=1)
    both = world.review(model, lines=[*copies, *world.bundles], as_of=later)
    alone = world.review(model, as_of=later)
    assert [each.trusted_time for each in both.graph.evidence] == [
        each.trusted_time for each in alone.graph.evidence
    ]


def test_a_selector_reaches_what_was_not_shown_to_be_signed_before_it(authority):
    later = datetime.now(UTC) + timedelta(hours=2)
    soon = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for timed, reached in ((True, False), (False, True)):
        world, model = timed_world(authority, timed=timed)
        subject = [{"name": "selector", "digest": {"sha256": "5" * 64}}]
        world.sign("withdrawal", subject, {"selector": {"from": soon}, "reason": "key-compromise"}, "ci")
        steps = [each for each in world.review(model, as_of=later).graph.evidence if each.kind == "step"]
        assert [bool(each.withdrawn_by) for each in steps] == [reached]
        other = [each for each in world.review(model, as_of=later).graph.evidence if each.kind == "dataset"]
        assert [bool(each.withdrawn_by) for each in other] == [False]


def test_signer_unused_helper_is_an_identity():
    assert signer("ci").identity == {"key": signer("ci").public.fingerprint}
