"""Every dataset says how large it is and what is in it.

Its statement must give a size (bytes, files or records), its modalities and, where ``require`` asks for them,
its languages or its number of records. ``modalities`` and ``languages`` narrow what is acceptable; a language
covers its regions: ``en`` covers ``en-GB``. A size that differs from the one a step measured of the same
bytes settles nothing.

FAIL: a modality or language that is not accepted. UNKNOWN: something that is asked for is not stated, sizes
disagree, or the dataset has no statement by its owner. A statement that was withdrawn still counts against,
and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Token
from attest.declared import DatasetRule, Declared, said
from attest.verdict import Finding, Result

__all__ = ["Content"]

Modality = Annotated[str, Token("modalities", "refuse")]


class Content(DatasetRule):
    """Every dataset says how large it is and what is in it."""

    NAME: ClassVar[str] = "content"
    READS: ClassVar[tuple[str, ...]] = ("content",)
    WHEN_UNKNOWN: ClassVar[str] = (
        "a dataset does not state its size, its modalities, or what else is asked for"
    )
    REMEDY: ClassVar[str] = "Ask for the size, modalities and languages of the data, in a signed statement."
    QUESTIONS: ClassVar[tuple[int, ...]] = (26,)

    require: list[Literal["size", "modality", "languages", "records"]] = Field(
        default=["size", "modality"], min_length=1, description="What has to be stated."
    )
    modalities: list[Modality] = Field(
        default_factory=list, description="Modalities that are acceptable; empty: any."
    )
    languages: list[str] = Field(
        default_factory=list, description="Languages (BCP 47) that are acceptable; empty: any."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        only = f", and holds {' or '.join(self.modalities)} only" if self.modalities else ""
        spoken = f", in no language but {', '.join(self.languages)}" if self.languages else ""
        return f"Every dataset states its {', '.join(self.require)}{only}{spoken}."

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield what is missing or not accepted."""
        content = declared.facts.content
        modalities = (content.modality or ()) if content else ()
        languages = tuple(filter(said, (content.languages or ()) if content else ()))
        records = content.record_count if content else None
        sizes = (records, content.file_count, content.size_bytes) if content else ()
        stated = {
            "size": any(each is not None for each in sizes),
            "modality": bool(modalities),
            "languages": bool(languages),
            "records": records is not None,
        }
        wanted = [*self.require, *(["modality"] if self.modalities else [])]
        wanted += ["languages"] if self.languages and set(modalities) & {"text", "audio", "video"} else []
        if missing := [each for each in dict.fromkeys(wanted) if not stated[each]]:
            yield declared.finding(
                "content-unknown",
                Result.UNKNOWN,
                f"does not state its {', '.join(missing)}",
                remedy=f"Ask for the {', '.join(missing)} of {declared.name}.",
            )
        other = [each for each in modalities if self.modalities and each not in self.modalities]
        other += [each for each in languages if self.languages and not self._speaks(each)]
        if other:
            yield declared.finding(
                "content-denied",
                Result.FAIL,
                f"holds {', '.join(other)}",
                expected=", ".join([*self.modalities, *self.languages]),
                actual=", ".join(other),
                remedy="Ask for a model that was made without this dataset.",
            )
        yield from _sizes(declared)

    def _speaks(self, language: str) -> bool:
        tag = language.casefold()
        return any(tag == each or tag.startswith(f"{each}-") for each in map(str.casefold, self.languages))


def _sizes(declared: Declared) -> Iterator[Finding]:
    """The same bytes have one size: of two, one is not true."""
    stated = declared.facts.content.size_bytes if declared.facts.content else None
    measured = {
        item.size_bytes: node.evidence.digest
        for node, item in declared.ancestor.uses
        if node is not None and item is not None and item.size_bytes is not None
    }
    other = {size: digest for size, digest in measured.items() if size != stated}
    if stated is not None and other:
        yield declared.finding(
            "size-disagrees",
            Result.UNKNOWN,
            "has one size in its own statement and another in a step that read it",
            expected=f"{stated} bytes",
            actual=", ".join(f"{size} bytes" for size in sorted(other)),
            evidence=tuple(sorted({declared.evidence.digest, *other.values()})),
            remedy="Ask which size is true: the digest stands for one sequence of bytes only.",
        )
