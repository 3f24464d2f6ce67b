"""Identity tokens (OpenID Connect): from a file, a variable, or the CI system or cloud.

A token is a secret for as long as it lasts: it is never printed, and no message repeats it. Its signature
is not checked here, for only who issues certificates can; what it says of itself is, so that a wrong one is
named before a run and not after it.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import id as ambient
import jwt
from sigstore.oidc import IdentityError, IdentityToken, detect_credential

from attest.errors import SignatureError
from attest.keyless import TOKEN_VARIABLE, Keyless

__all__ = ["check_token", "claims_of", "given_token", "whom"]

_DOWN = re.compile(r"timed out|code=(?:429|5\d\d)")
"""How the library id says that the CI system is in trouble; everything else it says will stay so."""

_TOKEN_BYTES = 64 << 10
_CLOCK = "is this machine's clock right? a token lasts minutes: have a new one made"


def given_token(keyless: Keyless) -> IdentityToken | None:
    """Return the token that is there without anybody logging in, or ``None``.

    In this order: the file or variable the settings name; ``SIGSTORE_ID_TOKEN``; the CI system or cloud.

    Raises:
        SignatureError: code ``token-`` and ``unreadable``, ``none``, ``malformed``, ``expired``,
            ``not-yet-valid`` or ``audience``; ``oidc-refused`` if the CI system gives none.
    """
    if keyless.token_file is not None:
        return check_token(_from_file(Path(keyless.token_file)), keyless.client_id, keyless.token_file)
    name = keyless.token_variable or TOKEN_VARIABLE
    if keyless.token_variable is not None or (keyless.oidc is None and os.environ.get(name)):
        text = os.environ.get(name, "").strip()
        if not text:
            hint = "the CI job or shell that runs this sets it"
            raise SignatureError("holds no identity token", f"${name}", hint, code="token-none")
        return check_token(text, keyless.client_id, f"${name}")
    if keyless.oidc in ("browser", "code"):
        return None
    return _ambient(keyless)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_TOKEN_BYTES + 1)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise SignatureError(what, str(path), code="token-unreadable") from error
    if len(data) > _TOKEN_BYTES:
        what = f"larger than {_TOKEN_BYTES} bytes: not an identity token"
        raise SignatureError(what, str(path), code="token-malformed")
    return data.decode("latin-1").strip()


def _ambient(keyless: Keyless) -> IdentityToken | None:
    where = "the CI system or cloud"
    try:
        text = detect_credential(keyless.client_id)
    except IdentityError as error:
        github = isinstance(error.__cause__, ambient.GitHubOidcPermissionCredentialError)
        hint = "the job needs permissions: {id-token: write}; a fork's pull request never has it"
        what = f"gave no identity token: {error}"[:500]
        reason = "unreachable" if _DOWN.search(str(error)) else "refused"
        raise SignatureError(what, where, hint if github else None, code=f"oidc-{reason}") from error
    except Exception as error:  # what its HTTP library raises
        what = f"gave no identity token: {type(error).__name__}"
        raise SignatureError(what, where, code="oidc-unreachable") from error
    if text is not None:
        return check_token(text, keyless.client_id, where)
    if keyless.oidc == "ambient":
        hint = (
            "known are GitHub Actions, GitLab, Google Cloud, Buildkite, CircleCI; elsewhere name a token file"
        )
        raise SignatureError(
            "no CI system or cloud gives an identity token here", None, hint, code="token-none"
        )
    return None


def check_token(text: str, client_id: str, where: str) -> IdentityToken:
    """Return a token if it can be one to sign with, by what it says of itself.

    Raises:
        SignatureError: code ``token-malformed``, ``token-expired``, ``token-not-yet-valid`` or
            ``token-audience``.
    """
    claims = claims_of(text)
    if claims is None:
        raise SignatureError("is no identity token (a JWT)", where, code="token-malformed")
    now = int(time.time())  # whole: a claim may be a number no float can be compared with
    for name, reason, wrong in (
        ("nbf", "not-yet-valid", 1),
        ("iat", "not-yet-valid", 1),
        ("exp", "expired", -1),
    ):
        value = claims.get(name)
        if isinstance(value, int | float) and (value - now) * wrong > (0 if name == "exp" else 5):
            said = f"this machine's clock says {_shown(now)}"
            what = f"the identity token {'expired' if wrong < 0 else 'is valid from'} {_shown(value)}, {said}"
            raise SignatureError(what, where, _CLOCK, code=f"token-{reason}")
    audience = claims.get("aud")
    audiences = [str(each) for each in (audience if isinstance(audience, list) else [audience])]
    if client_id not in audiences:
        what = f"the identity token is for {', '.join(audiences)[:100]!r}, expected {client_id!r}"
        hint = "ask the issuer for one with that audience, or name another with clientId"
        raise SignatureError(what, where, hint, code="token-audience")
    try:
        return IdentityToken(text, client_id)
    except IdentityError as error:
        what = f"is no identity token: {error.__cause__ or error}"[:300]
        raise SignatureError(what, where, code="token-malformed") from error


def whom(token: IdentityToken) -> str:
    """Return whom a token is for, as a certificate may name them: an e-mail address, or else its subject."""
    claims = claims_of(str(token)) or {}
    return str(claims.get("email") or token.identity)


def claims_of(text: str) -> dict[str, Any] | None:
    """Return what a token says of itself, or ``None`` if it is none. Nobody has checked its signature."""
    try:
        return jwt.decode(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None


def _shown(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "at no time of this calendar"
