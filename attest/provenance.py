"""The statement of a step, put together out of what was measured: pure, no file is read here.

Subjects are what the step wrote: the tree, and each of its files with its role while there are few enough of
them; stand-alone files as they are. Names are the last parts of paths, made unique, and link nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from attest.errors import UsageError, nearest
from attest.fetching import Fetched
from attest.limits import DEFAULT
from attest.manifest import Measured
from attest.member_role import guess_member_role
from attest.model import format_time
from attest.predicate import predicate_type
from attest.predicates.step import BUILD_TYPES, EXTERNAL_PARAMETERS, KINDS
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact, ResourceDescriptor
from attest.statement import Statement

__all__ = [
    "MAX_WEIGHTS",
    "Material",
    "Product",
    "Provenance",
    "check_external",
    "check_kind",
    "located",
    "subjects_of",
    "unique_name",
]

MAX_WEIGHTS = 10_000
"""Paths of weights listed for a tree that is too large to list all its files. Beyond it none are, and a later
step that reads one of these files alone is not linked to this one."""


@dataclass(frozen=True)
class Material:
    """One input of a step."""

    name: str
    role: str
    artifact: Artifact
    size: int | None
    """Bytes; ``None`` for what was not measured."""
    uri: str | None = None
    opaque: str | None = None
    """Why nothing is known of how it was made."""
    digest_source: str | None = None
    """Where the digest was taken over from; ``None``: it was measured."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Further annotations."""

    def descriptor(self) -> ResourceDescriptor:
        """Return the entry of ``resolvedDependencies``."""
        notes: dict[str, Any] = {"role": self.role, **self.notes}
        if self.size is not None:
            notes["sizeBytes"] = self.size
        if self.opaque is not None:
            notes |= {"opaque": True, "reason": self.opaque}
        if self.digest_source is not None:
            notes["digestSource"] = self.digest_source
        return _describe(self.name, self.artifact, notes, self.uri)


@dataclass(frozen=True)
class Product:
    """One output or byproduct of a step."""

    name: str
    """Without a slash."""
    measured: Measured = field(repr=False)

    def descriptor(self, notes: Mapping[str, Any] | None = None) -> ResourceDescriptor:
        """Return its entry: of the tree, or of the stand-alone file."""
        return _describe(self.name, self.measured.artifact, dict(notes or {}), None)


def located(fetched: Fetched) -> ResourceDescriptor:
    """Return the entry of what was read from somewhere else, as the subject of a statement."""
    location = fetched.location
    return _describe(location.name, fetched.artifact, dict(fetched.notes()), location.shown)


def _describe(name: str, artifact: Artifact, notes: dict[str, Any], uri: str | None) -> ResourceDescriptor:
    return ResourceDescriptor(
        name=f"{name}/" if artifact.tree else name,
        uri=uri,
        digest={"sha256": artifact.sha256},
        media_type=MANIFEST_MEDIA_TYPE if artifact.tree else None,
        annotations=notes or None,
    )


def unique_name(wanted: str, taken: Sequence[str]) -> str:
    """Return ``wanted``, or with a number behind it the first name that is not taken."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


def subjects_of(products: Sequence[Product], limit: int = DEFAULT.subjects) -> list[ResourceDescriptor]:
    """Return the subjects: every file of every tree, and the tree, if all fit; otherwise trees alone.

    A tree alone lists which of its files are weights: these are what another step may read by themselves.
    """
    every = sum(len(each.measured.files) + 1 if each.measured.manifest else 1 for each in products)
    subjects: list[ResourceDescriptor] = []
    for product in products:
        if product.measured.manifest is None:
            subjects.append(product.descriptor({"role": guess_member_role(product.measured.path.name)}))
            continue
        files = product.measured.manifest.entries
        if every <= limit:
            subjects += (
                _describe(f"{product.name}/{path}", Artifact(sha256), {"role": guess_member_role(path)}, None)
                for sha256, path in files
            )
            subjects.append(product.descriptor())
            continue
        weights = [path for _, path in files if guess_member_role(path) == "weights"]
        subjects.append(product.descriptor({"weights": weights} if 0 < len(weights) <= MAX_WEIGHTS else None))
    return subjects


def check_kind(kind: str) -> str:
    """Return ``kind`` if it is one.

    Raises:
        UsageError: it is none; the hint names the nearest.
    """
    if kind not in BUILD_TYPES:
        guess = nearest(kind, KINDS)
        raise UsageError(
            f"unknown kind of step {kind[:60]!r}",
            hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(KINDS)}",
        )
    return kind


def check_external(kind: str, name: str) -> None:
    """Refuse a parameter that steps of this kind do not have: their list is closed (docs/formats.md, Step).

    Raises:
        UsageError: the kind has no such parameter; the hint names the nearest.
    """
    shared = EXTERNAL_PARAMETERS["collect"] & EXTERNAL_PARAMETERS["train"]
    own = EXTERNAL_PARAMETERS[kind] - shared
    if name not in own:
        guess = nearest(name, own)
        known = f"a {kind} step has {', '.join(sorted(own))}; everything else goes into --param"
        raise UsageError(
            f"a {kind} step has no parameter {name[:60]!r}",
            hint=f"did you mean {guess!r}?" if guess else known,
        )


@dataclass(frozen=True)
class Provenance:
    """Everything a step's statement says, but for what it made."""

    kind: str
    external: Mapping[str, Any]
    internal: Mapping[str, Any]
    materials: Sequence[Material]
    builder_id: str
    builder_version: Mapping[str, str]
    invocation_id: str | None = None
    started: datetime | None = None
    finished: datetime | None = None

    def predicate(self, byproducts: Sequence[Product] = ()) -> dict[str, Any]:
        """Return SLSA provenance v1."""
        times = {"startedOn": self.started, "finishedOn": self.finished}
        metadata: dict[str, Any] = {
            name: format_time(time.replace(microsecond=0)) for name, time in times.items() if time is not None
        }
        if self.invocation_id is not None:
            metadata["invocationId"] = self.invocation_id
        run: dict[str, Any] = {"builder": {"id": self.builder_id, "version": dict(self.builder_version)}}
        if metadata:
            run["metadata"] = metadata
        if byproducts:
            run["byproducts"] = [
                each.descriptor({"sizeBytes": each.measured.size}).to_json() for each in byproducts
            ]
        return {
            "buildDefinition": {
                "buildType": BUILD_TYPES[self.kind],
                "externalParameters": dict(self.external),
                "internalParameters": dict(self.internal),
                "resolvedDependencies": [each.descriptor().to_json() for each in self.materials],
            },
            "runDetails": run,
        }

    def statement(self, products: Sequence[Product], byproducts: Sequence[Product] = ()) -> Statement:
        """Return the statement about what the step made.

        Raises:
            FormatError: something in it has no place in JSON.
            LimitError: it is larger than other verifiers accept.
        """
        return Statement.build(subjects_of(products), predicate_type("step"), self.predicate(byproducts))
