"""Model signature: these are the files of a model (``https://model_signing/signature/v1.0``).

What OpenSSF model-signing writes into ``model.sig``; read here, never written. It lists the files of a
directory with their digests and says nothing of how they were made, so it is believed from a ``publisher``,
explains no input and completes no lineage. Its subject is a digest over the digests of the files **without
their names**: two models with swapped files share it. So the subject is never an artifact and never a link.
What counts is the list: with names, its files are those of exactly one directory, and where that is the
directory other statements speak of, the report says that this was also signed.

Believed only if every file is listed by its SHA-256 and the list adds up to the subject. Shards, other
algorithms and names no directory can hold: carried. ``ignore_paths`` is shown and never obeyed: a file that
was left out makes it another directory. A single file is listed as ``.`` and stands for that very file.

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

from collections.abc import Iterable, Sequence
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


class Serialization(Model):
    """How the files were digested."""

    method: str
    """`files` is read; `shards` is carried."""
    hash_type: str = Field(alias="hash_type")
    """`sha256` is read; other algorithms are carried."""
    allow_symlinks: bool | None = Field(default=None, alias="allow_symlinks")
    """Whether symbolic links were digested as what they lead to."""
    ignore_paths: tuple[str, ...] | None = Field(default=None, alias="ignore_paths")
    """What the signer left out. Shown, never obeyed."""


class Resource(Model):
    """One file."""

    name: str
    """Its path in the directory, `/`-separated; `.` for a model that is a single file."""
    algorithm: str
    """`sha256`."""
    digest: str
    """Digest of the file's bytes, hex."""


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
        return {} if self.problem or self._single else {each.name: each.digest for each in self.resources}

    @cached_property
    def artifact(self) -> Artifact | None:
        """The one directory or file these resources are; ``None`` where ``problem`` says why."""
        if self.problem:
            return None
        if self._single:
            return Artifact(self.resources[0].digest)
        return Manifest.of((each.digest, each.name) for each in self.resources).artifact

    def about(self, subjects: Sequence[ResourceDescriptor]) -> tuple[Artifact, ...]:
        """Return the directory or file these resources are, if they add up to the one subject."""
        return () if self.artifact is None or self.fault(subjects) else (self.artifact,)

    @property
    def _single(self) -> bool:
        return [each.name for each in self.resources] == [SINGLE_FILE]

    @cached_property
    def problem(self) -> str | None:
        """Why this list names no files we could compare, or ``None``."""
        how = self.serialization
        if how.method != "files" or how.hash_type != "sha256":
            return f"digested as {how.method[:40]!r} with {how.hash_type[:40]!r}; files with sha256 are read"
        for each in self.resources:
            if each.algorithm != "sha256" or not is_sha256(each.digest):
                return f"resource {each.name[:100]!r} has no sha256 digest in lowercase hex"
        if self._single:
            return None
        try:
            Manifest.of((each.digest, each.name) for each in self.resources)
        except FormatError as error:
            return f"resources: {error}"
        return None

    def fault(self, subjects: Sequence[ResourceDescriptor]) -> str | None:
        """Say why it must not be believed as a statement about ``subjects``, or return ``None``."""
        if self.problem:
            return self.problem
        named = [subject.digest.get("sha256") for subject in subjects]
        if len(named) != 1:
            return f"{len(named)} subjects, a model signature has one"
        # model-signing sorts by the parts of a path, its specification by the name: "a/b" and "a.b" differ
        by_parts = sorted(self.resources, key=lambda each: each.name.split("/"))
        roots = [_root(order) for order in (by_parts, sorted(self.resources, key=lambda each: each.name))]
        if named[0] not in roots:
            return f"its resources add up to {roots[0]}, its subject is {named[0]}"
        return None


def _root(resources: Iterable[Resource]) -> str:
    """Return model-signing's digest over the digests, which knows no names."""
    return sha256_bytes(b"".join(bytes.fromhex(each.digest) for each in resources))
