from __future__ import annotations

import copy
import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from attest.canonical import canonical_bytes, read_json
from attest.claim import is_unknown, unknown_groups, unreadable
from attest.digest import sha256_bytes
from attest.errors import FormatError
from attest.predicate import BASE, PREDICATES, predicate_name, predicate_type, read_predicate
from attest.predicates.contents import Contents
from attest.predicates.dataset import Dataset
from attest.predicates.distribution import Distribution
from attest.predicates.register import ENTRY_STATUSES, Entry, Register, appended_only, document_digest
from attest.predicates.rights import Rights
from attest.predicates.step import (
    BUILD_TYPES,
    EXTERNAL_PARAMETERS,
    INPUT_ROLES,
    KINDS,
    REQUIRED_ROLES,
    Completeness,
    Counts,
    Step,
    kind_of,
    missing_roles,
    unknown_parameters,
)
from attest.predicates.withdrawal import Withdrawal
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact, ResourceDescriptor
from attest.statement import Statement

DOCUMENTS = Path(__file__).parent / "golden" / "documents"
MODELS = {name: PREDICATES.load(name) for name in PREDICATES}
A, B, C = (sha256_bytes(name.encode()) for name in "abc")


def golden(name):
    return json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8"))


def step(kind="train", inputs=(), external=None, internal=None):
    return Step.from_json(
        {
            "buildDefinition": {
                "buildType": BUILD_TYPES.get(kind, kind),
                "externalParameters": external or {},
                "internalParameters": internal or {},
                "resolvedDependencies": [
                    {"name": role, "digest": {"sha256": A}, "annotations": {"role": role}} for role in inputs
                ],
            },
            "runDetails": {"builder": {"id": "https://acme.example/pipeline"}},
        }
    )


# types and roles


def test_every_predicate_names_its_type_and_who_may_sign_it():
    roles = {name: model.TRUST_ROLE for name, model in MODELS.items()}
    assert roles == {
        "step": "builder",
        "dataset": "data-owner",
        "rights": "rights-holder",
        "distribution": "publisher",
        "deletion-order": "keeper",
        "deletion-certificate": "officer",
        "withdrawal": "revoker",
        "register": "keeper",
        "contents": "publisher",
        "link": "builder",
        "model-signature": "publisher",
        "vsa": "auditor",
        "svr": "auditor",
    }
    for name, model in MODELS.items():
        assert predicate_type(name) == model.TYPE
        assert predicate_name(model.TYPE) == name


@pytest.mark.parametrize("name", MODELS)
def test_a_module_documents_its_predicate(name):
    text = importlib.import_module(MODELS[name].__module__).__doc__
    assert "Example" in text
    named = {
        "step": "SLSA provenance v1",
        **{each: MODELS[each].TYPE for each in ("link", "model-signature", "vsa", "svr")},
    }
    assert named.get(name, f"{name}/v0.1") in text
    assert f"``{MODELS[name].TRUST_ROLE}``" in text


@pytest.mark.parametrize(
    "uri",
    [
        f"{BASE}rights/v0.2",
        f"{BASE}rights",
        f"{BASE}Rights/v0.1",
        f"{BASE}step/v0.1",
        f"{BASE}model-signature/v0.1",
        "https://model_signing/signature/v1.1",
        "https://model_signing/signature/v0.1",
        f"{BASE}step/v0.1/x",
        "https://w3id.example/attest/rights/v0.1",
        "https://slsa.dev/provenance/v0.2",
        "https://slsa.dev/verification_summary/v0.2",
        f"{BASE}vsa/v0.1",
        "",
    ],
)
def test_other_types_are_carried(uri):
    assert predicate_name(uri) is None


@pytest.mark.parametrize("name", MODELS)
def test_a_statement_reads_back_as_the_predicate_it_was_built_from(name):
    predicate = MODELS[name].from_json(golden(name))
    subject = ResourceDescriptor(name="x", digest={"sha256": A})
    statement = Statement.build([subject], predicate.TYPE, predicate.to_json())
    assert read_predicate(Statement.parse(statement.payload)) == predicate


# lenient reading

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*path, number))


def replaced(value, path, new):
    changed = copy.deepcopy(value)
    if not path:
        return new
    parent = changed
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = new
    return changed


TOLERANT = {"rights": Rights, "withdrawal": Withdrawal, "dataset": Dataset, "distribution": Distribution}
STRICT = ["rights", "withdrawal", "register", "deletion-order"]


