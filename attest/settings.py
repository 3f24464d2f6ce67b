"""The project's settings: ``attest.yaml``, found from any folder of the project.

Relative paths in it are relative to the folder it stands in, wherever a command is started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from attest.document import read_file
from attest.errors import UsageError
from attest.folder import FILE_NAME, find_file
from attest.keyless import CLIENT_SECRET_VARIABLE, SCHEME, Keyless
from attest.limits import DEFAULT, Limits
from attest.model import StrictModel
from attest.predicate import BASE
from attest.service import check_url
from attest.store import Store, open_store, without_password
from attest.words import choice

__all__ = [
    "DEFAULT_BUILDER_ID",
    "DEFAULT_STORE",
    "FILE_NAME",
    "Builder",
    "Project",
    "Settings",
    "find_project",
    "find_settings",
    "read_settings",
]

DEFAULT_STORE = ".attest/store.db"
"""Where the store is unless the settings say otherwise."""

DEFAULT_BUILDER_ID = f"{BASE}builders/local/v0.1"
"""Builder id of a step that was run by hand: whoever holds the key could have run anything."""

OrdersWord = Literal["warn", "refuse"]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")


def _builder_id(value: str) -> str:
    if not _URI.fullmatch(value):
        raise ValueError("expected a URI like https://ci.example/builders/train@v1")
    return value


def _not_empty(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("expected a path or a URI")
    return value


def _without_password(value: str) -> str:
    if without_password(value) != value:
        raise ValueError("a password has no place here; libpq finds it in ~/.pgpass or in PGPASSWORD")
    return value


def _service_url(value: str) -> str:
    try:
        return check_url(value)
    except UsageError as error:
        raise ValueError(error.what) from error


_ServiceUrl = Annotated[str, AfterValidator(_service_url)]


class Builder(StrictModel):
    """What provenance names as its builder (SLSA provenance v1, ``runDetails.builder``)."""

    id: Annotated[str, AfterValidator(_builder_id)] = DEFAULT_BUILDER_ID
    """URI of whoever ran the step; a trust file lists the ids a signer may claim."""
    version: dict[str, str] = Field(default_factory=dict)
    """Component of the builder → its version."""


class Settings(StrictModel):
    """What ``attest.yaml`` holds; everything has a default."""

    store: Annotated[str, AfterValidator(_not_empty), AfterValidator(_without_password)] = DEFAULT_STORE
    """Path or URI of the store: ``postgresql://USER@HOST/DATABASE`` for one that is shared. No password."""
    signer: Annotated[str, AfterValidator(_not_empty)] | None = None
    """Path or URI of the signer, e.g. ``file:keys/attest.key``, or ``sigstore``."""
    sigstore: Keyless = Field(default_factory=Keyless)
    """How the signer ``sigstore`` signs."""
    timestamp: _ServiceUrl | list[_ServiceUrl] = Field(default_factory=list)
    """URL of a timestamp authority (RFC 3161) that stamps every signature; of several, each one does."""
    builder: Builder = Field(default_factory=Builder)
    orders: Annotated[OrdersWord, choice(OrdersWord)] = "warn"
    """What `attest run` does with an input that a deletion order in force reaches: `warn` or `refuse`."""


@dataclass(frozen=True)
class Project:
    """Settings, and the folder they hold for."""

    root: Path
    settings: Settings
    log: str | None = None
    """URL of a Rekor v2 that takes every signature in. Never a setting: what makes public is asked for."""

    @property
    def file(self) -> Path:
        """The settings file."""
        return self.root / FILE_NAME

    @property
    def store_uri(self) -> str:
        """URI of the store, its path absolute."""
        return _anchored(self.settings.store, "sqlite", self.root)

    @property
    def signer_uri(self) -> str:
        """URI of the signer, its path absolute.

        Raises:
            UsageError: the settings name none.
        """
        if self.settings.signer is None:
            hint = "`attest key generate keys/attest.key`, then write signer: file:keys/attest.key"
            raise UsageError("names no signer", str(self.file), hint)
        scheme, _, rest = self.settings.signer.partition(":")
        if scheme == SCHEME:
            return self.settings.sigstore.with_(Keyless.from_uri(rest)).anchored(self.root).uri
        return _anchored(self.settings.signer, "file", self.root)

    @property
    def key_file(self) -> Path | None:
        """File that holds the private key, if it is one."""
        if self.settings.signer is None:
            return None
        scheme, _, rest = self.signer_uri.partition(":")
        if scheme == "certificate":
            scheme, _, rest = (rest.partition(",")[2] or f"file:{rest}").partition(":")
        return Path(rest) if scheme == "file" else None

    @property
    def secret_variables(self) -> frozenset[str]:
        """Environment variables that open the signing key: no command of a pipeline ever sees them."""
        return frozenset({"ATTEST_PASSPHRASE", CLIENT_SECRET_VARIABLE})

    @property
    def identity_variables(self) -> frozenset[str]:
        """Environment variables with which somebody else can sign as this job or as the cloud's client.

        Those of CI jobs always; those of a cloud where its key service signs, since many a command needs
        them for its data.
        """
        scheme, _, rest = (self.settings.signer or "").partition(":")
        keyless = self.settings.sigstore
        if scheme == SCHEME:
            keyless = keyless.with_(Keyless.from_uri(rest))
        elif scheme == "certificate":
            scheme = rest.partition(",")[2].partition(":")[0]
        return keyless.token_variables | _CLOUD_VARIABLES.get(scheme, frozenset())

    @property
    def timestamps(self) -> tuple[str, ...]:
        """URLs of the timestamp authorities that stamp every signature."""
        given = self.settings.timestamp
        return (given,) if isinstance(given, str) else tuple(given)

    def open_store(self, *, create: bool = False, read_only: bool = False, limits: Limits = DEFAULT) -> Store:
        """Open the project's store.

        Raises:
            UsageError: no store has that scheme.
            StoreError: there is none and ``create`` is false, or it cannot be opened.
        """
        return open_store(self.store_uri, create=create, read_only=read_only, limits=limits)


