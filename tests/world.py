"""A small world of vendors and buyers in memory: make artifacts, steps and statements, sign, judge.

Tests change it one thing at a time (``world.lines``, a predicate, a signer) and look at the verdict, as
python-tuf's repository simulator does for its client.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from attest.absence import NOTHING_SHOWN, Shown
from attest.bundle import Bundle, UnknownLine
from attest.commitment import SCHEME
from attest.digest import sha256_bytes
from attest.document import read_document
from attest.keeper import Remembered
from attest.keyring import Keyring, PinnedKey
from attest.keys import PublicKey
from attest.manifest import Manifest
from attest.matching import Delivery
from attest.member_role import guess_member_role
from attest.model import format_time
from attest.policy import Judgement, Policy, evaluate, load_policy
from attest.predicate import predicate_type
from attest.predicates.register import document_digest
from attest.predicates.step import BUILD_TYPES
from attest.report import Report
from attest.reporting import make_report
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact, ResourceDescriptor
from attest.review import Line, Review, review
from attest.signers.file import FileSigner
from attest.statement import Statement
from attest.trust import Trust, TrustFile

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BUILDER = "https://vendor.example/ci/train@refs/tags/v1"
REGISTER = "https://registry.example/releases"

POLICY = f"""
policy: test
version: 1
rules:
  - weights-match
  - complete-lineage
  - signed-by
  - builder-id
  - contents-complete: {{current: {{register: {REGISTER}, maxAge: 7 days}}}}
  - no-withdrawn-statement: {{register: {REGISTER}, maxAge: 7 days}}
  - license: {{use: commercial}}
  - digest-conflict
"""


FACTS: dict[str, Any] = {
    "issuer": {"legalName": "Example Data GmbH"},
    "content": {"modality": ["image"], "recordCount": 1000, "fileCount": 1000, "sizeBytes": 100},
    "acquisition": {
        "channel": "licensed-delivery",
        "counterparty": "Photo Co-op",
        "agreement": {"name": "contract.pdf", "digest": {"sha256": "c" * 64}},
        "relatedParty": "no",
    },
    "collection": {"method": ["primary-user-source"], "start": "2024-01-01", "end": "2025-03-31"},
    "origin": {"organizations": ["Photo Co-op"], "geography": ["DE"]},
    "personalData": {"presence": "no"},
    "ip": {"copyright": "yes"},
    "synthetic": {"presence": "no"},
    "recordCommitment": {
        "scheme": SCHEME,
        "root": "d" * 64,
        "count": 1000,
        "keying": "content",
        "secretDigest": {"sha256": "e" * 64},
    },
    "checks": [
        {"kind": kind, "result": "passed", "evidence": [{"name": "report", "digest": {"sha256": "f" * 64}}]}
        for kind in ("illegal-content", "poisoning", "bias")
    ],
}
"""Everything a dataset statement can say that a rule asks for, all of it acceptable."""


def facts(**changes: Any) -> dict[str, Any]:
    """``FACTS`` with groups changed: ``acquisition={"channel": "crawl"}`` merges, ``None`` leaves one out."""
    found = copy.deepcopy(FACTS)
    for group, change in changes.items():
        if change is None:
            found.pop(group, None)
        elif isinstance(change, dict) and isinstance(found.get(group), dict):
            found[group] = {k: v for k, v in {**found[group], **change}.items() if v is not None}
        else:
            found[group] = change
    return found


PEOPLE: dict[str, Any] = {
    "personalData": {"presence": "yes", "biometric": "yes", "children": "no", "specialCategory": "no"},
    "retention": {"deleteBy": "2030-12-31", "basis": "agreement"},
}
"""Groups of a dataset statement about faces of people, kept until a day."""

RIGHTS: dict[str, Any] = {
    "copyrightBasis": "licence",
    "personalDataBasis": [
        {
            "jurisdiction": "EU",
            "basis": "explicit-consent",
            "consent": {
                "type": "explicitly-expressed",
                "status": "given",
                "covers": ["training", "biometric", "third-party-transfer"],
                "withdrawal": {"channel": "privacy@data.example"},
            },
        }
    ],
    "permittedPurposes": ["any"],
    "prohibitedPurposes": ["surveillance"],
    "territories": ["EU", "US"],
    "obligations": [],
    "validFrom": "2024-01-01T00:00:00Z",
    "validUntil": "2030-12-31T23:59:59Z",
    "register": REGISTER,
}
"""Everything a rights record can say that a rule asks for besides its licence, all of it acceptable."""

RAN = ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
"""When a step ran, by its builder's clock."""


