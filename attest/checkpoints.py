"""Statements about intermediate checkpoints, made and signed in the background while the step runs on.

Each is a statement of the same step, with the inputs and parameters it had by then, about one checkpoint. So
a checkpoint has its provenance whatever becomes of the run, and of the files, afterwards. Nothing here raises
into the training: what could not be signed is spooled, and what could not be digested is told at the end.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from attest.apart import check_unchanged
from attest.bundle import Bundle
from attest.canonical import read_json
from attest.desk import Desk
from attest.errors import AttestError
from attest.hashing import SETTLED_NS
from attest.manner import Manner
from attest.materials import Source
from attest.parameters import Parameters
from attest.provenance import Product, Provenance, unique_name
from attest.scan import scan_file, scan_tree
from attest.statement import Statement
from attest.targets import Target

__all__ = ["Checkpoint", "Checkpoints", "Recorded"]

SETTLE_SECONDS = SETTLED_NS / 1e9 + 0.1
"""After so long without a change, a file that was read need not be read again."""


@dataclass(frozen=True)
class Recorded:
    """A step, signed and stored."""

    statement: Statement
    bundle: Bundle
    outputs: tuple[Product, ...]


@dataclass(frozen=True)
class Checkpoint:
    """What there is to say about a checkpoint, as things stood when it was written."""

    target: Target
    provenance: Provenance
    parameters: Parameters
    sources: Sequence[Source]
    targets: Sequence[Target]
    """Everything the step writes."""
    since: float = field(default_factory=time.monotonic)
    """When it was written."""

    @classmethod
    def of(
        cls,
        target: Target,
        provenance: Provenance,
        parameters: Parameters,
        sources: Sequence[Source],
        targets: Sequence[Target],
    ) -> Checkpoint:
        """Take note of all that may change while the step runs on."""
        return cls(target, provenance, deepcopy(parameters), tuple(sources), (*targets, target))


class Checkpoints:
    """Signs statements about checkpoints, one after the other, in a thread of its own.

    Args:
        desk: who signs and stores.
        manner: how they are digested.
    """

    def __init__(self, desk: Desk, manner: Manner) -> None:
        self.products: list[Product] = []
        """Those that were digested."""
        self.recorded: list[Recorded] = []
        """Those that were signed and stored."""
        self._desk = desk
        self._manner = manner
        self._said: list[str] = []
        self._waiting: queue.SimpleQueue[Checkpoint | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def add(self, checkpoint: Checkpoint) -> None:
        """Have a statement about a checkpoint made; returns at once.

        Raises:
            RuntimeError: no thread can be started.
        """
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="attest-checkpoints", daemon=True)
            thread.start()
            self._thread = thread
        self._waiting.put(checkpoint)

    def drain(self) -> None:
        """Wait until all are signed, or could not be."""
        if self._thread is None or self._pid != os.getpid():  # a fork has no such thread
            return
        self._hurry.set()
        self._waiting.put(None)
        self._thread.join()
        self._thread = None
        self._hurry.clear()

    def besides(self, products: Sequence[Product]) -> list[Product]:
        """Return those digested that are none of these products, each once, with names of their own."""
        seen = {each.measured.artifact for each in products}
        taken = [each.name for each in products]
        found = []
        for each in self.products:
            if each.measured.artifact not in seen:
                seen.add(each.measured.artifact)
                found.append(replace(each, name=unique_name(each.name, taken)))
                taken.append(found[-1].name)
        return found

    def said(self) -> list[str]:
        """Return what the user should know, once."""
        found, self._said = self._said, []
        return found

    def _run(self) -> None:
        while (checkpoint := self._waiting.get()) is not None:
            try:
                self._settle(checkpoint)
                product = checkpoint.target.made(self._manner, past=True)[0]
                self._said += check_unchanged(checkpoint.sources, checkpoint.targets)
                self.products.append(product)
                self.recorded.append(self._sign(checkpoint, product))
            except AttestError as error:
                hint = f" ({error.hint})" if error.hint else ""
                self._said.append(f"the checkpoint {checkpoint.target.path}: {error.what}{hint}")
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one may be better
                self._said.append(f"the checkpoint {checkpoint.target.path} has no statement: {error!r}")

    def _sign(self, checkpoint: Checkpoint, product: Product) -> Recorded:
        """Make the statement, sign and store it.

        Raises:
            SpooledError: it waits to be signed.
        """
        provenance = checkpoint.provenance
        if (joined := checkpoint.target.joined) is not None:
            shards = {"shards": {checkpoint.target.name: joined.to_json()}}
            provenance = replace(provenance, internal={**provenance.internal, **shards})
        statement = provenance.statement([product])
        manifest = product.measured.manifest
        try:
            checkpoint.parameters.guard(read_json(statement.payload))
            bundle = self._desk.sign(statement, [manifest.data] if manifest else [])
        except Exception as error:  # whatever it is, the checkpoint is there
            ran = "the statement about it"
            raise self._desk.keep(statement, [product.measured], [], error, ran=ran) from error
        return Recorded(statement, bundle, (product,))

    def _settle(self, checkpoint: Checkpoint) -> None:
        """Wait until what must be read is old enough to be read only once; not if somebody waits for it."""
        written, path = self._manner.written, checkpoint.target.path
        scan = scan_tree(path, self._manner.exclude) if path.is_dir() else scan_file(path)
        if written is None or any(written.known(found) is None for found in scan.found):
            self._hurry.wait(max(0.0, checkpoint.since + SETTLE_SECONDS - time.monotonic()))