@pytest.mark.parametrize("name", TOLERANT)
@given(data=st.data())
def test_damage_anywhere_never_hides_the_rest(name, data):
    """Whatever stands at one place, the record is read and every other top-level field is as it was."""
    document = golden(name)
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    damaged = replaced(document, path, data.draw(JSON))
    model = TOLERANT[name]
    read, whole = model.from_json(damaged), model.from_json(document)
    for field, info in model.model_fields.items():
        if (info.alias or field) != path[0]:
            assert getattr(read, field) == getattr(whole, field)


@pytest.mark.parametrize("name", TOLERANT)
@given(value=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_object_is_read(name, value):
    assert TOLERANT[name].from_json(value) is not None


@pytest.mark.parametrize("name", STRICT)
@given(data=st.data())
def test_an_unknown_field_anywhere_makes_its_group_unknown(name, data):
    document = golden(name)
    spots = [path for path in places(document) if isinstance(_at(document, path), dict)]
    # descriptors and digest sets are in-toto's: their unknown fields are ignored
    spots = [path for path in spots if not {"digest", "sha256"} & set(_at(document, path)) or path == ()]
    spots = [path for path in spots if not path or path[-1] != "digest"]
    path = data.draw(st.sampled_from(spots))
    read = MODELS[name].from_json(replaced(document, (*path, "fromTheFuture"), 1))
    expected = ".".join(map(str, path)) or "*"
    assert expected in read.unknown_groups()
    assert read.is_unknown(expected)
    assert not MODELS[name].from_json(document).unknown_groups()


def _at(value, path):
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize("name", MODELS)
@given(data=st.data())
def test_damage_never_ends_in_anything_but_a_format_error(name, data):
    document = golden(name)
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    damaged = replaced(document, path, data.draw(JSON))
    subject = [{"name": "x", "digest": {"sha256": A}}]
    payload = canonical_bytes(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": MODELS[name].TYPE,
            "predicate": damaged,
        }
    )
    try:
        predicate = read_predicate(Statement.parse(payload))
    except FormatError as error:
        assert name in error.what  # noqa: PT017 - which of the two happens is the draw's
        return
    if unknown_groups(predicate):
        with pytest.raises(FormatError, match="could not be read"):
            predicate.to_json()
    else:
        again = predicate.to_json()
        assert MODELS[name].from_json(read_json(canonical_bytes(again))) == predicate


def test_our_own_spelling_of_a_field_is_no_field():
    """Two readers must never see different fields: snake case is Python's business."""
    read = Rights.from_json({"valid_until": "2020-01-01T00:00:00Z", "status": "active"})
    assert read.valid_until is None
    assert read.unknown_groups() == ["*"]
    descriptor = ResourceDescriptor.from_json({"digest": {"sha256": A}, "media_type": MANIFEST_MEDIA_TYPE})
    assert descriptor.artifact == Artifact(A, tree=False)


def test_what_could_not_be_read_is_never_written():
    read = Rights.from_json({"sequence": 1, "license": {"text": 5, "expression": "MIT"}})
    assert unreadable(read) == ["license.text"]
    with pytest.raises(FormatError, match="cannot be written: license could not be read in full"):
        read.to_json()
    with pytest.raises(FormatError, match=r"cannot be written: \* could not be read in full"):
        Rights.from_json({"sequence": 1, "fromTheFuture": None}).to_json()


@pytest.mark.parametrize(
    ("groups", "name", "expected"),
    [
        ([], "license", False),
        (["*"], "license", True),
        (["license"], "license", True),
        (["license"], "license.class", True),
        (["license.class"], "license", True),
        (["licenseX"], "license", False),
        (["territories"], "license", False),
    ],
)
def test_a_group_is_unknown_with_what_it_holds_and_what_holds_it(groups, name, expected):
    assert is_unknown(groups, name) is expected


# rights


