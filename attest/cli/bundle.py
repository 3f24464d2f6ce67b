"""``attest bundle``: what a vendor hands over with a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import (
    PATH,
    counted,
    echo_json,
    json_option,
    limit_option,
    limits_from,
    store_option,
    warn,
)
from attest.cli.signing import signing_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.cli.preflight import Preflight, Released
    from attest.cli.signing import Signing
    from attest.predicates.contents import Release
    from attest.signer import Signer
    from attest.statement import Statement

__all__ = ["command"]

_SHOWN = 20


@click.command("bundle")
@click.argument("artifacts", nargs=-1, required=True, metavar="ARTIFACT...")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    help="Where to write.  [default: NAME.intoto.jsonl beside it]",
)
@click.option("--name", help="Name of the release.  [default: the first artifact's]")
@click.option("--version", help="Version of the release.")
@signing_options
@store_option
@click.option(
    "--trust",
    type=PATH,
    metavar="FILE",
    help="Whose statements besides your own are known.  [default: trust.yaml of the project]",
)
@click.option(
    "--allow-unverified", is_flag=True, help="Hand over statements signed by nobody known, too; unlisted."
)
@click.option("--strict", is_flag=True, help="Write nothing if a buyer will find something unexplained.")
@click.option(
    "--manifests/--no-manifests",
    default=True,
    help="Write manifests a buyer needs into NAME.manifests.  [default: --manifests]",
)
@click.option(
    "--proof",
    "proofs",
    multiple=True,
    type=PATH,
    metavar="FILE|FOLDER",
    help="Proofs about records to hand over in NAME.proofs; leaf files stay home. May be repeated.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@limit_option
@json_option
def command(
    artifacts: tuple[str, ...],
    output: Path | None,
    name: str | None,
    version: str | None,
    signing: Signing,
    store_uri: str | None,
    trust: Path | None,
    allow_unverified: bool,
    strict: bool,
    manifests: bool,
    proofs: tuple[Path, ...],
    force: bool,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Collect, verify, close and write the bundle a vendor hands over.

    ARTIFACT is a released file or directory, or its digest: sha256:…, with a slash at the end for a
    directory. Everything the store holds behind it is collected and verified: known are the public keys
    beside the signing key and the principals of the trust file. A signed list of contents closes the bundle,
    so that nobody can take a statement out unseen.

    Exit code 1: refused, because of a statement signed by nobody known, or with --strict because something is
    unexplained. Nothing is written then.
    """
    from attest.cli.ordered_records import copy_proofs, read_proofs
    from attest.cli.own_trust import own_trust
    from attest.cli.preflight import look, read_artifact, require_known

    bounds = limits_from(limits)
    desk = signing.desk(store_uri)
    released = [read_artifact(text) for text in artifacts]
    target = _target(output, released, force=force)
    read_proofs(proofs)  # what is no proof is an error before anything is signed
    own = desk.open()
    with desk.project.open_store(read_only=True, limits=bounds) as store:
        require_known(store, released)
        seen = look(store, released, own_trust(desk.project, trust, own.public, limits=bounds), bounds)
        needed = {each: store.manifest(each) or b"" for each in seen.closure.manifests if manifests}
    answer: dict[str, Any] = {"file": str(target), "written": False, **_findings(seen)}
    if _refused(seen, allow_unverified=allow_unverified, strict=strict):
        if as_json:
            echo_json(answer)
        click.get_current_context().exit(1)
    closing = _closing(seen, released, _release(name, version, seen, released[0]), own)
    reused = closing.digest in seen.checked.statements
    closed = () if reused else (desk.sign(closing),)  # stored before it leaves: the next one counts on it
    answer["manifests"] = _write(target, seen.closure.bundles, closed, closing, needed, force=force)
    folder = copy_proofs(proofs, target)
    answer |= {"proofs": str(folder) if folder else None}
    answer |= {"written": True, **_summary(seen, closing, closed, reused=reused)}
    echo_json(answer) if as_json else _tell(answer)


def _target(output: Path | None, released: Sequence[Released], *, force: bool) -> Path:
    """Return where the bundle goes, and refuse what would damage an artifact or surprise its owner."""
    from attest.errors import UsageError

    beside = [each.path for each in released if each.path]
    if output is None and not beside:
        raise UsageError("say where to write the bundle", "-o", "only the digests of the artifacts are known")
    target = output or beside[0].with_name(f"{beside[0].name}.intoto.jsonl")
    for each in released:
        if each.path and target.resolve().is_relative_to(each.path.resolve()):
            inside = "would become a part of" if each.artifact.tree else "would replace"
            raise UsageError(f"the bundle {inside} {each.given}", str(target), "write it beside, not inside")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", "-o", "nothing was changed")
    if not force and (target.exists() or target.is_symlink()):
        raise UsageError("exists already and is not overwritten", str(target), "--force replaces it")
    return target


def _findings(seen: Preflight) -> dict[str, Any]:
    return {
        "unverified": seen.unverified,
        "gaps": seen.gaps,
        "opaque": [str(each.artifact) for each in seen.lineage.opaque()],
        "missing": [f"sha256:{digest}" for digest in seen.closure.missing],
    }


