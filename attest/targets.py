"""What a step writes: where it will be, what was there before, and what is there when the step has ended."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from attest.errors import DigestError, RecordingError
from attest.manner import Manner
from attest.provenance import Product
from attest.scan import scan_file, scan_tree
from attest.shards import Joined, Shards

__all__ = ["Target"]


@dataclass
class Target:
    """One output or byproduct: where it will be, and what was there before."""

    path: Path
    name: str
    shards: Shards | None = None
    """What other processes say that they wrote there."""
    joined: Joined | None = None
    """What was made of that."""
    before: dict[str, Any] | None = field(default=None, repr=False)
    """Status of every file that was there before the step ran; ``None``: nobody looked."""

    @cached_property
    def real(self) -> str:
        """The path with all links resolved, once."""
        return os.path.realpath(self.path)

    def look(self) -> bool:
        """Note what is there before the step runs, and tell whether that is anything.

        Raises:
            DigestError: it cannot be looked at.
        """
        self.before = {}
        if self.path.exists():
            scan = scan_tree(self.path) if self.path.is_dir() else scan_file(self.path)
            self.before = {found.path: found.status for found in scan.found}
        return bool(self.before)

    def made(self, manner: Manner, *, past: bool) -> tuple[Product, int]:
        """Digest it, now that the step has run.

        Args:
            manner: how directories are digested.
            past: it was there all along.

        Returns:
            What was measured, and how many of its files the step left exactly as they were.

        Raises:
            RecordingError: it is not there, cannot be digested, or the step did not touch it; or what other
                processes say of it does not hold.
            AttestError: what they left cannot be read.
        """
        try:
            if self.shards is not None and manner.written is not None:
                self.joined = self.shards.join(
                    self.path, manner.written, exclude=manner.exclude, symlinks=manner.symlinks
                )
            measured = manner.digest(self.path)
        except DigestError as error:
            hint = error.hint or "did the step write somewhere else?"
            raise RecordingError(f"output: {error.what}", error.where, hint) from error
        before = {} if past else self.before or {}
        left = sum(1 for file in measured.files if before.get(file.path) == file.status)
        if left and left == len(measured.files):
            what = "the step left this output exactly as it was before: it did not make it"
            raise RecordingError(what, str(self.path), "does the step write somewhere else?")
        return Product(self.name, measured), left
