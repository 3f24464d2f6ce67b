"""Which paths of a directory are left out: patterns relative to its root."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attest.errors import UsageError

__all__ = ["Exclusions"]


class Exclusions:
    """Patterns of paths to leave out; false if there is none.

    A pattern is anchored at the root and matches a whole relative path:

    - ``*`` is any run of characters but ``/``, ``?`` is one of them, ``[a-z]`` and ``[!a-z]`` are one in or
      out of a set; there is no other escape than ``[*]``, and case counts;
    - ``**`` as a whole part is any number of directories, also none; as the last part, everything below;
    - a directory that matches is left out with all it holds; with a ``/`` at the end, a pattern matches
      directories only.

    So ``*.tmp`` is at the root alone, ``**/*.tmp`` anywhere, ``logs`` a file or directory at the root.

    Raises:
        UsageError: a pattern is empty, absolute, has an empty, ``.`` or ``..`` part, or a set such as
            ``[z-a]``.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        every = {pattern: _pattern_regex(pattern) for pattern in patterns}
        files = [regex for pattern, regex in every.items() if not pattern.endswith("/")]
        try:
            self._file = re.compile("|".join(files), re.DOTALL) if files else None
            self._directory = re.compile("|".join(every.values()), re.DOTALL) if every else None
        except re.error as error:
            raise UsageError(f"cannot read the exclusions {', '.join(map(repr, every))}: {error}") from error

    def __bool__(self) -> bool:
        return self._directory is not None

    def match(self, path: str, *, directory: bool) -> bool:
        """Tell whether a relative path is left out."""
        expression = self._directory if directory else self._file
        return expression is not None and expression.fullmatch(path) is not None


def _pattern_regex(pattern: str) -> str:
    """Translate an exclusion into a regular expression over relative paths."""
    parts = pattern.removesuffix("/").split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise UsageError(
            f"the exclusion {pattern[:200]!r} is no path relative to the directory",
            hint="write 'logs', '*.tmp' or '**/*.tmp': no '/' in front, no empty, '.' or '..' part",
        )
    front = ["(?:[^/]+/)*" if part == "**" else f"{_part_regex(part)}/" for part in parts[:-1]]
    return "".join(front) + (".+" if parts[-1] == "**" else _part_regex(parts[-1]))


def _part_regex(part: str) -> str:
    """Translate what stands between two slashes of a pattern."""
    written: list[str] = []
    for piece in re.findall(r"\[!?\]?[^\]]*\]|\*+|.", part, re.DOTALL):
        inside = piece[1:-1].removeprefix("!")
        if piece[0] == "*":
            written.append("[^/]*")
        elif piece == "?":
            written.append("[^/]")
        elif piece[0] == "[" and inside:
            ranges = re.findall(r"(.)-(.)|(.)", inside, re.DOTALL)
            each = (f"{re.escape(a)}-{re.escape(z)}" if z else re.escape(one) for a, z, one in ranges)
            written.append(f"(?!/)[{'^' if piece[1] == '!' else ''}{''.join(each)}]")
        else:
            written.append(re.escape(piece))
    return "".join(written)
