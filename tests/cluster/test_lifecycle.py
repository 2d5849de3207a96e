"""The local cluster from nothing to pods, healed when hurt, and gone without a trace: on this very machine.

What others had in the cluster is there again afterwards; the cluster is left up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.waiting import until
from webaudit_cluster import network, node, paths
from webaudit_cluster.cluster import Cluster
from webaudit_cluster.kubectl import CommandFailed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAMESPACE = "webaudit-kit-test"
COMPONENTS = (
    "containerd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
)
FOLDERS = ("/run/netns", "/run/containerd/s", "/var/lib/cni/results", "/var/log/containers", "/var/lib/kubelet")

RESTRICTED = """
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: main
        image: IMAGE
        command: [python, -c, "CODE"]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
"""
SERVER = (
    """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
"""
    + RESTRICTED.replace("CODE", "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000)")
    + """
        workingDir: /usr/share
        readinessProbe: {httpGet: {path: /, port: 8000}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8000}]}
"""
)
JOB = (
    """
apiVersion: batch/v1
kind: Job
metadata: {name: NAME}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
"""
    + RESTRICTED
)
# A kubelet that was started again probes its pods anew: until it has, a Service may have no endpoint.
FETCH = """
import time, urllib.request
end = time.monotonic() + 40
while True:
    try:
        print(urllib.request.urlopen('http://web/', timeout=5).status)
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.2)
"""
LOOK_UP = """
import socket
for name in ('kubernetes.default', 'a.nowhere.example', 'nxdomain.test', 'www.nxdomain-7.test', 'shop.nxdomain.test'):
    try:
        print(name, socket.gethostbyname(name))
    except socket.gaierror as error:
        print(name, 'no such host' if error.errno == socket.EAI_NONAME else error)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster.acquire(wait=600, upstreams=(), load=["webaudit-operator"]) as cluster:
        yield cluster
        cluster.up(upstreams=())  # also when a test failed with the cluster down


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> str:
    return cluster.load(["webaudit-operator"])["webaudit-operator"]


@pytest.fixture(scope="module")
def web(cluster: Cluster, image: str) -> Iterator[str]:
    """A Service with a pod, in a namespace that enforces the restricted standard."""
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s")  # of a run that was killed
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    apply(cluster, SERVER.replace("IMAGE", image))
    cluster.kubectl("rollout", "status", "deployment/web", f"--namespace={NAMESPACE}", "--timeout=60s")
    yield NAMESPACE
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")


def apply(cluster: Cluster, manifest: str) -> None:
    cluster.kubectl("apply", f"--namespace={NAMESPACE}", "--filename=-", input=manifest)


def run_job(cluster: Cluster, name: str, image: str, code: str) -> str:
    """What a Job that completes printed."""
    script = json.dumps(code)[1:-1]
    apply(cluster, JOB.replace("NAME", name).replace("IMAGE", image).replace("CODE", script))
    cluster.kubectl("wait", f"--namespace={NAMESPACE}", "--for=condition=Complete", f"job/{name}", "--timeout=60s")
    return cluster.kubectl("logs", f"--namespace={NAMESPACE}", f"job/{name}")


def test_a_job_reaches_a_service_by_its_name(cluster: Cluster, web: str, image: str) -> None:
    assert run_job(cluster, "fetch", image, FETCH) == "200\n"


def test_names_that_are_nobodys_do_not_exist(cluster: Cluster, web: str, image: str) -> None:
    answers = dict(line.split(" ", 1) for line in run_job(cluster, "look-up", image, LOOK_UP).splitlines())
    assert answers.pop("kubernetes.default") == network.API_SERVICE
    assert set(answers.values()) == {"no such host"}


def test_a_pod_that_asks_for_too_much_is_refused(cluster: Cluster, web: str, image: str) -> None:
    greedy = f"--overrides={json.dumps({'spec': {'hostNetwork': True}})}"
    with pytest.raises(CommandFailed) as refused:
        cluster.kubectl("run", "greedy", f"--image={image}", f"--namespace={NAMESPACE}", greedy)
    assert "violates PodSecurity" in refused.value.stderr


