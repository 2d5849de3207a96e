"""The single-node cluster: bringing it up, healing it, using it. Taking it down is in teardown.py.

`Cluster.acquire()` is the way in for tests and the demo; the command line is in __main__.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

import yaml

from webaudit_cluster import (
    apiserver,
    binaries,
    cgroups,
    controlplane,
    dns,
    footprint,
    images,
    network,
    node,
    packages,
    paths,
    shell,
    teardown,
)
from webaudit_cluster.containerd import Store
from webaudit_cluster.controlplane import ControlPlane, Credentials, Ports
from webaudit_cluster.daemons import Daemons
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.kubectl import Client, CommandFailed
from webaudit_cluster.locking import lock
from webaudit_cluster.node import Node, NodePorts
from webaudit_cluster.progress import Progress, Quiet
from webaudit_cluster.waiting import answers, until

# Off the usual ones, so that another cluster on the machine is not in the way; below the ranges that the kernel
# (32768 and up) and NodePorts (30000 and up) hand out.
PORTS = Ports(etcd=23790, etcd_peer=23800, api=26443, controller_manager=26257, scheduler=26259)
NODE_PORTS = NodePorts(kubelet=26250, kubelet_health=26248, proxy_health=26256, proxy_metrics=26249)

INFRASTRUCTURE = ("pause", "coredns")
READY_SECONDS = 90
PORT_SECONDS = 3
# Unix sockets below the state folder have room for 107 bytes.
LONGEST_STATE_PATH = 60


class Cluster:
    """The cluster of this cache folder; constructing it starts nothing."""

    def __init__(self) -> None:
        self.state: Path = paths.state()
        self.kubeconfig: Path = self.state / "kubeconfig"
        self.context = network.NAME
        self._client = Client(self.kubeconfig)
        self._daemons = Daemons(self.state)
        self._socket = self.state / "containerd.sock"
        self._store = Store(self._socket)
        self._footprint = paths.cache() / "cluster.before.json"
        self._made_by = self.state / "made-by"

    @classmethod
    @contextlib.contextmanager
    def acquire(
        cls,
        *,
        wait: float = 0,
        load: Iterable[str] = (),
        upstreams: Sequence[str] | None = None,
        owner: str = "",
        progress: Progress | None = None,
    ) -> Iterator[Self]:
        """A running cluster with the images `load`, locked for the block. It stays up afterwards.

        `wait` and who may share the lock: see `locking.lock`. Raises ClusterError.
        """
        with lock(wait=wait):
            cluster = cls()
            cluster.up(upstreams=upstreams, owner=owner, progress=progress)
            cluster.load(load, progress=progress)
            yield cluster

    # Using it

    def kubectl(self, *arguments: str, input: str | None = None, timeout: float = 120) -> str:  # noqa: A002
        """Standard output of kubectl. Raises CommandFailed, whose `stderr` is what kubectl said."""
        return self._client.kubectl(*arguments, stdin=input, timeout=timeout)

    def helm(self, *arguments: str, input: str | None = None, timeout: float = 600) -> str:  # noqa: A002
        """Standard output of helm. Raises CommandFailed."""
        return self._client.helm(*arguments, stdin=input, timeout=timeout)

    def load(self, names: Iterable[str], *, progress: Progress | None = None) -> dict[str, str]:
        """Build what changed, give the node what it lacks; name -> reference by content, for manifests."""
        progress = progress or Quiet()
        references = images.build(names, progress)
        images.load(references, self._store, progress)
        return references

    @property
    def machine_address(self) -> str:
        """Where pods reach servers on this machine that listen on all interfaces."""
        return network.machine_address()

    @property
    def audit_log(self) -> Path:
        """The API server's: one JSON line per request, without bodies."""
        return self._plane().audit_log

    @property
    def seccomp_profiles(self) -> Path:
        """Where the kubelet looks for `Localhost` profiles."""
        return self.state / "kubelet" / "seccomp"

    # Its life

    def up(
        self, *, upstreams: Sequence[str] | None = None, owner: str = "", progress: Progress | None = None
    ) -> tuple[str, ...]:
        """Have it running and ready, whatever state it is in; about a second when it is.

        `upstreams` answer names from outside; None asks the machine, () refuses them all. Returns those in use.
        `owner` is remembered if it is this call that brings it up: see `started_by` and `made_by`.
        Hold the lock. Raises ClusterError: no root, packages or Go missing, a component that does not come up.
        """
        progress = progress or Quiet()
        self._check_possible()
        binaries.check_buildable()
        packages.ensure(["cluster"], progress)
        binaries.ensure(progress)
        self._check_ports()
        if self.claim(owner):
            teardown.clear_ground()
        plane = self._plane()
        references = images.build(INFRASTRUCTURE, progress)
        machine = Node(plane, NODE_PORTS, plane.advertise, references["pause"])
        upstreams = dns.host_upstreams() if upstreams is None else tuple(upstreams)
        with progress.step("starting Kubernetes") as line:
            line("control plane")
            credentials = self._start_control_plane(plane, machine)
            line("node")
            self._start_node(machine, credentials, references, progress)
            line("cluster DNS")
            self._start_dns(references["coredns"], upstreams)
            self._check_all_run()
        return tuple(upstreams)

    def down(self, *, purge: bool = False) -> None:
        """Stop it and undo what it did to the machine; with `purge` also delete its state folder.

        Hold the lock. A cluster that is down already is left as it is, and so is the one of another checkout, whose
        bridge, tables and control group have the same names. Raises ClusterError.
        """
        if os.geteuid() != 0:
            raise ClusterError("the local cluster runs as root; become root to take it down", exit_code=2)
        if self._footprint.exists():  # from before `up` touches the machine until all is undone
            self._check_ports()
            teardown.take_down(self.state, self._socket, self._footprint)
        if purge and self.state.exists():
            shutil.rmtree(self.state)

    def claim(self, owner: str) -> bool:
        """The first step of `up`, before it touches the machine: whose the cluster is. False when it is up already."""
        if not footprint.record(self._footprint, owner):
            return False
        if owner and (self.made_by == owner or not self.state.exists()):
            self.state.mkdir(parents=True, exist_ok=True, mode=0o755)
            self._made_by.write_text(owner)
        else:  # who goes on with somebody's data shares them
            self._made_by.unlink(missing_ok=True)
        return True

    @property
    def started_by(self) -> str | None:
        """The owner that brought it up, perhaps ""; None when it is down."""
        return footprint.owner_of(self._footprint)

    @property
    def made_by(self) -> str:
        """The owner that alone has put data into it; "" for nobody in particular."""
        return self._made_by.read_text() if self._made_by.exists() else ""

    def restart(self, name: str) -> None:
        """Stop one component (`etcd`, `kube-apiserver`, `kubelet`, ...) and bring the cluster back to ready."""
        self.stop(name)
        self.up(upstreams=self.upstreams())

    def stop(self, name: str) -> None:
        """Stop one component; `up` starts it again."""
        if name not in self._daemons.names():
            raise ClusterError(f'no component "{name}" runs; there are {", ".join(self._daemons.names())}')
        self._daemons.stop([name])

    def upstreams(self) -> tuple[str, ...]:
        """What the running cluster DNS asks for names from outside."""
        found = self._client.kubectl("get", "configmap", "coredns", "--namespace=kube-system", "--output=json")
        corefile = json.loads(found)["data"]["Corefile"]
        lines = (line.split() for line in corefile.splitlines())
        return next((tuple(words[2:]) for words in lines if words[:2] == ["forward", "."]), ())

    def components(self) -> dict[str, bool]:
        """Every component that was started, and whether it runs."""
        return {name: self._daemons.is_running(name) for name in self._daemons.names()}

    # Steps of `up`

    def _check_possible(self) -> None:
        if os.geteuid() != 0:
            raise ClusterError(
                "bringing up the local cluster needs root (containers, mounts, network); become root, or use a "
                "cluster you have with CONTEXT=name",
                exit_code=2,
            )
        if len(str(self.state)) > LONGEST_STATE_PATH:
            raise ClusterError(
                f"{self.state} is too long a path for the sockets below it; set WEBAUDIT_CACHE to a shorter one",
                exit_code=2,
            )

    def _check_ports(self) -> None:
        """A second cluster would take the first one's bridge and tables for its own: refuse before touching them."""
        for component, port in (("etcd", PORTS.etcd), ("kube-apiserver", PORTS.api)):
            if not self._daemons.is_running(component):
                # One of ours that was killed just now may still be letting go of it.
                until(
                    lambda port=port: not answers(port),  # type: ignore[misc]
                    PORT_SECONDS,
                    f"port {port} is taken, most likely by the local cluster of another checkout; "
                    "take that one down first (`make demo-down` or `make cluster-down` there)",
                )

    def _plane(self) -> ControlPlane:
        return ControlPlane(
            folder=self.state,
            binaries=paths.binaries(),
            ports=PORTS,
            advertise=network.machine_address(),
            bind="0.0.0.0",
            service_cidr=network.SERVICE_CIDR,
            pod_cidr=network.POD_CIDR,
            first_service_address=network.API_SERVICE,
            audit=True,
        )

    def _start_control_plane(self, plane: ControlPlane, machine: Node) -> Credentials:
        self.state.mkdir(parents=True, exist_ok=True, mode=0o755)
        credentials = controlplane.issue_credentials(plane)
        self._daemons.ensure(controlplane.etcd(plane))
        self._daemons.ensure(controlplane.api_server(plane, credentials))
        self._daemons.ensure(node.containerd(machine))  # meanwhile
        self._await("kube-apiserver", self._api_answers)
        self._daemons.ensure(controlplane.controller_manager(plane, credentials))
        self._daemons.ensure(controlplane.scheduler(plane))
        return credentials

    def _start_node(
        self, machine: Node, credentials: Credentials, references: dict[str, str], progress: Progress
    ) -> None:
        network.set_up()
        cgroups.make(node.CGROUP)
        ctr = ["ctr", f"--address={self._socket}", "version"]
        self._await("containerd", lambda: shell.succeeds(ctr))
        images.load(references, self._store, progress)
        self._daemons.ensure(node.kubelet(machine, credentials))
        self._daemons.ensure(node.kube_proxy(machine, credentials))
        self._await("kubelet", self._node_is_ready)

    def _start_dns(self, image: str, upstreams: Sequence[str]) -> None:
        documents = dns.manifest(image, upstreams)
        digest = dns.manifest_hash(documents)
        if not self._dns_is_ready(digest):
            apply = ("apply", "--server-side", "--force-conflicts", "--filename=-")
            self._client.kubectl(*apply, stdin=yaml.safe_dump_all(documents))
            self._await("kubelet", lambda: self._dns_is_ready(digest))

    def _check_all_run(self) -> None:
        """The scheduler, for one, is not waited for by anything above."""
        for name, running in self.components().items():
            if not running:
                raise ClusterError(f"{name} ended:\n{self._daemons.last_words(name)}")

    def _await(self, name: str, condition: Callable[[], bool]) -> None:
        """Wait for `condition` with the daemon's log as the complaint, at once when the daemon ends."""

        def holds() -> bool:
            if not self._daemons.is_running(name):
                raise ClusterError(f"{name} ended:\n{self._daemons.last_words(name)}")
            return condition()

        until(holds, READY_SECONDS, lambda: f"{name} is not ready:\n{self._daemons.last_words(name)}")

    def _api_answers(self) -> bool:
        if not apiserver.listens(PORTS.api):
            return False
        with contextlib.suppress(CommandFailed):
            self._client.kubectl("get", "--raw", "/readyz")
            return True
        return False

    def _node_is_ready(self) -> bool:
        """By the present kubelet's word: what an earlier one said stays in etcd."""
        listing = json.loads(self._client.kubectl("get", "nodes", "--output=json"))
        conditions = [each for item in listing["items"] for each in item["status"].get("conditions", [])]
        return any(
            condition["type"] == "Ready"
            and condition["status"] == "True"
            # The API's times have no fractions of a second.
            and datetime.fromisoformat(condition["lastHeartbeatTime"])
            >= self._daemons.started_at("kubelet").replace(microsecond=0)
            for condition in conditions
        )

    def _dns_is_ready(self, digest: str) -> bool:
        """This manifest rolled out, and its Service accepts connections."""
        arguments = ("get", "deployments", "--namespace=kube-system", "--output=json")
        for item in json.loads(self._client.kubectl(*arguments))["items"]:
            annotations = item["spec"]["template"]["metadata"].get("annotations", {})
            status = item["status"]
            if (
                annotations.get(dns.HASH) == digest
                and status.get("observedGeneration") == item["metadata"]["generation"]
                and status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == 1
            ):
                return dns.listens(network.DNS_SERVICE)
        return False
