"""Keys that never leave their place: SoftHSM through PKCS#11, and AWS KMS on loopback."""

from __future__ import annotations

import json
import os
import sys

import pki
import pytest
from keys_elsewhere import PIN, key_service, token

from attest.bundle import parse_bundle
from attest.cli import main
from attest.desk import Desk
from attest.errors import SignatureError, UsageError
from attest.keys import PublicKey
from attest.resource import ResourceDescriptor
from attest.settings import find_settings
from attest.signer import claims, open_signer
from attest.signers import kms
from attest.signers.file import generate_key
from attest.statement import Statement
from attest.verifiers.key import verify

STATEMENT = Statement.build(
    [ResourceDescriptor(name="a", digest={"sha256": "0" * 64})], "https://example.org/any/v1", {}
)
P256, P384, RSA = 2, 3, 4
SECRET = PIN.encode()


@pytest.fixture(scope="module")
def hsm_variables(tmp_path_factory):
    keys = {P256: "P-256", P384: "P-384", RSA: "rsa"}
    variables = token(tmp_path_factory.mktemp("hsm"), keys)
    with pytest.MonkeyPatch.context() as patch:  # a PKCS#11 module is initialised once per process
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


@pytest.fixture
def hsm(hsm_variables):
    return "hsm:2?label=attest+test"


@pytest.fixture(scope="module")
def aws():
    with key_service() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        boto3 = pytest.importorskip("boto3")
        yield boto3.client("kms")


def new_key(aws, spec="ECC_NIST_P256"):
    return aws.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]


def run(*words, code=0):
    with pytest.raises(SystemExit) as end:
        main([*words])
    assert end.value.code == code


def fails(uri, passphrase=SECRET, kind=SignatureError):
    with pytest.raises(kind) as caught:
        open_signer(uri, passphrase)
    return caught.value


# ── a PKCS#11 token ──


def test_a_token_signs(hsm):
    signer = open_signer(hsm, SECRET)
    bundle = signer.sign(STATEMENT)
    assert bundle == parse_bundle(bundle.raw)
    assert (bundle.payload, bundle.hint) == (STATEMENT.payload, signer.public.hint)
    verify(bundle, signer.public)
    assert signer.identity == {"key": signer.public.fingerprint}
    assert claims(bundle, signer.identity)
    assert signer.public.algorithm == "ECDSA P-256"


def test_no_keyid_is_written(hsm):
    """cosign refuses those of securesystemslib."""
    (signature,) = json.loads(open_signer(hsm, SECRET).sign(STATEMENT).raw)["dsseEnvelope"]["signatures"]
    assert list(signature) == ["sig"]


@pytest.mark.parametrize("uri", ["hsm:", "hsm:2", "hsm:?label=attest+test", "hsm:2?label=attest%20test"])
def test_ways_to_name_the_key(hsm, uri):
    assert open_signer(uri, SECRET).identity == open_signer(hsm, SECRET).identity


def test_the_pin_never_shows(hsm, capfd):
    signer = open_signer(hsm, SECRET)
    assert PIN not in repr(signer)
    error = fails("hsm:9", SECRET)
    assert PIN not in f"{error} {error.hint}"
    assert PIN not in "".join(capfd.readouterr())


def test_a_wrong_pin_is_tried_once(hsm, monkeypatch):
    from securesystemslib.signer import HSMSigner

    tried = []
    sign = HSMSigner.sign
    monkeypatch.setattr(HSMSigner, "sign", lambda self, data: tried.append(1) or sign(self, data))
    error = fails(hsm, b"000000")
    assert (error.code, error.where, tried) == ("kms-pin", hsm, [1])
    assert "refuses the PIN" in error.what


def test_without_a_pin_and_a_terminal(hsm):
    error = fails(hsm, None)
    assert (error.code, error.what) == ("kms-pin", "needs its PIN")
    assert "ATTEST_PASSPHRASE" in error.hint


def test_a_pin_is_asked_for_once_at_a_terminal(hsm, monkeypatch):
    prompts = []
    monkeypatch.setattr(kms.getpass, "getpass", lambda prompt: prompts.append(prompt) or PIN)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    signer = open_signer(hsm)
    signer.sign(STATEMENT)
    signer.sign(STATEMENT)
    assert prompts == [f"PIN of {hsm}: "]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("hsm:9", "could not find ECDSA key"),
        (f"hsm:{RSA}", "could not find ECDSA key"),
        ("hsm:2?label=nobody", "No PKCS#11 token found for label nobody"),
    ],
    ids=["no key", "an RSA key", "no token"],
)
def test_a_key_that_is_not_there(hsm, uri, reason):
    error = fails(uri)
    assert (error.code, error.where, reason in error.what) == ("kms-unavailable", uri, True)


