"""What every store must do: run by ``test_members.py`` over each member of the table ``STORES``.

A new store adds one line to ``PLACES``: a function that makes a place no store was in before, and skips
loudly where its server cannot be had.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.bundle import read_lines, write_lines
from attest.digest import sha256_bytes
from attest.errors import FormatError, LimitError, StoreError
from attest.limits import Limits
from attest.links import links_of
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact
from attest.store import open_store

from .samples import bundle, dataset, distribution, entry, link, pretty, raws, sha, signed, statement, step


def _in_postgres(_, fixture):
    server = fixture("postgres")
    return server.uri(server.new_schema())


PLACES = {
    "postgresql": _in_postgres,
    "sqlite": lambda folder, _: f"sqlite:{folder / 'store.db'}",
}
"""Scheme → a URI of a new, empty place. The folder is the test's own; a fixture is given by its name."""


def everything(store):
    """All a store holds, and finds."""
    found = list(store.bundles())
    subjects = {one.artifact for each in found for one in each.statement().subjects}
    return (
        [one.raw for one in found],
        {each: store.by_subject(each.sha256, tree=each.tree) for each in subjects},
        {each: store.manifest(each) for each in store.manifests()},
    )


def walked(bundles, start, *, backwards=False, manifest=None):
    """What ``Store.reach`` comes to, the naive way: artifacts and digests of statements."""
    links = {one.statement_digest: links_of(one.statement(), manifest=manifest) for one in bundles}
    known = {each for one in links.values() for each in one.sources | one.products}
    reached, through = set(start) & known, set()
    while True:
        size = len(reached), len(through)
        for digest, one in links.items():
            before, after = (one.products, one.sources) if backwards else (one.sources, one.products)
            if before & reached:
                through.add(digest)
                reached |= after
        if (len(reached), len(through)) == size:
            return reached, through


def reached(store, *start, backwards=False):
    """What ``Store.reach`` comes to; every count and every answer once."""
    found = store.reach(start, backwards=backwards)
    artifacts, statements = list(found.artifacts()), list(found.statements())
    assert (found.artifact_count, found.statement_count) == (len(artifacts), len(statements))
    assert (len(set(artifacts)), len(set(statements))) == (len(artifacts), len(statements))
    order = list(store.statements())
    assert statements == sorted(statements, key=order.index)
    return set(artifacts), set(statements)


def file(name):
    return Artifact(sha(name))


def tree(name):
    return Artifact(sha(name), tree=True)


