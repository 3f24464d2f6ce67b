"""Layouts of in-toto that the reader pinned: which links, taken together, are the run a layout describes.

A layout names the steps of a pipeline, whose keys may perform each, how many of them it takes, and rules over
what goes from step to step. It is the reader's own document, pinned by its digest, so its signatures are not
looked at. Its rules are checked by the in-toto package. Its inspections are commands and are never run.
Layouts inside of layouts, and keys of GnuPG, are not read: no link satisfies such a step.

More evidence never takes away what less of it showed: of several links of a step, it is enough that some
choice of them satisfies the layout.

Source: in-toto specification 1.0, 4.3 (layouts) and 5 (verification).
"""

from __future__ import annotations

import base64
import binascii
import copy
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from attest.canonical import canonical_bytes, read_json
from attest.errors import AttestError, FormatError, SignatureError
from attest.keys import PublicKey
from attest.model import format_time, parse_time

__all__ = ["MAX_LAYOUT_BYTES", "Layout", "Performed"]

MAX_LAYOUT_BYTES = 4 << 20
"""Bytes of a layout with its keys."""

_CHOICES = 10_000
"""Choices of one link per step that are tried."""


@dataclass(frozen=True)
class Performed:
    """A verified link, as a layout looks at it."""

    digest: str
    """The statement's digest."""
    name: str
    materials: Mapping[str, Mapping[str, str]] = field(repr=False)
    """Path → algorithm → digest."""
    products: Mapping[str, Mapping[str, str]] = field(repr=False)
    keys: frozenset[str]
    """Fingerprints of the keys that signed it."""

    @property
    def artifacts(self) -> bytes:
        """What several functionaries of one step have to agree on."""
        return canonical_bytes([dict(self.materials), dict(self.products)])


@dataclass(frozen=True)
class _Step:
    name: str
    threshold: int
    keys: frozenset[str]

    def choices(self, links: Iterable[Performed]) -> list[list[Performed]]:
        """Return the sets of links that agree and were signed by enough of the step's functionaries."""
        agreeing: dict[bytes, list[Performed]] = {}
        for link in links:
            if link.name == self.name and link.keys & self.keys:
                agreeing.setdefault(link.artifacts, []).append(link)
        return [
            each
            for each in agreeing.values()
            if len(self.keys & frozenset().union(*(link.keys for link in each))) >= self.threshold
        ]


