"""What a recorder says of a step besides the bytes it read and wrote: who ran it, where, how, when."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from attest import __version__
from attest.canonical import canonical_bytes, read_json
from attest.checkout import git_state
from attest.environment import Job, find_job, machine_facts
from attest.errors import AttestError, UsageError
from attest.inventory import Inventory
from attest.limits import DEFAULT
from attest.parameters import Parameters
from attest.provenance import Provenance
from attest.settings import DEFAULT_BUILDER_ID, Builder, Project

__all__ = ["Account"]


def _builder(settings: Builder, asked: str | None, job: str | None) -> Builder:
    own = settings.id if settings.id != DEFAULT_BUILDER_ID else None
    try:
        return Builder(id=asked or own or job or DEFAULT_BUILDER_ID, version=settings.version)
    except ValidationError as error:
        hint = "expected a URI like https://ci.example/builders/train@v1"
        raise UsageError(f"the builder id {str(asked or job)[:100]!r} is no URI", hint=hint) from error


class Account:
    """The account of one step.

    Args:
        kind: what the step does.
        project: where it runs.
        parameters: of the step.
        inventory: what it reads and writes.
        builder_id: URI of whoever runs it; by default the project's, else that of the CI job's workflow.
        past: it ran some time ago: nothing is known of its host, and its list of inputs is partial.
        partial: there are other inputs than those named.

    Raises:
        UsageError: a builder id that is no URI.
    """

    def __init__(
        self,
        kind: str,
        project: Project,
        parameters: Parameters,
        inventory: Inventory,
        *,
        builder_id: str | None = None,
        past: bool = False,
        partial: bool = False,
    ) -> None:
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self.facts: dict[str, Any] = {}
        """What the recorder itself knows (``internalParameters``)."""
        self._kind = kind
        self._root = project.root
        self._parameters = parameters
        self._inventory = inventory
        self._past = past
        self._partial = partial
        self._job: Job | None = None if past else find_job(os.environ)
        job_builder = self._job.builder_id if self._job else None
        self._builder = _builder(project.settings.builder, builder_id, job_builder)

    def gather(self, command: Sequence[str] | None) -> None:
        """Learn about host, interpreter, commit and CI job: of a step of the past nothing is known.

        Args:
            command: the words that run the step; ``None``: those of this program.
        """
        if self._past:
            return
        self.facts = machine_facts(command)
        code = self._inventory.code
        folder: Path = self._root
        if code and code.path:
            folder = code.path if code.path.is_dir() else code.path.parent
        if state := git_state(folder, self._inventory.no_code(code)):
            self.facts["git"] = state.to_json()
        if self._job:
            self.facts["ci"] = self._job.to_json()

    def note(self, fact: str, name: str, value: Any) -> None:
        """Add a fact about one of the outputs or byproducts."""
        self.facts.setdefault(fact, {})[name] = value

    def check(self) -> None:
        """Write the statement as far as it is known, so that nothing in it stops the signing later.

        Raises:
            UsageError: it cannot be written as JSON.
            LimitError: it is larger than readers take.
            SecretError: something in it looks like a secret.
        """
        draft = self.provenance().predicate()
        try:
            data = canonical_bytes(draft)
            read_json(data)
        except AttestError as error:
            hint = "arguments and values must be UTF-8, and of a size others read"
            raise UsageError("the step cannot be written down as JSON", error.what[:200], hint) from error
        DEFAULT.check("payload_bytes", len(data))
        self._inventory.check_sizes()
        self._parameters.guard({"predicate": draft})

    def provenance(
        self, finished: datetime | None = None, facts: Mapping[str, Any] | None = None
    ) -> Provenance:
        """Return the statement's content as things stand, with secrets hidden.

        Args:
            finished: when it ended.
            facts: besides those known.
        """
        partial = self._past or self._partial or self._inventory.missing_roles()
        internal: dict[str, Any] = {
            "completeness": {"claim": "partial" if partial else "all-inputs-listed", "enforcedBy": "none"},
            "recorded": "after-the-fact" if self._past else "during",
            **({"counts": self._parameters.counts} if self._parameters.counts else {}),
            **self.facts,
            **(facts or {}),
        }
        hide: Callable[[Any], Any] = self._parameters.hide
        shown = [
            replace(each, name=hide(each.name), uri=each.uri and hide(each.uri), opaque=hide(each.opaque))
            for each in self._inventory.materials
        ]
        version: Mapping[str, str] = {"attest": __version__, **self._builder.version}
        return Provenance(
            self._kind,
            self._parameters.external(None if self._past else self._root),
            hide(internal),
            shown,
            self._builder.id,
            version,
            self._job.invocation_id if self._job else None,
            self.started,
            finished,
        )
