"""Where a step runs: host, interpreter and its packages, accelerators, and the continuous integration job.

Everything here is a fact the recorder states and nobody proves. Names of users and hosts are never read, nor
the values of environment variables, except those in which a CI system names its own job.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from attest.secrets import strip_user_info

__all__ = [
    "Job",
    "accelerators",
    "find_job",
    "host",
    "interpreter_of",
    "machine_facts",
    "packages",
    "python_facts",
]

_ASK_SECONDS = 60
"""How long another interpreter may take to list its packages."""
_SMI_SECONDS = 10
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*[tdw]?(?:\.exe)?", re.IGNORECASE)

# run by the interpreter of the command; the current folder must not lend it modules
_ASK = """
import sys
sys.path = [entry for entry in sys.path if entry]
import json, platform
found = []
try:
    from importlib.metadata import distributions
    for each in distributions():
        try:
            found.append([each.metadata["Name"], each.version])
        except Exception:
            pass
except Exception:
    found = None
print(json.dumps([platform.python_implementation(), platform.python_version(), found]))
"""


def host() -> dict[str, Any]:
    """Return operating system, machine and number of processors; neither host nor user name."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }


def packages() -> list[str]:
    """Return the packages this interpreter has installed, as ``name==version``, sorted."""
    from importlib.metadata import distributions

    found = []
    for each in distributions():
        with suppress(KeyError, OSError, TypeError, ValueError):  # one damaged installation hides no other
            found.append([each.metadata["Name"], each.version])
    return _listed(found)


def _listed(found: Sequence[Any]) -> list[str]:
    """Sort pairs of name and version; a damaged installation lacks one of them."""
    names = {
        f"{each[0]}=={each[1]}"
        for each in found
        if isinstance(each, (list, tuple)) and len(each) == 2 and all(isinstance(part, str) for part in each)
    }
    return sorted(names, key=lambda name: (name.casefold(), name))


def interpreter_of(command: Sequence[str]) -> str | None:
    """Return the path of the Python interpreter that a command starts, or ``None``.

    That is the command itself, or the interpreter named in the first line of a script, as console scripts
    have it (``torchrun``, ``accelerate``). What a shell script starts in turn is not known.
    """
    found = shutil.which(command[0]) if command else None
    if found is None:
        return None
    if _PYTHON.fullmatch(Path(found).name):
        return found
    try:
        with Path(found).open("rb") as stream:
            first = stream.read(4096).split(b"\n", 1)[0]
    except OSError:
        return None
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    if not words or not _PYTHON.fullmatch(Path(words[0]).name):
        return None
    return shutil.which(words[0])


def python_facts(executable: str | None = None) -> dict[str, Any]:
    """Return implementation, version and packages of an interpreter.

    Args:
        executable: its path; ``None`` is the one that runs this. Another one is asked, for a minute at most;
            of one that does not answer only that is said.
    """
    # not the real path: an interpreter of a virtual environment is a link, and its packages are its own
    if executable is None or Path(executable).absolute() == Path(sys.executable).absolute():
        return {
            "implementation": platform.python_implementation(),
            "version": platform.python_version(),
            "packages": packages(),
        }
    said = _output([executable, "-c", _ASK], _ASK_SECONDS)
    try:
        implementation, version, found = json.loads((said or "").strip().rpartition("\n")[2])
    except (ValueError, TypeError):
        return {"implementation": "unknown", "version": "unknown"}
    facts: dict[str, Any] = {"implementation": str(implementation), "version": str(version)}
    if isinstance(found, list):
        facts["packages"] = _listed(found)
    return facts


def accelerators() -> list[dict[str, str]]:
    """Return name and driver of every NVIDIA GPU that ``nvidia-smi`` tells of; none without that program."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    said = _output([program, "--query-gpu=name,driver_version", "--format=csv,noheader"], _SMI_SECONDS)
    rows = [[cell.strip() for cell in line.split(",")] for line in (said or "").splitlines()]
    return [{"name": row[0], "driver": row[1]} for row in rows if len(row) == 2 and all(row)]


def machine_facts(command: Sequence[str] | None = None) -> dict[str, Any]:
    """Return all facts about where a step runs.

    Args:
        command: what runs the step; the packages of the interpreter it starts are recorded, and those of this
            one beside them if they differ. ``None``: this interpreter runs the step.
    """
    here = python_facts()
    facts = {"host": host(), "python": python_facts(interpreter_of(command)) if command else here}
    if facts["python"] != here:
        facts["recorder"] = here
    return {**facts, **({"accelerators": found} if (found := accelerators()) else {})}


def _output(command: Sequence[str], seconds: float) -> str | None:
    """Return what a program prints, or ``None`` if it fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the user's own machine
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


