"""Debian's packages, unpacked beside the system and not into it: cosign, sigstore-go and what others name.

apt works on a private state: the machine's own sources, lists and pins are neither used nor changed, and no
privilege is needed. Packages are checked by apt against Debian's archive keys.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from clients.cache import Unavailable, made_once, run, tool

__all__ = ["SUITE", "binaries", "unpack"]

SUITE = os.environ.get("ATTEST_TEST_SUITE", "forky")
"""The first suite that has current clients; ``sid`` when a package is on its way through forky."""

PACKAGES = ("cosign", "sigstore-go")

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_DEBIAN_URI = re.compile(r"^(?:URIs:|deb\s)[^#\n]*?(\S+/debian)/?(?:\s|$)", re.MULTILINE)
_MINUTES = 5


def binaries(*, again: bool = False) -> Path:
    """Return the folder with the programs, downloading about 45 MB the first time.

    Raises:
        Unavailable: no apt and dpkg, no archive keys, or no mirror that can be reached.
    """
    return made_once(f"clients-{SUITE}", lambda folder: unpack(PACKAGES, folder), again=again) / "usr/bin"


def _mirror() -> str:
    """Return the Debian mirror apt uses here, or the one $ATTEST_TEST_DEBIAN_MIRROR names."""
    if named := os.environ.get("ATTEST_TEST_DEBIAN_MIRROR"):
        return named
    folder = Path("/etc/apt")
    for place in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        if place.is_file() and (found := _DEBIAN_URI.search(place.read_text(errors="replace"))):
            return found[1]
    raise Unavailable("apt knows no Debian mirror: name one in ATTEST_TEST_DEBIAN_MIRROR")


def unpack(packages: Sequence[str], target: Path) -> None:
    """Download packages of the suite and unpack them below ``target``; what they depend on is not looked at.

    Raises:
        Unavailable: no apt and dpkg, no archive keys, or no mirror that can be reached.
    """
    apt, dpkg = tool("apt-get"), tool("dpkg")
    if not _KEYRING.is_file():
        raise Unavailable(f"no {_KEYRING}: install the package debian-archive-keyring")
    state = target / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        (state / folder).mkdir(parents=True)
    sources = state / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "30",
        "APT::Update::Error-Mode": "any",  # else update ends well without having reached the mirror
        # root would hand downloads to the user _apt, who cannot write to a folder below a home
        "APT::Sandbox::User": "root",
    }
    command = [apt, "-q", *(f"-o{name}={value}" for name, value in settings.items())]
    run([*command, "update"], target, 60 * _MINUTES)
    run([*command, "download", *packages], state / "debs", 60 * _MINUTES)
    for package in sorted((state / "debs").glob("*.deb")):
        run([dpkg, "-x", package, target], target, 60)
    run(["rm", "-r", state], target, 60)
