"""Whole bundles, keyless and logged, with one change each: the same given to five verifiers.

What was seen is kept in ``tampered.json`` and shown on the page docs/interop.md; ``UPDATE_DOCS=1`` writes
both anew.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from interop_tamper import BASES, CHANGES, JUDGES, KEY, SEEN, Material, seen

pytestmark = pytest.mark.interop

CASES = [
    pytest.param(base, name, id=f"{base}: {name}")
    for base in BASES
    for name, change in CHANGES.items()
    if base not in change.impossible
]


@pytest.fixture(scope="module")
def material(bench, foreign_bench):
    """For each base the bundle, and those that parts are taken from."""

    def signed(on, base, number=1, user="trainer"):
        if base == KEY:
            return on.key("ecdsa-p256", stamp=True, log=True, number=number)
        return on.keyless(1 if base.endswith("v1") else 2, user, number)

    made = {}
    for base in BASES:
        for log in (bench, foreign_bench):  # so that no entry is the first of its log: its proof has hashes
            signed(log, base, 9)
        first, *others = (
            signed(*words)
            for words in (
                (bench, base),
                (bench, base, 2),
                (bench, base, 1),
                (bench, base, 1, "workflow"),
                (foreign_bench, base),
            )
        )
        made[base] = first, Material(*(json.loads(each.raw) for each in (first, *others)))
    return made


def outcomes(bench, material, base, name):
    """Return who accepts it, and our own code if we do not."""
    good, parts = material[base]
    bad = replace(good, raw=CHANGES[name].made(parts))
    judges = [each for each in JUDGES if base != KEY or each != "sigstore-python"]
    answers = {each: bench.judge("ours" if each == "attest" else each, bad) for each in judges}
    ours = answers["attest"]
    code = None if ours.accepted else ours.said.split(":", 1)[0]
    return frozenset(each for each, answer in answers.items() if answer.accepted), code


@pytest.mark.stack
@pytest.mark.parametrize(("base", "name"), CASES)
def test_who_accepts_it(bench, material, base, name):
    found = outcomes(bench, material, base, name)
    if os.environ.get("UPDATE_DOCS"):
        kept = json.loads(SEEN.read_text("utf-8")) if SEEN.exists() else {}
        kept.setdefault(name, {})[base] = [sorted(found[0]), found[1]]
        SEEN.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    assert found == seen()[name][base]


def test_what_was_seen_is_of_every_change():
    expected = {
        (name, base) for name, change in CHANGES.items() for base in BASES if base not in change.impossible
    }
    assert {(name, base) for name, bases in seen().items() for base in bases} == expected


def test_we_accept_nothing_that_all_the_others_refuse():
    alone = {
        (name, base)
        for name, bases in seen().items()
        for base, (who, _) in bases.items()
        if who == {"attest"}
    }
    # it holds against attest that others were asked for an entry of the log they know, too
    assert alone == {("log entry: another log's name", KEY)}


def test_what_we_refuse_has_a_stable_code():
    for bases in seen().values():
        for who, code in bases.values():
            assert ("attest" in who) == (code is None)


def test_every_disagreement_has_its_reason():
    for name, bases in seen().items():
        accepted = any(who for who, _ in bases.values())
        assert bool(CHANGES[name].why) == (accepted and name != "nothing"), name
