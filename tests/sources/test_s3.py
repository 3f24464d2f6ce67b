"""Objects of S3: a real server on loopback (moto), alone and behind one that errs as a test wants."""

from __future__ import annotations

import base64
import hashlib
import itertools
import sys
from dataclasses import replace

import pytest
from object_servers import Reply, Web, file_reply, fill_folder, forward, object_store, store_variables

from attest.errors import DigestError, LimitError, UsageError
from attest.fetching import fetch
from attest.limits import Limits
from attest.manifest import digest_path
from attest.source import RANGE, Location, Patience, SourceError
from attest.sources.s3 import whole_sha256

QUICK = Patience(retries=2, timeout=2, stall=2, backoff=0.001, longest=0.01)
BIG = bytes(range(256)) * 4096 * 10 + b"end"  # 10 MiB: three parts
SUM = hashlib.sha256(b"abc").hexdigest()
_NAMES = itertools.count()


@pytest.fixture(scope="module")
def port():
    with object_store() as found:
        yield found


@pytest.fixture
def store(port, monkeypatch):
    """A client of the store; s3fs finds it by the variables."""
    import boto3

    for name, value in store_variables(port).items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3")


@pytest.fixture
def bucket(store):
    name = f"bucket-{next(_NAMES)}"
    store.create_bucket(Bucket=name)
    return name


def put(store, bucket, **files):
    for name, data in files.items():
        store.put_object(Bucket=bucket, Key=name.replace("__", "/"), Body=data)


def got(url, **more):
    return fetch(Location.of(url), patience=QUICK, **more)


# ── what is there ──


def test_a_prefix_is_what_the_directory_is(store, bucket, tmp_path):
    files = {"a": b"abc", "d__b": b"", "d__c d é+%20": b"x" * 5000, "z__big": BIG, "-x": b"1"}
    fill_folder(tmp_path / "tree", **files)
    put(store, bucket, **{f"tree__{name}": data for name, data in files.items()})
    put(store, bucket, tree2__other=b"another prefix", tree__=b"", tree__d__=b"")  # folders of a console
    here, there = digest_path(tmp_path / "tree"), got(f"s3://{bucket}/tree/")
    assert there.manifest.data == here.manifest.data
    assert (there.sha256, there.size, there.artifact) == (here.sha256, here.size, here.artifact)
    assert (there.place, there.notes(), there.changed(QUICK)) == (f"s3://{bucket}/tree/", {}, [])


def test_a_whole_bucket(store, bucket, tmp_path):
    put(store, bucket, a=b"abc", d__b=b"1")
    fill_folder(tmp_path / "tree", a=b"abc", d__b=b"1")
    for url in (f"s3://{bucket}", f"s3://{bucket}/"):
        assert got(url).sha256 == digest_path(tmp_path / "tree").sha256


@pytest.mark.parametrize("data", [b"", b"abc", BIG])
def test_one_object(store, bucket, data):
    put(store, bucket, x__data=data)
    found = got(f"s3://{bucket}/x/data")
    assert (found.sha256, found.size, found.manifest) == (hashlib.sha256(data).hexdigest(), len(data), None)
    assert found.notes() == {"etag": f'"{hashlib.md5(data).hexdigest()}"'}  # noqa: S324 - what S3 calls it


def test_more_objects_than_a_page_of_the_listing(port, store, bucket, tmp_path, monkeypatch):
    files = {f"d__{number:02}": b"%d" % number for number in range(17)}
    fill_folder(tmp_path / "tree", **files)
    put(store, bucket, **files)

    def answer(asked):
        more = "&max-keys=5" if "list-type" in asked.path else ""
        return forward(replace(asked, path=asked.path + more), port)

    with through(answer, monkeypatch) as web:
        assert got(f"s3://{bucket}/").sha256 == digest_path(tmp_path / "tree").sha256
    assert sum("list-type" in asked.path for asked in web.asked) == 2 * 4  # before and after


def test_exclusions(store, bucket, tmp_path):
    files = {"a": b"abc", "b.tmp": b"1", "d__c.tmp": b"2", "logs__x": b"3"}
    put(store, bucket, **files)
    fill_folder(tmp_path / "tree", **files)
    patterns = ["**/*.tmp", "logs/"]
    here, there = digest_path(tmp_path / "tree", exclude=patterns), got(f"s3://{bucket}/", exclude=patterns)
    assert (there.sha256, there.excluded) == (here.sha256, here.excluded)
    with pytest.raises(DigestError, match="no object to digest: all 4 are excluded"):
        got(f"s3://{bucket}/", exclude=["**"])


