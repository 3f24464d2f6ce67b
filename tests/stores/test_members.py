"""Every member of the table ``STORES`` does what every store must do."""

from __future__ import annotations

import itertools

import pytest

from attest.store import STORES

from .conformance import PLACES, StoreConformance


def test_every_member_is_run():
    assert set(PLACES) == set(STORES)


@pytest.fixture(params=sorted(STORES), scope="module")
def places(request, tmp_path_factory):
    """A new place at every call, for tests that need many."""
    folder = tmp_path_factory.mktemp("places")
    numbers = itertools.count()

    def new():
        own = folder / str(next(numbers))
        own.mkdir()
        return PLACES[request.param](own, request.getfixturevalue)

    return new


class TestMembers(StoreConformance):
    @pytest.fixture(params=sorted(STORES))
    def uri(self, request, tmp_path):
        return PLACES[request.param](tmp_path, request.getfixturevalue)
