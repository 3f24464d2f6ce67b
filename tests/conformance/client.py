"""A client for sigstore-conformance's interface: what it verifies, attest's own rooms verify.

    python tests/conformance/client.py verify-bundle --bundle FILE
        (--certificate-identity ID --certificate-oidc-issuer URL | --key FILE)
        [--trusted-root FILE] [--staging] FILE_OR_DIGEST
    python tests/conformance/client.py sign-bundle --identity-token TOKEN --bundle FILE [--in-toto]
        [--trusted-root FILE --signing-config FILE] [--staging] FILE

What is refused is refused with its code on standard error, and exit code 1. A bundle with an in-toto envelope
goes through ``attest.trust``, the door everything goes through; signed messages and older versions, which
attest does not read, through the rooms behind it. Source: sigstore-conformance ``docs/cli_protocol.md``.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.resources
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from foreign import Foreign, read_foreign

from attest.anchors import Anchors, KeylessHolder, read_sigstore_root
from attest.bundle import parse_bundle
from attest.canonical import read_json
from attest.errors import AttestError, FormatError, SignatureError
from attest.keyring import Keyring
from attest.keys import PublicKey
from attest.statement import Statement
from attest.trust import Trust
from attest.trustfile import Roots, SigstoreIdentity, TrustFile
from attest.verifier import UnverifiedError
from attest.verifiers.certificate import read_leaf
from attest.verifiers.fulcio import read_claims, unmet
from attest.verifiers.rekor import Entry, check_proof, log_time, same_verifier
from attest.verifiers.trusted_root import TrustedRoot

__all__ = ["main"]

_STORES = {False: "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", True: "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev"}


def trusted_root(path: str | None, *, staging: bool) -> TrustedRoot:
    """Read the root that is given, or the public one that came with sigstore-python."""
    if path is not None:
        try:
            return read_sigstore_root(Path(path).read_bytes(), path)
        except SignatureError as error:
            raise UnverifiedError("root-invalid", error.what) from error
    shipped = importlib.resources.files("sigstore._store").joinpath(_STORES[staging], "trusted_root.json")
    return read_sigstore_root(shipped.read_bytes(), "the root of sigstore-python")


def public_key(path: str) -> PublicKey:
    try:
        return PublicKey.from_pem(Path(path).read_bytes(), path)
    except SignatureError as error:
        raise UnverifiedError("key-invalid", error.what) from error


def digest_of(artifact: str) -> tuple[bytes, bytes | None]:
    """Return the SHA-256 of what is to be verified and, unless only that is given, its bytes."""
    if re.fullmatch(r"sha256:[0-9a-fA-F]{64}", artifact) and not Path(artifact).exists():
        return bytes.fromhex(artifact[7:]), None
    data = Path(artifact).read_bytes()
    return hashlib.sha256(data).digest(), data


def identity_of(identity: str, issuer: str) -> SigstoreIdentity:
    """Return whom to expect. A trust file would have to name a repository, too; the interface knows none."""
    return SigstoreIdentity.model_construct(issuer=issuer, identity=identity)


def trust_of(root: TrustedRoot, identity: SigstoreIdentity | None, key: PublicKey | None) -> Trust:
    """Return a reader's trust in one identity or key."""
    file = TrustFile.model_construct(principals={}, roles={}, roots=Roots())
    keys = Keyring({}).with_key("expected", key) if key else Keyring({})
    keyless = (KeylessHolder("expected", identity, "root"),) if identity else ()
    logs = {log.key_id: log for log in root.logs}
    anchors = Anchors((), logs, {"root": root}, keyless)
    return Trust("conformance", "", file, keys, root.timestamp_authorities, anchors)


def check_subject(payload: bytes, digest: bytes) -> None:
    subjects = Statement.parse(payload).subjects
    if not any(each.digest.get("sha256") == digest.hex() for each in subjects):
        raise UnverifiedError("subject-missing", "the statement is about something else")


def verify(args: argparse.Namespace) -> None:
    """Verify a bundle.

    Raises:
        UnverifiedError: it does not hold.
    """
    root = trusted_root(args.trusted_root, staging=args.staging)
    digest, data = digest_of(args.artifact)
    raw = Path(args.bundle).read_bytes()
    key = public_key(args.key) if args.key else None
    identity = identity_of(args.identity, args.issuer) if args.identity else None
    trust = trust_of(root, identity, key)
    try:
        bundle = parse_bundle(raw)
    except FormatError:
        pass  # another form than ours, or none at all
    else:
        trust.verify(bundle)
        check_subject(bundle.payload, digest)
        return
    foreign = read_foreign(raw)
    if key is not None:
        verify_with_key(foreign, key, digest, data, root)
    elif identity is not None:
        verify_keyless(foreign, root, identity, digest)


def verify_keyless(foreign: Foreign, root: TrustedRoot, identity: SigstoreIdentity, digest: bytes) -> None:
    if foreign.certificate is None:
        raise UnverifiedError("signer-unknown", "signed with a key, and an identity is expected")
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle
    from sigstore_models.common.v1 import HashAlgorithm

    from attest.verifiers.sigstore import Instance, OnlyCertificate

    der = foreign.certificate
    claims = read_claims(read_leaf(der))
    if claims is None or unmet(identity, claims) is not None:
        raise UnverifiedError("signer-unknown", f"signed by somebody else: {claims}"[:200])
    instance, policy = Instance(root.raw), OnlyCertificate(der)
    hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest)
    if foreign.envelope is None:
        instance.checked(der, lambda it: it.verify_artifact(hashed, Bundle.from_json(foreign.raw), policy))
        return
    kind, payload = instance.checked(der, lambda it: it.verify_dsse(Bundle.from_json(foreign.raw), policy))
    if (kind, payload) != foreign.envelope:
        raise UnverifiedError("keyless-invalid", "sigstore-python read another payload")
    check_subject(payload, digest)


