"""Facts about host, interpreter and CI job: true ones, none of a user or a host, none that can hang."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import socket
import stat
import subprocess
import sys
from importlib.metadata import version

import pytest

from attest import environment
from attest.environment import (
    accelerators,
    find_job,
    host,
    interpreter_of,
    machine_facts,
    packages,
    python_facts,
)

posix = pytest.mark.skipif(os.name != "posix", reason="scripts with a first line are a POSIX thing")


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def other_python(tmp_path_factory):
    """An interpreter of a virtual environment with one package of its own."""
    folder = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = next((folder / "venv").glob("lib/python*/site-packages"))
    for name, found in (("only-there", "1.5"), ("damaged", None)):
        info = site / f"{name}-1.5.dist-info"
        info.mkdir()
        lines = [f"Name: {name}"] if name != "damaged" else []
        (info / "METADATA").write_text(
            "\n".join(["Metadata-Version: 2.1", *lines, f"Version: {found}"]) + "\n\n"
        )
    return folder / "venv" / "bin" / "python"


def test_the_host_is_described_without_its_name():
    facts = host()
    assert facts["system"] == platform.system()
    assert facts["cpus"] == os.cpu_count()
    assert socket.gethostname() not in facts.values()
    with contextlib.suppress(KeyError, OSError):  # a number without a name
        assert getpass.getuser() not in facts.values()


def test_packages_of_this_interpreter():
    found = packages()
    assert f"click=={version('click')}" in found
    assert found == sorted(set(found), key=lambda name: (name.casefold(), name))


def test_this_interpreter_is_not_asked(monkeypatch):
    monkeypatch.setattr(environment, "_output", lambda *_: pytest.fail("asked"))
    assert python_facts() == python_facts(sys.executable)
    assert python_facts()["version"] == platform.python_version()


@posix
def test_another_interpreter_is_asked(other_python):
    facts = python_facts(str(other_python))
    assert facts == {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "packages": ["only-there==1.5"],
    }


@posix
def test_the_current_folder_lends_the_other_interpreter_no_module(other_python, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('taken')")
    (tmp_path / "platform.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    assert python_facts(str(other_python))["packages"] == ["only-there==1.5"]


@posix
@pytest.mark.parametrize(
    "text", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho no json\n", "#!/bin/sh\necho '[1]'\n"]
)
def test_an_interpreter_that_does_not_answer_is_unknown(tmp_path, text):
    odd = script(tmp_path / "python3", text)
    assert python_facts(str(odd)) == {"implementation": "unknown", "version": "unknown"}


@posix
def test_an_interpreter_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "_ASK_SECONDS", 0.2)
    odd = script(tmp_path / "python3", "#!/bin/sh\nexec sleep 60\n")
    assert python_facts(str(odd))["version"] == "unknown"


@posix
def test_the_interpreter_of_a_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    python = script(tmp_path / "python3.11", "")
    script(tmp_path / "torchrun", f"#!{python}\nimport x\n")
    script(tmp_path / "envrun", "#!/usr/bin/env -S python3.11 -u\nimport x\n")
    script(tmp_path / "shell", "#!/bin/sh\npython3.11 x\n")
    script(tmp_path / "gone", "#!/nowhere/python3\n")
    (tmp_path / "binary").write_bytes(b"\x7fELF\xff\n")
    (tmp_path / "binary").chmod(0o755)
    expected = {
        "python3.11": str(python),
        str(python): str(python),
        "torchrun": str(python),
        "envrun": str(python),
        "shell": None,
        "gone": None,
        "binary": None,
        "no-such-program": None,
    }
    assert {name: interpreter_of([name, "x"]) for name in expected} == expected
    assert interpreter_of([]) is None


@posix
def test_packages_of_the_command_stand_beside_those_of_the_recorder(other_python):
    facts = machine_facts([str(other_python), "train.py"])
    assert facts["python"]["packages"] == ["only-there==1.5"]
    assert facts["recorder"] == python_facts()
    assert "recorder" not in machine_facts(["sh", "x"])
    assert machine_facts()["python"] == python_facts()


@posix
def test_gpus_are_told_by_nvidia_smi(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert accelerators() == []
    assert "accelerators" not in machine_facts()
    smi = script(tmp_path / "nvidia-smi", "#!/bin/sh\necho 'NVIDIA A100, 550.54'\necho 'odd line'\n")
    assert accelerators() == [{"name": "NVIDIA A100", "driver": "550.54"}]
    assert machine_facts()["accelerators"] == accelerators()
    script(smi, "#!/bin/sh\necho 'NVIDIA A100, 550.54'\nexit 9\n")
    assert accelerators() == []
    smi.chmod(stat.S_IRUSR)
    assert accelerators() == []


GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/vision",
    "GITHUB_WORKFLOW_REF": "acme/vision/.github/workflows/train.yml@refs/tags/v3",
    "GITHUB_RUN_ID": "123",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SHA": "0f" * 20,
    "GITHUB_TOKEN": "not to be recorded",
}


def test_a_github_job():
    job = find_job(GITHUB)
    assert job.builder_id == "https://github.com/acme/vision/.github/workflows/train.yml@refs/tags/v3"
    assert job.invocation_id == "https://github.com/acme/vision/actions/runs/123/attempts/2"
    assert job.to_json() == {
        "provider": "github-actions",
        "repository": "acme/vision",
        "commit": "0f" * 20,
        "workflow": "acme/vision/.github/workflows/train.yml@refs/tags/v3",
    }


GITLAB = {
    "GITLAB_CI": "true",
    "CI": "true",
    "CI_PROJECT_URL": "https://gitlab.example/acme/vision",
    "CI_PROJECT_PATH": "acme/vision",
    "CI_COMMIT_BRANCH": "main",
    "CI_JOB_URL": "https://gitlab.example/acme/vision/-/jobs/9",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:secret@gitlab.example/acme/vision.git",
}


def test_a_gitlab_job():
    job = find_job(GITLAB)
    assert job.builder_id == "https://gitlab.example/acme/vision//.gitlab-ci.yml@refs/heads/main"
    assert job.invocation_id == "https://gitlab.example/acme/vision/-/jobs/9"
    assert "secret" not in json.dumps(job.to_json())
    tagged = find_job({**GITLAB, "CI_COMMIT_TAG": "v1"})
    assert tagged.builder_id.endswith("//.gitlab-ci.yml@refs/tags/v1")
    assert find_job({**GITLAB, "CI_CONFIG_PATH": "ci.yml@other/project"}).builder_id is None


@pytest.mark.parametrize(
    ("environ", "provider", "run"),
    [
        ({"BUILDKITE": "true", "BUILDKITE_BUILD_URL": "https://b/1"}, "buildkite", "https://b/1"),
        ({"CIRCLECI": "true", "CIRCLE_BUILD_URL": "https://c/1"}, "circleci", "https://c/1"),
        ({"JENKINS_URL": "https://j", "BUILD_URL": "https://u:p@j/1"}, "jenkins", "https://j/1"),
        ({"CI": "1"}, "unknown", None),
    ],
)
def test_other_jobs_name_no_builder(environ, provider, run):
    job = find_job(environ)
    assert (job.provider, job.invocation_id, job.builder_id) == (provider, run, None)


@pytest.mark.parametrize("environ", [{}, {"CI": "false"}, {"CI": ""}, {"GITHUB_ACTIONS": "false"}])
def test_outside_of_a_job_there_is_none(environ):
    assert find_job(environ) is None


def test_a_job_that_says_little_is_still_one():
    assert find_job({"GITHUB_ACTIONS": "true"}).to_json() == {"provider": "github-actions"}
    assert find_job({"GITLAB_CI": "true"}).builder_id is None
