"""What a store explains: the same answer as the judging half would give if it believed every signer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores.samples import entry, sha, signed, statement

from attest.graph import DATASET_ROLES, MODEL_ROLES, SUPPORT_ROLES, Evidence, Graph
from attest.known import _SUPPORT, NEEDS_STATEMENT, explains, is_known, made_by
from attest.lineage import Lineage
from attest.manifest import Manifest
from attest.predicate import predicate_type, read_predicate
from attest.predicates.step import BUILD_TYPES, INPUT_ROLES
from attest.resource import Artifact
from attest.store import open_store

PROVENANCE = predicate_type("step")


def step(outputs, inputs=(("d", "dataset"),), byproducts=()):
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPES["train"],
            "externalParameters": {},
            "resolvedDependencies": [{**entry(name), "annotations": {"role": role}} for name, role in inputs],
        },
        "runDetails": {"builder": {"id": "https://b.example"}, "byproducts": list(byproducts)},
    }
    return statement(outputs, PROVENANCE, predicate)


def tree(name, files, *, weights=(), listed=True):
    """A tree's subjects: (path, content) pairs, of which some are weights."""
    manifest = Manifest.of((sha(content), path) for path, content in files)
    subject = entry(f"{name}/", tree=True, digest=manifest.digest)
    if not listed:
        return [{**subject, "annotations": {"weights": list(weights)}}], manifest
    members = [
        {
            **entry(f"{name}/{path}", digest=sha(content)),
            "annotations": {"role": "weights" if path in weights else "other"},
        }
        for path, content in files
    ]
    return [*members, subject], manifest


def known(tmp_path, statements, artifact, role="base-model", manifests=()):
    with open_store(str(tmp_path / "store.db"), create=True) as store:
        store.put([signed(each.payload) for each in statements], manifests)
        return is_known(store, artifact, role)


def test_roles_are_those_of_the_judging_half():
    assert NEEDS_STATEMENT == DATASET_ROLES | MODEL_ROLES
    assert set(INPUT_ROLES) == NEEDS_STATEMENT | _SUPPORT
    assert _SUPPORT == SUPPORT_ROLES


def test_nothing_is_known_of_nothing(tmp_path):
    assert not known(tmp_path, [], Artifact(sha("x")))


def test_a_step_explains_what_it_made(tmp_path):
    subjects, manifest = tree("m", [("w.bin", "w"), ("LICENSE", "l")], weights=["w.bin"])
    made = step([*subjects, entry("alone")], byproducts=[entry("log")])
    for artifact, expected in [
        (manifest.artifact, True),
        (Artifact(manifest.digest), False),  # a tree never matches a file
        (Artifact(sha("w")), True),
        (Artifact(sha("l")), False),  # a shared licence joins nothing
        (Artifact(sha("alone")), True),
        (Artifact(sha("log")), True),
        (Artifact(sha("d")), False),
    ]:
        assert known(tmp_path, [made], artifact) is expected, artifact


def test_a_step_without_inputs_explains_nothing(tmp_path):
    made = entry("m")
    for inputs in [(), (("code", "code"),), (("m", "dataset"),)]:
        assert not known(tmp_path / str(len(inputs)), [step([made], inputs)], Artifact(sha("m")))


def test_members_that_do_not_add_up_explain_nothing(tmp_path):
    subjects, manifest = tree("m", [("w.bin", "w")], weights=["w.bin"])
    subjects[0]["digest"]["sha256"] = sha("other")
    assert not known(tmp_path, [step(subjects)], Artifact(sha("other")))
    assert known(tmp_path, [step(subjects)], manifest.artifact)


def test_weights_of_a_tree_too_large_to_list_are_found_by_its_manifest(tmp_path):
    subjects, manifest = tree("m", [("w.bin", "w"), ("a", "l")], weights=["w.bin"], listed=False)
    assert known(tmp_path, [step(subjects)], Artifact(sha("w")), manifests=[manifest.data])
    assert not known(tmp_path, [step(subjects)], Artifact(sha("l")), manifests=[manifest.data])


def test_without_the_manifest_they_are_not(tmp_path):
    subjects, _ = tree("m", [("w.bin", "w")], weights=["w.bin"], listed=False)
    assert not known(tmp_path, [step(subjects)], Artifact(sha("w")))


@pytest.mark.parametrize("role", sorted(NEEDS_STATEMENT))
def test_a_dataset_statement_explains_data_and_tokenizers(tmp_path, role):
    described = statement([entry("x")], predicate_type("dataset"), {"name": "x"})
    assert known(tmp_path, [described], Artifact(sha("x")), role) is (
        role in DATASET_ROLES or role == "tokenizer"
    )


@pytest.mark.parametrize("kind", ["rights", "contents", "https://example.org/other/v1"])
def test_other_statements_explain_nothing(tmp_path, kind):
    other = statement([entry("x")], kind if ":" in kind else predicate_type(kind), {})
    assert not known(tmp_path, [other], Artifact(sha("x")), "dataset")


def test_a_withdrawn_statement_explains_nothing(tmp_path):
    described = statement([entry("x")], predicate_type("dataset"), {"name": "x"})
    withdrawal = statement(
        [entry("w", digest=described.digest)], predicate_type("withdrawal"), {"reason": "wrong"}
    )
    assert not known(tmp_path, [described, withdrawal], Artifact(sha("x")), "dataset")
    again = statement([entry("x")], predicate_type("dataset"), {"name": "y"})
    assert known(tmp_path, [again], Artifact(sha("x")), "dataset")


def test_a_predicate_that_cannot_be_read_explains_nothing(tmp_path):
    broken = statement([entry("x")], PROVENANCE, {"buildDefinition": 1})
    assert not known(tmp_path, [broken], Artifact(sha("x")))


names = st.sampled_from(["a", "a-2", "a/b", "c"])
files = st.dictionaries(
    st.sampled_from(["w.bin", "b/w.bin", "x"]), st.sampled_from("123"), min_size=1, max_size=3
)


@given(
    st.dictionaries(names, st.tuples(files, st.booleans(), st.booleans()), min_size=1, max_size=3),
    st.lists(st.sampled_from(["1", "log", "a/x"]), max_size=2),
    st.lists(st.sampled_from([("d", "dataset"), ("1", "base-model"), ("c", "code")]), max_size=2),
    st.sampled_from(["dataset", "base-model", "tokenizer"]),
)
def test_it_agrees_with_the_judging_half(trees, byproducts, inputs, role):
    """For a reader who believes every signer, and for any shape of step."""
    subjects, manifests = [], {}
    for name, (content, listed, honest) in trees.items():
        these, manifest = tree(name, list(content.items()), weights=["w.bin", "b/w.bin"], listed=listed)
        if not honest:
            these[0]["digest"]["sha256"] = sha("other")
        subjects += these
        manifests[manifest.digest] = manifest.data
    made = step(subjects, inputs, [entry(name) for name in byproducts])
    predicate = read_predicate(made)
    graph = Graph([Evidence(made, "step", predicate, (), ("anybody",))], manifests)
    assert set(made_by(made, predicate, manifests.get)) == set(graph.steps[0].outputs)
    for artifact in [*graph.makers, *(each.artifact for each in made.subjects)]:
        assert explains(made, artifact, role, manifests.get) is bool(
            Lineage(graph, [artifact]).makers(artifact)
        )
