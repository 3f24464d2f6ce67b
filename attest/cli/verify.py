"""``attest verify``: may we use this, on what evidence, and if not, what do we ask the vendor for?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from attest.cli.auditing import auditing_options
from attest.cli.options import (
    PATH,
    cache_from,
    echo_json,
    jobs_option,
    json_option,
    limit_option,
    limits_from,
    reads_path,
    warn,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from attest.cli.auditing import Auditor
    from attest.docket import OrderState
    from attest.keeper import RegisterState
    from attest.limits import Limits
    from attest.matching import Delivery
    from attest.report import Report
    from attest.review import Line, RawLine

__all__ = [
    "command",
    "evaluation_time",
    "manifests_beside",
    "manifests_folder",
    "measure",
    "raw_evidence",
    "read_evidence",
    "show_reports",
]


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
    from dataclasses import replace
    from pathlib import Path

    from attest.cli.ordered_records import proofs_folder, read_lists, refuse_strange_lists, shown_about
    from attest.cli.registers import memory_beside, register_files, remember
    from attest.files import write_file
    from attest.memory import read_memory
    from attest.model import format_time
    from attest.policy import evaluate, read_policy
    from attest.processes import cores
    from attest.reporting import make_report
    from attest.review import check_lines, review
    from attest.trust import read_trust
    from attest.verdict import worst

    candidates = _candidates(paths, bundles)
    if len(candidates) > 1 and (reports or auditor or manifests):
        _one_at_a_time()
    bounds = limits_from(limits)
    renderers = [_renderer(report) for report in reports]
    believed = read_trust(trust, bounds)
    demanded = read_policy(policy, bounds)
    given = click.get_current_context().params | {"memory": memory}
    memory = memory or memory_beside(trust)
    remembered = read_memory(memory)
    listed = read_lists(lists, bounds)
    time, historical = evaluation_time(as_of)
    editions = register_files(registers, trust.with_suffix(".registers"), bounds)
    results: list[Report] = []
    seen: dict[str, RegisterState] = {}
    orders: dict[str, OrderState] = {}
    for path, own in candidates:
        delivery = measure(path, cached=cached)
        lines = raw_evidence((*own, *editions), bounds)
        reviewed = review(
            delivery,
            check_lines(lines, believed, bounds, time, jobs=jobs or cores()),
            believed,
            time,
            historical=historical,
            memory=remembered,
            manifests=manifests_beside(own, manifests, bounds),
            limits=bounds,
        )
        orders |= reviewed.orders
        given_proofs = proofs or filter(Path.is_dir, map(proofs_folder, own))
        reviewed = replace(reviewed, shown=shown_about(reviewed.orders.values(), given_proofs, listed))
        again = _reproduce(given | {"path": path, "bundles": own, "as_of": format_time(time)})
        results.append(make_report(reviewed, demanded, evaluate(demanded, reviewed), again))
        seen = _newest(seen, reviewed.registers)
    refuse_strange_lists(listed, orders.values())
    for target, render in zip(reports, renderers, strict=True):
        write_file(target, [render(results[0]).encode()])
    show_reports(results, as_json=as_json)
    if auditor is not None:
        auditor.write(results[0])
    if not historical:
        remember(memory, remembered, seen)
    return worst(each.verdict for each in results).exit_code


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


def evaluation_time(as_of: str | None) -> tuple[datetime, bool]:
    """Return the time of evaluation, and whether it was chosen and is not the clock."""
    from datetime import UTC, datetime, timedelta

    from attest.errors import AttestError, UsageError
    from attest.model import parse_time

    if as_of is None:
        # up to the next second: a timestamp of this very second is not in the future
        now = datetime.now(UTC)
        return (now + timedelta(seconds=1)).replace(microsecond=0), False
    try:
        return parse_time(as_of), True
    except AttestError as error:
        raise UsageError(error.what, "--as-of") from error


def measure(path: Path, *, cached: bool = False) -> Delivery:
    """Digest what was delivered; only ``cached`` believes what the project remembers."""
    from attest.cli.progress import progress_bar
    from attest.manifest import digest_path
    from attest.matching import Delivery

    known = cache_from("use", warn) if cached else None
    measured = digest_path(path, progress=progress_bar(), cache=known)
    files = {each.path: each.sha256 for each in measured.files}
    remembered = known.recalled if known else 0
    return Delivery(path.resolve().name, measured.artifact, measured.size, files, remembered=remembered)


def read_evidence(paths: Iterable[Path], limits: Limits) -> Iterator[Line]:
    """Yield every line of every file, parsed."""
    from attest.bundle import numbered_lines
    from attest.review import Line

    for path in paths:
        for number, content in numbered_lines(path, limits):
            yield Line(str(path), number, content)


def raw_evidence(paths: Iterable[Path], limits: Limits) -> Iterator[RawLine]:
    """Yield every line of every file as it was read, for ``check_lines`` to parse."""
    from attest.bundle import raw_lines
    from attest.review import RawLine

    for path in paths:
        source = str(path)
        for number, line in raw_lines(path, limits):
            yield RawLine(source, number, line)


def manifests_beside(bundles: Iterable[Path], folder: Path | None, limits: Limits) -> dict[str, bytes]:
    """Return the manifests that travel beside the bundles, each under its own digest."""
    return {file.name: data for file, data in each_manifest(bundles, folder, limits)}


def each_manifest(
    bundles: Iterable[Path], folder: Path | None, limits: Limits
) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of the manifests that travel beside the bundles, and what they hold.

    Only files called by 64 hex digits are read, and one whose bytes have another digest is an error.
    """
    from attest.digest import is_sha256, sha256_bytes
    from attest.errors import FormatError

    folders = [folder] if folder else [manifests_folder(each) for each in bundles]
    for each in folders:
        if not each.is_dir():
            continue
        for file in sorted(each.iterdir()):
            if not is_sha256(file.name) or file.is_symlink() or not file.is_file():
                continue
            limits.check("manifest_bytes", file.stat().st_size, str(file))
            data = file.read_bytes()
            if sha256_bytes(data) != file.name:
                raise FormatError(f"got sha256 {sha256_bytes(data)}, expected its name", str(file))
            yield file, data


