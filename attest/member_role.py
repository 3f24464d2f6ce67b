"""What a file is to the directory it lies in: weights, a tokenizer, configuration or something else."""

from __future__ import annotations

__all__ = ["MEMBER_ROLES", "guess_member_role"]

MEMBER_ROLES = ("weights", "tokenizer", "config", "other")
"""What a file can be to the tree it is in (``annotations.role`` of a subject)."""

_WEIGHTS = (
    *(
        ".safetensors",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".gguf",
        ".ggml",
        ".onnx",
        ".onnx_data",
        ".npz",
        ".npy",
    ),
    *(".h5", ".hdf5", ".keras", ".pb", ".tflite", ".msgpack", ".mlmodel", ".engine", ".skops", ".ubj"),
    *(".pkl", ".pickle", ".joblib", ".pdparams", ".pdiparams"),
)
_TOKENIZER_NAMES = frozenset({"special_tokens_map.json", "added_tokens.json", "merges.txt"})
_TOKENIZER_WORDS = ("tokenizer", "vocab", "spiece", "sentencepiece", "spm", "bpe")
_TOKENIZER_SUFFIXES = (".spm", ".tiktoken", ".bpe")
_CONFIG_SUFFIXES = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")


def guess_member_role(path: str) -> str:
    """Guess from a file's name what it is to the model it belongs to: one of ``MEMBER_ROLES``.

    A guess of ``weights`` makes the file a link between models, so a name that leaves it open (``.bin``,
    ``.pkl``, ``.model`` without a tokenizer's name) counts as weights: that adds scrutiny and removes none.
    """
    name = path.rsplit("/", 1)[-1].lower()
    if name.endswith(_WEIGHTS):
        return "weights"
    named_so = any(word in name for word in _TOKENIZER_WORDS)
    if name in _TOKENIZER_NAMES or name.endswith(_TOKENIZER_SUFFIXES):
        return "tokenizer"
    if name.endswith(".model"):  # SentencePiece and XGBoost share the suffix
        return "tokenizer" if named_so else "weights"
    if named_so and name.endswith((".json", ".txt")):
        return "tokenizer"
    return "config" if name.endswith(_CONFIG_SUFFIXES) else "other"
