"""Keyless bundles: whom a certificate names, under which pinned root, and each refusal with its reason."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from keyless_instance import ISSUER, REPOSITORY, WORKFLOW, Instance, claims, der, der_text
from pki import authority, new_key, pem
from pydantic.alias_generators import to_camel
from tlog import TestLog
from world import World, codes, descriptor, make_trust, signer

from attest.anchors import Anchors, KeylessHolder, read_sigstore_root
from attest.bundle import Bundle, parse_bundle
from attest.digest import sha256_bytes
from attest.errors import AttestError, FormatError, UsageError
from attest.keyring import Keyring
from attest.reports.html import render as render_html
from attest.reports.text import render as render_text
from attest.resource import ResourceDescriptor
from attest.statement import Statement
from attest.trust import Trust, read_trust
from attest.trustfile import CONDITIONS, SigstoreIdentity
from attest.verdict import Verdict
from attest.verifier import Identity, UnverifiedError
from attest.verifiers.fulcio import Claims, read_claims, unmet

sigstore = pytest.importorskip(
    "sigstore", reason="sigstore-python is not installed: no keyless bundle is verified"
)

STATEMENT = Statement.build(
    [ResourceDescriptor.model_validate({"name": "m", "digest": {"sha256": "a" * 64}})],
    "https://example.com/claim/v1",
    {"says": "so"},
)
CI = {"issuer": ISSUER, "identity": WORKFLOW, "sourceRepository": REPOSITORY}


@pytest.fixture(scope="module")
def instance(tmp_path_factory) -> Instance:
    return Instance(tmp_path_factory.mktemp("sigstore"))


def trust_in(folder: Path, roots: dict[str, bytes], **principals: dict[str, Any]) -> Trust:
    pinned = []
    for name, data in roots.items():
        (folder / name).write_bytes(data)
        pinned.append({"file": name, "sha256": sha256_bytes(data)})
    value = {
        "principals": {name: {"sigstore": given} for name, given in principals.items()},
        "roots": {"sigstore": pinned},
    }
    (folder / "trust.yaml").write_text(json.dumps(value))
    return read_trust(folder / "trust.yaml")


@pytest.fixture
def trust(tmp_path, instance) -> Trust:
    return trust_in(tmp_path, {"root.json": instance.trusted_root()}, ci=CI)


def refused(trust: Trust, bundle: Bundle) -> UnverifiedError:
    with pytest.raises(UnverifiedError) as caught:
        trust.verify(bundle, as_of=datetime.now(UTC))
    return caught.value


def changed(bundle: Bundle, change) -> Bundle:
    value = json.loads(bundle.raw)
    change(value)
    return parse_bundle(json.dumps(value).encode())


# ── who is believed ──


@pytest.mark.parametrize(("version", "stamped"), [(1, False), (1, True), (2, True)])
def test_a_keyless_bundle(trust, instance, version, stamped):
    verified = trust.verify(instance.sign(STATEMENT, version=version, stamped=stamped))
    assert verified.principals == ("ci",)
    assert verified.signer == Identity("sigstore", WORKFLOW, ISSUER, sha256_bytes(instance.trusted_root()))
    assert verified.statement == STATEMENT
    assert abs(verified.trusted_time - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("version", [1, 2])
def test_zeros_of_a_logs_first_entry_are_left_out_by_protobufs_json(trust, instance, monkeypatch, version):
    """So cosign and sigstore-go write them; ours stay as the log wrote them."""
    log = {1: instance.v1, 2: instance.v2}[version]
    monkeypatch.setattr(log, "leaves", [])
    monkeypatch.setattr(log, "later", ())

    def shorten(value):
        (entry,) = entries(value)
        assert (entry.pop("logIndex"), entry["inclusionProof"].pop("logIndex")) == ("0", "0")
        assert entry["inclusionProof"].pop("hashes") == []

    bundle = instance.sign(STATEMENT, version=version)
    assert trust.verify(changed(bundle, shorten)).trusted_time == trust.verify(bundle).trusted_time


def test_the_earliest_of_its_times_is_the_trusted_one(trust, instance):
    early = (datetime.now(UTC) - timedelta(minutes=30)).replace(microsecond=0)
    assert trust.verify(instance.sign(STATEMENT, time=early, stamped=True)).trusted_time == early


def test_what_was_verified_once_helps_no_other_certificate(trust, instance):
    leaf = instance.certificate()
    for number in range(2):
        assert trust.verify(instance.sign(STATEMENT, leaf)).principals == ("ci",), number
        assert (
            refused(trust, instance.sign(STATEMENT, instance.certificate(ct_key=new_key()))).code
            == "sct-invalid"
        )
        assert refused(trust, instance.sign(STATEMENT, instance.certificate(scts=0))).code == "sct-missing"


def test_one_certificate_signs_many_and_ends_for_all(trust, instance):
    leaf = instance.certificate()
    for number in range(3):
        other = Statement.build(STATEMENT.subjects, STATEMENT.predicate_type, {"number": number})
        assert trust.verify(instance.sign(other, leaf)).principals == ("ci",)
    late = instance.sign(STATEMENT, leaf, time=datetime.now(UTC) + timedelta(hours=3))
    assert refused(trust, late).code == "certificate-expired"
    early = instance.sign(STATEMENT, leaf, time=datetime.now(UTC) - timedelta(hours=3))
    assert refused(trust, early).code == "certificate-not-yet-valid"


def test_an_email_of_any_issuer(tmp_path, instance):
    person = {"issuer": "https://accounts.example", "identity": "*@acme.example"}
    trust = trust_in(tmp_path, {"root.json": instance.trusted_root()}, person=person, ci=CI)
    leaf = instance.certificate(x509.RFC822Name("jo@acme.example"), claims("https://accounts.example"))
    assert trust.verify(instance.sign(STATEMENT, leaf)).principals == ("person",)
    leaf = instance.certificate(x509.RFC822Name("jo@acme.example.evil"), claims("https://accounts.example"))
    assert refused(trust, instance.sign(STATEMENT, leaf)).code == "signer-unknown"


def test_two_principals_of_one_identity(tmp_path, instance):
    strict = {**CI, "runnerEnvironment": "github-hosted"}
    other = {**CI, "runnerEnvironment": "self-hosted"}
    trust = trust_in(tmp_path, {"root.json": instance.trusted_root()}, any=CI, strict=strict, other=other)
    assert trust.verify(instance.sign(STATEMENT)).principals == ("any", "strict")


# ── whom a certificate names ──


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"identity": WORKFLOW.replace("train", "other")}, "signer-unknown", "does not name"),
        ({"identity": "https://github.com/acme/*"}, "signer-unknown", "does not name"),
        ({"identity": WORKFLOW.removesuffix("1") + "*"}, "", ""),
        ({"issuer": "https://token.actions.githubusercontent.com/x"}, "signer-unknown", "does not name"),
        ({"sourceRepository": "https://github.com/evil/fork"}, "condition-unmet", "sourceRepository: got"),
        ({"sourceRepositoryRef": "refs/tags/v*"}, "", ""),
        (
            {"sourceRepositoryRef": "refs/heads/*"},
            "condition-unmet",
            "'refs/tags/v1', expected 'refs/heads/*'",
        ),
        ({"runnerEnvironment": "self-hosted"}, "condition-unmet", "runnerEnvironment: got 'github-hosted'"),
        ({"deploymentEnvironment": "*"}, "condition-unmet", "deploymentEnvironment: got none"),
        ({"extensions": {"1.3.6.1.4.1.57264.1.11": "github-*"}}, "", ""),
        ({"extensions": {"1.3.6.1.4.1.57264.1.99": "x"}}, "condition-unmet", "1.99: got none"),
    ],
)
def test_conditions(tmp_path, instance, change, code, message):
    trust = trust_in(tmp_path, {"root.json": instance.trusted_root()}, ci={**CI, **change})
    bundle = instance.sign(STATEMENT)
    if not code:
        assert trust.verify(bundle).principals == ("ci",)
        return
    error = refused(trust, bundle)
    assert (error.code, message in error.what) == (code, True), error.what


def test_every_extension_is_a_condition_under_its_name():
    """What Fulcio's page of OIDs lists from 2 to 23; 7 is an alternative name, 8 the issuer."""
    assert sorted(map(int, CONDITIONS.values())) == [2, 3, 4, 5, 6, *range(9, 24)]
    base = "1.3.6.1.4.1.57264.1."
    for name, number in CONDITIONS.items():
        given = {"issuer": "https://i.example", "identity": "x", name: "right"}
        wanted = SigstoreIdentity.model_validate(given)
        assert unmet(wanted, Claims("https://i.example", "x", {base + number: "right"})) is None
        for wrong in ({}, {base + number: "wrong"}, {base + "1" + number: "right"}):
            assert unmet(wanted, Claims("https://i.example", "x", wrong)).startswith(f"{to_camel(name)}: got")


