"""An API server of one's own: what it does alone, what with controllers, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit.waiting import until
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.kubectl import CommandFailed

pytestmark = pytest.mark.apiserver

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec: {containers: [{name: web, image: nothing}]}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: default}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: once, image: nothing}]}}}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer.start(tmp_path_factory.mktemp("api")) as api:
        yield api


def running(folder: Path) -> list[str]:
    """Programs that have this folder on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(str(folder) in word for word in words):
            found.append(Path(words[0]).name)
    return sorted(found)


def test_it_names_the_release_it_is(api: ApiServer) -> None:
    assert json.loads(api.kubectl("get", "--raw", "/version"))["gitVersion"] == "v1.34.4"


def test_pods_can_be_made_without_controllers(api: ApiServer) -> None:
    assert api.kubectl("apply", "-f", "-", input=POD) == "pod/web created\n"


def test_restricted_namespaces_refuse_what_is_not(api: ApiServer) -> None:
    api.kubectl("create", "namespace", "strict")
    api.kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(CommandFailed) as refused:
        api.kubectl("apply", "-f", "-", input=POD.replace("default", "strict"))
    assert "violates PodSecurity" in refused.value.stderr


def test_requests_are_in_the_audit_log(api: ApiServer) -> None:
    api.kubectl("create", "configmap", "seen", "--from-literal=secret=hidden")
    until(lambda: any(line["objectRef"].get("name") == "seen" for line in audit(api) if line["verb"] == "create"))
    assert "hidden" not in api.audit_log.read_text()


def audit(api: ApiServer) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in api.audit_log.read_text().splitlines())
    return [line for line in lines if "objectRef" in line]


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_objects_survive_a_restart_of_each_component(api: ApiServer, component: str) -> None:
    api.kubectl("create", "configmap", f"before-{component}")
    api.restart(component)
    assert api.kubectl("get", "configmap", f"before-{component}", "-o", "name") == f"configmap/before-{component}\n"


def test_controllers_make_the_pods_of_jobs(tmp_path: Path) -> None:
    with ApiServer.start(tmp_path, controller_manager=True) as api:
        api.kubectl("apply", "-f", "-", input=JOB)
        until(lambda: "pod/once-" in api.kubectl("get", "pods", "-o", "name"))
        assert running(tmp_path) == ["kube-apiserver", "kube-controller-manager", "server"]
    assert running(tmp_path) == []


def test_a_component_that_ends_while_starting_is_named_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "etcd").write_text("not a folder")
    with pytest.raises(ClusterError, match=r"etcd ended\n(.|\n)*not a directory"):
        ApiServer.start(tmp_path)


RUN = """
import signal, sys
from pathlib import Path
from webaudit_cluster.apiserver import ApiServer
ApiServer.start(Path(sys.argv[1]))
print("up", flush=True)
signal.pause()
"""


def test_all_processes_end_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        assert running(tmp_path) == sorted(["kube-apiserver", "server", Path(sys.executable).name])
        run.kill()
    until(lambda: running(tmp_path) == [])