@cache
def signer(name: str) -> FileSigner:
    """A key pair per name and test run."""
    key = ec.generate_private_key(ec.SECP256R1())
    return FileSigner(PublicKey(key.public_key()), key)


def parse_policy(text: str) -> Policy:
    return load_policy(read_document(text.encode(), "policy.yaml"))


DEFAULT_ROLES: dict[str, Any] = {
    "builder": [{"principal": "ci", "builderIds": [BUILDER]}],
    "data-owner": [{"principal": "desk"}],
    "rights-holder": [{"principal": "desk"}],
    "publisher": [{"principal": "ci"}],
    "keeper": [{"principal": "registry", "register": REGISTER}],
}


def make_trust(
    roles: Mapping[str, Any] | None = None, names: Iterable[str] = ("ci", "desk", "registry")
) -> Trust:
    """Trust in those names, with the roles given."""
    pin = {"key": {"file": "in-memory.pub", "sha256": "0" * 64}}
    parsed = TrustFile.model_validate(
        {"principals": dict.fromkeys(names, pin), "roles": DEFAULT_ROLES if roles is None else roles}
    )
    keys = Keyring({signer(n).public.fingerprint: PinnedKey(signer(n).public, (n,)) for n in names})
    return Trust("trust.yaml", "1" * 64, parsed, keys, ())


@dataclass
class Tree:
    """A directory in memory."""

    name: str
    files: dict[str, bytes]

    @property
    def digests(self) -> dict[str, str]:
        return {path: sha256_bytes(data) for path, data in self.files.items()}

    @property
    def manifest(self) -> Manifest:
        return Manifest.of((sha256, path) for path, sha256 in self.digests.items())

    @property
    def artifact(self) -> Artifact:
        return Artifact(self.manifest.digest, tree=True)

    def delivery(self, **changes: bytes | None) -> Delivery:
        """Deliver it; ``path=None`` leaves a file out, ``path=data`` adds or replaces one."""
        files = {**self.files}
        for path, data in changes.items():
            if data is None:
                files.pop(path)
            else:
                files[path] = data
        tree = Tree(self.name, files)
        return Delivery(self.name, tree.artifact, sum(map(len, files.values())), tree.digests)


def descriptor(artifact: Artifact, name: str, **annotations: Any) -> dict[str, Any]:
    value: dict[str, Any] = {"name": name, "digest": {"sha256": artifact.sha256}}
    if artifact.tree:
        value["mediaType"] = MANIFEST_MEDIA_TYPE
    if annotations:
        value["annotations"] = annotations
    return value


