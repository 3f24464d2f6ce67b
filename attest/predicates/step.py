"""Step: how an artifact was made, as SLSA provenance v1 (``https://slsa.dev/provenance/v1``).

Its subjects are what the step wrote, ``resolvedDependencies`` what it read, each with its role. Any SLSA
tool can read it; our build types say which kind of step it was. It is believed from a ``builder``, for the
builder ids the reader lets that principal claim. Roles of inputs only add scrutiny: nothing is excused
because a step calls it code.

Example (the predicate of a fine-tuning step)::

    {
      "buildDefinition": {
        "buildType": "https://w3id.org/attest/build-types/finetune/v0.1",
        "externalParameters": {
          "command": ["python", "finetune.py"], "seed": 7, "hyperparameters": {"epochs": 3}
        },
        "internalParameters": {
          "completeness": {"claim": "all-inputs-listed", "enforcedBy": "none"}, "recorded": "during"
        },
        "resolvedDependencies": [
          {"name": "faces/", "digest": {"sha256": "77e1…"}, "mediaType": "application/vnd.attest.manifest",
           "annotations": {"role": "dataset", "sizeBytes": 104857600}},
          {"name": "base.safetensors", "digest": {"sha256": "9c1e…"},
           "annotations": {"role": "base-model", "sizeBytes": 52428800}}
        ]
      },
      "runDetails": {
        "builder": {"id": "https://github.com/acme/vision/.github/workflows/train.yml@refs/tags/v3"},
        "metadata": {"startedOn": "2026-11-20T10:02:00Z", "finishedOn": "2026-11-20T11:40:12Z"}
      }
    }
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from attest.claim import Lenient
from attest.model import Model, Timestamp
from attest.predicate import BASE, BASES, Predicate
from attest.resource import Artifact, ResourceDescriptor
from attest.statement import LINK_TYPE

__all__ = [
    "BUILD_TYPES",
    "EXTERNAL_PARAMETERS",
    "INPUT_ROLES",
    "KINDS",
    "REQUIRED_ROLES",
    "BuildDefinition",
    "Builder",
    "Completeness",
    "Counts",
    "Input",
    "Metadata",
    "RunDetails",
    "Step",
    "kind_of",
    "missing_roles",
    "unknown_parameters",
]

KINDS = (
    "collect",
    "transform",
    "train",
    "finetune",
    "align",
    "merge",
    "quantize",
    "distill",
    "convert",
    "embed",
    "index",
    "evaluate",
    "release",
)
"""The kinds of step, in the order a pipeline runs them."""

BUILD_TYPES = {kind: f"{BASE}build-types/{kind}/v0.1" for kind in KINDS}
"""Kind → the build type URI we write."""

INPUT_ROLES = (
    "dataset",
    "evaluation-dataset",
    "reward-dataset",
    "retrieval-dataset",
    "base-model",
    "adapter",
    "teacher",
    "tokenizer",
    "code",
    "config",
    "environment",
)
"""What an input can be to a step (``annotations.role``); a role that is none of these reads as unknown."""

_MODELS = frozenset({"base-model", "adapter"})
_DATA = frozenset({"dataset"})

REQUIRED_ROLES: dict[str, tuple[frozenset[str], ...]] = {
    "collect": (),
    "transform": (_DATA,),
    "train": (_DATA,),
    "finetune": (frozenset({"base-model"}), _DATA),
    "align": (frozenset({"base-model"}),),
    "merge": (_MODELS,),
    "quantize": (frozenset({"base-model"}),),
    "distill": (frozenset({"teacher"}),),
    "convert": (_MODELS | _DATA | {"tokenizer"},),
    "embed": (frozenset({"dataset", "retrieval-dataset"}),),
    "index": (frozenset({"dataset", "retrieval-dataset"}),),
    "evaluate": (frozenset({"base-model"}),),
    "release": (_MODELS | _DATA | {"tokenizer", "retrieval-dataset"},),
}
"""Kind → sets of roles; a step needs at least one input of each set."""

_COMMON = frozenset(
    {
        "command",
        "workingDirectory",
        "seed",
        "hyperparameters",
        "parameters",
        "secretParameters",
        "environment",
        "exclude",
        "replaces",
    }
)
_OWN_PARAMETERS = {
    "collect": {"source", "query"},
    "transform": {"operations", "order"},
    "train": {"model", "objective"},
    "finetune": {"model", "method"},
    "align": {"model", "method"},
    "merge": {"model", "method"},
    "quantize": {"model", "scheme", "bits"},
    "distill": {"model", "method"},
    "convert": {"format"},
    "embed": {"model", "dimensions"},
    "index": {"method", "metric"},
    "evaluate": {"tasks", "metrics"},
    "release": {"release"},
}

EXTERNAL_PARAMETERS: dict[str, frozenset[str]] = {kind: _COMMON | _OWN_PARAMETERS[kind] for kind in KINDS}
"""Kind → the keys its ``externalParameters`` may have.

