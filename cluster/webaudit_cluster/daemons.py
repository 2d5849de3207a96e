"""Daemons by name: which one runs, whether as it should, start and stop. What they are is in controlplane and node."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from webaudit_cluster import processes
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.processes import ProcessIdentity


@dataclass(frozen=True, slots=True)
class Daemon:
    """`inputs` are the files it reads once, at its start: another content means another process."""

    name: str
    argv: tuple[str, ...]
    inputs: tuple[Path, ...] = ()


class Daemons:
    """The processes recorded in a folder: `run/NAME.json` for each, `log/NAME.log` for what it says."""

    def __init__(self, folder: Path, *, die_with_us: bool = False) -> None:
        self._records = folder / "run"
        self._logs = folder / "log"
        self._die_with_us = die_with_us

    def ensure(self, daemon: Daemon) -> bool:
        """Have it running exactly as described. True when it had to be started (anew)."""
        wanted = fingerprint(daemon)
        record = self._read(daemon.name)
        if record is not None:
            identity, found = record
            if found == wanted and identity.is_running():
                return False
            processes.stop([identity])
        identity = processes.start(daemon.argv, self.log(daemon.name), dies_with_us=self._die_with_us)
        self._records.mkdir(parents=True, exist_ok=True)
        self._record(daemon.name).write_text(json.dumps({**asdict(identity), "fingerprint": wanted}))
        return True

    def is_running(self, name: str) -> bool:
        identity = self.identity(name)
        return identity is not None and identity.is_running()

    def identity(self, name: str) -> ProcessIdentity | None:
        """The process last started under this name; it may have ended since."""
        record = self._read(name)
        return record[0] if record else None

    def started_at(self, name: str) -> datetime:
        """When `ensure` last started it. Raises FileNotFoundError when it never did."""
        return datetime.fromtimestamp(self._record(name).stat().st_mtime, UTC)

    def stop(self, names: Iterable[str], *, grace: float = processes.GRACE_SECONDS) -> None:
        """All at once. A name that was never started is no error."""
        names = list(names)
        processes.stop([identity for name in names if (identity := self.identity(name))], grace=grace)
        for name in names:
            self._record(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        return sorted(path.stem for path in self._records.glob("*.json"))

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def last_words(self, name: str, lines: int = 15) -> str:
        """The end of its log, for an error message."""
        log = self.log(name)
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _record(self, name: str) -> Path:
        return self._records / f"{name}.json"

    def _read(self, name: str) -> tuple[ProcessIdentity, str] | None:
        try:
            record = json.loads(self._record(name).read_text())
            return ProcessIdentity(record["pid"], record["started"], record["boot"]), record["fingerprint"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError) as error:
            raise ClusterError(f"{self._record(name)} is not a process record ({error}); delete it") from None


def fingerprint(daemon: Daemon) -> str:
    """Changes with the command line, the binary file and the content of the inputs."""
    digest = hashlib.sha256(json.dumps(daemon.argv).encode())
    binary = shutil.which(daemon.argv[0])
    if binary is None:
        raise ClusterError(f"{daemon.argv[0]} is not there; run `python -m webaudit_cluster up`, which installs it")
    stat = Path(binary).stat()
    digest.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    for path in daemon.inputs:
        digest.update(b"\0" + path.read_bytes())
    return digest.hexdigest()
