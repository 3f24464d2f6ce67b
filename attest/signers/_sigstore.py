"""The one place that knows the inside of sigstore-python: what it lacks is put around it here.

It asks Fulcio and Rekor without timeouts, takes a missing timestamp for a warning, and logs a statement
before it knows that anybody will accept the bundle. Here every service is bounded
(``attest.signers._patience``), what a service returns is checked against the instance's trusted root before
the next one is asked, and the finished bundle is verified before anybody gets it.

Source: sigstore-python 4.5.1 (``sigstore.sign``, ``sigstore._internal``); rekor-tiles ``CLIENTS.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from rfc3161_client import TimeStampResponse, decode_timestamp_response
from sigstore import dsse
from sigstore._internal.rekor import EntryRequestBody, RekorClientError
from sigstore._internal.rekor.client import RekorClient
from sigstore._internal.trust import KeyringPurpose
from sigstore.errors import Error, TUFError
from sigstore.models import ClientTrustConfig, TransparencyLogEntry, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore.verify import Verifier
from tuf.api.exceptions import RepositoryError

from attest.errors import FormatError, SignatureError
from attest.keyless import Keyless
from attest.limits import DEFAULT
from attest.model import format_time
from attest.signers._patience import Patience
from attest.timestamping import timestamp

__all__ = ["Certificate", "Instance"]

_CLOCK_TOLERANCE = timedelta(minutes=5)
_PUBLIC_HOSTS = (".sigstore.dev", ".sigstage.dev")
_UUID = re.compile(r"[0-9a-f]{64}(?:[0-9a-f]{16})?")
_CONFLICT = 409
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
"""Extension of Fulcio's certificates: the issuer as bare text."""


class Instance:
    """A Sigstore: whom it consists of, and what it is trusted by.

    Args:
        keyless: which one.

    Raises:
        SignatureError: code ``instance-`` and ``unreadable``, ``unreachable``, ``untrusted`` or
            ``malformed``.
    """

    def __init__(self, keyless: Keyless) -> None:
        self.keyless = keyless
        config = _read(keyless)
        where = keyless.instance
        try:
            self.root: TrustedRoot = config.trusted_root
            signing = config.signing_config
            self._rekor: Any = signing.get_tlogs()[0]
            self._fulcio = signing.get_fulcio()
            self.timestamps: tuple[str, ...] = tuple(each.url for each in signing.get_tsas())
            self.oidc: str | None = signing.get_oidc_url() if signing._oidcs else None  # noqa: SLF001
            self._verifier = Verifier(trusted_root=self.root)
        except (Error, ValueError) as error:
            what = f"cannot be signed with: {error}"[:500]
            raise SignatureError(what, where, code="instance-malformed") from error
        self.logs_statement: bool = isinstance(self._rekor, RekorClient)
        """Whether the log is sent the whole statement (Rekor v1) and not its digest alone (v2)."""
        if not self.logs_statement and not self.timestamps:
            what = "its log states no time (Rekor v2), and it has no timestamp authority"
            raise SignatureError(what, where, code="instance-malformed")

    @property
    def log_url(self) -> str:
        """URL of the transparency log."""
        return str(self._rekor.url).partition("/api/v")[0]

    @property
    def fulcio_url(self) -> str:
        """URL of who issues certificates."""
        return str(self._fulcio.url)

    @property
    def public(self) -> bool:
        """Whether what is logged can be read by everybody: it is known to be one of the public instances."""
        hosts = [f".{urlsplit(url).hostname or ''}" for url in (self.log_url, self.fulcio_url)]
        return self.keyless.is_public or any(host.endswith(_PUBLIC_HOSTS) for host in hosts)

    def certificate(self, token: IdentityToken) -> Certificate:
        """Have a certificate issued for an identity and a key made for it.

        Raises:
            SignatureError: code ``fulcio-`` and ``unreachable``, ``timeout``, ``status``, ``refused``,
                ``size``, ``malformed``, ``untrusted`` or ``clock``.
        """
        fulcio = Patience("fulcio", "certificate authority", self.keyless.timeout)
        _mount(self._fulcio.session, fulcio)
        log: Any = _Log(self._rekor, self.root, self.keyless.timeout)
        clocks: Any = [_Clock(url, self._verifier, self.keyless.timeout) for url in self.timestamps]
        context = SigningContext(fulcio=self._fulcio, rekor=log, trusted_root=self.root, tsa_clients=clocks)
        with _translated(fulcio, self.fulcio_url), context.signer(token, cache=True) as signer:
            leaf = signer._signing_cert()  # noqa: SLF001
        self._check(leaf, signer, fulcio)
        return Certificate(leaf, signer, self._verifier)

    def _check(self, leaf: x509.Certificate, signer: Signer, fulcio: Patience) -> None:
        if leaf.public_key() != signer._private_key.public_key():  # noqa: SLF001
            raise fulcio.error(
                "untrusted", "the certificate is not for the key it was asked for", self.fulcio_url
            )
        if not any(_issued(leaf, authority) for authority in self.root.get_fulcio_certs()):
            what = "the certificate is not by an authority of the instance's trusted root"
            raise fulcio.error("untrusted", what, self.fulcio_url)
        now = datetime.now(UTC)
        start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if not start - _CLOCK_TOLERANCE <= now <= end + _CLOCK_TOLERANCE:
            what = (
                f"the certificate is valid from {format_time(start)} to {format_time(end)}, "
                f"this machine's clock says {format_time(now)}"
            )
            raise fulcio.error("clock", what, self.fulcio_url, "is this machine's clock right?")


