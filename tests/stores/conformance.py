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
from attest.errors import FormatError, LimitError, StoreError
from attest.limits import Limits
from attest.store import open_store

from .samples import bundle, entry, pretty, raws, sha, signed, statement, step

PLACES = {"sqlite": lambda folder: f"sqlite:{folder / 'store.db'}"}
"""Scheme → a URI of a new, empty place; ``folder`` is the test's own."""


def everything(store):
    """All a store holds, and finds."""
    found = list(store.bundles())
    subjects = {one.artifact for each in found for one in each.statement().subjects}
    return (
        [one.raw for one in found],
        {each: store.by_subject(each.sha256, tree=each.tree) for each in subjects},
        {each: store.manifest(each) for each in store.manifests()},
    )


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
        tree = step([entry("same", tree=True)])
        file = step([entry("same")])
        store.put([tree, file])
        assert store.by_subject(sha("same"), tree=True) == [tree.statement_digest]
        assert store.by_subject(sha("same"), tree=False) == [file.statement_digest]
        assert store.by_subject(sha("same")) == [tree.statement_digest, file.statement_digest]

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
        reader = store.bundles()
        next(reader)
        store.close()
        store.close()
        for use in (lambda: next(reader), lambda: store.put([bundle("c")]), store.check, lambda: raws(store)):
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
