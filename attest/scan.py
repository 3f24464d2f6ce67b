"""What a directory holds: every regular file with its status, and everything that cannot be digested.

The walk is iterative (depth costs no stack), opens directories relative to the root's descriptor, reads no
byte of any file and follows no symbolic link unless asked to. Sizes and times come from the walk itself, so
that nothing is looked up twice.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
import sys
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from attest.errors import DigestError
from attest.exclusions import Exclusions
from attest.listing import TOO_FAR, Found, Listing
from attest.outcomes import Offender
from attest.reading import DIR_FD, FLAGS, STATUS, Root, Status, reason_of, status_of

__all__ = [
    "Found",
    "Offender",
    "Root",
    "Scan",
    "Status",
    "barred",
    "kind_problem",
    "mode_of",
    "moved",
    "path_problem",
    "reason_of",
    "refuse",
    "scan_file",
    "scan_tree",
    "status_of",
    "unreadable",
    "walk_tree",
]

_AT_ONCE = 4096
"""Entries of a directory that are held together."""
_STEP = 512
"""Entries after which whoever reads ahead of the walk's end has a turn."""
_NAME = attrgetter("name")

SHOWN = 20
"""Offenders listed in one message; the others are counted."""

_UTF8 = sys.getfilesystemencoding() == "utf-8"
_PART = r"(?!\.{1,2}(?:/|\Z))[^/\n\r\\\0\ud800-\udfff]+"
_GOOD = re.compile(rf"(?!-\Z){_PART}(?:/{_PART})*")
_ODD = re.compile(r"[\n\r\\\ud800-\udfff]" if _UTF8 else r"[^\x20-\x5b\x5d-\x7e]")
_REFUSED = {"\n": "a line feed", "\r": "a carriage return", "\\": "a backslash", "\0": "a NUL"}
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Scan(NamedTuple):
    """One walk over a tree."""

    root: str
    """Real path of the directory."""
    found: Sequence[Found]
    """Regular files, sorted by the bytes of their paths."""
    offenders: list[Offender]
    skipped: int
    """Files left out by exclusions; a directory that could not be listed counts as one."""
    directories: list[tuple[str, Status]]
    """Every directory entered, with its status before it was listed."""
    exclude: tuple[str, ...] = ()
    symlinks: bool = False


def _spelt(name: str) -> str:
    """Return a name of this system as UTF-8 spells its bytes; what is not UTF-8 becomes lone surrogates."""
    return name if _UTF8 else os.fsencode(name).decode("utf-8", "surrogateescape")


@contextmanager
def _listing(root: Root, place: str) -> Iterator[tuple[Iterator[os.DirEntry[str]], Status]]:
    """Yield the entries of a directory, and its status before it was listed."""
    if root.fd is None:
        directory = f"{root.path}/{place}"
        before = status_of(os.lstat(directory))
        with os.scandir(directory) as entries:
            yield entries, before
        return
    fd = os.open(place or ".", FLAGS | os.O_DIRECTORY, dir_fd=root.fd)
    try:
        before = status_of(os.fstat(fd))
        with os.scandir(fd) as entries:
            yield entries, before
    finally:
        os.close(fd)


def path_problem(path: str) -> str | None:
    """Say why a path cannot stand in a manifest, or return ``None`` (docs/formats.md, Manifest)."""
    if _GOOD.fullmatch(path):
        return None
    for char, name in _REFUSED.items():
        if char in path:
            return f"{name} in the path"
    if any("\ud800" <= char <= "\udfff" for char in path):
        return "the path is not UTF-8"
    if path == "-":
        return "sha256sum would read standard input instead"
    return "the path is absolute" if path.startswith("/") else "an empty, '.' or '..' part in the path"


def kind_problem(mode: int) -> str | None:
    """Say what something is that is no regular file, or return ``None``."""
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "not a regular file")


def mode_of(path: Path) -> int | None:
    """Return the mode of what a path, or a symbolic link there, leads to; ``None`` if that is nothing.

    Raises:
        DigestError: the way there is barred.
    """
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return None
        raise DigestError(reason_of(error), str(path)) from error


def refuse(offenders: Sequence[Offender], where: str) -> DigestError:
    """Return the one error that names all offenders, as far as they fit."""
    ordered = sorted(set(offenders))
    listed: list[str] = []
    for path, reason in ordered[:SHOWN]:
        name = path if len(path) <= 100 else f"{path[:70]}…{path[-29:]}"
        listed.append(f'"{name}" ({reason})')
    more = f", and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    count = "1 path" if len(ordered) == 1 else f"{len(ordered)} paths"
    hint = "rename, repair or exclude them"
    if any(reason == _KINDS[stat.S_IFLNK] for _, reason in ordered):
        hint += "; --symlinks reads links to files of the same tree"
    return DigestError(f"{count} cannot be digested: {', '.join(listed)}{more}", where, hint)


