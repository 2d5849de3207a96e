"""kubectl and helm for one cluster, whichever it is. Nothing here knows what the demo does with them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from webaudit_demo.errors import DemoError

Resource = dict[str, Any]
LAST_WORDS = 2000
NOT_FOUND = ("NotFound", "doesn't have a resource type")


class CommandFailed(DemoError):
    """kubectl or helm ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Running:
    """A kubectl at work. Its complaints go to a file, where they neither get between the lines nor fill a pipe."""

    process: subprocess.Popen[str]
    complaints: IO[bytes]

    @property
    def lines(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def last_words(self) -> str:
        """The end of its complaints. Read beside the process, whose place in the file must not move."""
        descriptor = self.complaints.fileno()
        start = max(0, os.fstat(descriptor).st_size - LAST_WORDS)
        return os.pread(descriptor, LAST_WORDS, start).decode(errors="replace").strip()


@dataclass(frozen=True)
class Kube:
    """`kubectl` and `helm` are command prefixes that already name the cluster.

    `typed` is how a person at a terminal calls this kubectl, for messages.
    """

    kubectl: Sequence[str]
    helm: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    typed: str = "kubectl"

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
            if any(words in str(error) for words in NOT_FOUND):
                return None
            raise
        return found

    def apply(self, *resources: Resource) -> None:
        """Server-side, so that nothing of a Secret is copied into an annotation."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(resources)}
        self.run("apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=json.dumps(document))

    def watch(self, kind: str, name: str, namespace: str, seconds: float) -> Iterator[Resource]:
        """The resource now and after each change, for at most that long; ends early when the server ends the watch.

        A resource that is not there yields nothing. Raises CommandFailed when there is no watching it.
        """
        arguments = ("get", kind, name, "--namespace", namespace, "--output", "json", "--watch")
        seen, lines = False, list[str]()
        end = time.monotonic() + seconds
        with self.running(*arguments) as kubectl:
            alarm = threading.Timer(seconds, kubectl.process.terminate)
            alarm.start()
            try:
                for line in kubectl.lines:
                    lines.append(line)
                    if line.rstrip() == "}":  # kubectl indents everything inside a document
                        yield _document(lines)
                        seen = True
                        lines.clear()
                code = kubectl.process.wait()
            finally:
                alarm.cancel()
            said = kubectl.last_words()
        if time.monotonic() >= end:
            return  # ended by the alarm, perhaps inside a document
        if lines:
            _document(lines)
        if code and not seen and not any(words in said for words in NOT_FOUND):
            raise CommandFailed(said or f"`kubectl {' '.join(arguments)}` failed ({code})")

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """kubectl as a process that lives as long as the block."""
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(
                [*self.kubectl, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                errors="replace",
                env={**os.environ, **self.environment},
            ) as process,
        ):
            try:
                yield Running(process, complaints)
            finally:
                process.terminate()

    @contextlib.contextmanager
    def forwarded(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """A loopback port that leads to the target's port. Raises CommandFailed when there is no way."""
        with self.running("--namespace", namespace, "port-forward", target, f":{port}") as kubectl:
            addresses = (re.search(r"127\.0\.0\.1:(\d+)", line) for line in kubectl.lines)
            match = next(filter(None, addresses), None)
            if match is None:
                raise CommandFailed(f"no way to {target}: {kubectl.last_words() or 'kubectl does not say why'}")
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


def _document(lines: Sequence[str]) -> Resource:
    text = "".join(lines)
    try:
        found: Resource = json.loads(text)
    except ValueError:
        raise CommandFailed(f"kubectl answered with something that is not JSON: {text[:200].strip()}") from None
    return found
