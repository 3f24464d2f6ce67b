"""A PKCS#11 token and a key service of our own, for tests; where they cannot be had, the tests say so."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loopback import listening

__all__ = ["PIN", "key_service", "need_packages", "python", "token"]

PIN = "481516"
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


def _missing(reason: str) -> None:
    end = pytest.fail if os.environ.get("ATTEST_TEST_REQUIRE_CLIENTS") else pytest.skip
    end(reason)


def need_packages(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            _missing(f"{package} is not installed (dependency group test)")


def token(folder: Path, keys: dict[int, str], label: str = "attest test") -> dict[str, str]:
    """Make a SoftHSM token with keys (number → openssl's name of the curve, or ``rsa``).

    Returns the variables it is found by: ``SOFTHSM2_CONF`` and ``PYKCS11LIB``.
    """
    need_packages("pkcs11", "securesystemslib")
    tool = shutil.which("softhsm2-util")
    module = next((each for each in _MODULES if Path(each).is_file()), None)
    if tool is None or module is None:
        _missing("SoftHSM is not installed: apt-get install softhsm2")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    variables = {"SOFTHSM2_CONF": str(conf), "PYKCS11LIB": str(module)}

    def run(*words: str) -> None:
        environ = {**os.environ, **variables}
        subprocess.run(words, env=environ, check=True, capture_output=True, timeout=60)

    run(str(tool), "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN)
    for number, curve in keys.items():
        pem = folder / f"{number}.pem"
        kind = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        if curve != "rsa":
            kind = ["EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"]
        run("openssl", "genpkey", "-algorithm", *kind, "-out", str(pem))
        run(
            *(str(tool), "--import", str(pem), "--token", label, "--label", f"key {number}"),
            *("--id", f"{number:02x}", "--pin", PIN),
        )
    return variables


@contextmanager
def key_service() -> Iterator[dict[str, str]]:
    """Run AWS KMS (moto) on loopback; yields the variables boto3 finds it by."""
    need_packages("moto", "boto3", "securesystemslib", "flask")
    server = Path(__file__).with_name("kms_server.py")
    with listening(lambda port: [sys.executable, str(server), port]) as port:
        yield {
            "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def python(variables: dict[str, str], *words: str) -> bytes:
    """Run Python with these variables, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **variables},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
