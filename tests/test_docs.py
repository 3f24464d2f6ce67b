"""The documentation is complete, and nothing it names has moved."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
from pages import DOCS, FENCE, ROOT, TEXT, every_page, fences, section

import attest
from attest.cli import COMMANDS
from attest.errors import AttestError
from attest.predicate import PREDICATES
from attest.report import NOT_PROVEN
from attest.rule import RULES
from attest.trust import ROLES
from attest.vocabulary import vocabularies


@pytest.fixture(scope="module")
def generate():
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("generate")
    finally:
        sys.path.remove(str(DOCS))


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


# -- generated pages -------------------------------------------------------------------------------------


def test_generated_pages_are_up_to_date(generate):
    old = [path for path, text in generate.pages().items() if not path.exists() or path.read_text() != text]
    assert [str(path) for path in (*old, *generate.stale(generate.pages()))] == [], "python docs/generate.py"


def test_generated_parts_are_known_and_used(generate):
    used = {
        part
        for text in TEXT.values()
        for part in re.findall(r"<!-- (?:generated|inline): ([a-z-]+) -->", text)
    }
    assert used == set(generate.PARTS)


def test_the_check_tells_what_is_out_of_date(generate, tmp_path, monkeypatch, capsys):
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("old")
    monkeypatch.setattr(generate, "DOCS", page.parent)
    monkeypatch.setattr(generate, "pages", lambda: {page: "new"})
    assert generate.main(["--check"]) == 1
    assert "out of date: docs/page.md" in capsys.readouterr().out
    assert page.read_text() == "old"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_tables_and_prose_show_what_was_written(generate):
    assert generate.table(("a", "b"), [("x|y", "line\nbreak")]).splitlines()[2] == "| x\\|y | line break |"
    assert generate.plain("*.tmp and `*.tmp` and ``a_b``") == "\\*.tmp and `*.tmp` and `a_b`"


# -- everything has its page -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_and_exit_codes(name):
    by_hand = (DOCS / "commands" / f"_{name}.md").read_text()
    assert by_hand.startswith("## Examples\n")
    assert "\n## Exit codes\n" in by_hand
    assert f"$ attest {name}" in by_hand
    assert by_hand.strip() in TEXT[f"docs/commands/{name}.md"]


def test_no_page_of_a_command_that_is_none():
    assert {path.stem.removeprefix("_") for path in (DOCS / "commands").glob("_*.md")} == set(COMMANDS)


@pytest.mark.parametrize("folder", ["commands", "predicates", "rules"])
def test_indexes_name_every_page(folder):
    pages = {path.name for path in (DOCS / folder).glob("[!_]*.md")} - {"README.md"}
    assert pages == set(
        re.findall(r"^\| \[[^\]]+\]\(([^)]+)\)", TEXT[f"docs/{folder}/README.md"], re.MULTILINE)
    )
    assert pages == {
        f"{name}.md" for name in {"commands": COMMANDS, "predicates": PREDICATES, "rules": RULES}[folder]
    }


def test_every_vocabulary_has_a_section():
    assert set(vocabularies()) == set(
        re.findall(r"^## ([a-z-]+)$", TEXT["docs/vocabularies.md"], re.MULTILINE)
    )


def test_every_trust_role_and_what_is_not_proven_are_explained():
    assert set(ROLES) == set(
        re.findall(r"^\| `([a-z-]+)` \| [^|]+\| ", section("formats.md", "Roles"), re.MULTILINE)
    )
    assert [line for line in NOT_PROVEN if line not in TEXT["docs/threat-model.md"]] == []


def test_every_exit_code_is_explained():
    documented = set(
        map(
            int,
            re.findall(
                r"\d+", " ".join(re.findall(r"^\| ([\d, ]+) \|", TEXT["docs/exit-codes.md"], re.MULTILINE))
            ),
        )
    )
    errors = {each.exit_code for each in [AttestError, *subclasses(AttestError)]}
    assert documented == errors | {0, 1, 3, 126, 127, 130}


def subclasses(cls):
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


# -- links and paths -------------------------------------------------------------------------------------


def anchors(text):
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.replace("`", "").lower()).replace(" ", "-") for head in heads}


@every_page
def test_links_lead_somewhere(name):
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(TEXT[name])):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        if page.name.startswith("_"):
            assert (page.parent / place).exists(), link
            continue
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


_PATH = re.compile(r"(?:attest|docs|tests|schemas|examples|scripts|benchmarks|\.ci|\.github)/[\w./*-]+")


@every_page
def test_paths_that_are_named_exist(name):
    for word in re.findall(r"`([^`\n]+)`", FENCE.sub("", TEXT[name])):
        path, _, member = word.partition("::")
        if not _PATH.fullmatch(path) or "NAME" in path:
            continue
        assert (ROOT / path).exists() or re.fullmatch(r"examples/\w+/out(/.*)?", path), word
        if member:
            assert re.search(rf"^def {member}\(", (ROOT / path).read_text(), re.MULTILINE), word


@every_page
def test_modules_that_are_named_exist(name):
    for word in re.findall(r"`(attest\.[a-z_.]+)`", TEXT[name]):
        if word in {"attest.yaml", "attest.db"}:
            continue
        module, _, attribute = word.rpartition(".")
        try:
            importlib.import_module(word)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), attribute), word


def test_pages_that_the_code_names_exist():
    for path in [*Path(attest.__file__).parent.rglob("*.py"), *Path(attest.__file__).parent.rglob("*.yaml")]:
        text = " ".join(path.read_text("utf-8").split())
        for page, title in re.findall(r"docs/([\w/-]+(?:\.md)?)(?:, ([A-Z]\w+(?: [a-z]+)*))?", text):
            if page.startswith("adr/"):
                assert list(DOCS.glob(f"{page}-*.md")), f"{path}: docs/{page}"
                continue
            assert f"docs/{page}" in TEXT, f"{path}: docs/{page}"
            if title:
                assert title.lower().replace(" ", "-") in anchors(TEXT[f"docs/{page}"]), (
                    f"{path}: {page}, {title}"
                )


# -- the front page, the records, the changelog ----------------------------------------------------------


def test_the_front_page_names_both_commands_and_the_licence():
    readme = TEXT["README.md"]
    for command in ("bash examples/quickstart/run.sh", "bash tests/run.sh"):
        assert command in fences(readme, "console")[0] or f"$ {command}\n" in "".join(
            fences(readme, "console")
        )
        assert (ROOT / command.split()[1]).is_file()
    assert "(LICENSE)" in readme
    assert "legal advice" in readme


def test_records_are_numbered_listed_and_in_four_parts():
    records = sorted((DOCS / "adr").glob("[0-9]*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers), "a number stands for one record; there may be gaps"
    for path in records:
        text = path.read_text()
        title = re.match(rf"# {path.name[:4]} (.+)\n\n(Accepted|Replaced by \[\d{{4}}\])", text)
        assert title, path.name
        assert f"- [{path.name[:4]}]({path.name}) {title[1]}\n" in TEXT["docs/adr/README.md"]
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Context",
            "Choice",
            "Rejected",
            "What follows",
        ]


def test_the_changelog_begins_with_what_is_not_released():
    heads = re.findall(r"^## (.+)$", TEXT["CHANGELOG.md"], re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert set(re.findall(r"^### (.+)$", TEXT["CHANGELOG.md"], re.MULTILINE)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }
