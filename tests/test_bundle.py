"""Sigstore bundles and JSON Lines of them: read whole, written back byte for byte, refused with a reason."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import signer

import attest.bundle as bundle_module
from attest.bundle import (
    MEDIA_TYPE,
    Bundle,
    UnknownLine,
    certificate_bundle,
    key_bundle,
    numbered_lines,
    parse_bundle,
    read_lines,
    with_evidence,
    write_lines,
)
from attest.canonical import canonical_bytes
from attest.envelope import IN_TOTO
from attest.errors import AttestError, FormatError, LimitError
from attest.limits import DEFAULT, Limits
from attest.resource import ResourceDescriptor
from attest.statement import Statement

STATEMENT = Statement.build(
    [ResourceDescriptor(name="a", digest={"sha256": "0" * 64})], "https://example.org/any/v1", {"n": 1}
)
BUNDLE = key_bundle(STATEMENT.payload, b"signature", "aGludA==")


def changed(**changes):
    """The bundle's JSON with fields replaced (dotted names, ``__`` for a dot) or removed (``None``)."""
    value = json.loads(BUNDLE.raw)
    for name, new in changes.items():
        *path, last = name.split("__")
        inner = value
        for part in path:
            inner = inner[int(part) if part.isdigit() else part]
        if new is None:
            del inner[last]
        else:
            inner[last] = new
    return json.dumps(value).encode()


def read(tmp_path, data, **limits):
    file = tmp_path / "file.jsonl"
    file.write_bytes(data)
    return list(read_lines(file, Limits(**limits)))


# ── one bundle ──


def test_what_is_written_is_read_back():
    stamped = key_bundle(STATEMENT.payload, b"sig", "hint", [b"token", b"other"])
    read_back = parse_bundle(stamped.raw)
    assert read_back == stamped
    assert (read_back.payload, read_back.signature, read_back.hint) == (STATEMENT.payload, b"sig", "hint")
    assert read_back.timestamps == (b"token", b"other")
    assert (read_back.certificate, read_back.log_entries) == (None, ())
    assert read_back.statement() == STATEMENT
    assert read_back.statement_digest == STATEMENT.digest


def test_it_is_written_as_known_verifiers_accept_it():
    """``tlogEntries`` present though empty, no ``keyid``, one signature: seen by running other clients."""
    value = json.loads(BUNDLE.raw)
    assert value["mediaType"] == MEDIA_TYPE
    assert value["verificationMaterial"] == {"publicKey": {"hint": "aGludA=="}, "tlogEntries": []}
    assert value["dsseEnvelope"]["payloadType"] == IN_TOTO
    assert value["dsseEnvelope"]["signatures"] == [{"sig": base64.b64encode(b"signature").decode()}]
    assert BUNDLE.raw == canonical_bytes(value)


