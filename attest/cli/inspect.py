"""``attest inspect``: what a bundle says, believed by nobody."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import PATH, counted, echo_json, json_option, limit_option, limits_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.limits import Limits
    from attest.statement import Statement

__all__ = ["command"]

_SUBJECTS = 3
_UNVERIFIED = (
    "NOT VERIFIED: this is what the file says. Whether it is true, and who signed it, was not checked."
)


@click.command("inspect")
@click.argument("file", type=PATH)
@click.option("--as-published", is_flag=True, help="Print every statement whole: everything that leaves.")
@limit_option
@json_option
def command(file: Path, as_published: bool, limits: tuple[str, ...], as_json: bool) -> None:
    """Show what is inside a bundle, before anything leaves or is believed.

    One entry per line of FILE: its statement, what it is about, whom it names as its signer, whether it bears
    a time. What looks like a secret, an e-mail address or somebody's folder is pointed out. No signature is
    checked: `attest verify` does that.
    """
    from attest.bundle import UnknownLine, numbered_lines

    bounds = limits_from(limits)
    totals: Counter[str] = Counter()
    seen: set[str] = set()
    entries: list[dict[str, Any]] = []
    if not as_json:
        click.echo(_UNVERIFIED)
    for number, content in numbered_lines(file, bounds):
        if isinstance(content, UnknownLine):
            entry: dict[str, Any] = {"line": number, "unknown": content.reason}
        else:
            entry = _entry(number, content, bounds, whole=as_published)
            entry["copy"] = content.statement_digest in seen
            seen.add(content.statement_digest)
        _count_in(totals, entry)
        if not as_json:
            _tell(entry, as_published=as_published)
        else:
            entries.append(entry)
    if as_json:
        echo_json({"file": str(file), "verified": False, "lines": entries, "totals": dict(totals)})
    else:
        _tell_totals(totals, len(seen))


def _entry(number: int, bundle: Bundle, limits: Limits, *, whole: bool) -> dict[str, Any]:
    from attest.canonical import read_json
    from attest.cli.preflight import kind_in_words
    from attest.errors import FormatError, LimitError

    entry: dict[str, Any] = {
        "line": number,
        "statement": f"sha256:{bundle.statement_digest}",
        "signer": _signer(bundle),
        "timestamps": len(bundle.timestamps),
        "logEntries": len(bundle.log_entries),
    }
    try:
        statement = bundle.statement(None, limits)
    except LimitError:
        raise
    except FormatError as error:
        text = bundle.payload.decode("utf-8", "backslashreplace")
        return {
            **entry,
            "type": None,
            "unreadable": error.what,
            "subjects": [],
            "suspects": [],
            "published": text,
        }
    value = read_json(bundle.payload, None, limits)
    return {
        **entry,
        "type": statement.predicate_type,
        "kind": kind_in_words(statement),
        "subjects": _subjects(statement),
        "suspects": list(_suspects(value)),
        "published": {"statement": value, "around": _around(bundle)} if whole else None,
    }


def _subjects(statement: Statement) -> list[dict[str, Any]]:
    """Return what a statement is about; a digest that knows no names of files is no artifact."""
    from attest.predicate import artifacts_of, is_name_blind

    if is_name_blind(statement):
        name = statement.subjects[0].name
        return [{"name": name, "artifact": str(each)} for each in artifacts_of(statement)] or [
            {"name": name, "artifact": None}
        ]
    return [
        {"name": each.name, "artifact": str(each.artifact) if each.artifact else None}
        for each in statement.subjects
    ]


def _signer(bundle: Bundle) -> dict[str, Any]:
    """Return whom a bundle names as its signer; nothing of it was checked."""
    import base64
    import binascii

    from attest.digest import sha256_bytes

    if bundle.certificate is not None:
        return {"certificate": sha256_bytes(bundle.certificate), "names": _names(bundle.certificate)}
    hint = bundle.hint or ""
    try:
        raw = base64.b64decode(hint, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    return {"key": raw.hex()} if len(raw) == 32 else {"hint": hint}


def _names(certificate: bytes) -> list[str]:
    """Return the subject and the alternative names of a certificate; none of one that cannot be read."""
    from cryptography import x509

    try:
        parsed = x509.load_der_x509_certificate(certificate)
        names = [parsed.subject.rfc4514_string()]
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names += [str(getattr(each, "value", each)) for each in extension.value]
    except x509.ExtensionNotFound:
        pass
    except (ValueError, x509.DuplicateExtension):
        return []
    return [name for name in names if name]


def _around(bundle: Bundle) -> dict[str, Any]:
    """Return what leaves with a statement besides its payload."""
    import json

    from attest.bare import SIGSTORE

    value = json.loads(bundle.line)
    if bundle.form != SIGSTORE:
        return {name: item for name, item in value.items() if name not in ("payload", "signed")}
    envelope = {name: item for name, item in value["dsseEnvelope"].items() if name != "payload"}
    return {"verificationMaterial": value["verificationMaterial"], "dsseEnvelope": envelope}


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every string of a JSON value, keys included, with the place it stands at (JSON Pointer)."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        pointer, item = stack.pop()
        if isinstance(item, str):
            yield pointer, item
        elif isinstance(item, dict):
            for key, child in reversed(item.items()):
                inner = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
                stack.append((inner, child))
                yield inner, key
        elif isinstance(item, list):
            stack.extend((f"{pointer}/{number}", child) for number, child in reversed([*enumerate(item)]))


def _suspects(value: Any) -> Iterator[dict[str, str]]:
    """Yield what looks like a secret, or names a person, with its place. A hint, and never complete."""
    import re

    from attest.secrets import suspects

    personal = {
        "an e-mail address": re.compile(
            r"(?!git@)\b[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,9}[A-Za-z]{2,24}\b"
        ),
        "somebody's folder": re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\\s\"']+"),
    }
    for suspect in suspects(value):
        yield {"at": suspect.pointer, "what": suspect.what}
    for pointer, text in _strings(value):
        for what, pattern in personal.items():
            if found := pattern.search(text[:10_000]):
                yield {"at": pointer, "what": f"{what}, {found[0]!r}"}


def _count_in(totals: Counter[str], entry: Mapping[str, Any]) -> None:
    if "unknown" in entry:
        totals["unknown lines"] += 1
        return
    totals["bundles"] += 1
    totals["suspects"] += len(entry["suspects"])
    if entry["type"] is None:
        totals["unreadable statements"] += 1
    elif not entry["copy"]:
        totals[entry["kind"]] += 1


def _tell(entry: Mapping[str, Any], *, as_published: bool) -> None:
    from attest.text import show, show_json

    if "unknown" in entry:
        click.echo(f"\nline {entry['line']}  UNKNOWN LINE: {show(entry['unknown'], 500)}")
        return
    kind = f"{entry['kind']}, {show(entry['type'])}" if entry["type"] else "UNREADABLE"
    copy = " (again, in another bundle)" if entry["copy"] else ""
    click.echo(f"\nline {entry['line']}  {kind}{copy}")
    click.echo(f"  statement  {entry['statement']}")
    if entry["type"] is None:
        click.echo(f"  because    {show(entry['unreadable'], 500)}")
    trees_first = sorted(entry["subjects"], key=lambda each: not str(each["artifact"]).endswith("/"))
    for number, subject in enumerate(trees_first[:_SUBJECTS]):
        label = "about" if number == 0 else ""
        click.echo(
            f"  {label:9}  {show(subject['name'] or '(no name)')}  {subject['artifact'] or 'no sha256'}"
        )
    if len(entry["subjects"]) > _SUBJECTS:
        click.echo(f"  {'':9}  and {len(entry['subjects']) - _SUBJECTS:,} more")
    click.echo(f"  signer     {_signer_text(entry['signer'])}")
    times = f"{counted(entry['timestamps'], 'timestamp')}, {entry['logEntries']:,} in a transparency log"
    click.echo(f"  time       {times if entry['timestamps'] or entry['logEntries'] else 'none'}")
    for suspect in entry["suspects"]:
        click.echo(f"  LOOK AT    {show(suspect['at'], 500)}: looks like {show(suspect['what'], 300)}")
    if as_published:
        whole = entry["published"]
        text = show(whole, len(whole)) if isinstance(whole, str) else show_json(whole)
        click.echo("\n".join(f"    {line}" for line in text.split("\n")))


def _signer_text(signer: Mapping[str, Any]) -> str:
    from attest.text import show

    if "key" in signer:
        return f"claims key sha256:{signer['key']}"
    if "hint" in signer:
        return f"claims a key called {show(signer['hint'] or '(no name)')}"
    names = ", ".join(show(name) for name in signer["names"]) or "nobody that can be read"
    return f"claims certificate sha256:{signer['certificate']} of {names}"


def _tell_totals(totals: Counter[str], statements: int) -> None:
    special = ("bundles", "suspects", "unknown lines", "unreadable statements")
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(totals.items()) if kind not in special)
    held = f"{counted(totals['bundles'], 'bundle')} of {counted(statements, 'statement')}"
    click.echo(f"\n{held}: {kinds or 'nothing'}")
    for name in ("unreadable statements", "unknown lines"):
        if totals[name]:
            click.echo(f"{totals[name]:,} {name}")
    if totals["suspects"]:
        click.echo(f"{counted(totals['suspects'], 'place')} to look at before this leaves (LOOK AT)")
    click.echo(_UNVERIFIED)
