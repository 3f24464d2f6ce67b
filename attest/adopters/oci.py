"""An OCI image layout: ``blobs/sha256`` holds layers by digest, and manifests say how large they are.

Specification: OCI image-spec 1.1, image-layout.md and descriptor.md. ``index.json`` and the manifests it
leads to are read and measured; a layer's digest is taken over if one of them names it with the file's size.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attest.adopter import Claim
from attest.canonical import read_json
from attest.digest import is_sha256, sha256_bytes
from attest.errors import AttestError, FormatError
from attest.scan import Root, Scan

__all__ = ["OciLayout"]

MARKER = "oci-layout"
_DOCUMENT = 4 << 20
"""Bytes of an index or manifest (the specification's own suggestion to registries)."""
_DOCUMENTS = 10_000
_DEEP = 4
"""Indexes within indexes."""


class OciLayout:
    """Reads indexes and manifests."""

    def prepare(self, scan: Scan) -> Scan:
        """Return the scan as it is."""
        return scan

    def claims(self, scan: Scan) -> dict[str, Claim]:
        """Return the digests of layers and configurations that manifests describe.

        Raises:
            FormatError: an index or manifest cannot be read, is not what its name says, or names another size
                than the file has.
        """
        claims: dict[str, Claim] = {}
        for layout in _layouts(scan):
            described = _Layout(layout).described()
            start = os.path.join(layout, "blobs", "sha256") + os.sep  # noqa: PTH118 (of real paths)
            for found in scan.found:
                place = os.path.normpath(os.path.join(scan.root, found.place))  # noqa: PTH118
                name = place.removeprefix(start)
                if name not in described or not place.startswith(start):
                    continue
                if found.size != described[name]:
                    what = f"has {found.size} bytes, its image manifest says {described[name]}"
                    raise FormatError(what, found.path, "the layer is not complete, or not that layer")
                claims[found.path] = Claim(name, found.size)
        return claims


def _layouts(scan: Scan) -> list[str]:
    """Return the real paths of the layouts in a tree, or of the one it lies in."""
    inside = [
        os.path.normpath(f"{scan.root}/{found.path.rpartition('/')[0]}")
        for found in scan.found
        if found.path.rpartition("/")[2] == MARKER and found.path == found.place.replace(os.sep, "/")
    ]
    around = [each for each in list(Path(scan.root).parents)[:2] if (each / MARKER).is_file()]
    return sorted({*inside, *map(str, around)})


class _Layout:
    """One layout; nothing outside it is read, and no link followed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sizes: dict[str, int] = {}
        self._read: set[str] = set()

    def described(self) -> dict[str, int]:
        """Return the size of everything that manifests describe, by SHA-256."""
        with Root(self._path) as root:
            marker = self._json(root, MARKER)
            if not isinstance(marker, dict) or marker.get("imageLayoutVersion") != "1.0.0":
                raise FormatError("expected imageLayoutVersion 1.0.0", f"{self._path}/{MARKER}")
            self._index(root, self._json(root, "index.json"), "index.json", 0)
        return self._sizes

    def _index(self, root: Root, document: Any, where: str, depth: int) -> None:
        """Read an index or manifest, and those it leads to."""
        if not isinstance(document, dict):
            raise FormatError("expected an object", f"{self._path}/{where}")
        for entry in _many(document, "manifests", self._path, where):
            sha256, size = self._describe(entry, where)
            if sha256 is None or sha256 in self._read:
                continue
            place = f"blobs/sha256/{sha256}"
            if not os.path.lexists(f"{self._path}/{place}"):
                continue  # a layout may lack images it names
            self._read.add(sha256)
            if depth >= _DEEP or len(self._read) > _DOCUMENTS:
                raise FormatError("has too many indexes or manifests", self._path)
            self._index(root, self._json(root, place, sha256, size), place, depth + 1)
        parts = [*_many(document, "layers", self._path, where)]
        parts += [document["config"]] if "config" in document else []
        for part in parts:
            sha256, size = self._describe(part, where)
            if sha256 is not None and self._sizes.setdefault(sha256, size) != size:
                what = f"{sha256} has {self._sizes[sha256]} bytes in one manifest and {size} in another"
                raise FormatError(what, self._path)

    def _describe(self, entry: Any, where: str) -> tuple[str | None, int]:
        """Return digest and size of a descriptor; no digest if it is of another algorithm."""
        digest, size = (entry.get("digest"), entry.get("size")) if isinstance(entry, dict) else (None, None)
        if not isinstance(digest, str) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise FormatError("a descriptor has no digest and size", f"{self._path}/{where}")
        algorithm, _, sha256 = digest.partition(":")
        if algorithm != "sha256":
            return None, size
        if not is_sha256(sha256):
            raise FormatError(f"got the digest {digest[:100]!r}", f"{self._path}/{where}")
        return sha256, size

    def _json(self, root: Root, place: str, sha256: str | None = None, size: int | None = None) -> Any:
        where = f"{self._path}/{place}"
        try:
            fd = root.open(place)
            with os.fdopen(fd, "rb") as file:
                data = file.read(_DOCUMENT + 1)
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where) from error
        if len(data) > _DOCUMENT:
            raise FormatError(f"is larger than {_DOCUMENT} bytes", where)
        if sha256 is not None and (sha256_bytes(data) != sha256 or len(data) != size):
            raise FormatError("does not have the digest and size its name and index say", where)
        try:
            return read_json(data, where)
        except AttestError as error:
            raise FormatError(error.what, where, error.hint) from error


def _many(document: dict[str, Any], name: str, path: str, where: str) -> list[Any]:
    value = document.get(name, [])
    if not isinstance(value, list):
        raise FormatError(f"{name}: expected a list", f"{path}/{where}")
    return value