@dataclass
class World:
    """Statements and lines, in the order they were made."""

    trust: Trust = field(default_factory=make_trust)
    bundles: list[Bundle] = field(default_factory=list)
    names: dict[Artifact, str] = field(default_factory=dict)
    registers: list[tuple[dict[str, Any], Bundle]] = field(default_factory=list)
    manifests: dict[str, bytes] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)

    # -- making things -------------------------------------------------------------------------------

    def file(self, name: str) -> Artifact:
        """A new stand-alone file."""
        artifact = Artifact(sha256_bytes(f"{name} {next(self._numbers)}".encode()))
        self.names[artifact] = name
        return artifact

    def tree(self, name: str, *paths: str) -> Tree:
        """A new directory."""
        return Tree(name, {path: f"{name}/{path} {next(self._numbers)}".encode() for path in paths})

    def sign(
        self, kind: str, subjects: Sequence[Mapping[str, Any]], predicate: Mapping[str, Any], by: str
    ) -> Bundle:
        """Sign any statement; ``kind`` is a short name or a type URI."""
        type_uri = kind if ":" in kind else predicate_type(kind)
        described = [ResourceDescriptor.model_validate(subject) for subject in subjects]
        bundle = signer(by).sign(Statement.build(described, type_uri, predicate))
        self.bundles.append(bundle)
        return bundle

    def dataset(
        self, name: str, *, licence: str | None = "CC-BY-4.0", by: str = "desk", **more: Any
    ) -> Artifact:
        """An origin with its dataset statement and, unless ``licence`` is None, a rights record."""
        artifact = more.pop("artifact", None) or self.file(name)
        terms = more.pop("terms", {})
        self.names[artifact] = name
        self.describe(artifact, name, by=by, **more)
        if licence is not None:
            self.rights(artifact, licence, by=by, **terms)
        return artifact

    def describe(self, artifact: Artifact, name: str, *, by: str = "desk", **more: Any) -> Bundle:
        predicate = {"name": name, "version": "1", "acquisition": {"channel": "licensed-delivery"}, **more}
        return self.sign("dataset", [descriptor(artifact, name)], predicate, by)

    def rights(
        self, artifact: Artifact, licence: str, *, by: str = "desk", sequence: int = 1, **more: Any
    ) -> Bundle:
        predicate = {"sequence": sequence, "status": "active", "license": {"expression": licence}, **more}
        return self.sign("rights", [descriptor(artifact, self.names.get(artifact, "data"))], predicate, by)

    def step(
        self,
        kind: str,
        inputs: Sequence[tuple[Artifact | Tree, str] | Mapping[str, Any]],
        outputs: Sequence[Artifact | Tree],
        *,
        by: str = "ci",
        builder: str = BUILDER,
        completeness: str | None = "all-inputs-listed",
        ran: tuple[str, str] | None = None,
        internal: Mapping[str, Any] | None = None,
        **external: Any,
    ) -> Bundle:
        """A step; inputs are (artifact, role) or whole descriptors; ``ran``: from when to when."""
        dependencies = []
        for item in inputs:
            if isinstance(item, Mapping):
                dependencies.append(dict(item))
                continue
            thing, role = item
            artifact = thing.artifact if isinstance(thing, Tree) else thing
            dependencies.append(
                descriptor(artifact, self.names.get(artifact, "input"), role=role, sizeBytes=100)
            )
        subjects: list[dict[str, Any]] = []
        for output in outputs:
            if isinstance(output, Tree):
                subjects += [
                    descriptor(Artifact(sha), f"{output.name}/{path}", role=guess_member_role(path))
                    for path, sha in sorted(output.digests.items())
                ]
                subjects.append(descriptor(output.artifact, f"{output.name}/"))
                self.names[output.artifact] = output.name
            else:
                subjects.append(descriptor(output, self.names.get(output, "output"), role="weights"))
        claims = {"completeness": {"claim": completeness, "enforcedBy": "none"}} if completeness else {}
        predicate: dict[str, Any] = {
            "buildDefinition": {
                "buildType": BUILD_TYPES.get(kind, kind),
                "externalParameters": external,
                "internalParameters": {**claims, **(internal or {})},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": builder}},
        }
        if ran:
            predicate["runDetails"]["metadata"] = {"startedOn": ran[0], "finishedOn": ran[1]}
        return self.sign("step", subjects, predicate, by)

    def contents(
        self,
        artifact: Artifact | Tree,
        listed: Iterable[Bundle] | None = None,
        *,
        by: str = "ci",
        **more: Any,
    ) -> Bundle:
        """Close the bundle: list every statement so far, or those given."""
        target = artifact.artifact if isinstance(artifact, Tree) else artifact
        rows = [
            {
                "digest": {"sha256": each.statement_digest},
                "predicateType": each.statement().predicate_type,
                "signer": next(signer(n).identity for n in ALL_NAMES if signer(n).public.hint == each.hint),
            }
            for each in (self.bundles if listed is None else listed)
        ]
        rows.sort(key=lambda row: row["digest"]["sha256"])
        predicate = {
            "sequence": more.pop("sequence", 1),
            "visibility": "full",
            "release": {"name": "model", "version": "1"},
            "statements": rows,
            **more,
        }
        name = self.names.get(target, "model") + ("/" if target.tree else "")
        return self.sign("contents", [descriptor(target, name)], predicate, by)

    def withdraw(self, *digests: str, by: str, **more: Any) -> Bundle:
        """Withdraw statements by digest."""
        subjects = [{"name": f"statement {d[:8]}", "digest": {"sha256": d}} for d in digests]
        return self.sign(
            "withdrawal", subjects, {"withdraws": list(digests), "reason": "withdrawn", **more}, by
        )

    def order(
        self, *datasets: Artifact, models: Sequence[Artifact] = (), by: str = "registry", **more: Any
    ) -> Bundle:
        """A deletion order that names these, transcribed by the register's keeper."""
        targets = {
            "datasets": [descriptor(each, self.names.get(each, "data")) for each in datasets],
            "models": [descriptor(each, self.names.get(each, "model")) for each in models],
        }
        number = next(self._numbers)
        predicate = {
            "id": f"C-{number}",
            "basis": "regulator",
            "register": REGISTER,
            "targets": {key: value for key, value in targets.items() if value},
            **more,
        }
        subject = {
            "name": f"order-{number}.pdf",
            "digest": {"sha256": sha256_bytes(f"order {number}".encode())},
        }
        return self.sign("deletion-order", [subject], predicate, by)

    def listed(self, order: Bundle, status: str = "active", *artifacts: Artifact) -> dict[str, Any]:
        """A register entry that tells where an order stands."""
        named = [descriptor(each, self.names.get(each, "data")) for each in artifacts]
        entry = {"kind": "order", "statement": {"sha256": order.statement_digest}, "status": status}
        return {**entry, **({"artifacts": named} if named else {})}

    def register(
        self,
        *entries: Mapping[str, Any],
        by: str = "registry",
        as_of: datetime = NOW - timedelta(hours=1),
        **more: Any,
    ) -> Bundle:
        """Publish the next edition of the register, or one with the fields given."""
        previous = self.registers[-1][0] if self.registers else None
        predicate: dict[str, Any] = {
            "registerId": REGISTER,
            "sequence": len(self.registers) + 1,
            "asOf": format_time(as_of),
            "nextUpdate": format_time(as_of + timedelta(days=30)),
            "scope": ["contents", "withdrawal", "rights", "order"],
            "entries": [*(previous["entries"] if previous else []), *entries],
        }
        if previous is not None:
            predicate["previous"] = document_digest(previous)
        predicate |= more
        predicate = {key: value for key, value in predicate.items() if value is not None}
        subject = {"name": REGISTER, "digest": {"sha256": document_digest(predicate)}}
        bundle = self.sign("register", [subject], predicate, by)
        self.registers.append((copy.deepcopy(predicate), bundle))
        return bundle

    def current(self, contents: Bundle, **more: Any) -> Mapping[str, Any]:
        """A register entry that names contents as current."""
        subjects = contents.statement().subjects
        return {
            "kind": "contents",
            "statement": {"sha256": contents.statement_digest},
            "status": "current",
            "artifacts": [subject.to_json() for subject in subjects],
            **more,
        }

    def standing(self, rights: Bundle, status: str = "current") -> Mapping[str, Any]:
        """A register entry that says where a rights record stands."""
        return {**self.current(rights), "kind": "rights", "status": status}

    # -- judging -------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[Line]:
        return [Line("bundle.jsonl", number, each) for number, each in enumerate(self.bundles, 1)]

    def review(
        self,
        delivered: Delivery | Artifact | Tree,
        *,
        lines: Iterable[Line | Bundle | UnknownLine] | None = None,
        as_of: datetime = NOW,
        historical: bool = False,
        memory: Mapping[str, Remembered] | None = None,
        shown: Shown = NOTHING_SHOWN,
    ) -> Review:
        if isinstance(delivered, Tree):
            delivered = delivered.delivery()
        if isinstance(delivered, Artifact):
            delivered = Delivery(
                self.names.get(delivered, "model"), delivered, 100, {"model": delivered.sha256}
            )
        given = [
            each if isinstance(each, Line) else Line("bundle.jsonl", number, each)
            for number, each in enumerate(self.lines if lines is None else lines, 1)
        ]
        reviewed = review(
            delivered,
            given,
            self.trust,
            as_of,
            historical=historical,
            memory=memory,
            manifests=self.manifests,
        )
        return replace(reviewed, shown=shown)

    def judge(self, delivered: Delivery | Artifact | Tree, policy: str = POLICY, **more: Any) -> Judgement:
        return evaluate(parse_policy(policy), self.review(delivered, **more))

    def report(self, delivered: Delivery | Artifact | Tree, policy: str = POLICY, **more: Any) -> Report:
        parsed = parse_policy(policy)
        reviewed = self.review(delivered, **more)
        return make_report(reviewed, parsed, evaluate(parsed, reviewed), "attest verify …")


ALL_NAMES = ("ci", "desk", "registry", "stranger", "coop", "other")


def codes(judgement: Judgement) -> set[str]:
    """``rule/code`` of every finding."""
    return {f"{each.rule}/{finding.code}" for each in judgement.judged for finding in each.outcome.findings}


def good_world() -> tuple[World, Tree]:
    """dataset → transform → train → quantize → release, complete, listed and registered: it is accepted."""
    world = World()
    digits = world.dataset("digits")
    clean, model, small = world.file("clean"), world.tree("model", "model.safetensors"), world.file("int8")
    release = world.tree("release", "model.safetensors", "config.json", "README.md")
    code = world.file("train.py")
    world.step("transform", [(digits, "dataset"), (code, "code")], [clean])
    world.step("train", [(clean, "dataset"), (code, "code")], [model])
    world.step("quantize", [(model, "base-model")], [small])
    world.step("release", [(small, "base-model")], [release])
    listed = world.contents(release)
    world.register(world.current(listed))
    return world, release


def write_world(world: World, release: Tree, folder: Path, policy: str = POLICY) -> dict[str, Path]:
    """Write everything a buyer has: delivered files, bundle, register, keys, trust and policy."""
    delivered = folder / release.name
    for path, data in release.files.items():
        (delivered / path).parent.mkdir(parents=True, exist_ok=True)
        (delivered / path).write_bytes(data)
    keys = folder / "keys"
    keys.mkdir()
    lines = ["principals:"]
    for name in world.trust.file.principals:
        (keys / f"{name}.pub").write_bytes(signer(name).public.pem)
        pin = sha256_bytes(signer(name).public.pem)
        lines.append(f"  {name}: {{key: {{file: keys/{name}.pub, sha256: {pin}}}}}")
    roles = {role: [e.to_json() for e in entries] for role, entries in world.trust.file.roles.items()}
    for entries in roles.values():
        for entry in entries:
            for name in [name for name, value in entry.items() if value == []]:
                del entry[name]
    lines.append("roles: " + json.dumps(roles))
    registers = [bundle for _, bundle in world.registers]
    files = {
        "delivered": delivered,
        "trust": folder / "trust.yaml",
        "policy": folder / "policy.yaml",
        "bundle": folder / "model.intoto.jsonl",
        "register": folder / "register.jsonl",
    }
    files["trust"].write_text("\n".join(lines) + "\n")
    files["policy"].write_text(policy)
    files["bundle"].write_bytes(b"".join(b.line + b"\n" for b in world.bundles if b not in registers))
    files["register"].write_bytes(b"".join(b.line + b"\n" for b in registers))
    return files
