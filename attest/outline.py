"""The lineage as text, for terminals: ``release ← quantize ← train ← digits``, one line per branch.

A node that several steps share is drawn once and referred to after that; thousands of nodes become counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from attest.condense import MEANING, counted, levels
from attest.report import Lineage, Node
from attest.text import show
from attest.width import clip, wrap

__all__ = ["quoted", "text_tree"]

_WIDTH = 100
_MOST_LINES = 120
_MOST_DEPTH = 14
_LONG_CHAIN = 14
_ALIKE = 6
"""Inputs of one kind and status with nothing behind them that get a line each."""
_BRANCHES = 8
_NAMED = 8
_PLAIN = re.compile(r"[\w./@+=:~-]+", re.ASCII)
_MARKS = {
    "ok": "",
    "gap": " [GAP]",
    "opaque": " [OPAQUE]",
    "withdrawn": " [WITHDRAWN]",
    "untrusted": " [NOT TRUSTED]",
    "refused": " [REFUSED]",
}
_TAKEN_OVER = " [NOT MEASURED]"


def quoted(shown: str, width: int = 40) -> str:
    """Return a shown name to stand in a line: one that could be taken for more than a name gets quotes."""
    if _PLAIN.fullmatch(shown):
        return clip(shown, width)
    return '"' + clip(shown.replace('"', '\\"'), width - 2) + '"'


def _label(text: str, width: int = 40) -> str:
    return quoted(show(text), width)


@dataclass
class _Tree:
    nodes: dict[int, Node]
    inputs: dict[int, dict[int, None]]
    """Node → what it was made from or read, in the lineage's order."""
    kinds: set[str]
    drawn: set[int] = field(default_factory=set)
    """Nodes that stand in the text, by name or in a count."""
    taken_over: set[int] = field(default_factory=set)
    """Nodes whose digests somebody took over who read them."""
    width: int = _WIDTH
    lines: list[str] = field(default_factory=list)

    def name(self, number: int) -> str:
        node = self.nodes[number]
        short = show(node.digest.removeprefix("sha256:")[:12], 40)
        label = _label(node.label) if node.label else short
        if f"step:{node.label}" in self.kinds and not node.kind.startswith("step:"):
            label = f'"{label}"'  # an artifact called train is no step
        if node.kind.startswith("step:"):
            kind = _label(node.kind[5:], 20)
            said = kind if node.label in {node.kind[5:], ""} else f"{label} ({kind})"
        else:
            said = label if self.inputs.get(number) else f"{label} ({_label(node.kind, 20)} {short})"
        return said + _MARKS[node.status] + (_TAKEN_OVER if number in self.taken_over else "")

    def mixed(self, numbers: Iterable[int]) -> str:
        """Return nodes as counts by kind, troubled ones by status too, and hold them for drawn."""
        found = [self.nodes[number] for number in numbers]
        self.drawn.update(node.id for node in found)
        statuses = Counter(node.status for node in found)
        marks = [f"{count:,}{_MARKS[status]}" for status, count in sorted(statuses.items()) if status != "ok"]
        if taken := sum(node.id in self.taken_over for node in found):
            marks.append(f"{taken:,}{_TAKEN_OVER}")
        return show(counted(found), 300) + (f" ({', '.join(marks)})" if marks else "")


@dataclass(frozen=True)
class _Branch:
    content: int | str
    """A node, or words in place of many."""
    first: str
    """What its line begins with."""
    rest: str
    """What the lines below it begin with."""
    depth: int


def text_tree(lineage: Lineage, *, width: int = _WIDTH) -> str:
    """Return the lineage as lines of at most ``width`` columns, some 150 of them, ending in a line break.

    The first line begins with the delivered artifact; ``a ← b`` says that a was made from b. What else a step
    read stands below its line.
    """
    if not lineage.nodes:
        return "nothing is known of what it was made from\n"
    nodes = {node.id: node for node in lineage.nodes}
    tree = _Tree(nodes, defaultdict(dict), {node.kind for node in lineage.nodes}, width=width)
    for edge in lineage.edges:
        if edge.source in tree.nodes and edge.target in tree.nodes and edge.source != edge.target:
            tree.inputs[edge.target][edge.source] = None
        if edge.digest_source is not None:
            tree.taken_over.add(edge.source)
    nearest = min(node.level for node in lineage.nodes)
    roots = [node.id for node in lineage.nodes if node.level == nearest]
    for root in roots[:_NAMED]:
        _grow(tree, root)
    left = len(tree.nodes) - len(tree.drawn)
    lines = [*tree.lines, *_left_over(tree)]
    if left > _MOST_LINES and 2 * left > len(tree.nodes):
        lines = list(_by_level(tree))  # a tree that shows the smaller half says less than counts
    return "\n".join([*lines, *_troubles(lineage, width)]) + "\n"


