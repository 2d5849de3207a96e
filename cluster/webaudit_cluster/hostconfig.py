"""What an image build needs from this machine to reach its package registries: mirrors, proxies, certificates.

It is mounted or passed while building and never becomes part of an image or a Dockerfile.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster import shell

APT_CONFIGURATION = "/etc/apt/apt.conf.d/99host"
"""An empty file in the base image, to mount over."""

MOUNT = "/mnt"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

_RELAYED = re.compile(r"Acquire::(https?|ftp|Check-|Retries|ForceIPv)", re.IGNORECASE)
_HOST_PATH = re.compile(r'"/[^"]*"')
# Variables that name a registry. Those that name a file or folder of the machine would mean nothing in a build.
_REGISTRY_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "UV_DEFAULT_INDEX", "UV_INDEX")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, slots=True)
class HostConfiguration:
    """The files of `folder` and the build arguments to pass."""

    folder: Path
    arguments: tuple[tuple[str, str], ...]

    def build_options(self) -> list[str]:
        options = [f"--volume={self.folder}:{MOUNT}:ro"]
        options.append(f"--volume={self.folder / 'apt.conf'}:{APT_CONFIGURATION}:ro")
        if (self.folder / "sources.list").exists():
            options.append(f"--volume={self.folder / 'sources.list'}:/etc/apt/sources.list:ro")
        return options + [f"--build-arg={name}={value}" for name, value in self.arguments]

    def apt_options(self) -> list[str]:
        """For mmdebstrap, which runs on the machine but does not read its apt settings."""
        return [f"--aptopt={line}" for line in (self.folder / "apt.conf.host").read_text().splitlines()]

    def mirrors(self) -> list[Path]:
        """For mmdebstrap; none leaves it to Debian's own addresses."""
        return [file] if (file := self.folder / "sources.list").exists() else []


def write(folder: Path) -> HostConfiguration:
    """Put the machine's present configuration into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    dump = shell.output(["apt-config", "dump", "Acquire"])
    (folder / "apt.conf.host").write_text(apt_settings(dump, with_paths=True))
    inside = apt_settings(dump, with_paths=False)
    arguments = build_arguments(os.environ, _pip_configuration())
    if CERTIFICATES.exists():
        shutil.copyfile(CERTIFICATES, folder / "ca-certificates.crt")
        bundle = f"{MOUNT}/ca-certificates.crt"
        inside += f'Acquire::https::CAInfo "{bundle}";\n'
        arguments = {**arguments, "PIP_CERT": bundle, "SSL_CERT_FILE": bundle}
    (folder / "apt.conf").write_text(inside)
    targets = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"]
    sources = debian_sources(shell.output([*targets, "Created-By: Packages"]))
    file = folder / "sources.list"
    if sources:
        file.write_text(sources)
    else:
        file.unlink(missing_ok=True)
    return HostConfiguration(folder, tuple(sorted(arguments.items())))


def apt_settings(dump: str, *, with_paths: bool) -> str:
    """Of `apt-config dump`, how to reach a mirror: proxies, retries, date checks.

    Files of the machine (`with_paths`) mean something to an apt that runs on it, not to one inside a build.
    """
    lines = (line for line in dump.splitlines() if _RELAYED.match(line) and not line.endswith(' "";'))
    return "".join(f"{line}\n" for line in lines if with_paths or not _HOST_PATH.search(line))


def debian_sources(targets: str) -> str:
    """From `apt-get indextargets`, the machine's own mirrors of Debian 12; empty when it has none."""
    lines = []
    for target in targets.splitlines():
        origin, uri, release, component = target.split("|")
        if origin == "Debian" and release.startswith("bookworm"):
            lines.append(f"deb {uri} {release} {component}\n")
    return "".join(dict.fromkeys(lines))


def build_arguments(environment: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Registry addresses and proxies by variable; what pip.conf says counts where the environment is silent."""
    arguments = {f"PIP_{key.replace('-', '_').upper()}": value for key, value in pip.items()}
    arguments = {name: value for name, value in arguments.items() if name in _REGISTRY_VARIABLES}
    arguments |= {
        name: environment[name] for name in (*_REGISTRY_VARIABLES, *_PROXY_VARIABLES) if environment.get(name)
    }
    if "PIP_INDEX_URL" in arguments:
        arguments.setdefault("UV_DEFAULT_INDEX", arguments["PIP_INDEX_URL"])
    return arguments


def _pip_configuration() -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    home = Path.home()
    parser.read(["/etc/pip.conf", "/etc/xdg/pip/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf"])
    return {**parser["global"]} if parser.has_section("global") else {}
