"""Keyless bundles of ours, made on real servers, before four verifiers that know nothing of us."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from clients.offline import no_network
from clients.programs import Keyless
from stack.servers import PERSON, WORKFLOW

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

from sigstore.errors import VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from attest.digest import sha256_bytes
from attest.resource import ResourceDescriptor
from attest.settings import find_settings
from attest.signer import open_signer
from attest.statement import Statement

pytestmark = [pytest.mark.interop, pytest.mark.stack]

PREDICATE = "https://example.com/made-up/v1"
DIGEST = sha256_bytes(b"weights of a very small model")


def statement():
    subject = ResourceDescriptor(name="model.safetensors", digest={"sha256": DIGEST})
    # text that JSON writers escape differently, and a number protobuf's Struct would turn into a float
    return Statement.build([subject], PREDICATE, {"epochs": 3, "note": "größer <&> \u2028 \x7f 🙂"})


@pytest.fixture(params=[(1, "trainer"), (1, "workflow"), (2, "trainer"), (2, "workflow")], ids=str)
def signed(request, stack, tmp_path):
    """A bundle on disk, and whose it is."""
    rekor, user = request.param
    token = tmp_path / "token"
    token.write_text(stack.token(user))
    bundle = open_signer(f"sigstore:{stack.config(rekor)}?tokenFile={token}").sign(statement())
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle.raw)
    identity = {"trainer": PERSON, "workflow": WORKFLOW}[user]
    return path, Keyless(stack.trusted_root, identity, stack.issuer(user))


def judge_with_python(path, by):
    root = TrustedRoot.from_file(str(by.trusted_root))
    who = policy.AllOf([policy.OIDCIssuerV2(by.issuer), policy.Identity(identity=by.identity)])
    return Verifier(trusted_root=root).verify_dsse(Bundle.from_json(path.read_bytes()), who)


def all_refuse(path, by, cosign, sigstore_go, sigstore_js):
    answers = [
        cosign.verify_keyless(path, PREDICATE, DIGEST, by),
        sigstore_go.verify_keyless(path, DIGEST, by),
        sigstore_js.verify_keyless(path, by),
    ]
    with pytest.raises(VerificationError) as refused:
        judge_with_python(path, by)
    assert [each.accepted for each in answers] == [False] * 3, answers
    return [*(each.said for each in answers), str(refused.value)]


def test_all_accept_it(signed, cosign, sigstore_go, sigstore_js):
    path, by = signed
    for answer in (
        cosign.verify_keyless(path, PREDICATE, DIGEST, by),
        sigstore_go.verify_keyless(path, DIGEST, by),
        sigstore_js.verify_keyless(path, by),
    ):
        assert answer.accepted, answer.said
    assert judge_with_python(path, by) == ("application/vnd.in-toto+json", statement().payload)


def test_all_refuse_it_as_somebody_elses(signed, cosign, sigstore_go, sigstore_js):
    path, by = signed
    other = Keyless(by.trusted_root, by.identity + "x", by.issuer)
    said = all_refuse(path, other, cosign, sigstore_go, sigstore_js)
    reasons = ("expected SAN value", "expected SAN value", "PolicyError", "SANs do not match")
    for text, reason in zip(said, reasons, strict=True):
        assert reason in text, text


def test_all_refuse_another_issuers(signed, cosign, sigstore_go, sigstore_js):
    path, by = signed
    all_refuse(path, Keyless(by.trusted_root, by.identity, by.issuer + "x"), cosign, sigstore_go, sigstore_js)


def test_all_refuse_a_changed_statement(signed, cosign, sigstore_go, sigstore_js):
    path, by = signed
    whole = json.loads(path.read_bytes())
    payload = whole["dsseEnvelope"]["payload"]
    whole["dsseEnvelope"]["payload"] = payload[:20] + ("A" if payload[20] != "A" else "B") + payload[21:]
    path.write_text(json.dumps(whole))
    said = all_refuse(path, by, cosign, sigstore_go, sigstore_js)
    reasons = ("verify log inclusion", "verify log inclusion", "VerificationError", "signature")
    for text, reason in zip(said, reasons, strict=True):
        assert reason in text, text


# the quickstart, signed by an identity in place of keys


class KeylessShell:
    """Runs the quickstart's commands in a project whose signer is keyless."""

    settings = ""

    def __init__(self, shell, folder, **more):
        self.shell = shell(folder, quiet=True, **more)
        self.folder = folder

    def __call__(self, command, expect=0):
        said = self.shell(command.replace(" --signer file:keys/desk.key", ""), expect)
        if command.startswith("attest init"):
            kept = (self.folder / "attest.yaml").read_text().splitlines()
            lines = [line for line in kept if not line.startswith("signer:")]
            (self.folder / "attest.yaml").write_text("\n".join([*lines, self.settings, ""]))
        return said


