"""Keep what a buyer has as a golden: ``python tests/golden/bundles/keep.py BUYER_FOLDER NAME``.

It is run once per version of the formats, and the folder is never changed afterwards.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(buyer: Path, name: str) -> None:
    folder = HERE / name
    folder.mkdir()  # never over an old one
    shutil.copytree(buyer / "digits-int8", folder / "digits-int8")
    shutil.copytree(buyer / "keys", folder / "keys")
    for source, target in (
        ("digits-int8.intoto.jsonl", "bundle.jsonl"),
        ("register.jsonl", "register.jsonl"),
        ("trust.yaml", "trust.yaml"),
        ("policy.yaml", "policy.yaml"),
    ):
        shutil.copyfile(buyer / source, folder / target)
    words = ["attest", "verify", "digits-int8", "--bundle", "bundle.jsonl", "--register", "register.jsonl"]
    words += ["--trust", "trust.yaml", "--policy", "policy.yaml", "--json"]
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, check=False)
    (folder / "trust.memory.json").unlink(missing_ok=True)
    report = json.loads(done.stdout)
    expected = {
        "delivered": "digits-int8",
        "asOf": report["asOf"],
        "exitCode": done.returncode,
        "verdict": report["verdict"],
        "chain": report["chain"],
        "statements": [each["digest"] for each in report["statements"]],
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
