"""Bundles of a private authority's certificate before cosign: no Fulcio, no log, the time of an authority."""

from __future__ import annotations

import base64
import json

import pki
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from loopback import Answer, Loopback

from attest.digest import sha256_bytes
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.statement import Statement
from attest.timestamping import TimestampedSigner

pytestmark = pytest.mark.interop

PREDICATE = "https://example.com/made-up/v1"
WEIGHTS = b"weights of a very small model"
URI = "https://ci.example/train"


@pytest.fixture(scope="module")
def authorities():
    root = pki.authority()
    return root, root.issue("CN=Issuing,O=Photo Co-op", authority=True)


def signed(folder, middle, authority, **settings):
    """A bundle of ours, stamped, on disk, with the file it is about."""
    names = (x509.UniformResourceIdentifier(URI),)
    holder = middle.issue("CN=provenance,O=Photo Co-op", alternatives=names, **settings)
    (folder / "chain.pem").write_bytes(pki.pem(holder.certificate))
    (folder / "key").touch(0o600)
    (folder / "key").write_bytes(
        holder.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "model").write_bytes(WEIGHTS)
    subject = ResourceDescriptor(name="model", digest={"sha256": sha256_bytes(WEIGHTS)})
    statement = Statement.build([subject], PREDICATE, {})
    with Loopback(lambda it: Answer(200, authority.answer(it.body), "application/timestamp-reply")) as tsa:
        signer = TimestampedSigner(open_signer(f"certificate:{folder}/chain.pem,{folder}/key"), [tsa.url])
        (folder / "bundle.json").write_bytes(signer.sign(statement).raw)
    return folder / "bundle.json"


def trusted(folder, authority, *chain):
    """The trusted root of the timestamp authority, and of a certificate authority with that chain."""
    value = json.loads(authority.trusted_root().read_bytes())
    value["certificateAuthorities"] = [
        {
            "subject": {"organization": "Photo Co-op", "commonName": "Issuing"},
            "uri": "https://ca.example",
            "certChain": {
                "certificates": [{"rawBytes": base64.b64encode(each.der).decode()} for each in chain]
            },
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        }
    ]
    path = folder / "root.json"
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("kind", ["p256", "rsa", "ed25519"])
def test_cosign_accepts_with_the_authoritys_chain_pinned(cosign, authority, authorities, tmp_path, kind):
    root, middle = authorities
    bundle = signed(tmp_path, middle, authority, key=pki.new_key(kind))
    pinned = trusted(tmp_path, authority, middle, root)
    answer = cosign.verify_certificate(bundle, PREDICATE, tmp_path / "model", pinned, URI)
    assert answer.accepted, answer.said


def test_cosign_refuses_another_authority_and_another_name(cosign, authority, authorities, tmp_path):
    root, middle = authorities
    bundle = signed(tmp_path, middle, authority)
    stranger = pki.authority("CN=Stranger")
    pinned = trusted(
        tmp_path, authority, stranger.issue("CN=Issuing,O=Photo Co-op", authority=True), stranger
    )
    answer = cosign.verify_certificate(bundle, PREDICATE, tmp_path / "model", pinned, URI)
    assert not answer.accepted
    assert "certificate" in answer.said
    pinned = trusted(tmp_path, authority, middle, root)
    answer = cosign.verify_certificate(bundle, PREDICATE, tmp_path / "model", pinned, URI + "r")
    assert not answer.accepted
    assert "no matching CertificateIdentity" in answer.said