def test_github_and_globs_in_a_trust_file(tmp_path, instance):
    root = {"root.json": instance.trusted_root()}
    with pytest.raises(UsageError, match="a GitHub identity needs sourceRepository"):
        trust_in(tmp_path, root, ci={"issuer": ISSUER, "identity": WORKFLOW})
    with pytest.raises(UsageError, match="an issuer is exact"):
        trust_in(tmp_path, root, ci={"issuer": "https://*.example", "identity": "x"})
    with pytest.raises(UsageError, match="expected an OID under"):
        trust_in(tmp_path, root, ci={**CI, "extensions": {"1.2.3": "x"}})
    with pytest.raises(UsageError, match="unknown key 'sourceRepo'"):
        trust_in(tmp_path, root, ci={**CI, "sourceRepo": "x"})


@pytest.mark.parametrize(
    "extensions",
    [
        {"1": b"https://a.example", "8": der_text("https://b.example")},
        {"8": b"\x13\x01a"},
        {"8": der(0x0C, b"\xff")},
    ],
)
def test_a_certificate_that_contradicts_itself(trust, instance, extensions):
    leaf = instance.certificate(None, extensions)
    assert refused(trust, instance.sign(STATEMENT, leaf)).code == "certificate-invalid"


def test_a_certificate_of_two_identities(trust, instance):
    names = (x509.UniformResourceIdentifier(WORKFLOW), x509.RFC822Name("ci@acme.example"))
    leaf = instance.certificate(alternatives=names)
    error = refused(trust, instance.sign(STATEMENT, leaf))
    assert error.code == "certificate-invalid"
    assert "2 identities" in error.what


