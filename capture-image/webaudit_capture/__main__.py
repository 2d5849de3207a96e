"""The command line: `webaudit-capture URL --out DIR` on a laptop, `webaudit-capture pod` in a pod. Wiring only."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from webaudit_capture import laptop, pod, report
from webaudit_capture.browser import UnknownDevice, browser_path
from webaudit_capture.contract import (
    REQUEST_PATH,
    CaptureEvent,
    ExitCode,
    LogLevel,
    PageType,
    Verdict,
    Viewport,
)
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.urls import BadUrl, host, host_port, normalize

_DEFAULT = "capture"
_INTERRUPTED = 130  # as shells say of Ctrl-C
_STYLE = {LogLevel.INFO: "dim", LogLevel.WARN: "yellow", LogLevel.ERROR: "red"}


class _CaptureByDefault(TyperGroup):
    """Without the name of a command, `capture` is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_DEFAULT, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(
    cls=_CaptureByDefault,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Captures a shop's home page and one product page as evidence.

    The same code runs on a laptop (`webaudit-capture URL --out DIR`) and in a cluster's pods (`webaudit-capture pod`).
    `webaudit-capture capture --help` tells the rest.""",
)


@app.command(_DEFAULT)
def capture_command(
    url: Annotated[str, typer.Argument(help="The shop's home page, with https:// or http://.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the evidence and its index.html.", file_okay=False)],
    page: Annotated[Literal["homepage", "pdp", "both"], typer.Option(help="Which pages.")] = "both",
    viewport: Annotated[Literal["desktop", "mobile", "both"], typer.Option(help="In which viewports.")] = "both",
    pdp_url: Annotated[str | None, typer.Option(help="The product page; unset: it is looked for.")] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="JSON file with the values that differ from the built-in policy.", dir_okay=False),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT", help="May be reached although not public or not on port 80 or 443. Repeatable."
        ),
    ] = None,
    sandbox: Annotated[
        Literal["required", "preferred", "off"], typer.Option(help="Chromium's own sandbox.")
    ] = "preferred",
) -> None:
    """Capture a shop into a folder: what a session would store, and an index.html to look at it.

    Examples:

    - the whole shop, home and product page, desktop and mobile:
      `webaudit-capture https://www.acme-shop.com/ --out acme`

    - one page on a phone: `webaudit-capture https://www.acme-shop.com/ --out acme --page homepage --viewport mobile`

    - a product page that you know: `webaudit-capture https://www.acme-shop.com/ --out acme --page pdp --pdp-url
      https://www.acme-shop.com/p/4711`

    - a shop on this machine: `webaudit-capture http://127.0.0.1:3000/ --out local --allow 127.0.0.1:3000`

    - with more patience: write `{"ready": {"timeout": 30}}` to slow.json and add `--policy slow.json`;
      `webaudit-capture policy` prints every value there is

    Ends with the worst capture's exit code, as in a pod: 0 all ok, 10 a page failed for good, 11 worth another try,
    12 the evidence could not be written. Before anything starts: 2 an option that cannot be, 13 a bad URL or policy.
    """
    console = Console()
    for pair in allow or ():
        try:
            host_port(pair)
        except BadUrl as error:
            raise typer.BadParameter(str(error), param_hint="--allow") from error
    try:
        wish = laptop.Wish(
            url=normalize(url),
            out=out,
            pages=tuple(PageType) if page == "both" else (PageType(page),),
            viewports=tuple(Viewport) if viewport == "both" else (Viewport(viewport),),
            pdp_url=normalize(pdp_url) if pdp_url else None,
            policy=_policy(policy),
            allow=tuple(allow or ()),
            sandbox=sandbox,
        )
    except (BadUrl, _BadPolicy) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(ExitCode.BAD_REQUEST) from error

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be made: {error.strerror}", param_hint="--out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"{out} cannot be written to", param_hint="--out")

    def progress(kind: PageType, size: Viewport, event: CaptureEvent) -> None:
        line = f"{kind:8} {size:7} {event.message}"
        console.print(line, style=_STYLE[event.level], markup=False, highlight=False, soft_wrap=True)

    console.print(f"Capturing {wish.url} with {browser_path().name}, policy {wish.policy.version}", markup=False)
    try:
        done = asyncio.run(laptop.run(wish, progress))
        index = report.write_index(out, title=host(wish.url))
    except UnknownDevice as error:
        raise typer.BadParameter(str(error), param_hint="--policy") from error
    except OSError as error:
        console.print(f"the evidence cannot be written: {error.filename}: {error.strerror}", style="red", markup=False)
        raise typer.Exit(ExitCode.UNDELIVERED) from error
    except KeyboardInterrupt:
        console.print(f"Stopped. What was captured before is in {out}.", markup=False, soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    console.print(_summary(done))
    console.print(f"Evidence: {index}", markup=False, soft_wrap=True)
    raise typer.Exit(laptop.worst(one.exit_code for one in done))


@app.command("policy")
def policy_command() -> None:
    """Print the built-in crawl policy as JSON: every value that a file for --policy may change."""
    typer.echo(CrawlPolicy().model_dump_json(indent=2))


@app.command("pod")
def pod_command(
    request: Annotated[Path, typer.Option(help="The capture's request.")] = Path(REQUEST_PATH),
    url: Annotated[str | None, typer.Option(help="The page to capture when the request names none.")] = None,
) -> None:
    """Capture what a request asks for, deliver it by signed PUT, and exit with a code the Job understands."""
    raise typer.Exit(asyncio.run(pod.run(request, url)))


class _BadPolicy(Exception):
    pass


def _policy(path: Path | None) -> CrawlPolicy:
    if path is None:
        return CrawlPolicy()
    try:
        return CrawlPolicy.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _BadPolicy(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise _BadPolicy(f"{path}: {faults}") from error


def _summary(done: list[laptop.Done]) -> Table:
    table = Table(title=f"{sum(one.exit_code == ExitCode.OK for one in done)}/{len(done)} captured")
    for column in ("PAGE", "VIEWPORT", "RESULT", "SECONDS", "URL", "REMARKS"):
        table.add_column(column, overflow="fold")
    for one in done:
        result = one.result
        ok = result is not None and result.verdict is Verdict.OK
        remarks = one.message or (", ".join(doubt.code for doubt in result.low_confidence) if result else "")
        table.add_row(
            one.page,
            one.viewport,
            "[green]ok[/green]" if ok else "[red]failed[/red]",
            f"{result.load_timings.get('total_ms', 0) / 1000:.1f}" if result else "",
            (result.final_url or result.requested_url) if result else "",
            remarks,
        )
    return table


if __name__ == "__main__":
    app()
