"""A parameter named secret is recorded nowhere, wherever its value stands."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attest.errors import SecretError
from attest.redaction import NamedSecretError, Redaction
from attest.secrets import MIN_SECRET


def learnt(names, words):
    redaction = Redaction(names)
    redaction.learn(words)
    return redaction


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--api-key", "hunter22"], ["--api-key", "<secret:api_key>"]),
        (["--api-key=hunter22"], ["--api-key=<secret:api_key>"]),
        (["--API_KEY=hunter22"], ["--API_KEY=<secret:api_key>"]),
        (["-api-key", "hunter22"], ["-api-key", "<secret:api_key>"]),
        (["api_key=hunter22"], ["api_key=<secret:api_key>"]),
        (["+api_key=hunter22"], ["+api_key=<secret:api_key>"]),
        (["trainer.api_key=hunter22"], ["trainer.api_key=<secret:api_key>"]),
        (["--api-key", "a=b=c1"], ["--api-key", "<secret:api_key>"]),
        (["--api-key=1", "--epochs", "1"], ["--api-key=<secret:api_key>", "--epochs", "<secret:api_key>"]),
        (["--api-key=1", "--epochs", "10"], ["--api-key=<secret:api_key>", "--epochs", "10"]),
        (["sh", "-c", "x --api-key 'hunter22' y"], ["sh", "-c", "x --api-key <secret:api_key> y"]),
        (["sh", "-c", "API_KEY=hunter22 x"], ["sh", "-c", "API_KEY=<secret:api_key>"]),
        (["sh", "-c", "exec env API_KEY=hunter22 x"], ["sh", "-c", "exec env API_KEY=<secret:api_key> x"]),
        (["--u=x/hunter22", "--api-key=hunter22"], ["--u=x/<secret:api_key>", "--api-key=<secret:api_key>"]),
        (["--other", "hunter22"], ["--other", "hunter22"]),
        (["--api-key"], ["--api-key"]),
        (["--api-key="], ["--api-key="]),
    ],
)  # fmt: skip
def test_values_are_found_in_a_command_line(words, expected):
    assert learnt(["api_key"], words).hide(words) == expected


def test_a_value_is_hidden_wherever_it_stands():
    redaction = Redaction(["token"])
    redaction.add("token", "hunter22")
    value = {
        "a": ["hunter22", "x-hunter22-y"],
        "b": {"hunter22": 1},
        "token": 5,
        "--TOKEN": [1],
        "n": 7,
        "z": None,
    }
    assert redaction.hide(value) == {
        "a": ["<secret:token>", "x-<secret:token>-y"],
        "b": {"<secret:token>": 1},
        "token": "<secret:token>",
        "--TOKEN": "<secret:--TOKEN>",
        "n": 7,
        "z": None,
    }


def test_a_number_is_hidden_by_its_digits():
    redaction = Redaction()
    redaction.add("pin", 12345678)
    assert redaction.hide({"x": 12345678, "y": 1234567, "z": True}) == {
        "x": "<secret:pin>",
        "y": 1234567,
        "z": True,
    }


def test_of_two_secrets_the_longer_is_hidden_whole():
    redaction = Redaction()
    redaction.add("short", "abcd")
    redaction.add("long", "abcdefgh")
    assert redaction.hide(["x abcdefgh abcd"]) == ["x <secret:long> <secret:short>"]


def test_urls_lose_their_user_info_on_the_way():
    assert Redaction().hide(["--data=https://u:p@h/x"]) == ["--data=https://h/x"]


def test_names_are_given_once_and_sorted():
    redaction = Redaction(["b", "--b", "B", "a-c", "a_c"])
    assert redaction.names == ["a-c", "b"]
    assert "A_C" in redaction
    assert "c" not in redaction


@pytest.mark.parametrize("value", [None, "", 0])
def test_an_empty_value_hides_nothing(value):
    redaction = Redaction()
    redaction.add("x", value)
    assert redaction.hide(["a", ""]) == ["a", ""]


def test_what_cannot_be_hidden_is_refused_with_its_place():
    redaction = Redaction()
    redaction.add("token", "hunter22")
    with pytest.raises(NamedSecretError, match="the secret parameter 'token' stands here") as caught:
        redaction.check({"subject": [{"name": "model-hunter22.bin"}]})
    assert caught.value.where == "/subject/0/name"
    assert "hunter" not in f"{caught.value}{caught.value.hint}"
    with pytest.raises(NamedSecretError):
        redaction.check({"x": {"hunter22": 1}})


def test_digests_and_times_hold_no_secrets():
    redaction = Redaction()
    redaction.add("pin", "2026")
    redaction.check({"digest": {"sha256": "2026" * 16}, "startedOn": "2026-11-20T10:02:00Z", "size": 2026})
    with pytest.raises(SecretError):
        redaction.check({"name": "run-2026"})


secret_values = st.text(st.characters(exclude_categories=["Cs"]), min_size=MIN_SECRET, max_size=30)
words = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6)


@given(secret_values, words, words, st.sampled_from(["--key", "--key=", "key=", "a.key="]))
def test_no_secret_value_is_left_in_what_is_hidden(secret, before, after, form):
    """Also where it stands a second time, in other words and in keys."""
    assume(not secret.startswith(("=", "-")))
    given_as = [form + secret] if form.endswith("=") else [form, secret]
    command = [*before, *given_as, *after, f"x{secret}y"]
    redaction = Redaction(["key"])
    redaction.add("key", secret)
    redaction.learn(command)
    value = redaction.hide({"command": command, "parameters": {"key": secret, f"p{secret}": [secret]}})
    try:
        redaction.check(value)
    except NamedSecretError:
        return  # e.g. the secret "secret": what cannot be kept out is not signed
    for text in (json.dumps(part, ensure_ascii=False) for part in [*value["command"], value["parameters"]]):
        assert json.dumps(secret, ensure_ascii=False)[1:-1] not in text
