"""Digests and descriptors: how statements name bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from attest.digest import is_sha256, parse_digest, sha256_bytes
from attest.errors import FormatError
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact, ResourceDescriptor

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
ZEROS = "0" * 64


def test_a_known_digest():
    """FIPS 180-2, appendix B.1."""
    assert sha256_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(HEX)
def test_a_digest_is_read_with_and_without_its_algorithm(text):
    assert parse_digest(text) == parse_digest(f"sha256:{text}") == text
    assert is_sha256(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        ZEROS[1:],
        ZEROS + "0",
        "A" * 64,
        "g" * 64,
        f"sha512:{ZEROS}",
        f"SHA256:{ZEROS}",
        ZEROS + "\n",
        " " + ZEROS,
    ],
)
def test_what_is_no_digest(text):
    assert not is_sha256(text)
    with pytest.raises(FormatError, match="expected sha256: and 64 lowercase hex digits"):
        parse_digest(text)


@pytest.mark.parametrize("value", [None, 7, ZEROS.encode(), [ZEROS]])
def test_what_is_no_string_is_no_digest(value):
    assert not is_sha256(value)


@given(HEX, st.booleans())
def test_an_artifact_is_read_as_it_is_written(sha256, tree):
    artifact = Artifact(sha256, tree)
    assert Artifact.parse(str(artifact)) == artifact
    assert str(artifact).endswith("/") == tree


@pytest.mark.parametrize("text", [ZEROS + "//", "sha256:x/", "/", "", f"sha256:{ZEROS}/a"])
def test_what_is_no_artifact(text):
    with pytest.raises(FormatError, match="expected sha256:"):
        Artifact.parse(text)


def test_only_sha256_names_an_artifact():
    described = ResourceDescriptor(name="a", digest={"sha512": "0" * 128, "gitCommit": "0" * 40})
    assert described.artifact is None
    tree = ResourceDescriptor(digest={"sha256": ZEROS}, media_type=MANIFEST_MEDIA_TYPE)
    file = ResourceDescriptor(digest={"sha256": ZEROS}, media_type="text/plain")
    assert (tree.artifact, file.artifact) == (Artifact(ZEROS, tree=True), Artifact(ZEROS))
    assert tree.artifact != file.artifact


def test_annotations():
    described = ResourceDescriptor(annotations={"role": "weights"})
    assert (described.annotation("role"), described.annotation("x")) == ("weights", None)
    assert ResourceDescriptor().annotation("role") is None


@given(st.text(max_size=9), HEX, st.booleans())
def test_a_descriptor_is_read_as_it_is_written(name, sha256, tree):
    value = {"name": name, "digest": {"sha256": sha256}}
    if tree:
        value["mediaType"] = MANIFEST_MEDIA_TYPE
    described = ResourceDescriptor.from_json(value)
    assert described.to_json() == value
    assert ResourceDescriptor.from_json(described.to_json()) == described


@pytest.mark.parametrize(
    "digest", [{"sha256": "0"}, {"sha256": "A" * 64}, {"sha256": None}, "0", {"sha512": 1}]
)
def test_a_malformed_digest_is_refused(digest):
    with pytest.raises(ValidationError):
        ResourceDescriptor.from_json({"name": "a", "digest": digest})
