"""The dataset card: what no program can measure about a dataset, written by a person in YAML.

It becomes two predicates: ``dataset`` (what the data is and how it was come by) and, if it has a section
``rights``, ``rights`` (what one may do with it). It is strict: a key nobody knows, a word outside its
vocabulary or a field that is still to be filled in is an error with its line. Files it names (agreement,
licence text, notice) are read relative to the card and recorded by name and digest; their text stays home.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import PrivateAttr

from attest.attachment import digest_named
from attest.claim import Token
from attest.digest import Sha256
from attest.document import UNFILLED, Document, check_filled, read_file
from attest.limits import DEFAULT, Limits
from attest.model import Date, StrictModel
from attest.predicates.dataset import Dataset
from attest.predicates.rights import Rights
from attest.resource import MANIFEST_MEDIA_TYPE
from attest.rights_section import RightsSection
from attest.sections import (
    Acquisition,
    Check,
    Collection,
    Content,
    DerivedFrom,
    IntellectualProperty,
    Issuer,
    Naming,
    Origin,
    PersonalData,
    Retention,
    Synthetic,
)
from attest.vocabulary import load
from attest.words import FileName, Purpose

__all__ = ["UNFILLED", "Card", "card_template", "read_card"]

Path_ = tuple[str | int, ...]

_TEMPLATE = Path(__file__).parent / "presets" / "card.yaml"
_WORDS = re.compile(r"# \{\{([a-z-]+)\}\}$", re.MULTILINE)
_WIDTH = 110


class Card(StrictModel):
    """A dataset card as it is written; ``read_card`` gives one that knows its file."""

    dataset: Naming
    """What it is called."""
    issuer: Issuer
    """Who puts it out."""
    content: Content | None = None
    """What is in it."""
    acquisition: Acquisition
    """How the issuer came by it."""
    collection: Collection | None = None
    """How and when the data came into being."""
    first_used: Date | None = None
    """Day it was first used for a model."""
    origin: Origin | None = None
    """Where it comes from."""
    personal_data: PersonalData
    """Whether it is about people."""
    ip: IntellectualProperty | None = None
    """Whether it holds protected matter."""
    synthetic: Synthetic | None = None
    """Whether it was generated."""
    intended_purposes: list[Purpose] | None = None
    """What it was made for."""
    retention: Retention | None = None
    """When it must go."""
    confidentiality: list[Annotated[str, Token("confidentiality", "refuse")]] | None = None
    """Classes of confidential data in it."""
    derived_from: list[DerivedFrom] | None = None
    """Datasets it was made from."""
    descriptors: list[FileName] | None = None
    """Croissant, SPDX or other files that describe it."""
    checks: list[Check] | None = None
    """What it was examined for."""
    rights: RightsSection | None = None
    """What one may do with it. Leave it out where somebody else holds the rights and signs them."""

    _document: Document | None = PrivateAttr(default=None)
    _folder: Path = PrivateAttr(default=Path())

    def dataset_predicate(
        self, *, size_bytes: int | None = None, file_count: int | None = None, exclude: Sequence[str] = ()
    ) -> Dataset:
        """Return what the card says of the dataset, with what was measured of it.

        Args:
            size_bytes: bytes of all files.
            file_count: number of files.
            exclude: patterns of files that were left out of the digest.

        Raises:
            UsageError: a file the card names cannot be read; with the card's line.
        """
        said = self.to_json()
        said.pop("rights", None)
        said["personalData"].pop("subjectColumn", None)
        said.update(said.pop("dataset"))
        measured = {"sizeBytes": size_bytes, "fileCount": file_count}
        content = {**said.get("content", {}), **{k: v for k, v in measured.items() if v is not None}}
        if content:
            said["content"] = content
        if exclude:
            said["exclude"] = list(exclude)
        for path in self._dataset_files():
            self._attach(said, path)
        for other in [*said.get("derivedFrom", ()), *said.get("synthetic", {}).get("generators", ())]:
            _link(other)
        return Dataset.from_json(said)

    def rights_predicate(self, sequence: int = 1, supersedes: Sha256 | None = None) -> Rights | None:
        """Return what the card says one may do with the dataset, or ``None`` without a section ``rights``.

        Args:
            sequence: number of the record among those of this rights-holder about this dataset, from 1.
            supersedes: statement digest of the record it replaces.

        Raises:
            UsageError: a file the card names cannot be read; with the card's line.
        """
        if self.rights is None:
            return None
        said: dict[str, Any] = {"sequence": sequence, **self.rights.to_json()}
        if supersedes is not None:
            said["supersedes"] = supersedes
        card = {"rights": said}
        for path in self._rights_files():
            self._attach(card, path)
        if "validUntil" in said:
            said["validUntil"] += "T23:59:59Z"  # the day counts to its end
        return Rights.from_json(said)

    def attachments(self) -> list[dict[str, Any]]:
        """Return name and digest of every file the card names.

        Raises:
            UsageError: one cannot be read; with the card's line.
        """
        said = self.to_json()
        paths = [*self._dataset_files(), *self._rights_files()]
        return [found for path in paths if (found := self._attach(said, path)) is not None]

    def _dataset_files(self) -> Iterator[Path_]:
        yield ("acquisition", "agreement")
        for number, _ in enumerate(self.descriptors or ()):
            yield ("descriptors", number)
        for check, each in enumerate(self.checks or ()):
            for number, _ in enumerate(each.evidence or ()):
                yield ("checks", check, "evidence", number)

    def _rights_files(self) -> Iterator[Path_]:
        yield ("rights", "license", "text")
        rights = self.rights
        for number, _ in enumerate((rights and rights.personal_data_basis) or ()):
            yield ("rights", "personalDataBasis", number, "consent", "notice")
            yield ("rights", "personalDataBasis", number, "assessment")
        check = rights.reservation_check if rights else None
        for number, _ in enumerate((check and check.evidence) or ()):
            yield ("rights", "reservationCheck", "evidence", number)

    def _attach(self, card: Any, path: Path_) -> dict[str, Any] | None:
        """Put name and digest in place of the file name at ``path``; nothing where there is none."""
        *parents, last = path
        for part in parents:
            card = card.get(part) if isinstance(part, str) else card[part]
            if card is None:
                return None
        name = card.get(last) if isinstance(last, str) else card[last]
        if name is None:
            return None
        where = self._document.where(path) if self._document else None
        hint = "paths are relative to the card; only the digest leaves, not the file"
        digest = digest_named(self._folder, name, where, hint)
        card[last] = {"name": name, "digest": {"sha256": digest}}
        return {"name": name, "digest": {"sha256": digest}}

    def remarks(self) -> list[str]:
        """Return what a buyer will miss in the card, one sentence each; none of it is an error."""
        found = (
            [] if self.rights else ["it has no section rights: nobody can tell what the data may be used for"]
        )
        if self.acquisition.channel in ("licensed-delivery", "purchased", "partner-transfer"):
            missing = [
                name for name in ("counterparty", "agreement") if getattr(self.acquisition, name) is None
            ]
            found += [f"acquisition.{name} is missing for data that somebody handed over" for name in missing]
        found += [f"{name} is unknown" for name in _unknown_facts(self)]
        rights = self.rights
        if rights is None:
            return found
        if rights.license is None and rights.copyright_basis is None:
            found.append("rights has neither license nor copyrightBasis")
        license_ = rights.license
        own = license_ is not None and "LicenseRef-" in license_.expression
        if license_ and own and (license_.class_ is None or license_.class_.use is None):
            found.append(
                "rights.license.class.use is missing: of a licence of your own nobody can tell the use"
            )
        if license_ and own and license_.text is None:
            found.append("rights.license.text is missing: a licence of your own is known by its text")
        if self.personal_data.presence != "no" and not rights.personal_data_basis:
            found.append("rights.personalDataBasis is missing, and personal data is not excluded")
        for number, basis in enumerate(rights.personal_data_basis or ()):
            if load("legal-bases").tokens[basis.basis].get("consent") and basis.consent is None:
                found.append(f"rights.personalDataBasis.{number}.consent is missing for {basis.basis}")
        if rights.prohibited_purposes is None:
            found.append("rights.prohibitedPurposes is missing, which reads as unknown; write [] for none")
        return found


def _unknown_facts(card: Card) -> Iterator[str]:
    for name in ("presence", "biometric", "children", "special_category"):
        if getattr(card.personal_data, name) == "unknown" and card.personal_data.presence != "no":
            yield f"personalData.{'specialCategory' if '_' in name else name}"


def _link(other: dict[str, Any]) -> None:
    """Turn ``sha256:…/`` into a digest set and, for a directory, the manifest's media type."""
    digest = other.pop("digest", None)
    if digest is not None:
        other["digest"] = {"sha256": digest.removeprefix("sha256:").removesuffix("/")}
        if digest.endswith("/"):
            other["mediaType"] = MANIFEST_MEDIA_TYPE


def read_card(path: Path, limits: Limits = DEFAULT) -> Card:
    """Read a dataset card.

    Raises:
        FormatError: the file cannot be read.
        UsageError: it is no card: not YAML, an unknown key or word, a missing or unfilled field; the
            message names the line, and the nearest valid key or word.
    """
    document = read_file(path, limits)
    check_filled(document)
    card = document.validate(Card)
    card._document = document  # noqa: SLF001 - its own module
    card._folder = path.parent  # noqa: SLF001 - its own module
    return card


def card_template() -> str:
    """Return the text of a new card: every field with its words, ``UNFILLED`` where one must write."""
    text = _TEMPLATE.read_text("utf-8")

    def words(match: re.Match[str]) -> str:
        column = match.start() - (text.rfind("\n", 0, match.start()) + 1)
        lines = textwrap.wrap(", ".join(load(match[1])), _WIDTH - column - 2, break_on_hyphens=False)
        return "# " + f"\n{'#':{column}}# ".join(lines)

    return _WORDS.sub(words, text)