def _issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read(keyless: Keyless) -> ClientTrustConfig:
    where = keyless.instance
    try:
        if keyless.path is not None:
            return ClientTrustConfig.from_json(_text(keyless.path))
        if where == "production":
            return ClientTrustConfig.production()
        if where == "staging":
            return ClientTrustConfig.staging()
        return ClientTrustConfig.from_tuf(where, bootstrap_root=Path(keyless.root or ""))
    except TUFError as error:
        cause = error.__cause__ or error
        what = f"its TUF repository cannot be used: {type(cause).__name__} {cause}".strip()[:500]
        # metadata that was had and is not believed stays unbelieved
        reason = "untrusted" if isinstance(cause, RepositoryError) else "unreachable"
        raise SignatureError(what, where, code=f"instance-{reason}") from error
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SignatureError(what, error.filename or where, code="instance-unreadable") from error
    except (Error, ValueError) as error:
        what = "is no client trust configuration of Sigstore"
        raise SignatureError(what, where, code="instance-malformed") from error


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(DEFAULT.string_bytes * 64 + 1)
    if len(data) > DEFAULT.string_bytes * 64:
        raise ValueError("too large")
    return data.decode()


def _mount(session: requests.Session, patience: Patience) -> None:
    for scheme in ("http://", "https://"):
        session.mount(scheme, patience)


@contextmanager
def _translated(service: Patience, url: str) -> Iterator[None]:
    """Make a ``SignatureError`` of whatever an answer does to its parser."""
    try:
        yield
    except SignatureError:
        raise
    except Error as error:
        raise service.error("untrusted", f"its answer does not verify: {error}"[:500], url) from error
    except Exception as error:
        what = f"its answer cannot be read: {type(error).__name__}: {error}"[:300]
        raise service.error("malformed", what, url) from error


class _Clock:
    """A timestamp authority in the place of sigstore-python's: without its token nothing goes on."""

    def __init__(self, url: str, verifier: Verifier, seconds: float) -> None:
        self.url = url
        self._verifier = verifier
        self._seconds = seconds

    def request_timestamp(self, signature: bytes) -> TimeStampResponse:
        """Return a token over a signature, by an authority of the trusted root."""
        response = decode_timestamp_response(timestamp(self.url, signature, timeout=self._seconds / 3))
        if self._verifier._verify_signed_timestamp(response, signature) is None:  # noqa: SLF001
            what = "timestamp authority: the token is not by one of the instance's trusted root"
            raise SignatureError(what, self.url, code="timestamp-untrusted")
        return response