def test_text_of_every_length_is_read():
    root = authority("CN=r")

    @given(st.text(max_size=300))
    def check(text):
        extension = x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.12"), der_text(text)
        )
        issuer = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), der_text("i"))
        leaf = root.issue(
            key=KEY, alternatives=(x509.DNSName("d"),), extensions=((extension, False), (issuer, False))
        )
        read = read_claims(leaf.certificate)
        assert read == Claims("i", "d", {"1.3.6.1.4.1.57264.1.12": text, "1.3.6.1.4.1.57264.1.8": "i"})

    check()


KEY = new_key()


@pytest.mark.parametrize(
    "value", [b"", b"\x0c", b"\x0c\x05abc", b"\x0c\x01ab", b"\x0c\x81\x01a", b"\x0c\x80", b"\x16\x01a"]
)
def test_what_is_no_text_meets_no_condition(trust, instance, value):
    leaf = instance.certificate(None, {**claims(), "12": value})
    error = refused(trust, instance.sign(STATEMENT, leaf))
    assert error.code == "condition-unmet"
    assert "sourceRepository: got none" in error.what


# ── each refusal ──


@cache
def stranger() -> Any:
    return authority("CN=fulcio-intermediate,O=test")


REFUSED = {
    "sct-missing": lambda it: it.sign(STATEMENT, it.certificate(scts=0)),
    "sct-invalid: two": lambda it: it.sign(STATEMENT, it.certificate(scts=2)),
    "sct-invalid: of another log": lambda it: it.sign(STATEMENT, it.certificate(ct_key=new_key())),
    "certificate-expired": lambda it: it.sign(STATEMENT, it.certificate(days=(-2, -1))),
    "certificate-not-yet-valid": lambda it: it.sign(STATEMENT, it.certificate(days=(1, 2))),
    "certificate-not-yet-valid: clock two days off": lambda it: it.sign(
        STATEMENT, time=datetime.now(UTC) - timedelta(days=2)
    ),
    "certificate-expired: one of its times": lambda it: it.sign(
        STATEMENT, time=datetime.now(UTC) + timedelta(days=2), stamped=True
    ),
    "certificate-untrusted: of a namesake": lambda it: it.sign(STATEMENT, it.certificate(issuer=stranger())),
    "certificate-untrusted: of another": lambda it: it.sign(
        STATEMENT, it.certificate(issuer=authority("CN=other"))
    ),
    "key-usage": lambda it: it.sign(STATEMENT, it.certificate(usages=("key_encipherment",))),
    "extended-key-usage": lambda it: it.sign(STATEMENT, it.certificate(purposes=None)),
    "no-trusted-time": lambda it: it.sign(STATEMENT, version=2, stamped=False),
    "no-trusted-time: of somebody else's signature": lambda it: changed(
        it.sign(STATEMENT, version=2), lambda v: stamps(v, it.tsa.stamp(b"another signature"))
    ),
    "timestamp-invalid": lambda it: changed(it.sign(STATEMENT, version=2), lambda v: stamps(v, b"garbage")),
    "log-entry-missing": lambda it: changed(it.sign(STATEMENT), lambda v: entries(v).clear()),
    "log-entry-missing: two": lambda it: changed(it.sign(STATEMENT), lambda v: entries(v).extend(entries(v))),
    "log-entry-invalid: flipped": lambda it: changed(
        it.sign(STATEMENT), lambda v: entries(v)[0]["inclusionProof"].update(rootHash="A" * 43 + "=")
    ),
    "bundle-invalid: a log entry without proof": lambda it: changed(
        it.sign(STATEMENT), lambda v: entries(v)[0].pop("inclusionProof")
    ),
    "log-entry-mismatch": lambda it: changed(
        it.sign(STATEMENT, (leaf := it.certificate())),
        lambda v: v["verificationMaterial"].update(tlogEntries=[it.v1.entry(leaf.sign(STATEMENT), leaf.der)]),
    ),
    "signature-invalid": lambda it: changed(
        it.sign(STATEMENT, version=1),
        lambda v: v["dsseEnvelope"].update(payload=base64.b64encode(b"{}").decode()),
    ),
}


