"""Parameters somebody named secret: their values are replaced wherever they stand in what will be signed.

A secret on a command line stands there twice: in the parameter and in the command that is recorded. So values
are learnt from both, and replaced in everything the user handed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attest.errors import SecretError
from attest.secrets import MIN_SECRET, pairs, strip_user_info

__all__ = ["NamedSecretError", "Redaction"]

# what attest itself measures cannot hold a secret, but may hold the digits of a short one
_MEASURED = re.compile(r"[0-9a-f]{40,}|\d{4}-\d\d-\d\dT[\d:.]+Z")
_QUOTES = "\"'"


class NamedSecretError(SecretError):
    """The value of a parameter somebody named secret stands in what would be signed."""


def _plain(name: str) -> str:
    """Return a parameter's name without its dashes, as command lines and code spell it alike."""
    return name.lstrip("-+").replace("-", "_").casefold()


class Redaction:
    """The secret parameters of a step.

    Every value it knows is replaced by ``<secret:NAME>`` in what ``hide`` is given: where it stands alone, as
    the value of ``NAME=VALUE``, and inside longer strings if it has at least ``MIN_SECRET`` characters.

    Args:
        names: parameters that are secret; dashes, underscores and case make no difference.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}
        for name in names:
            self.add(name)

    @property
    def names(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._names.values())

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._names

    def add(self, name: str, value: object = None) -> None:
        """Name a parameter secret, with its value if that is known."""
        known = self._names.setdefault(_plain(name), name.lstrip("-+"))
        for text in (str(value), str(value).strip(_QUOTES)):
            if value is not None and text:
                self._values.setdefault(text, known)

    def learn(self, words: Sequence[str]) -> None:
        """Take the values of secret parameters out of a command line.

        Understood are ``--name value``, ``--name=value``, ``name=value``, ``section.name=value``, and all of
        these inside one word, as in ``sh -c "…"``.
        """
        for _, name, value in pairs(words):
            own = name if name in self else name.rpartition(".")[2]
            if own in self:
                self.add(own, value)
        for word in words:
            if " " in word:
                self.learn(word.split())

    def hide(self, value: Any) -> Any:
        """Return a JSON value without the secrets; URLs in it lose their user info."""
        if isinstance(value, str):
            return strip_user_info(self._hide_text(value))
        if isinstance(value, Mapping):
            return {
                self.hide(str(key)): f"<secret:{key}>" if str(key) in self else self.hide(item)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.hide(item) for item in value]
        secret = (
            isinstance(value, (int, float)) and not isinstance(value, bool) and str(value) in self._values
        )
        return f"<secret:{self._values[str(value)]}>" if secret else value

    def _hide_text(self, text: str) -> str:
        if text in self._values:
            return f"<secret:{self._values[text]}>"
        head, equals, tail = text.partition("=")
        if equals and tail in self._values:
            return f"{self._hide_text(head)}=<secret:{self._values[tail]}>"
        long = sorted((each for each in self._values if len(each) >= MIN_SECRET), key=len, reverse=True)
        if not long:
            return text
        anywhere = re.compile("|".join(map(re.escape, long)))  # one pass: what was put in stays as it is
        return anywhere.sub(lambda found: f"<secret:{self._values[found.group()]}>", text)

    def check(self, value: Any) -> None:
        """Raise if a secret of at least ``MIN_SECRET`` characters still stands in a JSON value.

        Raises:
            NamedSecretError: the message names the parameter and the place, and not the secret.
        """
        secrets = [secret for secret in self._values if len(secret) >= MIN_SECRET]
        stack: list[tuple[str, Any]] = [("", value)] if secrets else []
        while stack:
            place, item = stack.pop()
            if isinstance(item, Mapping):
                stack += ((f"{place}/{key}", child) for key, child in item.items())
                stack += ((place, str(key)) for key in item)
            elif isinstance(item, (list, tuple)):
                stack += ((f"{place}/{number}", child) for number, child in enumerate(item))
            elif isinstance(item, str) and _MEASURED.fullmatch(item) is None:
                for secret in secrets:
                    if secret in item:
                        raise NamedSecretError(
                            f"the value of the secret parameter {self._values[secret]!r} stands here",
                            self._hide_text(place),
                            "names of files and packages are signed as they are: rename what it names, or "
                            "choose a secret that is no word of every statement",
                        )