def test_malformed_groups_are_named_and_the_rest_is_kept():
    read = Rights.from_json(
        {
            "sequence": 3.0,
            "license": 5,
            "prohibitedPurposes": ["surveillance", "time-travel", 4],
            "permittedPurposes": ["time-travel"],
            "personalDataBasis": [{"basis": "x", "consent": {"status": "given", "z": 1}}, 7],
            "obligations": [{"kind": "attribution"}, {"kind": "sing"}],
            "validUntil": "tomorrow",
            "territories": ["EU"],
            "status": "blessed",
        }
    )
    assert read.sequence == 3
    assert read.license is not None
    assert read.license.expression is None
    assert read.prohibited_purposes == ("surveillance", "time-travel")
    assert read.territories == ("EU",)
    assert read.status == "unknown"
    assert read.personal_data_basis[0].basis == "unknown"
    assert read.personal_data_basis[0].consent.valid
    assert read.unknown_groups() == [
        "license",
        "obligations.1",
        "personalDataBasis.0.consent",
        "personalDataBasis.1",
        "prohibitedPurposes",
        "validUntil",
    ]


def test_an_unlisted_word_matters_only_among_prohibitions():
    assert Rights.from_json({"permittedPurposes": ["time-travel"]}).unknown_groups() == []
    assert Rights.from_json({"prohibitedPurposes": ["time-travel"]}).unknown_groups() == [
        "prohibitedPurposes"
    ]


def test_an_absent_list_is_not_an_empty_one():
    assert Rights.from_json({}).prohibited_purposes is None
    assert Rights.from_json({"prohibitedPurposes": []}).prohibited_purposes == ()
    assert "prohibitedPurposes" not in Rights().to_json()
    assert Rights(prohibited_purposes=()).to_json()["prohibitedPurposes"] == []


@pytest.mark.parametrize("value", ["1", True, 1.5, 0, -1, None, [1]])
def test_a_sequence_is_a_whole_number_from_1(value):
    read = Rights.from_json({"sequence": value})
    assert read.sequence is None
    assert read.unknown_groups() == ([] if value is None else ["sequence"])


@pytest.mark.parametrize("status", ["given", "renewed", "withdrawn", "expired", "maybe"])
def test_only_given_and_renewed_consent_is_valid(status):
    read = Rights.from_json({"personalDataBasis": [{"consent": {"status": status}}]})
    assert read.personal_data_basis[0].consent.valid is (status in ("given", "renewed"))


# dataset


def test_a_dataset_keeps_the_parents_it_can_read():
    """derivedFrom taints: a parent nobody can read must not hide the others, nor vanish unseen."""
    read = Dataset.from_json(
        {
            "derivedFrom": [
                {"digest": {"sha256": "nothex"}},
                {"digest": {"sha256": A}, "mediaType": MANIFEST_MEDIA_TYPE},
                "junk",
            ]
        }
    )
    assert [parent.artifact for parent in read.derived_from] == [Artifact(A, tree=True)]
    assert unknown_groups(read) == ["derivedFrom"]


def test_facts_of_presence_default_to_unknown():
    read = Dataset.from_json({"personalData": {"biometric": "yes", "children": "maybe"}})
    assert read.presence("personal_data", "biometric") == "yes"
    assert read.presence("personal_data", "children") == "unknown"
    assert read.presence("personal_data", "presence") == "unknown"
    assert read.presence("synthetic", "presence") == "unknown"


def test_a_dataset_ignores_fields_it_does_not_know():
    assert unknown_groups(Dataset.from_json({"fromTheFuture": 1, "content": {"smell": "rose"}})) == []


def test_an_unlisted_channel_reads_as_unknown():
    assert Dataset.from_json({"acquisition": {"channel": "theft"}}).acquisition.channel == "unknown"


# withdrawal


def test_a_withdrawal_reaches_its_subjects_and_what_it_names():
    subjects = [ResourceDescriptor(name="s", digest={"sha256": A}), ResourceDescriptor(name="none")]
    assert Withdrawal.from_json({"withdraws": [B, "x"]}).statements(subjects) == {A, B}
    assert Withdrawal.from_json({"withdraws": 5}).statements(subjects) == {A}


def test_the_subject_of_a_selector_is_its_document():
    subjects = [ResourceDescriptor(name="selector", digest={"sha256": A})]
    read = Withdrawal.from_json({"selector": {"from": "2026-01-01T00:00:00Z"}, "withdraws": [B]})
    assert read.statements(subjects) == {B}


def test_a_selector_with_an_unknown_field_is_unknown():
    read = Withdrawal.from_json({"selector": {"from": "2026-01-01T00:00:00Z", "except": [A]}})
    assert read.is_unknown("selector")
    assert not read.is_unknown("reason")


