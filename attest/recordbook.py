"""The record book of a project: secrets, leaf files and lists of what was removed, in ``.attest/records``.

    secrets/<SHA-256 of the secret>.secret        64 hex digits; mode 0600
    secrets/<SHA-256 of the secret>.column        the column that holds people's ids, if one was named
    <SHA-256 of the dataset>.<file|tree>.<space>.leaves
    removed/<SHA-256 of the secret>.<space>.leaves

All versions of a dataset share a secret, because a record must have one key in all of them. Who has a secret
can test for any record they hold whether a leaf file lists it, and no more; who has lost it can still check
and make proofs about keys, and cannot tell which record a key is of, nor look for anything again.
"""

from __future__ import annotations

import os
import secrets
import stat
from array import array
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from attest.buckets import Settled, Stretch
from attest.commitment import EMPTY, SCHEME, SECRET_BYTES, SPACES, Commitment, Keyer
from attest.digest import is_sha256
from attest.errors import AttestError, FormatError, UsageError
from attest.files import write_file
from attest.leaves import LeafFile, Owner, derive, write_leaves
from attest.record import Records, find_records
from attest.resource import Artifact
from attest.settings import Project

__all__ = ["FOLDER", "RecordBook", "Returned", "described", "read_secret", "record_book"]

FOLDER = "records"
"""Name of the book's folder in ``.attest``."""

_SHOWN = 5
_FIELDS = {"content": "recordCommitment", "subject": "subjectCommitment"}
_NO_DATASET = Artifact("0" * 64)


def described(commitment: Commitment, owner: Owner) -> dict[str, Any]:
    """Return a commitment as statements write it (``attest.predicates.dataset.RecordCommitment``)."""
    return {
        "scheme": SCHEME,
        "root": commitment.root.hex(),
        "count": commitment.count,
        "records": owner.records,
        "unit": owner.unit,
        "keying": commitment.space,
        "secretDigest": {"sha256": commitment.secret_digest},
    }


class Returned(NamedTuple):
    """A record that was removed, and is back."""

    key: bytes
    space: str
    place: str
    """Where it stands, or the dataset whose leaf file lists it."""


