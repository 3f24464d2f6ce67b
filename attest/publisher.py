"""What a vendor hands over: everything behind its artifacts, and the signed list that closes it.

A bundle is as good as what is in it: the closure follows the same links a buyer's lineage does, by digest and
never by name, and adds what speaks against a statement as well as what speaks for one. Nothing here checks a
signature: whoever closes a bundle says whom it saw to have signed each statement.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attest.bundle import Bundle
from attest.errors import FormatError
from attest.known import made_by
from attest.limits import DEFAULT, Limits
from attest.links import links_of
from attest.manifest import Manifest
from attest.predicate import BASES, Predicate, artifacts_of, predicate_name, predicate_type, read_predicate
from attest.predicates.contents import Contents, Release, Signer, StatementDigest, StatementRef
from attest.predicates.dataset import Dataset
from attest.predicates.link import step_of
from attest.predicates.withdrawal import Withdrawal
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact, ResourceDescriptor
from attest.statement import Statement
from attest.store import Store

__all__ = ["Closure", "closing_statement", "closure", "contents_statement", "describe", "listed"]


@dataclass(frozen=True)
class Closure:
    """Everything a store holds that stands behind some artifacts."""

    bundles: tuple[Bundle, ...] = field(repr=False)
    """Every bundle of every statement, sorted by statement digest and then by bytes."""
    reached: frozenset[Artifact] = field(repr=False)
    """The artifacts themselves, and every one they were made from."""
    manifests: tuple[str, ...]
    """Digests of manifests a reader needs besides: of released directories whose files are too many to be
    subjects, and of those directories one of whose weights was read by itself."""
    missing: tuple[str, ...]
    """Digests of statements that an earlier list of the same release names and the store does not have."""


def closure(store: Store, artifacts: Iterable[Artifact], limits: Limits = DEFAULT) -> Closure:
    """Collect everything behind artifacts, without recursion.

    - the steps that made them, or directories they are weights of, and so on for what those steps read;
    - what else was stated about every artifact reached, and about the sources a dataset names;
    - earlier lists of contents of the same release, with all they list: a buyer asks for all of them;
    - withdrawals of any of these statements, and all that take back what was signed in a window of time.

    Args:
        store: where the statements are.
        artifacts: what is released.
        limits: for the statements.

    Raises:
        LimitError: more statements than ``limits`` allow.
        StoreError: the store cannot be read.
    """
    walk = _Walk(store, frozenset(artifacts), limits)
    walk.run()
    bundles = (bundle for each in walk.found.values() for bundle in each)
    return Closure(
        tuple(sorted(bundles, key=lambda bundle: (bundle.statement_digest, bundle.line))),
        frozenset(walk.reached),
        tuple(sorted(walk.needed_manifests())),
        tuple(sorted(walk.missing)),
    )


class _Walk:
    """One walk through a store, from artifacts back to their origins."""

    def __init__(self, store: Store, released: frozenset[Artifact], limits: Limits) -> None:
        self.found: dict[str, list[Bundle]] = {}
        self.missing: set[str] = set()
        self.reached: dict[Artifact, None] = {}
        self._store = store
        self._released = released
        self._limits = limits
        self._queue: deque[Artifact] = deque()
        self._last: tuple[str, Statement, list[Bundle]] | None = None
        """The statement that was read last: a parsed one is many times its bytes, and is not kept."""
        self._trees: dict[str, list[tuple[ResourceDescriptor, Artifact]]] = {}
        """Steps found → directories among their outputs whose files they do not list."""
        self._followed: set[str] = set()
        """Found for what they say of an artifact reached, and not only because an earlier list names them."""

    def run(self) -> None:
        behind = self._behind()
        for artifact in sorted(self._released):
            self._reach(artifact)
        while self._queue:
            artifact = self._queue.popleft()
            for digest in behind.get(artifact, ()):
                if digest not in self._followed:
                    self._consider(digest, artifact)
        self._add_withdrawals()

    def needed_manifests(self) -> Iterator[str]:
        """Yield digests of directories whose files no statement lists and a reader has to know."""
        for trees in self._trees.values():
            for subject, tree in trees:
                weights = (Artifact(sha256) for sha256 in self._weights(subject, tree))
                wanted = tree in self._released or any(each in self.reached for each in weights)
                if wanted and self._store.manifest(tree.sha256) is not None:
                    yield tree.sha256

    # -- what there is about an artifact -------------------------------------------------------------------

    def _reach(self, artifact: Artifact | None) -> None:
        if artifact is not None and artifact not in self.reached:
            self.reached[artifact] = None
            self._queue.append(artifact)

    def _behind(self) -> dict[Artifact, list[str]]:
        """Return artifacts behind the released ones → statements about them, or that made them.

        The store's indexes tell which these are; which of them belong here, their predicates do.
        """
        found: dict[Artifact, list[str]] = defaultdict(list)
        for digest in self._store.reach(self._released, backwards=True).statements():
            links = links_of(self._statement(digest)[0], self._limits, self._store.manifest)
            for artifact in links.products | links.subjects:
                found[artifact].append(digest)
        return found

    def _weights(self, subject: ResourceDescriptor, tree: Artifact) -> set[str]:
        """Return digests of the files a subject says are weights, if it is that directory's."""
        named = subject.annotation("weights")
        if subject.artifact != tree or not isinstance(named, list):
            return set()
        data = self._store.manifest(tree.sha256)
        paths = {path for path in named if isinstance(path, str)}
        entries = Manifest.parse(data, f"manifest sha256:{tree.sha256}", self._limits).entries if data else ()
        return {sha256 for sha256, path in entries if path in paths}

    def _statement(self, digest: str) -> tuple[Statement, list[Bundle]]:
        if self._last is None or self._last[0] != digest:
            bundles = self.found.get(digest) or list(self._store.bundles(digest))
            self._last = digest, bundles[0].statement(f"statement sha256:{digest}", self._limits), bundles
        return self._last[1], self._last[2]

    # -- what belongs to it --------------------------------------------------------------------------------

    def _add(self, digest: str) -> None:
        statement, self.found[digest] = self._statement(digest)
        if predicate_name(statement.predicate_type) == "step" and (trees := _unlisted_trees(statement)):
            self._trees[digest] = trees
        self._limits.check("statements", len(self.found), "what is behind the artifact")

    def _follow(self, digest: str) -> None:
        self._followed.add(digest)
        self._add(digest)

    def _consider(self, digest: str, artifact: Artifact) -> None:
        statement, _ = self._statement(digest)
        kind = predicate_name(statement.predicate_type)
        predicate = _predicate(statement)
        if kind in ("withdrawal", "register"):
            return  # their subjects are statements and documents
        if (step := step_of(predicate)) is not None:
            if artifact in set(made_by(statement, step, self._store.manifest)):
                self._follow(digest)
                for each in step.inputs:
                    self._reach(each.artifact)
        elif kind == "contents":
            if artifact in self._released:
                self._follow(digest)
                self._add_list(predicate)
        elif artifact in artifacts_of(statement, predicate):
            self._follow(digest)
            if isinstance(predicate, Dataset):
                for source in predicate.derived_from:
                    self._reach(source.artifact)

    def _add_list(self, predicate: Predicate | None) -> None:
        """Add what an earlier list names: a buyer asks for it as long as that list is in hand."""
        for each in predicate.statements if isinstance(predicate, Contents) else ():
            digest = each.digest.sha256
            if digest in self.found:
                continue
            if next(self._store.bundles(digest), None) is None:
                self.missing.add(digest)
            else:
                self._add(digest)

    def _add_withdrawals(self) -> None:
        """Add withdrawals of what was found, and of those; they are few, so all of them are looked at."""
        waiting: dict[str, frozenset[str] | None] = {}
        for base in BASES:
            for digest in self._store.by_type(f"{base}withdrawal/v0.1"):
                waiting[digest] = _withdrawn(self._statement(digest)[0])
        grown = True
        while grown:
            grown = False
            for digest, reached in list(waiting.items()):
                if digest in self.found or reached is None or reached & self.found.keys():
                    del waiting[digest]
                    if digest not in self.found:
                        self._add(digest)
                        grown = True


