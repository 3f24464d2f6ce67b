"""``attest verify``: may we use this, on what evidence, and if not, what do we ask the vendor for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from attest.cli.auditing import auditing_options
from attest.cli.delivered import evaluation_time, manifests_beside, measure, raw_evidence
from attest.cli.options import (
    PATH,
    jobs_option,
    json_option,
    limit_option,
    limits_from,
    reads_path,
)
from attest.cli.showing import renderer_for, show_reports

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from attest.cli.auditing import Auditor
    from attest.docket import OrderState
    from attest.keeper import RegisterState, Remembered
    from attest.keylist import KeyList
    from attest.limits import Limits
    from attest.matching import Delivery
    from attest.policy import Policy
    from attest.report import Report
    from attest.review import Review
    from attest.trust import Trust

__all__ = ["command"]


@click.command()
@reads_path("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--bundle",
    "-b",
    "bundles",
    multiple=True,
    type=PATH,
    help="Attestation bundle. [default: NAME.intoto.jsonl beside PATH]",
)
@click.option("--trust", "-t", required=True, type=PATH, help="Your trust.yaml: whom you believe, for what.")
@click.option("--policy", "-p", required=True, help="Your policy.yaml, or preset:NAME.")
@click.option(
    "--register",
    "registers",
    multiple=True,
    metavar="FILE|URL",
    help="A register, as its keeper published it; a URL is fetched now. May be repeated.",
)
@click.option(
    "--manifests", type=PATH, help="Folder of manifests. [default: NAME.manifests beside the bundle]"
)
@click.option(
    "--proof",
    "proofs",
    multiple=True,
    type=PATH,
    metavar="FILE|FOLDER",
    help="Proofs that ordered records were removed. [default: NAME.proofs beside the bundle]",
)
@click.option(
    "--list",
    "lists",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="A file of record keys that a deletion order names by its digest; may be repeated.",
)
@click.option(
    "--as-of", metavar="TIME", help="Evaluate as of a past time (RFC 3339). Not a basis for buying today."
)
@click.option(
    "--report",
    "-r",
    "reports",
    multiple=True,
    type=PATH,
    help="Write the report: .html, .md, .txt, .json or .sarif; may be repeated.",
)
@click.option(
    "--memory", type=PATH, help="Where register sequences are remembered. [default: beside trust.yaml]"
)
@click.option(
    "--cache",
    "cached",
    is_flag=True,
    help="Believe digests this project remembers of files that did not change; the report says how many.",
)
@auditing_options
@jobs_option
@json_option
@limit_option
def command(
    paths: tuple[Path, ...],
    bundles: tuple[Path, ...],
    trust: Path,
    policy: str,
    registers: tuple[str, ...],
    manifests: Path | None,
    proofs: tuple[Path, ...],
    lists: tuple[Path, ...],
    as_of: str | None,
    reports: tuple[Path, ...],
    memory: Path | None,
    cached: bool,
    auditor: Auditor | None,
    jobs: int | None,
    as_json: bool,
    limits: tuple[str, ...],
) -> int:
    """Verify delivered files against a vendor's bundle and your policy.

    PATH is the delivered file or directory. Everything happens offline but for a --register you name by its
    URL, and nothing the bundle names is followed. Exit code: 0 accepted, 1 rejected, 2 usage, 3 incomplete,
    4 could not decide.

    Several PATHs are several candidates, each with its own bundle: beside it, or the --bundle options in the
    same order. They are judged one by one, and one table shows them side by side; under it stands the command
    that gives each its whole report. The exit code is that of the worst verdict.

    A deletion order may name records by a list of their keys, of which only the digest is signed. Who has the
    list gives it with --list: without it, nothing shows that those records were taken out.

    With --attest the verdict is signed as a statement that others can rely on who trust you as an auditor.
    REJECT and INCOMPLETE are written as FAILED; the exit code stays that of the verdict.

    \b
      attest verify model/ -b model.intoto.jsonl -t trust.yaml -p policy.yaml -r report.html
    """  # noqa: D301 - \b is click's mark for lines that keep their breaks
    from attest.cli.ordered_records import read_lists, refuse_strange_lists
    from attest.cli.registers import memory_beside, register_files, remember
    from attest.files import write_file
    from attest.memory import read_memory
    from attest.model import format_time
    from attest.policy import read_policy
    from attest.processes import cores
    from attest.trust import read_trust
    from attest.verdict import worst

    candidates = _candidates(paths, bundles)
    if len(candidates) > 1 and (reports or auditor or manifests):
        _one_at_a_time()
    bounds = limits_from(limits)
    renderers = [renderer_for(report) for report in reports]
    kept = memory or memory_beside(trust)
    reader = _Reader(
        trust=read_trust(trust, bounds),
        policy=read_policy(policy, bounds),
        memory=read_memory(kept),
        lists=read_lists(lists, bounds),
        moment=evaluation_time(as_of),
        editions=register_files(registers, trust.with_suffix(".registers"), bounds),
        limits=bounds,
        jobs=jobs or cores(),
    )
    given = click.get_current_context().params | {"as_of": format_time(reader.time)}
    results: list[Report] = []
    for path, own in candidates:
        seen = reader.review(measure(path, cached=cached), own, manifests, proofs)
        results.append(reader.judge(seen, _reproduce(given | {"path": path, "bundles": own})))
    refuse_strange_lists(reader.lists, reader.orders.values())
    for target, render in zip(reports, renderers, strict=True):
        write_file(target, [render(results[0]).encode()])
    show_reports(results, as_json=as_json)
    if auditor is not None:
        auditor.write(results[0])
    if not reader.historical:
        remember(kept, reader.memory, reader.registers)
    return worst(each.verdict for each in results).exit_code


@dataclass(frozen=True)
class _Reader:
    """Who judges: whom they believe, what they demand, and what they have seen by now."""

    trust: Trust
    policy: Policy
    memory: Mapping[str, Remembered]
    lists: Mapping[Path, KeyList]
    moment: tuple[datetime, bool]
    """As of ``evaluation_time``."""
    editions: Sequence[Path]
    """Files of registers."""
    limits: Limits
    jobs: int
    registers: dict[str, RegisterState] = field(default_factory=dict)
    """Of every delivery, each at its newest."""
    orders: dict[str, OrderState] = field(default_factory=dict)

    @property
    def time(self) -> datetime:
        return self.moment[0]

    @property
    def historical(self) -> bool:
        return self.moment[1]

    def review(
        self, delivery: Delivery, bundles: Sequence[Path], manifests: Path | None, proofs: Sequence[Path]
    ) -> Review:
        """Verify what came with a delivery, and keep what it shows of registers and orders."""
        from dataclasses import replace
        from pathlib import Path

        from attest.cli.ordered_records import proofs_folder, shown_about
        from attest.review import check_lines, review

        lines = raw_evidence((*bundles, *self.editions), self.limits)
        reviewed = review(
            delivery,
            check_lines(lines, self.trust, self.limits, self.time, jobs=self.jobs),
            self.trust,
            self.time,
            historical=self.historical,
            memory=self.memory,
            manifests=manifests_beside(bundles, manifests, self.limits),
            limits=self.limits,
        )
        self.orders.update(reviewed.orders)
        self.registers.update(_newest(self.registers, reviewed.registers))
        given = proofs or filter(Path.is_dir, map(proofs_folder, bundles))
        return replace(reviewed, shown=shown_about(reviewed.orders.values(), given, self.lists))

    def judge(self, reviewed: Review, again: str) -> Report:
        """Hold a review against the policy; ``again`` is the command that does the same."""
        from attest.policy import evaluate
        from attest.reporting import make_report

        return make_report(reviewed, self.policy, evaluate(self.policy, reviewed), again)


def _candidates(paths: tuple[Path, ...], bundles: tuple[Path, ...]) -> list[tuple[Path, tuple[Path, ...]]]:
    """Return each delivery with the bundles it is judged by."""
    from attest.errors import UsageError

    if len(paths) == 1 and bundles:
        return [(paths[0], bundles)]
    if not bundles:
        return [(path, (_bundle_beside(path),)) for path in paths]
    if len(bundles) != len(paths):
        raise UsageError(
            f"got {len(paths)} PATHs and {len(bundles)} bundles, expected one bundle for each",
            "--bundle",
            "give them in the order of the PATHs, or none: NAME.intoto.jsonl beside each is taken",
        )
    return [(path, (bundle,)) for path, bundle in zip(paths, bundles, strict=True)]


def _bundle_beside(path: Path) -> Path:
    from attest.errors import UsageError

    full = path.resolve()
    beside = full.with_name(f"{full.name}.intoto.jsonl")
    if not beside.is_file():
        raise UsageError(f"there is no {beside.name} beside it", str(path), "name its bundle: --bundle FILE")
    return path.with_name(beside.name) if path.name == full.name else beside


def _one_at_a_time() -> None:
    from attest.errors import UsageError

    raise UsageError(
        "--report, --attest and --manifests are about one delivery",
        hint="the table shows the command of each: add them to it",
    )


def _newest(seen: dict[str, RegisterState], more: Mapping[str, RegisterState]) -> dict[str, RegisterState]:
    """Join what several candidates showed of registers; of one register the highest sequence counts."""
    joined = dict(seen)
    for name, state in more.items():
        known = joined.get(name)
        if known is None or _sequence(state) > _sequence(known):
            joined[name] = state
    return joined


def _sequence(state: RegisterState) -> int:
    return state.register.sequence if state.register is not None else -1


_AGAIN = {
    "bundles": "--bundle",
    "trust": "--trust",
    "policy": "--policy",
    "registers": "--register",
    "manifests": "--manifests",
    "proofs": "--proof",
    "lists": "--list",
    "memory": "--memory",
    "limits": "--limit",
    "as_of": "--as-of",
}
"""Parameters the verdict depends on, and their options."""


def _reproduce(given: Mapping[str, Any]) -> str:
    """Return the command that gives the same verdict again."""
    import shlex

    words = ["attest", "verify", str(given["path"])]
    for name, option in _AGAIN.items():
        value = given[name]
        for each in value if isinstance(value, tuple) else (value,):
            if each is not None:
                words += [option, str(each)]
    return shlex.join(words)
