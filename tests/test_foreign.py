"""What others signed joins the chain by digest: SLSA provenance of build types that are not ours."""

from __future__ import annotations

import json

import pytest
from keyless_instance import ISSUER, REPOSITORY, WORKFLOW, Instance
from vendor import attest
from world import BUILDER, World, codes, descriptor, good_world, signer

from attest.bundle import write_lines
from attest.digest import sha256_bytes
from attest.resource import ResourceDescriptor
from attest.statement import Statement
from attest.verdict import Verdict

GITHUB = "https://actions.github.io/buildtypes/workflow/v1"
OTHER = "https://ci.example/build/v3"
SLSA = "https://slsa.dev/provenance/v1"
COMMIT = {
    "uri": "git+https://github.com/acme/vision@refs/tags/v1",
    "digest": {"gitCommit": "ebff8dfbd609b7b22237c7719ce07f2dc7934f5f"},
}


def github(sha256: str, name: str = "model.safetensors") -> Statement:
    """What actions/attest-build-provenance signs about a file."""
    predicate = {
        "buildDefinition": {
            "buildType": GITHUB,
            "externalParameters": {
                "workflow": {
                    "ref": "refs/tags/v1",
                    "repository": REPOSITORY,
                    "path": ".github/workflows/train.yml",
                }
            },
            "internalParameters": {
                "github": {"event_name": "push", "repository_id": "7", "runner_environment": "github-hosted"}
            },
            "resolvedDependencies": [COMMIT],
        },
        "runDetails": {
            "builder": {"id": WORKFLOW},
            "metadata": {"invocationId": f"{REPOSITORY}/actions/runs/1/attempts/1"},
        },
    }
    return Statement.build([ResourceDescriptor(name=name, digest={"sha256": sha256})], SLSA, predicate)


def trust_of(folder, instance, **more):
    root = instance.trusted_root()
    (folder / "root.json").write_bytes(root)
    runner = {"sourceRepository": REPOSITORY, "runnerEnvironment": "github-hosted"}
    value = {
        "principals": {"ci": {"sigstore": {"issuer": ISSUER, "identity": WORKFLOW, **runner, **more}}},
        "roles": {"builder": [{"principal": "ci", "builderIds": [WORKFLOW]}]},
        "roots": {"sigstore": [{"file": "root.json", "sha256": sha256_bytes(root)}]},
    }
    path = folder / "trust.yaml"
    path.write_text(json.dumps(value))
    return path


@pytest.fixture(scope="module")
def instance(tmp_path_factory) -> Instance:
    pytest.importorskip("sigstore", reason="sigstore-python is not installed: no keyless bundle is verified")
    return Instance(tmp_path_factory.mktemp("sigstore"))


POLICY = """
policy: foreign
version: 1
rules:
  - weights-match: {mode: files}
  - signed-by
  - builder-id
  - complete-lineage
"""


@pytest.fixture
def delivered(tmp_path, instance):
    """A file, GitHub's attestation of it as ``gh attestation download`` writes it, and whom we believe."""
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    sha256 = sha256_bytes(b"weights")
    bundle = tmp_path / f"sha256:{sha256}.jsonl"
    write_lines(bundle, [instance.sign(github(sha256))])
    (tmp_path / "policy.yaml").write_text(POLICY)
    return {"model": model, "bundle": bundle, "trust": trust_of(tmp_path, instance), "folder": tmp_path}


def report_of(files, capsys) -> tuple[int, dict]:
    words = [
        files["model"],
        "-b",
        files["bundle"],
        "-t",
        files["trust"],
        "-p",
        files["folder"] / "policy.yaml",
    ]
    code = attest("verify", *words, "--json")
    return code, json.loads(capsys.readouterr().out)


# GitHub's artifact attestations


def test_an_attestation_of_github_is_a_step_of_its_workflow(delivered, capsys):
    code, report = report_of(delivered, capsys)
    (row,) = report["statements"]
    assert (row["standing"], row["principals"]) == ("granted", ["ci"])
    results = {each["rule"]: each["result"] for each in report["rules"]}
    assert results["weights-match"] == "PASS"
    # a commit is no artifact: what went in is not known, and no rule over all of it passes
    assert results["signed-by"] == results["builder-id"] == results["complete-lineage"] == "UNKNOWN"
    assert (code, report["verdict"]) == (3, "INCOMPLETE")
    assert {"input-without-digest", "inputs-partial"} <= {each["code"] for each in report["findings"]}


def test_another_workflow_or_runner_is_nobody(delivered, instance, capsys):
    for condition in ({"runnerEnvironment": "self-hosted"}, {"sourceRepositoryRef": "refs/heads/main"}):
        trust_of(delivered["folder"], instance, **condition)
        code, report = report_of(delivered, capsys)
        assert report["statements"][0]["standing"] == "unverified"
        assert code in (1, 3)


