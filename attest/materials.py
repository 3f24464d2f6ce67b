"""What a step reads and where it writes: declared, checked before anything runs, then measured."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from attest.adoption import Adopted, adopt
from attest.checkout import changed_code, digest_code, git_state
from attest.digest import is_sha256
from attest.digest_cache import DigestCache
from attest.engine import opened
from attest.errors import AttestError, DigestError, RecordingError, UsageError, nearest
from attest.fetching import Fetched, fetch
from attest.hashing import Progress
from attest.limits import DEFAULT, Limits
from attest.manifest import Measured
from attest.measure import measure
from attest.predicates.step import INPUT_ROLES
from attest.provenance import Material, Product
from attest.resource import Artifact
from attest.scan import path_problem, scan_file, scan_tree
from attest.shards import Joined, Shards
from attest.source import Location, SourceError, is_location
from attest.spread import Spread
from attest.written import Written

__all__ = [
    "SUPPORT_BYTES",
    "Manner",
    "Source",
    "Target",
    "check_places",
    "check_unchanged",
    "label",
    "within",
]

SUPPORT_BYTES = 1 << 20
"""Bytes above which a verifier takes code, configuration or environment for a dataset nobody explained."""

_SHOWN = 10
"""Changed inputs named in one message."""

_SUPPORT = frozenset({"code", "config", "environment"})
_MODELS = frozenset({"base-model", "adapter", "teacher", "tokenizer"})


def label(path: Path) -> str:
    """Return the last part of a path, as what it names is called in a statement.

    Raises:
        UsageError: it cannot stand there.
    """
    name = path.name or Path(os.path.abspath(path)).name  # noqa: PTH100 - of "." and "..", links unresolved
    if name == "..":
        name = Path(os.path.realpath(path)).name
    problem = path_problem(name) if name else "it has no name"
    if problem:
        raise UsageError(f"cannot be named in a statement: {problem}", str(path), "rename it")
    return name


def within(path: str, folder: str) -> bool:
    """Tell whether a real path is a folder, or lies below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


class Manner(NamedTuple):
    """How directories are digested, all of them alike."""

    exclude: tuple[str, ...] = ()
    """Patterns of paths to leave out."""
    symlinks: bool = False
    """Whether links to files of the same directory are read as those files."""
    progress: Progress | None = None
    """Who watches."""
    written: Written | None = None
    """What is known of the files the step writes; ``None`` for what it reads."""
    cache: DigestCache | None = None
    """What remembers digests of files that have not changed."""
    adopt: bool = False
    """Whether digests of inputs that others already know are taken over and not measured."""
    engine: str | None = None
    """URI of a cluster that reads inputs in place of this machine (``attest.engine``)."""
    limits: Limits = DEFAULT
    """How many objects of an input are listed."""

    def without_cache_in(self, places: Sequence[str]) -> Manner:
        """Return the same, remembering nothing if that would change one of these real paths."""
        folder = os.path.realpath(self.cache.folder) if self.cache else ""
        return self._replace(cache=None) if any(within(folder, place) for place in places) else self

    def digest(self, path: Path) -> Measured:
        """Digest a file or directory.

        Raises:
            DigestError: it cannot be.
        """
        how = functools.partial(measure, engine=self.engine) if self.written is None else self.written.measure
        return how(
            path,
            exclude=self.exclude,
            symlinks=self.symlinks,
            progress=self.progress,
            cache=self.cache,
        )

    def take_over(self, path: Path) -> Adopted:
        """Digest an input, taking over what others know.

        Raises:
            AttestError: it cannot be digested, or what others say of it cannot be right.
        """
        with opened(self.engine) as engine:
            return adopt(
                path,
                exclude=self.exclude,
                symlinks=self.symlinks,
                executor=Spread(engine) if engine else None,
                progress=self.progress,
                cache=self.cache,
            )

    def fetch(self, location: Location, *, adopt: bool) -> Fetched:
        """Digest what is not on this disk, taking over what its store says of it only if that is asked for.

        Raises:
            DigestError: it cannot be.
        """
        with opened(self.engine) as engine:
            return fetch(
                location,
                exclude=self.exclude,
                progress=self.progress,
                stated=adopt and self.adopt,
                limits=self.limits,
                engine=engine,
            )


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


