"""The operator's command line. Wiring only: settings in, one call out, faults as one line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table

from webaudit_operator import logs
from webaudit_operator.blobs import BlobsMisconfigured
from webaudit_operator.kube_errors import KubeConflict, KubeRefused, KubeUnavailable
from webaudit_operator.settings import PREFIX, DatabaseSettings, Settings, SettingsError, load
from webaudit_operator.store.errors import StoreMisconfigured, StoreUnavailable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Audits of shop websites as Kubernetes resources.",
)

FAULTS = (
    SettingsError,
    StoreMisconfigured,
    StoreUnavailable,
    BlobsMisconfigured,
    KubeUnavailable,
    KubeRefused,
    KubeConflict,
)


@contextmanager
def _one_line_faults() -> Iterator[None]:
    try:
        yield
    except FAULTS as fault:
        _die(str(fault))
    except KeyboardInterrupt:
        _die("interrupted", code=130)


def _die(message: str, *, code: int = 1) -> NoReturn:
    sys.stderr.write(f"webaudit-operator: {message}\n")
    raise typer.Exit(code)


@app.command()
def run() -> None:
    """Run the operator. Its settings come from the environment; `webaudit-operator settings` lists them."""
    from webaudit_operator.run import run as run_operator  # imports kopf, the clients, the drivers

    with _one_line_faults():
        settings = load(Settings)
        logs.configure(settings.log_format, settings.log_level)
        asyncio.run(run_operator(settings))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. Safe to repeat, and safe beside an operator of the version before."""
    from webaudit_operator.store.migrate import upgrade_to_head

    with _one_line_faults():
        settings = load(DatabaseSettings)
        logs.configure("text", "info")
        upgrade_to_head(settings.database_url)


@app.command()
def settings() -> None:
    """List every setting: its variable, its default, what it means."""
    table = Table("Variable", "Default", "Meaning", box=None)
    for column in table.columns:
        column.overflow = "fold"
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else str(field.default)
        table.add_row(f"{PREFIX}{name.upper()}", default, field.description or "")
    Console().print(table)


if __name__ == "__main__":
    app()
