"""Where there is personal data, its use rests on consent that covers it.

Asked of every dataset ``when`` names, by default every one with personal data or where nobody knows. Each
rights record that binds the delivery must state a basis per jurisdiction, and each of them must rest on one
of ``basis`` (by default: any that is consent). The consent behind it must be valid now, cover everything in
``covers``, and be of one of the types in ``type`` if any is given. Consent nobody was informed for is none,
and what is called explicit consent cannot be implied.

Two times count. Now, the time of evaluation: a consent withdrawn since is no consent, whatever it was. And
then, when the data was used, by the word of the steps that used it: a record whose term covers that time
must have held a valid consent, because nobody can agree afterwards to what was done before. The report
shows both. With ``atTraining: required`` it must also be shown that the consent was there then: the steps
say when they ran, and the record says since when it holds or carries an earlier trusted time.

FAIL: a basis that is not one of those, consent that is not valid, is too narrow or of another type, or was
not there then. UNKNOWN: no rights record in force, no basis or consent stated, or not what it covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Token
from attest.graph import Evidence
from attest.predicates.rights import BasisOfData, Consent, Rights
from attest.rights_flow import Holding, Record
from attest.rights_rule import PersonalRule
from attest.usage import Usage
from attest.verdict import Finding, Result
from attest.vocabulary import load

__all__ = ["ConsentGiven"]

_Found = tuple[str, Result, str, str, str]
"""Code, result, words, what was expected, what is stated."""


class ConsentGiven(PersonalRule):
    """Where there is personal data, its use rests on consent that covers it."""

    NAME: ClassVar[str] = "consent"
    WHEN_UNKNOWN: ClassVar[str] = (
        "a rights record is missing, or states no basis, no consent, or not what the consent covers"
    )
    REMEDY: ClassVar[str] = (
        "Ask the rights-holder for the consent behind the data: its status, what it covers, and since when."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (16, 17)

    basis: list[Annotated[str, Token("legal-bases", "refuse")]] = Field(
        default_factory=list, description="Bases that will do; empty: any that is consent."
    )
    covers: list[Annotated[str, Token("consent-covers", "refuse")]] = Field(
        default_factory=lambda: ["training"], description="What the consent must cover, all of it."
    )
    type: list[Annotated[str, Token("consent-types", "refuse")]] = Field(
        default_factory=list, description="How it must have been given; empty: in any informed way."
    )
    withdrawable: bool = Field(default=False, description="It must be said how people take it back.")
    at_training: Literal["shown", "required"] = Field(
        default="shown", description="Whether it must be shown that consent was there when data was used."
    )

    @property
    def accepted(self) -> frozenset[str]:
        """The bases that will do."""
        bases = load("legal-bases").tokens
        return frozenset(self.basis or (name for name, facts in bases.items() if facts.get("consent")))

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        basis = f"one of {', '.join(self.basis)}" if self.basis else "consent"
        covers = f" that covers {', '.join(self.covers)}" if self.covers else ""
        how = f", given in one of these ways: {', '.join(self.type)}" if self.type else ""
        back = ", can be taken back" if self.withdrawable else ""
        then = ", and demonstrably was when it was used" if self.at_training == "required" else ""
        which = f"Every dataset{self.when.words}"
        return f"{which} rests on {basis}{covers}{how}{back}, valid now{then}{self.which}."

    def judge(self, holding: Holding, record: Record) -> Iterator[Finding]:
        """Hold every basis of one record against the rule."""
        then = _at_use(holding)
        for code, result, text, expected, actual in self._bases(record.rights):
            yield holding.finding(
                code,
                result,
                f"{text}; {then}" if then and code == "consent-not-valid" else text,
                record,
                expected=expected,
                actual=actual,
                remedy=f"Ask the rights-holder of {holding.name} for the basis of its personal data, and for "
                "the consent behind it.",
            )

    def _bases(self, rights: Rights) -> Iterator[_Found]:
        wanted = f"one of {', '.join(sorted(self.accepted))}"
        if rights.is_unknown("personalDataBasis") or rights.personal_data_basis is None:
            what = "no basis: the rights record states none for personal data that can be read"
            yield "basis-unknown", Result.UNKNOWN, what, wanted, ""
        elif not rights.personal_data_basis:
            yield "basis-refused", Result.FAIL, "no basis: the rights record says there is none", wanted, ""
        for each in rights.personal_data_basis or ():
            where = each.jurisdiction or "an unnamed jurisdiction"
            if each.basis == "unknown":
                what = f"no basis: the one for {where} is not known"
                yield "basis-unknown", Result.UNKNOWN, what, wanted, each.basis
            elif each.basis not in self.accepted:
                what = f"no basis: the one for {where} is not one of those you accept"
                yield "basis-refused", Result.FAIL, what, wanted, each.basis
            elif load("legal-bases").tokens[each.basis].get("consent"):
                yield from self._consent(each, where)

    def _consent(self, basis: BasisOfData, where: str) -> Iterator[_Found]:
        consent = basis.consent
        if consent is None:
            what = f"no consent is stated for {where}"
            yield "consent-unknown", Result.UNKNOWN, what, basis.basis, ""
            return
        if consent.status == "unknown":
            what = f"the status of the consent for {where} is not known"
            yield "consent-unknown", Result.UNKNOWN, what, "given", consent.status
        elif not consent.valid:
            label = load("consent-statuses").label(consent.status)
            yield "consent-not-valid", Result.FAIL, f"consent for {where} is {label}", "given", consent.status
        yield from self._scope(consent, where)
        yield from self._type(basis, consent, where)
        if self.withdrawable and (consent.withdrawal is None or not consent.withdrawal.channel):
            what = f"it is not said how consent for {where} is taken back"
            yield "consent-for-good", Result.UNKNOWN, what, "a way to withdraw", ""

    def _scope(self, consent: Consent, where: str) -> Iterator[_Found]:
        wanted = ", ".join(self.covers)
        if consent.covers is None or "covers" in consent.unreadable_fields:
            if self.covers:
                what = f"it is not said what consent for {where} covers"
                yield "consent-scope-unknown", Result.UNKNOWN, what, wanted, ""
        elif missing := [each for each in self.covers if each not in consent.covers]:
            what = f"consent for {where} does not cover {', '.join(missing)}"
            yield "consent-too-narrow", Result.FAIL, what, wanted, ", ".join(consent.covers)

    def _type(self, basis: BasisOfData, consent: Consent, where: str) -> Iterator[_Found]:
        explicit = basis.basis == "explicit-consent" and consent.type == "implied"
        if consent.type == "uninformed" or explicit or (self.type and consent.type not in self.type):
            result = Result.UNKNOWN if consent.type == "unknown" else Result.FAIL
            label = load("consent-types").label(consent.type)
            what = (
                f"consent for {where} is {label}"
                if result is Result.FAIL
                else (f"it is not said how consent for {where} was given")
            )
            yield "consent-type", result, what, ", ".join(self.type) or basis.basis, consent.type

    # -- then, and now -------------------------------------------------------------------------------

    def holding(self, holding: Holding) -> Iterator[Finding]:
        """Look at the consent now, and at that when the data was used."""
        yield from super().holding(holding)
        usage = _usage(holding)
        known = _known(holding)
        if not usage.kinds or not any(_rests_on_consent(rights) for _, rights in known):
            return
        past = [(each, rights) for each, rights in known if _then(rights, usage)]
        valid = {_valid(rights) for _, rights in past}
        found: tuple[str, Result, str] | None = None
        if usage.first is not None and True not in valid:
            found = ("consent-then-unknown", Result.UNKNOWN, f"what consent was {_when(usage)} is not known")
            if None not in valid:
                what = f"{_when(usage)}, consent was {_words(past, good=True) or 'not there'}"
                found = ("consent-not-then", Result.FAIL, what)
        elif self.at_training == "required" and not any(_shown(each, usage) for each in past):
            what = f"nothing shows that consent was there {_when(usage)}"
            found = ("consent-then-unknown", Result.UNKNOWN, what)
        if found:
            remedy = (
                f"Ask the rights-holder of {holding.name} since when the consent holds, in a signed record."
            )
            evidence = tuple(sorted(each.digest for each, _ in known))
            yield holding.finding(*found, expected="given then", remedy=remedy, evidence=evidence)

    def notes(self, holding: Holding) -> Iterator[str]:
        """Show what consent was when the data was used, and what it is now."""
        if then := _at_use(holding):
            now = _words([(each.evidence, each.rights) for each in holding.records], good=False)
            yield f"{then}; now it is {now or 'as the stand-in says'}"


_Known = tuple[Evidence, Rights]


def _usage(holding: Holding) -> Usage:
    return holding.review.usages.get(holding.ancestor.artifact, Usage())


def _known(holding: Holding) -> list[_Known]:
    """Every record by the rights-holder, those that bind no more included: they tell of another time."""
    found = {each.evidence.digest: (each.evidence, each.rights) for each in holding.records}
    for each in holding.review.graph.rights(holding.ancestor.artifact):
        if each.granted and isinstance(each.predicate, Rights):
            found[each.digest] = (each, each.predicate)
    for _, stand_in, _ in holding.replaced:
        found[stand_in.evidence.digest] = (stand_in.evidence, stand_in.rights)
    return [found[digest] for digest in sorted(found)]


def _at_use(holding: Holding) -> str:
    """Return what consent was when the data was used, in words; empty where it was not, or rests on none."""
    usage, known = _usage(holding), _known(holding)
    if not usage.kinds or not any(_rests_on_consent(rights) for _, rights in known):
        return ""
    past = [(each, rights) for each, rights in known if _then(rights, usage)]
    return f"consent was {_words(past, good=True) or 'not there'} {_when(usage)}"


def _then(rights: Rights, usage: Usage) -> bool:
    """Whether a record's term covers every use of the data that says when it was."""
    began = rights.valid_from is None or usage.first is None or rights.valid_from <= usage.first
    return began and (rights.valid_until is None or usage.last is None or rights.valid_until >= usage.last)


