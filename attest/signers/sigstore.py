"""Keyless: Sigstore vouches for an identity with a certificate of minutes, and a log keeps what it signed.

One certificate signs everything a process signs until it runs out, then the next one is had with a new token.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attest.bundle import Bundle, parse_bundle
from attest.errors import SignatureError, UsageError
from attest.keyless import Keyless
from attest.statement import Statement

if TYPE_CHECKING:
    from attest.signers._sigstore import Certificate, Instance

__all__ = ["SigstoreSigner", "open_sigstore"]

_MARGIN = timedelta(seconds=60)
"""A certificate with less than this left, or a fifth of its life, is replaced: logs need their time, too."""

_SHOWN_SUBJECTS = 5


class SigstoreSigner:
    """Signs with short-lived certificates; from any thread.

    Args:
        keyless: which Sigstore, and whose identity.
    """

    threads = 16
    """Most of the time is spent waiting for logs, of which one takes up entries once a second."""

    def __init__(self, keyless: Keyless) -> None:
        self.keyless = keyless
        self.tell: Callable[[str], None] = _nothing
        """Is told what becomes public, before it does."""
        self._lock = threading.Lock()
        self._instance: Instance | None = None
        self._certificate: Certificate | None = None

    def prepare(self) -> None:
        """Check everything that can be checked before there is something to sign, and publish nothing.

        A service that is down now may be up when the step has ended, and is passed over.

        Raises:
            UsageError: what is signed would become public, and nobody allowed that.
            SignatureError: the instance or the identity token cannot be used.
        """
        from attest.signers._sigstore import Instance
        from attest.signers._token import given_token

        if self._certificate is not None and not _runs_out(self._certificate):
            return  # it all went well a few minutes ago
        if self.keyless.is_public and not self.keyless.publish:
            raise _not_allowed(f"the public Sigstore ({self.keyless.instance})", self.keyless)
        if self.keyless.is_url and self.keyless.root is None:
            hint = "sigstore: {instance: URL, root: FILE}; its operator hands out root.json"
            raise UsageError("a TUF repository needs a root that is trusted", self.keyless.instance, hint)
        try:
            self._allow(Instance(self.keyless))
            given_token(self.keyless)
        except SignatureError as error:
            if not error.temporary:
                raise

    def _allow(self, instance: Instance) -> Instance:
        if instance.public and not self.keyless.publish:
            raise _not_allowed(instance.log_url, self.keyless)
        return instance

    @property
    def identity(self) -> dict[str, str]:
        """Subject and issuer of the certificate, which is had for it if there is none."""
        certificate, _ = self._current()
        return {"subject": certificate.subject, "issuer": certificate.issuer}

    @property
    def public(self) -> None:
        """No key: the bundle is verified with the certificate in it."""
        return

    def sign(self, statement: Statement) -> Bundle:
        """Sign the statement's bytes as they are, as a bundle with certificate, log entry and timestamp.

        Raises:
            UsageError: it would become public, and nobody allowed that.
            FormatError: sigstore-python does not take the statement.
            SignatureError: no identity token (``token-…``, ``oidc-…``); a service is down or does not answer
                as it should (``instance-…``, ``fulcio-…``, ``timestamp-…``, ``rekor-…``).
        """
        certificate, instance = self._current()
        if instance.public:
            self.tell(_published(statement, instance))
        return parse_bundle(certificate.sign(statement.payload).encode())

    def _current(self) -> tuple[Certificate, Instance]:
        """Return a certificate that has time left, and the instance it is of."""
        from attest.signers._login import login
        from attest.signers._sigstore import Instance
        from attest.signers._token import given_token, whom

        with self._lock:  # many threads, one certificate
            if self._certificate is None or self._instance is None or _runs_out(self._certificate):
                instance = self._allow(Instance(self.keyless))  # anew: trust is updated, and keys rotate
                token = given_token(self.keyless)
                if token is None:
                    token = login(_provider(instance), self.keyless)
                if instance.public:
                    who, log = f"{whom(token)} ({token.issuer})", instance.fulcio_url
                    self.tell(f"your identity {who} goes into the public certificate log of {log}, for ever")
                self._certificate, self._instance = instance.certificate(token), instance
            return self._certificate, self._instance


def _nothing(_: str) -> None:
    return


def _runs_out(certificate: Certificate) -> bool:
    start, end = certificate.life
    return datetime.now(UTC) > end - min(_MARGIN, (end - start) / 5)


def _provider(instance: Instance) -> str:
    if instance.oidc is None:
        hint = "name a token with --identity-token-file"
        what = "names no OpenID provider to log in at"
        raise SignatureError(what, instance.keyless.instance, hint, code="token-none")
    return instance.oidc


def _not_allowed(log: str, keyless: Keyless) -> UsageError:
    return UsageError(
        f"what is signed would go into {log}, with your identity, for everybody to read, for ever",
        keyless.uri,
        "--publish, or sigstore: {publish: true} in attest.yaml, allows that; --trust-config names a "
        "Sigstore of your own",
    )


def _published(statement: Statement, instance: Instance) -> str:
    if not instance.logs_statement:
        what = "signature and certificate of statement sha256:{}, but not the statement,"
        return f"{what.format(statement.digest)} go into the public log {instance.log_url}, for ever"
    names = [each.name or "" for each in statement.subjects]
    more = f" and {len(names) - _SHOWN_SUBJECTS} more" if len(names) > _SHOWN_SUBJECTS else ""
    return (
        f"all of statement sha256:{statement.digest} ({len(statement.payload)} bytes, with the names and "
        f"digests of everything it lists) goes into the public log {instance.log_url}, for ever: "
        f"{statement.predicate_type} about {', '.join(names[:_SHOWN_SUBJECTS])}{more}"
    )


_signers: dict[tuple[int, Keyless], SigstoreSigner] = {}
_signers_lock = threading.Lock()


def open_sigstore(rest: str, passphrase: bytes | None = None) -> SigstoreSigner:  # noqa: ARG001 - no key, no passphrase
    """Open ``sigstore:INSTANCE?name=value``, where the names are those of ``Keyless``.

    The same words give the same signer within a process, so that all that it signs shares a certificate.

    Raises:
        UsageError: the words cannot be read, sigstore-python is not installed, or what is signed would become
            public and nobody allowed that.
        SignatureError: the instance or the identity token cannot be used.
    """
    keyless = Keyless.from_uri(rest)
    _check_installed()
    with _signers_lock:
        # a process that was forked has the sockets of its parent: it needs a signer of its own
        signer = _signers.setdefault((os.getpid(), keyless), SigstoreSigner(keyless))
    signer.prepare()
    return signer


def _check_installed() -> None:
    from importlib.metadata import PackageNotFoundError, version

    hint = "pip install 'attest-provenance[sigstore]'"
    try:
        found = version("sigstore")
    except PackageNotFoundError as error:
        raise UsageError("keyless signing needs the package sigstore", hint=hint) from error
    numbers = tuple(int(part) if part.isdigit() else 0 for part in found.split(".")[:3])
    if not (4, 5, 1) <= numbers < (5,):
        raise UsageError(f"sigstore {found[:40]} is installed, expected 4.5.1 or later, before 5", hint=hint)
