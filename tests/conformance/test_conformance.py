"""The verification cases of sigstore-conformance, by file and by digest, each refusal for its own reason.

138 of 140. The other two are one case of an entry type that neither sigstore-python nor attest reads.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sigstore", reason="sigstore-python is not installed: no keyless bundle is verified")

sys.path.insert(0, str(Path(__file__).parent))

import client
from foreign import read_foreign
from keyless_instance import Instance
from world import World, signer

from attest.verifier import UnverifiedError
from attest.verifiers.rekor import Entry, check_proof, log_time

IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"
HOLDS = ""

EXPECTED = {
    "bundle-empty-certificate-chain_fail": "certificate-missing",
    "bundle-from-wrong-instance_fail": "certificate-untrusted",
    "bundle-invalid-base64-signature_fail": "bundle-invalid",
    "bundle-malformed-json_fail": "bundle-invalid",
    "bundle-negative-log-index_fail": "bundle-invalid",
    "bundle-unknown-version_fail": "bundle-version",
    "bundle-with-root-cert_fail": "root-in-bundle",
    "bundle-with-sct-with-extensions": HOLDS,
    "checkpoint-bad-keyhint_fail": "log-entry-invalid",
    "checkpoint-wrong-roothash_fail": "log-entry-invalid",
    "dsse-invalid-sig_fail": "signature-invalid",
    "dsse-mismatch-envelope_fail": "log-entry-mismatch",
    "dsse-mismatch-sig_fail": "log-entry-mismatch",
    "happy-path-intoto-in-dsse-v3": HOLDS,
    "happy-path-v0.1": HOLDS,
    "happy-path-v0.2": HOLDS,
    "happy-path-v0.3": HOLDS,
    "happy-path-v0.3-new-mediaType": HOLDS,
    "inclusion-proof-corrupted-hash_fail": "log-entry-invalid",
    "incorrect-public-key_fail": "log-entry-invalid",
    "integrated-time-in-future_fail": "certificate-expired",
    "intoto-expired-certificate_fail": "log-entry-unsupported",
    "intoto-log-entry-mismatch_fail": "log-entry-unsupported",
    "intoto-missing-inclusion-proof_fail": "bundle-invalid",
    "intoto-set-outside-signing-cert-validity_fail": "log-entry-unsupported",
    "intoto-tsa-timestamp-outside-cert-validity_fail": "log-entry-unsupported",
    "intoto-with-custom-trust-root": HOLDS,
    "invalid-checkpoint-signature_fail": "log-entry-invalid",
    "invalid-ct-key_fail": "sct-invalid",
    "invalid-inclusion-proof_fail": "log-entry-invalid",
    "managed-key-and-trusted-root": HOLDS,
    "managed-key-happy-path": HOLDS,
    "managed-key-no-key_fail": "signer-unknown",
    "managed-key-wrong-key_fail": "key-invalid",
    "message-digest-mismatch_fail": "digest-mismatch",
    "rekor2-checkpoint-cosigned": HOLDS,
    "rekor2-checkpoint-missing-log-signature_fail": "log-entry-invalid",
    "rekor2-checkpoint-missing-origin_fail": "log-entry-invalid",
    "rekor2-checkpoint-missing-root-hash_fail": "log-entry-invalid",
    "rekor2-checkpoint-missing-size_fail": "log-entry-invalid",
    "rekor2-checkpoint-multiple-cosigs": HOLDS,
    "rekor2-checkpoint-no-matching-signature_fail": "log-entry-invalid",
    "rekor2-checkpoint-origin-not-first": HOLDS,
    "rekor2-checkpoint-two-sigs-cosigned": HOLDS,
    "rekor2-checkpoint-two-sigs-from-origin": HOLDS,
    "rekor2-dsse-happy-path": HOLDS,
    "rekor2-dsse-invalid-sig_fail": "signature-invalid",
    "rekor2-dsse-mismatch-envelope_fail": "log-entry-mismatch",
    "rekor2-dsse-mismatch-sig_fail": "log-entry-mismatch",
    "rekor2-happy-path": HOLDS,
    "rekor2-no-inclusion-proof_fail": "bundle-invalid",
    "rekor2-no-timestamp_fail": "no-trusted-time",
    "rekor2-timestamp-outside-trust-root-tsa-validity_fail": "no-trusted-time",
    "rekor2-timestamp-outside-tsa-cert-validity_fail": "no-trusted-time",
    "rekor2-timestamp-payload-mismatch_fail": "no-trusted-time",
    "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail": "timestamp-invalid",
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": "no-trusted-time",
    "rekor2-timestamp-with-embedded-cert": HOLDS,
    "rekor2-timestamp-with-expired-cert-chain": HOLDS,
    "rekor2-timestamp-with-incorrect-time_fail": "certificate-expired",
    "rekor2-timestamp-without-embedded-cert": HOLDS,
    "set-invalid-signature_fail": "log-entry-invalid",
    "signature-mismatch_fail": "signature-invalid",
    "trust-root-tlog-missing-validity-start_fail": "root-invalid",
    "trust-root-tlog-validity-end-inclusive": HOLDS,
    "trust-root-tsa-validity-end-inclusive": HOLDS,
    "wrong-hashedrekord-artifact_fail": "log-entry-mismatch",
    "wrong-hashedrekord-cert-and-sig_fail": "log-entry-mismatch",
    "wrong-hashedrekord-entry_fail": "log-entry-mismatch",
    "wrong-material_fail": "digest-mismatch",
}
"""Case → the code it is refused with.

