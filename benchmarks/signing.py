"""How many statements are signed keyless in a second, beside sigstore-python's own library, on real servers.

    python benchmarks/signing.py
    python benchmarks/signing.py --statements 1000 --lifetime 60s

Fulcio, both versions of Rekor and the timestamp authority run on loopback (tests/stack); every contender
signs from one login and is timed from its first statement to its last, certificate included. A log answers
when its entry is in, Rekor v2 once a second, so a loop waits and threads help. What attest does besides:
every answer is checked against the trusted root, and every bundle verified. Machines are shared: compare
within one run only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from clients.cache import Unavailable
from installed import as_installed
from stack.build import programs
from stack.proxy import Proxy
from stack.servers import Stack

from attest.keyless import Keyless
from attest.resource import ResourceDescriptor
from attest.signers.sigstore import SigstoreSigner
from attest.spool import pending, settle_all, spool_given
from attest.statement import Statement
from attest.store import open_store

Sign = Callable[[Statement], object]


@dataclass(frozen=True)
class Contender:
    """A way to sign many statements from one login."""

    name: str
    threads: int
    open: Callable[[Stack, int, str], Sign]


def library(stack: Stack, rekor: int, fulcio: str) -> Sign:
    """sigstore-python as its documentation shows it; it leaves it to its user to have another certificate."""
    from sigstore import dsse
    from sigstore._internal.fulcio import ExpiredCertificate
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    config = ClientTrustConfig.from_json(stack.config(rekor, fulcio=fulcio).read_text())
    context = SigningContext.from_trust_config(config)
    token, lock = IdentityToken(stack.token()), threading.Lock()
    with context.signer(token, cache=True) as first:
        signers = [first]

    def sign(statement: Statement) -> str:
        signer = signers[-1]
        try:
            return signer.sign_dsse(dsse.Statement(statement.payload)).to_json()
        except ExpiredCertificate:
            with lock:
                if signer is signers[-1]:
                    with context.signer(token, cache=True) as another:
                        signers.append(another)
            return sign(statement)

    return sign


def ours(stack: Stack, rekor: int, fulcio: str) -> Sign:
    """The signer of attest."""
    return keyless(stack, rekor, fulcio).sign


def keyless(stack: Stack, rekor: int, fulcio: str) -> SigstoreSigner:
    token = stack.folder / "token"
    token.write_text(stack.token())
    return SigstoreSigner(Keyless(instance=str(stack.config(rekor, fulcio=fulcio)), token_file=str(token)))


CONTENDERS = (
    Contender("sigstore-python, a loop", 1, library),
    Contender("attest, a loop", 1, ours),
    Contender("sigstore-python, 16 threads", 16, library),
    Contender("attest, 16 threads", 16, ours),
)


def statements(count: int) -> list[Statement]:
    """Steps as small as they come: what is measured is signing."""
    subject = ResourceDescriptor(name="checkpoint", digest={"sha256": "0" * 64})
    return [Statement.build([subject], "https://example.com/made-up/v1", {"step": n}) for n in range(count)]


@contextmanager
def counting(stack: Stack) -> Iterator[Proxy]:
    """Count how often Fulcio is asked; it is asked seldom, so the detour costs nothing."""
    with Proxy(stack.urls["fulcio"]) as proxy:
        yield proxy


def measure(stack: Stack, rekor: int, contender: Contender, count: int) -> tuple[float, int]:
    """Return statements per second, and how often Fulcio was asked."""
    made = statements(count)
    with counting(stack) as fulcio, ThreadPoolExecutor(contender.threads) as pool:
        began = time.perf_counter()
        sign = contender.open(stack, rekor, fulcio.url)
        for _ in pool.map(sign, made):
            pass
        return count / (time.perf_counter() - began), len(fulcio.asked)


def settle(stack: Stack, rekor: int, count: int, folder: Path) -> tuple[float, int]:
    """The same for statements that wait: checked, signed, stored, and taken out of the spool."""
    spool = folder / f"spool-{rekor}"
    for statement in statements(count):
        spool_given(spool, statement)
    with counting(stack) as fulcio, open_store(str(folder / f"{rekor}.db"), create=True) as store:
        signer = keyless(stack, rekor, fulcio.url)
        began = time.perf_counter()
        found = list(settle_all(pending(spool), signer, store, threads=signer.threads))
        seconds = time.perf_counter() - began
        if bad := [each for _, each in found if not isinstance(each, Statement)]:
            raise bad[0]
        return count / seconds, len(fulcio.asked)


def show(name: str, count: int, rate: float, asked: int, first: float) -> None:
    print(f"  {name:32} {count:6} {rate:10.2f} {rate / first:8.2f} {asked:8}", flush=True)


def run(stack: Stack, rekors: Sequence[int], count: int, loop: int, folder: Path) -> None:
    for rekor in rekors:
        print(f"\nRekor v{rekor}{'':26} signed  per second    ratio  Fulcio asked")
        first = 0.0
        for contender in CONTENDERS:
            number = loop if contender.threads == 1 else count
            rate, asked = measure(stack, rekor, contender, number)
            first = first or rate
            show(contender.name, number, rate, asked, first)
        rate, asked = settle(stack, rekor, count, folder)
        show("attest sign --pending", count, rate, asked, first)


def main() -> int:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--statements", type=int, default=1000, help="how many are signed by threads")
    parser.add_argument("--loop", type=int, default=30, help="how many are signed one after the other")
    parser.add_argument("--rekor", type=int, choices=(1, 2), action="append", help="only this version")
    parser.add_argument("--lifetime", default="10m", help="of a certificate, as Go writes it (10m, 60s)")
    given = parser.parse_args()
    try:
        built = programs(again=True)
    except Unavailable as reason:
        print(f"the servers cannot be had here: {reason}", file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, certificates of {given.lifetime}")
    with tempfile.TemporaryDirectory(prefix="signing-") as name:
        folder = Path(name)
        (folder / "stack").mkdir()
        with Stack(built, folder / "stack") as stack:
            stack.restart("fulcio", "-lifetime", given.lifetime)
            run(stack, given.rekor or (1, 2), given.statements, given.loop, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
