"""Co-signing: k of n principals over one payload, each by a signature of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import BUILDER, DEFAULT_ROLES, POLICY, World, codes, descriptor, make_trust, signer

from attest.document import read_document
from attest.errors import UsageError
from attest.graph import Evidence, Signature
from attest.trust import Trust, parse_trust
from attest.trustfile import TrustFile
from attest.verdict import Verdict
from attest.verifier import Identity, count_principals

NAMES = ("ci", "desk", "registry", "coop", "other")


def cosigned_trust(role: str, entry: dict[str, Any], names: tuple[str, ...] = NAMES) -> Trust:
    return make_trust({**DEFAULT_ROLES, role: [entry]}, names)


def again(world: World, statement, *names: str) -> None:
    """Sign the very bytes again, as others."""
    world.bundles += [signer(name).sign(statement) for name in names]


def steps_world(trust: Trust, *names: str):
    """A world whose one step is signed by all of these, everything else as usual."""
    world = World(trust)
    data, model = world.dataset("d"), world.file("model")
    step = world.step("train", [(data, "dataset")], [model], by=names[0])
    again(world, step.statement(), *names[1:])
    return world, model


TWO = {"cosigners": ["ci", "coop", "other"], "threshold": 2, "builderIds": [BUILDER]}
STEPS = "policy: t\nversion: 1\nrules: [signed-by, builder-id]"


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (("ci",), False),
        (("ci", "coop"), True),
        (("coop", "other"), True),
        (("ci", "coop", "other"), True),
        (("ci", "desk"), False),
        (("ci", "stranger"), False),
        (("ci", "ci"), False),
    ],
)
def test_k_of_n(names, good):
    world, model = steps_world(cosigned_trust("builder", TWO), *names)
    judgement = world.judge(model, STEPS)
    assert (judgement.verdict is Verdict.ACCEPT) is good
    if not good:
        assert "signed-by/signer-lacks-role" in codes(judgement)
        [step] = [each for each in world.review(model).graph.evidence if each.kind == "step"]
        assert "it takes 2 of ci, coop, other" in step.reason


def test_all_of_them_over_the_same_bytes():
    """A co-signature over another payload, however like it, is none."""
    world, model = steps_world(cosigned_trust("builder", TWO), "ci")
    data = next(iter(world.names))
    world.step("train", [(data, "dataset")], [model], by="coop", seed=1)
    assert world.judge(model, STEPS).verdict is not Verdict.ACCEPT


def test_one_key_of_two_principals_is_one_signature():
    trust = cosigned_trust("builder", {**TWO, "cosigners": ["ci", "coop"]}, ("ci", "desk", "registry"))
    principals = {**trust.file.principals, "coop": trust.file.principals["ci"]}
    file = trust.file.model_copy(update={"principals": principals})
    shared = replace(trust, file=file, _keys=trust._keys.with_key("coop", signer("ci").public))
    world, model = steps_world(shared, "ci")
    [step] = [each for each in world.review(model).graph.evidence if each.kind == "step"]
    assert step.granted == ()
    assert "1 of them signed, it takes 2 of ci, coop" in step.reason


def test_two_keys_of_one_principal_are_one_cosigner():
    trust = cosigned_trust(
        "builder", {**TWO, "cosigners": ["ci", "coop"]}, ("ci", "desk", "registry", "coop")
    )
    second = signer("other").public
    keys = trust._keys.with_key("ci", second)
    world, model = steps_world(replace(trust, _keys=keys), "ci", "other")
    assert world.judge(model, STEPS).verdict is not Verdict.ACCEPT
    again(world, world.bundles[2].statement(), "coop")
    assert world.judge(model, STEPS).verdict is Verdict.ACCEPT


def test_alone_or_together():
    """Entries of a role are alternatives."""
    roles = {**DEFAULT_ROLES, "builder": [{"principal": "desk", "builderIds": [BUILDER]}, TWO]}
    trust = make_trust(roles, NAMES)
    for names, good in ((("desk",), True), (("ci", "other"), True), (("ci",), False)):
        world, model = steps_world(trust, *names)
        assert (world.judge(model, STEPS).verdict is Verdict.ACCEPT) is good


def test_contents_and_rights_take_cosigners_too():
    pair = {"cosigners": ["ci", "coop"], "threshold": 2}
    world = World(cosigned_trust("publisher", pair))
    data, model = world.dataset("d"), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    listed = world.contents(model)
    world.register(world.current(listed))
    assert "contents-complete/contents-untrusted" in codes(world.judge(model, POLICY))
    again(world, listed.statement(), "coop")
    assert world.judge(model, POLICY).verdict is Verdict.ACCEPT


def test_revokers_together():
    """One of two who must agree withdraws nothing of others; everybody withdraws their own alone."""
    entry = {"cosigners": ["coop", "other"], "threshold": 2}
    world, model = steps_world(cosigned_trust("revoker", entry), "ci")
    target = world.bundles[-1].statement_digest
    withdrawal = world.withdraw(target, by="coop")

    def withdrawn() -> bool:
        return any(each.withdrawn_by for each in world.review(model).graph.evidence)

    assert not withdrawn()
    again(world, withdrawal.statement(), "other")
    assert withdrawn()
    own, model = steps_world(cosigned_trust("builder", TWO), "ci", "coop")
    own.withdraw(own.bundles[2].statement_digest, by="coop")
    assert any(each.withdrawn_by for each in own.review(model).graph.evidence)


# ── since when ──


def evidence(ways, *signatures: tuple[str, int | None]) -> Evidence:
    base = datetime(2026, 1, 1, tzinfo=UTC)
    made = tuple(
        Signature(Identity("key", f"{n}{name}"), (name,), None if day is None else base + timedelta(days=day))
        for n, (name, day) in enumerate(signatures)
    )
    granted = tuple(sorted({name for names, _ in ways for name in names} & {name for name, _ in signatures}))
    statement = (
        World().sign("https://e.example/v1", [descriptor(World().file("x"), "x")], {}, "ci").statement()
    )
    return Evidence(statement, None, None, made, granted, ways=ways)


@pytest.mark.parametrize(
    ("ways", "signatures", "day"),
    [
        ([({"a", "b", "c"}, 2)], [("a", 1), ("b", 5)], 5),
        ([({"a", "b", "c"}, 2)], [("a", 1), ("b", 5), ("c", 3)], 3),
        ([({"a", "b", "c"}, 2)], [("a", 1), ("a", 2), ("b", 5)], 5),
        ([({"a", "b", "c"}, 2)], [("a", 1), ("b", None)], None),
        ([({"a"}, 1), ({"b", "c"}, 2)], [("a", 5), ("b", 1), ("c", 2)], 2),
        ([({"a"}, 1), ({"b", "c"}, 2)], [("a", 5), ("b", 1), ("c", 9)], 5),
        ([({"a"}, 1)], [("a", 5), ("z", 1)], 5),
    ],
)
def test_granted_since_enough_had_signed(ways, signatures, day):
    """The trusted time of a co-signed statement is that of the signature that made it enough."""
    frozen = tuple((frozenset(names), quorum) for names, quorum in ways)
    expected = None if day is None else datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    assert evidence(frozen, *signatures).trusted_time == expected


# ── counting ──


@given(st.lists(st.sets(st.sampled_from("abcd"), max_size=3), max_size=5), st.sets(st.sampled_from("abcd")))
def test_counting_is_the_best_assignment(signatures, among):
    best = 0
    for size in range(min(len(signatures), len(among)), 0, -1):
        for chosen in combinations(signatures, size):
            if any(
                all(name in names for name, names in zip(order, chosen, strict=True))
                for order in permutations(sorted(among), size)
            ):
                best = size
                break
        if best:
            break
    assert count_principals(signatures, among) == best


# ── the trust file ──


def parse(entry: str) -> TrustFile:
    text = f"""