# contents


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 0},
        {"sequence": True},
        {"previous": "x"},
        {"statements": {}},
        {"statements": [{"digest": {"sha256": A}}]},
        {"release": "3.2"},
    ],
)
def test_contents_are_read_whole_or_not_at_all(change):
    """A list of statements with one left out would close what it does not close."""
    with pytest.raises(ValidationError):
        Contents.from_json({**golden("contents"), **change})


def test_reserved_visibilities_read_as_unknown():
    assert Contents.from_json(golden("contents")).visibility == "full"
    assert Contents.from_json({**golden("contents"), "visibility": "redacted"}).visibility == "unknown"


# register


def edition(sequence=1, entries=(), previous=None, as_of="2026-11-19T00:00:00Z", **change):
    body = {
        "registerId": "https://registry.example/orders",
        "sequence": sequence,
        "asOf": as_of,
        "nextUpdate": "2026-11-26T00:00:00Z",
        "scope": ["order", "withdrawal"],
        "entries": list(entries),
        **change,
    }
    return body if previous is None else {**body, "previous": previous}


def entry(digest, status="active", kind="order", **change):
    return {"kind": kind, "statement": {"sha256": digest}, "status": status, **change}


def problems(older, newer):
    return appended_only(Register.from_json(older), Register.from_json(newer), document_digest(older))


@pytest.mark.parametrize("name", ["registerId", "sequence", "asOf", "nextUpdate", "scope", "entries"])
def test_a_register_without_its_head_is_none(name):
    body = edition()
    del body[name]
    with pytest.raises(ValidationError, match=name):
        Register.from_json(body)


def test_an_entry_that_cannot_be_read_is_unknown_and_stays():
    read = Register.from_json(edition(entries=[7, entry(A, "satisfied"), entry(B, "current"), {"kind": "x"}]))
    assert [each.state for each in read.entries] == ["unknown", "satisfied", "unknown", "unknown"]
    assert read.unknown_groups() == ["entries.0", "entries.2", "entries.3"]
    assert read.entries[1].statement_digest == A
    assert read.entries[0].statement_digest is None


@pytest.mark.parametrize("kind", ENTRY_STATUSES)
def test_each_kind_of_entry_has_its_statuses(kind):
    for status in set().union(*ENTRY_STATUSES.values()):
        state = Entry.from_json(entry(A, status, kind)).state
        assert state == (status if status in ENTRY_STATUSES[kind] else "unknown")


def test_an_entry_with_an_unknown_field_has_no_state():
    assert Entry.from_json(entry(A, "satisfied", onlyIn="FR")).state == "unknown"


def test_a_register_covers_what_its_scope_lists():
    read = Register.from_json(edition(scope=["order", "weather"]))
    assert read.covers("order")
    assert not read.covers("rights")
    assert not read.covers("unknown")


def test_a_register_that_grows_and_changes_status_is_in_order():
    older = edition(1, [entry(A)])
    newer = edition(2, [entry(B), entry(A, "satisfied", note="done")], document_digest(older))
    assert problems(older, newer) == []
    assert problems(older, older) == []


@pytest.mark.parametrize(
    ("newer", "expected"),
    [
        (lambda digest: edition(2, [], digest), "the order entry of statement .* has vanished"),
        (lambda digest: edition(2, [entry(A, kind="rights")], digest), "has vanished"),
        (lambda digest: edition(2, [entry(A, withdraws=[B])], digest), "withdraws changed"),
        (lambda digest: edition(2, [entry(A, new=1)], digest), "new changed"),
        (lambda _: edition(2, [entry(A)], B), "previous: got .*, expected"),
        (lambda _: edition(2, [entry(A)]), "previous: got None, expected"),
        (lambda _: edition(1, [entry(A), entry(B)]), "two different editions have the sequence 2"),
        (lambda digest: edition(2, [entry(A)], digest, as_of="2026-11-18T00:00:00Z"), "asOf went back"),
        (lambda digest: edition(2, [entry(A)], digest, registerId="https://x.example"), "registerId: got"),
    ],
)
def test_a_register_that_is_not_only_appended_to(newer, expected):
    older = edition(1, [entry(A)])
    changed = newer(document_digest(older))
    if "two different" in expected:
        older, changed = {**older, "sequence": 2}, {**changed, "sequence": 2}
    found = problems(older, changed)
    assert len(found) == 1
    assert pytest.importorskip("re").search(expected, found[0])


def test_a_lower_sequence_is_going_back():
    assert problems(edition(3), edition(2)) == ["sequence went back from 3 to 2"]


