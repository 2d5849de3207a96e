"""`webaudit-operator rebuild`: rows that were lost, back from the bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from webaudit_operator.cli import common
from webaudit_operator.cli.common import CommandFault, Output, OutputOption, ran, show_json
from webaudit_operator.kube_errors import KubeUnavailable
from webaudit_operator.retention.rebuilding import Rebuilt
from webaudit_operator.retention.rebuilding import rebuild as walk


def rebuild(
    prefix: Annotated[
        str, typer.Option(metavar="PREFIX", help="Only sessions whose objects' names begin so: acme.com__")
    ] = "",
    after: Annotated[
        timedelta,
        typer.Option(parser=common.span, metavar="SPAN", help="How old a session is that lacks results for good."),
    ] = "24h",  # type: ignore[assignment]
    without_cluster: Annotated[
        bool, typer.Option("--without-cluster", help="Do not ask Kubernetes which sessions still run.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Add the rows that PostgreSQL lost, from the bucket's result.json files; rows that are there stay as they are.

    Safe to repeat, and to interrupt. Ends with 3 when sessions are left out that need a person.

    Example: webaudit-operator rebuild --prefix acme.com__
    """

    async def work(on_progress: Callable[[Rebuilt], None]) -> Rebuilt:
        async with common.surroundings() as place:
            running = frozenset() if without_cluster else await _running()
            try:
                return await walk(
                    place.store,
                    place.blobs,
                    prefix=prefix,
                    clock=place.clock,
                    running=running,
                    patience=after,
                    on_progress=on_progress,
                )
            except ValueError as error:
                raise CommandFault(f"--prefix: {error}") from None

    with _progress() as on_progress:
        done = ran(work(on_progress))
    if output is Output.JSON:
        left = [{"prefix": prefix, "reason": reason} for prefix, reason in done.left]
        show_json({**asdict(done), "left": left})
    else:
        console = common.terminal()
        console.print(_summary(done), soft_wrap=True)
        for place, reason in done.left:
            console.print(f"left out: {place}: {reason}", soft_wrap=True, markup=False)
    if done.left:
        common.die(f"{len(done.left):,} sessions are left out", code=common.LEFT)


def _summary(done: Rebuilt) -> str:
    rows = done.written
    told = [
        f"{done.seen:,} sessions seen: {done.rebuilt:,} rebuilt, {done.whole:,} were whole,",
        f"{done.running:,} still run.",
        f"Added {rows.sessions:,} sessions, {rows.pages:,} pages, {rows.artifacts:,} artifacts,",
        f"{rows.events:,} events.",
    ]
    if done.without_object:
        told.append(f"{done.without_object:,} artifacts came back as deleted.")
    return " ".join(told)


async def _running() -> frozenset[UUID]:
    """Sessions that the operator itself has still to bring into the record."""
    try:
        return await common.in_cluster(lambda session: not (session.finished and session.mirrored))
    except KubeUnavailable as error:
        raise CommandFault(f"{error}; --without-cluster goes by the age of sessions alone") from None


@contextmanager
def _progress() -> Iterator[Callable[[Rebuilt], None]]:
    """On a terminal: how far it is. How much there is in all, nobody knows before the end."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("asking the bucket")

        def show(done: Rebuilt) -> None:
            bar.update(task, description=f"{done.seen:,} sessions seen, {done.rebuilt:,} rebuilt")

        yield show
