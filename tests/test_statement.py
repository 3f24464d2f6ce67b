"""in-toto Statement v1: what is signed, and what is read from signed bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.canonical import canonical_bytes
from attest.digest import sha256_bytes
from attest.errors import FormatError, LimitError
from attest.limits import DEFAULT, Limits
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact, ResourceDescriptor
from attest.statement import STATEMENT_TYPE, Statement

TYPE = "https://example.org/any/v1"


def subject(name="a", sha256="0" * 64, **more):
    return {"name": name, "digest": {"sha256": sha256}, **more}


def payload(**changes):
    value = {"_type": STATEMENT_TYPE, "subject": [subject()], "predicateType": TYPE, "predicate": {"n": 1}}
    value |= changes
    return json.dumps({name: item for name, item in value.items() if item is not None}).encode()


def test_it_is_built_in_canonical_bytes_and_named_by_their_digest():
    built = Statement.build([ResourceDescriptor.from_json(subject())], TYPE, {"b": 1, "a": 2.0})
    assert built.payload == (
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":{"a":2,"b":1},'
        b'"predicateType":"https://example.org/any/v1",'
        b'"subject":[{"digest":{"sha256":"' + b"0" * 64 + b'"},"name":"a"}]}'
    )
    assert built.digest == sha256_bytes(built.payload)
    assert (built.predicate, built.predicate_type) == ({"a": 2, "b": 1}, TYPE)
    assert [each.artifact for each in built.subjects] == [Artifact("0" * 64)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON), st.text(min_size=1))
def test_the_same_statement_gives_the_same_bytes(predicate, name):
    described = [ResourceDescriptor(name=name, digest={"sha256": "a" * 64})]
    one = Statement.build(described, TYPE, predicate)
    other = Statement.build(described, TYPE, dict(reversed(predicate.items())))
    assert (one, one.digest, hash(one)) == (other, other.digest, hash(other))
    read_back = Statement.parse(one.payload)
    assert read_back == one
    assert read_back.predicate == predicate
    assert read_back.subjects == tuple(described)


def test_signed_bytes_are_kept_as_they_came():
    """Somebody else's serialisation is not ours to improve."""
    foreign = json.dumps(json.loads(payload()), indent=3).encode()
    parsed = Statement.parse(foreign)
    assert parsed.payload == foreign
    assert parsed.digest == sha256_bytes(foreign)
    assert parsed != Statement.parse(payload())


def test_a_tree_and_a_file_of_one_digest_are_two_artifacts():
    parsed = Statement.parse(payload(subject=[subject(), subject("a/", mediaType=MANIFEST_MEDIA_TYPE)]))
    assert [each.artifact for each in parsed.subjects] == [Artifact("0" * 64), Artifact("0" * 64, tree=True)]


def test_unknown_fields_are_ignored():
    assert Statement.parse(payload(more=[1], subject=[subject(extra={"x": 1})])).subjects[0].name == "a"


def test_version_0_1_is_read_as_cosign_writes_it_and_never_signed():
    old = payload(_type="https://in-toto.io/Statement/v0.1")
    assert Statement.parse(old).subjects == Statement.parse(payload()).subjects
    with pytest.raises(FormatError, match=r"_type: got .*v0.1', expected .*Statement/v1"):
        Statement.for_signing(old)


