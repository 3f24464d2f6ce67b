"""What a keeper goes on from, and what it enters: editions and statements out of files and the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attest.cli.options import open_store_from, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.limits import Limits
    from attest.statement import Statement
    from attest.trust import Trust

__all__ = ["editions_in", "newest_edition", "read_time", "statements_in"]

_PREDICATES = {"order": "deletion-order"}
"""Kind of entry → short name of its predicate, where they differ."""


def _of_kind(kind: str, file: Path, limits: Limits) -> Iterator[tuple[int, Bundle, Statement]]:
    """Yield the statements of one kind in a file; nothing is verified."""
    from attest.bundle import UnknownLine, numbered_lines
    from attest.errors import FormatError, LimitError
    from attest.predicate import predicate_name

    for number, content in numbered_lines(file, limits):
        if isinstance(content, UnknownLine):
            continue
        try:
            statement = content.statement(f"{file}:{number}", limits)
        except LimitError:
            raise
        except FormatError:
            continue
        if predicate_name(statement.predicate_type) == _PREDICATES.get(kind, kind):
            yield number, content, statement


def _granted(bundle: Bundle, where: str, trust: Trust, limits: Limits) -> Statement:
    """Return a bundle's statement if somebody signed it who may say so.

    Raises:
        SignatureError: nobody is shown to have.
    """
    from attest.errors import SignatureError
    from attest.review import weigh
    from attest.verifier import UnverifiedError

    try:
        evidence = weigh(trust, [trust.verify(bundle, where, limits)])
    except UnverifiedError as error:
        raise SignatureError(error.what, where, "is its signer a principal of the trust file?") from error
    if not evidence.granted:
        raise SignatureError(evidence.reason, where, "give the signer that role in the trust file")
    return evidence.statement


def read_time(text: str | None) -> datetime:
    """Read ``--as-of``; without one it is now.

    Raises:
        UsageError: it is no time.
    """
    from datetime import UTC, datetime

    from attest.errors import FormatError, UsageError
    from attest.model import parse_time

    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return parse_time(text)
    except FormatError as error:
        raise UsageError(error.what, "--as-of") from error


def editions_in(file: Path, trust: Trust | None, limits: Limits) -> Iterator[tuple[str, int, Statement]]:
    """Yield register id, number and statement of every edition in a file, unverified without a trust.

    Raises:
        FormatError: the file or a register in it cannot be read.
        SignatureError: one of them was signed by nobody whom ``trust`` lets keep it.
    """
    from attest.predicate import read_predicate
    from attest.predicates.register import Register

    for number, bundle, claimed in _of_kind("register", file, limits):
        statement = _granted(bundle, f"{file}:{number}", trust, limits) if trust else claimed
        register = read_predicate(statement)
        assert isinstance(register, Register)  # noqa: S101 - that is what the kind means
        yield register.register_id, register.sequence, statement


def newest_edition(file: Path, trust: Trust | None, limits: Limits) -> Statement:
    """Return the newest edition of the register in a file, unverified without a trust.

    Raises:
        FormatError: there is none, or two of one number, or more than one register.
        SignatureError: one of them was signed by nobody whom ``trust`` lets keep it.
    """
    from attest.errors import FormatError

    found: dict[tuple[str, int], Statement] = {}
    for register_id, sequence, statement in editions_in(file, trust, limits):
        known = found.setdefault((register_id, sequence), statement)
        if known != statement:
            raise FormatError(f"holds two versions of edition {sequence}", str(file), "one is forged")
    if not found:
        raise FormatError("holds no register", str(file), "attest register new makes one")
    if len({register_id for register_id, _ in found}) > 1:
        raise FormatError("holds more than one register", str(file), "write each into a file of its own")
    return found[max(found)]


def statements_in(
    kind: str, what: str, trust: Trust | None, store_uri: str | None, limits: Limits
) -> list[Statement]:
    """Return the statements of a kind that a file holds, or that a digest names.

    Of contents it is the list with the highest number, of rights those no other one there takes the place of.

    Raises:
        FormatError: there is none.
        SignatureError: with a trust: it was signed by nobody who may.
        UsageError: two lists have the highest number.
    """
    from pathlib import Path

    from attest.errors import FormatError

    if what.startswith("sha256:"):
        found = [_stored(kind, what, trust, store_uri, limits)]
    else:
        found = []
        for number, bundle, claimed in _of_kind(kind, Path(what), limits):
            found.append(_granted(bundle, f"{what}:{number}", trust, limits) if trust else claimed)
        if trust is None:
            warn(f"{what}: no signature was checked: --trust FILE checks who signed it")
    if not found:
        raise FormatError(f"holds no {kind} statement", what)
    return _latest(kind, found, what)


def _stored(kind: str, what: str, trust: Trust | None, store_uri: str | None, limits: Limits) -> Statement:
    """Return a statement from the store, where it was put by its owner or after it had been verified."""
    from attest.digest import parse_digest
    from attest.errors import FormatError
    from attest.predicate import predicate_name

    with open_store_from(store_uri, read_only=True, limits=limits) as store:
        bundle = next(store.bundles(parse_digest(what)), None)
    if bundle is None:
        raise FormatError("no such statement in the store", what)
    statement = _granted(bundle, what, trust, limits) if trust else bundle.statement(what, limits)
    if predicate_name(statement.predicate_type) != _PREDICATES.get(kind, kind):
        raise FormatError(f"got a statement of type {statement.predicate_type}, expected {kind}", what)
    return statement


def _latest(kind: str, found: list[Statement], what: str) -> list[Statement]:
    from attest.errors import UsageError
    from attest.predicate import read_predicate
    from attest.predicates.contents import Contents
    from attest.predicates.rights import Rights

    read = {statement: read_predicate(statement) for statement in found}
    if kind == "contents":
        numbers = {
            each: predicate.sequence for each, predicate in read.items() if isinstance(predicate, Contents)
        }
        newest = [each for each, number in numbers.items() if number == max(numbers.values())]
        if len(newest) > 1:
            hint = "import it, and name one by its digest"
            raise UsageError(f"holds {len(newest)} lists of contents with the same number", what, hint)
        return newest
    gone = {predicate.supersedes for predicate in read.values() if isinstance(predicate, Rights)}
    return [each for each in read if each.digest not in gone]
