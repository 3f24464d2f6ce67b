"""A buyer refuses one release and accepts the next, and can say why.

Lumenframe sells a model that tells age bands from portraits, and trained it on faces a dating site gave it
as a favour. Norwood Retail wants to buy it. Its policy refuses the first release, names the dataset and the
way from it to the release, and says what to ask for; the second release is made without it and is accepted.
Everybody and everything here is fictional, and the portraits are drawn by a program. Every ``$`` line that is
printed is a command one can type.

Run it with ``bash examples/procurement/run.sh``.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "quickstart"))

from quickstart import Shell  # noqa: E402 - the examples are scripts beside each other and no package

REGISTER = "https://registry.example/models"
BUILDER = "https://lumenframe.example/ci"
DATASETS = ("faces-2014", "studio-2025", "kiosk-2025")
RUN = "attest run --require-known-inputs --code pipeline"


def vendor(folder: Path) -> Shell:
    """The vendor's house: its keys, its three datasets with what it knows of them, ready to learn from."""
    folder.mkdir()
    shutil.copytree(HERE / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HERE / "cards", folder / "cards")
    sh = Shell(folder)
    sh(f"attest init --key --builder-id {BUILDER}")
    sh("attest key generate keys/desk.key")
    sh("mkdir data")
    # two datasets were delivered; the third the vendor collected itself, which is a step of its own
    sh("python pipeline/collect.py faces-2014 240 1")
    sh("python pipeline/collect.py studio-2025 180 2")
    sh(f"{RUN} --kind collect --output kiosk-2025 -- python pipeline/collect.py kiosk-2025 60 3")
    for name, number in zip(DATASETS, (240, 180, 60), strict=True):
        sh(f"attest dataset {name} --card cards/{name}.yaml --signer file:keys/desk.key")
        sh(
            f"{RUN} --kind transform --dataset {name} --output data/{name}.npz --count in={number}"
            f" --count out={number} -- python pipeline/prepare.py {name} data/{name}.npz"
        )
    return sh


def build(vendor: Shell, dataset: str, version: str) -> None:
    """One release: trained on a dataset, fine-tuned on the kiosk's, quantized, put together, bundled."""
    data, kiosk, release = f"data/{dataset}.npz", "data/kiosk-2025.npz", f"agegate-{version}"
    base, tuned, small = (f"{step}-{version}" for step in ("base", "tuned", "int8"))
    vendor(
        f"{RUN} --kind train --dataset {data} --output {base} --param epochs=60"
        f" -- python pipeline/train.py {data} {base} 60"
    )
    vendor(
        f"{RUN} --kind finetune --base-model {base} --dataset {kiosk} --output {tuned} --param epochs=10"
        f" -- python pipeline/train.py {kiosk} {tuned} 10 {base}"
    )
    vendor(
        f"{RUN} --kind quantize --base-model {tuned} --output {small}"
        f" -- python pipeline/quantize.py {tuned} {small}"
    )
    vendor(
        f"{RUN} --kind release --base-model {small} --output {release}"
        f" -- python pipeline/release.py {small} {release}"
    )
    vendor(f"attest bundle {release} -o {release}.intoto.jsonl --name agegate --version {version}")


def siblings(vendor: Shell) -> None:
    """What else was made of the faces of 2014; none of it lies behind what the buyer is offered."""
    data, kiosk = "data/faces-2014.npz", "data/kiosk-2025.npz"
    for name, epochs in (("doorbell", 30), ("demographics", 20)):
        vendor(
            f"{RUN} --kind train --dataset {data} --output {name} --param epochs={epochs}"
            f" -- python pipeline/train.py {data} {name} {epochs}"
        )
    vendor(
        f"{RUN} --kind index --base-model base-1.0 --dataset {data} --output lookalikes.npy"
        f" -- python pipeline/index.py base-1.0 {data} lookalikes.npy"
    )
    vendor(
        f"{RUN} --kind finetune --set method=lora --base-model doorbell --dataset {kiosk} --output adapter"
        f" -- python pipeline/train.py {kiosk} adapter 5 doorbell"
    )
    vendor("attest distribution adapter --recipient 'Quay Doors Ltd' --channel download --not-public")


def registry(folder: Path) -> Shell:
    """A register that neither side keeps: which lists and which rights are current, what must be deleted."""
    folder.mkdir()
    sh = Shell(folder)
    sh("attest key generate registry.key")
    sh(
        f"attest register new {REGISTER} --next-update '30 days' --scope contents,withdrawal,rights,order"
        " --signer file:registry.key -o register-0.jsonl"
    )
    for before, version in enumerate(("1.0", "2.0")):
        bundle = f"../vendor/agegate-{version}.intoto.jsonl"
        sh(
            f"attest register append register-{before}.jsonl --contents {bundle} --rights {bundle}"
            f" --keep-others --signer file:registry.key -o register-{before + 1}.jsonl"
        )
    return sh


def buyer(folder: Path, vendor: Shell, registry: Shell) -> Shell:
    """What the buyer gets, whom it believes, and its policy."""
    folder.mkdir()
    for version in ("1.0", "2.0"):
        shutil.copytree(vendor.folder / f"agegate-{version}", folder / f"agegate-{version}")
        shutil.copyfile(
            vendor.folder / f"agegate-{version}.intoto.jsonl", folder / f"agegate-{version}.intoto.jsonl"
        )
    shutil.copyfile(registry.folder / "register-2.jsonl", folder / "register.jsonl")
    shutil.copyfile(HERE / "buyer" / "policy.yaml", folder / "policy.yaml")
    (folder / "keys").mkdir()
    for source in ("vendor/keys/attest.key.pub", "vendor/keys/desk.key.pub", "registry/registry.key.pub"):
        path = folder.parent / source
        shutil.copyfile(path, folder / "keys" / path.name)
    sh = Shell(folder)
    sh("attest trust new trust.yaml")
    sh(
        "attest trust add trust.yaml lumenframe-ci --key keys/attest.key.pub --role publisher --role builder"
        f" --builder-id {BUILDER}"
    )
    sh(
        "attest trust add trust.yaml lumenframe-data-desk --key keys/desk.key.pub --role data-owner"
        " --role rights-holder"
    )
    sh(
        "attest trust add trust.yaml registry --key keys/registry.key.pub --role keeper"
        f" --register {REGISTER}"
    )
    sh("attest policy check policy.yaml")
    return sh


def verify(version: str) -> str:
    return (
        f"attest verify agegate-{version} --bundle agegate-{version}.intoto.jsonl --register register.jsonl"
        f" --trust trust.yaml --policy policy.yaml --report report-{version}.html --report"
        f" report-{version}.json"
    )


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "out").resolve()
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    os.environ.pop("ATTEST_PASSPHRASE", None)
    sells = vendor(root / "vendor")
    build(sells, "faces-2014", "1.0")
    siblings(sells)
    # the same model, made without the faces of 2014
    build(sells, "studio-2025", "2.0")
    buys = buyer(root / "buyer", sells, registry(root / "registry"))
    buys(verify("1.0"), expect=1)
    buys(verify("2.0"))
    print(f"\nRefused: {root / 'buyer' / 'report-1.0.html'}")
    print(f"Accepted: {root / 'buyer' / 'report-2.0.html'}")


if __name__ == "__main__":
    main()