def verify_with_key(
    foreign: Foreign, key: PublicKey, digest: bytes, data: bytes | None, root: TrustedRoot
) -> None:
    if foreign.certificate is not None or foreign.envelope is not None:
        raise UnverifiedError("signer-unknown", "no message signed with a key")
    if foreign.message_digest not in (None, digest):
        raise UnverifiedError("digest-mismatch", "it says to be of another artifact")
    if not is_signature(key, foreign.signature, digest, data):
        raise UnverifiedError("signature-invalid", f"not signed by key sha256:{key.fingerprint}")
    logs = {log.key_id: log for log in root.logs}
    held = 0
    for value in foreign.log_entries:
        entry = Entry.parse(value)
        check_message(read_json(entry.body, "log entry"), foreign, key, digest)
        if entry.log_id in logs:
            check_proof(entry, logs[entry.log_id])
            log_time(entry, logs[entry.log_id])
            held += 1
    if not held:
        raise UnverifiedError("log-entry-missing", "no entry of a log the root names")


def is_signature(key: PublicKey, signature: bytes, digest: bytes, data: bytes | None) -> bool:
    if data is not None:
        return key.is_signature(signature, data)
    if not isinstance(key.key, ec.EllipticCurvePublicKey):
        return False  # a digest is not enough for Ed25519
    from cryptography.exceptions import InvalidSignature

    try:
        key.key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True


def check_message(body: Mapping[str, object], foreign: Foreign, key: PublicKey, digest: bytes) -> None:
    """Check that a ``hashedrekord`` 0.0.1 is of this message, signature and key."""
    spec = body.get("spec")
    expected = {"algorithm": "sha256", "value": digest.hex()}
    try:
        signature = spec["signature"]
        same = (
            (body["kind"], body["apiVersion"]) == ("hashedrekord", "0.0.1")
            and spec["data"]["hash"] == expected
            and base64.b64decode(signature["content"]) == foreign.signature
            and same_verifier(base64.b64decode(signature["publicKey"]["content"]), key.der, certificate=False)
        )
    except (KeyError, TypeError) as error:
        raise UnverifiedError("log-entry-invalid", "its body is not of its type") from error
    if not same:
        raise UnverifiedError("log-entry-mismatch", "its log entry is another signature's")


def sign(args: argparse.Namespace) -> None:
    """Sign keyless: a statement by attest's own signer, a message by sigstore-python."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "trust_config.json")
        if args.signing_config:
            value = {
                "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                "trustedRoot": json.loads(Path(args.trusted_root).read_bytes()),
                "signingConfig": json.loads(Path(args.signing_config).read_bytes()),
            }
            config.write_text(json.dumps(value))
        instance = str(config) if args.signing_config else "staging" if args.staging else "production"
        data = Path(args.artifact).read_bytes()
        made = sign_statement if args.in_toto else sign_message
        Path(args.bundle).write_bytes(made(data, instance, args.identity_token, folder))


def sign_statement(data: bytes, instance: str, token: str, folder: str) -> bytes:
    from attest.signer import open_signer

    file = Path(folder, "token")
    file.touch(mode=0o600)
    file.write_text(token)
    uri = f"sigstore:{quote(instance, safe='/:')}?publish=true&tokenFile={quote(str(file), safe='/:')}"
    return open_signer(uri).sign(Statement.parse(data)).raw


def sign_message(data: bytes, instance: str, token: str, _folder: str) -> bytes:
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityError, IdentityToken
    from sigstore.sign import SigningContext

    named = {"production": ClientTrustConfig.production, "staging": ClientTrustConfig.staging}
    config = (
        named[instance]() if instance in named else ClientTrustConfig.from_json(Path(instance).read_text())
    )
    try:
        with SigningContext.from_trust_config(config).signer(IdentityToken(token)) as signer:
            return signer.sign_artifact(data).to_json().encode()
    except (Error, IdentityError, OSError) as error:
        raise SignatureError(f"sigstore-python: {error}"[:300], code="not-signed") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="client.py")
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("verify-bundle")
    checks.set_defaults(run=verify)
    checks.add_argument("--certificate-identity", "--identity", dest="identity")
    checks.add_argument("--certificate-oidc-issuer", "--issuer", dest="issuer")
    checks.add_argument("--key")
    signs = commands.add_parser("sign-bundle")
    signs.set_defaults(run=sign)
    signs.add_argument("--identity-token", required=True)
    signs.add_argument("--signing-config")
    signs.add_argument("--in-toto", action="store_true")
    for each in (checks, signs):
        each.add_argument("--staging", action="store_true")
        each.add_argument("--bundle", required=True)
        each.add_argument("--trusted-root")
        each.add_argument("artifact", metavar="FILE_OR_DIGEST")
    return parser


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 it holds, 1 it does not, 2 the words are off."""
    parser = _parser()
    args = parser.parse_args(words)
    if args.command == "verify-bundle" and bool(args.key) == bool(args.identity and args.issuer):
        parser.error("name a key, or an identity and its issuer")
    try:
        args.run(args)
    except (AttestError, OSError) as error:
        sys.stderr.write(f"{getattr(error, 'code', type(error).__name__)}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUTF8", "1")
    sys.exit(main(sys.argv[1:]))
