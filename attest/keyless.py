"""Keyless signing as a project asks for it: which Sigstore, whose identity token, what may become public.

The same as a URI, which is how a signer is named everywhere: ``sigstore:INSTANCE?publish=true&oidc=code``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pydantic import AfterValidator, Field, ValidationError

from attest.errors import UsageError, nearest
from attest.model import StrictModel

__all__ = ["CLIENT_SECRET_VARIABLE", "JOB_VARIABLES", "SCHEME", "TOKEN_VARIABLE", "Keyless"]

SCHEME = "sigstore"
"""Of a keyless signer's URI."""

TOKEN_VARIABLE = "SIGSTORE_ID_TOKEN"  # noqa: S105 - the variable's name
"""Where GitLab puts the identity token a job asked for, and cosign looks for one, too."""

CLIENT_SECRET_VARIABLE = "ATTEST_OIDC_CLIENT_SECRET"  # noqa: S105 - the variable's name
"""Where the secret of ``clientId`` is, for an OpenID provider that lets nobody log in without one."""

JOB_VARIABLES = frozenset(
    {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "CIRCLE_OIDC_TOKEN",
        "CIRCLE_OIDC_TOKEN_V2",
        TOKEN_VARIABLE,
    }
)
"""Variables with which whoever sees them gets an identity token of the CI job, and signs as that job."""

_URL = re.compile(r"https?://", re.IGNORECASE)
_NAMED = frozenset({"production", "staging"})


def _not_empty(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("expected a name, a path or a URL")
    return value


_Text = Annotated[str, AfterValidator(_not_empty)]


class Keyless(StrictModel):
    """How to sign with a short-lived certificate for an identity; everything has a default."""

    instance: _Text = "production"
    """``production`` and ``staging`` are the public ones; else the path of a client trust configuration
    (``ClientTrustConfig`` in JSON), or the URL of a TUF repository, which needs ``root``."""
    root: _Text | None = None
    """Path of the TUF root metadata (``root.json``) an instance given by URL is trusted by."""
    client_id: _Text = "sigstore"
    """The audience an identity token must be for."""
    token_file: _Text | None = None
    """File with an identity token, read again for every certificate, e.g. a projected one of Kubernetes."""
    token_variable: _Text | None = None
    """Environment variable with an identity token."""
    oidc: Literal["ambient", "browser", "code"] | None = None
    """How to get a token: ``ambient`` from the CI system or cloud, ``browser`` by logging in, ``code`` by
    logging in anywhere and typing the code. Left out: ambient, else by logging in if there is a terminal."""
    publish: bool = False
    """Whether statements and the signer's identity may go into a public log, for ever."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60
    """Seconds within which each service must have answered, all attempts together."""

    @property
    def is_url(self) -> bool:
        """Whether the instance is a TUF repository given by its URL."""
        return bool(_URL.match(self.instance))

    @property
    def is_public(self) -> bool:
        """Whether the instance is one of those anybody can read, by its name."""
        return self.instance in _NAMED

    @property
    def path(self) -> Path | None:
        """File with the client trust configuration, if the instance is one."""
        return None if self.is_url or self.is_public else Path(self.instance)

    @property
    def token_variables(self) -> frozenset[str]:
        """Variables that may hold an identity token for this audience, or get one."""
        by_audience = re.sub(r"[^A-Z0-9_]", "_", self.client_id.upper()) + "_ID_TOKEN"  # as GitLab jobs do
        return JOB_VARIABLES | {by_audience, *([self.token_variable] if self.token_variable else [])}

    @property
    def uri(self) -> str:
        """The same as a URI, without what is as by default."""
        given = self.model_dump(by_alias=True, exclude_defaults=True, exclude={"instance"}, mode="json")
        words = {name: str(value).lower() if value is True else str(value) for name, value in given.items()}
        query = f"?{urlencode(words, quote_via=quote, safe='/:')}" if words else ""
        return f"{SCHEME}:{quote(self.instance, safe='/:')}{query}"

    def anchored(self, folder: Path) -> Self:
        """Return the same with every relative path below ``folder``."""
        places: dict[str, str] = {}
        for name in ("root", "token_file", *(("instance",) if self.path else ())):
            value = getattr(self, name)
            if value is not None:
                places[name] = str(folder / _expanded(value))
        return self.model_copy(update=places)

    @classmethod
    def from_uri(cls, rest: str) -> Self:
        """Read what follows ``sigstore:``; only what it names is set.

        Raises:
            UsageError: it names something nobody knows, or the same twice.
        """
        instance, _, query = rest.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=32)
        except ValueError as error:
            hint = "expected sigstore:INSTANCE?name=value&name=value"
            raise UsageError(f"{query[:100]!r} cannot be read", f"{SCHEME}:{rest[:200]}", hint) from error
        given: dict[str, Any] = dict(pairs)
        if len(given) != len(pairs):
            raise UsageError("something is given twice", f"{SCHEME}:{rest[:200]}")
        if instance:
            given["instance"] = unquote(instance)
        return cls.given(given, f"{SCHEME}:{rest[:200]}")

    @classmethod
    def given(cls, values: dict[str, Any], where: str) -> Self:
        """Read what was named in words.

        Raises:
            UsageError: a name nobody knows, or a value it cannot have.
        """
        try:
            return cls.from_json(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            known = [field.alias or key for key, field in cls.model_fields.items()]
            guess = nearest(name, known) if first["type"] == "extra_forbidden" else None
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}"
            what = "unknown setting" if first["type"] == "extra_forbidden" else first["msg"]
            raise UsageError(f"{name[:60]}: {what}", where, hint) from error

    def with_(self, other: Keyless) -> Self:
        """Return these settings with those in their place that ``other`` names.

        That something may become public was said of one instance: it does not hold for another one.
        """
        named = {name: getattr(other, name) for name in other.model_fields_set}
        if named.get("instance", self.instance) != self.instance:
            named.setdefault("publish", False)
            named.setdefault("root", None)
        return self.model_copy(update=named)


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path[:200]!r}: no such user") from error
