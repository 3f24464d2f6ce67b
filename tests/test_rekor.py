"""Log entries of key and certificate bundles: what holds is a time, what does not hold is a refusal."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clients.tsa import TimestampAuthority
from hypothesis import given
from hypothesis import strategies as st
from pki import authority, new_key, pem
from tlog import TestLog, audit_path, b64, tree_hash, trusted_root
from world import World, make_trust, signer

from attest.anchors import Anchors, Holders, read_certificate_root, read_sigstore_root
from attest.bundle import Bundle, parse_bundle, with_evidence
from attest.envelope import pae
from attest.errors import FormatError, SignatureError
from attest.trust import Trust
from attest.verifier import UnverifiedError
from attest.verifiers.merkle import Checkpoint, root_of

NOW = datetime.now(UTC).replace(microsecond=0)
ROOT = authority()
V1, V2 = TestLog(1), TestLog(2)


def key_bundle() -> Bundle:
    world = World()
    world.dataset("digits")
    return world.bundles[0]


def trust_with(*logs: TestLog) -> Trust:
    root = read_sigstore_root(trusted_root(*logs), "trusted_root.json")
    holders = Holders(read_certificate_root(pem(ROOT.certificate), "ca.pem"), (("coop", "CN=provenance"),))
    return replace(make_trust(), _anchors=Anchors((holders,), {log.key_id: log for log in root.logs}))


def logged(bundle: Bundle, log: TestLog, change: Callable[[Any], Any] | None = None, **more: Any) -> Bundle:
    """The bundle with an entry of that log, changed."""
    verifier = bundle.certificate or signer("desk").public.der
    entry = log.entry(bundle, verifier, **more)
    if change is not None:
        change(entry)
    return with_evidence(bundle, log_entries=[entry])


# ── what holds ──


@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("kind", ["key", "certificate"])
def test_an_entry_that_holds(log, kind):
    plain = key_bundle() if kind == "key" else ROOT.issue().sign(key_bundle().statement())
    bundle = logged(plain, log)
    assert bundle == parse_bundle(bundle.raw)
    verified = trust_with(V1, V2).verify(bundle, as_of=NOW)
    assert verified.principals == ("desk",) if kind == "key" else ("coop",)
    # a Rekor v2 gives no time
    expected = (
        datetime.fromtimestamp(int(bundle.log_entries[0]["integratedTime"]), UTC) if log is V1 else None
    )
    assert verified.trusted_time == expected


@pytest.mark.parametrize(
    ("kind", "named", "digest", "holds"),
    [
        ("p384", "SHA2_384", "sha384", True),
        ("p521", "SHA2_512", "sha512", True),
        ("p384", "SHA2_256", "sha256", True),
        ("p384", "SHA2_384", "sha256", False),
        ("p384", "SHA3_384", "sha3_384", False),
        ("p384", ["SHA2_384"], "sha384", False),
    ],
)
def test_an_entry_names_the_digest_of_the_larger_curves(kind, named, digest, holds):
    bundle = ROOT.issue(key=new_key(kind)).sign(key_bundle().statement())
    body = V2.body(bundle, bundle.certificate)
    value = hashlib.new(digest, pae(bundle.payload_type, bundle.payload)).digest()
    body["spec"]["hashedRekordV002"]["data"] = {"algorithm": named, "digest": b64(value)}
    entered = with_evidence(bundle, log_entries=[V2.take(body)])
    if holds:
        assert trust_with(V2).verify(entered, as_of=NOW).principals == ("coop",)
        return
    with pytest.raises(UnverifiedError) as caught:
        trust_with(V2).verify(entered, as_of=NOW)
    assert caught.value.code in {"log-entry-mismatch", "log-entry-invalid"}


def test_the_earliest_time_of_all_counts(tmp_path):
    tsa = TimestampAuthority(tmp_path)
    trust = replace(
        trust_with(V1),
        _authorities=read_sigstore_root(tsa.trusted_root().read_bytes(), "r").timestamp_authorities,
    )
    early = NOW - timedelta(days=3)
    bundle = logged(key_bundle(), V1, time=early)
    assert trust.verify(bundle).trusted_time == early
    assert trust.verify(with_evidence(bundle, [tsa.stamp(bundle.signature)])).trusted_time == early
    late = logged(key_bundle(), V1, time=NOW + timedelta(days=3))
    stamped = with_evidence(late, [tsa.stamp(late.signature)])
    assert abs(trust.verify(stamped).trusted_time - NOW) < timedelta(hours=1)


def test_a_log_time_outlives_a_certificate():
    leaf = ROOT.issue(days=(-2, 1))
    bundle = logged(leaf.sign(key_bundle().statement()), V1)
    later = NOW + timedelta(days=100)
    assert trust_with(V1).verify(bundle, as_of=later).principals == ("coop",)
    with pytest.raises(UnverifiedError) as caught:
        trust_with().verify(bundle, as_of=later)
    assert caught.value.code == "certificate-expired"


def test_an_entry_of_a_log_nobody_pinned_is_no_evidence():
    bundle = logged(key_bundle(), V1)
    assert trust_with(V2).verify(bundle).trusted_time is None
    assert trust_with().verify(logged(bundle, V2)).trusted_time is None


def test_an_entry_counts_once():
    bundle = logged(key_bundle(), V1)
    with pytest.raises(UnverifiedError, match="twice") as refused:
        trust_with(V1).verify(with_evidence(bundle, log_entries=bundle.log_entries))
    assert refused.value.code == "log-entry-invalid"


def test_an_entry_has_no_field_nobody_knows():
    bundle = logged(key_bundle(), V1, lambda entry: entry.update(more=1))
    with pytest.raises(UnverifiedError, match="unknown field 'more'") as refused:
        trust_with(V1).verify(bundle)
    assert refused.value.code == "log-entry-invalid"


def test_witnesses_and_other_signers_of_a_checkpoint_are_passed_over():
    def cosigned(entry):
        checkpoint = entry["inclusionProof"]["checkpoint"]
        text, _, own = checkpoint["envelope"].rpartition("\n\n")
        other = f"\u2014 witness.example {b64(b'abcd' + b'x' * 72)}\n"
        checkpoint["envelope"] = f"{text}\n\n{other}{own}{other}"

    assert trust_with(V2).verify(logged(key_bundle(), V2, cosigned))


# ── what does not ──


def at(path: str, value: Any) -> Callable[[Any], None]:
    """Set what stands at a path, or change it by a function, or take it away."""
    *way, last = path.split(".")

    def change(entry: Any) -> None:
        for step in way:
            entry = entry[step]
        if value is None:
            del entry[last]
        else:
            entry[last] = value(entry[last]) if callable(value) else value

    return change


def note(change: Callable[[str], str]) -> Callable[[Any], None]:
    return at("inclusionProof.checkpoint.envelope", change)


def flip(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return b64(bytes(data))


def other_log_signs(entry: Any) -> None:
    checkpoint = entry["inclusionProof"]["checkpoint"]
    text, _, _ = checkpoint["envelope"].rpartition("\n\n")
    signature = TestLog(2).sign(f"{text}\n".encode())
    checkpoint["envelope"] = f"{text}\n\n\u2014 {V2.origin} {b64(V2.key_id[:4] + signature)}\n"


def older_state(entry: Any) -> None:
    entry["inclusionProof"]["checkpoint"]["envelope"] = V2.checkpoint(tree_hash(V2.leaves), len(V2.leaves))


INVALID = {
    "no proof": (at("inclusionProof", None), "no inclusion proof"),
    "no checkpoint": (at("inclusionProof.checkpoint", None), "checkpoint: expected an object"),
    "a hash flipped": (at("inclusionProof.hashes", lambda it: [flip(it[0]), *it[1:]]), "another root hash"),
    "a hash left out": (at("inclusionProof.hashes", lambda it: it[:-1]), "inclusion proof of 2 hashes"),
    "hashes of no list": (at("inclusionProof.hashes", "abc"), "hashes: expected a list"),
    "a short hash": (at("inclusionProof.hashes", lambda it: ["AAAA", *it[1:]]), "of 32 bytes"),
    "another place": (at("inclusionProof.logIndex", "1"), "another root hash"),
    "a place beyond": (at("inclusionProof.logIndex", "99"), "entry 99 of a log of 5 entries"),
    "a negative place": (at("logIndex", "-1"), "logIndex: got '-1'"),
    "a huge place": (at("logIndex", "9" * 19), "logIndex"),
    "no place": (at("inclusionProof.logIndex", True), "logIndex: got 'True'"),
    "another size": (at("inclusionProof.treeSize", "6"), "another state of the log"),
    "another root hash": (at("inclusionProof.rootHash", flip), "another root hash"),
    "a checkpoint of an older state": (older_state, "another state of the log"),
    "a checkpoint flipped": (note(lambda it: it.replace("\n5\n", "\n6\n")), "another state of the log"),
    "a checkpoint without origin": (note(lambda it: it.partition("\n")[2]), "checkpoint"),
    "a checkpoint of another origin": (note(lambda it: "x" + it), "not signed by its log"),
    "a checkpoint without size": (note(lambda it: it.replace("\n5\n", "\n")), "checkpoint"),
    "a checkpoint without signature": (note(lambda it: it.partition("\u2014")[0]), "checkpoint"),
    "a checkpoint with words after it": (note(lambda it: it + "more\n"), "is no signature"),
    "signed under another name": (
        note(lambda it: it.replace("\u2014 log", "\u2014 bog")),
        "not signed by its log",
    ),
    "signed by another key": (other_log_signs, "not signed by its log"),
    "a body that is not base64": (at("canonicalizedBody", "!"), "canonicalizedBody: not base64"),
    "a body that is no JSON": (at("canonicalizedBody", "AAAA"), "body is not of its type"),
    "a body of another shape": (at("canonicalizedBody", b64(b"[]")), "body is not of its type"),
    "a body without a spec": (
        at("canonicalizedBody", b64(b'{"kind":"hashedrekord","apiVersion":"0.0.2","spec":{}}')),
        "body is not of its type",
    ),
    "no log": (at("logId", None), "logId: expected an object"),
}


@pytest.mark.parametrize("what", INVALID)
def test_an_entry_that_does_not_hold(what):
    change, message = INVALID[what]
    bundle = logged(key_bundle(), V2, change)
    with pytest.raises(UnverifiedError) as caught:
        trust_with(V2).verify(bundle)
    assert caught.value.code == "log-entry-invalid"
    assert message in caught.value.what


V1_INVALID = {
    "a signed entry timestamp flipped": (
        at("inclusionPromise.signedEntryTimestamp", flip),
        "signed entry timestamp",
    ),
    "another time": (at("integratedTime", "1700000000"), "signed entry timestamp"),
    "another place in all of the log": (at("logIndex", "4"), "signed entry timestamp"),
    "a time beyond all": (at("integratedTime", "9" * 18), "a number beyond"),
}


@pytest.mark.parametrize("what", V1_INVALID)
def test_a_signed_entry_timestamp_that_does_not_hold(what):
    change, message = V1_INVALID[what]
    with pytest.raises(UnverifiedError) as caught:
        trust_with(V1).verify(logged(key_bundle(), V1, change))
    assert caught.value.code == "log-entry-invalid"
    assert message in caught.value.what


def test_a_time_without_its_signature_is_no_time():
    unsigned = logged(key_bundle(), V1, at("inclusionPromise", None))
    assert trust_with(V1).verify(unsigned).trusted_time is None


def test_the_keys_of_a_log_have_a_period_that_includes_its_ends():
    moment = NOW - timedelta(days=10)
    for start, end, good in (
        (moment, moment, True),
        (moment + timedelta(seconds=1), None, False),
        (moment - timedelta(days=1), moment - timedelta(seconds=1), False),
    ):
        log = TestLog(1, start=start, end=end)
        bundle = logged(key_bundle(), log, time=moment)
        if good:
            assert trust_with(log).verify(bundle).trusted_time == moment
            continue
        with pytest.raises(UnverifiedError, match="not in use"):
            trust_with(log).verify(bundle)


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
def test_an_entry_of_another_envelope(log, pinned):
    """Also where nobody pinned the log: what is about something else is never carried along."""
    one, world = key_bundle(), World()
    world.dataset("other")
    foreign = log.entry(world.bundles[0], signer("desk").public.der)
    with pytest.raises(UnverifiedError) as caught:
        (trust_with(log) if pinned else trust_with()).verify(with_evidence(one, log_entries=[foreign]))
    assert caught.value.code == "log-entry-mismatch"


@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
def test_an_entry_of_the_same_payload_signed_again(log):
    """ECDSA gives another signature each time, both of them good."""
    one = key_bundle()
    again = signer("desk").sign(one.statement())
    assert again.signature != one.signature
    foreign = log.entry(again, signer("desk").public.der)
    with pytest.raises(UnverifiedError, match="another signature") as caught:
        trust_with(log).verify(with_evidence(one, log_entries=[foreign]))
    assert caught.value.code == "log-entry-mismatch"


@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("kind", ["key", "certificate"])
def test_an_entry_by_another_verifier(log, kind):
    plain = key_bundle() if kind == "key" else ROOT.issue().sign(key_bundle().statement())
    other = signer("stranger").public.der if kind == "key" else ROOT.issue().der
    foreign = log.entry(plain, other)
    with pytest.raises(UnverifiedError, match="another key or certificate"):
        trust_with(log).verify(with_evidence(plain, log_entries=[foreign]), as_of=NOW)


def test_types_nobody_knows():
    body = {"apiVersion": "0.0.1", "kind": "rpm", "spec": {}}
    bundle = with_evidence(key_bundle(), log_entries=[V1.take(body)])
    with pytest.raises(UnverifiedError) as caught:
        trust_with(V1).verify(bundle)
    assert caught.value.code == "log-entry-unsupported"
    lied = logged(key_bundle(), V2, at("kindVersion.version", "0.0.1"))
    with pytest.raises(UnverifiedError) as caught:
        trust_with(V2).verify(lied)
    assert caught.value.code == "log-entry-mismatch"


def test_one_bad_entry_among_good_ones_refuses():
    bundle = logged(logged(key_bundle(), V2), V1, at("inclusionProof.rootHash", flip))
    assert len(bundle.log_entries) == 2
    with pytest.raises(UnverifiedError):
        trust_with(V1, V2).verify(bundle)


# ── trees and notes ──


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=70), st.data())
def test_every_leaf_of_every_tree(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = audit_path(index, leaves)
    assert root_of(leaves[index], index, len(leaves), path) == tree_hash(leaves)
    other = data.draw(st.integers(0, len(leaves) - 1))
    if leaves[other] != leaves[index]:
        with pytest.raises((FormatError, AssertionError)):
            assert root_of(leaves[other], index, len(leaves), path) == tree_hash(leaves)
    for wrong in (path[:-1], [*path, b"\x00" * 32]):
        if len(wrong) != len(path):
            with pytest.raises(FormatError, match="inclusion proof of"):
                root_of(leaves[index], index, len(leaves), wrong)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 4), (2**70, 2**71)])
def test_places_that_are_none(index, size):
    with pytest.raises(FormatError):
        root_of(b"", index, size, [])


@given(st.text(max_size=200))
def test_any_text_is_a_checkpoint_or_an_error_of_ours(text):
    for note in (text, f"a\n1\nAAAA\n\n{text}", f"{text}\n\n\u2014 a AAAAAAAA\n"):
        try:
            parsed = Checkpoint.parse(note)
        except FormatError:
            continue
        assert note.encode().startswith(parsed.text)


# ── the root file ──


def test_reads_logs_and_authorities(tmp_path):
    tsa = TimestampAuthority(tmp_path)
    value = json.loads(trusted_root(V1, V2))
    value["timestampAuthorities"] = json.loads(tsa.trusted_root().read_bytes())["timestampAuthorities"]
    root = read_sigstore_root(json.dumps(value).encode(), "root.json")
    assert [each.key_id for each in root.logs] == [V1.key_id, V2.key_id]
    [stamps] = root.timestamp_authorities
    assert stamps.leaf == tsa.leaf


def test_a_timestamp_authority_is_relied_upon_to_the_end_of_its_period(tmp_path):
    tsa = TimestampAuthority(tmp_path)
    value = json.loads(tsa.trusted_root().read_bytes())
    bundle = key_bundle()
    stamped = with_evidence(bundle, [tsa.stamp(bundle.signature)])

    def time_with(**period: datetime) -> datetime | None:
        changed = copy.deepcopy(value)
        stated = {name: each.isoformat().replace("+00:00", "Z") for name, each in period.items()}
        changed["timestampAuthorities"][0]["validFor"] |= stated
        root = read_sigstore_root(json.dumps(changed).encode(), "root.json")
        return replace(make_trust(), _authorities=root.timestamp_authorities).verify(stamped).trusted_time

    time = time_with()
    assert time is not None
    assert time_with(end=time) == time
    assert time_with(end=time - timedelta(seconds=1)) is None
    assert time_with(start=time) == time
    assert time_with(start=time + timedelta(seconds=1)) is None


def test_another_leaf_than_the_pinned_one_stamps_nothing(tmp_path):
    """A Sigstore root names the one certificate that stamps, not just who may issue such."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    tsa, other = TimestampAuthority(tmp_path / "a"), TimestampAuthority(tmp_path / "b")
    value = json.loads(tsa.trusted_root().read_bytes())
    leaf = json.loads(other.trusted_root().read_bytes())["timestampAuthorities"][0]["certChain"][
        "certificates"
    ][0]
    bundle = key_bundle()
    stamped = with_evidence(bundle, [tsa.stamp(bundle.signature)])
    good = read_sigstore_root(json.dumps(value).encode(), "r").timestamp_authorities
    value["timestampAuthorities"][0]["certChain"]["certificates"][0] = leaf
    bad = read_sigstore_root(json.dumps(value).encode(), "r").timestamp_authorities
    assert replace(make_trust(), _authorities=good).verify(stamped).trusted_time is not None
    assert replace(make_trust(), _authorities=bad).verify(stamped).trusted_time is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it.update(mediaType="application/json"), "no mediaType"),
        (lambda it: it["tlogs"][0]["publicKey"]["validFor"].pop("start"), "validFor has no start"),
        (lambda it: it["tlogs"][0]["publicKey"].pop("validFor"), "validFor has no start"),
        (lambda it: it["tlogs"][0].pop("logId"), "KeyError"),
        (lambda it: it["tlogs"][0]["publicKey"].update(rawBytes="!"), "not base64"),
        (lambda it: it.update(tlogs=[7]), "TypeError"),
        (
            lambda it: it.update(certificateAuthorities=[{"certChain": {"certificates": []}}]),
            "without certificates",
        ),
    ],
)
def test_a_root_file_that_is_none(change, message):
    value = json.loads(trusted_root(V2))
    change(value)
    with pytest.raises(SignatureError, match=message):
        read_sigstore_root(json.dumps(value).encode(), "root.json")


def test_an_end_that_is_null_is_none():
    """Some writers of JSON write what is not there."""
    value = json.loads(trusted_root(V2))
    value["tlogs"][0]["publicKey"]["validFor"]["end"] = None
    assert read_sigstore_root(json.dumps(value).encode(), "root.json").logs[0].end is None


def test_a_log_with_a_key_of_another_kind_is_passed_over():
    value = json.loads(trusted_root(V1, V2))
    value["tlogs"][0]["publicKey"]["rawBytes"] = b64(b"something newer")
    assert [each.key_id for each in read_sigstore_root(json.dumps(value).encode(), "r").logs] == [V2.key_id]
