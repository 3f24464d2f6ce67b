"""``attest lineage``: what an artifact was made from, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import (
    PATH,
    echo_json,
    jobs_option,
    json_option,
    limit_option,
    limits_from,
    store_option,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from attest.graph import Evidence
    from attest.limits import Limits
    from attest.matching import Delivery
    from attest.report import Lineage
    from attest.review import Line, RawLine, Review
    from attest.trust import Trust

__all__ = ["command"]


@click.command("lineage")
@click.argument("artifact", metavar="ARTIFACT")
@click.option(
    "--bundle", "-b", "bundles", multiple=True, type=PATH, metavar="FILE", help="Look here, not in the store."
)
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Whom you believe, for what.")
@click.option("--svg", type=PATH, metavar="FILE", help="Write a picture instead of text.")
@store_option
@jobs_option
@limit_option
@json_option
def command(
    artifact: str,
    bundles: tuple[Path, ...],
    trust: Path | None,
    svg: Path | None,
    store_uri: str | None,
    jobs: int | None,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Draw what an artifact was made from.

    ARTIFACT is a file or directory, or its digest: sha256:…, with a slash at the end for a directory. What is
    behind it is looked up in the project's store, where your own keys and the principals of trust.yaml are
    believed; or, with --bundle, in files somebody handed you.

    With --bundle and without --trust nobody is believed: the drawing shows what the file says, and every node
    of it as not trusted.

    \b
      attest lineage model/ --svg model.svg
      attest lineage sha256:9c1e…/ -b model.intoto.jsonl -t trust.yaml
    """  # noqa: D301 - \b is click's mark for lines that keep their breaks
    bounds = limits_from(limits)
    delivery = _delivery(artifact)
    if bundles:
        reviewed = _of_bundles(delivery, bundles, trust, bounds, jobs)
    else:
        reviewed = _of_store(delivery, artifact, store_uri, trust, bounds, jobs)
    believed = reviewed.trust.sha256 != _NOBODY
    _require_match(reviewed, artifact)
    picture = _picture(reviewed, believed=believed)
    _remark(reviewed, believed=believed)
    if svg is not None:
        _write_svg(svg, picture, delivery.name)
    if as_json:
        echo_json(_answer(reviewed, picture, believed=believed))
    elif svg is None:
        from attest.outline import text_tree

        click.echo(text_tree(picture), nl=False)


_NOBODY = "nobody"


def _delivery(text: str) -> Delivery:
    from pathlib import Path

    from attest.cli.delivered import measure
    from attest.cli.preflight import read_artifact
    from attest.matching import Delivery

    if text.startswith("sha256:") or not Path(text).exists():  # what is not there is refused in one place
        released = read_artifact(text)
        return Delivery(text, released.artifact, 0, {})
    return measure(Path(text))


def _now() -> datetime:
    from datetime import UTC, datetime, timedelta

    # up to the next second: a timestamp of this very second is not in the future
    return datetime.now(UTC) + timedelta(seconds=1)


def _of_store(
    delivery: Delivery,
    given: str,
    store_uri: str | None,
    trust: Path | None,
    limits: Limits,
    jobs: int | None,
) -> Review:
    from pathlib import Path

    from attest.cli.own_trust import own_trust
    from attest.cli.preflight import Released, require_known
    from attest.excerpt import review_of_store
    from attest.processes import cores
    from attest.settings import find_project

    project = find_project(Path.cwd(), store=store_uri, optional=store_uri is not None)
    believed = own_trust(project, trust, limits=limits)
    with project.open_store(read_only=True, limits=limits) as store:
        require_known(store, [Released(given, delivery.artifact, None)])
        return review_of_store(store, delivery, believed, _now(), limits, jobs=jobs or cores())


def _of_bundles(
    delivery: Delivery, bundles: Iterable[Path], trust: Path | None, limits: Limits, jobs: int | None
) -> Review:
    from attest.cli.delivered import manifests_beside, raw_evidence, read_evidence
    from attest.trust import read_trust

    files = list(bundles)
    manifests = manifests_beside(files, None, limits)
    if trust is None:
        return _as_claimed(delivery, read_evidence(files, limits), manifests, limits)
    believed = read_trust(trust, limits)
    return _reviewed(delivery, raw_evidence(files, limits), believed, manifests, limits, jobs)


