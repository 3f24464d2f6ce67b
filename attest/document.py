"""Documents people write: YAML 1.2, read with line numbers, strict, and safe to read from anybody.

PyYAML's parser gives the events; this module builds plain values from them without recursion, with the YAML
1.2 core schema (``yes`` is a word, not a truth value; a date is a string), and refuses tags, duplicate keys,
too many aliases and too deep nesting. Every value keeps the line it stands on, so that an error found later
by a model names it (``Document.validate``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from attest.errors import FormatError, LimitError, UsageError, nearest
from attest.limits import DEFAULT, Limits

__all__ = ["UNFILLED", "Document", "check_filled", "read_document", "read_file", "read_scalar"]

UNFILLED = "FILL-IN"
"""What stands in a new document where its author has to write something."""

T = TypeVar("T", bound=BaseModel)
Path_ = tuple[str | int, ...]

_SHAPES = {
    "model_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "dict_type": "expected keys and values",
    "list_type": "expected a list, like [one, two]",
    "tuple_type": "expected a list, like [one, two]",
}
"""What pydantic calls by its own names, in the writer's words."""

_INT = re.compile(r"[-+]?[0-9]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_OCT = re.compile(r"0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)


def read_scalar(text: str) -> Any:
    """Resolve a plain scalar by the core schema (YAML 1.2.2, 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= 40:
        if _INT.fullmatch(text):
            return int(text)
        if _HEX.fullmatch(text) or _OCT.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
    return text


@dataclass(frozen=True)
class Document:
    """What a person wrote, with the line of every value."""

    name: str
    """The file it came from, for messages."""
    value: Any
    lines: dict[Path_, int] = field(repr=False)
    """Line (from 1) of the value at each path of keys and indices."""
    data: bytes = field(repr=False)

    def where(self, path: Path_ = ()) -> str:
        """Return ``file:line`` of the value at ``path``, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"

    def validate(self, model: type[T]) -> T:
        """Read the document as a model.

        Raises:
            UsageError: it does not fit; the message names the line, the field and the nearest valid name.
        """
        try:
            return model.model_validate(self.value, by_alias=True, by_name=False)
        except ValidationError as error:
            raise self.explain(error, model) from error

    def explain(self, error: ValidationError, model: type[BaseModel], prefix: Path_ = ()) -> UsageError:
        """Turn a model's complaint about the value at ``prefix`` into one message with its line."""
        problems = error.errors(include_url=False, include_input=False)
        # a misspelt key is also a missing one: the misspelling is what helps
        first = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
        path = (*prefix, *first["loc"])
        known = self._real_path(path)
        shown = ".".join(str(part) for part in known) or "the document"
        hint = f"and {len(problems) - 1} more" if len(problems) > 1 else None
        if first["type"] == "extra_forbidden":
            guess = nearest(str(first["loc"][-1]), _field_names(model, first["loc"]))
            hint = f"did you mean {guess!r}?" if guess else hint
            return UsageError(f"unknown key {str(first['loc'][-1])[:100]!r}", self.where(known), hint)
        if first["type"] == "missing":
            return UsageError(f"{shown}: missing", self.where(known), hint)
        message = _SHAPES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        return UsageError(f"{shown}: {message[:1].lower()}{message[1:]}", self.where(known), hint)

    def _real_path(self, path: Path_) -> Path_:
        """Drop the parts of a pydantic location that name union members and not places in the document."""
        real: Path_ = ()
        for number, part in enumerate(path):
            if (*real, part) in self.lines or number == len(path) - 1:
                real = (*real, part)
        return real


