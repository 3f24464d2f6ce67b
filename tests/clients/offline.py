"""A program without any network: not even loopback is up for it."""

from __future__ import annotations

import functools
import os
import subprocess

from clients.cache import Unavailable, tool

__all__ = ["no_network"]


@functools.cache
def no_network() -> tuple[str, ...]:
    """Return the words that, before a command, start it in an empty network of its own.

    Raises:
        Unavailable: the system does not allow that.
    """
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = (tool("unshare"), *user, "--net", "--")
    done = subprocess.run([*words, "true"], capture_output=True, timeout=30, check=False)
    if done.returncode:
        raise Unavailable(f"no network can be cut off here: {done.stderr.decode('utf-8', 'replace').strip()}")
    return words
