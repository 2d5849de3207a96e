"""Bringing a database to the newest schema, and knowing which one that is.

The migrations are elsewhere: in `migrations/` of the source tree, in `webaudit_operator/_migrations` of a wheel.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine, pool
from sqlalchemy.exc import SQLAlchemyError

from webaudit_operator.store.engine import migration_connect_args, psycopg_url
from webaudit_operator.store.errors import StoreMisconfigured, StoreUnavailable, explain, place

_PACKAGE = Path(__file__).resolve().parents[1]
_PAUSE = 0.5

log = structlog.get_logger(__name__)


def migrations_folder() -> Path:
    """Where the migrations lie. Raises StoreMisconfigured when this installation has none."""
    for folder in (_PACKAGE / "_migrations", _PACKAGE.parents[1] / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreMisconfigured(f"this installation has no migrations (looked beside {_PACKAGE})")


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic pointed at our migrations; without a connection they read WEBAUDIT_DATABASE_URL."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


@cache
def head() -> str:
    """The newest revision this program knows."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert revision is not None
    return revision


def is_current(revision: str | None) -> bool:
    """Whether this program can work with a database at this revision: at `head()`, or newer than it knows.

    Newer ones only add, so that an older operator goes on while its successor migrates.
    """
    return revision is not None and revision.isdigit() and revision >= head()


def upgrade_to_head(url: str, *, wait_seconds: float = 60.0, sleep: Callable[[float], None] = time.sleep) -> str:
    """Bring the database to `head()` and return its revision. Two at once take turns; a repeat changes nothing.

    Waits up to `wait_seconds` while the database does not accept connections, then raises StoreUnavailable.
    Raises StoreMisconfigured at once for what waiting cannot mend.
    """
    target = psycopg_url(url)
    deadline = time.monotonic() + wait_seconds
    said = False
    while True:
        try:
            return _upgrade(target)
        except StoreUnavailable as error:
            if time.monotonic() + _PAUSE > deadline:
                raise
            if not said:
                log.info("waiting for the database", seconds=wait_seconds, reason=str(error))
                said = True
            sleep(_PAUSE)


def _upgrade(url: URL) -> str:
    engine = create_engine(url, poolclass=pool.NullPool, connect_args=migration_connect_args(url))
    try:
        with engine.begin() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            if is_current(found):
                log.info("database needs no migration", place=place(url), revision=found)
                return str(found)
            command.upgrade(alembic_config(connection), "head")
    except CommandError as error:
        raise StoreMisconfigured(f"{place(url)}: {error}") from error
    except SQLAlchemyError as error:
        explained = explain(error, url)
        if explained is None:
            raise
        raise explained from error
    log.info("database is at the newest schema", place=place(url), revision=head())
    return head()
