"""Public keys: a few algorithms, one fingerprint, and no private key where a public one belongs."""

from __future__ import annotations

import base64
import hashlib
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import SignatureError
from attest.keys import MAX_KEY_BYTES, PublicKey, check_signing_algorithm, read_key_file

P256 = ec.generate_private_key(ec.SECP256R1())
PRIVATE = {
    "ECDSA P-256": P256,
    "ECDSA P-384": ec.generate_private_key(ec.SECP384R1()),
    "ECDSA P-521": ec.generate_private_key(ec.SECP521R1()),
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
        (ec.generate_private_key(ec.SECP224R1()), "unsupported curve secp224r1"),
        (ec.generate_private_key(ec.BrainpoolP384R1()), "unsupported curve brainpoolP384r1"),
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


@pytest.mark.parametrize(
    ("name", "digest"), [("ECDSA P-256", "sha256"), ("ECDSA P-384", "sha384"), ("ECDSA P-521", "sha512")]
)
def test_the_hash_is_that_of_the_curve_and_no_other(tmp_path, name, digest):
    """By OpenSSL, which has signed whatever hash it was asked for."""
    private = PRIVATE[name].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key").write_bytes(private)
    (tmp_path / "message").write_bytes(b"a message")
    key = PublicKey.from_pem(pem(PRIVATE[name].public_key()), "k.pub")
    for each in ("sha224", "sha256", "sha384", "sha512", "sha3-384"):
        words = ["openssl", "dgst", f"-{each}", "-sign", tmp_path / "key", tmp_path / "message"]
        signature = subprocess.run(words, capture_output=True, check=True).stdout
        assert key.is_signature(signature, b"a message") == (each == digest)
        assert not key.is_signature(signature, b"another")
        assert not PublicKey(ec.generate_private_key(key.key.curve).public_key()).is_signature(
            signature, b"a message"
        )


def test_no_key_signs_that_others_would_refuse():
    for name, private in PRIVATE.items():
        if name in {"ECDSA P-384", "ECDSA P-521"}:
            with pytest.raises(SignatureError, match="it is verified, and not signed with"):
                check_signing_algorithm(private.public_key(), "k")
        else:
            assert check_signing_algorithm(private.public_key(), "k") == private.public_key()


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
