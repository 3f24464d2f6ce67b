"""Digests of what is not on this disk: the same manifest, byte for byte, as of the same files on it.

Objects are listed, read (``attest.objects``; by this machine or by those of an engine), and looked at again:
what came, went or changed meanwhile has no digest, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import NamedTuple

from attest.engine import Engine
from attest.errors import DigestError, FormatError
from attest.exclusions import Exclusions
from attest.hashing import Progress
from attest.limits import DEFAULT, Limits
from attest.manifest import Excluded, Manifest
from attest.objects import ObjectDigest, digest_objects
from attest.resource import Artifact
from attest.scan import Offender, path_problem, refuse
from attest.source import Location, Object, Patience, Source, SourceError, open_source

__all__ = ["Fetched", "fetch"]

TASK_OBJECTS, TASK_BYTES = 256, 64 << 20
"""Objects, and bytes, that one machine of an engine reads in one go."""
GROUP_TASKS, GROUP_BYTES = 64, 512 << 20
"""Tasks, and bytes, whose answers come back as one."""

_CHANGED = "changed while it was read"


@dataclass(frozen=True)
class Fetched:
    """An object, or all objects below a prefix, digested."""

    location: Location
    sha256: str
    """Of the object, or of the manifest, lowercase hex."""
    size: int
    """Bytes of all objects."""
    files: Sequence[Object] = field(repr=False)
    """The objects as they were found, sorted by the bytes of their paths."""
    manifest: Manifest | None = field(repr=False)
    """``None`` for a single object."""
    excluded: Excluded = field(default_factory=Excluded)
    stated: int = 0
    """Objects whose digest the provider stated."""

    @property
    def place(self) -> str:
        """Where it is, to be shown."""
        return self.location.shown

    @property
    def artifact(self) -> Artifact:
        """The object or tree as a node of the lineage."""
        return Artifact(self.sha256, tree=self.manifest is not None)

    @property
    def digest_source(self) -> str | None:
        """Who stated digests that were not measured; ``None``: all were. Only S3 states any."""
        return "s3-checksum" if self.stated else None

    def notes(self) -> dict[str, str]:
        """Return what a statement says of the very object that was read: its entity tag and version."""
        one = self.files[0] if self.manifest is None else None
        said = {"etag": one.etag, "version": one.version} if one else {}
        return {name: value for name, value in said.items() if value}

    def changed(self, patience: Patience | None = None) -> list[str]:
        """Return the paths of what is another object by now, came or went; no object is read.

        Raises:
            DigestError: the source cannot be asked.
        """
        exclusions = Exclusions(self.excluded.patterns)
        with closing(open_source(self.location, patience or Patience())) as source:
            try:
                return sorted(each.path for each in _moved(source, self.files, exclusions))
            except SourceError as error:
                if not error.gone:
                    raise
                return [each.path for each in self.files]


def fetch(
    location: Location,
    *,
    exclude: Sequence[str] = (),
    stated: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
    limits: Limits = DEFAULT,
    engine: Engine | None = None,
) -> Fetched:
    """Digest an object, or all objects below a prefix as their manifest.

    Args:
        location: where it is.
        exclude: patterns of paths to leave out of a tree (``attest.exclusions.Exclusions``).
        stated: take over SHA-256 digests the provider keeps of whole objects, and read only the others.
        progress: who watches.
        patience: how long the source is waited for.
        limits: how many objects are listed.
        engine: whose machines read the objects, in place of this one; they find credentials where they are.

    Raises:
        DigestError: it cannot be had, or changed between listing and reading; all such objects are named.
        LimitError: there are more objects than ``limits`` allow.
        UsageError: nothing reads such URLs here, or a pattern cannot be read.
    """
    exclusions = Exclusions(exclude)
    waits = patience or Patience()
    source = open_source(location, waits)
    with closing(source):
        objects, skipped = _list(source, location, exclusions, limits)
        outcomes: Iterable[ObjectDigest | Offender]
        if engine is None:
            outcomes = digest_objects(source, location, waits, objects, stated=stated, progress=progress)
        else:
            outcomes = _spread(engine, _Task(location, waits, stated, objects), progress)
        digests = _all_of(objects, outcomes, location)
        if location.is_tree or not source.pinned:
            offenders = list(_moved(source, objects, exclusions))
            if offenders:
                raise refuse(offenders, location.shown)
    sizes = sum(each.size for each in digests)
    taken = sum(each.stated for each in digests)
    if not location.is_tree:
        return Fetched(location, digests[0].sha256, sizes, objects, None, stated=taken)
    try:
        manifest = Manifest.of((each.sha256, each.path) for each in digests)
    except FormatError as error:  # a store of objects may hold what no directory can
        raise DigestError(error.what, location.shown) from error
    left_out = Excluded(exclusions.patterns, skipped)
    return Fetched(location, manifest.digest, sizes, objects, manifest, left_out, taken)


# ── what is there ──


def _list(
    source: Source, location: Location, exclusions: Exclusions, limits: Limits
) -> tuple[list[Object], int]:
    """Return the objects of a location, sorted by the bytes of their paths, and how many were left out."""
    offenders: list[Offender] = []
    objects: list[Object] = []
    skipped = 0
    for count, found in enumerate(source.find(), 1):
        limits.check("objects", count, location.shown)
        if location.is_tree and _excluded(exclusions, found.path):
            skipped += 1
        elif problem := path_problem(found.path):
            offenders.append(Offender(found.path, problem))
        else:
            objects.append(found)
    if offenders:
        raise refuse(offenders, location.shown)
    if not objects:
        left_out = f": all {skipped} are excluded" if skipped else ""
        raise DigestError(f"no object to digest{left_out}", location.shown, "is the prefix right?")
    objects.sort(key=lambda each: each.path)
    for before, after in pairwise(objects):
        if before.path == after.path:
            raise DigestError(f"{after.path[:200]!r} is listed twice", location.shown)
    return objects, skipped


def _excluded(exclusions: Exclusions, path: str) -> bool:
    """Tell whether a path, or a directory it lies in, is left out."""
    if not exclusions:
        return False
    ends = [number for number, char in enumerate(path) if char == "/"]
    return exclusions.match(path, directory=False) or any(
        exclusions.match(path[:end], directory=True) for end in ends
    )


def _moved(source: Source, objects: Sequence[Object], exclusions: Exclusions) -> Iterator[Offender]:
    """Look again, and yield what is not as it was found."""
    before = {each.path: each for each in objects}
    for found in source.find():
        known = before.pop(found.path, None)
        if known is None:
            if not _excluded(exclusions, found.path):
                yield Offender(found.path, "appeared while it was read")
        elif known != found:
            yield Offender(found.path, _CHANGED)
    for path in before:
        yield Offender(path, "vanished while it was read")


# ── reading it ──


def _all_of(
    objects: Sequence[Object], outcomes: Iterable[ObjectDigest | Offender], location: Location
) -> list[ObjectDigest]:
    """Return one digest for each object.

    Raises:
        DigestError: some have none; all of these are named.
    """
    digests: list[ObjectDigest] = []
    offenders: list[Offender] = []
    for outcome in outcomes:
        if isinstance(outcome, ObjectDigest):
            digests.append(outcome)
        else:
            offenders.append(outcome)
    if offenders:
        raise refuse(offenders, location.shown)
    digests.sort(key=lambda each: each.path)
    if [each.path for each in digests] != [each.path for each in objects]:
        raise DigestError(
            f"got {len(digests)} digests, expected one for each of {len(objects)} objects", location.shown
        )
    return digests


class _Task(NamedTuple):
    """Objects that one machine reads in one go."""

    location: Location
    patience: Patience
    stated: bool
    objects: Sequence[Object]


def _read_task(task: _Task) -> list[ObjectDigest | Offender]:
    """Read and hash objects. Runs wherever the engine likes."""
    with closing(open_source(task.location, task.patience)) as source:
        return _sorted(digest_objects(source, task.location, task.patience, task.objects, stated=task.stated))


def _join(parts: Sequence[list[ObjectDigest | Offender]]) -> list[ObjectDigest | Offender]:
    """Sort what several machines read. Runs wherever the engine likes."""
    return _sorted(chain.from_iterable(parts))


def _sorted(outcomes: Iterable[ObjectDigest | Offender]) -> list[ObjectDigest | Offender]:
    return sorted(outcomes, key=lambda each: each.path)


def _spread(engine: Engine, whole: _Task, progress: Progress | None) -> Iterator[ObjectDigest | Offender]:
    """Have objects read by an engine, and yield one outcome for each."""
    sizes = {each.path: each.size or 0 for each in whole.objects}
    if progress:
        progress.start(len(sizes), sum(sizes.values()))
    try:
        with closing(engine.run(_read_task, _groups(whole), _join)) as parts:
            for part in parts:
                yield from part
                if progress:
                    progress.advance(len(part), sum(sizes.get(each.path, 0) for each in part))
    finally:
        if progress:
            progress.finish()


def _groups(whole: _Task) -> Iterator[list[_Task]]:
    """Cut a task into groups of smaller ones, each group answered for as one."""
    group: list[_Task] = []
    some: list[Object] = []
    size = total = 0
    for each in whole.objects:
        some.append(each)
        size += each.size or 0
        if len(some) == TASK_OBJECTS or size >= TASK_BYTES:
            group.append(whole._replace(objects=some))
            total += size
            some, size = [], 0
            if len(group) == GROUP_TASKS or total >= GROUP_BYTES:
                yield group
                group, total = [], 0
    group += [whole._replace(objects=some)] if some else []
    if group:
        yield group
