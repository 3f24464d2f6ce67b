"""attest trust: what a person types, what is written, what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pki import authority, pem
from tlog import TestLog, trusted_root
from world import good_world, signer, write_world

from attest.cli import main
from attest.trust import read_trust


def attest(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "acme.pub"
    path.write_bytes(signer("ci").public.pem)
    return path


def test_new_add_show(tmp_path, key, capsys):
    path = tmp_path / "trust.yaml"
    assert attest("trust", "new", path) == 0
    assert (
        attest(
            "trust",
            "add",
            path,
            "acme",
            "--key",
            key,
            "--role",
            "builder",
            "--builder-id",
            "https://a/ci",
            "--role",
            "publisher",
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert f"acme: key sha256:{signer('ci').public.fingerprint}" in out
    assert "second channel" in err
    trust = read_trust(path)
    assert trust.granted_by("builder", ["acme"], builder_id="https://a/ci") == ("acme",)
    assert trust.granted_by("publisher", ["acme"]) == ("acme",)
    assert path.read_text().startswith("# Whom this reader believes")
    assert attest("trust", "add", path, "acme", "--role", "data-owner") == 0
    assert attest("trust", "show", path) == 0
    shown = capsys.readouterr().out
    assert "may be builder (https://a/ci)" in shown
    assert "may be data-owner" in shown
    assert attest("trust", "show", path, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["principals"]
    assert rows[0]["roles"] == ["builder (https://a/ci)", "publisher", "data-owner"]


def test_new_overwrites_nothing(tmp_path, capsys):
    path = tmp_path / "trust.yaml"
    path.write_text("mine")
    assert attest("trust", "new", path) == 2
    assert path.read_text() == "mine"
    assert "not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--role", "builder", "--builder-id", "x"], "say who it is"),
        (["--key", "KEY", "--role", "builder"], "needs builderIds"),
        (["--key", "KEY", "--role", "keeper"], "needs register"),
        (["--key", "KEY", "--role", "bilder"], "roles"),
        (["--key", "PRIVATE", "--role", "publisher"], "private key"),
        (["--key", "NOTHING", "--role", "publisher"], "cannot be read"),
        (["--key", "KEY", "--role", "data-owner", "--artifact", "sha256:xyz"], "64 lowercase hex"),
        (["--sigstore-issuer", "https://i"], "both"),
        (
            ["--sigstore-issuer", "https://token.actions.githubusercontent.com", "--sigstore-identity", "x"],
            "sourceRepository",
        ),
        (["--certificate-subject", "CN=x"], "both"),
    ],
)
def test_what_cannot_be_added_leaves_the_file_as_it_was(tmp_path, key, capsys, words, message):
    from attest.signers.file import generate_key

    generate_key(tmp_path / "private")
    path = tmp_path / "trust.yaml"
    attest("trust", "new", path)
    before = path.read_bytes()
    names = {"KEY": key, "PRIVATE": tmp_path / "private", "NOTHING": tmp_path / "nothing"}
    assert attest("trust", "add", path, "acme", *[names.get(word, word) for word in words]) in (2, 4)
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert path.read_bytes() == before


def test_a_principal_does_not_change_its_identity(tmp_path, key, capsys):
    path, other = tmp_path / "trust.yaml", tmp_path / "other.pub"
    other.write_bytes(signer("stranger").public.pem)
    attest("trust", "add", path, "acme", "--key", key, "--role", "publisher")
    assert attest("trust", "add", path, "acme", "--key", other) == 2
    assert "another identity" in capsys.readouterr().err


def test_other_identities_and_roots_are_written_and_linted(tmp_path, key, capsys):
    path = tmp_path / "trust.yaml"
    attest(
        "trust",
        "add",
        path,
        "gh",
        "--sigstore-issuer",
        "https://token.actions.githubusercontent.com",
        "--sigstore-identity",
        "https://github.com/a/b/.github/workflows/t.yml@refs/tags/v*",
        "--source-repository",
        "https://github.com/a/b",
        "--role",
        "builder",
        "--builder-id",
        "https://x/*",
    )
    root = tmp_path / "root.pem"
    coop = ("coop", "--certificate-root", root, "--certificate-subject", "CN=provenance")
    root.write_text("no certificate")
    assert attest("trust", "add", path, *coop) == 4
    assert "not certificates in PEM" in capsys.readouterr().err
    root.write_bytes(pem(authority().certificate))
    assert attest("trust", "add", path, *coop) == 0
    assert attest("trust", "show", path) == 0
    capsys.readouterr()
    assert attest("trust", "lint", path, "--json") == 1
    problems = "\n".join(json.loads(capsys.readouterr().out)["problems"])
    for text in (
        "coop has no role",
        "principal gh is keyless, and no Sigstore root is pinned",
        "nobody holds the role publisher",
        "is a wildcard",
    ):
        assert text in problems


def test_conditions_of_a_keyless_identity(tmp_path, capsys):
    path = tmp_path / "trust.yaml"
    words = ("trust", "add", path, "ci", "--sigstore-issuer", "https://i.example", "--sigstore-identity", "x")
    ref = ("--condition", "sourceRepositoryRef=refs/tags/v*")
    assert attest(*words, *ref, "--condition", "runnerEnvironment=github-hosted") == 0
    identity = read_trust(path).file.principals["ci"].sigstore
    assert (identity.source_repository_ref, identity.runner_environment) == ("refs/tags/v*", "github-hosted")
    before = path.read_bytes()
    met = "sourceRepositoryRef=refs/tags/v*; runnerEnvironment=github-hosted"
    assert f"ci: sigstore x (https://i.example); {met}" in capsys.readouterr().out
    other = (*words[:3], "other", *words[4:])
    assert attest(*other, "--condition", "sourceRepo=x") == 2
    assert "unknown key 'sourceRepo'" in capsys.readouterr().err
    for bad in (("--condition", "nothing"), (*ref, *ref), ("--condition", "issuer=y")):
        assert attest(*other, *bad) == 2
        assert "expected NAME=VALUE, each once" in capsys.readouterr().err
    assert attest(*other, "--sigstore-root", "other.json") == 2
    assert "no Sigstore root 'other.json' is pinned" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_roots_are_shown_with_their_age(tmp_path, key, capsys):
    path, root = tmp_path / "trust.yaml", tmp_path / "root.json"
    root.write_bytes(trusted_root(TestLog(2)))
    attest("trust", "add", path, "acme", "--key", key, "--role", "publisher")
    assert attest("trust", "root", path, "--sigstore", root) == 0
    assert attest("trust", "root", path, "--sigstore", root) == 0  # once is enough
    capsys.readouterr()
    assert attest("trust", "show", path) == 0
    assert "sigstore root root.json, fetched 0 days ago" in capsys.readouterr().out
    assert attest("trust", "show", path, "--json") == 0
    [shown] = json.loads(capsys.readouterr().out)["roots"]
    assert shown["sha256"] in path.read_text()
    path.write_text(re.sub(r"fetched: .*", "fetched: '2026-01-01'", path.read_text()))
    assert attest("trust", "show", path) == 0
    assert re.search(r"root\.json, fetched \d{3,} days ago", capsys.readouterr().out)
    path.write_text(re.sub(r"\n.*fetched: .*", "", path.read_text()))
    assert attest("trust", "lint", path) == 1
    assert "root.json does not say when it was fetched" in capsys.readouterr().out
    assert attest("trust", "root", path, "--sigstore", root, "--fetched", "lately") == 0  # it is there
    root.write_bytes(trusted_root(TestLog(1)))
    assert attest("trust", "root", path, "--sigstore", root, "--fetched", "lately") == 2
    assert "expected a date" in capsys.readouterr().err


def test_a_key_that_ends(tmp_path, key, capsys):
    path = tmp_path / "trust.yaml"
    words = ("trust", "add", path, "old", "--key", key, "--role", "publisher", "--valid-until", "2027-01-01")
    assert attest(*words) == 0
    assert "until 2027-01-01T00:00:00Z" in capsys.readouterr().out
    assert attest("trust", "lint", path) == 1
    assert "principal old: its key ends, and no timestamp root is pinned" in capsys.readouterr().out
    assert attest("trust", "add", path, "new", "--key", key, "--valid-from", "soon") == 2
    assert "validFrom" in capsys.readouterr().err


def test_a_root_may_be_pinned_before_anybody_is_named(tmp_path, key, capsys):
    path, root = tmp_path / "trust.yaml", tmp_path / "root.json"
    root.write_bytes(trusted_root(TestLog(2)))
    assert attest("trust", "new", path) == 0
    assert attest("trust", "root", path, "--sigstore", root, "--fetched", "lately") == 2
    assert "sigstore root" not in capsys.readouterr().out, "what is not pinned is not said to be"
    assert attest("trust", "root", path, "--sigstore", root) == 0
    assert f"sigstore root {root}: sha256:" in capsys.readouterr().out
    assert attest("trust", "show", path) == 2, "nobody is in it: it is no trust to go by yet"
    assert attest("trust", "add", path, "acme", "--key", key, "--role", "publisher") == 0
    assert [each.file for each in read_trust(path).file.roots.sigstore] == ["root.json"]


def test_a_timestamp_root_is_checked_when_it_is_pinned(tmp_path, key, capsys):
    path = tmp_path / "trust.yaml"
    attest("trust", "add", path, "acme", "--key", key, "--role", "publisher")
    (tmp_path / "tsa.pem").write_text("nonsense")
    before = path.read_bytes()
    assert attest("trust", "root", path, "--timestamp", tmp_path / "tsa.pem") == 4
    assert "not certificates" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert attest("trust", "root", path) == 2
    (tmp_path / "root.json").write_text('{"tlogs": []}')
    assert attest("trust", "root", path, "--sigstore", tmp_path / "root.json") == 4
    assert "not a Sigstore trusted root" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_lint_of_a_good_file(tmp_path, capsys):
    files = write_world(*good_world(), tmp_path)
    assert attest("trust", "lint", files["trust"]) == 0
    assert capsys.readouterr().out == "nothing to remark\n"


def test_lint_tells_who_licenses_its_own_inputs(tmp_path, key, capsys):
    path = tmp_path / "trust.yaml"
    attest(
        "trust",
        "add",
        path,
        "acme",
        "--key",
        key,
        "--role",
        "builder",
        "--builder-id",
        "x",
        "--role",
        "rights-holder",
        "--role",
        "data-owner",
        "--role",
        "publisher",
    )
    capsys.readouterr()
    assert attest("trust", "lint", path) == 1
    assert "licenses its own inputs" in capsys.readouterr().out
