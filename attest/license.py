"""What a licence allows: SPDX expressions evaluated against attest's table of licence classes.

Three-valued: an answer is ``True``, ``False``, or ``None`` for "cannot be told". ``OR`` is the reader's
choice and as good as its best branch, ``AND`` binds all and is as good as its worst; an exception (``WITH``)
never widens a licence. For ids of the table the table decides, and what a vendor declares can only narrow
it; for a ``LicenseRef-`` the declared class is all there is. An id nobody knows is never permission.

Licences are compared by id, upper and lower case alike; deprecated ids count as what they became
(``GPL-2.0`` is ``GPL-2.0-only``). Names other than SPDX's are not looked up: a ``LicenseRef-MIT`` is not MIT.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from attest.errors import FormatError
from attest.vocabulary import load

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "License",
    "LicenseExpression",
    "Tri",
    "demands",
    "parse",
    "permits",
    "unknown_ids",
    "use_class",
]

Tri = bool | None
"""Yes, no, or cannot be told."""

MAX_LENGTH = 4096
"""UTF-8 bytes of one expression."""

MAX_DEPTH = 32
"""Nesting of parentheses."""

_RANKS = {"academic": 0, "noncommercial": 1, "commercial": 2}
"""Use class → how much it allows; each allows what the ones before it allow."""
_NOTHING, _ALL = -1, 2


@dataclass(frozen=True)
class License:
    """One licence of an expression."""

    id: str
    """As it is spelt in the table, on the SPDX list, or, unknown, in the expression."""
    exception: str | None = None
    """The exception after WITH."""

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True)
class LicenseExpression:
    """A parsed SPDX licence expression: a licence, or several joined by AND or OR."""

    operator: Literal["", "AND", "OR"]
    """Empty for a single licence."""
    license: License | None = None
    """The single licence."""
    parts: tuple[LicenseExpression, ...] = field(default=())
    """What the operator joins."""

    def licenses(self) -> Iterator[License]:
        """Yield every licence, from left to right."""
        if self.license is not None:
            yield self.license
        for part in self.parts:
            yield from part.licenses()

    def __str__(self) -> str:
        if self.license is not None:
            return str(self.license)
        return f" {self.operator} ".join(f"({part})" if part.parts else str(part) for part in self.parts)


@cache
def _spdx() -> tuple[dict[str, str], frozenset[str]]:
    """Return the ids of the SPDX list in lower case → as spelt today, and the ids of exceptions."""
    from license_expression import get_license_index

    names: dict[str, str] = {token.casefold(): token for token in load("licence-classes")}
    exceptions: set[str] = set()
    for entry in get_license_index():
        key = entry.get("spdx_license_key") or ""
        if not key or (key.startswith("LicenseRef-") and key.casefold() not in names):
            continue
        names.setdefault(key.casefold(), key)
        for other in entry.get("other_spdx_license_keys") or ():
            if not other.startswith("LicenseRef-"):
                names.setdefault(other.casefold(), key)
        if entry.get("is_exception"):
            exceptions.add(key)
    return names, frozenset(exceptions)


def _canonical(name: str) -> str:
    """Spell an id as the SPDX list does; ``X+`` (or later) without an entry of its own lets one choose X."""
    names, _ = _spdx()
    found = names.get(name.casefold())
    if found is None and name.endswith("+"):
        found = names.get(name[:-1].casefold())
    return found or name


_WORD = re.compile(r"[()]|[^\s()]+")
_ID = re.compile(r"[A-Za-z0-9.-]+(?::[A-Za-z0-9.-]+)?\+?")
_OPERATORS = frozenset({"and", "or", "with"})


def _malformed(expression: str, why: str) -> FormatError:
    return FormatError(
        f"not a licence expression: {why} in {expression[:200]!r}",
        hint="write SPDX ids joined by AND, OR and WITH, e.g. MIT OR (Apache-2.0 AND CC-BY-4.0)",
    )


def _check(expression: str) -> None:
    """Hold an expression to size, depth and grammar before the parser sees it."""
    size = len(expression.encode("utf-8", "replace"))
    if size > MAX_LENGTH:
        raise FormatError(f"a licence expression of {size} bytes is above the limit of {MAX_LENGTH}")
    depth, wants_id = 0, True
    for word in _WORD.findall(expression):
        starts = word == "(" or (word != ")" and word.casefold() not in _OPERATORS)
        if starts != wants_id:
            raise _malformed(expression, f"misplaced {word[:40]!r}")
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif starts and _ID.fullmatch(word) is None:
            raise _malformed(expression, f"{word[:40]!r} is no id")
        wants_id = word == "(" or word.casefold() in _OPERATORS
        if depth < 0 or depth > MAX_DEPTH:
            raise _malformed(expression, "unbalanced ')'" if depth < 0 else f"more than {MAX_DEPTH} '('")
    if wants_id or depth:
        raise _malformed(expression, "an id is missing" if wants_id else "a ')' is missing")


def _build(node: Any) -> LicenseExpression:
    """Turn license-expression's tree into ours."""
    from license_expression import AND, OR, LicenseWithExceptionSymbol

    if isinstance(node, (AND, OR)):
        parts = tuple(_build(part) for part in node.args)
        return LicenseExpression("AND" if isinstance(node, AND) else "OR", None, parts)
    if isinstance(node, LicenseWithExceptionSymbol):
        name, exception = node.license_symbol.key, node.exception_symbol.key
        return LicenseExpression("", License(_canonical(name), _canonical(exception)))
    return LicenseExpression("", License(_canonical(node.key)))


@cache
def _parser() -> Any:
    """Return the parser without its table of symbols: its aliases would take one licence for another."""
    from license_expression import Licensing

    return Licensing()


