"""``attest.yaml``: found from anywhere in the project, strict, and never another user's."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from stores.samples import bundle, raws

from attest import folder as folder_module
from attest import settings
from attest.errors import AttestError, FormatError, LimitError, StoreError, UsageError
from attest.settings import DEFAULT_BUILDER_ID, find_settings, read_settings

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX owners")

FULL = """\
store: data/proofs.db
signer: file:keys/attest.key
builder:
  id: https://ci.example/builders/train@v1
  version: {runner: "2.1"}
"""


def project(folder, text):
    (folder / "attest.yaml").write_text(text, encoding="utf-8")
    return find_settings(folder)


def test_everything_is_read(tmp_path):
    found = project(tmp_path, FULL)
    assert found.root == tmp_path
    assert found.file == tmp_path / "attest.yaml"
    assert found.store_uri == f"sqlite:{tmp_path}/data/proofs.db"
    assert found.signer_uri == f"file:{tmp_path}/keys/attest.key"
    assert found.settings.builder.id == "https://ci.example/builders/train@v1"
    assert found.settings.builder.version == {"runner": "2.1"}


def test_everything_has_a_default(tmp_path):
    found = project(tmp_path, "{}")
    assert found.store_uri == f"sqlite:{tmp_path}/.attest/store.db"
    assert found.settings.builder.id == DEFAULT_BUILDER_ID == "https://w3id.org/attest/builders/local/v0.1"
    assert found.settings.builder.version == {}
    assert found.settings.signer is None


def test_without_a_signer_there_is_none_to_sign_with(tmp_path):
    with pytest.raises(UsageError, match=r"attest\.yaml: names no signer") as caught:
        _ = project(tmp_path, "{}").signer_uri
    assert "attest key generate" in caught.value.hint


def test_the_nearest_file_above_counts(tmp_path, monkeypatch):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    project(tmp_path, "store: outer.db")
    project(tmp_path / "a", "store: inner.db")
    assert find_settings(tmp_path / "a" / "b" / "c").store_uri == f"sqlite:{tmp_path}/a/inner.db"
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert find_settings(Path()).root == tmp_path / "a"
    assert find_settings(tmp_path / "a" / "not yet" / "there").root == tmp_path / "a"


def test_no_file_is_an_error_with_advice(tmp_path, monkeypatch):
    for module in (folder_module, settings):
        monkeypatch.setattr(module, "FILE_NAME", "attest-of-nobody.yaml")
    with pytest.raises(UsageError, match=r"no attest-of-nobody\.yaml here or above") as caught:
        find_settings(tmp_path)
    assert "attest init" in caught.value.hint


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("proofs.db", "sqlite:{root}/proofs.db"),
        ("sqlite:proofs.db", "sqlite:{root}/proofs.db"),
        ("../proofs.db", "sqlite:{root}/../proofs.db"),
        ("/var/lib/proofs.db", "sqlite:/var/lib/proofs.db"),
        ("~/proofs.db", "sqlite:{home}/proofs.db"),
        ("./a:b", "sqlite:{root}/a:b"),
        ("postgres://host/name", "postgres://host/name"),
    ],
)
def test_paths_are_relative_to_the_file(tmp_path, monkeypatch, uri, expected):
    monkeypatch.setenv("HOME", "/home/somebody")
    found = project(tmp_path, f"store: {uri}\n")
    assert found.store_uri == expected.format(root=tmp_path, home="/home/somebody")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("keys/a.key", "file:{root}/keys/a.key"),
        ("file:keys/a.key", "file:{root}/keys/a.key"),
        ("file:~/a.key", "file:{home}/a.key"),
        ("hsm:slot=1", "hsm:slot=1"),
    ],
)
def test_a_signers_path_is_relative_to_the_file(tmp_path, monkeypatch, uri, expected):
    monkeypatch.setenv("HOME", "/home/somebody")
    found = project(tmp_path, f"signer: {uri}\n")
    assert found.signer_uri == expected.format(root=tmp_path, home="/home/somebody")


@posix
def test_a_user_nobody_knows_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="no such user"):
        _ = project(tmp_path, "store: ~nobody-by-this-name/x\n").store_uri


@pytest.mark.parametrize(
    ("text", "line", "reason", "hint"),
    [
        ("", None, "empty", None),
        ("# only a comment\n", None, "empty", None),
        ("store: a\nsgner: b\n", 2, "unknown key 'sgner'", "did you mean 'signer'?"),
        ("builder:\n  ids: x\n", 2, "unknown key 'ids'", "did you mean 'id'?"),
        ("store: a\nstore: b\n", 2, "duplicate key 'store'", None),
        ("store: ''\n", 1, "store: expected a path or a URI", None),
        ("store: 5\n", 1, "store: input should be a valid string", None),
        ("signer: '  '\n", 1, "signer: expected a path or a URI", None),
        ('store: "a\\0b"\n', 1, "store: expected a path or a URI", None),
        ("builder:\n  id: local\n", 2, "builder.id: expected a URI", None),
        ('builder:\n  id: "https://x/ y"\n', 2, "builder.id: expected a URI", None),
        ("builder: {version: 3}\n", 1, "builder.version: expected keys and values", None),
        ("- a\n", 1, "expected keys and values", None),
        ("store: [\n", 2, "not YAML", None),
        ("store: !!python/object:os.system a\n", 1, "tag", "remove it"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(tmp_path, text, line, reason, hint):
    with pytest.raises(UsageError) as caught:
        project(tmp_path, text)
    assert reason in caught.value.what
    assert caught.value.where == str(tmp_path / "attest.yaml") + (f":{line}" if line else "")
    assert hint is None or caught.value.hint == hint


def test_bytes_that_are_no_settings_are_refused(tmp_path):
    file = tmp_path / "attest.yaml"
    for content, error in ((b"store: \xff", UsageError), (b"[" * 10_000, LimitError), (b"\0", UsageError)):
        file.write_bytes(content)
        with pytest.raises(error):
            read_settings(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(FormatError, match="cannot be read: Is a directory"):
        find_settings(tmp_path)


# ── whose file it is ──


@pytest.fixture
def owners(monkeypatch):
    """Path → owner that ``stat`` and ``lstat`` report instead of the real one."""
    table: dict[Path, int] = {}
    for name in ("stat", "lstat"):
        real = getattr(Path, name)

        def pretend(self, *, real=real, **options):
            found = real(self, **options)
            uid = table.get(self, os.geteuid())
            return SimpleNamespace(st_uid=uid, st_mode=found.st_mode) if self in table else found

        monkeypatch.setattr(Path, name, pretend)
    return table


@posix
@pytest.mark.parametrize("start", [".", "mine"])
def test_another_users_settings_are_refused(tmp_path, owners, start):
    (tmp_path / "mine").mkdir()
    project(tmp_path, FULL)
    owners[tmp_path / "attest.yaml"] = os.geteuid() + 1
    with pytest.raises(UsageError, match=r"attest\.yaml: belongs to another user \(uid \d+\)"):
        find_settings(tmp_path / start)


@posix
def test_settings_of_root_and_of_the_folders_owner_are_believed(tmp_path, owners):
    (tmp_path / "checkout").mkdir()
    project(tmp_path, FULL)
    owners[tmp_path / "attest.yaml"] = 0
    assert find_settings(tmp_path / "checkout").root == tmp_path
    owners[tmp_path / "attest.yaml"] = owners[tmp_path / "checkout"] = os.geteuid() + 1
    assert find_settings(tmp_path / "checkout").root == tmp_path


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_link_to_my_settings_is_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "shared").mkdir()
    project(tmp_path / "home", FULL)
    link = tmp_path / "shared" / "attest.yaml"
    link.symlink_to(tmp_path / "home" / "attest.yaml")
    os.chown(link, 4242, 4242, follow_symlinks=False)
    with pytest.raises(UsageError, match=r"belongs to another user \(uid 4242\)"):
        find_settings(tmp_path / "shared")


# ── the store ──


def test_the_projects_store_is_opened(tmp_path):
    found = project(tmp_path, FULL)
    with pytest.raises(StoreError, match="no store"):
        found.open_store()
    with found.open_store(create=True) as store:
        store.put([bundle("a")])
    assert (tmp_path / "data" / "proofs.db").is_file()
    with found.open_store(read_only=True) as store:
        assert raws(store) == [bundle("a").raw]
        with pytest.raises(StoreError, match="reading only"):
            store.put([bundle("b")])


def test_a_store_of_no_known_kind_is_an_error(tmp_path):
    with pytest.raises(AttestError, match="unknown store 'redis'"):
        project(tmp_path, "store: redis://host\n").open_store(create=True)