def read_secret(path: Path) -> bytes:
    """Read a secret.

    Raises:
        AttestError: it cannot be read.
        FormatError: it is none.
        UsageError: others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(2 * SECRET_BYTES + 2)
    except OSError as error:
        raise AttestError(f"the secret cannot be read: {error.strerror}", str(path)) from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        what = f"others may read this secret: mode {stat.S_IMODE(mode):04o}, expected 0600"
        raise UsageError(what, str(path), f"chmod 600 {path}")
    word = text.removesuffix(b"\n").decode("ascii", "replace")
    if not is_sha256(word):  # 64 hex digits, as a digest
        raise FormatError("this is no secret of records: expected 64 lowercase hex digits", str(path))
    return bytes.fromhex(word)


def record_book(project: Project) -> RecordBook:
    """Return the record book of a project; it need not be there yet."""
    return RecordBook(project.root / ".attest" / FOLDER)


class RecordBook:
    """The record book in a folder, which is made when something is written.

    Args:
        folder: ``.attest/records`` of a project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # ── secrets ──

    def secret_file(self, digest: str) -> Path:
        """Return where the secret with that SHA-256 is kept."""
        return self.folder / "secrets" / f"{digest}.secret"

    def secret(self, digest: str) -> bytes:
        """Return the secret with that SHA-256.

        Raises:
            AttestError: it is not here, or cannot be read.
            FormatError: the file holds another one.
        """
        path = self.secret_file(digest)
        if not path.exists():
            raise AttestError(
                f"the secret sha256:{digest} of these records is not here",
                str(path),
                "restore it from your backup; without it keys can be proven, and records not be looked for",
            )
        return self.check_secret(read_secret(path), digest, path)

    @staticmethod
    def check_secret(secret: bytes, digest: str, path: Path) -> bytes:
        """Return a secret if it is the one that is meant.

        Raises:
            FormatError: it is another one.
        """
        found = sha256(secret).hexdigest()
        if found != digest:
            what = f"the secret is another one: got sha256:{found}, expected sha256:{digest}"
            raise FormatError(what, str(path), "each dataset has its own")
        return secret

    def keep_secret(self, secret: bytes | None = None) -> bytes:
        """Keep a secret, or a new one, and return it.

        Raises:
            AttestError: it cannot be written.
        """
        secret = secret or secrets.token_bytes(SECRET_BYTES)
        path = self.secret_file(sha256(secret).hexdigest())
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(path, [secret.hex().encode() + b"\n"], overwrite=False, private=True)
        return secret

    def column(self, secret_digest: str) -> str | None:
        """Return the column that holds people's ids in datasets under a secret, if one was named."""
        path = self.secret_file(secret_digest).with_suffix(".column")
        return path.read_text("utf-8") if path.exists() else None

    def keep_column(self, secret_digest: str, column: str) -> None:
        """Keep the name of that column."""
        write_file(self.secret_file(secret_digest).with_suffix(".column"), [column.encode()], private=True)

    # ── leaf files ──

    def leaf_path(self, dataset: Artifact, space: str) -> Path:
        """Return where the leaf file of a dataset is."""
        kind = "tree" if dataset.tree else "file"
        return self.folder / f"{dataset.sha256}.{kind}.{space}.leaves"

    def leaves(self, dataset: Artifact) -> list[LeafFile]:
        """Open the leaf files of a dataset; none if nobody committed to its records here.

        Raises:
            FormatError: one is damaged, or is of another dataset.
        """
        paths = (self.leaf_path(dataset, space) for space in SPACES)
        found = [LeafFile(path) for path in paths if path.exists()]
        for each in found:
            if each.owner.artifact != dataset:
                what = f"the leaf file is of another dataset: got {each.owner.artifact}, expected {dataset}"
                raise FormatError(what, str(each.path))
        return found

    def all_leaves(self) -> Iterator[LeafFile]:
        """Yield every leaf file of a dataset."""
        for path in sorted(self.folder.glob("*.leaves")):
            yield LeafFile(path)

    def predicates(self, dataset: Artifact) -> dict[str, Any]:
        """Return what a dataset statement says of its records, by the names of its fields.

        Raises:
            FormatError: a leaf file is damaged.
        """
        found = {}
        for leaves in self.leaves(dataset):
            with leaves:
                found[_FIELDS[leaves.owner.space]] = described(leaves.commitment, leaves.owner)
        return found

    # ── what was removed ──

    def removed_path(self, secret_digest: str, space: str) -> Path:
        """Return where the list of removed keys under a secret is."""
        return self.folder / "removed" / f"{secret_digest}.{space}.leaves"

    def suppress(self, keys: Iterable[bytes], secret_digest: str, space: str, unit: str = "") -> None:
        """Add keys to the list of what was removed and must not come back.

        Args:
            keys: of records or people.
            secret_digest: of the secret the keys are made with.
            space: one of ``attest.commitment.SPACES``.
            unit: what each record was, ``file`` or ``row``; "" if that differs.

        Raises:
            AttestError: it cannot be written.
            FormatError: the list that is there is damaged.
        """
        new = sorted(set(keys))
        if not new:
            return
        path = self.removed_path(secret_digest, space)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = Owner(space, secret_digest, _NO_DATASET, 0, unit)
        if not path.exists():
            write_leaves(path, [Settled(Stretch(b"", 0), array("Q", [0]), [EMPTY])], owner)
        with LeafFile(path) as old:
            same = old.owner.unit == unit
            derive(path, old, owner if same else owner._replace(unit=""), add=new)

    def removed(self) -> Iterator[LeafFile]:
        """Yield the lists of what was removed."""
        for path in sorted((self.folder / "removed").glob("*.leaves")):
            yield LeafFile(path)

    def refuse_returned(self, path: Path | None, artifact: Artifact, **options: Any) -> None:
        """Refuse a dataset in which something stands that was removed before.

        Args:
            path: the dataset; ``None``: it is not on this disk, and only a leaf file of it can tell.
            artifact: its digest.
            options: as of ``returned``.

        Raises:
            UsageError: it does; the message names the first such records by key and place.
            AttestError: it cannot be told.
        """
        back = list(islice(self.returned(path, artifact, **options), _SHOWN + 1))
        if not back:
            return
        words = {"content": "record", "subject": "person"}
        named = ", ".join(f"{words[each.space]} {each.key.hex()} ({each.place})" for each in back[:_SHOWN])
        more = ", and more" if len(back) > _SHOWN else ""
        what = f"holds what was removed and must not come back: {named}{more}"
        raise UsageError(what, str(path or artifact), "take it out with `attest records remove`")

    def returned(
        self, path: Path | None, artifact: Artifact | None = None, **options: Any
    ) -> Iterator[Returned]:
        """Yield the records of a dataset that were removed before.

        Args:
            path: the dataset; ``None``: it is not on this disk, and only a leaf file of it can tell.
            artifact: its digest, if it is known: a leaf file of it saves reading it again.
            options: as of ``attest.record.find_records``, but for ``subject``.

        Raises:
            AttestError: a list is damaged, the secret of one is not here, or the dataset cannot be read.
        """
        for removed in self.removed():
            with removed:
                removed.check()
                yield from self._returned(removed, path, artifact, options)

    def _returned(
        self, removed: LeafFile, path: Path | None, artifact: Artifact | None, options: dict[str, Any]
    ) -> Iterator[Returned]:
        owner = removed.owner
        for leaves in self.leaves(artifact) if artifact else ():
            with leaves:
                if leaves.commitment.same_keys(removed.commitment):
                    leaves.check()
                    found = set(leaves).intersection(removed)
                    yield from (Returned(key, owner.space, str(artifact)) for key in sorted(found))
                    return
        if path is None:
            what = "it is not on this disk: whether it holds what was removed before cannot be told"
            hint = "digest a copy on this disk, or commit to the records of one with `attest records commit`"
            raise UsageError(what, str(artifact), hint)
        records = find_records(path, "file", **options)
        tables = records.tables(self.column(owner.secret_digest) if owner.space == "subject" else None)
        keyer = Keyer(self.secret(owner.secret_digest))
        if owner.space == "content" and owner.unit != "row":
            yield from _read(records, removed, keyer)
        if tables.subject is not None or (owner.space == "content" and owner.unit != "file"):
            yield from _read(tables, removed, keyer)


def _read(records: Records, removed: LeafFile, keyer: Keyer) -> Iterator[Returned]:
    """Read records, and yield those whose key is on a list."""
    gone = frozenset(removed)
    space = removed.owner.space
    for unit in records.units():
        for batch in records.read(unit):
            wanted = batch.records if space == "content" else [each or b"" for each in batch.people or ()]
            for number, key in enumerate(keyer.keys(wanted)):
                if key in gone:
                    yield Returned(key, space, batch.place(number))
