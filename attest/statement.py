"""in-toto Statement v1. It keeps the bytes that were signed; its digest is theirs.

Version 0.1 has the same fields with the same meaning and is read too: cosign still writes it. So is a link of
in-toto, which is older than statements: its products are the subjects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from attest.canonical import canonical_bytes, read_again, read_json
from attest.digest import sha256_bytes
from attest.errors import FormatError
from attest.limits import DEFAULT, Limits
from attest.resource import ResourceDescriptor

__all__ = ["LINK_TYPE", "STATEMENT_TYPE", "Statement"]

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
LINK_TYPE = "https://in-toto.io/attestation/link/v0.3"
"""Predicate type of in-toto's links. One in in-toto's own format reads as a statement of that type."""
_READ = frozenset({STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1"})
_LAZY = frozenset({"subjects", "predicate_type", "predicate"})

_FIELDS = frozenset({"_type", "subject", "predicateType", "predicate"})
_SUBJECT_FIELDS = frozenset(field.alias or name for name, field in ResourceDescriptor.model_fields.items())


def _refuse_unknown_fields(value: Mapping[str, Any], where: str | None) -> None:
    """Refuse what cosign and sigstore-go refuse to verify; a reader of ours ignores such fields."""
    unknown = sorted(set(value) - _FIELDS)
    for number, subject in enumerate(value["subject"], 1):
        unknown += [f"subject {number}: {name}" for name in sorted(set(subject) - _SUBJECT_FIELDS)]
    if unknown:
        hint = "other verifiers refuse it; put it into the predicate, or a subject's annotations"
        raise FormatError(f"unknown field {unknown[0][:100]!r}", where, hint)


def _from_link(link: Mapping[str, Any]) -> dict[str, Any]:
    """Say in the words of Statement v1 and link v0.3 what a link file says: paths and digests are lists."""

    def described(artifacts: Any) -> Any:
        if not isinstance(artifacts, dict):
            return artifacts
        return [{"name": path, "digest": digest} for path, digest in artifacts.items()]

    others = {name: link[name] for name in ("name", "command", "byproducts", "environment") if name in link}
    return {
        "_type": STATEMENT_TYPE,
        "subject": described(link.get("products")),
        "predicateType": LINK_TYPE,
        "predicate": {**others, "materials": described(link.get("materials", {}))},
    }


@dataclass(frozen=True, eq=False)
class Statement:
    """Who says (the bundle knows) what (``predicate``) about which bytes (``subjects``).

    Two statements are equal when their payload bytes are.
    """

    payload: bytes = field(repr=False)
    subjects: tuple[ResourceDescriptor, ...]
    predicate_type: str
    predicate: Mapping[str, Any] = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the DSSE payload bytes, lowercase hex: the statement's name everywhere."""
        return sha256_bytes(self.payload)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statement) and self.payload == other.payload

    def __hash__(self) -> int:
        return hash(self.payload)

    @classmethod
    def build(
        cls, subjects: Sequence[ResourceDescriptor], predicate_type: str, predicate: Mapping[str, Any]
    ) -> Statement:
        """Make a statement and its canonical bytes (RFC 8785).

        Raises:
            FormatError: no subject, a subject without name or sha256, or a value JSON cannot carry.
            LimitError: more subjects or bytes than other verifiers accept.
        """
        payload = canonical_bytes(
            {
                "_type": STATEMENT_TYPE,
                "subject": [subject.to_json() for subject in subjects],
                "predicateType": predicate_type,
                "predicate": dict(predicate),
            }
        )
        return cls.for_signing(payload)

    @classmethod
    def for_signing(cls, payload: bytes, where: str | None = None) -> Statement:
        """Read a payload we are about to sign, under the rules other verifiers hold us to.

        Raises:
            FormatError: what ``parse`` refuses, an older version, a field in-toto does not define, or a
                subject without a name or a sha256.
        """
        statement = cls.parse(payload, where)
        value = read_json(payload, where)
        if value["_type"] != STATEMENT_TYPE:
            raise FormatError(f"_type: got {value['_type']!r}, expected {STATEMENT_TYPE!r}", where)
        _refuse_unknown_fields(value, where)
        for number, subject in enumerate(statement.subjects, 1):
            if subject.artifact is None or subject.name is None:
                missing = "digest.sha256" if subject.artifact is None else "name"
                raise FormatError(f"subject {number} has no {missing}", where, "sha256 is the only link")
        return statement

    @classmethod
    def parse(cls, payload: bytes, where: str | None = None, limits: Limits = DEFAULT) -> Statement:
        """Read a statement from the very bytes whose signature was checked.

        Raises:
            FormatError: not an in-toto Statement v1 or v0.1.
            LimitError: beyond the reader's limits.
        """
        limits.check("payload_bytes", len(payload), where)
        return cls._of(read_json(payload, where, limits), payload, where, limits)

    @classmethod
    def parsed_before(cls, payload: bytes, digest: str, limits: Limits) -> Statement:
        """Return a statement whose bytes ``parse`` took already; they are read again when they are asked for.

        Args:
            payload: the very bytes.
            digest: their SHA-256, lowercase hex.
            limits: those under which they were parsed.
        """
        statement = object.__new__(cls)
        statement.__dict__.update(payload=payload, digest=digest, _limits=limits)
        return statement

    def at_rest(self, limits: Limits) -> Statement:
        """Return the same statement, of which its bytes alone are kept until more is asked for."""
        return self.parsed_before(self.payload, self.digest, limits)

    def __getattr__(self, name: str) -> Any:
        """Read the fields of a statement that was ``parsed_before``."""
        limits = self.__dict__.get("_limits")
        if name not in _LAZY or limits is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        parsed = self._of(read_again(self.payload), self.payload, None, limits)
        self.__dict__.update((field, parsed.__dict__[field]) for field in _LAZY)
        return self.__dict__[name]

    @classmethod
    def _of(cls, value: Any, payload: bytes, where: str | None, limits: Limits) -> Statement:
        if isinstance(value, dict) and value.get("_type") == "link":
            value = _from_link(value)
        got = value.get("_type") if isinstance(value, dict) else type(value).__name__
        if not isinstance(value, dict) or not isinstance(got, str) or got not in _READ:
            raise FormatError(f"_type: got {str(got)[:100]!r}, expected {STATEMENT_TYPE!r}", where)
        subjects = value.get("subject")
        if not isinstance(subjects, list) or not subjects:
            raise FormatError("a statement needs at least one subject", where)
        limits.check("subjects", len(subjects), where)
        predicate_type = value.get("predicateType")
        if not isinstance(predicate_type, str) or not predicate_type:
            raise FormatError("predicateType is missing", where)
        predicate = value.get("predicate", {})
        if not isinstance(predicate, dict):
            raise FormatError("predicate: expected an object", where)
        try:
            described = tuple(ResourceDescriptor.from_json(subject) for subject in subjects)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise FormatError(f"subject: {place}: {first['msg']}", where) from error
        return cls(payload, described, predicate_type, predicate)
