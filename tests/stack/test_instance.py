"""A private instance given by the URL of its TUF repository and a root of the user's own."""

from __future__ import annotations

import json

import pytest

from stack.authority import signing_config

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

from attest.errors import SignatureError
from attest.keyless import Keyless
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.signers.sigstore import SigstoreSigner
from attest.statement import Statement
from stack.repository import Repository

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def files(stack):
    return {
        "trusted_root.json": stack.trusted_root.read_bytes(),
        "signing_config.v0.2.json": json.dumps(signing_config(stack.urls, 2)).encode(),
    }


@pytest.fixture
def repository(files, tmp_path):
    with Repository(tmp_path / "tuf") as repository:
        repository.publish(files)
        yield repository


@pytest.fixture
def keyless(stack, repository, tmp_path):
    token = tmp_path / "token"
    token.write_text(stack.token())
    return Keyless(instance=repository.url, root=str(repository.root), token_file=str(token), timeout=20)


def statement():
    subject = ResourceDescriptor(name="weights", digest={"sha256": "0" * 64})
    return Statement.build([subject], "https://example.com/made-up/v1", {})


def test_it_is_signed_with(keyless):
    bundle = open_signer(keyless.uri).sign(statement())
    assert bundle.payload == statement().payload


def test_where_to_sign_is_updated(stack, keyless, repository, files):
    SigstoreSigner(keyless).sign(statement())
    moved = {**files, "signing_config.v0.2.json": json.dumps(signing_config(stack.urls, 1)).encode()}
    repository.publish(moved)
    bundle = SigstoreSigner(keyless).sign(statement())
    assert bundle.log_entries[0]["kindVersion"]["kind"] == "dsse"


def test_a_root_that_is_not_its_own_is_refused(keyless, tmp_path, files):
    with Repository(tmp_path / "other") as other:
        other.publish(files)
        strange = keyless.model_copy(update={"root": str(other.root)})
        with pytest.raises(SignatureError, match="its TUF repository cannot be used") as refused:
            open_signer(strange.uri)
    assert refused.value.code == "instance-untrusted"


def test_metadata_that_ran_out_is_refused(keyless, repository, files):
    repository.publish(files, days=-1)
    with pytest.raises(SignatureError, match="ExpiredMetadataError") as refused:
        open_signer(keyless.uri)
    assert refused.value.code == "instance-untrusted"


def test_a_file_that_was_swapped_is_refused(keyless, repository):
    for path in (repository.folder / "targets").iterdir():
        path.write_bytes(path.read_bytes().replace(b"127.0.0.1", b"127.0.0.2"))
    with pytest.raises(SignatureError, match="LengthOrHashMismatch") as refused:
        open_signer(keyless.uri)
    assert refused.value.code == "instance-untrusted"


def test_a_repository_that_is_down_is_waited_for(keyless, repository):
    """Not even what was had before is taken: somebody may have kept the newer from us."""
    SigstoreSigner(keyless).sign(statement())
    repository._server.socket.close()
    repository.__exit__()
    signer = open_signer(keyless.uri)
    with pytest.raises(SignatureError) as down:
        signer.sign(statement())
    assert (down.value.code, down.value.temporary) == ("instance-unreachable", True)


def test_a_root_that_is_not_there(keyless):
    with pytest.raises(SignatureError, match="cannot be read: No such file") as refused:
        open_signer(keyless.model_copy(update={"root": "/nowhere/root.json"}).uri)
    assert refused.value.code == "instance-unreadable"
