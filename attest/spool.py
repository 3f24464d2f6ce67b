"""Statements that wait to be signed: a recording error after a step has run never costs the run.

For each there are, in a folder of the owner's alone, ``<statement digest>.json`` (exactly the bytes to be
signed), ``<statement digest>.outputs`` (where its outputs are on this disk, which no statement says), and
manifests that cannot be made again. The statement is written last and removed first: where there is one, the
rest is there too. Before it is signed, the outputs are digested again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attest.bundle import Bundle
from attest.canonical import canonical_bytes, read_json
from attest.digest import is_sha256, sha256_bytes
from attest.errors import AttestError, DigestError, FormatError, RecordingError
from attest.files import write_file
from attest.hashing import Progress
from attest.manifest import Measured, digest_path
from attest.secrets import refuse_secrets
from attest.signer import Signer
from attest.statement import Statement
from attest.store import Store

__all__ = ["FOLDER", "Pending", "pending", "settle", "spool"]

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
        statement: what would have been signed.
        outputs: what it is about.
        manifests: that will be stored with it, besides those of the outputs.
        held: why it must not be signed by ``settle``, but only by somebody who looked at it.

    Raises:
        AttestError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / ".gitignore").write_text("*\n", "ascii")
    except OSError as error:
        raise AttestError(f"cannot be written: {error.strerror}", str(folder)) from error
    entry = Pending(folder / f"{statement.digest}.json")
    digests = []
    for data in manifests:
        digests.append(sha256_bytes(data))
        write_file(entry.beside(f"{digests[-1]}.manifest"), [data], private=True)
    local = {"outputs": [_place(each) for each in outputs], "manifests": digests, "held": held}
    write_file(entry.beside("outputs"), [canonical_bytes(local)], private=True)
    write_file(entry.path, [statement.payload], private=True)
    return entry


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
        with path.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022):
                raise RecordingError(
                    "belongs to another user, or others may write it: it is not signed",
                    str(path),
                    "look at what it says, and chown or chmod it if it is yours",
                )
            return stream.read()
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror}", str(path)) from error


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
    payload = _read(entry.path)  # 1
    if sha256_bytes(payload) != entry.digest:
        raise RecordingError("its bytes do not have the digest its name says", str(entry.path))
    statement = Statement.for_signing(payload, str(entry.path))
    local = read_json(_read(entry.beside("outputs")), str(entry.beside("outputs")))
    try:  # 2
        manifests = _outputs(local["outputs"], progress)
        held = local["held"]
        kept = [entry.beside(f"{sha256}.manifest") for sha256 in local["manifests"] if is_sha256(sha256)]
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("not what was spooled", str(entry.beside("outputs"))) from error
    manifests += [_read(path) for path in kept]
    if held is not None:  # 3
        hint = "look at it; `attest sign FILE` signs it as it is, or `attest record` the step anew"
        raise RecordingError(f"it is held back: {held}", str(entry.path), hint)
    refuse_secrets(read_json(payload), str(entry.path), not_secret)
    bundle: Bundle = signer.sign(statement)  # 4
    store.put([bundle], manifests)
    entry.path.unlink(missing_ok=True)  # somebody else may have been as fast
    for path in (*kept, entry.beside("outputs")):
        path.unlink(missing_ok=True)
    return statement


def _outputs(places: Sequence[Mapping[str, Any]], progress: Progress | None) -> list[bytes]:
    """Digest the outputs again and return their manifests."""
    manifests = []
    if not places:
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
