"""The report as text for terminals and logs: 100 columns, the verdict first, no colour unless asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attest.outline import quoted, text_tree
from attest.report import DatasetRow, FindingRow, Report, ResultWord, StatementRow
from attest.reports._bounds import Cut
from attest.reports._points import Point
from attest.reports._view import View, view
from attest.reports._words import RESULT_WORDS, age, command, counts_of, kind_of, many, moment, size
from attest.width import columns, pad, wrap

__all__ = ["render"]

_WIDTH = 100
_FINDINGS = 20
"""Findings of one rule that are printed; JSON has them all."""
_ROWS = 60
_EVIDENCE = 4
_COLOURS = {
    "REJECT": "1;31",
    "FAIL": "1;31",
    "INCOMPLETE": "1;33",
    "UNKNOWN": "1;33",
    "ACCEPT_WITH_EXCEPTIONS": "1;35",
    "EXCEPTION": "1;35",
    "ACCEPT": "1;32",
    "PASS": "32",
    "NOT_APPLICABLE": "2",
    "heading": "1",
}
_COLUMNS = (11, 30, 30, 12)
_STATUS = {"ok": "ok", "gap": "GAP", "withdrawn": "WITHDRAWN", "untrusted": "NOT TRUSTED"} | {
    "refused": "REFUSED",
    "open": "OPEN",
}


def render(report: Report, *, color: bool = False) -> str:
    """Return the report as lines of at most 100 columns; only a long word of the last command may be wider.

    Args:
        report: what to print.
        color: whether to add ANSI colours: for terminals, and not where ``NO_COLOR`` is set.
    """
    page = _Page(view(report, findings=_FINDINGS, rows=_ROWS), color)
    return "\n".join(page.lines()) + "\n"


def _more(cut: Cut[object], noun: str) -> Iterator[str]:
    if cut.hidden:
        yield f"  … and {cut.hidden:,} more {noun}; the JSON report has them all"


def _word(result: ResultWord) -> str:
    return "N/A" if result == "NOT_APPLICABLE" else result


def _fact(name: str, text: str, indent: str = "  ") -> list[str]:
    """Return ``name`` and what there is to say of it, in two columns."""
    return wrap(text, _WIDTH, f"{indent}{name:<12} ")


class _Page:
    """The sections of the report, in the order a reader needs them."""

    def __init__(self, shown: View, color: bool) -> None:  # noqa: FBT001
        self.view = shown
        self.report = shown.report
        self.color = color

    def paint(self, text: str, style: str) -> str:
        """Return ``text`` in a colour, if colours are wanted. Widths are measured before."""
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self.color else text

    def lines(self) -> Iterator[str]:
        """Yield the whole report."""
        yield from self.verdict()
        for title, section in (
            ("WHY", self.why()),
            ("WHAT IS MISSING", self.missing()),
            ("WHAT TO ASK THE VENDOR FOR", self.asks()),
            ("FACTS", self.facts()),
            ("RULES", self.rules()),
            ("DATASETS", self.datasets()),
            ("LINEAGE", self.lineage()),
            ("FINDINGS", self.findings()),
            ("EXCEPTIONS", self.exceptions()),
            ("REGISTERS", self.registers()),
            ("WHAT THIS DOES NOT PROVE", self.not_proven()),
            ("EVIDENCE", self.evidence()),
            ("REPRODUCE", self.reproduce()),
        ):
            lines = list(section)
            if lines:
                yield from ("", self.paint(title, "heading"), *lines)

    def verdict(self) -> Iterator[str]:
        """Yield the verdict and what it means."""
        if self.report.preflight:
            yield "PRE-FLIGHT: no file was measured; not a basis for buying."
        if self.report.historical:
            yield from wrap(
                f"HISTORICAL: evaluated as of {moment(self.report.as_of)}; not a basis for buying today.",
                _WIDTH,
            )
        word: str = self.report.verdict
        if word == "ACCEPT_WITH_EXCEPTIONS":
            word = self.view.title.upper().replace("ACCEPTED", "ACCEPT")
        elif self.report.historical:
            word += f" AS OF {self.report.as_of:%Y-%m-%d}"
        yield f"VERDICT  {self.paint(word, self.report.verdict)}  {quoted(self.report.delivered.name, 60)}"
        yield from wrap(f"{self.view.words.meaning} {self.view.words.advice}", _WIDTH, "  ")

    def points(self, points: Sequence[Point], result: ResultWord) -> Iterator[str]:
        """Yield what rules ask for and what was found instead."""
        for point in points:
            mark = self.paint(_word(result), result)
            yield f"  {mark} {quoted(point.rule, 60)}"
            if point.required:
                yield from wrap(point.required, _WIDTH, "    required  ")
            for number, summary in enumerate(point.found.items):
                yield from wrap(summary, _WIDTH, "    found     " if number == 0 else "              ")
            if point.found.hidden:
                yield f"              … and {point.found.hidden:,} more like this, see FINDINGS"
            if point.path:
                yield from wrap(" ← ".join(quoted(hop) for hop in point.path), _WIDTH, "    path      ")

    def why(self) -> Iterator[str]:
        """Yield the reasons of the verdict."""
        if self.view.failed:
            yield from self.points(self.view.failed, "FAIL")
        elif self.report.verdict == "INCOMPLETE":
            if self.view.missing.items:
                yield "  No rule is broken, but the ones under WHAT IS MISSING could not be shown to hold."
            else:
                yield "  No rule of the policy applied, so nothing was shown."
        elif self.view.waived:
            yield "  No rule is broken that your policy does not waive."
            yield from self.points(self.view.waived, "EXCEPTION")
        else:
            passed = self.report.counts.get("PASS", 0)
            yield from wrap(
                f"All {passed:,} rules that applied passed; see RULES for what each examined.", _WIDTH, "  "
            )

    def missing(self) -> Iterator[str]:
        """Yield what could not be shown."""
        for item in self.view.missing.items:
            rules = ", ".join(quoted(rule, 40) for _, rule in item.rules)
            needed = f" (needed by {rules})" if rules else ""
            mark = self.paint("UNKNOWN", "UNKNOWN")
            first, *rest = wrap(quoted(item.name, 60) + needed, _WIDTH, "  UNKNOWN ", "    ")
            yield from (first.replace("UNKNOWN", mark, 1), *rest)
            for summary in item.found.items:
                yield from wrap(summary, _WIDTH, "    ")
            if item.found.hidden:
                yield f"    … and {item.found.hidden:,} more, see FINDINGS"
        yield from _more(self.view.missing, "things")
        if not self.view.missing.items:
            yield "  Nothing that your policy requires."

    def asks(self) -> Iterator[str]:
        """Yield what would settle the findings."""
        for number, ask in enumerate(self.view.asks.items, 1):
            settles = f" (settles {ask.findings:,} findings)" if ask.findings > 1 else ""
            yield from wrap(ask.text + settles, _WIDTH, f"  {number:>2}. ")
        yield from _more(self.view.asks, "questions")
        if not self.view.asks.items:
            yield "  Nothing."

    def facts(self) -> Iterator[str]:
        """Yield who, what and how much in one look."""
        report, chain, delivered = self.report, self.report.chain, self.report.delivered
        what = "1 file" if delivered.kind == "file" else f"directory, {delivered.files:,} files"
        yield from _fact("delivered", f"{quoted(delivered.name, 70)} ({what}, {size(delivered.size_bytes)})")
        yield from _fact("", delivered.digest)
        if self.view.matched:
            yield from _fact("weights", f"match what was signed: {', '.join(delivered.matched)}")
        else:
            yield from _fact("weights", "do NOT match anything that was signed")
        if delivered.extras:
            yield from _fact("extra files", ", ".join(quoted(each, 60) for each in delivered.extras))
        names = ", ".join(
            f"{quoted(name, 60)} ({many(count, 'statement')})" for name, count in self.view.signers
        )
        yield from _fact("signed by", names or "nobody your trust file names")
        yield from _fact(
            "signatures",
            f"{chain.verified:,} of {chain.statements:,} statements signed by somebody you trust · "
            f"trusted time on {chain.timestamped:,}",
        )
        yield from _fact("lineage", counts_of(report))
        tally = " · ".join(f"{_word(result)} {report.counts.get(result, 0):,}" for result in RESULT_WORDS)
        yield from _fact("rules", tally)
        policy = report.policy
        yield from _fact("policy", f"{quoted(policy.name, 60)} version {quoted(policy.version, 20)}")
        yield from _fact("", f"purpose: {', '.join(policy.purpose) or 'none stated'}")
        yield from _fact("", f"territories: {', '.join(policy.territories) or 'none stated'}")
        yield from _fact("", f"sha256:{policy.sha256}")
        yield from _fact("trust", quoted(report.trust.name, 60))
        yield from _fact("", f"sha256:{report.trust.sha256}")
        for root in report.roots or ():
            old = "age not said" if root.age_days is None else f"fetched {many(root.age_days, 'day')} before"
            yield from _fact("", f"{root.kind} root {quoted(root.file, 60)}, {old}")
            yield from _fact("", f"sha256:{root.sha256}")
        yield from _fact("evaluated", f"{moment(report.as_of)}, {report.tool}")

    def rules(self) -> Iterator[str]:
        """Yield every rule with its outcome."""
        for row in self.report.rules:
            label = self.paint(pad(_word(row.result), 10), row.result)
            yield f"  {label} {pad(quoted(row.rule, 40), 40)} {row.examined:>9,} examined"
            yield from wrap(row.sentence, _WIDTH, " " * 13)
            for note in row.notes:
                yield from wrap(f"note: {note}", _WIDTH, " " * 13)

    def datasets(self) -> Iterator[str]:
        """Yield the dataset table, two lines a row."""
        if not self.view.datasets.items:
            yield "  None is known."
            return
        heads = ("STATUS", "DATASET", "LICENCE", "CLASS")
        yield "  " + " ".join([*(pad(h, w) for h, w in zip(heads, _COLUMNS, strict=True)), "UNTIL"])
        for row in self.view.datasets.items:
            yield from self.dataset(row)
        yield from _more(self.view.datasets, "datasets")

    def dataset(self, row: DatasetRow) -> Iterator[str]:
        """Yield one dataset."""
        name = quoted(row.name or row.digest, 30) + (
            f" {quoted(row.version, 12)}" if row.version not in {"", "unknown"} else ""
        )
        cells = (name, row.licence, row.licence_class)
        line = " ".join(pad(cell, width) for cell, width in zip(cells, _COLUMNS[1:], strict=True))
        status = pad(_STATUS[row.status], _COLUMNS[0])
        status = status if row.status == "ok" else self.paint(status, "FAIL")
        until = row.valid_until.removesuffix("T00:00:00Z").replace("no end stated", "no end")
        yield f"  {status} {line} {pad(until, 10).rstrip()}"
        more = [
            row.digest.removeprefix("sha256:")[:12],
            f"source {row.source} ({row.channel})",
            f"personal data {row.personal_data}",
            f"basis {row.basis}",
            f"for your purpose {row.purpose_fit}",
            f"orders {row.order}",
            f"signed by {', '.join(quoted(each, 30) for each in row.signed_by[:6]) or 'nobody you trust'}",
            *([f"rights until {row.valid_until}"] if columns(until) > 10 else []),
        ]
        yield from wrap(" · ".join(more), _WIDTH, " " * 14)

    def lineage(self) -> Iterator[str]:
        """Yield the lineage as a tree."""
        yield from (f"  {line}" for line in text_tree(self.view.lineage, width=_WIDTH - 2).splitlines())

    def findings(self) -> Iterator[str]:
        """Yield every finding that is kept, by rule."""
        for group in self.view.groups:
            label = self.paint(_word(group.result), group.result)
            yield f"  {label} {quoted(group.rule, 60)}: {many(group.findings.total, 'finding')}"
            for number, finding in enumerate(group.findings.items, 1):
                yield from self.finding(number, finding, group.result)
            yield from _more(group.findings, "findings of this rule")

    def finding(self, number: int, finding: FindingRow, result: ResultWord) -> Iterator[str]:
        """Yield one finding."""
        other = f"{finding.result}: " if finding.result != result else ""
        yield from wrap(f"{other}{finding.summary} [{finding.code}]", _WIDTH, f"  {number:>3}. ")
        indent = " " * 7
        yield from _fact("subject", " ".join(filter(None, (_name(finding), finding.subject))), indent)
        for name, text in (("expected", finding.expected), ("found", finding.actual)):
            if text:
                yield from _fact(name, text, indent)
        if finding.path:
            yield from _fact("path", " ← ".join(quoted(hop) for hop in finding.path), indent)
        for place, digest in enumerate(finding.evidence[:_EVIDENCE]):
            yield from _fact("evidence" if place == 0 else "", digest, indent)
        if len(finding.evidence) > _EVIDENCE:
            yield from _fact("", f"and {len(finding.evidence) - _EVIDENCE:,} more", indent)
        if finding.remedy:
            yield from _fact("remedy", finding.remedy, indent)

    def exceptions(self) -> Iterator[str]:
        """Yield the waivers of the policy, those that were used first."""
        for row in self.view.exceptions.items:
            state = "expired" if row.expired else "used" if row.used else "not needed"
            approved = f"until {row.expires}, approved by {quoted(row.approver, 30)}"
            yield from wrap(f"{quoted(row.rule, 60)} ({state}), {approved}", _WIDTH, "  ")
            yield from _fact("subject", row.subject, "    ")
            yield from _fact("reason", row.reason, "    ")
        yield from _more(self.view.exceptions, "exceptions")

    def registers(self) -> Iterator[str]:
        """Yield the registers that were read."""
        for row in self.view.registers.items:
            yield from wrap(row.register_id, _WIDTH, "  ")
            kept = f"kept by {', '.join(quoted(each, 40) for each in row.keeper) or 'nobody you trust'}"
            kept += " (self-kept: its keeper also signed statements of this lineage)" if row.self_kept else ""
            yield from wrap(kept, _WIDTH, "    ")
            yield from wrap(
                f"number {row.sequence:,}, as of {moment(row.as_of)} ({age(self.report.as_of, row.as_of)}), "
                f"next update due {moment(row.next_update)}",
                _WIDTH,
                "    ",
            )
            for problem in row.problems:
                yield from wrap(f"problem: {problem}", _WIDTH, "    ")
        yield from _more(self.view.registers, "registers")

    def not_proven(self) -> Iterator[str]:
        """Yield what no verdict proves."""
        for line in self.report.not_proven:
            yield from wrap(line, _WIDTH, "  - ")

    def evidence(self) -> Iterator[str]:
        """Yield the statements, those that are not believed first."""
        total, unbelieved = self.view.statements.total, self.view.unbelieved
        yield from wrap(
            f"{many(total, 'statement')}: {total - unbelieved:,} believed, {unbelieved:,} not.", _WIDTH, "  "
        )
        for row in self.view.statements.items:
            yield from self.statement(row)
        yield from _more(self.view.statements, "statements")
        for line in self.view.unknown_lines.items:
            yield from wrap(f"{line.file}, line {line.line:,}: {line.reason}", _WIDTH, "  unknown line  ")
        yield from _more(self.view.unknown_lines, "unknown lines")

    def statement(self, row: StatementRow) -> Iterator[str]:
        """Yield one statement: who signed it when, where it was read, and why it is not believed."""
        about = ", ".join(quoted(each) for each in row.subjects[:3]) or "nothing"
        mark = "" if row.standing == "granted" else f"{row.standing.upper()}: "
        first, *rest = wrap(f"{kind_of(row.type)} about {about}", _WIDTH, f"  {mark}", "    ")
        if mark:
            first = f"  {self.paint(mark.rstrip(), 'FAIL')} {first.removeprefix(f'  {mark}')}"
        yield from (first, *rest)
        if row.reason:
            yield from wrap(row.reason, _WIDTH, "    ")
        if row.note:
            yield from wrap(row.note, _WIDTH, "    ")
        yield from _fact("statement", row.digest, "    ")
        names = ", ".join(quoted(each, 30) for each in row.principals) or "nobody you trust"
        signers = f" ({', '.join(row.signers)})" if row.signers else ""
        yield from _fact("signed by", names + signers, "    ")
        time = moment(row.trusted_time) if row.trusted_time else "none"
        where = ", ".join(quoted(each, 60) for each in row.files) or "not said"
        yield from _fact("trusted time", time, "    ")
        yield from _fact("file", where, "    ")

    def reproduce(self) -> Iterator[str]:
        """Yield the command that makes this report again."""
        yield from (f"  {line}" for line in command(self.report.reproduce, _WIDTH - 2))


def _name(finding: FindingRow) -> str:
    return quoted(finding.subject_name, 60) if finding.subject_name else ""
