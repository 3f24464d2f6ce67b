"""``attest verify --attest``: the verdict as a signed statement, for others to rely on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from attest.cli.options import PATH
from attest.cli.signing import signing_options
from attest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.signing import Signing
    from attest.report import Report
    from attest.signer import Signer
    from attest.summary import SummaryTerms

__all__ = ["Auditor", "auditing_options"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--attest",
        "attest_to",
        type=PATH,
        metavar="FILE",
        help="Sign the verdict, and write its bundle here.",
    ),
    click.option(
        "--attest-type",
        type=click.Choice(["vsa", "svr"]),
        help="With --attest: as SLSA VSA v1 (the default) or in-toto SVR v0.2.",
    ),
    click.option(
        "--verifier-id", metavar="URI", help="With --attest: who verifies; readers trust you for it."
    ),
    click.option("--resource-uri", metavar="URI", help="With --attest: what was verified, e.g. a pkg: URL."),
    click.option("--policy-uri", metavar="URI", help="With --attest: where your policy can be had."),
    click.option(
        "--pass-exceptions",
        is_flag=True,
        help="With --attest: accepted with exceptions is PASSED, and the exceptions are listed.",
    ),
)


class Auditor:
    """Signs verdicts.

    Args:
        target: where the bundle is written.
        kind: ``vsa`` or ``svr``.
        terms: what a report does not say.
        signer: opened before anything is verified: what cannot be signed is known at once.
    """

    def __init__(self, target: Path, kind: Any, terms: SummaryTerms, signer: Signer) -> None:
        self.target = target
        self.kind = kind
        self.terms = terms
        self.signer = signer

    def write(self, report: Report) -> None:
        """Sign the verdict of a report and write its bundle; an SVR only of a verdict that passed.

        Raises:
            SignatureError: it cannot be signed.
            FormatError: the file cannot be written.
        """
        from attest.bundle import write_lines
        from attest.summary import passes, summarize

        passed = passes(report, self.terms)
        if self.kind == "svr" and not passed:
            message = f"attest: {report.verdict}: an SVR cannot say that, so none is written"
            click.echo(f"{message} (--attest-type vsa can)", err=True)
            return
        write_lines(self.target, [self.signer.sign(summarize(report, self.terms, self.kind))])
        click.echo(f"attest: signed as {'PASSED' if passed else 'FAILED'}: {self.target}", err=True)


def auditing_options(function: F) -> F:
    """Add ``--attest`` and the options of signing; they arrive as one argument, ``auditor``."""

    @functools.wraps(function)
    def gather(
        *args: Any,
        attest_to: Path | None,
        attest_type: str | None,
        verifier_id: str | None,
        resource_uri: str | None,
        policy_uri: str | None,
        pass_exceptions: bool,
        signing: Signing,
        **given: Any,
    ) -> Any:
        asked = {
            "--attest-type": attest_type,
            "--verifier-id": verifier_id,
            "--resource-uri": resource_uri,
            "--policy-uri": policy_uri,
            "--pass-exceptions": pass_exceptions,
            "--signer": signing.signer,
            "--timestamp": signing.timestamps,
            "--log": signing.log,
            "an option of keyless signing": signing.sigstore,
        }
        if attest_to is None:
            stray = next((name for name, value in asked.items() if value), None)
            if stray is not None:
                raise UsageError(f"{stray} is given, and no --attest FILE to sign the verdict into")
            return function(*args, auditor=None, **given)
        missing = [name for name in ("--verifier-id", "--resource-uri") if not asked[name]]
        if missing:
            raise UsageError(f"--attest needs {' and '.join(missing)}", hint="both are URIs of your choice")
        if given.get("as_of") is not None:
            raise UsageError("a verdict as of a past time is not for others to rely on", "--attest")
        terms = _terms(verifier_id or "", resource_uri or "", policy_uri, pass_exceptions=pass_exceptions)
        auditor = Auditor(attest_to, attest_type or "vsa", terms, _signer(attest_to, signing))
        return function(*args, auditor=auditor, **given)

    result = signing_options(gather)
    for option in reversed(_OPTIONS):
        result = option(result)
    return result  # type: ignore[return-value]  # a click command's function is only ever called by click


def _terms(verifier: str, resource: str, policy: str | None, *, pass_exceptions: bool) -> SummaryTerms:
    from attest.summary import SummaryTerms

    return SummaryTerms(verifier, resource, policy, pass_exceptions)


def _signer(target: Path, signing: Signing) -> Signer:
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", "--attest")
    return signing.desk(optional=True).signer()
