"""The example of a training that breaks runs, in pure Python and, where it is installed, with PyTorch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from workshop import run_example, steps

TRAINING = Path(__file__).resolve().parents[1] / "examples" / "training" / "training.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("training") / "out"
    return root, run_example(TRAINING, root)


@pytest.mark.parametrize(("name", "ending"), [("python", "json"), ("torch", "pt")])
def test_the_model_comes_from_the_data_through_the_checkpoint(run, name, ending):
    if name == "torch" and find_spec("torch") is None:
        pytest.skip("needs torch: pip install 'torch>=2.4'")
    root, out = run
    lineage = f"""\
$ attest lineage model.{ending}
model.{ending} ← finetune
├─ data/ (dataset 7177433dda31)
└─ step-200.{ending} ← train
   └─ data/ (dataset 7177433dda31) (see above)
"""
    assert lineage in out
    found = steps(root / name)
    assert [(step.kind, statement.subjects[0].name) for statement, step in found] == [
        ("train", f"step-100.{ending}"),
        ("train", f"step-200.{ending}"),
        ("finetune", f"step-300.{ending}"),
        ("finetune", f"model.{ending}"),
    ]
