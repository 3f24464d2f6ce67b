"""``attest import``: an upstream vendor's bundle, verified, into the store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from attest.cli.counting import counting
from attest.cli.intake import Intake
from attest.cli.options import (
    PATH,
    counted,
    echo_json,
    jobs_option,
    json_option,
    limit_option,
    limits_from,
    open_store_from,
    store_option,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["command"]


@click.command("import")
@click.argument("file", type=PATH)
@click.option("--trust", "-t", type=PATH, required=True, metavar="FILE", help="Whom you believe, for what.")
@click.option(
    "--manifests", type=PATH, metavar="FOLDER", help="Manifests.  [default: NAME.manifests beside FILE]"
)
@click.option("--skip-unverified", is_flag=True, help="Leave out what nobody you believe signed.")
@store_option
@jobs_option
@limit_option
@json_option
def command(
    file: Path,
    trust: Path,
    manifests: Path | None,
    skip_unverified: bool,
    store_uri: str | None,
    jobs: int | None,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Verify an upstream vendor's bundle and take it into the store.

    FILE is an attestation bundle, or what others signed: a model.sig, an attestation of GitHub, a link of
    in-toto. Every line of it has to be signed by a principal of the trust file. If one is not, nothing is
    taken in and the exit code is 1, unless --skip-unverified says to leave such lines out. Manifests of
    directories that verified statements name are taken in with them.

    What is taken in was signed by whom it says. Whether that signer may say it is asked again each time it is
    used: statements without a trust role are named here, and grant nothing.

    First all is verified, then it is taken in, ten thousand bundles at a time. What was taken in stays when
    that is interrupted, and the same command goes on from there: what the store holds is not verified again.
    """
    from attest.check import seldom_collected
    from attest.cli.delivered import each_manifest
    from attest.errors import UsageError
    from attest.processes import cores
    from attest.trust import read_trust

    bounds = limits_from(limits)
    if manifests is not None and not manifests.is_dir():
        raise UsageError("there is no such folder", str(manifests), "--manifests names a folder")
    believed = read_trust(trust, bounds)
    beside = {each.name: each for each, _ in each_manifest([file], manifests, bounds)}
    with seldom_collected(), open_store_from(store_uri, limits=bounds) as store, _kept(file) as whole:
        intake = Intake(whole, believed, bounds, skip_unverified, jobs or cores(), store, beside)
        with counting("lines verified") as advance:
            intake.examine(advance)
        _remark(intake)
        if intake.acceptable:
            _take(intake)
    if as_json:
        echo_json(_answer(file, intake))
    elif intake.acceptable:
        _tell(intake)
    if not intake.acceptable:
        click.echo("attest: refused: nothing was taken in", err=True)
        click.get_current_context().exit(1)


@contextmanager
def _kept(file: Path) -> Iterator[Path]:
    """Give a file that can be read twice: a copy of what comes through a pipe."""
    if not file.is_fifo():
        yield file
        return
    import shutil
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="attest-") as folder:
        copy = Path(folder) / "bundle.jsonl"
        with file.open("rb") as pipe, copy.open("xb") as stream:
            shutil.copyfileobj(pipe, stream)
        yield copy


def _take(intake: Intake) -> None:
    try:
        with counting("bundles taken in") as advance:
            intake.take(advance)
    except BaseException:
        if intake.new:
            kept = f"taken in and kept: {counted(intake.new, 'new bundle')}"
            click.echo(f"attest: {kept}; the same command goes on from there", err=True)
        raise


def _remark(intake: Intake) -> None:

    for each in intake.refused:
        warn(f"line {each['line']}: {each['statement']}: {each['reason']}")
    for each in intake.carried:
        warn(f"line {each['line']}: {each['statement']} grants nothing: {each['reason']}")
    for each in intake.unknown:
        warn(f"line {each['line']} is left out: {each['reason']}")


def _answer(file: Path, intake: Intake) -> dict[str, Any]:
    taken = intake.acceptable
    return {
        "file": str(file),
        "taken": taken,
        "bundles": intake.bundles if taken else 0,
        "new": intake.new,
        "statements": intake.statements if taken else 0,
        "manifests": len(intake.trees) if taken else 0,
        "refused": intake.refused,
        "grantNothing": intake.carried,
        "unknownLines": intake.unknown,
    }


def _tell(intake: Intake) -> None:
    known = intake.bundles - intake.new
    there = f" ({known:,} there already)" if known else ""
    held = counted(intake.statements, "statement")
    manifests = f" and {counted(len(intake.trees), 'manifest')}" if intake.trees else ""
    left_out = f"; {counted(len(intake.refused), 'line')} left out" if intake.refused else ""
    bundles = counted(intake.bundles, "bundle")
    click.echo(f"took in {bundles} of {held}{there}{manifests}{left_out}")
