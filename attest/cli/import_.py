"""``attest import``: an upstream vendor's bundle, verified, into the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

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
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.limits import Limits
    from attest.statement import Statement
    from attest.trust import Trust
    from attest.verifier import VerifiedStatement

__all__ = ["command"]


class _RefusedError(Exception):
    """Ends the transaction: a line was refused, so nothing is taken in."""


@dataclass
class _Intake:
    """What was seen of a file while it went by."""

    file: Path
    trust: Trust
    limits: Limits
    skip: bool
    jobs: int
    verified: int = 0
    statements: set[str] = field(default_factory=set)
    trees: set[str] = field(default_factory=set)
    manifests: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    carried: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[dict[str, Any]] = field(default_factory=list)

    def bundles(self) -> Iterator[Bundle]:
        """Yield every bundle that a principal is shown to have signed.

        Raises:
            _RefusedError: at the end, if there were others, unless they are skipped and some bundle is left.
            FormatError: a line is not JSON, or there is no bundle in the file.
        """
        from contextlib import closing

        from attest.check import Unverified, examined
        from attest.cli.verify import raw_evidence
        from attest.errors import FormatError

        lines = raw_evidence([self.file], self.limits)
        with closing(examined(lines, self.trust, self.limits, jobs=self.jobs)) as found:
            for _, number, _, what in found:
                if isinstance(what, str):
                    self.unknown.append({"line": number, "reason": what})
                elif isinstance(what, Unverified):
                    refusal = {"line": number, "statement": f"sha256:{what.digest}"}
                    self.refused.append({**refusal, "code": what.code, "reason": what.reason})
                else:
                    self._note(number, what)
                    # what comes after a refusal is only looked at
                    if what.bundle is not None and (self.skip or not self.refused):
                        yield what.bundle
        if self.refused and not (self.skip and self.verified):
            raise _RefusedError
        if not self.verified:
            raise FormatError("holds no bundle", str(self.file), "is it the right file?")

    def _note(self, number: int, one: VerifiedStatement) -> None:
        from attest.review import weigh

        self.verified += 1
        self.statements.add(one.statement.digest)
        self._note_trees(one.statement)
        evidence = weigh(self.trust, [one])
        if not evidence.granted:
            entry = {"line": number, "statement": f"sha256:{one.statement.digest}"}
            self.carried.append({**entry, "reason": evidence.reason})

    def _note_trees(self, statement: Statement) -> None:
        from attest.store import links_of

        links = links_of(statement, self.limits)
        self.trees |= {each.sha256 for each in (*links.subjects, *links.inputs) if each.tree}

    def wanted(self, manifests: Mapping[str, bytes]) -> Iterator[bytes]:
        """Yield the manifests of directories the verified statements name; to be asked for after them.

        Raises:
            FormatError: one is none, although its digest was signed.
        """
        from attest.manifest import Manifest

        for sha256 in sorted(self.trees & manifests.keys()):
            Manifest.parse(manifests[sha256], f"manifest sha256:{sha256}", self.limits)
            self.manifests += 1
            yield manifests[sha256]


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
    """
    from attest.cli.verify import manifests_beside
    from attest.errors import UsageError
    from attest.processes import cores
    from attest.trust import read_trust

    bounds = limits_from(limits)
    if manifests is not None and not manifests.is_dir():
        raise UsageError("there is no such folder", str(manifests), "--manifests names a folder")
    intake = _Intake(file, read_trust(trust, bounds), bounds, skip_unverified, jobs or cores())
    beside = manifests_beside([file], manifests, bounds)
    new = 0
    with open_store_from(store_uri, limits=bounds) as store:
        try:
            new = store.put(intake.bundles(), intake.wanted(beside))
        except _RefusedError:
            taken = False
        else:
            taken = True
    _remark(intake)
    if as_json:
        echo_json(_answer(intake, new, taken=taken))
    elif taken:
        _tell(intake, new)
    if not taken:
        click.echo("attest: refused: nothing was taken in", err=True)
        click.get_current_context().exit(1)


def _remark(intake: _Intake) -> None:
    from attest.cli.steps import warn

    for each in intake.refused:
        warn(f"line {each['line']}: {each['statement']}: {each['reason']}")
    for each in intake.carried:
        warn(f"line {each['line']}: {each['statement']} grants nothing: {each['reason']}")
    for each in intake.unknown:
        warn(f"line {each['line']} is left out: {each['reason']}")


def _answer(intake: _Intake, new: int, *, taken: bool) -> dict[str, Any]:
    return {
        "file": str(intake.file),
        "taken": taken,
        "bundles": intake.verified if taken else 0,
        "new": new,
        "statements": len(intake.statements) if taken else 0,
        "manifests": intake.manifests,
        "refused": intake.refused,
        "grantNothing": intake.carried,
        "unknownLines": intake.unknown,
    }


def _tell(intake: _Intake, new: int) -> None:
    known = intake.verified - new
    there = f" ({known:,} there already)" if known else ""
    held = counted(len(intake.statements), "statement")
    manifests = f" and {counted(intake.manifests, 'manifest')}" if intake.manifests else ""
    left_out = f"; {counted(len(intake.refused), 'line')} left out" if intake.refused else ""
    bundles = counted(intake.verified, "bundle")
    click.echo(f"took in {bundles} of {held}{there}{manifests}{left_out}")
