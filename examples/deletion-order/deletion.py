"""A dataset has to go: the order, what it reaches, the retraining, the certificate, and what buyers see.

A vendor trained on photos it should never have had: three models, an index, a fine-tuned product, an adapter
that went to a customer, and a backup that a court wants kept. It has eight other collections and forty models
of them, which stay. The photos are ordered gone. Names and pictures are made up; files, models, signatures
and deletions are real. Every ``$`` line that is printed is a command one can type.

Run it with ``bash examples/deletion-order/run.sh``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attest
from attest.bundle import read_lines
from attest.cli import main as attest_main

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "pipeline"))
import learn  # noqa: E402 - the vendor's program, from its folder

REGISTER = "https://registry.example/orders"
BUILDER = "https://lumen.example/ci"
CUSTOMER = "Harbour Access Ltd"
NOW = datetime.now(UTC)
HOLD_ENDS = NOW + timedelta(days=180)
LEARN = "python pipeline/learn.py"
RUN = "attest run --code pipeline"
# the eight artifacts the order reaches, as statements call them, and where they are
EIGHT = {
    "photos/": "data/photos",
    "recognition/": "models/recognition",
    "detection/": "models/detection",
    "demographics/": "models/demographics",
    "index/": "index",
    "product/": "product",
    "adapter/": "adapter",
    "backup.tar": "backup.tar",
}
FORTY = 40


class Shell:
    """Runs commands of attest in one folder, in this process, and shows them as one would type them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, command: str, expect: int = 0, *, shown: bool = True) -> str:
        """Run a command, stop the example if it ends with another exit code, return what it printed."""
        print(f"\n{self.folder.name}$ {command}")
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                attest_main(shlex.split(command)[1:])
            except SystemExit as ended:
                code = ended.code
        if shown or code != expect:
            print((out.getvalue() + err.getvalue()).rstrip())
        if code != expect:
            sys.exit(f"expected exit code {expect}, got {code}: {command}")
        return out.getvalue()


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def vendor(folder: Path) -> Shell:
    """What the vendor had: ten datasets, three models of the photos, what was made of them, forty more."""
    sh = Shell(folder)
    shutil.copytree(HERE / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HERE / "cards", folder / "cards")
    sh(f"attest init --key --builder-id {BUILDER}")
    sh("attest key generate keys/officer.key")
    (folder / "models").mkdir()
    things = [f"objects-{number}" for number in range(8)]
    for seed, name in enumerate(["photos", "studio", *things]):
        learn.collect(folder / "data" / name, seed, 200)
        card = name if seed < 2 else "objects"  # the first two have their own
        sh(f"attest dataset data/{name} --card cards/{card}.yaml", shown=seed == 0)
    for task in ("recognition", "detection"):
        sh(
            f"{RUN} --kind train --dataset data/photos --dataset data/studio --output models/{task}"
            f" -- {LEARN} train models/{task} {task} data/photos data/studio"
        )
    sh(
        f"{RUN} --kind train --dataset data/photos --output models/demographics"
        f" -- {LEARN} train models/demographics demographics data/photos"
    )
    sh(f"{RUN} --kind index --dataset data/photos --output index -- {LEARN} index index data/photos")
    sh(
        f"{RUN} --kind finetune --base-model models/detection --dataset data/studio --output product"
        f" -- {LEARN} finetune product models/detection data/studio"
    )
    sh(
        f"{RUN} --kind finetune --set method=lora --base-model models/recognition --dataset data/studio"
        f" --output adapter -- {LEARN} adapt adapter models/recognition data/studio"
    )
    sh(
        f"{RUN} --kind convert --set format=backup --dataset data/photos --output backup.tar"
        f" -- {LEARN} backup backup.tar data/photos"
    )
    forty(folder, things)
    deliver(sh)
    return sh


