"""Words of the renderings for people: verdicts, results, times, sizes, commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from attest.report import Report, ResultWord

__all__ = [
    "RESULT_WORDS",
    "VERDICTS",
    "VerdictWords",
    "age",
    "command",
    "counts_of",
    "kind_of",
    "many",
    "moment",
    "size",
]

RESULT_WORDS: dict[ResultWord, str] = {
    "FAIL": "failed",
    "UNKNOWN": "unknown",
    "EXCEPTION": "with exception",
    "PASS": "passed",
    "NOT_APPLICABLE": "not applicable",
}
"""Result of a rule → the word for it, worst first."""


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
