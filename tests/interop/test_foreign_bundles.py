"""What ``cosign attest-blob`` makes of a predicate joins a chain of ours."""

from __future__ import annotations

import json

import pytest
from vendor import write_key
from world import BUILDER, World, codes, descriptor

from attest.bundle import numbered_lines

pytestmark = pytest.mark.interop

SLSA = "https://slsa.dev/provenance/v1"


@pytest.mark.parametrize("kind", ["slsaprovenance1", SLSA])
def test_a_build_that_cosign_attested_is_a_step(cosign, tmp_path, kind):
    world = World()
    data, blob = world.dataset("digits"), tmp_path / "model.bin"
    blob.write_bytes(b"weights")
    predicate = {
        "buildDefinition": {
            "buildType": "https://ci.example/build/v3",
            "externalParameters": {"runs": 3},
            "resolvedDependencies": [descriptor(data, "digits.parquet")],
        },
        "runDetails": {"builder": {"id": BUILDER}},
    }
    (tmp_path / "predicate.json").write_text(json.dumps(predicate))
    bundle = tmp_path / "model.bin.sigstore.json"
    key = write_key(tmp_path, "ci")
    cosign.attest(blob, tmp_path / "predicate.json", kind, key, bundle)
    ((_, made),) = numbered_lines(bundle)
    assert made.statement().predicate_type == SLSA
    world.bundles.append(made)
    (artifact,) = (each.artifact for each in made.statement().subjects)
    lineage = world.review(artifact).lineage
    assert set(lineage.ancestors) == {artifact, data}
    assert [node.evidence.granted for node in lineage.steps] == [("ci",)]
    assert "complete-lineage/inputs-partial" in codes(world.judge(artifact))
    payload = json.loads(made.payload)
    assert payload["_type"] == "https://in-toto.io/Statement/v0.1", (
        "cosign writes v1 now: drop what reads 0.1"
    )