def _reviewed(
    delivery: Delivery,
    lines: Iterable[Line | RawLine],
    trust: Trust,
    manifests: dict[str, bytes],
    limits: Limits,
    jobs: int | None,
) -> Review:
    from attest.processes import cores
    from attest.review import check_lines, review

    now = _now()
    checked = check_lines(lines, trust, limits, now, jobs=jobs or cores())
    return review(delivery, checked, trust, now, manifests=manifests, limits=limits)


def _as_claimed(
    delivery: Delivery, lines: Iterable[Line], manifests: dict[str, bytes], limits: Limits
) -> Review:
    """Join what a file says without believing any of it: nothing in this review is granted to anybody."""
    from dataclasses import replace

    from attest.bundle import UnknownLine
    from attest.excerpt import claim
    from attest.graph import Graph
    from attest.lineage import Lineage
    from attest.matching import match
    from attest.review import Review
    from attest.trust import Trust

    evidence: dict[str, Evidence] = {}
    unknown: list[tuple[str, int, str]] = []
    for line in lines:
        if isinstance(line.content, UnknownLine):
            unknown.append((line.source, line.number, line.content.reason))
        elif line.content.statement_digest not in evidence:
            where = f"{line.source}:{line.number}"
            evidence[line.content.statement_digest] = claim(line.content, where, limits)
    graph = Graph(evidence.values(), manifests)
    matched = match(delivery, graph)
    nobody = replace(Trust.of_keys({}), sha256=_NOBODY)
    lineage = Lineage(graph, matched.roots)
    return Review(_now(), False, nobody, graph, matched, lineage, {}, (), tuple(unknown))


def _require_match(reviewed: Review, given: str) -> None:
    """Refuse to draw nothing, and say what comes near."""
    from attest.errors import AttestError

    if reviewed.lineage.roots:
        return
    hint = None
    if reviewed.match.near:
        near = reviewed.match.near[0]
        path, expected, actual = near.changed[0]
        hint = f"{path} was attested as sha256:{expected}, and is sha256:{actual} here"
    elif reviewed.unverified:
        count = len(reviewed.unverified)
        hint = f"{count} statement(s) are signed by nobody the trust file names, and are not looked at"
    raise AttestError(f"no statement says what {reviewed.delivery.artifact} was made from", given, hint)


def _picture(reviewed: Review, *, believed: bool) -> Lineage:
    from attest.sketch import picture_of

    picture = picture_of(reviewed)
    if believed:
        return picture
    nodes = [
        node.model_copy(update={"status": "untrusted"}) if node.status == "ok" else node
        for node in picture.nodes
    ]
    return picture.model_copy(update={"nodes": nodes})


def _remark(reviewed: Review, *, believed: bool) -> None:

    if not believed:
        warn("no signature was checked: this is what the file says; --trust shows what you can believe")
    if reviewed.unverified:
        warn(f"{len(reviewed.unverified)} statement(s) are signed by nobody known, and are not drawn")
    if reviewed.unknown_lines:
        warn(f"{len(reviewed.unknown_lines)} line(s) hold something else than a bundle, and are not drawn")


def _write_svg(path: Path, picture: Lineage, name: str) -> None:
    from attest.files import write_file
    from attest.picture import svg
    from attest.text import show

    write_file(path, [svg(picture, title=f"What {name} was made from").encode()])
    click.echo(f"wrote {show(path, 500)}", err=True)


def _answer(reviewed: Review, picture: Lineage, *, believed: bool) -> dict[str, Any]:
    return {
        "artifact": str(reviewed.delivery.artifact),
        "matched": [str(root) for root in reviewed.lineage.roots],
        "believed": believed,
        "complete": believed and reviewed.lineage.complete,
        "lineage": picture.to_json(),
        "unverified": [f"sha256:{each.digest}" for each in reviewed.unverified],
        "unknownLines": [
            {"file": file, "line": line, "reason": reason} for file, line, reason in reviewed.unknown_lines
        ],
    }