class _Log:
    """A transparency log in the place of sigstore-python's: bounded, asked again, and its answer checked."""

    def __init__(self, inner: Any, root: TrustedRoot, seconds: float) -> None:
        self._inner = inner
        self._keys = root.rekor_keyring(KeyringPurpose.VERIFY)
        self._patience = Patience("rekor", "transparency log", seconds, frozenset({_CONFLICT}))

    def create_entry(self, request: EntryRequestBody) -> TransparencyLogEntry:
        """Log something and return the entry, whose proof and checkpoint verify."""
        _mount(self._inner._session, self._patience)  # noqa: SLF001 - each thread has one of its own
        with _translated(self._patience, self._inner.url):
            try:
                entry: TransparencyLogEntry = self._inner.create_entry(request)
            except RekorClientError as error:
                entry = self._existing(error)
            entry._verify(self._keys)  # noqa: SLF001
        return entry

    def _existing(self, error: RekorClientError) -> TransparencyLogEntry:
        """Return the entry of an attempt whose answer never came: a log takes nothing twice.

        Raises:
            SignatureError: code ``rekor-conflict``: the log does not tell where, as Rekor v2 never does.
        """
        cause = error.__context__
        answer = cause.response if isinstance(cause, requests.HTTPError) else None
        if answer is None or answer.status_code != _CONFLICT:
            raise error
        place = answer.headers.get("location", "") if isinstance(self._inner, RekorClient) else ""
        uuid = _UUID.fullmatch(place.rpartition("/")[2])
        if uuid is None:
            what = "has the signature already, and does not tell where"
            raise self._patience.error(
                "conflict", what, self._inner.url, "sign again: it is another one then"
            )
        found: TransparencyLogEntry = self._inner.log.entries.get(uuid=uuid[0])
        return found

    def _build_dsse_request(self, envelope: dsse.Envelope, certificate: x509.Certificate) -> Any:
        return self._inner._build_dsse_request(envelope=envelope, certificate=certificate)  # noqa: SLF001


class _AnySigner:
    """A policy that leaves it to readers who may sign; here only that the bundle holds together is asked."""

    def verify(self, cert: x509.Certificate) -> None:
        """Accept the certificate."""


class Certificate:
    """A short-lived certificate and its key, which signs until the certificate runs out; from any thread."""

    def __init__(self, leaf: x509.Certificate, signer: Signer, verifier: Verifier) -> None:
        self._leaf = leaf
        self._signer = signer
        self._verifier = verifier

    @property
    def life(self) -> tuple[datetime, datetime]:
        """From when until when it is valid, in UTC."""
        return self._leaf.not_valid_before_utc, self._leaf.not_valid_after_utc

    @property
    def subject(self) -> str:
        """Whom it is for: an e-mail address, or the URI of a workload."""
        names = self._leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return str(next(iter(names)).value)

    @property
    def issuer(self) -> str:
        """URL of the OpenID provider that vouched for the subject."""
        value = self._leaf.extensions.get_extension_for_oid(_ISSUER).value
        assert isinstance(value, x509.UnrecognizedExtension)  # noqa: S101 - cryptography knows no such one
        return value.value.decode()

    def sign(self, payload: bytes) -> str:
        """Sign a statement's bytes, have them stamped and logged, and return the bundle as JSON.

        Raises:
            FormatError: sigstore-python does not take the statement.
            SignatureError: code ``timestamp-…``, ``rekor-…``, or ``sigstore-unverified`` if what came back
                does not hold together.
        """
        try:
            statement = dsse.Statement(payload)
        except Error as error:
            raise FormatError(f"cannot be signed keyless: {error}"[:500]) from error
        try:
            bundle = self._signer.sign_dsse(statement)
        except SignatureError as error:
            if error.code != "rekor-conflict":
                raise
            bundle = self._signer.sign_dsse(statement)  # another signature, which the log cannot have
        try:
            _, signed = self._verifier.verify_dsse(bundle, _AnySigner())
        except Error as error:
            what = f"what the services returned does not verify: {error}"[:500]
            raise SignatureError(what, code="sigstore-unverified") from error
        if signed != payload:
            raise SignatureError("the bundle holds another statement", code="sigstore-unverified")
        return bundle.to_json()
