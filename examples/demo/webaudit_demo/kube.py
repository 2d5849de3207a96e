"""kubectl and helm for one cluster, whichever it is. Nothing here knows what the demo does with them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webaudit_demo.errors import DemoError

Resource = dict[str, Any]


class CommandFailed(DemoError):
    """kubectl or helm ended with an error; the message is what it said."""


@dataclass(frozen=True)
class Kube:
    """`kubectl` and `helm` are command prefixes that already name the cluster."""

    kubectl: Sequence[str]
    helm: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """kubectl's standard output. Raises CommandFailed."""
        return self._call([*self.kubectl, *arguments], stdin, timeout)

    def run_helm(self, *arguments: str, stdin: str | None = None, timeout: float = 600) -> str:
        """helm's standard output. Raises CommandFailed."""
        return self._call([*self.helm, *arguments], stdin, timeout)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Resource | None:
        """The resource, or None when there is no such one (or no such kind)."""
        where = ("--namespace", namespace) if namespace else ()
        try:
            found: Resource = json.loads(self.run("get", kind, name, *where, "--output", "json"))
        except CommandFailed as error:
            if "NotFound" in str(error) or "doesn't have a resource type" in str(error):
                return None
            raise
        return found

    def apply(self, *resources: Resource) -> None:
        """Server-side, so that nothing of a Secret is copied into an annotation."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(resources)}
        self.run("apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=json.dumps(document))

    def watch(self, kind: str, name: str, namespace: str, seconds: float) -> Iterator[Resource]:
        """The resource now and after each change, for at most that long; ends early when the server ends the watch."""
        arguments = ("get", kind, name, "--namespace", namespace, "--output", "json", "--watch")
        with self.running(*arguments) as process:
            alarm = threading.Timer(seconds, process.terminate)
            alarm.start()
            try:
                assert process.stdout is not None
                lines: list[str] = []
                for line in process.stdout:
                    lines.append(line)
                    if line.rstrip() == "}":  # kubectl indents everything inside a document
                        yield json.loads("".join(lines))
                        lines.clear()
            finally:
                alarm.cancel()

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """kubectl as a process that lives as long as the block."""
        with subprocess.Popen(
            [*self.kubectl, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment},
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    @contextlib.contextmanager
    def forwarded(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """A loopback port that leads to the target's port. Raises CommandFailed when there is no way."""
        with self.running("--namespace", namespace, "port-forward", target, f":{port}") as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            match = re.search(r"127\.0\.0\.1:(\d+)", said)
            if match is None:
                raise CommandFailed(f"no way to {target}: {said.strip()}")
            yield int(match[1])

    def _call(self, command: Sequence[str], stdin: str | None, timeout: float) -> str:
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                env={**os.environ, **self.environment},
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"`{' '.join(command[:4])} ...` gave no answer in {timeout:.0f} s") from None
        if done.returncode != 0:
            raise CommandFailed(done.stderr.strip() or done.stdout.strip() or f"`{' '.join(command)}` failed")
        return done.stdout
