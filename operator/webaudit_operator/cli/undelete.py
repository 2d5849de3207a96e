"""`webaudit-operator undelete`: a session's deleted evidence, back while the bucket still has it."""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from webaudit_operator.blobs import Blobs, BlobsMisconfigured
from webaudit_operator.cli import common
from webaudit_operator.cli.common import CommandFault, Output, OutputOption, SessionArgument, ran, show, show_json
from webaudit_operator.retention.telling import span_text
from webaudit_operator.retention.undeleting import Undeleted
from webaudit_operator.retention.undeleting import undelete as bring_back

LONGEST = timedelta(days=36525)


def undelete(
    session: SessionArgument,
    keep: Annotated[
        timedelta, typer.Option(parser=common.span, metavar="SPAN", help="How long it is kept at least, from now.")
    ] = "30d",  # type: ignore[assignment]
    by: Annotated[str, typer.Option(metavar="NAME", help="Who does it, for the record. The user, if left out.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Restore a session's deleted objects and rows, while the bucket's soft delete keeps them.

    Safe to repeat. Ends with 3 when something of it cannot come back.

    Example: webaudit-operator undelete 0b6f9a1e-6a3c-4f0e-9a83-7c1f0f3f9a52 --keep 90d
    """

    with common.one_line_faults():
        if keep > LONGEST:
            raise CommandFault("--keep: what is to stay for longer than a century is kept by a hold")

    async def work() -> Undeleted:
        async with common.surroundings() as place:
            done = await bring_back(place.store, place.blobs, session, keep=keep, by=by or _user(), clock=place.clock)
            if done.deleted and not done.restored:
                await _say_why_nothing_came(place.blobs, session, done)
            return done

    done = ran(work())
    restored: list[dict[str, Any]] = [
        {
            "type": artifact.type,
            "object": f"{info.name}",
            "old_generation": artifact.storage_uri.rpartition("#")[2],
            "generation": str(info.generation),
            "retention_until": until,
        }
        for artifact, info, until in done.restored
    ]
    lost = [{"type": artifact.type, "object": artifact.storage_uri, "reason": reason} for artifact, reason in done.lost]
    if output is Output.JSON:
        show_json({"restored": restored, "lost": lost})
    else:
        show(restored, output, empty=f"Nothing of session {session} is deleted.")
        if lost:
            show(lost, output, empty="", title="\nStays deleted")
    if lost:
        common.die(f"{len(lost):,} of {done.deleted:,} artifacts stay deleted", code=common.LEFT)


async def _say_why_nothing_came(blobs: Blobs, session: UUID, done: Undeleted) -> None:
    """Raises CommandFault."""
    try:
        window = await blobs.soft_delete_window()
    except BlobsMisconfigured as error:
        raise CommandFault(f"nothing of session {session} can be restored: {done.lost[0][1]}; {error}") from None
    if window is None:
        raise CommandFault(f'bucket "{blobs.bucket}" has no soft delete: what was deleted is gone for good')
    raise CommandFault(
        f"nothing of session {session} can be restored: {done.lost[0][1]} "
        f"(it keeps deleted objects for {span_text(window)})"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