def test_a_version(store, bucket):
    store.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = store.put_object(Bucket=bucket, Key="x", Body=b"abc")["VersionId"]
    new = store.put_object(Bucket=bucket, Key="x", Body=b"other")["VersionId"]
    found = got(f"s3://{bucket}/x?versionId={old}")
    assert (found.sha256, found.notes()["version"], found.place) == (SUM, old, f"s3://{bucket}/x")
    assert got(f"s3://{bucket}/x").notes()["version"] == new
    assert found.changed(QUICK) == []
    with pytest.raises(UsageError, match="a prefix has no version"):
        got(f"s3://{bucket}/d/?versionId={old}")
    with pytest.raises(SourceError):
        got(f"s3://{bucket}/x?versionId=nope")


def test_progress_counts_bytes_and_objects(store, bucket):
    class Watch:
        def __init__(self):
            self.told = []
            self.files = self.size = 0

        def start(self, files, size):
            self.told.append((files, size))

        def advance(self, files, size):
            self.files += files
            self.size += size

        def finish(self):
            self.told.append("end")

    put(store, bucket, a=b"abc", big=BIG)
    watch = Watch()
    got(f"s3://{bucket}/", progress=watch)
    assert (watch.told, watch.files, watch.size) == ([(2, len(BIG) + 3), "end"], 2, len(BIG) + 3)


# ── what the provider says of digests ──


def upload_in_parts(store, bucket, key, data):
    made = store.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")
    parts = []
    for number, start in enumerate(range(0, len(data), 5 << 20), 1):
        done = store.upload_part(
            Bucket=bucket,
            Key=key,
            PartNumber=number,
            UploadId=made["UploadId"],
            Body=data[start : start + (5 << 20)],
            ChecksumAlgorithm="SHA256",
        )
        parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": done["ChecksumSHA256"]})
    store.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=made["UploadId"], MultipartUpload={"Parts": parts}
    )


def test_a_stated_digest_is_taken_over_only_if_asked_for(store, bucket):
    store.put_object(Bucket=bucket, Key="t/a", Body=b"abc", ChecksumAlgorithm="SHA256")
    store.put_object(Bucket=bucket, Key="t/b", Body=b"abc", ChecksumAlgorithm="CRC32")
    upload_in_parts(store, bucket, "t/c", BIG)
    measured, stated = got(f"s3://{bucket}/t/"), got(f"s3://{bucket}/t/", stated=True)
    assert stated.manifest.data == measured.manifest.data
    assert (measured.stated, stated.stated) == (0, 1)


def test_a_stated_digest_is_believed_when_asked_for(port, store, bucket, monkeypatch):
    """It is the provider's word: what is taken over is not measured."""
    store.put_object(Bucket=bucket, Key="a", Body=b"abc", ChecksumAlgorithm="SHA256")
    lie = base64.b64encode(bytes(32)).decode()

    def lying(asked):
        reply = forward(asked, port)
        return replace(reply, headers={**reply.headers, "x-amz-checksum-sha256": lie})

    with through(lying, monkeypatch):
        assert got(f"s3://{bucket}/a", stated=True).sha256 == "0" * 64


WORD = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"ChecksumSHA256": WORD + "-2"},
        {"ChecksumSHA256": WORD, "ChecksumType": "COMPOSITE"},
        {"ChecksumSHA256": WORD, "PartsCount": 2},
        {"ChecksumSHA256": WORD, "ETag": '"0123-2"'},
        {"ChecksumSHA256": WORD[:8]},
        {"ChecksumSHA256": "not base64!"},
        {"ChecksumSHA256": 7},
        {"ChecksumCRC32": WORD},
        {"ETag": f'"{SUM}"'},
    ],
)
def test_what_is_no_sha256_of_the_whole_object(head):
    assert whole_sha256(head) is None


@pytest.mark.parametrize("more", [{}, {"ChecksumType": "FULL_OBJECT"}, {"ETag": '"0123"'}])
def test_what_is_one(more):
    assert whole_sha256({"ChecksumSHA256": WORD, **more}) == SUM


# ── what breaks ──


class through:  # noqa: N801 - reads like a function
    """Puts a server that errs before the store."""

    def __init__(self, answer, monkeypatch):
        self.web = Web(answer)
        self.patch = monkeypatch

    def __enter__(self):
        self.web.__enter__()
        self.patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{self.web.port}")
        return self.web

    def __exit__(self, *caught):
        self.web.__exit__(*caught)


def erring(port, fault, times=2, wanted="GET"):
    """Forward everything, but make so many answers about objects bad."""
    left = itertools.count()

    def answer(asked):
        reply = forward(asked, port)
        listing = "list-type" in asked.path
        if asked.method == wanted and not listing and next(left) < times:
            return fault(reply)
        return reply

    return answer


def failed(status, code):
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return lambda _: Reply(status, {"Content-Type": "application/xml"}, body)


