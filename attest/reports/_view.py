"""What the renderings for people share: every string shown once, findings grouped, everything bounded.

A report may hold 100,000 findings and names of a megabyte. A view of it is small enough to read, says how
much it leaves out, and holds no string that did not go through ``attest.text.show``, so that no rendering can
forget one. The JSON rendering leaves nothing out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from attest.report import (
    Ask,
    DatasetRow,
    ExceptionRow,
    Lineage,
    RegisterRow,
    Report,
    StatementRow,
    UnknownLineRow,
)
from attest.reports._bounds import Cut, cut, short, shown_model
from attest.reports._points import Missing, Point, RuleFindings, by_rule, grouped, missing, points
from attest.reports._words import VERDICTS, VerdictWords, many, moment
from attest.text import show

__all__ = ["View", "view"]

_MISSING = 12
"""Things missing that are told where the verdict is explained."""


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
            "subjects": short(row.subjects, 6),
            "signers": short(row.signers, 6),
            "files": short(row.files, 4),
        }
    )


def view(report: Report, *, findings: int, rows: int) -> View:
    """Return ``report`` for people; time and memory are linear in its size.

    Args:
        report: the report, strings as the evidence has them.
        findings: findings kept of each rule, the worst first.
        rows: rows kept of each table, those with a problem first.
    """
    found = by_rule(report)
    believed = [row for row in report.statements if row.standing == "granted"]
    believed.sort(key=lambda row: row.note is None)
    unbelieved = [row for row in report.statements if row.standing != "granted"]
    signers = Counter(name for row in believed for name in row.principals)
    return View(
        report=shown_model(_few(report)),
        title=_title(report),
        words=VERDICTS[report.verdict],
        failed=points(report, found, "FAIL"),
        missing=missing(report, found, _MISSING),
        waived=points(report, found, "EXCEPTION"),
        groups=grouped(report, found, findings),
        asks=cut(report.asks, rows),
        datasets=cut(sorted(report.datasets, key=_urgency), rows),
        exceptions=cut(sorted(report.exceptions, key=lambda row: not row.used), rows),
        registers=cut(sorted(report.registers, key=lambda row: not row.problems), rows),
        statements=cut([*unbelieved, *believed], rows, _trim_statement),
        unbelieved=len(unbelieved),
        unknown_lines=cut(report.unknown_lines, rows),
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
        update={"matched": short(delivered.matched, 8), "extras": short(delivered.extras, 40)}
    )
    changes["rules"] = [row.model_copy(update={"notes": short(row.notes, 20)}) for row in report.rules]
    return report.model_copy(update=changes)
