"""A verified statement as evidence: who signed it, who is believed for it, and what of it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from attest.claim import unreadable
from attest.limits import Limits
from attest.predicate import Predicate, artifacts_of, read_predicate
from attest.predicates.link import step_of
from attest.resource import Artifact
from attest.statement import Statement
from attest.verifier import Identity, count_principals

__all__ = ["Evidence", "Signature"]

P = TypeVar("P", bound=Predicate)


@dataclass(frozen=True)
class Signature:
    """One verified signature over a statement."""

    signer: Identity
    principals: tuple[str, ...]
    trusted_time: datetime | None


@dataclass(frozen=True, eq=False)
class Evidence:
    """A verified statement, with everybody who signed it and how far the reader believes it."""

    statement: Statement
    kind: str | None
    """Short name of its predicate; ``None`` for a type that is only carried."""
    predicate: Predicate | None = field(repr=False)
    signatures: tuple[Signature, ...]
    granted: tuple[str, ...]
    """Principals who hold the trust role this statement needs; empty: it is carried and grants nothing."""
    reason: str = ""
    """Why nobody was granted it, or why it cannot be read."""
    withdrawn_by: tuple[str, ...] = ()
    """Digests of withdrawals or registers that reach it."""
    ways: tuple[tuple[frozenset[str], int], ...] = ()
    """Each way it is granted: principals, and how many of them it took; empty: any one of ``granted``."""

    def at_rest(self, limits: Limits) -> Evidence:
        """Return the same evidence with what a million of them can be kept of.

        Its statement is read again from the signed bytes when it is asked for, and so, each time, is the
        predicate of a step: whoever looks through many looks at ``kind`` first.

        Args:
            limits: those its statement was parsed under.
        """
        at_rest: Evidence = object.__new__(type(self))
        at_rest.__dict__.update(self.__dict__, statement=self.statement.at_rest(limits), _limits=limits)
        if step_of(self.predicate) is not None:
            del at_rest.__dict__["predicate"]
        else:
            at_rest.__dict__["_artifacts"] = self.artifacts
        return at_rest

    @property
    def rests(self) -> bool:
        """Whether it is ``at_rest``."""
        return "_limits" in self.__dict__

    def awake(self) -> Evidence:
        """Return the same evidence as a whole, which is not kept: for whoever needs several parts of it."""
        if not self.rests:
            return self
        awake: Evidence = object.__new__(type(self))
        limits: Limits = self.__dict__["_limits"]
        statement = self.__dict__["statement"].at_rest(limits)
        awake.__dict__.update(self.__dict__, statement=statement)
        del awake.__dict__["_limits"]
        if "predicate" not in awake.__dict__:
            awake.__dict__["predicate"] = read_predicate(statement)
        return awake

    if not TYPE_CHECKING:  # a checker would take every misspelt name for one of these

        def __getattr__(self, name: str) -> Any:
            """Read the predicate of a step at rest."""
            if name != "predicate" or not self.rests:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            return self.awake().predicate

    def said(self, model: type[P]) -> P | None:
        """Return its predicate if it is one of that model; no step is read again for it."""
        predicate = self.__dict__.get("predicate")
        return predicate if isinstance(predicate, model) else None

    @property
    def digest(self) -> str:
        """The statement's digest, lowercase hex."""
        return self.statement.digest

    @property
    def believed(self) -> bool:
        """Whether it grants: its signer may say this, it can be read, and nobody withdrew it."""
        if not self.granted or self.withdrawn_by:
            return False
        return "predicate" not in self.__dict__ or self.predicate is not None

    @property
    def trusted_time(self) -> datetime | None:
        """The earliest trusted time at which enough of those who grant it had signed."""
        timed = sorted((each.trusted_time, each.principals) for each in self.signatures if each.trusted_time)
        times = [
            time
            for names, quorum in self.ways or ((frozenset(self.granted), 1),)
            for number, (time, _) in enumerate(timed, 1)
            if self.granted and count_principals([each for _, each in timed[:number]], names) >= quorum
        ]
        return min(times, default=None)

    @cached_property
    def unreadable(self) -> tuple[str, ...]:
        """Dotted names of the fields of its predicate that could not be read, at any depth."""
        return tuple(unreadable(self.predicate)) if self.predicate is not None else ()

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Its subjects that have a SHA-256, or the directory a model signature lists."""
        if "_artifacts" in self.__dict__:
            kept: tuple[Artifact, ...] = self.__dict__["_artifacts"]
            return kept
        awake = self.awake()
        return artifacts_of(awake.statement, awake.predicate)
