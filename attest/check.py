"""Lines of evidence, checked: which are signed by a principal of the trust, and which are nobody's.

Large evidence is shared among processes, because a signature check holds the interpreter's lock. A line is
parsed, and its signature checked, in the process it was handed to, from the very bytes the first process
keeps; what comes back is who signed it, and when. The number of processes changes nothing.
"""

from __future__ import annotations

import gc
import io
import pickle
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from itertools import chain, islice
from typing import Any, NamedTuple

from attest.bundle import Bundle, UnknownLine, parse_line
from attest.digest import sha256_bytes
from attest.errors import AttestError
from attest.limits import DEFAULT, Limits
from attest.predicate import artifacts_of, is_name_blind
from attest.processes import in_processes
from attest.resource import Artifact
from attest.statement import Statement
from attest.trust import Trust
from attest.verifier import Identity, UnverifiedError, VerifiedStatement

__all__ = [
    "Checked",
    "Examined",
    "Line",
    "RawLine",
    "Unverified",
    "check_lines",
    "examined",
    "seldom_collected",
]

MANY = 500
"""Lines from which on processes share the work: below, starting them costs more than they save."""

_BATCH_LINES, _BATCH_BYTES = 32, 1 << 20


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage collector come seldom: statements are many objects, hold no cycles, and stay.

    It still comes: what refuses hostile lines may leave cycles behind.
    """
    usual = gc.get_threshold()
    if usual[0]:  # whoever turned it off has a reason
        gc.set_threshold(max(usual[0], 200_000), *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@dataclass(frozen=True)
class Line:
    """One line of the evidence and where it was read."""

    source: str
    number: int
    content: Bundle | UnknownLine = field(repr=False)


class RawLine(NamedTuple):
    """One line of the evidence as it was read, for ``check_lines`` to parse."""

    source: str
    number: int
    content: bytes


@dataclass(frozen=True)
class Unverified:
    """A bundle nobody the reader trusts is shown to have signed: shown, and never evidence."""

    digest: str
    """Statement digest it claims."""
    code: str
    reason: str
    predicate_type: str
    claims: tuple[Artifact, ...]
    """Artifacts it claims to be about."""


@dataclass(frozen=True)
class Checked:
    """Lines whose signatures were checked; who is believed for what is not decided yet."""

    statements: Mapping[str, Sequence[VerifiedStatement]] = field(repr=False)
    """Statement digest → one per signature of a principal of the trust."""
    unverified: tuple[Unverified, ...]
    """Bundles nobody is shown to have signed, also of statements that somebody else did sign."""
    unknown_lines: tuple[tuple[str, int, str], ...]
    """File, line and reason."""
    files: Mapping[str, frozenset[str]] = field(repr=False)
    """Statement digest → the files it was read from, copies included."""


@seldom_collected()
def check_lines(
    lines: Iterable[Line | RawLine],
    trust: Trust,
    limits: Limits = DEFAULT,
    as_of: datetime | None = None,
    *,
    jobs: int = 1,
    at_rest: bool = False,
    stranger: Callable[[str, int, bytes], object] | None = None,
) -> Checked:
    """Check every signature; what is not a principal's is set aside. Copies of a line count once.

    Args:
        lines: the evidence, in any order.
        trust: whom the reader believes.
        limits: the reader's limits.
        as_of: when certificates without a trusted time have to be valid (``Trust.verify``).
        jobs: processes that share the work where there are ``MANY`` lines or more; the result is the same.
        at_rest: keep of a bundle its statement's bytes alone, which are read again when they are asked for.
        stranger: told where every bundle stood that nobody is shown to have signed, and its line.

    Raises:
        FormatError: a line that was not parsed is not JSON.
        LimitError: beyond the reader's limits.
        AttestError: a process that shared the work ended unexpectedly.
    """
    verified: dict[str, list[VerifiedStatement]] = defaultdict(list)
    unverified: dict[tuple[str, str], Unverified] = {}
    unknown: set[tuple[str, int, str]] = set()
    files: dict[str, frozenset[str]] = {}
    alone: dict[str, frozenset[str]] = {}  # most statements stand in one file
    lines_of: dict[str, set[bytes]] = {}
    strange: set[str] = set()
    count = 0
    with closing(examined(lines, trust, limits, as_of, jobs=jobs)) as found:
        for source, number, raw, what in found:
            if isinstance(what, str):
                unknown.add((source, number, what))
                continue
            digest = what.digest if isinstance(what, Unverified) else what.statement.digest
            if digest not in files:
                files[digest] = alone.setdefault(source, frozenset({source}))
            elif source not in files[digest]:
                files[digest] |= {source}
            if isinstance(what, Unverified):
                if stranger is not None:
                    stranger(source, number, raw)
                if (copy := sha256_bytes(raw)) not in strange:  # their lines are not kept: there can be many
                    strange.add(copy)
                    unverified[digest, what.code] = what
            else:
                one = _at_rest(what, limits) if at_rest else what
                count += _took(one, raw, verified[digest], lines_of)
            if count + len(strange) > limits.statements:
                limits.check("statements", count + len(strange), source)
    strangers = tuple(unverified[key] for key in sorted(unverified))
    return Checked(verified, strangers, tuple(sorted(unknown)), files)


def _at_rest(one: VerifiedStatement, limits: Limits) -> VerifiedStatement:
    return replace(one, statement=one.statement.at_rest(limits), bundle=None)


def _took(
    one: VerifiedStatement, raw: bytes, others: list[VerifiedStatement], lines_of: dict[str, set[bytes]]
) -> bool:
    """Add a statement to those of the same digest unless its line is a copy; return whether it was added."""
    if others:  # only then it may be one
        first = others[0].bundle
        if first is None:
            if any(_same_signature(each, one) for each in others):
                return False
        else:
            same = lines_of.setdefault(one.statement.digest, {first.raw})
            if raw in same:
                return False
            same.add(raw)
    others.append(one)
    return True


def _same_signature(one: VerifiedStatement, other: VerifiedStatement) -> bool:
    """Whether two bundles of one statement say the same of who signed it and when."""
    return (one.signer, one.principals, one.trusted_time) == (
        other.signer,
        other.principals,
        other.trusted_time,
    )


Examined = str | Unverified | VerifiedStatement
"""What a line turned out to be; a string: something else than a bundle, and why."""


def examined(
    lines: Iterable[Line | RawLine],
    trust: Trust,
    limits: Limits = DEFAULT,
    as_of: datetime | None = None,
    *,
    jobs: int = 1,
) -> Generator[tuple[str, int, bytes, Examined], None, None]:
    """Yield where every line stood, its bytes, and what it turned out to be, in their order.

    To be closed by whoever does not take everything. Arguments and errors are those of ``check_lines``.
    """
    reader = _Reader(trust, limits, as_of)
    source, failure = iter(lines), None
    first: list[Line | RawLine] = []
    try:
        for line in islice(source, MANY if jobs > 1 else 0):
            first.append(line)  # noqa: PERF402 - those before an error stay
    except AttestError as error:
        failure = error
    if failure is None and jobs > 1 and len(first) >= MANY:
        yield from _shared(_batches(chain(first, source)), reader, jobs)
        return
    for line in chain(first, source):
        yield line.source, line.number, _raw(line.content), reader.examine(*_parts(line))
    if failure is not None:
        raise failure


_Content = bytes | Bundle | UnknownLine


@dataclass(frozen=True)
class _Reader:
    """Whom to believe, how much to read, and when."""

    trust: Trust
    limits: Limits
    as_of: datetime | None

    def __reduce__(self) -> tuple[Any, ...]:
        """Reach a process that shares no memory: keys and certificates travel as their encodings."""
        stream = io.BytesIO()
        _Pickler(stream).dump((self.trust, self.limits, self.as_of))
        return _unpickled, (stream.getvalue(),)

    def examine(self, source: str, number: int, content: _Content) -> Examined:
        """Parse a line unless that was done, and check its signature.

        Raises:
            FormatError: it is not JSON.
            LimitError: beyond the reader's limits.
        """
        where = f"{source}:{number}"
        if isinstance(content, bytes):
            content = parse_line(content, number, where, self.limits)
        if isinstance(content, UnknownLine):
            return content.reason
        try:
            return self.trust.verify(content, where, self.limits, self.as_of)
        except UnverifiedError as error:
            return _unverified(content, error)


def _unverified(bundle: Bundle, error: UnverifiedError) -> Unverified:
    try:
        statement = bundle.statement()
    except AttestError:
        return Unverified(bundle.statement_digest, error.code, error.what, "", ())
    # a stranger's signature over files explains none of them, so it hides nothing
    claims = () if is_name_blind(statement) else artifacts_of(statement)
    return Unverified(bundle.statement_digest, error.code, error.what, statement.predicate_type, claims)


class _Batch(NamedTuple):
    """Lines as they go to another process: three rows are written and read faster than as many objects."""

    sources: tuple[str, ...]
    numbers: tuple[int, ...]
    contents: tuple[_Content, ...]

    def lines(self) -> Iterator[tuple[str, int, _Content]]:
        return zip(*self, strict=True)


def _shared(
    batches: Iterable[_Batch], reader: _Reader, jobs: int
) -> Generator[tuple[str, int, bytes, Examined], None, None]:
    with closing(in_processes(_examine_batch, reader, batches, jobs)) as results:
        for batch, (found, stopped) in results:
            for (source, number, content), sent in zip(batch.lines(), found, strict=stopped is None):
                yield source, number, _raw(content), _restored(sent, content, reader)
            if stopped is not None:
                raise stopped


def _parts(line: Line | RawLine) -> tuple[str, int, _Content]:
    return line.source, line.number, line.content


def _raw(content: _Content) -> bytes:
    return content if isinstance(content, bytes) else content.raw


def _batches(lines: Iterable[Line | RawLine]) -> Iterator[_Batch]:
    """Cut lines into batches; those before an error are a batch of their own."""
    batch: list[tuple[str, int, _Content]] = []
    size = 0
    try:
        for line in lines:
            batch.append(_parts(line))
            size += len(_raw(line.content))
            if len(batch) == _BATCH_LINES or size >= _BATCH_BYTES:
                yield _Batch(*zip(*batch, strict=True))
                batch, size = [], 0
    except AttestError:
        if batch:
            yield _Batch(*zip(*batch, strict=True))
        raise
    if batch:
        yield _Batch(*zip(*batch, strict=True))


_Sent = str | Unverified | tuple[Any, ...]
"""What a process sends back for a line: what it turned out to be.

