"""A small network in numpy: 64 pixels, 48 hidden units, 10 digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

Weights = dict[str, np.ndarray]


def fresh(seed: int) -> Weights:
    random = np.random.default_rng(seed)
    return {
        "hidden.weight": random.normal(0, 0.2, (64, 48)).astype(np.float32),
        "hidden.bias": np.zeros(48, np.float32),
        "out.weight": random.normal(0, 0.2, (48, 10)).astype(np.float32),
        "out.bias": np.zeros(10, np.float32),
    }


def forward(weights: Weights, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.maximum(pixels @ weights["hidden.weight"] + weights["hidden.bias"], 0)
    scores = hidden @ weights["out.weight"] + weights["out.bias"]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, scores / scores.sum(axis=1, keepdims=True)


def fit(weights: Weights, data: Path, epochs: int, rate: float, seed: int) -> Weights:
    """Plain stochastic gradient descent on the cross entropy, batches of 32."""
    pixels, labels = load_data(data)
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in np.array_split(random.permutation(len(labels)), len(labels) // 32):
            hidden, guess = forward(weights, pixels[batch])
            error = (guess - np.eye(10, dtype=np.float32)[labels[batch]]) / len(batch)
            back = (error @ weights["out.weight"].T) * (hidden > 0)
            weights["out.weight"] -= rate * hidden.T @ error
            weights["out.bias"] -= rate * error.sum(axis=0)
            weights["hidden.weight"] -= rate * pixels[batch].T @ back
            weights["hidden.bias"] -= rate * back.sum(axis=0)
    return weights


def accuracy(weights: Weights, data: Path) -> float:
    pixels, labels = load_data(data)
    return float((forward(weights, pixels)[1].argmax(axis=1) == labels).mean())


def load_data(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path) as data:
        return data["pixels"], data["labels"]


def load(folder: Path) -> Weights:
    return {name: value.copy() for name, value in load_file(folder / "model.safetensors").items()}


def save(weights: Weights, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text('{"architecture": "mlp", "layers": [64, 48, 10]}\n')