def entries(value: Any) -> list[Any]:
    return value["verificationMaterial"]["tlogEntries"]


def stamps(value: Any, token: bytes) -> None:
    listed = [{"signedTimestamp": base64.b64encode(token).decode()}]
    value["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": listed}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(trust, instance, what):
    error = refused(trust, REFUSED[what](instance))
    assert error.code == what.partition(":")[0], error.what


def test_a_log_and_an_authority_nobody_pinned(trust, instance, tmp_path):
    other = Instance(tmp_path / "other")
    leaf = instance.certificate()
    bundle = leaf.sign(STATEMENT)
    foreign = changed(bundle, lambda v: entries(v).append(TestLog(1, "other.test").entry(bundle, leaf.der)))
    assert refused(trust, foreign).code == "log-entry-invalid"
    signed = instance.sign(STATEMENT, version=2)
    assert (
        refused(trust, changed(signed, lambda v: stamps(v, other.tsa.stamp(signed.signature)))).code
        == "no-trusted-time"
    )


def test_what_sigstore_python_says_and_we_have_no_code_for(trust, instance, monkeypatch):
    def surprise(*_words):
        raise RuntimeError("something new\nand more")

    root = next(iter(trust._anchors.roots.values()))
    monkeypatch.setattr(type(root._instance._verifier), "verify_dsse", surprise)
    error = refused(trust, instance.sign(STATEMENT))
    assert (error.code, error.what) == ("keyless-invalid", "sigstore-python: something new and more")


def test_two_certificates(instance):
    """A bundle of today holds one; a chain, or both kinds of signer, is no bundle we read."""
    bundle = instance.sign(STATEMENT)
    for extra in ({"x509CertificateChain": {"certificates": []}}, {"publicKey": {"hint": ""}}):
        with pytest.raises(FormatError) as refused:
            changed(bundle, lambda v, extra=extra: v["verificationMaterial"].update(extra))
        assert refused.value.code == "bundle-malformed"


# ── roots ──


def test_no_root(tmp_path, instance):
    error = refused(trust_in(tmp_path, {}, ci=CI), instance.sign(STATEMENT))
    assert error.code == "root-missing"
    stranger = trust_in(tmp_path, {}, other={"issuer": "https://i.example", "identity": "x"})
    assert refused(stranger, instance.sign(STATEMENT)).code == "signer-unknown"


def test_a_swapped_root_file(tmp_path, instance):
    trust_in(tmp_path, {"root.json": instance.trusted_root()}, ci=CI)
    (tmp_path / "root.json").write_bytes(Instance(tmp_path / "other").trusted_root())
    with pytest.raises(FormatError, match="pinned is") as refused:
        read_trust(tmp_path / "trust.yaml")
    assert refused.value.code == "pin-mismatch"


