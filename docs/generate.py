"""Write the pages, and the parts of pages, that are made out of the code.

    python docs/generate.py            write them
    python docs/generate.py --check    say which are out of date, and end with 1 if any is

Whole pages: commands (with the hand-written part of ``docs/commands/_NAME.md``), predicates, rules, documents
people write, vocabularies. Parts: what stands between ``<!-- generated: NAME -->`` or
``<!-- inline: NAME -->`` and ``<!-- end -->`` in other pages.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import click
from _markdown import first, model_tables, plain, prose, table, words

from attest.cli import COMMANDS
from attest.digest import ALIASES
from attest.limits import Limits
from attest.member_role import MEMBER_ROLES
from attest.policyfile import PRESETS, preset
from attest.predicate import PREDICATES, predicate_type
from attest.predicates.register import ENTRY_STATUSES
from attest.predicates.step import (
    BUILD_TYPES,
    EXTERNAL_PARAMETERS,
    INPUT_ROLES,
    KINDS,
    REQUIRED_ROLES,
)
from attest.questions import QUESTIONS
from attest.report import NOT_PROVEN
from attest.rule import RULES
from attest.schema import schemas
from attest.vocabulary import vocabularies

DOCS = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py: edit the code, or the part it names, and run it. -->\n\n"
DOCUMENTS = {
    "settings": "attest.yaml: settings of a project",
    "card": "The dataset card",
    "order": "order.yaml: what must go",
    "items": "items.yaml: what became of each item",
    "declaration": "declaration.yaml: an officer's declaration",
    "trust": "trust.yaml: whom a reader believes, for what",
    "policy": "policy.yaml: what a reader requires",
    "report": "The report",
    "impact": "What an order reaches",
    "plan": "The smallest retraining",
}

_ENTRY = re.compile(r"^### ([a-z-]+)\n\n(.+?)(?:\.\s|\n\n)", re.MULTILINE | re.DOTALL)
"""An entry of the page of findings: its code, and the sentence that names result and rule."""

VOCABULARIES = """\
Closed lists of words, one file each in `attest/vocabularies`. A word outside its list reads as `unknown` in
signed statements (in a list of prohibitions it makes the list unknown), and is an error with the nearest word
in documents people write."""

# -- whole pages -----------------------------------------------------------------------------------------


def page(title: str, *blocks: str) -> str:
    """Return a generated page."""
    return f"{NOTE}# {title}\n\n" + "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def predicate_pages() -> Iterator[tuple[str, str]]:
    """Yield path and text of a page per predicate, and of their index."""
    index = []
    for name in PREDICATES:
        model = PREDICATES.load(name)
        module = importlib.import_module(model.__module__)
        title, *rest = prose(module.__doc__ or "")
        facts = [
            ("type", f"`{predicate_type(name)}`"),
            ("believed from", f"[{model.TRUST_ROLE}](../formats.md#roles)"),
            ("schema", f"`schemas/{name}.schema.json`"),
        ]
        sections = [*rest, "## Fields", *model_tables(schemas()[f"{name}.schema.json"], "../")]
        yield f"predicates/{name}.md", page(name, title, table(("", ""), facts), *sections)
        index.append((f"[{name}]({name}.md)", plain(first(model.__doc__)), model.TRUST_ROLE))
    descriptor = [*model_tables(schemas()["resource-descriptor.schema.json"], "../")]
    yield (
        "predicates/README.md",
        page(
            "Predicates",
            "What statements can say. How they are read: [formats.md](../formats.md#predicates-of-ours).",
            table(("predicate", "says", "believed from"), index),
            "## ResourceDescriptor",
            "How every statement names bytes (in-toto attestation framework v1).",
            *descriptor,
        ),
    )


def rule_pages() -> Iterator[tuple[str, str]]:
    """Yield path and text of a page per rule, and of their index."""
    codes = codes_by_rule((DOCS / "findings.md").read_text("utf-8"))
    asked = {each.number: each.text for each in QUESTIONS}
    index = []
    for name in RULES:
        model = RULES.load(name)
        module = importlib.import_module(model.__module__)
        title, *rest = prose(module.__doc__ or "")
        schema = model.model_json_schema(by_alias=True)
        example = f"As a sentence, with its defaults: *{plain(model().sentence)}*"
        quantifies = f"Quantifies: **{model.QUANTIFIER}**, over {plain(model.OVER)}."
        findings = "\n".join(f"- [{code}](../findings.md#{code})" for code in codes.get(name, ()))
        yield (
            f"rules/{name}.md",
            page(
                name,
                title,
                *rest,
                quantifies,
                f"Unknown when {plain(model.WHEN_UNKNOWN)}. Remedy: {plain(model.REMEDY)}",
                example,
                "## Parameters",
                *model_tables(schema, "../"),
                "## Findings",
                findings,
                "And [nothing-examined](../findings.md#nothing-examined), as for every rule.",
                "## Questions it answers",
                "\n".join(f"- [{each}](../questions.md): {plain(asked[each])}" for each in model.QUESTIONS)
                or "None of the buyers' questions: it is a matter of your own house.",
            ),
        )
        index.append((f"[{name}]({name}.md)", model.QUANTIFIER, plain(model.OVER), plain(first(title))))
    yield (
        "rules/README.md",
        page(
            "Rules",
            "What a policy can ask for. How to write one: [policy.md](../policy.md). What each finding "
            "means: [findings.md](../findings.md).",
            table(("rule", "quantifier", "over", "asks"), index),
        ),
    )


def question_page() -> Iterator[tuple[str, str]]:
    """Yield the page that maps every buyer's question to the rules that answer it."""
    answers = {
        each.number: [name for name in RULES if each.number in RULES.load(name).QUESTIONS]
        for each in QUESTIONS
    }
    rows = [
        (
            str(each.number),
            plain(each.text),
            each.kind,
            ", ".join(f"[{name}](rules/{name}.md)" for name in answers[each.number])
            or 'none: under "not proven" in every report',
            plain(each.askers),
        )
        for each in QUESTIONS
    ]
    yield (
        "questions.md",
        page(
            "The buyers' questions",
            "What procurement officers, auditors and regulators ask about a model's training data, and the "
            "rules that answer. **A**: by signatures and digests alone. **D**: by what somebody declared and "
            "signed; the rule can be checked, the truth of the value cannot. **H**: by people.",
            table(("#", "question", "kind", "rules", "asked by"), rows),
        ),
    )


