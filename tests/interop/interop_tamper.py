"""One change at a time to a whole bundle of each kind, and who accepts what comes of it."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BASES", "CHANGES", "JUDGES", "KEY", "SEEN", "Change", "Material", "seen"]

BASES = ("keyless, Rekor v1", "keyless, Rekor v2", "key, time, Rekor v2")
V1, V2, KEY = BASES

JUDGES = ("attest", "cosign", "sigstore-go", "sigstore-js", "sigstore-python")

SEEN = Path(__file__).with_name("tampered.json")
"""What the last run saw that wrote it down: change → base → who accepts it, and our code for refusing it."""

Json = dict[str, Any]


def seen() -> dict[str, dict[str, tuple[frozenset[str], str | None]]]:
    """Return what ``SEEN`` holds."""
    kept = json.loads(SEEN.read_text("utf-8"))
    return {
        name: {base: (frozenset(who), code) for base, (who, code) in bases.items()}
        for name, bases in kept.items()
    }


@dataclass(frozen=True)
class Material:
    """A good bundle, and what can be taken from others to change it."""

    whole: Json
    other: Json
    """Of the same signer, over another statement."""
    again: Json
    """Of the same signer, over the same statement."""
    stranger: Json
    """Of another identity, over the same statement."""
    foreign: Json
    """Of the same kind on another stack of servers, over the same statement."""


def entry(value: Json) -> Json:
    found: Json = value["verificationMaterial"]["tlogEntries"][0]
    return found


def stamps(value: Json) -> list[Json]:
    found: list[Json] = value["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    return found


def flip(holder: Json, name: str, place: int) -> None:
    data = bytearray(base64.b64decode(holder[name]))
    data[place] ^= 1
    holder[name] = base64.b64encode(data).decode()


def more(holder: Json, name: str, by: int = 1) -> None:
    holder[name] = str(int(holder.get(name, 0)) + by)


Edit = Callable[[Json, Material], None]


@dataclass(frozen=True)
class Change:
    """What is changed, and why not everybody refuses it."""

    edit: Edit
    why: str = ""
    """Why those who accept it do."""
    impossible: frozenset[str] = frozenset()
    """Bases that have no such thing."""

    def made(self, material: Material) -> bytes:
        value = copy.deepcopy(material.whole)
        self.edit(value, material)
        return json.dumps(value).encode()


def _take(part: str, whose: str) -> Edit:
    """Take a part of another bundle."""

    def edit(value: Json, material: Material) -> None:
        value["verificationMaterial"][part] = copy.deepcopy(
            getattr(material, whose)["verificationMaterial"][part]
        )

    return edit


def _material(change: Callable[[Json], None]) -> Edit:
    return lambda value, _: change(value["verificationMaterial"])


def _entry(change: Callable[[Json], None]) -> Edit:
    return lambda value, _: change(entry(value))


def _proof(change: Callable[[Json], None]) -> Edit:
    return lambda value, _: change(entry(value)["inclusionProof"])


def _signature(value: Json) -> Json:
    found: Json = value["dsseEnvelope"]["signatures"][0]
    return found


def _checkpoint(old: str, new: str) -> Edit:
    def edit(value: Json, _: Material) -> None:
        checkpoint = entry(value)["inclusionProof"]["checkpoint"]
        assert old in checkpoint["envelope"]
        checkpoint["envelope"] = checkpoint["envelope"].replace(old, new, 1)

    return edit


def _log_of(whose: str, part: str) -> Edit:
    def edit(value: Json, material: Material) -> None:
        entry(value)[part] = copy.deepcopy(entry(getattr(material, whose))[part])

    return edit


NOT_ASKED = (
    "nobody asked attest or sigstore-js for a log entry here: a key's signature and its time stand by "
    "themselves"
)
UNKNOWN_LOG = (
    "to attest the entry of a log nobody pinned is no evidence, neither for nor against: signature and time "
    "remain"
)
REBUILT = (
    "cosign and sigstore-go do not read what the bundle says of a Rekor v2 entry, nor of an entry's kind: "
    "they make the entry anew out of signature and key, and look for that in the log"
)
PLACE = "nothing in Rekor v2 signs the place beside the proof's, and attest decides nothing by it"
V2_TIME = "a Rekor v2 tells no time: whoever accepts it does not read it"
PROMISE = (
    "without the log's promise the entry has no time of its own; proof, checkpoint and timestamp are enough "
    "for all"
)
REBUILT_PROOF = "cosign and sigstore-go take the entry's own place in place of the proof's"
CHECKPOINT = (
    "those who accept it take size or root from the signed checkpoint and leave aside what the bundle says "
    "of them"
)
V1_TIME = (
    "a Rekor v1 signs the time, too: where its promise is enough, a timestamp that is none is passed over; "
    "and sigstore-js was not told to want a time of a key's signature"
)
ONE_IS_ENOUGH = "those who accept it count each authority once, and one good timestamp is enough"
JS = "sigstore-js passes over fields it does not know"

NO_KEY = frozenset({KEY})
NOT_V2 = frozenset({V2, KEY})

CHANGES: dict[str, Change] = {
    "nothing": Change(lambda value, _: None),
    "payload: a bit": Change(lambda value, _: flip(value["dsseEnvelope"], "payload", 30)),
    "payload: another one of the signer": Change(
        lambda value, it: value["dsseEnvelope"].update(payload=it.other["dsseEnvelope"]["payload"])
    ),
    "payload type": Change(lambda value, _: value["dsseEnvelope"].update(payloadType="application/json")),
    "signature: a bit": Change(lambda value, _: flip(_signature(value), "sig", 20)),
    "signature: another one over the same": Change(
        lambda value, it: _signature(value).update(sig=_signature(it.again)["sig"])
    ),
    "envelope: all of another one": Change(
        lambda value, it: value.update(dsseEnvelope=it.other["dsseEnvelope"])
    ),
    "certificate: a bit": Change(
        lambda value, _: flip(value["verificationMaterial"]["certificate"], "rawBytes", 60), impossible=NO_KEY
    ),
    "certificate: a bit of its signature": Change(
        lambda value, _: flip(value["verificationMaterial"]["certificate"], "rawBytes", -3), impossible=NO_KEY
    ),
    "certificate: somebody else's": Change(_take("certificate", "stranger"), impossible=NO_KEY),
    "certificate: of another Fulcio": Change(_take("certificate", "foreign"), impossible=NO_KEY),
    "certificate and a key": Change(
        _material(lambda it: it.update(publicKey={"hint": "x"})), impossible=NO_KEY
    ),
    "certificate: as a chain of two": Change(
        lambda value, it: value["verificationMaterial"].update(
            x509CertificateChain={
                "certificates": [
                    value["verificationMaterial"].pop("certificate"),
                    it.stranger["verificationMaterial"]["certificate"],
                ]
            }
        ),
        impossible=NO_KEY,
    ),
    "log entry: none": Change(_material(lambda it: it.update(tlogEntries=[])), why=NOT_ASKED),
    "log entry: of another statement": Change(_take("tlogEntries", "other")),
    "log entry: of another signature over the same": Change(_take("tlogEntries", "again")),
    "log entry: of another log": Change(_take("tlogEntries", "foreign")),
    "log entry: twice": Change(_material(lambda it: it["tlogEntries"].append(it["tlogEntries"][0]))),
    "log entry: and one of another statement": Change(
        lambda value, it: value["verificationMaterial"]["tlogEntries"].append(entry(it.other))
    ),
    "log entry: another log's name": Change(
        _entry(lambda it: flip(it["logId"], "keyId", 3)), why=UNKNOWN_LOG
    ),
    "log entry: another kind": Change(
        _entry(lambda it: it.update(kindVersion={"kind": "intoto", "version": "0.0.2"})), why=REBUILT
    ),
    "log entry: another place": Change(_entry(lambda it: more(it, "logIndex")), why=PLACE),
    "log entry: its body": Change(_entry(lambda it: flip(it, "canonicalizedBody", 40)), why=REBUILT),
    "log entry: its body of another one": Change(_log_of("other", "canonicalizedBody"), why=REBUILT),
    "log entry: no body": Change(_entry(lambda it: it.pop("canonicalizedBody"))),
    "log entry: another time": Change(_entry(lambda it: more(it, "integratedTime", -60)), impossible=NOT_V2),
    "log entry: a time": Change(
        _entry(lambda it: it.update(integratedTime="1700000000")), impossible=frozenset({V1}), why=V2_TIME
    ),
    "log entry: the log's promise changed": Change(
        _entry(lambda it: flip(it["inclusionPromise"], "signedEntryTimestamp", 20)), impossible=NOT_V2
    ),
    "log entry: no promise": Change(
        _entry(lambda it: it.pop("inclusionPromise")), impossible=NOT_V2, why=PROMISE
    ),
    "proof: none": Change(_entry(lambda it: it.pop("inclusionProof"))),
    "proof: of another entry": Change(_log_of("other", "inclusionProof")),
    "proof: another place": Change(_proof(lambda it: more(it, "logIndex")), why=REBUILT_PROOF),
    "proof: another size": Change(_proof(lambda it: more(it, "treeSize")), why=CHECKPOINT),
    "proof: another root": Change(_proof(lambda it: flip(it, "rootHash", 3)), why=CHECKPOINT),
    "proof: a hash changed": Change(
        _proof(lambda it: it["hashes"].__setitem__(0, base64.b64encode(b"\1" * 32).decode()))
    ),
    "proof: a hash less": Change(_proof(lambda it: it["hashes"].pop())),
    "proof: a hash more": Change(_proof(lambda it: it["hashes"].append(it["hashes"][0]))),
    "checkpoint: none": Change(_proof(lambda it: it.pop("checkpoint"))),
    "checkpoint: its signature": Change(
        _proof(
            lambda it: it["checkpoint"].update(
                envelope=it["checkpoint"]["envelope"][:-9] + "AAAA" + it["checkpoint"]["envelope"][-5:]
            )
        )
    ),
    "checkpoint: its text": Change(_checkpoint(".local", ".locaI")),
    "time: none": Change(_material(lambda it: it.pop("timestampVerificationData")), why=V1_TIME),
    "time: of another signature": Change(_take("timestampVerificationData", "other"), why=V1_TIME),
    "time: of another authority": Change(_take("timestampVerificationData", "foreign"), why=V1_TIME),
    "time: a bit": Change(lambda value, _: flip(stamps(value)[0], "signedTimestamp", -5), why=V1_TIME),
    "time: garbage": Change(lambda value, _: stamps(value)[0].update(signedTimestamp="AAAA"), why=V1_TIME),
    "time: twice": Change(lambda value, _: stamps(value).append(stamps(value)[0]), why=ONE_IS_ENOUGH),
    "time: and one of another signature": Change(
        lambda value, it: stamps(value).append(stamps(it.other)[0]), why=ONE_IS_ENOUGH
    ),
    "an unknown field": Change(lambda value, _: value.update(more=1), why=JS),
    "an unknown field in the entry": Change(_entry(lambda it: it.update(more=1)), why=JS),
    "another media type": Change(lambda value, _: value.update(mediaType="application/json")),
}
