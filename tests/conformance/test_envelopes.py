"""Real public bundles: the cases of sigstore-conformance, as far as envelopes and public keys reach.

Fulcio certificates, logs and log times are outside what a key verifier judges, so cases that fail for those
reasons alone still carry a right signature of their leaf's key, and the table says so.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from attest.bundle import MEDIA_TYPE, parse_bundle, read_lines
from attest.errors import FormatError
from attest.keys import PublicKey
from attest.verifier import UnverifiedError
from attest.verifiers.key import verify

RIGHT, WRONG = True, False

ENVELOPES = {
    "dsse-invalid-sig_fail": WRONG,
    "dsse-mismatch-envelope_fail": RIGHT,
    "dsse-mismatch-sig_fail": RIGHT,
    "happy-path-intoto-in-dsse-v3": RIGHT,
    "rekor2-dsse-happy-path": RIGHT,
    "rekor2-dsse-invalid-sig_fail": WRONG,
    "rekor2-dsse-mismatch-envelope_fail": RIGHT,
    "rekor2-dsse-mismatch-sig_fail": RIGHT,
}
"""Bundles v0.3 of a DSSE envelope, and whether the leaf's key signed the envelope that is in them."""


@pytest.fixture(scope="module")
def cases():
    named = os.environ.get("ATTEST_CORPORA")
    beside = Path(__file__).parents[3] / "shared/corpora"
    folder = Path(named or beside) / "sigstore-conformance/bundle-verify"
    if not folder.is_dir():
        pytest.skip(f"no sigstore-conformance data in {folder}: set ATTEST_CORPORA")
    return {path.parent.name: path for path in sorted(folder.glob("*/bundle.sigstore.json"))}


def test_every_case_is_read_or_refused_for_what_it_is(cases):
    read, reasons = set(), set()
    for name, path in cases.items():
        raw = path.read_bytes()
        try:
            bundle = parse_bundle(raw, name)
        except FormatError as error:
            reasons.add(error.what.partition(":")[0])
        else:
            read.add(name)
            assert bundle.raw == raw
            assert bundle.statement().subjects
    assert read == set(ENVELOPES)
    # no DSSE envelope, a version before 0.3, and the one that is no JSON
    assert reasons == {"bundle", "mediaType", "not JSON"}


@pytest.mark.parametrize("name", ENVELOPES)
def test_the_leaf_signed_the_envelope(name, cases):
    [bundle] = read_lines(cases[name])
    leaf = x509.load_der_x509_certificate(bundle.certificate)
    pem = leaf.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = PublicKey.from_pem(pem, name)
    if ENVELOPES[name] is RIGHT:
        verify(bundle, key)
        return
    with pytest.raises(UnverifiedError) as refused:
        verify(bundle, key)
    assert refused.value.code == "signature-invalid"


def test_our_media_type_is_the_one_in_use(cases):
    assert MEDIA_TYPE.encode() in cases["happy-path-v0.3-new-mediaType"].read_bytes()
