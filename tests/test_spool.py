"""A statement that waits is whole, its owner's alone, and signed only if it is still true."""

from __future__ import annotations

import json
import os
import stat

import pytest
from stores.samples import sha
from workshop import make_project, model, statements

from attest import spool as spooling
from attest.errors import AttestError, FormatError, RecordingError, SecretError, StoreError
from attest.manifest import digest_path
from attest.provenance import Product, Provenance
from attest.settings import find_settings
from attest.signer import open_signer
from attest.spool import Pending, pending, settle, spool

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


@pytest.fixture
def project(tmp_path):
    make_project(tmp_path / "p")
    return find_settings(tmp_path / "p")


@pytest.fixture
def output(project):
    return Product("model", digest_path(model(project.root / "model"), exclude=["*.none"]))


@pytest.fixture
def folder(project):
    return project.root / ".attest" / "spool"


def statement(output, **external):
    return Provenance("train", external, {}, [], "https://b.example", {}).statement([output])


def spooled(folder, output, manifests=(), held=None, **external):
    return spool(folder, statement(output, **external), [output.measured], manifests, held)


def settled(project, entry, **settings):
    with project.open_store() as store:
        return settle(entry, open_signer(project.signer_uri), store, **settings)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_what_is_spooled_is_signed_later(project, folder, output):
    entry = spooled(folder, output, [b"a manifest of code"])
    assert pending(folder) == [entry]
    assert entry.path.read_bytes() == statement(output).payload
    assert names(folder) == [
        ".gitignore",
        f"{entry.digest}.{sha('a manifest of code')}.manifest",
        f"{entry.digest}.json",
        f"{entry.digest}.outputs",
    ]
    assert settled(project, entry) == statement(output)
    assert names(folder) == [".gitignore"]
    assert [each.digest for each in statements(project.root)] == [entry.digest]
    with project.open_store() as store:
        assert store.manifest(output.measured.artifact.sha256) == output.measured.manifest.data
        assert store.manifest(sha("a manifest of code")) == b"a manifest of code"
        assert store.check().problems == ()


@posix
def test_it_is_the_owners_alone(folder, output):
    before = os.umask(0)
    try:
        entry = spooled(folder, output, [b"m"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in names(folder):
        if name != ".gitignore":
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    assert (folder / ".gitignore").read_text() == "*\n"
    assert entry.path.exists()


def test_the_same_statement_waits_once(project, folder, output):
    assert spooled(folder, output) == spooled(folder, output)
    spooled(folder, output, seed=2)
    assert len(pending(folder)) == 2


def test_a_stand_alone_file_waits_too(project, folder, output):
    file = Product("m", digest_path(project.root / "model" / "model.safetensors"))
    settled(project, spooled(folder, file))
    assert statements(project.root)[0].subjects[0].name == "m"


def test_nothing_waits_in_no_folder(tmp_path):
    assert pending(tmp_path / "none") == []
    (tmp_path / "file").touch()
    with pytest.raises(AttestError, match="cannot be read"):
        pending(tmp_path / "file")


def test_other_files_do_not_wait(tmp_path):
    for name in ("x.json", f"{'0' * 64}.outputs", f"{'0' * 63}.json", "0" * 64):
        (tmp_path / name).touch()
    assert pending(tmp_path) == []


# ── what is no longer true is not signed ──


def refuse(project, entry, error, match, **settings):
    with pytest.raises(error, match=match) as caught:
        settled(project, entry, **settings)
    assert statements(project.root) == []
    assert entry.path.exists()
    return caught.value


@pytest.mark.parametrize("change", ["changed", "more", "gone", "file"])
def test_a_changed_output_is_not_signed(project, folder, output, change):
    entry = spooled(folder, output)
    path = project.root / "model"
    if change == "changed":
        (path / "model.safetensors").write_text("other")
    elif change == "more":
        (path / "new").touch()
    else:
        path.rename(project.root / "elsewhere")
        if change == "file":
            path.touch()
    error = refuse(project, entry, RecordingError, "no such file" if change == "gone" else "got sha256:")
    assert str(path) in str(error)


def test_changed_bytes_are_not_signed(project, folder, output):
    entry = spooled(folder, output)
    entry.path.write_bytes(entry.path.read_bytes().replace(b"train", b"merge"))
    refuse(project, entry, RecordingError, "do not have the digest its name says")


def test_bytes_that_are_no_statement_are_not_signed(project, folder, output):
    entry = Pending(folder / f"{sha('{}')}.json")
    spooled(folder, output)
    entry.path.write_bytes(b"{}")
    entry.path.chmod(0o600)
    refuse(project, entry, FormatError, "_type")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"outputs": [], "manifests": [], "held": null}',
        '{"outputs": 5}',
        "{",
        '{"outputs": [{}]}',
    ],
)
def test_without_knowing_the_outputs_nothing_is_signed(project, folder, output, text):
    entry = spooled(folder, output)
    entry.beside("outputs").write_text(text)
    refuse(project, entry, FormatError, "not what was spooled|not JSON")


