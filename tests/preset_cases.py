"""Makes the cases that ship with the presets: ``python tests/preset_cases.py`` writes them anew.

Keys are made for it and forgotten; only what a buyer has is kept. Needs the openssl command (timestamps).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from test_timestamp import Authority
from world import FACTS, PEOPLE, RAN, RIGHTS, Tree, World, descriptor, facts, write_world

from attest.bundle import key_bundle
from attest.digest import sha256_bytes
from attest.policyfile import PRESETS, preset

FOLDER = Path(__file__).parent.parent / "attest" / "presets" / "cases"
AS_OF = "2026-12-01T00:00:00Z"
COUNTS = {"in": 1000, "out": 1000, "removed": 0}


def chain(described: dict[str, Any] | None = None, terms: dict[str, Any] | None = None) -> tuple[World, Tree]:
    """faces → transform → train → release, with everything a rule asks for."""
    world = World()
    stated = facts(**PEOPLE) if described is None else described
    granted = {"license": {"expression": "CC-BY-4.0", "training": "permitted"}} | (terms or RIGHTS)
    data = world.dataset("faces", terms=granted, **stated)
    clean, model = world.file("clean"), world.tree("model", "model.safetensors")
    release = world.tree("release", "model.safetensors", "config.json")
    how = {
        "completeness": {"claim": "all-inputs-listed", "enforcedBy": "observed"},
        "recorded": "during",
    }
    world.step("transform", [(data, "dataset")], [clean], ran=RAN, internal=how | {"counts": COUNTS})
    world.step("train", [(clean, "dataset")], [model], ran=RAN, internal=how)
    world.step("release", [(model, "base-model")], [release], ran=RAN, internal=how)
    for thing, name, by in ((release.artifact, "release/", "ci"), (data, "faces", "ci")):
        subject = [descriptor(thing, name)]
        world.sign("distribution", subject, {"nobody": "yes", "when": "2026-04-01T00:00:00Z"}, by)
    return world, release


def without(bundle_of: World, kind: str) -> None:
    """Leave out every statement of a kind: the publisher's list still names them."""
    bundle_of.bundles = [
        each for each in bundle_of.bundles if f"/{kind}/" not in each.statement().predicate_type
    ]


def case(folder: Path, name: str, world: World, release: Tree, tsa: Authority) -> None:
    """Write bundle and trust of one case, every statement with a timestamp."""
    world.bundles = [
        key_bundle(each.payload, each.signature, each.hint or "", [tsa.stamp(each.signature)])
        for each in world.bundles
    ]
    with tempfile.TemporaryDirectory() as scratch:
        files = write_world(world, release, Path(scratch))
        trust = files["trust"].read_text()
        (folder / f"{name}.intoto.jsonl").write_bytes(files["bundle"].read_bytes())
        keys = folder / "keys"
        keys.mkdir(exist_ok=True)
        for key in (Path(scratch) / "keys").iterdir():
            (keys / key.name).write_bytes(key.read_bytes())
    (keys / "tsa.pem").write_bytes(tsa.chain)
    pin = sha256_bytes(tsa.chain)
    roots = f"roots: {{timestamp: [{{file: keys/tsa.pem, sha256: {pin}}}]}}\n"
    (folder / "trust.yaml").write_text(trust + roots)


def variants(name: str) -> dict[str, tuple[World, Tree]]:
    """What a preset has to accept and refuse, by the name of the case."""
    anonymous = {k: v for k, v in FACTS.items() if k != "personalData"} | {
        "personalData": {"presence": "no", "biometric": "no", "children": "no", "specialCategory": "no"},
        "retention": PEOPLE["retention"],
    }
    good = chain(anonymous) if name == "high-assurance" else chain()
    cases = {"complete": good}
    if name == "high-assurance":
        cases["biometric data, which this policy does not allow"] = chain()
        cases["nobody checked the data"] = chain({k: v for k, v in anonymous.items() if k != "checks"})
    else:
        terms = RIGHTS | {"license": {"expression": "CC-BY-NC-4.0", "training": "permitted"}}
        cases["a licence for noncommercial use"] = chain(terms=terms)
    if name == "biometric":
        basis = RIGHTS["personalDataBasis"][0]
        none = [{**basis, "basis": "none", "consent": {"status": "refused"}}]
        cases["faces without consent"] = chain(terms=RIGHTS | {"personalDataBasis": none})
        crawled = facts(**PEOPLE, acquisition={"channel": "crawl"})
        cases["faces from the web"] = chain(crawled)
    hidden = chain(anonymous) if name == "high-assurance" else chain()
    cases["the dataset statement was left out"] = hidden
    return cases


def main() -> int:
    """Write every case, and what the policy says of it: read the difference before you keep it."""
    from attest.cli.trial import run_case
    from attest.limits import DEFAULT
    from attest.policyfile import CaseEntry

    with tempfile.TemporaryDirectory() as scratch:
        tsa = Authority(Path(scratch), "preset-cases")
        for name in PRESETS:
            folder = FOLDER / name
            folder.mkdir(parents=True, exist_ok=True)
            entries = []
            for number, (title, (world, release)) in enumerate(variants(name).items()):
                world.contents(release)
                if title == "the dataset statement was left out":
                    without(world, "dataset")
                case(folder, f"case-{number}", world, release, tsa)
                entry = {
                    "name": title,
                    "bundle": f"{name}/case-{number}.intoto.jsonl",
                    "trust": f"{name}/trust.yaml",
                    "asOf": AS_OF,
                }
                probe = CaseEntry.from_json(entry | {"expect": "ACCEPT"})
                result = run_case(probe, FOLDER, f"preset:{name}", DEFAULT)
                entry |= {"expect": result.verdict}
                if result.unexpected:
                    entry |= {"findings": list(result.unexpected)}
                entries.append(entry)
                sys.stdout.write(f"{name}: {title}: {result.verdict} {', '.join(result.unexpected)}\n")
            head = f"# What the preset {name} must accept and must refuse. Made by tests/preset_cases.py.\n"
            rows = "".join(f"  - {json.dumps(each)}\n" for each in entries)
            (FOLDER / f"{name}.cases.yaml").write_text(f"{head}cases:\n{rows}")
            assert preset(name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
