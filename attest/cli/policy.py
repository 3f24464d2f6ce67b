"""``attest policy``: write, read, check, test and try what you require of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attest.cli.options import PATH, counted, echo_json, json_option, limit_option, limits_from

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from attest.cli.trial import CaseResult
    from attest.limits import Limits
    from attest.report import Report
    from attest.trust import Trust

__all__ = ["command"]


@click.group()
def command() -> None:
    """Write and check policy.yaml: what you require of a model."""


@command.command()
@click.option(
    "--preset", "name", default="commercial-baseline", show_default=True, help="Which one to start from."
)
@click.option(
    "--register", metavar="ID", help="A register whose keeper you trust: asks that contents are current."
)
@click.option(
    "--output", "-o", type=PATH, default="policy.yaml", show_default=True, help="Where to write it."
)
def new(name: str, register: str | None, output: Path) -> None:
    """Write a policy to start from. It is not legal advice: read every rule."""
    from attest.files import write_file
    from attest.policyfile import preset

    text = preset(name).decode()
    if register:
        text = _with_register(text, register)
    write_file(output, [text.encode()], overwrite=False)
    click.echo(f"wrote {output}; read it, change what does not fit, then: attest policy check {output}")


def _with_register(text: str, register: str) -> str:
    """Turn the preset's commented register rules on, in place of the plain ones."""
    import json

    kept = [
        line for line in text.splitlines(keepends=True) if not line.startswith("  - contents-complete: {}")
    ]
    example = "https://registry.example/releases"
    # JSON strings are YAML strings, and nothing in an id can end one early
    return "".join(
        line.replace("  # - ", "  - ", 1).replace(example, json.dumps(register)) if example in line else line
        for line in kept
    )


@command.command()
@click.argument("source", metavar="POLICY")
@json_option
def check(source: str, as_json: bool) -> None:
    """Check a policy and print each rule as a sentence. POLICY is a file, or preset:NAME."""
    from attest.policy import read_policy
    from attest.text import show

    policy = read_policy(source)
    if as_json:
        rules = [{"rule": rule.NAME, "sentence": rule.sentence} for rule in policy.rules]
        echo_json({"policy": policy.file.policy, "sha256": policy.sha256, "rules": rules})
        return
    click.echo(f"{show(policy.file.policy)} version {show(policy.file.version)}  sha256:{policy.sha256}")
    for number, rule in enumerate(policy.rules, 1):
        unknown = rule.unknown or policy.file.unknown
        click.echo(f"{number:3}. {show(rule.sentence, 600)} [{rule.NAME}; if unknown: {unknown}]")


@command.command()
@click.argument("source", metavar="POLICY")
@json_option
def explain(source: str, as_json: bool) -> None:
    """Say in plain English what a policy asks for. POLICY is a file, or preset:NAME.

    Numbered sentences, each with what it looks at, when it stays unknown and what follows then, and what to
    ask a vendor for. Have counsel read them.
    """
    from dataclasses import asdict

    from attest.explanation import explain as in_words
    from attest.policy import read_policy
    from attest.text import show

    words = in_words(read_policy(source))
    if as_json:
        echo_json(asdict(words))
        return
    click.echo(f"{show(words.name)}, version {show(words.version)}  sha256:{words.sha256}")
    for base in words.bases:
        click.echo(f"It extends {show(base.name)}  sha256:{base.sha256}")
    click.echo(f"{show(words.use, 600)}\n")
    click.echo("It is accepted only when all of this holds:\n")
    for number, each in enumerate(words.rules, 1):
        click.echo(f"{number:3}. {show(each.sentence, 600)} [{each.rule}]")
        click.echo(f"     {show(each.quantifier)}")
        click.echo(f"     {show(each.when_unknown, 600)}")
        click.echo(f"     If it does not hold: {show(each.remedy, 400)}\n")
    for title, lines in (("Limits", words.limits), ("Exceptions", words.exceptions)):
        if lines:
            click.echo(f"{title}:")
            for line in lines:
                click.echo(f"  - {show(line, 600)}")
    click.echo("This is not legal advice.")


@command.command()
@click.argument("source", metavar="POLICY")
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Hold it against your trust.yaml, too.")
@click.option("--as-of", metavar="TIME", help="When exceptions have to hold (RFC 3339). [default: now]")
@json_option
def lint(source: str, trust: Path | None, as_of: str | None, as_json: bool) -> int:
    """Find what is wrong with a policy that reads well: it can never pass, never fail, or waives nothing.

    POLICY is a file, or preset:NAME. Exit code: 0 nothing found, 1 problems, 2 not a policy.
    """
    from dataclasses import asdict

    from attest.lint import lint as problems_of
    from attest.policy import read_policy
    from attest.text import show
    from attest.trust import read_trust

    policy = read_policy(source)
    problems = problems_of(policy, _time(as_of), read_trust(trust).file if trust else None)
    if as_json:
        echo_json([asdict(each) for each in problems])
    else:
        for each in problems:
            where = str(trust) if each.where == "the trust file" else each.where
            click.echo(f"{show(where)}: {each.code}: {show(each.text, 400)}\n    {show(each.hint, 300)}")
        click.echo(counted(len(problems), "problem") if problems else "no problem found")
    return 1 if problems else 0


