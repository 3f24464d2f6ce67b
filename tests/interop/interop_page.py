"""The page docs/interop.md: its tables as data, which the tests hold against what the clients do."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clients import debian
from interop_tamper import BASES, CHANGES, JUDGES, seen

__all__ = ["CAUSES", "CLIENTS", "OURS", "PAGE", "THEIRS", "page", "tables", "versions"]

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
_TEMPLATE = Path(__file__).with_name("interop_page.md")

CLIENTS = ("cosign", "sigstore-go", "sigstore-js", "sigstore-python")

TIME = {"stamp": True}
LOG = {"stamp": True, "log": True}

OURS: dict[str, tuple[Any, ...]] = {
    "key, ECDSA P-256": ("key", "ecdsa-p256"),
    "key, Ed25519": ("key", "ed25519"),
    "key, RSA": ("key", "rsa-3072"),
    "key, ECDSA P-256, time": ("key", "ecdsa-p256", TIME),
    "key, Ed25519, time": ("key", "ed25519", TIME),
    "key, RSA, time": ("key", "rsa-3072", TIME),
    "key, ECDSA P-256, time, Rekor v2": ("key", "ecdsa-p256", LOG),
    "key, RSA, time, Rekor v2": ("key", "rsa-3072", LOG),
    "PKCS#11 token, ECDSA P-256": ("elsewhere", "hsm"),
    "AWS KMS, ECDSA P-256": ("elsewhere", "ECC_NIST_P256"),
    "AWS KMS, RSA": ("elsewhere", "RSA_2048"),
    "private CA, ECDSA P-256, time": ("certificate", "p256"),
    "private CA, Ed25519, time": ("certificate", "ed25519"),
    "private CA, RSA, time": ("certificate", "rsa"),
    "private CA, ECDSA P-256, time, Rekor v2": ("certificate", "p256", {"log": True}),
    "keyless, person, Rekor v1": ("keyless", 1),
    "keyless, person, Rekor v2": ("keyless", 2),
    "keyless, workflow, Rekor v1": ("keyless", 1, "workflow"),
    "keyless, workflow, Rekor v2": ("keyless", 2, "workflow"),
}
"""Kind of bundle we make → how the bench makes it."""

THEIRS: dict[str, tuple[Any, ...]] = {
    "cosign, key, ECDSA P-256": ("cosign_key", "ecdsa-p256"),
    "cosign, key, ECDSA P-384": ("cosign_key", "ecdsa-p384"),
    "cosign, key, ECDSA P-521": ("cosign_key", "ecdsa-p521"),
    "cosign, key, RSA": ("cosign_key", "rsa-3072"),
    "cosign, key, Ed25519": ("cosign_key", "ed25519"),
    "cosign, key, time, Rekor v1": ("cosign_key", "ecdsa-p256", 1),
    "cosign, key, time, Rekor v2": ("cosign_key", "ecdsa-p256", 2),
    "cosign, key, ECDSA P-384, time, Rekor v2": ("cosign_key", "ecdsa-p384", 2),
    "cosign, keyless, Rekor v1": ("cosign_keyless", 1),
    "cosign, keyless, Rekor v2": ("cosign_keyless", 2),
    "sigstore-go, key": ("go_key", None),
    "sigstore-go, key, time, Rekor v1": ("go_key", 1),
    "sigstore-go, key, time, Rekor v2": ("go_key", 2),
    "sigstore-go, keyless, Rekor v1": ("go_keyless", 1),
    "sigstore-go, keyless, Rekor v2": ("go_keyless", 2),
    "sigstore-js, keyless, Rekor v1": ("js_signed", 1),
    "sigstore-python, keyless, Rekor v1": ("python_keyless", 1),
    "sigstore-python, keyless, Rekor v2": ("python_keyless", 2),
}
"""Kind of bundle another client makes → how the bench has it made."""


NOT_MADE = {
    "sigstore-js, keyless, Rekor v2": "its builder of DSSE bundles sends entries of a kind Rekor v2 takes no "
    "more, and ends with an error",
}
"""Kind of bundle another client should make → why there is none to read."""


@dataclass(frozen=True)
class Cause:
    """Why a cell is a no."""

    said: str
    """A piece of what the client says."""
    why: str
    """The same for people."""
    crashes: bool = False
    """Whether it ends with a panic instead of judging."""


GO_TIME = Cause(
    "threshold not met for verified signed & log entry integrated timestamps",
    "sigstore-go's program wants a trusted time on everything; its library, through cosign, does not",
)
GO_EC = Cause(
    "not *ecdsa.PublicKey",
    "sigstore-go's program ends with a panic at other keys than ECDSA; its library, through cosign, takes "
    "them",
    crashes=True,
)
PY_KEY = Cause("expected certificate in bundle", "sigstore-python verifies certificates alone, no keys")
PY_LOG = Cause("expected exactly one log entry", "sigstore-python wants a log entry of everything")
PY_SCT = Cause(
    "does not contain a signed certificate timestamp",
    "sigstore-python wants every certificate in a log of certificates, which a private authority has not",
)
PH = Cause(
    "signature-invalid",
    "cosign signs with Ed25519ph, which no verifier of attestations expects: it refuses its own bundle, too",
)

BARE = ("key, ECDSA P-256", "key, Ed25519", "key, RSA")

CAUSES: dict[tuple[str, str], Cause] = {
    **{(row, "sigstore-go"): GO_TIME for row in OURS if row.startswith(("PKCS", "AWS")) or row in BARE},
    **{(row, "sigstore-python"): PY_KEY for row, how in OURS.items() if how[0] in {"key", "elsewhere"}},
    **{(row, "sigstore-python"): PY_LOG for row, how in OURS.items() if how[0] == "certificate"},
    **{
        (row, "sigstore-go"): GO_EC
        for row in ("key, Ed25519, time", "key, RSA, time", "key, RSA, time, Rekor v2")
    },
    ("private CA, ECDSA P-256, time, Rekor v2", "sigstore-python"): PY_SCT,
    ("cosign, key, Ed25519", "ours"): PH,
}


def matrix_cell(row: str, client: str, notes: list[str] | None = None) -> str:
    """Return what the page says in a cell; a cause is put among the notes, once."""
    cause = CAUSES.get((row, client))
    if cause is None:
        return "yes"
    if notes is None:
        return "no"
    if cause.why not in notes:
        notes.append(cause.why)
    return f"no ({notes.index(cause.why) + 1})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |\n" for row in (head, ["---"] * len(head), *rows)]
    return "".join(lines)


def _notes(notes: Sequence[str]) -> str:
    return "".join(f"{number}. {text}.\n" for number, text in enumerate(notes, 1))


def _ours() -> str:
    notes: list[str] = []
    rows = [(row, "yes", *(matrix_cell(row, client, notes) for client in CLIENTS)) for row in OURS]
    return _table(("signed with", "attest", *CLIENTS), rows) + "\n" + _notes(notes)


def _theirs() -> str:
    notes: list[str] = []
    rows = [(row, matrix_cell(row, "ours", notes)) for row in THEIRS]
    for row, why in NOT_MADE.items():
        notes.append(why)
        rows.append((row, f"none made ({len(notes)})"))
    return _table(("made by", "attest accepts it"), rows) + "\n" + _notes(notes)


def _verdict(accepted: frozenset[str]) -> str:
    others = [each for each in JUDGES if each in accepted]
    if not others:
        return "all refuse"
    if accepted >= set(JUDGES[:4]):
        return "all accept"
    return f"accepted by {', '.join(others)}"


def _tampered() -> str:
    notes: list[str] = []
    rows = []
    found = seen()
    for name, change in CHANGES.items():
        told = [found[name].get(base, (frozenset(), None)) for base in BASES]
        cells = [
            "–" if base in change.impossible else _verdict(who)
            for base, (who, _) in zip(BASES, told, strict=True)
        ]
        codes = ", ".join(f"`{code}`" for code in dict.fromkeys(code for _, code in told) if code)
        if change.why and change.why not in notes:
            notes.append(change.why)
        note = f" ({notes.index(change.why) + 1})" if change.why else ""
        rows.append((name + note, *cells, codes or "–"))
    return _table(("change", *BASES, "attest says"), rows) + "\n" + _notes(notes)


def tables() -> list[str]:
    """Return the three tables of the page, with their notes."""
    return [_ours(), _theirs(), _tampered()]


def versions() -> dict[str, str]:
    """Return the versions of the clients on this machine."""
    found = {}
    for name in ("cosign", "sigstore-go"):
        changes = debian.binaries().parent / "share" / "doc" / name / "changelog.Debian.gz"
        found[name] = gzip.decompress(changes.read_bytes()).decode().split("(", 1)[1].split("-", 1)[0]
    pinned = json.loads((Path(__file__).parents[1] / "clients" / "npm" / "package.json").read_text())
    for name in ("verify", "sign"):
        found[f"@sigstore/{name}"] = pinned["dependencies"][f"@sigstore/{name}"]
    return {**found, "sigstore-python": version("sigstore")}


def page(found: Mapping[str, str]) -> str:
    """Return the whole page."""
    ours, theirs, tampered = tables()
    seen = ", ".join(f"{name} {number}" for name, number in found.items())
    return _TEMPLATE.read_text("utf-8").format(seen=seen, ours=ours, theirs=theirs, tampered=tampered)
