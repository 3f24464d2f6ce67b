"""The example of the README runs, end to end, and its six attacks are refused for their own reasons."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from workshop import run_example

QUICKSTART = Path(__file__).resolve().parents[1] / "examples" / "quickstart" / "quickstart.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, str]:
    pytest.importorskip("sklearn", reason="the example extra is not installed: pip install '.[example]'")
    root = tmp_path_factory.mktemp("quickstart") / "out"
    return root, run_example(QUICKSTART, root)


def test_ends_by_naming_the_report(run):
    root, out = run
    last = out.rstrip().splitlines()[-1]
    assert last == f"The buyer's report: {root / 'buyer' / 'report.html'}"
    assert "Accepted" in (root / "buyer" / "report.html").read_text()


def test_the_buyer_accepts(run):
    _, out = run
    assert "VERDICT  ACCEPT  digits-int8" in out


@pytest.mark.parametrize(
    ("attack", "verdict", "reason"),
    [
        ("flipped weight", "REJECT", "weights-differ"),
        ("removed line", "REJECT", "statement-missing"),
        ("strangers statement", "REJECT", "signed-by-stranger"),
        ("swapped dataset", "INCOMPLETE", "unknown-input"),
        ("older contents", "REJECT", "contents-superseded"),
        ("undeclared input", "NOT STARTED", "--require-known-inputs"),
    ],
)
def test_each_attack_is_refused_for_its_own_reason(run, attack, verdict, reason):
    line = next(line for line in run[1].splitlines() if line.strip().startswith(attack))
    assert verdict in line
    assert reason in line


def test_the_buyers_folder_needs_nothing_of_the_vendors(run, tmp_path):
    """Only the delivered files, bundle, register, keys, trust and policy, somewhere else."""
    import shutil

    buyer = tmp_path / "elsewhere"
    shutil.copytree(run[0] / "buyer", buyer)
    (buyer / "trust.memory.json").unlink()
    words = [
        "verify",
        "digits-int8",
        "-b",
        "digits-int8.intoto.jsonl",
        "--register",
        "register.jsonl",
        "-t",
        "trust.yaml",
        "-p",
        "policy.yaml",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "attest", *words], cwd=buyer, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["chain"]["steps"] == 5
    assert [each["name"] for each in report["datasets"]] == ["uci-handwritten-digits"]


def test_coreutils_recheck_the_dataset(run):
    root, _ = run
    done = subprocess.run(
        [sys.executable, "-m", "attest", "digest", "digits", "--manifest", "../digits.manifest"],
        cwd=root / "vendor",
        capture_output=True,
        text=True,
        check=True,
    )
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "../../digits.manifest"],
        cwd=root / "vendor" / "digits",
        check=True,
    )
    listed = subprocess.run(
        ["sha256sum", str(root / "digits.manifest")], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split()[0] == done.stdout.split()[0]
