"""``attest impact``: what a deletion order reaches, what it does not, and what must be explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attest.cli.looking import looking_options
from attest.cli.options import PATH, artifacts_given, json_option
from attest.cli.ordered_records import ordered_records_options

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.looking import Looking
    from attest.cli.ordered_records import OrderedRecords
    from attest.cli.snapshot import Snapshot
    from attest.impact import Impact
    from attest.resource import Artifact
    from attest.toll import ImpactReport

__all__ = ["command"]


@click.command("impact")
@click.argument("order", metavar="ORDER")
@click.option(
    "--reached",
    is_flag=True,
    help="Look only at what the targets lead to; of the rest of the store nothing is said.",
)
@click.option("--all", "everything", is_flag=True, help="List every artifact, also those that are clear.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet instead of text.")
@click.option("--svg", type=PATH, metavar="FILE", help="Also write a picture of what is affected.")
@click.option("--plan", "planned", is_flag=True, help="Work out the smallest retraining instead.")
@click.option(
    "--want",
    "wanted",
    multiple=True,
    metavar="ARTIFACT",
    help="With --plan: an affected artifact that is still wanted; may be repeated.  [default: every model]",
)
@ordered_records_options
@looking_options
@json_option
def command(
    order: str,
    reached: bool,
    everything: bool,
    as_csv: bool,
    svg: Path | None,
    planned: bool,
    wanted: tuple[str, ...],
    looking: Looking,
    as_json: bool,
    records: OrderedRecords,
) -> None:
    """Tell what a deletion order reaches, and what it does not.

    ORDER is its id, its statement's digest, or the beginning of one. Looked at is everything in the project's
    store, where your own keys and trust.yaml are believed, or in the files of --bundle.

    Affected is what was made from a target, in whatever role it was read: proven where statements you believe
    say so, possible where a link is only claimed or something behind it is not explained. Not affected is
    only what is explained down to its origins. The same statements give the same bytes.

    With --reached only what the targets lead to is looked up, by the store's indexes, and verified: an answer
    whose cost goes by what is affected and not by the store. It lists the same artifacts as the whole answer
    does, but for those that may be affected through something unexplained; nothing is said of these, nor of
    what is not affected.

    Records an order names by their keys are in the dataset it names with them. Which others hold them, the
    leaf files of this project tell (--find-records), proofs (--proof), or somebody else (--found-in). A list
    of keys the order names by its digest stays home; who has it gives it with --list. What a step says to be
    without those records is possible until --proof or the leaf files of --find-records show it.

    With --plan: which recorded steps to run again, from what, and without what is ordered gone, so that the
    affected models that are still wanted exist again. Nothing is run.

    \b
      attest impact C-4743
      attest impact sha256:9c1e… --csv > affected.csv
      attest impact C-4743 -b vendor.intoto.jsonl -t trust.yaml --json
    """  # noqa: D301 - \b is click's mark for lines that keep their breaks
    from attest.check import seldom_collected
    from attest.cli.snapshot import find_order, take_excerpt
    from attest.errors import UsageError
    from attest.impact import Impact

    if as_csv and (as_json or planned):
        raise UsageError("--csv goes with neither --json nor --plan")
    if svg is not None and planned:
        raise UsageError("--svg does not go with --plan")
    if wanted and not planned:
        raise UsageError("--want needs --plan")
    show = "json" if as_json else "csv" if as_csv else "all" if everything else "text"
    with seldom_collected():
        if reached:
            _refuse_with_reached(records, looking.bundles, planned=planned)
            found = artifacts_given(records.found, "--found-in")
            snapshot, impact = take_excerpt(
                order, found, looking.registers, looking.trust, looking.store_uri, looking.limits
            )
        else:
            snapshot = looking.snapshot()
            state = find_order(snapshot, order)
            holding, shown = records.read(state, looking.limits)
            impact = Impact(snapshot.graph, state, holding, shown)
        if planned:
            _plan(impact, artifacts_given(wanted, "--want"), snapshot.trust.sha256, as_json=as_json)
        else:
            _report(impact, snapshot, svg, show, reached=reached)


def _refuse_with_reached(records: OrderedRecords, bundles: tuple[Path, ...], *, planned: bool) -> None:
    from attest.errors import UsageError

    if bundles:
        raise UsageError(
            "--reached looks things up in a store", "--bundle", "`attest import` puts them there"
        )
    if planned:
        raise UsageError("--plan needs everything in the store", "--reached")
    if records.find_records or records.lists or records.proofs:
        hint = "name the datasets that hold the records with --found-in, or leave --reached out"
        raise UsageError("looking for records needs everything in the store", "--reached", hint)


def _report(impact: Impact, snapshot: Snapshot, svg: Path | None, show: str, *, reached: bool) -> None:
    from attest.toll import impact_report, to_text
    from attest.toll_views import table, to_csv

    report = impact_report(impact, snapshot.orders, snapshot.trust.sha256, reached=reached)
    if svg is not None:
        _draw(svg, report)
    if show == "json":
        click.echo(to_text(report), nl=False)
    elif show == "csv":
        click.echo(to_csv(report), nl=False)
    else:
        click.echo(table(report, everything=show == "all"), nl=False)


def _plan(impact: Impact, wanted: list[Artifact], trust: str, *, as_json: bool) -> None:
    from attest.errors import UsageError
    from attest.plan import Plan
    from attest.toll import to_text
    from attest.toll_plan import plan_report, plan_table

    for each in wanted:
        if each not in impact.reached:
            raise UsageError("is not affected by the order", str(each), "leave it as it is")
    report = plan_report(Plan(impact, wanted or None), trust)
    click.echo(to_text(report) if as_json else plan_table(report), nl=False)


def _draw(path: Path, report: ImpactReport) -> None:
    from attest.files import write_file
    from attest.picture import svg
    from attest.text import show
    from attest.toll_sketch import LEGEND, picture_of_impact

    title = f"What the order {report.order.id} reaches"
    if report.scope is not None:
        title += " from its targets on; nothing else was looked at"
    write_file(path, [svg(picture_of_impact(report), title=title, legend=LEGEND).encode()])
    click.echo(f"wrote {show(path, 500)}", err=True)