_CLOUD_VARIABLES = {
    "awskms": frozenset(
        {
            "AWS_ACCESS_KEY_ID",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        }
    ),
    "azurekms": frozenset(
        {
            "AZURE_CLIENT_CERTIFICATE_PASSWORD",
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "AZURE_CLIENT_SECRET",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_PASSWORD",
        }
    ),
    "gcpkms": frozenset({"GOOGLE_APPLICATION_CREDENTIALS"}),
    "hv": frozenset({"VAULT_TOKEN"}),
}
"""Scheme of a signer → where the client of that key service finds what it logs in with."""

_KEYS_ELSEWHERE = frozenset({"awskms", "azurekms", "gcpkms", "hsm", "hv"})
"""Schemes of signers whose URI may end in the file of a public key."""


def _place(path: str, root: Path) -> str:
    return _anchored(f"file:{path}", "file", root).removeprefix("file:") if path else ""


def _anchored(uri: str, local: str, root: Path) -> str:
    """Make the path in a URI of the scheme ``local`` (or a bare path) absolute; leave other URIs alone.

    ``certificate:CHAIN,KEY`` holds a path and the URI of a signer; ``hsm:KEY,PUBLIC`` and ``sigstore:`` hold
    paths.
    """
    scheme, colon, rest = uri.partition(":")
    if scheme == SCHEME and local == "file":
        return Keyless.from_uri(rest).anchored(root).uri if rest else uri
    if scheme == "certificate" and colon and local == "file":
        chain, comma, key = rest.partition(",")
        return f"{scheme}:{_place(chain, root)}{comma}{_anchored(key, 'file', root) if key else ''}"
    if scheme in _KEYS_ELSEWHERE and colon and local == "file":
        key, comma, public = rest.partition(",")
        return f"{scheme}:{key}{comma}{_place(public, root)}"
    if colon and scheme != local and scheme.isalnum() and len(scheme) > 1:
        return uri
    path = Path(rest if colon and scheme == local else uri)
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise UsageError(f"{uri[:200]!r}: no such user", str(root / FILE_NAME)) from error
    return f"{local}:{root / path}"


def read_settings(file: Path) -> Project:
    """Read a settings file.

    Raises:
        FormatError: the file cannot be read.
        UsageError: it is not what it should be; the message names the line.
    """
    document = read_file(file)
    return Project(file.absolute().parent, document.validate(Settings))


def find_settings(start: Path) -> Project:
    """Find the project that ``start`` belongs to (``attest.folder.find_file``).

    Raises:
        FormatError: the file cannot be read.
        UsageError: there is none, it is another user's, or it is not what it should be.
    """
    file = find_file(start)
    if file is None:
        hint = "`attest init` makes one; with --store and --signer none is needed"
        raise UsageError(f"no {FILE_NAME} here or above", str(start), hint)
    return read_settings(file)


def find_project(
    start: Path,
    *,
    store: str | None = None,
    signer: str | None = None,
    timestamps: Sequence[str] = (),
    log: str | None = None,
    sigstore: Mapping[str, Any] | None = None,
    optional: bool = False,
) -> Project:
    """Find the project that ``start`` belongs to, with another store, signer or time in place of its own.

    Args:
        start: where a command was called; relative paths in ``store`` and ``signer`` are relative to it.
        store: path or URI; with ``signer`` given too, no settings file is needed.
        signer: path or URI.
        timestamps: URLs of timestamp authorities.
        log: URL of a Rekor v2.
        sigstore: settings of the section ``sigstore``; relative paths in it are relative to ``start``.
        optional: where there is no settings file, the defaults will do.

    Raises:
        FormatError: the settings file cannot be read.
        UsageError: there is none, it is another user's, or it is not what it should be.
    """
    folder = start.absolute()
    given: dict[str, Any] = {
        **({"store": _anchored(store, "sqlite", folder)} if store else {}),
        **({"signer": _anchored(signer, "file", folder)} if signer else {}),
    }
    if timestamps:
        given["timestamp"] = [check_url(url) for url in timestamps]
    try:
        project = find_settings(folder)
    except UsageError:
        if not (optional or (store and signer)) or _exists_above(folder):
            raise
        project = Project(folder, Settings())
    if sigstore:
        used = str(given.get("signer", project.settings.signer) or "none")
        scheme, _, rest = used.partition(":")
        if scheme != SCHEME:
            what = f"{', '.join(sigstore)}: only the signer sigstore has that, the signer is {used[:200]}"
            raise UsageError(what, hint="add --signer sigstore")
        named = project.settings.sigstore.with_(Keyless.from_uri(rest)).anchored(project.root)
        given["sigstore"] = named.with_(Keyless.given(dict(sigstore), SCHEME).anchored(folder))
        given["signer"] = given["sigstore"].uri
    settings = project.settings.model_copy(update=given)
    return Project(project.root, settings, check_url(log) if log is not None else None)


def _exists_above(folder: Path) -> bool:
    return any((each / FILE_NAME).is_file() for each in (folder, *folder.parents))
