"""The whole way once, on real input: record, sign, bundle, verify, and six attacks that are refused.

A vendor writes out a real dataset, transforms it, trains, fine-tunes, quantizes and releases a small model,
and signs each step. A buyer in another folder has only the delivered weights, the bundle, a trust file and a
policy. Every ``$`` line that is printed is a command one can type.

Run it with ``bash examples/quickstart/run.sh``.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
REGISTER = "https://registry.example/releases"
BUILDER = "https://vendor.example/ci"


class Shell:
    """Runs commands in one folder and shows them as one would type them."""

    def __init__(self, folder: Path, *, quiet: bool = False) -> None:
        self.folder = folder
        self.quiet = quiet

    def __call__(self, command: str, expect: int = 0) -> str:
        """Run a command, stop the example if it ends with another exit code, return what it printed."""
        if not self.quiet:
            print(f"\n{self.folder.name}$ {command}")
        # `python` and `attest` are those of the environment this runs in
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if not self.quiet or done.returncode != expect:
            print((done.stdout + done.stderr).rstrip())
        if done.returncode != expect:
            sys.exit(f"expected exit code {expect}, got {done.returncode}: {command}")
        return done.stdout


def vendor(folder: Path) -> Shell:
    """The pipeline: every step is run and signed by `attest run`."""
    folder.mkdir()
    shutil.copytree(HERE / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HERE / "cards", folder / "cards")
    sh = Shell(folder)
    sh(f"attest init --key --builder-id {BUILDER}")
    sh("attest key generate keys/desk.key")
    sh("python pipeline/export_digits.py digits")
    sh("attest dataset digits --card cards/digits.yaml --signer file:keys/desk.key")
    run = "attest run --require-known-inputs --code pipeline"
    sh("mkdir data")
    sh(
        f"{run} --kind transform --dataset digits --output data/train.npz --output data/tune.npz"
        " --output data/test.npz --count in=1797 --count out=1797 -- python pipeline/transform.py digits data"
    )
    sh(
        f"{run} --kind train --dataset data/train.npz --output model --param epochs=40 --param rate=0.05"
        " --seed 1 -- python pipeline/train.py data/train.npz model 40 0.05"
    )
    sh(
        f"{run} --kind finetune --base-model model --dataset data/tune.npz --output tuned --seed 3"
        " -- python pipeline/finetune.py model data/tune.npz tuned"
    )
    sh(f"{run} --kind quantize --base-model tuned --output int8 -- python pipeline/quantize.py tuned int8")
    sh(
        f"{run} --kind release --base-model int8 --evaluation-dataset data/test.npz --output digits-int8"
        " -- python pipeline/release.py int8 data/test.npz digits-int8"
    )
    return sh


def publish(vendor: Shell, registry: Shell) -> None:
    """The vendor hands over twice; an independent registry says each time which list is current."""
    registry.folder.mkdir()
    registry("attest key generate registry.key")
    vendor("attest bundle digits-int8 -o first.intoto.jsonl --name digits-int8 --version 1.0")
    registry(
        f"attest register new {REGISTER} --next-update '30 days' --scope contents,withdrawal"
        " --signer file:registry.key -o register-1.jsonl"
    )
    registry(
        "attest register append register-1.jsonl --contents ../vendor/first.intoto.jsonl"
        " --signer file:registry.key -o register-2.jsonl"
    )
    # later the data desk narrows what the digits may be used for: a new record, a new list, a new entry
    vendor("attest dataset digits --card cards/digits-2.yaml --signer file:keys/desk.key")
    vendor("attest bundle digits-int8 -o digits-int8.intoto.jsonl --name digits-int8 --version 1.0")
    registry(
        "attest register append register-2.jsonl --contents ../vendor/digits-int8.intoto.jsonl"
        " --signer file:registry.key -o register.jsonl"
    )


def buyer(folder: Path, vendor: Shell, registry: Shell) -> Shell:
    """What the buyer gets, whom it believes, what it demands."""
    folder.mkdir()
    shutil.copytree(vendor.folder / "digits-int8", folder / "digits-int8")
    shutil.copyfile(vendor.folder / "digits-int8.intoto.jsonl", folder / "digits-int8.intoto.jsonl")
    shutil.copyfile(registry.folder / "register.jsonl", folder / "register.jsonl")
    (folder / "keys").mkdir()
    for source in ("vendor/keys/attest.key.pub", "vendor/keys/desk.key.pub", "registry/registry.key.pub"):
        path = folder.parent / source
        shutil.copyfile(path, folder / "keys" / path.name)
    sh = Shell(folder)
    sh("attest trust new trust.yaml")
    sh(
        "attest trust add trust.yaml vendor-ci --key keys/attest.key.pub --role publisher --role builder"
        f" --builder-id {BUILDER}"
    )
    sh("attest trust add trust.yaml data-desk --key keys/desk.key.pub --role data-owner --role rights-holder")
    sh(
        "attest trust add trust.yaml registry --key keys/registry.key.pub --role keeper"
        f" --register {REGISTER}"
    )
    sh(f"attest policy new --preset commercial-baseline --register {REGISTER} -o policy.yaml")
    return sh


VERIFY = (
    "attest verify digits-int8 --bundle digits-int8.intoto.jsonl --register register.jsonl"
    " --trust trust.yaml --policy policy.yaml"
)


# -- six attacks -----------------------------------------------------------------------------------------


def flipped_weight(root: Path) -> Path:
    """One bit of one weight is changed after the release."""
    folder = copy(root, "flipped-weight")
    path = folder / "digits-int8" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return folder


def removed_line(root: Path) -> Path:
    """The line of the bundle that says what the model was trained on is taken out."""
    folder = copy(root, "removed-line")
    drop(folder / "digits-int8.intoto.jsonl", "build-types/train/")
    return folder


def strangers_statement(root: Path) -> Path:
    """The training step is replaced by one that somebody else signed."""
    folder = copy(root, "strangers-statement")
    bundle = folder / "digits-int8.intoto.jsonl"
    statement = drop(bundle, "build-types/train/")
    (folder / "statement.json").write_bytes(statement)
    sh = Shell(folder, quiet=True)
    sh("attest key generate stranger.key")
    sh("attest sign statement.json --signer file:stranger.key -o stranger.jsonl")
    bundle.write_bytes(bundle.read_bytes() + (folder / "stranger.jsonl").read_bytes())
    return folder


def swapped_dataset(root: Path) -> Path:
    """The vendor trains on other data than the attested, under the same file name, and signs that."""
    folder = copy(root, "swapped-dataset")
    work = folder / "vendor"
    shutil.copytree(root / "vendor", work)
    sh = Shell(work, quiet=True)
    sh(
        "python -c \"import numpy as n; d=dict(n.load('data/train.npz')); d['labels']=d['labels'][::-1];"
        " n.savez('data/train.npz', **d)\""
    )
    for name in ("model", "tuned", "int8", "digits-int8"):
        shutil.rmtree(work / name)
    run = "attest run --code pipeline"
    sh(
        f"{run} --kind train --dataset data/train.npz --output model"
        " -- python pipeline/train.py data/train.npz model 5 0.05"
    )
    sh(
        f"{run} --kind finetune --base-model model --dataset data/tune.npz --output tuned"
        " -- python pipeline/finetune.py model data/tune.npz tuned"
    )
    sh(f"{run} --kind quantize --base-model tuned --output int8 -- python pipeline/quantize.py tuned int8")
    sh(
        f"{run} --kind release --base-model int8 --evaluation-dataset data/test.npz --output digits-int8"
        " -- python pipeline/release.py int8 data/test.npz digits-int8"
    )
    sh("attest bundle digits-int8 -o swapped.intoto.jsonl --name digits-int8 --version 1.0")
    shutil.rmtree(folder / "digits-int8")
    shutil.copytree(work / "digits-int8", folder / "digits-int8")
    shutil.copyfile(work / "swapped.intoto.jsonl", folder / "digits-int8.intoto.jsonl")
    return folder


def older_contents(root: Path) -> Path:
    """The vendor's first, shorter list is handed over again: the narrower rights are not in it."""
    folder = copy(root, "older-contents")
    shutil.copyfile(root / "vendor" / "first.intoto.jsonl", folder / "digits-int8.intoto.jsonl")
    return folder