REFUSED = {
    "not JSON": (b"{", "not JSON"),
    "a list": (b"[]", "_type: got 'list'"),
    "no type": (payload(_type=None), "_type: got 'None', expected 'https://in-toto.io/Statement/v1'"),
    "another version": (payload(_type="https://in-toto.io/Statement/v0.2"), "_type: got .*v0.2"),
    "a type that is no string": (payload(_type={"a": 1}), "_type: got"),
    "no subjects": (payload(subject=None), "at least one subject"),
    "empty subjects": (payload(subject=[]), "at least one subject"),
    "subjects no list": (payload(subject={"a": 1}), "at least one subject"),
    "subject no object": (payload(subject=["a"]), "subject: "),
    "digest no object": (payload(subject=[{"name": "a", "digest": "0"}]), "subject: digest"),
    "digest too short": (payload(subject=[subject(sha256="00")]), "subject: digest: .*64 lowercase hex"),
    "digest in capitals": (payload(subject=[subject(sha256="A" * 64)]), "64 lowercase hex"),
    "digest no string": (payload(subject=[subject(sha256=7)]), "subject: digest.sha256"),
    "no predicate type": (payload(predicateType=None), "predicateType is missing"),
    "empty predicate type": (payload(predicateType=""), "predicateType is missing"),
    "predicate type no string": (payload(predicateType=7), "predicateType is missing"),
    "predicate no object": (payload(predicate=[1]), "predicate: expected an object"),
    "duplicate keys": (payload()[:-1] + b', "subject": []}', "duplicate key 'subject'"),
    "not UTF-8": (payload().replace(b'"a"', b'"\xe4"'), "not UTF-8"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_statement_is_refused(data, reason):
    with pytest.raises(FormatError, match=reason) as caught:
        Statement.parse(data, "here:1")
    assert caught.value.where == "here:1"


def test_a_statement_without_predicate_has_an_empty_one():
    """in-toto: the predicate is optional."""
    assert Statement.parse(payload(predicate=None)).predicate == {}


def test_limits():
    many = payload(subject=[subject(str(number)) for number in range(1025)])
    with pytest.raises(LimitError, match="subjects: 1025 is above the limit of 1024"):
        Statement.parse(many)
    assert len(Statement.parse(many, limits=Limits(subjects=1025)).subjects) == 1025
    with pytest.raises(LimitError, match="payload bytes"):
        Statement.parse(payload(), limits=Limits(payload_bytes=len(payload()) - 1))
    with pytest.raises(LimitError, match="string bytes"):
        Statement.parse(payload(predicate={"text": "x" * 65_537}))


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (ResourceDescriptor(name="a"), "subject 1 has no digest.sha256"),
        (ResourceDescriptor(name="a", digest={"sha512": "0" * 128}), "subject 1 has no digest.sha256"),
        (ResourceDescriptor(digest={"sha256": "0" * 64}), "subject 1 has no name"),
    ],
)
def test_we_sign_nothing_without_name_and_sha256_though_we_read_it(described, reason):
    with pytest.raises(FormatError, match=reason):
        Statement.build([described], TYPE, {})
    value = {"_type": STATEMENT_TYPE, "subject": [described.to_json()], "predicateType": TYPE}
    assert Statement.parse(canonical_bytes(value)).subjects == (described,)


def test_we_sign_nothing_json_cannot_carry():
    with pytest.raises(FormatError, match="canonical JSON"):
        Statement.build([ResourceDescriptor.from_json(subject())], TYPE, {"n": 2**60})
    with pytest.raises(FormatError, match="at least one subject"):
        Statement.build([], TYPE, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "unknown field 'extra'"),
        ({"subject": [{"name": "a", "digest": {"sha256": "0" * 64}, "note": "x"}]}, "subject 1: note"),
        (
            {"subject": [{"name": "a", "digest": {"sha256": "0" * 64}, "media_type": "x"}]},
            "subject 1: media_type",
        ),
    ],
)
def test_what_other_verifiers_refuse_is_not_signed(change, message):
    value = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/x",
        "predicate": {},
    }
    Statement.for_signing(json.dumps(value).encode())
    with pytest.raises(FormatError, match=message):
        Statement.for_signing(json.dumps({**value, **change}).encode())
    Statement.parse(json.dumps({**value, **change}).encode())  # reading stays lenient


def test_a_statement_parsed_before_is_read_when_asked_for():
    statement = Statement.build(
        [ResourceDescriptor(name="a", digest={"sha256": "0" * 64})], "https://example.com/t/v1", {"b": 1}
    )
    again = Statement.parsed_before(statement.payload, statement.digest, DEFAULT)
    assert again == statement
    assert (again.digest, again.subjects, again.predicate_type, again.predicate) == (
        statement.digest,
        statement.subjects,
        statement.predicate_type,
        statement.predicate,
    )
    with pytest.raises(AttributeError, match="subject_names"):
        _ = again.subject_names
    with pytest.raises(FormatError, match="_type"):  # nothing passes because it is said to have passed
        _ = Statement.parsed_before(b"{}", "", DEFAULT).subjects
