"""The findings as SARIF 2.1.0 (OASIS, errata 01), for code scanning and other collectors of findings.

FAIL is an error, UNKNOWN a warning; a waived finding is a suppressed note. What passed is no result: a
collector would show it as an alert. The worst come first, and GitHub takes at most 5,000 of a run.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from attest.model import format_time
from attest.report import ExceptionRow, FindingRow, Report, RuleRow
from attest.reports._words import VERDICTS, many
from attest.text import show

__all__ = ["MOST_RESULTS", "render"]

MOST_RESULTS = 5000
"""Results of a run; the JSON report has all findings."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"FAIL": "error", "UNKNOWN": "warning"}
_ORDER = {"FAIL": 0, "UNKNOWN": 1, "EXCEPTION": 2}
_LONG = 800
_HOPS = 24


def render(report: Report) -> str:
    """Return the findings as one SARIF log: sorted keys, ASCII only, the same bytes for the same report."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return json.dumps(log, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def _message(shown: str) -> dict[str, str]:
    """Return a shown string as a message: its braces are no placeholders, its brackets no links (3.11)."""
    return {"text": shown.replace("{", "{{").replace("}", "}}").replace("](", "] (") or "(nothing said)"}


def _run(report: Report) -> dict[str, Any]:
    worst = sorted(report.findings, key=lambda each: _ORDER.get(each.result, 3))
    kept = worst[:MOST_RESULTS]
    names = list(dict.fromkeys([*(row.rule for row in report.rules), *(each.rule for each in kept)]))
    places = {name: place for place, name in enumerate(names)}
    waivers = {(row.rule, row.subject.removesuffix("/")): row for row in report.exceptions if row.used}
    rows = {row.rule: row for row in report.rules}
    return {
        "tool": {"driver": _driver(report, [rows.get(name) or _unlisted(name) for name in names])},
        "automationDetails": {"id": f"attest/{quote(show(report.policy.name, 80), safe='')}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, len(worst) - len(kept))],
        "results": list(_results(report, kept, places, waivers)),
        "properties": {
            "verdict": report.verdict,
            "historical": report.historical,
            "asOf": format_time(report.as_of),
            "delivered": show(report.delivered.digest),
            "policy": show(f"sha256:{report.policy.sha256}"),
            "trust": show(f"sha256:{report.trust.sha256}"),
            "findings": len(worst),
        },
    }


def _unlisted(rule: str) -> RuleRow:
    return RuleRow(rule=rule, result="UNKNOWN", sentence=rule, examined=0, notes=[])


def _driver(report: Report, rules: Iterable[RuleRow]) -> dict[str, Any]:
    name, _, version = show(report.tool, 80).partition(" ")
    return {
        "name": name or "attest",
        **({"version": version} if version else {}),
        "rules": [
            {
                "id": show(row.rule, 80),
                "name": show(row.rule, 80),
                "shortDescription": _message(show(row.sentence, 200)),
                "fullDescription": _message(show(row.sentence, _LONG)),
                "help": _message("docs/policy.md of attest explains rules, docs/findings.md every code."),
                "defaultConfiguration": {"level": "error"},
                "properties": {"result": row.result, "examined": row.examined},
            }
            for row in rules
        ],
    }


def _invocation(report: Report, hidden: int) -> dict[str, Any]:
    words = VERDICTS[report.verdict]
    notes = [{"level": "note", "message": _message(f"{words.title}. {words.meaning} {words.advice}")}]
    if report.historical:
        past = f"Evaluated as of {format_time(report.as_of)}: not a basis for buying today."
        notes.append({"level": "warning", "message": _message(past)})
    if hidden:
        left = f"{many(hidden, 'more finding')} left out; the JSON report has them all."
        notes.append({"level": "warning", "message": _message(left)})
    return {
        "executionSuccessful": True,  # deciding that something is refused is no failure to run
        "commandLine": show(report.reproduce, 4000),
        "endTimeUtc": format_time(report.as_of),
        "toolExecutionNotifications": notes,
    }


def _results(
    report: Report,
    findings: Iterable[FindingRow],
    places: dict[str, int],
    waivers: dict[tuple[str, str], ExceptionRow],
) -> Iterator[dict[str, Any]]:
    seen: Counter[tuple[str, str, str]] = Counter()
    for each in findings:
        key = (each.rule, each.code, each.subject)
        result = {
            "ruleId": show(each.rule, 80),
            "ruleIndex": places[each.rule],
            "kind": "fail",
            "level": _LEVELS.get(each.result, "note"),
            "message": _message(_words(each)),
            "locations": [_location(report, each)],
            "partialFingerprints": _fingerprints(key, seen[key]),
            "properties": {
                "code": show(each.code),
                "result": each.result,
                "subject": show(each.subject),
                "path": [show(hop) for hop in each.path[:_HOPS]],
                "evidence": [show(digest) for digest in each.evidence[:_HOPS]],
                "remedy": show(each.remedy, _LONG),
            },
        }
        seen[key] += 1
        if each.result == "EXCEPTION":
            result["suppressions"] = [_suppression(waivers.get((each.rule, each.subject.removesuffix("/"))))]
        yield result


def _words(finding: FindingRow) -> str:
    parts = [show(finding.summary, _LONG)]
    if finding.expected:
        parts.append(f"Expected: {show(finding.expected, _LONG)}.")
    if finding.actual:
        parts.append(f"Found: {show(finding.actual, _LONG)}.")
    if finding.remedy:
        parts.append(f"What to do: {show(finding.remedy, _LONG)}")
    return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part)


def _location(report: Report, finding: FindingRow) -> dict[str, Any]:
    """Return where it is: in the delivery as a whole (collectors show no result without a file)."""
    name = show(report.delivered.name, 120) or "delivery"
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(name, safe="")},
            "region": {"startLine": 1},
        },
        "logicalLocations": [
            {
                "name": show(finding.subject_name or finding.subject, 120) or "subject",
                "fullyQualifiedName": show(" ← ".join(finding.path) or finding.subject, 400) or "subject",
                "kind": "resource",
            }
        ],
    }


def _fingerprints(key: tuple[str, str, str], repeated: int) -> dict[str, str]:
    """Return what stays the same from run to run: rule, code and subject, never the words.

    ``primaryLocationLineHash`` is the only name GitHub reads.
    """
    digest = hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "attestFinding/v1": f"{digest}:{repeated + 1}",
        "primaryLocationLineHash": f"{digest[:32]}:{repeated + 1}",
    }


def _suppression(waiver: ExceptionRow | None) -> dict[str, Any]:
    if waiver is None:
        return {"kind": "external", "status": "accepted"}
    until = f"{show(waiver.reason, _LONG)} (approved by {show(waiver.approver, 80)}, until {waiver.expires})"
    return {"kind": "external", "status": "accepted", "justification": until}
