"""OpenSSF model signatures over the same files: shown beside the lineage, never a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attest.graph import Evidence
from attest.predicates.oms import ModelSignature
from attest.review import Review

__all__ = ["note"]

_SHOWN = 3
"""Paths named in one note; the others are counted."""


def note(review: Review, evidence: Evidence) -> str | None:
    """Say in one sentence what a model signature adds; ``None`` for every other statement.

    It joins what the delivery or its lineage is only if its list, paths and digests, is exactly that
    directory's or file's. What it left out (``ignore_paths``) is named and excuses nothing.
    """
    signature = evidence.predicate
    if not isinstance(signature, ModelSignature) or not evidence.signatures:
        return None
    if signature.fault(evidence.statement.subjects):
        return None
    names = sorted({name for each in evidence.signatures for name in each.principals})
    left_out = sorted(signature.serialization.ignore_paths or ())
    tail = f"; its signer left out {', '.join(left_out)}" if left_out else ""
    same = signature.artifact
    if same is not None and (same in review.lineage.ancestors or same == review.delivery.artifact):
        count = f"all {len(signature.files)} files of " if same.tree else ""
        name = review.graph.name(same) if same in review.graph.names else review.delivery.name
        by = f"also signed (OpenSSF model signing) by {', '.join(names)}"
        return f"{by}: {count}{name} ({same}){tail}"
    for label, files in _namesakes(review, evidence):
        if differing := sorted(path for path, _ in signature.files.items() ^ files.items()):
            paths = list(dict.fromkeys(differing))
            more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            what = f"signs other files than {label}: {', '.join(paths[:_SHOWN])}{more}"
            return f"OpenSSF model signing by {', '.join(names)}: {what}{tail}"
    return f"OpenSSF model signing by {', '.join(names)}: of files that are not in this lineage{tail}"


def _namesakes(review: Review, evidence: Evidence) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield label and files of directories that are called what the signature calls its model."""
    called = {(subject.name or "").rstrip("/") for subject in evidence.statement.subjects}
    for tree, members in sorted(review.graph.members.items()):
        name = review.graph.names.get(tree, "")
        if name.rstrip("/") in called:
            yield (
                f"the attested directory {name} ({tree})",
                {path: member.sha256 for path, member in members.items()},
            )
    delivered = review.delivery
    if delivered.artifact.tree and delivered.name.rstrip("/") in called:
        yield f"the delivered directory {delivered.name} ({delivered.artifact})", delivered.files