def parse(expression: str) -> LicenseExpression:
    """Parse an SPDX licence expression (SPDX 3.0.1, Annex B). Ids need not be known.

    Raises:
        FormatError: not an expression, longer than ``MAX_LENGTH`` bytes, or nested deeper than
            ``MAX_DEPTH``.
    """
    from license_expression import ExpressionError

    _check(expression)
    try:
        return _build(_parser().parse(expression))
    except (ExpressionError, RecursionError) as error:
        raise _malformed(expression, "a WITH that joins no licence and exception") from error


def unknown_ids(expression: str) -> list[str]:
    """Return the ids that are neither on the SPDX list, nor in the table, nor a ``LicenseRef-``, sorted."""
    names, exceptions = _spdx()
    found: set[str] = set()
    for each in parse(expression).licenses():
        if not _is_reference(each.id) and each.id.casefold() not in names:
            found.add(each.id)
        if each.exception and each.exception not in exceptions and not _is_reference(each.exception):
            found.add(each.exception)
    return sorted(found)


def _is_reference(name: str) -> bool:
    return name.startswith(("LicenseRef-", "DocumentRef-", "AdditionRef-"))


def _rank(each: License, declared: str | None) -> tuple[int, int]:
    """Return the least and the most that one licence may allow."""
    classes = load("licence-classes").tokens
    use = classes[each.id]["use"] if each.id in classes else None
    if use is None and _is_reference(each.id):
        use = declared
    least, most = (_RANKS[use], _RANKS[use]) if use in _RANKS else (_NOTHING, _ALL)
    if each.exception and each.exception not in _spdx()[1]:
        least = _NOTHING  # what nobody knows may be a restriction
    return least, most


def _fold(expression: LicenseExpression, leaf: Callable[[License], tuple[int, int]]) -> tuple[int, int]:
    """Evaluate bounds: AND is the least of its parts, OR the best."""
    if expression.license is not None:
        return leaf(expression.license)
    bounds = [_fold(part, leaf) for part in expression.parts]
    choose = min if expression.operator == "AND" else max
    return choose(low for low, _ in bounds), choose(high for _, high in bounds)


def _narrow(bounds: tuple[int, int], declared: str | None) -> tuple[int, int]:
    if declared in _RANKS:
        return min(bounds[0], _RANKS[declared]), min(bounds[1], _RANKS[declared])
    return bounds


def use_class(expression: str, declared: str | None = None) -> str:
    """Return ``commercial``, ``noncommercial``, ``academic``, or ``unknown`` when it cannot be told.

    Args:
        expression: an SPDX licence expression.
        declared: the class its vendor declares (``use`` of the rights' licence class).

    Raises:
        FormatError: what ``parse`` refuses.
    """
    low, high = _narrow(_fold(parse(expression), lambda each: _rank(each, declared)), declared)
    names = {rank: name for name, rank in _RANKS.items()}
    return names[low] if low == high and low in names else "unknown"


def permits(
    expression: str,
    *,
    use: Literal["commercial", "noncommercial", "academic"],
    deny: Collection[str] = (),
    declared: str | None = None,
) -> tuple[Tri, str]:
    """Tell whether an expression permits a use, and why.

    Args:
        expression: an SPDX licence expression.
        use: what the reader wants to do.
        deny: ids the reader does not accept; a branch of an OR that holds one cannot be chosen.
        declared: the class its vendor declares.

    Returns:
        True, False or None for "cannot be told", and the reason in words.

    Raises:
        FormatError: what ``parse`` refuses.
    """
    tree = parse(expression)
    denied = {_canonical(name).casefold() for name in deny}

    def bounds(each: License) -> tuple[int, int]:
        if each.id.casefold() in denied:
            return _NOTHING, _NOTHING
        return _rank(each, declared)

    low, high = _narrow(_fold(tree, bounds), declared)
    need = _RANKS[use]
    answer: Tri = True if low >= need else False if high < need else None
    reasons: list[str] = []
    for each in dict.fromkeys(tree.licenses()):
        least, most = bounds(each)
        if answer is not True or least >= need:
            allowed = True if least >= need else False if most < need else None
            reasons.append(_reason(each, use, allowed, declared, is_denied=each.id.casefold() in denied))
    if declared in _RANKS and _RANKS[declared] < need:
        reasons.append(f"the vendor declares {declared} use only")
    return answer, "; ".join(reasons)


def _reason(each: License, use: str, allowed: Tri, declared: str | None, *, is_denied: bool) -> str:
    """Say in words what one licence does to the answer."""
    entry = load("licence-classes").tokens.get(each.id, {})
    condition = f" ({entry['condition']})" if "condition" in entry else ""
    if is_denied:
        return f"{each} is denied"
    if allowed is True:
        return f"{each} permits {use} use{condition}"
    if allowed is False:
        return f"{each} permits {entry.get('use', declared)} use only{condition}"
    return f"what {each} permits cannot be told{condition}"


def demands(expression: str, fact: Literal["attribution", "shareAlike"], declared: Tri = None) -> Tri:
    """Tell whether an expression demands attribution, or the same terms for what is derived.

    Args:
        expression: an SPDX licence expression.
        fact: which of the two.
        declared: what its vendor declares; it stands for ``LicenseRef-`` ids.

    Raises:
        FormatError: what ``parse`` refuses.
    """
    classes = load("licence-classes").tokens

    def leaf(each: License) -> tuple[int, int]:
        known: Tri = classes[each.id][fact] if each.id in classes else None
        if known is None and _is_reference(each.id):
            known = declared
        return (0, 1) if known is None else (int(not known), int(not known))  # 1: free of the demand

    low, high = _fold(parse(expression), leaf)
    return None if low != high else not low
