"""The reader's memory of registers only moves forward and is never lost in silence."""

from __future__ import annotations

import json

import pytest
from world import NOW, REGISTER, good_world

from attest.errors import AttestError, FormatError, StoreError
from attest.keeper import Remembered
from attest.memory import read_memory, write_memory


def test_nothing_yet(tmp_path):
    assert read_memory(tmp_path / "m.json") == {}


def test_remembers_the_highest_sequence(tmp_path):
    world, release = good_world()
    path = tmp_path / "m.json"
    assert write_memory(path, {}, world.review(release).registers)
    first = read_memory(path)
    assert first == {REGISTER: Remembered(1, world.registers[0][1].statement_digest)}
    assert not write_memory(path, first, world.review(release).registers)
    world.register()
    assert write_memory(path, first, world.review(release, memory=first).registers)
    assert read_memory(path)[REGISTER].sequence == 2


def test_a_register_with_a_problem_is_not_remembered(tmp_path):
    world, release = good_world()
    seen = {REGISTER: Remembered(9, "a" * 64)}
    assert not write_memory(
        tmp_path / "m.json", seen, world.review(release, memory=seen, as_of=NOW).registers
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"registers": []}',
        '{"registers": {"x": {"sequence": "1", "statement": "y"}}}',
        "\xff",
    ],
)
def test_a_damaged_memory_is_an_error(tmp_path, text):
    path = tmp_path / "m.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(AttestError):
        read_memory(path)


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_memory(tmp_path)


def test_a_memory_that_cannot_be_written_keeps_the_old_one(tmp_path):
    world, release = good_world()
    with pytest.raises(StoreError):
        write_memory(tmp_path / "nowhere" / "m.json", {}, world.review(release).registers)
    path = tmp_path / "m.json"
    write_memory(path, {}, world.review(release).registers)
    assert json.loads(path.read_text())["registers"][REGISTER]["sequence"] == 1
