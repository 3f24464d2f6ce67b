"""What looks like a secret is found wherever it stands, named by its place, and never repeated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import SecretError
from attest.secrets import refuse_secrets, strip_user_info, suspects

# put together here, so that no scanner takes this file for a leak
SECRETS = {
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "aws session": "ASIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp_" + "a1B2" * 9,
    "github oauth": "gho_" + "a1B2" * 9,
    "github fine": "github_pat_" + "11ABCDEFG0" * 4,
    "gitlab": "glpat-" + "x7-Kd9_2" * 3,
    "hugging face": "hf_" + "aBcDeFgH" * 4,
    "openai": "sk-" + "proj-" + "abcDEF123456" * 3,
    "openai old": "sk-" + "Abc1" * 12,
    "anthropic": "sk-" + "ant-api03-" + "Ab1_" * 8,
    "slack": "xoxb-" + "123456789012-abcdefABCDEF",
    "slack hook": "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "X" * 24,
    "google": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "google oauth": "ya29." + "a0AfH6SMBx_1234567890",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "pypi": "pypi-AgE" + "IcHlwaS5vcmc" * 5,
    "npm": "npm_" + "a1B2" * 9,
    "sendgrid": "SG." + "a" * 22 + "." + "b" * 43,
    "azure": "DefaultEndpointsProtocol=https;AccountKey=" + "Eby8vdM0" * 8 + "==",
    "pem": "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE",
    "pem plain": "-----BEGIN " + "PRIVATE KEY-----",
    "age": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "header": "Authorization: Bearer " + "abcdef0123456789abcdef",
    "url password": "https://alice:" + "hunter2@example.com/x",
    "url password with a slash": "https://alice:" + "hun/ter2@example.com/x",
    "url token": "https://" + "0123456789abcdef@example.com/x.git",
    "presigned": "https://b.s3.amazonaws.com/k?X-Amz-Signature=" + "0f" * 32,
    "query": "https://example.com/?access_token=" + "abcdefgh1234",
}


def found(value):
    return [(each.pointer, each.what) for each in suspects(value)]


@pytest.mark.parametrize("name", SECRETS)
def test_a_known_shape_is_found_and_not_repeated(name):
    secret = SECRETS[name]
    for value in (secret, f"--x={secret}", f"see {secret} there"):
        with pytest.raises(SecretError) as caught:
            refuse_secrets({"predicate": {"list": ["ok", value]}}, "the file")
        assert caught.value.where == "the file: /predicate/list/1"
        message = f"{caught.value} {caught.value.hint}"
        tail = secret[-12:]
        assert all(tail[start : start + 5] not in message for start in range(8)), message


@pytest.mark.parametrize(
    "words",
    [
        ["--password=hunter22"],
        ["--password", "hunter22"],
        ["-Ddb.passwd=hunter22"],
        ["api_key=hunter22"],
        ["+trainer.api-key=hunter22"],
        ["HF_TOKEN=hunter22"],
        ["--hf-token", "hunter22"],
        ["--token", "hunter22"],
        ["--wandbApiKey=hunter22"],
        ["--aws-secret-access-key", "hunter22"],
        ["sh", "-c", "WANDB_API_KEY=hunter22 python train.py"],
        ["bash", "-lc", "python train.py --password 'hunter22' --lr 1"],
    ],
)
def test_a_value_with_a_secret_name_is_found(words):
    with pytest.raises(SecretError, match="the value of") as caught:
        refuse_secrets({"command": ["python", *words]})
    assert caught.value.where == f"/command/{len(words)}"
    assert "hunter" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "key", ["password", "apiKey", "api_key", "HF_TOKEN", "client-secret", "x.passphrase", "privateKey"]
)
def test_a_map_entry_with_a_secret_name_is_found(key):
    assert [pointer for pointer, _ in found({"p": {key: "hunter22"}})] == [f"/p/{key}"]


@pytest.mark.parametrize(
    "value",
    [
        ["--max-tokens=512", "--tokenizer=bert-base", "--pad-token", "abcdef", "--eos_token=abcdef"],
        ["--use-auth-token=true", "--token", "false", "--password-file", "x.txt", "--key=value12"],
        [
            "--token=/run/secrets/token",
            "--password=$PASSWORD",
            "--api-key=${{ secrets.KEY }}",
            "--token=~/.t",
        ],
        ["--secret=<secret:x>", "--api-key", "<secret:api-key>", "--password="],
        ["--num-tokens", "1000000", "--token=123456", "--token", "1.5"],
        "git+https://github.com/acme/x@v1.2",
        "ssh://git@github.com/acme/x.git",
        "https://example.com:8080/a@b",
        "docker://python@sha256:" + "0" * 64,
        "s3://bucket/key@2026",
        "a@b.example",
        "0" * 64,
        "sk-learn-handwritten-digits-of-1998",
        "hf_model_name",
        "task-0123456789abcdef0123456789abcdef",
        "beyJx.eyJx.",
        {"tokenizer": "abcdef", "token_count": "abcdef", "keys": "abcdef", "monkey": "abcdef"},
        {"secretParameters": ["api_key"], "password": None, "token": 1234567},
    ],
)
def test_what_is_no_secret_is_left_alone(value):
    assert found({"x": value}) == []


def test_every_place_is_named():
    value = {"b": [SECRETS["aws"]], "a": {"password": "hunter22"}, "c": "fine"}
    with pytest.raises(SecretError, match=r"/a/password: looks like a secret: .*, and at /b/0"):
        refuse_secrets(value)


def test_a_secret_as_a_key_is_found_and_cut_in_its_pointer():
    secret = SECRETS["github"]
    (pointer, what), *_ = found({"x": {secret: {"y": SECRETS["aws"]}}})
    assert pointer in {"/x/ghp_…", "/x/ghp_…/y"}
    assert secret[4:] not in pointer + what
    assert len(found({"x": {secret: {"y": SECRETS["aws"]}}})) == 2


def test_pointers_are_escaped():
    assert found({"a/b~c": [SECRETS["aws"]]})[0][0] == "/a~1b~0c/0"


def test_a_text_that_was_looked_at_is_allowed_and_no_other():
    first, second = SECRETS["aws"], SECRETS["github"]
    refuse_secrets({"x": [f"--y={first}"]}, allowed={first})
    refuse_secrets({"x": ["--password=hunter22"]}, allowed={"hunter22"})
    with pytest.raises(SecretError, match="a GitHub token"):
        refuse_secrets({"x": f"{first} {second}"}, allowed={first})


def test_the_search_ends_however_a_text_is_written():
    for piece in ("eyJ-", "a.", "://a:", "x://", "bearer ", "sk-ant-", "--password ", "a-", "?key=", "@"):
        list(suspects({"command": [piece * (65_000 // len(piece))]}))  # a quadratic search would take hours


def test_depth_costs_no_stack():
    value = SECRETS["aws"]
    for _ in range(100_000):
        value = [value]
    assert len(list(suspects(value))) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@h.example/x", "https://h.example/x"),
        ("https://token@h.example/x", "https://h.example/x"),
        ("https://u:p@ss@h.example", "https://h.example"),
        ("see ssh://git@h/x and http://a:b@c/d.", "see ssh://h/x and http://c/d."),
        ("https://h.example/a@b?c=d@e", "https://h.example/a@b?c=d@e"),
        ("https://h.example?q=a@b", "https://h.example?q=a@b"),
        ("docker://image@sha256:0f", "docker://image@sha256:0f"),
        ("mailto:a@b", "mailto:a@b"),
        ("", ""),
    ],
)
def test_urls_lose_their_user_info(url, expected):
    assert strip_user_info(url) == expected


@given(
    st.text("abcXYZ019._~-%!$&'()*+,;=", min_size=1, max_size=20),
    st.text("abcXYZ019._~-%!$&()*+,;=:@", max_size=20),
)
def test_stripped_urls_hold_no_password(user, password):
    url = strip_user_info(f"https://{user}:{password}@host.example/path")
    assert url == "https://host.example/path" or "'" in user


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_json_can_be_searched(value):
    for each in suspects(value):
        assert each.text in json.dumps(value, ensure_ascii=False) or each.text