@pytest.mark.parametrize("missing", ["certificateAuthorities", "ctlogs", "tlogs"])
def test_a_root_that_is_not_enough(tmp_path, instance, missing):
    trust = trust_in(tmp_path, {"root.json": instance.trusted_root(**{missing: []})}, ci=CI)
    error = refused(trust, instance.sign(STATEMENT))
    assert error.code == ("certificate-untrusted" if missing == "certificateAuthorities" else "root-missing")


def test_a_timestamp_authority_is_relied_upon_to_the_last_moment(tmp_path, instance):
    bundle = instance.sign(STATEMENT, version=2)
    time = trust_in(tmp_path, {"root.json": instance.trusted_root()}, ci=CI).verify(bundle).trusted_time
    value = json.loads(instance.trusted_root())
    for end, good in ((time, True), (time - timedelta(seconds=1), False)):
        authorities = value["timestampAuthorities"]
        authorities[0]["validFor"]["end"] = end.isoformat().replace("+00:00", "Z")
        data = instance.trusted_root(timestampAuthorities=authorities)
        trust = trust_in(tmp_path, {"root.json": data}, ci=CI)
        if good:
            assert trust.verify(bundle).trusted_time == time
        else:
            assert refused(trust, bundle).code == "no-trusted-time"


def test_two_roots_and_one_name(tmp_path, instance):
    """Any instance can name anybody: a principal belongs to the one its line names."""
    mine = Instance(tmp_path / "private")
    roots = {"public.json": instance.trusted_root(), "private.json": mine.trusted_root()}
    with pytest.raises(UsageError, match="several Sigstore roots are pinned"):
        trust_in(tmp_path, roots, ci=CI)
    with pytest.raises(UsageError, match=r"no Sigstore root 'other\.json' is pinned"):
        trust_in(tmp_path, roots, ci={**CI, "root": "other.json"})
    trust = trust_in(tmp_path, roots, ci={**CI, "root": "public.json"})
    assert trust.verify(instance.sign(STATEMENT)).principals == ("ci",)
    assert refused(trust, mine.sign(STATEMENT)).code == "certificate-untrusted"
    both = {"public": {**CI, "root": "public.json"}, "private": {**CI, "root": "private.json"}}
    trust = trust_in(tmp_path, roots, **both)
    first, second = (trust.verify(each.sign(STATEMENT)) for each in (instance, mine))
    assert (first.principals, second.principals) == (("public",), ("private",))
    assert first.signer != second.signer


# ── beside the rest ──


def test_nothing_of_a_stranger_needs_sigstore_python(tmp_path, instance):
    """Also keys and private authorities are verified without it."""
    trust_in(tmp_path, {"root.json": instance.trusted_root()}, other={**CI, "identity": "somebody"})
    (tmp_path / "stranger.json").write_bytes(instance.sign(STATEMENT).raw)
    code = """
import sys
sys.modules["sigstore"] = None
from pathlib import Path
from attest.bundle import parse_bundle
from attest.errors import AttestError
from attest.trust import read_trust
from attest.verifier import UnverifiedError
folder = Path(sys.argv[1])
bundle = parse_bundle((folder / "stranger.json").read_bytes())
try:
    read_trust(folder / "trust.yaml").verify(bundle)
except UnverifiedError as error:
    print(error.code)
except AttestError as error:
    print(error, "|", error.hint)
"""

    def run() -> str:
        words = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    assert run() == "signer-unknown"
    trust_in(tmp_path, {"root.json": instance.trusted_root()}, ci=CI)
    assert run().startswith("keyless signatures are verified by sigstore-python, which is not installed")
    assert "pip install 'attest-provenance[sigstore]'" in run()


def test_no_network(trust, instance, monkeypatch):
    import socket

    def never(*_words):
        raise AssertionError("a verifier opened a socket")

    monkeypatch.setattr(socket, "socket", never)
    assert trust.verify(instance.sign(STATEMENT, version=2)).principals == ("ci",)