Of a verified statement that is what the first process does not have: digest, signer, principals, time, and
the parts of its bundle.
"""

_PARTS = tuple(each.name for each in fields(Bundle))[1:]


def _examine_batch(reader: _Reader, batch: _Batch) -> tuple[list[_Sent], AttestError | None]:
    """Examine lines in a process of many, up to the first error, which the reader gets in its turn."""
    found: list[_Sent] = []
    same: dict[Identity, Identity] = {}  # one object for equal ones: pickled once
    for line in batch.lines():
        try:
            what = reader.examine(*line)
        except AttestError as error:
            return found, error
        if isinstance(what, VerifiedStatement):
            parts = what.bundle.__dict__  # a whole one: nothing was put at rest yet
            signer = same.setdefault(what.signer, what.signer)
            sent = (what.statement.digest, signer, what.principals, what.trusted_time)
            found.append(sent + tuple([parts[name] for name in _PARTS]))
        else:
            found.append(what)
    return found, None


def _restored(sent: _Sent, content: _Content, reader: _Reader) -> Examined:
    if not isinstance(sent, tuple):
        return sent
    digest, signer, principals, time, *parts = sent
    bundle = Bundle(_raw(content), *parts)
    statement = Statement.parsed_before(bundle.payload, digest, reader.limits)
    return reader.trust.stands_for(statement, signer, principals, time, bundle)


class _Pickler(pickle.Pickler):
    """Writes keys and certificates as DER: the objects of ``cryptography`` do not travel themselves."""

    def reducer_override(self, value: Any) -> Any:
        from cryptography.hazmat.primitives import serialization
        from cryptography.x509 import Certificate

        encoding = serialization.Encoding.DER
        if isinstance(value, Certificate):
            return _certificate, (value.public_bytes(encoding),)
        if hasattr(value, "public_bytes"):
            spki = serialization.PublicFormat.SubjectPublicKeyInfo
            return _key, (value.public_bytes(encoding, spki),)
        return NotImplemented


def _certificate(der: bytes) -> Any:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(der)


def _key(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(der)


def _unpickled(data: bytes) -> _Reader:
    return _Reader(*pickle.loads(data))  # noqa: S301 - what this very program wrote, for a process of its own
