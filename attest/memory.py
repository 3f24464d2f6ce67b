"""What a reader saw last of each register, so that an old one cannot be shown as new.

One small JSON file beside the reader's trust file (docs/adr/0004). It only ever moves forward, and is
written whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from attest.canonical import read_json
from attest.digest import is_sha256
from attest.errors import AttestError, FormatError, StoreError
from attest.files import write_file
from attest.keeper import RegisterState, Remembered

__all__ = ["read_memory", "write_memory"]

_MAX_BYTES = 16 << 20


def read_memory(path: Path) -> dict[str, Remembered]:
    """Return register id → what was seen last; a file that does not exist yet is an empty memory.

    Raises:
        FormatError: the file cannot be read, or is not one attest wrote. It is not started anew in silence:
            a lost memory is a way to roll a register back.
    """
    where = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", where) from error
    if len(data) > _MAX_BYTES:
        raise FormatError(f"larger than {_MAX_BYTES} bytes", where)
    value = read_json(data, where)
    registers = value.get("registers") if isinstance(value, dict) else None
    if not isinstance(registers, dict):
        raise FormatError("not a memory of registers", where, "restore it from a backup")
    found = {}
    for name, entry in registers.items():
        sequence = entry.get("sequence") if isinstance(entry, dict) else None
        digest = entry.get("statement") if isinstance(entry, dict) else None
        if not isinstance(sequence, int) or not is_sha256(digest):
            raise FormatError(f"register {name[:100]!r}: expected sequence and statement", where)
        found[name] = Remembered(sequence, str(digest))
    return found


def write_memory(path: Path, memory: Mapping[str, Remembered], states: Mapping[str, RegisterState]) -> bool:
    """Remember what these registers showed; return whether anything was new.

    A register with a problem is not remembered, and a lower sequence never replaces a higher one.

    Raises:
        StoreError: the file cannot be written; the old one is untouched.
    """
    merged = dict(memory)
    for name, state in states.items():
        seen = state.remembered()
        if seen is not None and (name not in merged or seen.sequence > merged[name].sequence):
            merged[name] = seen
    if merged == dict(memory):
        return False
    value = {
        "registers": {
            name: {"sequence": each.sequence, "statement": each.digest}
            for name, each in sorted(merged.items())
        }
    }
    try:
        write_file(path, [(json.dumps(value, indent=2) + "\n").encode()])
    except AttestError as error:
        raise StoreError(error.what, error.where, error.hint) from error
    return True
