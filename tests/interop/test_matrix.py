"""Every kind of bundle we make before every client, and every kind they make before us (docs/interop.md).

A cell says "yes" if the bundle is accepted, and refused when a byte of its payload is changed and when it is
held against somebody else. Every "no" has its cause, and the client's own words for it. The page is made of
these tables, and each run holds them against what the clients did.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest
from interop_page import CAUSES, CLIENTS, OURS, THEIRS

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def made(bench, request):
    """Bundles by the row they belong to, each made once."""
    kept = {}

    def make(row):
        if row not in kept:
            how, *words = {**OURS, **THEIRS}[row]
            if how == "elsewhere":
                variables, uris = request.getfixturevalue("elsewhere")
                kept[row] = bench.elsewhere(uris[words[0]], variables)
            else:
                options = words.pop() if words and isinstance(words[-1], dict) else {}
                kept[row] = getattr(bench, how)(*words, **options)
        return kept[row]

    return make


def changed(signed):
    """The same bundle over another payload."""
    value = json.loads(signed.raw)
    payload = bytearray(base64.b64decode(value["dsseEnvelope"]["payload"]))
    payload[-3] ^= 1
    value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    return replace(signed, raw=json.dumps(value).encode())


def observe(bench, client, signed, cause):
    """Return whether a client accepts a bundle, after seeing that it can also refuse."""
    if cause is not None and cause.crashes:
        with pytest.raises(AssertionError, match=re.escape(cause.said)):
            bench.judge(client, signed)
        return False
    answer = bench.judge(client, signed)
    if answer.accepted:
        for other, root in ((changed(signed), None), bench.as_anothers(signed)):
            refused = bench.judge(client, other, root)
            assert not refused.accepted, f"{client} accepts what it must not"
    elif cause is not None:
        assert cause.said in answer.said, answer.said
    else:
        raise AssertionError(answer.said)
    return answer.accepted


@pytest.mark.stack
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("row", OURS)
def test_ours_before_them(bench, made, row, client):
    cause = CAUSES.get((row, client))
    assert observe(bench, client, made(row), cause) == (cause is None)


@pytest.mark.stack
@pytest.mark.parametrize("row", OURS)
def test_ours_before_ourselves(bench, made, row):
    assert observe(bench, "ours", made(row), None)


@pytest.mark.stack
@pytest.mark.parametrize("row", THEIRS)
def test_theirs_before_us(bench, made, row):
    cause = CAUSES.get((row, "ours"))
    assert observe(bench, "ours", made(row), cause) == (cause is None)


@pytest.mark.stack
def test_sigstore_js_makes_no_bundle_for_rekor_2(bench):
    """The day it does, there is another row to add."""
    answer = bench.js_keyless(2)
    assert not answer.accepted
    assert "TLOG_CREATE_ENTRY_ERROR" in answer.said


def test_every_cause_is_of_a_cell():
    cells = {(row, client) for row in OURS for client in CLIENTS} | {(row, "ours") for row in THEIRS}
    assert set(CAUSES) <= cells