def _consents(rights: Rights) -> list[Consent | None]:
    """The consent behind every basis that is one."""
    bases = load("legal-bases").tokens
    stated = rights.personal_data_basis or ()
    return [each.consent for each in stated if bases.get(each.basis, {}).get("consent")]


def _rests_on_consent(rights: Rights) -> bool:
    return bool(_consents(rights))


def _valid(rights: Rights) -> bool | None:
    """Whether all consent a record states is valid; ``None`` where it does not say."""
    consents = _consents(rights)
    if any(each is not None and each.status != "unknown" and not each.valid for each in consents):
        return False
    return True if consents and all(each is not None and each.valid for each in consents) else None


def _shown(known: _Known, usage: Usage) -> bool:
    """Whether it is shown that a record's valid consent was there when the data was used."""
    evidence, rights = known
    if not usage.timed or usage.first is None or not _valid(rights):
        return False
    since = [time for time in (rights.valid_from, evidence.trusted_time) if time is not None]
    return min(since, default=usage.first + timedelta(1)) <= usage.first


def _words(records: Sequence[_Known], *, good: bool) -> str:
    """Return the statuses records state: the valid ones alone, or the others alone, where there are any."""
    said = [each for _, rights in records for each in _consents(rights)]
    chosen = [each for each in said if (each is not None and each.valid) == good] or said
    label = load("consent-statuses").label
    return ", ".join(sorted({label(each.status) if each else "not stated" for each in chosen}))


def _when(usage: Usage) -> str:
    """Return when the data was used, in words."""
    if usage.first is None or usage.last is None:
        return "when the data was used, at a time no step states"
    first, last = f"{usage.first:%Y-%m-%d}", f"{usage.last:%Y-%m-%d}"
    days = f"on {first}" if first == last else f"from {first} to {last}"
    return f"when the data was used, {days}"
