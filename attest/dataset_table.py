"""The dataset table of a report: one row per dataset, with every fact that somebody believed states.

Nothing is chosen and nothing is made up: what nobody stated reads ``unknown``, and where several statements
differ all values stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attest.errors import FormatError
from attest.license import use_class
from attest.lineage import Ancestor, Status
from attest.model import format_time
from attest.predicates.dataset import Dataset
from attest.predicates.rights import Rights
from attest.purpose import permitted, prohibited
from attest.report import DatasetRow
from attest.resource import Artifact
from attest.review import Review

__all__ = ["dataset_row", "purpose_fit"]

UNKNOWN = "unknown"


def _joined(values: Iterable[object]) -> str:
    """Several statements about one dataset: every value, none of them chosen."""
    texts = sorted({str(value) for value in values if value not in (None, "", (), [])})
    return " | ".join(texts) or UNKNOWN


def _licence_class(rights: Rights) -> str:
    if rights.license is None or rights.license.expression is None:
        return ""
    declared = rights.license.class_.use if rights.license.class_ else None
    try:
        return use_class(rights.license.expression, declared)
    except FormatError:
        return UNKNOWN


def _basis(rights: Rights) -> str:
    parts = []
    for each in rights.personal_data_basis or ():
        consent = f", consent {each.consent.status}" if each.consent else ""
        parts.append(f"{each.jurisdiction or UNKNOWN}: {each.basis}{consent}")
    return "; ".join(parts)


def dataset_row(review: Review, ancestor: Ancestor, purposes: Sequence[str] = ()) -> DatasetRow:
    """Return the row of one dataset.

    Args:
        review: what was examined.
        ancestor: the dataset.
        purposes: what the reader will do with the model (vocabulary purposes).
    """
    statements = review.graph.datasets(ancestor.artifact)
    records = review.graph.rights(ancestor.artifact)
    facts = [e.predicate for e in statements if e.granted and isinstance(e.predicate, Dataset)]
    rights = [e.predicate for e in records if e.granted and isinstance(e.predicate, Rights)]
    about = [*statements, *records]
    # OK may rest on a step: a dataset made by one needs no statement of its own
    status = "gap" if ancestor.status is Status.OPAQUE else ancestor.status.value
    return DatasetRow.model_validate(
        {
            "digest": f"sha256:{ancestor.artifact.sha256}",
            "name": _joined(fact.name for fact in facts) if facts else review.graph.name(ancestor.artifact),
            "version": _joined(fact.version for fact in facts),
            "source": _joined(
                (fact.acquisition.counterparty if fact.acquisition else None)
                or (fact.issuer.legal_name if fact.issuer else None)
                for fact in facts
            ),
            "channel": _joined(fact.acquisition.channel for fact in facts if fact.acquisition),
            "licence": _joined(each.license.expression for each in rights if each.license),
            "licenceClass": _joined(_licence_class(each) for each in rights),
            "personalData": _joined(_personal(fact) for fact in facts),
            "basis": _joined(_basis(each) for each in rights),
            "purposeFit": purpose_fit(rights, purposes),
            "validUntil": _joined(
                format_time(each.valid_until) if each.valid_until else "no end stated" for each in rights
            ),
            "order": _order(review, ancestor.artifact),
            "signedBy": sorted({name for each in about for name in each.granted}),
            "status": status,
            "statements": [f"sha256:{each.digest}" for each in about],
        }
    )


def _personal(fact: Dataset) -> str:
    if fact.personal_data is None:
        return UNKNOWN
    words = {
        "biometric": fact.personal_data.biometric,
        "children": fact.personal_data.children,
        "special category": fact.personal_data.special_category,
    }
    presence = fact.personal_data.presence
    details = [f"{name} {value}" for name, value in words.items() if value != "no"]
    return presence if presence == "no" or not details else f"{presence} ({', '.join(details)})"


def _order(review: Review, artifact: Artifact) -> str:
    """Whether a register in hand names an order against it; without one nobody knows."""
    listed = [
        entry.state
        for state in review.registers.values()
        for entry in state.entries
        if entry.kind == "order" and any(item.artifact == artifact for item in entry.artifacts or ())
    ]
    if listed:
        return ", ".join(sorted(set(listed)))
    return "none listed" if any(state.covers("order") for state in review.registers.values()) else UNKNOWN


def _fits(record: Rights, purpose: str) -> str:
    """Whether one record allows one purpose: ``yes``, ``no`` or ``unknown``."""
    if prohibited(record, purpose)[0]:
        return "no"
    allowed = permitted(record, purpose)
    if allowed is False:
        return "no"
    silent = prohibited(record, purpose)[0] is None
    return UNKNOWN if silent or allowed is None or record.status != "active" else "yes"


def purpose_fit(records: Sequence[Rights], purposes: Sequence[str]) -> str:
    """Return whether rights records together allow every purpose: the strictest record decides.

    A list that is absent is unknown, an empty one says "none" (``attest.purpose``).
    """
    if not purposes:
        return "not asked"
    found: dict[str, list[str]] = {"no": [], UNKNOWN: [], "yes": []}
    for purpose in purposes:
        words = {_fits(record, purpose) for record in records}
        worst = next((word for word in ("no", UNKNOWN) if word in words), "yes" if words else UNKNOWN)
        found[worst].append(purpose)
    return "; ".join(f"{word}: {', '.join(found[word])}" for word in ("no", UNKNOWN) if found[word]) or "yes"
