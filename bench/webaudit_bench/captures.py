"""The capture's bench: every contender on the same pages in turn, so that what the machine does meets all of them."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from testkit.demo_shop import DemoShop
from webaudit_bench import pages
from webaudit_bench.contenders import FLOOR, OURS, compiled_once, contenders, our_command
from webaudit_bench.image import Weight
from webaudit_bench.processes import Command, peak_pss, wall_seconds
from webaudit_capture.contract import CaptureResult, Viewport
from webaudit_capture.policy import CrawlPolicy

PRODUCT = "/products/polarfjord-shell-jacket"
POLICY = CrawlPolicy()
QUIET_STAGES = ("ready", "settle", "settle_after_popups")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    host_port: str
    path: str

    @property
    def url(self) -> str:
        return f"http://{self.host_port}{self.path}"


@dataclass(slots=True)
class Figures:
    """One contender on one page, a figure per run.

    `seconds` are whole processes, `inside` from the browser's start to its end. `quiet` and `clicks` are what the
    policy's quiet windows and its pauses after clicks took of ours.
    """

    page: str
    contender: str
    seconds: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)
    pss: list[int] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "median_s": self.median, "worst_s": max(self.seconds)}


@dataclass(slots=True)
class Measured:
    """`whole_shop` holds seconds, `tall_pss` bytes by viewport."""

    figures: list[Figures]
    whole_shop: list[float]
    tall_pss: dict[str, int]


def measure(*, runs: int, memory_runs: int, tell: Tell) -> Measured:
    """All of it. Raises processes.Failed, and FileNotFoundError when a contender is not installed."""
    with tempfile.TemporaryDirectory(prefix="webaudit-bench.") as name, _targets() as targets:
        workshop = Path(name)
        figures = _race(targets, workshop, runs, memory_runs, tell)
        shop, own = targets[0], targets[-1]
        whole = []
        for run in range(runs):
            tell(f"the demo shop whole, run {run + 1} of {runs}")
            whole.append(wall_seconds(_ours(shop, workshop, "shop"))[0])
        tall = Target("tall page", own.host_port, "/tall")
        pss = {}
        for viewport in Viewport:
            tell(f"memory of a page of {pages.TALL_PX:,} px, {viewport}")
            command = _ours(tall, workshop, "tall", "--page=homepage", f"--viewport={viewport}")
            pss[viewport.value] = max(peak_pss(command) for _ in range(memory_runs))
        return Measured(figures, whole, pss)


def _ours(target: Target, workshop: Path, folder: str, *options: str) -> Command:
    command = our_command(target.url, target.host_port, workshop / folder, *options)
    return Command((command,), compiled_once(workshop))


def _race(targets: list[Target], workshop: Path, runs: int, memory_runs: int, tell: Tell) -> list[Figures]:
    racers = contenders(workshop)
    figures = {(target.name, racer.name): Figures(target.name, racer.name) for target in targets for racer in racers}
    for run in range(-1, runs + memory_runs):
        for target in targets:
            for racer in racers:
                out = workshop / target.name / racer.name.replace(" ", "-")
                out.mkdir(parents=True, exist_ok=True)
                command = racer.command(target.url, target.host_port, out)
                mine = figures[target.name, racer.name]
                if run < 0:
                    tell(f"warming up: {racer.name} on {target.name}")
                    wall_seconds(command)
                elif run < runs:
                    tell(f"run {run + 1} of {runs}: {racer.name} on {target.name}")
                    seconds, said = wall_seconds(command)
                    mine.seconds.append(seconds)
                    if racer.name == OURS:
                        result = captured(out)
                        mine.inside.append((result.finished_at - result.started_at).total_seconds())
                        mine.quiet.append(quiet_seconds(result))
                        mine.clicks.append(click_seconds(result))
                    elif racer.name == FLOOR:
                        mine.inside.append(float(said))
                else:
                    tell(f"memory, run {run - runs + 1} of {memory_runs}: {racer.name} on {target.name}")
                    mine.pss.append(peak_pss(command))
    return list(figures.values())


def captured(out: Path) -> CaptureResult:
    return CaptureResult.model_validate_json((out / "homepage" / "desktop" / "result.json").read_bytes())


def quiet_seconds(result: CaptureResult) -> float:
    """What the quiet windows took: of each wait at most the longer window counts.

    The rest of a wait is the page's own work, which every contender has to wait for.
    """
    window = max(POLICY.ready.network_quiet, POLICY.ready.dom_quiet)
    stages: dict[str, dict[str, Any]] = result.load_timings["stages"]
    waits: list[float] = [
        stage["duration_ms"] / 1000 for name, stage in stages.items() if name.partition("#")[0] in QUIET_STAGES
    ]
    return sum(min(wait, window) for wait in waits)


def click_seconds(result: CaptureResult) -> float:
    """The policy's pause after each click of our own."""
    clicks = [
        event
        for event in result.events
        if event.details["event"] in ("popup_dismissed", "popup_remained") and event.details["strategy"] != "vendor"
    ]
    return len(clicks) * POLICY.popups.settle_after_click


@contextmanager
def _targets() -> Iterator[list[Target]]:
    with DemoShop.open() as shop, pages.served() as own:
        yield [
            Target("demo shop, home", shop.allow, "/"),
            Target("demo shop, product", shop.allow, PRODUCT),
            Target("empty page", own, "/empty"),
            Target("heavy page", own, "/heavy"),
        ]


def as_json(measured: Measured, weight: Weight | None) -> str:
    """Everything measured: seconds, and bytes."""
    return json.dumps(
        {
            "pages": [one.as_json() for one in measured.figures],
            "whole_shop_s": measured.whole_shop,
            "tall_page_pss": measured.tall_pss,
            "image": None if weight is None else asdict(weight),
        },
        indent=2,
    )
