"""The delivered files are the attested ones.

``mode: exact`` asks that the delivered directory (or file) is exactly an attested one. ``mode: files`` asks
that every delivered file is, under its own path, a member of one attested tree, that a file of role
``weights`` is among them, and that whatever else was delivered is named in ``extras``. The attesting step
must be one the reader believes.

FAIL: a file differs, an extra file is not allowed, nobody attested these bytes, or only somebody without the
builder role did. It never reads an ignore list out of the evidence.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar, Literal

from pydantic import Field

from attest.resource import Artifact
from attest.review import Review
from attest.rule import Rule
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["WeightsMatch"]


class WeightsMatch(Rule):
    """The delivered files are the attested ones."""

    NAME: ClassVar[str] = "weights-match"
    OVER: ClassVar[str] = "delivered files"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = (
        "a delivered file was made by a step nobody you believe signed, or nothing was attested at all"
    )
    REMEDY: ClassVar[str] = (
        "Ask for the attestation bundle of exactly these files, or for the files that were attested."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (1, 8)

    mode: Literal["exact", "files"] = Field(
        default="files", description="Exactly an attested artifact, or files of one."
    )
    extras: list[str] = Field(
        default_factory=list,
        description="files: delivered paths that need not be attested; `*` within a segment.",
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        if self.mode == "exact":
            return "The delivery is exactly an attested artifact."
        allowed = f", except {', '.join(self.extras)}" if self.extras else ""
        return f"Every delivered file is a file of one attested artifact{allowed}."

    @property
    def flaws(self) -> tuple[str, ...]:
        """Extras that hold anything let anything lie beside the weights."""
        return tuple(
            f"lets {each!r} lie beside the attested files: any file, code included"
            for each in self.extras
            if set(each) <= set("*/")
        )

    def check(self, review: Review) -> Outcome:
        """Compare what was measured with what was attested."""
        match = review.match
        if not match.roots:
            return conclude(len(match.delivery.files), _nothing(review))
        findings = [*_unbelieved(review), *self._differences(review)]
        extras = [path for path in match.extras if self._allowed(path)]
        notes = [f"allowed extra file: {path}" for path in extras]
        if match.missing:
            notes.append(
                f"{len(match.missing)} attested file(s) were not delivered: {', '.join(match.missing[:5])}"
            )
        return conclude(len(match.delivery.files), findings, notes)

    def _allowed(self, path: str) -> bool:
        parts = path.split("/")
        return any(
            len(pattern.split("/")) == len(parts)
            and all(fnmatchcase(part, wanted) for part, wanted in zip(parts, pattern.split("/"), strict=True))
            for pattern in self.extras
        )

    def _differences(self, review: Review) -> list[Finding]:
        match = review.match
        attested = ", ".join(str(root) for root in match.roots)
        if self.mode == "exact" and not match.exact:
            return [
                Finding(
                    "weights-not-exact",
                    Result.FAIL,
                    str(match.delivery.artifact),
                    "the delivery is made of attested files but is not exactly the attested artifact",
                    expected=attested,
                    actual=str(match.delivery.artifact),
                    remedy="Ask for the artifact exactly as it was attested, or allow `mode: files`.",
                )
            ]
        return [
            Finding(
                "extra-file",
                Result.FAIL,
                path,
                "delivered, but no file of the attested artifact",
                expected="a file of " + attested,
                actual=f"sha256:{match.delivery.files[path]}",
                remedy="Remove the file, ask why it is there, or allow it in `extras`.",
            )
            for path in match.extras
            if not self._allowed(path)
        ]


def _unbelieved(review: Review) -> list[Finding]:
    """Roots whose attestation nobody who may make it made, or that was withdrawn."""
    found = []
    for root in review.match.roots:
        about = [node.evidence for node in review.graph.makers.get(root, [])] + review.graph.datasets(root)
        if any(each.believed for each in about):
            continue
        withdrawn = any(each.withdrawn_by for each in about)
        reasons = "; ".join(sorted({each.reason for each in about if each.reason}))
        found.append(
            Finding(
                "attestation-withdrawn" if withdrawn else "attested-by-nobody-trusted",
                Result.FAIL,
                str(root),
                "the statement about these bytes was withdrawn"
                if withdrawn
                else f"the statement about these bytes is not believed: {reasons}",
                evidence=tuple(each.digest for each in about),
                remedy="Ask for a statement about these bytes signed by a builder you trust.",
            )
        )
    return found


def _nothing(review: Review) -> list[Finding]:
    """Why no attested artifact matches: a changed file, a stranger's statement, or none at all."""
    match, found = review.match, []
    for miss in match.near:
        for path, expected, actual in miss.changed[:20]:
            found.append(
                Finding(
                    "weights-differ",
                    Result.FAIL,
                    path,
                    f"its bytes are not those attested for {review.graph.name(miss.tree)}",
                    expected=f"sha256:{expected}",
                    actual=f"sha256:{actual}",
                    evidence=tuple(node.evidence.digest for node in review.graph.makers.get(miss.tree, [])),
                    remedy="Do not use the file. Ask for a fresh delivery of the attested bytes.",
                )
            )
    delivered = [match.delivery.artifact, *(Artifact(sha) for sha in match.delivery.files.values())]
    strangers = {each.digest: each for artifact in delivered for each in review.strangers_about(artifact)}
    found += [
        Finding(
            "attested-by-stranger",
            Result.FAIL,
            str(match.delivery.artifact),
            f"a statement about these bytes is in the evidence, but {stranger.reason}",
            evidence=(stranger.digest,),
            remedy="Ask who signed it, and compare fingerprints before you trust that key.",
        )
        for stranger in strangers.values()
    ]
    if not found:
        found.append(
            Finding(
                "not-attested",
                Result.FAIL,
                str(match.delivery.artifact),
                "no statement in the evidence is about these bytes",
                remedy="Ask for the attestation bundle of exactly this delivery.",
            )
        )
    return found
