"""Writing configuration files without disturbing those who watch them."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Leave the file untouched when it says this already: kube-proxy ends when its file is as much as written again."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=mode)
    path.write_text(text)
