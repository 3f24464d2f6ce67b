"""The templates for CI: valid by the schemas others publish, pinned, and doing what they say when run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import attest
from attest.bundle import Bundle, read_lines
from attest.keys import PublicKey
from attest.signers.file import generate_key
from attest.verifiers.key import verify

FOLDER = Path(__file__).parents[1] / "examples/ci"
ACTION, WORKFLOW = FOLDER / "github/action.yml", FOLDER / "github/workflow.yml"
TEMPLATE, PIPELINE = FOLDER / "gitlab/template.yml", FOLDER / "gitlab/pipeline.yml"


def check(schema, path):
    """Let check-jsonschema judge a file by a schema it brings along."""
    pytest.importorskip("check_jsonschema")
    words = ("-m", "check_jsonschema", "--builtin-schema", schema, str(path))
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def filled(values):
    """The job of GitLab's template with inputs in it, put into the text as GitLab does it."""
    spec, body = TEMPLATE.read_text().split("\n---\n")
    inputs = yaml.safe_load(spec)["spec"]["inputs"]
    given = {name: about["default"] for name, about in inputs.items() if "default" in about} | values
    assert given.keys() == inputs.keys()

    def text(match):
        value = given[match[1]]
        return value if isinstance(value, str) else json.dumps(value)

    return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", text, body)


GIVEN = {"command": "true", "options": "--kind train"}


# ── by the schemas ──


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", ACTION),
        ("vendor.github-workflows", WORKFLOW),
        ("vendor.gitlab-ci", PIPELINE),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_what_is_copied_is_valid(schema, path):
    status, said = check(schema, path)
    assert status == 0, said


def test_the_component_is_valid_before_and_after_its_inputs(tmp_path):
    (tmp_path / "spec.yml").write_text(TEMPLATE.read_text().split("\n---\n")[0])
    (tmp_path / "job.yml").write_text(filled(GIVEN))
    for name in ("spec.yml", "job.yml"):
        status, said = check("vendor.gitlab-ci", tmp_path / name)
        assert status == 0, said


def test_the_schemas_are_really_asked(tmp_path):
    broken = ACTION.read_text().replace("using: composite", "using: magic")
    (tmp_path / "action.yml").write_text(broken)
    assert check("vendor.github-actions", tmp_path / "action.yml")[0] == 1
    (tmp_path / "job.yml").write_text(filled(GIVEN).replace("aud: sigstore", "audience: sigstore"))
    assert check("vendor.gitlab-ci", tmp_path / "job.yml")[0] == 1


def test_the_example_pipeline_gives_inputs_the_component_has():
    (include,) = yaml.safe_load(PIPELINE.read_text())["include"]
    job = yaml.safe_load(filled(include["inputs"]))["train"]
    assert job["artifacts"]["paths"][0] == "model"
    assert job["variables"]["PUBLISH"]["value"] == "true"


def test_the_example_workflow_gives_inputs_the_action_has():
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["train"]["steps"]
    (use,) = [step["with"] for step in steps if step["uses"].startswith("./")]
    assert use.keys() <= inputs.keys()
    assert {name for name, about in inputs.items() if about.get("required")} <= use.keys()


# ── what a reviewer would ask ──


@pytest.mark.parametrize("path", [ACTION, TEMPLATE], ids=lambda path: path.name)
def test_why_the_job_may_ask_for_a_token_is_explained(path):
    said = " ".join(path.read_text().replace("#", " ").split())
    for word in ("id-token: write", "a few minutes", "no long-lived key exists anywhere"):
        assert word in said


def test_permissions_are_no_more_than_it_takes():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["train"]["permissions"] == {"contents": "read", "id-token": "write"}


def test_what_others_made_is_pinned():
    uses = re.findall(r"uses: *(\S+)", WORKFLOW.read_text() + ACTION.read_text())
    others = [each for each in uses if not each.startswith("./")]
    assert [each for each in others if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []
    assert others


def test_inputs_are_never_code():
    """An input in the text of a script would be run as part of it."""
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        assert "${{" not in step["run"]
    for line in yaml.safe_load(filled(GIVEN))["attest"]["script"]:
        assert "$[[" not in line
    assert not re.search(r"script:[^:]*\$\[\[", TEMPLATE.read_text())


def test_nothing_becomes_public_unasked():
    assert yaml.safe_load(ACTION.read_text())["inputs"]["publish"]["default"] == "false"
    spec = yaml.safe_load(TEMPLATE.read_text().split("\n---\n")[0])
    assert spec["spec"]["inputs"]["publish"]["default"] is False


def test_they_install_this_version():
    for path in (ACTION, TEMPLATE):
        assert f"attest-provenance[sigstore]=={attest.__version__}\n" in path.read_text()


# ── run ──


@pytest.fixture
def checkout(tmp_path):
    """A repository with data, a key outside it, and attest installed where the templates put it."""
    repository = tmp_path / "my repository"
    repository.mkdir()
    (repository / "my data").write_text("1")
    generate_key(tmp_path / "key")
    for name in ("attest-environment", "github-temporary"):
        (tmp_path / name).mkdir()
    program = tmp_path / "attest-environment/bin/attest"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m attest "$@"\n')
    program.chmod(0o755)
    return repository


OPTIONS = "--kind transform --dataset 'my data' --output out --param \"note=it's $HOME\""
COMMAND = """printf "it's %s" "$(cat 'my data')" >out"""


def github(checkout, **given):
    """Run the action's steps as GitHub does; return status, outputs and what was said."""
    action = yaml.safe_load(ACTION.read_text())
    inputs = {name: about.get("default", "") for name, about in action["inputs"].items()} | given
    top = checkout.parent
    (top / "output").write_text("")
    environ = {**os.environ, "RUNNER_TEMP": str(top), "GITHUB_OUTPUT": str(top / "output")}
    said = ""
    for step in action["runs"]["steps"]:
        values = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], value)
            for name, value in step["env"].items()
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=checkout,
            env={**environ, **values},
            capture_output=True,
            text=True,
            check=False,
        )
        said += done.stdout + done.stderr
        if done.returncode:
            break
    lines = (top / "output").read_text().splitlines()
    return done.returncode, dict(line.split("=", 1) for line in lines), said


