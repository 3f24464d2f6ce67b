"""How large, deep and many things from outside may be: one table, overridable by the reader's flags."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

from attest.errors import LimitError, UsageError, nearest

__all__ = ["DEFAULT", "Limits"]

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The reader's limits; going beyond one is a ``LimitError`` that names it."""

    line_bytes: int = 64 * MIB
    """Bytes of one line of an attestation bundle."""
    payload_bytes: int = 48 * MIB
    """Bytes of one DSSE payload."""
    json_depth: int = 64
    """Nesting of arrays and objects."""
    string_bytes: int = 64 << 10
    """UTF-8 bytes of one JSON or YAML string."""
    subjects: int = 1024
    """Subjects of one statement (sigstore-go refuses more)."""
    step_inputs: int = 100_000
    """Inputs of one step."""
    objects: int = 10_000_000
    """Objects below one prefix of an input that is not on this disk."""
    statements: int = 1_000_000
    """Statements read for one verdict."""
    bundle_entries: int = 32
    """Log entries and timestamps of one bundle, or signatures of one link."""
    document_bytes: int = 16 * MIB
    """Bytes of one document a person wrote (card, trust, policy, settings)."""
    manifest_bytes: int = 2048 * MIB
    """Bytes of one manifest file."""
    list_bytes: int = 256 * MIB
    """Bytes of one file of record keys."""
    yaml_aliases: int = 100
    """Aliases in one YAML document."""

    @cached_property
    def for_lines(self) -> Limits:
        """The same for a line of a bundle file: its payload is one string, with a limit of its own."""
        return replace(self, string_bytes=max(self.string_bytes, self.line_bytes))

    def check(self, name: str, value: int, where: str | None = None) -> None:
        """Raise ``LimitError`` if ``value`` is above the limit called ``name``."""
        limit: int = getattr(self, name)
        if value > limit:
            raise LimitError(
                f"{name.replace('_', ' ')}: {value} is above the limit of {limit}",
                where,
                f"if you trust where this comes from, raise it with --limit {name}={value}",
            )

    def override(self, settings: tuple[str, ...]) -> Limits:
        """Return these limits with ``NAME=NUMBER`` settings of the command line applied."""
        known = {field.name for field in fields(self)}
        changes: dict[str, int] = {}
        for setting in settings:
            name, _, number = setting.partition("=")
            if name not in known:
                guess = nearest(name, known)
                raise UsageError(
                    f"unknown limit {name[:100]!r}",
                    "--limit",
                    f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(known))}",
                )
            if not number.isascii() or not number.isdigit() or len(number) > 18 or int(number) < 1:
                raise UsageError(f"{name}: got {number[:40]!r}, expected a whole number above 0", "--limit")
            changes[name] = int(number)
        return replace(self, **changes)


DEFAULT = Limits()
