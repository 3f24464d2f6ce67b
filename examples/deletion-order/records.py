"""One person has to go: three pictures out of a dataset, and not the dataset.

The second part of the example. Somebody withdraws consent, and the order names three portraits by their keys.
Nobody has to delete the other portraits, nor the models that never saw them: the pictures are taken out,
that they are out is proven, and what was trained on the rest takes the place of the old model.

Run it with ``bash examples/deletion-order/run.sh``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from deletion import BUILDER, HERE, NOW, REGISTER, RUN, Shell, fill

sys.path.insert(0, str(HERE / "pipeline"))
import portraits

TRAIN = "python -B pipeline/portraits.py"  # bytecode beside the code would be another version of it
GONE = ("p-007.pgm", "p-019.pgm", "p-031.pgm")


def vendor(folder: Path) -> Shell:
    """A dataset of portraits that commits to its records, one without the person, and a model of each."""
    sh = Shell(folder)
    shutil.copytree(HERE / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HERE / "cards", folder / "cards")
    sh(f"attest init --key --builder-id {BUILDER}")
    sh("attest key generate keys/officer.key")
    (folder / "models").mkdir()
    for seed, name in enumerate(("portraits", "passers-by")):
        portraits.collect(folder / "data" / name, seed, 40)
        sh(f"attest records commit data/{name}")
        sh(f"attest dataset data/{name} --card cards/studio.yaml")
        model = "doors" if name == "portraits" else "crowds"
        sh(
            f"{RUN} --kind train --dataset data/{name} --output models/{model}"
            f" -- {TRAIN} models/{model} data/{name}"
        )
    return sh


def others(root: Path, vendor: Shell) -> tuple[Shell, Shell]:
    """The registry that lists orders, and a buyer who trusts it and the vendor."""
    registry, buyer = Shell(root / "registry"), Shell(root / "buyer")
    registry("attest init --key", shown=False)
    registry(f"attest register new {REGISTER} --next-update '30 days' --scope order -o register-1.jsonl")
    shutil.copyfile(HERE / "cards" / "policy.yaml", buyer.folder / "policy.yaml")
    keys = {"vendor": "attest.key.pub", "officer": "officer.key.pub"}
    for name, file in keys.items():
        shutil.copyfile(vendor.folder / "keys" / file, buyer.folder / f"{name}.pub")
    shutil.copyfile(registry.folder / "keys" / "attest.key.pub", buyer.folder / "registry.pub")
    roles = "--role publisher --role builder --role data-owner --role rights-holder"
    buyer("attest trust new trust.yaml", shown=False)
    buyer(f"attest trust add trust.yaml vendor --key vendor.pub {roles} --builder-id {BUILDER}", shown=False)
    buyer("attest trust add trust.yaml officer --key officer.pub --role officer", shown=False)
    buyer(
        f"attest trust add trust.yaml registry --key registry.pub --role keeper --register {REGISTER}",
        shown=False,
    )
    for file in ("trust.yaml", "vendor.pub", "officer.pub", "registry.pub"):
        shutil.copyfile(buyer.folder / file, vendor.folder / file)
    return registry, buyer


def order(vendor: Shell, registry: Shell) -> str:
    """The vendor looks the pictures up by their keys; the order names the keys, and not the pictures."""
    words = " ".join(f"--record data/portraits/{name}" for name in GONE)
    vendor(f"attest records find {words}")
    found = json.loads(vendor(f"attest records find {words} --json", shown=False))["found"]
    keys = sorted({each["key"] for each in found if each["holds"]})
    photos = vendor("attest digest data/portraits").split()[0]
    named = f'dataset: "sha256:{photos}/", space: content'
    (registry.folder / "order.yaml").write_text(
        "order: {id: W-31, basis: consent-withdrawal}\n"
        f"register: {REGISTER}\neffective: {NOW.date()}\n"
        f"targets:\n  records:\n    - {{{named}, keys: [{', '.join(keys)}]}}\n"
        "deadlines: [{days: 30}]\n"
    )
    signed = registry("attest order add order.yaml -o order.jsonl --json", shown=False)
    registry("attest register append register-1.jsonl --order order.jsonl -o register-2.jsonl")
    vendor("attest import ../registry/order.jsonl --trust trust.yaml")
    return str(json.loads(signed)["statement"])


def standing(vendor: Shell, words: str = "") -> dict[str, str]:
    """Return how everything stands to the order, by the names statements give."""
    vendor(f"attest impact W-31{words}")
    report = json.loads(vendor(f"attest impact W-31{words} --json", shown=False))
    found = {row["name"]: row["certainty"] for row in report["affected"] if "partOf" not in row}
    return found | {row["name"]: "clear" for row in report["clear"] if "partOf" not in row}


def expect(got: dict[str, str], **wanted: str) -> None:
    for name, how in wanted.items():
        called = f"{name.replace('_', '-')}/"
        if got.get(called) != how:
            sys.exit(f"expected {called} to be {how}, got {got.get(called)}")


def take_out(vendor: Shell, signed: str) -> None:
    """Take the pictures out; that a step says so is not believed, and the proof is."""
    words = " ".join(f"--record data/portraits/{name}" for name in GONE)
    vendor(f"attest records remove data/portraits {words} -o data/portraits-2 --order {signed}")
    vendor("attest dataset data/portraits-2 --card cards/studio.yaml")
    expect(standing(vendor), portraits="proven", portraits_2="possible")
    expect(standing(vendor, " --proof data/portraits-2.removal"), portraits_2="clear", crowds="clear")


def come_back(vendor: Shell) -> None:
    """Somebody delivers new portraits with one of the three among them: it does not come back."""
    portraits.collect(vendor.folder / "data" / "delivery", 2, 10)
    shutil.copyfile(
        vendor.folder / "data" / "portraits" / GONE[0], vendor.folder / "data" / "delivery" / "x.pgm"
    )
    vendor("attest dataset data/delivery --card cards/studio.yaml", 2)
    shutil.rmtree(vendor.folder / "data" / "delivery")


def retrain(vendor: Shell, signed: str) -> None:
    """The plan puts what is left in the place of the old version; then the old ones go."""
    vendor("attest impact W-31 --plan --proof data/portraits-2.removal")
    old = vendor("attest digest models/doors").split()[0]
    vendor(
        f"{RUN} --kind train --replaces sha256:{old}/ --order {signed} --dataset data/portraits-2"
        f" --output models/doors-2 -- {TRAIN} models/doors-2 data/portraits-2"
    )


def certify(vendor: Shell) -> None:
    """The officer fills in two items, and signs: with the proof, for without it nothing is complete."""
    vendor("attest certify W-31 --templates certificate --proof data/portraits-2.removal")
    new = vendor("attest digest models/doors-2", shown=False).split()[0]
    fill(vendor.folder / "certificate", new)
    path = vendor.folder / "certificate" / "items.yaml"
    rows = path.read_text("utf-8").split("  - artifact:")
    for at, row in enumerate(rows):
        if 'name: "portraits/"' in row:
            rows[at] = row.replace("disposition: destroyed", "disposition: records-removed")
        elif 'name: "doors/"' in row:
            words = f'disposition: retrained-replaced\n    replacedBy: "sha256:{new}/"'
            rows[at] = row.replace("disposition: destroyed", words)
    path.write_text("  - artifact:".join(rows))
    words = (
        "attest certify W-31 --items certificate/items.yaml --declaration certificate/declaration.yaml"
        " --signer file:keys/officer.key"
    )
    vendor(words, 3)
    vendor(f"{words} --proof data/portraits-2.removal -o ../certificate.jsonl")
    for place in ("data/portraits", "models/doors"):
        shutil.rmtree(vendor.folder / place)
    print("\ndeleted: data/portraits, models/doors")


def close(vendor: Shell, buyer: Shell, root: Path) -> None:
    """The proof lies beside the certificate; without it the case is open."""
    vendor("attest store export -o ../everything.jsonl", shown=False)
    shutil.copyfile(root / "registry" / "register-2.jsonl", buyer.folder / "register.jsonl")
    words = (
        "attest verify-deletion ../certificate.jsonl --order W-31 -b ../everything.jsonl"
        " --register register.jsonl -t trust.yaml"
    )
    buyer(words)
    (root / "certificate.proofs").rename(root / "elsewhere")
    buyer(words, 3)
    (root / "elsewhere").rename(root / "certificate.proofs")


def sell(vendor: Shell, buyer: Shell) -> None:
    """The proof travels with the model that was made of what is left."""
    vendor("attest bundle models/doors-2 -o doors.intoto.jsonl --name doors --proof data/portraits-2.removal")
    shutil.copytree(vendor.folder / "models" / "doors-2", buyer.folder / "doors")
    shutil.copyfile(vendor.folder / "doors.intoto.jsonl", buyer.folder / "doors.intoto.jsonl")
    shutil.copytree(vendor.folder / "doors.proofs", buyer.folder / "doors.proofs")
    shutil.copyfile(buyer.folder.parent / "registry" / "order.jsonl", buyer.folder / "order.jsonl")
    words = (
        "attest verify doors --trust trust.yaml --policy policy.yaml --register register.jsonl"
        " --register order.jsonl --json"
    )
    for code in (0, 3):
        report = json.loads(buyer(words, code, shown=False))
        print(f"{report['verdict']}  doors")
        for finding in report["findings"]:
            print(f"  {finding['code']}: {finding['summary']}")
        shutil.rmtree(buyer.folder / "doors.proofs", ignore_errors=True)


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "out" / "one-person").resolve()
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    os.environ.pop("ATTEST_PASSPHRASE", None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    sells = vendor(root / "vendor")
    registry, buys = others(root, sells)
    signed = order(sells, registry)
    expect(
        standing(sells, " --find-records"),
        portraits="proven",
        doors="proven",
        passers_by="clear",
        crowds="clear",
    )
    take_out(sells, signed)
    come_back(sells)
    retrain(sells, signed)
    certify(sells)
    close(sells, buys, root)
    sell(sells, buys)
    print(f"\nThe certificate: {root / 'certificate.jsonl'}")


if __name__ == "__main__":
    main()
