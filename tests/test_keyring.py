"""The keys a reader pinned: whose each is; when it was is held by tests/test_trust.py."""

from __future__ import annotations

from world import signer

from attest.keyring import Keyring, PinnedKey

DESK, CI = signer("desk").public, signer("ci").public


def test_a_key_may_be_that_of_several_principals():
    ring = Keyring({}).with_key("zoe", DESK).with_key("ann", DESK).with_key("zoe", DESK)
    assert ring.keys == {DESK.fingerprint: PinnedKey(DESK, ("ann", "zoe"))}
    assert ring.fingerprints() == dict.fromkeys(("ann", "zoe"), DESK.fingerprint)
    assert DESK.fingerprint in ring
    assert CI.fingerprint not in ring


def test_one_more_key_leaves_a_ring_as_it_was():
    ring = Keyring({}).with_key("desk", DESK)
    ring.with_key("ci", CI)
    assert list(ring.keys) == [DESK.fingerprint]


def test_keys_of_the_hint_come_first_and_every_key_comes_once():
    ring = Keyring({}).with_key("desk", DESK).with_key("ci", CI)
    for hint, first in ((DESK.hint, [DESK, CI]), (CI.hint, [CI, DESK]), (None, [DESK, CI])):
        assert [each.public for each in ring.candidates(hint)] == first
    assert not ring.hinted("another")
