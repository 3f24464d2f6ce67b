"""The pipeline's front room, public as ``attest.run``: what a step read, how it ran, what it wrote, signed.

::

    with attest.run("train", seed=7) as run:
        run.input("data/train", role="dataset")
        run.parameter("lr", 3e-4)
        ...
        run.output("model")
    print(run.statement_digest)

What can go wrong without the step is looked for before it runs; once it has run, nothing is thrown away: a
statement that cannot be signed or stored is spooled, and ``attest sign --pending`` signs it later.

What this does not see: inputs nobody named, and bytes that were swapped between digest and use and back.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, Unpack

from attest.account import Account
from attest.admission import Admission
from attest.apart import check_places, check_unchanged
from attest.bundle import Bundle
from attest.canonical import read_json, tagged
from attest.checkpoints import Checkpoint, Checkpoints, Recorded
from attest.errors import AttestError, RecordingError, SignatureError
from attest.harvest import Harvest
from attest.inventory import Inventory
from attest.materials import Source
from attest.outset import check_options, desk_of, manner_of, parameters_of
from attest.parameters import Options
from attest.provenance import Material, Product, check_kind
from attest.recordbook import record_book
from attest.shards import Shards
from attest.statement import Statement
from attest.store import Store
from attest.tee import OutputFile
from attest.written import Written

__all__ = ["Recorded", "Recorder", "RecordingWarning", "run"]


class RecordingWarning(UserWarning):
    """Something a buyer will ask about in a statement that is signed all the same."""


def _warn(text: str) -> None:
    warnings.warn(text, RecordingWarning, stacklevel=4)


class Recorder:
    """One step, from before it runs until it is signed.

    As a context manager it records the block: inputs are digested when they are named, outputs at the end of
    the block. If the block raises, nothing is signed and the exception goes on.

    Args:
        kind: what the step does, one of ``attest.predicates.step.KINDS``.
        options: how it is recorded.

    Raises:
        UsageError: no such kind, no project, a builder id that is no URI.
        TypeError: no such option.
    """

    def __init__(self, kind: str, **options: Unpack[Options]) -> None:
        self.kind = check_kind(kind)
        check_options(options)
        self._options = options
        self._past = options.get("past", False)
        self._tell = options.get("tell") or _warn
        self.desk = desk_of(options, self._tell)
        self._manner = manner_of(options, self.desk.project, self._tell)
        self.parameters = parameters_of(kind, options)
        self.written = Written()
        """What is known of the files the step writes."""
        self._inventory = Inventory(kind, self.parameters, self.desk.places)
        self._admission = Admission(
            record_book(self.desk.project),
            self._manner,
            options.get("known"),
            required=options.get("require_known_inputs", False),
        )
        self._account = Account(
            kind,
            self.desk.project,
            self.parameters,
            self._inventory,
            builder_id=options.get("builder_id"),
            past=self._past,
            partial=options.get("completeness") == "partial",
        )
        self._harvest = Harvest(
            kind, self._inventory, self._account, self._admission, past=self._past, tell=self._say
        )
        self._checkpoints = Checkpoints(self.desk, self._manner._replace(written=self.written, cache=None))
        self._begun = False
        self.recorded: Recorded | None = None

    @property
    def started(self) -> datetime | None:
        """When the step began, if that is known."""
        return self._account.started

    @started.setter
    def started(self, time: datetime | None) -> None:
        self._account.started = time

    @property
    def finished(self) -> datetime | None:
        """When the step ended, if that is known."""
        return self._account.finished

    @finished.setter
    def finished(self, time: datetime | None) -> None:
        self._account.finished = time

    def _say(self, text: str) -> None:
        self._tell(text)

    # ── what the step is told to be ──

    def input(
        self,
        path: str | os.PathLike[str],
        role: str,
        *,
        name: str | None = None,
        uri: str | None = None,
        opaque: str | None = None,
    ) -> None:
        """Name something the step reads; it is digested now, or when the recording begins.

        Args:
            path: a file or directory, the URL of one (``https://``, ``s3://``, what fsspec reads; a directory
                ends in a slash), or ``sha256:…`` of an opaque model that cannot be read.
            role: one of ``attest.predicates.step.INPUT_ROLES``.
            name: what to call it; by default the last part of the path. Links nothing.
            uri: where it is from, if that is not the path. Never followed.
            opaque: why nothing is known of how a model was made.

        Raises:
            UsageError: no such role or file, or a place that cannot be an input.
            DigestError: it cannot be digested.
            RecordingError: no statement explains it, and that is required.
            SecretError: its name or URI looks like a secret.
        """
        source = Source.of(path, role, name=name, uri=uri, opaque=opaque)
        if self._inventory.has(source):
            return
        with self._inventory.adding(source):
            if self._begun:
                source.check_reason()
                self._inventory.check_places()
                with self.desk.read() as store:
                    self._measure(source, store)

    def opaque(self, given: str, reason: str) -> None:
        """Say why nothing is known of how an input was made that was named before.

        Raises:
            UsageError: no such input, or one that cannot be opaque.
        """
        self._inventory.opaque(given, reason)

    def output(
        self, path: str | os.PathLike[str], *, name: str | None = None, shards: Shards | None = None
    ) -> None:
        """Name a file or directory the step writes; it is digested when the step has ended.

        Args:
            path: where it will be.
            name: what to call it; by default the last part of the path. Links nothing.
            shards: other processes write it too, and give the digests of what they wrote.

        Raises:
            UsageError: it cannot be written there, or lies in an input.
        """
        self._inventory.add_output(path, name, shards)

    def byproduct(
        self, path: str | os.PathLike[str], *, name: str | None = None, shards: Shards | None = None
    ) -> None:
        """Name something the step leaves behind and nobody asked for: logs, intermediate checkpoints.

        Arguments are those of an output.

        Raises:
            UsageError: as for an output.
        """
        self._inventory.add_byproduct(path, name, shards)

    def wrote(self, path: str | os.PathLike[str]) -> None:
        """Have a file digested, in the background, that other software has written and closed.

        It lies in an output or byproduct that is named, or will be. Its time of change is moved by a
        nanosecond, so that a later write shows. Raises nothing: what is in the way is met when the output is
        digested.
        """
        self.written.wrote(path)

    def open_output(
        self,
        path: str | os.PathLike[str],
        mode: str = "wb",
        *,
        byproduct: bool = False,
        atomic: bool = False,
        fsync: bool = False,
    ) -> OutputFile:
        """Open a file of an output to write to; its digest is taken while it is written.

        What the step writes like this is not read again afterwards, unless it was written out of order or
        somebody else touched it. A file in no output named so far is named as one. Whatever keeps attest from
        that is told and never raised: the step runs on.

        Args:
            path: where to.
            mode: ``wb``, ``xb`` or ``ab``, as of ``open``.
            byproduct: if nobody named it so far, name it as a byproduct (an intermediate checkpoint, a log).
            atomic: give the file its name only when it is closed, whole; nothing is left if the block raises.
            fsync: force it to disk before it is closed.

        Raises:
            UsageError: no such mode.
            OSError: it cannot be opened, as of ``open``.
        """
        file = self.written.open(path, mode, atomic=atomic, fsync=fsync)
        try:
            if not self._inventory.writes(os.path.realpath(path)):
                add = self._inventory.add_byproduct if byproduct else self._inventory.add_output
                add(path, None, None)
        except AttestError as error:
            self._tell(f"{os.fspath(path)} is written and not recorded: {error.what}")
        return file

    def checkpoint(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        step: int | None = None,
        shards: Shards | None = None,
    ) -> None:
        """Have a statement about a checkpoint signed, in the background; returns at once.

        It says what the step's statement would say by now, with this checkpoint as the output; that of the
        step lists it as a byproduct. What keeps it from being signed is told, and never raised.

        Args:
            path: a file or directory, written and closed.
            name: what to call it; by default the last part of the path. Links nothing.
            step: how far the training is, in whatever it counts.
            shards: as of an output.

        Raises:
            RecordingError: the recording was never begun.
        """
        if not self._begun:
            raise RecordingError("the recording was never begun")
        try:
            target = self._inventory.target(path, name, shards)  # alone in its statement
            check_places(self._inventory.sources, [], [target], self.desk.places())
            facts = {"intermediateCheckpoint": {} if step is None else {"step": tagged(step)}}
            provenance = self._account.provenance(datetime.now(UTC), facts)
            self.parameters.guard({"output": target.name})
            sources, targets = self._inventory.sources, self._inventory.targets
            self._checkpoints.add(Checkpoint.of(target, provenance, self.parameters, sources, targets))
        except Exception as error:  # noqa: BLE001 - the training goes on
            self._tell(f"the checkpoint {os.fspath(path)} has no statement: {error}")
        self._tell_checkpoints()

    @property
    def checkpoints(self) -> tuple[Recorded, ...]:
        """The checkpoints whose statements are signed and stored by now."""
        return tuple(self._checkpoints.recorded)

    def _tell_checkpoints(self) -> None:
        for text in self._checkpoints.said():
            self._tell(text)

    def parameter(self, name: str, value: Any) -> None:
        """Record a hyper-parameter.

        Raises:
            SecretError: it looks like a secret.
        """
        self.parameters.add(name, value)

    def secret(self, name: str, value: object = None) -> None:
        """Name a parameter whose value is never recorded, wherever it stands; ``value`` helps to find it."""
        self.parameters.secret(name, value)

    def state(self, name: str, value: Any) -> None:
        """Record a fact the recorder itself knows (``internalParameters``)."""
        self._account.facts[name] = value

    def counts(self, into: int | None = None, out: int | None = None, removed: int | None = None) -> None:
        """Record how many records went in, came out and were removed.

        Raises:
            UsageError: one is no whole number.
        """
        for name, number in (("in", into), ("out", out), ("removed", removed)):
            if number is not None:
                self.parameters.count(name, number)

    # ── before it runs ──

    def begin(self, *, declared: bool = False) -> None:
        """Check everything that can be checked before the step runs, and digest the inputs named so far.

        1. The signer opens; the store can be written.
        2. Outputs have a folder to be in, and none lies in an input.
        3. The statement as far as it is known can be written, and nothing in it looks like a secret.
        4. The inputs can be digested, and a statement explains each that needs one.
        5. What is already where the outputs will be is noted.

        Args:
            declared: all inputs and outputs are named; a step that lacks one its kind must have is refused.

        Raises:
            AttestError: any of these is not so.
        """
        self.desk.open()  # 1
        for source in self._inventory.sources:  # 2
            source.check_reason()
        self._inventory.check_places()
        if declared:
            self._inventory.check_whole()
        self._account.gather(self._options.get("command"))  # 3
        self._account.check()
        with self.desk.read() as store:  # 4
            for source in self._inventory.sources:
                self._measure(source, store)
        for target in self._inventory.outputs:  # 5
            if target.look() and not self._past:
                self._tell(f"{target.path} is there already: what the step leaves in it counts as made by it")
        self._begun = True
        if not self._past:
            self.started = datetime.now(UTC)

    @property
    def materials(self) -> list[Material]:
        """The inputs named so far; once the recording has begun, with their digests."""
        return self._inventory.materials

    def _measure(self, source: Source, store: Store) -> None:
        """Digest an input, and look for the statement that explains it."""
        without = self._inventory.no_code(source) if source.role == "code" else []
        for remark in source.measure(self._inventory.reading(self._manner), without):
            self._tell(remark)
        if not (self._past or self._options.get("allow_removed")):
            self._admission.refuse_returned(source)
        for remark in self._admission.explain(source, store):
            self._tell(remark)

    # ── after it ran ──

    def finish(self) -> Recorded:
        """Digest the outputs, check that the inputs are what they were, sign and store.

        Raises:
            RecordingError: an output is missing or was not written, an input changed, or a process that wrote
                part of an output gave no digests of it: nothing true can be signed.
            FormatError: what such a process gave is not what it should be.
            SpooledError: it could not be signed or stored, and waits for ``attest sign --pending``.
        """
        if not self._begun:
            raise RecordingError("the recording was never begun")
        if not self._past:
            self.finished = self.finished or datetime.now(UTC)
        if not self._inventory.outputs:
            raise RecordingError("the step has no output", hint="name what it writes with output(path)")
        self._checkpoints.drain()
        self._tell_checkpoints()
        for path in self.written.still_open():
            self._tell(f"{path} is still open: its digest is of what is in it by now")
        manner = self._inventory.reading(self._manner)._replace(written=self.written)
        products, byproducts = self._harvest.outputs(manner), self._harvest.byproducts(manner)
        byproducts += self._checkpoints.besides([*products, *byproducts])
        for remark in check_unchanged(self._inventory.sources, self._inventory.targets):
            self._tell(remark)
        if missing := self._inventory.missing_roles():
            self._tell(f"a {self.kind} step reads a {' or a '.join(missing)}, and none is named")
        statement = self._account.provenance(self.finished).statement(products, byproducts)
        self.recorded = Recorded(statement, self._sign(statement, products), tuple(products))
        return self.recorded

    def _sign(self, statement: Statement, products: Sequence[Product]) -> Bundle:
        """Sign and store a statement with the manifests of what it is about, or keep it.

        Raises:
            RecordingError: it was kept, or could not be.
        """
        code = [each.measured for each in self._inventory.sources if each.role == "code"]
        extra = [each.manifest.data for each in code if each and each.manifest]
        manifests = [each.measured.manifest.data for each in products if each.measured.manifest]
        try:
            self.parameters.guard(read_json(statement.payload))
            return self.desk.sign(statement, [*manifests, *extra])
        except (Exception, KeyboardInterrupt) as error:  # whatever it is, the run must not be lost
            if self._past and not isinstance(error, SignatureError):
                raise
            raise self.desk.keep(statement, [each.measured for each in products], extra, error) from error

    # ── as a block ──

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self._checkpoints.drain()  # they are what is left of the run
            self._tell_checkpoints()

    @property
    def statement_digest(self) -> str:
        """SHA-256 of the signed statement, lowercase hex.

        Raises:
            RecordingError: nothing is signed yet.
        """
        if self.recorded is None:
            raise RecordingError(
                "nothing is signed yet", hint="the digest is there after the block has ended"
            )
        return self.recorded.statement.digest


def run(kind: str, **options: Unpack[Options]) -> Recorder:
    """Record a block of code as a step: ``with attest.run("train") as run: …``.

    Args:
        kind: what the step does, one of ``attest.predicates.step.KINDS``.
        options: how it is recorded.

    Raises:
        UsageError: what ``Recorder`` refuses.
    """
    return Recorder(kind, **options)
