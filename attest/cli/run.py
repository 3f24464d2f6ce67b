"""``attest run``: run a command, and sign what it read and what it wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from attest.cli.options import PATH, echo_json, json_option
from attest.cli.steps import answer, declare, recorder_of, step_options, tell
from attest.errors import AttestError, RecordingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.ordered_inputs import InStore
    from attest.cli.replacing import Replacing
    from attest.recorder import Recorded, Recorder
    from attest.resource import Artifact
    from attest.settings import Project

__all__ = ["command"]


@click.command(
    "run",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    epilog="Exit status: the command's own; 2 the words before COMMAND are off, and nothing was run; 125 it "
    "could not be recorded; 75 its statement waits for `attest sign --pending`; 126 and 127 as in a shell.",
)
@step_options
@click.option(
    "--completeness",
    type=click.Choice(["all", "partial"]),
    default="all",
    show_default=True,
    help="Whether the inputs named are all there are.",
)
@click.option("--env", "variables", multiple=True, metavar="NAME", help="Record this variable's value.")
@click.option(
    "--require-known-inputs", is_flag=True, help="Refuse data and models that no statement explains."
)
@click.option(
    "--allow-removed",
    is_flag=True,
    help="Inputs may hold records that were removed before: this step takes them out.",
)
@click.option(
    "--allow-ordered",
    is_flag=True,
    help="Inputs may be what a deletion order in force reaches; else that is told, or refused.",
)
@click.option(
    "--from",
    "bundles",
    multiple=True,
    type=PATH,
    metavar="BUNDLE",
    help="Upstream vendor's bundle that explains inputs; needs --trust.",
)
@click.option("--trust", type=PATH, metavar="FILE", help="Whom you believe about the inputs of --from.")
@click.option(
    "--keep-identity",
    is_flag=True,
    help="Let COMMAND see the variables with which one signs as this CI job or cloud client.",
)
@click.option(
    "--replaces",
    multiple=True,
    metavar="ARTIFACT",
    help="What the outputs take the place of, because of --order: sha256:…; may be repeated.",
)
@click.option("--order", metavar="ORDER", help="The deletion order that made it necessary.")
@click.option("--print-digest", is_flag=True, help="Print only the statement's digest on standard output.")
@json_option
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def command(
    words: tuple[str, ...],
    completeness: Literal["all", "partial"],
    variables: tuple[str, ...],
    require_known_inputs: bool,
    allow_removed: bool,
    allow_ordered: bool,
    bundles: tuple[Path, ...],
    trust: Path | None,
    keep_identity: bool,
    replaces: tuple[str, ...],
    order: str | None,
    print_digest: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Run a step of a pipeline and sign what it read and what it wrote.

    For example: attest run --kind train --dataset data --code . --output model -- python train.py

    Everything that can be checked is checked, and the inputs are digested, before COMMAND runs. When it has
    ended well, the outputs are digested, the inputs are compared with what they were, and the statement is
    signed and put into the store. If COMMAND fails, nothing is signed. With --json or --print-digest, what
    COMMAND prints goes to standard error.

    COMMAND is started without ATTEST_PASSPHRASE and without the variables with which one signs as this CI
    job: those GitHub Actions, GitLab, Buildkite and CircleCI give out identity tokens by, and a cloud's
    credentials where its key service signs. --keep-identity lets it see them, all but the passphrase.

    Values of --param are typed as in YAML; quote them twice to make a number a string. A parameter named by
    --secret-param is recorded nowhere, wherever it stands in COMMAND: --name VALUE, --name=VALUE and
    name=VALUE are understood.

    With --replaces and --order, the step makes something anew that a deletion order reaches: an input that
    the order reaches, too, is refused before anything is run. Of every other order in force, in the store or
    in a register there, you are told which inputs it reaches; with `orders: refuse` in attest.yaml nothing is
    run then.
    """
    from attest.cli.ordered_inputs import InStore
    from attest.cli.process import find_program
    from attest.cli.replacing import Replacing

    with _recording_errors():
        recorder = recorder_of(
            given,
            command=words,
            completeness=completeness,
            environment=variables,
            require_known_inputs=require_known_inputs,
            allow_removed=allow_removed,
            known=_known(bundles, trust),
        )
        declare(recorder, given)
        program = find_program(words[0])
        stored = InStore(trust, given["store_uri"])
        replacing = Replacing.of(order, replaces, stored)
        if replacing is not None:
            replacing.declare(recorder)
        recorder.begin(declared=True)
        _check_inputs(recorder, replacing, stored, allowed=allow_ordered)
    _execute(
        recorder.desk.project, program, words, keep_identity=keep_identity, quiet=print_digest or as_json
    )
    with _recording_errors():
        recorded = _finish(recorder)
    if replacing is not None:
        replacing.check_outputs([each.measured.artifact for each in recorded.outputs])
    if as_json:
        echo_json(answer(recorded))
    elif print_digest:
        click.echo(f"sha256:{recorded.statement.digest}")
    else:
        tell(recorded)