def _field_names(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Names a key at that place could have had, found in the model's JSON Schema."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> list[dict[str, Any]]:
        if not isinstance(node, dict):
            return []
        if "$ref" in node:
            return resolve(definitions.get(node["$ref"].rsplit("/", 1)[-1]))
        found = [node]
        for name in ("anyOf", "oneOf", "allOf"):
            for option in node.get(name, []):
                found += resolve(option)
        return found

    nodes = resolve(schema)
    for part in location[:-1]:
        following: list[dict[str, Any]] = []
        for node in nodes:
            child = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
            if child is None and not isinstance(part, int):
                child = node.get("additionalProperties")
            following += resolve(child)
        nodes = following or nodes
    return sorted({name for node in nodes for name in node.get("properties", {})})


class _Builder:
    """Builds values from parser events with an explicit stack."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self.lines: dict[Path_, int] = {}
        self.stack: list[
            tuple[Any, Path_, list[Any], str | None]
        ] = []  # container, path, [pending key], anchor
        self.anchors: dict[str, Any] = {}
        self.aliases = 0
        self.nodes = 0
        self.root: Any = None
        self.documents = 0

    def _place(self, line: int) -> str:
        return f"{self.name}:{line}"

    def _path(self) -> Path_:
        if not self.stack:
            return ()
        container, path, pending, _ = self.stack[-1]
        if isinstance(container, list):
            return (*path, len(container))
        return (*path, pending[0]) if pending else path

    def add(self, value: Any, line: int, *, is_scalar: bool = False) -> None:
        """Put a finished or opened value where it belongs."""
        if not self.stack:
            self.root = value
            self.lines[()] = line
            return
        container, path, pending, _ = self.stack[-1]
        if isinstance(container, list):
            self.lines[(*path, len(container))] = line
            container.append(value)
        elif not pending:
            key = value if isinstance(value, str) else str(value)
            if not is_scalar:
                raise UsageError("a key must be a plain word", self._place(line))
            if key in container:
                raise UsageError(f"duplicate key {key[:100]!r}", self._place(line), "remove one of the two")
            pending.append(key)
            self.lines[(*path, key)] = line
        else:
            container[pending.pop()] = value

    def event(self, event: Any) -> None:
        """Take one parser event."""
        import yaml

        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise UsageError("a second YAML document starts here", self._place(line), "one per file")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), line)
        elif isinstance(event, (yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            # PyYAML marks quoted scalars with the implicit tag "!" only when it is written out
            if event.tag is not None:
                raise UsageError(
                    f"tag {str(event.tag)[:60]!r} is not allowed", self._place(line), "remove it"
                )
            self._node(event, line)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            container, _, _, anchor = self.stack.pop()
            if anchor:
                self.anchors[anchor] = container

    def _node(self, event: Any, line: int) -> None:
        import yaml

        self.nodes += 1
        self.limits.check("document_bytes", self.nodes, self._place(line))
        if isinstance(event, yaml.ScalarEvent):
            self.limits.check("string_bytes", len(event.value.encode("utf-8", "replace")), self._place(line))
            key = self.stack and isinstance(self.stack[-1][0], dict) and not self.stack[-1][2]
            value = event.value if event.style or key else read_scalar(event.value)
            if event.anchor:
                self.anchors[event.anchor] = value
            self.add(value, line, is_scalar=True)
            return
        container: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        path = self._path()
        self.add(container, line)
        self.stack.append((container, path, [], event.anchor))
        self.limits.check("json_depth", len(self.stack), self._place(line))

    def _alias(self, anchor: str, line: int) -> None:
        self.aliases += 1
        self.limits.check("yaml_aliases", self.aliases, self._place(line))
        if anchor not in self.anchors:
            raise UsageError(f"alias *{anchor[:60]} has no finished anchor", self._place(line))
        value = self.anchors[anchor]
        self.nodes += _size(
            value, self.limits.document_bytes
        )  # a billion laughs counts as what it expands to
        self.limits.check("document_bytes", self.nodes, self._place(line))
        self.add(value, line, is_scalar=not isinstance(value, (list, dict)))


def _size(value: Any, limit: int) -> int:
    count, stack = 0, [value]
    while stack and count <= limit:
        item = stack.pop()
        count += 1
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return count


def read_document(data: bytes, name: str, limits: Limits = DEFAULT) -> Document:
    """Read one YAML document (JSON is YAML too).

    Raises:
        UsageError: not YAML, or YAML we refuse; the message names the line.
        LimitError: beyond the reader's limits.
    """
    import yaml

    limits.check("document_bytes", len(data), name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"not UTF-8 at byte {error.start}", f"{name}:{line}") from error
    builder = _Builder(name, limits)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.event(event)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 1
        if "nest" in str(error.problem):  # libyaml's own guard against deep nesting
            raise LimitError(f"nested deeper than {limits.json_depth}", f"{name}:{line}") from error
        raise UsageError(f"not YAML: {error.problem or error.context}", f"{name}:{line}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"not YAML: {str(error).splitlines()[0]}", name) from error
    if builder.documents == 0:
        raise UsageError("the document is empty", name)
    return Document(name, builder.root, builder.lines, data)


def read_file(path: Path, limits: Limits = DEFAULT) -> Document:
    """Read one YAML document from a file.

    Raises:
        FormatError: the file cannot be read.
        UsageError: what ``read_document`` refuses.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.document_bytes + 1)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", str(path)) from error
    return read_document(data, str(path), limits)


def check_filled(document: Document) -> None:
    """Refuse a document whose author has not filled everything in; all such places are named.

    Raises:
        UsageError: ``UNFILLED`` stands somewhere in it.
    """
    places: list[tuple[int, str]] = []
    stack: list[tuple[Path_, Any]] = [((), document.value)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            stack += [((*path, number), item) for number, item in enumerate(value)]
        elif isinstance(value, str) and UNFILLED in value:
            places.append((document.lines.get(path, 1), ".".join(map(str, path))))
    if places:
        names = ", ".join(name for _, name in sorted(places))
        raise UsageError(
            f"still to be filled in: {names}",
            f"{document.name}:{min(places)[0]}",
            f"replace {UNFILLED}; write unknown where you do not know",
        )
