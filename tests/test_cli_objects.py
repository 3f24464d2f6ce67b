"""URLs at the command line: `attest digest`, `attest dataset`, `attest run`, and where they are refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from object_servers import Asked, Reply, Web, file_reply, object_store, store_variables
from workshop import attest, fill, make_project, manifests, statements, steps

from attest.errors import UsageError
from attest.manifest import digest_path
from attest.recorder import Recorder

FILE = b"abc"
HIDDEN = "cGFzc3dvcmQ"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def store():
    import boto3

    with object_store() as port, pytest.MonkeyPatch.context() as patch:
        for name, value in store_variables(port).items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        for name, text in (("a", "1"), ("b", "2")):
            client.put_object(Bucket="bucket", Key=f"data/{name}.txt", Body=text.encode())
        yield client


@pytest.fixture
def web():
    with Web(lambda asked: file_reply(FILE, asked, ETag='"one"')) as found:
        yield found


def signed(web):
    """A URL as stores of objects sign them."""
    return web.url(f"/data.bin?X-Amz-Signature={HIDDEN}&X-Amz-Credential={HIDDEN}")


def nothing_hidden(root, *texts):
    everything = [*texts, *(each.payload.decode() for each in statements(root))]
    assert not any(HIDDEN in each for each in everything)


# ── digest ──


def test_the_digest_of_a_prefix_is_that_of_the_directory(root, store, capfd):
    out, err = attest(capfd, "digest", "data", "s3://bucket/data/", "s3://bucket/data/a.txt")
    (here, there, one) = (line.split("  ") for line in out.splitlines())
    assert (here[0], there[1], one[1]) == (there[0], "s3://bucket/data/", "s3://bucket/data/a.txt")
    assert err == ""


def test_the_manifest_of_a_prefix(root, store, capfd):
    attest(capfd, "digest", "s3://bucket/data/", "--manifest", "m", "--exclude", "b*")
    assert (root / "m").read_bytes() == digest_path(root / "data", exclude=["b*"]).manifest.data
    attest(capfd, "digest", "s3://bucket/data/a.txt", "--manifest", "m", code=2)


def test_json(root, store, web, capfd):
    out, _ = attest(capfd, "digest", "--json", "s3://bucket/data/", signed(web))
    tree, file = json.loads(out)
    assert (tree["path"], tree["kind"], tree["files"], tree["bytes"]) == ("s3://bucket/data/", "tree", 2, 2)
    assert (file["path"], file["kind"], file["etag"]) == (web.url(), "file", '"one"')
    nothing_hidden(root, out)


def test_a_limit(root, store, capfd):
    _, err = attest(capfd, "digest", "s3://bucket/data/", "--limit", "objects=1", code=4)
    assert "objects: 2 is above the limit of 1" in err
    words = ["--kind", "transform", "--dataset", "s3://bucket/data/", "--output", "out"]
    make = ["--", sys.executable, "-c", "open('out', 'w')"]
    _, err = attest(capfd, "run", *words, "--limit", "objects=1", *make, code=125)
    assert "objects: 2 is above the limit of 1" in err
    assert not (root / "out").exists()
    attest(capfd, "run", *words, "--limit", "objects=2", *make)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("file:///etc/passwd", "this is on this disk"),
        ("nope://x", "nothing reads nope:// here"),
        ("https://localhost/dir/", "https has no directories"),
        ("zip://a::https://localhost/x.zip", "chained URLs are not read"),
    ],
)
def test_what_is_refused(root, capfd, word, reason):
    assert reason in attest(capfd, "digest", word, code=2)[1]


def test_an_error_does_not_show_what_is_hidden(root, capfd):
    with Web(lambda _: Reply(404)) as web:
        _, err = attest(capfd, "digest", signed(web), code=4)
    assert f"{web.url()}: there is no such object" in err
    nothing_hidden(root, err)


def test_verify_takes_no_url(root, capfd):
    _, err = attest(capfd, "verify", f"s3://bucket/model/?{HIDDEN}", code=2)
    assert "only what is on this disk is verified" in err


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX thing")
@pytest.mark.parametrize("kind", ["web", "store"])
def test_interrupted_it_ends_at_once(root, kind):
    with Web(lambda asked: replace(file_reply(FILE, asked, ETag='"1"'), stall=1)) as web:
        environ = {**os.environ, **store_variables(web.port)}
        url = web.url() if kind == "web" else "s3://bucket/x"
        words = [sys.executable, "-m", "attest", "digest", url]
        with subprocess.Popen(words, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            end = time.monotonic() + 60
            while len(web.asked) < 2 and time.monotonic() < end:  # what is there, and its bytes
                time.sleep(0.05)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=20)  # far less than the patience with the server
            finally:
                process.kill()
    assert process.returncode == 130, err
    assert out == b""
    assert b"Traceback" not in err


# ── dataset ──


def test_a_dataset_in_a_store(root, store, capfd):
    attest(capfd, "dataset", "s3://bucket/data/", "--card", "card.yaml")
    here = digest_path(root / "data")
    for statement in statements(root):
        (subject,) = statement.subjects
        assert (subject.name, subject.artifact, subject.uri) == ("data/", here.artifact, "s3://bucket/data/")
    assert manifests(root) == {here.sha256}
    out, _ = attest(capfd, "dataset", "s3://bucket/data/", "--card", "card.yaml")
    assert out.count("signed before") == 2


def test_a_dataset_behind_a_signed_url(root, web, capfd):
    out, err = attest(capfd, "dataset", signed(web), "--card", "card.yaml")
    (subject,) = statements(root)[0].subjects
    assert (subject.name, subject.uri, subject.annotations) == ("data.bin", web.url(), {"etag": '"one"'})
    nothing_hidden(root, out, err)


def test_a_dataset_that_cannot_be_signed_now_waits(root, store, capfd):
    (root / "attest.yaml").write_text("signer: file:keys/attest.key\ntimestamp: http://127.0.0.1:9/tsa\n")
    attest(capfd, "dataset", "s3://bucket/data/", "--card", "card.yaml", code=75)
    (root / "attest.yaml").write_text("signer: file:keys/attest.key\n")
    attest(capfd, "sign", "--pending")
    assert len(statements(root)) == 2
    assert manifests(root) == {digest_path(root / "data").sha256}


# ── run ──

WORK = "import pathlib; pathlib.Path('model').mkdir(); pathlib.Path('model/w.safetensors').write_text('w')"


def run(capfd, *options, code=0, work=WORK):
    words = ("run", "--kind", "train", "--output", "model", *options, "--", sys.executable, "-c", work)
    return attest(capfd, *words, code=code)


def inputs(root):
    return {each.name: each for each in steps(root)[-1][1].build_definition.resolved_dependencies}


def test_inputs_that_are_not_on_disk(root, store, web, capfd):
    out, err = run(capfd, "--dataset", "s3://bucket/data/", "--config", signed(web))
    data, config = inputs(root)["data/"], inputs(root)["data.bin"]
    assert (data.uri, data.artifact) == ("s3://bucket/data/", digest_path(root / "data").artifact)
    assert data.annotations == {"role": "dataset", "sizeBytes": 2}
    assert (config.uri, config.annotations["etag"]) == (web.url(), '"one"')
    nothing_hidden(root, out, err)


def test_stated_digests_are_taken_over_only_if_asked_for_and_marked(root, store, capfd):
    for name, algorithm in (("a", "SHA256"), ("b", "CRC32")):
        store.put_object(
            Bucket="bucket", Key=f"stated/{name}.txt", Body=name.encode(), ChecksumAlgorithm=algorithm
        )
    data = ("--dataset", "s3://bucket/stated/", "--dataset", "s3://bucket/stated/a.txt")
    _, err = run(capfd, *data, "--adopt-digests", "--code", "s3://bucket/stated/b.txt")
    assert "s3://bucket/stated/: 1 of 2 digests were taken over (s3-checksum) and not measured" in err
    taken = inputs(root)
    sources = {name: each.annotations.get("digestSource") for name, each in taken.items()}
    assert sources == {"stated/": "s3-checksum", "a.txt": "s3-checksum", "b.txt": None}
    assert taken["stated/"].annotations["adoptedFiles"] == 1
    shutil.rmtree("model")
    _, err = run(capfd, *data)
    assert "taken over" not in err
    measured = inputs(root)
    assert {name: taken[name].artifact for name in measured} == {
        name: each.artifact for name, each in measured.items()
    }
    assert not any("digestSource" in each.annotations for each in measured.values())


def test_an_opaque_model_somewhere_else(root, store, web, capfd):
    url = signed(web)
    run(capfd, "--dataset", "data", "--base-model", url, "--opaque", f"{url}=bought long ago")
    assert inputs(root)["data.bin"].annotations["reason"] == "bought long ago"
    nothing_hidden(root)


def test_an_input_that_changes_while_the_step_runs(root, capfd):
    tag = root / "tag"
    tag.write_text("one")

    def answer(asked: Asked) -> Reply:
        return file_reply(FILE, asked, ETag=f'"{tag.read_text()}"')

    with Web(answer) as web:
        _, err = run(
            capfd, "--dataset", web.url(), code=125, work=f"{WORK}; pathlib.Path('tag').write_text('two')"
        )
        assert f"inputs changed while the step ran: {web.url()}" in err
    assert statements(root) == []


def test_an_input_that_is_out_of_reach_when_the_step_has_run_costs_nothing(root, capfd):
    gone = root / "gone"
    with Web(lambda asked: Reply(403) if gone.exists() else file_reply(FILE, asked, ETag='"1"')) as web:
        _, err = run(capfd, "--dataset", web.url(), work=f"{WORK}; pathlib.Path('gone').touch()")
    assert "whether it changed while the step ran cannot be told: the server refuses it" in err
    assert inputs(root)["data.bin"].annotations["recheckFailed"] is True


def test_an_input_that_cannot_be_had_stops_the_step_before_it_runs(root, store, capfd):
    _, err = run(capfd, "--dataset", "s3://bucket/none/", code=125)
    assert "no object to digest" in err
    assert not (root / "model").exists()


def test_errors_of_a_recorder_do_not_show_what_is_hidden(root, web):
    recorder = Recorder("train")
    for wrong in (
        lambda: recorder.input(signed(web), "nonsense"),
        lambda: recorder.opaque(signed(web), "why"),
    ):
        with pytest.raises(UsageError) as caught:
            wrong()
        assert caught.value.where == web.url()
        nothing_hidden(root, str(caught.value))


def test_an_output_is_on_this_disk(root, capfd):
    words = ("run", "--kind", "train", "--dataset", "data", "--output", "s3://bucket/model/", "--", "true")
    assert "a step's output is on this disk" in attest(capfd, *words, code=2)[1]


def test_what_was_removed_cannot_be_looked_for_elsewhere(root, store, capfd):
    gone = fill(root / "gone", a="1")
    attest(capfd, "records", "commit", "data", "--unit", "file")
    attest(capfd, "records", "remove", "data", "--record", gone / "a.txt", "--output", "kept")
    _, err = run(capfd, "--dataset", "s3://bucket/data/", code=2)
    assert "holds what was removed" in err  # the leaf file of these very bytes tells
    store.put_object(Bucket="bucket", Key="other/c.txt", Body=b"3")
    _, err = run(capfd, "--dataset", "s3://bucket/other/", code=2)
    assert "whether it holds what was removed before cannot be told" in err
    run(capfd, "--dataset", "s3://bucket/other/", "--allow-removed")
