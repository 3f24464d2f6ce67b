"""Places on this disk: what they are called in a statement, and which of them lie in which."""

from __future__ import annotations

import os
from pathlib import Path

from attest.errors import UsageError
from attest.scan import path_problem

__all__ = ["label", "within"]


def label(path: Path) -> str:
    """Return the last part of a path, as what it names is called in a statement.

    Raises:
        UsageError: it cannot stand there.
    """
    name = path.name or Path(os.path.abspath(path)).name  # noqa: PTH100 - of "." and "..", links unresolved
    if name == "..":
        name = Path(os.path.realpath(path)).name
    problem = path_problem(name) if name else "it has no name"
    if problem:
        raise UsageError(f"cannot be named in a statement: {problem}", str(path), "rename it")
    return name


def within(path: str, folder: str) -> bool:
    """Tell whether a real path is a folder, or lies below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
