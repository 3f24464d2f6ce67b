"""``attest run``: the command's own status, everything checked before, everything kept after."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from workshop import attest, fill, make_project, model, statements, steps

from attest.cli.steps import ROLES
from attest.errors import StoreError
from attest.keys import PublicKey
from attest.predicates.step import INPUT_ROLES
from attest.spool import pending
from attest.stores.sqlite import SqliteStore

posix = pytest.mark.skipif(os.name != "posix", reason="signals and first lines are a POSIX thing")

TRAIN = """
import os, sys
os.makedirs("model", exist_ok=True)
open("model/model.safetensors", "w").write("weights of " + open("data/a.txt").read())
print("trained")
"""


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.chdir(folder)
    return folder


BASE = ("run", "--kind", "train", "--dataset", "data", "--output", "model")
PYTHON = ("--", sys.executable, "train.py")


def run(capfd, *options, code=0, command=PYTHON):
    return attest(capfd, *BASE, *options, *command, code=code)


def outside(root):
    return steps(root)[-1][0].predicate["buildDefinition"]["externalParameters"]


def nothing_signed(root):
    return statements(root) == [] and pending(root / ".attest" / "spool") == []


def test_the_options_are_the_roles():
    assert tuple(ROLES) == INPUT_ROLES


# ── what is recorded ──


def test_a_command_is_run_and_signed(root, capfd):
    out, err = run(capfd, "--code", "train.py", "--param", "lr=1e-3", "--seed", "7", "--count", "in=2")
    statement, step = steps(root)[0]
    assert out == "trained\n"
    assert f"attest: signed statement sha256:{statement.digest}" in err
    assert f"model  {statement.subjects[-1].artifact}" in err
    assert step.kind == "train"
    assert [each.role for each in step.inputs] == ["dataset", "code"]
    assert step.completeness.claim == "all-inputs-listed"
    assert step.counts.into == 2
    assert outside(root) == {
        "command": [sys.executable, "train.py"],
        "hyperparameters": {"lr": 0.001},
        "seed": 7,
        "workingDirectory": ".",
    }


def test_the_answer_as_json(root, capfd):
    out, err = run(capfd, "--json")
    statement = statements(root)[0]
    assert json.loads(out) == {
        "statement": f"sha256:{statement.digest}",
        "outputs": [
            {
                "name": "model",
                "path": "model",
                "kind": "tree",
                "digest": f"sha256:{statement.subjects[-1].artifact.sha256}",
                "files": 1,
                "bytes": 12,
            }
        ],
    }
    assert "trained" in err


def test_the_digest_alone(root, capfd):
    out, _ = run(capfd, "--print-digest")
    assert out == f"sha256:{statements(root)[0].digest}\n"


def test_values_are_typed_as_in_yaml(root, capfd):
    values = {
        "a": "1",
        "b": "1.5",
        "c": "true",
        "d": "x=y",
        "e": "'1'",
        "f": '"no"',
        "g": "",
        "h": "yes",
        "i": "0x10",
    }
    run(capfd, *(word for name, value in values.items() for word in ("--param", f"{name}={value}")))
    assert outside(root)["hyperparameters"] == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": "x=y",
        "e": "1",
        "f": "no",
        "g": None,
        "h": "yes",
        "i": 16,
    }


def test_parameters_of_the_kind_can_be_set(root, capfd):
    (root / "base.bin").write_text("x")
    words = [
        "run",
        "--kind",
        "quantize",
        "--base-model",
        "base.bin",
        "--output",
        "model",
        "--set",
        "scheme=int8",
    ]
    attest(capfd, *words, "--set", "bits=8", *PYTHON)
    assert (outside(root)["scheme"], outside(root)["bits"]) == ("int8", 8)


def test_options_of_the_command_are_its_own(root, capfd):
    run(capfd, command=(sys.executable, "train.py", "--kind", "other", "--json"))
    assert outside(root)["command"][2:] == ["--kind", "other", "--json"]


def test_a_secret_parameter_is_nowhere(root, capfd):
    command = (*PYTHON, "--api-key", "hunter22", "--x=hunter22")
    run(
        capfd,
        "--secret-param",
        "api_key",
        "--param",
        "api_key=hunter22",
        "--param",
        "y=a-hunter22",
        command=command,
    )
    assert outside(root)["command"][2:] == ["--api-key", "<secret:api_key>", "--x=<secret:api_key>"]
    assert outside(root)["hyperparameters"] == {"api_key": "<secret:api_key>", "y": "a-<secret:api_key>"}
    assert outside(root)["secretParameters"] == ["api_key"]
    assert b"hunter22" not in statements(root)[0].payload


def test_only_named_variables_are_recorded(root, capfd, monkeypatch):
    monkeypatch.setenv("SHOWN", "visible value")
    run(capfd, "--env", "SHOWN", "--env", "UNSET_ONE")
    assert outside(root)["environment"] == {"SHOWN": "visible value", "UNSET_ONE": None}


def test_the_command_does_not_get_the_passphrase(tmp_path, monkeypatch, capfd):
    root = make_project(tmp_path / "locked", passphrase=b"right")
    monkeypatch.chdir(root)
    monkeypatch.setenv("ATTEST_PASSPHRASE", "right")
    script = "import os; os.mkdir('model'); open('model/m', 'w').write(os.getenv('ATTEST_PASSPHRASE', 'no'))"
    run(capfd, command=("--", sys.executable, "-c", script))
    assert (root / "model" / "m").read_text() == "no"
    assert len(statements(root)) == 1


JOB = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN")
SEES = "import os; os.mkdir('model'); open('model/m', 'w').write(' '.join(sorted(os.environ)))"


def seen(root):
    return set((root / "model" / "m").read_text().split())


@pytest.fixture
def job(root, monkeypatch):
    for name in (*JOB, "ATTEST_PASSPHRASE", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "opens")
    return root


def test_the_command_cannot_sign_as_the_job(job, capfd):
    run(capfd, command=("--", sys.executable, "-c", SEES))
    assert seen(job).isdisjoint({*JOB, "ATTEST_PASSPHRASE"})
    assert "AWS_SECRET_ACCESS_KEY" in seen(job)  # no key of that cloud signs here


def test_the_command_sees_who_the_job_is_if_somebody_said_so(job, capfd):
    run(capfd, "--keep-identity", command=("--", sys.executable, "-c", SEES))
    assert set(JOB) <= seen(job)
    assert "ATTEST_PASSPHRASE" not in seen(job)


def test_a_command_that_fails_is_told_what_it_did_not_see(job, capfd):
    words = ("run", "--kind", "train", "--dataset", "data", "--output", "model")
    fails = ("--", sys.executable, "-c", "raise SystemExit(3)")
    _, err = attest(capfd, *words, *fails, code=3)
    assert f"it was started without {', '.join(JOB)}; --keep-identity lets it see them" in err
    assert "--keep-identity" not in attest(capfd, *words, "--keep-identity", *fails, code=3)[1]


def test_standard_input_is_the_commands(root):
    script = "import sys,os; os.mkdir('model'); open('model/m','w').write(sys.stdin.read())"
    words = [sys.executable, "-m", "attest", *BASE, "--", sys.executable, "-c", script]
    subprocess.run(words, cwd=root, input=b"from outside", check=True, capture_output=True)
    assert (root / "model" / "m").read_text() == "from outside"


def test_opaque_models(root, capfd):
    digest = "sha256:" + "0f" * 32
    (root / "a=b").write_text("x")
    words = ["run", "--kind", "merge", "--base-model", digest, "--adapter", "a=b", "--output", "model"]
    attest(capfd, *words, "--opaque", f"{digest}=closed = closed", "--opaque", "a=b=no idea", *PYTHON)
    _, step = steps(root)[0]
    assert [(each.role, each.reason) for each in step.inputs] == [
        ("base-model", "closed = closed"),
        ("adapter", "no idea"),
    ]


def test_an_output_that_is_there_already_is_remarked(root, capfd):
    fill(root / "model", old="1")
    _, err = run(capfd)
    assert "model is there already" in err
    assert "1 of 2 files were there before the step ran" in err
    internal = statements(root)[0].predicate["buildDefinition"]["internalParameters"]
    assert internal["leftOver"] == {"model": 1}


def test_without_settings_store_and_signer_will_do(root, capfd, monkeypatch):
    elsewhere = root.parent / "elsewhere"
    fill(elsewhere / "data", a="1")
    monkeypatch.chdir(elsewhere)
    options = ("--store", "../project/.attest/store.db", "--signer", "../project/keys/attest.key")
    run(capfd, *options, command=("--", sys.executable, "-c", TRAIN))
    assert len(statements(root)) == 1
    assert "workingDirectory" in outside(root)


# ── the command's own status ──


@pytest.mark.parametrize("status", [1, 2, 75, 125, 255])
def test_a_failing_command_is_not_signed(root, capfd, status):
    script = f"import os; os.mkdir('model'); open('model/m', 'w').close(); raise SystemExit({status})"
    _, err = run(capfd, code=status, command=("--", sys.executable, "-c", script))
    assert f"the command ended with status {status}: nothing was signed" in err
    assert nothing_signed(root)


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT"])
def test_a_command_that_died_by_a_signal(root, capfd, name):
    number = getattr(signal, name)
    script = f"import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), {int(number)})"
    run(capfd, code=128 + number, command=("--", sys.executable, "-c", script))
    assert nothing_signed(root)


WAITING = """
import os, signal, sys, time
def stop(number, frame):
    os.makedirs("model", exist_ok=True)
    open("model/m", "w").write(signal.Signals(number).name)
    sys.exit(int(sys.argv[1]))
