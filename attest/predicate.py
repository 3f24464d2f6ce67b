"""What a statement can say: one predicate type per file of ``attest.predicates``, loaded by type URI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import ValidationError

from attest.errors import FormatError
from attest.model import Model
from attest.registry import Registry
from attest.resource import Artifact, ResourceDescriptor
from attest.statement import LINK_TYPE, Statement

__all__ = [
    "BASE",
    "BASES",
    "PREDICATES",
    "Predicate",
    "artifacts_of",
    "is_name_blind",
    "predicate_name",
    "predicate_type",
    "read_predicate",
]

BASE = "https://w3id.org/attest/"
"""Base of our own type URIs. Provisional until w3id.org lists it (docs/adr/0002): types are v0.1."""

BASES = (BASE,)
"""Every base a reader accepts, the one we write first."""

PREDICATES = Registry(
    "predicate",
    {
        "step": "attest.predicates.step:Step",
        "dataset": "attest.predicates.dataset:Dataset",
        "rights": "attest.predicates.rights:Rights",
        "distribution": "attest.predicates.distribution:Distribution",
        "deletion-order": "attest.predicates.deletion_order:DeletionOrder",
        "deletion-certificate": "attest.predicates.deletion_certificate:DeletionCertificate",
        "withdrawal": "attest.predicates.withdrawal:Withdrawal",
        "register": "attest.predicates.register:Register",
        "contents": "attest.predicates.contents:Contents",
        "link": "attest.predicates.link:Link",
        "model-signature": "attest.predicates.oms:ModelSignature",
        "vsa": "attest.predicates.vsa:VerificationSummary",
        "svr": "attest.predicates.svr:VerificationResult",
    },
    "attest.predicates",
)
"""Short name → the model of that predicate."""

_FOREIGN = {
    "step": "https://slsa.dev/provenance/v1",
    "link": LINK_TYPE,
    "model-signature": "https://model_signing/signature/v1.0",
    "vsa": "https://slsa.dev/verification_summary/v1",
    "svr": "https://in-toto.io/attestation/svr/v0.2",
}
"""Short name → the type URI, where it is not ours."""

_NAMES = {uri: name for name, uri in _FOREIGN.items()} | {"https://in-toto.io/attestation/svr/v0.1": "svr"}
"""Every type of other people's that is read → its short name."""


def _hashed(subjects: Sequence[ResourceDescriptor]) -> tuple[Artifact, ...]:
    return tuple(artifact for each in subjects if (artifact := each.artifact) is not None)


class Predicate(Model):
    """A predicate as a model. Unknown fields are ignored unless the model says otherwise."""

    TYPE: ClassVar[str]
    """Its predicate type URI."""
    TRUST_ROLE: ClassVar[str]
    """The trust role whose principals may make this statement (docs/formats.md, Roles)."""

    def about(self, subjects: Sequence[ResourceDescriptor]) -> tuple[Artifact, ...]:
        """Return what a statement with these subjects is about: those that have a SHA-256."""
        return _hashed(subjects)


def predicate_type(name: str) -> str:
    """Return the type URI of the predicate of that short name."""
    return _FOREIGN.get(name) or f"{BASE}{name}/v0.1"


def predicate_name(type_uri: str) -> str | None:
    """Return the short name of a predicate type URI, or ``None`` for one we only carry."""
    if type_uri in _NAMES:
        return _NAMES[type_uri]
    for base in BASES:
        name, slash, version = type_uri.removeprefix(base).partition("/")
        if (
            type_uri.startswith(base)
            and slash
            and version == "v0.1"
            and name in PREDICATES
            and name not in _FOREIGN
        ):
            return name
    return None


def is_name_blind(statement: Statement) -> bool:
    """Tell whether a statement's subject is a digest that knows no names of files: no artifact, no link."""
    return statement.predicate_type == _FOREIGN["model-signature"]


def artifacts_of(statement: Statement, predicate: Predicate | None = None) -> tuple[Artifact, ...]:
    """Return what a statement is about, believed or not: what links it.

    Args:
        statement: of any type.
        predicate: its predicate, where it was read already.
    """
    if predicate is None and is_name_blind(statement):
        try:
            predicate = read_predicate(statement)
        except FormatError:
            return ()
    return _hashed(statement.subjects) if predicate is None else predicate.about(statement.subjects)


def read_predicate(statement: Statement) -> Predicate | None:
    """Read the predicate of a statement as its model, or return ``None`` for a type we only carry.

    Raises:
        FormatError: the type is ours but the predicate does not fit it.
    """
    name = predicate_name(statement.predicate_type)
    if name is None:
        return None
    model: type[Predicate] = PREDICATES.load(name)
    try:
        return model.from_json(statement.predicate)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FormatError(
            f"{name} predicate: {place}: {first['msg']}", f"statement sha256:{statement.digest}"
        ) from error
