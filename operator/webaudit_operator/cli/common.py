"""What all commands share: faults as one line, the record and the bucket, output for people or for programs."""

from __future__ import annotations

import asyncio
import enum
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from webaudit_operator import logs
from webaudit_operator.blobs import BlobsMisconfigured, BlobsUnavailable
from webaudit_operator.clock import Clock, RealClock
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.kube import RealKube
from webaudit_operator.kube_errors import KubeConflict, KubeRefused, KubeUnavailable
from webaudit_operator.sessions import Session
from webaudit_operator.settings import RetentionSettings, SettingsError, load
from webaudit_operator.store.errors import SessionMissing, StoreMisconfigured, StoreUnavailable
from webaudit_operator.store.record import Store

T = TypeVar("T")

FAULT, LEFT, INTERRUPTED = 1, 3, 130
_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class CommandFault(Exception):
    """What a person asked for cannot be done; the message says why and what to do."""


FAULTS = (
    CommandFault,
    SettingsError,
    StoreMisconfigured,
    StoreUnavailable,
    SessionMissing,
    BlobsMisconfigured,
    BlobsUnavailable,
    KubeUnavailable,
    KubeRefused,
    KubeConflict,
)


class Output(enum.StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="A table for people, or JSON for programs.")]


@contextmanager
def one_line_faults() -> Iterator[None]:
    """Everything a user can cause ends in a sentence and an exit code, never in a traceback."""
    try:
        yield
    except FAULTS as fault:
        die(str(fault))
    except KeyboardInterrupt:
        die("interrupted", code=INTERRUPTED)


def note(message: str) -> None:
    """What a person should know, and no program's output may hold."""
    sys.stderr.write(f"webaudit-operator: {message}\n")


def die(message: str, *, code: int = FAULT) -> NoReturn:
    note(message)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command works with."""

    settings: RetentionSettings
    store: Store
    blobs: GcsBlobs
    clock: Clock


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """The record, seen to be there and migrated, and the bucket, not asked yet.

    Raises SettingsError, StoreMisconfigured, StoreUnavailable, BlobsMisconfigured.
    """
    settings = load(RetentionSettings)
    store = Store.from_url(settings.database_url)
    try:
        await store.check()
        blobs = GcsBlobs.connect(settings.bucket)
        try:
            clock = RealClock(timedelta(seconds=settings.clock_offset_seconds))
            yield Surroundings(settings, store, blobs, clock)
        finally:
            await blobs.close()
    finally:
        await store.close()


async def in_cluster(wanted: Callable[[Session], bool]) -> frozenset[UUID]:
    """The ids of those sessions that the cluster has now. Raises KubeUnavailable and KubeRefused."""
    kube = await RealKube.connect()
    try:
        return frozenset([UUID(session.uid) async for body in kube.list_sessions() if wanted(session := Session(body))])
    finally:
        await kube.close()


def ran(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns; what goes wrong is one line on stderr, and what is logged goes there too."""
    with one_line_faults():
        logs.configure("text", "warning", stderr=True)
        return asyncio.run(work)


def terminal() -> Console:
    """For tables; as wide as they need when nobody watches."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def show(rows: list[dict[str, Any]], output: Output, *, empty: str, title: str | None = None) -> None:
    """Rows of one shape, as a table or as a JSON array. Times are ISO 8601, UTC."""
    if output is Output.JSON:
        show_json(rows)
        return
    if not rows:
        terminal().print(empty)
        return
    table = Table(*(name.replace("_", " ") for name in rows[0]), box=None, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    terminal().print(table)


def show_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def span(text: str) -> timedelta:
    """`90s`, `15m`, `24h`, `7d`, `2w`, or several at once: `1d12h`. Raises typer.BadParameter."""
    parts = _SPAN.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        raise typer.BadParameter(f'"{text}" is no span of time; write it like 30m, 24h or 7d')
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise typer.BadParameter(f'"{text}" is longer than can be reckoned with') from None


def session_id(text: str) -> UUID:
    """A session's id, which is its resource's uid. Raises typer.BadParameter."""
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(
            f'"{text}" is no session id; it is the uid of the resource: '
            "kubectl get auditsession NAME -o jsonpath={.metadata.uid}"
        ) from None


SessionArgument = Annotated[
    UUID, typer.Argument(metavar="SESSION", parser=session_id, help="Its id: the resource's uid.")
]