def test_a_lost_file_is_named(project, folder, output):
    entry = spooled(folder, output, [b"m"])
    entry.beside(f"{sha('m')}.manifest").unlink()
    refuse(project, entry, RecordingError, r"\.manifest: cannot be read")
    entry.beside("outputs").unlink()
    refuse(project, entry, RecordingError, r"\.outputs: cannot be read")


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_can_write_is_not_signed(project, folder, output, mode):
    entry = spooled(folder, output)
    entry.path.chmod(mode)
    refuse(project, entry, RecordingError, "others may write it")


@posix
def test_what_another_user_wrote_is_not_signed(project, folder, output, monkeypatch):
    entry = spooled(folder, output)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    refuse(project, entry, RecordingError, "belongs to another user")


def test_what_looks_like_a_secret_is_not_signed_unless_it_is_none(project, folder, output):
    entry = spooled(folder, output, hyperparameters={"password": "hunter22"})
    refuse(project, entry, SecretError, "the value of 'password'")
    assert settled(project, entry, not_secret=["hunter22"])


def test_what_is_held_back_is_not_signed(project, folder, output):
    entry = spooled(folder, output, held="the secret parameter 'x' stands here")
    refuse(project, entry, RecordingError, "held back: the secret parameter 'x'", not_secret=["hunter22"])


def test_a_store_that_fails_keeps_it_waiting(project, folder, output, monkeypatch):
    entry = spooled(folder, output)
    from attest.stores.sqlite import SqliteStore

    def full(*_):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "put", full)
        refuse(project, entry, StoreError, "the disk is full")
    assert settled(project, entry)


# ── it is whole or not there ──


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_disk_that_fills_up_leaves_nothing_that_waits(folder, output, monkeypatch, fails_at):
    real, count = spooling.write_file, iter(range(10))

    def write(path, chunks, **settings):
        if next(count) == fails_at:
            raise AttestError("cannot be written: No space left on device", str(path))
        real(path, chunks, **settings)

    monkeypatch.setattr(spooling, "write_file", write)
    with pytest.raises(AttestError, match="No space left"):
        spooled(folder, output, [b"m"])
    assert pending(folder) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path, output):
    (tmp_path / "file").touch()
    with pytest.raises(AttestError, match=r"file.*cannot be written"):
        spooled(tmp_path / "file" / "spool", output)


@posix
def test_paths_that_are_no_utf8_are_found_again(project, folder):
    odd = project.root / os.fsdecode(b"\xff")
    product = Product("model", digest_path(model(odd)))
    assert settled(project, spooled(folder, product))


def test_where_its_outputs_are_is_written_beside_it_and_not_in_it(folder, output, project):
    entry = spooled(folder, output)
    assert str(project.root).encode() not in entry.path.read_bytes()
    local = json.loads(entry.beside("outputs").read_bytes())
    assert bytes.fromhex(local["outputs"][0]["path"]) == os.fsencode(project.root / "model")
    assert local["outputs"][0]["exclude"] == ["*.none"]
