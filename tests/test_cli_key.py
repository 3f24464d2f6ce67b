"""``attest key``: keys are made once, shown by half, and named by their fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess

import pytest
from click.testing import CliRunner
from workshop import attest

from attest.cli import cli
from attest.signer import open_signer

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


def generate(capfd, path, *options, code=0):
    return attest(capfd, "key", "generate", path, *options, code=code)


@pytest.mark.parametrize(
    ("algorithm", "words"), [("ecdsa-p256", "ECDSA P-256"), ("ed25519", "Ed25519"), ("rsa-3072", "RSA-3072")]
)
def test_a_key_is_made_and_can_sign(tmp_path, capfd, algorithm, words):
    path = tmp_path / "my.key"
    out, _ = generate(capfd, path, "--algorithm", algorithm, "--json")
    signer = open_signer(str(path))
    assert json.loads(out) == {
        "private": str(path),
        "public": f"{path}.pub",
        "algorithm": words,
        "fingerprint": f"sha256:{signer.public.fingerprint}",
        "encrypted": False,
    }
    assert (tmp_path / "my.key.pub").read_bytes() == signer.public.pem


@posix
def test_it_is_the_owners_alone_whatever_the_umask(tmp_path, capfd):
    before = os.umask(0)
    try:
        generate(capfd, tmp_path / "k")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "k.pub").stat().st_mode) == 0o644


def test_the_private_half_is_never_printed(tmp_path, capfd):
    path = tmp_path / "k"
    said = "".join(generate(capfd, path))
    for words in (["show"], ["fingerprint"], ["show", "--json"], ["fingerprint", "--json"]):
        said += "".join(attest(capfd, "key", *words, path))
    assert "PRIVATE" not in said
    secret = "".join(path.read_text().splitlines()[1:-1])
    assert all(secret[start : start + 12] not in said for start in range(40))


def test_the_passphrase_comes_from_the_environment(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("ATTEST_PASSPHRASE", "correct horse")
    out, _ = generate(capfd, tmp_path / "k", "--passphrase")
    assert "without a passphrase" not in out
    assert "ENCRYPTED" in (tmp_path / "k").read_text()
    attest(capfd, "key", "show", tmp_path / "k")
    monkeypatch.setenv("ATTEST_PASSPHRASE", "wrong")
    assert "wrong passphrase" in attest(capfd, "key", "show", tmp_path / "k", code=4)[1]
    monkeypatch.delenv("ATTEST_PASSPHRASE")
    assert "set ATTEST_PASSPHRASE" in attest(capfd, "key", "fingerprint", tmp_path / "k", code=4)[1]
    attest(capfd, "key", "fingerprint", tmp_path / "k.pub")


def test_the_passphrase_is_asked_for_twice(tmp_path):
    words = ["key", "generate", str(tmp_path / "k"), "--passphrase"]
    done = CliRunner().invoke(cli, words, input="one\ntwo\ncorrect horse\ncorrect horse\n")
    assert done.exit_code == 0, done.output
    assert "correct horse" not in done.output
    open_signer(str(tmp_path / "k"), b"correct horse")


def test_nobody_answers(tmp_path):
    done = CliRunner().invoke(cli, ["key", "generate", str(tmp_path / "k"), "--passphrase"], input="")
    assert done.exit_code != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["k", "k.pub"])
@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_is_overwritten(tmp_path, capfd, there, dangling):
    if dangling:
        (tmp_path / there).symlink_to(tmp_path / "gone")
    else:
        (tmp_path / there).write_text("kept")
    _, err = generate(capfd, tmp_path / "k", code=2)
    assert f"{there}: exists already; keys are never overwritten" in err
    assert [each.name for each in tmp_path.iterdir()] == [there]
    assert dangling or (tmp_path / there).read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["k", "--algorithm", "ecdsa-p265"], 2, "did you mean 'ecdsa-p256'?"),
        (["no/where/k"], 4, "cannot be written: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, capfd, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    assert said in generate(capfd, *words, code=code)[1]
    assert list(tmp_path.iterdir()) == []


def test_the_public_key_and_its_fingerprint(tmp_path, capfd):
    generate(capfd, tmp_path / "k")
    pem = (tmp_path / "k.pub").read_text()
    public = open_signer(str(tmp_path / "k")).public
    for name in ("k", "k.pub"):
        assert attest(capfd, "key", "show", tmp_path / name)[0] == pem
        assert attest(capfd, "key", "fingerprint", tmp_path / name)[0] == f"sha256:{public.fingerprint}\n"
        facts = {
            "algorithm": "ECDSA P-256",
            "fingerprint": f"sha256:{public.fingerprint}",
            "hint": public.hint,
        }
        assert json.loads(attest(capfd, "key", "fingerprint", "--json", tmp_path / name)[0]) == facts
        assert json.loads(attest(capfd, "key", "show", "--json", tmp_path / name)[0]) == {**facts, "pem": pem}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_prints_the_same_fingerprint(tmp_path, capfd):
    generate(capfd, tmp_path / "k")
    words = ["openssl", "pkey", "-pubin", "-in", tmp_path / "k.pub", "-outform", "DER"]
    der = subprocess.run(words, check=True, capture_output=True).stdout
    out, _ = attest(capfd, "key", "fingerprint", tmp_path / "k")
    assert out == f"sha256:{hashlib.sha256(der).hexdigest()}\n"


@pytest.mark.parametrize("command", ["show", "fingerprint"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "not a public key in PEM"),
        (b"\xff\xfe", "not a public key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key in PEM"),
        (b"x" * 70_000, "not a key file"),
    ],
)
def test_what_is_no_key_is_named(tmp_path, capfd, command, content, said):
    if content is not None:
        (tmp_path / "k").write_bytes(content)
        (tmp_path / "k").chmod(0o600)
    assert said in attest(capfd, "key", command, tmp_path / "k", code=4)[1]
