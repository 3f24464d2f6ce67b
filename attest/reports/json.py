"""The report as JSON: everything, for programs, with every string exactly as the evidence has it."""

from __future__ import annotations

import json

from attest.check import seldom_collected
from attest.report import Report

__all__ = ["render"]


@seldom_collected()
def render(report: Report) -> str:
    """Return the report as one JSON document: sorted keys, two spaces of indentation, ASCII only.

    Nothing is cut and no string is changed; control, bidirectional and invisible characters stand as JSON
    escapes, so that printing the document on a terminal does nothing.
    """
    return json.dumps(report.to_json(), indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"
