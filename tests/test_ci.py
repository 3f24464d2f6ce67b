"""The scripts that run the tests, and the workflow that runs the scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = [
    ".ci/run",
    "examples/procurement/run.sh",
    "examples/quickstart/run.sh",
    "scripts/venv.sh",
    "tests/run.sh",
]
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text()


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_bash_that_stops_at_errors(script):
    assert (ROOT / script).stat().st_mode & 0o111
    assert "\nset -euo pipefail\n" in (ROOT / script).read_text()
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    "words", [(".ci/run", "--ful"), ("scripts/venv.sh", "test"), ("scripts/venv.sh", "--groups", "test")]
)
def test_a_wrong_word_installs_nothing(words, tmp_path):
    done = subprocess.run(
        ["bash", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ATTEST_VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_python_that_is_new_enough_is_said(tmp_path):
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("bash", "dirname", "env"):
        (old / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [old / "bash", "scripts/venv.sh"],
        cwd=ROOT,
        env={"PATH": str(old), "ATTEST_VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_there_is_one_command_for_the_tests():
    assert "bash tests/run.sh" in (ROOT / ".ci/run").read_text()
    assert "\n$ bash tests/run.sh\n" in (ROOT / "README.md").read_text()
    assert ".ci/run" in WORKFLOW
    assert "pytest" not in WORKFLOW


def test_the_workflow_pins_what_it_runs_and_may_do_nothing_by_default():
    actions = re.findall(r"uses: *(\S+)", WORKFLOW)
    assert actions
    assert [each for each in actions if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []
    assert "\npermissions: {}\n" in WORKFLOW
