"""Looking at statements before they are handed over: what is behind an artifact, as a buyer will see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from attest.limits import Limits
    from attest.lineage import Lineage
    from attest.publisher import Closure
    from attest.resource import Artifact
    from attest.review import Checked
    from attest.statement import Statement
    from attest.store import Store
    from attest.trust import Trust

__all__ = ["Preflight", "Released", "kind_in_words", "look", "read_artifact", "require_known"]


@dataclass(frozen=True)
class Released:
    """One ARTIFACT of the command line."""

    given: str
    artifact: Artifact
    path: Path | None

    @property
    def name(self) -> str:
        """Its file name, or nothing if only its digest was given."""
        return self.path.name if self.path else ""


@dataclass(frozen=True)
class Preflight:
    """What was seen of the statements before they are handed over."""

    closure: Closure
    checked: Checked
    lineage: Lineage

    @cached_property
    def gaps(self) -> list[dict[str, Any]]:
        """What a buyer will find unexplained, one entry each."""
        graph = self.lineage.graph
        found: list[dict[str, Any]] = [
            {
                "artifact": str(each.artifact),
                "name": graph.name(each.artifact),
                "problem": each.status.value,
                "path": list(self.lineage.path(each.artifact)),
            }
            for each in self.lineage.gaps()
        ]
        for node, item in self.lineage.unlinked:
            name = item.descriptor.name or item.descriptor.uri or ""
            found.append({"artifact": None, "name": name, "problem": "no-sha256", "path": [node.kind, name]})
        for artifact in self.lineage.cyclic:
            name = graph.name(artifact)
            found.append({"artifact": str(artifact), "name": name, "problem": "cycle", "path": [name]})
        return found

    @cached_property
    def unverified(self) -> list[dict[str, str]]:
        """Bundles nobody known is shown to have signed."""
        return [
            {
                "statement": f"sha256:{each.digest}",
                "predicateType": each.predicate_type,
                "reason": each.reason,
            }
            for each in self.checked.unverified
        ]


def read_artifact(text: str) -> Released:
    """Read an ARTIFACT: a digest, or the path of what is digested now.

    Raises:
        UsageError: there is no such file.
        FormatError: it begins like a digest and is none.
        DigestError: it cannot be digested.
    """
    import os
    from pathlib import Path

    from attest.cli.progress import progress_bar
    from attest.errors import UsageError
    from attest.manifest import digest_path
    from attest.resource import Artifact

    if text.startswith("sha256:"):
        return Released(text, Artifact.parse(text), None)
    path = Path(os.path.abspath(text))  # noqa: PTH100 - `.` gets a name, and a link keeps its own
    if not path.exists():
        raise UsageError("there is no such file or directory", text, "a digest begins with sha256:")
    return Released(text, digest_path(path, progress=progress_bar()).artifact, path)


def require_known(store: Store, released: Iterable[Released]) -> None:
    """Refuse an artifact nothing was ever stated about: there is nothing to hand over or to draw.

    Raises:
        AttestError: there is one.
    """
    from attest.errors import AttestError

    for each in released:
        sha256, tree = each.artifact
        if store.by_subject(sha256, tree=tree) or store.by_input(sha256, tree=tree):
            continue
        hint = "was it changed after it was recorded? `attest run` and `attest record` make statements"
        if store.by_subject(sha256, tree=not tree):
            hint = f"of a {'file' if tree else 'directory, with / at the end,'} with that digest there is one"
        raise AttestError(f"no statement in the store is about {each.artifact}", each.given, hint)


def look(store: Store, released: Sequence[Released], trust: Trust, limits: Limits) -> Preflight:
    """Collect what is behind the artifacts, check every signature, and look at it as a buyer would.

    Raises:
        AttestError: the clock is earlier than a trusted time.
        LimitError: beyond the limits.
        StoreError: the store cannot be read.
    """
    from datetime import UTC, datetime, timedelta

    from attest.lineage import Lineage
    from attest.matching import Delivery
    from attest.publisher import closure
    from attest.review import Line, check_lines, review

    artifacts = [each.artifact for each in released]
    found = closure(store, artifacts, limits)
    lines = (Line("the store", number, bundle) for number, bundle in enumerate(found.bundles, 1))
    checked = check_lines(lines, trust, limits)
    manifests = {digest: store.manifest(digest) or b"" for digest in found.manifests}
    # up to the next second: a timestamp of this very second is not in the future
    now = datetime.now(UTC) + timedelta(seconds=1)
    graph = review(
        Delivery("", artifacts[0], 0, {}), checked, trust, now, manifests=manifests, limits=limits
    ).graph
    return Preflight(found, checked, Lineage(graph, artifacts))


def kind_in_words(statement: Statement) -> str:
    """Return what kind of statement it is: ``train step``, ``dataset``; ``other`` for a foreign type."""
    from attest.predicate import predicate_name
    from attest.predicates.step import kind_of

    name = predicate_name(statement.predicate_type)
    if name == "link":
        return "in-toto step"
    if name != "step":
        return name or "other"
    definition = statement.predicate.get("buildDefinition")
    build_type = definition.get("buildType") if isinstance(definition, dict) else None
    return f"{(kind_of(build_type) if isinstance(build_type, str) else None) or 'other'} step"
