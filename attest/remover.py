"""Taking records out of a dataset: the new version, the proof that they are gone, and that they stay gone.

The new version is written beside the old one, its records are read and committed to under the old secret, and
its tree must be the old tree less what was named: that holds the copy to account to the last record. Then the
keys go onto the project's list of what was removed, and only then the step is signed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attest.census import Census, take_census
from attest.commitment import SCHEME, Commitment, Keyer, commit
from attest.errors import AttestError, DigestError, UsageError
from attest.hashing import Progress
from attest.leaves import LeafFile, derive
from attest.manifest import Measured, digest_path
from attest.record import Batch, Records, find_records
from attest.recordbook import RecordBook
from attest.removal import MAX_PAIRS, Removal
from attest.resource import Artifact

__all__ = ["Removed", "Wish", "remove_records"]

_SHOWN = 5


@dataclass(frozen=True)
class Wish:
    """What is to go."""

    content: frozenset[bytes]
    """Keys of records."""
    subject: frozenset[bytes] = frozenset()
    """Keys of people: all their records go."""


@dataclass
class Removed:
    """What went."""

    before: Artifact
    after: Measured
    counts: tuple[int, int]
    """Records before and after, those that are the same counted each time."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Of each space: roots and counts before, after, and of what was removed, for the statement."""
    keys: dict[str, list[bytes]] = field(default_factory=dict)
    """Of each space, the keys that went, sorted."""
    proof: Removal | None = None
    """``None``: too many went for proofs one by one."""


def remove_records(
    book: RecordBook,
    path: Path,
    target: Path,
    wish: Wish,
    *,
    exclude: Sequence[str] = (),
    unit: str | None = None,
    progress: Progress | None = None,
) -> Removed:
    """Write a dataset anew without some of its records, commit to it, and list what went.

    Args:
        book: of the project; it holds the commitment to the old version.
        path: the old version.
        target: where the new version goes; nothing may be there.
        wish: what is to go.
        exclude: patterns of paths that are no part of the dataset.
        unit: what a record is, as for ``attest.record.find_records``.
        progress: who watches.

    Raises:
        AttestError: it cannot be done; nothing was written and nothing listed.
    """
    if target.exists() or target.is_symlink():
        raise UsageError("is there already", str(target), "the new version goes to a place of its own")
    before = digest_path(path, exclude=exclude, progress=progress).artifact
    old = {leaves.owner.space: leaves for leaves in book.leaves(before)}
    try:
        if "content" not in old:
            hint = "`attest records commit` makes one; its secret keys the records that are named"
            raise UsageError(f"nobody committed to the records of {before} here", str(path), hint)
        _check_wish(wish, old)
        column = book.column(old["content"].owner.secret_digest) if "subject" in old else None
        records = find_records(path, unit, subject=column, exclude=exclude)
        return _Removal(book, records, old, wish, before).run(target, progress)
    finally:
        for leaves in old.values():
            leaves.close()


def _check_wish(wish: Wish, old: dict[str, LeafFile]) -> None:
    """Refuse to remove nothing, or what is not there."""
    if not (wish.content or wish.subject):
        raise UsageError("no record is named", hint="name one with --record, --key or --person")
    if wish.subject and "subject" not in old:
        hint = "commit to it again with --subject COLUMN"
        raise UsageError("nobody committed to the people in this dataset", "--person", hint)
    absent = [key for key in sorted(wish.content) if key not in old["content"]]
    absent += [key for key in sorted(wish.subject) if key not in old["subject"]]
    if absent:
        names = ", ".join(key.hex() for key in absent[:_SHOWN])
        more = f", and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        hint = "`attest records find` tells which datasets hold a record"
        raise UsageError(f"the dataset does not hold {names}{more}", hint=hint)


