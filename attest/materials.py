"""What a step reads: declared and checked before anything runs, measured, and looked at again afterwards."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from attest.adoption import Adopted
from attest.checkout import changed_code, digest_code, git_state
from attest.digest import is_sha256
from attest.errors import UsageError, nearest
from attest.fetching import Fetched
from attest.manifest import Measured
from attest.manner import Manner
from attest.places import label
from attest.predicates.step import INPUT_ROLES
from attest.provenance import Material
from attest.resource import Artifact
from attest.source import Location, is_location

__all__ = ["SUPPORT_BYTES", "Source"]

SUPPORT_BYTES = 1 << 20
"""Bytes above which a verifier takes code, configuration or environment for a dataset nobody explained."""

_SUPPORT = frozenset({"code", "config", "environment"})
_MODELS = frozenset({"base-model", "adapter", "teacher", "tokenizer"})


@dataclass
class Source:
    """One input: a path, a URL, or the digest of something that cannot be read."""

    given: str
    """As the user wrote it; a URL without what is secret in it."""
    role: str
    name: str
    path: Path | None = None
    """``None``: it is not on this disk."""
    location: Location | None = None
    """Where to read it, if it is somewhere else; with neither, only the digest is known."""
    artifact: Artifact | None = None
    uri: str | None = None
    opaque: str | None = None
    measured: Measured | Fetched | None = field(default=None, repr=False)
    adopted: Adopted | None = field(default=None, repr=False)
    """Which of its files' digests were taken over, if any was."""
    digest_source: str | None = None
    """Who else knew its digest, or digests of its files; ``None``: all were measured."""
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: str | os.PathLike[str], role: str, *, name: str | None = None, **more: Any) -> Source:
        """Read what the user declares.

        Raises:
            UsageError: no such role, nothing there, or only a digest without a reason why.
        """
        text = os.fspath(given)
        if role not in INPUT_ROLES:
            guess = nearest(role, INPUT_ROLES)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(INPUT_ROLES)}"
            where = Location.of(text).shown if is_location(text) else text
            raise UsageError(f"unknown role {role[:60]!r} of an input", where, hint)
        if text.startswith("sha256:") and not Path(text).exists():
            return cls._by_digest(text, role, name, **more)
        if is_location(text):
            return cls._elsewhere(Location.of(text), role, name, **more)
        path = Path(text)
        if not path.exists():
            raise UsageError(f"no such {role}", text, "inputs must be there before the step runs")
        source = cls(text, role, name or label(path), path, **more)
        source.check_opaque()
        return source

    @classmethod
    def _by_digest(cls, text: str, role: str, name: str | None, **more: Any) -> Source:
        sha256 = text.removeprefix("sha256:").removesuffix("/")
        if not is_sha256(sha256):
            raise UsageError(
                "expected sha256: and 64 lowercase hex digits, / behind them for a directory", text
            )
        source = cls(text, role, name or role, artifact=Artifact(sha256, tree=text.endswith("/")), **more)
        source.check_opaque()
        return source

    @classmethod
    def _elsewhere(cls, location: Location, role: str, name: str | None, **more: Any) -> Source:
        source = cls(location.shown, role, name or location.name, location=location, **more)
        source.uri = source.uri or location.shown
        source.check_opaque()
        return source

    @property
    def declared(self) -> bool:
        """Whether only its digest is known: nothing can be measured."""
        return self.path is None and self.location is None

    @property
    def key(self) -> str:
        """What tells that two inputs are the same thing; empty if nothing does."""
        return self.real or (self.location.url if self.location else "")

    def is_called(self, given: str) -> bool:
        """Tell whether the user wrote it like this."""
        return given == self.given or (self.location is not None and given == self.location.url)

    def check_opaque(self) -> None:
        """Refuse a reason where none can be given, and a digest without one.

        Raises:
            UsageError: only models can be opaque, and what is not on this disk must be.
        """
        models = "a base model, adapter, teacher or tokenizer"
        if self.opaque is not None and self.role not in _MODELS:
            raise UsageError(f"a {self.role} cannot be opaque, only {models}", self.given)
        if self.opaque is not None and not self.opaque.strip():
            raise UsageError("an opaque input needs the reason why nothing is known of it", self.given)
        if self.declared and self.role not in _MODELS:
            raise UsageError(f"only {models} may be given by its digest alone, not a {self.role}", self.given)

    def check_reason(self) -> None:
        """Refuse what is given by its digest alone and is not opaque.

        Raises:
            UsageError: it needs a reason.
        """
        if self.declared and self.opaque is None:
            hint = f"--opaque '{self.given}=REASON' says why nothing is known of it"
            raise UsageError(f"this {self.role} is not on this disk", self.given, hint)

    @cached_property
    def real(self) -> str | None:
        """The path with all links resolved, once."""
        return os.path.realpath(self.path) if self.path is not None else None

    def measure(self, manner: Manner, without: Collection[Path]) -> Iterator[str]:
        """Digest it; yield what the user should know.

        Args:
            manner: how directories are digested.
            without: for code: what is no code (absolute, links resolved).

        Raises:
            DigestError: it cannot be digested.
        """
        if self.location is not None:
            self.measured = manner.fetch(self.location, adopt=self.role != "code")
            self.notes |= self.measured.notes()
            self.digest_source = self.measured.digest_source
        elif self.path is None:
            return
        elif self.role == "code" and self.path.is_dir():
            self.measured, by_git = digest_code(
                self.path,
                exclude=manner.exclude,
                without=without,
                progress=manner.progress,
                cache=manner.cache,
            )
            if not by_git and (self.path / ".git").exists():
                yield f"{self.given}: git cannot say what belongs to it, so every file does"
        elif manner.adopt and self.role != "code":
            found = manner.take_over(self.path)
            self.measured, self.digest_source = found.measured, found.source
            self.adopted = found if found.source else None
        else:
            self.measured = manner.digest(self.path)
        self.artifact = self.measured.artifact
        yield from self._tell_taken(self.measured)
        if self.measured.excluded.files:
            self.notes["excludedFiles"] = self.measured.excluded.files
        if self.role == "code" and self.path is not None:
            folder = self.path if self.path.is_dir() else self.path.parent
            if state := git_state(folder, without):
                self.notes |= {"gitCommit": state.commit, "gitDirty": state.dirty}
        if self.role in _SUPPORT and self.measured.size > SUPPORT_BYTES:
            yield (
                f"{self.given}: {self.role} of {self.measured.size:,} bytes, more than {SUPPORT_BYTES:,}: "
                "buyers will take it for a dataset nobody explained; leave out what is none with --exclude "
                "or .gitignore, or declare data as --dataset"
            )

    def _tell_taken(self, measured: Measured | Fetched) -> Iterator[str]:
        """Note how many digests were taken over, and yield that they were not measured."""
        if self.digest_source is None:
            return
        count = (
            measured.stated
            if isinstance(measured, Fetched)
            else len(self.adopted.sources if self.adopted else ())
        )
        if measured.manifest is not None:
            self.notes["adoptedFiles"] = count
        taken = (
            f"{count:,} of {len(measured.files):,} digests were" if measured.manifest else "its digest was"
        )
        yield f"{self.given}: {taken} taken over ({self.digest_source}) and not measured"

    def changed(self) -> list[str]:
        """Return the paths whose bytes differ by now.

        Raises:
            DigestError: it is there and cannot be opened.
            SourceError: nobody can be asked about it any more.
        """
        if self.measured is None:
            return []
        if isinstance(self.measured, Fetched):
            return self.measured.changed()
        if self.adopted is not None:
            return self.adopted.changed()
        is_code = self.role == "code" and self.measured.artifact.tree
        return changed_code(self.measured) if is_code else self.measured.changed()

    def material(self) -> Material:
        """Return the input as the statement describes it; before it is measured, with a digest of zeros."""
        return Material(
            self.name,
            self.role,
            self.artifact or Artifact("0" * 64),
            self.measured.size if self.measured else None,
            self.uri,
            self.opaque,
            "declared" if self.declared else self.digest_source,
            self.notes,
        )
