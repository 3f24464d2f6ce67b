"""The next edition of a register: nothing vanishes, no older list takes the place of a newer one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores.samples import bundle, entry, sha, statement

from attest.errors import FormatError, UsageError
from attest.predicate import predicate_type, read_predicate
from attest.predicates.contents import Release
from attest.predicates.register import appended_only, document_digest
from attest.publisher import contents_statement, describe, listed
from attest.registrar import KINDS, Edition
from attest.resource import Artifact

ID = "https://registry.example/releases"
T0 = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
SCOPE = ["contents", "withdrawal", "rights"]


def first(scope=SCOPE, **more):
    return Edition.first(ID, scope, more.pop("as_of", T0), more.pop("next_update", T0 + 7 * DAY))


def after(edition, days=1, next_update=None):
    return Edition.after(edition.statement().predicate, T0 + days * DAY, next_update)


def contents(names=("model",), follows=(), sequence=1):
    """A list of contents of artifacts with these names, which lists earlier lists."""
    return contents_statement(
        [describe(Artifact(sha(name), tree=True), name) for name in names],
        [listed(each, {"key": "a" * 64}) for each in (bundle(str(names)).statement(), *follows)],
        Release(name="r"),
        sequence,
        follows[-1].digest if follows else None,
    )


def withdrawal(*digests, **more):
    subjects = [entry("s", digest=each) for each in digests] or [entry("window")]
    return statement(subjects, predicate_type("withdrawal"), more)


def rights(name="data", sequence=1, **more):
    return statement(
        [entry(name)], predicate_type("rights"), {"sequence": sequence, "status": "active", **more}
    )


def states(edition):
    """Statement digest → status, in the order of the register."""
    register = read_predicate(edition.statement())
    return {each.statement_digest: each.state for each in register.entries}


# ── editions ──


def test_the_first_edition_is_empty_and_names_its_document():
    made = first().statement()
    assert made.predicate == {
        "registerId": ID,
        "sequence": 1,
        "asOf": "2026-11-20T00:00:00Z",
        "nextUpdate": "2026-11-27T00:00:00Z",
        "scope": ["contents", "rights", "withdrawal"],
        "entries": [],
    }
    (subject,) = made.subjects
    assert (subject.name, subject.digest) == (ID, {"sha256": document_digest(made.predicate)})
    assert made.predicate_type == predicate_type("register")


def test_the_next_edition_follows_on_it():
    one = first()
    two = after(one)
    predicate = two.statement().predicate
    assert (predicate["sequence"], predicate["previous"]) == (2, document_digest(one.statement().predicate))
    assert (predicate["asOf"], predicate["nextUpdate"]) == ("2026-11-21T00:00:00Z", "2026-11-28T00:00:00Z")
    sooner = after(one, next_update=T0 + 2 * DAY).statement().predicate
    assert sooner["nextUpdate"] == "2026-11-22T00:00:00Z"


@pytest.mark.parametrize(
    "register_id", ["", "releases", "https://a b", "https://x\n", "x:", "https://ä", ":x"]
)
def test_an_id_is_a_uri(register_id):
    with pytest.raises(UsageError, match="is no URI"):
        Edition.first(register_id, SCOPE, T0, T0 + DAY)


@pytest.mark.parametrize(
    ("scope", "reason", "hint"),
    [
        (["content"], "unknown kind of entry 'content'", "did you mean 'contents'?"),
        (["unknown"], "unknown kind of entry 'unknown'", None),
        ([], "has to be complete for something", None),
    ],
)
def test_a_scope_is_known_kinds(scope, reason, hint):
    with pytest.raises(UsageError, match=reason) as caught:
        Edition.first(ID, scope, T0, T0 + DAY)
    if hint:
        assert caught.value.hint == hint
    assert set(KINDS) == {"contents", "order", "rights", "withdrawal"}


def test_times_run_forward():
    with pytest.raises(UsageError, match="the next update, 2026-11-20T00:00:00Z, is not after"):
        first(next_update=T0)
    with pytest.raises(UsageError, match="asOf went back from 2026-11-20T00:00:00Z to 2026-11-19T00:00:00Z"):
        after(first(), days=-1)
    with pytest.raises(UsageError, match="is not after"):
        after(first(), next_update=T0)
    after(first(), days=0)  # a correction on the same day


@pytest.mark.parametrize(
    "change",
    [
        {"later": 1},
        {"entries": [{"kind": "contents", "status": "current", "statement": {"sha256": "0" * 64}, "new": 1}]},
        {"entries": [{"kind": "novelty", "status": "x", "statement": {"sha256": "0" * 64}}]},
        {"entries": [{"kind": "contents", "status": "paused", "statement": {"sha256": "0" * 64}}]},
        {"entries": [7]},
        {"entries": 7},
        {"sequence": 0},
        {"sequence": "1"},
        {"asOf": "yesterday"},
        {"scope": "contents"},
    ],
    ids=str,
)
def test_what_is_not_understood_is_not_carried_on(change):
    """An edition that drops or misreads what a later version wrote would break the register."""
    predicate = {**first().statement().predicate, **change}
    with pytest.raises(FormatError, match=r"cannot read|register: "):
        Edition.after(predicate, T0 + DAY, None)


# ── contents ──


def test_a_list_becomes_current_and_the_one_it_follows_on_superseded():
    one, two = contents(), contents(follows=[contents()], sequence=2)
    edition = first()
    assert edition.add(one) == []
    assert states(edition) == {one.digest: "current"}
    later = after(edition)
    assert later.add(two) == [one.digest]
    assert states(later) == {one.digest: "superseded", two.digest: "current"}
    old, new = later.statement().predicate["entries"]
    assert (old["since"], new["since"]) == ("2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z")
    assert new["artifacts"] == [
        {
            "name": "model/",
            "digest": {"sha256": sha("model")},
            "mediaType": "application/vnd.attest.manifest",
        }
    ]


def test_lists_that_were_never_registered_may_lie_between():
    one = contents()
    two = contents(follows=[one], sequence=2)
    three = contents(follows=[one, two], sequence=3)
    edition = first()
    edition.add(one)
    later = after(edition)
    assert later.add(three) == [one.digest]


def test_an_older_list_does_not_become_current_again():
    one, two = contents(), contents(follows=[contents()], sequence=2)
    edition = first()
    edition.add(one)
    later = after(edition)
    later.add(two)
    with pytest.raises(UsageError, match="is listed already, as superseded"):
        after(later, days=2).add(one)
    # also where the older one was never registered
    only_two = first()
    only_two.add(two)
    with pytest.raises(UsageError, match="does not follow on the list that is current") as caught:
        after(only_two).add(one)
    assert "--keep-others" in caught.value.hint


def test_a_list_that_is_current_may_be_named_again():
    edition = first()
    edition.add(contents())
    later = after(edition)
    assert later.add(contents()) == []
    assert later.statement().predicate["entries"] == edition.statement().predicate["entries"]


def test_other_artifacts_and_other_publishers_keep_theirs():
    one, other = contents(["model"]), contents(["another"])
    edition = first()
    edition.add(one)
    edition.add(other)
    assert states(edition) == {one.digest: "current", other.digest: "current"}
    publisher = contents_statement(
        [describe(Artifact(sha("model"), tree=True), "model")], [], Release(name="theirs")
    )
    with pytest.raises(UsageError, match="does not follow on"):
        edition.add(publisher)
    assert edition.add(publisher, keep_others=True) == []
    mine = contents(["model"], [one], 2)
    assert edition.add(mine, keep_others=True) == [one.digest]
    assert states(edition)[publisher.digest] == "current"


def test_a_file_of_the_same_digest_is_another_artifact():
    tree = contents(["model"])
    file = contents_statement([describe(Artifact(sha("model")), "model")], [], Release(name="r"))
    edition = first()
    edition.add(tree)
    assert edition.add(file) == []
    assert set(states(edition).values()) == {"current"}


# ── withdrawals, rights ──


def test_a_withdrawal_names_what_it_takes_back():
    taken = withdrawal("a" * 64, withdraws=["b" * 64], effectiveFrom="2026-11-01T00:00:00Z")
    edition = first()
    assert edition.add(taken) == []
    (found,) = edition.statement().predicate["entries"]
    assert found == {
        "kind": "withdrawal",
        "statement": {"sha256": taken.digest},
        "status": "active",
        "withdraws": ["a" * 64, "b" * 64],
        "since": "2026-11-01T00:00:00Z",
    }


def test_rights_take_the_place_only_of_the_record_they_name():
    """Another rights-holder's restriction is never superseded because somebody else signed a record."""
    theirs, one = rights(sequence=5), rights(sequence=1)
    two = rights(sequence=2, supersedes=one.digest)
    edition = first()
    edition.add(theirs)
    edition.add(one)
    assert edition.add(two) == [one.digest]
    assert states(edition) == {theirs.digest: "current", one.digest: "superseded", two.digest: "current"}


