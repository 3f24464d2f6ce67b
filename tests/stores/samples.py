"""Bundles to fill stores with; their signatures are noise, a store checks none."""

from __future__ import annotations

import hashlib
import json

from attest.bundle import key_bundle
from attest.resource import MANIFEST_MEDIA_TYPE, ResourceDescriptor
from attest.statement import LINK_TYPE, Statement

PROVENANCE = "https://slsa.dev/provenance/v1"


def sha(text):
    """A digest of nothing in particular, the same for the same text."""
    return hashlib.sha256(str(text).encode()).hexdigest()


def entry(name, *, tree=False, digest=None):
    value = {"name": str(name), "digest": {"sha256": digest or sha(name)}}
    return {**value, "mediaType": MANIFEST_MEDIA_TYPE} if tree else value


def signed(payload, signer="alice"):
    """A bundle of any payload."""
    hint = hashlib.sha256(signer.encode()).hexdigest()[:44]
    return key_bundle(payload, hashlib.sha512(payload + signer.encode()).digest(), hint)


def statement(subjects, predicate_type="https://example.org/any/v1", predicate=None):
    described = [ResourceDescriptor.model_validate(subject) for subject in subjects]
    return Statement.build(described, predicate_type, predicate or {})


def bundle(*names, predicate=None, signer="alice"):
    """A bundle of a statement about files of these names."""
    return signed(statement([entry(name) for name in names], predicate=predicate).payload, signer)


def step(outputs, inputs=(), byproducts=(), signer="alice"):
    """A bundle of a provenance statement; every argument lists entries."""
    predicate = {
        "buildDefinition": {
            "buildType": "https://w3id.org/attest/build-types/train/v0.1",
            "externalParameters": {},
            "resolvedDependencies": list(inputs),
        },
        "runDetails": {"builder": {"id": "https://example.org/b"}, "byproducts": list(byproducts)},
    }
    return signed(statement(outputs, PROVENANCE, predicate).payload, signer)


def link(products, materials=(), byproducts=()):
    """A bundle of a link of in-toto; its byproducts are no artifacts, the entries lead nowhere."""
    predicate = {"name": "s", "materials": list(materials), "byproducts": {"entries": list(byproducts)}}
    return signed(statement(products, LINK_TYPE, predicate).payload)


def dataset(name, origins, *, tree=False):
    """A bundle of a dataset made from these entries."""
    predicate = {"name": str(name), "version": "1", "derivedFrom": list(origins)}
    return signed(
        statement([entry(name, tree=tree)], "https://w3id.org/attest/dataset/v0.1", predicate).payload
    )


def distribution(name, *sent):
    """A bundle of a record of what was sent to somebody, about a thing of that name."""
    predicate = {"recipient": {"legalName": "Example GmbH"}, "what": list(sent)}
    made = statement([entry(name)], "https://w3id.org/attest/distribution/v0.1", predicate)
    return signed(made.payload)


def pretty(one):
    """The same bundle, written over several lines."""
    from attest.bundle import parse_bundle

    return parse_bundle(json.dumps(json.loads(one.raw), indent=2).encode() + b"\r\n")


def raws(store):
    return [one.raw for one in store.bundles()]
