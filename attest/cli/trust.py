"""``attest trust``: write and check whom you believe, for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import PATH, echo_json, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from attest.trust import Trust

__all__ = ["command"]

_HEADER = """\
# Whom this reader believes, for what (docs/formats.md, trust.yaml). Every file is pinned by its SHA-256.
# Compare each fingerprint with its owner over a second channel (telephone, contract, business card).
"""


@click.group()
def command() -> None:
    """Write and check trust.yaml: whom you believe, for what."""


@command.command()
@click.argument("path", type=PATH, default="trust.yaml")
def new(path: Path) -> None:
    """Write an empty trust file to add principals to."""
    from attest.errors import UsageError

    if path.exists():
        raise UsageError("exists already; it is not overwritten", str(path), "attest trust add adds to it")
    _save(path, {"principals": {}, "roles": {}})
    click.echo(f"wrote {path}; next: attest trust add {path} NAME --key FILE --role ROLE")


@command.command()
@click.argument("path", type=PATH)
@click.argument("name")
@click.option("--key", type=PATH, help="Public key in PEM.")
@click.option("--valid-from", metavar="TIME", help="When the key came into use (RFC 3339, or a date).")
@click.option("--valid-until", metavar="TIME", help="When the key went out of use: a rotated key stays so.")
@click.option("--sigstore-issuer", metavar="URL", help="OIDC issuer of a keyless identity.")
@click.option(
    "--sigstore-identity", metavar="TEXT", help="Identity in its certificate; `*` never crosses / or @."
)
@click.option("--source-repository", metavar="URL", help="Repository of the identity; a GitHub one needs it.")
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="NAME=VALUE",
    help="What else its certificate must say, like sourceRepositoryRef=refs/tags/v* (docs/formats.md).",
)
@click.option(
    "--sigstore-root", metavar="FILE", help="Which pinned Sigstore root vouches for it, if several."
)
@click.option("--certificate-root", type=PATH, help="Root of a private certificate authority, in PEM.")
@click.option("--certificate-subject", metavar="TEXT", help="Subject under that authority.")
@click.option(
    "--role", "roles", multiple=True, help="builder, data-owner, rights-holder, publisher, keeper, …"
)
@click.option("--builder-id", "builder_ids", multiple=True, metavar="URI", help="Builder id it may claim.")
@click.option("--artifact", "artifacts", multiple=True, metavar="DIGEST", help="Only for this artifact.")
@click.option("--register", metavar="ID", help="Register it keeps (role keeper).")
@click.option(
    "--verifier-id", "verifier_ids", multiple=True, metavar="URI", help="Verifier id (role auditor)."
)
def add(path: Path, name: str, roles: tuple[str, ...], **given: Any) -> None:
    """Add a principal, or give one that is there more roles.

    Prints the fingerprint to compare out of band before you rely on it. Comments inside the file are not
    kept; those at its head are.

    \b
      attest trust add trust.yaml acme-ci --key acme.pub --role builder --builder-id https://acme.example/ci
    """  # noqa: D301 - \b is click's mark for lines that keep their breaks
    from attest.document import read_document
    from attest.errors import UsageError
    from attest.trust import parse_trust, read_trust

    header, value = _load(path)
    principals = value.setdefault("principals", {})
    identity = _identity(path.parent, given)
    if identity is None and name not in principals:
        raise UsageError(
            f"principal {name!r} is new: say who it is", "--key", "or --sigstore-…, --certificate-…"
        )
    if identity is not None:
        if name in principals and principals[name] != identity:
            raise UsageError(
                f"principal {name!r} is there with another identity", str(path), "choose another name"
            )
        principals[name] = identity
    entry: dict[str, Any] = {"principal": name}
    entry |= {"builderIds": list(given["builder_ids"])} if given["builder_ids"] else {}
    entry |= {"artifacts": list(given["artifacts"])} if given["artifacts"] else {}
    entry |= {"register": given["register"]} if given["register"] else {}
    entry |= {"verifierIds": list(given["verifier_ids"])} if given["verifier_ids"] else {}
    for role in roles:
        wanted = {"builder": ("builderIds",), "keeper": ("register",), "auditor": ("verifierIds",)}
        scoped = {
            key: item
            for key, item in entry.items()
            if key in ("principal", "artifacts", *wanted.get(role, ()))
        }
        entries = value.setdefault("roles", {}).setdefault(role, [])
        if scoped not in entries:
            entries.append(scoped)
    text = _text(value)
    parse_trust(read_document(text.encode(), str(path)))
    _save(path, value, header)
    click.echo(f"{name}: {read_trust(path).fingerprints().get(name, 'see the file')}")
    click.echo(
        "compare this fingerprint with its owner over a second channel before you rely on it", err=True
    )


@command.command()
@click.argument("path", type=PATH)
@click.option(
    "--timestamp", "timestamps", multiple=True, type=PATH, help="A timestamp authority's chain, in PEM."
)
@click.option("--sigstore", "sigstores", multiple=True, type=PATH, help="A Sigstore trusted_root.json.")
@click.option("--fetched", metavar="DATE", help="The day you fetched and compared it. [default: today]")
def root(path: Path, timestamps: tuple[Path, ...], sigstores: tuple[Path, ...], fetched: str | None) -> None:
    """Pin a certificate root.

    Its digest is what is trusted from now on. The day it was fetched stands beside it, so that reports can
    say how old it is: authorities replace their keys, and a root of long ago misses the new ones.
    """
    from datetime import UTC, datetime

    from attest.document import read_document
    from attest.errors import UsageError
    from attest.trust import parse_trust, read_sigstore_root, read_timestamp_root

    if not timestamps and not sigstores:
        raise UsageError("name a root", "--timestamp or --sigstore")
    for file in timestamps:
        read_timestamp_root(file.read_bytes(), str(file))
    for file in sigstores:
        read_sigstore_root(file.read_bytes(), str(file))
    header, value = _load(path)
    roots = value.setdefault("roots", {})
    told = []
    for kind, files in (("timestamp", timestamps), ("sigstore", sigstores)):
        for file in files:
            pinned = _pin(path.parent, file)
            if pinned["sha256"] not in {each["sha256"] for each in roots.setdefault(kind, [])}:
                roots[kind].append({**pinned, "fetched": fetched or str(datetime.now(UTC).date())})
            told.append(f"{kind} root {file}: sha256:{pinned['sha256']}")
        if kind in roots and not roots[kind]:
            del roots[kind]
    parse_trust(read_document(_text(value).encode(), str(path)), unfinished=True)
    _save(path, value, header)
    click.echo("\n".join(told))


@command.command()
@click.argument("path", type=PATH)
@json_option
def show(path: Path, as_json: bool) -> None:
    """Show who is believed for what, with the fingerprints to compare."""
    from datetime import UTC, datetime

    from attest.model import format_time
    from attest.text import show as shown
    from attest.trust import read_trust

    trust = read_trust(path)
    prints = trust.fingerprints()
    held = _held(trust)
    today = datetime.now(UTC).date()
    roots = [
        {
            "kind": kind,
            "file": each.file,
            "sha256": each.sha256,
            "ageDays": (today - each.fetched).days if each.fetched else None,
        }
        for kind, each in trust.pinned_roots()
    ]
    layouts = [
        {"file": each.file, "sha256": each.sha256, "expires": format_time(read.expires)}
        for each, read in zip(trust.file.layouts, trust.layouts, strict=True)
    ]
    if as_json:
        rows = [{"principal": n, "identity": prints[n], "roles": held.get(n, [])} for n in sorted(prints)]
        named = {"trust": path.name, "sha256": trust.sha256}
        echo_json({**named, "principals": rows, "roots": roots, "layouts": layouts})
        return
    click.echo(f"{shown(path)}  sha256:{trust.sha256}")
    for name in sorted(prints):
        click.echo(f"\n{shown(name)}\n  {shown(prints[name], 2000)}")
        for role in held.get(name, []):
            click.echo(f"  may be {shown(role, 500)}")
    for each in roots:
        old = "age not said" if each["ageDays"] is None else f"fetched {each['ageDays']} days ago"
        click.echo(f"\n{each['kind']} root {shown(each['file'])}, {old}\n  sha256:{each['sha256']}")
    for layout in layouts:
        ends = f"until {layout['expires']}"
        click.echo(f"\nlinks only as in layout {shown(layout['file'])}, {ends}\n  sha256:{layout['sha256']}")


@command.command()
@click.argument("path", type=PATH)
@json_option
def lint(path: Path, as_json: bool) -> int:
    """Look for what a trust file should not have: exit code 1 if there is anything.

    Principals nobody gave a role, roles nobody holds that every policy needs, identities this version cannot
    verify, wide builder ids.
    """
    from attest.text import show as shown
    from attest.trust import read_trust

    problems = _problems(read_trust(path))
    if as_json:
        echo_json({"trust": path.name, "problems": problems})
    else:
        for problem in problems:
            click.echo(shown(problem, 500))
        if not problems:
            click.echo("nothing to remark")
    return 1 if problems else 0


def _held(trust: Trust) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for role, entries in trust.file.roles.items():
        for entry in entries:
            limits = [*entry.builder_ids, *entry.verifier_ids]
            limits += [f"register {entry.register_id}"] if entry.register_id else []
            limits += [f"only {digest}" for digest in entry.artifacts]
            limits += [f"with others: {entry.who}"] if entry.cosigners else []
            for name in entry.names:
                held.setdefault(name, []).append(role + (f" ({', '.join(limits)})" if limits else ""))
    return held


def _problems(trust: Trust) -> list[str]:
    found = []
    held = _held(trust)
    for name, principal in trust.file.principals.items():
        if name not in held and not any(name in e.principals for es in trust.file.roles.values() for e in es):
            found.append(f"principal {name} has no role: its statements are carried and grant nothing")
        if principal.sigstore is not None and not trust.file.roots.sigstore:
            found.append(f"principal {name} is keyless, and no Sigstore root is pinned to verify that with")
    found += [
        f"{kind} root {each.file} does not say when it was fetched: its age stays unknown"
        for kind, each in trust.pinned_roots()
        if each.fetched is None and kind != "certificate"
    ]
    if not trust.file.roots.timestamp and not trust.file.roots.sigstore:
        found += [
            f"principal {name}: its key ends, and no timestamp root is pinned to show what was signed before"
            for name, principal in trust.file.principals.items()
            if principal.key is not None and principal.key.valid_until is not None
        ]
    found += [
        f"nobody holds the role {role}: statements that need it are never believed"
        for role in ("builder", "data-owner", "rights-holder", "publisher")
        if role not in {name for name, entries in trust.file.roles.items() if entries}
    ]
    for entry in trust.file.roles.get("builder", []):
        found += [
            f"builder {entry.who}: builder id {i!r} is a wildcard" for i in entry.builder_ids if "*" in i
        ]
    both = {e.principal for e in trust.file.roles.get("builder", [])} & {
        e.principal for e in trust.file.roles.get("rights-holder", [])
    }
    found += [
        f"principal {name} is both builder and rights-holder: it licenses its own inputs"
        for name in sorted(filter(None, both))
    ]
    return found


def _identity(folder: Path, given: dict[str, Any]) -> dict[str, Any] | None:
    from attest.errors import UsageError
    from attest.signers.file import public_key
    from attest.trust import read_certificate_root

    if given["key"]:
        public_key(given["key"])  # a private key, or no key at all, is refused here
        if b"PRIVATE KEY" in given["key"].read_bytes():
            raise UsageError("this is a private key", str(given["key"]), "name the public one (.pub)")
        bounds = {"validFrom": given["valid_from"], "validUntil": given["valid_until"]}
        return {"key": {**_pin(folder, given["key"]), **{name: at for name, at in bounds.items() if at}}}
    if given["sigstore_issuer"] or given["sigstore_identity"]:
        if not (given["sigstore_issuer"] and given["sigstore_identity"]):
            raise UsageError("a keyless identity has both --sigstore-issuer and --sigstore-identity")
        value = {"issuer": given["sigstore_issuer"], "identity": given["sigstore_identity"]}
        value |= {"root": given["sigstore_root"]} if given["sigstore_root"] else {}
        value |= {"sourceRepository": given["source_repository"]} if given["source_repository"] else {}
        for condition in given["conditions"]:
            name, equals, wanted = condition.partition("=")
            if not equals or not name or name in value:
                raise UsageError(f"got {condition[:100]!r}, expected NAME=VALUE, each once", "--condition")
            value[name] = wanted
        return {"sigstore": value}
    if given["certificate_root"] or given["certificate_subject"]:
        if not (given["certificate_root"] and given["certificate_subject"]):
            raise UsageError("a certificate has both --certificate-root and --certificate-subject")
        file = given["certificate_root"]
        read_certificate_root(file.read_bytes(), str(file))
        pinned = _pin(folder, file)
        value = {"root": pinned["file"], "sha256": pinned["sha256"], "subject": given["certificate_subject"]}
        return {"certificate": value}
    return None


def _pin(folder: Path, file: Path) -> dict[str, str]:
    import hashlib
    import os
    from pathlib import PurePath

    from attest.keys import read_key_file

    data = read_key_file(file) if file.stat().st_size < 1 << 16 else file.read_bytes()
    relative = os.path.relpath(file.resolve(), folder.resolve())
    return {"file": PurePath(relative).as_posix(), "sha256": hashlib.sha256(data).hexdigest()}


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the comment lines at the head of the file, and its value."""
    from attest.document import read_file
    from attest.errors import UsageError

    if not path.exists():
        return _HEADER, {"principals": {}, "roles": {}}
    document = read_file(path)
    if not isinstance(document.value, dict):
        raise UsageError("expected principals, roles and roots", str(path))
    head = []
    for line in document.data.decode("utf-8-sig").splitlines(keepends=True):
        if not line.startswith("#"):
            break
        head.append(line)
    value = {key: item for key, item in document.value.items() if item is not None}
    return "".join(head), value


def _text(value: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000, default_flow_style=False)


def _save(path: Path, value: dict[str, Any], header: str = _HEADER) -> None:
    from attest.files import write_file

    write_file(path, [(header + _text(value)).encode()])
