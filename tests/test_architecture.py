"""Laws of the house that no linter knows (docs/concepts.md); import-linter holds the floors and the wings."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import attest
from attest.cli import COMMANDS

PACKAGE = Path(attest.__file__).parent
SOURCES = sorted(path for path in PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(("attest", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in SOURCES
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
TREES = {name: ast.parse(path.read_bytes()) for name, path in MODULES.items()}

HEAVY = {"cryptography", "httpx", "jinja2", "pydantic", "sigstore", "sqlite3", "yaml"}

_IMPORTED = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
{action}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""

_HELP = """
import click
from attest.cli import cli, main
def show(*words):
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            main([*words, "--help"])
        except SystemExit as end:
            assert end.code == 0, said.getvalue()
    assert "Usage: attest" in said.getvalue()
words = {words!r}
show(*words)
if words:
    command = cli.get_command(click.Context(cli), words[0])
    for name in getattr(command, "commands", ()):
        show(*words, name)
"""


def imported_by(action):
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED.format(action=action)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_import_attest_is_light():
    assert imported_by("import attest") & HEAVY == set()


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_is_light(words):
    """Law 9: starting up costs what was asked for. Subcommands' help is asked for as well."""
    assert imported_by(_HELP.format(words=words)) & HEAVY == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_its_line_in_the_table_say_the_same(name):
    module, line = COMMANDS[name]
    assert importlib.import_module(module).command.help.strip().splitlines()[0] == line


@pytest.mark.parametrize("name", MODULES)
def test_all_names_what_is_public(name):
    tree = TREES[name]
    public = {
        node.name
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    }
    if name.startswith("attest.cli."):
        public = set()  # subcommands are reached through their command
    module = importlib.import_module(name) if name != "attest.__main__" else None
    stated = getattr(module, "__all__", None)
    if stated is None:
        assert public == set()
        assert not any(isinstance(node, (ast.Assign, ast.AnnAssign)) for node in tree.body), "no __all__"
        return
    assert len(set(stated)) == len(stated)
    assert public - set(stated) == set()
    assert [each for each in stated if not hasattr(module, each)] == []


def calls(tree, names):
    """Every call in a module of a function or method with one of these names, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if called in names:
                yield f"line {node.lineno}: {called}()"


def test_only_trust_and_verifiers_make_verified_statements():
    """Law 1, the one-way door: the judging half accepts nothing else, so nobody else may make one."""
    makers = {name for name, tree in TREES.items() if any(calls(tree, {"VerifiedStatement"}))}
    assert makers <= {name for name in MODULES if name == "attest.trust" or ".verifiers." in name}
    assert makers


PURE = ("claim", "declared", "graph", "keeper", "lineage", "matching", "policy", "rule", "verdict")
DOORS = {"attest.policy": {"read_policy"}}
"""Functions of a pure room that bring a document in; nothing else of the room calls them."""
OUTSIDE = {
    *("input", "now", "open", "print", "today", "utcnow"),
    *(
        "exists",
        "is_dir",
        "is_file",
        "iterdir",
        "read_bytes",
        "read_text",
        "stat",
        "write_bytes",
        "write_text",
    ),
    *("cwd", "getenv", "gethostname", "home"),
    *("monotonic", "perf_counter", "sleep", "time_ns", "token_bytes", "token_hex", "urandom", "uuid4"),
}


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.removeprefix("attest.") in PURE or ".rules." in name]
)
def test_judgement_is_pure(name):
    """Law 7: no input or output, no clock, no environment, no chance. Time is a parameter."""
    doors = DOORS.get(name, set())
    rest = [node for node in TREES[name].body if getattr(node, "name", "") not in doors]
    tree = ast.Module(rest, [])
    assert list(calls(tree, OUTSIDE | doors)) == []
    assert [node.lineno for node in ast.walk(tree) if getattr(node, "attr", "") == "environ"] == []


TABLES = {
    "predicates": "attest.predicate:PREDICATES",
    "reports": "attest.report:RENDERERS",
    "rules": "attest.rule:RULES",
    "signers": "attest.signer:SIGNERS",
    "stores": "attest.store:STORES",
}


@pytest.mark.parametrize("package", TABLES)
def test_every_member_is_in_its_table_and_loads(package):
    module, _, attribute = TABLES[package].partition(":")
    table = getattr(importlib.import_module(module), attribute)
    files = {
        f"attest.{package}.{path.stem}"
        for path in (PACKAGE / package).glob("*.py")
        if not path.stem.startswith("_")
    }
    assert {table.load(name).__module__ for name in table} == files


def test_the_base_of_our_types_stands_in_one_place():
    """Except in examples: it is provisional, and one constant is all there will be to change."""
    places = set()
    for name, tree in TREES.items():
        nodes = list(ast.walk(tree))
        told = {ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, DOCUMENTED)}
        said = {node.value for node in nodes if isinstance(node, ast.Constant)} - told
        if any("w3id.org/attest" in str(value) for value in said):
            places.add(name)
    assert places == {"attest.predicate"}
