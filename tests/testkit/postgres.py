"""A real PostgreSQL for tests: one server per run, a fresh database per test from a migrated template.

The server's files, socket and port are its own, and it dies with the process that started it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from testkit.waiting import eventually
from webaudit_operator.store.migrate import upgrade_to_head
from webaudit_operator.store.record import Store

BIN = Path("/usr/lib/postgresql/15/bin")
USER = "webaudit"
PASSWORD = "webaudit:p@ss"  # needs quoting in a URL, as real ones do
TEMPLATE = "webaudit_template"
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class PostgresServer:
    """PostgreSQL 15 that can be stopped, killed and started again on the same data and port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="webaudit-pg-"))
        self.port = free_port()
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)  # inside a folder that only the server's user can enter
        self._run("initdb", "--no-sync", "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}",
                  "--encoding=UTF8", "--locale=C.UTF-8", str(self.folder / "data"))  # fmt: skip

    def _run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            [BIN / program, *args],
            user=self._user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def start(self) -> None:
        """Returns when the server answers; raises RuntimeError with its log when it doesn't within 30 s."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [BIN / "postgres", "-D", self.folder / "data", "-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port),
             "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=60"],
            user=self._user, cwd=self.folder, stdout=log, stderr=log, preexec_fn=_die_with_parent,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends sessions in order, SIGQUIT at once. Returns when the server is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:webaudit%3Ap%40ss@127.0.0.1:{self.port}/{database}"

    def create_database(self, *, template: str = "template0") -> str:
        """A new database's URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@asynccontextmanager
async def held_until_blocked(url: str, lock: str, waiters: int) -> AsyncIterator[None]:
    """Runs the block's tasks into a lock: what they start waits on the rows of `lock` until `waiters` of them do.

    For races that would otherwise happen once in a thousand runs. The lock is released at the end of the block.
    """
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as observer:
        holder.execute(lock.encode())
        yield
        await eventually(lambda: observer.execute(waiting).fetchone() == (waiters,))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's server. Tests that stop a server take `own_postgres` instead."""
    server = PostgresServer()
    try:
        server.start()
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade_to_head(server.url(TEMPLATE))
        yield server
    finally:
        server.remove()


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh database with the schema at head."""
    url = postgres_server.create_database(template=TEMPLATE)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh database with nothing in it."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """The record on a fresh database."""
    store = Store.from_url(database_url)
    yield store
    await store.close()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A running server for one test alone, which may stop and start it; nothing is migrated."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
