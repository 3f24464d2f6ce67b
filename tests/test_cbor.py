"""Deterministic CBOR: the bytes of an independent implementation, and the examples of the RFC."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.cbor import encode
from attest.errors import FormatError

cbor2 = pytest.importorskip("cbor2", reason="cbor2 is not installed (group test)")

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**80), 2**80),
        st.floats(allow_nan=False),
        st.floats(width=16, allow_nan=False),
        st.text(),
        st.binary(max_size=300),
    ),
    lambda inner: st.lists(inner, max_size=30),
    max_leaves=20,
)


@given(values)
def test_the_bytes_are_those_of_another_implementation(value):
    assert encode(value) == cbor2.dumps(value, canonical=True)
    assert cbor2.loads(encode(value)) == value


# RFC 8949, appendix A
EXAMPLES = [
    (0, "00"), (23, "17"), (24, "1818"), (1000000, "1a000f4240"),
    (18446744073709551615, "1bffffffffffffffff"),
    (18446744073709551616, "c249010000000000000000"), (-18446744073709551617, "c349010000000000000000"),
    (-1, "20"), (-1000, "3903e7"), (0.0, "f90000"), (-0.0, "f98000"), (1.5, "f93e00"), (65504.0, "f97bff"),
    (100000.0, "fa47c35000"), (1.1, "fb3ff199999999999a"), (5.960464477539063e-8, "f90001"),
    (math.inf, "f97c00"), (-math.inf, "f9fc00"), (False, "f4"), (True, "f5"), (None, "f6"),
    (b"\1\2\3\4", "4401020304"), ("ü", "62c3bc"), ([1, [2, 3]], "8201820203"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), EXAMPLES)
def test_examples_of_the_rfc(value, expected):
    assert encode(value).hex() == expected


@pytest.mark.parametrize("bits", ["7ff8000000000000", "fff8000000000001", "7ff0000000000001"])
def test_there_is_one_nan(bits):
    assert encode(struct.unpack(">d", bytes.fromhex(bits))[0]).hex() == "f97e00"


@pytest.mark.parametrize(
    ("value", "message"), [("\ud800", "surrogate"), ({1: 2}, "type dict"), (1j, "complex")]
)
def test_what_has_no_form_is_refused(value, message):
    with pytest.raises(FormatError, match=message):
        encode(value)