@dataclass(frozen=True)
class Job:
    """A job of a continuous integration system, as the job itself says."""

    provider: str
    invocation_id: str | None = None
    """URL of the run."""
    builder_id: str | None = None
    """URI of the workflow, where the system names one that a signer's certificate would name, too."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Repository, revision and trigger."""

    def to_json(self) -> dict[str, Any]:
        """Return the facts with the provider's name."""
        return {"provider": self.provider, **self.facts}


def _facts(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {
        name: strip_user_info(environ[variable]) for name, variable in names.items() if environ.get(variable)
    }


def _github(environ: Mapping[str, str]) -> Job | None:
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    workflow, run = environ.get("GITHUB_WORKFLOW_REF"), environ.get("GITHUB_RUN_ID")
    repository, attempt = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ATTEMPT", "1")
    names = {
        "repository": "GITHUB_REPOSITORY",
        "ref": "GITHUB_REF",
        "commit": "GITHUB_SHA",
        "workflow": "GITHUB_WORKFLOW_REF",
        "workflowCommit": "GITHUB_WORKFLOW_SHA",
        "event": "GITHUB_EVENT_NAME",
        "runner": "RUNNER_ENVIRONMENT",
    }
    return Job(
        "github-actions",
        f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}" if repository and run else None,
        f"{server}/{workflow}" if workflow else None,
        _facts(environ, names),
    )


def _gitlab(environ: Mapping[str, str]) -> Job | None:
    if environ.get("GITLAB_CI") != "true":
        return None
    project, file = environ.get("CI_PROJECT_URL"), environ.get("CI_CONFIG_PATH", ".gitlab-ci.yml")
    tag, branch = environ.get("CI_COMMIT_TAG"), environ.get("CI_COMMIT_BRANCH")
    ref = f"refs/tags/{tag}" if tag else f"refs/heads/{branch}" if branch else None
    names = {
        "repository": "CI_PROJECT_PATH",
        "commit": "CI_COMMIT_SHA",
        "event": "CI_PIPELINE_SOURCE",
        "runner": "CI_RUNNER_ID",
    }
    facts = {**_facts(environ, names), **({"ref": ref} if ref else {})}
    # as the certificate of a GitLab job spells it (ci_config_ref_uri)
    builder = (
        f"{project}//{file}@{ref}" if project and ref and "://" not in file and "@" not in file else None
    )
    return Job("gitlab-ci", environ.get("CI_JOB_URL"), builder, facts)


# provider → the variable that tells, the URL of the run, the revision
_OTHERS = {
    "buildkite": ("BUILDKITE", "BUILDKITE_BUILD_URL", "BUILDKITE_COMMIT"),
    "circleci": ("CIRCLECI", "CIRCLE_BUILD_URL", "CIRCLE_SHA1"),
    "jenkins": ("JENKINS_URL", "BUILD_URL", "GIT_COMMIT"),
    "azure-pipelines": ("TF_BUILD", "SYSTEM_JOBID", "BUILD_SOURCEVERSION"),
    "bitbucket-pipelines": ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_PIPELINE_UUID", "BITBUCKET_COMMIT"),
    "unknown": ("CI", "", ""),
}


def _other(environ: Mapping[str, str]) -> Job | None:
    for provider, (tell, run, commit) in _OTHERS.items():
        if environ.get(tell, "").lower() not in {"", "0", "false"}:
            return Job(provider, environ.get(run) or None, None, _facts(environ, {"commit": commit}))
    return None


def find_job(environ: Mapping[str, str]) -> Job | None:
    """Return the CI job that these environment variables describe, or ``None`` outside of one."""
    found = _github(environ) or _gitlab(environ) or _other(environ)
    if found is None:
        return None
    run, builder = (each and strip_user_info(each) for each in (found.invocation_id, found.builder_id))
    return replace(found, invocation_id=run, builder_id=builder)
