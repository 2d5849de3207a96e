"""Sessions on the local cluster, as a user handles them: apply, wait, look, delete."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from testkit.apiserver import audit_session
from testkit.waiting import until
from webaudit_demo import evidence, install, record
from webaudit_demo.kube import Kube
from webaudit_demo.record import Record

FINISHED = ("Completed", "Partial", "Failed")
POLL_SECONDS = 0.5
Resource = dict[str, Any]


@dataclass
class Audits:
    """One namespace's sessions."""

    kube: Kube
    namespace: str
    applied: list[str] = field(default_factory=list)

    def apply(self, name: str, url: str, **spec: Any) -> None:
        manifest = audit_session({"url": url, **spec}, name=name, namespace=self.namespace)
        self.kube.run("apply", "--filename", "-", stdin=json.dumps(manifest))
        self.applied.append(name)

    def get(self, name: str) -> Resource:
        found = self.kube.get("auditsession", name, self.namespace)
        assert found is not None, f"{name} is gone"
        return found

    def all(self) -> list[Resource]:
        items: list[Resource] = json.loads(
            self.kube.run("get", "auditsessions", "--namespace", self.namespace, "--output", "json")
        )["items"]
        return items

    def jobs(self) -> list[Resource]:
        items: list[Resource] = json.loads(
            self.kube.run("get", "jobs", "--namespace", self.namespace, "--output", "json")
        )["items"]
        return items

    def finished(self, *names: str, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> list[Resource]:
        """Wait until all of them have finished and are recorded; fails with their statuses after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            meanwhile()
            found = [one for one in self.all() if one["metadata"]["name"] in names]
            if len(found) == len(names) and all(map(done, found)):
                return sorted(found, key=lambda one: names.index(one["metadata"]["name"]))
            assert time.monotonic() < deadline, json.dumps([one["status"] for one in found], indent=1)
            time.sleep(POLL_SECONDS)

    def record(self, session: Resource) -> Record:
        return record.read(self.kube, install.NAMESPACE, session["metadata"]["uid"])

    def objects(self, session: Resource, folder: Path) -> list[evidence.Object]:
        """The session's objects in the bucket, copied into the folder."""
        prefix = session["status"]["evidence"]["uri"].removeprefix(f"gs://{install.BUCKET}/")
        return evidence.copy_out(self.kube, install.NAMESPACE, prefix, folder)


def done(session: Resource) -> bool:
    status = session["status"]
    mirrored = condition(session, "Mirrored")
    return status.get("phase") in FINISHED and mirrored is not None and mirrored["status"] == "True"


def condition(session: Resource, kind: str) -> Resource | None:
    found: list[Resource] = session["status"].get("conditions") or []
    return next((one for one in found if one["type"] == kind), None)


def operator_pod(kube: Kube) -> Resource:
    """The operator's newest pod."""
    selector = "app.kubernetes.io/name=webaudit,app.kubernetes.io/component=operator"
    found: list[Resource] = json.loads(
        kube.run("get", "pods", "--namespace", install.NAMESPACE, "--selector", selector, "--output", "json")
    )["items"]
    return max(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def kill_operator(kube: Kube) -> int:
    """SIGKILL to the operator's own process, found by its pod. Returns how often it had been started again before."""
    uid = operator_pod(kube)["metadata"]["uid"]

    def processes() -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if is_operator(process, uid)]

    until(processes, seconds=60)  # after an earlier kill the kubelet takes its time
    before = restarts(kube)
    (process,) = processes()
    process.kill()
    return before


def is_operator(process: psutil.Process, pod_uid: str) -> bool:
    try:
        cgroup = Path(f"/proc/{process.pid}/cgroup").read_text().replace("_", "-")
        return "webaudit-operator" in " ".join(process.cmdline()) and pod_uid in cgroup
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False


def restarts(kube: Kube) -> int:
    """How often the operator's container was started again."""
    return sum(state["restartCount"] for state in operator_pod(kube)["status"]["containerStatuses"])
