"""``attest policy``: write and check what you require of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attest.cli.options import PATH, echo_json, json_option

if TYPE_CHECKING:
    from pathlib import Path

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
    from attest.policy import preset

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
