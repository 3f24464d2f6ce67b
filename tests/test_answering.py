"""A step that says it took ordered records out clears nothing; proofs that check do, and nothing less."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from test_absence import NOTHING, Cleaned, committed, numbered, said
from world import DEFAULT_ROLES, NOW, World, descriptor, make_trust

from attest.absence import Looked, Shown
from attest.commitment import prove
from attest.digest import sha256_bytes
from attest.impact import Impact
from attest.review import review
from attest.taint import Certainty
from attest.toll import impact_report, to_text
from attest.toll_views import table, to_csv

PROVEN, POSSIBLE, CLEAR = Certainty.PROVEN, Certainty.POSSIBLE, Certainty.CLEAR
RANK = {PROVEN: 2, POSSIBLE: 1, CLEAR: 0}


def in_file(proofs, name="proofs"):
    return Shown(proofs, files=dict.fromkeys(proofs, sha256_bytes(name.encode())))


def test_a_statement_alone_clears_nothing():
    case = Cleaned()
    impact = case.impact()
    assert {impact.reached[each].reason for each in (case.clean, case.model)} == {"removal"}
    assert [impact.certainty(each) for each in (case.tapes, case.clean, case.model)] == [
        PROVEN,
        POSSIBLE,
        POSSIBLE,
    ]
    assert [hop.source for hop in impact.path(case.model)] == [case.tapes, case.clean]
    assert case.model not in impact.followed


def test_proofs_that_check_clear_it_and_are_named():
    case = Cleaned()
    impact = case.impact(in_file(case.proofs))
    assert impact.clear[case.clean].reason == "removed"
    assert impact.clear[case.clean].proofs == (f"sha256:{sha256_bytes(b'proofs')}",)
    assert impact.clear[case.model].reason == "made"
    assert impact.certainty(case.tapes) is PROVEN


def test_leaf_files_clear_it_and_are_named_by_their_roots():
    case = Cleaned()
    asked = frozenset(case.ordered)
    looked = (Looked(case.before, asked, asked), Looked(case.after, asked, frozenset()))
    impact = case.impact(Shown(looked=looked))
    roots = sorted(f"leaf file of root {made.root.hex()}" for made in (case.before, case.after))
    assert list(impact.clear[case.clean].proofs) == roots
    assert case.impact(Shown(looked=looked[1:])).certainty(case.clean) is POSSIBLE


def test_a_proof_less_a_wrong_one_and_one_of_another_version_clear_nothing():
    case = Cleaned()
    for shown in (case.proofs[1:], case.proofs[:-1], case.proofs[::2], case.proofs[1::2]):
        assert case.impact(in_file(shown)).certainty(case.model) is POSSIBLE
    other = Cleaned(left=tuple(range(4)))
    assert case.impact(in_file(other.proofs)).certainty(case.model) is POSSIBLE


def test_a_record_that_is_shown_to_be_there_still_is_proven():
    case = Cleaned(left=tuple(range(1, 12)))
    assert case.impact().certainty(case.model) is POSSIBLE
    impact = case.impact(in_file(case.proofs))
    assert {impact.certainty(each) for each in (case.clean, case.model)} == {PROVEN}


def test_a_new_version_nobody_believed_describes_stays_open():
    case = Cleaned(signer="stranger")
    assert case.impact(in_file(case.proofs)).certainty(case.model) is POSSIBLE


def test_every_dataset_that_was_read_has_to_be_answered_for():
    case = Cleaned()
    world, made = case.world, committed(numbered(*range(20, 30)))
    more = world.dataset("more", **said(made))
    both = world.dataset("both", **said(case.after))
    records = [
        {"dataset": descriptor(each, "d"), "space": "content", "keys": [key.hex() for key in keys]}
        for each, keys in ((case.tapes, case.ordered), (more, numbered(21)))
    ]
    case.digest = world.order(targets={"records": records}).statement_digest
    world.step("transform", [(case.tapes, "dataset"), (more, "dataset")], [both], order=case.digest)
    impact = case.impact(in_file(case.proofs))
    assert impact.certainty(both) is POSSIBLE
    assert {each.old: bool(each.faults) for each in impact.removals} == {case.tapes: False, more: True}
    gone = (prove(numbered(*range(20, 30)), numbered(21)[0], made),)
    gone += (prove(case.keys_new, numbered(21)[0], case.after),)
    assert case.impact(in_file(case.proofs + gone)).certainty(both) is CLEAR


def test_what_else_a_step_read_keeps_it_open():
    case = Cleaned()
    gap, mixed = case.world.file("gap"), case.world.dataset("mixed", **said(case.after))
    case.world.step("transform", [(case.tapes, "dataset"), (gap, "dataset")], [mixed], order=case.digest)
    impact = case.impact(in_file(case.proofs))
    assert impact.certainty(case.clean) is CLEAR
    assert impact.certainty(mixed) is POSSIBLE


def test_records_that_are_taken_out_later_on_the_way_have_to_be_shown_there():
    case = Cleaned()
    world = case.world
    cut = world.dataset("cut", **said(case.after))
    world.step("transform", [(case.clean, "dataset")], [cut], order=case.digest)
    model = world.file("later")
    world.step("train", [(cut, "dataset")], [model])
    assert case.impact().certainty(model) is POSSIBLE
    assert case.impact(in_file(case.proofs)).certainty(model) is CLEAR


def test_the_report_says_what_is_shown_by_what_and_what_is_to_be_supplied():
    case = Cleaned()
    reviewed = review(NOTHING, case.world.lines, case.world.trust, NOW)

    def report(shown):
        return impact_report(case.impact(shown), reviewed.orders, "")

    unshown = report(Shown())
    (row,) = unshown.removals
    assert (row.old, row.new, row.shown, row.proofs) == (str(case.tapes), str(case.clean), False, [])
    assert [each.code for each in row.problems] == ["proof-missing"]
    text = table(unshown)
    assert "nothing shows it" in text
    assert "not shown: 2 of 2 records" in text
    assert "--proof FILE" in text
    assert "possible: a step says it took the records out, and nothing shows it" in text
    assert ",possible,removal," in to_csv(unshown)
    shown = report(in_file(case.proofs))
    digest = sha256_bytes(b"proofs")
    assert shown.removals[0].proofs == [f"sha256:{digest}"]
    assert f"shown by sha256:{digest}" in table(shown)
    assert to_text(shown) == to_text(report(in_file(tuple(reversed(case.proofs)))))


# properties


def record_world(seed):
    """Committed datasets, copies and cuts of them, some said to be without ordered records, and models."""
    pick = random.Random(seed)  # noqa: S311 - a reproducible world
    world = World(make_trust(DEFAULT_ROLES))
    held = {}
    for number in range(pick.randint(1, 3)):
        keys = numbered(*range(number * 10, number * 10 + 6))
        held[world.dataset(f"d{number}", **said(committed(keys)))] = keys
    named = pick.sample(sorted(held), pick.randint(1, len(held)))
    gone = {each: pick.sample(held[each], 2) for each in named}
    records = [
        {"dataset": descriptor(each, "d"), "space": "content", "keys": [key.hex() for key in keys]}
        for each, keys in gone.items()
    ]
    order = world.order(targets={"records": records})
    ordered = {key for keys in gone.values() for key in keys}
    made = []
    for number in range(pick.randint(1, 6)):
        read = pick.sample(sorted(held), min(len(held), pick.randint(1, 2)))
        if pick.random() < 0.4:
            model = world.file(f"m{number}")
            world.step("train", [(each, "dataset") for each in read], [model])
            made.append(model)
            continue
        keys = {key for each in read for key in held[each]}
        answers = pick.random() < 0.7
        if answers:
            keys -= ordered if pick.random() < 0.7 else set(pick.sample(sorted(ordered), 1))
        keys = sorted(keys) or numbered(99)
        new = world.dataset(f"n{number}", **said(committed(keys)))
        more = {"order": order.statement_digest} if answers else {}
        world.step("transform", [(each, "dataset") for each in read], [new], **more)
        held[new] = keys
        model = world.file(f"of{number}")
        world.step("train", [(new, "dataset")], [model])
        made.append(model)
    proofs = tuple(
        prove(sorted(keys), key, committed(keys)) for keys in held.values() for key in sorted(ordered)
    )
    return world, order, [*held, *made], held, ordered, tuple(dict.fromkeys(proofs))


def subject(bundle):
    return bundle.statement().subjects[0].digest["sha256"]


def impact_over(world, order, proofs):
    reviewed = review(NOTHING, world.lines, world.trust, NOW)
    return Impact(reviewed.graph, reviewed.orders[order.statement_digest], shown=Shown(proofs))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), data=st.data())
def test_taking_statements_or_proofs_away_never_moves_towards_clear(seed, data):
    world, order, pool, _, _, proofs = record_world(seed)
    before = impact_over(world, order, proofs)
    kept = tuple(data.draw(st.lists(st.sampled_from(proofs), unique=True)))
    fewer = impact_over(world, order, kept)
    others = [each for each in world.bundles if each is not order]
    left = data.draw(st.lists(st.sampled_from(others), unique_by=id))
    made = {subject(each) for each in others if "slsa" in each.statement().predicate_type}
    kept_steps = {subject(each) for each in left if "slsa" in each.statement().predicate_type}
    # what a dataset statement alone speaks of is an origin: the step that made it has to be there with it
    world.bundles = [order, *(each for each in left if subject(each) not in made - kept_steps)]
    fewest = impact_over(world, order, kept)
    for artifact in pool:
        if before.certainty(artifact) is not CLEAR:
            assert fewer.certainty(artifact) is not CLEAR
        if fewer.certainty(artifact) is not CLEAR:
            assert fewest.certainty(artifact) is not CLEAR


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_what_holds_an_ordered_record_is_never_clear_and_all_proofs_clear_what_holds_none(seed):
    world, order, _, held, ordered, proofs = record_world(seed)
    every, none = impact_over(world, order, proofs), impact_over(world, order, ())
    made_by = {node.outputs[0]: node for node in every.graph.steps if node.kind == "transform"}
    for dataset, keys in held.items():
        if ordered & set(keys):
            assert every.certainty(dataset) is PROVEN
            assert none.certainty(dataset) is not CLEAR
        elif dataset in made_by and made_by[dataset].said.get("order"):
            # a key of each dataset that was read has to be shown to be in that dataset, too
            assert every.certainty(dataset) is not PROVEN
