"""Errors say what, where and what to do, and end in a documented exit code."""

from __future__ import annotations

import re

import click
import pytest

from attest import errors
from attest.cli import cli, main
from attest.errors import (
    AttestError,
    FormatError,
    LimitError,
    RecordingError,
    SignatureError,
    SpooledError,
    UsageError,
    nearest,
)

CLASSES = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


def test_the_tree_in_the_docstring_is_the_tree():
    documented = dict(re.findall(r"(\w+Error) +exit (\d+)", errors.__doc__))
    assert {each.__name__: str(each.exit_code) for each in CLASSES} == documented


def test_every_error_is_one_of_ours():
    assert all(issubclass(each, AttestError) for each in CLASSES)
    assert issubclass(LimitError, FormatError)


def test_an_error_in_words():
    error = FormatError("got 1, expected 2", "file:7", "try 2")
    assert (error.what, error.where, error.hint) == ("got 1, expected 2", "file:7", "try 2")
    assert str(error) == "file:7: got 1, expected 2"
    assert str(UsageError("no")) == "no"


def test_the_stable_reason_of_an_error_of_signing_is_printed(monkeypatch, capsys):
    spooled = SpooledError("the step ran, but …", "file")
    spooled.__cause__ = SignatureError("down", code="timestamp-unreachable")
    for error, end in (
        (SignatureError("down", code="timestamp-unreachable"), "down [timestamp-unreachable]\n"),
        (SignatureError("no key"), "no key\n"),
        (spooled, "but … [timestamp-unreachable]\n"),
    ):

        @click.command("fail")
        def fail(error=error):
            raise error

        monkeypatch.setattr(cli, "get_command", lambda ctx, name, fail=fail: fail)
        with pytest.raises(SystemExit):
            main(["digest"])
        assert capsys.readouterr().err.endswith(end)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_ends_in_its_exit_code_with_what_where_and_hint(kind, monkeypatch, capsys):
    @click.command("fail")
    def fail():
        raise kind("a thing \x1b[2J went wrong", "file\n:7", "do \u202e this")

    monkeypatch.setattr(cli, "get_command", lambda ctx, name: fail)
    with pytest.raises(SystemExit) as end:
        main(["digest"])
    assert end.value.code == kind.exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "attest: error: file\\u{a}:7: a thing \\u{1b}[2J went wrong",
        "  hint: do \\u{202e} this",
    ]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "attest: interrupted\n"),
        (click.Abort(), 130, "attest: interrupted\n"),
        (OSError(28, "No space left on device", "/x"), 4, "attest: error: /x: No space left on device"),
        (click.UsageError("wrong words"), 2, "wrong words"),
        (click.ClickException("odd"), 4, "odd"),
    ],
)
def test_what_else_can_happen(raised, code, said, monkeypatch, capsys):
    @click.command("fail")
    def fail():
        raise raised

    monkeypatch.setattr(cli, "get_command", lambda ctx, name: fail)
    with pytest.raises(SystemExit) as end:
        main(["digest"])
    assert end.value.code == code
    assert said in capsys.readouterr().err


def test_a_recording_error_is_told_from_the_commands_own_status():
    assert RecordingError.exit_code == 125


def test_the_nearest_name():
    assert nearest("licence", ["license", "trust"]) == "license"
    assert nearest("x" * 100_000, ["license"]) is None
    assert nearest("", []) is None
