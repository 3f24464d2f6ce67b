"""Documents people write: YAML 1.2 with line numbers, strict, and safe to read from anybody."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from attest.document import read_document, read_file
from attest.errors import AttestError, FormatError, LimitError, UsageError
from attest.limits import Limits
from attest.model import StrictModel


def value(text, **limits):
    data = text if isinstance(text, bytes) else text.encode()
    return read_document(data, "f.yaml", Limits(**limits)).value


SCALARS = {
    "yes": "yes",
    "no": "no",
    "on": "on",
    "Off": "Off",
    "y": "y",
    "true": True,
    "False": False,
    "TRUE": True,
    "tRUE": "tRUE",
    "null": None,
    "~": None,
    "2024-01-01": "2024-01-01",
    "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z",
    "12:30:45": "12:30:45",
    "12": 12,
    "+12": 12,
    "-12": -12,
    "017": 17,
    "0x1F": 31,
    "0o17": 15,
    "0b11": "0b11",
    "1_000": "1_000",
    "1.5": 1.5,
    ".5": 0.5,
    "1.": 1.0,
    "1e3": 1000.0,
    "1e400": "1e400",
    ".inf": ".inf",
    ".nan": ".nan",
    "9" * 41: "9" * 41,
    "1.2.3": "1.2.3",
    "CC-BY-4.0": "CC-BY-4.0",
    "'12'": "12",
    '"true"': "true",
    "'yes'": "yes",
    "sha256:" + "0" * 64: "sha256:" + "0" * 64,
    "=": "=",
    "<<": "<<",
}


@pytest.mark.parametrize(("written", "read"), SCALARS.items(), ids=SCALARS)
def test_plain_words_by_the_core_schema_of_yaml_1_2(written, read):
    found = value(f"- {written}\n")[0]
    assert (found, type(found)) == (read, type(read))


def test_a_version_directive_does_not_bring_back_yaml_1_1():
    assert value("%YAML 1.1\n---\na: yes\n") == {"a": "yes"}


def test_empty_values_and_nesting():
    assert value("a:\nb: []\nc: {}\nd:\n  - x\n  -\n") == {"a": None, "b": [], "c": {}, "d": ["x", None]}
    assert value("a: |\n  one\n  two\nb: >\n  one\n  two\n") == {"a": "one\ntwo\n", "b": "one two\n"}
    assert value("---\n") is None
    assert value(b"\xef\xbb\xbfa: 1") == {"a": 1}


def test_keys_are_words():
    assert value("1: a\ntrue: b\n~: c\n'x y': d\n") == {"1": "a", "true": "b", "~": "c", "x y": "d"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_json_is_yaml(wanted):
    """A document may be written as JSON; escapes are ASCII, as surrogate pairs are none of YAML's."""
    text = json.dumps(wanted, ensure_ascii=False)
    if isinstance(wanted, str) and not text.isprintable():
        return  # a bare string with odd white space at its ends folds in YAML
    try:
        read = value(text)
    except UsageError:  # characters YAML calls unprintable, or keys beyond 1,024 characters
        return
    assert json.dumps(read, ensure_ascii=False) == text


