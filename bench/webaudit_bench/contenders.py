"""Who is measured: this project's command, the least there is, and shot-scraper. Each takes a picture and the HTML."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import playwright

from webaudit_bench.processes import Command
from webaudit_capture.browser import browser_path

OURS = "webaudit-capture"
FLOOR = "bare Playwright"
SHOT_SCRAPER = "shot-scraper"


@dataclass(frozen=True, slots=True)
class Contender:
    """`command` says how it captures an address into a folder; `host_port` is the address's, for who must be told."""

    name: str
    command: Callable[[str, str, Path], Command]


def contenders(workshop: Path) -> tuple[Contender, ...]:
    """All of them, with the same browser. Raises FileNotFoundError when shot-scraper is not installed."""
    shot_scraper = Path(sys.executable).with_name("shot-scraper")
    if not shot_scraper.exists():
        raise FileNotFoundError(shot_scraper)
    compiled = compiled_once(workshop)
    lent = {**compiled, "PLAYWRIGHT_BROWSERS_PATH": str(_lend_browser(workshop / "browsers"))}

    def ours(url: str, host_port: str, out: Path) -> Command:
        return Command((our_command(url, host_port, out, "--page=homepage", "--viewport=desktop"),), compiled)

    def floor(url: str, host_port: str, out: Path) -> Command:
        return Command(
            ((sys.executable, "-m", "webaudit_bench.floor", str(browser_path()), url, str(out)),), os.environ
        )

    def scraper(url: str, host_port: str, out: Path) -> Command:
        shot = (str(shot_scraper), "shot", url, "--width=1440", f"--output={out}/page.png")
        html = (str(shot_scraper), "html", url, f"--output={out}/page.html")
        return Command((shot, html), lent)

    return (Contender(OURS, ours), Contender(FLOOR, floor), Contender(SHOT_SCRAPER, scraper))


def compiled_once(workshop: Path) -> dict[str, str]:
    """The environment of every contender: what a program imports is compiled at its first start, as when installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(workshop / "compiled")}


def our_command(url: str, host_port: str, out: Path, *options: str) -> tuple[str, ...]:
    """The laptop's command line; the sandbox is off, as it is for the others."""
    return (
        *(sys.executable, "-m", "webaudit_capture", "capture", url, f"--out={out}", f"--allow={host_port}"),
        *("--sandbox=off", *options),
    )


def _lend_browser(folder: Path) -> Path:
    """A folder in which Playwright finds our browser where it would have downloaded its own."""
    package = Path(playwright.__file__).parent / "driver" / "package"
    browsers = json.loads((package / "browsers.json").read_text(encoding="utf-8"))["browsers"]
    revision = next(one["revision"] for one in browsers if one["name"] == "chromium-headless-shell")
    home = folder / f"chromium_headless_shell-{revision}" / "chrome-headless-shell-linux64"
    home.mkdir(parents=True)
    (home / "chrome-headless-shell").symlink_to(browser_path())
    return folder
