"""The buyers' questions: what procurement officers, auditors and regulators ask about training data.

A union over the sources named with each. Kind ``A`` is answered by signatures and digests alone; ``D`` by a
declared value whose rule can be checked while its truth cannot; ``H`` by people, and stands under "not
proven" in every report. Each rule names the numbers it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

__all__ = ["QUESTIONS", "Question"]


Kind = Literal["A", "D", "A/D", "D/H", "A/H", "H"]


@dataclass(frozen=True)
class Question:
    """One question."""

    number: int
    text: str
    askers: str
    """Frameworks, laws and authorities that ask it."""
    kind: Kind


QUESTIONS = tuple(
    Question(number, text, askers, cast("Kind", kind))
    for number, (text, askers, kind) in enumerate(
        (
            (
                "Are the delivered weights the attested weights?",
                "CSA AICM MDS-09, OWASP AISVS 6.1.3, CISA",
                "A",
            ),
            ("Are they signed by the vendor's expected identity, not revoked?", "CSA AICM MDS-09, CISA", "A"),
            ("Were they built by the expected pipeline?", "NIST SP 800-218A, SLSA", "A"),
            ("Were they signed before a given time, in a log?", "ETSI EN 304 223, FTC", "A"),
            (
                "Does every training input resolve to a dataset attestation, without gaps?",
                "OWASP AISVS 6.2.3, EU AI Act Annex XII",
                "A",
            ),
            (
                "Are the transformations recorded, and do their counts add up?",
                "OWASP AISVS 12.5.1, California AB 2013 (9)",
                "A/D",
            ),
            ("Is the lineage of base models known?", "EU AI Act template 1.2", "A/D"),
            ("Is each dataset's version fixed by a digest, and unchanged since?", "CSA AICM DSP-23", "A"),
            (
                "Are sources and owners named?",
                "California AB 2013 (1), CSA AICM DSP-20, EU AI Act template 2",
                "D",
            ),
            (
                "Through which channel was the data acquired, under which contract, from a related party?",
                "FTC",
                "D",
            ),
            ("How and when was it collected?", "California AB 2013 (10), OWASP AISVS 1.1.2", "D"),
            ("Crawled data: which agents, were opt-outs honoured?", "EU AI Act template 2.3 and 3.1", "D"),
            (
                "Is the licence known, valid SPDX, and of a class that allows this use?",
                "California AB 2013 (5) and (6), all",
                "A/D",
            ),
            ("Where there is no licence, on which copyright basis?", "EU AI Act Art. 53(1)(c)", "D/H"),
            (
                "Is personal data present, of which categories, of children, biometric?",
                "California AB 2013 (7) and (8), GDPR, BIPA",
                "D",
            ),
            (
                "On which legal basis per jurisdiction, explicit where it must be?",
                "GDPR Art. 6 and 9, FTC",
                "D",
            ),
            ("Does consent cover training and transfer to third parties?", "FTC, EDPB Opinion 28/2024", "D"),
            (
                "Is the purpose compatible with the buyer's use?",
                "GDPR Art. 5(1)(b), OWASP AISVS 1.1.2",
                "A/D",
            ),
            ("Are the rights still valid today?", "FTC, contracts", "A"),
            ("Is a dataset or model under a deletion order?", "FTC, EDPB Opinion 28/2024", "A"),
            ("Were orders answered with a complete certificate, in time?", "FTC", "A"),
            (
                "Can a record or person be removed, and were they?",
                "HECVAT 4 AISC-01, GDPR Art. 17",
                "A/H",
            ),
            (
                "In which jurisdictions did data originate, and where may it be used?",
                "D&TA DPS, GDPR chapter V, GSAR 552.239-7001",
                "D",
            ),
            (
                "Is there a retention schedule, and has no delete-by date passed?",
                "BIPA, FTC, D&TA DPS",
                "A/D",
            ),
            (
                "Is there synthetic data, and by which generator?",
                "California AB 2013 (12), EU AI Act template 2.5",
                "D",
            ),
            (
                "How large is it, in which modalities?",
                "California AB 2013 (3) and (4), EU AI Act template 1.3",
                "A/D",
            ),
            ("Who else received the data or the model?", "FTC", "D"),
            ("Was customer data used for training?", "OMB M-25-22, HECVAT 4", "D"),
            ("Is unknown provenance stated, and counted?", "NIST SP 800-218A PW.3.2", "A"),
            (
                "Is there evidence of checks for illegal content, poisoning and bias?",
                "EU AI Act template 3.2, CSA AICM DSP-21",
                "D/H",
            ),
            ("Did somebody independent verify the claims?", "US Treasury FS AI RMF", "A"),
            (
                "Is the claimed fair use or consent valid, the list of inputs the whole truth?",
                "nobody can check it",
                "H",
            ),
        ),
        start=1,
    )
)
"""All of them, by number."""
