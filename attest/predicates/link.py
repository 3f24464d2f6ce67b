"""Link: how an artifact was made, as in-toto recorded it (``https://in-toto.io/attestation/link/v0.3``).

A link of ``in-toto-run``, as a file of its own (metablock or DSSE envelope) or as a statement, whose subjects
are its products. It is read here, never written. It becomes a step without a kind: it read its materials and
made those products that were not materials, for in-toto lists what lies in the folder both times. Materials
have no role and count as datasets that somebody has to explain; whether all are listed it does not say.

A link names no builder. It is believed from a ``builder`` who may claim the id
``https://in-toto.io/attestation/link/v0.3#NAME``, with the link's name: a key may be good for one step alone.

Example::

    {
      "name": "train",
      "command": ["python", "train.py"],
      "materials": [
        {"name": "data/digits.csv", "digest": {"sha256": "77e1…"}},
        {"name": "train.py", "digest": {"sha256": "44b1…"}}
      ],
      "byproducts": {"return-value": 0},
      "environment": {}
    }
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from pydantic import Field

from attest.predicate import Predicate
from attest.predicates.step import Step
from attest.resource import ResourceDescriptor
from attest.statement import LINK_TYPE

__all__ = ["Link", "step_of"]


class Link(Predicate):
    """What in-toto recorded of a step (in-toto attestation framework, link v0.3)."""

    TYPE: ClassVar[str] = LINK_TYPE
    TRUST_ROLE: ClassVar[str] = "builder"

    name: str = ""
    """The name of the step."""
    command: tuple[str, ...] = ()
    """What was run."""
    materials: tuple[ResourceDescriptor, ...] = ()
    """What was there before."""
    byproducts: dict[str, Any] = Field(default_factory=dict)
    """What it printed and returned. Shown, never judged."""
    environment: dict[str, Any] = Field(default_factory=dict)
    """Where it ran. Shown, never judged."""

    @cached_property
    def step(self) -> Step:
        """The same as a step of a build type that is not ours."""
        return Step.from_json(
            {
                "buildDefinition": {
                    "buildType": LINK_TYPE,
                    "externalParameters": {"name": self.name, "command": list(self.command)},
                    "resolvedDependencies": [material.to_json() for material in self.materials],
                },
                "runDetails": {"builder": {"id": f"{LINK_TYPE}#{self.name}"}},
            }
        )


def step_of(predicate: Predicate | None) -> Step | None:
    """Return the step a predicate describes, in whoever's words, or ``None`` if it is of another kind."""
    if isinstance(predicate, Link):
        return predicate.step
    return predicate if isinstance(predicate, Step) else None
