"""Croissant: files of the same folder, by the SHA-256 their description names."""

from __future__ import annotations

import json

import pytest

from attest.adopter import Claim
from attest.adopters import croissant
from attest.adopters.croissant import Croissant
from attest.errors import AttestError, FormatError
from attest.scan import scan_tree

SHA = "ab" * 32


def entry(**more):
    return {
        "@type": "cr:FileObject",
        "@id": "one",
        "contentUrl": "data/one.parquet",
        "encodingFormat": "application/x-parquet",
        "sha256": SHA,
        **more,
    }


@pytest.fixture
def describe(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.parquet").write_bytes(b"12345")

    def write(*entries, name="croissant.json", **more):
        document = {"@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0", **more}
        (tmp_path / name).write_text(json.dumps({**document, "distribution": entries}))
        return Croissant().claims(scan_tree(tmp_path))

    return write


TAKEN = {"data/one.parquet": Claim(SHA, 5)}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"contentSize": "5 B"},
        {"contentSize": 5},
        {"contentSize": "5 kB"},
        {"contentUrl": "./data/one.parquet"},
        {"@type": "FileObject"},
        {"md5": "0" * 32},
    ],
)
def test_what_is_described_is_taken_over(describe, more):
    assert describe(entry(**more)) == TAKEN


@pytest.mark.parametrize("name", ["croissant.json", "metadata.json", "faces-croissant.json"])
def test_names_of_descriptions(describe, name):
    assert describe(entry(), name=name) == TAKEN


@pytest.mark.parametrize(
    "more",
    [
        {"sha256": "https://github.com/mlcommons/croissant/issues/80"},
        {"sha256": SHA.upper()},
        {"sha256": None},
        {"sha256": None, "md5": "0" * 32},
        {"contentUrl": "https://data.example/one.parquet"},
        {"contentUrl": "../data/one.parquet"},
        {"contentUrl": "/etc/passwd"},
        {"contentUrl": ["data/one.parquet"]},
        {"containedIn": {"@id": "archive"}},
        {"@type": "cr:FileSet"},
    ],
)
def test_what_is_not_plainly_a_file_here_is_measured(describe, more):
    assert describe(entry(**more)) == {}


def test_other_documents_are_data(describe, tmp_path, monkeypatch):
    assert describe(entry(), conformsTo="https://schema.example/") == {}
    assert describe(entry(), name="data/croissant.json") == {}
    (tmp_path / "metadata.json").write_text("[]")
    assert describe(entry(), name="other.json") == {}
    monkeypatch.setattr(croissant, "MOST", 10)
    assert describe(entry()) == {}


def test_the_description_itself_is_measured(describe):
    assert describe(entry(), entry(contentUrl="croissant.json")) == TAKEN


def test_another_size_is_refused(describe):
    with pytest.raises(FormatError, match=r"has 5 bytes, croissant\.json says 6"):
        describe(entry(contentSize="6"))


def test_two_digests_of_one_file_are_refused(describe):
    assert describe(entry(), entry()) == TAKEN
    with pytest.raises(FormatError, match=r"two digests in croissant\.json"):
        describe(entry(), entry(sha256="cd" * 32))


def test_what_is_no_json_is_refused(describe, tmp_path):
    (tmp_path / "croissant.json").write_text('{"distribution": [}')
    with pytest.raises(AttestError):
        Croissant().claims(scan_tree(tmp_path))
    with pytest.raises(FormatError, match="expected a list of objects"):
        describe("one")
