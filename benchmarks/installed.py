"""The package as an installation has it: compiled. Every benchmark calls this before it starts a process.

Installers compile what they install; a checkout is compiled when it is first run, unless
``PYTHONDONTWRITEBYTECODE`` forbids that, as images for containers often do. Then every process that is
started compiles the package anew, and beside peers that pip compiled the figures tell of Python's compiler.
"""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path

import attest

__all__ = ["as_installed"]


def as_installed() -> None:
    """Compile the package, and let the processes that are started from here find what was compiled."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if not compileall.compile_dir(Path(attest.__file__).parent, quiet=2):
        print("attest cannot be compiled here: every process compiles it again", file=sys.stderr)