def _unlisted_trees(statement: Statement) -> list[tuple[ResourceDescriptor, Artifact]]:
    """Return the directories a statement is about of whose files it names none."""
    return [
        (subject, tree)
        for subject in statement.subjects
        if (tree := subject.artifact) is not None
        and tree.tree
        and not any(
            str(each.name or "").startswith(str(subject.name or "")) and each is not subject
            for each in statement.subjects
        )
    ]


def _predicate(statement: Statement) -> Predicate | None:
    """Read a predicate; one that cannot be read links to nothing, and is handed over all the same."""
    try:
        return read_predicate(statement)
    except FormatError:
        return None


def _withdrawn(statement: Statement) -> frozenset[str] | None:
    """Return the statements a withdrawal names, or ``None`` for one that may reach any."""
    predicate = _predicate(statement)
    if not isinstance(predicate, Withdrawal) or predicate.selector is not None:
        return None
    return None if predicate.unreadable_fields else predicate.statements(statement.subjects)


# -- the list that closes a bundle ---------------------------------------------------------------------------


def describe(artifact: Artifact, name: str) -> ResourceDescriptor:
    """Return a released artifact as a subject; a directory's name ends in a slash."""
    return ResourceDescriptor(
        name=f"{name.rstrip('/')}/" if artifact.tree else name,
        digest={"sha256": artifact.sha256},
        media_type=MANIFEST_MEDIA_TYPE if artifact.tree else None,
    )


