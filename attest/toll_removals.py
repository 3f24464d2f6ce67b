"""Records that steps say they took out, as an impact and a plan write it down, and what would show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from attest.impact import Impact
from attest.model import Model
from attest.text import show
from attest.width import clip, wrap

__all__ = ["Problem", "RemovalRow", "removal_lines", "removal_rows"]

_WIDTH = 100


class Problem(Model):
    """Why it is not shown that records are out."""

    code: str = Field(description="proof-missing, proof-wrong, record-not-held or record-still-there.")
    summary: str


class RemovalRow(Model):
    """Ordered records that a step says it took out of a dataset."""

    old: str = Field(description="What they were in.")
    old_name: str
    new: str = Field(description="What was made without them.")
    new_name: str
    statement: str = Field(description="sha256:… of the statement that says so.")
    shown: bool = Field(description="Proofs in hand show it.")
    proofs: list[str] = Field(
        description="What shows it: sha256:… of files of proofs, roots of leaf files; empty: nothing."
    )
    problems: list[Problem] = Field(description="Why it is not shown, and so what is to be supplied.")


def removal_rows(impact: Impact) -> list[RemovalRow]:
    """Write down what steps say they took ordered records out of, and whether it is shown."""
    name = impact.graph.name
    return [
        RemovalRow(
            old=str(each.old),
            old_name=name(each.old),
            new=str(each.new),
            new_name=name(each.new),
            statement=f"sha256:{each.statement}",
            shown=not each.faults,
            proofs=[] if each.faults else list(impact.answering.shown_by(each)),
            problems=[Problem(code=fault.code, summary=fault.summary) for fault in each.faults],
        )
        for each in impact.removals
    ]


def removal_lines(rows: Sequence[RemovalRow]) -> Iterator[str]:
    """Yield lines for a terminal about records that were taken out, and what is to be supplied to show it."""
    if rows:
        yield from ("", "RECORDS TAKEN OUT, as steps say")
    for row in rows:
        yield f"  {clip(show(row.old_name), 40)} → {clip(show(row.new_name), 40)}  {row.new}"
        if row.shown:
            more = f" and {len(row.proofs) - 1:,} more" if len(row.proofs) > 1 else ""
            yield f"      shown by {', '.join(row.proofs[:1])}{more}"
            continue
        for each in row.problems:
            yield from wrap(f"not shown: {show(each.summary, 300)}", _WIDTH, "      ", "        ")
        yield "      supply the removal proof, or the leaf files of both: --proof FILE"
