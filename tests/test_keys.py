"""Public keys: three algorithms, one fingerprint, and no private key where a public one belongs."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import SignatureError
from attest.keys import MAX_KEY_BYTES, PublicKey, read_key_file

P256 = ec.generate_private_key(ec.SECP256R1())
PRIVATE = {
    "ECDSA P-256": P256,
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "RSA-2048": rsa.generate_private_key(65537, 2048),
}


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_key_is_named_by_the_digest_of_its_der(name):
    key = PublicKey.from_pem(pem(PRIVATE[name].public_key()), "k.pub")
    assert key.algorithm == name
    assert key.pem == pem(PRIVATE[name].public_key())
    assert key.fingerprint == hashlib.sha256(key.der).hexdigest()
    assert base64.b64decode(key.hint).hex() == key.fingerprint


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ec.generate_private_key(ec.SECP521R1()), "unsupported curve secp521r1"),
        (ec.generate_private_key(ec.SECP256K1()), "unsupported curve secp256k1"),
        (rsa.generate_private_key(65537, 1024), "unsupported RSA key of 1024 bits"),  # noqa: S505 - on purpose
        (dsa.generate_private_key(2048), "unsupported key type"),
    ],
)
def test_other_keys_are_refused_with_what_to_use(key, said):
    with pytest.raises(SignatureError, match=said) as caught:
        PublicKey.from_pem(pem(key.public_key()), "k.pub")
    assert caught.value.where == "k.pub"
    assert "Ed25519" in caught.value.hint


def test_a_private_key_is_refused_where_a_public_one_belongs():
    data = P256.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(SignatureError, match="this is a private key") as caught:
        PublicKey.from_pem(data, "k")
    assert "attest key show" in caught.value.hint


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_key(data):
    with pytest.raises(SignatureError):
        PublicKey.from_pem(data, "k")


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_other_bytes_are_no_signature(signature, message):
    for private in PRIVATE.values():
        assert not PublicKey(private.public_key()).is_signature(signature, message)


def test_a_file_too_large_to_be_a_key_is_not_read(tmp_path):
    (tmp_path / "k").write_bytes(b"x" * (MAX_KEY_BYTES + 1))
    with pytest.raises(SignatureError, match="not a key file"):
        read_key_file(tmp_path / "k")
    (tmp_path / "k").write_bytes(b"x" * MAX_KEY_BYTES)
    assert len(read_key_file(tmp_path / "k")) == MAX_KEY_BYTES
    with pytest.raises(SignatureError, match="cannot be read: No such file"):
        read_key_file(tmp_path / "none")
