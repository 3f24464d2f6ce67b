"""Bundles signed by a PKCS#11 token and by AWS KMS before cosign and sigstore-js: bundles like any other."""

from __future__ import annotations

import pytest
from keys_elsewhere import PIN, python

from attest.digest import sha256_bytes
from attest.resource import ResourceDescriptor
from attest.statement import Statement

pytestmark = pytest.mark.interop

PREDICATE = "https://example.com/made-up/v1"
WEIGHTS = b"weights of a very small model"


@pytest.mark.parametrize("name", ["hsm", "ECC_NIST_P256", "RSA_2048"])
def test_cosign_and_sigstore_js_accept(cosign, sigstore_js, elsewhere, name, tmp_path):
    variables, uris = elsewhere
    variables = {**variables, "ATTEST_PASSPHRASE": PIN}
    subject = ResourceDescriptor(name="model", digest={"sha256": sha256_bytes(WEIGHTS)})
    (tmp_path / "statement.json").write_bytes(Statement.build([subject], PREDICATE, {}).payload)
    (tmp_path / "model").write_bytes(WEIGHTS)
    bundle, public = tmp_path / "bundle.json", tmp_path / "key.pub"
    words = ("sign", str(tmp_path / "statement.json"), "--signer", uris[name], "-o", str(bundle))
    python(variables, "-m", "attest", *words)
    public.write_bytes(python(variables, "-m", "attest", "key", "show", uris[name]))
    by_cosign = cosign.verify(bundle, public, PREDICATE, blob=tmp_path / "model")
    assert by_cosign.accepted, by_cosign.said
    by_js = sigstore_js.verify(bundle, public)
    assert by_js.accepted, by_js.said
    (tmp_path / "model").write_bytes(WEIGHTS + b"!")
    assert not cosign.verify(bundle, public, PREDICATE, blob=tmp_path / "model").accepted