def gitlab(checkout, **given):
    """Run the component's script as GitLab does, with attest installed already."""
    job = yaml.safe_load(filled(given))["attest"]
    top = checkout.parent
    script = "\n".join(job["script"]).replace("/tmp/", f"{top}/")  # noqa: S108 - the runner's own, in its container
    variables = {name: about["value"] for name, about in job["variables"].items()}
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=checkout,
        env={**os.environ, "CI_JOB_ID": "7", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def signed(checkout, name="provenance.intoto.jsonl"):
    """The bundles it wrote, verified."""
    public = PublicKey.from_pem((checkout.parent / "key.pub").read_bytes(), "key.pub")
    found = list(read_lines(checkout / name))
    for bundle in found:
        assert isinstance(bundle, Bundle)
        verify(bundle, public)
    return [bundle.statement() for bundle in found]


def test_the_action_runs_and_signs(checkout):
    status, outputs, said = github(
        checkout, options=OPTIONS, command=COMMAND, signer=f"file:{checkout.parent}/key"
    )
    assert status == 0, said
    (statement,) = signed(checkout)
    assert (checkout / "out").read_text() == "it's 1"
    assert outputs == {
        "statement": f"sha256:{statement.digest}",
        "pending": "false",
        "bundle": "provenance.intoto.jsonl",
    }
    parameters = statement.predicate["buildDefinition"]["externalParameters"]["hyperparameters"]
    assert parameters == {"note": "it's $HOME"}


def test_the_action_twice_in_one_job_hands_over_both(checkout):
    signer = f"file:{checkout.parent}/key"
    first = "--kind transform --dataset 'my data' --output one"
    second = "--kind transform --dataset one --output two --require-known-inputs"
    for options, command in ((first, "echo 2 >one"), (second, "echo 3 >two")):
        status, _, said = github(checkout, options=options, command=command, signer=signer)
        assert status == 0, said
    assert len(signed(checkout)) == 2


def test_a_command_that_fails_fails_the_job(checkout):
    given = {"options": OPTIONS, "command": "false; true", "signer": f"file:{checkout.parent}/key"}
    status, outputs, said = github(checkout, **given)
    assert (status, outputs) == (1, {}), said
    assert gitlab(checkout, **{**given, "command": "exit 3"})[0] == 3
    assert not (checkout / "provenance.intoto.jsonl").exists()


DOWN = {"timestamp": "http://127.0.0.1:9/"}


def test_a_signature_that_has_to_wait(checkout):
    given = {"options": OPTIONS, "command": COMMAND, "signer": f"file:{checkout.parent}/key", **DOWN}
    status, outputs, said = github(checkout, **given)
    assert (status, outputs["pending"], outputs["statement"]) == (0, "true", ""), said
    assert "::warning title=attest::" in said
    assert len(list((checkout / ".attest/spool").glob("*.json"))) == 1
    (checkout / "out").unlink()
    status, outputs, said = github(checkout, **given, **{"require-signature": "true"})
    assert (status, outputs) == (75, {}), said


def test_the_passphrase_reaches_attest_and_not_the_command(checkout):
    phrase = "correct horse"
    generate_key(checkout.parent / "locked", passphrase=phrase.encode())
    status, _, said = github(
        checkout,
        options="--kind transform --dataset 'my data' --output out",
        command='printf %s "${ATTEST_PASSPHRASE-nothing}" >out',
        signer=f"file:{checkout.parent}/locked",
        passphrase=phrase,
    )
    assert status == 0, said
    assert (checkout / "out").read_text() == "nothing"


def test_an_input_that_would_like_to_be_code(checkout):
    for given in (
        {"options": "--kind transform $(touch hacked) `touch hacked` ; touch hacked"},
        {"options": OPTIONS, "signer": "$(touch hacked)"},
        {"options": OPTIONS, "bundle": "$(touch hacked)", "signer": f"file:{checkout.parent}/key"},
    ):
        github(checkout, command="cp 'my data' out", **given)
        gitlab(checkout, command="cp 'my data' out", **given)
    assert not (checkout / "hacked").exists()


def test_the_component_runs_and_signs(checkout):
    status, said = gitlab(checkout, options=OPTIONS, command=COMMAND, signer=f"file:{checkout.parent}/key")
    assert status == 0, said
    assert len(signed(checkout)) == 1
    assert (checkout / "out").read_text() == "it's 1"


def test_the_component_passes_with_a_warning_where_a_signature_has_to_wait(checkout):
    status, said = gitlab(
        checkout, options=OPTIONS, command=COMMAND, signer=f"file:{checkout.parent}/key", **DOWN
    )
    job = yaml.safe_load(filled(GIVEN))["attest"]
    assert status == job["allow_failure"]["exit_codes"], said
    assert ".attest/spool" in job["artifacts"]["paths"]
    assert len(list((checkout / ".attest/spool").glob("*.json"))) == 1
