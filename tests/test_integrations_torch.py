"""Checkpoints of PyTorch: of one process, and of two that write one directory (gloo, on processors)."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import traceback
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from workshop import make_project, steps

import attest
import attest.scan
from attest.recorder import RecordingWarning
from attest.shards import rank_folder

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch: pip install 'torch>=2.4'")


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RecordingWarning)
        yield folder


def sums(folder):
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}


def test_one_process(project, reads):
    import torch
    from safetensors.torch import load_file

    from attest.integrations.torch import save, save_file

    model = torch.nn.Linear(300, 200)
    (project / "model").mkdir()
    with attest.run("train") as run:
        run.input("data", "dataset")
        run.output("model")
        reads.clear()
        save(run, model.state_dict(), "checkpoint.pt", byproduct=True, atomic=True)
        save(run, {"seen": 7}, "model/state.pt")
        save_file(run, model.state_dict(), "model/model.safetensors", {"format": "pt"})
    assert [place for place in reads if not place.endswith(".txt")] == []
    statement, step = steps(project)[0]
    assert {each.name: each.digest["sha256"] for each in statement.subjects[:-1]} == {
        f"model/{name}": sha256 for name, sha256 in sums(project / "model").items()
    }
    (checkpoint,) = step.run_details.byproducts
    assert checkpoint.digest["sha256"] == hashlib.sha256(Path("checkpoint.pt").read_bytes()).hexdigest()
    assert torch.equal(load_file("model/model.safetensors")["weight"], model.weight)
    assert torch.load("model/state.pt") == {"seen": 7}
    assert torch.load("checkpoint.pt").keys() == {"weight", "bias"}


def _rank(rank, root, store, said):
    """What one of two processes does; anything odd is handed back."""
    try:
        import torch
        from torch import distributed
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.tensor import Shard, distribute_tensor

        from attest.integrations.torch import save_sharded

        os.chdir(root)
        warnings.simplefilter("ignore")
        places = []
        really = attest.scan.Root.open
        attest.scan.Root.open = lambda self, place: places.append(place) or really(self, place)
        distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
        mesh = init_device_mesh("cpu", (2,))
        torch.manual_seed(7)
        weights = distribute_tensor(torch.randn(400, 300), mesh, [Shard(0)])
        run = attest.run("train") if rank == 0 else None
        if run is not None:
            run.input("data", "dataset")
            run.begin()
            places.clear()
        for step in (100, 200):
            save_sharded(run, {"weights": weights, "step": step}, f"checkpoints/step-{step}", step=step)
        if run is not None:
            run.output("checkpoints")
            run.finish()
            said.put(("places", places))
            said.put(("signed", len(run.checkpoints)))
        distributed.barrier()
        distributed.destroy_process_group()
    except BaseException:
        said.put((f"rank {rank}", traceback.format_exc()))
        raise


@pytest.mark.slow
def test_two_ranks_and_one_statement_for_each_checkpoint(project, tmp_path):
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available():
        pytest.skip("needs a torch that can do torch.distributed")
    (project / "checkpoints").mkdir()
    context = multiprocessing.get_context("spawn")
    said = context.Queue()
    ranks = [
        context.Process(target=_rank, args=(rank, project, tmp_path / "store", said)) for rank in range(2)
    ]
    for each in ranks:
        each.start()
    for each in ranks:
        each.join(120)
    told = {}
    while not said.empty():
        name, value = said.get()
        told[name] = value
    assert [each.exitcode for each in ranks] == [0, 0], told
    assert told["signed"] == 2
    # each rank has digested its own; rank 0 reads what was renamed
    read = {Path(place).name for place in told["places"] if not place.endswith(".txt")}
    assert read == {".metadata"}
    found = steps(project)
    assert len(found) == 3
    for step, (statement, _) in zip((100, 200), found[:2], strict=True):
        folder = project / "checkpoints" / f"step-{step}"
        assert {each.name: each.digest["sha256"] for each in statement.subjects[:-1]} == {
            f"step-{step}/{name}": sha256 for name, sha256 in sums(folder).items()
        }
        assert sorted(each.name for each in (project / "checkpoints").iterdir()) == ["step-100", "step-200"]
        assert {"__0_0.distcp", "__1_0.distcp", ".metadata"} <= set(sums(folder))
        internal = statement.predicate["buildDefinition"]["internalParameters"]
        assert internal["intermediateCheckpoint"] == {"step": step}
        assert internal["shards"][f"step-{step}"] == {"ranks": 2, "files": 2, "readAgain": 0}


def test_where_no_digests_can_be_left_it_is_told_and_saved(project, monkeypatch):
    from torch import distributed
    from torch.distributed import checkpoint

    from attest.integrations.torch import save_sharded

    monkeypatch.setattr(distributed, "get_world_size", lambda _: 1)
    monkeypatch.setattr(distributed, "get_rank", lambda _: 0)
    monkeypatch.setattr(checkpoint, "save", lambda state, **_: saved.append(state))
    saved = []
    rank_folder("c").write_text("in the way")
    with pytest.warns(RecordingWarning, match="the checkpoint c is not recorded: .*cannot be removed"):
        save_sharded(None, {"a": 1}, "c")
    assert saved == [{"a": 1}]