for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP"):
    signal.signal(getattr(signal, name), stop)
open("ready", "w").close()
time.sleep(60)
"""


@contextmanager
def started(root, *words, **more):
    """The command in a session of its own, once what it runs is ready; nobody of it outlives the test."""
    with subprocess.Popen(words, cwd=root, start_new_session=True, **more) as process:
        try:
            end = time.monotonic() + 60
            while not (root / "ready").exists():
                assert process.poll() is None, f"it ended with status {process.returncode}"
                assert time.monotonic() < end, "it was never ready"
                time.sleep(0.01)
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@posix
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 0), ("SIGINT", 3), ("SIGUSR1", 0), ("SIGHUP", 9)])
def test_signals_reach_the_command(root, name, status):
    """It decides what they mean: if it ends well, it is signed."""
    words = [sys.executable, "-m", "attest", *BASE, "--", sys.executable, "-c", WAITING, str(status)]
    with started(root, *words) as process:
        process.send_signal(getattr(signal, name))
        assert process.wait(60) == status
    assert (root / "model" / "m").read_text() == name
    assert len(statements(root)) == (1 if status == 0 else 0)


@posix
def test_an_interrupted_command_ends_with_130(root):
    script = "open('ready', 'w').close(); import time; time.sleep(60)"
    words = [sys.executable, "-m", "attest", *BASE, "--", sys.executable, "-c", script]
    with started(root, *words, stderr=subprocess.PIPE, text=True) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err.replace("KeyboardInterrupt", "").split("attest:")[-1]
    assert nothing_signed(root)


@posix
def test_what_nohup_ignores_stays_ignored(root):
    script = "open('ready', 'w'); import time, os; time.sleep(0.5); os.mkdir('model'); open('model/m', 'w')"
    words = [sys.executable, "-m", "attest", *BASE, "--", sys.executable, "-c", script]
    with started(root, "nohup", *words, stdout=subprocess.DEVNULL) as process:
        os.killpg(process.pid, signal.SIGHUP)
        assert process.wait(60) == 0
    assert len(statements(root)) == 1


@pytest.mark.parametrize("name", ["no-such-program", "./no-such-program"])
def test_a_command_nobody_has(root, capfd, name):
    _, err = run(capfd, code=127, command=("--", name))
    assert f"{name}: command not found" in err
    assert nothing_signed(root)


@posix
def test_a_command_that_cannot_be_started(root, capfd):
    (root / "plain").write_text("x")
    assert "cannot be executed" in run(capfd, code=126, command=("--", "./plain"))[1]
    (root / "broken").write_bytes(b"\x7fELF broken")
    (root / "broken").chmod(0o755)
    assert "cannot be started" in run(capfd, code=126, command=("--", "./broken"))[1]
    assert nothing_signed(root)


# ── what is refused before it runs ──


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--kind", "trian"], 2, "did you mean 'train'?"),
        (["--kind", "finetune"], 2, "a finetune step reads a base-model, and none is named"),
        (["--dataset", "nowhere"], 2, "nowhere: no such dataset"),
        (["--param", "novalue"], 2, "--param: got 'novalue', expected NAME=VALUE"),
        (["--param", "=1"], 2, "expected NAME=VALUE"),
        (["--param", "a=1", "--param", "a=2"], 2, "--param: 'a' is given twice"),
        (["--set", "scheme=int8"], 2, "a train step has no parameter 'scheme'"),
        (["--count", "of=3"], 2, "counts are in, out and removed, not 'of'"),
        (["--count", "in=many"], 2, "count in: got 'many', expected a whole number"),
        (["--count", "in"], 2, "--count: got 'in'"),
        (["--opaque", "data=why"], 2, "a dataset cannot be opaque"),
        (["--opaque", "other=why"], 2, "--opaque other: no input is named like this"),
        (["--base-model", "sha256:" + "0f" * 32], 2, "not on this disk"),
        (["--output", "data/x"], 2, "this output lies in the dataset data"),
        (["--output", "no/where"], 2, "there is no folder to write this output into"),
        (["--output", "model"], 2, "the same output as model"),
        (["--output", "."], 2, "this dataset lies in the output ."),
        (["--builder-id", "me"], 2, "the builder id 'me' is no URI"),
        (["--from", "x.jsonl"], 2, "--from needs --trust"),
        (["--exclude", "/abs"], 2, "no path relative to the directory"),
        (["--signer", "hsmm:x"], 2, "unknown signer 'hsmm'"),
        (["--store", "other.db"], 125, "there is no store"),
        (["--signer", "other.key"], 125, "cannot be read"),
        (["--param", "api_key=hunter22"], 125, "looks like a secret: the value of 'api_key'"),
        (["--dataset", "empty"], 125, "no file to digest"),
        (["--completeness", "most"], 2, "Invalid value"),
        (["--seed", "x"], 2, "Invalid value"),
        (["--unknown"], 2, "No such option"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(root, capfd, words, code, said):
    (root / "empty").mkdir()
    _, err = run(capfd, *words, code=code)
    assert said in err
    assert "hunter22" not in err
    assert not (root / "model").exists()
    assert nothing_signed(root)


def test_without_an_output_or_a_command_nothing_runs(root, capfd):
    _, err = attest(capfd, "run", "--kind", "train", "--dataset", "data", *PYTHON, code=2)
    assert "the step has no output" in err
    _, err = attest(capfd, *BASE, code=2)
    assert "Missing argument" in err


def test_a_secret_in_the_command_stops_it(root, capfd):
    command = (*PYTHON, "--password", "hunter22")
    _, err = run(capfd, code=125, command=command)
    assert "/predicate/buildDefinition/externalParameters/command/3: looks like a secret" in err
    assert "--secret-param" in err
    assert "hunter22" not in err
    assert not (root / "model").exists()
    run(capfd, "--not-secret", "hunter22", command=command)


def test_a_wrong_passphrase_stops_it(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(make_project(tmp_path / "locked", passphrase=b"right"))
    assert "set ATTEST_PASSPHRASE" in run(capfd, code=125)[1]
    monkeypatch.setenv("ATTEST_PASSPHRASE", "wrong")
    assert "wrong passphrase" in run(capfd, code=125)[1]


def test_a_store_that_cannot_be_written_stops_it(root, capfd, monkeypatch):
    def refuse(*_):
        raise StoreError("is read-only", "store.db")

    monkeypatch.setattr(SqliteStore, "put", refuse)
    assert "store.db: is read-only" in run(capfd, code=125)[1]
    assert not (root / "model").exists()


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_input_stops_it(root, capfd):
    (root / "data" / "a.txt").chmod(0)
    assert "permission denied" in run(capfd, code=125)[1]


# ── afterwards ──


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("pass", "output: no such file or directory"),
        (
            "open('data/a.txt', 'w').write('x'); import os; os.mkdir('model'); open('model/m', 'w')",
            "data: a.txt",
        ),
        ("import os; os.mkdir('model')", "output: no file to digest"),
    ],
)
def test_what_is_not_true_is_not_signed(root, capfd, script, said):
    _, err = run(capfd, code=125, command=("--", sys.executable, "-c", script))
    assert said in err
    assert nothing_signed(root)


def test_a_full_disk_keeps_the_statement_waiting(root, capfd, monkeypatch):
    put = SqliteStore.put

    def full(self, bundles, manifests=()):
        if list(bundles):
            raise StoreError("the disk is full", "store.db")
        return put(self, [], manifests)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "put", full)
        _, err = run(capfd, "--code", ".", code=75)
    assert "the step ran, but could not be signed and stored: the disk is full" in err
    assert "attest sign --pending" in err
    (entry,) = pending(root / ".attest" / "spool")
    out, _ = attest(capfd, "sign", "--pending", "--json")
    assert json.loads(out) == {"signed": [f"sha256:{entry.digest}"], "waiting": []}
    with SqliteStore(root / ".attest" / "store.db", read_only=True) as store:
        for _, step in steps(root):
            code = next(each for each in step.inputs if each.role == "code")
            assert store.manifest(code.artifact.sha256)


def test_what_cannot_even_be_kept_is_printed(root, capfd, monkeypatch):
    def refuse(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr("attest.desk.spool", refuse)
    monkeypatch.setattr("attest.desk.Desk.sign", refuse)
    _, err = run(capfd, code=125)
    line = next(line for line in err.splitlines() if line.startswith("{"))
    assert json.loads(line)["predicateType"] == "https://slsa.dev/provenance/v1"


# ── known inputs ──


def test_known_inputs_can_be_required(root, capfd):
    _, err = run(capfd, "--require-known-inputs", code=125)
    assert "data: no statement explains this dataset, sha256:" in err
    assert "attest dataset" in err
    assert not (root / "model").exists()
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    run(capfd, "--require-known-inputs")


@pytest.fixture
def upstream(root, tmp_path, monkeypatch, capfd):
    """A vendor's bundle, and a trust file that believes it."""
    vendor = make_project(tmp_path / "vendor", settings="builder: {id: 'https://vendor.example/ci'}\n")
    monkeypatch.chdir(vendor)
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    script = TRAIN.replace("weights of", "upstream weights of")
    attest(capfd, *BASE, "--", sys.executable, "-c", script)
    attest(
        capfd, "store", "export", "-o", root / "vendor.intoto.jsonl", "--manifests", root / "vendor.manifests"
    )
    model(root / "base").joinpath("model.safetensors").write_bytes(
        (vendor / "model/model.safetensors").read_bytes()
    )
    monkeypatch.chdir(root)
    trust(root / "trust.yaml", vendor / "keys" / "attest.key.pub", builder="https://vendor.example/ci")
    return root / "vendor.intoto.jsonl"


