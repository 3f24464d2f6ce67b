"""A PostgreSQL server of the tests' own, on loopback, made out of the programs of this machine."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from clients.cache import Unavailable
from loopback import free_ports

PROGRAMS = ("initdb", "postgres", "pg_dump", "pg_restore", "psql")
_DEBIAN = Path("/usr/lib/postgresql")
_KEEPER = Path(__file__).with_name("postgres_keeper.py")
_SECONDS = 60


def programs():
    """Return the folder of the newest server of this machine.

    Raises:
        Unavailable: there is none.
    """
    found = sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    found += [Path(initdb).resolve().parent] if (initdb := shutil.which("initdb")) else []
    for folder in found:
        if all((folder / name).is_file() for name in PROGRAMS):
            return folder
    raise Unavailable("there is no PostgreSQL server on this machine: apt-get install postgresql")


def unprivileged():
    """Return how to run a program as a user a server may belong to: neither root, nor one without a name."""
    if os.geteuid():
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError as error:
            raise Unavailable(
                f"PostgreSQL asks for the name of the user {os.geteuid()}, and there is none"
            ) from error
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise Unavailable("a PostgreSQL server never runs as root, and there is neither postgres nor nobody")


def _memory():
    """Return a folder in memory with some room, if there is one: a test makes dozens of files."""
    folder = Path("/dev/shm")  # noqa: S108 - what is made in it gets a name nobody knows
    if not os.access(folder, os.W_OK):
        return None
    found = os.statvfs(folder)
    return folder if found.f_bavail * found.f_frsize > 1 << 30 else None


class Server:
    """A server with one database, ``test``; everybody is let in through its socket, by password over TCP."""

    USER = "tester"

    def __init__(self):
        if importlib.util.find_spec("psycopg") is None:
            raise Unavailable("psycopg is not installed (extra postgres)")
        self._bin = programs()
        self._user = unprivileged()
        self._numbers = itertools.count(1)
        (self.port,) = free_ports()
        # not pytest's: its folders are closed to other users, and too long for the name of a socket
        self.folder = Path(tempfile.mkdtemp(prefix="attest-pg-", dir=_memory()))
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _start(self):
        if self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
            self.folder.chmod(0o711)
        data = str(self.folder / "data")
        options = ["-U", self.USER, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        self._run("initdb", "-D", data, "-E", "UTF8", "--locale=C", *options, **self._user)
        # what the machine's crash would cost is of no interest here, only what a killed process costs
        settings = {
            "fsync": "off",
            "listen_addresses": "127.0.0.1",
            "max_wal_size": "64MB",
            "min_wal_size": "32MB",
            "port": str(self.port),
            "shared_buffers": "32MB",
            "unix_socket_directories": str(self.folder),
        }
        command = [str(self._bin / "postgres"), "-D", data]
        command += [f"-c{name}={value}" for name, value in settings.items()]
        self._keeper = subprocess.Popen(
            [sys.executable, str(_KEEPER), str(self.folder / "log"), json.dumps(self._user), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self.wait()
            self.sql("CREATE DATABASE test", database="postgres")
        except BaseException:
            self._stop()
            raise

    def _run(self, program, *arguments, **settings):
        command = [str(self._bin / program), *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_SECONDS, cwd="/", **settings
        )

    def run(self, program, *arguments, user=USER, **settings):
        """Run a client of PostgreSQL against the database."""
        connection = ["-h", str(self.folder), "-p", str(self.port), "-U", user]
        return self._run(program, *connection, *arguments, **settings).stdout

    def sql(self, *statements, database="test", user=USER):
        """Do something behind every store's back; return what the last statement answers."""
        import psycopg

        with psycopg.connect(self.conninfo(user, database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def conninfo(self, user=USER, database="test"):
        return f"host={self.folder} port={self.port} user={user} dbname={database}"

    def uri(self, schema=None, *, user=USER, database="test"):
        """Return the URI of a store, through the socket."""
        query = f"host={self.folder}&port={self.port}" + (f"&schema={schema}" if schema else "")
        return f"postgresql://{user}@/{database}?{query}"

    def new_schema(self):
        """Return the name of a schema that was never used."""
        return f"place{os.getpid()}_{next(self._numbers)}"

    def wait(self):
        """Wait until the server lets somebody in."""
        assert self._keeper.stdout.readline() == b"ready\n", (self.folder / "log").read_text()

    def crash(self):
        """Kill the server with all its processes, and start it again."""
        self._keeper.stdin.write(b"again\n")
        self._keeper.stdin.flush()

    def close(self):
        self._stop()
        shutil.rmtree(self.folder)

    def _stop(self):
        self._keeper.stdin.close()
        self._keeper.wait(_SECONDS)
        self._keeper.stdout.close()


@contextmanager
def running_server():
    """Run a server; where there is none the test is skipped, or fails if it was said that nothing may be."""
    try:
        server = Server()
    except Unavailable as reason:
        end = pytest.fail if os.environ.get("ATTEST_TEST_REQUIRE_POSTGRES") else pytest.skip
        end(f"PostgreSQL is not available here: {reason}")
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres():
    with running_server() as server:
        yield server
