"""Reports as they really come, built by hand: what the renderings are tested with."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime

from attest.report import (
    NOT_PROVEN,
    Ask,
    ChainFacts,
    DatasetRow,
    Delivered,
    Edge,
    ExceptionRow,
    FindingRow,
    Lineage,
    Node,
    PinnedDocument,
    PolicyFacts,
    RegisterRow,
    Report,
    RuleRow,
    StatementRow,
    UnknownLineRow,
)

AS_OF = datetime(2026, 11, 20, 10, 2, tzinfo=UTC)
CI = "https://github.com/acme/vision/.github/workflows/train.yml@refs/tags/v3.2 (https://token.actions.githubusercontent.com)"
DESK = "key sha256:3f0c7a19b25e4d1c"
COOP = "certificate CN=provenance,O=Photo Co-op"

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "' onmouseover='document.title=1' x='",
    "</style></title></textarea></svg><iframe src=https://evil.example>",
    "{{ 7 * 7 }}{% for x in y %}",
    "\x1b[2J\x1b[31mACCEPT\x1b[0m\x9b31m\x07\x08",
    "model\u202etxt.exe\u2066\u2069\u200e\u061c",
    "zero\u200bwidth\u200d\ufeff\u2060\u00ad",
    "line\nbreak\r\nand\ttab\x00\x7f\x85\u2028\u2029",
    "a\\b \\u{202e} C:\\x",
    "\u05d0\u05d1\u05d2 123 \u0645\u0631\u062d\u0628\u0627",
    "\u6a21\u578b\u6743\u91cd\u6587\u4ef6\u540d\u5f88\u957f\u5f88\u957f",
    "Z" + "\u0351\u0344\u0303" * 40,
    "x ← train ← digits [OK]",
    "\U000f0000\ufffe\ufdd0\U0001f600\u3164",
    "]]><!--<![CDATA[&lt;&#x202e;&amp;",
    "javascript:alert(1)",
    "=cmd|' /C calc'!A0",
    "A" * 1_000_000,
    "",
)


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def digest(name: str) -> str:
    return f"sha256:{sha(name)}"


def rule(name, result, sentence, examined, *notes) -> RuleRow:
    return RuleRow(rule=name, result=result, sentence=sentence, examined=examined, notes=list(notes))


def finding(rule, code, result, subject, summary, **more) -> FindingRow:
    fields = {
        "severity": {"FAIL": "high", "UNKNOWN": "medium"}.get(result, "info"),
        "subject_name": subject,
        "expected": "",
        "actual": "",
        "path": [],
        "evidence": [],
        "remedy": "",
    }
    return FindingRow(
        rule=rule, code=code, result=result, subject=digest(subject), summary=summary, **{**fields, **more}
    )


def dataset(name, **more) -> DatasetRow:
    fields = {
        "digest": digest(name),
        "name": name,
        "version": "1.0",
        "source": "UCI Machine Learning Repository",
        "channel": "public-dataset",
        "licence": "CC-BY-4.0",
        "licence_class": "commercial",
        "personal_data": "no",
        "basis": "not-personal-data",
        "purpose_fit": "yes",
        "valid_until": "no end stated",
        "order": "none known",
        "signed_by": ["data-desk"],
        "status": "ok",
        "statements": [digest(f"dataset {name}"), digest(f"rights {name}")],
    }
    return DatasetRow(**{**fields, **more})


def picture(*rows: tuple[str, str, str, int, list[tuple[int, str]]], **status: str) -> Lineage:
    """``(label, kind, status, level, [(target, role), …])`` per node."""
    nodes = [
        Node(id=number, kind=kind, label=label, digest=digest(label), status=state, level=level)
        for number, (label, kind, state, level, _) in enumerate(rows)
    ]
    edges = [
        Edge(source=number, target=target, role=role)
        for number, row in enumerate(rows)
        for target, role in row[4]
    ]
    return Lineage(nodes=nodes, edges=edges)


def statement(kind: str, subject: str, principal: str, hour: int, **more) -> StatementRow:
    signer = {"vendor-ci": CI, "data-desk": DESK, "photo-coop": COOP}.get(principal, "key sha256:00ff13a7")
    types = {
        "step": "https://slsa.dev/provenance/v1",
        "dataset": "https://w3id.org/attest/dataset/v0.1",
        "rights": "https://w3id.org/attest/rights/v0.1",
        "contents": "https://w3id.org/attest/contents/v0.1",
        "register": "https://w3id.org/attest/register/v0.1",
        "withdrawal": "https://w3id.org/attest/withdrawal/v0.1",
    }
    fields = {
        "digest": digest(f"{kind} {subject}"),
        "type": types[kind],
        "files": ["register.jsonl" if kind == "register" else "model.intoto.jsonl"],
        "subjects": [subject],
        "signers": [signer],
        "principals": [principal] if principal else [],
        "trusted_time": datetime(2026, 11, 3, hour, 12, 44, tzinfo=UTC),
        "standing": "granted",
        "reason": "",
    }
    return StatementRow(**{**fields, **more})


RULES = {
    "weights-match": "Every delivered file is, byte for byte, a file that the vendor signed.",
    "complete-lineage": "Every input of every step has a statement you believe; no base model is opaque.",
    "signed-by": "Every step is signed by a builder and every dataset by its data owner.",
    "builder-id": "Every step ran where its signer may build.",
    "contents-complete": "The bundle holds every statement that the vendor listed for this release.",
    "no-withdrawn-statement": "No statement behind the model has been withdrawn.",
    "license": "Every dataset's licence allows commercial use, and none is CC-BY-NC-4.0.",
    "trusted-time": "Every step carries a time from somebody other than its signer.",
    "digest-conflict": "No two statements give one artifact different digests.",
}


def rules(**results: tuple) -> list[RuleRow]:
    """All rules, passed unless given as ``name_with_underscores=(result, examined, *notes)``."""
    rows = []
    for name, sentence in RULES.items():
        result, examined, *notes = results.get(name.replace("-", "_"), ("PASS", 7))
        rows.append(rule(name, result, sentence, examined, *notes))
    return rows


def build(verdict: str, **parts) -> Report:
    """A report whose counts follow from its rules and which is otherwise that of the digits quickstart."""
    rows = parts.pop("rules", None) or rules()
    fields = {
        "verdict": verdict,
        "as_of": AS_OF,
        "historical": False,
        "tool": "attest 0.1.0",
        "policy": PolicyFacts(
            name="commercial-baseline",
            sha256=sha("policy"),
            version="1",
            purpose=["handwriting-recognition"],
            territories=["EU", "US"],
        ),
        "trust": PinnedDocument(name="trust.yaml", sha256=sha("trust")),
        "delivered": Delivered(
            name="digits-int8/",
            kind="tree",
            digest=digest("digits-int8/"),
            files=3,
            size_bytes=152_904,
            matched=[digest("digits-int8/")],
            extras=["README.md"],
        ),
        "counts": dict(Counter(row.result for row in rows)),
        "chain": ChainFacts(
            steps=5,
            artifacts=7,
            datasets=2,
            base_models=1,
            bottom_models=1,
            gaps=0,
            opaque=0,
            statements=11,
            verified=11,
            timestamped=11,
            unverified=0,
            unknown_lines=0,
        ),
        "rules": rows,
        "findings": [],
        "asks": [],
        "datasets": [dataset("optical-digits"), dataset("optical-digits/normalised", version="2026-11")],
        "lineage": digits(),
        "exceptions": [],
        "registers": [register()],
        "statements": [
            statement("contents", "digits-int8/", "vendor-ci", 9),
            *(
                statement("step", name, "vendor-ci", hour)
                for hour, name in enumerate(["release", "quantize", "finetune", "train", "split"])
            ),
            statement("dataset", "optical-digits", "data-desk", 7),
            statement("rights", "optical-digits", "data-desk", 7),
        ],
        "unknown_lines": [],
        "not_proven": list(NOT_PROVEN),
        "reproduce": "attest verify digits-int8 --bundle digits-int8.intoto.jsonl --trust trust.yaml "
        "--policy policy.yaml --as-of 2026-11-20T10:02:00Z --report report.html",
    }
    return Report(**{**fields, **parts})


def register(**more) -> RegisterRow:
    fields = {
        "register_id": "https://registry.example/orders",
        "sequence": 214,
        "as_of": datetime(2026, 11, 18, 4, 0, tzinfo=UTC),
        "next_update": datetime(2026, 11, 25, 4, 0, tzinfo=UTC),
        "keeper": ["registry-body"],
        "self_kept": False,
        "problems": [],
    }
    return RegisterRow(**{**fields, **more})


def digits() -> Lineage:
    return picture(
        ("digits-int8/", "model", "ok", 0, []),
        ("release", "step:release", "ok", 1, [(0, "output")]),
        ("model-int8.safetensors", "model", "ok", 2, [(1, "base-model")]),
        ("quantize", "step:quantize", "ok", 3, [(2, "output")]),
        ("model-ft.safetensors", "model", "ok", 4, [(3, "base-model")]),
        ("finetune", "step:finetune", "ok", 5, [(4, "output")]),
        ("model.safetensors", "model", "ok", 6, [(5, "base-model")]),
        ("train", "step:train", "ok", 7, [(6, "output")]),
        ("train.py", "code", "ok", 8, [(7, "code"), (5, "code")]),
        ("digits-normalised/", "dataset", "ok", 8, [(7, "dataset"), (5, "dataset")]),
        ("split", "step:transform", "ok", 9, [(9, "output")]),
        ("optical-digits/", "dataset", "ok", 10, [(10, "dataset")]),
    )


def accept() -> Report:
    return build("ACCEPT")


def with_exceptions() -> Report:
    return build(
        "ACCEPT_WITH_EXCEPTIONS",
        rules=rules(license=("EXCEPTION", 2)),
        findings=[
            finding(
                "license",
                "license-unknown",
                "EXCEPTION",
                "optical-digits/normalised",
                "Nobody states a licence of 'optical-digits/normalised'.",
                expected="a licence that allows commercial use",
                actual="unknown",
                path=["digits-int8/", "train", "optical-digits/normalised"],
                evidence=[digest("dataset optical-digits/normalised")],
                remedy="Ask the vendor for a signed rights statement.",
            )
        ],
        exceptions=[
            ExceptionRow(
                rule="license",
                subject=digest("optical-digits/normalised"),
                reason="Licence letter 2026-114 is on file.",
                approver="j.doe",
                expires="2027-01-31",
                used=True,
                expired=False,
            ),
            ExceptionRow(
                rule="trusted-time",
                subject=digest("model.safetensors"),
                reason="Trained before the timestamp service was in use.",
                approver="j.doe",
                expires="2026-06-30",
                used=False,
                expired=True,
            ),
        ],
    )


def historical() -> Report:
    return build("ACCEPT", historical=True, as_of=datetime(2025, 2, 1, tzinfo=UTC))


def faces() -> Lineage:
    return picture(
        ("vision-fr-3.2/", "model", "ok", 0, []),
        ("release", "step:release", "ok", 1, [(0, "output")]),
        ("vision-fr.safetensors", "model", "ok", 2, [(1, "base-model")]),
        ("finetune", "step:finetune", "withdrawn", 3, [(2, "output")]),
        ("backbone.safetensors", "model", "ok", 4, [(3, "base-model")]),
        ("vit-large (hub)", "model", "opaque", 6, [(6, "base-model")]),
        ("train", "step:train", "ok", 5, [(4, "output")]),
        ("faces-consented", "dataset", "ok", 6, [(6, "dataset"), (3, "dataset")]),
        ("faces-partner-2014", "dataset", "untrusted", 6, [(6, "dataset")]),
        ("demographics.parquet", "dataset", "gap", 6, [(6, "dataset")]),
        ("street-scenes", "dataset", "ok", 6, [(6, "dataset")]),
        ("train.py", "code", "ok", 6, [(6, "code")]),
        ("eval-faces", "dataset", "ok", 4, [(3, "evaluation-dataset")]),
    ).model_copy()


def reject() -> Report:
    path = ["vision-fr-3.2/", "release", "vision-fr.safetensors", "finetune", "backbone.safetensors", "train"]
    findings = [
        finding(
            "license",
            "license-denied",
            "FAIL",
            "street-scenes",
            "'street-scenes' is under CC-BY-NC-4.0, which does not allow commercial use.",
            expected="a licence that allows commercial use, and not CC-BY-NC-4.0",
            actual="CC-BY-NC-4.0 (noncommercial)",
            path=[*path, "street-scenes"],
            evidence=[digest("rights street-scenes")],
            remedy="Ask the vendor for a commercial licence for 'street-scenes', or for a model without it.",
        ),
        finding(
            "no-withdrawn-statement",
            "withdrawn",
            "FAIL",
            "finetune",
            "The statement about the fine-tuning step was withdrawn by its signer.",
            expected="no withdrawn statement",
            actual="withdrawn on 2026-11-10: 'wrong dataset recorded'",
            path=path[:4],
            evidence=[digest("step finetune"), digest("withdrawal finetune")],
            remedy="Ask the vendor for a corrected statement about the fine-tuning step.",
        ),
        finding(
            "signed-by",
            "signer-not-trusted",
            "FAIL",
            "faces-partner-2014",
            "'faces-partner-2014' is described by a signer whom you do not trust as its data owner.",
            expected="a signature of data-desk or photo-coop",
            actual="signed by key sha256:00ff13a7, which is no principal of your trust file",
            path=[*path, "faces-partner-2014"],
            evidence=[digest("dataset faces-partner-2014")],
            remedy="Ask the vendor who this signer is, and under which agreement they got the photos.",
        ),
        finding(
            "complete-lineage",
            "unknown-input",
            "FAIL",
            "demographics.parquet",
            "No statement explains 'demographics.parquet', which the training step read as a dataset.",
            expected="a dataset statement by its data owner",
            actual="none in the bundle",
            path=[*path, "demographics.parquet"],
            evidence=[digest("step train")],
            remedy="Ask the vendor for a signed dataset statement about 'demographics.parquet'.",
        ),
        finding(
            "complete-lineage",
            "opaque-base-model",
            "FAIL",
            "vit-large (hub)",
            "The base model 'vit-large (hub)' is declared opaque: what it was trained on is not shown.",
            expected="at most 0 opaque base models",
            actual="1: 'downloaded from a public hub in 2023'",
            path=[*path, "vit-large (hub)"],
            evidence=[digest("step train")],
            remedy="Ask the vendor for the base model's own provenance, or allow one in your policy.",
        ),
        finding(
            "license",
            "license-unknown",
            "UNKNOWN",
            "faces-partner-2014",
            "Nobody you believe states a licence of 'faces-partner-2014'.",
            expected="a licence that allows commercial use",
            actual="unknown",
            path=[*path, "faces-partner-2014"],
            evidence=[],
            remedy="Ask the vendor for a signed rights statement about 'faces-partner-2014'.",
        ),
    ]
    return build(
        "REJECT",
        policy=PolicyFacts(
            name="acme-face-models",
            sha256=sha("acme"),
            version="3",
            purpose=["face-recognition"],
            territories=["EU"],
        ),
        delivered=Delivered(
            name="vision-fr-3.2/",
            kind="tree",
            digest=digest("vision-fr-3.2/"),
            files=14,
            size_bytes=1_318_554_112,
            matched=[digest("vision-fr-3.2/")],
            extras=[],
        ),
        chain=ChainFacts(
            steps=3,
            artifacts=10,
            datasets=5,
            base_models=1,
            bottom_models=1,
            gaps=2,
            opaque=1,
            statements=12,
            verified=10,
            timestamped=9,
            unverified=1,
            unknown_lines=1,
        ),
        rules=rules(
            license=("FAIL", 5),
            no_withdrawn_statement=("FAIL", 10),
            signed_by=("FAIL", 8),
            complete_lineage=("FAIL", 10),
            trusted_time=("PASS", 3, "1 statement that is no step has no trusted time."),
        ),
        findings=findings,
        asks=[Ask(text=each.remedy, findings=1) for each in findings],
        datasets=[
            dataset(
                "faces-consented",
                version="3",
                source="Photo Co-op",
                channel="licensed-delivery",
                licence="LicenseRef-PhotoCoop-Train-1",
                personal_data="yes, biometric",
                basis="EU: explicit-consent",
                valid_until="2030-12-31",
                signed_by=["photo-coop", "data-desk"],
            ),
            dataset(
                "faces-partner-2014",
                source="unknown",
                channel="partner-transfer",
                licence="unknown",
                licence_class="unknown",
                personal_data="yes, biometric",
                basis="unknown",
                purpose_fit="unknown: face-recognition",
                valid_until="unknown",
                signed_by=[],
                status="untrusted",
            ),
            dataset(
                "demographics.parquet",
                version="",
                source="unknown",
                channel="unknown",
                licence="unknown",
                licence_class="unknown",
                personal_data="unknown",
                basis="unknown",
                purpose_fit="unknown: face-recognition",
                valid_until="unknown",
                order="unknown",
                signed_by=[],
                status="gap",
                statements=[],
            ),
            dataset(
                "street-scenes",
                source="City open data | Street Photo Archive",
                licence="CC-BY-NC-4.0",
                licence_class="noncommercial",
                personal_data="yes",
                basis="EU: legitimate-interest",
                purpose_fit="no: face-recognition",
            ),
            dataset("eval-faces", version="2", source="Example Data GmbH", channel="purchased"),
        ],
        lineage=faces(),
        registers=[
            register(),
            register(
                register_id="https://acme.example/registers/releases",
                sequence=12,
                keeper=["vendor-ci"],
                self_kept=True,
            ),
        ],
        statements=[
            statement("step", "release", "vendor-ci", 9),
            statement(
                "step",
                "finetune",
                "vendor-ci",
                8,
                standing="withdrawn",
                reason="withdrawn by its signer on 2026-11-10",
            ),
            statement("withdrawal", "finetune", "vendor-ci", 11),
            statement("step", "train", "vendor-ci", 6),
            statement("dataset", "faces-consented", "data-desk", 5),
            statement("rights", "faces-consented", "photo-coop", 5),
            statement(
                "dataset",
                "faces-partner-2014",
                "",
                5,
                trusted_time=None,
                standing="unverified",
                reason="no principal of your trust file has this key",
            ),
            statement(
                "rights",
                "faces-partner-2014",
                "data-desk",
                5,
                trusted_time=None,
                standing="carried",
                reason="data-desk may not say this (trust role rights-holder)",
            ),
        ],
        unknown_lines=[
            UnknownLineRow(file="vision-fr-3.2.intoto.jsonl", line=7, reason="not a Sigstore bundle")
        ],
        reproduce="attest verify vision-fr-3.2 --bundle vision-fr-3.2.intoto.jsonl --trust trust.yaml "
        "--policy acme-face-models.yaml --as-of 2026-11-20T10:02:00Z",
    )


def incomplete() -> Report:
    missing = "the register is 9 days past its next update"
    return build(
        "INCOMPLETE",
        rules=rules(
            contents_complete=("UNKNOWN", 11), license=("UNKNOWN", 2), digest_conflict=("UNKNOWN", 0)
        ),
        findings=[
            finding(
                "contents-complete",
                "register-stale",
                "UNKNOWN",
                "https://registry.example/orders",
                f"Whether these contents are the newest cannot be shown: {missing}.",
                expected="a register that was updated within 7 days",
                actual="updated 2026-11-04, due again 2026-11-11",
                evidence=[digest("register orders")],
                remedy="Fetch the register again from https://registry.example/orders.",
            ),
            finding(
                "license",
                "license-unknown",
                "UNKNOWN",
                "optical-digits/normalised",
                "Nobody you believe states a licence of 'optical-digits/normalised'.",
                expected="a licence that allows commercial use",
                actual="unknown",
                path=[
                    "digits-int8/",
                    "release",
                    "model-int8.safetensors",
                    "quantize",
                    "optical-digits/normalised",
                ],
                evidence=[digest("dataset optical-digits/normalised")],
                remedy="Ask the vendor for a signed rights statement about 'optical-digits/normalised'.",
            ),
        ],
        asks=[
            Ask(
                text="A signed rights statement about 'optical-digits/normalised' by its rights holder.",
                findings=1,
            ),
            Ask(text="The newest register from https://registry.example/orders.", findings=1),
        ],
        datasets=[
            dataset("optical-digits"),
            dataset(
                "optical-digits/normalised", licence="unknown", licence_class="unknown", valid_until="unknown"
            ),
        ],
        registers=[
            register(
                as_of=datetime(2026, 11, 4, tzinfo=UTC),
                next_update=datetime(2026, 11, 11, tzinfo=UTC),
                problems=[f"{missing.capitalize()}."],
            )
        ],
    )


def fill(report: Report, texts: tuple[str, ...]) -> Report:
    """``report`` with every free string replaced, in turn, by one of ``texts``."""
    supply = iter(range(1 << 60))

    def take() -> str:
        return texts[next(supply) % len(texts)]

    def each(value):
        if hasattr(type(value), "model_fields"):
            changes = {}
            for name, field in type(value).model_fields.items():
                old = getattr(value, name)
                free = field.annotation in (str, list[str])
                changes[name] = (
                    ([take() for _ in old] if isinstance(old, list) else take()) if free else each(old)
                )
            return value.model_copy(update=changes)
        return [each(item) for item in value] if isinstance(value, list) else value

    return each(report)


def hostile() -> Report:
    return fill(reject(), HOSTILE)


def chain(steps: int) -> Lineage:
    """One artifact after another, ``steps`` steps long, with a dataset and a code file at every step."""
    rows: list = [("model-0", "model", "ok", 0, [])]
    for number in range(steps):
        made = len(rows) - 1  # the model that the step before read
        rows.append((f"train-{number}", "step:train", "ok", 2 * number + 1, [(made, "output")]))
        step = len(rows) - 1
        state = "gap" if number == steps // 2 else "ok"
        rows.append((f"shard-{number}", "dataset", state, 2 * number + 2, [(step, "dataset")]))
        rows.append((f"model-{number + 1}", "model", "ok", 2 * number + 2, [(step, "base-model")]))
    return picture(*rows)


def fan(datasets: int) -> Lineage:
    """One training step that read ``datasets`` datasets, some of them not explained."""
    rows: list = [("model/", "model", "ok", 0, []), ("train", "step:train", "ok", 1, [(0, "output")])]
    for number in range(datasets):
        state = "gap" if number % 97 == 5 else "opaque" if number % 251 == 7 else "ok"
        rows.append((f"shard-{number:05}", "dataset", state, 2, [(1, "dataset")]))
    return picture(*rows)


def mesh(nodes: int, *, width: int = 40, inputs: int = 4) -> Lineage:
    """Layers of artifacts and steps in turn, each reading several of the layer behind."""
    rows: list = [("release/", "model", "ok", 0, [])]
    for number in range(1, nodes):
        level = (number - 1) // width + 1
        kind = "step:transform" if level % 2 else ("dataset", "model", "tokenizer")[number % 3]
        first = max(0, (level - 2) * width + 1)
        size = 1 if level == 1 else width
        targets = sorted({first + (number * 7 + hop * 13) % size for hop in range(inputs)})
        state = "gap" if number % 301 == 300 else "untrusted" if number % 499 == 498 else "ok"
        rows.append((f"n{number}", kind, state, level, [(target, "dataset") for target in targets]))
    return picture(*rows)


def many_datasets(count: int = 500) -> Report:
    rows = [
        dataset(
            f"shard-{number:05}",
            status="gap" if number % 97 == 5 else "ok",
            licence="unknown" if number % 13 == 0 else "CC-BY-4.0",
        )
        for number in range(count)
    ]
    return build("ACCEPT", datasets=rows, lineage=fan(count))


def many_findings(count: int = 100_000) -> Report:
    names = ("license", "signed-by", "complete-lineage")
    findings = [
        finding(
            names[number % 3],
            "license-unknown",
            "UNKNOWN" if number % 2 else "FAIL",
            f"shard-{number}",
            f"Something is wrong with 'shard-{number}'.",
            expected="this",
            actual="that",
            path=["model", "train", f"shard-{number}"],
            evidence=[digest("step train")],
            remedy=f"Ask the vendor about 'shard-{number}'.",
        )
        for number in range(count)
    ]
    failed = rules(license=("FAIL", count), signed_by=("FAIL", count), complete_lineage=("FAIL", count))
    return build("REJECT", rules=failed, findings=findings)


def many_nodes(count: int = 5000) -> Report:
    return build("ACCEPT", lineage=mesh(count))


SAMPLES = {
    "accept": accept,
    "exceptions": with_exceptions,
    "historical": historical,
    "incomplete": incomplete,
    "reject": reject,
    "hostile": hostile,
}

KEPT = [name for name in SAMPLES if name != "hostile"]
"""The samples whose whole renderings are kept in tests/golden/reports/."""
