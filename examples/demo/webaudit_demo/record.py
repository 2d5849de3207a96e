"""What Postgres says about a session, read with psql inside the database's pod, and shown as tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from webaudit_demo.kube import Kube
from webaudit_demo.secrets import DATABASE, USER

Row = dict[str, Any]
LAST_EVENTS = 12

SESSION = """SELECT id, url, status, final_url, pdp_url, attempts, low_confidence, error_summary, crawl_policy_version,
  retention_policy, created_at FROM audit_sessions WHERE id = '{id}'"""
PAGES = """SELECT page_type, viewport, status, low_confidence_reasons, load_timings FROM audit_pages
  WHERE session_id = '{id}' ORDER BY page_type, viewport"""
ARTIFACTS = """SELECT p.page_type, p.viewport, a.type, a.storage_uri, a.size_bytes, a.checksum, a.retention_until
  FROM artifacts a JOIN audit_pages p ON p.id = a.page_id WHERE a.session_id = '{id}' AND a.deleted_at IS NULL
  ORDER BY p.page_type, p.viewport, a.type"""
EVENTS = """SELECT * FROM (SELECT id, timestamp, level, event_type, message FROM crawl_logs WHERE session_id = '{id}'
  ORDER BY id DESC LIMIT {limit}) AS newest ORDER BY id"""


@dataclass(frozen=True, slots=True)
class Record:
    session: Row
    pages: list[Row]
    artifacts: list[Row]
    events: list[Row]


def read(kube: Kube, namespace: str, uid: str) -> Record:
    """All rows of one session. Raises CommandFailed; a session without a row is an empty dict."""
    ident = UUID(uid)
    rows = _query(kube, namespace, SESSION.format(id=ident))
    return Record(
        session=rows[0] if rows else {},
        pages=_query(kube, namespace, PAGES.format(id=ident)),
        artifacts=_query(kube, namespace, ARTIFACTS.format(id=ident)),
        events=_query(kube, namespace, EVENTS.format(id=ident, limit=LAST_EVENTS)),
    )


def _query(kube: Kube, namespace: str, statement: str) -> list[Row]:
    asked = f"SELECT coalesce(json_agg(answer), '[]') FROM ({statement}) AS answer"
    command = ("psql", "--username", USER, "--dbname", DATABASE, "--no-psqlrc", "--tuples-only", "--no-align")
    text = kube.run("exec", "--namespace", namespace, "deployment/postgres", "--", *command, "--command", asked)
    rows: list[Row] = json.loads(text)
    return rows


def show(record: Record, console: Console) -> None:
    _rows(
        console, "audit_sessions", [[key, _cell(value)] for key, value in record.session.items()], ("column", "value")
    )
    _rows(
        console,
        "audit_pages",
        [
            [
                page["page_type"],
                page["viewport"],
                page["status"],
                ", ".join(reason["code"] for reason in page["low_confidence_reasons"]) or "none",
                _loaded(page["load_timings"]),
            ]
            for page in record.pages
        ],
        ("page", "viewport", "status", "low confidence", "load_timings"),
    )
    _rows(
        console,
        "artifacts",
        [
            [
                artifact["page_type"],
                artifact["viewport"],
                artifact["type"],
                f"{artifact['size_bytes']:,}",
                (artifact["checksum"] or "")[:19] + "…",
                (artifact["retention_until"] or "kept")[:10],
            ]
            for artifact in record.artifacts
        ],
        ("page", "viewport", "type", "bytes", "checksum", "until"),
    )
    _rows(
        console,
        f"crawl_logs (last {len(record.events)})",
        [
            [
                f"{datetime.fromisoformat(event['timestamp']):%H:%M:%S.%f}"[:-3],
                event["level"],
                event["event_type"],
                event["message"],
            ]
            for event in record.events
        ],
        ("time", "level", "type", "message"),
    )


def _rows(console: Console, title: str, rows: list[list[str]], columns: tuple[str, ...]) -> None:
    if not rows:
        console.print(f"{title}: no rows", markup=False)
        return
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "bytes" else "left")
    for row in rows:
        # As it is: what a shop wrote, "[/b]" for one, is no markup.
        table.add_row(*map(Text, row))
    console.print(table)


def _loaded(timings: Row) -> str:
    """The few numbers people ask for first; the row holds every stage."""
    numbers = {"total": timings.get("total_ms"), **(timings.get("browser") or {})}
    wanted = {"total": "total", "ttfb_ms": "TTFB", "fcp_ms": "FCP", "lcp_ms": "LCP"}
    return ", ".join(
        f"{name} {numbers[key] / 1000:.2f} s" for key, name in wanted.items() if numbers.get(key) is not None
    )


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