``command`` (list of words), ``workingDirectory``, ``seed``, ``hyperparameters`` and ``parameters`` (open
maps), ``secretParameters`` (names whose values were not recorded), ``environment`` (the variables the user
named), ``exclude`` (patterns of files left out of digests), ``replaces`` (a list of ``{artifact, order}``:
what the outputs take the place of, and the statement digest of the order that made it necessary); the rest
belongs to one kind, e.g. ``order`` of a transform: the statement digest of the deletion order it answers.
"""


class BuildDefinition(Model):
    """What was asked for, and everything it read."""

    build_type: str
    """URI of the kind of step (SLSA provenance v1, buildDefinition.buildType)."""
    external_parameters: dict[str, Any] = Field(default_factory=dict)
    """What the caller chose; the top level is closed per build type (docs/formats.md, Step)."""
    internal_parameters: dict[str, Any] = Field(default_factory=dict)
    """What the recorder states: completeness, counts, recorded, host and library facts."""
    resolved_dependencies: tuple[ResourceDescriptor, ...] = ()
    """Every input, with its role in ``annotations.role``."""


class Builder(Model):
    """Who ran the step."""

    id: str
    """URI of the builder; the reader's trust file says which principal may claim it."""
    version: dict[str, str] | None = None
    """Component → version."""
    builder_dependencies: tuple[ResourceDescriptor, ...] | None = None
    """What the builder itself consists of."""


class Metadata(Lenient):
    """When the step ran, by the builder's own clock: never a trusted time."""

    invocation_id: str | None = None
    """The builder's name for this run."""
    started_on: Timestamp | None = None
    """When it began."""
    finished_on: Timestamp | None = None
    """When it ended."""


class RunDetails(Model):
    """The run itself."""

    builder: Builder
    """Who ran it."""
    metadata: Metadata | None = None
    """When it ran."""
    byproducts: tuple[ResourceDescriptor, ...] | None = None
    """What it left behind and nobody asked for: logs, intermediate checkpoints."""


class Completeness(NamedTuple):
    """Whether the builder claims to have listed every input, and what backs that."""

    claim: str
    """``all-inputs-listed``, ``partial`` or ``unknown``."""
    enforced_by: str
    """``none``, ``observed``, ``sandbox`` or ``unknown``."""


class Counts(NamedTuple):
    """Records that went in, came out, and were removed; ``None`` where the step does not say."""

    into: int | None
    out: int | None
    removed: int | None


class Input(NamedTuple):
    """One input of a step, as the step describes it."""

    descriptor: ResourceDescriptor
    role: str
    """One of ``INPUT_ROLES``, or ``unknown``."""
    artifact: Artifact | None
    """The bytes it names; ``None`` without a sha256: it links to nothing."""
    size_bytes: int | None
    """Size in bytes; ``None`` when it is not stated."""
    opaque: bool
    """Whether the step says that nothing is known about how it was made."""
    reason: str | None
    """Why it is opaque."""
    digest_source: str | None
    """Where the digest was taken over from, when the builder did not measure it."""
    called: str = ""
    """Its name, or its URI where it has none."""


