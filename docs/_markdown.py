"""Markdown out of docstrings and JSON Schemas: what ``generate.py`` writes its pages with."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from attest.vocabulary import load, vocabularies

__all__ = ["first", "model_tables", "plain", "prose", "table", "words"]

Json = Mapping[str, Any]

_SPECIAL = {"date-time": "time", "date": "day", "^[0-9a-f]{64}$": "SHA-256"}
_SIMPLE = {"integer": "whole number", "number": "number", "boolean": "true or false"}


def plain(text: str) -> str:
    """Return the prose of a docstring or help text as Markdown that shows exactly these characters."""
    pieces = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(
        f"`{piece.strip('`')}`" if piece.startswith("`") else re.sub(r"([*<]|\b_|_\b)", r"\\\1", piece)
        for piece in pieces
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; a cell's line breaks and bars do not break it."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([" ".join(str(cell).split()).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in cells) + "\n"


def prose(doc: str) -> Iterator[str]:
    """Yield the paragraphs of a module docstring: examples as code, the rest as text, without its title."""
    language = ""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        if block.startswith("    "):
            code = inspect.cleandoc(f"\n{block}")
            yield f"```{language}\n{code}\n```"
        elif block.startswith("Example"):
            language = "json"
            yield "## Example"
            title = block.removesuffix("::").removesuffix(":")
            if title != "Example":
                yield plain(f"{title.removeprefix('Example (').removesuffix(')').capitalize()}:")
        else:
            yield plain(block.removesuffix("::") + (":" if block.endswith("::") else ""))


def words(names: Iterable[str]) -> str:
    """Return names as a list in a sentence."""
    return ", ".join(f"`{name}`" for name in names)


def first(text: str | None) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


@cache
def _vocabularies() -> dict[tuple[str, ...], str]:
    """Return the words of each vocabulary → its name."""
    return {tuple(load(name)): name for name in vocabularies()}


def _choice(node: Json, up: str) -> str:
    """Say what an enumeration, a constant or a union takes."""
    if "anyOf" in node:
        options = [_takes(each, up) for each in node["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(options))
    if "const" in node:
        return f"`{node['const']}`"
    name = _vocabularies().get(tuple(node["enum"]))
    return f"word of [{name}]({up}vocabularies.md#{name})" if name else words(map(str, node["enum"]))


def _takes(node: Json, up: str) -> str:
    """Say in words what a node of a JSON Schema takes; ``up`` is the way from the page to ``docs``."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        shared = f"{up}predicates/README.md" if name == "ResourceDescriptor" else ""
        return f"[{name}]({shared}#{name.lower()})"
    if node.keys() & {"anyOf", "const", "enum"}:
        return _choice(node, up)
    if node.get("type") == "array":
        return f"list of {_takes(node.get('items', {}), up)}"
    if node.get("type") == "object":
        inner = node.get("additionalProperties")
        return f"map to {_takes(inner, up)}" if isinstance(inner, dict) and inner else "map"
    if node.get("type") == "string":
        return _SPECIAL.get(str(node.get("format", node.get("pattern"))), "text")
    return _SIMPLE.get(str(node.get("type")), "any")


def model_tables(schema: Json, up: str) -> Iterator[str]:
    """Yield a heading, the description and the fields of a schema's model and of every model in it.

    Args:
        schema: JSON Schema of a model.
        up: the way from the page to ``docs``: empty, or ``../``.
    """
    models = {"": schema, **schema.get("$defs", {})}
    seen = [""]
    for name in seen:
        model = models[name]
        if name:
            yield f"### {name}"
            yield plain(model.get("description", ""))
        if "properties" not in model:
            yield f"One of {_takes(model, up)}."
            continue
        rows = [
            (
                f"`{field}`",
                _takes(node, up),
                "yes" if field in model.get("required", ()) else _default(node),
                plain(node.get("description", "")),
            )
            for field, node in model["properties"].items()
        ]
        yield table(("field", "takes", "required", "meaning"), rows).rstrip()
        inside = re.findall(r'"#/\$defs/(\w+)"', json.dumps(model["properties"]))
        seen += [each for each in dict.fromkeys(inside) if each not in seen and each != "ResourceDescriptor"]


def _default(node: Json) -> str:
    default = node.get("default")
    if default in (None, [], {}, "") or isinstance(default, dict):
        return "no"
    return f"no (`{default if isinstance(default, str) else json.dumps(default)}`)"