REFUSED = {
    "empty": ("", "f.yaml: the document is empty"),
    "only a comment": ("# x\n", "f.yaml: the document is empty"),
    "not UTF-8": (b"a: 1\nb: \xff\n", "f.yaml:2: not UTF-8 at byte 8"),
    "UTF-16": ("a: 1".encode("utf-16"), "f.yaml:1: not UTF-8"),
    "control character": ("a: 1\nb: \x1b\n", "not YAML: unacceptable character #x001b"),
    "NUL": (b"a: \0", "not YAML"),
    "surrogate by escape": ('a: "\\ud800"', "f.yaml:1: not YAML"),
    "syntax": ("a: 1\nb: c: d\n", "f.yaml:2: not YAML: mapping values are not allowed"),
    "tab": ("a:\n\t- b\n", "f.yaml:2: not YAML"),
    "unclosed": ("a: [1,\n", "not YAML"),
    "second document": ("a: 1\n---\nb: 2\n", "f.yaml:2: a second YAML document starts here"),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "f.yaml:3: duplicate key 'a'"),
    "duplicate key, once quoted": ("a: 1\n'a': 3\n", "f.yaml:2: duplicate key 'a'"),
    "duplicate key, deep": ("x:\n  - a: 1\n    a: 1\n", "f.yaml:3: duplicate key 'a'"),
    "tag": ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1: tag .* is not allowed"),
    "local tag": ("a: 1\nb: !x 1\n", "f.yaml:2: tag '!x' is not allowed"),
    "standard tag": ("a: !!str 1\n", "f.yaml:1: tag .* is not allowed"),
    "tag on a mapping": ("a: !!set {x}\n", "f.yaml:1: tag .* is not allowed"),
    "key that is a list": ("? [a]\n: 1\n", "f.yaml:1: a key must be a plain word"),
    "key that is an alias of a list": ("a: &x [1]\n*x : 1\n", "f.yaml:2: a key must be a plain word"),
    "alias without anchor": ("a: *x\n", "f.yaml:1: alias \\*x has no finished anchor"),
    "a value that holds itself": ("a: &x [1, *x]\n", "f.yaml:1: alias \\*x has no finished anchor"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named_with_its_line(text, reason):
    with pytest.raises(UsageError) as caught:
        value(text)
    assert re.match(reason if reason.startswith("f.yaml") else f"f.yaml(:\\d+)?: {reason}", str(caught.value))


def test_aliases_are_values_and_counted():
    assert value("a: &x {k: [1]}\nb: *x\n") == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert value("a: &k word\n*k : 1\n") == {"a": "word", "word": 1}
    hundred = "a: &x 1\nb: [" + ", ".join(["*x"] * 100) + "]\n"
    assert len(value(hundred)["b"]) == 100
    with pytest.raises(LimitError, match="yaml aliases: 101 is above the limit of 100"):
        value(hundred.replace("]", ", *x]"))


def test_a_billion_laughs_are_not_laughed():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(LimitError, match="document bytes") as caught:
        value("\n".join(lines), document_bytes=100_000)
    assert caught.value.where == "f.yaml:5"


@pytest.mark.parametrize("text", ["[" * 10_000, "[" * 10_000 + "]" * 10_000, "- " * 10_000, "{a: " * 10_000])
def test_deep_nesting_is_a_limit_and_no_crash(text):
    with pytest.raises(LimitError, match=r"json depth: 65 is above|nested deeper than 64"):
        value(text)


def test_limits_of_size():
    with pytest.raises(LimitError, match=r"document bytes: 10 is above the limit of 9"):
        value("a: 1234567", document_bytes=9)
    with pytest.raises(LimitError, match="string bytes: 11 is above the limit of 10") as caught:
        value(f"a: 1\nb: {'ä' * 5}x", string_bytes=10)
    assert caught.value.where == "f.yaml:2"


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%~ \n\t,?01\x00é", max_size=40))
def test_any_text_is_read_or_refused(text):
    with suppress(UsageError, LimitError):
        value(text)


# ── lines ──

TEXT = """\
# a comment
name: x

items:
  - {kind: one, size: 1}
  - kind: two
    size: "many"
"""


def test_every_value_knows_its_line():
    document = read_document(TEXT.encode(), "f.yaml")
    assert {path: line for path, line in document.lines.items() if path} == {
        ("name",): 2,
        ("items",): 4,
        ("items", 0): 5,
        ("items", 0, "kind"): 5,
        ("items", 0, "size"): 5,
        ("items", 1): 6,
        ("items", 1, "kind"): 6,
        ("items", 1, "size"): 7,
    }
    assert document.where(("items", 1, "size")) == "f.yaml:7"
    assert document.where(("items", 1, "missing", 3)) == "f.yaml:6"
    assert document.where(("nothing",)) == document.where() == "f.yaml:2"


class Item(StrictModel):
    kind: str
    size: int = 0


class Form(StrictModel):
    name: str
    items: list[Item] = Field(default_factory=list)
    other_words: dict[str, Item] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (TEXT, "f.yaml:7: items.1.size: input should be a valid integer", None),
        ("name: x\nitem: []\n", "f.yaml:2: unknown key 'item'", "did you mean 'items'?"),
        ("name: x\nitems:\n  - {kind: a, sice: 2}\n", "f.yaml:3: unknown key 'sice'", "did you mean 'size'?"),
        (
            "name: x\notherWords:\n  a:\n    kidn: a\n",
            "f.yaml:4: unknown key 'kidn'|f.yaml:3: .*kind: missing",
            None,
        ),
        ("items: []\n", "f.yaml:1: name: missing", None),
        ("name: x\nitems:\n  - size: 1\n", "f.yaml:3: items.0.kind: missing", None),
        ("- a\n", "f.yaml:1: the document: ", None),
        ("name: x\nother_words: {}\n", "f.yaml:2: unknown key 'other_words'", "did you mean 'otherWords'?"),
        ("name: []\nitems: 7\n", "f.yaml:1: name: input should be a valid string", "and 1 more"),
    ],
)
def test_a_model_complains_with_line_field_and_nearest_name(text, message, hint):
    with pytest.raises(UsageError) as caught:
        read_document(text.encode(), "f.yaml").validate(Form)
    assert re.match(message, str(caught.value))
    if hint:
        assert caught.value.hint == hint


# ── files ──


def test_a_file_is_read_whole(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    document = read_file(file)
    assert (document.name, document.value, document.data) == (str(file), {"a": 1}, b"a: 1\n")
    with pytest.raises(LimitError, match="document bytes"):
        read_file(file, Limits(document_bytes=4))


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path, name):
    with pytest.raises(FormatError, match="cannot be read"):
        read_file(tmp_path / name)


def test_errors_are_errors_of_attest():
    assert issubclass(UsageError, AttestError)
