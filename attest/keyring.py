"""The keys a reader pinned: whose each of them is, and when it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from attest.document import Document
from attest.keys import MAX_KEY_BYTES, PublicKey
from attest.model import format_time
from attest.trustfile import KeyIdentity, Principal, TrustFile
from attest.verifier import Identity, UnverifiedError

__all__ = ["Keyring", "PinnedKey", "holders", "load_keys"]


@dataclass(frozen=True)
class PinnedKey:
    """A key, and the principals that sign with it."""

    public: PublicKey
    principals: tuple[str, ...]
    """Sorted."""

    @cached_property
    def identity(self) -> Identity:
        """Who signs with it."""
        return Identity("key", self.public.fingerprint)

    def also_of(self, name: str) -> PinnedKey:
        """Return the same key as that of one more principal."""
        return PinnedKey(self.public, tuple(sorted({*self.principals, name})))


@dataclass(frozen=True)
class Keyring:
    """Keys by their fingerprint."""

    keys: Mapping[str, PinnedKey]

    def __contains__(self, fingerprint: object) -> bool:
        """Tell whether the key with that fingerprint is a principal's."""
        return fingerprint in self.keys

    def with_key(self, name: str, public: PublicKey) -> Keyring:
        """Return the same with one key more, or with one that is one more principal's."""
        known = self.keys.get(public.fingerprint, PinnedKey(public, ()))
        return Keyring({**self.keys, public.fingerprint: known.also_of(name)})

    @cached_property
    def _by_hint(self) -> dict[str | None, list[PinnedKey]]:
        found: dict[str | None, list[PinnedKey]] = defaultdict(list)
        for known in self.keys.values():
            found[known.public.hint].append(known)
        return dict(found)

    def hinted(self, hint: str | None) -> Sequence[PinnedKey]:
        """Return the keys of which a bundle may give that hint."""
        return self._by_hint.get(hint, ())

    def candidates(self, hint: str | None) -> Iterator[PinnedKey]:
        """Yield every key, those of that hint first: it only says which to try first."""
        yield from self.hinted(hint)
        yield from (known for known in self.keys.values() if known.public.hint != hint)

    def fingerprints(self) -> dict[str, str]:
        """Return principal → fingerprint of its key."""
        return {name: known.public.fingerprint for known in self.keys.values() for name in known.principals}


def load_keys(document: Document, parsed: TrustFile, folder: Path) -> Keyring:
    """Read every key a trust file pins.

    Args:
        document: the trust file, for messages.
        parsed: what it says.
        folder: where it is.

    Raises:
        FormatError: a file is missing or changed.
        SignatureError: a file is not a key.
    """
    keys: dict[str, PinnedKey] = {}
    for name, principal in parsed.principals.items():
        if principal.key:
            where = document.where(("principals", name))
            public = PublicKey.from_pem(principal.key.read(folder, where, MAX_KEY_BYTES), where)
            keys[public.fingerprint] = keys.get(public.fingerprint, PinnedKey(public, ())).also_of(name)
    return Keyring(keys)


def holders(
    known: PinnedKey, principals: Mapping[str, Principal], time: datetime | None, as_of: datetime | None
) -> tuple[str, ...]:
    """Return the principals whose key it was when they signed, as far as anybody can show.

    Args:
        known: the key that signed.
        principals: of the trust file, with the time each key was theirs.
        time: when it was signed, if somebody trusted says so.
        as_of: time of evaluation, at which it is judged otherwise.

    Raises:
        UnverifiedError: codes ``key-expired``, ``key-not-yet-valid``, ``time-unknown``: it was nobody's.
    """
    refusal: UnverifiedError | None = None
    names = []
    for name in known.principals:
        principal = principals.get(name)
        try:
            _check_period(name, principal.key if principal else None, time, as_of)
            names.append(name)
        except UnverifiedError as error:
            refusal = refusal or error
    if refusal is not None and not names:
        raise refusal
    return tuple(names)


def _check_period(name: str, key: KeyIdentity | None, time: datetime | None, as_of: datetime | None) -> None:
    """Check that a principal's key was its own when it signed.

    Raises:
        UnverifiedError: it was not, or nobody can tell.
    """
    if key is None or (key.valid_from is None and key.valid_until is None):
        return
    at = time or as_of
    if at is None:
        raise UnverifiedError("time-unknown", f"no time to tell whether the key was {name}'s")
    shown = "signed before" if time else "no trusted time, judged at"
    if key.valid_until is not None and at > key.valid_until:
        until = format_time(key.valid_until)
        what = f"the key was {name}'s until {until}; {shown} {format_time(at)}"
        raise UnverifiedError("key-expired", what)
    if key.valid_from is not None and at < key.valid_from:
        start = format_time(key.valid_from)
        what = f"the key is {name}'s from {start} on; {shown} {format_time(at)}"
        raise UnverifiedError("key-not-yet-valid", what)
