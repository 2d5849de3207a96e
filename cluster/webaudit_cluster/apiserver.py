"""A Kubernetes API without nodes, for tests: etcd and kube-apiserver, on request with kube-controller-manager.

Starts in about three seconds on free ports below a folder of the caller's; the single-node cluster is in cluster.py.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from webaudit_cluster import controlplane, paths
from webaudit_cluster.controlplane import ControlPlane, Ports
from webaudit_cluster.daemons import Daemon, Daemons
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.kubectl import Client, CommandFailed
from webaudit_cluster.waiting import until

START_SECONDS = 60
PORT_TRIES = 3


class ApiServer:
    """A running API server. Its processes end with the thread that started it, also when that is killed.

    >>> with ApiServer.start(folder) as api:
    ...     api.kubectl("apply", "-f", "crds/")
    """

    def __init__(self, plane: ControlPlane, *, with_controllers: bool) -> None:
        """Use `start`."""
        self.plane = plane
        self.url = plane.url
        self.kubeconfig: Path = plane.folder / "kubeconfig"
        self.audit_log: Path = plane.audit_log
        self._client = Client(self.kubeconfig)
        self._daemons = Daemons(plane.folder, die_with_us=True)
        self._with_controllers = with_controllers

    @classmethod
    def start(cls, folder: Path, *, controller_manager: bool = False) -> Self:
        """Return when the API answers and the `default` namespace is there.

        Without the controller manager Jobs make no pods, owners' dependents are not collected, and pods need no
        service account. Raises ClusterError with the end of the log when it does not come up within a minute.
        """
        if not (paths.binaries() / "kube-apiserver").exists():
            raise ClusterError(
                "kube-apiserver is not built; run `PYTHONPATH=cluster python -m webaudit_cluster binaries`"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for last in (*([False] * (PORT_TRIES - 1)), True):
            server = cls(_plane(folder, controller_manager), with_controllers=controller_manager)
            try:
                server._bring_up()
            except BaseException as error:
                server.stop()
                # A free port may be taken by somebody else before the server binds it.
                taken = isinstance(error, ClusterError) and "address already in use" in str(error)
                if last or not taken:
                    raise
            else:
                return server
        raise AssertionError("unreachable")

    def kubectl(self, *arguments: str, input: str | None = None, timeout: float = 120) -> str:  # noqa: A002
        """Standard output of kubectl. Raises CommandFailed, whose `stderr` is what kubectl said."""
        return self._client.kubectl(*arguments, stdin=input, timeout=timeout)

    def restart(self, name: str) -> None:
        """Stop `etcd`, `kube-apiserver` or `kube-controller-manager`, start it again, wait until the API is ready."""
        self._daemons.stop([name])
        self._bring_up()

    def stop(self) -> None:
        """End all processes. The folder stays as it is; stopping twice is no error."""
        self._daemons.stop(["kube-controller-manager"], grace=0)
        self._daemons.stop(["kube-apiserver"], grace=0)
        self._daemons.stop(["etcd"], grace=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _bring_up(self) -> None:
        credentials = controlplane.issue_credentials(self.plane)
        self._daemons.ensure(controlplane.etcd(self.plane))
        server = controlplane.api_server(self.plane, credentials)
        self._daemons.ensure(server)
        until(lambda: self._ready(server), START_SECONDS, lambda: f"the API server is not ready\n{self._complaint()}")
        if self._with_controllers:
            self._daemons.ensure(controlplane.controller_manager(self.plane, credentials))
            until(self._can_make_pods, START_SECONDS, lambda: self._daemons.last_words("kube-controller-manager"))

    def _ready(self, server: Daemon) -> bool:
        for name in ("etcd", server.name):
            if not self._daemons.is_running(name):
                raise ClusterError(f"{name} ended\n{self._daemons.last_words(name)}")
        if not listens(self.plane.ports.api):
            return False
        with contextlib.suppress(CommandFailed):
            self._client.kubectl("get", "--raw", "/readyz")
            self._client.kubectl("get", "namespace", "default")
            return True
        return False

    def _can_make_pods(self) -> bool:
        with contextlib.suppress(CommandFailed):
            self._client.kubectl("get", "serviceaccount", "default", "--namespace=default")
            return True
        return False

    def _complaint(self) -> str:
        return self._daemons.last_words("kube-apiserver")


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != errno.ECONNREFUSED


def _plane(folder: Path, controller_manager: bool) -> ControlPlane:
    return ControlPlane(
        folder=folder,
        binaries=paths.binaries(),
        ports=Ports(*free_ports(5)),
        advertise="127.0.0.1",
        bind="127.0.0.1",
        service_cidr="10.202.0.0/16",
        pod_cidr="10.201.0.0/16",
        first_service_address="10.202.0.1",
        audit=True,
        service_accounts=controller_manager,
    )


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports that nobody listens on now; somebody may before the caller does."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