def listed(statement: Statement, signer: Mapping[str, str]) -> StatementRef:
    """Return a statement's entry in a list of contents.

    Args:
        statement: what is handed over.
        signer: who is shown to have signed it (``Signer.identity``, ``Identity.to_json``).
    """
    return StatementRef(
        digest=StatementDigest(sha256=statement.digest),
        predicate_type=statement.predicate_type,
        signer=Signer.from_json(dict(signer)),
    )


def _entry_order(entry: StatementRef) -> tuple[str, ...]:
    signer = entry.signer
    return entry.digest.sha256, signer.key or "", signer.issuer or "", signer.subject or ""


def contents_statement(
    subjects: Sequence[ResourceDescriptor],
    entries: Iterable[StatementRef],
    release: Release,
    sequence: int = 1,
    previous: str | None = None,
) -> Statement:
    """Make the list that closes a bundle; each entry stands once, in the order of digests.

    Args:
        subjects: the released artifacts.
        entries: every statement handed over, once per signer.
        release: what is released.
        sequence: number of the list, from 1.
        previous: statement digest of the list before.

    Raises:
        FormatError: a subject has no name or no sha256.
        LimitError: more subjects or bytes than other verifiers accept.
    """
    contents = Contents(
        sequence=sequence,
        previous=previous,
        visibility="full",
        release=release,
        statements=tuple(sorted({_entry_order(each): each for each in entries}.values(), key=_entry_order)),
    )
    return Statement.build(subjects, predicate_type("contents"), contents.to_json())


def closing_statement(
    subjects: Sequence[ResourceDescriptor],
    entries: Iterable[StatementRef],
    release: Release,
    earlier: Iterable[Statement],
) -> Statement:
    """Return the list that closes a bundle: the latest one if it says just this, else the next in line.

    So handing over the same release twice gives the same bytes, and a run that was interrupted after its list
    was stored goes on with that list.

    Args:
        subjects: the released artifacts.
        entries: every statement handed over, earlier lists among them.
        release: what is released.
        earlier: lists this publisher signed about any of the artifacts, in any order.
    """
    wanted = {_entry_order(each): each for each in entries}.values()
    known = [(predicate, each) for each in earlier if isinstance(predicate := _predicate(each), Contents)]
    if not known:
        return contents_statement(subjects, wanted, release)
    contents, latest = max(known, key=lambda pair: (pair[0].sequence, pair[1].digest))
    others = [each for each in wanted if each.digest.sha256 != latest.digest]
    again = contents_statement(subjects, others, release, contents.sequence, contents.previous)
    if again == latest:
        return latest
    return contents_statement(subjects, wanted, release, contents.sequence + 1, latest.digest)