def forty(folder: Path, things: list[str]) -> None:
    """Forty models of other collections, recorded from Python: `attest.run`."""
    with contextlib.chdir(folder):
        for number in range(FORTY):
            out, data = Path("models") / f"things-{number}", Path("data") / things[number % len(things)]
            with attest.run("train", seed=number) as run:
                run.input(data, role="dataset")
                learn.train(out, chr(number // len(things)), data)
                run.output(out)
    print("\n40 models trained from the eight other collections")


def deliver(sh: Shell) -> None:
    """The adapter goes to a customer, and that is recorded."""
    customer = sh.folder.parent / "customer"
    shutil.copytree(sh.folder / "adapter", customer / "adapter")
    (sh.folder / "contract-88.txt").write_text(f"Lumen licenses the adapter for doors to {CUSTOMER}.\n")
    sh(
        f"attest distribution adapter --recipient '{CUSTOMER}' --channel download --agreement contract-88.txt"
        " --not-public"
    )


def buyer(folder: Path, vendor: Shell, registry: Shell) -> Shell:
    """The buyer trusts the vendor's keys and the registry's, and has bought the model for recognition."""
    registry("attest init --key", shown=False)
    registry(f"attest register new {REGISTER} --next-update '30 days' --scope order -o register-1.jsonl")
    sh = Shell(folder)
    shutil.copyfile(HERE / "cards" / "policy.yaml", folder / "policy.yaml")
    keys = {
        "vendor": vendor.folder / "keys/attest.key.pub",
        "officer": vendor.folder / "keys/officer.key.pub",
        "registry": registry.folder / "keys/attest.key.pub",
    }
    for name, path in keys.items():
        shutil.copyfile(path, folder / f"{name}.pub")
    roles = "--role publisher --role builder --role data-owner --role rights-holder"
    sh("attest trust new trust.yaml", shown=False)
    sh(f"attest trust add trust.yaml vendor --key vendor.pub {roles} --builder-id {BUILDER}")
    sh("attest trust add trust.yaml officer --key officer.pub --role officer")
    sh(f"attest trust add trust.yaml registry --key registry.pub --role keeper --register {REGISTER}")
    buy(sh, vendor, "models/recognition", "old")
    publish(sh, registry, "register-1.jsonl")
    verify(sh, "old", 0)
    return sh


def buy(buyer: Shell, vendor: Shell, model: str, name: str) -> None:
    """Bundle a model and hand both over."""
    vendor(f"attest bundle {model} -o {name}.intoto.jsonl --name {name}")
    shutil.copytree(vendor.folder / model, buyer.folder / name)
    shutil.copyfile(vendor.folder / f"{name}.intoto.jsonl", buyer.folder / f"{name}.intoto.jsonl")


def publish(buyer: Shell, registry: Shell, edition: str) -> None:
    shutil.copyfile(registry.folder / edition, buyer.folder / "register.jsonl")


def verify(buyer: Shell, name: str, expect: int) -> None:
    """Ask for the verdict, and print it with what was found."""
    said = buyer(
        f"attest verify {name} --bundle {name}.intoto.jsonl --register register.jsonl"
        " --trust trust.yaml --policy policy.yaml --json",
        expect,
        shown=False,
    )
    report = json.loads(said)
    print(f"{report['verdict']}  {name}")
    for finding in report["findings"]:
        print(f"  {finding['code']}: {finding['summary']}")


def order(vendor: Shell, registry: Shell) -> str:
    """The photos are ordered gone; the registry signs and lists the order; the vendor takes it in."""
    photos = vendor("attest digest data/photos").split()[0]
    (registry.folder / "order.yaml").write_text(
        "order: {id: C-9001, basis: regulator}\n"
        f"authority: {{name: Example Trade Commission, jurisdiction: US}}\nregister: {REGISTER}\n"
        f"effective: {NOW.date()}\n"
        f'targets: {{datasets: [{{name: members-photos, digest: "sha256:{photos}/"}}]}}\n'
        "deadlines: [{class: raw-data, days: 30}, {days: 90}]\n"
        "thirdParties: {identify: yes, instruct: yes, confirm: yes}\n"
        "permittedExceptions: [legal-retention]\n"
    )
    signed = registry("attest order add order.yaml -o order.jsonl --json", shown=False)
    registry("attest register append register-1.jsonl --order order.jsonl -o register-2.jsonl")
    shutil.copyfile(vendor.folder.parent / "buyer" / "trust.yaml", vendor.folder / "trust.yaml")
    for name in ("vendor", "officer", "registry"):
        shutil.copyfile(vendor.folder.parent / "buyer" / f"{name}.pub", vendor.folder / f"{name}.pub")
    vendor("attest import ../registry/order.jsonl --trust trust.yaml")
    return str(json.loads(signed)["statement"])


def affected(vendor: Shell) -> dict[str, str]:
    """Return everything the order reaches, by name; stop if it is not the eight, and none of the forty."""
    vendor("attest impact C-9001")
    report = json.loads(vendor("attest impact C-9001 --json", shown=False))
    rows = [row for row in report["affected"] if row["certainty"] == "proven"]
    # the weights inside a folder are listed as part of it
    found = {row["name"]: row["artifact"] for row in rows if "partOf" not in row}
    clear = {row["name"] for row in report["clear"] if re.fullmatch(r"things-\d+/", row["name"])}
    print(f"\n{len(found)} artifacts are affected, {len(clear)} models are not")
    if set(found) != set(EIGHT) or len(rows) != len(report["affected"]) or len(clear) != FORTY:
        sys.exit(f"expected {sorted(EIGHT)} and {FORTY} models clear, got {sorted(found)} and {len(clear)}")
    return found


def retrain(vendor: Shell, reached: dict[str, str], signed: str) -> str:
    """What the plan says: the model for recognition again, without the photos."""
    old = reached["recognition/"]
    vendor(f"attest impact C-9001 --plan --want {old}")
    vendor(
        f"{RUN} --kind train --replaces {old} --order {signed} --dataset data/studio"
        f" --output models/recognition-2 -- {LEARN} train models/recognition-2 recognition data/studio"
    )
    return vendor("attest digest models/recognition-2").split()[0]


def delete(vendor: Shell) -> None:
    """Delete what must go, here and at the customer; the backup stays, because a court wants it kept."""
    gone = [place for name, place in EIGHT.items() if name != "backup.tar"]
    for place in gone:
        shutil.rmtree(vendor.folder / place)
    shutil.rmtree(vendor.folder.parent / "customer" / "adapter")
    print(f"\ndeleted: {', '.join(gone)}, and the customer's adapter; kept for the court: backup.tar")


def fill(folder: Path, new: str) -> None:
    """Fill in the officer's two files, as an editor would; and write a list that leaves the adapter out."""
    said = {
        "ceasedAt": stamp(NOW),
        "location": "storage cluster 2, Chicago",
        "disposition": "destroyed",
        "method": "overwritten and removed",
        "finished": stamp(NOW),
        "instructedAt": stamp(NOW),
        "confirmedAt": stamp(NOW),
        "signatory": "Robin Example",
        "title": "Chief Executive",
        "executedOn": str(NOW.date()),
    }
    for name in ("items.yaml", "declaration.yaml"):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(re.sub(r"(\w+): FILL-IN", lambda at: f"{at[1]}: {said[at[1]]}", text))
    until, follow = stamp(HOLD_ENDS), stamp(HOLD_ENDS + timedelta(days=30))
    hold = f"{{obligation: litigation hold 1:26-cv-4711, until: {until}, followUp: {follow}}}"
    items, recipients, tail = (folder / "items.yaml").read_text("utf-8").partition("recipients:")
    rows = items.split("  - artifact:")
    for at, row in enumerate(rows):
        if 'name: "recognition/' in row:
            words = f'retrained-replaced\n    replacedBy: "sha256:{new}/"'
            rows[at] = row.replace("disposition: destroyed", f"disposition: {words}")
        elif "backup.tar" in row:
            kept = re.sub(r"    (method|finished): .*\n", "", row)
            words = f"disposition: retained\n    retention: {hold}"
            rows[at] = kept.replace("disposition: destroyed", words)
    for name, kept_rows in (
        ("items.yaml", rows),
        ("without.yaml", [row for row in rows if 'name: "adapter/' not in row]),
    ):
        (folder / name).write_text("  - artifact:".join(kept_rows) + recipients + tail)


def certify(vendor: Shell, new: str) -> None:
    """The officer fills in the list and signs; without the adapter it is only signed as an interim report."""
    vendor("attest certify C-9001 --templates certificate")
    fill(vendor.folder / "certificate", new)
    words = "attest certify C-9001 --declaration certificate/declaration.yaml --signer file:keys/officer.key"
    vendor(f"{words} --items certificate/without.yaml", 3)
    vendor(f"{words} --items certificate/without.yaml --interim -o ../without.jsonl")
    (interim,) = read_lines(vendor.folder.parent / "without.jsonl")
    words += f" --supersedes sha256:{interim.statement_digest}"
    vendor(f"{words} --items certificate/items.yaml -o ../certificate.jsonl")


def close(buyer: Shell, vendor: Shell, certificate: str, expect: int) -> list[str]:
    """Whoever holds the statements computes anew what the order reaches; return what is missing."""
    vendor("attest store export -o ../everything.jsonl", shown=False)
    words = (
        f"attest verify-deletion ../{certificate} --order C-9001 -b ../everything.jsonl"
        " --register register.jsonl -t trust.yaml"
    )
    buyer(words, expect)
    said = json.loads(buyer(f"{words} --json", expect, shown=False))
    return [each["subject"] for each in said["findings"] if each["code"] == "item-missing"]


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "out").resolve()
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    os.environ.pop("ATTEST_PASSPHRASE", None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    sells, registry = vendor(root / "vendor"), Shell(root / "registry")
    buys = buyer(root / "buyer", sells, registry)
    signed = order(sells, registry)
    reached = affected(sells)
    # a copy that nobody has written down, for later
    shutil.copytree(root / "vendor" / "product", root / "forgotten")
    new = retrain(sells, reached, signed)
    delete(sells)
    certify(sells, new)
    publish(buys, registry, "register-2.jsonl")
    close(buys, sells, "certificate.jsonl", 0)
    missing = close(buys, sells, "without.jsonl", 3)
    if reached["adapter/"] not in missing:
        sys.exit(f"expected {reached['adapter/']} to be missing, got {missing}")
    print("\nThe buyer asks again, with the register's new edition:")
    verify(buys, "old", 1)
    buy(buys, sells, "models/recognition-2", "new")
    verify(buys, "new", 0)
    print("\nA later release of a copy that somebody had kept:")
    shutil.copytree(root / "forgotten", root / "vendor" / "product")
    sells(f"{RUN} --kind quantize --base-model product --output edge -- {LEARN} quantize edge product")
    shutil.rmtree(root / "vendor" / "product")
    buy(buys, sells, "edge", "edge")
    verify(buys, "edge", 1)
    if not close(buys, sells, "certificate.jsonl", 3):
        sys.exit("expected the later release to be missing in the certificate")
    print(f"\nThe certificate: {root / 'certificate.jsonl'}")


if __name__ == "__main__":
    main()
