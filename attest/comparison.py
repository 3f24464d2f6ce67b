"""Several reports side by side: what one policy says of each candidate, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from attest.model import Model, Timestamp
from attest.report import Report, ResultWord
from attest.text import show, show_markdown
from attest.width import clip, columns, pad

__all__ = ["Candidate", "Cell", "Comparison", "RuleLine", "compare", "render_markdown", "render_text"]

_NAME = 28
"""Columns of a candidate's name at most."""


class Candidate(Model):
    """One delivery, or one release of a bundle."""

    name: str
    digest: str = Field(description="sha256:… of the delivery.")
    verdict: Literal["REJECT", "INCOMPLETE", "ACCEPT_WITH_EXCEPTIONS", "ACCEPT"]
    steps: int
    datasets: int
    gaps: int = Field(description="Artifacts that need a statement and have none that is believed.")
    opaque: int
    unverified: int = Field(description="Statements nobody the reader believes is shown to have signed.")
    failed: int = Field(description="Findings that fail a rule.")
    missing: int = Field(description="Findings of a missing fact.")
    asks: list[str] = Field(description="What to ask this vendor for.")
    reproduce: str = Field(description="The command that gives the candidate's whole report.")


class Cell(Model):
    """What one rule says of one candidate."""

    result: ResultWord
    findings: int


class RuleLine(Model):
    """One rule over all candidates."""

    rule: str
    cells: list[Cell | None] = Field(description="In the order of the candidates; null: no such rule there.")


class Comparison(Model):
    """One table over several reports under one policy."""

    comparison_version: Literal["v0.1"] = "v0.1"
    policy: str
    policy_sha256: str = Field(description="SHA-256 of the policy file's bytes, lowercase hex.")
    as_of: Timestamp
    candidates: list[Candidate]
    rules: list[RuleLine]


def compare(reports: Sequence[Report]) -> Comparison:
    """Put reports side by side, in the order given.

    Args:
        reports: at least one, all under one policy.

    Raises:
        ValueError: there is none, or they were made under different policies.
    """
    if not reports or len({each.policy.sha256 for each in reports}) != 1:
        raise ValueError("a comparison needs reports under one policy")
    names = list(dict.fromkeys(row.rule for report in reports for row in report.rules))
    return Comparison(
        policy=reports[0].policy.name,
        policy_sha256=reports[0].policy.sha256,
        as_of=reports[0].as_of,
        candidates=[_candidate(each) for each in reports],
        rules=[RuleLine(rule=name, cells=[_cell(each, name) for each in reports]) for name in names],
    )


def _candidate(report: Report) -> Candidate:
    results = [each.result for each in report.findings]
    return Candidate(
        name=report.delivered.name,
        digest=report.delivered.digest,
        verdict=report.verdict,
        steps=report.chain.steps,
        datasets=report.chain.datasets,
        gaps=report.chain.gaps,
        opaque=report.chain.opaque,
        unverified=report.chain.unverified,
        failed=results.count("FAIL"),
        missing=results.count("UNKNOWN"),
        asks=[each.text for each in report.asks],
        reproduce=report.reproduce,
    )


def _cell(report: Report, name: str) -> Cell | None:
    row = next((each for each in report.rules if each.rule == name), None)
    if row is None:
        return None
    return Cell(result=row.result, findings=sum(1 for each in report.findings if each.rule == name))


def _rows(table: Comparison) -> Iterator[tuple[str, list[str]]]:
    """Yield heading and cells of every line, the verdict first."""
    each = table.candidates
    yield "verdict", [one.verdict for one in each]
    for line in table.rules:
        yield line.rule, [_show(cell) for cell in line.cells]
    yield "steps", [str(one.steps) for one in each]
    yield "datasets", [str(one.datasets) for one in each]
    yield "unexplained inputs", [str(one.gaps) for one in each]
    yield "declared opaque", [str(one.opaque) for one in each]
    yield "unverified statements", [str(one.unverified) for one in each]
    yield "to ask for", [str(len(one.asks)) for one in each]


def _show(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return cell.result.replace("_", " ") + (f" ({cell.findings})" if cell.findings else "")


def render_text(table: Comparison) -> str:
    """Return the table for a terminal, and under it what to ask each vendor for."""
    names = [clip(show(each.name, 100), _NAME) for each in table.candidates]
    rows = [("", names), *_rows(table)]
    left = max(columns(head) for head, _ in rows)
    widths = [max(columns(cells[number]) for _, cells in rows) for number in range(len(names))]
    lines = [
        f"{show(table.policy)}  sha256:{table.policy_sha256}  as of {table.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "",
    ]
    for head, cells in rows:
        shown = "  ".join(pad(cell, width) for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{pad(head, left)}  {shown}".rstrip())
    for name, candidate in zip(names, table.candidates, strict=True):
        lines += ["", f"{name}  {candidate.digest}"]
        lines += [f"  ask: {show(text, 400)}" for text in candidate.asks[:20]]
        if len(candidate.asks) > 20:
            lines.append(f"  and {len(candidate.asks) - 20} more: see its report")
        lines.append(f"  whole report: {show(candidate.reproduce, 2000)}")
    return "\n".join(lines) + "\n"


def render_markdown(table: Comparison) -> str:
    """Return the table for a pull request or a page."""
    names = [show_markdown(each.name) for each in table.candidates]
    lines = [
        f"**{show_markdown(table.policy)}** as of {table.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "",
        "| | " + " | ".join(names) + " |",
        "| --- |" + " --- |" * len(names),
    ]
    lines += [f"| {head} | " + " | ".join(cells) + " |" for head, cells in _rows(table)]
    for name, candidate in zip(names, table.candidates, strict=True):
        if candidate.asks:
            lines += ["", f"Ask for {name}:", ""]
            lines += [f"- {show_markdown(text)}" for text in candidate.asks[:20]]
    return "\n".join(lines) + "\n"