@dataclass(frozen=True)
class Layout:
    """A layout, read and found to be one."""

    name: str
    """The file's, for messages."""
    expires: datetime
    steps: tuple[_Step, ...]
    _value: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: bytes, name: str, where: str, *, skip_inspections: bool) -> Layout:
        """Read a layout: a metablock, a DSSE envelope, or what they hold.

        Args:
            data: the file.
            name: what it is called.
            where: where it is named, for messages.
            skip_inspections: the reader says that its inspections are left out.

        Raises:
            FormatError: it is none, or has inspections and the reader did not say that they are left out.
            AttestError: in-toto is not installed.
        """
        value = _inner(data, name, where)
        theirs = _read(value, name, where)
        if theirs.inspect and not skip_inspections:
            what = f"{name}: its {len(theirs.inspect)} inspections are commands, which attest never runs"
            raise FormatError(what, where, "skipInspections: true says that you do without them")
        keys = {keyid: _fingerprint(key) for keyid, key in theirs.keys.items()}
        steps = []
        for step in theirs.steps:
            known = frozenset(found for each in step.pubkeys if (found := keys.get(each)) is not None)
            steps.append(_Step(str(step.name), max(int(step.threshold), 1), known))
        if not steps:
            raise FormatError(f"{name}: a layout without steps asks for nothing", where)
        return cls(name, parse_time(theirs.expires), tuple(steps), value)

    def judge(self, links: Sequence[Performed], as_of: datetime) -> tuple[frozenset[str], str]:
        """Return the digests of the links that this layout vouches for, and why it does not for others.

        Args:
            links: links whose signers may sign them.
            as_of: time of evaluation: an expired layout vouches for nothing.

        Raises:
            AttestError: there are too many choices to try.
        """
        if as_of >= self.expires:
            return frozenset(), f"the layout {self.name} expired on {format_time(self.expires)}"
        choices = [step.choices(links) for step in self.steps]
        for step, found in zip(self.steps, choices, strict=True):
            if not found:
                count = f"{step.threshold} of the functionaries"
                return frozenset(), f"the layout {self.name} wants a link of step {step.name!r} by {count}"
        total = math.prod(map(len, choices))
        if total > _CHOICES:
            what = f"{total:,} ways to choose one link per step, {_CHOICES:,} are tried"
            raise AttestError(what, f"the layout {self.name}", "give the links of one run")
        vouched: set[str] = set()
        refusal = ""
        for choice in itertools.product(*choices):
            reason = self._broken(choice)
            if reason is None:
                vouched.update(link.digest for links_of_step in choice for link in links_of_step)
            refusal = refusal or reason or ""
        return frozenset(vouched), refusal or f"the layout {self.name} has no such step or functionary"

    def _broken(self, choice: Sequence[Sequence[Performed]]) -> str | None:
        """Say which rule does not hold, or return ``None``."""
        from in_toto.exceptions import RuleVerificationError
        from in_toto.models.link import Link
        from in_toto.verifylib import verify_all_item_rules

        chain = {
            links[0].name: Link(
                name=links[0].name,
                materials=_plain(links[0].materials),
                products=_plain(links[0].products),
            )
            for links in choice
        }
        try:
            verify_all_item_rules(_read(self._value, self.name, self.name).steps, chain)
        except RuleVerificationError as error:
            first = str(error).strip().splitlines()[0][:300]
            return f"a rule of the layout {self.name} does not hold: {first}"
        return None


def _plain(artifacts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {path: dict(digests) for path, digests in artifacts.items()}


def _inner(data: bytes, name: str, where: str) -> dict[str, Any]:
    value = read_json(data, where)
    if isinstance(value, dict) and "payload" in value:
        try:
            value = read_json(base64.b64decode(value["payload"], validate=True), where)
        except (binascii.Error, TypeError, ValueError) as error:
            raise FormatError(f"{name}: payload is not base64", where) from error
    elif isinstance(value, dict) and "signed" in value:
        value = value["signed"]
    if not isinstance(value, dict) or value.get("_type") != "layout":
        raise FormatError(f"{name}: not a layout of in-toto", where)
    if not isinstance(value.get("expires"), str):  # in-toto would take a month from now
        raise FormatError(f"{name}: a layout says when it expires", where)
    return value


def _read(value: Mapping[str, Any], name: str, where: str) -> Any:
    """Have in-toto read and check a layout."""
    try:
        from in_toto.models.layout import Layout as Theirs
    except ImportError as error:
        what = f"{name}: a layout of in-toto, and its package is not installed"
        raise AttestError(what, where, "pip install 'attest-provenance[in-toto]'") from error
    try:
        return Theirs.read(copy.deepcopy(dict(value)))
    except Exception as error:  # it checks little before it uses what it was given
        raise FormatError(f"{name}: not a layout of in-toto: {str(error)[:300]}", where) from error


def _fingerprint(key: Mapping[str, Any]) -> str | None:
    """Return the fingerprint of a functionary's key, or ``None`` for one that verifies no link here."""
    value = key.get("keyval")
    public = value.get("public") if isinstance(value, dict) else None
    if not isinstance(public, str) or "method" in key:  # method: GnuPG
        return None
    try:
        if public.lstrip().startswith("-----BEGIN"):
            return PublicKey.from_pem(public.encode(), "layout").fingerprint
        return PublicKey(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))).fingerprint
    except (SignatureError, ValueError):
        return None
