"""The report as Markdown for pull requests and job summaries: GitHub's and GitLab's, escaped and bounded.

GitHub refuses comments of more than 65,536 characters, so a report that is longer shows fewer rows, and in
the end fewer sections, and says so. No string from outside makes markup, mentions anybody or links anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from attest.outline import text_tree
from attest.report import DatasetRow, FindingRow, Report, ResultWord, StatementRow
from attest.reports._bounds import Cut
from attest.reports._points import Point
from attest.reports._view import View, view
from attest.reports._words import RESULT_WORDS, age, command, counts_of, kind_of, many, moment, size
from attest.text import escape_markdown
from attest.width import clip

__all__ = ["MOST_CHARACTERS", "render"]

MOST_CHARACTERS = 60_000
"""Characters of the whole: GitHub's limit for a comment, with room for somebody's own words."""

_SIZES = ((20, 40), (8, 20), (3, 8), (1, 3))
"""(findings of a rule, rows of a table), most generous first: the first that fits is used."""
_SIGNS = {"FAIL": "❌", "UNKNOWN": "❓", "EXCEPTION": "⚠️", "PASS": "✅", "NOT_APPLICABLE": "⚪"}
_VERDICTS = {"REJECT": "❌", "INCOMPLETE": "❓", "ACCEPT_WITH_EXCEPTIONS": "⚠️", "ACCEPT": "✅"}
_STATUS = {"ok": "ok", "gap": "**gap**", "withdrawn": "**withdrawn**", "untrusted": "**not trusted**"} | {
    "refused": "**refused**",
    "open": "**open**",
}
_CELL = 160
"""Columns of a table's cell."""
_LINE = 600
"""Columns of a sentence."""
_DATASET_HEADS = (
    *("dataset", "status", "source", "licence", "personal data", "for your purpose", "until", "order"),
    "signed by",
)
_PLAIN = re.compile(r"[\w./:-]+", re.ASCII)
_LEFT_OUT = "_The rest does not fit into a comment; the JSON report has everything._"


def render(report: Report) -> str:
    """Return the report as at most ``MOST_CHARACTERS`` of GitHub Flavored Markdown."""
    for findings, rows in _SIZES:
        blocks = list(_Page(view(report, findings=findings, rows=rows)).blocks())
        text = "\n\n".join(blocks) + "\n"
        if len(text) <= MOST_CHARACTERS:
            return text
    kept: list[str] = []
    left = MOST_CHARACTERS - len(_LEFT_OUT) - 3
    for block in blocks:
        left -= len(block) + 2
        if left < 0:
            break
        kept.append(block)
    return "\n\n".join([*kept, _LEFT_OUT]) + "\n"


def _text(shown: str, width: int = _LINE) -> str:
    return escape_markdown(clip(shown, width))


def _code(shown: str, width: int = _CELL) -> str:
    """Return a digest, path or code; one with unusual characters stands as escaped text."""
    cut = clip(shown, width)
    return f"`{cut}`" if _PLAIN.fullmatch(cut) else escape_markdown(cut)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cell or ' ' for cell in row)} |" for row in rows)])


