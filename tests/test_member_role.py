"""What a file is to the directory it lies in, guessed from its name."""

from __future__ import annotations

import pytest

from attest.member_role import MEMBER_ROLES, guess_member_role


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("model.safetensors", "weights"),
        ("sub/MODEL-00001-of-00002.SAFETENSORS", "weights"),
        ("pytorch_model.bin", "weights"),
        ("last.ckpt", "weights"),
        ("q4.gguf", "weights"),
        ("net.onnx", "weights"),
        ("weights.npz", "weights"),
        ("booster.model", "weights"),
        ("tokenizer-mimi.safetensors", "weights"),
        ("tokenizer.json", "tokenizer"),
        ("a/tokenizer_config.json", "tokenizer"),
        ("special_tokens_map.json", "tokenizer"),
        ("vocab.txt", "tokenizer"),
        ("vocab.json", "tokenizer"),
        ("merges.txt", "tokenizer"),
        ("tokenizer.model", "tokenizer"),
        ("sentencepiece.bpe.model", "tokenizer"),
        ("spiece.model", "tokenizer"),
        ("config.json", "config"),
        ("params.yaml", "config"),
        ("README.md", "other"),
        ("LICENSE", "other"),
        ("weights.safetensors.md", "other"),
        ("", "other"),
    ],
)
def test_member_roles_are_guessed_from_names(path, role):
    assert guess_member_role(path) == role
    assert role in MEMBER_ROLES
