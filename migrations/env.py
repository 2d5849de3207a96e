"""How migrations meet a database: one transaction under one advisory lock, so that two at once take turns.

A caller that has a connection puts it into `config.attributes["connection"]`; else WEBAUDIT_DATABASE_URL says where to.
"""

from __future__ import annotations

from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import SQLAlchemyError

from webaudit_operator.settings import DatabaseSettings, SettingsError, load
from webaudit_operator.store.engine import migration_connect_args, psycopg_url
from webaudit_operator.store.errors import StoreMisconfigured, explain
from webaudit_operator.store.tables import metadata

LOCK = 0x7765_6261_7564_6974
"""The advisory lock's key: the project's name in ASCII."""


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
    with context.begin_transaction():
        # Before the first look at alembic_version: the second of two sees what the first has done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        context.run_migrations()


def migrate_by_url() -> None:
    if context.config.config_file_name is not None:
        fileConfig(context.config.config_file_name, disable_existing_loggers=False)
    # CommandError is what the alembic command shows as one line, without a traceback.
    try:
        url = psycopg_url(load(DatabaseSettings).database_url)
    except (SettingsError, StoreMisconfigured) as error:
        raise CommandError(str(error)) from error
    engine = create_engine(url, poolclass=pool.NullPool, connect_args=migration_connect_args(url))
    try:
        with engine.connect() as connection:
            migrate(connection)
    except SQLAlchemyError as error:
        explained = explain(error, url)
        if explained is None:
            raise
        raise CommandError(str(explained)) from error


def write_script() -> None:
    """`alembic upgrade head --sql`: the statements, for someone who runs them by hand."""
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    write_script()
elif given is not None:
    migrate(given)
else:
    migrate_by_url()
