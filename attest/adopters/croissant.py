"""Croissant: a description in the folder of a dataset names its files with their SHA-256.

Specification: MLCommons Croissant 1.0 and 1.1, FileObject. Taken over is what stands for a file of the same
folder: with a ``contentUrl`` that is its path. ``md5`` is never a digest, and a ``sha256`` that is none (some
hubs write a URL there) is passed over: that file is measured.
"""

from __future__ import annotations

import re
from typing import Any

from attest.adopter import Claim, read_found
from attest.canonical import read_json
from attest.digest import is_sha256
from attest.errors import FormatError
from attest.scan import Found, Root, Scan

__all__ = ["Croissant"]

MOST = 16 << 20
"""Bytes of a description; a larger one is data."""

_NAMES = re.compile(r"(?:.*[._-])?croissant\.json|metadata\.json")
_CONFORMS = re.compile(r"https?://mlcommons\.org/croissant/1\.[01]")
_BYTES = re.compile(r"([0-9]{1,16})(?: ?B)?")


class Croissant:
    """Reads descriptions that lie at the top of a folder."""

    def prepare(self, scan: Scan) -> Scan:
        """Return the scan as it is."""
        return scan

    def claims(self, scan: Scan) -> dict[str, Claim]:
        """Return the digests that descriptions name.

        Raises:
            FormatError: one cannot be read, contradicts itself, or names another size than a file has.
            DigestError: it changed since the scan.
        """
        claims: dict[str, Claim] = {}
        described = [found for found in scan.found if scan.directories and _NAMES.fullmatch(found.path)]
        files = {found.path: found for found in scan.found} if described else {}
        with Root(scan.root) as root:
            for found in described:
                if found.size > MOST:
                    continue
                document = read_json(read_found(root, found), found.path)
                for entry in _file_objects(document, found.path):
                    _take(entry, files, claims, found.path)
        for found in described:
            claims.pop(found.path, None)  # what was read to be believed is measured
        return claims


def _file_objects(document: Any, where: str) -> list[dict[str, Any]]:
    """Return the file objects of a description; none if it is another JSON document."""
    if not isinstance(document, dict):
        return []
    conforms = document.get("conformsTo", document.get("dct:conformsTo"))
    versions = conforms if isinstance(conforms, list) else [conforms]
    if not any(isinstance(each, str) and _CONFORMS.fullmatch(each) for each in versions):
        return []
    entries = document.get("distribution", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise FormatError("distribution: expected a list of objects", where)
    return [each for each in entries if str(each.get("@type", "")).rpartition(":")[2] == "FileObject"]


def _take(entry: dict[str, Any], files: dict[str, Found], claims: dict[str, Claim], where: str) -> None:
    path, sha256, size = entry.get("contentUrl"), entry.get("sha256"), entry.get("contentSize")
    # what lies inside an archive has a path there, not here
    found = (
        files.get(path.removeprefix("./")) if isinstance(path, str) and "containedIn" not in entry else None
    )
    if found is None or not is_sha256(sha256):
        return
    stated = _BYTES.fullmatch(size) if isinstance(size, str) else None
    bytes_stated = size if isinstance(size, int) else int(stated[1]) if stated else found.size
    if bytes_stated != found.size:
        what = f"has {found.size} bytes, {where} says {bytes_stated}"
        raise FormatError(what, found.path, "the file is not the one that is described")
    claim = Claim(str(sha256), found.size)
    if claims.setdefault(found.path, claim) != claim:
        raise FormatError(f"two digests in {where}", found.path)
