"""attest inspect: everything a file says, shown so that nothing of it can deceive, and believed by nobody."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from stores.samples import bundle, pretty, signed
from vendor import attest
from world import good_world, signer

from attest.bundle import key_bundle, write_lines
from attest.digest import sha256_bytes

CLAIM = "NOT VERIFIED: this is what the file says. Whether it is true, and who signed it, was not checked."
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
HOSTILE = "m\x1b[2J\u202e\u200b\n<b>\x9b\x7f" + "\u0301" * 9
MODEL = "model.safetensors"


@pytest.fixture
def inspect(tmp_path, capsys):
    """Inspect bundles (or raw bytes of a file) and return exit code and what was said."""
    file = tmp_path / "a.jsonl"

    def run(content, *words):
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            write_lines(file, content)
        capsys.readouterr()
        code = attest("inspect", file, *words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def payload(**changes):
    value = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": MODEL, "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.org/any/v1",
        "predicate": {},
        **changes,
    }
    return json.dumps(value).encode()


def test_every_line_with_what_it_claims(inspect):
    world, release = good_world()
    code, out, _ = inspect(world.bundles)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == lines[-1] == CLAIM
    for number, each in enumerate(world.bundles, 1):
        assert re.search(rf"^line {number}  ", out, re.MULTILINE)
        assert f"  statement  sha256:{each.statement_digest}" in out
    assert f"  about      release/  {release.artifact}" in out
    assert f"  signer     claims key sha256:{signer('desk').public.fingerprint}" in out
    assert "  time       none" in out
    assert "8 bundles of 8 statements: 1 contents, 1 dataset, 1 quantize step, 1 register, " in out


def test_json_says_the_same(inspect):
    world, release = good_world()
    code, out, _ = inspect(world.bundles, "--json")
    said = json.loads(out)
    assert (code, said["verified"]) == (0, False)
    first = said["lines"][0]
    assert first == {
        "line": 1,
        "statement": f"sha256:{world.bundles[0].statement_digest}",
        "signer": {"key": signer("desk").public.fingerprint},
        "timestamps": 0,
        "logEntries": 0,
        "type": "https://w3id.org/attest/dataset/v0.1",
        "kind": "dataset",
        "subjects": [{"name": "digits", "artifact": str(next(iter(world.names)))}],
        "suspects": [],
        "published": None,
        "copy": False,
    }
    assert [each["kind"] for each in said["lines"]].count("train step") == 1
    assert said["totals"]["bundles"] == 8
    assert str(release.artifact) in {s["artifact"] for each in said["lines"] for s in each["subjects"]}


def test_as_published_is_everything_that_leaves(inspect):
    """Payload and what is around it, to the last character."""
    stamped = key_bundle(bundle("a").payload, b"signature", "hint", [b"token"])
    world, _ = good_world()
    everything = [*world.bundles, stamped]
    _, out, _ = inspect(everything, "--as-published", "--json")
    for entry, each in zip(json.loads(out)["lines"], everything, strict=True):
        assert entry["published"]["statement"] == json.loads(each.payload)
        around = json.loads(each.raw)
        del around["mediaType"]
        del around["dsseEnvelope"]["payload"]
        assert entry["published"]["around"] == around
    _, out, _ = inspect(everything, "--as-published")
    whole = [json.loads(text) for text in re.findall(r"^    (\{.*?^    \})$", out, re.MULTILINE | re.DOTALL)]
    assert [each["statement"] for each in whole] == [json.loads(each.payload) for each in everything]


def test_nothing_hostile_reaches_the_terminal(inspect):
    predicate = {HOSTILE: [HOSTILE, {"deep": HOSTILE}], "buildDefinition": HOSTILE}
    subjects = [{"name": HOSTILE, "digest": {"sha256": "0" * 64}}]
    hostile = [
        key_bundle(payload(predicate=predicate, subject=subjects), b"", HOSTILE),
        key_bundle(payload(predicateType=HOSTILE), b"", "hint"),
        key_bundle(payload(_type=HOSTILE), b"", "hint"),
        key_bundle(HOSTILE.encode(), b"", "hint"),
        key_bundle(b"\xff\x1b[2J", b"", "hint"),
    ]
    unknown = json.dumps({"mediaType": HOSTILE}).encode()
    content = b"".join(each.line + b"\n" for each in hostile) + unknown
    for words in ([], ["--as-published"], ["--json"], ["--as-published", "--json"]):
        code, out, err = inspect(content, *words)
        assert code == 0
        assert {unicodedata.category(char) for char in (out + err).replace("\n", "")} & HIDDEN == set(), words
        assert "\u0301" * 4 not in out
    assert len([line for line in inspect(content)[1].splitlines() if line.startswith("line ")]) == 6


def test_copies_and_several_signers_are_told_from_statements(inspect):
    _, out, _ = inspect([bundle("a"), bundle("a", signer="bob"), bundle("b")])
    assert "(again, in another bundle)" in out
    assert "3 bundles of 2 statements: 2 other" in out


def test_unknown_lines_and_unreadable_statements_are_counted(inspect):
    broken = [key_bundle(b'{"a": 1, "a": 2}', b"", "h"), key_bundle(b"text", b"", "h")]
    content = b"".join(each.line + b"\n" for each in [bundle("a"), *broken]) + b'{"hello": 1}\n[7]\n'
    code, out, _ = inspect(content)
    assert code == 0
    assert "line 2  UNREADABLE" in out
    assert "because    duplicate key 'a'" in out
    assert "line 4  UNKNOWN LINE: mediaType: got 'None'" in out
    assert "line 5  UNKNOWN LINE: bundle: expected an object, got list" in out
    assert "2 unreadable statements" in out
    assert "2 unknown lines" in out


def test_one_pretty_printed_bundle(inspect):
    code, out, _ = inspect(pretty(bundle("a")).raw)
    assert code == 0
    assert "1 bundle of 1 statement" in out


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", 0, "0 bundles of 0 statements: nothing"),
        (bundle("a").raw + b"\n" + bundle("b").raw[:-9], 4, "a.jsonl:2: not JSON"),
        (b'{"a": 1, "a": 2}', 4, "a.jsonl:1: duplicate key 'a'"),
        (b"\xff\xfe", 4, "a.jsonl:1: not UTF-8 at byte 0"),
        (b"[" * 10_000, 4, "json depth"),
    ],
    ids=["empty", "truncated", "duplicate keys", "not UTF-8", "deep"],
)
def test_bad_files(inspect, content, code, said):
    got, out, err = inspect(content)
    assert got == code
    assert said in (err if code else out)


def test_limits_and_missing_files(inspect, tmp_path, capsys):
    code, _, err = inspect([bundle("a"), bundle("b")], "--limit", "statements=1")
    assert (code, "statements: 2 is above the limit of 1" in err) == (4, True)
    code, _, err = inspect([key_bundle(payload(predicate={"a": "x" * 70_000}), b"", "")])
    assert (code, "string bytes" in err) == (4, True)
    assert attest("inspect", tmp_path / "missing.jsonl") == 4
    assert "missing.jsonl: cannot be read: No such file" in capsys.readouterr().err
    assert attest("inspect", tmp_path) == 4


def certificate(*names, subject="provenance"):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)] if subject else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def with_certificate(der, **material):
    import base64

    value = json.loads(bundle("a").raw)
    value["verificationMaterial"] = {
        "certificate": {"rawBytes": base64.b64encode(der).decode()},
        "tlogEntries": [],
        **material,
    }
    return json.dumps(value).encode()


def test_a_certificate_is_shown_by_its_names(inspect):
    uri = x509.UniformResourceIdentifier("https://ci.example/train@refs/tags/v1")
    der = certificate(uri, x509.RFC822Name("ci@vendor.example"))
    _, out, _ = inspect(with_certificate(der, tlogEntries=[{"logIndex": "1"}]))
    names = "CN=provenance, https://ci.example/train@refs/tags/v1, ci@vendor.example"
    assert f"signer     claims certificate sha256:{sha256_bytes(der)} of {names}" in out
    assert "time       0 timestamps, 1 in a transparency log" in out
    _, out, _ = inspect(with_certificate(certificate(uri, subject="")), "--json")
    assert json.loads(out)["lines"][0]["signer"]["names"] == ["https://ci.example/train@refs/tags/v1"]
    _, out, _ = inspect(with_certificate(certificate(subject="only")))
    assert "of CN=only" in out


@pytest.mark.parametrize("der", [b"", b"no certificate", certificate()[:-5]])
def test_a_certificate_nobody_can_read_is_no_crash(inspect, der):
    code, out, _ = inspect(with_certificate(der))
    assert code == 0
    assert "of nobody that can be read" in out


def test_a_hint_that_is_no_key_digest_is_shown_as_it_is(inspect):
    _, out, _ = inspect(
        [key_bundle(bundle("a").payload, b"", "my key"), key_bundle(bundle("b").payload, b"", "")]
    )
    assert "signer     claims a key called my key" in out
    assert "signer     claims a key called (no name)" in out


def test_what_looks_secret_or_personal_is_pointed_out(inspect):
    token = "ghp_" + "a1B2" * 9
    predicate = {
        "command": ["curl", f"https://x.example/?token={token}"],
        "a/b": {"mail": "write to jane.doe@corp.example today"},
        "path": "/home/jane/data",
        "windows": "C:\\Users\\jane\\data",
        "fine": ["git@github.com:acme/x", "https://x.example/@scope", "a@b", "/data/home"],
    }
    code, out, _ = inspect([signed(payload(predicate=predicate))])
    assert code == 0
    assert "LOOK AT    /predicate/command/1: looks like " in out
    assert token not in out
    assert "LOOK AT    /predicate/a~1b/mail: looks like an e-mail address, 'jane.doe@corp.example'" in out
    assert "LOOK AT    /predicate/path: looks like somebody's folder, '/home/jane'" in out
    assert "LOOK AT    /predicate/windows: looks like somebody's folder" in out
    assert "/predicate/fine" not in out
    assert "4 places to look at before this leaves" in out
    assert token in inspect([signed(payload(predicate=predicate))], "--as-published")[1]


def test_an_ordinary_bundle_has_nothing_to_look_at(inspect):
    world, _ = good_world()
    assert "LOOK AT" not in inspect(world.bundles)[1]