def manifests_folder(bundle: Path) -> Path:
    """Return where the manifests that travel with a bundle lie: ``NAME.manifests`` beside it."""
    stem = bundle.name.removesuffix(".jsonl").removesuffix(".intoto")
    return bundle.with_name(f"{stem}.manifests")


_FORMATS = (
    (".html", "html"),
    (".htm", "html"),
    (".sarif", "sarif"),
    (".sarif.json", "sarif"),
    (".json", "json"),
    (".md", "markdown"),
    (".txt", "text"),
)
"""(end of a file's name, format): the first that fits."""


def _renderer(path: Path) -> Callable[[Report], str]:
    from attest.errors import UsageError
    from attest.report import RENDERERS

    name = next((name for end, name in _FORMATS if path.name.lower().endswith(end)), None)
    name = name or path.suffix.removeprefix(".").lower()
    if name not in RENDERERS:
        known = "use .html, .json, .md, .sarif or .txt"
        raise UsageError(f"no report format is called {path.suffix!r}", str(path), known)
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", "--report")
    renderer: Callable[[Report], str] = RENDERERS.load(name)
    return renderer


def show_reports(reports: Sequence[Report], *, as_json: bool) -> None:
    """Print a report, or several side by side."""
    import os
    import sys

    from attest.comparison import compare, render_text
    from attest.report import RENDERERS

    if len(reports) > 1:
        table = compare(reports)
        if as_json:
            echo_json(table.to_json())
        else:
            click.echo(render_text(table), nl=False)
    elif as_json:
        click.echo(RENDERERS.load("json")(reports[0]), nl=False)
    else:
        color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        click.echo(RENDERERS.load("text")(reports[0], color=color), nl=False)


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
