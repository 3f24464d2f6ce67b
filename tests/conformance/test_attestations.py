"""Artifact attestations that GitHub and others really made, verified offline and joined as steps."""

from __future__ import annotations

import importlib.resources
import json

import pytest
from vendor import attest

from attest.digest import sha256_bytes

STORE = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
BEACON = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
SIGNER = {
    "issuer": "https://token.actions.githubusercontent.com",
    "identity": f"{BEACON}/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
    "sourceRepository": BEACON,
}
"""The workflow whose token anybody may have for tests: it signed for all of the builders below."""
BUILDER = "https://github.com/loosebazooka/aa-test/.github/workflows/provenance.yaml@refs/heads/main"
POLICY = "{policy: p, version: 1, rules: [weights-match, complete-lineage]}"


@pytest.fixture
def judge(cases, tmp_path, capsys):
    """Judge the artifact the cases are about by one case's bundle."""

    def run(case, identity, builder, root):
        (tmp_path / "root.json").write_bytes(root)
        trust = {
            "principals": {"ci": {"sigstore": identity}},
            "roles": {"builder": [{"principal": "ci", "builderIds": [builder]}]},
            "roots": {"sigstore": [{"file": "root.json", "sha256": sha256_bytes(root)}]},
        }
        (tmp_path / "trust.yaml").write_text(json.dumps(trust))
        (tmp_path / "policy.yaml").write_text(POLICY)
        bundle = cases / case / "bundle.sigstore.json"
        words = ["-b", bundle, "-t", tmp_path / "trust.yaml", "-p", tmp_path / "policy.yaml", "--json"]
        code = attest("verify", cases / "a.txt", *words)
        return code, json.loads(capsys.readouterr().out)

    return run


def results(report):
    return {each["rule"]: each["result"] for each in report["rules"]}


def public_root() -> bytes:
    shipped = pytest.importorskip("sigstore", reason="sigstore-python is not installed")
    return (importlib.resources.files(shipped) / "_store" / STORE / "trusted_root.json").read_bytes()


def test_an_attestation_made_on_github(judge):
    case, root = "happy-path-intoto-in-dsse-v3", public_root()
    code, report = judge(case, {**SIGNER, "runnerEnvironment": "github-hosted"}, BUILDER, root)
    (row,) = report["statements"]
    assert (row["standing"], row["principals"]) == ("granted", ["ci"])
    assert row["trustedTime"].startswith("2024-12-16")
    assert (code, results(report)) == (3, {"weights-match": "PASS", "complete-lineage": "UNKNOWN"})
    codes = {each["code"] for each in report["findings"]}
    assert {"input-without-digest", "inputs-partial"} <= codes


@pytest.mark.parametrize(
    ("case", "identity", "builder", "standing", "reason"),
    [
        ("happy-path-intoto-in-dsse-v3", SIGNER, f"{BUILDER}x", "carried", "may not sign as builder"),
        (
            "happy-path-intoto-in-dsse-v3",
            {**SIGNER, "sourceRepository": "https://github.com/somebody/fork"},
            BUILDER,
            "unverified",
            "sourceRepository",
        ),
        ("dsse-invalid-sig_fail", SIGNER, BUILDER, "unverified", ""),
        ("dsse-mismatch-envelope_fail", SIGNER, BUILDER, "unverified", ""),
    ],
)
def test_what_is_not_believed(judge, case, identity, builder, standing, reason):
    _, report = judge(case, identity, builder, public_root())
    (row,) = report["statements"]
    assert row["standing"] == standing
    assert reason in row["reason"]


def test_a_build_type_without_parameters_in_rekor_2(judge, cases):
    case = cases / "rekor2-dsse-happy-path"
    builder = "https://github.com/sigstore-conformance/rekor2-dsse-hashedrekord-regen"
    code, report = judge(case.name, SIGNER, builder, (case / "trusted_root.json").read_bytes())
    assert report["statements"][0]["standing"] == "granted", report["statements"]
    assert (code, results(report)["weights-match"]) == (3, "PASS")