FAULTS = {
    "500": failed(500, "InternalError"),
    "503": failed(503, "SlowDown"),
    "cut": lambda good: replace(good, cut=len(good.body) // 2),
    "nothing": lambda good: replace(good, cut=0),
    "stall": lambda good: replace(good, stall=10),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_that_fails_is_made_again(port, store, bucket, monkeypatch, fault):
    put(store, bucket, big=BIG)
    with through(erring(port, FAULTS[fault]), monkeypatch) as web:
        assert got(f"s3://{bucket}/big").sha256 == hashlib.sha256(BIG).hexdigest()
    parts = [asked for asked in web.asked if asked.method == "GET"]
    assert len(parts) == -(-len(BIG) // RANGE) + 2
    assert all("if-match" in asked.headers for asked in parts)


def test_a_listing_that_fails_is_made_again(port, store, bucket, monkeypatch):
    put(store, bucket, a=b"abc")
    count = itertools.count()

    def answer(asked):
        return failed(500, "InternalError")(None) if next(count) < 2 else forward(asked, port)

    with through(answer, monkeypatch):
        assert got(f"s3://{bucket}/").size == 3


@pytest.mark.parametrize("fault", ["500", "nothing"])
def test_it_is_given_up_in_the_end(port, store, bucket, monkeypatch, fault):
    put(store, bucket, a=b"abc", b=b"abc")
    with (
        through(erring(port, FAULTS[fault], times=10**6), monkeypatch),
        pytest.raises(SourceError, match=r"\(3 attempts\)") as caught,
    ):
        got(f"s3://{bucket}/")
    assert caught.value.temporary


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (failed(403, "AccessDenied"), "the store refuses it"),
        (failed(403, "InvalidObjectState"), "in an archive"),
        (failed(404, "NoSuchKey"), "no such object"),
        (failed(418, "Teapot"), r"status 418 \(Teapot\)"),
    ],
)
def test_all_objects_that_cannot_be_read_are_named(port, store, bucket, monkeypatch, fault, reason):
    put(store, bucket, a=b"abc", b=b"abc", c=b"abc")
    with (
        through(erring(port, fault, times=10**6), monkeypatch),
        pytest.raises(DigestError, match=f'3 paths cannot be digested: "a" .*{reason}.*"b".*"c"'),
    ):
        got(f"s3://{bucket}/")


def test_an_object_that_changes_between_listing_and_reading(port, store, bucket, monkeypatch):
    put(store, bucket, a=b"abc", b=b"abc")
    changed = []

    def answer(asked):
        reply = forward(asked, port)
        if "list-type" in asked.path and not changed:
            changed.append(store.put_object(Bucket=bucket, Key="b", Body=b"xyz"))
        return reply

    with (
        through(answer, monkeypatch),
        pytest.raises(
            DigestError, match=r'1 path cannot be digested: "b" .changed while it was read'
        ) as caught,
    ):
        got(f"s3://{bucket}/")
    assert caught.value.where == f"s3://{bucket}/"


def test_an_object_that_changes_between_two_of_its_parts(port, store, bucket, monkeypatch):
    put(store, bucket, big=BIG)
    seen = itertools.count()

    def answer(asked):
        if asked.method == "GET" and next(seen) == 2:
            store.put_object(Bucket=bucket, Key="big", Body=bytes(len(BIG)))
        return forward(asked, port)

    with through(answer, monkeypatch), pytest.raises(DigestError, match="changed while it was read"):
        got(f"s3://{bucket}/big")


def test_a_server_that_does_not_mind_what_is_asked(port, store, bucket, monkeypatch):
    put(store, bucket, a=b"abc")

    def careless(asked):
        asked.headers.pop("if-match", None)
        if asked.method == "GET":
            store.put_object(Bucket=bucket, Key="a", Body=b"xyz")
        return forward(asked, port)

    with through(careless, monkeypatch), pytest.raises(DigestError, match="changed while it was read: "):
        got(f"s3://{bucket}/a")


@pytest.mark.parametrize(("key", "reason"), [("c", "appeared"), ("a", "vanished")])
def test_objects_that_come_or_go(port, store, bucket, monkeypatch, key, reason):
    put(store, bucket, a=b"abc", b=b"abc")

    def answer(asked):
        reply = forward(asked, port)
        if asked.method == "GET" and asked.path.endswith("/b"):
            (store.put_object if key == "c" else store.delete_object)(Bucket=bucket, Key=key)
        return reply

    told = f'"{key}" .({reason}|there is no such)'
    with through(answer, monkeypatch), pytest.raises(DigestError, match=told):
        got(f"s3://{bucket}/")


@pytest.mark.parametrize("data", [b"ab", b"abcd"])
def test_an_answer_of_another_length(port, store, bucket, monkeypatch, data):
    put(store, bucket, a=b"abc")

    def answer(asked):
        reply = forward(asked, port)
        kept = {name: value for name, value in reply.headers.items() if "checksum" not in name.lower()}
        return replace(reply, headers=kept, body=data) if asked.method == "GET" else reply

    with (
        through(answer, monkeypatch),
        pytest.raises(DigestError, match=f"asked for 3 bytes, got .*{len(data)}"),
    ):
        got(f"s3://{bucket}/a")


def listing(keys, more=""):
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>3</Size><ETag>&quot;1&quot;</ETag></Contents>" for key in keys
    )
    body = f"<ListBucketResult><EncodingType>url</EncodingType>{more}{entries}</ListBucketResult>".encode()
    return lambda asked: Reply(200, {"Content-Type": "application/xml", "ETag": '"1"'}, body)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (["t/a%0Ab"], "a line feed in the path"),
        (["t/a%0Db"], "a carriage return in the path"),
        (["t/a%5Cb"], "a backslash in the path"),
        (["t/../b"], "an empty, '.' or '..' part in the path"),
        (["t//b"], "the path is absolute"),
        (["t/x//b"], "an empty, '.' or '..' part"),
        (["t/-"], "sha256sum would read standard input"),
        (["t/x/"], "an empty, '.' or '..' part"),
        (["other"], "the listing holds 'other'"),
        (["t/a", "t/a"], "'a' is listed twice"),
        ([], "no object to digest"),
    ],
)
def test_a_listing_that_is_no_directory(store, monkeypatch, keys, reason):
    with through(listing(keys), monkeypatch), pytest.raises(DigestError, match=reason):
        got("s3://bucket/t/")


