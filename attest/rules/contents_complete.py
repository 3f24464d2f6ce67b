"""The vendor's own signed list of statements is satisfied: nothing was removed from the bundle.

Every ``contents`` statement in hand about the delivered artifact, signed by a publisher the reader trusts, is
taken together: each statement it lists must be here, signed by the signer it names. With ``current``, a
register must name that list as the current one, so that an older, shorter list cannot be replayed.

FAIL: a listed statement is missing or carries another signer's signature, the list was superseded, or its
register was rolled back. UNKNOWN: there is no list, an empty one, one that cannot be read or is not full, or
nothing fresh says that it is current. It stops third parties and replay, not a vendor who never listed a
statement.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attest.graph import Evidence
from attest.predicates.contents import Contents, StatementRef
from attest.review import Review
from attest.rule import Current, Rule
from attest.verdict import Finding, Outcome, Result, conclude
from attest.verifier import UNDECIDED

__all__ = ["ContentsComplete"]


class ContentsComplete(Rule):
    """The vendor's own signed list of statements is satisfied."""

    NAME: ClassVar[str] = "contents-complete"
    OVER: ClassVar[str] = "statements listed by the publisher"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = (
        "there is no list of the publisher, it cannot be read, or no fresh register says that it is current"
    )
    REMEDY: ClassVar[str] = (
        "Ask the publisher for its current contents statement and for every statement on it."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (5,)

    current: Current | None = Field(default=None, description="Ask a register whether the list is current.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        text = "Every statement on the publisher's signed contents list is here"
        return (
            f"{text}, and {self.current.register_id} names that list as current."
            if self.current
            else f"{text}."
        )

    def check(self, review: Review) -> Outcome:
        """Hold every contents statement against the statements in hand."""
        lists = _lists(review)
        findings: list[Finding] = []
        examined = 0
        for evidence, contents in lists.values():
            examined += len(contents.statements)
            findings += _list(review, evidence, contents)
        if not lists:
            findings.append(_none(review))
        if self.current and lists:
            findings += self._currency(review, self.current, [evidence for evidence, _ in lists.values()])
        notes = [f"{len(lists)} contents statement(s), {examined} statement(s) listed"] if lists else []
        return conclude(examined, findings, notes)

    def _currency(self, review: Review, current: Current, lists: list[Evidence]) -> list[Finding]:
        state, findings = current.ask(review, "contents")
        entries = {entry.statement_digest: entry.state for entry in state.entries if entry.kind == "contents"}
        states = {evidence.digest: entries.get(evidence.digest) for evidence in lists}
        if state.evidence is None or "current" in states.values():
            return findings
        digests = (*sorted(states), state.evidence.digest)
        roots = set(review.lineage.roots)
        superseded = "superseded" in states.values() or any(
            entry.state == "current" and any(item.artifact in roots for item in entry.artifacts or ())
            for entry in state.entries
            if entry.kind == "contents"
        )
        return [
            *findings,
            Finding(
                "contents-superseded" if superseded else "contents-not-registered",
                Result.FAIL if superseded else Result.UNKNOWN,
                f"sha256:{min(states)}",
                "the list of statements was superseded by a later one"
                if superseded
                else f"register {current.register_id} does not name the list of statements as current",
                evidence=digests,
                remedy="Ask for the current bundle of this release.",
            ),
        ]


def _lists(review: Review) -> dict[str, tuple[Evidence, Contents]]:
    """Contents statements about the delivered artifact by a trusted publisher."""
    found = {}
    for root in review.lineage.roots:
        for each in review.graph.about["contents"].get(root, []):
            if each.granted and isinstance(each.predicate, Contents):
                found[each.digest] = (each, each.predicate)
    return dict(sorted(found.items()))


def _none(review: Review) -> Finding:
    others = {
        each.digest: each
        for root in review.lineage.roots
        for each in review.graph.about["contents"].get(root, [])
    }
    reason = "; ".join(sorted({each.reason for each in others.values()}))
    what = (
        f"the contents statement is not believed: {reason}"
        if others
        else "nobody signed the list of statements"
    )
    return Finding(
        "contents-untrusted" if others else "contents-missing",
        Result.UNKNOWN,
        str(review.delivery.artifact),
        what,
        evidence=tuple(sorted(others)),
        remedy="Ask for a bundle closed with its publisher's contents statement (`attest bundle`).",
    )


def _list(review: Review, evidence: Evidence, contents: Contents) -> list[Finding]:
    findings = []
    if evidence.withdrawn_by or contents.visibility != "full" or not contents.statements:
        why = (
            "was withdrawn"
            if evidence.withdrawn_by
            else "is empty"
            if not contents.statements
            else "is not full"
        )
        findings.append(
            Finding(
                "contents-unusable",
                Result.UNKNOWN,
                f"sha256:{evidence.digest}",
                f"the list of statements {why}",
                evidence=(evidence.digest,),
                remedy="Ask for a bundle with a full list of its statements.",
            )
        )
    for listed in contents.statements:
        findings += _listed(review, evidence, listed)
    return findings


def _listed(review: Review, evidence: Evidence, listed: StatementRef) -> list[Finding]:
    """Check that one listed statement is here, signed by whom the list names."""
    digest = listed.digest.sha256
    present = review.graph.by_digest.get(digest)
    named = (listed.signer.key or "", listed.signer.subject or "", listed.signer.issuer or "")
    result = Result.FAIL
    if present is None:
        stranger = next((each for each in review.unverified if each.digest == digest), None)
        code, what = "statement-missing", "it is not in the bundle"
        if stranger is not None and not named[0] and stranger.code in UNDECIDED:
            result, code = Result.UNKNOWN, "statement-unverifiable"
            what = f"its signature cannot be checked: {stranger.reason}"
        elif stranger is not None and _is_known(review, named):
            # somebody else's signature over the same bytes would silence what the named signer said
            code, what = "statement-damaged", f"its copy in the bundle is not the signer's: {stranger.reason}"
        elif stranger is not None:
            return []  # it is here, by somebody the reader does not know; it grants nothing
    elif not any(
        _is(signature.signer.kind, signature.signer.subject, signature.signer.issuer, named)
        for signature in present.signatures
    ):
        what, code = "it is here, but not signed by the signer the list names", "statement-other-signer"
    else:
        return []
    return [
        Finding(
            code,
            result,
            f"sha256:{digest}",
            f"the publisher's list names a statement ({listed.predicate_type}), and {what}",
            expected=f"signed by {named[0] or named[1]}",
            actual=str(present.signatures[0].signer) if present else "missing",
            evidence=(evidence.digest,),
            remedy=f"Ask for the whole bundle: statement sha256:{digest} is missing from this one.",
        )
    ]


def _is_known(review: Review, named: tuple[str, str, str]) -> bool:
    key, subject, issuer = named
    return review.trust.knows_key(key) if key else review.trust.knows_identity(subject, issuer)


def _is(kind: str, subject: str, issuer: str, named: tuple[str, str, str]) -> bool:
    return subject == named[0] if kind == "key" else (subject, issuer) == named[1:]
