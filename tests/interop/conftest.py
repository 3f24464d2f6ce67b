"""The independent clients as fixtures; where one cannot be had its tests are skipped, with the reason.

With ``ATTEST_TEST_REQUIRE_CLIENTS`` set they fail instead: continuous integration does not skip them unseen.
"""

from __future__ import annotations

import os

import pytest
from clients.cache import Unavailable
from clients.programs import Cosign, SigstoreGo, SigstoreJs
from clients.tsa import TimestampAuthority
from keys_elsewhere import key_service, python, token


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


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory):
    """The variables keys that are elsewhere are found by, and the URI of one of each kind."""
    with key_service() as aws:
        variables = {**aws, **token(tmp_path_factory.mktemp("hsm"), {2: "P-256"})}
        make = (
            "import boto3; print(boto3.client('kms')"
            ".create_key(KeySpec={!r}, KeyUsage='SIGN_VERIFY')['KeyMetadata']['KeyId'])"
        )
        uris = {"hsm": "hsm:2"}
        for spec in ("ECC_NIST_P256", "RSA_2048"):
            uris[spec] = "awskms:" + python(variables, "-c", make.format(spec)).decode().strip()
        yield variables, uris


@pytest.fixture(scope="session")
def bench(running_stack, cosign, sigstore_go, sigstore_js, tmp_path_factory):
    pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")
    from interop_bench import Bench

    running_stack.whole()
    return Bench(tmp_path_factory.mktemp("bench"), running_stack, cosign, sigstore_go, sigstore_js)


@pytest.fixture(scope="session")
def foreign_bench(bench, running_stack, cosign, sigstore_go, sigstore_js, tmp_path_factory):
    """The same on servers of somebody else's, beside ours on the same machine."""
    from interop_bench import Bench
    from stack.servers import Stack

    with Stack(running_stack.programs, tmp_path_factory.mktemp("foreign")) as servers:
        yield Bench(tmp_path_factory.mktemp("bench"), servers, cosign, sigstore_go, sigstore_js)
