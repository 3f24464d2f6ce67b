"""An impact as a table for people and as CSV for spreadsheets: nothing that the document does not hold."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from attest.text import show, show_csv
from attest.toll import AffectedRow, ClearRow, ImpactReport, UnknownRow
from attest.toll_removals import removal_lines
from attest.width import clip, pad, wrap

__all__ = ["table", "to_csv"]

_WIDTH = 100
_REST = "everything the targets do not lead to"
_ROWS = 200
_FEW = 8

_COLUMNS = (
    *("artifact", "name", "class", "standing", "reason", "via", "how", "statement", "distance", "due"),
    *("recipients", "path", "part of"),
)

_REASONS = {
    "name": "found by its name alone",
    "claimed": "a link to it is claimed by somebody nobody believes",
    "shares": "it is a file of a target, by itself",
    "removal": "a step says it took the records out, and nothing shows it",
    "unknown": "something behind it is not explained",
    "cycle": "it was made of itself",
    "order": "not all of the order can be read or found",
}


def to_csv(report: ImpactReport) -> str:
    """Return every artifact as CSV (RFC 4180), affected first; no cell is read as a formula."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(_COLUMNS)
    for row in report.affected:
        via = row.via
        cells = (
            row.artifact,
            row.name,
            row.item_class,
            row.certainty,
            row.reason,
            via.artifact if via else "",
            via.how if via else "",
            via.statement if via else "",
            row.distance,
            f"{row.due:%Y-%m-%d}" if row.due else "",
            row.recipients,
            " > ".join(row.path),
            row.part_of or "",
        )
        write([show_csv(cell, 1000) for cell in cells])
    for each in report.clear:
        said = (each.artifact, each.name, each.item_class, "clear", each.why, "", "", *each.statements[:1])
        blank = [""] * (len(_COLUMNS) - len(said) - 1)
        write([show_csv(cell, 1000) for cell in (*said, *blank, each.part_of or "")])
    if report.scope is not None:
        write(["", _REST, "", "not looked at"] + [""] * (len(_COLUMNS) - 4))
    return out.getvalue()


def table(report: ImpactReport, *, everything: bool = False) -> str:
    """Return the impact as lines for a terminal.

    Args:
        report: what was computed.
        everything: every row of every part; else at most 200 of what is affected, and names of the rest.
    """
    lines = [*_head(report), *_affected(report, everything=everything)]
    lines += [*removal_lines(report.removals), *_recipients(report)]
    if report.scope is None:
        lines += _unknown(report.unknown, everything=everything)
        lines += _clear(report.clear, everything=everything)
    else:
        lines += ["", f"NOT LOOKED AT: {_REST}", "  nothing is said of it, least of all that it is clear"]
    lines += ["", "NOT PROVEN"]
    for each in report.not_proven:
        lines += wrap(each, _WIDTH, "  ", "    ")
    return "\n".join(lines) + "\n"


def _head(report: ImpactReport) -> Iterator[str]:
    order, counts = report.order, report.counts
    yield f"ORDER     {show(order.id)}  {order.statement}"
    reach = "with all that was made from it" if order.reach != "named-only" else "the targets alone"
    yield f"          {order.state}, {reach}"
    said = ", ".join(f"{counts[name]:,} {name}" for name in ("proven", "possible", "clear") if name in counts)
    rest = f"{counts['unknown']:,} unexplained" if "unknown" in counts else "nothing else was looked at"
    yield f"IMPACT    {said}; {rest}"
    snapshot = report.snapshot
    part = "" if report.scope is None else ", a part of the store"
    yield f"SNAPSHOT  sha256:{snapshot.digest}, {snapshot.statements:,} statements{part}"
    for warning in report.warnings:
        yield from wrap(show(warning, 500), _WIDTH, "WARNING   ", "          ")
    for other in order.others:
        said = f": differs in {', '.join(other.differs)}" if other.differs else ""
        yield f"ALSO      {show(other.id)}  {other.statement}, {other.state}{said}"