def codes_by_rule(findings: str) -> dict[str, list[str]]:
    """Return rule → the codes whose entry in the page of findings names it."""
    found: dict[str, list[str]] = {}
    for code, about in _ENTRY.findall(findings):
        for rule in re.findall(r"`([a-z-]+)`", about):
            if rule in RULES:
                found.setdefault(rule, []).append(code)
    return found


def vocabulary_page() -> str:
    """Return the page of all vocabularies."""
    blocks = [VOCABULARIES]
    for name in vocabularies():
        content = json.loads((DOCS.parent / "attest" / "vocabularies" / f"{name}.json").read_text("utf-8"))
        keys = list(dict.fromkeys(key for token in content["tokens"].values() for key in token))
        columns = [key for key in keys if key not in ("label", "also")]
        rows = [
            (f"`{token}`", plain(facts["label"]), *(_cell(facts.get(key)) for key in columns))
            for token, facts in content["tokens"].items()
        ]
        blocks += [
            f"## {name}",
            f"**{content['title']}.** {content['about']}",
            f"Source: {content['source']}. Version: {content['version']}. Read on {content['retrieved']}.",
            table(("word", "meaning", *columns), rows),
        ]
    return page("Vocabularies", *blocks)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else plain(str(value)) if not str(value).startswith("http") else f"<{value}>"


def document_pages() -> Iterator[tuple[str, str]]:
    """Yield path and text of a page per document that people write, and of their index."""
    for name, title in DOCUMENTS.items():
        schema = schemas()[f"{name}.schema.json"]
        intro = f"Every field. The schema is `schemas/{name}.schema.json`."
        yield f"documents/{name}.md", page(title, intro, *model_tables(schema, "../"))
    index = "\n".join(f"- [{title}]({name}.md)" for name, title in DOCUMENTS.items())
    yield "documents/README.md", page("Documents people write, and the report", index)


# -- commands --------------------------------------------------------------------------------------------


def _takes(parameter: click.Parameter) -> str:
    """Return what stands for a parameter's value in a usage line."""
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return f"[{'|'.join(map(str, parameter.type.choices))}]"
    return parameter.name.upper() if isinstance(parameter, click.Argument) else parameter.type.name.upper()


def _usage(name: str, command: click.Command) -> str:
    words = [name]
    if any(isinstance(each, click.Option) for each in command.params):
        words.append("[OPTIONS]")
    for argument in command.params:
        if isinstance(argument, click.Argument):
            word = _takes(argument) + ("..." if argument.nargs != 1 and not argument.metavar else "")
            words.append(word if argument.required or argument.metavar else f"[{word}]")
    if isinstance(command, click.Group):
        words.append("COMMAND")
    return " ".join(words)


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join((*option.opts, *option.secondary_opts))
    value = "" if option.is_flag or option.count else f" {_takes(option)}"
    notes = ["required"] if option.required else []
    if option.multiple and "repeated" not in (option.help or ""):
        notes.append("repeatable")
    if option.show_default and option.default not in (None, ()):
        notes.append(f"default: {option.default}")
    return f"`{names}{value}`", plain(option.help or "") + (f" ({'; '.join(notes)})" if notes else "")


def help_blocks(name: str, command: click.Command) -> Iterator[str]:
    """Yield what ``--help`` of a command says."""
    yield f"```text\n{_usage(name, command)}\n```"
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc((command.help or "").split("\f")[0])):
        if paragraph.startswith("\b"):
            yield "```text\n" + inspect.cleandoc("\n" + paragraph.removeprefix("\b").strip("\n")) + "\n```"
        else:
            yield plain(paragraph)
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        yield table(("option", ""), (_option(each) for each in options))
    if command.epilog:
        yield plain(command.epilog)


