"""``python -m attest`` is the command ``attest``."""

from __future__ import annotations

from attest.cli import main

if __name__ == "__main__":
    main()
