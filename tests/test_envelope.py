"""DSSE's pre-authentication encoding, held against the specification's own example."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from attest.envelope import IN_TOTO, pae

# secure-systems-lab/dsse, protocol.md, "Test vectors"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SIGNATURE = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="


def test_the_vector_of_the_specification():
    message = pae("http://example.com/HelloWorld", b"hello world")
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    raw = base64.b64decode(SIGNATURE)
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    key.verify(signature, message, ec.ECDSA(hashes.SHA256()))


def test_lengths_are_bytes_and_nothing_is_interpreted():
    assert pae("", b"") == b"DSSEv1 0  0 "
    assert pae("ä", "ä\n".encode()) == b"DSSEv1 2 \xc3\xa4 3 \xc3\xa4\n"
    assert pae(IN_TOTO, b"{}") == b"DSSEv1 28 application/vnd.in-toto+json 2 {}"


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
)
def test_what_differs_is_signed_differently(kind, payload, other_kind, other_payload):
    """No payload can borrow from its type: the encoding is injective."""
    same = (kind, payload) == (other_kind, other_payload)
    assert (pae(kind, payload) == pae(other_kind, other_payload)) == same
