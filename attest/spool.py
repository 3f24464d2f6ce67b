"""Statements that wait to be signed: neither a recording error nor a service that is down costs a run.

For each there are, in a folder of the owner's alone, ``<statement digest>.json`` (exactly the bytes to be
signed), ``<statement digest>.outputs`` (where its outputs are on this disk, which no statement says), and
manifests that cannot be made again. The statement is written last and removed first: where there is one, the
rest is there too. Before it is signed, the outputs are digested again.

A step's statement that waited says so (``internalParameters.signedLate``): it is signed by whoever signs
then, and its trusted time says nothing of when the step ran.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attest.bundle import Bundle
from attest.canonical import canonical_bytes, read_json
from attest.digest import is_sha256, sha256_bytes
from attest.errors import AttestError, DigestError, FormatError, RecordingError, SignatureError
from attest.files import read_own, write_file
from attest.hashing import Progress
from attest.manifest import Measured, digest_path
from attest.predicate import predicate_type
from attest.predicates.step import kind_of
from attest.secrets import refuse_secrets
from attest.signer import Signer
from attest.statement import Statement
from attest.store import Store

__all__ = [
    "FOLDER",
    "Pending",
    "pending",
    "settle",
    "settle_all",
    "signed_late",
    "spool",
    "spool_given",
]

FOLDER = "spool"
"""Name of the folder, beside the store."""


@dataclass(frozen=True)
class Pending:
    """A statement that waits."""

    path: Path
    """The file that holds its bytes."""

    @property
    def digest(self) -> str:
        """The statement's digest, by the file's name."""
        return self.path.stem

    def beside(self, suffix: str) -> Path:
        """Return the path of another file of the same statement."""
        return self.path.with_name(f"{self.digest}.{suffix}")


def spool(
    folder: Path,
    statement: Statement,
    outputs: Sequence[Measured],
    manifests: Iterable[bytes],
    held: str | None = None,
) -> Pending:
    """Put a statement into the folder, to be signed later.

    Args:
        folder: made if it is not there, for its owner alone.
        statement: what would have been signed; of a step, see ``signed_late``.
        outputs: what it is about, as far as it is on this disk.
        manifests: that will be stored with it, besides those of the outputs.
        held: why it must not be signed by ``settle``, but only by somebody who looked at it.

    Raises:
        AttestError: it cannot be written.
    """
    digests = {sha256_bytes(data): data for data in manifests}
    places = [_place(each) for each in outputs]
    local = {"outputs": places, "manifests": [*digests], "held": held, "given": not places}
    return _write(folder, statement, local, digests)


def spool_given(folder: Path, statement: Statement) -> Pending:
    """Put a statement that somebody else made into the folder: what it is about need not be on this disk.

    Raises:
        AttestError: it cannot be written.
    """
    local: dict[str, Any] = {"outputs": [], "manifests": [], "held": None, "given": True}
    return _write(folder, statement, local, {})


def _write(
    folder: Path, statement: Statement, local: Mapping[str, Any], manifests: Mapping[str, bytes]
) -> Pending:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / ".gitignore").write_text("*\n", "ascii")
    except OSError as error:
        raise AttestError(f"cannot be written: {error.strerror}", str(folder)) from error
    entry = Pending(folder / f"{statement.digest}.json")
    for digest, data in manifests.items():
        write_file(entry.beside(f"{digest}.manifest"), [data], private=True)
    write_file(entry.beside("outputs"), [canonical_bytes(local)], private=True)
    write_file(entry.path, [statement.payload], private=True)
    return entry


def signed_late(statement: Statement) -> Statement:
    """Return a step's statement with the words that it was signed late; any other has no place for them."""
    if statement.predicate_type != predicate_type("step"):
        return statement
    value = read_json(statement.payload)
    definition = value["predicate"].get("buildDefinition")
    if not isinstance(definition, dict) or kind_of(str(definition.get("buildType"))) is None:
        return statement
    definition["internalParameters"] = {**(definition.get("internalParameters") or {}), "signedLate": True}
    return Statement.for_signing(canonical_bytes(value))


def _place(measured: Measured) -> dict[str, Any]:
    return {
        # a path need not be UTF-8, and JSON must be
        "path": os.fsencode(measured.path.absolute()).hex(),
        "sha256": measured.artifact.sha256,
        "tree": measured.artifact.tree,
        "exclude": list(measured.excluded.patterns),
        "symlinks": measured.symlinks,
    }


