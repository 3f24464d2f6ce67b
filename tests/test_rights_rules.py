"""The rules about rights: what each refuses, what it cannot tell, and what it lets through."""

from __future__ import annotations

from typing import Any

import pytest
from world import World

from attest.policy import Judgement
from attest.resource import Artifact
from attest.verdict import Outcome, Result


def one(rule: str, **top: Any) -> str:
    """A policy of one rule, with its parameters in YAML flow style."""
    extra = "".join(f"{key}: {value}\n" for key, value in top.items())
    return (
        f"policy: p\nversion: 1\n{extra}rules: [{{{rule}}}]"
        if ":" in rule
        else (f"policy: p\nversion: 1\n{extra}rules: [{rule}]")
    )


def trained(facts: dict[str, Any] | None = None, *records: dict[str, Any]) -> tuple[World, Artifact]:
    """A model trained on faces-2014, with that dataset statement and those rights records."""
    world = World()
    data, model = world.file("faces-2014"), world.file("release")
    if facts is not None:
        world.describe(data, "faces-2014", **facts)
    for number, record in enumerate(records, 1):
        world.rights(data, record.pop("licence", "MIT"), sequence=number, **record)
    world.step("train", [(data, "dataset")], [model], ran=("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"))
    return world, model


def outcome(judgement: Judgement) -> Outcome:
    (judged,) = judgement.judged
    return judged.outcome


def found(judgement: Judgement) -> set[str]:
    return {finding.code for finding in outcome(judgement).findings}


# -- license ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "rule", "expected"),
    [
        ({"licence": "MIT OR CC-BY-NC-4.0"}, "license", set()),  # the reader's choice
        ({"licence": "MIT AND CC-BY-NC-4.0"}, "license", {"license-denied"}),
        ({"licence": "MIT OR NO-SUCH-ID"}, "license", set()),
        ({"licence": "MIT AND NO-SUCH-ID"}, "license", {"license-unknown"}),
        ({"licence": "MIT OR CC-BY-4.0"}, "license: {deny: [MIT]}", set()),
        ({"licence": "MIT AND CC-BY-4.0"}, "license: {deny: [MIT]}", {"license-denied"}),
        ({"licence": "GPL-2.0-only WITH no-such-exception"}, "license", {"license-unknown"}),
        ({"licence": "CC-BY-SA-4.0"}, "license", set()),
        ({"licence": "CC-BY-SA-4.0"}, "license: {shareAlike: refuse}", {"share-alike-demanded"}),
        ({"licence": "CC-BY-SA-4.0 OR MIT"}, "license: {shareAlike: refuse}", set()),
        ({"licence": "MIT"}, "license: {training: permitted}", {"training-unstated"}),
        (
            {"license": {"expression": "MIT", "training": "permitted"}},
            "license: {training: permitted}",
            set(),
        ),
        (
            {"license": {"expression": "MIT", "derivedModelDistribution": "prohibited"}},
            "license",
            {"release-prohibited"},
        ),
        ({"obligations": [{"kind": "no-derivative-release"}]}, "license", {"release-prohibited"}),
        ({"obligations": [{"kind": "attribution"}]}, "license", set()),
        ({"obligations": [{"kind": "name your firstborn"}]}, "license", {"obligations-unreadable"}),
        (
            {"obligations": [{"kind": "share-alike"}]},
            "license: {shareAlike: refuse}",
            {"share-alike-demanded"},
        ),
    ],
)
def test_licences(record, rule, expected):
    world, model = trained({}, dict(record))
    assert found(world.judge(model, one(rule))) == expected


def test_share_alike_is_shown():
    world, model = trained({}, {"licence": "CC-BY-SA-4.0"})
    result = outcome(world.judge(model, one("license")))
    assert result.result is Result.PASS
    assert result.notes == ("faces-2014: what is derived must carry the same terms (CC-BY-SA-4.0)",)
