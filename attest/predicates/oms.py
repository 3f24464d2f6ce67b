"""Model signature: these are the files of a model (``https://model_signing/signature/v1.0``).

What OpenSSF model-signing writes into ``model.sig``; read here, never written. It lists the files of a
directory with their digests and says nothing of how they were made, so it is believed from a ``publisher``,
explains no input and completes no lineage. Its subject is a digest over the digests of the files **without
their names**: two models with swapped files share it. So the subject is never an artifact and never a link.
What counts is the list: with names, its files are those of exactly one directory, and where that is the
directory other statements speak of, the report says that this was also signed.

Believed only if every file is listed by its SHA-256 and the list adds up to the subject. Other algorithms
and names no directory can hold: carried. ``ignore_paths`` is shown and never obeyed: a file that was left out
makes it another directory. A single file is listed as ``.`` and stands for that very file.

In a list of shards (``w.bin:0:1000``) a shard that is a whole file has the file's SHA-256, and where all are,
it is read like a list of files. Files of several shards are listed by no digest of theirs: carried. Such
lists leave empty files out, so a directory that holds some is another one.

Example::

    {
      "serialization": {
        "method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": [".git"]
      },
      "resources": [
        {"name": "config.json", "algorithm": "sha256", "digest": "44b1…"},
        {"name": "model.safetensors", "algorithm": "sha256", "digest": "9c1e…"}
      ]
    }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from attest.digest import is_sha256, sha256_bytes
from attest.errors import FormatError
from attest.manifest import Manifest
from attest.model import Model
from attest.predicate import Predicate
from attest.resource import Artifact, ResourceDescriptor

__all__ = ["ModelSignature", "Resource", "Serialization"]

SINGLE_FILE = "."
"""What model-signing calls the one resource of a model that is a file."""

_SHARD = re.compile(r"(.+):(0|[1-9][0-9]{0,18}):([1-9][0-9]{0,18})", re.DOTALL)
"""Name of a shard: that of the file, its first byte, and the one behind its last."""


class Serialization(Model):
    """How the files were digested."""

    method: str
    """`files` is read, and `shards` where each is a whole file."""
    hash_type: str = Field(alias="hash_type")
    """`sha256` is read; other algorithms are carried."""
    shard_size: float | None = Field(default=None, alias="shard_size")
    """Bytes of the largest shard."""
    allow_symlinks: bool | None = Field(default=None, alias="allow_symlinks")
    """Whether symbolic links were digested as what they lead to."""
    ignore_paths: tuple[str, ...] | None = Field(default=None, alias="ignore_paths")
    """What the signer left out. Shown, never obeyed."""


class Resource(Model):
    """One file."""

    name: str
    """Its path in the directory, `/`-separated; `.` for a model that is a single file. A shard's goes on with
    `:`, its first byte, `:` and the byte behind its last."""
    algorithm: str
    """`sha256`; of a shard `sha256-sharded-` and the size."""
    digest: str
    """Digest of the file's or shard's bytes, hex."""


class ModelSignature(Predicate):
    """The files of a model, as OpenSSF model-signing signs them."""

    TYPE: ClassVar[str] = "https://model_signing/signature/v1.0"
    TRUST_ROLE: ClassVar[str] = "publisher"

    serialization: Serialization
    """How the files were digested."""
    resources: tuple[Resource, ...]
    """Every file, with its digest."""

    @cached_property
    def files(self) -> dict[str, str]:
        """Path → SHA-256 of every file; empty for a single file and where ``problem`` says why."""
        return {} if self.problem or self._single else dict(self._listed)

    @cached_property
    def artifact(self) -> Artifact | None:
        """The one directory or file these resources are; ``None`` where ``problem`` says why."""
        if self.problem:
            return None
        if self._single:
            return Artifact(self.resources[0].digest)
        return Manifest.of((digest, name) for name, digest in self._listed).artifact

    def about(self, subjects: Sequence[ResourceDescriptor]) -> tuple[Artifact, ...]:
        """Return the directory or file these resources are, if they add up to the one subject."""
        return () if self.artifact is None or self.fault(subjects) else (self.artifact,)

    @property
    def _sharded(self) -> bool:
        return self.serialization.method == "shards"

    @property
    def _single(self) -> bool:
        return [name for name, _ in self._listed] == [SINGLE_FILE]

    @cached_property
    def _listed(self) -> list[tuple[str, str]]:
        """Path and digest of each file, where ``_fault_of`` finds none in any resource."""
        if not self._sharded:
            return [(each.name, each.digest) for each in self.resources]
        shards = (_SHARD.fullmatch(each.name) for each in self.resources)
        return [(shard[1], each.digest) for shard, each in zip(shards, self.resources, strict=True) if shard]

    @cached_property
    def problem(self) -> str | None:
        """Why this list names no files we could compare, or ``None``."""
        how = self.serialization
        if how.method not in {"files", "shards"} or how.hash_type != "sha256":
            return f"digested as {how.method[:40]!r} with {how.hash_type[:40]!r}; files with sha256 are read"
        if fault := next(self._faults(), None):
            return fault
        if self._single:
            return None
        try:
            Manifest.of((digest, name) for name, digest in self._listed)
        except FormatError as error:
            return f"resources: {error}"
        return None

    def _faults(self) -> Iterator[str]:
        """Say of each resource that is no whole file by its SHA-256 why it is not."""
        size = self.serialization.shard_size
        algorithm = "sha256"
        if self._sharded:
            if size is None or not size.is_integer() or size < 1:
                yield "digested as 'shards' without their size"
                return
            algorithm = f"sha256-sharded-{int(size)}"
        for each in self.resources:
            if each.algorithm != algorithm or not is_sha256(each.digest):
                yield f"resource {each.name[:100]!r} has no sha256 digest in lowercase hex"
            elif self._sharded and size is not None and (fault := _part(each.name, size)):
                yield f"resource {each.name[:100]!r} is {fault}"

    def fault(self, subjects: Sequence[ResourceDescriptor]) -> str | None:
        """Say why it must not be believed as a statement about ``subjects``, or return ``None``."""
        if self.problem:
            return self.problem
        named = [subject.digest.get("sha256") for subject in subjects]
        if len(named) != 1:
            return f"{len(named)} subjects, a model signature has one"
        # model-signing sorts by the parts of a path, its specification by the name: "a/b" and "a.b" differ
        by_parts = sorted(self._listed, key=lambda each: each[0].split("/"))
        roots = [_root(digest for _, digest in order) for order in (by_parts, sorted(self._listed))]
        if named[0] not in roots:
            return f"its resources add up to {roots[0]}, its subject is {named[0]}"
        return None


def _part(name: str, size: float) -> str | None:
    """Say why a shard is not a whole file, or return ``None``."""
    shard = _SHARD.fullmatch(name)
    if shard is None:
        return "no shard of a file"
    start, end = int(shard[2]), int(shard[3])
    if start or end > size:
        return "a part of its file, which has no digest of its own then"
    return None


def _root(digests: Iterable[str]) -> str:
    """Return model-signing's digest over the digests, which knows no names."""
    return sha256_bytes(b"".join(bytes.fromhex(each) for each in digests))
