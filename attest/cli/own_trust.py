"""Whom a project believes about its own store: its own keys for everything, its trust file as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from attest.keys import PublicKey
    from attest.limits import Limits
    from attest.settings import Project
    from attest.trust import Trust

__all__ = ["TRUST_FILE", "own_keys", "own_trust"]

TRUST_FILE = "trust.yaml"


def own_keys(project: Project) -> dict[str, PublicKey]:
    """Return the public keys (``*.pub``) beside the project's signing key, by file name.

    A project may have several: one for the pipeline, one for the data desk. Files that hold no key of ours
    are passed over; no private key is read.
    """
    from pathlib import Path

    from attest.errors import SignatureError
    from attest.keys import PublicKey, read_key_file

    if project.settings.signer is None:
        return {}
    scheme, _, rest = project.signer_uri.partition(":")
    found: dict[str, PublicKey] = {}
    for file in sorted(Path(rest).parent.glob("*.pub")) if scheme == "file" else ():
        try:
            found[file.name] = PublicKey.from_pem(read_key_file(file), str(file))
        except SignatureError:
            continue
    return found


def own_trust(
    project: Project, trust: Path | None, signer: PublicKey | None = None, *, limits: Limits
) -> Trust:
    """Return how a project looks at its own statements, never how a buyer will.

    Args:
        project: whose keys are believed for everything.
        trust: a trust file whose principals are believed as it says; by default the project's ``trust.yaml``,
            if there is one.
        signer: a key that is believed besides.
        limits: for the trust file.

    Raises:
        AttestError: the trust file cannot be read.
    """
    from attest.trust import Trust, read_trust

    default = project.root / TRUST_FILE
    file = trust or (default if default.is_file() else None)
    keys = own_keys(project)
    if signer is not None and signer.fingerprint not in {key.fingerprint for key in keys.values()}:
        keys["the signing key"] = signer
    return Trust.of_keys(keys, read_trust(file, limits) if file else None)