def test_only_curves_that_others_verify(hsm):
    error = fails(f"hsm:{P384}")
    assert error.what == "unsupported curve secp384r1: it is verified, and not signed with"


def test_a_token_needs_its_module(hsm, monkeypatch):
    monkeypatch.delenv("PYKCS11LIB")
    error = fails(hsm)
    assert (error.code, "PYKCS11LIB" in error.what) == ("kms-unavailable", True)


def test_the_public_key_in_a_file_is_held_against_what_signs(hsm, tmp_path):
    good, other = tmp_path / "good.pub", tmp_path / "other"
    good.write_bytes(kms.public_key(hsm, SECRET).pem)
    assert open_signer(f"{hsm},{good}", SECRET).sign(STATEMENT)
    generate_key(other)
    error = fails(f"{hsm},{other}.pub")
    assert (error.code, error.where) == ("kms-mismatch", hsm)
    assert PublicKey.from_pem((tmp_path / "other.pub").read_bytes(), "").fingerprint in error.what
    with pytest.raises(SignatureError, match="private key where a public one is expected"):
        open_signer(f"{hsm},{other}", SECRET)
    with pytest.raises(SignatureError, match="nowhere: cannot be read"):
        open_signer(f"{hsm},{tmp_path}/nowhere", SECRET)


def test_a_certificate_may_be_for_a_key_on_a_token(hsm, tmp_path):
    root = pki.authority()
    public = kms.public_key(hsm, SECRET)
    # whoever issues needs the public half alone
    holder = root.issue(key=type("Token", (), {"public_key": lambda self: public.key})())
    (tmp_path / "chain.pem").write_bytes(pki.pem(holder.certificate))
    bundle = open_signer(f"certificate:{tmp_path}/chain.pem,{hsm}", SECRET).sign(STATEMENT)
    assert bundle.certificate == holder.der
    other = root.issue()
    (tmp_path / "chain.pem").write_bytes(pki.pem(other.certificate))
    assert fails(f"certificate:{tmp_path}/chain.pem,{hsm}").code == "certificate-key-mismatch"


