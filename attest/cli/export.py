"""What a store holds, written out: all of it, or the statements of some types or about some artifacts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attest.errors import AttestError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.limits import Limits
    from attest.store import Store

__all__ = ["Export"]


class Export:
    """Bundles on their way out of a store.

    Args:
        store: holds them.
        subjects: digests of artifacts the statements have to be about; none: any.
        types: short names or URIs of their types; none: any.
        limits: the reader's.
    """

    def __init__(
        self, store: Store, subjects: tuple[str, ...], types: tuple[str, ...], limits: Limits
    ) -> None:
        from attest.digest import parse_digest

        self._store = store
        self._subjects = [parse_digest(each.removesuffix("/")) for each in subjects]
        self._types = types
        self._limits = limits
        self._trees: set[str] | None = None
        self.bundles = 0
        """Bundles written."""
        self.manifests = 0
        """Manifests written."""

    def write(self, output: Path, folder: Path | None = None) -> None:
        """Write the bundles to a file, whole or not at all, or to standard output for ``-``.

        Args:
            output: the file.
            folder: where manifests go, each under its digest; of a choice, those it speaks of.
        """
        from attest.files import write_file

        if folder is not None:
            self._make(folder)
            self._trees = set() if self._subjects or self._types else None
        if str(output) == "-":
            sys.stdout.buffer.writelines(self._lines())
            sys.stdout.buffer.flush()
        else:
            write_file(output, self._lines())
        for sha256 in self._store.manifests() if folder is not None else ():
            if folder is not None and (self._trees is None or sha256 in self._trees):
                write_file(folder / sha256, [self._store.manifest(sha256) or b""])
                self.manifests += 1

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AttestError(f"cannot be made: {error.strerror}", str(folder)) from error

    def _lines(self) -> Iterator[bytes]:
        for bundle in self._chosen():
            if self._trees is not None:
                self._trees |= self._trees_of(bundle)
            yield bundle.line + b"\n"
            self.bundles += 1

    def _chosen(self) -> Iterator[Bundle]:
        if not self._subjects and not self._types:
            yield from self._store.bundles()
            return
        wanted = self._wanted()
        for digest in self._store.statements():  # in the order they came in
            if digest in wanted:
                yield from self._store.bundles(digest)

    def _wanted(self) -> set[str]:
        from attest.predicate import PREDICATES, predicate_type

        found: list[set[str]] = []
        if self._subjects:
            found.append({digest for each in self._subjects for digest in self._store.by_subject(each)})
        if self._types:
            uris = [predicate_type(each) if each in PREDICATES else each for each in self._types]
            found.append({digest for each in uris for digest in self._store.by_type(each)})
        return set.intersection(*found)

    def _trees_of(self, bundle: Bundle) -> set[str]:
        from attest.links import links_of

        links = links_of(bundle.statement(None, self._limits), self._limits)
        return {each.sha256 for each in links.sources | links.products if each.tree}