def pending(folder: Path) -> list[Pending]:
    """Return what waits in the folder, sorted by digest; a folder that is not there holds nothing.

    Raises:
        AttestError: the folder cannot be read.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise AttestError(f"cannot be read: {error.strerror}", str(folder)) from error
    return [Pending(folder / name) for name in names if name.endswith(".json") and is_sha256(name[:-5])]


def _read(path: Path) -> bytes:
    """Read a file that only its owner can have written: whoever writes here decides what is signed."""
    try:
        return read_own(path)
    except AttestError as error:
        raise RecordingError(error.what, error.where, error.hint) from error


@dataclass(frozen=True)
class _Ready:
    """A statement that waits, and that was found to be as it should."""

    entry: Pending
    statement: Statement
    manifests: Sequence[bytes]
    kept: Sequence[Path]
    """Files of the manifests that could not be made again."""

    def finish(self, bundle: Bundle, store: Store) -> None:
        """Store what was signed, and only then take it out of the folder."""
        store.put([bundle], self.manifests)
        self.entry.path.unlink(missing_ok=True)  # somebody else may have been as fast
        for path in (*self.kept, self.entry.beside("outputs")):
            path.unlink(missing_ok=True)


def settle(
    entry: Pending,
    signer: Signer,
    store: Store,
    *,
    not_secret: Collection[str] = (),
    progress: Progress | None = None,
) -> Statement:
    """Sign a statement that waits, store it, and take it out of the folder.

    1. Its bytes have the digest its name says.
    2. Every output still has the digest it states.
    3. Nothing in it is, or looks like, a secret.
    4. Sign; store bundle and manifests in one transaction; remove its files.

    Raises:
        RecordingError: an output changed or is gone, or the files were tampered with.
        AttestError: it still cannot be signed or stored; it goes on waiting.
    """
    ready = _check(entry, not_secret, progress)
    ready.finish(signer.sign(ready.statement), store)
    return ready.statement


def settle_all(
    entries: Iterable[Pending],
    signer: Signer,
    store: Store,
    *,
    threads: int = 1,
    not_secret: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[tuple[Pending, Statement | AttestError]]:
    """Settle several, and say of each what became of it. One that cannot be keeps none of the others waiting.

    Where a service is down, the rest is not tried: it would wait for the same service.

    Args:
        entries: what waits.
        signer: who signs.
        store: where it goes.
        threads: how many statements may be signed at the same time.
        not_secret: texts that look like a secret and are none.
        progress: who watches while files are digested.
    """
    signing: deque[tuple[_Ready, Future[Bundle]]] = deque()
    down: SignatureError | None = None
    with ThreadPoolExecutor(threads) as pool:
        for entry in entries:
            if down is not None:
                yield entry, SignatureError(f"not tried: {down.what}", down.where, down.hint, code=down.code)
                continue
            try:
                ready = _check(entry, not_secret, progress)
            except AttestError as error:
                yield entry, error
                continue
            signing.append((ready, pool.submit(signer.sign, ready.statement)))
            if len(signing) >= threads:
                found = _signed(*signing.popleft(), store)
                down = found[1] if isinstance(found[1], SignatureError) and found[1].temporary else None
                yield found
        for ready, future in signing:
            yield _signed(ready, future, store)


def _signed(ready: _Ready, future: Future[Bundle], store: Store) -> tuple[Pending, Statement | AttestError]:
    try:
        ready.finish(future.result(), store)
    except AttestError as error:
        return ready.entry, error
    return ready.entry, ready.statement


def _check(entry: Pending, not_secret: Collection[str], progress: Progress | None) -> _Ready:
    """Do the first three steps of ``settle``."""
    payload = _read(entry.path)  # 1
    if sha256_bytes(payload) != entry.digest:
        raise RecordingError("its bytes do not have the digest its name says", str(entry.path))
    statement = Statement.for_signing(payload, str(entry.path))
    local = read_json(_read(entry.beside("outputs")), str(entry.beside("outputs")))
    try:  # 2
        manifests = _outputs(local["outputs"], progress, needed=local.get("given") is not True)
        held = local["held"]
        kept = [entry.beside(f"{sha256}.manifest") for sha256 in local["manifests"] if is_sha256(sha256)]
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("not what was spooled", str(entry.beside("outputs"))) from error
    manifests += [_read(path) for path in kept]
    if held is not None:  # 3
        hint = "look at it; `attest sign FILE` signs it as it is, or `attest record` the step anew"
        raise RecordingError(f"it is held back: {held}", str(entry.path), hint)
    refuse_secrets(read_json(payload), str(entry.path), not_secret)
    return _Ready(entry, statement, manifests, kept)


def _outputs(places: Sequence[Mapping[str, Any]], progress: Progress | None, *, needed: bool) -> list[bytes]:
    """Digest the outputs again and return their manifests."""
    manifests = []
    if needed and not places:
        raise ValueError("no outputs")
    for place in places:
        path = Path(os.fsdecode(bytes.fromhex(place["path"])))
        try:
            found = digest_path(path, exclude=place["exclude"], symlinks=place["symlinks"], progress=progress)
        except DigestError as error:
            raise RecordingError(error.what, error.where, "the statement says what was there") from error
        if (found.artifact.sha256, found.artifact.tree) != (place["sha256"], place["tree"]):
            raise RecordingError(
                f"got sha256:{found.artifact.sha256}, expected sha256:{place['sha256']}",
                str(path),
                "the output changed since the step ran; what the step made cannot be signed any more",
            )
        if found.manifest is not None:
            manifests.append(found.manifest.data)
    return manifests
