"""What the renderings for people share: every string shown once, findings grouped, everything bounded.

A report may hold 100,000 findings and names of a megabyte. A view of it is small enough to read, says how
much it leaves out, and holds no string that did not go through ``attest.text.show``, so that no rendering can
forget one. The JSON rendering leaves nothing out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from attest.report import (
    Ask,
    DatasetRow,
    ExceptionRow,
    FindingRow,
    Lineage,
    RegisterRow,
    Report,
    ResultWord,
    RuleRow,
    StatementRow,
    UnknownLineRow,
)
from attest.text import show

__all__ = [
    "RESULT_WORDS",
    "VERDICTS",
    "Cut",
    "Missing",
    "Point",
    "RuleFindings",
    "VerdictWords",
    "View",
    "age",
    "command",
    "counts_of",
    "kind_of",
    "many",
    "moment",
    "size",
    "view",
]

T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=BaseModel)

_LONG = 800
_LENGTHS = {
    "reproduce": 4000,
    "summary": _LONG,
    "expected": _LONG,
    "actual": _LONG,
    "remedy": _LONG,
    "text": _LONG,
    "reason": _LONG,
    "sentence": _LONG,
    "not_proven": _LONG,
    "notes": _LONG,
    "problems": _LONG,
}
"""Field → characters shown of it; 200 for all others."""

RESULT_WORDS: dict[ResultWord, str] = {
    "FAIL": "failed",
    "UNKNOWN": "unknown",
    "EXCEPTION": "with exception",
    "PASS": "passed",
    "NOT_APPLICABLE": "not applicable",
}
"""Result of a rule → the word for it, worst first."""

_SUMMARIES = 2
"""Different findings of a rule that are told where the verdict is explained."""
_MISSING = 12
"""Things missing that are told there."""
_HOPS = 12
"""Names on a path that are told there."""

_SEVERITY = {"high": 0, "medium": 1, "info": 2}
_WORST = {result: place for place, result in enumerate(RESULT_WORDS)}


@dataclass(frozen=True)
class VerdictWords:
    """A verdict for somebody who has never seen one."""

    title: str
    meaning: str
    advice: str


VERDICTS = {
    "REJECT": VerdictWords(
        "Rejected",
        "At least one rule of your policy is broken.",
        "Do not take the delivery into use as it is.",
    ),
    "INCOMPLETE": VerdictWords(
        "Incomplete",
        "Not refused, but something you require could not be shown.",
        "Ask the vendor for what is missing, then check again.",
    ),
    "ACCEPT_WITH_EXCEPTIONS": VerdictWords(
        "Accepted with exceptions",
        "Every rule of your policy is satisfied, or waived by an exception that your policy lists.",
        "Read the exceptions: each of them ends on a date.",
    ),
    "ACCEPT": VerdictWords(
        "Accepted",
        "Signed statements that were checked satisfy every rule of your policy.",
        "Before you rely on it, read what it leaves open.",
    ),
}


@dataclass(frozen=True)
class Cut(Generic[T_co]):
    """The first of many things, and how many there are."""

    items: Sequence[T_co]
    total: int

    @property
    def hidden(self) -> int:
        """How many are not among the items."""
        return self.total - len(self.items)


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


@dataclass(frozen=True)
class View:
    """A report, ready to be laid out: bounded, and every string safe to print."""

    report: Report
    """All strings shown. The lists below stand here, cut, and are empty in there."""
    title: str
    """The verdict in words, e.g. ``Accepted with 1 exception``."""
    words: VerdictWords
    failed: list[Point]
    missing: Cut[Missing]
    waived: list[Point]
    groups: list[RuleFindings]
    asks: Cut[Ask]
    datasets: Cut[DatasetRow]
    exceptions: Cut[ExceptionRow]
    registers: Cut[RegisterRow]
    statements: Cut[StatementRow]
    """Those that are not believed first."""
    unbelieved: int
    unknown_lines: Cut[UnknownLineRow]
    signers: list[tuple[str, int]]
    """Principal → believed statements it signed, most first."""
    lineage: Lineage
    """As the evidence has it: the picture shows its own strings."""

    @property
    def banners(self) -> list[tuple[str, str]]:
        """What a page has to say before the verdict: heading and text of each."""
        found = []
        if self.report.preflight:
            text = "No file was measured: what the statements call the release is taken as delivered."
            found.append(("Pre-flight: not a basis for buying.", text))
        if self.report.historical:
            text = f"This report was evaluated as of {moment(self.report.as_of)}. What was granted later is "
            text += "left out; what was withdrawn or ordered later is shown."
            found.append(("Historical: not a basis for buying today.", text))
        return found

    @property
    def matched(self) -> bool:
        """Whether the delivery is, or is part of, something that was attested."""
        return bool(self.report.delivered.matched)


def moment(time: datetime) -> str:
    """Return a time as people read it: ``2026-11-20 10:02:00 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


