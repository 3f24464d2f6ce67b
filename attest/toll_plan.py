"""What a plan holds: the smallest retraining as one versioned JSON document, and as lines for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from attest.itemclass import item_class
from attest.model import Model
from attest.plan import Plan, PlannedInput, PlannedStep, Wanted
from attest.predicates.deletion_order import ItemClass
from attest.text import show
from attest.toll import LIMITS, SnapshotFacts, snapshot_facts
from attest.toll_removals import RemovalRow, removal_lines, removal_rows
from attest.width import clip, wrap

__all__ = ["InputRow", "PlanReport", "StepRow", "WantedRow", "plan_report", "plan_table"]

_WIDTH = 100

_ACTIONS = {
    "keep": "",
    "open": "  NOT EXPLAINED: explain it or leave it out",
    "leave-out": "  LEAVE OUT",
    "remade": "  as made by step {}",
    "replaced": "  what is left of it: {}",
}


class InputRow(Model):
    """What becomes of one input."""

    artifact: str = Field(description="sha256:…, or empty for an input without one.")
    name: str
    role: str
    action: Literal["keep", "open", "leave-out", "remade", "replaced"]
    by: int | None = Field(default=None, description="Number of the step that makes it anew.")
    instead: str | None = Field(default=None, description="What takes its place.")


class StepRow(Model):
    """One recorded step to be run again."""

    number: int
    statement: str = Field(description="Statement digest of the recorded step.")
    kind: str
    command: list[str] = Field(description="As it was recorded; read it before you run it.")
    working_directory: str
    inputs: list[InputRow]
    replaces: list[str] = Field(description="Affected artifacts its outputs take the place of.")


class WantedRow(Model):
    """An affected artifact that is still wanted."""

    artifact: str
    name: str
    item_class: ItemClass = Field(alias="class")
    steps: list[int] = Field(description="Steps that lead to its replacement, in order; empty: no way.")
    restart_from: list[str] = Field(description="The latest clear artifacts it starts from.")
    missing: str = Field(description="Why it cannot be made anew, or empty.")


class PlanReport(Model):
    """The smallest retraining for an order."""

    plan_version: Literal["v0.1"] = "v0.1"
    order: str = Field(description="Statement digest of the order.")
    snapshot: SnapshotFacts
    wanted: list[WantedRow]
    steps: list[StepRow]
    removals: list[RemovalRow] = Field(
        default_factory=list,
        description="Ordered records that steps say they took out: only where that is shown, what they made "
        "takes the place of what they read.",
    )
    not_proven: list[str]


def plan_report(plan: Plan, trust: str) -> PlanReport:
    """Write down a plan.

    Args:
        plan: what was worked out.
        trust: SHA-256 of the trust file.
    """
    impact = plan.impact
    return PlanReport(
        order=f"sha256:{impact.order.digest}",
        snapshot=snapshot_facts(impact, trust),
        wanted=[_wanted(plan, each) for each in plan.wanted],
        steps=[_step(plan, each) for each in plan.steps],
        removals=removal_rows(impact),
        not_proven=[*LIMITS, "That a step that is run again gives a model as good as the one it replaces."],
    )


def _wanted(plan: Plan, wanted: Wanted) -> WantedRow:
    return WantedRow(
        artifact=str(wanted.artifact),
        name=plan.impact.graph.name(wanted.artifact),
        item_class=item_class(plan.impact.unknowns, wanted.artifact),
        steps=list(wanted.steps),
        restart_from=[str(each) for each in wanted.restart],
        missing=wanted.missing,
    )


def _step(plan: Plan, step: PlannedStep) -> StepRow:
    folder = step.node.step.build_definition.external_parameters.get("workingDirectory")
    return StepRow(
        number=step.number,
        statement=f"sha256:{step.node.evidence.digest}",
        kind=step.node.kind,
        command=step.command,
        working_directory=folder if isinstance(folder, str) else "",
        inputs=[_input(plan, each) for each in step.inputs],
        replaces=[str(each) for each in step.outputs],
    )


def _input(plan: Plan, planned: PlannedInput) -> InputRow:
    item = planned.item
    own = item.called
    return InputRow(
        artifact=str(item.artifact) if item.artifact else "",
        name=own or (plan.impact.graph.name(item.artifact) if item.artifact else ""),
        role=item.role,
        action=planned.action,
        by=planned.by,
        instead=str(planned.instead) if planned.instead else None,
    )


# -- for a terminal ------------------------------------------------------------------------------------------


def plan_table(report: PlanReport) -> str:
    """Return the plan as lines for a terminal."""
    lines = [f"ORDER     {report.order}", f"SNAPSHOT  sha256:{report.snapshot.digest}", "", "WANTED"]
    if not report.wanted:
        lines.append("  nothing that is wanted is affected")
    for row in report.wanted:
        lines += _wanted_lines(row)
    for step in report.steps:
        lines += _step_lines(step, report.order)
    lines += [*removal_lines(report.removals), "", "NOT PROVEN"]
    for each in report.not_proven:
        lines += wrap(each, _WIDTH, "  ", "    ")
    return "\n".join(lines) + "\n"


def _wanted_lines(row: WantedRow) -> Iterator[str]:
    yield f"  {clip(show(row.name), 40)}  {row.artifact}  ({row.item_class})"
    if row.missing:
        yield f"      CANNOT BE MADE ANEW: {row.missing}"
        return
    yield f"      steps {', '.join(map(str, row.steps))}"
    for each in row.restart_from:
        yield f"      from {each}"


def _step_lines(step: StepRow, order: str) -> Iterator[str]:
    yield from ("", f"STEP {step.number}  {show(step.kind)}, recorded in {step.statement}")
    for row in step.inputs:
        said = _ACTIONS[row.action].format(row.by or row.instead)
        yield f"  {show(row.role):18}  {clip(show(row.name), 40)}  {row.artifact}{said}"
    if step.working_directory:
        yield f"  in {show(step.working_directory)}"
    command = shlex.join(show(word, 500) for word in step.command) or "(no command was recorded)"
    yield from wrap(command, _WIDTH, "  $ ", "    ")
    for each in step.replaces:
        yield f"  record it with attest run --replaces {each} --order {order}"