POLICY = """\
policy: quickstart
version: 1
purpose: []
territories: []
rules:
  - weights-match: {mode: files}
  - complete-lineage: {opaqueBaseModels: 0, unknownInputs: 0}
  - signed-by: {steps: builder, datasets: data-owner}
  - builder-id: {}
  - trusted-time: {steps: required}
  - license: {use: commercial, unknown: reject}
  - digest-conflict: {}
unknown: reject
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["rekor1", "rekor2"])
def vendor(request, running_stack, tmp_path_factory):
    """The quickstart's whole pipeline, signed keyless."""
    for name in ("numpy", "sklearn", "safetensors", "PIL"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra example)")
    running_stack.whole()
    folder = tmp_path_factory.mktemp("quickstart")
    token = folder / "token"
    token.write_text(running_stack.token("workflow"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "examples" / "quickstart"))
        import quickstart

        shell = quickstart.Shell
        config = running_stack.config(request.param)
        settings = f"signer: sigstore\nsigstore: {{instance: '{config}', tokenFile: '{token}'}}"
        patch.setattr(KeylessShell, "settings", settings)
        patch.setattr(quickstart, "Shell", lambda *words, **more: KeylessShell(shell, *words, **more))
        quickstart.vendor(folder / "vendor")
    with find_settings(folder / "vendor").open_store(read_only=True) as store:
        bundles = list(store.bundles())
    assert len(bundles) == 7  # dataset, rights, and five steps
    assert {len(bundle.log_entries) for bundle in bundles} == {1}
    assert {"publicKey" in json.loads(bundle.raw)["verificationMaterial"] for bundle in bundles} == {False}
    return folder, bundles


@pytest.mark.slow
def test_the_quickstart_verifies_offline_with_cosign_and_sigstore_js(
    vendor, running_stack, cosign, sigstore_js, tmp_path, monkeypatch
):
    no_network()
    for client in (cosign, sigstore_js):
        monkeypatch.setattr(client, "offline", True)
    by = Keyless(running_stack.trusted_root, WORKFLOW, running_stack.issuer("workflow"))
    for bundle in vendor[1]:
        made = bundle.statement()
        path = tmp_path / "bundle.json"
        path.write_bytes(bundle.raw)
        digest = made.subjects[0].digest["sha256"]
        for answer in (
            cosign.verify_keyless(path, made.predicate_type, digest, by),
            sigstore_js.verify_keyless(path, by),
        ):
            assert answer.accepted, answer.said


@pytest.mark.slow
def test_the_quickstart_verifies_offline_with_attest(vendor, running_stack, tmp_path):
    folder, bundles = vendor
    (tmp_path / "model.intoto.jsonl").write_bytes(b"".join(bundle.line + b"\n" for bundle in bundles))
    root = running_stack.trusted_root
    who = (
        f"issuer: '{running_stack.issuer('workflow')}', identity: '{WORKFLOW}', "
        "sourceRepository: https://github.com/acme/vision, runnerEnvironment: github-hosted"
    )
    (tmp_path / "trust.yaml").write_text(
        f"principals: {{ci: {{sigstore: {{{who}}}}}}}\n"
        "roles:\n"
        "  builder: [{principal: ci, builderIds: ['https://vendor.example/ci']}]\n"
        "  data-owner: [{principal: ci}]\n"
        "  rights-holder: [{principal: ci}]\n"
        f"roots: {{sigstore: [{{file: {root}, sha256: {sha256_bytes(root.read_bytes())}}}]}}\n"
    )
    (tmp_path / "policy.yaml").write_text(POLICY)
    words = ["verify", folder / "vendor" / "digits-int8", "--bundle", "model.intoto.jsonl"]
    words += ["--trust", "trust.yaml", "--policy", "policy.yaml", "--json"]
    done = subprocess.run(
        [*no_network(), sys.executable, "-m", "attest", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "ACCEPT"
