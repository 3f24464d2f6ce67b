"""What kind of thing an artifact is to a deletion order: raw data, a model, an index, a backup, and so on.

It is read off what statements say: the kind of step that made it, what it was read as, whether a dataset
statement speaks of it. Deadlines go by it; where the statements leave it open it is ``other``.
"""

from __future__ import annotations

from attest.graph import DATASET_ROLES, StepNode
from attest.predicates.deletion_order import ItemClass
from attest.resource import Artifact
from attest.unexplained import Unknowns

__all__ = ["ADAPTER_METHODS", "BACKUP_FORMATS", "class_trail", "item_class"]

ADAPTER_METHODS = ("adapter", "dora", "ia3", "lora", "prefix-tuning", "prompt-tuning", "qlora")
"""What ``method`` of a fine-tuning or alignment step is when its output is an adapter."""

BACKUP_FORMATS = ("archive", "backup", "snapshot")
"""What ``format`` of a convert step is when its output is a backup."""

_BY_KIND: dict[str, ItemClass] = {
    "collect": "raw-data",
    "transform": "derived-data",
    "train": "model",
    "finetune": "model",
    "align": "model",
    "merge": "model",
    "quantize": "quantization",
    "distill": "distilled-student",
    "embed": "embedding",
    "index": "index",
    "evaluate": "derived-data",
}


def _said(node: StepNode, name: str) -> str:
    return node.said.get(name, "").lower()


def _by_step(node: StepNode, artifact: Artifact) -> ItemClass | None:
    if artifact in node.byproducts:
        return None  # a log or a checkpoint: what it was read as tells
    if node.kind == "convert" and _said(node, "format") in BACKUP_FORMATS:
        return "backup"
    if node.kind in ("finetune", "align") and _said(node, "method") in ADAPTER_METHODS:
        return "adapter"
    return _BY_KIND.get(node.kind)


def item_class(unknowns: Unknowns, artifact: Artifact) -> ItemClass:
    """Return what kind of thing an artifact is; a convert or release step passes on that of its input."""
    return class_trail(unknowns, artifact)[0]


def class_trail(unknowns: Unknowns, artifact: Artifact) -> tuple[ItemClass, set[Artifact]]:
    """Return what kind of thing an artifact is, and all artifacts that were looked at to tell."""
    seen: set[Artifact] = set()
    while artifact not in seen:
        seen.add(artifact)
        nodes = sorted(unknowns.graph.makers.get(artifact, []), key=lambda node: node.evidence.digest)
        if found := next((each for node in nodes if (each := _by_step(node, artifact))), None):
            return found, seen
        roles = {item.role for _, item in unknowns.readers.get(artifact, ())}
        if "adapter" in roles:
            return "adapter", seen
        if roles & {"base-model", "teacher"}:
            return "model", seen
        if unknowns.graph.datasets(artifact) or roles & DATASET_ROLES:
            return "derived-data" if nodes or _derived(unknowns, artifact) else "raw-data", seen
        before = [
            item.artifact
            for node in nodes
            for item in node.read_for(artifact)
            if item.artifact and item.role in DATASET_ROLES | {"base-model", "adapter"}
        ]
        if not before:
            break
        artifact = before[0]
    return "other", seen


def _derived(unknowns: Unknowns, artifact: Artifact) -> bool:
    """Whether a dataset statement names sources it was made from."""
    return any(getattr(each.predicate, "derived_from", ()) for each in unknowns.graph.datasets(artifact))
