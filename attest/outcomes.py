"""What came of reading files: digests, and why there is none, packed like the files (``attest.listing``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, overload

from attest.errors import DigestError
from attest.listing import Listing
from attest.reading import SHA, STATUS, Status

__all__ = ["SETTLED_NS", "Answers", "Digests", "FileDigest", "Offender", "Outcomes"]

SETTLED_NS = 2_000_000_000
"""A file changed within two seconds before it was read may change again without a new time stamp (FAT counts
in two seconds, Linux in milliseconds)."""

SECOND = 1_000_000_000
"""Nanoseconds."""

_AT_ONCE = 4096
"""Lines of a manifest that are made together."""

_ONCE_MORE = bytes([1, *[2] * 255])
"""How often a file was answered for, once it is again: 2 stands for more than once."""


class Offender(NamedTuple):
    """A path that keeps its tree from having a digest."""

    path: str
    """Bytes that are not UTF-8 stand as lone surrogates."""
    reason: str


class FileDigest(NamedTuple):
    """A file's digest, and what lets a later look tell cheaply that the file is still the same."""

    path: str
    """Relative to the tree, ``/``-separated; of a single file its name."""
    sha256: str
    """Lowercase hex."""
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    read_ns: int
    """When reading began, nanoseconds of the system's clock."""

    @property
    def status(self) -> Status:
        """The status the file had when it was read."""
        return self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns

    def still(self, status: Status) -> bool:
        """Tell whether a file of that status surely has these bytes: nothing is read."""
        return status == self.status and max(self.mtime_ns, self.ctime_ns) + SETTLED_NS < self.read_ns


def _digest(listing: Listing, number: int, sha256: bytes | bytearray, read_ns: int) -> FileDigest:
    device, inode, size, mtime_ns, ctime_ns = listing.status(number)
    path = listing.path(number).decode("utf-8", "surrogateescape")
    return FileDigest(path, sha256.hex(), size, mtime_ns, ctime_ns, inode, device, read_ns)


