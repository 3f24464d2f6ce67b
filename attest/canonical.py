"""JSON in and out: canonical bytes (RFC 8785) for what we sign, I-JSON (RFC 7493) for what we read."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from attest.errors import FormatError
from attest.limits import DEFAULT, Limits

__all__ = ["canonical_bytes", "read_again", "read_json", "tagged"]

MAX_SAFE_INTEGER = 2**53 - 1


def canonical_bytes(value: Any) -> bytes:
    """Serialise a JSON value so that the same value always gives the same bytes (RFC 8785).

    Raises:
        FormatError: the value has no canonical form (an integer beyond ±2^53, NaN, a lone surrogate,
            something that is not JSON); ``tagged`` makes numbers of any size signable.
    """
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise FormatError(f"cannot be written as canonical JSON (RFC 8785): {error}") from error


def tagged(value: Any) -> Any:
    """Return ``value`` with every number JSON cannot carry exactly turned into a tagged string.

    ``2**63`` becomes ``"int:9223372036854775808"``, ``nan`` becomes ``"float:nan"``; lists, tuples and
    mappings are walked, everything else that is not JSON is shown by ``str``.

    Raises:
        FormatError: two keys of a mapping are the same in writing, as ``1`` and ``"1"`` are.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_SAFE_INTEGER else f"int:{value}"
    if isinstance(value, float):
        # RFC 8785 writes whole numbers below 1e21 without an exponent: readers would take them for integers
        odd = not math.isfinite(value) or MAX_SAFE_INTEGER < abs(value) < 1e21
        return f"float:{value}" if odd else value
    if isinstance(value, dict):
        walked = {str(key): tagged(item) for key, item in value.items()}
        if len(walked) != len(value):
            raise FormatError("two keys are the same in writing", hint="use strings as keys")
        return walked
    if isinstance(value, (list, tuple)):
        return [tagged(item) for item in value]
    return str(value)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise FormatError(f"duplicate key {key[:100]!r}")
            seen.add(key)
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FormatError(f"the number {text[:40]} is beyond what JSON readers agree on")
    return value


def _no_constant(name: str) -> Any:
    raise FormatError(f"{name} is not JSON")


# one for all: making a decoder costs as much as reading a small document
_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite
)


def _check_strings(value: Any, limits: Limits, where: str | None) -> None:
    """Check string sizes, depth and surrogates without recursion."""
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, str):
            try:
                limits.check("string_bytes", len(item.encode()), where)
            except UnicodeEncodeError as error:
                raise FormatError("a string holds half of a surrogate pair", where) from error
        elif isinstance(item, dict):
            limits.check("json_depth", depth, where)
            stack.extend((key, depth) for key in item)
            stack.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            limits.check("json_depth", depth, where)
            stack.extend((child, depth + 1) for child in item)


def read_json(data: bytes, where: str | None = None, limits: Limits = DEFAULT) -> Any:
    """Read I-JSON: UTF-8, no duplicate keys, no NaN, bounded depth and strings.

    Raises:
        FormatError: the bytes are not that; the message says at which line and column.
        LimitError: they are deeper or hold longer strings than ``limits`` allow.
    """
    value = _read_compact(data)
    if value is _UNDECIDED:
        value = _read_any(data, where, limits)
    # most statements are flat and short: they are proven harmless by counting, without a walk
    if (
        len(data) > limits.string_bytes
        or data.count(b"[") + data.count(b"{") > limits.json_depth
        or (b"\\" in data and (b"\\ud" in data or b"\\uD" in data))
    ):
        _check_strings(value, limits, where)
    return value


_UNDECIDED = object()


def _read_compact(data: bytes) -> Any:
    """Read JSON that is the same when it is written again, as signed JSON is, in a fraction of the time.

    What was read holds no key twice; so neither do the bytes, if they are what is written of it. Nor do they
    hold anything else the slow way would refuse but for its size. Of other bytes this decides nothing.
    """
    if b"\n" in data:
        return _UNDECIDED
    try:
        value = orjson.loads(data)
        return value if orjson.dumps(value) == data else _UNDECIDED
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _UNDECIDED


def _read_any(data: bytes, where: str | None, limits: Limits) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", where) from error
    if text.startswith("\ufeff"):
        raise FormatError("not JSON: begins with a byte order mark (BOM)", where, "save it without one")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"not JSON: {error.msg} at {place}", where, "is the file truncated?") from error
    except FormatError as error:
        raise FormatError(error.what, where, error.hint) from error
    except RecursionError:
        limits.check("json_depth", max(data.count(b"[") + data.count(b"{"), limits.json_depth + 1), where)
        raise
    except ValueError as error:  # an integer of more digits than Python converts
        raise FormatError(f"not JSON we can read: {error}", where) from error
    return value


def read_again(data: bytes) -> Any:
    """Read what ``read_json`` took before, the very same bytes: nothing is left to refuse."""
    value = _read_compact(data)
    return json.loads(data) if value is _UNDECIDED else value
