"""Building Kubernetes, etcd, helm, CoreDNS and fake-gcs-server from their released Go modules, once; and tests/tools.

Versions and hashes are locked in each module's go.mod and go.sum; here `go build` is driven, and no more.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster import paths, shell
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.locking import hold
from webaudit_cluster.progress import Progress

KUBERNETES_VERSION = "v1.34.4"
HELM_VERSION = "v4.0.4"
GO_AT_LEAST = (1, 26)
BUILD_SECONDS = 1800
NAMES = (
    "coredns",
    "fake-gcs-server",
    "helm",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "server",  # etcd, by the name of its Go package
)

# Without these the server calls itself v0.0.0 and helm takes every cluster it only imagines for a 1.20.
_VERSION_VARIABLES = {
    "k8s.io/component-base/version.gitVersion": KUBERNETES_VERSION,
    "k8s.io/component-base/version.gitMajor": KUBERNETES_VERSION[1:].split(".")[0],
    "k8s.io/component-base/version.gitMinor": KUBERNETES_VERSION[1:].split(".")[1],
    "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES_VERSION,
    "helm.sh/helm/v4/pkg/chart/common.k8sVersionMajor": KUBERNETES_VERSION[1:].split(".")[0],
    "helm.sh/helm/v4/pkg/chart/common.k8sVersionMinor": KUBERNETES_VERSION[1:].split(".")[1],
    "helm.sh/helm/v4/internal/version.version": HELM_VERSION,
}
LINKER_FLAGS = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in _VERSION_VARIABLES.items())])


TEST_PROGRAMS = ("argolua", "crontimes", "kstatus")


@dataclass(frozen=True, slots=True)
class Build:
    """One Go module and what is made of it."""

    title: str
    source: Path
    folder: Path
    names: tuple[str, ...]
    packages: str
    flags: str

    @property
    def is_done(self) -> bool:
        """All of its programs are there, from the present versions, sources and flags."""
        file = self.folder / ".stamp"
        return (
            file.exists()
            and file.read_text() == stamp(self.source, self.flags)
            and all((self.folder / name).exists() for name in self.names)
        )

    def ensure(self, progress: Progress) -> Path:
        """The folder with its programs, built unless the stamp fits. Raises ClusterError."""
        if self.is_done:
            return self.folder
        with hold(paths.cache() / "binaries.lock", "the build of Kubernetes", BUILD_SECONDS):
            return self.folder if self.is_done else self._build(progress)

    def _build(self, progress: Progress) -> Path:
        file = self.folder / ".stamp"
        go = _go()
        self.folder.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with progress.step(f"building {self.title}") as line:
            # -v names each package as it is compiled, which is the only sign of life go gives.
            command = [go, "build", "-v", "-trimpath", "-ldflags", self.flags, "-o", f"{self.folder}/", self.packages]
            shell.run(command, cwd=self.source, line=line, env=_environment())
        if missing := [name for name in self.names if not (self.folder / name).exists()]:
            raise ClusterError(f"the build made no {', '.join(missing)}; see {self.source / 'go.mod'}")
        file.write_text(stamp(self.source, self.flags))
        return self.folder


def kubernetes() -> Build:
    title = f"Kubernetes {KUBERNETES_VERSION} and its tools (about six minutes the first time)"
    return Build(title, paths.KIT / "tools", paths.binaries(), NAMES, "tool", LINKER_FLAGS)


def test_programs() -> Build:
    """Libraries of Go that tests ask: robfig/cron, kstatus, gopher-lua."""
    source = paths.REPOSITORY / "tests" / "tools"
    return Build("the tests' programs", source, paths.test_programs(), TEST_PROGRAMS, "./...", "-s -w")


def ensure(progress: Progress) -> Path:
    """The folder with all of NAMES, built (minutes, the first time) unless its stamp fits. Raises ClusterError."""
    return kubernetes().ensure(progress)


def are_built() -> bool:
    """All of NAMES, from the present versions and flags."""
    return kubernetes().is_done


def check_buildable() -> None:
    """Raises ClusterError when they are not built and there is no Go to build them with."""
    if not are_built():
        _go()


def stamp(source: Path, flags: str) -> str:
    """Changes when another build is needed: module versions, their hashes, own sources, linker flags."""
    digest = hashlib.sha256(flags.encode())
    for file in (source / "go.mod", source / "go.sum", *sorted(source.rglob("*.go"))):
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


def _environment() -> dict[str, str]:
    cache = paths.cache() / "go"
    return {
        "GOCACHE": str(cache / "build"),
        "GOMODCACHE": str(cache / "mod"),
        "GOFLAGS": "-modcacherw",  # else the module cache is read-only and `rm -r` fails on it
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def _go() -> str:
    advice = (
        f"building Kubernetes needs Go {'.'.join(map(str, GO_AT_LEAST))} or later on PATH{{found}}: unpack a release "
        "from https://go.dev/dl/ and add its bin folder to PATH."
    )
    go = shutil.which("go")
    if go is None:
        raise ClusterError(advice.format(found=""), exit_code=2)
    version = shell.output([go, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}).strip()
    if parse_version(version) < GO_AT_LEAST:
        raise ClusterError(advice.format(found=f" (there is {version})"), exit_code=2)
    return go


def parse_version(version: str) -> tuple[int, int]:
    """`go1.26.8` -> (1, 26); a development version without a number counts as the newest."""
    match = re.match(r"go(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (999, 0)