# ── what a keeper says ──


def test_a_status_is_changed_by_hand():
    taken = withdrawal("a" * 64)
    edition = first()
    edition.add(taken)
    later = after(edition)
    later.set_status(taken.digest, "vacated")
    (found,) = later.statement().predicate["entries"]
    assert (found["status"], found["since"]) == ("vacated", "2026-11-21T00:00:00Z")
    with pytest.raises(UsageError, match="is listed already, as vacated"):
        after(later, days=2).add(taken)
    back = after(later, days=2)
    back.set_status(taken.digest, "active")
    assert states(back) == {taken.digest: "active"}


@pytest.mark.parametrize(
    ("digest", "status", "reason"),
    [
        ("f" * 64, "vacated", "is not listed in this register"),
        (withdrawal("a" * 64).digest, "current", "an entry of withdrawal has no status 'current'"),
        (withdrawal("a" * 64).digest, "vacant", "an entry of withdrawal has no status 'vacant'"),
    ],
)
def test_a_status_there_is_not(digest, status, reason):
    edition = first()
    edition.add(withdrawal("a" * 64))
    with pytest.raises(UsageError, match=reason):
        edition.set_status(digest, status)


def test_only_what_the_register_is_kept_for():
    with pytest.raises(UsageError, match="this register is kept for contents, not for rights"):
        first(["contents"]).add(rights())
    with pytest.raises(
        FormatError, match="got a dataset statement, expected contents, order, rights, withdrawal"
    ):
        first().add(statement([entry("x")], predicate_type("dataset"), {"name": "d"}))
    with pytest.raises(FormatError, match=r"got a https://example.org/any/v1 statement"):
        first().add(bundle("x").statement())
    with pytest.raises(FormatError, match="contents predicate"):
        first().add(statement([entry("x")], predicate_type("contents"), {"sequence": "many"}))


