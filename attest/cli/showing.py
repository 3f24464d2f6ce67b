"""Where reports go: into files, in the format their names end in, and onto the terminal, or side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from attest.cli.options import echo_json

if TYPE_CHECKING:
    from pathlib import Path

    from attest.report import Report

__all__ = ["renderer_for", "show_reports"]

_FORMATS = (
    (".html", "html"),
    (".htm", "html"),
    (".sarif", "sarif"),
    (".sarif.json", "sarif"),
    (".json", "json"),
    (".md", "markdown"),
    (".txt", "text"),
)
"""(end of a file's name, format): the first that fits."""


def renderer_for(path: Path) -> Callable[[Report], str]:
    """Return what writes a report for a file, by the end of its name.

    Raises:
        UsageError: no format ends like this, or there is no such folder.
    """
    from attest.errors import UsageError
    from attest.report import RENDERERS

    name = next((name for end, name in _FORMATS if path.name.lower().endswith(end)), None)
    name = name or path.suffix.removeprefix(".").lower()
    if name not in RENDERERS:
        known = "use .html, .json, .md, .sarif or .txt"
        raise UsageError(f"no report format is called {path.suffix!r}", str(path), known)
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", "--report")
    renderer: Callable[[Report], str] = RENDERERS.load(name)
    return renderer


def show_reports(reports: Sequence[Report], *, as_json: bool) -> None:
    """Print a report, or several side by side."""
    import os
    import sys

    from attest.comparison import compare, render_text
    from attest.report import RENDERERS

    if len(reports) > 1:
        table = compare(reports)
        if as_json:
            echo_json(table.to_json())
        else:
            click.echo(render_text(table), nl=False)
    elif as_json:
        click.echo(RENDERERS.load("json")(reports[0]), nl=False)
    else:
        color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        click.echo(RENDERERS.load("text")(reports[0], color=color), nl=False)