def trust(path, key, *, builder):
    import hashlib

    data = Path(key).read_bytes()
    path.with_name("signer.pub").write_bytes(data)
    path.write_text(
        f"principals: {{signer: {{key: {{file: signer.pub, sha256: {hashlib.sha256(data).hexdigest()}}}}}}}\n"
        "roles:\n"
        f"  builder: [{{principal: signer, builderIds: ['{builder}']}}]\n"
        "  data-owner: [{principal: signer}]\n"
        "  rights-holder: [{principal: signer}]\n"
    )


FINETUNE = ("run", "--kind", "finetune", "--dataset", "data", "--output", "model", "--require-known-inputs")


def test_a_vendors_bundle_explains_inputs(root, capfd, upstream):
    words = [*FINETUNE, "--base-model", "base/model.safetensors"]
    assert "no statement explains this dataset" in attest(capfd, *words, *PYTHON, code=125)[1]
    attest(capfd, *words, "--from", upstream, "--trust", "trust.yaml", *PYTHON)
    assert len(steps(root)) == 1


def test_a_vendor_nobody_trusts_explains_nothing(root, capfd, upstream):
    trust(root / "trust.yaml", root / "keys" / "attest.key.pub", builder="https://vendor.example/ci")
    words = [*FINETUNE, "--base-model", "base/model.safetensors", "--from", upstream, "--trust", "trust.yaml"]
    assert "no statement explains" in attest(capfd, *words, *PYTHON, code=125)[1]