def test_a_skipped_edition_leaves_the_chain_unchecked_and_the_entries_checked():
    assert problems(edition(1, [entry(A)]), edition(3, [entry(A)], B)) == []
    assert "vanished" in problems(edition(1, [entry(A)]), edition(3, [], B))[0]


ENTRIES = st.lists(
    st.builds(entry, st.sampled_from([A, B, C]), st.sampled_from(["active", "satisfied", "vacated"])),
    max_size=4,
)


@given(ENTRIES, ENTRIES)
def test_nothing_that_was_listed_can_leave(first, second):
    older, newer = edition(1, first), edition(2, second)
    newer["previous"] = document_digest(older)
    gone = {each["statement"]["sha256"] for each in first} - {each["statement"]["sha256"] for each in second}
    assert len([each for each in problems(older, newer) if "vanished" in each]) == len(
        [each for each in first if each["statement"]["sha256"] in gone]
    )


def test_the_digest_of_a_register_is_that_of_its_canonical_file():
    body = edition()
    assert document_digest(body) == sha256_bytes(canonical_bytes(body))
    assert document_digest(dict(reversed(body.items()))) == document_digest(body)


# step


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_build_type_its_roles_and_its_parameters(kind):
    assert kind_of(BUILD_TYPES[kind]) == kind
    assert BUILD_TYPES[kind] == f"https://w3id.org/attest/build-types/{kind}/v0.1"
    assert all(needed <= set(INPUT_ROLES) for needed in REQUIRED_ROLES[kind])
    assert {"command", "workingDirectory", "seed", "hyperparameters"} <= EXTERNAL_PARAMETERS[kind]
    assert step(kind).kind == kind


@pytest.mark.parametrize(
    "uri",
    [
        "https://w3id.org/attest/build-types/train/v0.2",
        "https://w3id.org/attest/build-types/train",
        "https://w3id.org/attest/build-types/brew/v0.1",
        "https://w3id.example/attest/build-types/train/v0.1",
        "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
    ],
)
def test_a_foreign_build_type_has_no_kind(uri):
    assert kind_of(uri) is None
    assert step(uri, external={"anything": 1}).kind is None
    assert unknown_parameters(step(uri, external={"anything": 1})) == []
    assert missing_roles(step(uri)) == []


@pytest.mark.parametrize(
    ("kind", "inputs", "missing"),
    [
        ("collect", [], 0),
        ("transform", [], 1),
        ("transform", ["dataset"], 0),
        ("train", ["evaluation-dataset", "code"], 1),
        ("train", ["dataset"], 0),
        ("finetune", [], 2),
        ("finetune", ["dataset"], 1),
        ("finetune", ["base-model", "dataset"], 0),
        ("align", ["adapter"], 1),
        ("align", ["base-model"], 0),
        ("merge", ["adapter"], 0),
        ("quantize", ["dataset"], 1),
        ("distill", ["base-model"], 1),
        ("distill", ["teacher"], 0),
        ("convert", ["tokenizer"], 0),
        ("embed", ["retrieval-dataset"], 0),
        ("index", [], 1),
        ("evaluate", ["evaluation-dataset"], 1),
        ("release", ["dataset"], 0),
        ("release", ["code"], 1),
    ],
)
def test_a_step_needs_the_inputs_of_its_kind(kind, inputs, missing):
    found = missing_roles(step(kind, inputs))
    assert len(found) == missing
    assert all(not needed & set(inputs) for needed in found)


def test_unknown_parameters_are_named():
    read = step(
        "train", ["dataset"], {"command": [], "hyperparameters": {"anything": 1}, "zeal": 1, "aim": 2}
    )
    assert unknown_parameters(read) == ["aim", "zeal"]


def test_inputs_carry_what_the_step_says_of_them():
    read = Step.from_json(golden("step")).inputs
    assert [each.role for each in read] == ["dataset", "base-model", "code"]
    assert read[0].artifact == Artifact(sha256_bytes(b"digits/"), tree=True)
    assert read[0].size_bytes == 123456
    assert (read[0].opaque, read[1].opaque) == (False, True)
    assert read[1].reason == "published without lineage"
    assert read[1].digest_source == "https://models.example/base/SHA256SUMS"
    assert read[0].digest_source is None


