"""in-toto's own protobufs accept what attest emits, and read the same from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import resource_descriptor_pb2, statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor as TheirDescriptor
from in_toto_attestation.v1.statement import Statement as TheirStatement

from attest.digest import sha256_bytes
from attest.predicate import PREDICATES, predicate_type, read_predicate
from attest.predicates.step import BUILD_TYPES, KINDS
from attest.resource import MANIFEST_MEDIA_TYPE, ResourceDescriptor
from attest.statement import Statement

DOCUMENTS = Path(__file__).parent / "golden" / "documents"
PREDICATE_DOCUMENTS = [
    path for path in sorted(DOCUMENTS.glob("*.json")) if path.name.split(".")[0] in set(PREDICATES)
]
SUBJECTS = [
    ResourceDescriptor(
        name="weights.safetensors", digest={"sha256": sha256_bytes(b"w")}, annotations={"role": "weights"}
    ),
    ResourceDescriptor(name="model/", digest={"sha256": sha256_bytes(b"m")}, media_type=MANIFEST_MEDIA_TYPE),
]


def emitted(path):
    name = path.name.split(".")[0]
    predicate = PREDICATES.load(name).from_json(json.loads(path.read_text("utf-8")))
    return Statement.build(SUBJECTS, predicate_type(name), predicate.to_json())


def theirs(statement):
    """Read with in-toto's message; an unknown field or a wrong type is an error."""
    return json_format.Parse(statement.payload, statement_pb2.Statement())


@pytest.mark.parametrize("path", PREDICATE_DOCUMENTS, ids=lambda path: path.name)
def test_the_statement_message_accepts_every_predicate(path):
    statement = emitted(path)
    message = theirs(statement)
    TheirStatement.copy_from_pb(message).validate()
    assert message.type == "https://in-toto.io/Statement/v1"
    assert message.predicate_type == statement.predicate_type
    assert [subject.name for subject in message.subject] == ["weights.safetensors", "model/"]
    assert message.subject[1].media_type == MANIFEST_MEDIA_TYPE
    assert dict(message.subject[0].digest) == {"sha256": sha256_bytes(b"w")}
    assert message.subject[0].annotations["role"] == "weights"


@pytest.mark.parametrize("path", PREDICATE_DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_lost_on_the_way_through_the_message(path):
    """A protobuf Struct makes floats of whole numbers; apart from that the predicate comes back."""
    statement = emitted(path)
    assert json_format.MessageToDict(theirs(statement).predicate) == dict(statement.predicate)


@pytest.mark.parametrize("path", PREDICATE_DOCUMENTS, ids=lambda path: path.name)
def test_what_others_emit_through_the_message_reads_the_same(path):
    statement = emitted(path)
    again = Statement.parse(json_format.MessageToJson(theirs(statement)).encode())
    assert again.subjects == statement.subjects
    assert read_predicate(again) == read_predicate(statement)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_is_slsa_provenance(kind):
    body = json.loads((DOCUMENTS / "step.json").read_text("utf-8"))
    body["buildDefinition"]["buildType"] = BUILD_TYPES[kind]
    predicate = PREDICATES.load("step").from_json(body)
    message = json_format.ParseDict(predicate.to_json(), provenance_pb2.Provenance())
    assert message.build_definition.build_type == BUILD_TYPES[kind]
    roles = [item.annotations["role"] for item in message.build_definition.resolved_dependencies]
    assert roles == ["dataset", "base-model", "code"]
    assert message.run_details.builder.id.endswith("/train.yml@refs/tags/v3")
    assert message.run_details.metadata.invocation_id.endswith("/attempts/1")
    assert message.run_details.metadata.finished_on.ToDatetime().isoformat() == "2026-11-20T11:40:12.500000"


def test_the_descriptor_message_accepts_a_descriptor_with_every_field():
    body = json.loads((DOCUMENTS / "resource-descriptor.json").read_text("utf-8"))
    ours = ResourceDescriptor.from_json(body)
    message = json_format.ParseDict(ours.to_json(), resource_descriptor_pb2.ResourceDescriptor())
    TheirDescriptor.copy_from_pb(message).validate()
    assert message.content == b"m"
    assert json_format.MessageToDict(message) == body


def test_a_field_of_ours_that_in_toto_does_not_have_would_be_found():
    """The message refuses what is not in it, so the tests above show something."""
    with pytest.raises(json_format.ParseError, match="no field named"):
        json_format.ParseDict({"colour": "red"}, resource_descriptor_pb2.ResourceDescriptor())