def _fenced(lines: str, kind: str = "text") -> str:
    """Return lines as a block of code that nothing in them can end."""
    longest = max((len(run) for run in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{lines}\n{fence}"


def _more(cut: Cut[object], noun: str) -> list[str]:
    return [f"… and {cut.hidden:,} more {noun}; the JSON report has them all."] if cut.hidden else []


def _folded(title: str, parts: Iterable[str]) -> Iterator[str]:
    """Yield a section that opens on a click; none where there is nothing to show."""
    body = "\n\n".join(parts)
    if body:
        yield f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


class _Page:
    """The sections of the report, in the order a reader needs them."""

    def __init__(self, shown: View) -> None:
        self.view = shown
        self.report = shown.report

    def blocks(self) -> Iterator[str]:
        """Yield blocks, each Markdown on its own."""
        yield from self.verdict()
        yield from self.why()
        yield from self.missing()
        yield from self.asks()
        yield self.facts()
        yield from _folded(f"Rules ({len(self.report.rules):,})", [self.rules()])
        yield from _folded(f"Datasets ({self.view.datasets.total:,})", self.datasets())
        yield from _folded(
            "Lineage", [counts_of(self.report), _fenced(text_tree(self.view.lineage).rstrip("\n"))]
        )
        total = sum(group.findings.total for group in self.view.groups)
        yield from _folded(f"Findings ({total:,})", self.findings())
        yield from _folded(f"Exceptions ({self.view.exceptions.total:,})", self.exceptions())
        yield from _folded(f"Registers ({self.view.registers.total:,})", self.registers())
        limits = [f"- {_text(each)}" for each in self.report.not_proven]
        yield from _folded("What this does not prove", ["\n".join(limits)])
        yield from _folded(f"Evidence ({many(self.view.statements.total, 'statement')})", self.evidence())
        again = "\n".join(command(self.report.reproduce, 96))
        yield from _folded("Run it again", [_fenced(again, "sh")])
        yield f"{_text(self.report.tool)}. Not legal advice."

    def verdict(self) -> Iterator[str]:
        """Yield the verdict and what it means."""
        name = _text(self.report.delivered.name, 60) or "(no name)"
        yield f"## {_VERDICTS[self.report.verdict]} {_text(self.view.title)}: {name}"
        if self.report.historical:
            yield f"**Historical: evaluated as of {moment(self.report.as_of)}; no basis for buying today.**"
        yield f"{self.view.words.meaning} {self.view.words.advice}"
        tally = (
            f"{_SIGNS[result]} {self.report.counts.get(result, 0):,} {word}"
            for result, word in RESULT_WORDS.items()
        )
        yield " · ".join(tally)

    def points(self, points: Sequence[Point], result: ResultWord) -> str:
        """Return what rules ask for and what was found instead."""
        lines = []
        for point in points:
            lines.append(f"- {_SIGNS[result]} {_code(point.rule)}: {_text(point.required)}")
            lines += [f"  - {_text(summary)}" for summary in point.found.items]
            if point.found.hidden:
                lines.append(f"  - … and {point.found.hidden:,} more like this")
            if point.path:
                way = " ← ".join(_text(hop, 60) or "(no name)" for hop in point.path)
                lines.append(f"  - from the delivery to it: {way}")
        return "\n".join(lines)

    def why(self) -> Iterator[str]:
        """Yield the reasons of the verdict."""
        yield "### Why"
        if self.view.failed:
            yield self.points(self.view.failed, "FAIL")
        elif self.report.verdict == "INCOMPLETE":
            yield "No rule is broken, but what is missing could not be shown."
        elif self.view.waived:
            yield "No rule is broken that your policy does not waive."
            yield self.points(self.view.waived, "EXCEPTION")
        else:
            yield f"All {self.report.counts.get('PASS', 0):,} rules that applied passed."

    def missing(self) -> Iterator[str]:
        """Yield what could not be shown."""
        yield "### What is missing"
        lines = []
        for item in self.view.missing.items:
            rules = ", ".join(_code(rule, 40) for _, rule in item.rules)
            lines.append(f"- {_SIGNS['UNKNOWN']} {_text(item.name, 80)}" + (f" ({rules})" if rules else ""))
            lines += [f"  - {_text(summary)}" for summary in item.found.items]
        yield "\n".join([*lines, *_more(self.view.missing, "things")]) or "Nothing that your policy requires."

    def asks(self) -> Iterator[str]:
        """Yield what would settle the findings."""
        yield "### What to ask the vendor for"
        lines = [
            f"1. {_text(ask.text)}" + (f" (settles {ask.findings:,} findings)" if ask.findings > 1 else "")
            for ask in self.view.asks.items
        ]
        yield "\n".join([*lines, *_more(self.view.asks, "questions")]) or "Nothing."

    def facts(self) -> str:
        """Return who, what and how much in one look."""
        report, chain = self.report, self.report.chain
        names = ", ".join(f"{_text(name, 60)} ({count:,})" for name, count in self.view.signers)
        rows = [
            ("delivered", f"{_code(report.delivered.digest)}, {size(report.delivered.size_bytes)}"),
            ("same bytes as signed", "yes" if self.view.matched else "**no**"),
            ("signed by", names or "nobody your trust file names"),
            (
                "signatures",
                f"{chain.verified:,} of {many(chain.statements, 'statement')} by somebody you trust",
            ),
            ("policy", f"{_text(report.policy.name, 60)}, version {_text(report.policy.version, 20)}"),
            ("", _code(f"sha256:{report.policy.sha256}")),
            ("trust file", _code(f"sha256:{report.trust.sha256}")),
            ("evaluated", moment(report.as_of)),
        ]
        return "### Facts\n\n" + _table(("", ""), rows)

    def rules(self) -> str:
        """Return every rule with its outcome."""
        rows = [
            (
                f"{_SIGNS[row.result]} {RESULT_WORDS[row.result]}",
                _code(row.rule),
                "<br>".join([_text(row.sentence), *(f"note: {_text(note)}" for note in row.notes)]),
                f"{row.examined:,}",
            )
            for row in self.report.rules
        ]
        return _table(("result", "rule", "asks", "examined"), rows)

    def datasets(self) -> Iterator[str]:
        """Yield the dataset table."""
        if self.view.datasets.items:
            yield _table(_DATASET_HEADS, map(self.dataset, self.view.datasets.items))
            yield from _more(self.view.datasets, "datasets")

    def dataset(self, row: DatasetRow) -> tuple[str, ...]:
        """Return one dataset."""
        version = f" {_text(row.version, 20)}" if row.version not in {"", "unknown"} else ""
        return (
            f"{_text(row.name, 60)}{version}<br>{_code(row.digest[:19])}",
            _STATUS[row.status],
            f"{_text(row.source, _CELL)}<br>{_text(row.channel, _CELL)}",
            f"{_text(row.licence, _CELL)}<br>{_text(row.licence_class, _CELL)}",
            f"{_text(row.personal_data, _CELL)}<br>basis: {_text(row.basis, _CELL)}",
            _text(row.purpose_fit, _CELL),
            _text(row.valid_until, 40),
            _text(row.order, 40),
            ", ".join(_text(each, 40) for each in row.signed_by[:6]) or "nobody you trust",
        )

    def findings(self) -> Iterator[str]:
        """Yield every finding that is kept, by rule."""
        for group in self.view.groups:
            yield f"**{_SIGNS[group.result]} {_code(group.rule)}**: {many(group.findings.total, 'finding')}"
            yield "\n".join(line for each in group.findings.items for line in self.finding(each))
            yield from _more(group.findings, "findings of this rule")

    def finding(self, finding: FindingRow) -> Iterator[str]:
        """Yield the lines of one finding."""
        yield f"- {_SIGNS[finding.result]} {_text(finding.summary)} ({_code(finding.code)})"
        name = f"{_text(finding.subject_name, 60)} " if finding.subject_name else ""
        yield f"  - subject: {name}{_code(finding.subject)}"
        for name, text in (("expected", finding.expected), ("found", finding.actual)):
            if text:
                yield f"  - {name}: {_text(text)}"
        if finding.path:
            yield f"  - path: {' ← '.join(_text(hop, 60) or '(no name)' for hop in finding.path)}"
        if finding.evidence:
            shown = ", ".join(_code(each) for each in finding.evidence[:3])
            rest = len(finding.evidence) - 3
            yield f"  - evidence: {shown}" + (f" and {rest:,} more" if rest > 0 else "")
        if finding.remedy:
            yield f"  - what to do: {_text(finding.remedy)}"

    def exceptions(self) -> Iterator[str]:
        """Yield the waivers of the policy, those that were used first."""
        if self.view.exceptions.items:
            rows = [
                (
                    _code(row.rule),
                    "expired" if row.expired else "used" if row.used else "not needed",
                    _code(row.subject),
                    _text(row.reason, _CELL),
                    _text(row.approver, 60),
                    _text(row.expires, 20),
                )
                for row in self.view.exceptions.items
            ]
            yield _table(("rule", "state", "subject", "reason", "approved by", "until"), rows)
            yield from _more(self.view.exceptions, "exceptions")

    def registers(self) -> Iterator[str]:
        """Yield the registers that were read."""
        if self.view.registers.items:
            rows = [
                (
                    _text(row.register_id, _CELL),
                    f"{row.sequence:,}, {age(self.report.as_of, row.as_of)}",
                    (", ".join(_text(each, 40) for each in row.keeper) or "nobody you trust")
                    + (" (self-kept)" if row.self_kept else ""),
                    "<br>".join(_text(each, _CELL) for each in row.problems) or "in order",
                )
                for row in self.view.registers.items
            ]
            yield _table(("register", "number", "kept by", "state"), rows)
            yield from _more(self.view.registers, "registers")

    def evidence(self) -> Iterator[str]:
        """Yield the statements, those that are not believed first."""
        if self.view.statements.items:
            heads = ("statement", "standing", "about", "signed by", "trusted time", "file")
            yield _table(heads, map(self.statement, self.view.statements.items))
            yield from _more(self.view.statements, "statements")
        lines = [
            f"- unknown line: {_code(line.file)}, line {line.line:,}: {_text(line.reason, _CELL)}"
            for line in self.view.unknown_lines.items
        ]
        if lines:
            yield "\n".join([*lines, *_more(self.view.unknown_lines, "unknown lines")])

    def statement(self, row: StatementRow) -> tuple[str, ...]:
        """Return one statement."""
        standing = "believed" if row.standing == "granted" else f"**{row.standing}**"
        return (
            f"{_text(kind_of(row.type), 60)}<br>{_code(row.digest)}",
            f"{standing}<br>{_text(row.reason, _CELL)}" if row.reason else standing,
            ", ".join(_text(each, 60) for each in row.subjects[:3]),
            ", ".join(_text(each, 40) for each in row.principals) or "nobody you trust",
            moment(row.trusted_time) if row.trusted_time else "none",
            ", ".join(_text(each, 60) for each in row.files),
        )