def test_the_commands(hsm, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTEST_PASSPHRASE", PIN)
    (tmp_path / "statement.json").write_bytes(STATEMENT.payload)
    run("sign", "statement.json", "--signer", hsm, "-o", "bundle.json")
    capfd.readouterr()
    run("key", "show", hsm)
    pem = capfd.readouterr().out.encode()
    verify(parse_bundle((tmp_path / "bundle.json").read_bytes().strip()), PublicKey.from_pem(pem, "shown"))
    run("key", "fingerprint", hsm)
    assert capfd.readouterr().out == f"sha256:{PublicKey.from_pem(pem, '').fingerprint}\n"
    run("sign", "statement.json", "--signer", "hsm:9", "-o", "other.json", code=4)
    assert PIN not in capfd.readouterr().err


def test_the_command_that_runs_never_sees_the_pin(hsm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTEST_PASSPHRASE", PIN)
    (tmp_path / "data").write_text("1")
    run("init")
    show = f"import os; open('out', 'w').write(str({PIN!r} in os.environ.values()))"
    step = ("--kind", "transform", "--dataset", "data", "--output", "out", "--not-secret", PIN)
    run("run", "--signer", hsm, *step, "--", sys.executable, "-c", show)
    assert (tmp_path / "out").read_text() == "False"


# ── AWS KMS ──


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048", "RSA_3072"])
def test_aws_signs(aws, spec):
    signer = open_signer(f"awskms:{new_key(aws, spec)}")
    bundle = signer.sign(STATEMENT)
    assert bundle == parse_bundle(bundle.raw)
    verify(bundle, signer.public)


def test_ways_to_name_a_key_of_aws(aws):
    key = new_key(aws)
    aws.create_alias(AliasName="alias/provenance", TargetKeyId=key)
    arn = aws.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    names = (key, arn, "alias/provenance")
    assert len({open_signer(f"awskms:{name}").identity["key"] for name in names}) == 1


def test_an_alias_that_is_pointed_elsewhere_meanwhile(aws):
    aws.create_alias(AliasName="alias/moved", TargetKeyId=new_key(aws))
    signer = open_signer("awskms:alias/moved")
    signer.sign(STATEMENT)
    aws.update_alias(AliasName="alias/moved", TargetKeyId=new_key(aws))
    with pytest.raises(SignatureError) as caught:
        signer.sign(STATEMENT)
    assert (caught.value.code, caught.value.where) == ("kms-mismatch", "awskms:alias/moved")


@pytest.mark.parametrize("spec", ["ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"])
def test_only_algorithms_that_others_verify(aws, spec):
    error = fails(f"awskms:{new_key(aws, spec)}")
    assert "nsupported" in error.what


def test_a_key_that_does_not_sign(aws):
    key = aws.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    assert fails(f"awskms:{key}").code == "kms-unavailable"


def test_no_such_key(aws, capfd):
    error = fails("awskms:alias/nobody")
    assert (error.code, "alias/nobody is not found" in error.what) == ("kms-unavailable", True)
    assert capfd.readouterr().err == ""


def test_nobody_answers(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    error = fails("awskms:alias/provenance")
    assert (error.code, "Could not connect" in error.what) == ("kms-unavailable", True)


def test_a_run_whose_key_went_away_is_spooled(aws, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_text("1")
    run("init")
    aws.create_alias(AliasName="alias/run", TargetKeyId=new_key(aws))
    variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    move = (
        f"import os, boto3; os.environ.update({variables!r}); c = boto3.client('kms');"
        "k = c.create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']['KeyId'];"
        "c.update_alias(AliasName='alias/run', TargetKeyId=k); open('out', 'w').write('x')"
    )
    (tmp_path / "move.py").write_text(move)
    step = ("--kind", "transform", "--dataset", "data", "--output", "out")
    run("run", "--signer", "awskms:alias/run", *step, "--", sys.executable, "move.py", code=75)
    assert "not with the key" in capfd.readouterr().err
    run("sign", "--pending", "--signer", "awskms:alias/run")
    with find_settings(tmp_path).open_store(read_only=True) as store:
        assert [each.hint for each in store.bundles()] == [open_signer("awskms:alias/run").public.hint]


# ── those that were never tried, and all of them ──


@pytest.mark.parametrize("scheme", ["gcpkms", "azurekms", "hv"])
def test_others_are_passed_on_and_need_the_public_key(scheme, tmp_path):
    pytest.importorskip("securesystemslib")
    error = fails(f"{scheme}:key", None, UsageError)
    assert (error.hint, "read from a file" in error.what) == (f"write {scheme}:KEY,PUBLIC.pem", True)
    generate_key(tmp_path / "key")
    rest = "key/1" if scheme == "hv" else "key"
    error = fails(f"{scheme}:{rest},{tmp_path}/key.pub", None)
    assert error.code in ("kms-missing", "kms-unavailable")


@pytest.mark.parametrize("scheme", ["hsm", "awskms", "gcpkms"])
def test_what_is_missing_is_named(scheme, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "securesystemslib.signer", None)
    generate_key(tmp_path / "key")
    error = fails(f"{scheme}:2,{tmp_path}/key.pub")
    assert (error.code, error.hint) == (
        "kms-missing",
        f"pip install 'attest-provenance[{kms.SCHEMES[scheme][1]}]'",
    )


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("awskms:", "names no key"),
        ("awskms:,", "names no key"),
        ("hsm:2,", "names no key"),
        ("hsm:two", "expected the key's number"),
        ("hsm:²", "expected the key's number"),
    ],
)
def test_a_uri_that_says_too_little(uri, reason):
    pytest.importorskip("securesystemslib")
    assert reason in fails(uri, SECRET, UsageError).what


def test_the_settings_name_the_public_key_relative_to_them(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for uri, expected in (
        ("awskms:alias/x,keys/x.pub", f"awskms:alias/x,{tmp_path}/keys/x.pub"),
        ("awskms:alias/x", "awskms:alias/x"),
        ("hsm:2?label=t,/etc/x.pub", "hsm:2?label=t,/etc/x.pub"),
        ("certificate:c.pem,hsm:2,x.pub", f"certificate:{tmp_path}/c.pem,hsm:2,{tmp_path}/x.pub"),
    ):
        (tmp_path / "attest.yaml").write_text(f"signer: {json.dumps(uri)}\n")
        project = find_settings(tmp_path / "deep")
        assert project.signer_uri == expected
        assert Desk(project).project.key_file is None