class StoreConformance:
    """Takes the fixture ``uri``: a place no store was in before."""

    @pytest.fixture
    def store(self, uri):
        with open_store(uri, create=True) as opened:
            yield opened

    # ── what goes in comes out ──

    def test_a_new_store_is_empty_and_well(self, store):
        assert raws(store) == []
        assert list(store.manifests()) == []
        found = store.check()
        assert (found.statements, found.bundles, found.manifests, found.problems) == (0, 0, 0, ())

    def test_bundles_come_back_byte_for_byte_in_the_order_of_arrival(self, store):
        some = [bundle(name) for name in "zayb"]
        assert store.put(some[:3]) == 3
        assert store.put(some[3:]) == 1
        assert raws(store) == [one.raw for one in some]
        assert [one.payload for one in store.bundles()] == [one.payload for one in some]

    def test_the_same_bundle_is_kept_once(self, store):
        one, two = bundle("a"), bundle("b")
        assert store.put([one, one, two]) == 2
        assert store.put([two, one]) == 0
        assert raws(store) == [one.raw, two.raw]

    def test_two_signers_of_one_statement_are_two_bundles(self, store):
        alice, other, bob = bundle("a"), bundle("b"), bundle("a", signer="bob")
        store.put([alice, other, bob])
        assert [one.raw for one in store.bundles(alice.statement_digest)] == [alice.raw, bob.raw]
        assert store.by_subject(sha("a")) == [alice.statement_digest]
        found = store.check()
        assert (found.statements, found.bundles, found.problems) == (2, 3, ())

    def test_a_line_is_known_when_it_is_kept_to_the_byte(self, store):
        one, two = pretty(bundle("a")), bundle("b")
        assert store.kept_as(one.line) is None
        store.put([one, two, bundle("a", signer="bob")])
        for each in (one, two, bundle("a", signer="bob")):
            assert store.kept_as(each.line) == each.statement_digest
        for other in (one.raw, two.line + b" ", b"", bundle("b", signer="bob").line):
            assert store.kept_as(other) is None

    def test_an_unknown_statement_has_no_bundles(self, store):
        store.put([bundle("a")])
        assert list(store.bundles(sha("nobody"))) == []

    def test_a_pretty_printed_bundle_is_kept_on_one_line(self, store):
        one = bundle("a")
        spread = pretty(one)
        assert b"\n" in spread.raw
        store.put([spread])
        (kept,) = store.bundles()
        assert not {*b"\r\n"} & {*kept.raw}
        assert json.loads(kept.raw) == json.loads(one.raw)
        assert (kept.payload, kept.signature) == (one.payload, one.signature)
        assert store.put([pretty(one)]) == 0

    def test_a_large_payload_is_kept(self, store):
        one = bundle("a", predicate={"log": ["x" * 60_000] * 20})
        store.put([pretty(one)])
        assert next(store.bundles()).payload == one.payload

    def test_what_was_put_is_there_after_opening_again(self, uri):
        one = bundle("a")
        with open_store(uri, create=True) as store:
            store.put([one], [b"manifest"])
        with open_store(uri) as store:
            assert raws(store) == [one.raw]
            assert store.manifest(sha("manifest")) == b"manifest"
        with open_store(uri, create=True) as store:  # what is there is opened, not made anew
            assert raws(store) == [one.raw]

    def test_two_open_stores_see_what_the_other_put(self, uri):
        with open_store(uri, create=True) as one, open_store(uri) as two:
            one.put([bundle("a")])
            two.put([bundle("b")])
            assert raws(one) == raws(two) == [bundle("a").raw, bundle("b").raw]

    def test_putting_while_reading_is_safe(self, store):
        store.put([bundle("a"), bundle("b")])
        reader = store.bundles()
        assert next(reader).raw == bundle("a").raw
        store.put([bundle("c")])
        assert [one.raw for one in reader] == [bundle("b").raw, bundle("c").raw]

    def test_an_export_put_into_a_new_store_gives_the_same_content(self, store, tmp_path):
        made = step([entry("out/", tree=True)], [entry("in/", tree=True), entry("code")])
        store.put([made, pretty(bundle("x")), bundle("x", signer="bob"), bundle("ß\u202e")], [b"m", b"n"])
        write_lines(tmp_path / "export.jsonl", store.bundles())
        manifests = [store.manifest(each) for each in store.manifests()]
        with open_store(str(tmp_path / "second.db"), create=True) as second:
            assert second.put(read_lines(tmp_path / "export.jsonl"), manifests) == 4
            assert everything(second) == everything(store)
            assert second.check() == store.check()

    # ── finding ──

    def test_a_tree_never_matches_a_file(self, store):
        of_tree, of_file = step([entry("same", tree=True)]), step([entry("same")])
        store.put([of_tree, of_file])
        assert store.by_subject(sha("same"), tree=True) == [of_tree.statement_digest]
        assert store.by_subject(sha("same"), tree=False) == [of_file.statement_digest]
        assert store.by_subject(sha("same")) == [of_tree.statement_digest, of_file.statement_digest]

    def test_inputs_are_dependencies_and_byproducts_but_not_outputs(self, store):
        one = step([entry("model")], [entry("data", tree=True), entry("code")], [entry("checkpoint")])
        store.put([one])
        for name in ("data", "code", "checkpoint"):
            assert store.by_input(sha(name)) == [one.statement_digest]
        assert store.by_input(sha("model")) == []
        assert store.by_subject(sha("data")) == []
        assert store.by_input(sha("data"), tree=True) == [one.statement_digest]
        assert store.by_input(sha("data"), tree=False) == []

    def test_what_is_found_comes_oldest_first_and_once(self, store):
        some = [
            step([entry(f"out{n}"), entry("both"), entry("both", tree=True)], [entry("in")]) for n in range(9)
        ]
        expected = [one.statement_digest for one in some]
        store.put(some)
        store.put(
            [step([entry("out3"), entry("both"), entry("both", tree=True)], [entry("in")], signer="bob")]
        )
        assert store.by_input(sha("in")) == expected
        assert store.by_subject(sha("both")) == expected

    def test_only_provenance_has_inputs(self, store):
        predicate = {"buildDefinition": {"resolvedDependencies": [entry("data")]}}
        store.put([bundle("a", predicate=predicate)])
        assert store.by_input(sha("data")) == []

    def test_other_digests_link_nothing(self, store):
        alias = {"name": "data", "digest": {"sha512": "a" * 128, "gitCommit": sha("data")[:40]}}
        store.put([step([entry("model")], [alias])])
        assert store.by_input(sha("data")) == []
        assert store.check().problems == ()

    @pytest.mark.parametrize(
        "odd",
        [
            None,
            "text",
            {"name": "none"},
            {"digest": None},
            {"digest": {"sha256": 5}},
            {"digest": {"sha256": sha("data").upper()}},
            {"digest": {"sha256": sha("data") + "00"}},
            {"digest": {"sha256": ""}},
        ],
    )
    def test_odd_inputs_are_passed_over_and_the_others_found(self, store, odd):
        one = step([entry("model")], [odd, entry("code")])
        store.put([one])
        assert store.by_input(sha("code")) == [one.statement_digest]
        assert store.check().problems == ()

    @pytest.mark.parametrize("predicate", [{"buildDefinition": 5}, {"runDetails": {"byproducts": {}}}, {}])
    def test_odd_provenance_is_kept(self, store, predicate):
        one = signed(statement([entry("a")], "https://slsa.dev/provenance/v1", predicate).payload)
        store.put([one])
        assert store.by_subject(sha("a")) == [one.statement_digest]

    @pytest.mark.parametrize(
        "wrong", ["", "abc", "sha256:" + sha("a"), sha("a").upper(), sha("a")[:-1] + "\n"]
    )
    def test_a_malformed_digest_is_an_error_and_not_an_empty_answer(self, store, wrong):
        store.put([bundle("a")])
        for ask in (store.by_subject, store.by_input, store.manifest, lambda each: list(store.bundles(each))):
            with pytest.raises(FormatError, match="64 lowercase hex digits"):
                ask(wrong)

    def test_statements_are_found_by_their_exact_type(self, store):
        one, two, made = bundle("a"), bundle("b"), step([entry("out")], [entry("in")])
        store.put([two, made, one, bundle("b", signer="bob")])
        assert store.by_type("https://example.org/any/v1") == [two.statement_digest, one.statement_digest]
        assert store.by_type("https://slsa.dev/provenance/v1") == [made.statement_digest]
        for other in ("https://example.org/any/v", "https://example.org/any/v1/", "%", "", "' OR 1 --"):
            assert store.by_type(other) == []

    def test_all_statements_are_listed_oldest_first(self, store):
        some = [bundle(number) for number in range(2100)]
        assert list(store.statements()) == []
        store.put([*some, bundle(7, signer="bob")])
        assert list(store.statements()) == [one.statement_digest for one in some]

    def test_statements_about_many_artifacts_are_found_once(self, store):
        some = [bundle("a", "b"), bundle("b", predicate={"x": 1}), bundle("c")]
        used = step([entry("out")], [entry("a"), entry("b")])
        store.put([*some, used])
        digests = [one.statement_digest for one in some]
        asked = (file(name) for name in ("a", "b", "nobody", "a"))
        assert sorted(store.by_subjects(asked)) == sorted(digests[:2])
        assert list(store.by_subjects([tree("a")])) == []
        assert list(store.by_subjects([])) == []
        with pytest.raises(FormatError, match="64 lowercase hex digits"):
            list(store.by_subjects([Artifact("A" * 64)]))

    def test_everything_that_speaks_of_artifacts_is_found_once(self, store):
        made = step([entry("out")], [entry("in")], [entry("log")])
        described = dataset("in", [entry("origin")])
        sent = distribution("folder", entry("out"))
        other = step([entry("elsewhere")], [entry("in")])
        store.put([made, described, sent, other])

        def asked(*names):
            return set(store.by_artifacts(file(name) for name in names))

        assert asked("in") == {made.statement_digest, described.statement_digest, other.statement_digest}
        assert asked("origin") == {described.statement_digest}
        assert asked("out", "log", "nobody") == {made.statement_digest, sent.statement_digest}
        assert len(list(store.by_artifacts([file("out"), file("out"), file("in")]))) == 4
        assert list(store.by_artifacts([tree("in")])) == []
        assert list(store.by_artifacts([])) == []
        with pytest.raises(FormatError, match="64 lowercase hex digits"):
            list(store.by_artifacts([Artifact("A" * 64)]))

    def test_artifacts_are_found_by_their_other_digests(self, store):
        def named(name, **digests):
            return {"name": name, "digest": {"sha256": sha(name), **digests}}

        both = {"sha512": "a" * 128, "sha384": "b" * 96, "md5": "c" * 32, "sha224": "not hex"}
        made = step(
            [named("out", **both)], [named("in", sha512="d" * 128)], [named("left", sha3_256="e" * 64)]
        )
        data = dataset("set", [named("origin", sha512="a" * 128)])
        sent = signed(
            statement(
                [entry("about")],
                "https://w3id.org/attest/distribution/v0.1",
                {"what": [named("sent", sha512="f" * 128)]},
            ).payload
        )
        store.put([made, data, sent])
        assert store.by_alias("sha512", "a" * 128) == sorted([file("out"), file("origin")])
        assert store.by_alias("sha384", "b" * 96) == [file("out")]
        assert store.by_alias("sha512", "d" * 128) == [file("in")]
        assert store.by_alias("sha3_256", "e" * 64) == [file("left")]
        assert store.by_alias("sha512", "f" * 128) == [file("sent")]
        for algorithm, value in [
            ("sha512", "0" * 128),
            ("sha512", "A" * 128),
            ("md5", "c" * 32),
            ("sha224", "not hex"),
            ("sha256", sha("out")),
            ("", ""),
        ]:
            assert store.by_alias(algorithm, value) == []
        assert store.check().problems == ()

    def test_a_document_about_an_order_describes_no_artifact(self, store):
        order = {"name": "order", "digest": {"sha256": sha("order"), "sha512": "a" * 128}}
        store.put([signed(statement([order], "https://w3id.org/attest/deletion-order/v0.1").payload)])
        assert store.by_alias("sha512", "a" * 128) == []

    # ── walking ──

    def test_a_walk_goes_from_what_was_read_to_what_was_made_and_back(self, store):
        first = step([entry("model")], [entry("data", tree=True), entry("code")], [entry("checkpoint")])
        second = step([entry("small")], [entry("model")])
        third = step([entry("resumed")], [entry("checkpoint")])
        data = dataset("data", [entry("raw")], tree=True)
        rights = bundle("small")
        other = step([entry("unrelated")], [entry("elsewhere")])
        store.put([first, second, third, data, rights, other])
        one, two, three, four, five, _ = (
            each.statement_digest for each in (first, second, third, data, rights, other)
        )
        assert reached(store, file("model")) == ({file("model"), file("small")}, {two})
        assert reached(store, file("raw")) == (
            {file("raw"), tree("data"), *map(file, ("model", "checkpoint", "small", "resumed"))},
            {one, two, three, four},
        )
        assert reached(store, file("small"), backwards=True) == (
            {*map(file, ("small", "model", "code", "raw")), tree("data")},
            {one, two, four, five},
        )
        assert reached(store, file("data")) == (set(), set())  # a tree never matches a file
        assert reached(store, file("nobody"), backwards=True) == (set(), set())
        assert reached(store) == (set(), set())
        with pytest.raises(FormatError, match="64 lowercase hex digits"):
            store.reach([Artifact(sha("model").upper())])

    def test_a_walk_ends_where_things_are_made_of_themselves(self, store):
        again = step([entry("a")], [entry("a")])
        there, back = step([entry("b")], [entry("a")]), step([entry("a")], [entry("b")])
        store.put([again, there, back])
        for backwards in (False, True):
            found = reached(store, file("b"), backwards=backwards)
            assert found == ({file("a"), file("b")}, {one.statement_digest for one in (again, there, back)})

    def test_what_a_link_lists_as_a_material_too_was_not_made(self, store):
        one = link([entry("new"), entry("kept")], [entry("old"), entry("kept")])
        store.put([one])
        assert reached(store, file("old")) == ({file("old"), file("new")}, {one.statement_digest})
        assert reached(store, file("kept"), backwards=True) == ({file("kept")}, set())
        assert store.by_subject(sha("kept")) == store.by_input(sha("kept")) == [one.statement_digest]
        assert list(store.by_subjects([file("kept")])) == [one.statement_digest]
        assert store.check().problems == ()

    def test_weights_lead_to_the_directories_that_hold_them(self, store):
        made = step([entry("weights")], [entry("data")])
        listed = [
            {**entry("model/", tree=True), "digest": {"sha256": sha("model")}},
            {**entry("model/w.bin", digest=sha("weights")), "annotations": {"role": "weights"}},
            {**entry("model/LICENSE", digest=sha("licence")), "annotations": {"role": "other"}},
        ]
        packed = step(listed, [entry("notes")])
        store.put([made, packed])
        assert tree("model") in reached(store, file("data"))[0]
        assert reached(store, file("licence")) == ({file("licence")}, set())
        assert file("data") in reached(store, tree("model"), backwards=True)[0]

    @pytest.mark.parametrize("first", ["bundles", "manifest", "together"])
    def test_weights_of_a_large_directory_are_known_from_its_manifest(self, store, first):
        manifest = f"{sha('licence')}  LICENSE\n{sha('weights')}  w.bin\n".encode()
        large = {
            "name": "model/",
            "digest": {"sha256": sha256_bytes(manifest)},
            "mediaType": MANIFEST_MEDIA_TYPE,
            "annotations": {"weights": ["w.bin", "no such file", 5]},
        }
        packed = step([large], [entry("data")])
        used = step([entry("tuned")], [entry("weights")])
        puts = {
            "bundles": [([packed, used], []), ([], [manifest])],
            "manifest": [([], [manifest]), ([packed, used], [])],
            "together": [([packed, used], [manifest])],
        }
        for each in puts[first]:
            store.put(*each)
        model = Artifact(sha256_bytes(manifest), tree=True)
        both = {packed.statement_digest, used.statement_digest}
        assert reached(store, file("data")) == ({model, *map(file, ("data", "weights", "tuned"))}, both)
        assert reached(store, file("weights")) == ({model, *map(file, ("weights", "tuned"))}, both)
        assert store.by_subject(sha("weights")) == []
        assert store.by_input(sha("weights")) == [used.statement_digest]
        assert reached(store, file("licence")) == (set(), set())
        assert store.check().problems == ()

    @pytest.mark.parametrize("late", [False, True])
    def test_weights_may_be_what_a_step_read_or_left_behind_as_well(self, store, late):
        manifest = f"{sha('weights')}  w.bin\n{sha('other')}  x.bin\n".encode()
        large = {
            **entry("m/", tree=True, digest=sha256_bytes(manifest)),
            "annotations": {"weights": ["w.bin"]},
        }
        again = {**large, "annotations": {"weights": ["w.bin", "x.bin"]}}
        some = [
            step([large], [entry("data")], [entry("weights")]),
            step([again, entry("other")], [entry("weights")]),
        ]
        store.put(some, [] if late else [manifest])
        store.put([], [manifest])
        assert store.check().problems == ()
        assert store.by_input(sha("weights")) == [one.statement_digest for one in some]
        assert store.by_subject(sha("other")) == [some[1].statement_digest]

    def test_a_manifest_that_is_none_lists_no_weights(self, store):
        large = {**entry("x/", tree=True, digest=sha("no manifest")), "annotations": {"weights": ["w"]}}
        one = step([large], [entry("data")])
        store.put([one], [b"no manifest"])
        assert reached(store, file("data"))[1] == {one.statement_digest}
        assert store.check().problems == ()

    def test_a_walk_stays_what_it_was_when_more_is_put(self, store):
        store.put([step([entry("b")], [entry("a")])])
        found = store.reach([file("a")])
        store.put([step([entry("c")], [entry("b")])])
        assert set(found.artifacts()) == {file("a"), file("b")}
        assert found.artifact_count == 2
        assert store.reach([file("a")]).artifact_count == 3

    def test_a_long_walk_comes_to_its_end(self, store):
        store.put(step([entry(number + 1)], [entry(number)]) for number in range(2500))
        found = store.reach([file(0)])
        assert (found.artifact_count, found.statement_count) == (2501, 2500)
        assert set(found.artifacts()) == {file(number) for number in range(2501)}
        assert store.reach([file(2500)], backwards=True).statement_count == 2500

    # ── manifests ──

    def test_manifests_come_back_by_their_own_digest(self, store):
        store.put([], [b"one", b"two", b"one"])
        store.put([], [b"two", b"three"])
        assert list(store.manifests()) == [sha("one"), sha("two"), sha("three")]
        assert store.manifest(sha("two")) == b"two"
        assert store.manifest(sha("four")) is None
        assert store.check().manifests == 3

    def test_an_empty_manifest_is_not_an_absent_one(self, store):
        store.put([], [b""])
        assert store.manifest(sha("")) == b""
        assert store.check().problems == ()

    # ── all or nothing ──

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"not json", "not JSON"),
            (b"\xff", "not UTF-8"),
            (b"[]", "_type"),
            (b'{"_type":"https://in-toto.io/Statement/v0.2","subject":[],"predicateType":"x"}', "_type"),
            (b'{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}', "subject"),
            (b'{"_type":1,"_type":2}', "duplicate key"),
            (b"[" * 10_000, "nesting|depth|not JSON"),
        ],
    )
    def test_what_is_no_statement_is_refused_before_anything_is_written(self, store, payload, reason):
        store.put([bundle("before")])
        with pytest.raises(FormatError, match=reason):
            store.put([bundle("good"), signed(payload), bundle("never")], [b"manifest"])
        assert raws(store) == [bundle("before").raw]
        assert list(store.manifests()) == []
        assert store.by_subject(sha("good")) == []

    def test_another_payload_type_is_refused(self, store):
        from attest.bundle import parse_bundle

        value = json.loads(bundle("a").raw)
        value["dsseEnvelope"]["payloadType"] = "text/plain\x1b[31m"
        with pytest.raises(FormatError, match="payloadType: got 'text/plain"):
            store.put([parse_bundle(json.dumps(value).encode())])
        assert raws(store) == []

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, FormatError])
    @pytest.mark.parametrize("count", [0, 3, 1500])  # a short put, and one longer than what is prepared ahead
    def test_a_source_that_fails_leaves_nothing(self, store, count, error):
        def source():
            for number in range(count):
                yield bundle(number)
            raise error("the source broke")

        with pytest.raises(error, match="the source broke"):
            store.put(source(), [b"manifest"])
        assert raws(store) == []
        assert store.check().problems == ()
        assert store.put([bundle("after")]) == 1

    def test_a_manifest_source_that_fails_leaves_nothing(self, store):
        def source():
            yield b"one"
            raise ValueError("the source broke")

        with pytest.raises(ValueError, match="the source broke"):
            store.put([bundle("a")], source())
        assert (raws(store), list(store.manifests())) == ([], [])

    def test_a_long_stream_is_put_whole(self, store):
        assert store.put(bundle(number) for number in range(2500)) == 2500
        assert len(raws(store)) == 2500
        assert store.by_subject(sha(2499)) == [bundle(2499).statement_digest]

    def test_limits_of_the_reader_hold(self, uri):
        with open_store(uri, create=True, limits=Limits(step_inputs=2, payload_bytes=5000)) as store:
            store.put([step([entry("a")], [entry("x")], [entry("y")])])
            with pytest.raises(LimitError, match="step inputs: 3 is above the limit of 2"):
                store.put([step([entry("a")], [entry("x"), entry("z")], [entry("y")])])
            with pytest.raises(LimitError, match="payload bytes"):
                store.put([bundle("a", predicate={"x": ["y" * 900] * 6})])
            assert len(raws(store)) == 1

    # ── opening and closing ──

    def test_there_is_no_store_unless_one_is_made(self, uri):
        for read_only in (False, True):
            with pytest.raises(StoreError, match="no store"):
                open_store(uri, read_only=read_only)
        with pytest.raises(StoreError, match="no store"):
            open_store(uri, create=True, read_only=True)

    def test_reading_only_reads_and_never_writes(self, uri):
        with open_store(uri, create=True) as store:
            store.put([bundle("a")], [b"m"])
        with open_store(uri, read_only=True) as store:
            with pytest.raises(StoreError, match="reading only"):
                store.put([bundle("b")])
            assert raws(store) == [bundle("a").raw]
            assert store.by_subject(sha("a")) == [bundle("a").statement_digest]
            assert store.manifest(sha("m")) == b"m"
            assert store.check().problems == ()

    def test_a_reader_sees_what_is_put_meanwhile(self, uri):
        with open_store(uri, create=True) as writer, open_store(uri, read_only=True) as reader:
            writer.put([bundle("a")])
            assert raws(reader) == [bundle("a").raw]

    def test_a_closed_store_says_so(self, uri):
        store = open_store(uri, create=True)
        store.put([bundle("a"), bundle("b")])
        reader, walk = store.bundles(), store.reach([file("a")])
        next(reader)
        store.close()
        store.close()
        for use in (
            lambda: next(reader),
            lambda: store.put([bundle("c")]),
            store.check,
            lambda: raws(store),
            lambda: store.reach([file("a")]),
            lambda: next(store.statements()),
            lambda: list(store.by_subjects([file("a")])),
            lambda: list(store.by_artifacts([file("a")])),
            lambda: list(walk.artifacts()),
        ):
            with pytest.raises(StoreError, match="closed"):
                use()

    # ── any content ──

    @given(
        data=st.lists(
            st.tuples(
                st.lists(st.integers(0, 5), min_size=1, max_size=3),
                st.lists(st.integers(0, 5), max_size=3),
                st.sampled_from(["alice", "bob"]),
            ),
            max_size=8,
        ),
        cut=st.integers(0, 8),
    )
    def test_any_lineage_is_found_as_it_was_put(self, places, data, cut):
        some = [
            step([entry(n, tree=n % 2 == 0) for n in out], [entry(n) for n in into], signer=who)
            for out, into, who in data
        ]
        unique = list({one.raw: one for one in some}.values())
        with open_store(places(), create=True) as store:
            assert store.put(some[:cut]) + store.put(some[cut:]) == len(unique)
            assert raws(store) == [one.raw for one in unique]
            for number in range(6):
                made = [
                    one.statement_digest for (out, _, _), one in zip(data, some, strict=True) if number in out
                ]
                used = [
                    one.statement_digest
                    for (_, into, _), one in zip(data, some, strict=True)
                    if number in into
                ]
                assert store.by_subject(sha(number), tree=number % 2 == 0) == list(dict.fromkeys(made))
                assert store.by_subject(sha(number), tree=number % 2 == 1) == []
                assert store.by_input(sha(number)) == list(dict.fromkeys(used))
            assert store.check().problems == ()

    @given(
        data=st.lists(
            st.tuples(
                st.sampled_from([step, link]),
                st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
                st.lists(st.integers(0, 9), max_size=3, unique=True),
                st.lists(st.integers(0, 9), max_size=1),
            ),
            max_size=9,
        ),
        sets=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3),
        start=st.sets(st.integers(0, 11), max_size=3),
        cut=st.integers(0, 9),
    )
    def test_any_walk_comes_to_what_is_linked(self, places, data, sets, start, cut):
        def named(number):  # 0 and 1, 2 and 3… are the directory and the file of one digest
            return entry(number // 2, tree=number % 2 == 0)

        some = [
            make([named(n) for n in out], [named(n) for n in into], [named(n) for n in left])
            for make, out, into, left in data
        ]
        some += [dataset(made // 2, [named(origin)], tree=made % 2 == 0) for made, origin in sets]
        begin = {Artifact(sha(number // 2), tree=number % 2 == 0) for number in start}
        with open_store(places(), create=True) as store:
            store.put(some[:cut])
            store.put(some[cut:])
            for backwards in (False, True):
                assert reached(store, *begin, backwards=backwards) == walked(some, begin, backwards=backwards)
            about = {
                one.statement_digest
                for one in some
                if begin & {each.artifact for each in one.statement().subjects}
            }
            assert set(store.by_subjects(begin)) == about
            assert store.check().problems == ()
