"""Objects on web servers, good and bad: the right digest, or the reason why there is none."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from object_servers import Reply, Web, file_reply
from pki import authority, pem

from attest.errors import DigestError, UsageError
from attest.fetching import fetch
from attest.objects import LARGE
from attest.source import RANGE, Location, Patience, SourceError

DATA = bytes(range(256)) * 4096 * 10 + b"end"  # 10 MiB: three parts
SMALL = b"abc"
QUICK = Patience(retries=2, timeout=0.5, stall=0.5, backoff=0.001, longest=0.01)
STRONG = {"ETag": '"one"'}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def got(web, path="/data.bin", **more):
    return fetch(Location.of(web.url(path)), patience=QUICK, **more)


def serving(data=DATA, *, ranges=True, **headers):
    return lambda asked: file_reply(data, asked, ranges=ranges, **(headers or STRONG))


def refused(answer, match, *, kind=DigestError, path="/data.bin"):
    with Web(answer) as web, pytest.raises(kind, match=match) as caught:
        got(web, path)
    return caught.value


# ── what is there ──


def test_a_large_object_is_read_in_parts():
    assert len(DATA) >= LARGE
    with Web(serving()) as web:
        found = got(web)
    assert (found.sha256, found.size, found.manifest) == (sha256(DATA), len(DATA), None)
    spans = {asked.span for asked in web.asked[1:]}
    assert spans == {(start, min(start + RANGE, len(DATA))) for start in range(0, len(DATA), RANGE)}
    assert {asked.headers["if-match"] for asked in web.asked[1:]} == {'"one"'}
    assert {asked.headers["accept-encoding"] for asked in web.asked} == {"identity"}


@pytest.mark.parametrize("data", [b"", b"a", SMALL])
@pytest.mark.parametrize(
    "headers", [STRONG, {"ETag": 'W/"weak"'}, {"Last_Modified": "yesterday"}, {"X": "y"}]
)
def test_a_small_object(data, headers):
    with Web(serving(data, **headers)) as web:
        assert got(web).sha256 == sha256(data)


@pytest.mark.parametrize("headers", [{"ETag": 'W/"weak"'}, {"Last_Modified": "yesterday"}, {"X": "y"}])
def test_without_a_strong_entity_tag_answers_are_not_joined(headers):
    with Web(serving(**headers)) as web:
        found = got(web)
    assert found.sha256 == sha256(DATA)
    assert [asked.span for asked in web.asked] == [(0, 1), None]


def test_a_server_that_ignores_ranges_is_read_whole():
    with Web(serving(ranges=False, ETag='"one"')) as web:
        assert got(web).sha256 == sha256(DATA)
    assert [asked.span for asked in web.asked] == [(0, 1), None]


def test_a_length_nobody_knows():
    def answer(asked):
        size = f"{len(SMALL):x}\r\n".encode() + SMALL + b"\r\n0\r\n\r\n"
        return Reply(200, {"Transfer-Encoding": "chunked"}, size, length=False)

    with Web(answer) as web:
        found = got(web)
    assert (found.sha256, found.size) == (sha256(SMALL), 3)


def test_the_entity_tag_is_noted_and_the_query_is_not():
    with Web(serving(SMALL)) as web:
        found = got(web, "/data.bin?X-Amz-Signature=abc")
        assert found.notes() == {"etag": '"one"'}
        assert found.location.shown == web.url("/data.bin")
        assert found.changed(QUICK) == []
    assert web.asked[0].path == "/data.bin?X-Amz-Signature=abc"


def test_a_user_is_told_to_the_server_and_to_no_other():
    with Web(serving(SMALL)) as other, Web(lambda _: Reply(302, {"Location": other.url("/x")})) as web:
        url = web.url().replace("//", "//me:pass@")
        assert fetch(Location.of(url), patience=QUICK).sha256 == sha256(SMALL)
    assert web.asked[0].headers["authorization"] == "Basic bWU6cGFzcw=="
    assert not any("authorization" in asked.headers for asked in other.asked)


# ── what breaks, and can be mended ──


def failing(fault, times=1, after=1):
    """Serve well, but for some requests after the first ones."""
    counter = itertools.count()

    def answer(asked):
        good = serving()(asked)
        return fault(good) if after <= next(counter) < after + times else good

    return answer


FAULTS = {
    "status 500": lambda good: Reply(500),
    "status 503": lambda good: Reply(503, {"Retry-After": "0"}),
    "too many": lambda good: Reply(429, {"Retry-After": "9999999"}),
    "cut": lambda good: replace(good, cut=len(good.body) // 2),
    "cut at once": lambda good: replace(good, cut=0),
    "stall": lambda good: replace(good, stall=len(good.body) // 2),
    "drip": lambda good: replace(good, drip=0.1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_that_fails_is_made_again(fault):
    with Web(failing(FAULTS[fault], times=2)) as web:
        assert got(web).sha256 == sha256(DATA)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_object_read_whole_is_read_anew(fault):
    answer = failing(FAULTS[fault], times=2)
    with Web(lambda asked: replace_headers(answer(asked))) as web:
        assert got(web).sha256 == sha256(DATA)


def replace_headers(reply):
    """Take away the entity tag."""
    return replace(reply, headers={name: value for name, value in reply.headers.items() if name != "ETag"})


def test_a_part_goes_on_where_it_broke():
    def answer(asked):
        good = serving()(asked)
        return replace(good, cut=1000) if asked.span == (0, RANGE) else good

    with Web(answer) as web:
        assert got(web).sha256 == sha256(DATA)
    assert (1000, RANGE) in {asked.span for asked in web.asked}


def test_the_first_request_is_made_again():
    with Web(failing(FAULTS["status 500"], times=2, after=0)) as web:
        assert got(web).sha256 == sha256(DATA)


def test_a_redirection_that_has_run_out_is_asked_for_again():
    signed = itertools.count(1)
    current = [0]

    def answer(asked):
        if asked.path == "/data.bin":
            current[0] = next(signed)
            return Reply(302, {"Location": f"/signed?{current[0]}"})
        if asked.path != f"/signed?{current[0]}" or (asked.span != (0, 1) and current[0] == 1):
            return Reply(403)
        return serving(SMALL)(asked)

    with Web(answer) as web:
        assert got(web).sha256 == sha256(SMALL)


# ── what cannot be mended ──


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("status 500", r"answered with status 500 \(3 attempts\)"),
        ("too many", r"answered with status 429 \(3 attempts\)"),
        ("cut at once", r"cannot be reached|connection ended"),
        ("drip", r"stalled: \d+ bytes in 0.5 s \(3 attempts\)"),
    ],
)
def test_it_is_given_up_in_the_end(fault, match):
    error = refused(failing(FAULTS[fault], times=10**6), match, kind=SourceError)
    assert error.temporary


def test_a_server_that_stalls_is_given_up():
    refused(failing(FAULTS["stall"], times=10**6), r"no answer in time|stalled", kind=SourceError)


@pytest.mark.parametrize(
    ("status", "match"),
    [(401, "who asks"), (403, "refuses it"), (404, "no such object"), (410, "gone"), (418, "status 418")],
)
def test_a_refusal_is_not_asked_for_again(status, match):
    asked = []

    def answer(each):
        asked.append(each)
        return Reply(status)

    refused(answer, match, kind=SourceError)
    assert len(asked) == 1


def test_nobody_there():
    with Web(serving()) as web:
        url = web.url()
    with pytest.raises(SourceError, match="cannot be reached: ConnectError"):
        fetch(Location.of(url), patience=QUICK)


@pytest.mark.parametrize(
    ("second", "match"),
    [
        ({"ETag": '"two"'}, "changed while it was read"),
        ({"ETag": 'W/"one"'}, "changed while it was read"),
        ({"ETag": '"one"', "Last_Modified": "now"}, "its time was None, and is now"),
        ({}, 'its entity tag was "one", and is None'),
    ],
)
def test_another_object_than_was_found(second, match):
    count = itertools.count()

    def answer(asked):
        headers = STRONG if next(count) == 0 else second
        asked.headers.pop("if-match", None)  # a server that does not mind it
        return file_reply(DATA, asked, **headers)

    refused(answer, match)


def in_turn(first, then, times=1):
    """Serve one thing to the first requests, and another to the others."""
    count = itertools.count()

    def answer(asked):
        return (first if next(count) < times else then)(asked)

    return answer


def test_a_server_that_minds_the_entity_tag():
    refused(in_turn(serving(), serving(DATA, ETag='"two"'), times=2), "changed while it was read")


def test_another_object_in_the_middle_is_never_mixed_in():
    other = bytes(len(DATA))

    def answer(asked):
        good = serving()(asked)
        if asked.span == (0, RANGE):
            return replace(good, cut=1000)
        return serving(other, ETag='"two"')(asked) if asked.span == (1000, RANGE) else good

    refused(answer, "changed while it was read")


@pytest.mark.parametrize(("other", "length"), [(DATA + b"!", 10485764), (SMALL, 3)])
def test_an_object_that_shrinks_or_grows(other, length):
    refused(in_turn(serving(), serving(other)), f"its length was 10485763, and is {length}")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"Content-Range": "bytes 0-5/10"}, "asked for the bytes"),
        ({"Content-Range": "bytes 0-0/*"}, "asked for the bytes"),
        ({"Content-Range": ""}, "asked for the bytes"),
        ({"Content-Encoding": "gzip"}, "sends it as 'gzip', though it was asked not to"),
    ],
)
def test_an_answer_that_is_none(changes, match):
    def answer(asked):
        good = serving()(asked)
        return replace(good, headers={**good.headers, **changes})

    refused(answer, match)


def test_a_part_that_turns_into_the_whole():
    refused(in_turn(serving(), serving(ranges=False, ETag='"one"')), "gave the whole object")


def test_a_length_that_is_wrong():
    def answer(asked):
        return Reply(200, {"Content-Length": "5"}, SMALL, cut=3)

    refused(answer, "cannot be reached|connection ended", kind=SourceError)


@pytest.mark.parametrize("length", ["-1", "3e1", "9" * 30])
def test_a_length_that_is_no_number(length):
    error = refused(lambda _: Reply(200, {"Content-Length": length}, SMALL), "length|cannot be reached")
    assert isinstance(error, SourceError)


def test_no_length_at_all():
    refused(lambda _: Reply(200, {"Connection": "close"}, SMALL, length=False), "does not say how long it is")


def test_no_first_byte_and_not_empty():
    refused(lambda _: Reply(416, {"Content-Range": "bytes */9"}), "refuses to give its first byte")


# ── redirections ──


def test_a_redirection_is_followed():
    def answer(asked):
        return serving()(asked) if asked.path == "/b" else Reply(307, {"Location": "/b"})

    with Web(answer) as web:
        assert got(web).sha256 == sha256(DATA)
    assert [asked.path for asked in web.asked].count("/data.bin") == 1  # then it is known where it leads


@pytest.mark.parametrize(
    ("location", "match"),
    [
        ("/data.bin", "more than 5 redirections"),
        ("ftp://localhost/x", "leads nowhere"),
        ("file:///etc/passwd", "leads nowhere"),
        ("", "leads nowhere"),
        ("http://[::1/", "RemoteProtocolError|to what is no URL"),
    ],
)
def test_a_redirection_that_is_not_followed(location, match):
    refused(lambda _: Reply(302, {"Location": location}), match)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key, certificate and the authority behind it, as files."""
    folder = tmp_path_factory.mktemp("tls")
    root = authority()
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    leaf = root.issue(
        "CN=localhost", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,), extensions=((names, False),)
    )
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "leaf.pem").write_bytes(pem(leaf.certificate) + key)
    (folder / "root.pem").write_bytes(pem(root.certificate))
    return str(folder / "leaf.pem"), str(folder / "root.pem")