def command_pages() -> Iterator[tuple[str, str]]:
    """Yield path and text of a page per command, and of their index."""
    for name, (module, _) in COMMANDS.items():
        command: click.Command = importlib.import_module(module).command
        blocks = [*help_blocks(f"attest {name}", command)]
        for inner, each in sorted(getattr(command, "commands", {}).items()):
            blocks += [f"## attest {name} {inner}", *help_blocks(f"attest {name} {inner}", each)]
        by_hand = DOCS / "commands" / f"_{name}.md"
        yield f"commands/{name}.md", page(f"attest {name}", *blocks, by_hand.read_text("utf-8"))
    rows = [(f"[{name}]({name}.md)", plain(line)) for name, (_, line) in COMMANDS.items()]
    yield (
        "commands/README.md",
        page(
            "Commands",
            "`attest COMMAND --help` says the same in the terminal. What a command ends with: "
            "[exit-codes.md](../exit-codes.md).",
            table(("command", ""), rows),
        ),
    )


# -- parts of pages --------------------------------------------------------------------------------------


def _limits() -> str:
    source = inspect.getsource(Limits)
    rows = []
    for each in fields(Limits):
        meaning = re.search(rf'^    {each.name}: .*\n    """(.+?)"""', source, re.MULTILINE)
        rows.append((f"`{each.name}`", f"{each.default:,}", plain(meaning[1]) if meaning else ""))
    return table(("limit", "default", "of what"), rows)


def _kinds() -> str:
    common = frozenset.intersection(*EXTERNAL_PARAMETERS.values())
    rows = [
        (
            f"`{kind}`",
            "; ".join(" or ".join(f"`{r}`" for r in sorted(group)) for group in REQUIRED_ROLES[kind]),
            words(sorted(EXTERNAL_PARAMETERS[kind] - common)),
        )
        for kind in KINDS
    ]
    return table(("kind", "needs an input of role", "own parameters"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "limits": _limits,
    "kinds": _kinds,
    "types": lambda: table(
        ("type", "URI"),
        [(name, f"`{predicate_type(name)}`") for name in PREDICATES]
        + [("build type, e.g.", f"`{BUILD_TYPES['train']}`")],
    ),
    "entry-statuses": lambda: table(
        ("kind of entry", "statuses"), [(f"`{k}`", words(sorted(v))) for k, v in ENTRY_STATUSES.items()]
    ),
    "not-proven": lambda: "".join(f"- {line}\n" for line in NOT_PROVEN),
    "preset": lambda: "".join(f"```yaml\n{preset(name).decode()}```\n" for name in PRESETS),
    "policy-fields": lambda: "\n\n".join(model_tables(schemas()["policy.schema.json"], "")) + "\n",
    "aliases": lambda: words(sorted(ALIASES)),
    "member-roles": lambda: words(MEMBER_ROLES),
    "input-roles": lambda: words(INPUT_ROLES),
    "common-parameters": lambda: words(sorted(frozenset.intersection(*EXTERNAL_PARAMETERS.values()))),
}
_MARK = re.compile(r"(<!-- (generated|inline): ([a-z-]+) -->)(.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """Return a page with its generated parts made anew."""

    def part(found: re.Match[str]) -> str:
        made = PARTS[found[3]]()
        return f"{found[1]}{made}{found[5]}" if found[2] == "inline" else f"{found[1]}\n{made}{found[5]}"

    return _MARK.sub(part, text)


# -- everything ------------------------------------------------------------------------------------------


def pages() -> dict[Path, str]:
    """Return path → text of every page that is generated, in whole or in part."""
    made = dict([*command_pages(), *predicate_pages(), *rule_pages(), *question_page(), *document_pages()])
    found = {DOCS / name: text for name, text in made.items()} | {DOCS / "vocabularies.md": vocabulary_page()}
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text("utf-8")
        if _MARK.search(text):
            found[path] = fill(text)
    return found


def stale(present: Mapping[Path, str]) -> list[Path]:
    """Return pages that were generated once and are no more."""
    folders = {path.parent for path in present} - {DOCS}
    every = (path for folder in folders if folder.is_dir() for path in folder.glob("[!_]*.md"))
    return sorted(path for path in every if path not in present)


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or only say which would change."""
    present = pages()
    changed = [path for path, text in present.items() if not path.exists() or path.read_text("utf-8") != text]
    gone = stale(present)
    if "--check" in arguments:
        for path in (*changed, *gone):
            print(f"out of date: {path.relative_to(DOCS.parent)}; run python docs/generate.py")
        return 1 if changed or gone else 0
    for path in changed:
        path.parent.mkdir(exist_ok=True)
        path.write_text(present[path], "utf-8")
    for path in gone:
        path.unlink()
    print(f"{len(present)} pages, {len(changed)} written, {len(gone)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
