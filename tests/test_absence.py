"""Ordered records shown to be out of a new version: by which proofs, and why others do not show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_closure import DECLARATION, NOTHING
from world import DEFAULT_ROLES, NOW, REGISTER, World, codes, descriptor, make_trust

from attest.absence import NOTHING_SHOWN, Looked, Shown, faults, holders
from attest.closure import Closure, Outcome
from attest.commitment import SCHEME, Commitment, Keyer, commit, prove
from attest.impact import Impact
from attest.resource import Artifact
from attest.review import review
from attest.toll import impact_report
from attest.verdict import Result

KEYER, OTHER = Keyer(bytes(range(32))), Keyer(bytes(32))
ORDERED = f"not-under-order: {{register: {REGISTER}, maxAge: 7 days}}"
ANSWERED = f"orders-answered: {{register: {REGISTER}, maxAge: 7 days}}"


def numbered(*numbers: int, keyer: Keyer = KEYER) -> list[bytes]:
    return keyer.keys(str(number).encode() for number in numbers)


def committed(keys: list[bytes], *, keyer: Keyer = KEYER, space: str = "content") -> Commitment:
    return commit(keys, space, keyer.secret_digest)


def said(made: Commitment) -> dict[str, Any]:
    field = "recordCommitment" if made.space == "content" else "subjectCommitment"
    return {
        field: {
            "scheme": SCHEME,
            "root": made.root.hex(),
            "count": made.count,
            "keying": made.space,
            "secretDigest": {"sha256": made.secret_digest},
        }
    }


@dataclass
class Cleaned:
    """A dataset of twelve records of which an order names some, its new version, and a model of that."""

    gone: tuple[int, ...] = (3, 7)
    left: tuple[int, ...] | None = None
    keyer: Keyer = KEYER
    signer: str = "desk"
    answers: str | None = None
    targets: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.world = World(make_trust({**DEFAULT_ROLES, "officer": [{"principal": "desk"}]}))
        world = self.world
        left = self.left if self.left is not None else [n for n in range(12) if n not in self.gone]
        self.keys_old, self.keys_new = numbered(*range(12)), numbered(*left, keyer=self.keyer)
        self.before, self.after = committed(self.keys_old), committed(self.keys_new, keyer=self.keyer)
        self.tapes = world.dataset("tapes", **said(self.before))
        self.clean = world.dataset("clean", by=self.signer, **said(self.after))
        self.ordered = numbered(*self.gone)
        records = {
            "dataset": descriptor(self.tapes, "tapes"),
            "space": "content",
            "keys": [key.hex() for key in self.ordered],
        }
        self.order = world.order(targets={"records": [records if self.targets is None else self.targets]})
        self.digest = self.order.statement_digest
        world.step("transform", [(self.tapes, "dataset")], [self.clean], order=self.answers or self.digest)
        self.model = world.file("model")
        world.step("train", [(self.clean, "dataset")], [self.model])

    @property
    def proofs(self):
        pairs = (
            (prove(self.keys_old, key, self.before), prove(self.keys_new, key, self.after))
            for key in self.ordered
        )
        return tuple(each for pair in pairs for each in pair)

    def faults(self, shown: Shown) -> dict[str, str]:
        reviewed = review(NOTHING, self.world.lines, self.world.trust, NOW)
        order = reviewed.orders[self.digest]
        found = faults(reviewed.graph, order, self.tapes, self.clean, shown)
        return {code: "; ".join(each.summary for each in found if each.code == code) for code, _ in found}

    def impact(self, shown: Shown = NOTHING_SHOWN) -> Impact:
        reviewed = review(NOTHING, self.world.lines, self.world.trust, NOW)
        return Impact(reviewed.graph, reviewed.orders[self.digest], shown=shown)

    def close(self, shown: Shown = NOTHING_SHOWN, disposition: str = "records-removed"):
        item = {
            "artifact": descriptor(self.tapes, "tapes"),
            "disposition": disposition,
            "method": "attest records remove",
            "finished": "2026-11-18T00:00:00Z",
        }
        subject = {"name": "order", "digest": {"sha256": self.digest}}
        predicate = {"items": [item], "declaration": DECLARATION, "ceasedAt": "2026-11-12T00:00:00Z"}
        bundle = self.world.sign("deletion-certificate", [subject], predicate, "desk")
        reviewed = review(NOTHING, self.world.lines, self.world.trust, NOW)
        self.world.bundles.remove(bundle)
        impact = Impact(reviewed.graph, reviewed.orders[self.digest], shown=shown)
        closure = Closure(
            reviewed.graph.by_digest[bundle.statement_digest],
            impact,
            impact_report(impact, reviewed.orders, ""),
        )
        return closure.outcome, {gap.code: gap.subject for gap in closure.gaps}


def test_proofs_against_both_versions_show_it():
    case = Cleaned()
    assert case.faults(Shown(case.proofs)) == {}
    assert case.close(Shown(case.proofs)) == (Outcome.COMPLETE, {})


@pytest.mark.parametrize("disposition", ["records-removed", "destroyed"])
def test_a_step_that_says_so_shows_nothing_whatever_became_of_the_old_version(disposition):
    case = Cleaned()
    assert case.close(disposition=disposition) == (Outcome.INCOMPLETE, {"proof-missing": str(case.clean)})


def test_a_proof_less_names_the_record_it_is_missing_for():
    case = Cleaned()
    found = case.faults(Shown(case.proofs[:-1]))
    key = case.proofs[-1].key
    said = f"1 of 2 records, first {key.hex()}: no proof in hand tells whether it is in the new version"
    assert found == {"proof-missing": said}
    found = case.faults(Shown(case.proofs[1:]))
    assert found["proof-missing"].endswith("whether it is in the old version")


def test_a_record_that_is_still_there_is_no_question_of_proof():
    case = Cleaned(left=tuple(range(1, 12)))
    found = case.faults(Shown(case.proofs))
    said = f"2 of 2 records, first {min(case.ordered).hex()}: it is still in the new version"
    assert found == {"record-still-there": said}
    outcome, gaps = case.close(Shown(case.proofs))
    assert (outcome, set(gaps)) == (Outcome.INCOMPLETE, {"record-still-there", "item-missing"})


def test_a_proof_for_another_root_is_none():
    case, other = Cleaned(), Cleaned(left=(0, 1))
    found = case.faults(Shown((*case.proofs[::2], *other.proofs[1::2])))
    assert set(found) == {"proof-wrong"}
    assert "in the new version: it is for another root: got" in found["proof-wrong"]
    assert case.after.root.hex() in found["proof-wrong"]


def test_a_new_version_under_another_secret_cannot_be_compared():
    case = Cleaned(keyer=OTHER)
    found = case.faults(Shown(case.proofs))
    assert set(found) == {"proof-wrong"}
    assert "are made with different secrets: got " + OTHER.secret_digest[:16] in found["proof-wrong"]


def test_keys_made_with_another_secret_were_never_in_the_dataset():
    case = Cleaned()
    wrong = numbered(3, 7, keyer=OTHER)
    records = {
        "dataset": descriptor(case.tapes, "tapes"),
        "space": "content",
        "keys": [key.hex() for key in wrong],
    }
    case = Cleaned(targets=records)
    case.ordered = wrong
    found = case.faults(Shown(case.proofs))
    assert set(found) == {"record-not-held"}
    assert "it was not in the old version" in found["record-not-held"]


def test_a_removal_for_another_order_answers_nothing():
    case = Cleaned(answers="9" * 64)
    outcome, gaps = case.close(Shown(case.proofs))
    assert outcome is Outcome.INCOMPLETE
    assert gaps["removal-unproven"] == str(case.tapes)


def test_only_statements_that_are_believed_commit_to_anything():
    case = Cleaned(signer="stranger")
    found = case.faults(Shown(case.proofs))
    assert set(found) == {"proof-missing"}
    assert (
        f"no dataset statement you believe commits to the content keys of clean ({case.clean})"
        in (found["proof-missing"])
    )


def test_of_two_commitments_to_the_new_version_each_has_to_be_answered_for():
    case = Cleaned()
    held = [*case.keys_old, *numbered(99)]
    more = committed(held)
    case.world.describe(case.clean, "clean", description="again", **said(more))
    assert set(case.faults(Shown(case.proofs))) == {"proof-missing"}
    both = (*case.proofs, *(prove(held, key, more) for key in case.ordered))
    assert set(case.faults(Shown(both))) == {"record-still-there"}


def test_keys_by_space():
    case = Cleaned()
    people = {
        "dataset": descriptor(case.tapes, "tapes"),
        "space": "subject",
        "keys": [min(case.ordered).hex()],
    }
    found = Cleaned(targets=people).faults(Shown(case.proofs))
    assert "commits to the subject keys of" in found["proof-missing"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"space": "unheard-of"}, "does not say in a readable way which records it means"),
        ({"keys": []}, "does not say in a readable way which records it means"),
        ({"somethingNew": 1}, "does not say in a readable way which records it means"),
    ],
)
def test_an_order_that_cannot_be_read_is_answered_by_nothing(more, reason):
    case = Cleaned()
    records = {
        "dataset": descriptor(case.tapes, "tapes"),
        "space": "content",
        "keys": [case.ordered[0].hex()],
    }
    found = Cleaned(targets=records | more).faults(Shown(case.proofs))
    assert reason in found["proof-missing"]


def test_a_list_of_keys_has_to_be_in_hand():
    case = Cleaned()
    listed = {
        "dataset": descriptor(case.tapes, "tapes"),
        "space": "content",
        "list": {"digest": {"sha256": "a" * 64}},
    }
    case = Cleaned(targets=listed)
    found = case.faults(Shown(case.proofs))
    assert found == {"proof-missing": f"the order's list of keys {'a' * 64} is not in hand"}
    lists = {"a" * 64: frozenset(case.ordered)}
    assert case.faults(Shown(case.proofs, lists=lists)) == {}
    assert set(case.faults(Shown(case.proofs[2:], lists=lists))) == {"proof-missing"}


def test_leaf_files_that_were_looked_through_show_it_too():
    case = Cleaned()
    asked = frozenset(case.ordered)
    looked = (Looked(case.before, asked, asked), Looked(case.after, asked, frozenset()))
    assert case.faults(Shown(looked=looked)) == {}
    assert set(case.faults(Shown(looked=looked[:1]))) == {"proof-missing"}
    other = Looked(committed(numbered(1)), asked, frozenset())
    assert set(case.faults(Shown(looked=(looked[0], other)))) == {"proof-missing"}


def test_a_dataset_that_is_shown_to_hold_an_ordered_record_is_found():
    case = Cleaned()
    copied = numbered(7, 99)
    copy = case.world.dataset("copy", **said(committed(copied)))
    proof = prove(copied, numbered(7)[0], committed(copied))
    other = prove(copied, numbered(99)[0], committed(copied))
    reviewed = review(NOTHING, case.world.lines, case.world.trust, NOW)
    order = reviewed.orders[case.digest]
    assert holders(reviewed.graph, order, Shown((proof,))) == {copy}
    assert holders(reviewed.graph, order, Shown((other,))) == set()
    assert holders(reviewed.graph, order, Shown(case.proofs)) == {case.tapes}
    impact = Impact(reviewed.graph, order, [copy])
    assert copy in impact.records_only


def test_what_is_named_only_can_be_removed_too():
    case = Cleaned()
    bundle = case.world.order(
        targets={
            "records": [
                {
                    "dataset": descriptor(case.tapes, "tapes"),
                    "space": "content",
                    "keys": [key.hex() for key in case.ordered],
                }
            ]
        },
        reach="named-only",
    )
    case.digest = bundle.statement_digest
    case.world.step("transform", [(case.tapes, "dataset")], [case.clean], order=case.digest)
    assert case.close()[1] == {"proof-missing": str(case.clean)}
    assert case.close(Shown(case.proofs)) == (Outcome.COMPLETE, {})


def test_only_a_transform_takes_records_out():
    case = Cleaned(answers="9" * 64)
    case.world.step("train", [(case.tapes, "dataset")], [case.world.file("odd")], order=case.digest)
    assert case.close(Shown(case.proofs))[1]["removal-unproven"] == str(case.tapes)


def judged(case: Cleaned, rule: str, shown: Shown = NOTHING_SHOWN) -> tuple[Result, set[str]]:
    policy = f"policy: one\nversion: 1\nrules: [{{{rule}}}]"
    judgement = case.world.judge(case.model, policy, shown=shown)
    found = {each.partition("/")[2] for each in codes(judgement)}
    return judgement.judged[0].outcome.result, found


def test_what_buyers_rules_ask_for_is_the_proof():
    case = Cleaned()
    case.world.register(case.world.listed(case.order))
    assert judged(case, ORDERED) == (Result.UNKNOWN, {"order-records-unproven"})
    assert judged(case, ORDERED, Shown(case.proofs[1:])) == (Result.UNKNOWN, {"order-records-unproven"})
    assert judged(case, ORDERED, Shown(case.proofs)) == (Result.PASS, set())


def test_an_order_is_answered_with_the_proof_and_open_without():
    case = Cleaned()
    case.world.register(case.world.listed(case.order))
    item = {
        "artifact": descriptor(case.tapes, "tapes"),
        "disposition": "records-removed",
        "method": "attest records remove",
        "finished": "2026-11-18T00:00:00Z",
    }
    said = {"items": [item], "declaration": DECLARATION, "ceasedAt": "2026-11-12T00:00:00Z"}
    subject = {"name": "order", "digest": {"sha256": case.digest}}
    case.world.sign("deletion-certificate", [subject], said, "desk")
    assert judged(case, ANSWERED) == (Result.UNKNOWN, {"answer-open"})
    assert judged(case, ANSWERED, Shown(case.proofs)) == (Result.PASS, set())
    still = (*case.proofs[::2], prove(case.keys_old, case.ordered[0], case.before))
    assert judged(case, ANSWERED, Shown(still)) == (Result.UNKNOWN, {"answer-open"})


def test_a_model_of_what_is_shown_to_hold_an_ordered_record_is_refused():
    case = Cleaned(left=tuple(range(1, 12)))
    case.world.register(case.world.listed(case.order))
    assert judged(case, ORDERED) == (Result.UNKNOWN, {"order-records-unproven"})
    assert judged(case, ORDERED, Shown(case.proofs))[0] is Result.FAIL
    assert "under-order" in judged(case, ORDERED, Shown(case.proofs))[1]


@settings(deadline=None, max_examples=40)
@given(st.sets(st.integers(0, 11), min_size=1, max_size=4), st.data())
def test_fewer_proofs_never_show_more(gone, data):
    case = Cleaned(gone=tuple(sorted(gone)))
    kept = data.draw(st.lists(st.sampled_from(case.proofs), unique=True, max_size=2 * len(gone)))
    complete = case.close(Shown(tuple(kept)))[0] is Outcome.COMPLETE
    assert complete == (set(kept) == set(case.proofs))


def test_nothing_is_shown_of_an_order_that_names_no_records():
    case = Cleaned()
    reviewed = review(NOTHING, case.world.lines, case.world.trust, NOW)
    other = case.world.order(Artifact("7" * 64))
    reviewed = review(NOTHING, case.world.lines, case.world.trust, NOW)
    found = faults(
        reviewed.graph, reviewed.orders[other.statement_digest], case.tapes, case.clean, NOTHING_SHOWN
    )
    assert [each.summary for each in found] == ["the order names no records of tapes"]
