"""trust.yaml: strict, pinned, and the only door from a bundle to a verified statement."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clients.tsa import TimestampAuthority
from hypothesis import given
from hypothesis import strategies as st
from world import DEFAULT_ROLES, good_world, make_trust, signer, write_world

from attest.bundle import Bundle, with_evidence
from attest.digest import sha256_bytes
from attest.errors import AttestError, FormatError, SignatureError, UsageError
from attest.model import format_time
from attest.trust import Trust, matches, read_trust
from attest.trustfile import Principal
from attest.verifier import UnverifiedError


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return write_world(*good_world(), tmp_path)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_reads_what_is_pinned(files):
    trust = read_trust(files["trust"])
    assert trust.fingerprints()["ci"] == f"key sha256:{signer('ci').public.fingerprint}"
    assert trust.granted_by("publisher", ["ci", "desk"]) == ("ci",)


def test_a_changed_key_file_is_refused(files):
    pub = files["trust"].parent / "keys" / "ci.pub"
    pub.write_bytes(signer("stranger").public.pem)
    with pytest.raises(FormatError, match="pinned is") as caught:
        read_trust(files["trust"])
    assert caught.value.where == f"{files['trust']}:2"


def test_a_missing_key_file_names_the_line(files):
    (files["trust"].parent / "keys" / "desk.pub").unlink()
    with pytest.raises(FormatError, match=r"keys/desk\.pub: cannot be read") as caught:
        read_trust(files["trust"])
    assert caught.value.where == f"{files['trust']}:3"


def test_a_private_key_is_refused(files, tmp_path):
    from attest.signers.file import generate_key

    generate_key(tmp_path / "mine")
    data = (tmp_path / "mine").read_bytes()
    (tmp_path / "keys" / "ci.pub").write_bytes(data)
    change(files["trust"], sha256_bytes(signer("ci").public.pem), sha256_bytes(data))
    with pytest.raises(SignatureError, match="private key where a public one"):
        read_trust(files["trust"])


@pytest.mark.parametrize(
    ("old", "new", "message", "line"),
    [
        ("principals:", "principal:", "unknown key 'principal'", 1),
        ("  ci: {key:", "  ci: {keys:", "unknown key 'keys'", 2),
        ('"publisher"', '"publishers"', "publishers", 5),
        ('"principal": "desk"', '"principal": "dseks"', "no principal 'dseks'", 5),
        ('"register": "https', '"registre": "https', "unknown key 'registre'", 5),
        ("desk: {key:", "ci: {key:", "duplicate key 'ci'", 3),
        (", sha256: ", ", sha256: zz", "SHA-256", 2),
    ],
)
def test_mistakes_name_their_line(files, old, new, message, line):
    change(files["trust"], old, new)
    with pytest.raises(UsageError, match=message) as caught:
        read_trust(files["trust"])
    assert caught.value.where == f"{files['trust']}:{line}"


def test_a_misspelt_key_is_told_the_nearest(files):
    change(files["trust"], "principals:", "principal:")
    with pytest.raises(UsageError) as caught:
        read_trust(files["trust"])
    assert caught.value.hint == "did you mean 'principals'?"


@pytest.mark.parametrize("text", ["", "[]", "just words", "principals: {}", "\x00"])
def test_no_trust_file_at_all(tmp_path, text):
    (tmp_path / "trust.yaml").write_text(text)
    with pytest.raises(AttestError):
        read_trust(tmp_path / "trust.yaml")


def test_a_builder_needs_the_ids_it_may_claim(files):
    change(files["trust"], ', "builderIds": ["https://vendor.example/ci/train@refs/tags/v1"]', "")
    with pytest.raises(UsageError, match="needs builderIds"):
        read_trust(files["trust"])


def test_a_github_identity_needs_its_repository(tmp_path):
    identity = "{issuer: 'https://token.actions.githubusercontent.com', identity: x}"
    (tmp_path / "trust.yaml").write_text(f"principals:\n  ci:\n    sigstore: {identity}\n")
    with pytest.raises(UsageError, match="sourceRepository"):
        read_trust(tmp_path / "trust.yaml")


def test_verify_tells_why_not():
    world, _ = good_world()
    good = world.bundles[0]
    trust = make_trust()
    assert trust.verify(good).principals == ("desk",)
    cases = {
        "signer-unknown": signer("stranger").sign(good.statement()),
        "signature-invalid": replace(good, signature=good.signature[:-1] + bytes([good.signature[-1] ^ 1])),
        "payload-type": replace(good, payload_type="text/plain"),
        "certificate-invalid": replace(good, certificate=b"der", hint=None),
    }
    for code, bundle in cases.items():
        with pytest.raises(UnverifiedError) as caught:
            trust.verify(bundle)
        assert caught.value.code == code


def test_a_refusal_crosses_to_another_process():
    error = pickle.loads(pickle.dumps(UnverifiedError("signer-unknown", "signed by nobody")))  # noqa: S301
    assert (error.code, error.what, str(error)) == ("signer-unknown", "signed by nobody", "signed by nobody")


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_of_the_payload_verifies(place, bit):
    world, _ = good_world()
    good = world.bundles[0]
    data = bytearray(good.payload)
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(UnverifiedError):
        make_trust().verify(replace(good, payload=bytes(data)))


def test_payload_that_is_no_statement():
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    from attest.bundle import key_bundle
    from attest.envelope import IN_TOTO, pae

    mine = signer("ci")
    signature = mine._key.sign(pae(IN_TOTO, b"{}"), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(UnverifiedError) as caught:
        make_trust().verify(key_bundle(b"{}", signature, mine.public.hint))
    assert caught.value.code == "not-a-statement"


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("https://a/b", "https://a/b", True),
        ("https://a/b", "https://a/bc", False),
        ("https://a/b", "xhttps://a/b", False),
        ("https://a/*@refs/tags/v*", "https://a/train.yml@refs/tags/v1.2", True),
        ("https://a/*@refs/tags/v*", "https://a/x/train.yml@refs/tags/v1", False),
        ("https://a/*", "https://a/x@evil", False),
        ("refs/tags/v*", "refs/tags/v1/../../heads/main", False),
        ("a.c", "abc", False),
        ("*", "", True),
        ("*", "anything", True),
        ("a*\n", "ab", False),
        ("a*", "ab\n", True),
    ],
)
def test_wildcards_are_anchored_and_cross_no_boundary(pattern, value, expected):
    assert matches(pattern, value) is expected


@given(st.text(), st.text())
def test_a_pattern_without_a_star_matches_only_itself(pattern, value):
    if "*" not in pattern:
        assert matches(pattern, value) is (pattern == value)


def test_a_named_artifact_belongs_to_those_who_name_it():
    roles = {
        **DEFAULT_ROLES,
        "rights-holder": [{"principal": "desk"}, {"principal": "coop", "artifacts": ["sha256:" + "a" * 64]}],
    }
    trust = make_trust(roles, ("ci", "desk", "registry", "coop"))
    assert trust.granted_by("rights-holder", ["desk", "coop"], artifacts=["a" * 64]) == ("coop",)
    assert trust.granted_by("rights-holder", ["desk", "coop"], artifacts=["b" * 64]) == ("desk",)
    assert trust.granted_by("rights-holder", ["desk", "coop"], artifacts=["a" * 64, "b" * 64]) == ()


def test_a_keeper_keeps_only_its_own_register():
    trust = make_trust()
    assert trust.granted_by("keeper", ["registry"], register_id="https://other.example/") == ()
    assert trust.granted_by("keeper", ["registry"]) == ()


def test_a_builder_limited_to_artifacts_is_limited():
    roles = {
        **DEFAULT_ROLES,
        "builder": [{"principal": "ci", "builderIds": ["b"], "artifacts": ["sha256:" + "a" * 64]}],
    }
    trust = make_trust(roles)
    assert trust.granted_by("builder", ["ci"], artifacts=["a" * 64], builder_id="b") == ("ci",)
    assert trust.granted_by("builder", ["ci"], artifacts=["b" * 64], builder_id="b") == ()


def test_artifacts_where_they_mean_nothing(files):
    change(
        files["trust"],
        '"keeper": [{"principal"',
        '"keeper": [{"artifacts": ["' + "a" * 64 + '"], "principal"',
    )
    with pytest.raises(UsageError, match="means nothing here"):
        read_trust(files["trust"])


# -- somebody looking at statements of their own ---------------------------------------------------------


def test_keys_alone_are_believed_for_everything():
    trust = Trust.of_keys({"own key": signer("other").public})
    world, _ = good_world()
    with pytest.raises(UnverifiedError) as caught:
        trust.verify(world.bundles[0])
    assert caught.value.code == "signer-unknown"
    own = signer("other").sign(world.bundles[0].statement())
    assert trust.verify(own).principals == ("own key",)
    for role in ("builder", "data-owner", "publisher", "keeper"):
        granted = trust.granted_by(
            role, ["own key", "ci"], artifacts=["a" * 64], builder_id="any", register_id="any"
        )
        assert granted == ("own key",)
    assert not trust.may_revoke([("own key",)], ["ci"])  # only what it signed itself can it take back


def test_keys_added_to_a_trust_file_leave_everybody_else_as_they_were(files):
    base = read_trust(files["trust"])
    trust = Trust.of_keys({"own key": signer("other").public}, base)
    assert trust.granted_by("publisher", ["ci", "desk", "own key"]) == ("ci", "own key")
    assert trust.granted_by("builder", ["ci"], builder_id="https://elsewhere.example/") == ()
    world, _ = good_world()
    assert trust.verify(world.bundles[0]) == base.verify(world.bundles[0])
    assert base.granted_by("publisher", ["own key"]) == ()


def test_a_principal_called_like_an_own_key_gains_nothing(files):
    trust = Trust.of_keys({"desk": signer("other").public}, read_trust(files["trust"]))
    assert trust.granted_by("publisher", ["desk"]) == ()
    own = signer("other").sign(good_world()[0].bundles[0].statement())
    assert trust.verify(own).principals == ("desk'",)
    assert trust.granted_by("publisher", ["desk'"]) == ("desk'",)


def test_an_own_key_that_is_a_principal_is_both(files):
    trust = Trust.of_keys({"own key": signer("desk").public}, read_trust(files["trust"]))
    own = signer("desk").sign(good_world()[0].bundles[0].statement())
    assert trust.verify(own).principals == ("desk", "own key")


# ── rotation ──


def rotated(tmp_path: Path, **bounds: str) -> tuple[Trust, Bundle, TimestampAuthority]:
    """The good world's trust, with bounds on the data desk's key; one of its statements; an authority."""
    files = write_world(*good_world(), tmp_path)
    tsa = TimestampAuthority(tmp_path)
    (tmp_path / "tsa.pem").write_bytes(tsa.pem)
    pin = f"sha256: {sha256_bytes(signer('desk').public.pem)}"
    text = (
        files["trust"].read_text().replace(pin, ", ".join([pin, *(f"{k}: {v}" for k, v in bounds.items())]))
    )
    files["trust"].write_text(
        f"{text}\nroots: {{timestamp: [{{file: tsa.pem, sha256: {sha256_bytes(tsa.pem)}}}]}}\n"
    )
    return read_trust(files["trust"]), good_world()[0].bundles[0], tsa


NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(days=30), NOW + timedelta(days=30)


def code_of(trust: Trust, bundle: Bundle, as_of: datetime | None) -> str:
    try:
        trust.verify(bundle, as_of=as_of)
    except UnverifiedError as error:
        return error.code
    return "good"


def test_an_ended_key_is_good_for_what_it_signed_in_time(tmp_path):
    trust, bundle, tsa = rotated(tmp_path, validUntil=format_time(NOW + timedelta(days=1)))
    stamped = with_evidence(bundle, [tsa.stamp(bundle.signature)])
    assert code_of(trust, stamped, FUTURE) == "good"
    assert code_of(trust, bundle, FUTURE) == "key-expired"
    assert code_of(trust, bundle, NOW) == "good"
    assert code_of(trust, bundle, None) == "time-unknown"
    assert code_of(trust, stamped, None) == "good"


def test_an_old_statement_freshly_timestamped_is_not_good(tmp_path):
    trust, bundle, tsa = rotated(tmp_path, validUntil=format_time(PAST))
    stamped = with_evidence(bundle, [tsa.stamp(bundle.signature)])
    with pytest.raises(UnverifiedError, match=r"the key was desk's until .*; signed before") as caught:
        trust.verify(stamped, as_of=NOW)
    assert caught.value.code == "key-expired"
    # a time of evaluation in the past says nothing against a trusted time that is later
    assert code_of(trust, stamped, PAST - timedelta(days=1)) == "key-expired"


def test_a_key_not_in_use_yet(tmp_path):
    trust, bundle, tsa = rotated(tmp_path, validFrom=format_time(FUTURE))
    assert code_of(trust, with_evidence(bundle, [tsa.stamp(bundle.signature)]), FUTURE) == "key-not-yet-valid"
    assert code_of(trust, bundle, NOW) == "key-not-yet-valid"
    assert code_of(trust, bundle, FUTURE) == "good"


def test_the_ends_of_a_period_belong_to_it(tmp_path):
    trust, bundle, _ = rotated(tmp_path, validFrom="2026-01-01", validUntil="2026-02-01")
    day = timedelta(seconds=1)
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    expected = {
        start - day: "key-not-yet-valid",
        start: "good",
        end: "good",
        end + day: "key-expired",
    }
    assert {at: code_of(trust, bundle, at) for at in expected} == expected


def test_periods_that_are_none(tmp_path):
    with pytest.raises(UsageError, match="validFrom is later than validUntil"):
        rotated(tmp_path, validFrom="2026-02-01", validUntil="2026-01-01")


def test_one_key_of_two_principals_ends_for_one(tmp_path):
    trust, bundle, _ = rotated(tmp_path, validUntil=format_time(PAST))
    second = Principal.model_validate({"key": {"file": "x", "sha256": "0" * 64}})
    file = trust.file.model_copy(update={"principals": {**trust.file.principals, "new": second}})
    keys = trust._keys.with_key("new", signer("desk").public)
    assert replace(trust, file=file, _keys=keys).verify(bundle, as_of=NOW).principals == ("new",)