def test_a_builder_the_vendor_may_not_claim_explains_nothing(root, capfd, upstream):
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    text = (root / "trust.yaml").read_text().replace("vendor.example/ci", "vendor.example/other")
    (root / "trust.yaml").write_text(text)
    words = [*FINETUNE, "--base-model", "base/model.safetensors", "--from", upstream, "--trust", "trust.yaml"]
    assert "explains this base-model" in attest(capfd, *words, *PYTHON, code=125)[1]


def test_other_bytes_are_not_explained(root, capfd, upstream):
    (root / "base" / "model.safetensors").write_text("swapped")
    words = [*FINETUNE, "--base-model", "base/model.safetensors", "--from", upstream, "--trust", "trust.yaml"]
    assert "explains this base-model" in attest(capfd, *words, *PYTHON, code=125)[1]


@pytest.mark.parametrize(("text", "said"), [("{", "not JSON"), ("\xff", "not UTF-8")])
def test_a_bundle_that_cannot_be_read_stops_it(root, capfd, upstream, text, said):
    upstream.write_bytes(text.encode("latin-1"))
    words = [*FINETUNE, "--base-model", "base/model.safetensors", "--from", upstream, "--trust", "trust.yaml"]
    assert said in attest(capfd, *words, *PYTHON, code=125)[1]


