"""``attest certify``: an officer's certificate that what an order reaches is gone, or why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    limit_option,
    limits_from,
    store_option,
)
from attest.cli.ordered_records import ordered_records_options
from attest.cli.signing import bundle_option, sign_or_keep, signing_options

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.ordered_records import OrderedRecords
    from attest.cli.signing import Signing
    from attest.cli.snapshot import Snapshot
    from attest.closure import Closure
    from attest.docket import OrderState
    from attest.impact import Impact
    from attest.statement import Statement
    from attest.toll import ImpactReport

__all__ = ["command"]


@click.command("certify")
@click.argument("order", metavar="ORDER")
@click.option("--items", type=PATH, metavar="FILE", help="What became of each item.")
@click.option("--declaration", type=PATH, metavar="FILE", help="The officer's declaration.")
@click.option(
    "--templates",
    type=PATH,
    metavar="FOLDER",
    help="Write both files to fill in, prefilled, and sign nothing.",
)
@click.option(
    "--supersedes",
    metavar="DIGEST",
    help="Statement digest of an earlier certificate, such as an interim one, whose place this takes.",
)
@click.option("--interim", is_flag=True, help="Sign although it is incomplete: a report on the way.")
@bundle_option
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Whom you believe, for what.")
@ordered_records_options
@signing_options
@store_option
@limit_option
@json_option
def command(
    order: str,
    items: Path | None,
    declaration: Path | None,
    templates: Path | None,
    interim: bool,
    supersedes: str | None,
    output: Path | None,
    trust: Path | None,
    signing: Signing,
    store_uri: str | None,
    limits: tuple[str, ...],
    as_json: bool,
    records: OrderedRecords,
) -> None:
    """Certify what became of everything a deletion order reaches.

    First --templates, which lists everything affected; then --items and --declaration. The certificate is
    held against the store before it is signed: one that leaves something out is refused, with what is missing
    (exit code 3), unless --interim says that it is a report on the way.

    An earlier certificate for the order counts beside this one unless --supersedes names it.

    That ordered records were taken out is shown with --proof; with --output the proofs are put beside the
    bundle, in NAME.proofs, where `attest verify-deletion` looks for them. Leaf files stay home.
    """
    from attest.certfile import read_declaration, read_items
    from attest.cli.ordered_records import copy_proofs
    from attest.cli.snapshot import find_order, take_snapshot
    from attest.closure import Outcome
    from attest.errors import UsageError
    from attest.impact import Impact, snapshot_digest
    from attest.toll import impact_report

    if templates is None and (items is None or declaration is None):
        raise UsageError("give --items and --declaration", hint="--templates FOLDER writes both to fill in")
    if templates is not None and (items is not None or declaration is not None):
        raise UsageError("--templates signs nothing", hint="leave it out, or --items and --declaration")
    bounds = limits_from(limits)
    snapshot = take_snapshot((), (), trust, store_uri, bounds)
    state = find_order(snapshot, order)
    holding, shown = records.read(state, bounds)
    impact = Impact(snapshot.graph, state, holding, shown)
    report = impact_report(impact, snapshot.orders, snapshot.trust.sha256)
    if templates is not None or items is None or declaration is None:
        written = _write_templates(templates, impact, report)
        if as_json:
            echo_json({"written": written})
        return
    said = read_items(items, bounds).predicate(
        read_declaration(declaration, bounds), snapshot_digest(snapshot.graph)
    )
    statement = _statement(impact, said | _replaced(snapshot, state, supersedes))
    closure = _closure(statement, impact, report)
    answer: dict[str, Any] = {
        "outcome": closure.outcome.value,
        "certificate": None,
        "findings": [gap.to_json() for gap in closure.gaps],
    }
    if closure.outcome is not Outcome.INCOMPLETE or interim:
        sign_or_keep(signing.desk(store_uri), statement, output)
        if output is not None:
            copy_proofs(records.proofs, output)
        answer["certificate"] = f"sha256:{statement.digest}"
    echo_json(answer) if as_json else _tell(answer)
    if answer["certificate"] is None:
        click.get_current_context().exit(3)


def _write_templates(folder: Path | None, impact: Impact, report: ImpactReport) -> list[str]:
    """Write both files to fill in; return their paths."""
    from pathlib import Path

    from attest.certfile import declaration_template, items_template
    from attest.cli.options import warn
    from attest.closure import asks_for_consent
    from attest.files import write_file
    from attest.resource import Artifact
    from attest.text import show

    target = folder or Path()
    for each in impact.removals:
        for fault in each.faults:
            new = show(impact.graph.name(each.new), 100)
            warn(f"{new} is said to be without the ordered records, and is not shown to be: {fault.summary}")
    rows = []
    for row in report.affected:
        artifact = Artifact.parse(row.artifact)
        if impact.reached[artifact].descends and row.part_of is None:
            due = f"{row.due:%Y-%m-%d}" if row.due else ""
            rows.append((row.artifact, row.name, row.item_class, due))
    names = sorted({row.legal_name for row in report.recipients if row.legal_name})
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in (
        ("items.yaml", items_template(rows, names, consent=asks_for_consent(impact.order.order))),
        ("declaration.yaml", declaration_template()),
    ):
        write_file(target / name, [text.encode()], overwrite=False)
        click.echo(f"attest: wrote {show(target / name, 500)}", err=True)
        written.append(str(target / name))
    return written


def _replaced(snapshot: Snapshot, order: OrderState, given: str | None) -> dict[str, Any]:
    """Return the field that names the certificate whose place this takes; tell of others that stay.

    Raises:
        UsageError: what is given is no certificate for the order.
    """
    from attest.cli.options import warn
    from attest.errors import UsageError
    from attest.predicates.deletion_certificate import DeletionCertificate

    about = [each for each in snapshot.graph.evidence if order.digest in {a.sha256 for a in each.artifacts}]
    held = {each.digest: said for each in about if (said := each.said(DeletionCertificate))}
    digest = (given or "").removeprefix("sha256:")
    if given is not None and digest not in held:
        raise UsageError("is no certificate for this order in the store", f"--supersedes {given}")
    gone = {digest, *(each.supersedes for each in held.values())}
    for each in sorted(held.keys() - gone):
        hint = f"--supersedes sha256:{each} puts this in its place"
        warn(f"an earlier certificate for this order counts beside this one: {hint}")
    return {"supersedes": digest} if digest else {}


def _statement(impact: Impact, said: dict[str, Any]) -> Statement:
    from attest.predicates.deletion_certificate import DeletionCertificate
    from attest.resource import ResourceDescriptor
    from attest.statement import Statement

    predicate = DeletionCertificate.from_json(_timed(said))
    subject = ResourceDescriptor(name=impact.order.title, digest={"sha256": impact.order.digest})
    return Statement.build([subject], DeletionCertificate.TYPE, predicate.to_json())


def _timed(said: dict[str, Any]) -> dict[str, Any]:
    """Return what is said with the day of the declaration as a moment."""
    declaration = said["declaration"]
    return {**said, "declaration": {**declaration, "executedOn": f"{declaration['executedOn']}T00:00:00Z"}}


def _closure(statement: Statement, impact: Impact, report: ImpactReport) -> Closure:
    """Hold the certificate against the order as a reader will who believes its officer."""
    from attest.closure import Closure
    from attest.graph import Evidence
    from attest.predicate import read_predicate

    officer = Evidence(statement, "deletion-certificate", read_predicate(statement), (), ("the officer",))
    return Closure(officer, impact, report)


def _tell(answer: dict[str, Any]) -> None:
    from attest.text import show

    click.echo(f"{answer['outcome']}  {answer['certificate'] or 'not signed'}")
    for gap in answer["findings"]:
        click.echo(f"  {gap['code']}  {show(gap['subject'], 100)}: {show(gap['summary'], 300)}")
