"""DSSE: the envelope a signature is made over (secure-systems-lab/dsse v1.0)."""

from __future__ import annotations

__all__ = ["IN_TOTO", "pae"]

IN_TOTO = "application/vnd.in-toto+json"
"""The payload type of an in-toto statement."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: exactly the bytes a DSSE signature covers.

    ``DSSEv1 <length of type> <type> <length of payload> <payload>``, lengths in bytes, decimal.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
