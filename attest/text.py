r"""The one function that shows strings which came from outside (names, paths, licences, reasons).

A vendor chooses these strings, and they end in terminals, web pages, spreadsheets and pull requests. Here
they lose what could deceive a reader: control characters, line breaks, bidirectional overrides, invisible
and private-use characters are shown as ``\u{…}``, and the length is capped. Escaping for the target (HTML,
Markdown, CSV) comes on top and belongs to the renderer.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

__all__ = ["escape_markdown", "show", "show_csv", "show_json", "show_markdown"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# letters that render as nothing, and the combining grapheme joiner: the categories above do not hold them
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc\U00016fe4\U0001d159"
)
_MARKS = frozenset({"Mn", "Me"})


def _selects(char: str) -> bool:
    """Tell whether it is a variation selector: invisible, and good for smuggling text."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _escape(char: str) -> str:
    if char == " " or ("\x21" <= char <= "\x7e" and char != "\\"):
        return char
    if char == "\\":
        return "\\\\"
    category = unicodedata.category(char)
    if category in _HIDDEN or char in _BLANK or category == "Zs" or _selects(char):
        return f"\\u{{{ord(char):x}}}"
    return char


def show(value: object, limit: int = 200) -> str:
    """Return ``value`` as one line that is safe to print and cannot deceive its reader.

    Args:
        value: anything; ``str()`` of it is shown.
        limit: characters of the original kept; the rest is replaced by a count.
    """
    text = str(value)
    shown = "".join(_escape(char) for char in text[:limit])
    # marks without a width of their own paint over the lines above and below; no script needs more than three
    kept: list[str] = []
    marks = 0
    for char in shown:
        marks = marks + 1 if char > "\x7f" and unicodedata.category(char) in _MARKS else 0
        kept.append(char if marks <= 3 else f"\\u{{{ord(char):x}}}")
    cut = len(text) - limit
    return "".join(kept) + (f"… (+{cut} characters)" if cut > 0 else "")


_MARKUP = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {char: f"\\{char}" for char in "\\`*_{}[]()#+-.!|~@:$"}
)
# what a forge makes of plain words after the Markdown is done: mentions, references, addresses, emoji
_MAGIC = re.compile(r"(?<=[@#])(?=\w)|(?<=[Gg][Hh]-)(?=\d)|(?<=:)(?=//|[\w+-]+:)|(?i:(?<=www)(?=\.))")
_BREAK = "\0"


def escape_markdown(shown: str) -> str:
    """Return a shown string with every character Markdown gives a meaning to escaped.

    GitHub and GitLab turn ``@name``, ``#1``, ``:word:`` and addresses into links and pictures even where
    their characters are escaped; an empty comment between two characters keeps them apart.
    """
    return _MAGIC.sub(_BREAK, shown).translate(_MARKUP).replace(_BREAK, "<!-- -->")


def show_markdown(value: object, limit: int = 200) -> str:
    """Return ``value`` shown and with every character Markdown gives a meaning to escaped."""
    return escape_markdown(show(value, limit))


def show_csv(value: object, limit: int = 200) -> str:
    """Return ``value`` shown and defused: a spreadsheet never reads it as a formula."""
    shown = show(value, limit)
    # full-width forms are read as the plain ones in some locales
    return f"'{shown}" if shown.lstrip()[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20") else shown


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def _show_string(match: re.Match[str]) -> str:
    """Return a JSON string with its escapes where ``show`` would have to change it."""
    import json  # whoever shows a line of text does without

    text: str = json.loads(match[0])
    if show(text.replace("\\", "/"), len(text)) == text.replace("\\", "/"):
        return match[0]
    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007f")


def show_json(value: Any) -> str:
    """Return a JSON value whole, over several lines, as JSON that is safe to print.

    Strings are kept to the last character: one that holds anything ``show`` would change is written in ASCII
    with the escapes of JSON.
    """
    import json

    return _STRING.sub(_show_string, json.dumps(value, indent=2, ensure_ascii=False))
