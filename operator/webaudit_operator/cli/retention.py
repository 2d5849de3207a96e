"""`webaudit-operator retention`: what will go, one pass by hand, an approval, receipts."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from webaudit_operator.blobs import BlobsMisconfigured, BlobsUnavailable
from webaudit_operator.cli import common
from webaudit_operator.cli.common import CommandFault, Output, OutputOption, SessionArgument, ran, show, show_json
from webaudit_operator.retention import telling
from webaudit_operator.retention.passes import Pass, run_once, tell
from webaudit_operator.retention.rules import rules_of
from webaudit_operator.retention.undeleting import recoverable
from webaudit_operator.store.breaks import APPROVED
from webaudit_operator.store.due import Due
from webaudit_operator.store.plan import By
from webaudit_operator.store.rows import Break

WithoutCluster = Annotated[
    bool, typer.Option("--without-cluster", help="Do not ask Kubernetes which sessions are annotated as held.")
]

app = typer.Typer(no_args_is_help=True, help="What is deleted, when, and what was.")


@app.command()
def plan(
    until: Annotated[timedelta, typer.Option(parser=common.span, metavar="SPAN", help="How far to look.")] = "7d",  # type: ignore[assignment]
    by: Annotated[By, typer.Option(help="What to break it down by.")] = By.POLICY,
    without_cluster: WithoutCluster = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """What will go and when, how many bytes, what is overdue, and what stays and why.

    Example: webaudit-operator retention plan --until 30d --by domain
    """

    async def look() -> tuple[list[dict[str, Any]], list[dict[str, Any]], Break | None, str]:
        async with common.surroundings() as place:
            spare = await _annotated(without_cluster)
            due = Due(place.clock.now(), spare, place.settings.retention_keep_newest)
            rows = await place.store.plan(due, until, by)
            holds, broken = await place.store.holds_within(due, until), await place.store.open_break()
            if not rows:
                return rows, holds, broken, ""
            try:
                window = await place.blobs.soft_delete_window()
            except (BlobsMisconfigured, BlobsUnavailable) as error:
                unknown = f"How long it can be restored is not known: {error}."
                return telling.with_recovery(rows, None, due.now), holds, broken, unknown
            return telling.with_recovery(rows, window, due.now), holds, broken, telling.rescue(window)

    rows, holds, broken, rescue = ran(look())
    if output is Output.JSON:
        show_json({"plan": rows, "holds": holds, "stopped": asdict(broken) if broken else None})
        return
    console = common.terminal()
    if stopped := telling.standing(broken):
        console.print(f"[bold]{stopped}[/bold]", soft_wrap=True)
    show(telling.with_sizes(rows), output, empty=f"Nothing is due within {telling.span_text(until)}.")
    if holds:
        show(telling.with_sizes(holds), output, empty="", title="\nHeld by")
    if rows:
        console.print(telling.summary(rows, until), soft_wrap=True)
        console.print(rescue, soft_wrap=True, markup=False)


@app.command()
def run(
    once: Annotated[
        bool, typer.Option("--once", help="One pass, then end. The operator itself passes for ever.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and tell, and delete nothing.")] = False,
    without_cluster: WithoutCluster = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """One pass over everything that is due. Ends with 3 when the breaker or an ill bucket stopped it.

    Example: webaudit-operator retention run --once --dry-run
    """

    async def work() -> Pass:
        async with common.surroundings() as place:
            spare = await _annotated(without_cluster)
            rules = rules_of(place.settings)
            if dry_run:
                rules = replace(rules, dry_run=True)
            return await run_once(place.store, place.blobs, clock=place.clock, rules=rules, spare=lambda: spare)

    with common.one_line_faults():
        if not once:
            raise CommandFault("write --once; for passes without end there is the operator itself")
    done = ran(work())
    if output is Output.JSON:
        show_json(
            {"outcomes": done.outcomes, "braked": done.braked, "stopped": asdict(done.broken) if done.broken else None}
        )
    else:
        tell(done)
        told = ", ".join(f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in sorted(done.outcomes.items()))
        common.terminal().print(told or "nothing was due")
    if done.broken is not None or done.braked:
        why = done.broken.message if done.broken else "the bucket is ill; what is left stays due"
        common.die(why, code=common.LEFT)


async def _annotated(without_cluster: bool) -> frozenset[UUID]:
    """Sessions whose resource carries the hold annotation; none when the cluster is not to be asked."""
    if without_cluster:
        return frozenset()
    return await common.in_cluster(lambda session: session.held)


@app.command()
def approve(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, output: OutputOption = Output.TABLE
) -> None:
    """Let retention go on with what its breaker stopped. The next pass deletes it.

    Example: webaudit-operator retention approve --yes
    """

    async def waiting() -> Break | None:
        async with common.surroundings() as place:
            return await place.store.open_break()

    async def let_go() -> Break | None:
        async with common.surroundings() as place:
            return await place.store.end_break(APPROVED)

    broken = ran(waiting())
    if broken is not None and not yes:
        typer.echo(telling.standing(broken), err=True)
        typer.confirm("Delete it?", abort=True, err=True)
    approved = ran(let_go()) if broken is not None else None
    if output is Output.JSON:
        show_json({"approved": asdict(approved) if approved else None})
    elif approved is None:
        typer.echo("Nothing waits for an approval.")
    else:
        typer.echo(f"Approved: {approved.due_count:,} artifacts, due by {approved.due_until:%Y-%m-%d %H:%M} UTC.")


@app.command()
def receipts(session: SessionArgument, output: OutputOption = Output.TABLE) -> None:
    """The receipt of every deletion of a session's evidence.

    Example: webaudit-operator retention receipts 0b6f9a1e-6a3c-4f0e-9a83-7c1f0f3f9a52
    """

    async def look() -> list[dict[str, Any]]:
        async with common.surroundings() as place:
            rows = await place.store.receipts(session)
            try:
                until = await recoverable(place.blobs, [row["object"] for row in rows])
            except (BlobsMisconfigured, BlobsUnavailable) as error:
                common.note(f"recoverable_until is not known: {error}")
                until = {}
            return telling.with_rescue(rows, until)

    rows = ran(look())
    if output is Output.TABLE:
        columns = (
            "confirmed_at",
            "type",
            "size",
            "outcome",
            "rule",
            "due",
            "recoverable_until",
            "object",
            "generation",
        )
        rows = [{name: row[name] for name in columns} for row in rows]
    show(rows, output, empty=f"Nothing of session {session} was deleted.")
