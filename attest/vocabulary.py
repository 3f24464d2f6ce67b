"""Closed lists of words (acquisition channels, legal bases, purposes …), one data file each.

A file of ``attest/vocabularies`` names its source, that source's version, and for each token a label and,
where a public vocabulary has the concept, its IRI. A word outside the list reads as unknown in signed
statements and is an error with the nearest token in documents people write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from attest.errors import UsageError, nearest

__all__ = ["Vocabulary", "load", "vocabularies"]


@dataclass(frozen=True)
class Vocabulary:
    """One closed list of tokens."""

    name: str
    """The data file's name without its suffix, e.g. ``legal-bases``."""
    title: str
    source: str
    """Where the list was taken from: a URL, or ``own`` with the reason."""
    version: str
    """The version of the source."""
    retrieved: str
    """The day the source was read, YYYY-MM-DD."""
    tokens: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """Token → ``{label, iri?, …}``; further keys are the list's own facts."""

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and token in self.tokens

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def iri(self, token: str) -> str | None:
        """The IRI of a token in a public vocabulary, or ``None`` where there is none."""
        found = self.tokens.get(token, {}).get("iri")
        return str(found) if found else None

    def label(self, token: str) -> str:
        """What a token means, in words; the token itself when it is none of ours."""
        return str(self.tokens.get(token, {}).get("label", token))

    def nearest(self, token: str) -> str | None:
        """The token that ``token`` was probably meant to be."""
        return nearest(token, self.tokens)

    def with_broader(self, token: str) -> tuple[str, ...]:
        """The token and everything it is a kind of (``broader``), nearest first."""
        chain = [token]
        while (above := self.tokens.get(chain[-1], {}).get("broader")) and above not in chain:
            chain.append(str(above))
        return tuple(chain)


def vocabularies() -> tuple[str, ...]:
    """The names of all vocabularies, sorted."""
    folder = files("attest").joinpath("vocabularies")
    return tuple(
        sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
    )


@cache
def load(name: str) -> Vocabulary:
    """Read a vocabulary by name, once.

    Raises:
        UsageError: there is none of that name; the hint names the nearest.
    """
    known = vocabularies()
    if name not in known:
        guess = nearest(name, known)
        raise UsageError(
            f"unknown vocabulary {name[:100]!r}",
            hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}",
        )
    text = files("attest").joinpath("vocabularies", f"{name}.json").read_text("utf-8")
    content = json.loads(text)
    return Vocabulary(
        name=name,
        title=content["title"],
        source=content["source"],
        version=content["version"],
        retrieved=content["retrieved"],
        tokens=content["tokens"],
    )
