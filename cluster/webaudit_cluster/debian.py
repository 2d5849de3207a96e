"""The Debian base image, made from packages under the name of the official one, so that Dockerfiles stay ordinary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from webaudit_cluster import hostconfig, paths, shell
from webaudit_cluster.hostconfig import HostConfiguration

NAME = "docker.io/library/debian:bookworm-slim"
LABEL = "webaudit.dev/recipe"
_FILES = paths.KIT / "images" / "debian"

# Documentation and translations stay out, as in the official slim image. With a merged /usr from the start nothing
# has to merge it, a task that would bring all of perl.
_SLIM = (
    "--variant=minbase",
    "--include=usr-is-merged",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
# What the host's apt was told for the bootstrap gives way to the settings an image should have.
_APT = (
    "--customize-hook=rm -f $1/etc/apt/apt.conf.d/99mmdebstrap $1/var/cache/apt/*.bin",
    f"--customize-hook=upload {_FILES}/apt.conf /etc/apt/apt.conf.d/99image",
    f"--customize-hook=upload {_FILES}/sources.list /etc/apt/sources.list",
    f"--customize-hook=touch $1{hostconfig.APT_CONFIGURATION}",
)


def recipe() -> str:
    """Changes when the base is made differently."""
    digest = hashlib.sha256(json.dumps([*_SLIM, *(option.replace(str(_FILES), "") for option in _APT)]).encode())
    for file in sorted(_FILES.iterdir()):
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


def is_base_of(dockerfile: Path) -> bool:
    return "FROM debian:bookworm-slim" in dockerfile.read_text()


def bootstrap(folder: Path, host: HostConfiguration, line: Callable[[str], None]) -> Path:
    """Make the root file system as a tar file in `folder`, from the mirrors the machine uses. Raises ClusterError."""
    root = folder / "debian.tar"
    command: list[str | Path] = ["mmdebstrap", *host.apt_options(), *_SLIM, *_APT, "bookworm", root, *host.mirrors()]
    # No file is newer than this: images made from the same packages do not differ by the minute they were made in.
    shell.run(command, line=line, env={"SOURCE_DATE_EPOCH": "0"})
    return root
