"""What ``attest import`` does with a file: all of it is verified first, then taken in a part at a time.

The file is read twice, so that it need not fit into memory, one refused line leaves nothing behind, and an
interrupted import goes on where it was: what is there already is neither verified nor written again. Between
the two readings only the digest of each line is kept; a line that has another one by then is an error.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.check import Examined, RawLine
    from attest.limits import Limits
    from attest.statement import Statement
    from attest.store import Advance, Store
    from attest.trust import Trust
    from attest.verifier import VerifiedStatement

__all__ = ["PART", "Intake"]

PART = 10_000
"""Bundles taken in at a time: what was taken in stays, whatever happens later."""


@dataclass
class Intake:
    """One file on its way into the store.

    Args:
        file: an attestation bundle.
        trust: whose signatures are believed.
        limits: the reader's.
        skip: leave lines out that nobody who is believed signed.
        jobs: processes that share the signatures.
        store: where it goes.
        manifests: manifests in hand by their digest.
    """

    file: Path
    trust: Trust
    limits: Limits
    skip: bool
    jobs: int
    store: Store
    manifests: Mapping[str, Path]
    verified: int = 0
    there: int = 0
    """Bundles the store holds already, to the byte."""
    new: int = 0
    trees: set[str] = field(default_factory=set)
    """Directories the bundles speak of whose manifests are in hand."""
    refused: list[dict[str, Any]] = field(default_factory=list)
    carried: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[dict[str, Any]] = field(default_factory=list)
    _lines: bytearray = field(default_factory=bytearray, repr=False)
    """The SHA-256 of each line, one after the other."""
    _wanted: bytearray = field(default_factory=bytearray, repr=False)
    """For each line 1 if it is to be taken in."""
    _statements: array[int] = field(default_factory=lambda: array("Q"), repr=False)
    """The beginning of each statement's digest."""

    @property
    def bundles(self) -> int:
        """How many bundles of the file are in the store in the end."""
        return self.verified + self.there

    @property
    def statements(self) -> int:
        """How many statements these are of."""
        return len(set(self._statements))

    @property
    def acceptable(self) -> bool:
        """Whether what was verified may be taken in."""
        return not self.refused or (self.skip and bool(self.bundles))

    # -- the first reading: who signed it ------------------------------------------------------------------

    def examine(self, advance: Advance | None = None) -> None:
        """Verify every line that is not in the store, and note what became of it.

        Raises:
            FormatError: a line is not JSON, there is no bundle in the file, or a manifest in hand is none.
        """
        from contextlib import closing

        from attest.check import examined
        from attest.errors import FormatError

        waiting: deque[int] = deque()
        lines = self._strange(waiting, advance)
        with closing(examined(lines, self.trust, self.limits, jobs=self.jobs)) as found:
            for _, number, _, what in found:
                self._wanted[waiting.popleft()] = self._note(number, what)
        if not self.bundles and not self.refused:
            raise FormatError("holds no bundle", str(self.file), "is it the right file?")
        for _ in self.wanted_manifests() if self.acceptable else ():
            pass  # none may turn out to be no manifest when bundles were taken in already

    def _strange(self, waiting: deque[int], advance: Advance | None) -> Iterator[RawLine]:
        """Yield the lines that are not in the store, with ``waiting`` telling which they are."""
        from attest.cli.delivered import raw_evidence

        size, read = self.file.stat().st_size if self.file.exists() else 0, 0
        for count, line in enumerate(raw_evidence([self.file], self.limits)):
            self._lines += hashlib.sha256(line.content).digest()
            self._wanted.append(0)
            read += len(line.content) + 1
            if (digest := self.store.kept_as(line.content)) is not None:
                self._note_there(line.content, digest)
            else:
                waiting.append(count)
                yield line
            if advance is not None:
                advance(count + 1, max(count + 1, (count + 1) * size // read))

    def _note_there(self, line: bytes, digest: str) -> None:
        from attest.bundle import parse_bundle

        self.there += 1
        self._statements.append(int(digest[:16], 16))
        if self.manifests:
            self._note_trees(parse_bundle(line, None, self.limits).statement(None, self.limits))

    def _note(self, number: int, what: Examined) -> bool:
        """Note what a line turned out to be; return whether it may be taken in."""
        from attest.check import Unverified

        if isinstance(what, str):
            self.unknown.append({"line": number, "reason": what})
            return False
        if isinstance(what, Unverified):
            refusal = {"line": number, "statement": f"sha256:{what.digest}"}
            self.refused.append({**refusal, "code": what.code, "reason": what.reason})
            return False
        self._note_verified(number, what)
        return True

    def _note_verified(self, number: int, one: VerifiedStatement) -> None:
        from attest.review import weigh

        self.verified += 1
        self._statements.append(int(one.statement.digest[:16], 16))
        self._note_trees(one.statement)
        evidence = weigh(self.trust, [one])
        if not evidence.granted:
            entry = {"line": number, "statement": f"sha256:{one.statement.digest}"}
            self.carried.append({**entry, "reason": evidence.reason})

    def _note_trees(self, statement: Statement) -> None:
        from attest.links import links_of

        links = links_of(statement, self.limits)  # a step with too many inputs is refused here
        if self.manifests:
            named = {each.sha256 for each in (*links.subjects, *links.inputs) if each.tree}
            self.trees |= named & self.manifests.keys()

    def wanted_manifests(self) -> Iterator[bytes]:
        """Yield the manifests in hand of directories that the bundles speak of.

        Raises:
            FormatError: one is none, although its digest was signed, or is another than it was.
        """
        from attest.digest import sha256_bytes
        from attest.errors import FormatError
        from attest.manifest import Manifest

        for sha256 in sorted(self.trees):
            data = self.manifests[sha256].read_bytes()
            if (got := sha256_bytes(data)) != sha256:
                raise FormatError(f"got sha256 {got}, expected its name", str(self.manifests[sha256]))
            Manifest.parse(data, f"manifest sha256:{sha256}", self.limits)
            yield data

    # -- the second reading: into the store ----------------------------------------------------------------

    def take(self, advance: Advance | None = None) -> None:
        """Take in what was verified, a part at a time, and the manifests in hand after it.

        Raises:
            FormatError: the file is not what it was.
            StoreError: the store cannot be written; the parts before stay.
        """
        bundles = self._verified_bundles()
        done = 0
        while done < self.verified:
            part = min(PART, self.verified - done)
            manifests = self.wanted_manifests() if done + part == self.verified else ()
            self.new += self.store.put(islice(bundles, part), manifests)
            done += part
            if advance is not None:
                advance(done, self.verified)
        next(bundles, None)  # the rest of the file has to be the same too
        if not self.verified:
            self.store.put((), self.wanted_manifests())

    def _verified_bundles(self) -> Iterator[Bundle]:
        from attest.bundle import parse_bundle
        from attest.cli.delivered import raw_evidence
        from attest.errors import FormatError

        count = 0
        for line in raw_evidence([self.file], self.limits):
            digest = hashlib.sha256(line.content).digest()
            if digest != self._lines[32 * count : 32 * count + 32]:
                raise FormatError("was changed while it was read", f"{self.file}:{line.number}", "try again")
            if self._wanted[count]:
                yield parse_bundle(line.content, f"{line.source}:{line.number}", self.limits)
            count += 1
        if count != len(self._wanted):
            raise FormatError("was changed while it was read", str(self.file), "try again")