UNKNOWN = {
    "another object": (b'{"hello": 1}', "mediaType: got 'None'"),
    "a list": (b"[]", "bundle: expected an object, got list"),
    "a number": (b"7", "bundle: expected an object, got int"),
    "an older version": (
        changed(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        "mediaType: got 'application/vnd.dev.sigstore.bundle\\+json;version=0.1'",
    ),
    "half an envelope": (b'{"payload": "", "signatures": []}', "mediaType: got 'None'"),
    "unknown field": (changed(extra=1), "bundle: unknown field 'extra'"),
    "unknown material": (changed(verificationMaterial__x=1), "verificationMaterial: unknown field 'x'"),
    "unknown field of the envelope": (changed(dsseEnvelope__x=1), "dsseEnvelope: unknown field 'x'"),
    "unknown field of the signature": (
        changed(dsseEnvelope__signatures=[{"sig": "", "cert": ""}]),
        "signatures: unknown field 'cert'",
    ),
    "no envelope": (changed(dsseEnvelope=None), "dsseEnvelope: expected an object"),
    "no signature": (changed(dsseEnvelope__signatures=[]), "0 signatures, a Sigstore bundle has exactly one"),
    "two signatures": (
        changed(dsseEnvelope__signatures=[{"sig": ""}, {"sig": ""}]),
        "2 signatures, a Sigstore bundle has exactly one",
    ),
    "signature no object": (changed(dsseEnvelope__signatures=["x"]), "signatures: expected an object"),
    "payload no base64": (changed(dsseEnvelope__payload="&&&&"), "dsseEnvelope.payload: not base64"),
    "payload not ASCII": (changed(dsseEnvelope__payload="ää=="), "dsseEnvelope.payload: not base64"),
    "payload no string": (changed(dsseEnvelope__payload=7), "dsseEnvelope.payload: expected base64"),
    "no payload type": (changed(dsseEnvelope__payloadType=None), "payloadType: expected a string"),
    "no material": (changed(verificationMaterial=None), "verificationMaterial: expected an object"),
    "neither key nor certificate": (
        changed(verificationMaterial__publicKey=None),
        "expected either publicKey or certificate",
    ),
    "key and certificate": (
        changed(verificationMaterial__certificate={"rawBytes": "AA=="}),
        "expected either publicKey or certificate",
    ),
    "log entries no list": (
        changed(verificationMaterial__tlogEntries={"a": 1}),
        "tlogEntries: expected a list",
    ),
    "timestamps no list": (
        changed(verificationMaterial__timestampVerificationData={"rfc3161Timestamps": 1}),
        "rfc3161Timestamps: expected a list",
    ),
}


@pytest.mark.parametrize(("raw", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_json_that_is_no_bundle_is_carried_with_its_reason(tmp_path, raw, reason):
    with pytest.raises(FormatError, match=reason) as caught:
        parse_bundle(raw, "file:7")
    assert caught.value.where == "file:7"
    good, unknown = read(tmp_path, BUNDLE.raw + b"\n" + raw + b"\n")
    assert good == BUNDLE
    assert unknown == UnknownLine(2, raw, caught.value.what)


def test_absent_lists_are_empty():
    """protobuf's JSON may leave out what is empty, or write null."""
    for raw in (
        changed(verificationMaterial__tlogEntries=None),
        BUNDLE.raw.replace(b'"tlogEntries":[]', b'"tlogEntries":null,"timestampVerificationData":null'),
    ):
        parsed = parse_bundle(raw)
        assert (parsed.log_entries, parsed.timestamps) == ((), ())


@given(st.binary(max_size=40))
def test_every_base64_other_signers_write_is_read(data):
    standard, url = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    for text in (standard, url, standard.rstrip("="), url.rstrip("=")):
        assert parse_bundle(changed(dsseEnvelope__payload=text)).payload == data


def test_a_line_of_our_own_form_is_read_without_a_json_reader(monkeypatch):
    monkeypatch.setattr("attest.bundle.read_json", None)
    assert parse_bundle(BUNDLE.raw) == BUNDLE


OWN = key_bundle(b'{"a":1}', b"sig", "aGludA==").raw
TOKENS = [
    b'"',
    b"\\",
    b"=",
    b"-",
    b"_",
    b" ",
    b"\n",
    b"\xff",
    b"\x00",
    b"}",
    b"]}",
    b",",
    b'"},"',
    b"\\u0061",
]


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(OWN)),
            st.integers(0, 3),
            st.one_of(
                st.sampled_from(TOKENS),
                st.binary(max_size=2),
                st.builds(
                    lambda start, size: OWN[start : start + size], st.integers(0, 400), st.integers(0, 30)
                ),
            ),
        ),
        max_size=3,
    )
)
def test_the_quick_reading_of_our_own_form_never_differs_from_json(edits):
    line = OWN
    for place, gone, new in edits:
        line = line[:place] + new + line[place + gone :]
    quick = bundle_module._parse_ours(line, DEFAULT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_module, "_parse_ours", lambda *_: None)
        try:
            slow = parse_bundle(line)
        except AttestError:
            slow = None
    assert quick is None or quick == slow


STRANGE = [b"e30", b"e30=", b"e31=", b"e30==", b"-_-_", b"+/+/", b"-/+_", b"e3 0", b"", b"====", b"\xff"]
STRANGE += [b"\\u0065e30", b"e3\\n0="]


def payload_of(line):
    try:
        return parse_bundle(line).payload
    except AttestError as error:
        return str(error)


@pytest.mark.parametrize("payload", STRANGE)
def test_any_base64_reads_the_same_in_our_own_form_as_in_json(payload):
    place = len(bundle_module._BEFORE_PAYLOAD)
    line = OWN[:place] + payload + OWN[OWN.index(b'"', place) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_module, "_parse_ours", lambda *_: None)
        slow = payload_of(line)
    assert payload_of(line) == slow


def test_a_payload_beyond_the_limit_is_refused_in_our_own_form_too():
    with pytest.raises(LimitError, match="payload bytes"):
        parse_bundle(BUNDLE.raw, None, Limits(payload_bytes=len(BUNDLE.payload) - 1))


def test_a_certificate_is_kept_as_it_is():
    raw = changed(
        verificationMaterial={"certificate": {"rawBytes": "3q2+7w=="}, "tlogEntries": [{"logIndex": "1"}]}
    )
    parsed = parse_bundle(raw)
    assert (parsed.certificate, parsed.hint, parsed.log_entries) == (
        b"\xde\xad\xbe\xef",
        None,
        ({"logIndex": "1"},),
    )


