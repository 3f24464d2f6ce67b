"""A vendor's project on disk: settings, keys, a store of a small world's statements, the release."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from world import World, signer

from attest.cli import main
from attest.store import open_store

SETTINGS = "store: store.db\nsigner: file:keys/ci.key\n"


def write_key(folder: Path, name: str) -> Path:
    """Write the private key of a signer of the world, and its public half beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.key"
    pem = signer(name)._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(pem)
    (folder / f"{name}.key.pub").write_bytes(signer(name).public.pem)
    return path


def write_project(folder: Path, world: World, *keys: str) -> Path:
    """Write a project that signs as ``ci`` and has the public keys of others; return its root."""
    write_key(folder / "keys", "ci")
    for name in keys:
        (folder / "keys" / f"{name}.pub").write_bytes(signer(name).public.pem)
    (folder / "attest.yaml").write_text(SETTINGS)
    with open_store(str(folder / "store.db"), create=True) as store:
        store.put(world.bundles, world.manifests.values())
    return folder


def write_tree(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def attest(*words: object) -> int:
    """Run a command in this process and return its exit code."""
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("main returns by SystemExit")
