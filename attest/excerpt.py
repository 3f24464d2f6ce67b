"""What a store says, read as one body of evidence: all of it, or what leads on from the targets of one order.

An excerpt is found in the store's indexes and then verified like anything else; the indexes say only where
to look. Of every artifact it comes to, it takes all that is said in the whole store
(``Store.by_artifacts``). Always taken are those to which no artifact leads, and which may speak against
others: withdrawals, registers, orders, and links of in-toto where a layout judges them together. So excerpt
and whole store say the same of what the targets lead to. Of anything else the excerpt says nothing: least of
all that it is clear, for that takes everything (docs/adr/0029).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count

from attest.bundle import Bundle, parse_bundle
from attest.check import Checked, RawLine, check_lines, seldom_collected
from attest.docket import OrderState, read_orders, resolve
from attest.errors import AttestError, FormatError, LimitError
from attest.graph import Evidence, Graph
from attest.impact import Impact
from attest.itemclass import class_trail
from attest.keeper import RegisterState, Remembered
from attest.limits import DEFAULT, Limits
from attest.manifest import Manifest
from attest.matching import Delivery
from attest.predicate import BASES, predicate_name, predicate_type, read_predicate
from attest.predicates.link import step_of
from attest.publisher import closure
from attest.resource import Artifact
from attest.review import Review, judged, review
from attest.statement import Statement
from attest.store import Store, StoredManifests
from attest.trust import Trust
from attest.verifier import VerifiedStatement

__all__ = ["Body", "Excerpt", "Reading", "claim", "review_of_store"]

_ALWAYS = ("withdrawal", "register", "deletion-order")
"""Kinds of statements that no artifact leads to, and that may speak against others."""


def claim(bundle: Bundle, where: str, limits: Limits = DEFAULT) -> Evidence:
    """Read a statement as somebody's claim: granted to nobody, and joined like any other.

    Raises:
        FormatError: it is no statement.
        LimitError: beyond the reader's limits.
    """
    statement = bundle.statement(where, limits)
    try:
        predicate = read_predicate(statement)
    except FormatError:
        predicate = None
    if (step := step_of(predicate)) is not None:
        limits.check("step_inputs", len(step.inputs), where)
    kind = predicate_name(statement.predicate_type)
    return Evidence(statement, kind, predicate, (), (), "nobody's signature was checked")


@dataclass(frozen=True)
class Body:
    """Verified statements, claims nobody is known to have signed, and the orders among them."""

    graph: Graph
    orders: dict[str, OrderState]
    unverified: int
    """Statements nobody the trust names is shown to have signed."""
    unknown_lines: int
    registers: Mapping[str, RegisterState] = field(default_factory=dict)
    """What registers among them say, and those that were seen before."""


class Reading:
    """Lines that are verified as they come, to become one body of evidence.

    Args:
        trust: whom the reader believes.
        as_of: time of evaluation, in UTC.
        limits: the reader's limits.
        jobs: processes that share the work.
        memory: what the reader saw last of each register.
    """

    def __init__(
        self,
        trust: Trust,
        as_of: datetime,
        limits: Limits = DEFAULT,
        *,
        jobs: int = 1,
        memory: Mapping[str, Remembered] | None = None,
    ) -> None:
        self.memory = memory or {}
        self._trust = trust
        self._as_of = as_of
        self._limits = limits
        self._jobs = jobs
        self._verified: dict[str, list[VerifiedStatement]] = {}
        self._strangers: dict[bytes, tuple[str, int]] = {}
        self._unknown_lines = 0

    def add(self, lines: Iterable[RawLine]) -> None:
        """Verify lines; bundles of one statement may come in several calls.

        Raises:
            FormatError: a line is not JSON.
            LimitError: beyond the reader's limits.
        """
        checked = check_lines(
            lines,
            self._trust,
            self._limits,
            self._as_of,
            jobs=self._jobs,
            at_rest=True,
            stranger=lambda source, number, raw: self._strangers.setdefault(raw, (source, number)),
        )
        for digest, found in checked.statements.items():
            self._verified.setdefault(digest, []).extend(found)
        self._unknown_lines += len(checked.unknown_lines)
        self._limits.check("statements", len(self._verified) + len(self._strangers), "the evidence")

    @seldom_collected()
    def body(self, manifests: Mapping[str, bytes]) -> Body:
        """Decide who is believed for what, and join everything there is so far.

        Raises:
            AttestError: the clock is earlier than a trusted time in the evidence.
            LimitError: beyond the reader's limits.
        """
        checked = Checked(self._verified, (), (), {})
        evidence, registers = judged(
            checked, self._trust, self._as_of, memory=self.memory, limits=self._limits, at_rest=True
        )
        claims = self._claims()
        graph = Graph([*evidence, *claims], manifests)
        orders = read_orders(graph.evidence, registers)
        return Body(graph, orders, len(claims), self._unknown_lines, registers)

    def _claims(self) -> list[Evidence]:
        """Read what nobody is shown to have signed; adverse facts count, so it is not passed over."""
        found: dict[str, Evidence] = {}
        for raw, (source, number) in self._strangers.items():
            where = f"{source}:{number}"
            bundle = parse_bundle(raw, where, self._limits)
            if bundle.statement_digest in self._verified or bundle.statement_digest in found:
                continue
            try:
                found[bundle.statement_digest] = claim(bundle, where, self._limits).at_rest(self._limits)
            except LimitError:
                raise
            except FormatError:
                continue
        return [found[digest] for digest in sorted(found)]


def review_of_store(
    store: Store,
    delivery: Delivery,
    trust: Trust,
    as_of: datetime,
    limits: Limits = DEFAULT,
    *,
    jobs: int = 1,
) -> Review:
    """Verify what a store says of everything behind an artifact, and walk its lineage.

    Taken are the statements behind it (``attest.publisher.closure``, which adds withdrawals), all registers,
    for they withdraw by digest, and links of in-toto where a layout judges them together. Lineage, statuses
    and steps are those that everything in the store gives; names are those that these statements give.

    Args:
        store: open for reading.
        delivery: what is asked about.
        trust: whom the reader believes.
        as_of: time of evaluation, in UTC.
        limits: the reader's limits.
        jobs: processes that share the work.

    Raises:
        AttestError: the clock is earlier than a trusted time in the evidence.
        LimitError: beyond the reader's limits.
        StoreError: the store cannot be read.
    """
    roots = {delivery.artifact}
    types = [f"{base}register/v0.1" for base in BASES]
    types += [predicate_type("link")] if trust.layouts else []
    while True:
        found = closure(store, roots, limits)
        known = {bundle.statement_digest for bundle in found.bundles}
        beside = (digest for each in types for digest in store.by_type(each) if digest not in known)
        bundles = chain(found.bundles, (bundle for digest in beside for bundle in store.bundles(digest)))
        lines = (RawLine("the store", number, bundle.raw) for number, bundle in enumerate(bundles, 1))
        checked = check_lines(lines, trust, limits, as_of, jobs=jobs)
        manifests = {digest: store.manifest(digest) or b"" for digest in found.manifests}
        reviewed = review(delivery, checked, trust, as_of, manifests=manifests, limits=limits)
        # of weights that were taken out of a directory, what is said of that is about them, too
        if roots.issuperset(reviewed.lineage.roots):
            return reviewed
        roots |= set(reviewed.lineage.roots)


class Excerpt:
    """The part of a store that an order's targets lead to.

    Args:
        store: open for reading.
        reading: what verifies the statements; editions of registers may be added to it by others.
        trust: the same as the reading's.
        limits: the reader's limits.
    """

    def __init__(self, store: Store, reading: Reading, trust: Trust, limits: Limits = DEFAULT) -> None:
        self._store = store
        self._reading = reading
        self._limits = limits
        self._manifests = StoredManifests(store)
        self._taken: set[str] = set()
        self._numbers = count(1)
        for name in _ALWAYS:
            for base in BASES:
                self._take(store.by_type(f"{base}{name}/v0.1"))
        if trust.layouts:
            self._take(store.by_type(predicate_type("link")))

    def body(self) -> Body:
        """Join what was taken so far; at first that is the orders, and what may speak against anything."""
        return self._reading.body(self._manifests)

    def reached(self, order: str, found: Iterable[Artifact] = ()) -> tuple[Body, Impact]:
        """Take what an order's targets lead to, and all that is said of it, until nothing is missing.

        Args:
            order: statement digest of an order of the body.
            found: datasets in which the order's records were found.

        Returns:
            The body, and its impact. What ``reached_rows`` gives of it is what everything in the store gives.

        Raises:
            AttestError: a step says that it took the ordered records out: whether what it made is clear only
                everything tells.
            LimitError: more statements than the limits allow.
            StoreError: the store cannot be read.
        """
        body = self.body()
        self._take_others(body.orders, order)
        holding = list(found)
        seeds: set[Artifact] = set()
        covered: set[Artifact] = set()
        scanned: set[str] = set()
        wanted = self._named(body.orders[order]) | set(holding)
        while True:
            seeds |= wanted
            state = body.orders[order]
            missing = (set(self._led_to(seeds)) if state.derived else seeds) | wanted
            while True:
                covered |= missing
                self._take(self._store.by_artifacts(missing))
                body = self.body()
                impact = Impact(body.graph, body.orders[order], holding)
                self._refuse_removals(impact)
                missing = {a for each in impact.followed for a in _needed(impact, each)} - covered
                if not missing:
                    break
            wanted = self._by_name(body, order, scanned) - seeds
            if not wanted:
                return body, impact

    @staticmethod
    def _refuse_removals(impact: Impact) -> None:
        if impact.answering.steps:
            what = "a step says that it took the ordered records out of what it made"
            hint = "whether that is clear only everything in the store tells: leave --reached out"
            raise AttestError(what, f"sha256:{impact.answering.steps[0].evidence.digest}", hint)

    # -- what is taken -------------------------------------------------------------------------------------

    def _take(self, digests: Iterable[str]) -> None:
        fresh = [digest for digest in digests if digest not in self._taken]
        self._taken.update(fresh)
        self._limits.check("statements", len(self._taken), "what the order's targets lead to")
        self._reading.add(
            RawLine("the store", next(self._numbers), bundle.raw)
            for digest in fresh
            for bundle in self._store.bundles(digest)
        )

    def _take_others(self, orders: Mapping[str, OrderState], own: str) -> None:
        """Take one statement about whatever other orders name: whether it is known decides what they mean."""
        for state in orders.values():
            for item in state.named if state.digest != own else ():
                for algorithm, value in item.digest.items():
                    for artifact in self._candidates({algorithm: value}):
                        self._take(self._showing(artifact, algorithm, value))

    def _showing(self, artifact: Artifact, algorithm: str, value: str) -> list[str]:
        """Return a statement that describes an artifact by a digest, if there is one: some only name it."""
        for digest in self._store.by_artifacts([artifact]):
            bundle = next(self._store.bundles(digest))
            try:
                graph = Graph([claim(bundle, f"statement sha256:{digest}", self._limits)], self._manifests)
            except FormatError:
                continue
            known = graph.with_sha256(value) if algorithm == "sha256" else graph.aliased(algorithm, value)
            if artifact in known:
                return [digest]
        return []

    # -- what the order names ------------------------------------------------------------------------------

    def _candidates(self, digests: Mapping[str, str]) -> set[Artifact]:
        """Return what a target may be, by its digests: orders seldom say whether it is a directory."""
        found = {a for pair in digests.items() for a in self._store.by_alias(*pair)}
        if sha256 := digests.get("sha256"):
            found |= {Artifact(sha256), Artifact(sha256, tree=True)}
        return found

    def _named(self, state: OrderState) -> set[Artifact]:
        return {artifact for item in state.named for artifact in self._candidates(item.digest)}

    def _by_name(self, body: Body, order: str, scanned: set[str]) -> set[Artifact]:
        """Return what targets are called of which nothing else is known: for them all is looked through."""
        names = {
            item.name.rstrip("/")
            for item in body.orders[order].named
            if item.name and all(how == "name" for how in resolve(item, body.graph).values())
        } - scanned
        scanned |= names
        return set(self._called(names)) if names else set()

    def _called(self, names: set[str]) -> Iterator[Artifact]:
        """Yield artifacts that steps and datasets call by one of the names, from the whole store."""
        spelt = [name.encode() for name in names]
        for bundle in self._store.bundles():
            # a name may be written with escapes: only what has none can be passed over unread
            if b"\\" not in bundle.payload and not any(each in bundle.payload for each in spelt):
                continue
            try:
                graph = Graph([claim(bundle, "the store", self._limits)])
            except FormatError:
                continue
            for name in names:
                yield from graph.called(name)

    # -- where it leads ------------------------------------------------------------------------------------

    def _led_to(self, seeds: set[Artifact]) -> Iterator[Artifact]:
        """Yield everything that may have been made from the targets, or holds or is a file of one."""
        return self._store.reach(seeds | set(self._around(seeds))).artifacts()

    def _around(self, seeds: set[Artifact]) -> Iterator[Artifact]:
        """Yield files of targets, and directories of which one is a file: the indexes know weights alone."""
        made: set[Artifact] = set()
        for digest in self._store.by_subjects(seeds):
            try:
                statement = next(self._store.bundles(digest)).statement(None, self._limits)
            except FormatError:
                continue
            if predicate_name(statement.predicate_type) in ("step", "link"):
                made |= {a for each in statement.subjects if (a := each.artifact) is not None}
                yield from _beside(statement, seeds)
        for tree in sorted(each for each in seeds & made if each.tree):
            if (data := self._store.manifest(tree.sha256)) is not None:
                yield from (Artifact(sha256) for sha256, _ in self._entries(data))
        files = [each.sha256.encode() for each in seeds if not each.tree]
        for sha256 in self._store.manifests() if files else ():
            data = self._store.manifest(sha256) or b""
            if any(each in data for each in files):
                yield Artifact(sha256, tree=True)

    def _entries(self, data: bytes) -> Iterable[tuple[str, str]]:
        try:
            return Manifest.parse(data, None, self._limits).entries
        except LimitError:
            raise
        except FormatError:
            return ()  # whoever reads the statement about it will say so


def _beside(statement: Statement, seeds: set[Artifact]) -> Iterator[Artifact]:
    """Yield files a statement lists in a directory that is a target, and directories that hold a target."""
    trees = [each for each in statement.subjects if (each.name or "").endswith("/")]
    for tree in trees:
        for each in statement.subjects:
            if each.artifact is None or tree.artifact is None or each is tree:
                continue
            if str(each.name or "").startswith(str(tree.name)):
                if tree.artifact in seeds and each.annotation("role") not in ("tokenizer", "config"):
                    yield each.artifact
                if each.artifact in seeds:
                    yield tree.artifact


def _needed(impact: Impact, artifact: Artifact) -> set[Artifact]:
    """Return what a row about an artifact is written from: itself, and what tells its class."""
    return {artifact, *class_trail(impact.unknowns, artifact)[1]}