def test_up_on_a_healthy_cluster_starts_nothing(cluster: Cluster) -> None:
    before = processes(cluster)
    cluster.up(upstreams=())
    assert processes(cluster) == before


@pytest.mark.parametrize("victims", [("etcd", "kubelet"), ("containerd",), COMPONENTS])
def test_killed_components_are_started_again_and_pods_survive(
    cluster: Cluster, web: str, image: str, victims: tuple[str, ...]
) -> None:
    before, pods = processes(cluster), pods_of(cluster)
    for victim in victims:
        os.kill(before[victim], signal.SIGKILL)
    until(lambda: not any(cluster.components()[victim] for victim in victims))
    cluster.up(upstreams=())
    after = processes(cluster)
    assert {name for name in COMPONENTS if before[name] != after[name]} == set(victims)
    assert pods_of(cluster) == pods
    assert run_job(cluster, f"after-{len(victims)}", image, FETCH) == "200\n"


def test_down_leaves_nothing_and_up_brings_everything_back(cluster: Cluster, web: str, image: str) -> None:
    cluster.down()
    first = machine()
    assert cluster.components() == {}
    assert network.BRIDGE not in first["links"]
    assert not [point for point in first["mounts"] if point.startswith(str(paths.cache()))]
    assert not [table for table in first["tables"] if "kube" in table or network.NAME in table]
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{node.CGROUP}"))
    assert not [line for line in command_lines() if str(cluster.state) in line]

    cluster.down()
    assert machine() == first, "a second time does nothing"

    # As a cluster leaves it whose checkout was deleted while it was up.
    output(["ip", "link", "add", network.BRIDGE, "type", "bridge"])
    output(["ip", "link", "add", "stale0", "type", "veth", "peer", "name", "stale1"])
    output(["ip", "link", "set", "stale0", "master", network.BRIDGE])
    cluster.up(upstreams=())
    assert not [link for link in machine()["links"] if link.startswith("stale")]
    cluster.kubectl("rollout", "status", "deployment/web", f"--namespace={NAMESPACE}", "--timeout=60s")
    assert run_job(cluster, "after-down", image, FETCH) == "200\n"

    cluster.down()
    assert machine() == first
    cluster.up(upstreams=())


def processes(cluster: Cluster) -> dict[str, int]:
    return {path.stem: json.loads(path.read_text())["pid"] for path in (cluster.state / "run").glob("*.json")}


def pods_of(cluster: Cluster) -> str:
    """The namespace's serving pods by uid, with the number of times their container was started again."""
    columns = "--output=custom-columns=UID:.metadata.uid,RESTARTS:.status.containerStatuses[0].restartCount"
    return cluster.kubectl("get", "pods", f"--namespace={NAMESPACE}", "--selector=app=web", columns)


def machine() -> dict[str, list[str]]:
    """What `down` must leave as it was."""
    rules = {
        "links": ["ip", "-oneline", "-brief", "link"],
        "tables": ["nft", "list", "tables"],
    }
    found = {
        name: sorted(line.split("@")[0].split(" ")[0] if name == "links" else line for line in output(command))
        for name, command in rules.items()
    }
    found["mounts"] = sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    for folder in (
        "/run/netns",
        "/run/containerd/s",
        "/var/lib/cni/results",
        "/var/log/containers",
        "/var/lib/kubelet",
    ):
        path = Path(folder)
        found[folder] = sorted(child.name for child in path.iterdir()) if path.exists() else ["(not there)"]
    for setting in ("net/ipv4/ip_forward", "vm/overcommit_memory", "kernel/panic"):
        found[setting] = [Path("/proc/sys", setting).read_text()]
    return found


def output(command: list[str]) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def command_lines() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().decode(errors="replace").replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
