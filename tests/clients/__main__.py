"""Download every client now: ``python tests/clients``. The tests skip what cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients import debian, node
from clients.cache import Unavailable


def main() -> int:
    """Fetch, say where everything is, and tell by the status whether all of it could be had."""
    status = 0
    for name, fetch in {"cosign, sigstore-go": debian.binaries, "sigstore-js": node.modules}.items():
        try:
            print(f"{name}: {fetch(again=True)}")  # noqa: T201 - this is what it is run for
        except Unavailable as reason:
            print(f"{name}: not available: {reason}", file=sys.stderr)  # noqa: T201
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
