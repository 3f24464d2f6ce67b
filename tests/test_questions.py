"""Every question of the buyers has its answer: a rule, or a line under "not proven" in every report."""

from __future__ import annotations

import pytest

from attest.questions import QUESTIONS
from attest.report import NOT_PROVEN
from attest.rule import RULES

ANSWERS = {
    each.number: [name for name in RULES if each.number in RULES.load(name).QUESTIONS] for each in QUESTIONS
}
LEFT_OPEN = {
    14: "a legal basis, a consent or a claim of fair use is valid in law",
    22: "has not memorised, or has forgotten, anything",
    30: "results of checks) are true",
    32: "the list of training inputs is complete",
}
"""Question that people have to answer, at least in part → what every report says about it."""


def test_they_are_numbered_from_one_and_each_says_who_asks_it():
    assert [each.number for each in QUESTIONS] == list(range(1, len(QUESTIONS) + 1))
    assert len(QUESTIONS) == 32
    assert all(each.text.endswith("?") and each.askers for each in QUESTIONS)


def test_every_question_a_machine_can_check_has_a_rule():
    without = {number for number, rules in ANSWERS.items() if not rules}
    assert without == {each.number for each in QUESTIONS if each.kind == "H"}


@pytest.mark.parametrize("question", [each for each in QUESTIONS if "H" in each.kind], ids=str)
def test_what_only_people_can_answer_stands_under_not_proven(question):
    assert any(LEFT_OPEN[question.number] in line for line in NOT_PROVEN)


def test_no_other_question_is_left_to_people():
    assert set(LEFT_OPEN) == {each.number for each in QUESTIONS if "H" in each.kind}


@pytest.mark.parametrize("name", list(RULES))
def test_every_rule_answers_a_question(name):
    assert RULES.load(name).QUESTIONS, "or say in its docs page why it is a matter of the reader's own house"
