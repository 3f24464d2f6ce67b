"""How a benchmark says whether a figure was reached: one line each, which ``run.py`` gathers into a table."""

from __future__ import annotations

__all__ = ["MARK", "goal", "parsed"]

MARK = "goal: "
"""What such a line begins with."""


def goal(what: str, got: float, wanted: float, unit: str = "x", *, at_most: bool = False) -> None:
    """Print a figure beside its goal.

    Args:
        what: the work and what it is held against.
        got: what was measured.
        wanted: the goal.
        unit: of both; ``x`` is a ratio.
        at_most: the goal is an upper bound.
    """
    reached = got <= wanted if at_most else got >= wanted
    sign = "≤" if at_most else "≥"
    distance = "reached" if reached else f"missed by {abs(got / wanted - 1):.0%}"
    print(f"{MARK}{what} | {_shown(got)} {unit} | {sign} {_shown(wanted)} {unit} | {distance}", flush=True)


def parsed(line: str) -> tuple[str, ...] | None:
    """Return work, figure, goal and outcome of a line that ``goal`` printed; ``None`` for any other."""
    if not line.startswith(MARK):
        return None
    return tuple(part.strip() for part in line.removeprefix(MARK).split("|"))


def _shown(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
