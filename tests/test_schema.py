from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from attest.document import read_document
from attest.model import Model
from attest.predicate import PREDICATES
from attest.schema import SCHEMAS, main, schemas

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "schemas"
DOCUMENTS = sorted((Path(__file__).parent / "golden" / "documents").iterdir())
REMEDY = "run `python -m attest.schema` and commit schemas/"


generated = cache(schemas)


def schema_of(path):
    return json.loads((FOLDER / f"{path.name.split('.')[0]}.schema.json").read_text("utf-8"))


def content_of(path):
    return read_document(path.read_bytes(), path.name).value


def test_the_folder_holds_every_schema_and_no_other():
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.schema.json" for name in SCHEMAS}, REMEDY


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_file_is_what_its_model_says(name):
    file = f"{name}.schema.json"
    assert json.loads((FOLDER / file).read_text("utf-8")) == generated()[file], REMEDY


def test_every_predicate_has_a_schema():
    assert set(PREDICATES) <= set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_names_itself(name):
    schema = generated()[f"{name}.schema.json"]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"https://w3id.org/attest/schemas/{name}.schema.json"
    assert schema["description"]


@pytest.mark.parametrize("name", [*PREDICATES, "card", "statement", "resource-descriptor"])
def test_every_field_is_described(name):
    schema = generated()[f"{name}.schema.json"]
    for title, part in {"": schema, **schema.get("$defs", {})}.items():
        assert part["description"], title
        for field, facts in part["properties"].items():
            assert facts.get("description"), f"{name}: {title}.{field}"


def test_writing_is_repeatable_and_removes_what_is_gone(tmp_path):
    (tmp_path / "gone.schema.json").write_text("{}")
    (tmp_path / "README.md").write_text("kept")
    main([str(tmp_path)])
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    main([str(tmp_path)])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert set(first) == {"README.md", *(f"{name}.schema.json" for name in SCHEMAS)}


# golden documents


def test_every_kind_of_document_people_exchange_has_a_golden_one():
    assert {path.name.split(".")[0] for path in DOCUMENTS} >= {
        *PREDICATES,
        "card",
        "statement",
        "resource-descriptor",
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_golden_document_fits_its_schema(path):
    validator = Draft202012Validator(schema_of(path), format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(content_of(path))] == []


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.suffix == ".json"], ids=lambda path: path.name
)
def test_a_golden_document_reads_and_writes_back_unchanged(path):
    module, _, name = SCHEMAS[path.name.split(".")[0]].partition(":")
    model: type[Model] = getattr(importlib.import_module(module), name)
    assert model.from_json(content_of(path)).to_json() == content_of(path)


BAD = {
    "statement of another type": ("statement", {"_type": "https://in-toto.io/Statement/v0.1"}),
    "statement without subjects": ("statement", {"subject": []}),
    "digest in upper case": ("register", {"previous": "A" * 64}),
    "sequence 0": ("contents", {"sequence": 0}),
    "sequence as text": ("rights", {"sequence": "1"}),
    "a time that is a number": ("withdrawal", {"effectiveFrom": 1700000000}),
    "a word of no vocabulary": ("rights", {"copyrightBasis": "finders-keepers"}),
    "no null is written": ("rights", {"validUntil": None}),
    "a card's unknown key": ("card", {"licence": "MIT"}),
    "a card's unknown word": ("card", {"confidentiality": ["pii"]}),
    "no builder": ("step", {"runDetails": {}}),
    "inputs that are no list": ("step", {"buildDefinition": {"buildType": "x", "resolvedDependencies": {}}}),
}


@pytest.mark.parametrize(("name", "change"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_found(name, change):
    path = next(path for path in DOCUMENTS if path.stem == name)
    validator = Draft202012Validator(schema_of(path))
    assert not validator.is_valid({**content_of(path), **change})