def test_an_encrypted_connection(certificate, monkeypatch):
    leaf, root = certificate
    monkeypatch.setenv("SSL_CERT_FILE", root)
    with Web(serving(), tls=(leaf, leaf)) as web:
        assert got(web).sha256 == sha256(DATA)


def test_a_certificate_of_nobody(certificate):
    with (
        Web(serving(), tls=(certificate[0], certificate[0])) as web,
        pytest.raises(SourceError, match=r"(?i)certificate") as caught,
    ):
        got(web)
    assert not caught.value.temporary


def test_no_redirection_to_what_anybody_can_change(certificate, monkeypatch):
    leaf, root = certificate
    monkeypatch.setenv("SSL_CERT_FILE", root)
    with (
        Web(serving()) as plain,
        Web(lambda _: Reply(302, {"Location": plain.url()}), tls=(leaf, leaf)) as web,
        pytest.raises(SourceError, match="from https to http"),
    ):
        got(web)
    assert plain.asked == []


# ── URLs that name no object ──


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("https://localhost/dir/", "https has no directories"),
        ("https://localhost", "https has no directories|names no"),
        ("https://:80/x", "names no host"),
        ("https://h:x/y", "this is no URL"),
    ],
)
def test_a_url_of_no_object(url, match):
    with pytest.raises(UsageError, match=match):
        fetch(Location.of(url), patience=QUICK)


def test_secrets_of_a_url_are_in_no_message():
    with Web(lambda _: Reply(500)) as web:
        url = web.url("/data.bin?sig=s3cr3t").replace("//", "//me:s3cr3t@")
        with pytest.raises(SourceError) as caught:
            fetch(Location.of(url), patience=QUICK)
    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"


def test_secrets_of_a_url_are_in_no_log(caplog):
    caplog.set_level("DEBUG")
    with Web(serving(SMALL)) as web:
        fetch(Location.of(web.url("/data.bin?sig=s3cr3t")), patience=QUICK)
        assert "s3cr3t" not in caplog.text
        httpx.get(web.url("/data.bin?open"))
    assert "data.bin?open" in caplog.text
