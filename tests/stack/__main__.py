"""Run a Sigstore of your own: ``python tests/stack [FOLDER]`` builds and starts the servers, until Ctrl-C.

FOLDER (default: a new temporary one) gets the trust configurations, the trusted root, an identity token that
lasts an hour, the URL of its issuer, and the servers' logs.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.cache import Unavailable

from stack.build import programs
from stack.servers import PERSON, Stack


def main() -> int:
    """Run until interrupted; tell by the status whether the servers could be had."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="sigstore-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        print(f"{folder} is not empty", file=sys.stderr)  # noqa: T201 - this is what it is run for
        return 2
    try:
        built = programs(again=True)
    except Unavailable as reason:
        print(f"not available: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    with Stack(built, folder.absolute()) as stack:
        token = folder / "token"
        token.write_text(stack.token())
        (folder / "issuer").write_text(f"{stack.issuer()}\n")
        for name, what in {
            **stack.urls,
            "trust configuration, Rekor v1": stack.config(1),
            "trust configuration, Rekor v2": stack.config(2),
            "trusted root": stack.trusted_root,
            f"identity token of {PERSON}": token,
        }.items():
            print(f"{name}: {what}", flush=True)  # noqa: T201
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
