"""From lines to a review: signatures are checked once, and copies and order change nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from world import NOW, good_world, signer

from attest.bundle import UnknownLine
from attest.matching import Delivery
from attest.review import Line, check_lines, review

WORLD, RELEASE = good_world()
DELIVERY = Delivery("release", RELEASE.artifact, 1, RELEASE.digests)
STRANGER = signer("stranger").sign(WORLD.bundles[0].statement())
LINES = [
    *(Line("a.jsonl", number, each) for number, each in enumerate(WORLD.bundles, 1)),
    Line("a.jsonl", 90, STRANGER),
    Line("a.jsonl", 91, UnknownLine(91, b"{}", "no bundle")),
]


def seen(found):
    return (
        {each.digest: [str(s.signer) for s in each.signatures] for each in found.graph.evidence},
        found.unverified,
        found.unknown_lines,
        found.lineage.ancestors.keys(),
    )


@settings(max_examples=20)
@given(st.permutations([*LINES, *LINES[:3]]))
def test_checked_lines_give_the_same_review(lines):
    checked = check_lines(lines, WORLD.trust)
    assert seen(review(DELIVERY, checked, WORLD.trust, NOW)) == seen(
        review(DELIVERY, LINES, WORLD.trust, NOW)
    )


def test_a_strangers_signature_is_seen_though_somebody_else_signed_the_statement():
    checked = check_lines(LINES, WORLD.trust)
    assert [(each.digest, each.code) for each in checked.unverified] == [
        (STRANGER.statement_digest, "signer-unknown")
    ]
    assert checked.statements.keys() == {each.statement_digest for each in WORLD.bundles}
    assert checked.unknown_lines == (("a.jsonl", 91, "no bundle"),)
    # a review shows those that nobody else signed
    assert review(DELIVERY, checked, WORLD.trust, NOW).unverified == ()


def test_copies_count_once_and_signers_each():
    twice = [*LINES, *LINES]
    assert all(len(each) == 1 for each in check_lines(twice, WORLD.trust).statements.values())
    again = signer("desk").sign(WORLD.bundles[3].statement())
    found = check_lines([*LINES, Line("b.jsonl", 1, again)], WORLD.trust)
    assert len(found.statements[again.statement_digest]) == 2