def barred(scan: Scan) -> DigestError:
    """Return the error for a tree in which something was found that has no digest, and name all of that."""
    return refuse([*scan.offenders, *unreadable(scan)], scan.root)


def scan_file(path: Path) -> Scan:
    """Look at a single file; a symbolic link to one is followed, because the caller named it.

    Raises:
        DigestError: there is none, or it is no regular file.
    """
    try:
        parent, name = os.path.split(os.path.realpath(path, strict=True))
        with Root(parent) as opened:
            found = opened.status(name)
    except OSError as error:
        raise DigestError(reason_of(error), str(path)) from error
    problem = kind_problem(found.st_mode)
    if problem:
        raise DigestError(
            f"{problem} has no digest", str(path), "give a regular file, or a directory of them"
        )
    try:
        listing = Listing.of([Found(path.name, name, found.st_size, status_of(found))])
    except OverflowError as error:
        raise DigestError(str(error), str(path)) from error
    return Scan(parent, listing, [], 0, [])


def scan_tree(root: Path, exclude: Sequence[str] = (), *, symlinks: bool = False) -> Scan:
    """Walk a directory.

    Args:
        root: the directory; a symbolic link to one is followed, because the caller named it.
        exclude: patterns of paths to leave out (``attest.exclusions.Exclusions``).
        symlinks: take a link to a regular file of the same tree as that file; all others are offenders.

    Raises:
        DigestError: the directory cannot be opened. What is wrong inside it is listed in the scan.
        UsageError: a pattern cannot be read.
    """
    return deque(walk_tree(root, exclude, symlinks=symlinks), maxlen=1).pop()


def walk_tree(
    root: Path, exclude: Sequence[str] = (), *, symlinks: bool = False
) -> Generator[Scan, None, None]:
    """Walk a directory as ``scan_tree`` does, and yield now and then what was found so far.

    That is one scan whose files, offenders and directories grow from one step to the next; none of it is in
    order. The last that is yielded is the whole scan, sorted.

    Raises:
        DigestError: as of ``scan_tree``.
        UsageError: as of ``scan_tree``.
    """
    exclusions = Exclusions(exclude)
    try:
        real = os.path.realpath(root, strict=True)
        with Root(real) as opened:
            yield from _Walk(opened, real, exclusions, symlinks=symlinks).run()
    except OSError as error:
        raise DigestError(reason_of(error), str(root)) from error


def _paths(found: Sequence[Found]) -> list[str]:
    if not isinstance(found, Listing):
        return [each.path for each in found]
    return [path.decode("utf-8", "surrogateescape") for path in found.paths(found.numbers)]


def moved(scan: Scan) -> list[Offender]:
    """Return what came into the tree or left it since the scan.

    Directories tell by their times; only where one does, the tree is walked again.
    """
    try:
        with Root(scan.root) as root:
            if all(status_of(root.status(place or ".")) == before for place, before in scan.directories):
                return []
    except OSError:
        pass  # a directory is gone: the second walk says what went with it
    again = scan_tree(Path(scan.root), scan.exclude, symlinks=scan.symlinks)
    before, now = (set(_paths(each.found)) for each in (scan, again))
    return [
        *(Offender(path, "vanished while the tree was read") for path in before - now),
        *(Offender(path, "appeared while the tree was read") for path in now - before),
        *again.offenders,
    ]


def unreadable(scan: Scan) -> Iterator[Offender]:
    """Yield files that cannot be opened, so that one message names all that is wrong with a tree."""
    try:
        root = Root(scan.root)
    except OSError as error:
        yield Offender(".", reason_of(error))
        return
    with root:
        for found in scan.found:
            try:
                os.close(root.open(found.place))
            except OSError as error:
                yield Offender(found.path, reason_of(error))


