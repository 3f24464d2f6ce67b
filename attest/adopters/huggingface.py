"""The cache of the Hugging Face hub: ``blobs`` holds files by digest, ``snapshots`` links to them by name.

Layout: huggingface_hub's documentation, "Understand caching". A blob that the hub keeps with Git LFS or Xet
is named by its SHA-256, 64 hex digits. All others are named by Git's SHA-1, and are measured.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from attest.adopter import Claim
from attest.digest import is_sha256
from attest.scan import Found, Offender, Scan, kind_problem, path_problem, status_of

__all__ = ["HuggingFace"]

_REPOSITORY = re.compile(r"(?:datasets|models|spaces)--[^/]+")


class HuggingFace:
    """Reads the names of blobs."""

    def prepare(self, scan: Scan) -> Scan:
        """Follow the links of a snapshot to blobs of the same repository, and no others."""
        blobs = _blobs_of_snapshot(scan.root)
        if blobs is None or not scan.offenders:
            return scan
        taken = [(each, _behind(scan.root, blobs, each)) for each in scan.offenders]
        found = sorted([*scan.found, *(each for _, each in taken if each is not None)])
        return scan._replace(found=found, offenders=[each for each, blob in taken if blob is None])

    def claims(self, scan: Scan) -> dict[str, Claim]:
        """Return the digests that names of blobs say."""
        claims = {}
        for found in scan.found:
            folder, name = os.path.split(os.path.normpath(os.path.join(scan.root, found.place)))  # noqa: PTH118
            if is_sha256(name) and _is_blobs(folder):
                claims[found.path] = Claim(name, found.size)
        return claims


def _is_blobs(folder: str) -> bool:
    above, name = os.path.split(folder)
    return name == "blobs" and _REPOSITORY.fullmatch(os.path.basename(above)) is not None  # noqa: PTH119


def _blobs_of_snapshot(root: str) -> str | None:
    """Return the folder of blobs of the repository that a folder is a snapshot of, or a part of one."""
    for folder in Path(root).parents:
        if folder.name == "snapshots" and _REPOSITORY.fullmatch(folder.parent.name):
            return os.path.realpath(folder.parent / "blobs")
    return None


def _behind(root: str, blobs: str, offender: Offender) -> Found | None:
    """Return the blob a link leads to, or ``None`` if it is no such link."""
    path = os.path.join(root, offender.path)  # noqa: PTH118 (of strings the system gave)
    if path_problem(offender.path) or not os.path.islink(path):  # noqa: PTH114
        return None
    try:
        target = os.path.realpath(path, strict=True)
        found = os.lstat(target)
    except OSError:
        return None
    if os.path.dirname(target) != blobs or kind_problem(found.st_mode):  # noqa: PTH120
        return None
    return Found(offender.path, os.path.relpath(target, root), found.st_size, status_of(found))
