"""Why a verdict is what it is: findings by rule, rules that are not satisfied, what could not be shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from attest.report import FindingRow, Report, ResultWord, RuleRow
from attest.reports._bounds import LONG, Cut, short, shown_model
from attest.reports._words import RESULT_WORDS
from attest.text import show

__all__ = ["Missing", "Point", "RuleFindings", "by_rule", "grouped", "missing", "points"]

_SUMMARIES = 2
"""Different findings of a rule that are told where the verdict is explained."""
_HOPS = 12
"""Names on a path that are told there."""

_SEVERITY = {"high": 0, "medium": 1, "info": 2}
_WORST = {result: place for place, result in enumerate(RESULT_WORDS)}


@dataclass(frozen=True)
class RuleFindings:
    """The findings of one rule, worst first."""

    place: int
    """Its number, from 1, for references within a document."""
    rule: str
    result: ResultWord
    sentence: str
    findings: Cut[FindingRow]


@dataclass(frozen=True)
class Point:
    """One rule that is not satisfied: what it asks for and what was found instead."""

    place: int
    """Number of its ``RuleFindings``; 0 if it has none."""
    rule: str
    required: str
    found: Cut[str]
    """Summaries of its findings."""
    path: list[str]
    """From the delivery to what one of them is about; empty where a rule before it shows the same way."""


@dataclass(frozen=True)
class Missing:
    """One thing of which nobody believed has shown enough, and the rules that need it."""

    name: str
    """What it is about; a rule's name where a rule found nothing at all to look at."""
    found: Cut[str]
    """Different summaries of its findings."""
    rules: list[tuple[int, str]]
    """(number of its ``RuleFindings`` or 0, rule)."""


def _trim(finding: FindingRow) -> FindingRow:
    return finding.model_copy(
        update={"path": short(finding.path, 24), "evidence": short(finding.evidence, 16)}
    )


def by_rule(report: Report) -> dict[str, list[FindingRow]]:
    """Return findings by rule: rules in the order of their results, worst first, then of the policy."""
    found: dict[str, list[FindingRow]] = defaultdict(list)
    for finding in report.findings:
        found[finding.rule].append(finding)
    ranks = {row.rule: (_WORST[row.result], place) for place, row in enumerate(report.rules)}
    last = (len(_WORST), 0)
    return {rule: found[rule] for rule in sorted(found, key=lambda name: ranks.get(name, last))}


def grouped(report: Report, ruled: dict[str, list[FindingRow]], most: int) -> list[RuleFindings]:
    """Return the findings of every rule, the worst ``most`` of each."""
    rows = {row.rule: row for row in report.rules}
    groups: list[RuleFindings] = []
    for place, (rule, findings) in enumerate(ruled.items(), 1):
        worst = sorted(findings, key=lambda each: (_WORST[each.result], _SEVERITY[each.severity]))
        row = rows.get(rule)
        kept = Cut([shown_model(_trim(each)) for each in worst[:most]], len(worst))
        result, sentence = (row.result, row.sentence) if row else (worst[0].result, "")
        groups.append(RuleFindings(place, show(rule), result, show(sentence, LONG), kept))
    return groups


def _told(findings: Iterable[FindingRow], most: int) -> Cut[str]:
    """Return the different summaries of findings, those that rest on evidence first."""
    ordered = sorted(findings, key=lambda each: not each.evidence)
    summaries = list(dict.fromkeys(each.summary for each in ordered))
    return Cut([show(each, LONG) for each in summaries[:most]], len(summaries))


def points(report: Report, ruled: dict[str, list[FindingRow]], result: ResultWord) -> list[Point]:
    """Return every rule that came to ``result`` or has findings of it, with what was found."""
    places = {rule: place for place, rule in enumerate(ruled, 1)}
    rows = {row.rule: row for row in report.rules}
    points: list[Point] = []
    told: list[list[str]] = []
    for rule in dict.fromkeys([*ruled, *rows]):
        row = rows.get(rule)
        those = [each for each in ruled.get(rule, []) if each.result == result]
        found = _told(those, _SUMMARIES)
        if not found.total and (row is None or row.result != result):
            continue
        required = show(row.sentence if row else "", LONG)
        path = _witness(those, told)
        found = found if found.total else _silent(row)
        points.append(Point(places.get(rule, 0), show(rule), required, found, path))
    return points


def _witness(findings: Iterable[FindingRow], told: list[list[str]]) -> list[str]:
    """Return the way to what the first of the findings is about, unless it was told; note it as told."""
    ordered = sorted(findings, key=lambda each: not each.evidence)
    path = next((each.path for each in ordered if len(each.path) > 1), [])
    if not path or path in told:
        return []
    told.append(path)
    return [show(hop) for hop in short(path, _HOPS)]


def missing(report: Report, ruled: dict[str, list[FindingRow]], most: int) -> Cut[Missing]:
    """Return what could not be shown, by what it is about; what most rules need comes first."""
    about: dict[str, list[FindingRow]] = defaultdict(list)
    for findings in ruled.values():
        for finding in findings:
            if finding.result == "UNKNOWN":
                about[finding.subject].append(finding)
    places = {rule: place for place, rule in enumerate(ruled, 1)}
    needed = {subject: list(dict.fromkeys(each.rule for each in found)) for subject, found in about.items()}
    silent = [row for row in report.rules if row.result == "UNKNOWN" and row.rule not in ruled]
    worst = sorted(about, key=lambda subject: -len(needed[subject]))
    items = [
        Missing(
            show(next((each.subject_name for each in about[subject] if each.subject_name), subject)),
            _told(about[subject], _SUMMARIES),
            [(places[rule], show(rule)) for rule in needed[subject]],
        )
        for subject in worst[:most]
    ]
    items += [Missing(show(row.rule), _silent(row), []) for row in silent[: most - len(items)]]
    return Cut(items, len(about) + len(silent))


def _silent(row: RuleRow | None) -> Cut[str]:
    """Say why a rule without findings did not pass: looking at nothing shows nothing."""
    notes = list(row.notes) if row is not None else []
    if row is not None and row.examined == 0:
        notes = ["It found nothing to examine, and an empty check shows nothing."]
    return Cut([show(note, LONG) for note in notes[:_SUMMARIES]], len(notes))
