"""What readers give besides statements about records an order names: proofs, lists of keys, findings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from attest.cli.options import PATH, artifacts_given, warn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from attest.absence import Looked, Shown
    from attest.docket import OrderState
    from attest.keylist import KeyList
    from attest.leaves import LeafFile
    from attest.limits import Limits
    from attest.resource import Artifact

__all__ = [
    "PROOF_HELP",
    "OrderedRecords",
    "copy_proofs",
    "ordered_records_options",
    "proofs_folder",
    "read_lists",
    "read_proofs",
    "refuse_strange_lists",
    "shown_about",
]

F = TypeVar("F", bound=Callable[..., Any])

PROOF_HELP = (
    "Proofs about records (`attest records remove` and `prove`), or a folder of them; may be repeated."
)
_SUFFIXES = (".leaves", ".proof", ".removal")
_MOST_FILES = 1_000
_MOST_BYTES = 256 << 20
"""Bytes of all proofs together."""
_FEW = 100


def ordered_records_options(function: F) -> F:
    """Options about the records an order names; they arrive as one argument, ``records``."""

    @functools.wraps(function)
    def gather(
        *args: Any,
        found: tuple[str, ...],
        find_records: bool,
        lists: tuple[Path, ...],
        proofs: tuple[Path, ...],
        **given: Any,
    ) -> Any:
        return function(*args, records=OrderedRecords(found, find_records, lists, proofs), **given)

    result: Any = gather
    for option in reversed(_OPTIONS):
        result = option(result)
    return result  # type: ignore[no-any-return]  # a click command's function is only ever called by click


_OPTIONS = (
    click.option(
        "--found-in",
        "found",
        multiple=True,
        metavar="ARTIFACT",
        help="A dataset in which the order's records were found: sha256:…; may be repeated.",
    ),
    click.option(
        "--find-records",
        is_flag=True,
        help="Look for the order's records in the leaf files of this project (`attest records commit`).",
    ),
    click.option(
        "--list",
        "lists",
        multiple=True,
        type=PATH,
        metavar="FILE",
        help="The file of keys the order names by its digest; may be repeated.",
    ),
    click.option("--proof", "proofs", multiple=True, type=PATH, metavar="FILE|FOLDER", help=PROOF_HELP),
)


@dataclass(frozen=True)
class OrderedRecords:
    """What was given about the records an order names."""

    found: tuple[str, ...] = ()
    find_records: bool = False
    lists: tuple[Path, ...] = ()
    proofs: tuple[Path, ...] = ()

    def read(
        self, state: OrderState, limits: Limits, beside: Path | None = None
    ) -> tuple[list[Artifact], Shown]:
        """Read what was given, and look through this project's leaf files where that is asked for.

        Args:
            state: the order.
            limits: of the reader.
            beside: a folder of proofs that is read besides, if it is there.

        Returns:
            The datasets in which the order's records were found, and what shows where they are and are not.

        Raises:
            AttestError: something cannot be read, is not what it was given as, or is damaged.
            UsageError: a list is not the one the order names.
        """
        from dataclasses import replace

        lists = read_lists(self.lists, limits)
        refuse_strange_lists(lists, [state])
        folders = [beside] if beside is not None and beside.is_dir() else []
        shown = shown_about([state], [*self.proofs, *folders], lists)
        found = {*artifacts_given(self.found, "--found-in")}
        if self.find_records:
            own = _in_project(state, shown)
            found |= {artifact for artifact, looked in own if looked.held}
            shown = replace(shown, looked=(*shown.looked, *(looked for _, looked in own)))
        return sorted(found), shown


def read_lists(given: Iterable[Path], limits: Limits) -> dict[Path, KeyList]:
    """Read files of keys, each once.

    Raises:
        FormatError: one cannot be read, or holds something that is no key.
        LimitError: one is too long.
    """
    from attest.keylist import read_keys

    return {path: read_keys(path, limits) for path in given}


def refuse_strange_lists(lists: Mapping[Path, KeyList], orders: Collection[OrderState]) -> None:
    """Refuse a list of keys that no order names.

    Raises:
        UsageError: there is one.
    """
    from attest.errors import UsageError

    expected = {digest for state in orders for digest in _lists_of(state)}
    named = ", ".join(f"sha256:{each}" for each in sorted(expected))
    for path, read in lists.items():
        if not expected:
            raise UsageError("no order in hand names a list of keys", f"--list {path}")
        if read.sha256 not in expected:
            whose = "the order names" if len(orders) == 1 else f"one of {len(orders)} orders in hand names"
            what = f"is not the list of keys {whose}: got sha256:{read.sha256}, expected {named}"
            raise UsageError(what, str(path))


def _lists_of(state: OrderState) -> set[str]:
    """Return the digests of the lists of keys an order names."""
    targets = state.order.targets.records if state.order is not None else ()
    return {each.list_.digest.get("sha256", "") for each in targets if each.list_ is not None} - {""}


def shown_about(orders: Iterable[OrderState], proofs: Iterable[Path], lists: Mapping[Path, KeyList]) -> Shown:
    """Read proofs, and look in leaf files for every key that orders name.

    Args:
        orders: all that are asked about.
        proofs: files, and folders of such.
        lists: lists of keys, of whatever orders.

    Raises:
        AttestError: a file cannot be read, or is no proof.
    """
    from attest.absence import Shown, ordered_keys

    known = {each.sha256: each.keys for each in lists.values()}
    wanted: dict[str, frozenset[bytes]] = {}
    for state in orders:
        for space, keys in ordered_keys(state, Shown(lists=known)).items():
            wanted[space] = wanted.get(space, frozenset()) | keys
    return read_proofs(proofs, wanted, known)


def _in_project(state: OrderState, shown: Shown) -> list[tuple[Artifact, Looked]]:
    """Return the datasets of this project's record book, with what their leaf files tell of ordered keys."""
    from attest.absence import keys_of_target, ordered_keys
    from attest.cli.named_records import project_book

    for each in state.order.targets.records if state.order is not None else ():
        if keys_of_target(each, shown) is None:
            warn("the order names records by a list of keys that is not in hand: --list FILE gives it")
    wanted = ordered_keys(state, shown)
    found = []
    for leaves in project_book().all_leaves():
        with leaves:
            keys = wanted.get(leaves.owner.space, frozenset())
            found.append((leaves.owner.artifact, look_through(leaves, keys)))
    return found


