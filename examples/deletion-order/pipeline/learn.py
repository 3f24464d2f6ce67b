"""What the vendor runs: a linear model by least squares, and what is made from one."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

FEATURES, CLASSES = 64, 8


def collect(out: Path, seed: int, count: int) -> None:
    """Write a dataset: pictures of 8 x 8 pixels, drawn at random; nobody stands behind them."""
    random = np.random.default_rng(seed)
    out.mkdir(parents=True)
    labels = random.integers(CLASSES, size=count)
    centres = random.normal(size=(CLASSES, FEATURES))
    pixels = centres[labels] + random.normal(size=(count, FEATURES))
    np.savez(out / "pictures.npz", pixels=pixels.astype(np.float32), labels=labels)


def read(folders: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    loaded = [np.load(folder / "pictures.npz") for folder in folders]
    return np.vstack([each["pixels"] for each in loaded]), np.concatenate([each["labels"] for each in loaded])


def solve(pixels: np.ndarray, targets: np.ndarray) -> np.ndarray:
    gram = pixels.T @ pixels + np.eye(FEATURES, dtype=np.float32)
    return np.linalg.solve(gram, pixels.T @ targets).astype(np.float32)


def train(out: Path, task: str, *data: Path) -> None:
    """Learn from the datasets; the task says which of the labels' questions is answered."""
    pixels, labels = read(list(data))
    wanted = (labels + sum(task.encode())) % CLASSES
    save(out, {"weight": solve(pixels, np.eye(CLASSES, dtype=np.float32)[wanted])})


def finetune(out: Path, base: Path, data: Path) -> None:
    """Go half the way from the base model to what the dataset would make of it."""
    pixels, labels = read([data])
    fresh = solve(pixels, np.eye(CLASSES, dtype=np.float32)[labels])
    save(out, {"weight": (load_file(base / "model.safetensors")["weight"] + fresh) / 2})


def adapt(out: Path, base: Path, data: Path) -> None:
    """Keep of the fine-tuning's difference what has rank one."""
    pixels, labels = read([data])
    weight = load_file(base / "model.safetensors")["weight"]
    left, size, right = np.linalg.svd(solve(pixels, np.eye(CLASSES, dtype=np.float32)[labels]) - weight)
    save(out, {"lora_a": left[:, :1] * size[0], "lora_b": right[:1]})


def index(out: Path, data: Path) -> None:
    """Embed every picture in 16 numbers, so that alike ones are found."""
    project = np.random.default_rng(0).normal(size=(FEATURES, 16)).astype(np.float32)
    save(out, {"vectors": read([data])[0] @ project})


def backup(out: Path, *folders: Path) -> None:
    with tarfile.open(out, "w") as archive:
        for folder in folders:
            archive.add(folder, folder.name)


def quantize(out: Path, base: Path) -> None:
    weight = load_file(base / "model.safetensors")["weight"]
    save(out, {"weight": np.round(weight * 127 / np.abs(weight).max()).astype(np.int8)})


def save(out: Path, tensors: dict[str, np.ndarray]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    save_file({key: np.ascontiguousarray(each) for key, each in tensors.items()}, out / "model.safetensors")


if __name__ == "__main__":
    words = sys.argv[2:]
    if sys.argv[1] == "train":
        train(Path(words[0]), words[1], *map(Path, words[2:]))
    else:
        made = {"finetune": finetune, "adapt": adapt, "index": index, "backup": backup, "quantize": quantize}
        made[sys.argv[1]](*map(Path, words))