def _grow(tree: _Tree, root: int) -> None:
    """Draw a root and all that is behind it, without recursion."""
    stack = [_Branch(root, "", "", 0)]
    while stack and len(tree.lines) < _MOST_LINES:
        branch = stack.pop()
        if isinstance(branch.content, str):
            tree.lines += wrap(branch.content, tree.width, branch.first, branch.rest)
        elif branch.content in tree.drawn:
            again = f"{tree.name(branch.content)} (see above)"
            tree.lines += wrap(again, tree.width, branch.first, branch.rest)
        else:
            chain = _chain(tree, branch.content)
            # a line that goes on is indented a little, so that it does not look like a branch
            tree.lines += wrap(_arrows(tree, chain), tree.width, branch.first, branch.rest + "  ")
            stack += reversed(list(_branches(tree, chain[-1], branch)))


def _chain(tree: _Tree, node: int) -> list[int]:
    """Follow single inputs from ``node`` back; the last one has none, several, or one that was drawn."""
    chain = [node]
    tree.drawn.add(node)
    while len(inputs := tree.inputs.get(chain[-1], {})) == 1:
        (following,) = inputs
        if following in tree.drawn:
            break
        tree.drawn.add(following)
        chain.append(following)
    return chain


def _arrows(tree: _Tree, chain: list[int]) -> str:
    names = [tree.name(number) for number in chain[:_LONG_CHAIN]]
    if len(chain) > _LONG_CHAIN:
        half = _LONG_CHAIN // 2
        hidden = f"… {tree.mixed(chain[half:-half])} …"
        names = [*names[:half], hidden, *(tree.name(number) for number in chain[-half:])]
    return " ← ".join(names)


def _branches(tree: _Tree, node: int, above: _Branch) -> Iterator[_Branch]:
    """Yield what ``node`` was made from: first what nothing lies behind, then what is drawn further."""
    inputs = list(tree.inputs.get(node, {}))
    entries: list[int | str]
    if above.depth >= _MOST_DEPTH and inputs:
        entries = [f"… {tree.mixed(inputs)}, and what is behind"]
    else:
        further = [each for each in inputs if each not in tree.drawn and tree.inputs.get(each)]
        entries = [*_ends(tree, inputs), *further[:_BRANCHES]]
        if len(further) > _BRANCHES:
            entries.append(f"… {tree.mixed(further[_BRANCHES:])}, and what is behind")
    for number, entry in enumerate(entries):
        last = number == len(entries) - 1
        mark, indent = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield _Branch(entry, above.rest + mark, above.rest + indent, above.depth + 1)


def _ends(tree: _Tree, inputs: list[int]) -> Iterator[int | str]:
    """Yield the inputs behind which nothing lies, or nothing that was not drawn; many alike as one count."""
    alike: dict[tuple[str, str, bool], list[int]] = defaultdict(list)
    for each in inputs:
        seen = each in tree.drawn
        if seen or not tree.inputs.get(each):
            alike[tree.nodes[each].kind, tree.nodes[each].status, seen].append(each)
    for (_, _, seen), group in alike.items():
        if len(group) <= _ALIKE:
            yield from group
            continue
        names = ", ".join(_label(tree.nodes[each].label, 24) for each in group[:4])
        yield f"{tree.mixed(group)}: {names}, …" + (" (see above)" if seen else "")


def _left_over(tree: _Tree) -> Iterator[str]:
    """Say what the lines above do not show."""
    left = [number for number in tree.nodes if number not in tree.drawn]
    if left:
        yield from wrap(f"… not drawn here: {tree.mixed(left)}", tree.width, rest="  ")


def _by_level(tree: _Tree) -> Iterator[str]:
    """Say what each level holds, from the delivered artifact back."""
    for number, row in enumerate(levels(list(tree.nodes.values()))):
        if number == 0:
            names = ", ".join(tree.name(node.id) for node in row.nodes[:_NAMED])
            more = f" and {len(row.nodes) - _NAMED:,} more" if len(row.nodes) > _NAMED else ""
            yield from wrap(names + more, tree.width, rest="  ")
        else:
            span = f"({row.levels:,} levels) " if row.levels > 1 else ""
            yield from wrap(f"{span}{tree.mixed(node.id for node in row.nodes)}", tree.width, "← ", "  ")


def _troubles(lineage: Lineage, width: int) -> Iterator[str]:
    """Name what is not explained, and what the marks mean."""
    taken = {edge.source for edge in lineage.edges if edge.digest_source is not None}
    rows = [
        (mark, MEANING[status], [node for node in lineage.nodes if node.status == status])
        for status, mark in _MARKS.items()
        if mark
    ]
    whose = "a step took its digest over and did not measure it"
    for mark, meaning, found in [
        *rows,
        (_TAKEN_OVER, whose, [each for each in lineage.nodes if each.id in taken]),
    ]:
        if found:
            names = ", ".join(_label(node.label or node.digest, 32) for node in found[:_NAMED])
            more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
            yield from wrap(f"{mark.strip()} {meaning}: {names}{more}", width, rest="  ")