@command.command()
@click.argument("source", metavar="POLICY")
@click.option(
    "--cases", type=PATH, metavar="FILE", help="Its cases. [default: POLICY's name with .cases.yaml]"
)
@limit_option
@json_option
def test(source: str, cases: Path | None, limits: tuple[str, ...], as_json: bool) -> int:
    """Run a policy's cases: bundles it must accept, and bundles it must refuse, each for its own reason.

    POLICY is a file, or preset:NAME, whose cases ship with attest. Exit code: 0 all as expected, 1 not, 4 a
    case cannot be read.
    """
    from dataclasses import asdict

    from attest.cli.trial import read_cases, run_case

    bounds = limits_from(limits)
    file = cases or _cases_of(source)
    entries = read_cases(file, bounds).cases
    results = [run_case(each, file.parent, source, bounds) for each in entries]
    if as_json:
        echo_json([asdict(each) for each in results])
    else:
        for result in results:
            click.echo(_case_line(result))
        click.echo(f"{sum(each.passed for each in results)} of {counted(len(results), 'case')} as expected")
        wanted = {each.expect.startswith("ACCEPT") for each in entries}
        if len(wanted) == 1:
            kind = "refuse" if wanted == {True} else "accept"
            click.echo(f"attest: warning: no case it has to {kind}: a policy needs both", err=True)
    return 0 if all(each.passed for each in results) else 1


def _cases_of(source: str) -> Path:
    from pathlib import Path

    from attest.policyfile import preset_cases

    if source.startswith("preset:"):
        return preset_cases(source.removeprefix("preset:"))
    return Path(source).with_suffix(".cases.yaml")


def _case_line(result: CaseResult) -> str:
    from attest.text import show

    mark = "ok    " if result.passed else "FAILED"
    line = f"{mark}  {show(result.name)}: {result.verdict}"
    if result.verdict != result.expected:
        line += f", expected {result.expected}"
    for codes, what in ((result.missing, "expected and not found"), (result.unexpected, "not expected")):
        if codes:
            line += f"\n        {what}: {', '.join(show(code) for code in codes)}"
    return line


@command.command("try")
@click.argument("source", metavar="POLICY")
@click.option(
    "--bundle",
    "-b",
    "bundles",
    multiple=True,
    required=True,
    type=PATH,
    metavar="FILE",
    help="What you would hand over.",
)
@click.option(
    "--trust",
    "-t",
    type=PATH,
    metavar="FILE",
    help="The buyer's trust.yaml. [default: your own keys for everything]",
)
@click.option(
    "--register",
    "registers",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="A register the buyer would have.",
)
@click.option("--as-of", metavar="TIME", help="Evaluate as of this time (RFC 3339). [default: now]")
@limit_option
@json_option
def try_(
    source: str,
    bundles: tuple[Path, ...],
    trust: Path | None,
    registers: tuple[Path, ...],
    as_of: str | None,
    limits: tuple[str, ...],
    as_json: bool,
) -> int:
    """Say what a buyer with this policy would say of a bundle, before you hand it over.

    No weights are needed: each release is taken as delivered exactly as attested. Several bundles, or a
    bundle of several releases, give one table side by side. Exit code: that of the worst verdict: 0
    accepted, 1 rejected, 3 incomplete.

    \b
      attest policy try buyer.yaml -b model.intoto.jsonl -t buyers-trust.yaml
    """  # noqa: D301 - \b is click's mark for lines that keep their breaks
    from attest.cli.showing import show_reports
    from attest.verdict import worst

    bounds = limits_from(limits)
    believed = _believed(trust, bounds)
    reports = _tried(source, bundles, registers, believed, _time(as_of), trust, bounds)
    if trust is None:
        click.echo(
            "attest: your own keys are believed for everything: a buyer's own trust file believes less",
            err=True,
        )
    click.echo(
        "attest: no file was measured: each release is taken as delivered exactly as attested", err=True
    )
    show_reports(reports, as_json=as_json)
    return worst(each.verdict for each in reports).exit_code


def _time(as_of: str | None) -> datetime:
    from attest.cli.delivered import evaluation_time

    return evaluation_time(as_of)[0]


def _believed(trust: Path | None, limits: Limits) -> Trust:
    from pathlib import Path

    from attest.cli.own_trust import own_trust
    from attest.errors import AttestError, UsageError
    from attest.settings import find_project
    from attest.trust import read_trust

    if trust is not None:
        return read_trust(trust, limits)
    try:
        project = find_project(Path.cwd())
    except AttestError as error:
        raise UsageError("whom would the buyer believe?", "--trust", "name a trust.yaml") from error
    return own_trust(project, None, limits=limits)


def _tried(
    source: str,
    bundles: tuple[Path, ...],
    registers: tuple[Path, ...],
    trust: Trust,
    as_of: datetime,
    trust_file: Path | None,
    limits: Limits,
) -> list[Report]:
    import shlex

    from attest.cli.trial import as_released
    from attest.model import format_time
    from attest.policy import evaluate, read_policy
    from attest.reporting import make_report

    policy = read_policy(source, limits)
    reports = []
    for bundle in bundles:
        words = ["attest", "policy", "try", source, "--bundle", str(bundle)]
        words += ["--trust", str(trust_file)] if trust_file else []
        for register in registers:
            words += ["--register", str(register)]
        again = shlex.join([*words, "--as-of", format_time(as_of)])
        reports += [
            make_report(reviewed, policy, evaluate(policy, reviewed), again)
            for reviewed in as_released(bundle, registers, trust, as_of, limits)
        ]
    return reports
