"""What ``attest run --replaces`` checks: that what it replaces is affected, and that its inputs are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attest.cli.options import artifacts_given, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attest.cli.ordered_inputs import InStore
    from attest.impact import Impact
    from attest.recorder import Recorder
    from attest.resource import Artifact

__all__ = ["Replacing"]


@dataclass(frozen=True)
class Replacing:
    """An order, and what a step makes anew because of it."""

    impact: Impact
    artifacts: tuple[Artifact, ...]

    @classmethod
    def of(cls, order: str | None, given: Sequence[str], stored: InStore) -> Replacing | None:
        """Look the order up in the store, and what it reaches.

        Raises:
            UsageError: only one of the two is given, there is no such order, or it does not reach what is to
                be replaced.
        """
        from attest.cli.snapshot import find_order
        from attest.errors import UsageError

        if order is None and not given:
            return None
        if order is None or not given:
            hint = "attest impact ORDER --plan tells both"
            raise UsageError("--replaces and --order go together", hint=hint)
        artifacts = tuple(dict.fromkeys(artifacts_given(given, "--replaces")))
        impact = stored.impact(find_order(stored.snapshot, order))
        for artifact in artifacts:
            if artifact not in impact.reached:
                raise UsageError("is not affected by the order", f"--replaces {artifact}", "keep it")
        return cls(impact, artifacts)

    def declare(self, recorder: Recorder) -> None:
        """Record what is replaced, and why."""
        digest = f"sha256:{self.impact.order.digest}"
        recorder.parameters.replacing([{"artifact": str(each), "order": digest} for each in self.artifacts])

    def check_inputs(self, recorder: Recorder) -> None:
        """Refuse inputs the order reaches, and tell which nobody can say to be clear of it.

        Raises:
            UsageError: a path of statements leads from a target to an input.
        """
        from attest.cli.ordered_inputs import path_to
        from attest.errors import UsageError
        from attest.graph import SUPPORT_LIMIT, SUPPORT_ROLES
        from attest.taint import Certainty

        for material in recorder.materials:
            artifact = material.artifact
            reached = self.impact.reached.get(artifact)
            if reached is not None and reached.descends:
                path = path_to(self.impact, artifact, material.name)
                what = f"the order reaches this {material.role}: {path}"
                raise UsageError(what, str(artifact), "attest impact ORDER --plan tells what to leave out")
            small = material.size is not None and material.size <= SUPPORT_LIMIT
            if material.role in SUPPORT_ROLES and small:
                continue
            if self.impact.certainty(artifact) is not Certainty.CLEAR:
                warn(f"{material.name} is not explained: it may be reached by the order ({artifact})")

    def check_outputs(self, outputs: Sequence[Artifact]) -> None:
        """Tell of outputs that are, byte for byte, what has to go."""
        for artifact in outputs:
            if artifact in self.impact.reached:
                warn(f"{artifact} is the very artifact the order reaches: it was made, and must go")