def _affected(report: ImpactReport, *, everything: bool) -> Iterator[str]:
    parts: dict[str, list[AffectedRow]] = defaultdict(list)
    for row in report.affected:
        parts[row.part_of or ""].append(row)
    for certainty in ("proven", "possible"):
        rows = [row for row in parts[""] if row.certainty == certainty]
        if not rows:
            continue
        classes = Counter(row.item_class for row in rows)
        said = ", ".join(f"{count:,} {name}" for name, count in sorted(classes.items()))
        yield from ("", f"AFFECTED, {certainty.upper()}: {said}")
        for row in rows if everything else rows[:_ROWS]:
            yield from _row(row, parts.get(row.artifact, ()))
        if len(rows) > _ROWS and not everything:
            yield f"  … {len(rows) - _ROWS:,} more: --all lists them"


def _row(row: AffectedRow, parts: Sequence[AffectedRow]) -> Iterator[str]:
    due = f"  due {row.due:%Y-%m-%d}" if row.due else ""
    sent = f"  {row.recipients} distribution record(s)" if row.recipients else ""
    yield f"  {pad(row.item_class, 17)}  {clip(show(row.name), 40)}  {row.artifact}{due}{sent}"
    if row.reason in _REASONS:
        yield f"      possible: {_REASONS[row.reason]}"
    for part in parts[:_FEW]:
        yield f"      its weights  {clip(show(part.name), 40)}  {part.artifact}"
    if len(parts) > _FEW:
        yield f"      … {len(parts) - _FEW:,} more files of weights"
    if len(row.path) > 1:
        yield from wrap(" → ".join(show(each, 60) for each in row.path), _WIDTH, "      ", "        ")


def _recipients(report: ImpactReport) -> Iterator[str]:
    if report.recipients:
        yield from ("", "RECIPIENTS")
    for row in report.recipients:
        who = row.legal_name or (
            "nobody" if row.nobody == "yes" else "anybody" if row.public == "yes" else "?"
        )
        when = f" {row.when:%Y-%m-%d}" if row.when else ""
        claimed = "" if row.believed else "  (claimed)"
        said = ", ".join(filter(None, (who, row.address, row.contact)))
        yield (
            f"  {clip(show(row.name), 40)}: {show(said, 300)}{when} {show(row.channel, 40)}".rstrip()
            + claimed
        )


def _unknown(rows: Sequence[UnknownRow], *, everything: bool) -> Iterator[str]:
    if rows:
        yield from ("", "UNEXPLAINED: what the vendor must explain")
    for row in rows if everything else rows[:_ROWS]:
        detail = f" ({show(row.detail, 80)})" if row.detail else ""
        yield f"  {clip(show(row.name), 40)}  {row.artifact}"
        yield f"      {row.summary}{detail}"
    if len(rows) > _ROWS and not everything:
        yield f"  … {len(rows) - _ROWS:,} more: --all lists them"


def _clear(rows: Sequence[ClearRow], *, everything: bool) -> Iterator[str]:
    if not rows:
        yield from ("", "NOT AFFECTED: nothing of which one may say so")
        return
    yield from (
        "",
        "NOT AFFECTED: everything behind it is explained by statements you believe, and is no target",
    )
    if everything:
        for row in rows:
            part = f", part of {row.part_of}" if row.part_of else ""
            yield f"  {pad(row.item_class, 17)}  {clip(show(row.name), 40)}  {row.artifact}  {row.why}{part}"
        return
    rows = [row for row in rows if row.part_of is None]
    for name in sorted({row.item_class for row in rows}):
        found = [row for row in rows if row.item_class == name]
        names = ", ".join(clip(show(row.name), 30) for row in found[:_FEW])
        more = f" and {len(found) - _FEW:,} more" if len(found) > _FEW else ""
        yield from wrap(f"{len(found):,} {name}: {names}{more}", _WIDTH, "  ", "    ")