def test_a_listing_that_does_not_end(store, monkeypatch):
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
    with through(listing(["t/a"], more), monkeypatch), pytest.raises(DigestError, match="does not go on"):
        got("s3://bucket/t/")
    count = itertools.count()

    def empty(asked):
        token = f"<NextContinuationToken>{next(count)}</NextContinuationToken>"
        return listing([], f"<IsTruncated>true</IsTruncated>{token}")(asked)

    with through(empty, monkeypatch), pytest.raises(DigestError, match="does not go on"):
        got("s3://bucket/t/")


def test_more_objects_than_are_allowed(store, bucket):
    put(store, bucket, a=b"1", b=b"2", c=b"3")
    with pytest.raises(LimitError, match="objects: 3 is above the limit of 2"):
        got(f"s3://{bucket}/", limits=Limits(objects=2))


def test_a_file_that_is_a_directory_too(store, bucket):
    put(store, bucket, a=b"1", a__b=b"2")
    with pytest.raises(DigestError, match="'a' is both a file and a directory"):
        got(f"s3://{bucket}/")


@pytest.mark.parametrize(
    ("place", "reason", "hint"),
    [
        ("x", "there is no such object", "slash at its end"),
        ("dir", "there is no such object", "slash at its end"),
        ("none/", "no object to digest", "prefix right"),
    ],
)
def test_nothing_there(store, bucket, place, reason, hint):
    put(store, bucket, dir__x=b"1")
    with pytest.raises(DigestError, match=reason) as caught:
        got(f"s3://{bucket}/{place}")
    assert hint in caught.value.hint


@pytest.mark.parametrize("key", ["a?versionId=1/b", "a?versionId=1/", "d//x", "/x", "é?#%20&+ b"])
def test_odd_names_are_what_they_are(store, bucket, key):
    store.put_object(Bucket=bucket, Key="a", Body=b"not this")
    store.put_object(Bucket=bucket, Key="a/b", Body=b"not this")
    store.put_object(Bucket=bucket, Key=key + ("x" if key.endswith("/") else ""), Body=b"abc")
    try:
        assert got(f"s3://{bucket}/{key}").size == 3
    except UsageError as error:
        assert "s3fs takes this for" in str(error)  # noqa: PT017 - either is well


def test_no_bucket(store):
    with pytest.raises(SourceError, match="there is no such bucket"):
        got("s3://no-such-bucket/x/")


def test_no_credentials(store, bucket, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(SourceError, match="there are no credentials"):
        got(f"s3://{bucket}/x")


def test_nobody_there(store, monkeypatch):
    with Web(lambda asked: file_reply(b"", asked)) as web:
        port = web.port
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    with pytest.raises(SourceError, match="cannot be reached: EndpointConnectionError") as caught:
        got("s3://bucket/x")
    assert caught.value.temporary


def test_without_s3fs_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match="s3fs is needed") as caught:
        got("s3://bucket/x")
    assert "pip install 'attest-provenance[objects]'" in caught.value.hint
