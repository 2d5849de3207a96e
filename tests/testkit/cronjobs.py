"""The same schedules as AuditSchedules and as CronJobs in one namespace, to see who fires when. Nothing is run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from testkit.apiserver import audit_schedule
from webaudit_demo.kube import Kube, Resource

SCHEDULES: dict[str, Resource] = {
    "every-minute": {"schedule": "* * * * *"},
    "odd-minutes": {"schedule": "1-59/2 * * * *", "timeZone": "Asia/Kathmandu"},
    "even-minutes": {"schedule": "*/2 * * * *", "timeZone": "Europe/Berlin"},
    "suspended": {"schedule": "* * * * *", "suspend": True},
}


@dataclass(frozen=True)
class Timetable:
    """Its sessions and Jobs are suspended from the start, and kept."""

    kube: Kube
    namespace: str

    @property
    def schedules(self) -> list[str]:
        return list(SCHEDULES)

    def begun(self) -> int:
        """The Unix minute in which the last of them was created: from the next one on all should fire."""
        found = json.loads(
            self.kube.run("get", "auditschedules,cronjobs", "--namespace", self.namespace, "--output", "json")
        )["items"]
        created = max(datetime.fromisoformat(one["metadata"]["creationTimestamp"]) for one in found)
        return int(created.timestamp()) // 60

    def missed(self, name: str) -> int:
        schedule = self.kube.get("auditschedule", name, self.namespace)
        assert schedule is not None
        missed: int = schedule["status"]["missed"]
        return missed

    def begin(self) -> None:
        """Both kinds in one request, so that a minute's turn hardly gets between them."""
        container = {"name": "none", "image": "none"}
        pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        items = []
        for name, spec in SCHEDULES.items():
            idle = {"url": "http://cedar.test/", "suspend": True}
            items.append(
                audit_schedule({**spec, "sessionTemplate": {"spec": idle}}, name=name, namespace=self.namespace)
            )
            job = {"spec": {"suspend": True, "template": pod}}
            cronjob = {
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {**spec, "jobTemplate": job},
            }
            items.append(cronjob)
        self.kube.apply(*items)

    def fired(self, name: str) -> set[int]:
        """The planned times of its sessions, in Unix minutes."""
        return self._minutes("auditsessions", name)

    def fired_by_cronjob(self, name: str) -> set[int]:
        """The planned times of its Jobs: the CronJob controller puts them into their names in the same way."""
        return self._minutes("jobs", name)

    def _minutes(self, kind: str, name: str) -> set[int]:
        found = json.loads(self.kube.run("get", kind, "--namespace", self.namespace, "--output", "json"))["items"]
        names = [one["metadata"]["name"] for one in found]
        return {int(one.rpartition("-")[2]) for one in names if one.rpartition("-")[0] == name}