def _refused(seen: Preflight, *, allow_unverified: bool, strict: bool) -> bool:
    """Say what a buyer will trip over, and whether that keeps the bundle from being written."""
    unverified, gaps = seen.unverified, seen.gaps
    if unverified:
        warn(f"signed by nobody known: {counted(len(unverified), 'bundle')}")
        _list(f"{each['statement']} ({each['predicateType']}): {each['reason']}" for each in unverified)
        if not allow_unverified:
            _hint(
                "name the signer in a trust file (attest trust add) and give --trust, or --allow-unverified"
            )
            return True
        _hint("they are handed over, but not listed in the contents: taking them out will not be noticed")
    if gaps:
        warn(f"a buyer will see {counted(len(gaps), 'unexplained input')}")
        _list(f"{' ← '.join(each['path'])} ({each['problem']}) {each['artifact'] or ''}" for each in gaps)
    if seen.closure.missing:
        what = counted(len(seen.closure.missing), "statement")
        warn(f"earlier contents list {what} this store does not have: a buyer will reject the bundle")
        _list(f"sha256:{digest}" for digest in seen.closure.missing)
    if strict and (gaps or seen.closure.missing):
        _hint("refused because of --strict")
        return True
    return False


def _list(lines: Iterable[str]) -> None:
    from attest.text import show

    every = list(lines)
    for line in every[:_SHOWN]:
        click.echo(f"  {show(line.strip(), 500)}", err=True)
    if len(every) > _SHOWN:
        click.echo(f"  … and {len(every) - _SHOWN:,} more; --json lists all", err=True)


def _hint(text: str) -> None:
    click.echo(click.style("  hint: ", fg="yellow") + text, err=True)


def _release(name: str | None, version: str | None, seen: Preflight, first: Released) -> Release:
    """Return the release's name and version; without a name it is called like its first artifact."""
    from attest.predicates.contents import Release

    known = first.name or seen.lineage.graph.name(first.artifact).rstrip("/")
    return Release(name=name or known, version=version)


def _closing(seen: Preflight, released: Sequence[Released], release: Release, own: Signer) -> Statement:
    """Return the list that closes the bundle: every statement with whoever is shown to have signed it."""
    from attest.predicate import predicate_name
    from attest.publisher import closing_statement, describe, listed

    signed = [each for several in seen.checked.statements.values() for each in several]
    earlier = [
        each.statement
        for each in signed
        if predicate_name(each.statement.predicate_type) == "contents"
        and each.signer.to_json() == own.identity
    ]
    name = seen.lineage.graph.name
    subjects = {each.artifact: describe(each.artifact, each.name or name(each.artifact)) for each in released}
    entries = (listed(each.statement, each.signer.to_json()) for each in signed)
    return closing_statement(list(subjects.values()), entries, release, earlier)


def _write(
    target: Path,
    bundles: Sequence[Bundle],
    closed: Sequence[Bundle],
    closing: Statement,
    manifests: dict[str, bytes],
    *,
    force: bool,
) -> dict[str, Any]:
    """Write manifests and then the bundle, its closing list last."""
    from attest.cli.delivered import manifests_folder
    from attest.errors import AttestError
    from attest.files import write_file

    folder = manifests_folder(target)
    if manifests:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise AttestError(f"cannot be made: {error.strerror}", str(folder)) from error
    for sha256, data in manifests.items():
        write_file(folder / sha256, [data])
    ordered = sorted((*bundles, *closed), key=lambda each: each.statement_digest == closing.digest)
    write_file(target, (each.line + b"\n" for each in ordered), overwrite=force)
    return {"folder": str(folder) if manifests else None, "files": sorted(manifests)}


def _summary(
    seen: Preflight, closing: Statement, closed: Sequence[Bundle], *, reused: bool
) -> dict[str, Any]:
    from collections import Counter

    from attest.cli.preflight import kind_in_words

    contents = closing.predicate
    kinds = Counter(
        kind_in_words(bundle.statement()) for bundle in _one_each((*seen.closure.bundles, *closed))
    )
    return {
        "artifacts": [str(subject.artifact) for subject in closing.subjects],
        "release": contents["release"],
        "statements": sum(kinds.values()),
        "bundles": len(seen.closure.bundles) + len(closed),
        "kinds": dict(sorted(kinds.items())),
        "contents": {
            "statement": f"sha256:{closing.digest}",
            "sequence": contents["sequence"],
            "previous": f"sha256:{contents['previous']}" if "previous" in contents else None,
            "reused": reused,
        },
    }


def _one_each(bundles: Iterable[Bundle]) -> Iterable[Bundle]:
    return {each.statement_digest: each for each in bundles}.values()


def _tell(answer: dict[str, Any]) -> None:
    from attest.text import show

    contents, release = answer["contents"], answer["release"]
    kinds = ", ".join(f"{count:,} {show(kind, 100)}" for kind, count in answer["kinds"].items())
    named = f"{show(release['name'])} {show(release.get('version', ''))}".strip()
    previous = f", after {contents['previous']}" if contents["previous"] else ""
    click.echo(f"bundle    {show(answer['file'], 500)}")
    click.echo(f"release   {named}")
    for artifact in answer["artifacts"]:
        click.echo(f"artifact  {artifact}")
    click.echo(f"holds     {counted(answer['statements'], 'statement')}: {kinds}")
    click.echo(f"contents  {contents['statement']} (number {contents['sequence']}{previous})")
    if answer["manifests"]["files"]:
        held = counted(len(answer["manifests"]["files"]), "manifest")
        click.echo(f"manifests {held} in {show(answer['manifests']['folder'], 500)}: hand them over, too")
    if answer["proofs"]:
        click.echo(f"proofs    in {show(answer['proofs'], 500)}: hand them over, too")
    if contents["reused"]:
        click.echo("nothing has changed since that list was signed", err=True)
    click.echo("to see all that leaves: attest inspect --as-published FILE", err=True)