def test_limits_of_one_bundle():
    with pytest.raises(LimitError, match="line bytes"):
        parse_bundle(BUNDLE.raw, limits=Limits(line_bytes=len(BUNDLE.raw) - 1))
    with pytest.raises(LimitError, match="payload bytes"):
        parse_bundle(BUNDLE.raw, limits=Limits(payload_bytes=len(STATEMENT.payload) - 1))
    assert parse_bundle(
        BUNDLE.raw, limits=Limits(line_bytes=len(BUNDLE.raw), payload_bytes=len(STATEMENT.payload))
    )
    with pytest.raises(LimitError, match="bundle entries: 33 is above"):
        parse_bundle(changed(verificationMaterial__tlogEntries=[{}] * 33))
    with pytest.raises(LimitError, match="bundle entries: 33 is above"):
        parse_bundle(key_bundle(STATEMENT.payload, b"", "", [b"t"] * 33).raw)
    with pytest.raises(LimitError, match="json depth"):
        parse_bundle(b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}")


def test_a_long_payload_is_no_long_string():
    long = Statement.build(STATEMENT.subjects, STATEMENT.predicate_type, {"text": ["x" * 60_000] * 4})
    assert parse_bundle(key_bundle(long.payload, b"", "").raw).statement() == long


def test_a_bundle_of_a_certificate_holds_the_leaf_and_no_hint():
    made = certificate_bundle(STATEMENT.payload, b"sig", b"der", [b"token"])
    assert made == parse_bundle(made.raw)
    assert (made.certificate, made.hint, made.timestamps) == (b"der", None, (b"token",))
    material = json.loads(made.raw)["verificationMaterial"]
    assert material["certificate"] == {"rawBytes": base64.b64encode(b"der").decode()}
    assert material["tlogEntries"] == []
    assert "x509CertificateChain" not in material


# ── more evidence ──


@pytest.mark.parametrize("make", [key_bundle, certificate_bundle])
def test_evidence_is_put_after_what_is_there_and_nothing_else_changes(make):
    bundle = make(STATEMENT.payload, b"sig", "hint" if make is key_bundle else b"der", [b"first"])
    entry = {"logIndex": "7", "canonicalizedBody": "e30="}
    more = with_evidence(bundle, [b"second"], [entry])
    assert more == parse_bundle(more.raw)
    assert more.timestamps == (b"first", b"second")
    assert more.log_entries == (entry,)
    same = ("payload", "payload_type", "signature", "hint", "certificate")
    assert [getattr(more, name) for name in same] == [getattr(bundle, name) for name in same]
    assert with_evidence(more, log_entries=[{"logIndex": "8"}]).log_entries == (entry, {"logIndex": "8"})
    assert with_evidence(bundle) == bundle


def test_no_more_evidence_than_a_reader_takes():
    full = key_bundle(STATEMENT.payload, b"sig", "hint", [b"t"] * 32)
    with pytest.raises(LimitError, match="bundle entries: 33 is above"):
        with_evidence(full, [b"one more"])


# ── files of them ──

LINES = [key_bundle(STATEMENT.payload, bytes([number]), "hint") for number in range(5)]


@given(st.lists(st.sampled_from(LINES), max_size=6))
def test_reading_and_writing_gives_the_same_bytes(tmp_path_factory, bundles):
    file = tmp_path_factory.mktemp("lines") / "a.jsonl"
    write_lines(file, bundles)
    before = file.read_bytes()
    assert before == b"".join(bundle.raw + b"\n" for bundle in bundles)
    found = list(read_lines(file))
    assert found == bundles
    write_lines(file, found)
    assert file.read_bytes() == before


