"""Outages and mistakes, told apart on a real server: the kind of error, its one line, and recovery afterwards."""

from __future__ import annotations

import asyncio
import signal
import socket

import psycopg
import pytest

from testkit.postgres import PASSWORD, PostgresServer, free_port
from testkit.samples import NOW, SESSION, session_row
from testkit.waiting import eventually
from webaudit_operator.store import engine
from webaudit_operator.store.migrate import upgrade_to_head
from webaudit_operator.store.record import Store, StoreMisconfigured, StoreUnavailable

pytestmark = pytest.mark.postgres


async def complaint(url: str, kind: type[Exception]) -> str:
    """What `check` says; always one line, without the password."""
    store = Store.from_url(url)
    with pytest.raises(kind) as caught:
        await store.check()
    await store.close()
    words = str(caught.value)
    assert "\n" not in words
    assert PASSWORD not in words
    assert "p%40ss" not in words
    return words


async def test_a_wrong_password_is_a_mistake(database_url: str) -> None:
    words = await complaint(database_url.replace("p%40ss", "guess"), StoreMisconfigured)
    assert "refuses user and password; check them in WEBAUDIT_DATABASE_URL" in words
    assert "guess" not in words


async def test_an_unknown_database_is_a_mistake(postgres_server: PostgresServer) -> None:
    words = await complaint(postgres_server.url("nowhere"), StoreMisconfigured)
    assert words.startswith(f'database "nowhere" at 127.0.0.1:{postgres_server.port}: the database does not exist')


def resolver_answers(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    def answer(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(code, words)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


async def test_an_unknown_host_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver_answers(monkeypatch, socket.EAI_NONAME, "Name or service not known")
    words = await complaint("postgresql://u:p@no-such-host.invalid/webaudit", StoreMisconfigured)
    assert words.startswith('database "webaudit" at no-such-host.invalid:5432: the host name does not resolve')


async def test_a_resolver_that_cannot_answer_now_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver_answers(monkeypatch, socket.EAI_AGAIN, "Temporary failure in name resolution")
    words = await complaint("postgresql://u:p@db.example/webaudit", StoreUnavailable)
    assert "Temporary failure in name resolution" in words


async def test_a_user_without_rights_is_a_mistake(postgres_server: PostgresServer, database_url: str) -> None:
    postgres_server.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    try:
        url = database_url.replace("webaudit:webaudit%3Ap%40ss", "stranger:stranger")
        assert "permission denied for table alembic_version" in await complaint(url, StoreMisconfigured)
    finally:
        postgres_server.execute("DROP ROLE stranger")


async def test_a_lost_table_asks_for_migration(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE audit_sessions CASCADE")
    store = Store.from_url(database_url)
    with pytest.raises(StoreMisconfigured, match="run `webaudit-operator migrate`"):
        await store.open_session(session_row())
    await store.close()


@pytest.mark.parametrize("url", ["mysql://root@db/x", "nonsense", "postgresql://db"])
def test_what_is_no_postgres_url_is_a_mistake(url: str) -> None:
    with pytest.raises(StoreMisconfigured, match="write postgresql://user:password@host:5432/database"):
        Store.from_url(url)


async def test_a_refused_connection_is_an_outage() -> None:
    words = await complaint(f"postgresql://u:p@127.0.0.1:{free_port()}/webaudit", StoreUnavailable)
    assert "Connection refused" in words


async def test_a_server_that_goes_and_comes_back_is_an_outage_in_between(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database()
    upgrade_to_head(url)
    store = Store.from_url(url)
    await store.open_session(session_row())
    own_postgres.stop(signal.SIGQUIT)
    with pytest.raises(StoreUnavailable):
        await store.start_session(SESSION, attempts=1, at=NOW)
    own_postgres.start()
    assert await store.start_session(SESSION, attempts=1, at=NOW) is True
    await store.close()


async def test_a_connection_ended_by_an_administrator_in_mid_transaction_is_an_outage(database_url: str) -> None:
    store = Store.from_url(database_url)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("BEGIN")
        admin.execute("LOCK TABLE audit_sessions IN ACCESS EXCLUSIVE MODE")
        opening = asyncio.create_task(store.open_session(session_row()))
        blocked = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
        await eventually(lambda: admin.execute(blocked).fetchall())
        with pytest.raises(StoreUnavailable, match="terminating connection"):
            await opening
        admin.execute("ROLLBACK")
    assert await store.open_session(session_row()) is True
    await store.close()


@pytest.mark.parametrize(
    ("limit", "words"), [("LOCK_TIMEOUT", "lock timeout"), ("STATEMENT_TIMEOUT", "statement timeout")]
)
async def test_a_statement_that_gets_no_lock_ends_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch, limit: str, words: str
) -> None:
    monkeypatch.setattr(engine, limit, 1)
    store = Store.from_url(database_url)
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE audit_sessions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match=words):
            await store.open_session(session_row())
    await store.close()


async def test_a_server_without_free_connections_is_an_outage(own_postgres: PostgresServer) -> None:
    own_postgres.execute("ALTER ROLE webaudit CONNECTION LIMIT 0")
    own_postgres.execute("ALTER ROLE webaudit NOSUPERUSER")
    words = await complaint(own_postgres.url("postgres"), StoreUnavailable)
    assert "too many connections" in words


async def test_a_read_only_server_is_an_outage(database_url: str) -> None:
    """A standby during a failover."""
    store = Store.from_url(f"{database_url}?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(StoreUnavailable, match="read-only"):
        await store.open_session(session_row())
    await store.close()


async def test_a_server_that_says_nothing_any_more_is_given_up_in_seconds(database_url: str) -> None:
    async def asked_of_libpq(url: str) -> dict[str, str]:
        database = engine.Database(url)
        async with database.transaction() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            found: dict[str, str] = raw.driver_connection.info.get_parameters()
        await database.close()
        return found

    wanted = {name: str(value) for name, value in engine.SILENCE.items()}
    assert wanted.items() <= (await asked_of_libpq(database_url)).items()
    slower = await asked_of_libpq(f"{database_url}?keepalives_idle=60")
    assert slower["keepalives_idle"] == "60", "the URL's own choice wins"
