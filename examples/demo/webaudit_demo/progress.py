"""What the person sees while a session runs: one line per page and viewport.

On a terminal the lines change in place; in a log each change is a line of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from webaudit_demo.errors import DemoError
from webaudit_demo.kube import Kube, Resource

SESSION_SECONDS = 900
FINISHED = ("Completed", "Partial", "Failed")
STYLES = {"ok": "green", "failed": "red", "running": "cyan", "pending": "dim"}


@dataclass(frozen=True, slots=True)
class Line:
    """One page in one viewport."""

    page: str
    viewport: str
    state: str
    detail: str


def lines(session: Resource) -> list[Line]:
    """What is known of each wanted capture; those the operator has not named yet are pending."""
    spec, status = session["spec"], session.get("status", {})
    known = {(entry["page"], entry["viewport"]): entry for entry in status.get("pages", [])}
    return [
        Line(page, viewport, entry.get("status", "pending"), _detail(entry, _obstacle(session)))
        for page in spec.get("pages", ["homepage", "pdp"])
        for viewport in spec.get("viewports", ["desktop", "mobile"])
        for entry in (known.get((page, viewport), {}),)
    ]


def _detail(entry: Resource, obstacle: str) -> str:
    parts = []
    if entry.get("status", "pending") == "pending":
        parts.append(obstacle)
    if entry.get("durationSeconds") is not None:
        parts.append(f"{entry['durationSeconds']:.1f} s")
    if entry.get("reason"):
        parts.append(": ".join(filter(None, (entry["reason"], entry.get("message")))))
    if entry.get("lowConfidence"):
        parts.append("low confidence: " + ", ".join(entry["lowConfidence"]))
    if entry.get("url"):
        parts.append(entry["url"])
    return "  ".join(filter(None, parts))


def _obstacle(session: Resource) -> str:
    for condition in session.get("status", {}).get("conditions", []):
        if condition["type"] == "Admitted" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason"))
    return ""


def finished(session: Resource) -> bool:
    """Whether the operator has said the last word on this generation."""
    status = session.get("status", {})
    return status.get("phase") in FINISHED and status.get("observedGeneration") == session["metadata"]["generation"]


def follow(kube: Kube, name: str, namespace: str, console: Console) -> Resource:
    """Show the session until it has finished and return it. Raises DemoError when it does not in 15 minutes."""
    shown: dict[tuple[str, str], tuple[str, str]] = {}
    with Live(console=console, refresh_per_second=8, auto_refresh=console.is_terminal) as live:
        for session in _changes(kube, name, namespace):
            current = lines(session)
            if console.is_terminal:
                live.update(_table(current))
            else:
                for line in current:
                    if shown.get((line.page, line.viewport)) != (line.state, line.detail):
                        shown[line.page, line.viewport] = (line.state, line.detail)
                        console.print(
                            f"  {line.page:9} {line.viewport:8} {line.state:8} {line.detail}".rstrip(), markup=False
                        )
            if finished(session):
                return session
    raise DemoError(
        f"session {name} did not end within {SESSION_SECONDS // 60} minutes; "
        f"see `{kube.typed} --namespace {namespace} describe auditsession {name}`"
    )


def _changes(kube: Kube, name: str, namespace: str) -> Iterator[Resource]:
    end = time.monotonic() + SESSION_SECONDS
    while (left := end - time.monotonic()) > 0:
        yield from kube.watch("auditsession", name, namespace, left)
        if kube.get("auditsession", name, namespace) is None:
            raise DemoError(f"session {name} was deleted by somebody else while it ran")


def _table(current: list[Line]) -> Table:
    table = Table.grid(padding=(0, 2))
    for line in current:
        mark = Spinner("dots") if line.state == "running" else Text({"ok": "✓", "failed": "✗"}.get(line.state, "·"))
        style = STYLES.get(line.state, "")
        table.add_row(mark, line.page, line.viewport, Text(line.state, style=style), Text(line.detail, style="dim"))
    return table
