"""The operator's command line. Wiring only: settings in, one call out, faults as one line."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console
from rich.table import Table

from webaudit_operator import logs
from webaudit_operator.cli import rebuild, retention, undelete
from webaudit_operator.cli.common import one_line_faults
from webaudit_operator.settings import PREFIX, DatabaseSettings, Settings, load

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Audits of shop websites as Kubernetes resources.",
)
app.add_typer(retention.app, name="retention")
app.command()(rebuild.rebuild)
app.command()(undelete.undelete)


@app.command()
def run() -> None:
    """Run the operator. Its settings come from the environment; `webaudit-operator settings` lists them."""
    from webaudit_operator.run import run as run_operator  # imports kopf, the clients, the drivers

    with one_line_faults():
        settings = load(Settings)
        logs.configure(settings.log_format, settings.log_level)
        asyncio.run(run_operator(settings))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. Safe to repeat, and safe beside an operator of the version before."""
    from webaudit_operator.store.migrate import upgrade_to_head

    with one_line_faults():
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
