"""Running kubectl and helm against one kubeconfig, and saying what they answered when they fail."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from webaudit_cluster import paths
from webaudit_cluster.errors import ClusterError


class CommandFailed(ClusterError):
    """kubectl or helm ended with an error; `stderr` is what it said."""

    def __init__(self, command: str, stdout: str, stderr: str) -> None:
        super().__init__(f"{command}: {stderr.strip() or stdout.strip() or 'failed without a word'}")
        self.stdout = stdout
        self.stderr = stderr


class Client:
    """kubectl and helm for one cluster, with their caches beside its kubeconfig instead of in the home folder."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._caches = kubeconfig.parent / "client-cache"

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Standard output. Raises CommandFailed; raises subprocess.TimeoutExpired after `timeout` seconds."""
        return self._run("kubectl", (f"--cache-dir={self._caches}", *arguments), stdin, timeout)

    def helm(self, *arguments: str, stdin: str | None = None, timeout: float = 600) -> str:
        """As `kubectl`, for helm."""
        return self._run("helm", arguments, stdin, timeout)

    def _run(self, tool: str, arguments: tuple[str, ...], stdin: str | None, timeout: float) -> str:
        binary = paths.binaries() / tool
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "HELM_CACHE_HOME": str(self._caches / "helm"),
            "HELM_CONFIG_HOME": str(self._caches / "helm"),
            "HELM_DATA_HOME": str(self._caches / "helm"),
        }
        done = subprocess.run(
            [binary, *arguments], input=stdin, capture_output=True, text=True, timeout=timeout, env=environment
        )
        if done.returncode != 0:
            raise CommandFailed(f"{tool} {' '.join(arguments)}", done.stdout, done.stderr)
        return done.stdout
