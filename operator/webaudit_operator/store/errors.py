"""What can be wrong with the database, told apart: wait and try again, or a person must change something.

Messages are one line, name the place, say what to do, and never hold the password.
"""

from __future__ import annotations

import re

from psycopg import errors as pg
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StoreUnavailable(Exception):
    """The database cannot be used right now (refused, timed out, shutting down, starting up): try again."""


class StoreUnreachable(StoreUnavailable):
    """There is no talking to the server at all, for nobody."""


class StoreMisconfigured(Exception):
    """Trying again cannot help: wrong password, unknown database or host, schema missing or out of date."""


class SessionMissing(Exception):
    """The session has no row yet: open it first."""


# A failed connection carries no SQLSTATE (libpq has none to give), so its words decide. A server that speaks
# another language falls through to "unavailable", which waits and shows the server's own words.
_CONNECT_FAULTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"failed to resolve host|could not translate host name"),
        "the host name does not resolve; check the host in WEBAUDIT_DATABASE_URL",
    ),
    (
        re.compile(r"(password|peer|ident|LDAP|certificate) authentication failed|no password supplied"),
        "the server refuses user and password; check them in WEBAUDIT_DATABASE_URL",
    ),
    (
        re.compile(r"no pg_hba\.conf entry|pg_hba\.conf rejects connection"),
        "the server's pg_hba.conf does not let this client in",
    ),
    (re.compile(r'role ".*" does not exist'), "the user does not exist; check WEBAUDIT_DATABASE_URL"),
    (
        re.compile(r'database ".*" does not exist'),
        "the database does not exist; create it, or check the name in WEBAUDIT_DATABASE_URL",
    ),
    (re.compile(r"permission denied for database"), "the user may not connect to this database"),
    (re.compile(r"certificate verify failed|does not support SSL"), "TLS as asked for in the URL fails"),
)
_BAD_OPTION = re.compile(r"invalid (connection option|\S+ value|integer value|port number)", re.IGNORECASE)
_RESOLVER_BUSY = re.compile(r"Temporary failure in name resolution")

_MISCONFIGURED = (
    pg.UndefinedTable,
    pg.UndefinedColumn,
    pg.UndefinedObject,
    pg.InvalidSchemaName,
    pg.InsufficientPrivilege,
    pg.InvalidAuthorizationSpecification,
    pg.InvalidCatalogName,
)
_SCHEMA = (pg.UndefinedTable, pg.UndefinedColumn, pg.UndefinedObject, pg.InvalidSchemaName)
_TRANSIENT_CLASSES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes: connection, rollback, resources, object state (locks), operator (shutdown), system."""
_TRANSIENT_STATES = ("25006", "25P03", "25P04")
"""Read-only (a standby, a failover going on), and the server's own idle and transaction timeouts."""


def place(url: URL) -> str:
    """`database "x" at host:5432`, for messages."""
    return f'database "{url.database}" at {url.host or "the local socket"}:{url.port or 5432}'


def explain(error: SQLAlchemyError, url: URL) -> StoreUnavailable | StoreMisconfigured | None:
    """The error to raise instead, or None when it is neither: a fault of ours that must stay visible."""
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(f"{place(url)}: every connection is in use")
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    words = _one_line(str(error.orig))
    if isinstance(error.orig, _SCHEMA):
        return StoreMisconfigured(
            f"{place(url)}: the schema is missing or too old ({words}); run `webaudit-operator migrate`"
        )
    if isinstance(error.orig, _MISCONFIGURED):
        return StoreMisconfigured(f"{place(url)}: {words}")
    if state is not None:
        if state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES:
            return StoreUnavailable(f"{place(url)}: {words}")
        return None
    if _BAD_OPTION.search(words):
        return StoreMisconfigured(f"WEBAUDIT_DATABASE_URL: {words}")
    if not isinstance(error, OperationalError) and not error.connection_invalidated:
        return None
    if not _RESOLVER_BUSY.search(words):
        for pattern, advice in _CONNECT_FAULTS:
            if pattern.search(words):
                return StoreMisconfigured(f"{place(url)}: {advice} ({words})")
    return StoreUnreachable(f"{place(url)}: {words}")


def _one_line(words: str) -> str:
    """The server's own complaint where there is one, else all of it, without line breaks."""
    flat = " ".join(words.split())
    return flat.rpartition("FATAL: ")[2] or flat
