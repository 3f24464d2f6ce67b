"""Lineages of any size for the other scripts: the same at every run, made as they are asked for.

Each step reads about four artifacts, half of them new and half of any age, and writes one or two. The bundles
are well-formed and as large as real ones; their signatures are noise, for stores check none.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from typing import NamedTuple

from attest.bundle import Bundle, parse_bundle
from attest.predicates.step import BUILD_TYPES

__all__ = ["Made", "bundles", "digest", "lines", "steps"]

HINT = hashlib.sha256(b"key").hexdigest()[:43].encode() + b"="


class Made(NamedTuple):
    """One step: what it read and what it wrote, as numbers of artifacts."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def digest(artifact: int) -> str:
    """Return the SHA-256 of an artifact by its number."""
    return hashlib.sha256(b"artifact %d" % artifact).hexdigest()


def steps(count: int) -> Iterator[Made]:
    """Yield that many steps; the first artifacts, one for a hundred steps, are data nobody made."""
    pick = random.Random(count)  # noqa: S311 - the same graph at every run
    known = max(10, count // 100)
    for _ in range(count):
        lowest = max(0, known - 1000)
        inputs = {
            pick.randrange(lowest if pick.random() < 0.5 else 0, known) for _ in range(pick.randint(3, 5))
        }
        outputs = range(known, known + pick.randint(1, 2))
        known = outputs.stop
        yield Made(tuple(sorted(inputs)), tuple(outputs))


def bundles(count: int) -> Iterator[Bundle]:
    """Yield the bundles of ``steps``."""
    return map(parse_bundle, lines(count))


def lines(count: int) -> Iterator[bytes]:
    """Yield the same as lines of an attestation bundle, as ``key_bundle`` would write them."""
    for number, made in enumerate(steps(count)):
        payload = _payload(number, made)
        signature = base64.b64encode(hashlib.sha512(payload).digest())
        yield _LINE % (base64.b64encode(payload), signature, HINT)


_LINE = (
    b'{"dsseEnvelope":{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"%s"}]},'
    b'"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",'
    b'"verificationMaterial":{"publicKey":{"hint":"%s"},"tlogEntries":[]}}'
)
_INPUT = (
    b'{"annotations":{"role":"dataset","sizeBytes":123456789},"digest":{"sha256":"%s"},'
    b'"name":"data/%d.parquet"}'
)
_STATEMENT = (
    b'{"_type":"https://in-toto.io/Statement/v1","predicate":{"buildDefinition":{"buildType":"%s",'
    b'"externalParameters":{"command":["python","-m","transform"],"seed":%d},"internalParameters":'
    b'{"completeness":{"claim":"all-inputs-listed","enforcedBy":"none"}},"resolvedDependencies":[%s]},'
    b'"runDetails":{"builder":{"id":"https://vendor.example/ci"},"metadata":{"invocationId":"%d"}}},'
    b'"predicateType":"https://slsa.dev/provenance/v1","subject":[%s]}'
)


def _payload(number: int, made: Made) -> bytes:
    inputs = b",".join(_INPUT % (digest(each).encode(), each) for each in made.inputs)
    outputs = b",".join(
        b'{"digest":{"sha256":"%s"},"name":"out/%d.parquet"}' % (digest(each).encode(), each)
        for each in made.outputs
    )
    return _STATEMENT % (BUILD_TYPES["transform"].encode(), number, inputs, number, outputs)