The four ``intoto-…_fail`` cases that say ``log-entry-unsupported`` are refused as they should be, and not for
what is wrong with them: nothing in them is looked at once the entry's type is known.
"""

FAILURES = {
    "intoto-with-custom-trust-root": "its log entry is an intoto 0.0.2, which clients ceased to write; "
    "sigstore-python refuses it, and keyless bundles are verified through sigstore-python",
}
"""Case → why it fails here. A case that ceases to fail fails the test."""


def words_of(cases: Path, name: str, by: str) -> list[str]:
    """What sigstore-conformance calls a client with."""
    folder = cases / name

    def of(file: str, default: str) -> str:
        return (folder / file).read_text().strip() if (folder / file).exists() else default

    words = ["verify-bundle", "--bundle", str(folder / "bundle.sigstore.json")]
    if (folder / "key.pub").exists():
        words += ["--key", str(folder / "key.pub")]
    else:
        words += ["--certificate-identity", of("identity", IDENTITY)]
        words += ["--certificate-oidc-issuer", of("issuer", ISSUER)]
    if (folder / "trusted_root.json").exists():
        words += ["--trusted-root", str(folder / "trusted_root.json")]
    artifact = folder / "artifact" if (folder / "artifact").exists() else cases / "a.txt"
    if by == "file":
        return [*words, str(artifact)]
    return [*words, f"sha256:{hashlib.sha256(artifact.read_bytes()).hexdigest()}"]


def test_every_case_is_known(cases):
    """New data brings new cases: somebody has to say what is expected of them."""
    assert {each.name for each in cases.iterdir() if each.is_dir()} == set(EXPECTED)
    assert {name for name, code in EXPECTED.items() if code is not HOLDS} == {
        name for name in EXPECTED if name.endswith("_fail")
    }
    assert 2 * (len(EXPECTED) - len(FAILURES)) == 138


@pytest.mark.parametrize("by", ["file", "digest"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=FAILURES[name], strict=True))
        if name in FAILURES
        else name
        for name in EXPECTED
    ],
)
def test_case(cases, name, by, capsys):
    status = client.main(words_of(cases, name, by))
    said = capsys.readouterr().err
    assert (status, said.partition(":")[0]) == ((1, EXPECTED[name]) if EXPECTED[name] else (0, "")), said


def test_the_expected_failures_fail_for_their_cause(cases, capsys):
    for name in FAILURES:
        assert client.main(words_of(cases, name, "file")) == 1
        assert capsys.readouterr().err.startswith("log-entry-unsupported: ")


def test_the_command(cases):
    """As sigstore-conformance runs it, in a process of its own."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, client.__file__, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run(*words_of(cases, "rekor2-dsse-happy-path", "digest")).returncode == 0
    bad = run(*words_of(cases, "rekor2-dsse-mismatch-sig_fail", "file"))
    assert (bad.returncode, bad.stderr.partition(":")[0]) == (1, "log-entry-mismatch")
    assert run("verify-bundle", "--bundle", "x", "y").returncode == 2


