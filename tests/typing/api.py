"""The public interface as a user writes it; checked by mypy (tests/test_typing.py), never run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attest
from attest.errors import RecordingError, SpooledError
from attest.integrations.torch import save
from attest.recorder import Recorded, Recorder
from attest.resource import Artifact
from attest.shards import ShardDigests, Shards
from attest.tee import OutputFile


def train(data: Path, epochs: int) -> str:
    with attest.run("train", seed=7, exclude=["*.tmp"], environment=("CUDA_VISIBLE_DEVICES",)) as run:
        run.input(data, "dataset", uri="https://data.example/faces")
        run.input("configs/train.yaml", role="config")
        run.parameter("epochs", epochs)
        run.secret("api_key")
        run.counts(into=100, removed=3)
        run.output("model", name="weights")
        run.byproduct(Path("train.log"))
        with run.open_output(data / "weights", atomic=True, fsync=True) as file:
            count: int = file.write(memoryview(b"w"))
        log: OutputFile = run.open_output("train.log", "ab", byproduct=True)
        log.close()
        run.wrote("model/model.safetensors")
        run.checkpoint("checkpoints/step-100", name="step-100", step=100)
        run.checkpoint("checkpoints/step-200", shards=Shards(2, [{"rank": 0}], recheck="all"))
        run.output("sharded", shards=Shards(2, folder=data, timeout=5))
        save(run, {"w": 1}, "w.pt", byproduct=True, atomic=True, pickle_protocol=4)
    signed: tuple[Recorded, ...] = run.checkpoints
    assert signed
    digest: str = run.statement_digest
    return digest * count


def every_option(known: set[str], said: list[str]) -> Recorder:
    def is_known(artifact: Artifact, role: str) -> bool:
        return f"{role}:{artifact.sha256}" in known

    return attest.run(
        "finetune",
        store="store.db",
        signer="file:keys/attest.key",
        passphrase=b"secret",
        builder_id="https://ci.example/train",
        completeness="partial",
        command=["python", "train.py"],
        require_known_inputs=True,
        known=is_known,
        symlinks=True,
        secrets=["token"],
        not_secret=(),
        past=False,
        progress=None,
        tell=said.append,
    )


def rank(root: Path) -> dict[str, object]:
    shards = ShardDigests(root, 0, 2)
    with shards.open("shard-0") as file:
        file.write(b"w")
    shards.wrote(root / "shard-1")
    left: Path = shards.write()
    assert left.exists()
    return shards.digests()


def outputs(run: Recorder) -> Sequence[Artifact]:
    try:
        recorded: Recorded = run.finish()
    except SpooledError as error:
        raise RuntimeError(f"{error.what}: {error.hint}") from error
    except RecordingError:
        return []
    return [each.measured.artifact for each in recorded.outputs]


def refused() -> None:
    attest.run("train", completeness="most")  # type: ignore[arg-type]
    attest.run("train", sed=7)  # type: ignore[call-arg]
    attest.run("train").input(b"data", "dataset")  # type: ignore[arg-type]
    attest.run("train").open_output("model").write("text")  # type: ignore[arg-type]
    Shards(2, recheck="some")  # type: ignore[arg-type]
    attest.run("train").counts(into="many")  # type: ignore[arg-type]
