"""Everything a store or some bundles say, verified: what questions about all of it at once are asked of."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from attest.check import RawLine
    from attest.docket import OrderState
    from attest.excerpt import Body, Reading
    from attest.graph import Graph
    from attest.impact import Impact
    from attest.limits import Limits
    from attest.resource import Artifact
    from attest.store import Store
    from attest.trust import Trust

__all__ = ["Snapshot", "find_order", "impacts_in_force", "take_excerpt", "take_snapshot"]


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
    trust file, or in the project's ``.attest``; so is what was seen last of each: an older edition is told,
    and lifts nothing.

    Raises:
        AttestError: something cannot be read, or the trust file is no trust file.
    """
    from pathlib import Path

    from attest.cli.delivered import manifests_beside, raw_evidence
    from attest.cli.registers import memory_beside, register_files
    from attest.trust import Trust, read_trust

    if not bundles:
        return _of_store(registers, trust, store_uri, limits)
    files = list(bundles)
    believed = read_trust(trust, limits) if trust is not None else Trust.of_keys({})
    folder = (trust or Path("trust.yaml")).with_suffix(".registers")
    lines = raw_evidence([*files, *register_files(registers, folder, limits)], limits)
    manifests = manifests_beside(files, None, limits)
    memory = memory_beside(trust) if trust is not None else None
    reading = _reading(believed, limits, memory)
    return _snapshot(lines, reading, manifests, believed, ", ".join(map(str, files)), memory)


def _of_store(
    registers: Sequence[str], trust: Path | None, store_uri: str | None, limits: Limits
) -> Snapshot:
    from itertools import chain

    from attest.check import RawLine
    from attest.cli.delivered import raw_evidence
    from attest.store import StoredManifests

    with _opened(registers, trust, store_uri, limits) as (store, believed, editions, memory):
        stored = (
            RawLine("the store", number, bundle.raw) for number, bundle in enumerate(store.bundles(), 1)
        )
        lines = chain(stored, raw_evidence(editions, limits))
        reading = _reading(believed, limits, memory)
        return _snapshot(lines, reading, StoredManifests(store), believed, "the store", memory)


@contextmanager
def _opened(
    registers: Sequence[str], trust: Path | None, store_uri: str | None, limits: Limits
) -> Iterator[tuple[Store, Trust, list[Path], Path]]:
    """Open the project's store; with it come whom the project believes, registers, and their memory."""
    from pathlib import Path

    from attest.cli.own_trust import TRUST_FILE, own_trust
    from attest.cli.registers import memory_beside, register_files
    from attest.settings import find_project

    project = find_project(Path.cwd(), store=store_uri, optional=store_uri is not None)
    believed = own_trust(project, trust, limits=limits)
    folder = trust.with_suffix(".registers") if trust else project.root / ".attest" / "registers"
    with project.open_store(read_only=True, limits=limits) as store:
        file = trust or project.root / TRUST_FILE
        memory = memory_beside(file if file.is_file() else project.root / ".attest" / "registers")
        yield store, believed, register_files(registers, folder, limits), memory


def _snapshot(
    lines: Iterable[RawLine],
    reading: Reading,
    manifests: Mapping[str, bytes],
    trust: Trust,
    source: str,
    memory: Path | None,
) -> Snapshot:
    from attest.cli.tally import tally

    reading.add(tally(lines, "statements read"))
    body = reading.body(manifests)
    _keep(body, reading, memory)
    return _whole(body, trust, source)


def _reading(trust: Trust, limits: Limits, memory: Path | None) -> Reading:
    """Return what verifies lines; registers among them are held against what was seen before."""
    from datetime import UTC, datetime, timedelta

    from attest.excerpt import Reading
    from attest.memory import read_memory
    from attest.processes import cores

    # up to the next second: a timestamp of this very second is not in the future
    now = datetime.now(UTC) + timedelta(seconds=1)
    remembered = read_memory(memory) if memory is not None else {}
    return Reading(trust, now, limits, jobs=cores(), memory=remembered)


def _keep(body: Body, reading: Reading, memory: Path | None) -> None:
    """Say what is wrong with registers, and remember the others."""
    from attest.cli.registers import remember, tell_problems

    tell_problems(body.registers)
    if memory is not None:
        remember(memory, reading.memory, body.registers)


def _whole(body: Body, trust: Trust, source: str) -> Snapshot:
    return Snapshot(body.graph, body.orders, trust, source, body.unverified, body.unknown_lines)


def take_excerpt(
    order: str,
    found: Sequence[Artifact],
    registers: Sequence[str],
    trust: Path | None,
    store_uri: str | None,
    limits: Limits,
) -> tuple[Snapshot, Impact]:
    """Read and verify only what an order's targets lead to in the project's store (``attest.excerpt``).

    Args:
        order: a digest, the beginning of one, or an id.
        found: datasets in which the order's records were found.
        registers: like the rest as for ``take_snapshot``.
        trust: a trust file, or the project's own.
        store_uri: a store, or the project's own.
        limits: the reader's.

    Raises:
        UsageError: there is no such order.
        AttestError: something cannot be read, or only everything in the store can tell.
    """
    from attest.cli.delivered import raw_evidence
    from attest.excerpt import Excerpt

    with _opened(registers, trust, store_uri, limits) as (store, believed, editions, memory):
        reading = _reading(believed, limits, memory)
        reading.add(raw_evidence(editions, limits))
        excerpt = Excerpt(store, reading, believed, limits)
        state = find_order(_whole(excerpt.body(), believed, "the store"), order)
        body, impact = excerpt.reached(state.digest, found)
        _keep(body, reading, memory)
        return _whole(body, believed, "the store"), impact


def impacts_in_force(
    besides: Collection[str | None], trust: Path | None, store_uri: str | None, limits: Limits
) -> list[Impact]:
    """Return what each order in force reaches in the project's store; only what is reached is read.

    Args:
        besides: statement digests of orders that are passed over.
        trust: a trust file, or the project's own.
        store_uri: a store, or the project's own.
        limits: the reader's.

    Raises:
        AttestError: something cannot be read, or only everything in the store can tell.
    """
    from attest.excerpt import Excerpt

    with _opened((), trust, store_uri, limits) as (store, believed, _, memory):
        reading = _reading(believed, limits, memory)
        excerpt = Excerpt(store, reading, believed, limits)
        body = excerpt.body()
        _keep(body, reading, memory)
        binding = [each.digest for each in body.orders.values() if each.binding]
        return [excerpt.reached(each)[1] for each in binding if each not in besides]


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
