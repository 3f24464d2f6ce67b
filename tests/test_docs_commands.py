"""Commands, documents and programs shown in the documentation are real."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys

import click
import pytest
from pages import FENCE, ROOT, TEXT, every_page, fences

from attest.card import Card
from attest.cli import COMMANDS, cli
from attest.document import read_document
from attest.predicates.step import KINDS
from attest.recorder import Recorder
from attest.settings import Settings
from attest.trust import ROLES

KNOWN = {"kind": KINDS, "roles": ROLES}


def check_words(line, *, whole):
    """Hold a command line against the real commands and options; ``whole``: it is one that could be typed."""
    words = shlex.split(line, comments=True)[1:]
    command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if not whole and words[0].isupper():
            return
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"no command {words[0]} in: {line}"
        command, words = found, words[1:]
    words = [word for word in words if word not in {"--help", "-h"}]
    if not whole:
        known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        words = words[: words.index("--")] if "--" in words else words
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known | {
            "-",
            "--version",
        }, line
        return
    context = click.Context(command, **command.context_settings)
    options, rest, _ = command.make_parser(context).parse_args(list(words))
    assert rest == [], line
    for param in command.params:
        if isinstance(param, click.Option) and param.required:
            assert param.name in options, f"{param.opts[0]} is missing in: {line}"
        if param.name in KNOWN and param.name in options:
            given = options[param.name]
            assert set([given] if isinstance(given, str) else given) <= set(KNOWN[param.name]), line


def typed(text):
    """Every command line of the console blocks, without its prompt."""
    for block in fences(text, "console"):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(r"(?:\w+)?\$ (?:.*?&& )?(attest .+)", line):
                yield found[1].partition(" > ")[0].partition(" | ")[0]


@every_page
def test_commands_that_are_shown_can_be_typed(name):
    for line in typed(TEXT[name]):
        check_words(line, whole=True)


@every_page
def test_commands_that_are_mentioned_exist(name):
    for line in re.findall(r"`(attest [^`\n]+)`", FENCE.sub("", TEXT[name])):
        check_words(line, whole=False)


@pytest.mark.parametrize(
    "line",
    [
        "attest verfy x",
        "attest digest --manifst f d",
        "attest verify x -b b -t t",
        "attest trust add t n --role king",
    ],
)
def test_a_wrong_command_would_be_found(line):
    with pytest.raises((AssertionError, click.UsageError)):
        check_words(line, whole=True)


@every_page
def test_blocks_of_yaml_are_documents(name):
    for block in fences(TEXT[name], "yaml"):
        document = read_document(block.encode(), name)
        model = {"dataset": Card, "store": Settings}.get(next(iter(document.value)))
        if model:
            document.validate(model)


@every_page
def test_blocks_of_python_are_programs(name):
    for block in fences(TEXT[name], "python"):
        for node in ast.walk(ast.parse(block)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "run"
            ):
                assert hasattr(Recorder, node.attr), node.attr


@every_page
def test_a_block_of_code_names_its_language(name):
    assert "" not in {language for language, _ in FENCE.findall(TEXT[name])}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_shows_how_click_is_told_to_keep_breaks(name):
    """A raw docstring holds a backslash and a b where click looks for one character."""
    command = cli.get_command(click.Context(cli), name)
    for each in (command, *getattr(command, "commands", {}).values()):
        assert "\\b" not in each.help


# -- run as they stand -----------------------------------------------------------------------------------


def type_in(line, folder):
    words = shlex.split(line, comments=True)
    head = {"attest": [sys.executable, "-m", "attest"], "python": [sys.executable]}[words[0]]
    words = [sys.executable if word == "python" else word for word in words[1:]]
    done = subprocess.run([*head, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def fill_in(card):
    words = {"channel": "public-dataset", "presence": "no", "expression": "CC-BY-4.0"}
    text = re.sub(r'(\w+): "?FILL-IN"?', lambda at: f"{at[1]}: {words.get(at[1], 'x')}", card.read_text())
    card.write_text(text)


def test_the_commands_of_the_front_page_do_what_it_says(tmp_path):
    vendors, buyers = (typed(f"```console\n{block}```") for block in fences(TEXT["README.md"], "console")[1:])
    vendor, buyer = tmp_path / "vendor", tmp_path / "buyer"
    (vendor / "data").mkdir(parents=True)
    (vendor / "data" / "sample.txt").write_text("one")
    (vendor / "train.py").write_text(
        "from pathlib import Path\nPath('model').mkdir()\nPath('model/model.safetensors').write_bytes(b'w')\n"
    )
    for line in vendors:
        type_in(line, vendor)
        if "card new" in line:
            fill_in(vendor / "card.yaml")
    buyer.mkdir()
    shutil.copytree(vendor / "model", buyer / "model")
    shutil.copyfile(vendor / "model.intoto.jsonl", buyer / "model.intoto.jsonl")
    shutil.copyfile(vendor / "keys" / "attest.key.pub", buyer / "vendor.pub")
    said = [type_in(line, buyer) for line in buyers]
    assert said[-1].startswith("VERDICT  ACCEPT  model\n")
    assert (buyer / "report.html").is_file()


def test_the_quickstart_page_shows_what_the_example_runs(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("quickstart", ROOT / "examples/quickstart/quickstart.py")
    quickstart = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(quickstart)
    ran = []
    monkeypatch.setattr(
        quickstart.Shell, "__call__", lambda sh, command: ran.append(f"{sh.folder.name}$ {command}")
    )
    for name in ("copytree", "copyfile"):
        monkeypatch.setattr(shutil, name, lambda *_, **__: None)
    vendor, registry = quickstart.vendor(tmp_path / "vendor"), quickstart.Shell(tmp_path / "registry")
    quickstart.publish(vendor, registry)
    quickstart.buyer(tmp_path / "buyer", vendor, registry)(f"{quickstart.VERIFY} --report report.html")
    blocks = "".join(fences(TEXT["docs/quickstart.md"], "console"))
    shown = re.findall(r"^\w+\$ .+$", blocks, re.MULTILINE)
    assert len(shown) > 10
    assert [line for line in shown if line not in ran] == []
    assert [line for line in ran if "$ attest " in line and line not in shown] == []