class Step(Predicate, Lenient):
    """SLSA provenance v1 with our build types and roles (https://slsa.dev/spec/v1.0/provenance)."""

    TYPE: ClassVar[str] = "https://slsa.dev/provenance/v1"
    TRUST_ROLE: ClassVar[str] = "builder"

    build_definition: BuildDefinition
    """What was asked for, and everything it read."""
    run_details: RunDetails
    """The run itself."""

    @property
    def kind(self) -> str | None:
        """The kind of step, or ``None`` for a build type that is not ours."""
        return kind_of(self.build_definition.build_type)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """Every input with its role, in the order of the statement."""
        return tuple(_input(item) for item in self.build_definition.resolved_dependencies)

    @cached_property
    def unchanged(self) -> frozenset[Artifact]:
        """What may stand among its outputs because it was there before; it did not make that.

        So links of in-toto are written, which list a folder before and after. Other steps: nothing.
        """
        if self.build_definition.build_type != LINK_TYPE:
            return frozenset()
        return frozenset(each.artifact for each in self.inputs if each.artifact is not None)

    @property
    def byproducts(self) -> tuple[ResourceDescriptor, ...]:
        """What it left behind."""
        return self.run_details.byproducts or ()

    @property
    def completeness(self) -> Completeness:
        """The claim about the list of inputs; anything malformed reads as unknown."""
        value = self.build_definition.internal_parameters.get("completeness")
        claims = value if isinstance(value, dict) else {}
        return Completeness(
            _one_of(claims.get("claim"), ("all-inputs-listed", "partial")),
            _one_of(claims.get("enforcedBy"), ("none", "observed", "sandbox")),
        )

    @property
    def counts(self) -> Counts | None:
        """Records in, out and removed; ``None`` when the step states none."""
        value = self.build_definition.internal_parameters.get("counts")
        if not isinstance(value, dict):
            return None
        return Counts(_count(value.get("in")), _count(value.get("out")), _count(value.get("removed")))

    @property
    def recorded(self) -> str:
        """``during`` the run, ``after-the-fact``, or ``unknown``."""
        value = self.build_definition.internal_parameters.get("recorded")
        return _one_of(value, ("during", "after-the-fact"))

    @property
    def signed_late(self) -> bool:
        """Whether it says that it was signed some time after it had ended, by whoever signed then."""
        return self.build_definition.internal_parameters.get("signedLate") not in (None, False)


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    return value if isinstance(value, str) and value in known else "unknown"


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():  # protobuf Struct knows no integers
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _input(item: ResourceDescriptor) -> Input:
    notes = item.annotations or {}
    reason, source = notes.get("reason"), notes.get("digestSource")
    return Input(
        descriptor=item,
        role=_one_of(notes.get("role"), INPUT_ROLES),
        artifact=item.artifact,
        size_bytes=_count(notes.get("sizeBytes")),
        opaque=notes.get("opaque") not in (None, False),  # what is not plainly "no" adds scrutiny
        reason=reason if isinstance(reason, str) else None,
        digest_source=None if source is None else str(source),
        called=item.name or item.uri or "",
    )


def kind_of(build_type: str) -> str | None:
    """Return the kind of step a build type URI names, or ``None`` for a foreign one."""
    for base in BASES:
        kind, slash, version = build_type.removeprefix(f"{base}build-types/").partition("/")
        if build_type.startswith(f"{base}build-types/") and slash and version == "v0.1" and kind in KINDS:
            return kind
    return None


def missing_roles(step: Step) -> list[frozenset[str]]:
    """Return the sets of roles of which the step needs an input and has none; foreign build types need none.

    A model trained from nothing, or a quantization of no model, is a step whose inputs were left out.
    """
    roles = {item.role for item in step.inputs}
    return [needed for needed in REQUIRED_ROLES.get(step.kind or "", ()) if not needed & roles]


def unknown_parameters(step: Step) -> list[str]:
    """Return the keys of ``externalParameters`` that the step's build type does not define, sorted.

    SLSA: a verifier rejects external parameters it does not recognise. Build types that are not ours
    define their own; for them the list is empty.
    """
    known = EXTERNAL_PARAMETERS.get(step.kind or "")
    return sorted(set(step.build_definition.external_parameters) - known) if known is not None else []