def test_lineage_and_inspect_read_it(delivered, capsys):
    assert attest("inspect", delivered["bundle"]) == 0
    assert "1 bundle of 1 statement" in capsys.readouterr().out
    words = [delivered["model"], "--bundle", delivered["bundle"], "--trust", delivered["trust"]]
    assert attest("lineage", *words) == 0
    assert "model.safetensors" in capsys.readouterr().out


def test_a_name_closes_no_gap(instance, delivered, capsys):
    """The same name and another digest: it is about another file."""
    write_lines(delivered["bundle"], [instance.sign(github("a" * 64))])
    code, report = report_of(delivered, capsys)
    assert report["statements"][0]["standing"] == "granted"
    assert code == 1
    assert next(each["result"] for each in report["rules"] if each["rule"] == "weights-match") == "FAIL"


# SLSA provenance v1 of other build types


def foreign_chain(build_type=OTHER, **more):
    """dataset → (their build) → model, each input by its SHA-256 and without a role of ours."""
    world = World()
    data, model = world.dataset("digits"), world.file("model.bin")
    world.step(build_type, [descriptor(data, "digits.parquet")], [model], completeness=None, **more)
    return world, data, model


@pytest.mark.parametrize(
    "build_type", [GITHUB, OTHER, "https://slsa-framework.github.io/gcb-buildtypes/x/v1"]
)
def test_a_build_type_of_others_joins_by_sha256(build_type):
    world, data, model = foreign_chain(build_type)
    lineage = world.review(model).lineage
    assert set(lineage.ancestors) == {model, data}
    (node,) = lineage.steps
    assert (node.kind, node.evidence.granted) == ("step", ("ci",))
    assert lineage.is_dataset(data), "an input without a role of ours counts as a dataset"
    judged = world.judge(model)
    assert judged.verdict is Verdict.INCOMPLETE
    assert "complete-lineage/inputs-partial" in codes(judged), "it never said that this is all"


def test_an_input_nobody_explains_is_a_gap_whatever_its_builder_calls_it():
    world, _, model = foreign_chain()
    hidden = world.file("scraped.zip")
    world.step(OTHER, [descriptor(hidden, "requirements.txt")], [model], completeness=None)
    assert "complete-lineage/unknown-input" in codes(world.judge(model))


@pytest.mark.parametrize("more", [{"by": "desk"}, {"builder": f"{BUILDER}-other"}])
def test_the_role_of_a_builder_is_asked_for_as_ever(more):
    world, _, model = foreign_chain(**more)
    assert "signed-by/signer-lacks-role" in codes(world.judge(model))


def test_parameters_of_others_are_theirs_and_may_be_left_out():
    world, data, model = foreign_chain(anything={"goes": 1})
    predicate = {
        "buildDefinition": {"buildType": OTHER, "resolvedDependencies": [descriptor(data, "d")]},
        "runDetails": {"builder": {"id": BUILDER}},
    }
    world.sign("step", [descriptor(model, "model.bin")], predicate, "ci")
    assert [node.evidence.granted for node in world.review(model).lineage.steps] == [("ci",), ("ci",)]
    assert "complete-lineage/unknown-external-parameter" not in codes(world.judge(model))


def test_it_stands_in_a_chain_of_ours():
    """A base model that others built: the finetune is ours, the base is explained by their build."""
    world, data, base = foreign_chain()
    more, tuned = world.dataset("more"), world.file("tuned")
    world.step("finetune", [(base, "base-model"), (more, "dataset")], [tuned])
    assert set(world.review(tuned).lineage.ancestors) == {tuned, base, more, data}


# cosign attest-blob


def test_steps_of_statement_version_0_1_join_as_those_of_version_1():
    """cosign attest-blob --predicate writes the older version; it has the same fields."""
    world, release = good_world()
    verdict = world.judge(release)
    old = World(trust=world.trust)
    for bundle in world.bundles:
        statement = bundle.statement()
        payload = statement.payload.replace(b"Statement/v1", b"Statement/v0.1")
        is_step = statement.predicate_type == SLSA
        old.bundles.append(signer("ci").sign(Statement.parse(payload)) if is_step else bundle)
    steps = old.review(release).lineage.steps
    assert len(steps) == len(world.review(release).lineage.steps) == 4
    assert all(b"Statement/v0.1" in node.evidence.statement.payload for node in steps)
    # they are other statements, which the publisher did not list
    assert verdict.verdict is Verdict.ACCEPT
    assert {code.partition("/")[0] for code in codes(old.judge(release))} == {"contents-complete"}
