"""Where things lie: the source tree, the cache folder and what is in it. Nothing here creates or deletes."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
KIT = REPOSITORY / "cluster"


def cache() -> Path:
    """`$WEBAUDIT_CACHE`, else `.cache` in the source tree. All that the kit writes lies below it."""
    return Path(os.environ.get("WEBAUDIT_CACHE") or REPOSITORY / ".cache").resolve()


def binaries() -> Path:
    return cache() / "bin"


def test_programs() -> Path:
    """What tests/tools is built into."""
    return cache() / "bin-tests"


def state() -> Path:
    """The running cluster: certificates, etcd's data, containers, logs, process records."""
    return cache() / "cluster"


def images() -> Path:
    """The builder's storage, the Debian base and what a build gets from the host."""
    return cache() / "images"
