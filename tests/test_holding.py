"""Which datasets hold a record: only verified proofs against the datasets' own commitments tell."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from attest.commitment import Commitment, Keyer, commit, prove
from attest.holding import Holding, Wanted, datasets_holding
from attest.resource import Artifact

ONE, OTHER = Keyer(bytes(range(32))), Keyer(bytes(32))
A, B = Artifact("a" * 64, tree=True), Artifact("b" * 64)


def keys(keyer, *names):
    return keyer.keys(name.encode() for name in names)


def content(keyer, *names):
    return commit(keys(keyer, *names), "content", keyer.secret_digest)


def wanted(keyer, name, space="content", *, secret=True):
    return Wanted(keys(keyer, name)[0], space, keyer.secret_digest if secret else None)


def ask(each, commitments, proofs):
    return [answer.holds for answer in datasets_holding([each], commitments, proofs)]


def test_proofs_answer_for_each_dataset():
    first, second = content(ONE, "x", "y"), content(ONE, "y")
    asked = wanted(ONE, "x")
    proofs = [
        prove(keys(ONE, "x", "y"), asked.key, first),
        prove(keys(ONE, "y"), asked.key, second),
    ]
    found = datasets_holding([asked], {A: [first], B: [second]}, proofs)
    assert found == [Holding(A, asked, holds=True), Holding(B, asked, holds=False)]


def test_without_a_proof_nothing_tells():
    assert ask(wanted(ONE, "x"), {A: [content(ONE, "x")], B: []}, []) == [None, None]


def test_a_proof_for_another_root_or_an_altered_one_tells_nothing():
    made, other = content(ONE, "x"), content(ONE, "x", "y")
    asked = wanted(ONE, "x")
    proof = prove(keys(ONE, "x"), asked.key, made)
    assert ask(asked, {A: [other]}, [proof]) == [None]
    assert ask(asked, {A: [made]}, [replace(proof, leaf=tuple(keys(ONE, "z")))]) == [None]


def test_a_key_under_another_secret_is_never_shown_absent():
    """It would be in no dataset but its own, whoever is looked for."""
    made = content(OTHER, "x")
    for asked in (wanted(ONE, "x"), wanted(ONE, "x", secret=False)):
        proof = prove(keys(OTHER, "x"), asked.key, made)
        assert not proof.included
        assert ask(asked, {A: [made]}, [proof]) == [None]


def test_a_key_that_is_there_is_there_whoever_named_the_secret():
    made = content(ONE, "x")
    asked = wanted(ONE, "x", secret=False)
    assert ask(asked, {A: [made]}, [prove(keys(ONE, "x"), asked.key, made)]) == [True]


def test_spaces_are_apart():
    people = Commitment(content(ONE, "x").root, 1, "subject", ONE.secret_digest)
    asked = wanted(ONE, "x")
    assert ask(asked, {A: [people]}, [prove(keys(ONE, "x"), asked.key, people)]) == [None]


def test_every_commitment_must_exclude_it():
    """Two statements about one dataset: the one that shows the record wins, a silent one leaves doubt."""
    old, new = content(ONE, "x", "y"), content(ONE, "y")
    asked = wanted(ONE, "x")
    absent = prove(keys(ONE, "y"), asked.key, new)
    present = prove(keys(ONE, "x", "y"), asked.key, old)
    assert ask(asked, {A: [old, new]}, [absent]) == [None]
    assert ask(asked, {A: [new, old]}, [absent, present]) == [True]


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_fewer_proofs_never_clear_a_dataset(kept):
    one, two = content(ONE, "x", "y"), content(ONE, "y")
    asked = [wanted(ONE, "x"), wanted(ONE, "y")]
    every = [prove(names, each.key, made) for each in asked for names, made in (
        (keys(ONE, "x", "y"), one), (keys(ONE, "y"), two)
    )]  # fmt: skip
    whole = datasets_holding(asked, {A: [one], B: [two]}, every)
    some = datasets_holding(
        asked, {A: [one], B: [two]}, [p for p, keep in zip(every, kept, strict=True) if keep]
    )
    for all_, part in zip(whole, some, strict=True):
        assert part.holds in {None, all_.holds}
