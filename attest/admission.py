"""Whether a step may read an input: a statement explains it, and nothing that was removed is in it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attest.errors import AttestError, RecordingError
from attest.known import NEEDS_STATEMENT, is_known
from attest.manner import Manner
from attest.materials import Source
from attest.provenance import Product
from attest.recordbook import RecordBook
from attest.resource import Artifact
from attest.store import Store

__all__ = ["Admission"]

_MAKES_DATA = frozenset({"collect", "transform"})


class Admission:
    """Judges the inputs of one step, and what it makes, by what this project knows.

    Args:
        book: what was removed.
        manner: how directories are read.
        known: tells whether something else than the store explains an input of that role.
        required: an input that nothing explains is refused.
    """

    def __init__(
        self,
        book: RecordBook,
        manner: Manner,
        known: Callable[[Artifact, str], bool] | None = None,
        *,
        required: bool = False,
    ) -> None:
        self._book = book
        self._manner = manner
        self._known = known
        self._required = required

    def refuse_returned(self, source: Source) -> None:
        """Refuse data in which something stands that was removed before.

        Raises:
            AttestError: it does.
        """
        if not source.declared and source.artifact and source.role.endswith("dataset"):
            exclude, symlinks, *_ = self._manner
            here = None if source.adopted else source.path  # of a pointer, only its leaf file can tell
            self._book.refuse_returned(here, source.artifact, exclude=exclude, symlinks=symlinks)

    def explain(self, source: Source, store: Store) -> Iterator[str]:
        """Look for the statement that explains an input; yield that there is none where that is no reason.

        Raises:
            RecordingError: there is none, and one is required.
        """
        artifact, role = source.artifact, source.role
        if artifact is None or role not in NEEDS_STATEMENT or source.opaque is not None:
            return
        if (self._known and self._known(artifact, role)) or is_known(store, artifact, role):
            return
        if not self._required:
            yield f"no statement in the store explains the {role} {source.given} ({artifact})"
            return
        raise RecordingError(
            f"no statement explains this {role}, {artifact}",
            source.given,
            "sign data of your own with `attest dataset`; take in a vendor's bundle with `attest import`, or "
            "use it with --from; record the step that made it; or say with --opaque that nothing is known",
        )

    def returned_in(self, kind: str, product: Product) -> Iterator[str]:
        """Yield what a step that makes data put back that was removed before: it has run by now."""
        if kind not in _MAKES_DATA:
            return
        exclude, symlinks, *_ = self._manner
        measured = product.measured
        try:
            self._book.refuse_returned(measured.path, measured.artifact, exclude=exclude, symlinks=symlinks)
        except AttestError as error:
            yield f"{measured.path}: {error.what}"
