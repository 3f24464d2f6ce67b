"""Who signs: one way of signing per file of ``attest.signers``, chosen by the scheme of ``--signer``."""

from __future__ import annotations

from typing import Protocol

from attest.bundle import Bundle
from attest.keys import PublicKey
from attest.registry import Registry
from attest.statement import Statement

__all__ = ["SIGNERS", "Signer", "open_signer"]

SIGNERS = Registry("signer", {"file": "attest.signers.file:open_file"}, "attest.signers")
"""Scheme → ``open(rest, passphrase) -> Signer``."""


class Signer(Protocol):
    """Makes one bundle per statement."""

    @property
    def identity(self) -> dict[str, str]:
        """Whom the bundle will name as its signer, as ``contents`` lists it: ``{"key": "<SHA-256>"}``."""

    @property
    def public(self) -> PublicKey | None:
        """The long-lived key its bundles are verified with, or ``None`` if there is no such key."""

    def sign(self, statement: Statement) -> Bundle:
        """Sign the statement's bytes as they are.

        Raises:
            SignatureError: the key cannot sign.
        """


def open_signer(uri: str, passphrase: bytes | None = None) -> Signer:
    """Open a signer by its URI: ``file:PATH`` or a bare path for a local key.

    Raises:
        UsageError: no signer has that scheme.
        SignatureError: the key cannot be read (wrong passphrase, not a key, unsupported algorithm).
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in SIGNERS:
        # a bare path may hold a colon; a scheme never holds a slash or a dot
        if colon and scheme.isalnum() and not uri.startswith(("/", ".")):
            SIGNERS.load(scheme)
        scheme, rest = "file", uri
    signer: Signer = SIGNERS.load(scheme)(rest, passphrase)
    return signer
