"""What a step was told and how it is recorded: command, hyper-parameters, counts, and what is secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from attest.canonical import canonical_bytes, read_json, tagged
from attest.errors import AttestError, UsageError
from attest.hashing import Progress
from attest.limits import Limits
from attest.provenance import check_external
from attest.redaction import Redaction
from attest.resource import Artifact
from attest.secrets import refuse_secrets

__all__ = ["Options", "Parameters", "own_command"]


class Options(TypedDict, total=False):
    """How a step is recorded; everything has a default."""

    store: str | None
    """Path or URI, in place of the project's."""
    signer: str | None
    """Path or URI, in place of the project's."""
    sigstore: Mapping[str, Any]
    """Settings of keyless signing, in the words of the settings file; each in place of the project's."""
    timestamps: Sequence[str]
    """URLs of timestamp authorities, in place of the project's."""
    log: str | None
    """URL of a transparency log (Rekor v2) that makes the signature public; ``tell`` is told before."""
    passphrase: bytes | None
    """Of the signing key; by default that of ``ATTEST_PASSPHRASE``."""
    builder_id: str | None
    """URI of whoever runs the step; by default the settings', else that of the CI job's workflow."""
    completeness: Literal["all", "partial"]
    """``all`` (the default): the inputs named are all there are; ``partial``: there are others."""
    exclude: Sequence[str]
    """Patterns of paths left out of every directory (``attest.exclusions.Exclusions``)."""
    environment: Sequence[str]
    """Names of variables whose values are recorded."""
    seed: int | None
    """Of the random numbers."""
    command: Sequence[str] | None
    """The words that run the step; by default those of this program."""
    require_known_inputs: bool
    """Refuse data and models that no statement in the store explains."""
    allow_removed: bool
    """Inputs may hold records that were removed before: it is the step that takes them out."""
    known: Callable[[Artifact, str], bool] | None
    """Tells whether something else than the store explains an input of that role."""
    symlinks: bool
    """Digest links to files of the same directory as those files."""
    cache: Literal["use", "off", "check"]
    """Whether digests the project remembers are used (the default), not used, or compared with the bytes."""
    limits: Limits
    """How many objects of an input are listed."""
    engine: str | None
    """URI of a cluster that reads inputs in place of this machine, e.g. ``dask://scheduler:8786``."""
    adopt_digests: bool
    """Take digests of inputs over that others already know, marked as not measured (docs/digests.md)."""
    secrets: Sequence[str]
    """Names of parameters whose values are never recorded."""
    not_secret: Collection[str]
    """Texts that look like a secret and are none."""
    past: bool
    """The step ran some time ago: nothing is known of its host, and its list of inputs is partial."""
    progress: Progress | None
    """Who watches while files are digested."""
    tell: Callable[[str], None] | None
    """Takes what the user should know; by default it becomes a ``RecordingWarning``."""