def test_a_builder_without_a_key(tmp_path, instance):
    """From bundles to the verdict: the steps are keyless, and contents name their signer."""
    mine = trust_in(tmp_path, {"root.json": instance.trusted_root()}, ci=CI)
    base = make_trust()
    file = base.file.model_copy(
        update={
            "principals": {**base.file.principals, "ci": mine.file.principals["ci"]},
            "roots": mine.file.roots,
        }
    )
    keys = Keyring({k: v for k, v in base._keys.keys.items() if v.principals != ("ci",)})
    world = World(replace(base, file=file, _keys=keys, _anchors=mine._anchors))
    data, model = world.dataset("d"), world.file("model")
    leaf = instance.certificate()
    world.step("train", [(data, "dataset")], [model])
    world.bundles[-1] = instance.sign(world.bundles[-1].statement(), leaf)
    world.sign("https://example.com/review/v1", [descriptor(model, "m")], {"stars": 5}, "ci")
    world.bundles[-1] = claim = instance.sign(world.bundles[-1].statement(), leaf)
    rows = [
        {
            "digest": {"sha256": each.statement_digest},
            "predicateType": each.statement().predicate_type,
            "signer": signer("desk").identity if each.hint else {"subject": WORKFLOW, "issuer": ISSUER},
        }
        for each in world.bundles
    ]
    predicate = {
        "sequence": 1,
        "visibility": "full",
        "release": {"name": "m", "version": "1"},
        "statements": rows,
    }
    listed = world.sign("contents", [descriptor(model, "model")], predicate, "ci")
    world.bundles[-1] = listed = instance.sign(listed.statement(), leaf)
    world.register(world.current(listed))
    later = datetime.now(UTC) + timedelta(hours=1)
    world.bundles.remove(world.registers.pop()[1])
    world.register(world.current(listed), as_of=datetime.now(UTC))
    judgement = world.judge(model, as_of=later)
    assert (judgement.verdict, codes(judgement)) == (Verdict.ACCEPT, set())
    # the report says what it rests on, and how old that is
    report = world.report(model, as_of=later)
    [row] = report.roots
    assert (row.kind, row.age_days) == ("sigstore", None)
    for render in (render_text, render_html):
        assert f"sha256:{row.sha256}" in render(report).replace("<wbr>", "")
        assert "root.json" in render(report)
    # a clock two days off notices that it is
    with pytest.raises(AttestError, match="is earlier than the trusted time"):
        world.judge(model, as_of=datetime.now(UTC) - timedelta(days=2))
    # another workflow of the same repository signs the same bytes
    other = instance.certificate(x509.UniformResourceIdentifier(WORKFLOW.replace("train", "other")))
    lines = [instance.sign(each.statement(), other) if each is claim else each for each in world.bundles]
    judgement = world.judge(model, lines=lines, as_of=later)
    assert judgement.verdict is Verdict.REJECT
    assert codes(judgement) == {"contents-complete/statement-damaged"}


def test_a_private_authority_comes_before_a_keyless_one(tmp_path, instance):
    """A leaf with Fulcio's extensions, issued by a pinned private root, is that authority's."""
    root = authority()
    (tmp_path / "ca.pem").write_bytes(pem(root.certificate))
    (tmp_path / "root.json").write_bytes(instance.trusted_root())
    held = {"root": "ca.pem", "sha256": sha256_bytes(pem(root.certificate)), "subject": WORKFLOW}
    pinned = {"file": "root.json", "sha256": sha256_bytes(instance.trusted_root())}
    value = {
        "principals": {"private": {"certificate": held}, "ci": {"sigstore": CI}},
        "roots": {"sigstore": [pinned]},
    }
    (tmp_path / "trust.yaml").write_text(json.dumps(value))
    trust = read_trust(tmp_path / "trust.yaml")
    leaf = instance.certificate(issuer=root)
    assert trust.verify(leaf.sign(STATEMENT), as_of=datetime.now(UTC)).principals == ("private",)
    assert trust.verify(instance.sign(STATEMENT)).principals == ("ci",)


def test_identities_that_could_be_a_principals():
    anchors = Anchors(keyless=(KeylessHolder("ci", SigstoreIdentity.model_validate(CI), None),))
    trust = replace(make_trust(), _anchors=anchors)
    assert trust.knows_identity(WORKFLOW, ISSUER)
    assert not trust.knows_identity(WORKFLOW, "https://other.example")
    assert not trust.knows_identity("somebody", ISSUER)


def test_a_root_is_read_once(instance):
    root = read_sigstore_root(instance.trusted_root(), "root.json")
    assert root._instance is root._instance


def test_not_installed_is_an_error_and_not_a_refusal(trust, instance, monkeypatch):
    monkeypatch.setitem(sys.modules, "attest.verifiers.sigstore", None)
    with pytest.raises(AttestError, match="not installed") as caught:
        trust.verify(instance.sign(STATEMENT))
    assert not isinstance(caught.value, UnverifiedError)