def undeclared_input(root: Path) -> None:
    """A pipeline with --require-known-inputs is given data that no statement explains: it does not start."""
    work = root / "attacks" / "undeclared-input"
    shutil.copytree(root / "vendor", work)
    (work / "scraped.npz").write_bytes((work / "data" / "train.npz").read_bytes() + b"more")
    Shell(work, quiet=True)(
        "attest run --require-known-inputs --kind train --dataset scraped.npz --output stolen"
        " -- python pipeline/train.py scraped.npz stolen 1 0.1",
        expect=125,
    )
    if (work / "stolen").exists():
        sys.exit("the step was run although an input is unknown")


ATTACKS: list[tuple[Callable[[Path], Path], int, str]] = [
    (flipped_weight, 1, "weights-differ"),
    (removed_line, 1, "statement-missing"),
    (strangers_statement, 1, "signed-by-stranger"),
    (swapped_dataset, 3, "unknown-input"),
    (older_contents, 1, "contents-superseded"),
]


def copy(root: Path, name: str) -> Path:
    return Path(shutil.copytree(root / "buyer", root / "attacks" / name))


def drop(bundle: Path, needle: str) -> bytes:
    """Take the line whose payload holds ``needle`` out of a bundle and return the payload."""
    import base64

    kept, dropped = [], b""
    for line in bundle.read_bytes().splitlines(keepends=True):
        payload = base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"])
        if needle.encode() in payload:
            dropped = payload
        else:
            kept.append(line)
    bundle.write_bytes(b"".join(kept))
    return dropped


def attack(root: Path) -> None:
    (root / "attacks").mkdir()
    print("\nSix attacks, each refused for its own reason:")
    for act, code, reason in ATTACKS:
        out = Shell(act(root), quiet=True)(f"{VERIFY} --json", expect=code)
        report = json.loads(out)
        found = {finding["code"]: finding for finding in report["findings"]}
        if reason not in found:
            sys.exit(f"{act.__name__}: expected the finding {reason}, got {sorted(found)}")
        name = act.__name__.replace("_", " ")
        print(f"  {name:20} {report['verdict']:11} {reason}: {found[reason]['summary']}")
    undeclared_input(root)
    print(f"  {'undeclared input':20} NOT STARTED --require-known-inputs: nothing explains scraped.npz")


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "out").resolve()
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    os.environ.pop("ATTEST_PASSPHRASE", None)
    sells = vendor(root / "vendor")
    registry = Shell(root / "registry")
    publish(sells, registry)
    buys = buyer(root / "buyer", sells, registry)
    buys(f"{VERIFY} --report report.html")
    attack(root)
    print(f"\nThe buyer's report: {root / 'buyer' / 'report.html'}")


if __name__ == "__main__":
    main()
