"""What ``--register`` names: files as they are, and URLs as what is fetched from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from attest.limits import Limits

__all__ = ["register_files"]


def register_files(given: Sequence[str], folder: Path, limits: Limits) -> list[Path]:
    """Return the files that hold the registers a reader named, fetching those named by URL.

    Args:
        given: files and URLs.
        folder: where what is fetched is kept.
        limits: of the reader.

    Raises:
        AttestError: one cannot be fetched and was never seen before.
    """
    from pathlib import Path

    from attest.cli.steps import warn
    from attest.subscription import is_url, subscribe

    found: list[Path] = []
    for each in given:
        found += subscribe(each, folder, warn, limits) if is_url(each) else [Path(each)]
    return found
