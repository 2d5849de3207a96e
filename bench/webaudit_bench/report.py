"""The bench's tables, as people read them."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from webaudit_bench.captures import Figures, Measured
from webaudit_bench.contenders import FLOOR, OURS
from webaudit_bench.image import MEGABYTE, Weight
from webaudit_bench.retention import Measured as MeasuredRetention

MEBIBYTE = 1024 * 1024
PART_MEGABYTES = 5


def show(measured: Measured, weight: Weight | None, console: Console) -> None:
    console.print(f"{os.cpu_count()} processors, {len(measured.whole_shop)} timed runs; seconds are whole processes.")
    console.print(_races(measured.figures))
    console.print(_overhead(measured.figures))
    whole = measured.whole_shop
    console.print(
        f"Four captures of the demo shop in one command: median {statistics.median(whole):.1f} s, "
        f"worst {max(whole):.1f} s"
    )
    tall = ", ".join(f"{viewport} {_mib(size)}" for viewport, size in measured.tall_pss.items())
    console.print(f"Peak memory (PSS) on a page of 20,000 px: {tall}")
    if weight is not None:
        console.print(_image(weight))


def show_retention(measured: MeasuredRetention, console: Console) -> None:
    console.print(f"{os.cpu_count()} processors. The bucket is the tests' own handlers on loopback, as one process.")
    table = Table(title="Recorded artifacts deleted in a second; ours with their rows, receipts and results")
    for name in ("the server answers", "raw client", "ours", "ours / raw"):
        table.add_column(name, justify="right")
    for race in measured.races:
        limit = f"{race.rate:,.0f} deletions a second" if race.rate else "as fast as it can"
        raw, ours = statistics.median(race.raw), statistics.median(race.ours)
        table.add_row(limit, f"{raw:,.0f}", f"{ours:,.0f}", f"{race.ratio:.2f}")
    console.print(table)
    if measured.rows:
        console.print(f"{measured.rows:,} rows, {measured.walked:,} due: first delete {measured.first_delete:.3f} s")
        console.print(f"Memory over the walk of all that is due: {_flatness(measured.due_memory)}")
        console.print(measured.plan, markup=False, highlight=False)
    if measured.listed:
        console.print(f"Memory over a listing of {measured.listed:,} objects: {_flatness(measured.listed_memory)}")


def _flatness(memory: tuple[int, int]) -> str:
    early, most = memory
    return f"{_mib(early)} after its first tenth, at most {_mib(most)} later"


def _races(figures: Sequence[Figures]) -> Table:
    table = Table(title="A screenshot and the HTML")
    for name in ("page", "who"):
        table.add_column(name)
    for name in ("median s", "worst s", "peak PSS"):
        table.add_column(name, justify="right")
    for one in figures:
        table.add_row(
            one.page, one.contender, f"{one.median:.2f}", f"{max(one.seconds):.2f}", _mib(max(one.pss, default=0))
        )
    return table


def _overhead(figures: Sequence[Figures]) -> Table:
    """What a capture takes beyond the floor and the waits that the policy asks for; medians, in seconds."""
    table = Table(title="From the browser's start to its end")
    table.add_column("page")
    for name in ("ours", "floor", "quiet windows", "after clicks", "the rest"):
        table.add_column(name, justify="right")
    floors = {one.page: statistics.median(one.inside) for one in figures if one.contender == FLOOR}
    for one in figures:
        if one.contender == OURS:
            ours, quiet, clicks = map(statistics.median, (one.inside, one.quiet, one.clicks))
            rest = ours - floors[one.page] - quiet - clicks
            cells = (ours, floors[one.page], quiet, clicks, rest)
            table.add_row(one.page, *(f"{cell:.2f}" for cell in cells))
    return table


def _image(weight: Weight) -> Table:
    table = Table(title=f"The capture image: {weight.compressed / MEGABYTE:.0f} MB compressed")
    table.add_column("part")
    table.add_column("MB", justify="right")
    for part, size in weight.parts_over(PART_MEGABYTES * MEGABYTE):
        table.add_row(part, f"{size / MEGABYTE:.1f}")
    return table


def _mib(size: int) -> str:
    return f"{size / MEBIBYTE:.0f} MiB"
