"""What a step left behind when it ended: its outputs and byproducts, measured, and what is odd about them."""

from __future__ import annotations

from collections.abc import Callable

from attest.account import Account
from attest.admission import Admission
from attest.errors import AttestError
from attest.inventory import Inventory
from attest.manner import Manner
from attest.provenance import Product
from attest.targets import Target

__all__ = ["Harvest"]


class Harvest:
    """Measures what one step wrote, and notes in its account what is odd about it.

    Args:
        kind: what the step does.
        inventory: what it was told to write.
        account: of the step.
        admission: knows what was removed before.
        past: the step ran some time ago, and nobody looked before it.
        tell: takes what the user should know.
    """

    def __init__(
        self,
        kind: str,
        inventory: Inventory,
        account: Account,
        admission: Admission,
        *,
        past: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._kind = kind
        self._inventory = inventory
        self._account = account
        self._admission = admission
        self._past = past
        self._tell = tell

    def outputs(self, manner: Manner) -> list[Product]:
        """Measure the outputs.

        Raises:
            RecordingError: one is missing or was not written, or a process that wrote part of it gave no
                digests of that.
            FormatError: what such a process gave is not what it should be.
        """
        return [self._output(target, manner) for target in self._inventory.outputs]

    def _output(self, target: Target, manner: Manner) -> Product:
        product, left = target.made(manner, past=self._past)
        for remark in () if self._past else self._admission.returned_in(self._kind, product):
            self._tell(remark)
        self._note_shards(target)
        if left:
            self._account.note("leftOver", target.name, left)
            files = len(product.measured.files)
            self._tell(f"{target.path}: {left} of {files} files were there before the step ran")
        return product

    def byproducts(self, manner: Manner) -> list[Product]:
        """Measure the byproducts; one that cannot be measured is told and left out."""
        found = []
        for target in self._inventory.byproducts:
            try:
                found.append(target.made(manner, past=True)[0])
                self._note_shards(target)
            except AttestError as error:
                self._tell(f"the byproduct {target.path} is left out: {error.what}")
        return found

    def _note_shards(self, target: Target) -> None:
        if target.joined is not None:
            self._account.note("shards", target.name, target.joined.to_json())