def age(now: datetime, then: datetime) -> str:
    """Return how long before ``now`` something was: ``2 days old``."""
    hours = int((now - then).total_seconds() // 3600)
    if hours < 0:
        return "later than the time of evaluation"
    if hours < 48:
        return f"{many(hours, 'hour')} old"
    return f"{hours // 24:,} days old"


def many(count: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: ``1 step``, ``2,000 steps``."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def size(count: int) -> str:
    """Return a number of bytes as people read it: ``1.3 GB`` (decimal units)."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{count:,} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"


def command(text: str, width: int) -> list[str]:
    """Break a shell command at spaces, every line but the last ending in a backslash; words stay whole."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1].strip() and len(lines[-1]) + 1 + len(word) > width - 2:
            lines[-1] += " \\"
            lines.append("  " + word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines


def kind_of(type_uri: str) -> str:
    """Return the short name of a statement's type: ``dataset v0.1`` for ``https://…/dataset/v0.1``."""
    *_, name, version = ["", *type_uri.split("/")]
    return f"{name} {version}" if name and version[:1] == "v" and version[1:2].isdigit() else type_uri


def counts_of(report: Report) -> str:
    """Return the lineage in numbers: ``5 steps, 2 datasets, 1 base model, …``."""
    chain = report.chain
    parts = (
        many(chain.steps, "step"),
        many(chain.artifacts, "artifact"),
        many(chain.datasets, "dataset"),
        many(chain.bottom_models, "base model"),
        many(chain.gaps, "gap"),
        many(chain.opaque, "opaque", "opaque"),
    )
    return ", ".join(parts)


def _shown(value: object, limit: int) -> object:
    """Return ``value`` with every string in it shown."""
    if isinstance(value, str):
        return show(value, limit)
    if isinstance(value, BaseModel):
        return _shown_model(value)
    if isinstance(value, list):
        return [_shown(each, limit) for each in value]
    if isinstance(value, dict):
        return {_shown(key, limit): _shown(each, limit) for key, each in value.items()}
    return value


def _shown_model(model: M) -> M:
    fields = type(model).model_fields
    return model.model_copy(
        update={name: _shown(getattr(model, name), _LENGTHS.get(name, 200)) for name in fields}
    )


def _cut(items: Sequence[M], most: int, trim: Callable[[M], M] = lambda each: each) -> Cut[M]:
    return Cut([_shown_model(trim(each)) for each in items[:most]], len(items))


def _short(values: list[str], most: int) -> list[str]:
    """Return the two ends of a long list, with the number left out between them."""
    if len(values) <= most:
        return values
    half = most // 2
    return [*values[:half], f"… {len(values) - 2 * half:,} more …", *values[-half:]]


def _trim(finding: FindingRow) -> FindingRow:
    return finding.model_copy(
        update={"path": _short(finding.path, 24), "evidence": _short(finding.evidence, 16)}
    )


def _by_rule(report: Report) -> dict[str, list[FindingRow]]:
    """Return findings by rule: rules in the order of their results, worst first, then of the policy."""
    found: dict[str, list[FindingRow]] = defaultdict(list)
    for finding in report.findings:
        found[finding.rule].append(finding)
    ranks = {row.rule: (_WORST[row.result], place) for place, row in enumerate(report.rules)}
    last = (len(_WORST), 0)
    return {rule: found[rule] for rule in sorted(found, key=lambda name: ranks.get(name, last))}


def _groups(report: Report, by_rule: dict[str, list[FindingRow]], most: int) -> list[RuleFindings]:
    rows = {row.rule: row for row in report.rules}
    groups: list[RuleFindings] = []
    for place, (rule, findings) in enumerate(by_rule.items(), 1):
        worst = sorted(findings, key=lambda each: (_WORST[each.result], _SEVERITY[each.severity]))
        row = rows.get(rule)
        kept = Cut([_shown_model(_trim(each)) for each in worst[:most]], len(worst))
        result, sentence = (row.result, row.sentence) if row else (worst[0].result, "")
        groups.append(RuleFindings(place, show(rule), result, show(sentence, _LONG), kept))
    return groups


def _told(findings: Iterable[FindingRow], most: int) -> Cut[str]:
    """Return the different summaries of findings, those that rest on evidence first."""
    ordered = sorted(findings, key=lambda each: not each.evidence)
    summaries = list(dict.fromkeys(each.summary for each in ordered))
    return Cut([show(each, _LONG) for each in summaries[:most]], len(summaries))


def _points(report: Report, by_rule: dict[str, list[FindingRow]], result: ResultWord) -> list[Point]:
    """Return every rule that came to ``result`` or has findings of it, with what was found."""
    places = {rule: place for place, rule in enumerate(by_rule, 1)}
    rows = {row.rule: row for row in report.rules}
    points: list[Point] = []
    told: list[list[str]] = []
    for rule in dict.fromkeys([*by_rule, *rows]):
        row = rows.get(rule)
        those = [each for each in by_rule.get(rule, []) if each.result == result]
        found = _told(those, _SUMMARIES)
        if not found.total and (row is None or row.result != result):
            continue
        required = show(row.sentence if row else "", _LONG)
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
    return [show(hop) for hop in _short(path, _HOPS)]


def _missing(report: Report, by_rule: dict[str, list[FindingRow]], most: int) -> Cut[Missing]:
    """Return what could not be shown, by what it is about; what most rules need comes first."""
    about: dict[str, list[FindingRow]] = defaultdict(list)
    for findings in by_rule.values():
        for finding in findings:
            if finding.result == "UNKNOWN":
                about[finding.subject].append(finding)
    places = {rule: place for place, rule in enumerate(by_rule, 1)}
    needed = {subject: list(dict.fromkeys(each.rule for each in found)) for subject, found in about.items()}
    silent = [row for row in report.rules if row.result == "UNKNOWN" and row.rule not in by_rule]
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
    return Cut([show(note, _LONG) for note in notes[:_SUMMARIES]], len(notes))


def _title(report: Report) -> str:
    title = VERDICTS[report.verdict].title
    if report.verdict == "ACCEPT_WITH_EXCEPTIONS":
        used = sum(row.used for row in report.exceptions) or report.counts.get("EXCEPTION", 0)
        title = f"Accepted with {many(used, 'exception')}"
    # what held then must not be read as what holds now
    return title + (f" as of {report.as_of:%Y-%m-%d}" if report.historical else "")


def _trim_statement(row: StatementRow) -> StatementRow:
    return row.model_copy(
        update={
            "subjects": _short(row.subjects, 6),
            "signers": _short(row.signers, 6),
            "files": _short(row.files, 4),
        }
    )


def view(report: Report, *, findings: int, rows: int) -> View:
    """Return ``report`` for people; time and memory are linear in its size.

    Args:
        report: the report, strings as the evidence has them.
        findings: findings kept of each rule, the worst first.
        rows: rows kept of each table, those with a problem first.
    """
    by_rule = _by_rule(report)
    believed = [row for row in report.statements if row.standing == "granted"]
    believed.sort(key=lambda row: row.note is None)
    unbelieved = [row for row in report.statements if row.standing != "granted"]
    signers = Counter(name for row in believed for name in row.principals)
    return View(
        report=_shown_model(_few(report)),
        title=_title(report),
        words=VERDICTS[report.verdict],
        failed=_points(report, by_rule, "FAIL"),
        missing=_missing(report, by_rule, _MISSING),
        waived=_points(report, by_rule, "EXCEPTION"),
        groups=_groups(report, by_rule, findings),
        asks=_cut(report.asks, rows),
        datasets=_cut(sorted(report.datasets, key=_urgency), rows),
        exceptions=_cut(sorted(report.exceptions, key=lambda row: not row.used), rows),
        registers=_cut(sorted(report.registers, key=lambda row: not row.problems), rows),
        statements=_cut([*unbelieved, *believed], rows, _trim_statement),
        unbelieved=len(unbelieved),
        unknown_lines=_cut(report.unknown_lines, rows),
        signers=[(show(name, 80), count) for name, count in signers.most_common(12)],
        lineage=report.lineage,
    )


def _urgency(row: DatasetRow) -> int:
    """Order the dataset table: what a rule refuses first, what is fine last."""
    return {"refused": 0, "open": 2, "ok": 3}.get(row.status, 1)


def _few(report: Report) -> Report:
    """Return the report without what a view keeps beside it, and with its other lists cut."""
    delivered = report.delivered
    beside = ("findings", "asks", "datasets", "exceptions", "registers", "statements", "unknown_lines")
    changes: dict[str, Any] = {name: [] for name in beside}
    changes["lineage"] = Lineage(nodes=[], edges=[])
    changes["delivered"] = delivered.model_copy(
        update={"matched": _short(delivered.matched, 8), "extras": _short(delivered.extras, 40)}
    )
    changes["rules"] = [row.model_copy(update={"notes": _short(row.notes, 20)}) for row in report.rules]
    return report.model_copy(update=changes)