class _Removal:
    """One removal while it is made."""

    def __init__(
        self, book: RecordBook, records: Records, old: dict[str, LeafFile], wish: Wish, before: Artifact
    ) -> None:
        self._book = book
        self._records = records
        self._old = old
        self._wish = wish
        self._before = before
        self._secret = book.secret(old["content"].owner.secret_digest)
        self._keyer = Keyer(self._secret)
        self._gone: set[bytes] = set()

    def run(self, target: Path, progress: Progress | None) -> Removed:
        """Make it; what was written is taken away again if it cannot be finished."""
        try:
            self._records.copy(target, self._keep)
            after = _digest(target, progress)
            census = self._commit(after, progress)
        except BaseException:
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            raise
        found = Removed(self._before, after, (self._old["content"].owner.records, census.records))
        self._compare(found)
        return found

    def _keep(self, batch: Batch) -> list[bool]:
        """Tell which records stay, and note the keys of those that do not."""
        keys = self._keyer.keys(batch.records)
        people: Iterable[bytes | None] = [None] * len(keys)
        if self._wish.subject and batch.people is not None:
            people = (each and self._keyer.key(each) for each in batch.people)
        goes = [
            key in self._wish.content or (person is not None and person in self._wish.subject)
            for key, person in zip(keys, people, strict=True)
        ]
        self._gone.update(key for key, leaves in zip(keys, goes, strict=True) if leaves)
        return [not leaves for leaves in goes]

    def _commit(self, after: Measured, progress: Progress | None) -> Census:
        """Commit to the new version, and hold it against the old one less what went."""
        records = find_records(after.path, self._records.unit, subject=self._records.subject)
        paths = {space: self._book.leaf_path(after.artifact, space) for space in self._old}
        with TemporaryDirectory(prefix=".attest-removal-", dir=self._book.folder) as name:
            scratch = {space: Path(name) / space for space in paths}
            census = take_census(
                records,
                self._secret,
                after.artifact,
                scratch["content"],
                scratch.get("subject"),
                progress=progress,
            )
            old = self._old["content"]
            expected = derive(Path(name) / "expected", old, old.owner, drop=self._gone)
            if expected != census.content:
                raise AttestError(
                    f"the new version is not the old one less what was named: got {census.content.count} "
                    f"records under {census.content.root.hex()}, expected {expected.count} under "
                    f"{expected.root.hex()}",
                    str(after.path),
                    "nothing was kept; please report this with the formats of the files",
                )
            for space, place in scratch.items():
                place.replace(paths[space])
        return census

    def _compare(self, found: Removed) -> None:
        """Note what went, list it, and make the proofs."""
        with _Opened(self._book.leaves(found.after.artifact)) as new:
            pairs = []
            for space, old in self._old.items():
                gone = sorted(self._gone) if space == "content" else sorted(set(old).difference(new[space]))
                secret_digest = old.owner.secret_digest
                found.keys[space] = gone
                removed = commit(gone, space, secret_digest)
                found.changes.append(_change(old.commitment, new[space].commitment, removed))
                named = gone if space == "content" else self._wish.subject
                self._book.suppress(named, secret_digest, space, self._records.unit)
                if sum(map(len, found.keys.values())) <= MAX_PAIRS:
                    pairs += [(old.prove(key), new[space].prove(key)) for key in gone]
            if sum(map(len, found.keys.values())) <= MAX_PAIRS:
                found.proof = Removal.of(pairs)


class _Opened:
    """Leaf files by space, closed at the end."""

    def __init__(self, leaves: list[LeafFile]) -> None:
        self._leaves = leaves

    def __enter__(self) -> dict[str, LeafFile]:
        return {each.owner.space: each for each in self._leaves}

    def __exit__(self, *_: object) -> None:
        for each in self._leaves:
            each.close()


def _digest(target: Path, progress: Progress | None) -> Measured:
    try:
        return digest_path(target, progress=progress)
    except DigestError as error:
        if target.is_dir() or not target.exists():
            what = "nothing would be left of the dataset"
            raise UsageError(what, str(target), "delete the dataset as a whole") from error
        raise


def _change(before: Commitment, after: Commitment, removed: Commitment) -> dict[str, Any]:
    def told(each: Commitment) -> dict[str, Any]:
        return {"root": each.root.hex(), "count": each.count}

    return {
        "scheme": SCHEME,
        "keying": before.space,
        "secretDigest": {"sha256": before.secret_digest},
        "before": told(before),
        "after": told(after),
        "removed": told(removed),
    }
