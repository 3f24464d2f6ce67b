"""The stack as a fixture of the whole session; where it cannot be had its tests are skipped, with the reason.

With ``ATTEST_TEST_REQUIRE_CLIENTS`` set they fail instead: continuous integration does not skip them unseen.
"""

from __future__ import annotations

import importlib.util
import os

import pytest
from clients.cache import Unavailable

from stack.build import programs
from stack.servers import Stack


def _programs():
    if importlib.util.find_spec("oidc_provider_mock") is None:
        raise Unavailable("oidc-provider-mock is not installed (dependency group stack)")
    return programs()


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory):
    try:
        built = _programs()
    except Unavailable as reason:
        end = pytest.fail if os.environ.get("ATTEST_TEST_REQUIRE_CLIENTS") else pytest.skip
        end(f"the Sigstore servers are not available here: {reason}")
    with Stack(built, tmp_path_factory.mktemp("stack")) as servers:
        yield servers


@pytest.fixture
def stack(running_stack):
    """Every server runs when a test begins, whatever the one before did to them."""
    running_stack.whole()
    return running_stack
