"""sigstore-js from npm, pinned with the digest of every package in ``npm/package-lock.json``.

Unpinned, npm picks an older @sigstore/verify on Node 20; the pinned one runs there in spite of its warning.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from clients.cache import made_once, run, tool

__all__ = ["SIGN_KEYLESS", "VERIFY_KEY", "VERIFY_KEYLESS", "modules", "node"]

SIGN_KEYLESS = Path(__file__).with_name("sign_keyless.js")
"""Signs one statement with the libraries, on servers."""

VERIFY_KEY = Path(__file__).with_name("verify_key.js")
"""Verifies one key-signed bundle with the libraries."""

VERIFY_KEYLESS = Path(__file__).with_name("verify_keyless.js")
"""Verifies one keyless bundle with them."""

_PINS = Path(__file__).with_name("npm")
_MINUTES = 3


def modules(*, again: bool = False) -> Path:
    """Return the ``node_modules`` folder with the libraries, downloading 2 MB the first time.

    Raises:
        Unavailable: no node or npm, or the packages cannot be had.
    """
    node()
    lock = hashlib.sha256((_PINS / "package-lock.json").read_bytes()).hexdigest()[:12]
    return made_once(f"npm-{lock}", _install, again=again) / "node_modules"


def node() -> str:
    """Return the path of node.

    Raises:
        Unavailable: there is none.
    """
    return tool("node")


def _install(target: Path) -> None:
    npm = tool("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_PINS / name, target)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
    patience = (
        "--prefer-offline",
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
        "--fetch-timeout=30000",
    )
    run([npm, "ci", *quiet, *patience], target, 60 * _MINUTES)
