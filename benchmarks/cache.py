"""What remembered digests save, and what it costs to keep them, beside ``find -printf`` of the same tree.

    python benchmarks/cache.py --quick
    python benchmarks/cache.py --rounds 5 --directory /scratch

Everything is a process of its own in a project of its own, timed from start to end; contenders alternate
round by round, and the table gives medians and ratios to ``find``, which asks the system for the same status
of each file and reads none. Machines are shared: compare within one run only. A quick run has a tenth of the
files, of which starting Python is most, so it states no goal.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from digests import MIB, Contender, Shape
from goals import goal
from installed import as_installed

DIGEST = [sys.executable, "-m", "attest", "digest"]
SETTLE = 2.5
"""Seconds after which what was written is remembered (``attest.outcomes.SETTLED_NS``)."""


def shapes(*, quick: bool) -> list[Shape]:
    part = 10 if quick else 1
    return [Shape("files", 20_000 // part, 50 << 10), Shape("tiny", 200_000 // part, 2 << 10)]


class Project:
    """A project with a tree in it."""

    def __init__(self, folder: Path, shape: Shape, *, quick: bool) -> None:
        self.folder, self.quick, self.tree = folder, quick, folder / shape.name
        (folder / "attest.yaml").touch()
        shape.make(self.tree)
        # by name: what this process holds counts as memory of those it starts
        self.single = self.tree / "d0000" / "f000000.bin"
        self.every_100th = [
            self.tree / f"d{number // shape.per_directory:04}" / f"f{number:06}.bin"
            for number in range(0, shape.files, 100)
        ]

    def forget(self) -> None:
        """Begin as if nothing had ever been read."""
        shutil.rmtree(self.folder / ".attest", ignore_errors=True)

    def evict(self) -> None:
        """Have the system drop the files from its memory, as far as it does."""
        os.sync()
        for folder, _, names in os.walk(self.tree):
            for name in names:
                fd = os.open(os.path.join(folder, name), os.O_RDONLY)  # noqa: PTH118 (many)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(fd)

    def remember(self) -> None:
        """Have everything remembered."""
        subprocess.run([*DIGEST, str(self.tree)], check=True, stdout=subprocess.DEVNULL)

    def change(self) -> None:
        """Change one file in a hundred, after everything was remembered."""
        self.remember()
        for path in self.every_100th:
            with path.open("r+b") as file:
                file.write(time.time_ns().to_bytes(8, "big"))

    def contenders(self) -> dict[str, tuple[Contender, Callable[[], None] | None]]:
        """Return who takes part, and what is done before each run."""
        tree = str(self.tree)
        rows: dict[str, tuple[list[str], Callable[[], None] | None]] = {
            "find": (["find", tree, "-printf", r"%p %D %i %s %T@ %C@\n"], None),
            "first": ([*DIGEST, "--no-cache", tree], None),
            **({} if self.quick else {"cold": ([*DIGEST, "--no-cache", tree], self.evict)}),
            "keeping": ([*DIGEST, tree], self.forget),
            **({} if self.quick else {"changed": ([*DIGEST, tree], self.change)}),
            "unchanged": ([*DIGEST, tree], None if self.quick else self.settle),
            "one": ([*DIGEST, str(self.single)], None),
        }
        names = {
            "find": "find -printf",
            "first": "attest digest, nothing remembered or kept",
            "cold": "the same, from the disk",
            "keeping": "the first, keeping what it reads",
            "changed": "again, 1 % changed",
            "unchanged": "again, unchanged",
            "one": "attest digest of one small file",
        }
        return {key: (Contender(names[key], words), before) for key, (words, before) in rows.items()}

    def settle(self) -> None:
        """Have everything remembered, what was changed just now too."""
        time.sleep(SETTLE)
        self.remember()


def measure(shape: Shape, options: argparse.Namespace) -> None:
    """Make a shape, let everybody at it, print, and remove it."""
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        project = Project(Path(folder).resolve(), shape, quick=options.quick)
        os.chdir(project.folder)
        time.sleep(SETTLE)
        running = project.contenders()
        for number in range(options.rounds + 1):
            for each, before in running.values():
                if before:
                    before()
                each.run()
                if number == 0:  # the first round only warms up
                    each.seconds.clear()
        os.chdir(folder + "/..")
        table(shape, {key: each for key, (each, _) in running.items()}, quick=options.quick)


def table(shape: Shape, running: dict[str, Contender], *, quick: bool) -> None:
    """Print medians, ratios to ``find``, and the goals."""
    print(f"\n{shape.name}: {shape.files:,} x {shape.size:,} bytes")
    print(f"  {'':<44}{'seconds':>9}{'us/file':>10}{'ratio':>8}{'MiB':>7}")
    for each in running.values():
        if each.failure:
            raise SystemExit(f"{each.name} failed: {each.failure}")
        print(
            f"  {each.name:<44}{each.median:>9.3f}{each.median / shape.files * 1e6:>10,.1f}"
            f"{each.median / running['find'].median:>8.2f}{each.memory / MIB:>7.0f}"
        )
    first, again = running["first"].median, running["unchanged"].median
    print(f"  keeping what is read takes {running['keeping'].median / first - 1:+.1%} of the first run")
    if quick:
        return
    print(f"  unchanged takes {again / running['cold'].median:.2f} of a first run from the disk")
    one = running["one"].median
    print(f"  {one:.3f} s of it are what one small file takes as well, mostly the start of Python and")
    print(f"  its packages: {one / first:.2f} of the first run, the rest {(again - one) / first:.2f}")
    if shape.name == "files":
        goal("digest, unchanged 20,000 x 50 KiB, against the first run", again / first, 0.1, at_most=True)
    else:
        find = running["find"].median
        goal("digest, unchanged 200,000 x 2 KiB, against find -printf", again / find, 2.5, at_most=True)


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the files, one round, no goals")
    parser.add_argument("--rounds", type=int, help="measured rounds  [default: 5, quick 1]")
    parser.add_argument("--shape", action="append", help="only this shape; may be repeated")
    parser.add_argument("--directory", help="where to generate data  [default: the temporary directory]")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    here = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    load = os.getloadavg()[0]
    print(f"{options.rounds} rounds, load {load:.2f}")
    for shape in shapes(quick=options.quick):
        if not options.shape or shape.name in options.shape:
            measure(shape, options)


if __name__ == "__main__":
    main()