@given(st.sampled_from([0, 1, 2, 4, "\t"]), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_foreign_white_space_is_kept_on_one_line(tmp_path_factory, indent, line_end, ascii_only, keys_sorted):
    text = json.dumps(json.loads(BUNDLE.raw), indent=indent, ensure_ascii=ascii_only, sort_keys=keys_sorted)
    file = tmp_path_factory.mktemp("lines") / "a.jsonl"
    file.write_bytes((text + "\n").replace("\n", line_end).encode())
    (found,) = read_lines(file)
    assert (found.payload, found.signature) == (BUNDLE.payload, BUNDLE.signature)
    write_lines(file, [found])
    (line,) = file.read_bytes().splitlines()
    assert json.loads(line) == json.loads(text)
    assert parse_bundle(line).line == line


def test_a_line_is_kept_byte_for_byte(tmp_path):
    spaced = b"  " + json.dumps(json.loads(BUNDLE.raw), separators=(" , ", " : ")).encode() + b" \t"
    (found,) = read(tmp_path, spaced + b"\n")
    assert found.raw == found.line == spaced


def test_line_ends_blank_lines_and_a_missing_last_line_feed(tmp_path):
    data = b"\n" + LINES[0].raw + b"\r\n\n  \n" + LINES[1].raw
    assert read(tmp_path, data) == LINES[:2]
    file = tmp_path / "file.jsonl"
    assert [number for number, _ in numbered_lines(file)] == [2, 5]


def test_one_pretty_printed_bundle(tmp_path):
    pretty = json.dumps(json.loads(BUNDLE.raw), indent=2).encode()
    for data in (pretty, pretty + b"\n", b"\n\n" + pretty):
        (found,) = read(tmp_path, data)
        assert found.statement() == STATEMENT
    with pytest.raises(FormatError, match="not JSON: Extra data"):
        read(tmp_path, pretty + b"\n" + pretty)
    (unknown,) = read(tmp_path, b'{\n "a": 1\n}\n')
    assert isinstance(unknown, UnknownLine)
    with pytest.raises(LimitError, match="line bytes"):
        read(tmp_path, pretty, line_bytes=len(pretty) - 1)


def test_two_bundles_over_one_payload_are_two_signers_of_one_statement(tmp_path):
    one, other = (signer(name).sign(STATEMENT) for name in ("ci", "desk"))
    found = read(tmp_path, one.raw + b"\n" + other.raw + b"\n")
    assert found == [one, other]
    assert found[0].statement_digest == found[1].statement_digest == STATEMENT.digest
    assert found[0].hint != found[1].hint


def test_an_empty_file_has_no_lines(tmp_path):
    assert read(tmp_path, b"") == []
    assert read(tmp_path, b"\n \n\r\n") == []


BROKEN = {
    "truncated": (LINES[1].raw[:-1], "not JSON"),
    "cut in the middle": (LINES[1].raw[:100], "not JSON: Unterminated string"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
    "duplicate keys": (b'{"mediaType": "a", "mediaType": "b"}', "duplicate key 'mediaType'"),
    "two on one line": (LINES[1].raw + LINES[1].raw, "not JSON: Extra data"),
    "text": (b"hello", "not JSON"),
    "NUL": (b"\0" * 10, "not JSON"),
    "deep": (b"[" * 10_000 + b"]" * 10_000, "json depth: 10000 is above the limit of 64"),
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_an_error_with_its_number(tmp_path, line, reason):
    with pytest.raises(FormatError, match=reason) as caught:
        read(tmp_path, LINES[0].raw + b"\n\n" + line + b"\n")
    assert caught.value.where == f"{tmp_path / 'file.jsonl'}:3"


@given(st.data())
def test_no_truncation_is_read_as_less(tmp_path_factory, data):
    """A download that was cut off never looks like a shorter file, unless it was cut between lines."""
    whole = LINES[0].raw + b"\n" + LINES[1].raw + b"\n"
    cut = data.draw(
        st.integers(1, len(whole) - 1).filter(
            lambda end: end not in {len(LINES[0].raw), len(LINES[0].raw) + 1, len(whole) - 1}
        )
    )
    with pytest.raises(FormatError):
        read(tmp_path_factory.mktemp("cut"), whole[:cut])


def test_limits_of_a_file(tmp_path):
    three = b"".join(line.raw + b"\n" for line in LINES[:3])
    longest = max(len(line.raw) for line in LINES[:3])
    assert len(read(tmp_path, three, line_bytes=longest, statements=3)) == 3
    with pytest.raises(LimitError, match="statements: 3 is above the limit of 2") as caught:
        read(tmp_path, three, statements=2)
    assert caught.value.where.endswith("file.jsonl:3")
    with pytest.raises(LimitError, match=f"line bytes: .* is above the limit of {longest - 1}"):
        read(tmp_path, three, line_bytes=longest - 1)
    with pytest.raises(LimitError, match="line bytes"):  # and nothing like it is read into memory
        read(tmp_path, b" " * 5_000_000, line_bytes=1000)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read(tmp_path, name):
    with pytest.raises(FormatError, match=r"cannot be read: (No such file|Is a directory)"):
        list(read_lines(tmp_path / name))


def test_writing_is_whole_or_not_at_all(tmp_path):
    file = tmp_path / "out.jsonl"
    write_lines(file, LINES[:1])

    def breaking():
        yield LINES[1]
        raise AttestError("no more")

    with pytest.raises(AttestError, match="no more"):
        write_lines(file, breaking())
    assert file.read_bytes() == LINES[0].raw + b"\n"
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]
    with pytest.raises(AttestError, match="cannot be written"):
        write_lines(tmp_path / "missing" / "out.jsonl", LINES)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_bundle_or_refused(data):
    with suppress(FormatError):
        assert isinstance(parse_bundle(data), Bundle)
