"""`python -m webaudit_bench capture` and `retention`: measures, prints tables, writes JSON.

Asserts nothing but that all succeeded.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from webaudit_bench import captures, report, retention
from webaudit_bench.image import Weight, weigh
from webaudit_bench.processes import Failed
from webaudit_cluster import imagebuild, images
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Talking

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.callback()
def benches() -> None:
    """What this project measures of itself."""


@app.command()
def capture(
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of everyone on every page.")] = 7,
    memory_runs: Annotated[int, typer.Option(min=1, help="Runs with memory sampled, which are not timed.")] = 2,
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures go as JSON.")] = Path(
        "bench-capture.json"
    ),
    with_image: Annotated[bool, typer.Option("--image/--no-image", help="Also weigh the capture image.")] = True,
) -> None:
    """Captures beside bare Playwright and shot-scraper, on the same pages with the same browser, in turn."""
    console = Console()
    try:
        with console.status("") as status:
            measured = captures.measure(runs=runs, memory_runs=memory_runs, tell=lambda line: status.update(line))
        weight = _weigh() if with_image else None
    except (Failed, FileNotFoundError, ClusterError) as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    json_file.write_text(captures.as_json(measured, weight), encoding="utf-8")
    report.show(measured, weight, console)
    console.print(f"All figures: {json_file}", markup=False, soft_wrap=True)


@app.command("retention")
def measure_retention(
    artifacts: Annotated[int, typer.Option(min=100, help="Deleted by each contender in each round.")] = 4000,
    rows: Annotated[int, typer.Option(min=0, help="Artifacts in the record, one in ten of them due.")] = 1_000_000,
    listed: Annotated[int, typer.Option(min=0, help="Objects in the bucket that is walked.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures go as JSON.")] = Path(
        "bench-retention.json"
    ),
) -> None:
    """Deletions beside the raw client's batches; a pass over many rows; a walk over many objects."""
    console = Console()
    try:
        measured = retention.measure(artifacts=artifacts, rows=rows, listed=listed, rounds=rounds)
    except Failed as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    json_file.write_text(measured.as_json(), encoding="utf-8")
    report.show_retention(measured, console)
    console.print(f"All figures: {json_file}", markup=False, soft_wrap=True)


def _weigh() -> Weight:
    """The capture image of this tree, built where it is not yet."""
    reference = images.build(["webaudit-capture"], Talking())["webaudit-capture"]
    return weigh(imagebuild.layout(), imagebuild.export(reference))


if __name__ == "__main__":
    app()
