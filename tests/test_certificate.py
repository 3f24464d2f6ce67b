"""Private authorities: who vouches for a leaf, at which time, for what; each refusal says which."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clients.tsa import TimestampAuthority
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from pki import CODE_SIGNING, DAY, Holder, authority, new_key, pem
from world import World, codes, descriptor, good_world, make_trust, signer

from attest.anchors import Anchors, Holders
from attest.bundle import parse_bundle, with_evidence
from attest.cli import main
from attest.digest import sha256_bytes
from attest.errors import FormatError, SignatureError
from attest.resource import ResourceDescriptor
from attest.statement import Statement
from attest.trust import Trust, read_trust
from attest.verdict import Verdict
from attest.verifier import Identity, UnverifiedError
from attest.verifiers.certificate import Authority, is_subject

STATEMENT = Statement.build(
    [ResourceDescriptor.model_validate({"name": "m", "digest": {"sha256": "a" * 64}})],
    "https://example.com/claim/v1",
    {"says": "so"},
)
ROOT = authority()
NOW = datetime.now(UTC)


def trust_in(
    folder: Path,
    principals: dict[str, tuple[bytes, str]],
    roots: dict[str, list[bytes]] | None = None,
    roles: dict[str, object] | None = None,
) -> Trust:
    """A trust file of private authorities: name → (PEM of the root file, subject)."""

    def pin(data: bytes) -> dict[str, str]:
        name = f"{sha256_bytes(data)[:12]}.pem"
        (folder / name).write_bytes(data)
        return {"file": name, "sha256": sha256_bytes(data)}

    written = {}
    for name, (data, subject) in principals.items():
        pinned = pin(data)
        written[name] = {
            "certificate": {"root": pinned["file"], "sha256": pinned["sha256"], "subject": subject}
        }
    pinned_roots = {kind: [pin(each) for each in files] for kind, files in (roots or {}).items()}
    value = {"principals": written, "roles": roles or {}, "roots": pinned_roots}
    (folder / "trust.yaml").write_text(json.dumps(value))
    return read_trust(folder / "trust.yaml")


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return trust_in(tmp_path, {"coop": (pem(ROOT.certificate), "CN=provenance")})


@pytest.fixture(scope="module")
def tsa(tmp_path_factory) -> TimestampAuthority:
    return TimestampAuthority(tmp_path_factory.mktemp("tsa"))


def refused(trust: Trust, bundle, as_of: datetime | None = NOW) -> UnverifiedError:
    with pytest.raises(UnverifiedError) as caught:
        trust.verify(bundle, as_of=as_of)
    return caught.value


# ── who is believed ──


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519", "rsa"])
def test_a_leaf_of_the_pinned_root(trust, kind):
    leaf = ROOT.issue(key=new_key(kind))
    verified = trust.verify(leaf.sign(STATEMENT), as_of=NOW)
    assert verified.principals == ("coop",)
    assert verified.trusted_time is None
    root = sha256_bytes(ROOT.der)
    assert verified.signer == Identity("certificate", "CN=provenance", "CN=Coop Root,O=Photo Co-op", root)
    assert verified.statement == STATEMENT


@pytest.mark.parametrize("kind", ["p256", "p384", "ed25519", "rsa"])
def test_authorities_of_every_kind_of_key(tmp_path, kind):
    root = authority("CN=R", key=new_key(kind))
    trust = trust_in(tmp_path, {"coop": (pem(root.certificate), "CN=provenance")})
    assert trust.verify(root.issue().sign(STATEMENT), as_of=NOW).principals == ("coop",)


def test_intermediates_come_from_the_root_file_alone(tmp_path):
    middle = ROOT.issue("CN=Coop Issuing", authority=True)
    bundle = middle.issue().sign(STATEMENT)
    both = trust_in(tmp_path, {"coop": (pem(middle.certificate, ROOT.certificate), "CN=provenance")})
    assert both.verify(bundle, as_of=NOW).signer.issuer == "CN=Coop Issuing"
    alone = trust_in(tmp_path, {"coop": (pem(ROOT.certificate), "CN=provenance")})
    assert refused(alone, bundle).code == "certificate-untrusted"


def test_a_chain_in_the_bundle_is_no_bundle_of_ours():
    leaf = ROOT.issue()
    value = json.loads(leaf.sign(STATEMENT).raw)
    material = value["verificationMaterial"]
    two = [material.pop("certificate"), {"rawBytes": "AAAA"}]
    material["x509CertificateChain"] = {"certificates": two}
    with pytest.raises(FormatError, match="unknown field 'x509CertificateChain'"):
        parse_bundle(json.dumps(value).encode())


def test_a_renewed_intermediate_does_not_hide_the_one_that_signed(tmp_path):
    """Two issuers of one name: the one whose key signed is found."""
    first, second = (ROOT.issue("CN=Coop Issuing", authority=True) for _ in range(2))
    pool = pem(first.certificate, second.certificate, ROOT.certificate)
    trust = trust_in(tmp_path, {"coop": (pool, "CN=provenance")})
    for middle in (first, second):
        assert trust.verify(middle.issue().sign(STATEMENT), as_of=NOW).principals == ("coop",)


def test_a_cross_signed_intermediate_uses_the_path_that_is_still_valid(tmp_path):
    key = new_key()
    old = authority("CN=Old", days=(-100, -50))
    expired = old.issue("CN=Issuing", authority=True, key=key, days=(-90, -60))
    renewed = ROOT.issue("CN=Issuing", authority=True, key=key)
    pool = pem(old.certificate, expired.certificate, renewed.certificate, ROOT.certificate)
    trust = trust_in(tmp_path, {"coop": (pool, "CN=provenance")})
    assert trust.verify(renewed.issue().sign(STATEMENT), as_of=NOW).principals == ("coop",)


def test_two_principals_under_one_root(tmp_path):
    root = pem(ROOT.certificate)
    trust = trust_in(tmp_path, {"a": (root, "CN=a"), "b": (root, "CN=b"), "any": (root, "CN=*")})
    assert trust.verify(ROOT.issue("CN=a").sign(STATEMENT), as_of=NOW).principals == ("a", "any")
    assert trust.verify(ROOT.issue("CN=b").sign(STATEMENT), as_of=NOW).principals == ("any", "b")


def test_the_same_names_from_another_authority_are_somebody_else(tmp_path):
    """Identities of two authorities that call themselves the same never compare equal."""
    other = authority()
    roots = {"coop": (pem(ROOT.certificate), "CN=provenance"), "other": (pem(other.certificate), "CN=*")}
    trust = trust_in(tmp_path, roots)
    ours = trust.verify(ROOT.issue().sign(STATEMENT), as_of=NOW)
    theirs = trust.verify(other.issue().sign(STATEMENT), as_of=NOW)
    assert (ours.principals, theirs.principals) == (("coop",), ("other",))
    assert str(ours.signer) == str(theirs.signer)
    assert ours.signer != theirs.signer


# ── each refusal ──


def leaf_under_a_leaf() -> Holder:
    return ROOT.issue("CN=not an authority").issue()


REFUSED = {
    "certificate-untrusted": {
        "another root of the same name": lambda: authority().issue(),
        "self-signed": lambda: authority("CN=provenance"),
        "signed with a short hash": lambda: ROOT.issue(digest=hashes.SHA224()),
    },
    "certificate-expired": {"the leaf": lambda: ROOT.issue(days=(-10, -1))},
    "certificate-not-yet-valid": {"the leaf": lambda: ROOT.issue(days=(1, 10))},
    "key-usage": {
        "none said": lambda: ROOT.issue(usages=()),
        "for something else": lambda: ROOT.issue(usages=("key_encipherment",)),
    },
    "extended-key-usage": {
        "none said": lambda: ROOT.issue(purposes=None),
        "a server's": lambda: ROOT.issue(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "any": lambda: ROOT.issue(purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)),
    },
    "certificate-is-authority": {
        "an authority's": lambda: ROOT.issue(
            "CN=provenance",
            authority=True,
            usages=("key_cert_sign", "digital_signature"),
            extensions=((x509.ExtendedKeyUsage(CODE_SIGNING), False),),
        ),
    },
    "certificate-key": {"secp256k1": lambda: ROOT.issue(key=new_key("secp256k1"))},
    "critical-extension": {
        "unknown": lambda: ROOT.issue(
            extensions=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),)
        ),
    },
    "subject-mismatch": {
        "another": lambda: ROOT.issue("CN=somebody"),
        "longer": lambda: ROOT.issue("CN=provenance,O=Other"),
        "in an alternative name": lambda: ROOT.issue(
            "CN=other", alternatives=(x509.UniformResourceIdentifier("CN=provenance"),)
        ),
    },
}
CASES = [(code, what) for code, cases in REFUSED.items() for what in cases]


@pytest.mark.parametrize(("code", "what"), CASES, ids=[f"{code}: {what}" for code, what in CASES])
def test_refused(trust, code, what):
    holder = REFUSED[code][what]()
    bundle = holder.sign(STATEMENT) if code != "certificate-key" else ROOT.issue().sign(STATEMENT)
    if code == "certificate-key":
        bundle = replace(bundle, certificate=holder.der)
    error = refused(trust, bundle)
    assert error.code == code, error.what


def test_a_signature_of_another_key(trust):
    good = ROOT.issue().sign(STATEMENT)
    assert refused(trust, replace(good, certificate=ROOT.issue().der)).code == "signature-invalid"
    assert refused(trust, replace(good, payload=good.payload + b" ")).code == "signature-invalid"


@pytest.mark.parametrize("der", [b"", b"der", b"\x30\x03\x02\x01\x02", b"\x30\x80"])
def test_what_is_no_certificate(trust, der):
    good = ROOT.issue().sign(STATEMENT)
    assert refused(trust, replace(good, certificate=der)).code == "certificate-invalid"


LEAF = ROOT.issue()
HELD = Holders(Authority.from_pem(pem(ROOT.certificate), "root.pem"), (("coop", "CN=provenance"),))


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_certificate_verifies(place, bit):
    bundle = LEAF.sign(STATEMENT)
    data = bytearray(bundle.certificate)
    data[place % len(data)] ^= 1 << bit
    trust = replace(make_trust(), _anchors=Anchors((HELD,)))
    assert trust.verify(bundle, as_of=NOW).principals == ("coop",)
    with pytest.raises(UnverifiedError):
        trust.verify(replace(bundle, certificate=bytes(data)), as_of=NOW)


@pytest.mark.parametrize(
    ("what", "middle", "message"),
    [
        ("no authority", {"constraints": False}, "it is no authority"),
        ("a leaf", {"authority": False}, "it is no authority"),
        ("may not sign certificates", {"usages": ("digital_signature",)}, "not for signing certificates"),
        (
            "for servers",
            {"extensions": ((x509.ExtendedKeyUsage((ExtendedKeyUsageOID.SERVER_AUTH,)), False),)},
            "does not issue certificates for code signing",
        ),
    ],
)
def test_an_intermediate_that_may_not_issue(tmp_path, what, middle, message):
    issuer = ROOT.issue("CN=Middle", **{"authority": True, **middle})
    pool = pem(issuer.certificate, ROOT.certificate)
    error = refused(trust_in(tmp_path, {"coop": (pool, "CN=provenance")}), issuer.issue().sign(STATEMENT))
    assert error.code == "certificate-untrusted", what
    assert message in error.what


def test_more_intermediates_than_an_authority_allows(tmp_path):
    first = ROOT.issue("CN=First", authority=True, path_length=0)
    second = first.issue("CN=Second", authority=True)
    pool = pem(first.certificate, second.certificate, ROOT.certificate)
    trust = trust_in(tmp_path, {"coop": (pool, "CN=provenance")})
    assert trust.verify(first.issue().sign(STATEMENT), as_of=NOW)
    error = refused(trust, second.issue().sign(STATEMENT))
    assert error.code == "certificate-untrusted"
    assert "allows 0 intermediates under it, got 1" in error.what


def test_name_constraints_are_refused_and_not_skipped(tmp_path):
    constraint = x509.NameConstraints([x509.DNSName("example.com")], None)
    middle = ROOT.issue("CN=Middle", authority=True, extensions=((constraint, True),))
    pool = pem(middle.certificate, ROOT.certificate)
    error = refused(trust_in(tmp_path, {"coop": (pool, "CN=provenance")}), middle.issue().sign(STATEMENT))
    assert error.code == "critical-extension"


def test_an_expired_issuer_ends_what_it_issued(tmp_path):
    middle = ROOT.issue("CN=Middle", authority=True, days=(-10, -1))
    pool = pem(middle.certificate, ROOT.certificate)
    error = refused(trust_in(tmp_path, {"coop": (pool, "CN=provenance")}), middle.issue().sign(STATEMENT))
    assert error.code == "certificate-expired"
    assert "CN=Middle" in error.what


def test_a_ring_of_issuers_ends(tmp_path):
    one, two = authority("CN=One"), authority("CN=Two")
    ring = pem(
        one.issue("CN=Two", authority=True, key=two.key).certificate,
        two.issue("CN=One", authority=True, key=one.key).certificate,
        ROOT.certificate,
    )
    error = refused(trust_in(tmp_path, {"coop": (ring, "CN=*")}), one.issue().sign(STATEMENT))
    assert error.code == "certificate-untrusted"


# ── time ──


def test_without_any_time_nothing_is_decided(trust):
    assert refused(trust, ROOT.issue().sign(STATEMENT), as_of=None).code == "time-unknown"


def test_a_trusted_time_outlives_the_certificate(tmp_path, tsa):
    root = pem(ROOT.certificate)
    trust = trust_in(tmp_path, {"coop": (root, "CN=provenance")}, {"timestamp": [tsa.pem]})
    leaf = ROOT.issue(days=(-1, 1))
    bare = leaf.sign(STATEMENT)
    later = NOW + 100 * DAY
    assert refused(trust, bare, later).code == "certificate-expired"
    stamped = with_evidence(bare, [tsa.stamp(bare.signature)])
    verified = trust.verify(stamped, as_of=later)
    assert verified.trusted_time is not None
    assert abs(verified.trusted_time - NOW) < DAY


def test_a_timestamp_after_the_end_does_not_help(tmp_path, tsa):
    """Anybody can timestamp an old signature anew: it shows nothing about the time before."""
    root = pem(ROOT.certificate)
    trust = trust_in(tmp_path, {"coop": (root, "CN=provenance")}, {"timestamp": [tsa.pem]})
    bare = ROOT.issue(days=(-10, -1)).sign(STATEMENT)
    stamped = with_evidence(bare, [tsa.stamp(bare.signature)])
    assert refused(trust, stamped).code == "certificate-expired"
    # nor does the reader's wish to look at it as of a time when it was valid: what is known comes first
    assert refused(trust, stamped, NOW - 5 * DAY).code == "certificate-expired"


def test_a_timestamp_of_a_stranger_does_not_help(trust, tsa):
    bare = ROOT.issue(days=(-1, 1)).sign(STATEMENT)
    stamped = with_evidence(bare, [tsa.stamp(bare.signature)])
    assert trust.verify(stamped, as_of=NOW).trusted_time is None
    assert refused(trust, stamped, NOW + 100 * DAY).code == "certificate-expired"


# ── names ──


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("CN=provenance", "CN=provenance", True),
        ("CN=provenance", "CN=provenance,O=Acme", False),
        ("CN=build-*,O=Acme", "CN=build-7,O=Acme", True),
        ("CN=build-*", "CN=build-7,O=Acme", False),
        ("CN=*,O=Acme", r"CN=a\,O\=b,O=Acme", False),
        ("O=Acme", "CN=provenance,O=Acme", False),
    ],
)
def test_whole_subjects(pattern, subject, expected):
    assert is_subject(pattern, ROOT.issue(subject).certificate) is expected


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("ci@acme.example", x509.RFC822Name("ci@acme.example"), True),
        ("*@acme.example", x509.RFC822Name("ci@acme.example"), True),
        ("ci*", x509.RFC822Name("ci@acme.example"), False),
        ("spiffe://acme/ci/*", x509.UniformResourceIdentifier("spiffe://acme/ci/train"), True),
        ("spiffe://acme/*", x509.UniformResourceIdentifier("spiffe://acme/ci/train"), False),
        ("ci.acme.example", x509.DNSName("ci.acme.example"), True),
        ("ci.acme.example", x509.DNSName("ci.acme.example.evil"), False),
    ],
)
def test_alternative_names(pattern, name, expected):
    leaf = ROOT.issue("CN=x", alternatives=(x509.DNSName("first.example"), name)).certificate
    assert is_subject(pattern, leaf) is expected


def test_a_leaf_without_a_subject_is_called_by_its_first_alternative(tmp_path):
    trust = trust_in(tmp_path, {"ci": (pem(ROOT.certificate), "ci@acme.example")})
    leaf = ROOT.issue("", alternatives=(x509.RFC822Name("ci@acme.example"),))
    assert trust.verify(leaf.sign(STATEMENT), as_of=NOW).signer.subject == "ci@acme.example"


# ── the root file ──


def test_a_root_file_without_a_root(tmp_path):
    middle = ROOT.issue("CN=Middle", authority=True)
    with pytest.raises(SignatureError, match="no self-signed root"):
        trust_in(tmp_path, {"coop": (pem(middle.certificate), "CN=provenance")})
    with pytest.raises(SignatureError, match="not certificates"):
        trust_in(tmp_path, {"coop": (b"hello", "CN=provenance")})


def test_a_root_file_that_was_swapped(tmp_path):
    trust_in(tmp_path, {"coop": (pem(ROOT.certificate), "CN=provenance")})
    [file] = tmp_path.glob("*.pem")
    file.write_bytes(pem(authority().certificate))
    with pytest.raises(FormatError, match="pinned is") as refused:
        read_trust(tmp_path / "trust.yaml")
    assert refused.value.code == "pin-mismatch"


def test_a_swapped_root_is_told_with_its_code(tmp_path, capsys):
    test_a_root_file_that_was_swapped(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["trust", "lint", str(tmp_path / "trust.yaml")])
    assert end.value.code == 4
    assert "[pin-mismatch]" in capsys.readouterr().err


def test_a_key_is_no_certificate_and_a_certificate_no_key(trust):
    assert refused(trust, signer("ci").sign(STATEMENT)).code == "signer-unknown"
    world, _ = good_world()
    assert refused(world.trust, ROOT.issue().sign(STATEMENT)).code == "signer-unknown"


# ── from the door to the verdict ──


def test_a_rights_holder_with_a_certificate(tmp_path):
    roles = {
        "builder": [],
        "rights-holder": [{"principal": "coop"}],
        "data-owner": [{"principal": "coop"}],
    }
    mine = trust_in(tmp_path, {"coop": (pem(ROOT.certificate), "CN=provenance")}, roles=roles)
    world = World()
    data, model = world.dataset("digits", licence=None), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    described = Statement.build(
        [ResourceDescriptor.model_validate(descriptor(data, "digits"))],
        "https://w3id.org/attest/rights/v0.1",
        {"sequence": 1, "status": "active", "license": {"expression": "CC-BY-4.0"}},
    )
    file = world.trust.file.model_copy(
        update={
            "principals": {**world.trust.file.principals, **mine.file.principals},
            "roles": {**world.trust.file.roles, "rights-holder": mine.file.roles["rights-holder"]},
        }
    )
    trust = replace(world.trust, file=file, _anchors=mine._anchors)
    world.bundles.append(ROOT.issue().sign(described))
    policy = "policy: t\nversion: 1\nrules: [{license: {use: commercial}}]"
    assert replace(world, trust=trust).judge(model, policy, as_of=NOW).verdict is Verdict.ACCEPT
    late = replace(world, trust=trust).judge(model, policy, as_of=NOW + 100 * DAY)
    assert late.verdict is Verdict.INCOMPLETE
    [stranger] = replace(world, trust=trust).review(model, as_of=NOW + 100 * DAY).unverified
    assert stranger.code == "certificate-expired"


def listed_world(subject: str, issuer: str, trust: Trust):
    """A world whose contents name a statement by a certificate holder."""
    world = World(replace(World().trust, _anchors=trust._anchors))
    data, model = world.dataset("d"), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    claim = Statement.build(
        [ResourceDescriptor.model_validate(descriptor(model, "m"))],
        "https://example.com/review/v1",
        {"stars": 5},
    )
    listed = world.contents(model)
    predicate = json.loads(json.dumps(dict(listed.statement().predicate)))
    predicate["statements"].append(
        {
            "digest": {"sha256": sha256_bytes(claim.payload)},
            "predicateType": claim.predicate_type,
            "signer": {"subject": subject, "issuer": issuer},
        }
    )
    world.bundles.remove(listed)
    world.register(world.current(world.sign("contents", [descriptor(model, "m")], predicate, "ci")))
    return world, model, claim


def test_a_listed_statement_by_a_certificate(trust):
    names = ("CN=provenance", "CN=Coop Root,O=Photo Co-op")
    world, model, claim = listed_world(*names, trust)
    world.bundles.append(ROOT.issue().sign(claim))
    assert codes(world.judge(model, as_of=NOW)) == set()
    world.bundles[-1] = authority().issue().sign(claim)
    assert codes(world.judge(model, as_of=NOW)) == {"contents-complete/statement-damaged"}
    world.bundles[-1] = ROOT.issue(days=(-10, -1)).sign(claim)
    assert codes(world.judge(model, as_of=NOW)) == {"contents-complete/statement-damaged"}
    world.bundles.pop()
    assert codes(world.judge(model, as_of=NOW)) == {"contents-complete/statement-missing"}


def test_a_listed_statement_by_a_certificate_nobody_could_know(trust):
    world, model, claim = listed_world("CN=provenance", "CN=Some Other Authority", trust)
    world.bundles.append(authority("CN=Some Other Authority").issue().sign(claim))
    assert codes(world.judge(model, as_of=NOW)) == set()
