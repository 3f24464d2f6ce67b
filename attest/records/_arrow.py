"""Arrow tables as canonical rows: names of types, and values with one form each.

What is only a way of packing makes no difference: dictionaries are read through, large and view types are the
plain ones, of an extension counts what it stores. Times, dates and durations are the whole numbers they are
stored as, in the unit their type names; a decimal is its unscaled number; a map is a list of pairs in its
order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attest.cbor import encode, head
from attest.errors import AttestError, FormatError, UsageError, nearest
from attest.record import person_id

__all__ = ["arrow", "canonical_rows", "filtered", "people_of", "translated", "type_name"]

_PLAIN = {
    "large_string": "string",
    "string_view": "string",
    "large_binary": "binary",
    "binary_view": "binary",
}


def arrow(module: str = "pyarrow") -> Any:
    """Import pyarrow, or a module of it.

    Raises:
        UsageError: it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = "pip install 'attest-provenance[records]'"
        raise UsageError(f"rows of Parquet and CSV need pyarrow: {error}", hint=hint) from error


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what pyarrow raises into an error of ours.

    Raises:
        FormatError: the file could not be read.
    """
    pa = arrow()
    try:
        yield
    except AttestError:
        raise
    except UnicodeDecodeError as error:
        raise FormatError(f"a text is not UTF-8: {error.reason} at byte {error.start}", where) from error
    except (pa.ArrowException, ValueError, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FormatError(f"cannot be read: {first}", where, "is it whole, and of that format?") from error


def type_name(kind: Any) -> str:
    """Return the name of an Arrow type, the same in every version of pyarrow.

    Raises:
        FormatError: values of this type have no canonical form.
    """
    types = arrow("pyarrow.types")
    if isinstance(kind, arrow().BaseExtensionType):
        return type_name(kind.storage_type)
    if types.is_dictionary(kind):
        return type_name(kind.value_type)
    if types.is_union(kind) or types.is_run_end_encoded(kind):
        raise FormatError(f"values of the type {str(kind)[:100]} have no canonical form")
    return _nested_name(kind) or _PLAIN.get(str(kind), str(kind))


def _nested_name(kind: Any) -> str | None:
    types = arrow("pyarrow.types")
    if types.is_struct(kind):
        fields = (kind.field(number) for number in range(kind.num_fields))
        return f"struct<{', '.join(f'{field.name}: {type_name(field.type)}' for field in fields)}>"
    if types.is_map(kind):
        return f"map<{type_name(kind.key_type)}, {type_name(kind.item_type)}>"
    if types.is_fixed_size_list(kind):
        return f"fixed_size_list<{type_name(kind.value_type)}>[{kind.list_size}]"
    if any(getattr(types, f"is_{name}")(kind) for name in _LISTS):
        return f"list<{type_name(kind.value_type)}>"
    return None


def _plain(array: Any) -> list[Any]:
    """Return the values of an array as ``attest.cbor`` writes them."""
    if isinstance(array.type, arrow().BaseExtensionType):
        return _plain(array.storage)
    types = arrow("pyarrow.types")
    for names, read in _READERS:
        if any(getattr(types, f"is_{name}")(array.type) for name in names):
            return read(array)
    return list(array.to_pylist())


def _stored(width: str) -> Callable[[Any], list[Any]]:
    """Return what reads times as the integers they are stored as."""
    return lambda array: list(array.view(getattr(arrow(), width)()).to_pylist())


def _unscaled(value: Any) -> int:
    sign, digits, _ = value.as_tuple()
    number = int("".join(map(str, digits)))
    return -number if sign else number


def _structs(array: Any) -> list[Any]:
    valid = array.is_valid().to_pylist()
    columns = [_plain(child) for child in array.flatten()]
    rows = zip(*columns, strict=True) if columns else (() for _ in valid)
    return [list(row) if there else None for row, there in zip(rows, valid, strict=True)]


def _lists(array: Any) -> list[Any]:
    lengths = arrow("pyarrow.compute").list_value_length(array).to_pylist()
    items = _plain(array.flatten())  # without what lies under lists that are null
    found: list[Any] = []
    start = 0
    for length, there in zip(lengths, array.is_valid().to_pylist(), strict=True):
        found.append(items[start : start + length] if there else None)
        start += length if there else 0
    return found


def _maps(array: Any) -> list[Any]:
    keys, items = _plain(array.keys), _plain(array.items)
    offsets = array.offsets.to_pylist()  # those of the whole array, also of a slice
    return [
        [[keys[at], items[at]] for at in range(start, end)] if there else None
        for start, end, there in zip(offsets, offsets[1:], array.is_valid().to_pylist(), strict=False)
    ]


def _intervals(array: Any) -> list[Any]:
    return [None if each is None else list(each) for each in array.to_pylist()]


def _decimals(array: Any) -> list[Any]:
    return [None if each is None else _unscaled(each) for each in array.to_pylist()]


_LISTS = ("list", "large_list", "list_view", "large_list_view")
_READERS: tuple[tuple[tuple[str, ...], Callable[[Any], list[Any]]], ...] = (
    (("dictionary",), lambda array: _plain(array.dictionary_decode())),
    (("struct",), _structs),
    (("map",), _maps),
    ((*_LISTS, "fixed_size_list"), _lists),
    (("date32", "time32"), _stored("int32")),
    (("date64", "time64", "timestamp", "duration"), _stored("int64")),
    (("interval",), _intervals),
    (("float16",), lambda array: list(array.cast(arrow().float32()).to_pylist())),
    (("decimal",), _decimals),
)
"""Kinds of types (``pyarrow.types.is_…``) → what reads them; values of others are taken as they are."""


def canonical_rows(batch: Any, where: str) -> list[bytes]:
    """Return the canonical bytes of each row of a record batch.

    Raises:
        FormatError: a column has none; the message names it.
    """
    columns: list[list[bytes]] = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        try:
            lead = head(4, 3) + encode(field.name) + encode(type_name(field.type))
            columns.append([lead + encode(value) for value in _plain(array)])
        except UnicodeDecodeError as error:
            what = f"column {field.name[:100]!r} holds text that is not UTF-8: {error.reason}"
            raise FormatError(what, where, "store it as binary") from error
        except FormatError as error:
            raise FormatError(f"column {field.name[:100]!r}: {error.what}", where) from error
    start = head(4, len(columns))
    return [start + b"".join(row) for row in zip(*columns, strict=True)] or [start] * batch.num_rows


def people_of(batch: Any, subject: str, where: str, *, lenient: bool = False) -> list[bytes | None]:
    """Return the person each row of a record batch is about; ``lenient``: nobody, if it has no such column.

    Raises:
        UsageError: there is no such column, or what it holds is no id.
    """
    found = batch.schema.get_all_field_indices(subject)
    if not found and lenient:
        return [None] * int(batch.num_rows)
    if len(found) != 1:
        guess = nearest(subject, batch.schema.names)
        what = f"the column {subject[:100]!r} stands there {len(found)} times, expected once"
        raise UsageError(what, where, f"did you mean {guess!r}?" if guess and not found else None)
    return [person_id(value, subject, where) for value in _plain(batch.columns[found[0]])]


def filtered(batch: Any, stay: Sequence[bool]) -> Any:
    """Return the rows of a record batch that stay."""
    return batch.filter(arrow().array(stay, type=arrow().bool_()))
