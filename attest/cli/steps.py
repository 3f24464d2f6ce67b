"""Options that `attest run` and `attest record` share: what a step read, what it wrote, what it was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import click

from attest.cli.digesting import digesting_options
from attest.cli.options import store_option, warn
from attest.cli.signing import not_secret_option, signing_options
from attest.errors import UsageError

if TYPE_CHECKING:
    from attest.cli.digesting import Digesting
    from attest.cli.signing import Signing
    from attest.parameters import Options
    from attest.recorder import Recorded, Recorder

__all__ = ["ROLES", "answer", "declare", "recorder_of", "step_options", "tell"]

F = TypeVar("F", bound=Callable[..., Any])

# role → what `--help` says of it; a test holds the names equal to attest.predicates.step.INPUT_ROLES
ROLES = {
    "dataset": "Data it learns from, or works on.",
    "evaluation-dataset": "Data it is measured with, or that decides when to stop.",
    "reward-dataset": "Preferences or rewards.",
    "retrieval-dataset": "Data that is looked up.",
    "base-model": "Model it starts from; sha256:… with --opaque if it is not on this disk.",
    "adapter": "Adapter weights it merges or builds on.",
    "teacher": "Model whose answers it learns from.",
    "tokenizer": "Tokenizer.",
    "code": "Code that runs; of a folder, what git tracks or would track.",
    "config": "Configuration.",
    "environment": "What the step runs in: a lock file, an image's digest file.",
}

_SHARED = (
    click.option("--kind", required=True, metavar="KIND", help="train, finetune, transform, quantize, …"),
    *(
        click.option(f"--{role}", role.replace("-", "_"), multiple=True, metavar="PATH", help=text)
        for role, text in ROLES.items()
    ),
    click.option(
        "--opaque",
        multiple=True,
        metavar="INPUT=REASON",
        help="Say why nothing is known of how this base model, adapter, teacher or tokenizer was made.",
    ),
    click.option("--output", "outputs", multiple=True, metavar="PATH", help="File or directory it writes."),
    click.option(
        "--byproduct", "byproducts", multiple=True, metavar="PATH", help="Logs, intermediate checkpoints."
    ),
    click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Hyper-parameter."),
    click.option(
        "--secret-param", "secrets", multiple=True, metavar="NAME", help="Parameter that is never recorded."
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Parameter this kind of step defines, e.g. scheme of quantize.",
    ),
    click.option("--seed", type=int, help="Seed of the random numbers."),
    click.option(
        "--count", "counts", multiple=True, metavar="in|out|removed=N", help="Number of records, if known."
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave paths out of all directories."),
    click.option(
        "--symlinks", is_flag=True, help="Read links to files of the same directory as those files."
    ),
    click.option(
        "--builder-id", metavar="URI", help="Who runs the step; default: attest.yaml, or the CI job."
    ),
    signing_options,
    store_option,
    not_secret_option,
    click.option(
        "--adopt-digests",
        is_flag=True,
        help="Take digests of inputs over from Git LFS, hub caches, OCI layouts, Croissant and S3, "
        "marked as not measured.",
    ),
    digesting_options,
)


def step_options(function: F) -> F:
    """Add the options both commands have; ``declare`` takes them."""
    for option in reversed(_SHARED):
        function = option(function)
    return function


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"got {text[:60]!r}, expected NAME=VALUE", option)
    return name, value


def _value(text: str) -> Any:
    """Read a value as YAML 1.2 does; in quotes it is always a string."""
    from attest.document import read_scalar

    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return read_scalar(text)


def recorder_of(given: Mapping[str, Any], **more: Unpack[Options]) -> Recorder:
    """Return the recorder of a step that was described by ``step_options``, with more of its options.

    Raises:
        UsageError: what ``attest.recorder.Recorder`` refuses.
    """
    from attest.cli.progress import progress_bar
    from attest.recorder import Recorder

    digesting: Digesting = given["digesting"]
    signing: Signing = given["signing"]
    shared: Options = {
        "store": given["store_uri"],
        "signer": signing.signer,
        "timestamps": signing.timestamps,
        "log": signing.log,
        "sigstore": signing.sigstore,
        "builder_id": given["builder_id"],
        "exclude": given["exclude"],
        "symlinks": given["symlinks"],
        "cache": digesting.cache,
        "adopt_digests": given["adopt_digests"],
        "engine": digesting.engine,
        "limits": digesting.limits,
        "seed": given["seed"],
        "not_secret": given["not_secret"],
        "progress": progress_bar(),
        "tell": warn,
    }
    shared.update(more)
    return Recorder(given["kind"], **shared)


def declare(recorder: Recorder, given: dict[str, Any]) -> None:
    """Hand the recorder what the options say.

    Raises:
        UsageError: an option cannot be read, or contradicts another.
    """
    parameters = recorder.parameters
    for name in given["secrets"]:
        parameters.secret(*name.split("=", 1))
    _parameters(recorder, given)
    for role in ROLES:
        for path in given[role.replace("-", "_")]:
            recorder.input(path, role)
    for path in given["outputs"]:
        recorder.output(path)
    for path in given["byproducts"]:
        recorder.byproduct(path)
    inputs = [path for role in ROLES for path in given[role.replace("-", "_")]]
    for text in given["opaque"]:
        recorder.opaque(*_opaque(text, inputs))


def _parameters(recorder: Recorder, given: dict[str, Any]) -> None:
    parameters = recorder.parameters
    seen: set[tuple[str, str]] = set()
    for option, texts in (("--param", given["params"]), ("--set", given["settings"])):
        for text in texts:
            name, value = _pair(option, text)
            if (option, name) in seen:
                raise UsageError(f"{name[:60]!r} is given twice", option)
            seen.add((option, name))
            if option == "--set":
                parameters.set(name, _value(value))
                continue
            if parameters.is_secret(name):  # as it was typed, which is how a command line repeats it
                parameters.secret(name, value)
            parameters.add(name, _value(value))
    for text in given["counts"]:
        name, number = _pair("--count", text)
        parameters.count(name, _value(number))


def _opaque(text: str, inputs: Sequence[str]) -> tuple[str, str]:
    """Split INPUT=REASON; a path may hold an equals sign, so the inputs that were named decide."""
    found = [each for each in inputs if text.startswith(f"{each}=")]
    if not found:
        name, _ = _pair("--opaque", text)
        raise UsageError(
            "no input is named like this", f"--opaque {name[:200]}", "name it with its role, too"
        )
    longest = max(found, key=len)
    return longest, text[len(longest) + 1 :]


def answer(recorded: Recorded) -> dict[str, Any]:
    """Return what was signed, for ``--json``."""
    return {
        "statement": f"sha256:{recorded.statement.digest}",
        "outputs": [
            {
                "name": each.name,
                "path": str(each.measured.path),
                "kind": "tree" if each.measured.artifact.tree else "file",
                "digest": f"sha256:{each.measured.artifact.sha256}",
                "files": len(each.measured.files),
                "bytes": each.measured.size,
            }
            for each in recorded.outputs
        ],
    }


def tell(recorded: Recorded) -> None:
    """Say on standard error what was signed."""
    from pathlib import Path

    from attest.text import show

    click.echo(f"attest: signed statement sha256:{recorded.statement.digest}", err=True)
    for each in recorded.outputs:
        click.echo(f"attest:   {show(Path(each.measured.path))}  {each.measured.artifact}", err=True)