class Parameters:
    """The parameters of a step, as they may be published.

    Args:
        kind: what the step does.
        command: the words that run it; empty where nobody knows them.
        exclude: patterns of paths left out of its directories.
        environment: variables whose values are recorded; ``None`` for one that is not set.
        not_secret: texts that look like a secret and are none.
    """

    def __init__(
        self,
        kind: str,
        command: Sequence[str],
        exclude: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
        not_secret: Collection[str] = (),
    ) -> None:
        self.kind = kind
        self.command = list(command)
        self.exclude = list(exclude)
        self.counts: dict[str, int] = {}
        self._environment = dict(environment or {})
        self._hyperparameters: dict[str, Any] = {}
        self._own: dict[str, Any] = {}
        self._redaction = Redaction()
        self._not_secret = frozenset(not_secret)

    def add(self, name: str, value: Any) -> None:
        """Add a hyper-parameter. Numbers JSON cannot carry become tagged strings.

        Raises:
            UsageError: it cannot be written as JSON that others read.
            SecretError: it looks like a secret.
        """
        if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a number of numpy or torch
            value = value.item()
        if name in self._redaction:
            self._redaction.add(name, value)
        found = _writable({name: value})
        self.guard({"hyperparameters": self.hide(found)})
        self._hyperparameters |= found

    def set(self, name: str, value: Any) -> None:
        """Set a parameter that this kind of step defines.

        Raises:
            UsageError: it defines no such parameter, or the value cannot be written as JSON.
            SecretError: it looks like a secret.
        """
        check_external(self.kind, name)
        found = _writable({name: value})
        self.guard(self.hide(found))
        self._own |= found

    def chosen(self, name: str) -> Any:
        """Return the parameter of that name that belongs to the kind of step, or ``None``."""
        return self._own.get(name)

    def seed(self, value: int) -> None:
        """Set the seed of the random numbers."""
        self._own["seed"] = tagged(value)

    def replacing(self, entries: list[dict[str, str]]) -> None:
        """Say what the outputs take the place of, and on which order: ``{artifact, order}`` each."""
        self._own["replaces"] = entries

    def secret(self, name: str, value: object = None) -> None:
        """Name a parameter whose value is never recorded, wherever it stands; ``value`` helps to find it."""
        self._redaction.add(name, value)
        for known in (self._hyperparameters.get(name), self._environment.get(name)):
            self._redaction.add(name, known)
        self._redaction.learn(self.command)

    def is_secret(self, name: str) -> bool:
        """Tell whether a parameter was named secret."""
        return name in self._redaction

    def count(self, name: str, number: object) -> None:
        """Record how many records went ``in``, came ``out`` or were ``removed``.

        Raises:
            UsageError: another name, or no whole number.
        """
        if name not in {"in", "out", "removed"}:
            raise UsageError(f"counts are in, out and removed, not {name[:60]!r}")
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UsageError(f"count {name}: got {str(number)[:60]!r}, expected a whole number from 0")
        self.counts[name] = tagged(number)

    def hide(self, value: Any) -> Any:
        """Return a JSON value without secrets and without the user info of URLs."""
        return self._redaction.hide(value)

    def guard(self, value: Any) -> None:
        """Refuse a JSON value in which something secret stands, or something that looks like it.

        Raises:
            SecretError: it does; the message names the place.
        """
        self._redaction.check(value)
        refuse_secrets(value, allowed=self._not_secret)

    def external(self, root: Path | None) -> dict[str, Any]:
        """Return ``externalParameters`` (SLSA provenance v1).

        Args:
            root: the project; a working directory inside it is recorded relative to it. ``None``: of a step
                of the past it is not known.
        """
        found = {
            "command": self.command,
            "workingDirectory": _relative(root) if root is not None else None,
            "hyperparameters": self._hyperparameters,
            "secretParameters": self._redaction.names,
            "environment": self._environment,
            "exclude": self.exclude,
        }
        shown: dict[str, Any] = self.hide(
            {**self._own, **{key: value for key, value in found.items() if value}}
        )
        return shown


def _writable(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value tagged, if a statement with it can be written and read again."""
    try:
        found: dict[str, Any] = tagged(value)
        read_json(canonical_bytes(found))
    except (AttestError, RecursionError) as error:
        what = error.what if isinstance(error, AttestError) else "nested too deeply"
        raise UsageError(f"cannot be written down: {what}"[:300], ", ".join(value)[:100]) from error
    return found


def _relative(root: Path) -> str | None:
    here, top = os.path.realpath(Path.cwd()), os.path.realpath(root)
    return os.path.relpath(here, top) if here == top or here.startswith(top.rstrip(os.sep) + os.sep) else None


def own_command() -> list[str]:
    """Return the words that run this program; none in a notebook or an interactive session."""
    if hasattr(sys, "ps1") or "ipykernel" in sys.modules or not sys.orig_argv:
        return []
    return [Path(sys.orig_argv[0]).name, *sys.orig_argv[1:]]