def _execute(
    project: Project, program: str, words: Sequence[str], *, keep_identity: bool, quiet: bool
) -> None:
    """Run the command; if it fails, this program ends with its status."""
    from attest.cli.process import execute

    identity = frozenset() if keep_identity else project.identity_variables
    status = execute([program, *words[1:]], words[0], project.secret_variables | identity, quiet=quiet)
    if status != 0:
        _tell_failure(status, identity)


def _finish(recorder: Recorder) -> Recorded:
    """Sign what was recorded, and say what is left where that is impossible."""
    try:
        return recorder.finish()
    except KeyboardInterrupt:
        click.echo("attest: COMMAND had ended well, and nothing was signed; `attest record` can", err=True)
        raise
    except RecordingError:
        if recorder.desk.unsaved is not None:  # the last resort: whoever keeps the log has the statement
            click.echo(recorder.desk.unsaved.payload, err=True)
        raise


def _tell_failure(status: int, hidden: frozenset[str]) -> NoReturn:
    """Say that nothing was signed, and which variables of this environment the command may have missed."""
    import os

    click.echo(f"attest: the command ended with status {status}: nothing was signed", err=True)
    missed = sorted(hidden.intersection(os.environ))
    if missed:
        what = f"it was started without {', '.join(missed)}"
        click.echo(f"attest: {what}; --keep-identity lets it see them", err=True)
    click.get_current_context().exit(status)


@contextmanager
def _recording_errors() -> Iterator[None]:
    """Give every error of ours a status that no command of the user's is likely to have."""
    try:
        yield
    except (UsageError, RecordingError):
        raise
    except AttestError as error:
        raise RecordingError(error.what, error.where, error.hint) from error
    except OSError as error:
        raise RecordingError(str(error.strerror or error), error.filename and str(error.filename)) from error


def _check_inputs(recorder: Recorder, replacing: Replacing | None, stored: InStore, *, allowed: bool) -> None:
    """Look at the inputs in the light of deletion orders."""
    from attest.cli.ordered_inputs import check_orders

    if replacing is not None:
        replacing.check_inputs(recorder)
    if not allowed:
        check_orders(recorder, stored, replacing.impact.order.digest if replacing is not None else None)


def _known(bundles: Sequence[Path], trust: Path | None) -> Callable[[Artifact, str], bool] | None:
    """Verify upstream bundles, and return what tells whether they explain an input; ``None`` without any.

    Raises:
        UsageError: nobody says who is believed about them.
    """
    if trust is None:
        if bundles:
            hint = "a bundle is believed only as far as a trust file of yours says: add --trust trust.yaml"
            raise UsageError("--from needs --trust", hint=hint)
        return None
    from datetime import UTC, datetime

    from attest.cli.delivered import manifests_beside, read_evidence
    from attest.graph import DATASET_ROLES
    from attest.limits import DEFAULT
    from attest.lineage import Lineage
    from attest.matching import Delivery
    from attest.resource import Artifact
    from attest.review import review
    from attest.trust import read_trust

    manifests = manifests_beside(bundles, None, DEFAULT)
    graph = review(
        Delivery("", Artifact("0" * 64), 0, {}),
        read_evidence(bundles, DEFAULT),
        read_trust(trust),
        datetime.now(UTC),
        manifests=manifests,
    ).graph

    def known(artifact: Artifact, role: str) -> bool:
        if Lineage(graph, [artifact]).makers(artifact):
            return True
        described = role in DATASET_ROLES or role == "tokenizer"
        return described and any(each.believed for each in graph.datasets(artifact))

    return known