def look_through(leaves: LeafFile, wanted: frozenset[bytes]) -> Looked:
    """Return which keys a leaf file holds; damage is an error and never an answer.

    Raises:
        FormatError: the file is damaged.
    """
    from attest.absence import Looked

    if len(wanted) <= _FEW:
        return Looked(leaves.commitment, wanted, frozenset(key for key in wanted if key in leaves))
    leaves.check()
    return Looked(leaves.commitment, wanted, frozenset(key for key in leaves if key in wanted))


def proofs_folder(file: Path) -> Path:
    """Return where proofs lie that go with a bundle or a certificate: ``NAME.proofs`` beside it."""
    stem = file.name.removesuffix(".jsonl").removesuffix(".intoto")
    return file.with_name(f"{stem}.proofs")


def read_proofs(
    given: Iterable[Path],
    wanted: dict[str, frozenset[bytes]] | None = None,
    lists: dict[str, frozenset[bytes]] | None = None,
) -> Shown:
    """Read proofs about records, and look through leaf files.

    Args:
        given: files, and folders of files whose names end as those of attest do.
        wanted: keys to look for in leaf files, by space; without them none is looked through.
        lists: lists of keys, by their digests.

    Raises:
        AttestError: a file cannot be read, or is none of these.
        LimitError: there are too many, or they are too large together.
    """
    from attest.absence import Shown
    from attest.commitment import Proof
    from attest.digest import sha256_bytes
    from attest.errors import LimitError
    from attest.leaves import LeafFile
    from attest.removal import Removal

    files: dict[Proof, str] = {}
    looked: list[Looked] = []
    total = 0
    for path in _files(given):
        data = _read(path)
        total += len(data)
        if total > _MOST_BYTES:
            raise LimitError(f"proofs of more than {_MOST_BYTES:,} bytes together", str(path))
        if data.startswith(b"ATTRLEF1"):
            if wanted is not None:
                with LeafFile(path) as leaves:
                    looked.append(look_through(leaves, wanted.get(leaves.owner.space, frozenset())))
            continue
        if data.startswith(b"ATTRRMV1"):
            read = [each for pair in Removal.decode(data, str(path)).pairs for each in pair]
        else:
            read = [Proof.decode(data, str(path))]
        digest = sha256_bytes(data)
        files |= {each: min(digest, files.get(each, digest)) for each in read}
    return Shown(tuple(files), tuple(looked), lists or {}, files)


def _files(given: Iterable[Path]) -> list[Path]:
    """Return the files that were named, and those in folders that were."""
    from attest.errors import LimitError

    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [each for each in sorted(path.iterdir()) if each.suffix in _SUFFIXES]
        found += [each for each in inside if each.is_file() and not each.is_symlink()]
        if len(inside) > _MOST_FILES:
            raise LimitError(f"{len(inside)} proofs, expected {_MOST_FILES} at most", str(path))
    return found


def _read(path: Path) -> bytes:
    """Return the bytes of a proof; of a leaf file its beginning."""
    from attest.errors import FormatError
    from attest.removal import MAX_BYTES

    try:
        with path.open("rb") as file:
            magic = file.read(8)
            data = magic + (b"" if magic == b"ATTRLEF1" else file.read(MAX_BYTES))
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", str(path)) from error
    if len(data) > MAX_BYTES:
        raise FormatError(f"a proof above {MAX_BYTES:,} bytes", str(path))
    return data


def copy_proofs(given: Sequence[Path], certificate: Path) -> Path | None:
    """Put the proofs beside a certificate, so that they travel with it; leaf files stay home.

    Returns:
        The folder; ``None`` if there is nothing to put there.

    Raises:
        AttestError: it cannot be written.
    """
    from attest.digest import sha256_bytes
    from attest.files import write_file

    read = [_read(path) for path in _files(given)]
    proofs = {sha256_bytes(data): data for data in read if not data.startswith(b"ATTRLEF1")}
    if not proofs:
        return None
    folder = proofs_folder(certificate)
    folder.mkdir(parents=True, exist_ok=True)
    for digest, data in proofs.items():
        suffix = ".removal" if data.startswith(b"ATTRRMV1") else ".proof"
        write_file(folder / f"{digest}{suffix}", [data])
    return folder
