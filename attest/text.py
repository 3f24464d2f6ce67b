r"""The one function that shows strings which came from outside (names, paths, licences, reasons).

A vendor chooses these strings, and they end in terminals, web pages, spreadsheets and pull requests. Here
they lose what could deceive a reader: control characters, line breaks, bidirectional overrides, invisible
and private-use characters are shown as ``\u{…}``, and the length is capped. Escaping for the target (HTML,
Markdown, CSV) comes on top and belongs to the renderer.
"""

from __future__ import annotations

import unicodedata

__all__ = ["show", "show_csv", "show_markdown"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# letters that render as nothing, and the combining grapheme joiner: the categories above do not hold them
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")


def _escape(char: str) -> str:
    if char == " " or ("\x21" <= char <= "\x7e" and char != "\\"):
        return char
    if char == "\\":
        return "\\\\"
    category = unicodedata.category(char)
    if category in _HIDDEN or char in _BLANK or category == "Zs" or 0xFE00 <= ord(char) <= 0xFE0F:
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
    # more than two combining marks in a row can paint over the lines above and below
    kept: list[str] = []
    marks = 0
    for char in shown:
        marks = marks + 1 if unicodedata.combining(char) else 0
        kept.append(char if marks <= 2 else f"\\u{{{ord(char):x}}}")
    cut = len(text) - limit
    return "".join(kept) + (f"… (+{cut} characters)" if cut > 0 else "")


def show_markdown(value: object, limit: int = 200) -> str:
    """Return ``value`` shown and with every character Markdown gives a meaning to escaped."""
    shown = show(value, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|~@:" else char for char in shown)


def show_csv(value: object, limit: int = 200) -> str:
    """Return ``value`` shown and defused: a spreadsheet never reads it as a formula."""
    shown = show(value, limit)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@", "\t", "\r"} else shown
