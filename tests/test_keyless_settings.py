"""Keyless signing in words: settings, URI and options say the same; consent holds for one instance only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.cli import main
from attest.errors import UsageError
from attest.keyless import Keyless
from attest.settings import find_project, find_settings
from attest.signer import open_signer

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    str.strip
)


def project(folder, text):
    (folder / "attest.yaml").write_text(text, encoding="utf-8")
    return find_settings(folder)


@given(
    st.builds(
        Keyless,
        instance=WORDS,
        root=st.none() | WORDS,
        client_id=WORDS,
        token_file=st.none() | WORDS,
        token_variable=st.none() | WORDS,
        oidc=st.sampled_from([None, "ambient", "browser", "code"]),
        publish=st.booleans(),
        timeout=st.floats(min_value=0.001, max_value=3600),
    )
)
def test_a_uri_says_everything(keyless):
    assert Keyless.from_uri(keyless.uri.removeprefix("sigstore:")) == keyless


def test_a_uri_is_short_where_nothing_is_special():
    assert Keyless().uri == "sigstore:production"
    assert Keyless(instance="/etc/trust.json", publish=True).uri == "sigstore:/etc/trust.json?publish=true"


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("?publissh=1", "publissh: unknown setting"),
        ("?token_file=x", "token_file: unknown setting"),
        ("?publish=perhaps", "publish"),
        ("?publish=1&publish=0", "given twice"),
        ("?oidc=magic", "oidc: Input should be 'ambient', 'browser' or 'code'"),
        ("?timeout=0", "timeout: Input should be greater than 0"),
        ("?timeout=nan", "timeout"),
        ("?publish", "cannot be read"),
        ("?tokenFile=", "tokenFile"),
        ("%00", "instance"),
    ],
)
def test_what_cannot_be_read_is_refused(rest, reason):
    with pytest.raises(UsageError) as refused:
        Keyless.from_uri(rest)
    assert reason in refused.value.what


def test_nothing_said_is_as_by_default():
    assert Keyless.from_uri("") == Keyless.from_uri("?") == Keyless()


def test_a_misspelt_name_has_a_hint():
    with pytest.raises(UsageError) as refused:
        Keyless.from_uri("staging?tokenFiel=x")
    assert refused.value.hint == "did you mean 'tokenFile'?"


@pytest.mark.parametrize(
    ("instance", "public", "url", "path"),
    [
        ("production", True, False, None),
        ("staging", True, False, None),
        ("https://tuf.example", False, True, None),
        ("conf/trust.json", False, False, Path("conf/trust.json")),
        ("./production", False, False, Path("production")),
    ],
)
def test_an_instance_is_a_name_a_url_or_a_path(instance, public, url, path):
    keyless = Keyless(instance=instance)
    assert (keyless.is_public, keyless.is_url, keyless.path) == (public, url, path)


def test_consent_was_given_for_one_instance():
    ours = Keyless(instance="/ours.json", publish=True, root="/root.json")
    assert ours.with_(Keyless.from_uri("?oidc=code")).publish
    assert ours.with_(Keyless.from_uri("/ours.json")).publish
    other = ours.with_(Keyless.from_uri("production"))
    assert (other.publish, other.root) == (False, None)
    assert ours.with_(Keyless.from_uri("production?publish=yes")).publish


# in a project


def test_settings_and_uri_are_put_together(tmp_path):
    found = project(
        tmp_path,
        "signer: sigstore:?oidc=ambient\n"
        "sigstore: {instance: conf/trust.json, tokenFile: token, timeout: 5, publish: yes}\n",
    )
    keyless = Keyless.from_uri(found.signer_uri.removeprefix("sigstore:"))
    assert keyless == Keyless(
        instance=f"{tmp_path}/conf/trust.json",
        token_file=f"{tmp_path}/token",
        oidc="ambient",
        timeout=5,
        publish=True,
    )


@pytest.mark.parametrize("signer", ["sigstore", "sigstore:"])
def test_the_name_alone_is_enough(tmp_path, signer):
    found = project(tmp_path, f"signer: '{signer}'\nsigstore: {{instance: staging}}")
    assert found.signer_uri == "sigstore:staging"
    assert find_project(tmp_path, signer=signer).signer_uri == "sigstore:staging"


def test_a_signer_of_the_command_line_is_relative_to_where_it_was_called(tmp_path):
    project(tmp_path, "signer: file:key\nsigstore: {instance: a.json, publish: true}")
    (tmp_path / "deep").mkdir()
    found = find_project(tmp_path / "deep", signer="sigstore:b.json")
    assert found.signer_uri == f"sigstore:{tmp_path}/deep/b.json"


def test_options_count_more_than_settings(tmp_path):
    project(tmp_path, "signer: sigstore\nsigstore: {instance: a.json, publish: true, tokenFile: token}")
    found = find_project(tmp_path, sigstore={"instance": "b.json"})
    assert found.signer_uri == f"sigstore:{tmp_path}/b.json?tokenFile={tmp_path}/token"
    named = find_project(tmp_path, signer="sigstore:staging", sigstore={"publish": True})
    assert named.signer_uri == f"sigstore:staging?tokenFile={tmp_path}/token&publish=true"


def test_options_of_another_signer_are_refused(tmp_path):
    project(tmp_path, "signer: file:key")
    with pytest.raises(
        UsageError, match="publish: only the signer sigstore has that, the signer is file:key"
    ):
        find_project(tmp_path, sigstore={"publish": True})


def test_an_unknown_setting_has_its_line(tmp_path):
    with pytest.raises(UsageError) as refused:
        project(tmp_path, "signer: sigstore\nsigstore:\n  instnace: staging\n")
    assert "attest.yaml:3" in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ("signer: file:key", set()),
        ("sigstore: {tokenVariable: MY_TOKEN}", {"MY_TOKEN"}),
        ("signer: 'sigstore:?tokenVariable=MY_TOKEN'", {"MY_TOKEN"}),
        ("sigstore: {clientId: https://acme.example}", {"HTTPS___ACME_EXAMPLE_ID_TOKEN"}),
        ("signer: awskms:alias/ci", {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}),
        ("signer: 'certificate:chain.pem,awskms:alias/ci'", {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}),
        ("signer: hv:ci", {"VAULT_TOKEN"}),
        ("signer: gcpkms:projects/a", {"GOOGLE_APPLICATION_CREDENTIALS"}),
        ("signer: azurekms://a/b", {"AZURE_CLIENT_SECRET"}),
    ],
)
def test_variables_that_sign_are_kept_from_commands(tmp_path, settings, more):
    found = project(tmp_path, settings)
    assert found.secret_variables == {"ATTEST_OIDC_CLIENT_SECRET", "ATTEST_PASSPHRASE"}
    usual = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN"}
    assert found.identity_variables >= usual | more
    assert ("AWS_SECRET_ACCESS_KEY" in found.identity_variables) == ("AWS_SECRET_ACCESS_KEY" in more)


# nothing becomes public unless somebody said so


@pytest.mark.parametrize("signer", ["sigstore", "sigstore:production", "sigstore:staging?oidc=code"])
def test_the_public_instances_need_a_word(signer):
    pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")
    with pytest.raises(UsageError, match="for everybody to read, for ever") as refused:
        open_signer(signer)
    assert "--publish" in refused.value.hint


def test_a_command_that_would_publish_runs_nothing(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")
    monkeypatch.chdir(tmp_path)
    project(tmp_path, "signer: sigstore").open_store(create=True).close()
    (tmp_path / "data").write_text("x")
    words = ["run", "--kind", "train", "--dataset", "data", "--output", "model", "--", "touch", "ran"]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "the public Sigstore (production)" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_a_tuf_repository_needs_a_root():
    pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")
    with pytest.raises(UsageError, match="a TUF repository needs a root that is trusted"):
        open_signer("sigstore:https://tuf.example")
