"""Asking a timestamp authority (RFC 3161) to say that a signature existed, so that it survives its key.

What is asked, and so what the authority learns, is the SHA-256 of the signature and nothing else. Here an
answer is checked for being one to this very question. Whether the authority is to be believed is for readers
to say, who pin its root (``attest.verifiers.timestamp``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from attest.bundle import Bundle, with_evidence
from attest.errors import SignatureError
from attest.model import format_time
from attest.service import RETRIES, TIMEOUT, Service
from attest.signer import Around
from attest.statement import Statement

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse
    from rfc3161_client.tsp import TimeStampTokenInfo

__all__ = ["CLOCK_TOLERANCE", "TimestampedSigner", "timestamp"]

CLOCK_TOLERANCE = timedelta(hours=1)
"""How far this machine's clock and the authority's may be apart; further, and one of them is wrong."""

_QUERY = "application/timestamp-query"
_REPLY = "application/timestamp-reply"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_STATUS = {
    1: "granted with modifications",
    2: "rejected",
    3: "waiting",
    4: "revocation warning",
    5: "revocation",
}


def timestamp(url: str, signature: bytes, *, timeout: float = TIMEOUT, retries: int = RETRIES) -> bytes:
    """Ask a timestamp authority for a token over a signature.

    1. Ask for one over the SHA-256 of the signature, with a nonce and with the authority's certificate.
    2. The answer is granted, and to this question: same imprint, same nonce.
    3. It holds the certificate it is signed with, which may stamp and nothing else (RFC 3161, 2.3), and was
       valid at the time it states.
    4. That time and this machine's clock agree, roughly.

    Not checked, for it needs a pinned root: the authority's own signature, and who it is.

    Args:
        url: where the authority answers.
        signature: what is to be stamped.
        timeout: seconds one attempt may take in all.
        retries: how often to ask again if the authority cannot be reached.

    Returns:
        The response (DER), as a bundle holds it.

    Raises:
        UsageError: the URL is none of a service.
        SignatureError: code ``timestamp-`` and ``unreachable``, ``timeout``, ``status``, ``type`` or ``size``
            as of every service; ``malformed``, ``refused``, ``mismatch``, ``certificate`` or ``clock`` for an
            answer that will not do.
    """
    import rfc3161_client

    service = Service(url, "timestamp authority", "timestamp", timeout, retries)
    request = (  # 1
        rfc3161_client.TimestampRequestBuilder()
        .data(signature)
        .hash_algorithm(rfc3161_client.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    answer = service.post(request.as_bytes(), _QUERY, _REPLY)
    try:
        response = rfc3161_client.decode_timestamp_response(answer)
        _check(service, request, response, signature)
    except SignatureError:
        raise
    except Exception as error:  # whatever a hostile token does to its parser
        raise service.error("malformed", "the answer is no timestamp response") from error
    return answer


def _check(
    service: Service, request: TimeStampRequest, response: TimeStampResponse, signature: bytes
) -> None:
    if response.status != 0:  # 2: verifiers take no other, though RFC 3161 knows "with modifications"
        said = "; ".join(response.status_string)[:300]
        what = f"answered: {_STATUS.get(response.status, response.status)}" + (f": {said}" if said else "")
        raise service.error("refused", what)
    token = response.tst_info
    imprint = token.message_imprint
    if (imprint.hash_algorithm.dotted_string, imprint.message) != (
        _SHA256,
        hashlib.sha256(signature).digest(),
    ):
        raise service.error("mismatch", "the token is over something else than the signature")
    if token.nonce != request.nonce:
        raise service.error("mismatch", "the token answers another question: its nonce is not ours")
    _check_certificate(service, response, token)  # 3
    here, there = datetime.now(UTC), _time(token)  # 4
    if abs(there - here) > CLOCK_TOLERANCE:
        raise service.error(
            "clock",
            f"says it is {format_time(there)}, this machine's clock says {format_time(here)}",
            "one of the two clocks is wrong: set this one, or ask another authority",
        )


def _time(token: TimeStampTokenInfo) -> datetime:
    time = token.gen_time
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _check_certificate(service: Service, response: TimeStampResponse, token: TimeStampTokenInfo) -> None:
    signers = [(each.issuer, each.serial_number) for each in response.signed_data.signer_infos]
    certificates = [x509.load_der_x509_certificate(each) for each in response.signed_data.certificates]
    found = [each for each in certificates if [(each.issuer, each.serial_number)] == signers]
    if len(found) != 1:
        raise service.error("certificate", "the token lacks the certificate it is signed with")
    try:
        usage = found[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        usage = None
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise service.error(
            "certificate", "the token is signed with a certificate that is not for timestamps"
        )
    start, end = found[0].not_valid_before_utc, found[0].not_valid_after_utc
    if not start <= _time(token) <= end:
        raise service.error(
            "certificate",
            f"its certificate is valid from {format_time(start)} to {format_time(end)}, "
            f"the token states {format_time(_time(token))}",
        )


@dataclass(frozen=True)
class TimestampedSigner(Around):
    """Another signer, and every bundle it makes gets a token of each timestamp authority.

    A statement is signed only if all of them answer: one that was asked for and is missing would be found
    missing when the key is gone.
    """

    urls: Sequence[str]

    def sign(self, statement: Statement) -> Bundle:
        """Sign, then ask for the time.

        Raises:
            SignatureError: it cannot be signed, or an authority does not answer as it should.
        """
        bundle = self.inner.sign(statement)
        return with_evidence(bundle, [timestamp(url, bundle.signature) for url in self.urls])