# ── what the buyer makes of it ──

POLICY = """
policy: test
version: 1
rules:
  - weights-match: {mode: exact}
  - complete-lineage
  - signed-by
  - builder-id
  - digest-conflict
"""


def test_a_buyer_finds_the_lineage_complete(root, tmp_path, capfd):
    """The whole way: data, a fine-tune of a trained model, verified with the key alone."""
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    run(capfd, "--code", ".")
    shutil.move(root / "model", root / "trained")
    tune = TRAIN.replace("weights of", "tuned weights of")
    words = ["run", "--kind", "finetune", "--dataset", "data", "--base-model", "trained/model.safetensors"]
    attest(capfd, *words, "--output", "model", "--require-known-inputs", "--", sys.executable, "-c", tune)
    buyer = tmp_path / "buyer"
    buyer.mkdir()
    attest(capfd, "store", "export", "-o", buyer / "b.jsonl")
    shutil.copytree(root / "model", buyer / "model")
    (buyer / "policy.yaml").write_text(POLICY)
    from attest.settings import DEFAULT_BUILDER_ID

    trust(buyer / "trust.yaml", root / "keys" / "attest.key.pub", builder=DEFAULT_BUILDER_ID)
    verify = [
        "verify",
        buyer / "model",
        "-b",
        buyer / "b.jsonl",
        "-t",
        buyer / "trust.yaml",
        "-p",
        buyer / "policy.yaml",
    ]
    out, _ = attest(capfd, *verify)
    assert "ACCEPT" in out
    (buyer / "model" / "model.safetensors").write_text("swapped")
    attest(capfd, *verify, code=1)


