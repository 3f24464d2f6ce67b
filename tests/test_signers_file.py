"""The file signer: a key only its owner can read, and bundles that verify."""

from __future__ import annotations

import errno
import os

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from stores.samples import entry, statement

from attest.bundle import parse_bundle
from attest.envelope import IN_TOTO, pae
from attest.errors import SignatureError, UsageError
from attest.signer import open_signer
from attest.signers import file
from attest.signers.file import ALGORITHMS, generate_key, open_file, public_key

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
NONE = serialization.NoEncryption()


def write(path, key, form=serialization.PrivateFormat.PKCS8, encryption=NONE):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_verifies_and_nothing_else_does(tmp_path, algorithm):
    public = generate_key(tmp_path / "k", algorithm)
    signer = open_file(str(tmp_path / "k"))
    assert signer.public.fingerprint == public.fingerprint
    assert signer.identity == {"key": public.fingerprint}
    made = statement([entry("x")])
    bundle = parse_bundle(signer.sign(made).raw)
    message = pae(IN_TOTO, made.payload)
    assert bundle.payload == made.payload
    assert bundle.hint == public.hint
    assert public.is_signature(bundle.signature, message)
    assert not public.is_signature(bundle.signature, message + b"x")
    assert not public.is_signature(bundle.signature[:-1] + bytes([bundle.signature[-1] ^ 1]), message)
    assert not public.is_signature(b"", message)


def test_a_key_is_opened_by_uri_or_path(tmp_path):
    generate_key(tmp_path / "k")
    for uri in (str(tmp_path / "k"), f"file:{tmp_path / 'k'}"):
        assert open_signer(uri).identity
    (tmp_path / "a:b").write_bytes((tmp_path / "k").read_bytes())
    (tmp_path / "a:b").chmod(0o600)
    assert open_signer(str(tmp_path / "a:b")).identity
    with pytest.raises(UsageError, match="unknown signer 'fil'") as caught:
        open_signer("fil:x")
    assert caught.value.hint == "did you mean 'file'?"


def test_keys_of_other_programs_are_read(tmp_path):
    ec_key, rsa_key = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    for key in (ec_key, rsa_key):
        assert open_file(str(write(tmp_path / "k", key, traditional))).identity
        locked = serialization.BestAvailableEncryption(b"right")
        assert open_file(str(write(tmp_path / "k", key, traditional, locked)), b"right").identity


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "unsupported curve secp384r1"),
        (rsa.generate_private_key(65537, 1024), "unsupported RSA key of 1024 bits"),  # noqa: S505 - on purpose
        (x25519.X25519PrivateKey.generate(), "unsupported key type X25519PrivateKey"),
    ],
)
def test_keys_that_no_verifier_would_accept_are_refused(tmp_path, key, said):
    with pytest.raises(SignatureError, match=said):
        open_file(str(write(tmp_path / "k", key)))


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_others_can_read_is_refused(tmp_path, mode):
    generate_key(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(SignatureError, match=f"mode {mode:04o} lets others read") as caught:
        open_file(str(tmp_path / "k"))
    assert caught.value.hint == f"chmod 600 {tmp_path / 'k'}"


def test_passphrases(tmp_path):
    generate_key(tmp_path / "k", passphrase=b"right")
    assert b"ENCRYPTED" in (tmp_path / "k").read_bytes()
    with pytest.raises(SignatureError, match="needs its passphrase"):
        open_file(str(tmp_path / "k"))
    for wrong in (b"wrong", b"", b"\xff"):
        with pytest.raises(SignatureError, match="wrong passphrase, or a damaged key file"):
            open_file(str(tmp_path / "k"), wrong)
    assert open_file(str(tmp_path / "k"), b"right").identity
    generate_key(tmp_path / "open")
    assert open_file(str(tmp_path / "open"), b"not needed").identity


def test_a_directory_is_no_key(tmp_path):
    with pytest.raises(SignatureError, match="cannot be read"):
        open_file(str(tmp_path))


def test_the_public_half_of_either_file(tmp_path):
    made = generate_key(tmp_path / "k")
    assert public_key(tmp_path / "k").fingerprint == made.fingerprint
    assert public_key(tmp_path / "k.pub").fingerprint == made.fingerprint


def test_a_disk_that_fills_up_leaves_no_half_key(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file.os, "fsync", full)
    with pytest.raises(SignatureError, match="cannot be written: No space left on device"):
        generate_key(tmp_path / "k")
    assert list(tmp_path.iterdir()) == []


def test_without_its_public_half_no_private_key_stays_behind(tmp_path, monkeypatch):
    real = file._write_new

    def write_new(path, data, mode):
        if path.name.endswith(".pub"):
            raise SignatureError("cannot be written: No space left on device", str(path))
        real(path, data, mode)

    monkeypatch.setattr(file, "_write_new", write_new)
    with pytest.raises(SignatureError, match="No space left"):
        generate_key(tmp_path / "k")
    assert list(tmp_path.iterdir()) == []


def test_a_signer_shows_no_key_when_it_is_printed(tmp_path):
    generate_key(tmp_path / "k")
    assert "PrivateKey" not in repr(open_file(str(tmp_path / "k")))
