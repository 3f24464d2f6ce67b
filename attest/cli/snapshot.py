"""Everything a store or some bundles say, verified: what questions about all of it at once are asked of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.check import Checked, RawLine
    from attest.docket import OrderState
    from attest.graph import Evidence, Graph
    from attest.limits import Limits
    from attest.trust import Trust

__all__ = ["Snapshot", "claim", "find_order", "take_snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """Verified statements, claims nobody is known to have signed, and the orders among them."""

    graph: Graph
    orders: dict[str, OrderState]
    trust: Trust
    source: str
    """Where it came from, in words."""
    unverified: int
    """Statements nobody the trust names is shown to have signed."""
    unknown_lines: int


def claim(bundle: Bundle, where: str, limits: Limits) -> Evidence:
    """Read a statement as somebody's claim: granted to nobody, and joined like any other.

    Raises:
        FormatError: it is no statement.
        LimitError: beyond the reader's limits.
    """
    from attest.errors import FormatError
    from attest.graph import Evidence
    from attest.predicate import predicate_name, read_predicate
    from attest.predicates.link import step_of

    statement = bundle.statement(where, limits)
    try:
        predicate = read_predicate(statement)
    except FormatError:
        predicate = None
    if (step := step_of(predicate)) is not None:
        limits.check("step_inputs", len(step.inputs), where)
    kind = predicate_name(statement.predicate_type)
    return Evidence(statement, kind, predicate, (), (), "nobody's signature was checked")


def take_snapshot(
    bundles: Sequence[Path],
    registers: Sequence[str],
    trust: Path | None,
    store_uri: str | None,
    limits: Limits,
) -> Snapshot:
    """Read and verify everything in the project's store, or in ``bundles``, and the registers besides.

    In the store the project's own keys are believed, and its trust file; of bundles, without a trust file
    nobody is, and all that is said is a claim. A register named by its URL is fetched, and kept beside the
    trust file, or in the project's ``.attest``.

    Raises:
        AttestError: something cannot be read, or the trust file is no trust file.
    """
    from pathlib import Path

    from attest.cli.registers import register_files
    from attest.cli.verify import manifests_beside, raw_evidence
    from attest.trust import Trust, read_trust

    if bundles:
        files = list(bundles)
        believed = read_trust(trust, limits) if trust is not None else Trust.of_keys({})
        folder = (trust or Path("trust.yaml")).with_suffix(".registers")
        lines = raw_evidence([*files, *register_files(registers, folder, limits)], limits)
        manifests = manifests_beside(files, None, limits)
        return _snapshot(lines, believed, manifests, limits, ", ".join(map(str, files)))
    return _of_store(registers, trust, store_uri, limits)


def _of_store(
    registers: Sequence[str], trust: Path | None, store_uri: str | None, limits: Limits
) -> Snapshot:
    from itertools import chain
    from pathlib import Path

    from attest.check import RawLine
    from attest.cli.own_trust import own_trust
    from attest.cli.registers import register_files
    from attest.cli.verify import raw_evidence
    from attest.settings import find_project
    from attest.store import StoredManifests

    project = find_project(Path.cwd(), store=store_uri, optional=store_uri is not None)
    believed = own_trust(project, trust, limits=limits)
    folder = trust.with_suffix(".registers") if trust else project.root / ".attest" / "registers"
    with project.open_store(read_only=True, limits=limits) as store:
        stored = (
            RawLine("the store", number, bundle.raw) for number, bundle in enumerate(store.bundles(), 1)
        )
        editions = register_files(registers, folder, limits)
        lines = chain(stored, raw_evidence(editions, limits))
        return _snapshot(lines, believed, StoredManifests(store), limits, "the store")


def _snapshot(
    lines: Iterable[RawLine], trust: Trust, manifests: Mapping[str, bytes], limits: Limits, source: str
) -> Snapshot:
    from datetime import UTC, datetime, timedelta

    from attest.check import check_lines, seldom_collected
    from attest.cli.tally import tally
    from attest.docket import read_orders
    from attest.graph import Graph
    from attest.processes import cores
    from attest.review import judged

    strangers: dict[bytes, tuple[str, int]] = {}
    # up to the next second: a timestamp of this very second is not in the future
    now = datetime.now(UTC) + timedelta(seconds=1)
    with seldom_collected():
        checked = check_lines(
            tally(lines, "statements read"),
            trust,
            limits,
            now,
            jobs=cores(),
            at_rest=True,
            stranger=lambda source, number, raw: strangers.setdefault(raw, (source, number)),
        )
        evidence, registers = judged(checked, trust, now, limits=limits, at_rest=True)
        claims = _claims(checked, strangers, limits)
        unknown_lines = len(checked.unknown_lines)
        del checked
        graph = Graph([*evidence, *claims], manifests)
        orders = read_orders(graph.evidence, registers)
    return Snapshot(graph, orders, trust, source, len(claims), unknown_lines)


def _claims(checked: Checked, strangers: dict[bytes, tuple[str, int]], limits: Limits) -> list[Evidence]:
    """Read what nobody is shown to have signed; adverse facts count, so it is not passed over."""
    from attest.bundle import parse_bundle
    from attest.errors import FormatError, LimitError

    found: dict[str, Evidence] = {}
    for raw, (source, number) in strangers.items():
        where = f"{source}:{number}"
        bundle = parse_bundle(raw, where, limits)
        if bundle.statement_digest in checked.statements or bundle.statement_digest in found:
            continue
        try:
            found[bundle.statement_digest] = claim(bundle, where, limits).at_rest(limits)
        except LimitError:
            raise
        except FormatError:
            continue
    return [found[digest] for digest in sorted(found)]


def find_order(snapshot: Snapshot, given: str) -> OrderState:
    """Return the order of a digest, the beginning of one, or an id.

    Raises:
        UsageError: there is none, or more than one.
    """
    from attest.errors import UsageError, nearest

    digest = given.removeprefix("sha256:")
    orders = snapshot.orders.values()
    found = [each for each in orders if given == each.title]
    if not found and len(digest) >= 6:
        found = [each for each in orders if each.digest.startswith(digest)]
    if len(found) == 1:
        return found[0]
    if found:
        digests = ", ".join(f"sha256:{each.digest}" for each in found[:5])
        raise UsageError(f"{len(found)} orders are called so", given, f"name one by its digest: {digests}")
    guess = nearest(given, [each.title for each in orders])
    hint = f"did you mean {guess!r}?" if guess else "`attest order list` shows which there are"
    raise UsageError(f"no such order in {snapshot.source}", given, hint)
