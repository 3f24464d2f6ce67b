"""The independent clients as fixtures; where one cannot be had its tests are skipped, with the reason.

With ``ATTEST_TEST_REQUIRE_CLIENTS`` set they fail instead: continuous integration does not skip them unseen.
"""

from __future__ import annotations

import os

import pytest
from clients.cache import Unavailable
from clients.programs import Cosign, SigstoreGo, SigstoreJs
from clients.tsa import TimestampAuthority


def _or_skip(make, tmp_path_factory):
    name = make.__name__
    try:
        return make(tmp_path_factory.mktemp(name.lower()))
    except Unavailable as reason:
        end = pytest.fail if os.environ.get("ATTEST_TEST_REQUIRE_CLIENTS") else pytest.skip
        end(f"{name} is not available here: {reason}")


@pytest.fixture(scope="session")
def cosign(tmp_path_factory):
    return _or_skip(Cosign, tmp_path_factory)


@pytest.fixture(scope="session")
def sigstore_go(tmp_path_factory):
    return _or_skip(SigstoreGo, tmp_path_factory)


@pytest.fixture(scope="session")
def sigstore_js(tmp_path_factory):
    return _or_skip(SigstoreJs, tmp_path_factory)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return _or_skip(TimestampAuthority, tmp_path_factory)
