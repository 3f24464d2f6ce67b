"""Canonical JSON out (RFC 8785) and I-JSON in (RFC 7493)."""

from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest import canonical
from attest.canonical import MAX_SAFE_INTEGER, canonical_bytes, read_again, read_json, tagged
from attest.errors import FormatError, LimitError
from attest.limits import Limits

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# RFC 8785 writes large whole floats like integers, which are then beyond what it writes
NUMBERS = st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | st.floats(
    allow_nan=False, allow_infinity=False
).filter(lambda number: abs(number) <= MAX_SAFE_INTEGER or abs(number) >= 1e21)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)

# ── out ──

# RFC 8785, appendix B: the double's bits and what is written
NUMBER_VECTORS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "written"), NUMBER_VECTORS.items())
def test_numbers_are_written_as_the_rfc_lists_them(bits, written):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number) == written.encode()


def test_the_sample_of_the_rfc():
    """RFC 8785, 3.2.2 to 3.2.4."""
    source = rb"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_bytes(read_json(source)) == expected.encode()


def test_keys_are_sorted_by_utf_16_code_units():
    """RFC 8785, 3.2.3: the emoji's surrogates sort before U+FB33, though its code point is higher."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = canonical_bytes(dict.fromkeys(names, 0))
    assert list(json.loads(written)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@given(JSON)
def test_what_is_written_is_read_back_and_written_the_same(value):
    written = canonical_bytes(value)
    assert read_json(written) == value
    assert canonical_bytes(read_json(written)) == written


@given(st.dictionaries(TEXT, st.integers(0, 9), min_size=2))
def test_the_order_of_keys_does_not_count(value):
    assert canonical_bytes(dict(reversed(value.items()))) == canonical_bytes(value)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, ..., b"x"],
    ids=repr,
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(FormatError, match="cannot be written as canonical JSON"):
        canonical_bytes({"value": value})


def test_a_value_that_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(FormatError, match="recursion"):
        canonical_bytes(endless)


# ── tagged numbers ──


@pytest.mark.parametrize(
    ("value", "signed"),
    [
        (2**53 - 1, 9007199254740991),
        (2**53, "int:9007199254740992"),
        (-(2**63), "int:-9223372036854775808"),
        (math.nan, "float:nan"),
        (math.inf, "float:inf"),
        (-math.inf, "float:-inf"),
        (2.0**53, "float:9007199254740992.0"),
        (1e21, 1e21),
        (True, True),
        ((1, 2), [1, 2]),
        ({1: {"a": math.nan}}, {"1": {"a": "float:nan"}}),
        (complex(1, 2), "(1+2j)"),
    ],
)
def test_numbers_json_cannot_carry_are_tagged(value, signed):
    assert tagged(value) == signed


def test_two_keys_that_are_written_alike_are_not_merged_in_silence():
    with pytest.raises(FormatError, match="same in writing"):
        tagged({1: "a", "1": "b"})


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    )
)
def test_everything_tagged_can_be_signed_and_is_read_back(value):
    assert read_json(canonical_bytes(tagged(value))) == tagged(value)


# ── in ──

REFUSED = {
    "duplicate key": (b'{"a": 1, "b": 2, "a": 3}', "duplicate key 'a'"),
    "duplicate key, once escaped": (b'{"a": 1, "\\u0061": 3}', "duplicate key 'a'"),
    "duplicate key, deep": (b'[[{"x": {"a": 1, "a": 1}}]]', "duplicate key 'a'"),
    "NaN": (b'{"a": NaN}', "NaN is not JSON"),
    "infinity": (b"[-Infinity]", "-Infinity is not JSON"),
    "infinity by a large exponent": (b"[1e400]", "1e400 is beyond"),
    "infinity by many digits": (b"-" + b"9" * 400 + b".0", "is beyond"),
    "an integer of 5,000 digits": (b"7" * 5000, "not JSON we can read"),
    "lone surrogate": (b'["\\ud800"]', "half of a surrogate pair"),
    "lone surrogate, capital": (b'["\\uDFFF"]', "half of a surrogate pair"),
    "lone surrogate in a key": (b'{"\\udc00": 1}', "half of a surrogate pair"),
    "truncated": (b'{"a": "b', "not JSON: Unterminated string.* at line 1, column 7"),
    "empty": (b"", "not JSON: Expecting value at line 1, column 1"),
    "trailing garbage": (b"{}\n{}", "not JSON: Extra data at line 2, column 1"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
    "UTF-16": ("{}".encode("utf-16"), "not UTF-8 at byte 0"),
    "byte order mark": (b"\xef\xbb\xbf{}", "BOM"),
    "control character in a string": (b'"\x01"', "Invalid control character"),
    "line break in a string": (b'"a\nb"', "Invalid control character"),
    "comment": (b"{} // x", "Extra data"),
    "trailing comma": (b"[1,]", "not JSON"),
    "single quotes": (b"{'a': 1}", "not JSON"),
    "leading zero": (b"[01]", "not JSON"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_i_json_is_refused_with_its_reason_and_place(data, reason):
    with pytest.raises(FormatError, match=reason) as caught:
        read_json(data, "file.json:3")
    assert caught.value.where == "file.json:3"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
@pytest.mark.parametrize("depth", [65, 10_000, 100_000])
def test_deep_nesting_is_a_limit_and_no_crash(opening, closing, depth):
    times = depth // opening.count(b"[") if b"{" not in opening else depth
    with pytest.raises(LimitError, match="json depth"):
        read_json(opening * times + b"1" + closing * times)


def test_an_open_bracket_bomb_is_refused_too():
    with pytest.raises(FormatError):
        read_json(b"[" * 1_000_000)


def test_the_limit_of_depth_is_exact():
    assert read_json(b"[" * 64 + b"]" * 64)
    # brackets inside strings are no nesting
    assert read_json(json.dumps(["[" * 100]).encode()) == ["[" * 100]
    with pytest.raises(LimitError, match="json depth: 65 is above the limit of 64"):
        read_json(b"[" * 65 + b"]" * 65)


def test_the_limit_of_strings_counts_bytes_and_keys():
    limits = Limits(string_bytes=10)
    assert read_json(json.dumps(["ä" * 5], ensure_ascii=False).encode(), limits=limits) == ["äääää"]
    for value in (["ä" * 6], {"k" * 11: 1}, [[{"a": "x" * 11}]]):
        with pytest.raises(LimitError, match="string bytes"):
            read_json(json.dumps(value, ensure_ascii=False).encode(), limits=limits)


def test_a_whole_surrogate_pair_is_one_character():
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(data):
    try:
        value = read_json(data)
    except FormatError:
        return
    assert value == json.loads(data)


@given(JSON, st.data())
def test_a_truncated_document_is_never_read(value, data):
    written = json.dumps([value]).encode()
    end = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(FormatError):
        read_json(written[:end])


# ── the quick way to read, and the slow one ──


def slowly(data: bytes):
    """Read with the quick way closed."""
    quick = canonical._read_compact
    canonical._read_compact = lambda _: canonical._UNDECIDED
    try:
        return told(data)
    finally:
        canonical._read_compact = quick


def told(data: bytes):
    try:
        return repr(read_json(data))  # tells 1 from 1.0 and True, and 0.0 from -0.0
    except (FormatError, LimitError) as error:
        return type(error), str(error)


_TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b" ",
    b'"a"',
    b'"b"',
    b'"\\u00e9"',
    b'"\xc3\xa9"',
    b'"\\"',
    b'":"',
]
_TOKENS += [
    b"1",
    b"-0",
    b"-0.0",
    b"1.0",
    b"1e2",
    b"1e400",
    b"true",
    b"null",
    b"NaN",
    b'"\\ud800"',
    b"\n",
    b"9" * 30,
]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.sampled_from(_TOKENS), max_size=16).map(b"".join))
def test_both_ways_read_and_refuse_the_same_tokens(data):
    assert told(data) == slowly(data)


@given(_VALUES, st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_both_ways_read_and_refuse_the_same_values(value, ascii_only, separators):
    data = json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "surrogatepass")
    assert told(data) == slowly(data)
    assert told(b'{"x":%s,"x":%s}' % (data, data)) == slowly(b'{"x":%s,"x":%s}' % (data, data))


@pytest.mark.parametrize("key", ["a", "", "\u00e9", ":", '"', "a" * 100])
def test_a_key_twice_is_never_read_the_quick_way(key):
    name = json.dumps(key, ensure_ascii=False).encode()
    for data in (b"{%s:1,%s:1}" % (name, name), b'[{"k":{%s:1,"z":2,%s:1}}]' % (name, name)):
        assert canonical._read_compact(data) is canonical._UNDECIDED
        with pytest.raises(FormatError, match="duplicate key"):
            read_json(data)


@given(_VALUES)
def test_what_was_read_is_read_again_the_same(value):
    data = json.dumps(value).encode()
    if isinstance(said := told(data), str):
        assert repr(read_again(data)) == said
