"""PyTorch: checkpoints that are digested while they are written, by one process or by all ranks.

::

    from attest.integrations.torch import save, save_sharded

    with attest.run("train") as run:
        ...
        save(run, model.state_dict(), "checkpoints/step-100.pt", byproduct=True)

What keeps attest from recording is told, as a ``RecordingWarning``, and never raised; errors of PyTorch and
of the disk are raised as they are.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any

from attest.errors import AttestError
from attest.recorder import Recorder, RecordingWarning
from attest.shards import Recheck, ShardDigests, Shards

__all__ = ["file_system_writer", "save", "save_file", "save_sharded"]


def save(
    run: Recorder,
    obj: object,
    path: str | os.PathLike[str],
    *,
    byproduct: bool = False,
    atomic: bool = False,
    fsync: bool = False,
    **options: Any,
) -> None:
    """Save an object as ``torch.save`` does, and take its digest meanwhile.

    Args:
        run: the recording.
        obj: what ``torch.save`` takes.
        path: where to; it becomes an output if it lies in none, or a byproduct.
        byproduct: as of ``attest.recorder.Recorder.open_output``.
        atomic: the same.
        fsync: the same.
        options: of ``torch.save``.

    Raises:
        OSError: it cannot be written.
    """
    import torch

    with run.open_output(path, byproduct=byproduct, atomic=atomic, fsync=fsync) as file:
        torch.save(obj, file, **options)


def save_file(
    run: Recorder,
    tensors: Mapping[str, Any],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Save tensors as ``safetensors.torch.save_file`` does, and have the file digested in the background.

    Args:
        run: the recording.
        tensors: by name.
        path: where to, in an output or byproduct that is named, or will be.
        metadata: of the file.
    """
    from safetensors.torch import save_file as save_tensors

    save_tensors(dict(tensors), os.fspath(path), metadata=dict(metadata) if metadata else None)
    run.wrote(path)


class _FileSystem:
    """The file system of a writer of ``torch.distributed.checkpoint``, with digests of what is written."""

    def __init__(self, real: Any, digests: ShardDigests) -> None:
        self._real = real
        self._digests = digests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_stream(self, path: str | os.PathLike[str], mode: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file."""
        if mode != "wb":
            found: AbstractContextManager[IO[bytes]] = self._real.create_stream(path, mode)
            return found
        return self._written(path)

    @contextmanager
    def _written(self, path: str | os.PathLike[str]) -> Iterator[Any]:
        with self._digests.open(path) as stream:
            yield stream


def file_system_writer(digests: ShardDigests, **options: Any) -> Any:
    """Return a ``torch.distributed.checkpoint.FileSystemWriter`` whose files are digested while written.

    Args:
        digests: of this rank; they say where to.
        options: of the writer.
    """
    from torch.distributed.checkpoint import FileSystemWriter

    writer = FileSystemWriter(digests.root, **options)
    writer.fs = _FileSystem(writer.fs, digests)
    return writer


def save_sharded(
    run: Recorder | None,
    state: dict[str, Any],
    path: str | os.PathLike[str],
    *,
    step: int | None = None,
    recheck: Recheck = "sample",
    timeout: float = 600.0,
    group: Any = None,
    **options: Any,
) -> None:
    """Save a checkpoint with ``torch.distributed.checkpoint.save``; every rank calls this.

    Each rank digests what it writes, on its own host, and leaves the digests beside the checkpoint, in the
    background. Rank 0 joins them, in the background too, and has the statement about the checkpoint signed
    (``attest.recorder.Recorder.checkpoint``).

    Args:
        run: the recording on rank 0; ``None`` on all others.
        state: what ``torch.distributed.checkpoint.save`` takes.
        path: the checkpoint's directory, which every rank sees.
        step: how far the training is.
        recheck: which files of other hosts rank 0 reads again.
        timeout: seconds rank 0 waits, in the background, for the digests of the others.
        group: the process group.
        options: of the writer.

    Raises:
        OSError: it cannot be written.
    """
    from torch import distributed
    from torch.distributed import checkpoint

    ranks = distributed.get_world_size(group)
    try:
        digests = ShardDigests(path, distributed.get_rank(group), ranks)
    except AttestError as error:
        warnings.warn(f"the checkpoint {path} is not recorded: {error}", RecordingWarning, stacklevel=2)
        checkpoint.save(
            state, storage_writer=checkpoint.FileSystemWriter(path, **options), process_group=group
        )
        return
    # before the first rank writes, all have planned together: what they left earlier is gone by now
    checkpoint.save(state, storage_writer=file_system_writer(digests, **options), process_group=group)
    digests.write_soon()
    if run is not None:
        run.checkpoint(path, step=step, shards=Shards(ranks, recheck=recheck, timeout=timeout))
