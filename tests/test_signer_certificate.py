"""``--signer certificate:…``: a bundle with the leaf alone, and no statement that readers would refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pki
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from attest.bundle import certificate_bundle, parse_bundle
from attest.cli import main
from attest.desk import Desk
from attest.digest import sha256_bytes
from attest.envelope import IN_TOTO, pae
from attest.errors import SignatureError, UsageError
from attest.keys import PublicKey
from attest.resource import ResourceDescriptor
from attest.settings import find_settings
from attest.signer import claims, open_signer
from attest.signers.file import generate_key
from attest.statement import Statement
from attest.trust import read_trust

STATEMENT = Statement.build(
    [ResourceDescriptor(name="a", digest={"sha256": "0" * 64})], "https://example.org/any/v1", {}
)


@pytest.fixture(scope="module")
def root():
    return pki.authority()


@pytest.fixture(scope="module")
def middle(root):
    return root.issue("CN=Issuing,O=Photo Co-op", authority=True)


def key_pem(key, passphrase=None):
    encryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def write(folder, holder, *issuers, passphrase=None):
    (folder / "chain.pem").write_bytes(pki.pem(holder.certificate, *(each.certificate for each in issuers)))
    path = folder / "leaf.key"
    path.write_bytes(key_pem(holder.key, passphrase))
    path.chmod(0o600)
    return f"certificate:{folder}/chain.pem,{folder}/leaf.key"


def refused(folder, holder, *issuers):
    with pytest.raises(SignatureError) as caught:
        open_signer(write(folder, holder, *issuers))
    assert caught.value.where == f"{folder}/chain.pem"
    return caught.value


@pytest.mark.parametrize("kind", ["p256", "ed25519", "rsa"])
def test_the_leaf_and_nothing_else_is_in_the_bundle(tmp_path, root, middle, kind):
    holder = middle.issue("CN=provenance,O=Photo Co-op", key=pki.new_key(kind))
    signer = open_signer(write(tmp_path, holder, middle, root))
    assert signer.identity == {
        "subject": "CN=provenance,O=Photo Co-op",
        "issuer": "CN=Issuing,O=Photo Co-op",
    }
    bundle = signer.sign(STATEMENT)
    assert bundle == parse_bundle(bundle.raw)
    assert (bundle.certificate, bundle.hint, bundle.payload) == (holder.der, None, STATEMENT.payload)
    for issuer in (middle, root):
        assert issuer.der not in bundle.raw
        assert issuer.der[20:60] not in bundle.certificate
    key = PublicKey(holder.key.public_key())
    assert key.is_signature(bundle.signature, pae(IN_TOTO, STATEMENT.payload))


@pytest.mark.parametrize("kind", ["p256", "ed25519", "rsa"])
def test_our_own_verifier_names_the_same_signer(tmp_path, root, middle, kind):
    signer = open_signer(write(tmp_path, middle.issue(key=pki.new_key(kind)), middle, root))
    pem = pki.pem(root.certificate, middle.certificate)
    (tmp_path / "root.pem").write_bytes(pem)
    pinned = f"root: root.pem, sha256: {sha256_bytes(pem)}, subject: CN=provenance"
    (tmp_path / "trust.yaml").write_text(f"principals: {{coop: {{certificate: {{{pinned}}}}}}}\n")
    trust = read_trust(tmp_path / "trust.yaml")
    verified = trust.verify(signer.sign(STATEMENT), as_of=datetime.now(UTC))
    assert verified.principals == ("coop",)
    assert verified.signer.to_json() == signer.identity
    assert signer.public is None


def test_ones_own_bundles_are_found_again(tmp_path, middle):
    signer = open_signer(write(tmp_path, middle.issue(), middle))
    (tmp_path / "other").mkdir()
    other = open_signer(write(tmp_path / "other", middle.issue("CN=somebody else"), middle))
    generate_key(tmp_path / "key")
    key = open_signer(f"{tmp_path}/key")
    bundles = [each.sign(STATEMENT) for each in (signer, other, key)]
    found = [[claims(bundle, each.identity) for bundle in bundles] for each in (signer, other, key)]
    assert found == [[True, False, False], [False, True, False], [False, False, True]]
    assert not claims(bundles[0], {**signer.identity, "issuer": "CN=another authority"})
    assert not claims(certificate_bundle(b"{}", b"", b"no certificate"), signer.identity)


def test_the_order_of_the_chain_is_all_the_same(tmp_path, root, middle):
    holder = middle.issue()
    uri = write(tmp_path, holder, middle, root)
    (tmp_path / "chain.pem").write_bytes(pki.pem(root.certificate, middle.certificate, holder.certificate))
    assert open_signer(uri).sign(STATEMENT).certificate == holder.der


def test_key_and_certificate_in_one_file(tmp_path, middle):
    holder = middle.issue()
    path = tmp_path / "both.pem"
    for parts in (
        (key_pem(holder.key), pki.pem(holder.certificate)),
        (pki.pem(holder.certificate, middle.certificate), key_pem(holder.key)),
    ):
        path.write_bytes(b"".join(parts))
        path.chmod(0o600)
        assert open_signer(f"certificate:{path}").sign(STATEMENT).certificate == holder.der


def test_the_passphrase_is_the_keys(tmp_path, middle):
    holder = middle.issue()
    uri = write(tmp_path, holder, passphrase=b"correct horse")
    assert open_signer(uri, b"correct horse").sign(STATEMENT).certificate == holder.der
    for wrong in (None, b"battery staple"):
        with pytest.raises(SignatureError, match="passphrase"):
            open_signer(uri, wrong)


def test_without_a_subject_the_alternative_name_names(tmp_path, middle):
    uri = x509.UniformResourceIdentifier("https://ci.example/train")
    holder = middle.issue("", alternatives=(x509.IPAddress(__import__("ipaddress").ip_address("::1")), uri))
    assert open_signer(write(tmp_path, holder)).identity["subject"] == "https://ci.example/train"


def test_nobodys_name_signs_nothing(tmp_path, middle):
    error = refused(tmp_path, middle.issue(""))
    assert (error.code, "nobody's name" in error.what) == ("certificate-unreadable", True)


# ── what readers would refuse ──


@pytest.mark.parametrize(
    ("days", "code"),
    [((-30, -1), "certificate-expired"), ((1, 30), "certificate-not-yet-valid")],
)
def test_not_valid_now(tmp_path, middle, days, code):
    error = refused(tmp_path, middle.issue(days=days))
    assert error.code == code
    assert "this machine's clock says" in error.what


def test_a_certificate_that_runs_out_during_a_run(tmp_path, middle, monkeypatch):
    signer = open_signer(write(tmp_path, middle.issue(days=(-1, 1))))
    signer.sign(STATEMENT)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=2)

    monkeypatch.setattr("attest.signers.certificate.datetime", Later)
    with pytest.raises(SignatureError) as caught:
        signer.sign(STATEMENT)
    assert caught.value.code == "certificate-expired"


SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)


@pytest.mark.parametrize(
    ("settings", "code", "reason"),
    [
        ({"usages": ()}, "certificate-key-usage", "key usage is not digitalSignature"),
        ({"usages": ("key_agreement",)}, "certificate-key-usage", "key usage is not digitalSignature"),
        ({"purposes": None}, "certificate-key-usage", "extended key usage is not codeSigning"),
        ({"purposes": SERVER}, "certificate-key-usage", "extended key usage is not codeSigning"),
        ({"authority": True}, "certificate-authority", "is an authority's"),
    ],
    ids=["no usage", "another usage", "no purpose", "another purpose", "an authority"],
)
def test_a_certificate_for_something_else(tmp_path, middle, settings, code, reason):
    error = refused(tmp_path, middle.issue(**settings))
    assert (error.code, reason in error.what) == (code, True)


def test_another_key(tmp_path, middle):
    holder, other = middle.issue(), middle.issue()
    error = refused(tmp_path, replace(holder, key=other.key), middle)
    assert error.code == "certificate-key-mismatch"
    for each in (holder, other):
        assert PublicKey(each.key.public_key()).fingerprint in error.what


def test_two_certificates_for_one_key(tmp_path, middle):
    holder = middle.issue()
    error = refused(tmp_path, holder, middle.issue("CN=again", key=holder.key))
    assert (error.code, error.what) == ("certificate-key-mismatch", "2 certificates are for this key")


def test_an_authority_may_have_a_kind_of_key_we_do_not_sign_with(tmp_path):
    root = pki.authority(key=pki.new_key("p384"))
    holder = root.issue()
    assert open_signer(write(tmp_path, holder, root)).sign(STATEMENT).certificate == holder.der


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_no_certificates(tmp_path, middle, data):
    uri = write(tmp_path, middle.issue())
    (tmp_path / "chain.pem").write_bytes(data)
    with pytest.raises(SignatureError, match="holds no certificates in PEM") as caught:
        open_signer(uri)
    assert caught.value.code == "certificate-unreadable"


def test_files_that_are_not_there(tmp_path, middle):
    uri = write(tmp_path, middle.issue())
    (tmp_path / "chain.pem").unlink()
    with pytest.raises(SignatureError, match=r"chain\.pem: cannot be read"):
        open_signer(uri)
    with pytest.raises(SignatureError, match="nowhere: cannot be read"):
        open_signer(f"certificate:{tmp_path}/chain.pem,{tmp_path}/nowhere")


@pytest.mark.parametrize("rest", ["", ",", ",key.pem", "chain.pem,"])
def test_a_uri_that_names_too_little(rest):
    with pytest.raises(UsageError, match="names no certificate") as caught:
        open_signer(f"certificate:{rest}")
    assert "CHAIN.pem,KEY" in caught.value.hint


def test_a_certificate_is_no_key_for_a_certificate(tmp_path, middle):
    uri = write(tmp_path, middle.issue())
    with pytest.raises(UsageError, match="no key that a certificate can be for"):
        open_signer(f"certificate:{tmp_path}/chain.pem,{uri}")


# ── in a project ──


def run(*words):
    with pytest.raises(SystemExit) as end:
        main([*words])
    assert end.value.code == 0


def test_paths_in_the_settings_are_relative_to_them(tmp_path, middle, monkeypatch):
    (tmp_path / "keys").mkdir()
    (tmp_path / "deep").mkdir()
    holder = middle.issue()
    write(tmp_path / "keys", holder)
    (tmp_path / "attest.yaml").write_text("signer: certificate:keys/chain.pem,keys/leaf.key\n")
    monkeypatch.chdir(tmp_path / "deep")
    project = find_settings(tmp_path / "deep")
    assert project.signer_uri == f"certificate:{tmp_path}/keys/chain.pem,file:{tmp_path}/keys/leaf.key"
    assert project.key_file == tmp_path / "keys/leaf.key"
    assert Desk(project).signer().sign(STATEMENT).certificate == holder.der
    assert str(tmp_path / "keys/leaf.key") in Desk(project).places()
    assert str(tmp_path / "keys/chain.pem") not in Desk(project).places()


def test_the_command(tmp_path, middle, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "statement.json").write_bytes(STATEMENT.payload)
    holder = middle.issue()
    write(tmp_path, holder)
    run("sign", "statement.json", "--signer", "certificate:chain.pem,leaf.key", "-o", "bundle.json")
    assert parse_bundle((tmp_path / "bundle.json").read_bytes().strip()).certificate == holder.der


def test_the_files_of_other_signers(tmp_path):
    generate_key(tmp_path / "key")
    for text, file in (
        ("signer: file:key", tmp_path / "key"),
        ("signer: certificate:both.pem", tmp_path / "both.pem"),
        ("signer: certificate:chain.pem,hsm:2?label=t", None),
        ("signer: awskms:alias/x", None),
        ("{}", None),
    ):
        (tmp_path / "attest.yaml").write_text(text)
        assert find_settings(tmp_path).key_file == file


CARD = """\
dataset: {name: d, version: "1"}
issuer: {legalName: Example Data GmbH}
acquisition: {channel: licensed-delivery}
personalData: {presence: no}
"""


def test_a_renewed_certificate_signs_nothing_twice(tmp_path, middle, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "card.yaml").write_text(CARD)
    (tmp_path / "data").write_text("1")
    run("init", "project")
    new = []
    for name in ("CN=desk", "CN=desk", "CN=another desk"):
        uri = write(tmp_path, middle.issue(name))
        capfd.readouterr()
        places = ("--store", "project/.attest/store.db", "--signer", uri)
        run("dataset", "data", "--card", "card.yaml", "--json", *places)
        new.append(len(json.loads(capfd.readouterr().out)["new"]))
    assert new == [1, 0, 1]
