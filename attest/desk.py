"""Where statements are signed and kept: a project's signer and store, and the spool for what cannot wait."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from attest.bundle import Bundle
from attest.errors import AttestError, RecordingError, SignatureError, SpooledError
from attest.manifest import Measured
from attest.redaction import NamedSecretError
from attest.rekor_entry import LoggedSigner
from attest.settings import Project
from attest.signer import Signer, open_signer
from attest.spool import FOLDER, signed_late, spool, spool_given
from attest.statement import Statement
from attest.store import Store
from attest.timestamping import TimestampedSigner

__all__ = ["Desk", "spool_folder"]


def spool_folder(project: Project) -> Path:
    """Return where statements of a project wait to be signed."""
    return project.root / ".attest" / FOLDER


class Desk:
    """A project's signer and store.

    Args:
        project: whose.
        passphrase: of the signing key.
        tell: is told what becomes public, before it does.
    """

    def __init__(
        self,
        project: Project,
        passphrase: bytes | None = None,
        *,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.project = project
        self._tell = tell
        self.unsaved: Statement | None = None
        """What could be neither signed nor kept."""
        self._passphrase = passphrase
        self._signer: Signer | None = None
        self._opened = False

    def signer(self) -> Signer:
        """Open the signer; what it signs gets the time of every timestamp authority, and the log's entry.

        Raises:
            UsageError: the project names no signer.
            SignatureError: the key cannot be read.
        """
        if self._signer is None:
            signer = open_signer(self.project.signer_uri, self._passphrase, self._tell)
            if self.project.timestamps:
                signer = TimestampedSigner(signer, self.project.timestamps)
            if self.project.log is not None:  # last: nothing becomes public if an authority is down
                signer = LoggedSigner(signer, self.project.log, self._tell)
            self._signer = signer
        return self._signer

    def open(self) -> Signer:
        """Open the signer and write nothing into the store, so that neither fails when it is needed.

        Raises:
            UsageError: the project names no signer.
            SignatureError: the key cannot be read.
            StoreError: the store cannot be written.
        """
        if not self._opened:
            self.signer()
            with self.project.open_store() as store:
                store.put([])
            self._opened = True
        return self.signer()

    def places(self) -> list[str]:
        """Return the real paths attest writes while it records, and the key it signs with."""
        places = [self.project.root / ".attest"]
        scheme, _, rest = self.project.store_uri.partition(":")
        if scheme == "sqlite":
            places += (Path(rest + end) for end in ("", "-wal", "-shm", "-journal"))
        if self.project.key_file is not None:
            places.append(self.project.key_file)
        return [os.path.realpath(place) for place in places if place.exists()]

    def read(self) -> Store:
        """Open the store for reading, to be closed by the caller.

        Raises:
            StoreError: it cannot be opened.
        """
        return self.project.open_store(read_only=True)

    def sign(self, statement: Statement, manifests: Iterable[bytes] = ()) -> Bundle:
        """Sign a statement and store it with manifests, in one transaction.

        Raises:
            AttestError: it cannot be signed or stored; nothing was stored.
        """
        bundle = self.open().sign(statement)
        with self.project.open_store() as store:
            store.put([bundle], manifests)
        return bundle

    def keep(
        self,
        statement: Statement,
        outputs: Sequence[Measured],
        manifests: Iterable[bytes],
        cause: BaseException,
        *,
        ran: str = "the step ran, but",
    ) -> RecordingError:
        """Keep a statement that could not be signed or stored, and return the error that says so.

        Args:
            statement: of a step that has run, or another one.
            outputs: what it is about.
            manifests: besides those of the outputs.
            cause: why it could not be signed.
            ran: how the message begins.

        Returns:
            A ``SpooledError``; a ``RecordingError`` if it could not even be kept: then it is in ``unsaved``.
        """
        known = cause.what if isinstance(cause, AttestError) else getattr(cause, "strerror", None)
        why = known or str(cause) or type(cause).__name__
        what = f"{ran} could not be signed and stored: {why}"
        kept = list(manifests)
        # what is named secret is known only now, and must not be forgotten
        held = str(cause) if isinstance(cause, NamedSecretError) else None
        for folder in (spool_folder(self.project), None):
            try:
                # among temporary files, a folder nobody else can have made
                other = folder or Path(tempfile.mkdtemp(prefix=f"attest-{FOLDER}-"))
                entry = spool(other, signed_late(statement), outputs, kept, held)
            except (AttestError, OSError):
                continue
            option = "" if folder else f" --spool {other}"
            hint = f"nothing is lost: `attest sign --pending{option}` signs it once that is mended"
            return SpooledError(what, str(entry.path), hint)
        self.unsaved = statement
        return RecordingError(
            f"{what}; its statement could not be kept either", str(spool_folder(self.project))
        )

    def keep_given(self, statement: Statement, cause: SignatureError) -> SpooledError:
        """Keep a statement somebody else made, and return the error that says so.

        Raises:
            AttestError: it cannot be kept.
        """
        entry = spool_given(spool_folder(self.project), statement)
        hint = "`attest sign --pending` signs it once that is mended"
        return SpooledError(f"the statement could not be signed: {cause.what}", str(entry.path), hint)
