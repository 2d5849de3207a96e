"""The chart on the local cluster, with database, bucket and shop beside it: left up for the next run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from testkit.audits import Audits
from testkit.cronjobs import Timetable
from webaudit_cluster.progress import Quiet
from webaudit_demo import install, platform
from webaudit_demo.install import DEMO
from webaudit_demo.platform import Platform

SHOPS = ("acme.test", "birch.test", "cedar.test", "refused.test", "silent.test")
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
FEW = {"maxCaptures": 8, "maxCapturesPerNamespace": 8}


@pytest.fixture(scope="session")
def place() -> Iterator[Platform]:
    with platform.local(Quiet(), upstreams=()) as place:
        install.surroundings(place.kube, place.images)
        place.kube.run(*install.APPLY, "--filename", str(DEMO / "manifests" / "faults.yaml"))
        reached = [f"{shop}:80" for shop in SHOPS]
        allowed = [*install.ALLOW_TARGETS, *reached, *(f"www.{pair}" for pair in reached)]
        retention = {"intervalSeconds": 2}
        install.operator(place.kube, place.images, allowTargets=allowed, limits=FEW, retention=retention)
        yield place


@pytest.fixture(scope="session")
def namespace(place: Platform) -> Iterator[str]:
    """A team's namespace, under the restricted Pod Security profile. Its sessions go with it."""
    name = f"audits-{secrets.token_hex(3)}"
    place.kube.run("create", "namespace", name)
    place.kube.run("label", "namespace", name, RESTRICTED)
    yield name
    place.kube.run("delete", "namespace", name, "--timeout=120s", timeout=150)


@pytest.fixture
def audits(place: Platform, namespace: str) -> Iterator[Audits]:
    """Sessions of one test; deleted at its end."""
    audits = Audits(place.kube, namespace)
    yield audits
    if audits.applied:
        place.kube.run("delete", "auditsession", *audits.applied, "--namespace", namespace, "--ignore-not-found")


@pytest.fixture(scope="session")
def failing(place: Platform, namespace: str) -> Audits:
    """Shops that go wrong, all applied at once, because the slowest of them takes minutes."""
    audits = Audits(place.kube, namespace)
    audits.apply("silent", "http://silent.test/")
    audits.apply("nowhere", "http://nxdomain.test/")
    audits.apply("refused", "http://refused.test/")
    audits.apply("missing", "http://acme.test/status/404")
    audits.apply("broken", "http://birch.test/status/500")
    return audits


@pytest.fixture(scope="session")
def timetable(place: Platform) -> Iterator[Timetable]:
    """Schedules beside CronJobs; they run all the while."""
    name = f"timetable-{secrets.token_hex(3)}"
    place.kube.run("create", "namespace", name)
    timetable = Timetable(place.kube, name)
    timetable.begin()
    yield timetable
    place.kube.run("delete", "namespace", name, "--timeout=120s", timeout=150)


@pytest.fixture(scope="session", autouse=True)
def _slow_ones_first(failing: Audits, timetable: Timetable) -> None:
    """The silent shop, and what waits for minutes to pass, run beside everything else."""