@dataclass
class Target:
    """One output or byproduct: where it will be, and what was there before."""

    path: Path
    name: str
    shards: Shards | None = None
    """What other processes say that they wrote there."""
    joined: Joined | None = None
    """What was made of that."""
    before: dict[str, Any] | None = field(default=None, repr=False)
    """Status of every file that was there before the step ran; ``None``: nobody looked."""

    @cached_property
    def real(self) -> str:
        """The path with all links resolved, once."""
        return os.path.realpath(self.path)

    def look(self) -> bool:
        """Note what is there before the step runs, and tell whether that is anything.

        Raises:
            DigestError: it cannot be looked at.
        """
        self.before = {}
        if self.path.exists():
            scan = scan_tree(self.path) if self.path.is_dir() else scan_file(self.path)
            self.before = {found.path: found.status for found in scan.found}
        return bool(self.before)

    def made(self, manner: Manner, *, past: bool) -> tuple[Product, int]:
        """Digest it, now that the step has run.

        Args:
            manner: how directories are digested.
            past: it was there all along.

        Returns:
            What was measured, and how many of its files the step left exactly as they were.

        Raises:
            RecordingError: it is not there, cannot be digested, or the step did not touch it; or what other
                processes say of it does not hold.
            AttestError: what they left cannot be read.
        """
        try:
            if self.shards is not None and manner.written is not None:
                self.joined = self.shards.join(
                    self.path, manner.written, exclude=manner.exclude, symlinks=manner.symlinks
                )
            measured = manner.digest(self.path)
        except DigestError as error:
            hint = error.hint or "did the step write somewhere else?"
            raise RecordingError(f"output: {error.what}", error.where, hint) from error
        before = {} if past else self.before or {}
        left = sum(1 for file in measured.files if before.get(file.path) == file.status)
        if left and left == len(measured.files):
            what = "the step left this output exactly as it was before: it did not make it"
            raise RecordingError(what, str(self.path), "does the step write somewhere else?")
        return Product(self.name, measured), left


def check_places(
    sources: Sequence[Source], outputs: Sequence[Target], byproducts: Sequence[Target], own: Sequence[str]
) -> None:
    """Refuse places that cannot be what they are said to be.

    Args:
        sources: inputs.
        outputs: what the step makes.
        byproducts: what it leaves behind.
        own: real paths that attest itself writes while it records.

    Raises:
        UsageError: an output without a folder to be in, one inside an input or the other way round, one path
            twice, or attest's own store inside any of them.
    """
    _check_targets([*outputs, *byproducts])
    for source in sources:
        if source.real is not None:
            _check_apart(source, source.real, outputs, byproducts)
    for place in own:
        hint = "choose a folder without it"
        for written in outputs:
            if within(place, written.real):
                raise UsageError(f"attest itself writes {place} in this output", str(written.path), hint)
        for read in sources:
            if read.role != "code" and read.real is not None and within(place, read.real):
                raise UsageError(f"attest itself writes {place} in this {read.role}", read.given, hint)


def _check_targets(targets: Sequence[Target]) -> None:
    seen: dict[str, str] = {}
    for target in targets:
        if not Path(target.real).parent.is_dir():
            raise UsageError(
                "there is no folder to write this output into", str(target.path), "make it first"
            )
        if target.real in seen:
            raise UsageError(f"the same output as {seen[target.real]}", str(target.path), "name it once")
        seen[target.real] = str(target.path)


def _check_apart(source: Source, real: str, outputs: Sequence[Target], byproducts: Sequence[Target]) -> None:
    for target in (*outputs, *byproducts):
        # a folder of code may hold outputs: they are left out of it
        if source.role != "code" and within(target.real, real):
            hint = "a step must not change what it reads: write it somewhere else"
            raise UsageError(f"this output lies in the {source.role} {source.given}", str(target.path), hint)
    for target in outputs:
        if within(real, target.real):
            hint = "the statement would say that the step made it: read it from somewhere else"
            raise UsageError(f"this {source.role} lies in the output {target.path}", source.given, hint)


def check_unchanged(sources: Sequence[Source], targets: Sequence[Target]) -> list[str]:
    """Refuse to say what was read if that changed while the step ran; return what the user should know.

    Code may hold what an earlier run of the step wrote: that outputs changed says nothing of the code. What
    is not on this disk may be out of reach by now, e.g. because a signed URL has run out: that costs no run,
    and is recorded.

    Raises:
        RecordingError: it did; the message names the files.
    """
    changes: list[str] = []
    remarks: list[str] = []
    for source in sources:
        try:
            paths = [path for path in source.changed() if not _is_written(source, path, targets)]
        except SourceError as error:
            source.notes["recheckFailed"] = True
            remarks.append(
                f"{source.given}: whether it changed while the step ran cannot be told: {error.what}"
            )
            continue
        except AttestError as error:
            paths = [error.what]
        place = source.path or source.location
        whole = not place.is_tree if isinstance(place, Location) else place is not None and not place.is_dir()
        changes += [source.given] if paths and whole else [f"{source.given}: {path}" for path in paths]
    if changes:
        more = f", and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
        raise RecordingError(
            f"inputs changed while the step ran: {', '.join(changes[:_SHOWN])}{more}",
            hint="nothing was signed: nobody can say which bytes were read; what the step writes beside its "
            "inputs can be left out with --exclude",
        )
    return remarks


def _is_written(source: Source, path: str, targets: Sequence[Target]) -> bool:
    real = os.path.join(source.real or "", path)  # noqa: PTH118 - of resolved strings
    return source.role == "code" and any(within(real, target.real) for target in targets)
