"""Git LFS: a pointer file stands for an object that is not here, and names its SHA-256 and size.

Specification: that of Git LFS, version 1: UTF-8, below 1,024 bytes, ``version`` first, the other keys
sorted. Pointers with extensions name what the extensions made of the data, which nobody reads, and are
refused.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from attest.adopter import Claim, read_found
from attest.errors import FormatError
from attest.scan import Root, Scan

__all__ = ["GitLfs"]

MOST = 1024
"""Bytes that no pointer has."""

_BEGIN = b"version https://git-lfs.github.com/spec/"
_POINTER = re.compile(_BEGIN + rb"v1\noid sha256:([0-9a-f]{64})\nsize ([1-9][0-9]{0,15})\n")


class GitLfs:
    """Reads pointers in a work tree without their objects."""

    def prepare(self, scan: Scan) -> Scan:
        """Return the scan as it is."""
        return scan

    def claims(self, scan: Scan) -> dict[str, Claim]:
        """Return what the pointers say.

        Raises:
            FormatError: something begins like a pointer and is none, or its object here has another size.
            DigestError: a small file cannot be read.
        """
        claims: dict[str, Claim] = {}
        small = [found for found in scan.found if len(_BEGIN) < found.size < MOST]
        if not small:
            return claims
        objects = _objects(Path(scan.root))
        with Root(scan.root) as root:
            for found in small:
                data = read_found(root, found)
                if not data.startswith(_BEGIN):
                    continue
                match = _POINTER.fullmatch(data)
                if match is None:
                    hint = "expected version, oid sha256:… and size, and no extension"
                    raise FormatError("begins like a Git LFS pointer and is none", found.path, hint)
                claim = Claim(match[1].decode(), int(match[2]))
                _check_object(objects, claim, found.path)
                claims[found.path] = claim
        return claims


def _objects(folder: Path) -> Path | None:
    """Return where the repository around a folder keeps the objects it has."""
    for each in (folder, *folder.parents):
        if (each / ".git").is_dir():
            return each / ".git" / "lfs" / "objects"
    return None


def _check_object(objects: Path | None, claim: Claim, path: str) -> None:
    if objects is None:
        return
    place = objects / claim.sha256[:2] / claim.sha256[2:4] / claim.sha256
    try:
        found = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(found.st_mode) or found.st_size != claim.size:
        what = f"its pointer says {claim.size} bytes, the object in .git/lfs has {found.st_size}"
        raise FormatError(what, path, "`git lfs fsck` says more")
