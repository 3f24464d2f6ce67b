"""A small pipeline on disk for tests: a project with a key and a store, data, a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attest.cli import main
from attest.predicate import read_predicate
from attest.settings import find_settings
from attest.signers.file import generate_key
from attest.store import open_store

CARD = """\
dataset: {name: digits, version: "1"}
issuer: {legalName: Example Data GmbH}
acquisition: {channel: public-dataset, relatedParty: no}
personalData: {presence: no, biometric: no, children: no, specialCategory: no}
rights:
  license: {expression: CC-BY-4.0}
  prohibitedPurposes: []
"""


def make_project(root: Path, *, passphrase: bytes | None = None, settings: str = "") -> Path:
    """A project as `attest init --key` makes one, with data in it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "attest.yaml").write_text(f"signer: file:keys/attest.key\n{settings}")
    (root / "keys").mkdir()
    generate_key(root / "keys" / "attest.key", passphrase=passphrase)
    open_store(str(root / ".attest" / "store.db"), create=True).close()
    fill(root / "data", a="1", b="2")
    (root / "card.yaml").write_text(CARD)
    return root


def fill(folder: Path, **files: str) -> Path:
    """Write files named NAME.txt into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def model(folder: Path, weights: str = "w") -> Path:
    """Write what a training run writes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(weights)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "config.json").write_text("{}")
    return folder


def attest(capfd, *words, code: int = 0):
    """Run a command, hold its exit code, and return what it printed to both streams."""
    with pytest.raises(SystemExit) as ended:
        main([os.fspath(word) for word in words])
    captured = capfd.readouterr()
    assert ended.value.code == code, captured.err
    return captured.out, captured.err


def statements(root: Path):
    """All statements in a project's store, in the order they came in."""
    with find_settings(root).open_store(read_only=True) as store:
        return [bundle.statement() for bundle in store.bundles()]


def steps(root: Path):
    """Statements and predicates of all steps in a project's store."""
    found = [each for each in statements(root) if each.predicate_type == "https://slsa.dev/provenance/v1"]
    return [(each, read_predicate(each)) for each in found]


def manifests(root: Path):
    with find_settings(root).open_store(read_only=True) as store:
        return set(store.manifests())


def run_example(script: Path, root: Path) -> str:
    """Run an example into a folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(script), str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