class Answers(Sequence[FileDigest | Offender]):
    """The outcomes of some files of a listing.

    Args:
        listing: holds the files.
        numbers: which of them, by number.
        digests: 32 bytes for each; zeros where there is none.
        failures: place in ``numbers`` → why there is none.
        read_ns: when reading began.
    """

    __slots__ = ("digests", "failures", "listing", "numbers", "read_ns")

    def __init__(
        self, listing: Listing, numbers: Sequence[int], digests: bytes, failures: dict[int, str], read_ns: int
    ) -> None:
        self.listing, self.numbers, self.digests = listing, numbers, digests
        self.failures, self.read_ns = failures, read_ns

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> FileDigest | Offender: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileDigest | Offender]: ...
    def __getitem__(self, index: int | slice) -> FileDigest | Offender | list[FileDigest | Offender]:
        chosen = range(len(self))[index]
        return self._one(chosen) if isinstance(chosen, int) else [self._one(each) for each in chosen]

    def _one(self, place: int) -> FileDigest | Offender:
        number = self.numbers[place]
        if place in self.failures:
            path = self.listing.path(number).decode("utf-8", "surrogateescape")
            return Offender(path, self.failures[place])
        return _digest(self.listing, number, self.digests[SHA * place : SHA * place + SHA], self.read_ns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class Outcomes(Sequence[FileDigest | Offender]):
    """One outcome for each file of a listing, in its order; filled while the answers come.

    The listing may grow meanwhile; a file's number stays what it is.

    Args:
        listing: holds the files.
        read_ns: when reading began: earlier than of any file, so that none looks more settled than it is.
    """

    def __init__(self, listing: Listing, read_ns: int) -> None:
        self.listing = listing
        self.read_ns = read_ns
        self.sha256 = bytearray(SHA * len(listing))
        """By the number of the file."""
        self.failures: dict[int, str] = {}
        self._given: dict[int, FileDigest] = {}
        """What was taken over from somebody who read the file at another time."""
        self._times = bytearray(len(listing))
        """How often each file was answered for."""
        self._strange = 0
        self._numbers: dict[str, int] | None = None

    def add(self, answers: Sequence[FileDigest | Offender]) -> Sequence[int]:
        """Take outcomes in, of whatever files and in whatever order, and return the numbers of these."""
        if not isinstance(answers, Answers) or answers.listing is not self.listing:
            return [number for number in map(self._add_one, answers) if number is not None]
        numbers, digests = answers.numbers, answers.digests
        self.grow()
        if isinstance(numbers, range):
            some = slice(numbers.start, numbers.stop)
            self.sha256[SHA * some.start : SHA * some.stop] = digests
            self._times[some] = self._times[some].translate(_ONCE_MORE)
        else:
            for place, number in enumerate(numbers):
                self.sha256[SHA * number : SHA * number + SHA] = digests[SHA * place : SHA * place + SHA]
                self._times[number] = _ONCE_MORE[self._times[number]]
        for place, reason in answers.failures.items():
            self.failures[numbers[place]] = reason
        return numbers

    def grow(self) -> None:
        """Make room for files that came into the listing since."""
        more = len(self.listing) - len(self._times)
        if more:
            self.sha256 += bytes(SHA * more)
            self._times += bytes(more)

    def join(self, part: Outcomes, numbers: Sequence[int]) -> None:
        """Take over the outcomes of some of these files, which were read as a listing of their own."""
        self.add(Answers(self.listing, numbers, bytes(part.sha256), part.failures, self.read_ns))
        self._given.update((numbers[place], file) for place, file in part._given.items())

    def _add_one(self, outcome: FileDigest | Offender) -> int | None:
        if self._numbers is None:
            numbers = range(len(self.listing))
            paths = self.listing.paths(numbers)
            self._numbers = {
                path.decode("utf-8", "surrogateescape"): number
                for path, number in zip(paths, numbers, strict=True)
            }
        number = self._numbers.get(outcome.path)
        if number is None:
            self._strange += 1
            return None
        self._times[number] = _ONCE_MORE[self._times[number]]
        if isinstance(outcome, Offender):
            self.failures[number] = outcome.reason
        else:
            self.sha256[SHA * number : SHA * number + SHA] = bytes.fromhex(outcome.sha256)
            self._given[number] = outcome
        return number

    def check(self, where: str) -> None:
        """Make sure that every file was answered for, once.

        Raises:
            DigestError: that is not so.
        """
        once = self._times.count(1)
        if once != len(self) or self._strange:
            none, more = self._times.count(0), self._times.count(2)
            got = f"got none for {none}, more than one for {more} and {self._strange} of others"
            raise DigestError(f"{got}, expected one digest for each of {len(self)} files", where)

    def offenders(self) -> list[Offender]:
        """Return what has no digest, and why."""
        return [
            Offender(path.decode("utf-8", "surrogateescape"), reason)
            for path, reason in zip(self.listing.paths(self.failures), self.failures.values(), strict=True)
        ]

    def one(self, number: int) -> FileDigest | Offender:
        """Return the outcome of the file with that number."""
        if number in self.failures:
            return Offender(
                self.listing.path(number).decode("utf-8", "surrogateescape"), self.failures[number]
            )
        if number in self._given:
            return self._given[number]
        return _digest(self.listing, number, self.sha256[SHA * number : SHA * number + SHA], self.read_ns)

    def lasting(self, numbers: Sequence[int]) -> list[bool]:
        """Tell of files whether any change from now on must show in their statuses.

        That is so if they are ``FileDigest.still`` what was read, and their ctime is no whole second: file
        systems that count in seconds, and images whose files all bear one date, have no ctime that tells.
        """
        if not numbers:
            return []
        settled = self.read_ns - SETTLED_NS
        found = [
            mtime_ns < settled and ctime_ns < settled and ctime_ns % SECOND != 0
            for _, _, _, mtime_ns, ctime_ns in STATUS.iter_unpack(self.listing.statuses(numbers))
        ]
        for place, number in enumerate(numbers if self._given else ()):
            if file := self._given.get(number):
                found[place] = file.still(file.status) and file.ctime_ns % SECOND != 0
        return found

    def __len__(self) -> int:
        return len(self.listing)

    @overload
    def __getitem__(self, index: int) -> FileDigest | Offender: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileDigest | Offender]: ...
    def __getitem__(self, index: int | slice) -> FileDigest | Offender | list[FileDigest | Offender]:
        chosen = self.listing.numbers[index]
        return self.one(chosen) if isinstance(chosen, int) else [self.one(each) for each in chosen]

    def __iter__(self) -> Iterator[FileDigest | Offender]:
        return map(self.one, self.listing.numbers)


class Digests(Sequence[FileDigest]):
    """The digests of a tree, sorted by the bytes of the paths.

    Args:
        outcomes: what came of reading it; none of them is an offender.
    """

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self._outcomes.listing.sizes())

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the manifest, many at once."""
        listing, sha256 = self._outcomes.listing, self._outcomes.sha256
        numbers = iter(listing.numbers)
        while some := list(islice(numbers, _AT_ONCE)):
            yield b"".join(
                [
                    b"%b  %b\n" % (sha256[SHA * number : SHA * number + SHA].hex().encode(), path)
                    for number, path in zip(some, listing.paths(some), strict=True)
                ]
            )

    def __len__(self) -> int:
        return len(self._outcomes)

    @overload
    def __getitem__(self, index: int) -> FileDigest: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileDigest]: ...
    def __getitem__(self, index: int | slice) -> FileDigest | list[FileDigest]:
        if isinstance(index, slice):
            return [each for each in self._outcomes[index] if isinstance(each, FileDigest)]
        one = self._outcomes[index]
        if isinstance(one, Offender):
            raise TypeError(one.reason)
        return one

    def __iter__(self) -> Iterator[FileDigest]:
        return (each for each in self._outcomes if isinstance(each, FileDigest))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