@pytest.mark.parametrize("kind", ["statement", "message"])
def test_signing_is_refused_without_a_token(kind, tmp_path, capsys):
    """What comes of a real token is tried on the real servers; here nothing is asked, and nothing written."""
    (tmp_path / "root.json").write_bytes(Instance(tmp_path / "instance").trusted_root())
    service = {"url": "http://127.0.0.1:9", "majorApiVersion": 1, "operator": "test"}
    services = [{**service, "validFor": {"start": "2026-01-01T00:00:00Z"}}]
    config = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": services,
        "oidcUrls": services,
        "rekorTlogUrls": services,
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": services,
        "tsaConfig": {"selector": "ANY"},
    }
    (tmp_path / "signing.json").write_text(json.dumps(config))
    (tmp_path / "input").write_bytes(World().sign("dataset", SUBJECTS, {"name": "d"}, "ci").payload)
    words = ["sign-bundle", "--identity-token", "no token", "--bundle", str(tmp_path / "out.json")]
    words += ["--in-toto"] if kind == "statement" else []
    words += [
        "--trusted-root",
        str(tmp_path / "root.json"),
        "--signing-config",
        str(tmp_path / "signing.json"),
    ]
    assert client.main([*words, str(tmp_path / "input")]) == 1
    code = "token-malformed" if kind == "statement" else "not-signed"
    assert capsys.readouterr().err.partition(":")[0] == code
    assert not (tmp_path / "out.json").exists()


SUBJECTS = [{"name": "d", "digest": {"sha256": "a" * 64}}]


@pytest.mark.parametrize("name", ["rekor2-dsse-happy-path", "happy-path-v0.1", "managed-key-happy-path"])
def test_another_identity_or_key_is_refused(cases, name, tmp_path, capsys):
    words = words_of(cases, name, "file")
    if "--key" in words:
        (tmp_path / "other.pub").write_bytes(signer("stranger").public.pem)
        words[words.index("--key") + 1] = str(tmp_path / "other.pub")
        assert (client.main(words), capsys.readouterr().err.partition(":")[0]) == (1, "signature-invalid")
        return
    for option in ("--certificate-identity", "--certificate-oidc-issuer"):
        changed = list(words)
        changed[words.index(option) + 1] += "x"
        assert (client.main(changed), capsys.readouterr().err.partition(":")[0]) == (1, "signer-unknown")


OTHER = {
    name: code
    for name, code in EXPECTED.items()
    if code in {"bundle-invalid", "bundle-version", "certificate-missing", "root-in-bundle", "root-invalid"}
}


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in OTHER])
def test_our_own_code_for_logs_agrees(cases, name):
    """The code for entries of key-signed bundles, on entries of every kind: sigstore-python says the same."""
    folder = cases / name
    path = folder / "trusted_root.json"
    root = client.trusted_root(str(path) if path.exists() else None, staging=False)
    logs = {log.key_id: log for log in root.logs}
    [value] = read_foreign((folder / "bundle.sigstore.json").read_bytes()).log_entries
    refused = ""
    try:
        entry = Entry.parse(value)
        if entry.log_id not in logs:
            refused = "unknown log"
        else:
            check_proof(entry, logs[entry.log_id])
            log_time(entry, logs[entry.log_id])
    except UnverifiedError as error:
        refused = error.what
    expected = EXPECTED[name] == "log-entry-invalid"
    if name == "bundle-from-wrong-instance_fail":
        assert refused == "unknown log"
    else:
        assert bool(refused) is expected, refused


def test_dsse_bundles_of_version_three_go_through_the_door(cases):
    """What attest reads is verified by ``Trust.verify`` and by nothing beside it."""
    through = {
        name
        for name in EXPECTED
        if name != "bundle-malformed-json_fail"
        and (value := json.loads((cases / name / "bundle.sigstore.json").read_bytes()))
        and "dsseEnvelope" in value
        and "0.3" in value["mediaType"]
    }
    assert len(through) == 8
