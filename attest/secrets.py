"""What looks like a secret, and how it is kept out of what will be signed.

A statement may become public and cannot be taken back. So nothing is signed in which something looks like a
credential (``refuse_secrets``), and URLs lose their user info (``strip_user_info``). No message repeats a
secret. Parameters that somebody named secret are the matter of ``attest.redaction``.

What this does not find: a password without a telling name or shape. Only its owner can name it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from attest.errors import SecretError

__all__ = ["MIN_SECRET", "Suspect", "pairs", "refuse_secrets", "strip_user_info", "suspects"]

MIN_SECRET = 4
"""Characters below which a value is too short to be a secret: ``1`` is in every digest."""

# each shape with what it is; all of them are linear to match
_SHAPES: dict[str, str] = {
    "an AWS access key": r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}",
    "a GitLab token": r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_-]{20,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}|\bapi_org_[A-Za-z]{34}",
    "an API key": r"\bsk-(?:proj|ant|or|svcacct|admin|lf|live|test)[-_][A-Za-z0-9_-]{16,}"
    r"|\bsk-[A-Za-z0-9]{32,}|\br8_[A-Za-z0-9]{37}|\bdapi[0-9a-f]{32}|\bdop_v1_[0-9a-f]{64}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"
    r"|hooks\.slack\.com/services/T[A-Za-z0-9_/]{16,}",
    "a Google credential": r"\bAIza[0-9A-Za-z_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{28}|\bya29\.[A-Za-z0-9_-]{20,}",
    "a Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9]{24,}",
    "a package registry's token": r"\bpypi-AgE[A-Za-z0-9_-]{50,}|\bnpm_[A-Za-z0-9]{36}",
    "a mail service's key": r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "an Azure account key": r"AccountKey=[A-Za-z0-9+/=]{40,}",
    "a private key": r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\bAGE-SECRET-KEY-1[0-9A-Z]{20,}",
    "a signed token (JWT)": r"\beyJ[A-Za-z0-9_-]{10,600}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]*",
    "an authorization header": r"(?i:\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,})",
    "a credential in a URL": r"(?i:[?&](?:access_token|auth_token|token|api_?key|key|password|secret|sig"
    r"|signature|x-amz-(?:signature|security-token|credential)|x-goog-signature)=[^&\s\"'#]{8,})",
    # a password may hold a raw slash; what is digits up to a slash is a port, and image@sha256: no user
    "a password in a URL": r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}://(?:[^\s/?#@:]{0,256}:(?!\d+(?:[/?#]|$))[^\s@]{0,256}"
    r"|(?!git@)[^\s/?#@:\"']{1,256})@(?!sha\d+:)",
}
_KINDS = tuple(_SHAPES)
_ANY = re.compile("|".join(f"({shape})" for shape in _SHAPES.values()))
_USER_INFO = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/?#\"']{0,600}@(?!sha\d+:)")

_SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "apikey", "credential", "credentials"}
)
_SECRET_KEYS = frozenset(
    {"access", "account", "api", "auth", "client", "encryption", "master", "private", "secret", "signing"}
)
# models are full of tokens that are no secrets (eos_token, pad-token): only these words make one of them
_SECRET_TOKENS = frozenset(
    {
        *("access", "api", "app", "auth", "bearer", "bot", "ci", "deploy", "gh", "github", "gitlab", "hf"),
        *("hub", "huggingface", "job", "jwt", "login", "npm", "oauth", "personal", "pypi", "refresh"),
        *("registry", "secret", "security", "service", "session", "slack", "user", "wandb"),
    }
)
_QUOTES = "\"'"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HARMLESS = frozenset({"true", "false", "none", "null", "yes", "no", "on", "off", "auto", "default"})
_ELSEWHERE = (
    *("/", "./", "../", "~", "$", "<", "[", "{", "*", "%", "="),
    *("arn:", "env:", "file:", "sm:", "vault:"),
)
"""What a value begins with that is not itself the secret: a path, a variable, a special token."""


class Suspect(NamedTuple):
    """Something that looks like a secret."""

    pointer: str
    """Where it stands (JSON Pointer, RFC 6901); what looks like a secret in it is cut."""
    what: str
    """What it looks like, in words, with at most its first four characters."""
    text: str
    """The very text: never to be shown."""


_Link = tuple["_Link | None", str | int]


def _walk(value: Any) -> Iterator[tuple[_Link | None, Any]]:
    """Yield every list, object and string with its place; an object's keys come as strings of their own."""
    stack: list[tuple[_Link | None, Any]] = [(None, value)]
    while stack:
        link, item = stack.pop()
        yield link, item
        if isinstance(item, Mapping):
            stack.extend(((link, str(key)), child) for key, child in item.items())
        elif isinstance(item, (list, tuple)):
            stack.extend(((link, number), child) for number, child in enumerate(item))


