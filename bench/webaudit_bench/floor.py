"""The least there is: Playwright and nothing else. `python -m webaudit_bench.floor BROWSER URL FOLDER`.

Prints the seconds from the browser's start to its end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright


def main(browser_path: str, url: str, folder: str) -> None:
    with sync_playwright() as playwright:
        began = time.perf_counter()
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.screenshot(full_page=True, path=Path(folder) / "page.png")
        (Path(folder) / "page.html").write_text(page.content(), encoding="utf-8")
        browser.close()
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
