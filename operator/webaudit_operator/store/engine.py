"""Connections: the pool, its time limits, and the transaction that tells outages from mistakes. No queries.

Every statement is short, so every limit is: a server that hangs shows within seconds as StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from webaudit_operator.store.errors import StoreMisconfigured, explain

CONNECT_TIMEOUT = 5
"""Seconds to reach the server, and to get a connection from the pool."""
STATEMENT_TIMEOUT = 15
LOCK_TIMEOUT = 10
IDLE_IN_TRANSACTION_TIMEOUT = 30
MIGRATION_LOCK_TIMEOUT = 120
"""Seconds a migration waits for the one before it, or for a table in use."""
SILENCE = {"tcp_user_timeout": 10_000, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3}
"""A server whose machine is gone says nothing at all; TCP's own patience with it is a quarter of an hour.

Milliseconds, seconds, seconds, tries: https://www.postgresql.org/docs/15/libpq-connect.html
"""


def psycopg_url(url: str) -> URL:
    """The same place, reached with psycopg. Raises StoreMisconfigured when it is no PostgreSQL URL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second: a port that is no number
        parsed = URL.create("none")
    if parsed.get_backend_name() not in ("postgresql", "postgres") or not parsed.database:
        raise StoreMisconfigured("WEBAUDIT_DATABASE_URL: write postgresql://user:password@host:5432/database")
    return parsed.set(drivername="postgresql+psycopg")


def connect_args(url: URL) -> dict[str, Any]:
    """What every connection of the operator asks of libpq and the server."""
    limits = {
        "statement_timeout": STATEMENT_TIMEOUT,
        "lock_timeout": LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT,
    }
    return _connect_args(url, "webaudit-operator", limits)


def migration_connect_args(url: URL) -> dict[str, Any]:
    """The same for migrations, which may take long once they have their locks."""
    return _connect_args(url, "webaudit-migrate", {"statement_timeout": 0, "lock_timeout": MIGRATION_LOCK_TIMEOUT})


def _connect_args(url: URL, name: str, limits: dict[str, int]) -> dict[str, Any]:
    options = [f"-c {key}={seconds}s" for key, seconds in limits.items()]
    given = url.query.get("options")
    if isinstance(given, str):
        options.append(given)  # last, so that the URL's own choice wins
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": name,
        "options": " ".join(options),
        **{key: value for key, value in SILENCE.items() if key not in url.query},
    }


class Database:
    """A pool of connections to one database."""

    def __init__(self, url: str) -> None:
        self.url = psycopg_url(url)
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=5,
            max_overflow=5,
            pool_timeout=CONNECT_TIMEOUT,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args=connect_args(self.url),
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction. Raises StoreUnavailable or StoreMisconfigured; everything else is let through.

        Unavailable at the end may mean that the server has committed: the caller's statements must bear repeating.
        """
        try:
            async with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            explained = explain(error, self.url)
            if explained is None:
                raise
            raise explained from error

    async def close(self) -> None:
        await self.engine.dispose()
