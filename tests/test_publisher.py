"""What is handed over: all a buyer's lineage would follow, what speaks against it, and the closing list."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores.samples import bundle, entry, sha, signed, statement, step
from world import World, good_world, signer

from attest.bundle import parse_bundle
from attest.errors import FormatError, LimitError
from attest.limits import Limits
from attest.lineage import Lineage
from attest.manifest import Manifest
from attest.predicate import predicate_type, read_predicate
from attest.predicates.contents import Release
from attest.publisher import closing_statement, closure, contents_statement, describe, listed
from attest.resource import Artifact
from attest.store import open_store


@pytest.fixture
def close(tmp_path):
    """Collect what is behind artifacts in a store of these bundles, as a set of statement digests."""
    count = iter(range(1_000_000))

    def collect(bundles, *artifacts, manifests=(), limits=None, whole=False):
        with open_store(str(tmp_path / f"{next(count)}.db"), create=True) as store:
            store.put(bundles, manifests)
            found = closure(store, artifacts, limits or Limits())
        return found if whole else {each.statement_digest for each in found.bundles}

    return collect


def digests(*bundles):
    return {each.statement_digest for each in bundles}


def file(name):
    return Artifact(sha(name))


def tree(name):
    return Artifact(sha(name), tree=True)


def about(kind, name, predicate=None, **more):
    """An unsigned statement of one of our kinds about a file of that name."""
    return signed(statement([entry(name, **more)], predicate_type(kind), predicate or {}).payload)


def takes_back(*bundles, **predicate):
    subjects = [entry(each.statement_digest[:9], digest=each.statement_digest) for each in bundles]
    return signed(statement(subjects or [entry("window")], predicate_type("withdrawal"), predicate).payload)


# ── what belongs to it ──


def test_the_whole_way_back_and_nothing_else(close):
    world, release = good_world()
    others = [step([entry("other")], [entry("else")]), bundle("unrelated"), about("dataset", "unrelated")]
    registers = [each for _, each in world.registers]
    behind = [each for each in world.bundles if each not in registers]
    assert close([*others, *world.bundles], release.artifact) == digests(*behind)


def test_statements_about_every_artifact_reached(close):
    made = step([entry("model")], [entry("data")])
    said = [
        about("dataset", "data"),
        about("rights", "data", {"sequence": 1}),
        about("rights", "data", {"sequence": 2}),
        about("distribution", "model"),
        bundle("model", predicate={"test": "passed"}),
        bundle("data", predicate={"note": "x"}),
    ]
    assert close([made, *said, bundle("other")], file("model")) == digests(made, *said)


def test_sources_a_dataset_names_are_behind_it(close):
    source = {"derivedFrom": [{"name": "raw", "digest": {"sha256": sha("raw")}}], "name": "d"}
    derived, raw = about("dataset", "data", source), about("dataset", "raw", {"name": "raw"})
    made = step([entry("raw")], [entry("older")])
    assert close([made, raw, derived], file("data")) == digests(made, raw, derived)


def test_every_signature_of_a_statement_goes_along(close):
    one, other = bundle("model"), bundle("model", signer="bob")
    found = close([other, one], file("model"), whole=True)
    assert sorted(each.line for each in found.bundles) == sorted([one.line, other.line])


def test_a_tree_is_no_file_of_the_same_digest(close):
    of_file, of_tree = step([entry("x")], [entry("a")]), step([entry("x", tree=True)], [entry("b")])
    assert close([of_file, of_tree], file("x")) == digests(of_file)
    assert close([of_file, of_tree], tree("x")) == digests(of_tree)


def test_names_join_nothing(close):
    made = step([entry("model", digest=sha("one"))], [entry("data")])
    same_name = step([entry("model", digest=sha("two"))], [entry("data")])
    assert close([made, same_name], file("one")) == digests(made)


def test_two_steps_that_made_the_same_are_both_behind_it(close):
    one, other = step([entry("m")], [entry("a")]), step([entry("m")], [entry("b")])
    deeper = step([entry("b")], [entry("c")])
    assert close([one, other, deeper], file("m")) == digests(one, other, deeper)


def test_a_byproduct_is_made_by_its_step(close):
    made = step([entry("model")], [entry("data")], [entry("checkpoint")])
    tuned = step([entry("tuned")], [entry("checkpoint")])
    data = about("dataset", "data")
    assert close([made, tuned, data], file("tuned")) == digests(made, tuned, data)
    assert close([made, tuned, data], file("data")) == digests(data)  # who read it is not behind it


def members(name, *files):
    manifest = Manifest.of((sha(digest), path) for path, digest, _ in files)
    listed = [
        {**entry(f"{name}/{path}", digest=sha(digest)), "annotations": {"role": role}}
        for path, digest, role in files
    ]
    return manifest, [*listed, entry(f"{name}/", tree=True, digest=manifest.digest)]


def test_weights_of_a_directory_join_and_a_shared_licence_does_not(close):
    _, subjects = members("m", ("w.bin", "w", "weights"), ("LICENSE", "l", "other"))
    made = step(subjects, [entry("data")])
    by_weights, by_licence = step([entry("a")], [entry("w")]), step([entry("b")], [entry("l")])
    assert close([made, by_weights, by_licence], file("a")) == digests(made, by_weights)
    assert close([made, by_weights, by_licence], file("b")) == digests(by_licence)


def test_weights_of_a_large_directory_join_through_its_manifest(close):
    manifest, _ = members("m", ("w.bin", "w", "weights"), ("LICENSE", "l", "other"))
    alone = {**entry("m/", tree=True, digest=manifest.digest), "annotations": {"weights": ["w.bin"]}}
    made = step([alone], [entry("data")])
    by_weights, by_licence = step([entry("a")], [entry("w")]), step([entry("b")], [entry("l")])
    everything = [made, by_weights, by_licence]
    found = close(everything, file("a"), manifests=[manifest.data], whole=True)
    assert {each.statement_digest for each in found.bundles} == digests(made, by_weights)
    assert found.manifests == (manifest.digest,)  # a buyer needs it to see the link
    assert close(everything, file("b"), manifests=[manifest.data]) == digests(by_licence)
    assert close(everything, file("a")) == digests(by_weights)  # without it nobody can see the link


def test_which_manifests_a_buyer_needs(close):
    big, _ = members("big", ("w.bin", "w", "weights"), ("x", "x", "other"))
    small, subjects = members("small", ("w.bin", "v", "weights"))
    data, _ = members("data", ("1.png", "1", "other"))
    rows = [
        step([entry("data/", tree=True, digest=data.digest)], [entry("raw")]),
        step(subjects, [entry("data/", tree=True, digest=data.digest)]),
        step(
            [entry("big/", tree=True, digest=big.digest)], [entry("small/", tree=True, digest=small.digest)]
        ),
    ]
    manifests = [big.data, small.data, data.data]
    # the released directory's files are nobody's subjects; a dataset's file names stay at home
    found = close(rows, big.artifact, manifests=manifests, whole=True)
    assert (found.manifests, len(found.bundles)) == ((big.digest,), 3)
    assert close(rows, small.artifact, manifests=manifests, whole=True).manifests == ()
    assert close(rows, big.artifact, whole=True).manifests == ()  # there is none to hand over


def test_a_predicate_nobody_can_read_is_handed_over_and_leads_nowhere(close):
    broken = signed(statement([entry("m")], predicate_type("step"), {"buildDefinition": 7}).payload)
    assert close([broken, bundle("x")], file("m")) == digests(broken)


def test_a_circle_ends(close):
    one, other = step([entry("a")], [entry("b")]), step([entry("b")], [entry("a")])
    assert close([one, other], file("a")) == digests(one, other)


def test_a_long_chain_needs_no_recursion(close):
    chain = [step([entry(number)], [entry(number + 1)]) for number in range(3000)]
    assert close(chain, file(0)) == digests(*chain)


def test_the_limit_of_statements_holds(close):
    chain = [step([entry(number)], [entry(number + 1)]) for number in range(9)]
    assert len(close(chain, file(0), limits=Limits(statements=9))) == 9
    with pytest.raises(LimitError, match="statements: 9 is above the limit of 8"):
        close(chain, file(0), limits=Limits(statements=8))


def test_nothing_is_behind_what_nobody_knows(close):
    assert close([bundle("x")], file("y")) == set()
    assert close([], file("y")) == set()


def test_the_order_of_arrival_changes_nothing(close):
    world, release = good_world()
    there = close(world.bundles, release.artifact, whole=True)
    back = close(list(reversed(world.bundles)), release.artifact, whole=True)
    assert there == back
    found = [each.statement_digest for each in there.bundles]
    assert found == sorted(found)


# ── what speaks against it ──


def test_withdrawals_go_along_with_what_they_take_back(close):
    made, other = step([entry("m")], [entry("a")]), bundle("other")
    taken = takes_back(made)
    by_field = takes_back(withdraws=[made.statement_digest])  # not among its subjects
    taken_twice = takes_back(taken)
    unrelated = takes_back(other)
    everything = [taken_twice, by_field, unrelated, taken, made, other]
    assert close(everything, file("m")) == digests(made, taken, by_field, taken_twice)


def test_a_withdrawal_of_all_that_was_signed_in_a_window_goes_along_always(close):
    made = step([entry("m")], [entry("a")])
    window = takes_back(selector={"from": "2026-01-01T00:00:00Z"})
    unreadable = takes_back(selector=7)
    assert close([made, window, unreadable], file("m")) == digests(made, window, unreadable)


# ── earlier lists ──


def contents(names, bundles, **more):
    """A list of contents of the release with these names."""
    made = contents_statement(
        [describe(file(name), name) for name in names],
        [listed(each.statement(), {"key": sha("signer")}) for each in bundles],
        Release(name="r"),
        **more,
    )
    return signed(made.payload)


def test_earlier_lists_of_the_release_go_along_with_all_they_list(close):
    """A buyer asks that every list in hand be satisfied."""
    made, unlinked = step([entry("m")], [entry("a")]), bundle("no longer behind it")
    taken = takes_back(unlinked)
    first = contents(["m"], [made, unlinked])
    second = contents(["m"], [made, unlinked, first], sequence=2, previous=first.statement_digest)
    of_input = contents(["a"], [bundle("x")])
    everything = [first, second, of_input, made, unlinked, taken, bundle("x")]
    assert close(everything, file("m")) == digests(first, second, made, unlinked, taken)


def test_an_earlier_list_does_not_end_the_search(close):
    """What came after the list was signed is found although the list names the steps on the way."""
    made, data = step([entry("m")], [entry("a")]), about("dataset", "a")
    first = contents(["m"], [made, data])
    later = about("rights", "a")
    assert close([made, data, first, later], file("m")) == digests(made, data, first, later)


def test_what_an_earlier_list_names_and_the_store_lacks_is_said(close):
    made, lost = step([entry("m")], [entry("a")]), bundle("lost")
    found = close([made, contents(["m"], [made, lost])], file("m"), whole=True)
    assert found.missing == (lost.statement_digest,)


# ── as a buyer sees it ──


@st.composite
def worlds(draw):
    """Statements about a handful of artifacts, at random."""
    names = st.integers(0, 7)
    bundles = []
    for number in range(draw(st.integers(1, 9))):
        outputs = draw(st.lists(names, min_size=1, max_size=2, unique=True))
        inputs = draw(st.lists(names, max_size=3, unique=True))
        by = draw(st.lists(names, max_size=1))
        described = [{**entry(each), "annotations": {"role": "dataset"}} for each in inputs]
        unsigned = step([entry(each) for each in outputs], described, [entry(each) for each in by])
        value = json.loads(unsigned.payload)
        value["predicate"]["buildDefinition"]["externalParameters"]["seed"] = number
        described = [entry(each) for each in outputs]
        bundles.append(("step", described, value["predicate"]))
    described = {"name": "d", "acquisition": {"channel": "crawl"}}
    bundles += [("dataset", [entry(each)], described) for each in draw(st.lists(names, max_size=4))]
    return draw(st.permutations(bundles))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(worlds(), st.integers(0, 7))
def test_a_buyer_sees_the_same_lineage_as_somebody_who_has_everything(close, statements, number):
    world = World()
    for kind, subjects, predicate in statements:
        world.sign(kind, subjects, predicate, "ci" if kind == "step" else "desk")
    released = file(number)

    def lineage(bundles):
        return Lineage(world.review(released, lines=bundles).graph, [released])

    whole = lineage(world.bundles)
    handed = close(world.bundles, released, whole=True)
    seen = lineage(handed.bundles)
    assert seen.ancestors.keys() == whole.ancestors.keys() == handed.reached
    assert {a: each.status for a, each in seen.ancestors.items()} == {
        a: each.status for a, each in whole.ancestors.items()
    }
    assert {each.evidence.digest for each in seen.steps} == {each.evidence.digest for each in whole.steps}
    assert {each.digest for each in seen.evidence()} == {each.digest for each in whole.evidence()}


# ── the closing list ──

SUBJECTS = [describe(Artifact("a" * 64, tree=True), "model"), describe(Artifact("b" * 64), "card.md")]
RELEASE = Release(name="model", version="1")
KEY = {"key": "c" * 64}


def entries(*names, key=KEY):
    return [listed(bundle(name).statement(), key) for name in names]


def test_a_list_says_what_is_handed_over():
    made = contents_statement(SUBJECTS, entries("x"), RELEASE, 3, "d" * 64)
    assert made.predicate == {
        "sequence": 3,
        "previous": "d" * 64,
        "visibility": "full",
        "release": {"name": "model", "version": "1"},
        "statements": [
            {
                "digest": {"sha256": bundle("x").statement_digest},
                "predicateType": "https://example.org/any/v1",
                "signer": KEY,
            }
        ],
    }
    assert [(each.name, each.artifact) for each in made.subjects] == [
        ("model/", Artifact("a" * 64, tree=True)),
        ("card.md", Artifact("b" * 64)),
    ]
    assert read_predicate(made).sequence == 3
    first = contents_statement(SUBJECTS, entries("x"), Release(name="m"))
    assert "previous" not in first.predicate
    assert first.predicate["release"] == {"name": "m"}


@given(st.permutations([*entries("x", "y", "z"), *entries("x", key={"key": "e" * 64}), *entries("x")]))
def test_entries_are_sorted_and_stand_once(some):
    made = contents_statement(SUBJECTS, some, RELEASE)
    found = [(each["digest"]["sha256"], each["signer"]["key"]) for each in made.predicate["statements"]]
    assert found == sorted(set(found))
    assert len(found) == 4


def test_a_signer_by_certificate_is_named_by_subject_and_issuer():
    who = {"subject": "https://ci.example/train@refs/tags/v1", "issuer": "https://issuer.example"}
    (found,) = contents_statement(SUBJECTS, entries("x", key=who), RELEASE).predicate["statements"]
    assert found["signer"] == who


def test_a_release_without_artifact_or_name_is_refused():
    with pytest.raises(FormatError, match="at least one subject"):
        contents_statement([], entries("x"), RELEASE)


def test_the_first_list_the_same_again_and_the_next():
    first = closing_statement(SUBJECTS, entries("x", "y"), RELEASE, [])
    assert (first.predicate["sequence"], "previous" in first.predicate) == (1, False)
    own = listed(first, KEY)

    # nothing has changed: the earlier list is itself among what is handed over
    assert closing_statement(SUBJECTS, [*entries("y", "x"), own], RELEASE, [first]) == first

    second = closing_statement(SUBJECTS, [*entries("x", "y", "z"), own], RELEASE, [first])
    assert (second.predicate["sequence"], second.predicate["previous"]) == (2, first.digest)
    assert first.digest in {each["digest"]["sha256"] for each in second.predicate["statements"]}

    both = [*entries("x", "y", "z"), own, listed(second, KEY)]
    for earlier in ([first, second], [second, first]):
        assert closing_statement(SUBJECTS, both, RELEASE, earlier) == second
    third = closing_statement(SUBJECTS, [*both, *entries("w")], RELEASE, [second, first])
    assert (third.predicate["sequence"], third.predicate["previous"]) == (3, second.digest)


@pytest.mark.parametrize(
    "change",
    [
        {"release": Release(name="model", version="2")},
        {"release": Release(name="other", version="1")},
        {"subjects": SUBJECTS[:1]},
        {"some": entries("x", key={"key": "e" * 64})},
        {"some": []},
    ],
    ids=["version", "name", "artifacts", "signer", "fewer"],
)
def test_any_change_makes_a_new_list(change):
    first = closing_statement(SUBJECTS, entries("x"), RELEASE, [])
    some = [*change.get("some", entries("x")), listed(first, KEY)]
    again = closing_statement(change.get("subjects", SUBJECTS), some, change.get("release", RELEASE), [first])
    assert (again.predicate["sequence"], again.predicate["previous"]) == (2, first.digest)


def test_an_earlier_list_that_cannot_be_read_is_none():
    broken = statement([entry("m")], predicate_type("contents"), {"sequence": "many"})
    assert closing_statement(SUBJECTS, entries("x"), RELEASE, [broken]).predicate["sequence"] == 1


def test_a_signed_list_is_what_a_buyers_rule_reads():
    world, release = good_world()
    statements = [parse_bundle(each.raw).statement() for each in world.bundles[:3]]
    made = contents_statement(
        [describe(release.artifact, "release")],
        [listed(each, signer("ci").identity) for each in statements],
        RELEASE,
    )
    assert {each.digest.sha256 for each in read_predicate(made).statements} == {s.digest for s in statements}
    assert read_predicate(made).visibility == "full"
