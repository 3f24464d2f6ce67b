"""``attest verify-deletion``: whether a certificate accounts for everything its order reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.looking import looking_options
from attest.cli.options import PATH, echo_json, json_option
from attest.cli.ordered_records import ordered_records_options

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.looking import Looking
    from attest.cli.ordered_records import OrderedRecords
    from attest.cli.snapshot import Snapshot
    from attest.closure import Closure
    from attest.docket import OrderState
    from attest.graph import Evidence

__all__ = ["command"]


@click.command("verify-deletion")
@click.argument("certificate", type=PATH)
@click.option("--order", required=True, metavar="ORDER", help="The order: its id or statement digest.")
@ordered_records_options
@looking_options
@json_option
def command(
    certificate: Path,
    order: str,
    looking: Looking,
    as_json: bool,
    records: OrderedRecords,
) -> None:
    """Check that a deletion certificate accounts for everything its order reaches.

    CERTIFICATE is the bundle that holds it. What the order reaches is computed anew from every statement in
    the store or in the files of --bundle, and in CERTIFICATE. COMPLETE and COMPLETE_WITH_RETENTION end with
    0, LATE with 1, INCOMPLETE with 3, and name what is missing.

    Of records that were taken out of a dataset, no statement says enough: what shows it are the proofs of
    --proof, and those in NAME.proofs beside the certificate, held against the commitments of both versions.
    Two leaf files do so for any number of records. Keys the order names by a list need that, too: --list.

    It shows that a named officer declared it, of named digests. It does not show that bytes are gone.
    """
    from attest.cli.ordered_records import proofs_folder
    from attest.cli.snapshot import find_order
    from attest.closure import Closure, Outcome
    from attest.impact import Impact
    from attest.toll import LIMITS, impact_report

    snapshot = looking.snapshot(certificate)
    state = find_order(snapshot, order)
    found, shown = records.read(state, looking.limits, proofs_folder(certificate))
    impact = Impact(snapshot.graph, state, found, shown)
    report = impact_report(impact, snapshot.orders, snapshot.trust.sha256)
    closure = Closure(_certificate(snapshot, state, certificate), impact, report)
    answer: dict[str, Any] = {
        "outcome": closure.outcome.value,
        "order": f"sha256:{state.digest}",
        "certificate": f"sha256:{closure.certificate.digest}",
        "affected": report.counts["proven"] + report.counts["possible"],
        "sameSnapshot": closure.same_snapshot,
        "findings": [gap.to_json() for gap in closure.gaps],
        "notProven": ["That bytes are gone: a named person declares it, of named digests.", *LIMITS],
    }
    echo_json(answer) if as_json else _tell(closure, answer)
    codes = {Outcome.LATE: 1, Outcome.INCOMPLETE: 3}
    click.get_current_context().exit(codes.get(closure.outcome, 0))


def _certificate(snapshot: Snapshot, order: OrderState, file: Path) -> Evidence:
    """Return the certificate in the file that is about the order.

    Raises:
        UsageError: there is none, it is about another order, or there are several of which none is the last.
    """
    from attest.bundle import Bundle, numbered_lines
    from attest.errors import UsageError
    from attest.predicates.deletion_certificate import DeletionCertificate

    known = snapshot.graph.by_digest
    lines = [content for _, content in numbered_lines(file) if isinstance(content, Bundle)]
    found = {
        each.statement_digest: known[each.statement_digest]
        for each in lines
        if each.statement_digest in known
    }
    held = [each for each in found.values() if each.kind == "deletion-certificate"]
    if not held:
        raise UsageError("holds no deletion certificate", str(file))
    about = [each for each in held if order.digest in {a.sha256 for a in each.artifacts}]
    if not about:
        raise UsageError("is a certificate for another order", str(file), f"expected sha256:{order.digest}")
    gone = {each.predicate.supersedes for each in about if isinstance(each.predicate, DeletionCertificate)}
    last = [each for each in about if each.digest not in gone]
    if len(last) != 1:
        raise UsageError(
            f"holds {len(last)} certificates for this order", str(file), "write the last one alone"
        )
    return last[0]


def _tell(closure: Closure, answer: dict[str, Any]) -> None:
    from attest.text import show

    click.echo(f"{answer['outcome']}  {answer['affected']} affected, certificate {answer['certificate']}")
    if not answer["sameSnapshot"]:
        click.echo("  computed anew: the certificate was made from other statements than those in hand")
    for gap in closure.gaps:
        click.echo(f"  {gap.outcome.value:24}  {gap.code}  {show(gap.subject, 100)}")
        click.echo(f"      {show(gap.summary, 300)}")
    click.echo("NOT PROVEN")
    for each in answer["notProven"]:
        click.echo(f"  {each}")
