"""The servers as programs, built once per machine from Debian's Go source packages; nothing is installed.

Rekor v2 is built as it is. The ``main`` of the others needs a database, a cloud or one certain port, so each
has a thin one in ``go/`` over the same server library.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from clients.cache import made_once, run, tool
from clients.debian import SUITE, unpack

__all__ = ["PROGRAMS", "programs"]

PROGRAMS = ("fulcio", "ctlog", "rekor1", "rekor2", "timestamp")

_HERE = Path(__file__).parent
_MAINS = _HERE / "go"
_PACKAGES = _HERE / "packages.txt"
_GO = "usr/lib/go-1.27"
_PACKAGED = "usr/share/gocode"
_REKOR_2 = "github.com/sigstore/rekor-tiles/cmd/rekor-server/posix"
_HOME_PAGE = "src/github.com/sigstore/rekor/pkg/generated/restapi/rekorHomePage.html"
"""A file Rekor v1 embeds and Debian leaves out of its package."""
_BUILD_SECONDS = 40 * 60


def programs(*, again: bool = False) -> Path:
    """Return the folder with the programs, building them the first time.

    Raises:
        Unavailable: Debian's packages cannot be had here, or the build failed.
    """
    return made_once(f"stack-{SUITE}-{_fingerprint()}", _make, again=again)


def _fingerprint() -> str:
    """Name what is built: it changes with the mains, the packages, and how they are built."""
    found = hashlib.sha256()
    for path in sorted([*_files(_MAINS), _PACKAGES, Path(__file__)]):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _make(target: Path) -> None:
    source = target / "source"
    source.mkdir()
    unpack(_PACKAGES.read_text("ascii").split(), source)
    packaged = source / _PACKAGED
    _build(source, [packaged], packaged, _REKOR_2, target / "rekor2")
    for name in ("fulcio", "ctlog", "rekor1", "timestamp"):
        # a root of its own for each: what stands in for Fulcio's imports would hide those of the others
        root = target / f"root-{name}"
        shutil.copytree(_MAINS / name, root / "src" / name)
        if name == "fulcio":
            shutil.copytree(_MAINS / "shims", root / "src", dirs_exist_ok=True)
        _build(source, [root, packaged], root / "src" / name, ".", target / name)
        shutil.rmtree(root)
    run([tool("rm"), "-r", source], target, 120)


def _build(source: Path, roots: Iterable[Path], folder: Path, package: str, program: Path) -> None:
    """Build one program with Debian's compiler, in GOPATH mode: everything it imports is packaged."""
    overlay = source / "overlay.json"
    home = _MAINS / "rekor1/home.html.txt"
    overlay.write_text(json.dumps({"Replace": {str(source / _PACKAGED / _HOME_PAGE): str(home)}}))
    environment = {
        "GOROOT": str(source / _GO),
        "GOPATH": os.pathsep.join(str(root) for root in roots),
        "GOCACHE": str(source / "cache"),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOFLAGS": f"-trimpath -overlay={overlay}",
    }
    command = [tool("nice"), "-n", "19", source / _GO / "bin/go", "build", "-ldflags", "-s -w"]
    run([*command, "-o", program, package], folder, _BUILD_SECONDS, environment)
