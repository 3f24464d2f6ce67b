"""The stack itself, before anything of ours: sigstore-python signs on it, cosign verifies, it is strict."""

from __future__ import annotations

import json

import pytest
from clients import debian
from clients.cache import Unavailable
from clients.programs import Cosign

from stack.servers import NAMES, PERSON, WORKFLOW

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

from sigstore import dsse
from sigstore._internal.fulcio.client import FulcioClientError
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

pytestmark = pytest.mark.stack

PREDICATE = "https://example.com/made-up/v1"
STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "weights", "digest": {"sha256": "0" * 64}}],
        "predicateType": PREDICATE,
        "predicate": {"epochs": 3},
    }
).encode()


def sign(stack, rekor, token):
    config = ClientTrustConfig.from_json(stack.config(rekor).read_text())
    with SigningContext.from_trust_config(config).signer(IdentityToken(token), cache=True) as signer:
        return signer.sign_dsse(dsse.Statement(STATEMENT))


def verify(stack, bundle, user, identity):
    root = ClientTrustConfig.from_json(stack.config(2).read_text()).trusted_root
    who = policy.AllOf([policy.OIDCIssuerV2(stack.issuer(user)), policy.Identity(identity=identity)])
    return Verifier(trusted_root=root).verify_dsse(bundle, who)


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize(("user", "identity"), [("trainer", PERSON), ("workflow", WORKFLOW)])
def test_the_library_signs_and_verifies(stack, rekor, user, identity):
    bundle = sign(stack, rekor, stack.token(user))
    assert verify(stack, bundle, user, identity) == ("application/vnd.in-toto+json", STATEMENT)
    kind = bundle.log_entry._inner.kind_version
    assert (kind.kind, kind.version) == {1: ("dsse", "0.0.1"), 2: ("hashedrekord", "0.0.2")}[rekor]


def test_a_workflow_has_its_extensions(stack):
    bundle = sign(stack, 1, stack.token("workflow"))
    found = {each.oid.dotted_string: each.value for each in bundle.signing_certificate.extensions}
    assert found["1.3.6.1.4.1.57264.1.12"].value[2:] == b"https://github.com/acme/vision"
    assert found["1.3.6.1.4.1.57264.1.11"].value[2:] == b"github-hosted"


@pytest.mark.interop
@pytest.mark.parametrize("rekor", [1, 2])
def test_cosign_verifies(stack, rekor, tmp_path):
    try:
        debian.binaries()
    except Unavailable as reason:
        pytest.skip(f"cosign is not available here: {reason}")
    path = tmp_path / "bundle.json"
    path.write_text(sign(stack, rekor, stack.token()).to_json())
    identity = ["--certificate-identity", PERSON, "--certificate-oidc-issuer", stack.issuer()]
    command = ["verify-blob-attestation", "--bundle", path, "--type", PREDICATE, *identity]
    subject = ["--trusted-root", stack.trusted_root, "--digest", "0" * 64, "--digestAlg", "sha256"]
    cosign = Cosign(tmp_path)
    answer = cosign._answer(cosign._run(cosign.program, *command, "--use-signed-timestamps", *subject))
    assert answer.accepted, answer.said


def test_a_forged_token_gets_no_certificate(stack):
    head, claims, signature = stack.token().split(".")
    with pytest.raises(FulcioClientError):
        sign(stack, 1, f"{head}.{claims}.{signature[-9:-3]}{signature[6:]}")
    assert "failed to verify signature" in (stack.folder / "fulcio.log").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_starts_again_is_the_same(stack, name):
    stack.stop(name)
    assert not stack.answers(name)
    stack.start(name)
    for rekor in (1, 2):
        verify(stack, sign(stack, rekor, stack.token()), "trainer", PERSON)


def test_certificates_can_be_short(stack):
    stack.restart("fulcio", "-lifetime", "9s")
    certificate = sign(stack, 1, stack.token()).signing_certificate
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert life.total_seconds() == pytest.approx(9, abs=1)