def _pointer(link: _Link | None) -> str:
    parts: list[str] = []
    while link is not None:
        part = str(link[1])
        link = link[0]
        parts.append((f"{part[:4]}…" if _ANY.search(part) else part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in reversed(parts))


def _shapes(link: _Link | None, text: str) -> Iterator[Suspect]:
    """Yield what has the shape of a secret in a string."""
    for found in _ANY.finditer(text):
        what = f"{_KINDS[(found.lastindex or 1) - 1]}, {found.group()[:4]!r}…"
        yield Suspect(_pointer(link), what, found.group())


def _is_secret_name(name: str) -> bool:
    """Tell whether what bears that name is usually a secret: ``db_password``, ``--hf-token``, ``apiKey``."""
    words = [word.lower() for word in _WORD.findall(name[-100:])]
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "key":
        return before in _SECRET_KEYS
    if last == "token":
        return before in _SECRET_TOKENS or len(words) == 1
    return last in _SECRET_WORDS


def _is_secret_value(value: str) -> bool:
    """Tell whether a value may be the secret itself, and not a switch, a number or where to find it."""
    value = value.strip(_QUOTES)
    if len(value) < MIN_SECRET or value.lower() in _HARMLESS or value.startswith(_ELSEWHERE):
        return False
    return not value.replace(".", "", 1).isdigit()


def pairs(words: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (position, name, value) of ``--name=value``, ``NAME=value`` and ``--name value``."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if equals:
            yield number, name, value
        elif word.startswith("-") and number + 1 < len(words):
            yield number + 1, word, words[number + 1]


def _named(link: _Link | None, words: Sequence[Any]) -> Iterator[Suspect]:
    """Yield what bears the name of a secret in a list of words."""
    texts = [word if isinstance(word, str) else "" for word in words]
    found = list(pairs(texts))
    for number, text in enumerate(texts):  # a whole command line in one word: sh -c "…"
        if " " in text:
            found += ((number, name, value) for _, name, value in pairs(text[:10_000].split()))
    for number, name, value in found:
        if _is_secret_name(name) and _is_secret_value(value):
            yield Suspect(_pointer((link, number)), f"the value of {name[-60:]!r}", value.strip(_QUOTES))


def suspects(value: Any) -> Iterator[Suspect]:
    """Yield everything in a JSON value that looks like a secret, keys included."""
    for link, item in _walk(value):
        if isinstance(item, str):
            yield from _shapes(link, item)
        elif isinstance(item, Mapping):
            for key, child in item.items():
                place = link, str(key)
                yield from _shapes(place, str(key))
                if isinstance(child, str) and _is_secret_name(str(key)) and _is_secret_value(child):
                    yield Suspect(_pointer(place), f"the value of {str(key)[-60:]!r}", child)
        elif isinstance(item, (list, tuple)):
            yield from _named(link, item)


def refuse_secrets(value: Any, where: str | None = None, allowed: Collection[str] = ()) -> None:
    """Raise if something in a JSON value looks like a secret.

    Args:
        value: what would be signed.
        where: the document it came from, for the message.
        allowed: texts that look like a secret and are none.

    Raises:
        SecretError: the message names every place, and none of the secrets.
    """
    found = {each.pointer: each.what for each in suspects(value) if each.text not in allowed}
    if not found:
        return
    pointer, what = min(found.items())
    more = f", and at {', '.join(sorted(found)[1:6])}" if len(found) > 1 else ""
    raise SecretError(
        f"looks like a secret: {what}{more}",
        f"{where}: {pointer}" if where else pointer,
        "hand it over by a file or the environment, or name its parameter with --secret-param NAME; "
        "if it is none, give the very text to --not-secret",
    )


def strip_user_info(text: str) -> str:
    """Return ``text`` with the user info of every URL in it left out (RFC 3986, 3.2.1)."""
    return _USER_INFO.sub(r"\1", text)
