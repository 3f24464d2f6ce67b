"""Every finding a rule can give is explained, with its result and its rule, and no other is."""

from __future__ import annotations

import ast
import re

from pages import ROOT, TEXT

from attest.predicates.step import INPUT_ROLES
from attest.rule import RULES
from attest.trust import ROLES
from attest.verifiers.sigstore import _CODES
from attest.vocabulary import load, vocabularies

JUDGES = [
    *sorted((ROOT / "attest" / "rules").glob("*.py")),
    *(
        ROOT / "attest" / f"{n}.py"
        for n in ("declared", "keeper", "policy", "rights_flow", "rights_rule", "rule")
    ),
]
_CODE = re.compile(r"[a-z]+(-[a-z]+)+")
# what stands in those files in the same spelling and is no code
_OTHER = {
    *RULES,
    *ROLES,
    *INPUT_ROLES,
    *vocabularies(),
    *(token for name in vocabularies() for token in load(name)),
    "all-inputs-listed",
    "commercial-baseline",
    "exception-relied",
    "not-prohibited",
    "partly-reserved",
    "signer-unknown",
    "opaque-base-models",
}
_LIMITS = {"limit-opaque-base-models", "limit-unknowns", "limit-exceptions"}
_ENTRY = re.compile(r"^### ([a-z-]+)\n\n(.+?)\. (.+?)\n\*\*Do:\*\* ", re.MULTILINE | re.DOTALL)


def codes_in(path):
    """Return code → the results that stand in the same expression."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        parts = node.args if isinstance(node, ast.Call) else getattr(node, "elts", ())
        results = {each.attr for part in parts for each in ast.walk(part) if isinstance(each, ast.Attribute)}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"_fail", "_unknown", "unknown"}:
            results.add(node.func.id.strip("_").upper())
        for part in parts:
            for each in ast.walk(part) if isinstance(part, (ast.Constant, ast.IfExp)) else ():
                if (
                    isinstance(each, ast.Constant)
                    and isinstance(each.value, str)
                    and _CODE.fullmatch(each.value)
                ):
                    found.setdefault(each.value, set()).update(results & {"FAIL", "UNKNOWN"})
    return {code: results for code, results in found.items() if code not in _OTHER - {"digest-conflict"}}


def test_every_finding_is_explained_and_no_other():
    made = {code for path in JUDGES for code in codes_in(path)} | _LIMITS
    explained = re.findall(r"^### (.+)$", TEXT["docs/findings.md"], re.MULTILINE)
    assert sorted(made) == sorted(explained)
    assert [code for code, _, _ in _ENTRY.findall(TEXT["docs/findings.md"])] == explained, (
        "result, rule, meaning, Do"
    )


def test_findings_name_their_result_and_rule():
    entries = {code: about for code, about, _ in _ENTRY.findall(TEXT["docs/findings.md"])}
    for path in JUDGES:
        for code, results in codes_in(path).items():
            stated = set(re.findall(r"\*\*([A-Z]+)\*\*", entries[code]))
            assert stated <= (results or {"FAIL", "UNKNOWN"}), code
            assert stated, code
            if path.parent.name == "rules":
                module = f"attest.rules.{path.stem}"
                assert {n for n in RULES if RULES.load(n).__module__ == module} <= set(
                    re.findall(r"`([a-z-]+)`", entries[code])
                )


def test_reasons_why_a_line_is_no_evidence_are_explained():
    sources = [
        ROOT / "attest/trust.py",
        ROOT / "attest/anchors.py",
        ROOT / "attest/keyring.py",
        *(ROOT / "attest/verifiers").glob("*.py"),
    ]
    made = {
        node.args[0].value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UnverifiedError"
        if isinstance(node.args[0], ast.Constant)
    }
    made |= {code for _, code in _CODES}
    table = TEXT["docs/findings.md"].partition("## Why a line of a bundle is not evidence")[2]
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", table, re.MULTILINE)
    assert made == {code.strip("`") for row in rows for code in row.split(", ")}
