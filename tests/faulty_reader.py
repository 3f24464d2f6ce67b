"""A disk that fails in every way there is, by a seed: for threads as ``Faulty``, for processes as a program.

    python faulty_reader.py reading.py SEED FAULTS TIMEOUT

runs attest's reading program with such a disk. Faults: ``short`` (a read gives less), ``truncated`` (a read
gives nothing), ``changed`` (a status is another), ``flipped`` (the file changes under the reader, and its
status with it), ``eio``, ``eacces``, ``stall`` (a read never ends), ``death`` (the process ends).
"""

from __future__ import annotations

import errno
import importlib.util
import os
import random
import sys
import time


class Faulty:
    """A disk that hands on to another, and now and then does what a fault does."""

    def __init__(self, disk, seed, faults, rate=0.02):
        self.disk = disk
        self.faults = faults
        self.rate = rate
        self.chance = random.Random(seed)  # noqa: S311
        self.touched = set()

    def strike(self):
        return self.chance.choice(self.faults) if self.chance.random() < self.rate else None

    def open(self, *args, **options):
        if self.strike() == "eacces":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return self.disk.open(*args, **options)

    def close(self, fd):
        self.touched.discard(fd)
        self.disk.close(fd)

    def read(self, fd, count):
        at = os.lseek(fd, 0, os.SEEK_CUR)
        data = self.damage(self.strike(), fd, self.disk.read(fd, count))
        os.lseek(fd, at + len(data), os.SEEK_SET)
        return data

    def readinto(self, fd, buffer):
        data = self.read(fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def status(self, fd):
        status = self.disk.status(fd)
        moved = fd in self.touched or self.strike() == "changed"
        return (*status[:4], status[4] + 1) if moved else status

    def damage(self, fault, fd, data):
        if fault == "eio":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if fault == "stall":
            time.sleep(3600)
        elif fault == "death":
            os._exit(9)
        elif fault == "flipped" and data:
            self.touched.add(fd)
            return bytes([data[0] ^ 1]) + data[1:]
        if fault in {"truncated", "short"}:
            return data[: max(1, len(data) // 2)] if fault == "short" else b""
        return data


def main():
    program, seed, faults, timeout = sys.argv[1:]
    found = importlib.util.spec_from_file_location("reading", program)
    reading = importlib.util.module_from_spec(found)
    found.loader.exec_module(reading)
    reading.DISK = Faulty(reading.DISK, f"{seed}{os.getpid()}", faults.split(","))
    try:
        reading.serve(float(timeout))
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    main()