class _Walk:
    """The state of one walk."""

    def __init__(self, root: Root, real: str, exclusions: Exclusions, *, symlinks: bool) -> None:
        self._root = root
        self._real = real
        self._exclusions = exclusions
        self._symlinks = symlinks
        self._pending: list[tuple[str, bool]] = [("", False)]
        """Directories to list; with ``True`` only to count what an exclusion leaves out."""
        self._found = Listing()
        self._scan = Scan(real, self._found, [], 0, [], exclusions.patterns, symlinks)
        self._skipped = 0

    def run(self) -> Iterator[Scan]:
        while self._pending:
            name, excluded = self._pending.pop()
            try:
                with _listing(self._root, name) as (entries, before):
                    if excluded:
                        self._count(name, entries)
                    else:
                        self._scan.directories.append((name, before))
                        yield from self._list(f"{name}/" if name else "", entries)
            except OSError as error:
                if not name:
                    raise
                self._fail(name, error, excluded=excluded)
        self._found.sort()
        yield self._scan._replace(skipped=self._skipped)

    def _fail(self, name: str, error: OSError, *, excluded: bool = False) -> None:
        if excluded:
            self._skipped += 1
        else:
            self._offend(name, reason_of(error))

    def _offend(self, name: str, reason: str) -> None:
        self._scan.offenders.append(Offender(_spelt(name), reason))

    def _count(self, name: str, entries: Iterator[os.DirEntry[str]]) -> None:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                self._pending.append((f"{name}/{entry.name}", True))
            else:
                self._skipped += 1

    def _list(self, prefix: str, entries: Iterator[os.DirEntry[str]]) -> Iterator[Scan]:
        odd = _ODD.search(prefix) is not None
        folders: list[str] = []
        while some := list(islice(entries, _AT_ONCE)):
            some.sort(key=_NAME)  # what stands in order already is put in order soonest
            close = odd or _ODD.search("/".join(map(_NAME, some))) is not None
            for first in range(0, len(some), _STEP):
                self._sift(prefix, some[first : first + _STEP], folders, odd=close)
                yield self._scan
        folders.sort(reverse=True)  # the last is listed first
        self._pending += ((folder, False) for folder in folders)

    def _sift(
        self, prefix: str, entries: Sequence[os.DirEntry[str]], folders: list[str], *, odd: bool
    ) -> None:
        """Take files in and note directories; where there may be ``odd`` paths, each is looked at closely."""
        exclusions = self._exclusions or None
        names: list[str] = []
        statuses: list[bytes] = []
        pack = STATUS.pack
        for entry in entries:
            try:
                directory = entry.is_dir(follow_symlinks=False)
                if exclusions is not None and exclusions.match(prefix + entry.name, directory=directory):
                    if directory:
                        self._pending.append((prefix + entry.name, True))
                    else:
                        self._skipped += 1
                elif directory:
                    folders.append(prefix + entry.name)
                else:
                    # a DirEntry of Windows knows neither inode nor device
                    found = (
                        entry.stat(follow_symlinks=False)
                        if DIR_FD
                        else self._root.status(prefix + entry.name)
                    )
                    if odd or not stat.S_ISREG(found.st_mode) or entry.name == "-":
                        self._add(prefix + entry.name, found)
                        continue
                    # pack_status(status_of(found)) without its calls: a fifth of the walk
                    device, inode, size = found.st_dev, found.st_ino, found.st_size
                    statuses.append(pack(device, inode, size, found.st_mtime_ns, found.st_ctime_ns))
                    names.append(entry.name)
            except OSError as error:
                self._fail(prefix + entry.name, error)
            except (OverflowError, struct.error):
                self._offend(prefix + entry.name, TOO_FAR)
        if names:
            self._found.add(
                os.fsencode(prefix), os.fsencode("\0".join(names)).split(b"\0"), b"".join(statuses)
            )

    def _add(self, name: str, found: os.stat_result) -> None:
        """Take a file in, or say why not."""
        place = name
        if self._symlinks and stat.S_ISLNK(found.st_mode):
            place, found = self._follow(name)
        path = _spelt(name)
        problem = path_problem(path) or kind_problem(found.st_mode)
        if problem:
            self._scan.offenders.append(Offender(path, problem))
        else:
            self._found.add_one(Found(path, place, found.st_size, status_of(found)))

    def _follow(self, link: str) -> tuple[str, os.stat_result]:
        """Return where in the tree a link ends, and the status of what is there.

        Raises:
            OSError: it dangles, runs in a circle, leaves the tree, or ends at something else than a file.
        """
        try:
            target = os.path.realpath(f"{self._real}/{link}", strict=True)
        except OSError as error:
            ends = {errno.ENOENT: "leads nowhere", errno.ELOOP: "runs in a circle"}.get(error.errno or 0)
            raise OSError(None, f"a symbolic link that {ends}" if ends else reason_of(error)) from error
        place = os.path.relpath(target, self._real)
        if place.split(os.sep, 1)[0] == "..":
            raise OSError(None, "a symbolic link that leaves the tree")
        found = self._root.status(place)
        problem = kind_problem(found.st_mode)
        if problem:
            raise OSError(None, f"a symbolic link to {problem}")
        return place, found