@pytest.mark.parametrize(
    ("notes", "role", "size", "opaque"),
    [
        ({}, "unknown", None, False),
        ({"role": "Dataset"}, "unknown", None, False),
        ({"role": ["code"], "sizeBytes": "9", "opaque": "false"}, "unknown", None, True),
        ({"role": "code", "sizeBytes": True, "opaque": None}, "code", None, False),
        ({"role": "code", "sizeBytes": -1, "opaque": 0}, "code", None, False),
        ({"role": "code", "sizeBytes": 7.0, "opaque": False}, "code", 7, False),
    ],
)
def test_odd_annotations_only_add_scrutiny(notes, role, size, opaque):
    body = golden("step")
    body["buildDefinition"]["resolvedDependencies"] = [{"digest": {"sha1": "x"}, "annotations": notes}]
    (read,) = Step.from_json(body).inputs
    assert (read.role, read.size_bytes, read.opaque, read.artifact) == (role, size, opaque, None)


@pytest.mark.parametrize(
    ("internal", "completeness", "counts", "recorded"),
    [
        ({}, ("unknown", "unknown"), None, "unknown"),
        (
            {
                "completeness": {"claim": "partial", "enforcedBy": "sandbox"},
                "counts": {"in": 3, "out": 2.0},
                "recorded": "after-the-fact",
            },
            ("partial", "sandbox"),
            (3, 2, None),
            "after-the-fact",
        ),
        (
            {"completeness": "all-inputs-listed", "counts": [3], "recorded": 1},
            ("unknown", "unknown"),
            None,
            "unknown",
        ),
        (
            {
                "completeness": {"claim": "every-last-one", "enforcedBy": None},
                "counts": {"in": "3", "out": -1, "removed": True},
                "recorded": "before",
            },
            ("unknown", "unknown"),
            (None, None, None),
            "unknown",
        ),
    ],
)
def test_internal_parameters_are_read_leniently(internal, completeness, counts, recorded):
    read = step("train", internal=internal)
    assert read.completeness == Completeness(*completeness)
    assert read.counts == (None if counts is None else Counts(*counts))
    assert read.recorded == recorded


@pytest.mark.parametrize(
    "change",
    [
        {"resolvedDependencies": {"name": "x"}},
        {"resolvedDependencies": [{"name": "ok"}, "junk"]},
        {"resolvedDependencies": [{"digest": {"sha256": "ABC"}}]},
        {"externalParameters": None},
        {"buildType": None},
    ],
)
def test_a_step_whose_inputs_cannot_be_read_is_not_read_without_them(change):
    body = golden("step")
    body["buildDefinition"].update(change)
    with pytest.raises(ValidationError):
        Step.from_json(body)


def test_odd_times_do_not_hide_a_step():
    body = golden("step")
    body["runDetails"]["metadata"] = {"startedOn": "yesterday", "invocationId": "7"}
    read = Step.from_json(body)
    assert read.run_details.metadata.started_on is None
    assert read.run_details.metadata.invocation_id == "7"
    assert unreadable(read) == ["runDetails.metadata.startedOn"]


# deletion orders


@pytest.mark.parametrize("reach", [None, "everything", 7, "in-whole-or-in-part"])
def test_an_order_reaches_what_was_made_unless_it_says_named_only(reach):
    document = {**golden("deletion-order"), "reach": reach}
    assert MODELS["deletion-order"].from_json(document).derived
    assert not MODELS["deletion-order"].from_json({**document, "reach": "named-only"}).derived


def test_an_order_names_the_datasets_its_records_are_in():
    order = MODELS["deletion-order"].from_json(golden("deletion-order"))
    assert [item.artifact.sha256[:4] for item in order.named] == ["77e1", "5b77"]


def test_a_history_grows_and_never_changes():
    def edition(sequence, status, history):
        entry = {"kind": "order", "statement": {"sha256": A}, "status": status, "history": history}
        return Register.from_json(
            {
                "registerId": "https://registry.example/orders",
                "sequence": sequence,
                "asOf": "2026-11-19T00:00:00Z",
                "nextUpdate": "2026-11-26T00:00:00Z",
                "scope": ["order"],
                "entries": [entry],
            }
        )

    active, suspended = {"status": "active"}, {"status": "suspended"}
    older = edition(1, "suspended", [active])
    assert appended_only(older, edition(2, "active", [active, suspended])) == []
    for history in ([], [suspended], [suspended, active]):
        problems = appended_only(older, edition(2, "active", history))
        assert [each for each in problems if "its history changed" in each]
