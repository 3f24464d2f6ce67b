"""The command line: one file per command, loaded when that command is called.

Exit codes: 0 done (``verify``: accepted), 1 rejected, 2 usage, 3 incomplete, 4 could not decide (an error),
130 interrupted. ``attest run``: the command's own status, 125 recording failed, 75 spooled.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from attest.errors import AttestError, FormatError, SignatureError, nearest

__all__ = ["COMMANDS", "cli", "main"]

# command → (module, one line for `attest --help`); a test holds each line equal to the command's own
COMMANDS: dict[str, tuple[str, str]] = {
    "digest": ("attest.cli.digest", "Print the SHA-256 of files and the manifest digest of directories."),
    "key": ("attest.cli.key", "Make signing keys and show their public halves."),
    "init": ("attest.cli.init", "Set up a project: attest.yaml, a store and, if asked, a key."),
    "card": ("attest.cli.card", "Write a dataset card to fill in."),
    "dataset": ("attest.cli.dataset", "Sign what a dataset is and what one may do with it."),
    "records": ("attest.cli.records", "Commit to the records of a dataset; find, prove and remove them."),
    "run": ("attest.cli.run", "Run a step of a pipeline and sign what it read and what it wrote."),
    "record": ("attest.cli.record", "Sign a step of the past, from files that are still there."),
    "distribution": ("attest.cli.distribution", "Sign who received an artifact, or that nobody did."),
    "sign": ("attest.cli.sign", "Sign any in-toto statement."),
    "order": ("attest.cli.order", "Write, sign, list and show deletion orders."),
    "impact": ("attest.cli.impact", "Tell what a deletion order reaches, and what it does not."),
    "certify": ("attest.cli.certify", "Certify what became of everything a deletion order reaches."),
    "verify-deletion": (
        "attest.cli.verify_deletion",
        "Check that a deletion certificate accounts for everything its order reaches.",
    ),
    "withdraw": ("attest.cli.withdraw", "Take back statements of your own, one by one or of a time."),
    "register": ("attest.cli.register", "Keep a register: what is current, withdrawn or ordered deleted."),
    "import": ("attest.cli.import_", "Verify an upstream vendor's bundle and take it into the store."),
    "store": (
        "attest.cli.store",
        "Check the store, bring it up to date, make it smaller, or write out what it holds.",
    ),
    "bundle": ("attest.cli.bundle", "Collect, verify, close and write the bundle a vendor hands over."),
    "inspect": ("attest.cli.inspect", "Show what is inside a bundle, before anything leaves or is believed."),
    "lineage": ("attest.cli.lineage", "Draw what an artifact was made from."),
    "trust": ("attest.cli.trust", "Write and check trust.yaml: whom you believe, for what."),
    "policy": ("attest.cli.policy", "Write and check policy.yaml: what you require of a model."),
    "verify": ("attest.cli.verify", "Verify delivered files against a vendor's bundle and your policy."),
}


class _ReaderGoneError(Exception):
    """Who read our output went away; click would exit with 1, which here means "rejected"."""


class _LazyGroup(click.Group):
    """Knows its commands by name and imports one only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            guess = nearest(name, COMMANDS)
            raise click.UsageError(
                f"no such command {name!r}." + (f" Did you mean {guess!r}?" if guess else "")
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGoneError from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):  # from the table: `attest --help` imports no command
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from attest import __version__

        click.echo(f"attest {__version__}")
        ctx.exit()


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Print the version and exit.",
)
def cli() -> None:
    """Signed provenance of machine-learning models, from the weights back to every dataset.

    Pipelines record and sign: init, dataset, run, record. Vendors hand over: bundle. Buyers judge: trust,
    policy, verify. See docs/quickstart.md.
    """


def _code(error: BaseException | None) -> str:
    """Return the stable reason of an error, for programs that read the log; "" if it has none."""
    if not isinstance(error, SignatureError | FormatError):
        return ""
    return error.code if error.code != SignatureError.NO_CODE else ""


def _report(error: AttestError) -> None:
    from attest.text import show

    where = f"{show(error.where, 500)}: " if error.where else ""
    code = _code(error) or _code(error.__cause__)
    what = show(error.what, 1000) + (f" [{code}]" if code else "")
    click.echo(click.style("attest: error: ", fg="red") + where + what, err=True)
    if error.hint:
        click.echo(click.style("  hint: ", fg="yellow") + show(error.hint, 1000), err=True)


def _report_os(error: OSError) -> None:
    place = f"{error.filename}: " if error.filename else ""
    _report(AttestError(f"{place}{error.strerror or error}", hint="nothing already stored was damaged"))


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with a documented code; nothing a user does ends in a traceback."""
    code: Any = 0
    try:
        code = cli.main(args=argv, prog_name="attest", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code if isinstance(error, click.UsageError) else 4
    except AttestError as error:
        _report(error)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("attest: interrupted", err=True)
        code = 130
    except _ReaderGoneError:
        # keep Python from complaining once more at shutdown
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 4
    except OSError as error:
        _report_os(error)
        code = 4
    sys.exit(code if isinstance(code, int) else 0)