def test_what_is_signed_verifies_with_openssl(root, capfd, tmp_path):
    """With no software of ours: the signature is over the DSSE encoding of the payload."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    run(capfd)
    out, _ = attest(capfd, "store", "export")
    envelope = json.loads(out)["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (tmp_path / "pae").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    words = [
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        root / "keys/attest.key.pub",
        "-signature",
        tmp_path / "sig",
    ]
    done = subprocess.run([*words, tmp_path / "pae"], capture_output=True, text=True, check=True)
    assert done.stdout == "Verified OK\n"
    key = PublicKey.from_pem((root / "keys/attest.key.pub").read_bytes(), "key")
    assert json.loads(out)["verificationMaterial"]["publicKey"]["hint"] == key.hint


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\u202eb"])
def test_hostile_names_are_shown_harmless(root, capfd, name):
    fill(root / name, a="1")
    words = ("run", "--kind", "train", "--dataset", name, "--output", "model")
    _, err = attest(capfd, *words, *PYTHON)
    assert name not in err
    assert "\\u{" in err


def test_an_interruption_after_the_command_says_what_is_left_to_do(root, capfd, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("attest.recorder.check_unchanged", interrupt)
        _, err = run(capfd, code=130)
    assert "`attest record` can" in err
    assert nothing_signed(root)
    attest(capfd, "record", *BASE[1:])


# --- what the project remembers ----------------------------------------------------------------------------


@pytest.fixture
def spoilt(root, monkeypatch, capfd):
    """The project remembers a wrong digest of a large dataset, which shows whether it was asked."""
    from attest.digest_table import Table, read_table, tables, write_table

    monkeypatch.setattr("attest.outcomes.SETTLED_NS", 20_000_000)
    (root / "data" / "large").write_bytes(bytes(1 << 20))
    time.sleep(0.05)
    attest(capfd, "digest", "data")
    ((path, _),) = tables(root / ".attest" / "digests")
    keys, digests = read_table(path)
    write_table(path, Table(keys, b"?" * len(digests)))
    return attest(capfd, "digest", "--no-cache", "data")[0].split()[0]


def dataset_digest(root):
    return steps(root)[-1][1].inputs[0].artifact.sha256


def test_inputs_are_remembered_unless_told_otherwise(root, capfd, spoilt):
    run(capfd)
    assert dataset_digest(root) != spoilt
    run(capfd, "--no-cache")
    assert dataset_digest(root) == spoilt


def test_a_wrong_memory_stops_the_run_before_it_begins(root, capfd, spoilt):
    err = run(capfd, "--verify-cache", code=125)[1]
    assert "other bytes than are remembered" in err
    assert nothing_signed(root)
    assert not (root / "model").exists()
    run(capfd, "--verify-cache")
    assert dataset_digest(root) == spoilt


def test_a_dataset_is_remembered_unless_told_otherwise(root, capfd, spoilt):
    words = ("dataset", "data", "--card", "card.yaml", "--json")
    assert json.loads(attest(capfd, *words, "--no-cache")[0])["artifact"] == f"sha256:{spoilt}/"
    err = attest(capfd, *words, "--verify-cache", code=4)[1]
    assert "other bytes than are remembered" in err
    assert json.loads(attest(capfd, *words)[0])["artifact"] == f"sha256:{spoilt}/"
