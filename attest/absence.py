"""Whether records that an order names are shown to be out of what takes their dataset's place.

A step that says it took records out shows nothing by saying so. What shows it are proofs against the record
commitments that both versions carry in dataset statements the reader believes: that each key was in the
dataset the order names, and is not in the new version, both keyed with one secret. Without that secret, and
without the records, the answer is about keys alone.

Pure: proofs, leaf files that were looked through, and lists of keys are parameters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from attest.commitment import SPACES, Commitment, Proof
from attest.docket import OrderState, resolve
from attest.graph import Graph
from attest.predicates.dataset import Dataset
from attest.predicates.deletion_order import RecordTarget
from attest.resource import Artifact

__all__ = [
    "NOTHING_SHOWN",
    "NOT_TAKEN_OUT",
    "Fault",
    "Looked",
    "Shown",
    "faults",
    "holders",
    "keys_of_target",
    "ordered_keys",
    "shown_by",
]


_Holds = Callable[[bytes, Commitment], tuple[bool | None, str]]


class Looked(NamedTuple):
    """What a whole leaf file, made again up to its root, tells of some keys."""

    commitment: Commitment
    asked: frozenset[bytes]
    """Keys that were looked for."""
    held: frozenset[bytes]
    """Those of them that are there."""


class Fault(NamedTuple):
    """Why a removal is not shown."""

    code: str
    """``proof-missing``: nothing in hand speaks of a key, or there is nothing to hold it against;
    ``proof-wrong``: what is in hand proves something else; ``record-not-held``: a key is not in the dataset
    the order names; ``record-still-there``: it is in the new version."""
    summary: str


@dataclass(frozen=True)
class Shown:
    """What a reader has in hand about records, of whatever origin: a proof counts only where it verifies."""

    proofs: tuple[Proof, ...] = ()
    looked: tuple[Looked, ...] = ()
    lists: Mapping[str, frozenset[bytes]] = field(default_factory=dict)
    """SHA-256 of a file of keys → the keys in it."""
    files: Mapping[Proof, str] = field(default_factory=dict)
    """Proof → SHA-256 of the file it came in, where it came in one."""

    @cached_property
    def _by_key(self) -> dict[tuple[str, bytes], list[Proof]]:
        found: dict[tuple[str, bytes], list[Proof]] = defaultdict(list)
        for proof in self.proofs:
            found[proof.space, proof.key].append(proof)
        return dict(found)

    @cached_property
    def _checked(self) -> dict[tuple[Proof, Commitment], str | None]:
        return {}

    def _problem(self, proof: Proof, commitment: Commitment) -> str | None:
        asked = (proof, commitment)
        if asked not in self._checked:
            self._checked[asked] = proof.problem(commitment)
        return self._checked[asked]

    def sources(self, key: bytes, commitment: Commitment) -> Iterator[str]:
        """Yield what tells whether a key is under a commitment: files of proofs, and leaf files."""
        for each in self.looked:
            if each.commitment == commitment and key in each.asked:
                yield f"leaf file of root {commitment.root.hex()}"
        for proof in self._by_key.get((commitment.space, key), ()):
            if self._problem(proof, commitment) is None:
                digest = self.files.get(proof)
                yield f"sha256:{digest}" if digest else f"proof for root {commitment.root.hex()}"

    def holds(
        self, key: bytes, commitment: Commitment, known: Collection[bytes] = ()
    ) -> tuple[bool | None, str]:
        """Tell whether a key is under a commitment; ``None`` if nothing shows it, with what is wrong.

        Args:
            key: of a record.
            commitment: what it is looked for under.
            known: roots of other commitments in question: a proof for one of them is nothing wrong.
        """
        for each in self.looked:
            if each.commitment == commitment and key in each.asked:
                return key in each.held, ""
        reason = ""
        for proof in self._by_key.get((commitment.space, key), ()):
            problem = self._problem(proof, commitment)
            if problem is None:
                return proof.included, ""
            if proof.root == commitment.root or proof.root not in known:
                reason = problem
        return None, reason


NOT_TAKEN_OUT = Fault("proof-missing", "no step behind the model took them out")
"""What is wrong where no step even says so."""

NOTHING_SHOWN = Shown()
"""No proof, no leaf file and no list of keys."""


def keys_of_target(target: RecordTarget, shown: Shown) -> frozenset[bytes] | None:
    """Return the keys one target names; ``None`` if its list of them is not in hand."""
    own = frozenset(map(bytes.fromhex, target.keys))
    if target.list_ is None:
        return own
    listed = shown.lists.get(target.list_.digest.get("sha256", ""))
    return None if listed is None else own | listed


def _targets(order: OrderState, graph: Graph, dataset: Artifact) -> tuple[list[RecordTarget], bool]:
    """Return the targets that name records of a dataset, and whether they name the dataset.

    Of one that was found to hold records, and that no target names, every target is meant: each key may be
    in it, or in another one alone.
    """
    targets = list(order.order.targets.records) if order.order is not None else []
    own = [
        each
        for each in targets
        if each.dataset is not None
        and (each.dataset.digest.get("sha256") == dataset.sha256 or dataset in resolve(each.dataset, graph))
    ]
    return (own, True) if own else (targets, False)


def ordered_keys(order: OrderState, shown: Shown) -> dict[str, frozenset[bytes]]:
    """Return every key an order names that is known, by space."""
    found: dict[str, frozenset[bytes]] = {}
    for each in order.order.targets.records if order.order is not None else ():
        keys = keys_of_target(each, shown) or frozenset()
        found[each.space] = found.get(each.space, frozenset()) | keys
    return found


def _commitments(graph: Graph, dataset: Artifact, space: str) -> list[Commitment]:
    """Return what believed statements of a dataset commit to, sorted; several must all be answered for."""
    found: set[Commitment] = set()
    for each in graph.datasets(dataset):
        said = each.said(Dataset) if each.believed else None
        if said is not None:
            made = said.subject_commitment if space == "subject" else said.record_commitment
            if made is not None and (commitment := made.commitment()) is not None:
                found.add(commitment)
    return sorted(
        (each for each in found if each.space == space), key=lambda each: (each.root, each.secret_digest)
    )


def holders(graph: Graph, order: OrderState, shown: Shown) -> set[Artifact]:
    """Return datasets that are shown to hold a record the order names, whatever dataset it names with it.

    A key made with another dataset's secret is in no other one anyway, so finding it says enough.
    """
    wanted = ordered_keys(order, shown)
    roots: set[tuple[str, bytes]] = set()
    for proof in shown.proofs:
        if proof.included and proof.key in wanted.get(proof.space, ()):
            roots.add((proof.space, proof.root))
    for each in shown.looked:
        if each.held & wanted.get(each.commitment.space, frozenset()):
            roots.add((each.commitment.space, each.commitment.root))
    if not roots:
        return set()
    return {
        dataset
        for dataset in list(graph.about["dataset"])
        for space, keys in wanted.items()
        for commitment in _commitments(graph, dataset, space)
        if (space, commitment.root) in roots and any(shown.holds(key, commitment)[0] for key in keys)
    }


def faults(graph: Graph, order: OrderState, old: Artifact, new: Artifact, shown: Shown) -> list[Fault]:
    """Return why it is not shown that the ordered records of a dataset are out of a new version; none: it is.

    Args:
        graph: the statements; the commitments are those of dataset statements that are believed.
        order: the order, or where it stands.
        old: the dataset it names records of, or that was found to hold them.
        new: what a step made of it, saying that it took them out.
        shown: what is in hand.
    """
    found: list[Fault] = []
    targets, named = _targets(order, graph, old)
    if not targets:
        found.append(Fault("proof-missing", f"the order names no records of {graph.name(old)}"))
    for target in targets:
        found += _of_target(graph, target, old, new, shown, named=named)
    return sorted(set(found))


def shown_by(graph: Graph, order: OrderState, old: Artifact, new: Artifact, shown: Shown) -> tuple[str, ...]:
    """Return what shows that the ordered records of a dataset are out of a new version, sorted.

    Args:
        graph: the statements.
        order: the order.
        old: the dataset they were in.
        new: the version without them.
        shown: what is in hand.
    """
    found: set[str] = set()
    for target in _targets(order, graph, old)[0]:
        for commitment in {c for each in (old, new) for c in _commitments(graph, each, target.space)}:
            for key in keys_of_target(target, shown) or ():
                found.update(shown.sources(key, commitment))
    return tuple(sorted(found))


def _of_target(
    graph: Graph, target: RecordTarget, old: Artifact, new: Artifact, shown: Shown, *, named: bool
) -> Iterator[Fault]:
    keys = keys_of_target(target, shown)
    if keys is None or (target.list_ is not None and not keys):
        digest = (target.list_ and target.list_.digest.get("sha256")) or "without a sha256"
        yield Fault("proof-missing", f"the order's list of keys {digest} is not in hand")
        return
    if not keys or target.space not in SPACES or target.unreadable_fields or target.unknown_fields:
        yield Fault("proof-missing", "the order does not say in a readable way which records it means")
        return
    before, after = (_commitments(graph, each, target.space) for each in (old, new))
    for artifact, made in ((old, before), (new, after)):
        if not made:
            what = f"no dataset statement you believe commits to the {target.space} keys of"
            yield Fault("proof-missing", f"{what} {graph.name(artifact)} ({artifact})")
    if before and after:
        yield from _compared(before, after, keys, shown, named=named)


def _compared(
    before: Sequence[Commitment],
    after: Sequence[Commitment],
    keys: Collection[bytes],
    shown: Shown,
    *,
    named: bool,
) -> Iterator[Fault]:
    """Hold keys against the commitments of both versions, all of the new one, and those of the old alike."""
    for new in after:
        olds = [each for each in before if each.same_keys(new)]
        if not olds:
            what = f"the {new.space} keys of the two versions are made with different secrets: got"
            expected = ", ".join(each.secret_digest[:16] for each in before)
            yield Fault("proof-wrong", f"{what} {new.secret_digest[:16]}…, expected {expected}…")
            continue
        met: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        holds = partial(shown.holds, known={each.root for each in (*before, *after)})
        for key in sorted(keys):
            fault = _of_key(key, olds, new, holds, named=named)
            if fault is not None:
                met[fault].append(key)
        for (code, reason), those in sorted(met.items()):
            number = f"{len(those)} of {len(keys)} records, first {those[0].hex()}"
            yield Fault(code, f"{number}: {reason}")


def _of_key(
    key: bytes, olds: Sequence[Commitment], new: Commitment, holds: _Holds, *, named: bool
) -> tuple[str, str] | None:
    """Return code and reason of what is wrong about one key, or ``None`` if its removal is shown."""
    there, why = holds(key, new)
    if there is None:
        return _unshown("new", why)
    if there:
        return "record-still-there", "it is still in the new version"
    answers = [holds(key, old) for old in olds]
    if any(was for was, _ in answers):
        return None
    for was, why in answers:
        if was is None:
            return _unshown("old", why)
    if named:
        return "record-not-held", "it was not in the old version: was its key made with another secret?"
    return None  # another dataset holds it


def _unshown(which: str, why: str) -> tuple[str, str]:
    if why:
        return "proof-wrong", f"in the {which} version: {why}"
    return "proof-missing", f"no proof in hand tells whether it is in the {which} version"