principals:
  a: {{key: {{file: a.pub, sha256: {"0" * 64}}}}}
  b: {{key: {{file: b.pub, sha256: {"1" * 64}}}}}
roles:
  publisher: [{entry}]
"""
    return parse_trust(read_document(text.encode(), "trust.yaml"))


def test_an_entry_with_cosigners():
    [entry] = parse("{cosigners: [a, b], threshold: 2}").roles["publisher"]
    assert (entry.names, entry.who) == (("a", "b"), "2 of a, b")
    [entry] = parse("{principal: a}").roles["publisher"]
    assert (entry.names, entry.who) == (("a",), "a")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{}", "one principal, or cosigners"),
        ("{principal: a, cosigners: [b], threshold: 1}", "one principal, or cosigners"),
        ("{cosigners: [a, b]}", "threshold: got None, expected 1 to 2"),
        ("{cosigners: [a, b], threshold: 3}", "threshold: got 3, expected 1 to 2"),
        ("{cosigners: [a, b], threshold: 0}", "threshold: got 0"),
        ("{cosigners: [a, a], threshold: 2}", "counts once"),
        ("{principal: a, threshold: 1}", "of which cosigners"),
        ("{cosigners: [a, c], threshold: 2}", "no principal 'c'"),
    ],
)
def test_entries_that_are_none(entry, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse(entry)
    assert caught.value.where == "trust.yaml:6"