# ── always ──


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["contents", "withdrawal", "rights", "status"]), st.integers(0, 3)),
            max_size=3,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_edition_ever_breaks_the_rules_readers_hold_it_to(history):
    """Whatever a keeper does, every edition follows on every earlier one."""
    edition = first()
    signed = [edition.statement()]
    lists = {}
    for number, actions in enumerate(history, 1):
        edition = Edition.after(signed[-1].predicate, T0 + number * DAY, None)
        for place, (kind, which) in enumerate(actions):
            if kind == "contents":
                earlier = lists.setdefault(which, [])
                made = contents([f"model {which}"], list(earlier), len(earlier) + 1)
                earlier.append(made)
                edition.add(made)
            elif kind == "withdrawal":
                edition.add(withdrawal(sha(f"{number} {place}")))
            elif kind == "rights":
                edition.add(rights(f"data {which}", number))
            else:
                for digest, state in states(edition).items():
                    if state in {"active", "vacated"}:
                        edition.set_status(digest, "vacated")
        signed.append(edition.statement())
    for older, newer in ((one, two) for n, one in enumerate(signed) for two in signed[n + 1 :]):
        digest = document_digest(older.predicate)
        assert appended_only(read_predicate(older), read_predicate(newer), digest) == []
    current = [each for each in states(edition).items() if each[1] == "current"]
    assert {digest for digest, _ in current} >= {each[-1].digest for each in lists.values()}
    assert all(each.digest not in dict(current) for made in lists.values() for each in made[:-1])


# orders


def order(**more):
    predicate = {
        "targets": {"datasets": [{"name": "faces", "digest": {"sha256": "f" * 64}}]},
        "effective": "2026-11-06T00:00:00Z",
        **more,
    }
    return statement([entry("order.pdf")], predicate_type("deletion-order"), predicate)


def test_an_order_is_entered_with_what_it_names_and_keeps_its_history():
    one = order()
    edition = first(["order"])
    edition.add(one)
    (found,) = edition.statement().predicate["entries"]
    assert found["kind"] == "order"
    assert found["status"] == "active"
    assert found["since"] == "2026-11-06T00:00:00Z"
    assert found["artifacts"] == [{"name": "faces", "digest": {"sha256": "f" * 64}}]
    previous = edition.statement().predicate
    for number, status in enumerate(("suspended", "active", "satisfied"), 1):
        later = Edition.after(previous, T0 + number * DAY, None)
        later.set_status(one.digest, status)
        previous = later.statement().predicate
    (found,) = previous["entries"]
    assert found["status"] == "satisfied"
    assert [each["status"] for each in found["history"]] == ["active", "suspended", "active"]


def test_an_order_of_another_register_or_with_unknown_fields_is_not_entered():
    with pytest.raises(FormatError, match=r"register: got 'https://other\.example/orders'"):
        first(["order"]).add(order(register="https://other.example/orders"))
    with pytest.raises(FormatError, match=r"holds what this version cannot read: \*"):
        first(["order"]).add(order(fromTheFuture=1))
