"""The control plane's command lines: etcd, API server, controller manager, scheduler. Pure: nothing is started here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster import files, kubeconfig
from webaudit_cluster.daemons import Daemon
from webaudit_cluster.pki import Authority, KeyPair, Subject

ISSUER = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True)
class Ports:
    etcd: int
    etcd_peer: int
    api: int
    controller_manager: int
    scheduler: int


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One control plane below `folder`; pods reach its API server at `advertise`."""

    folder: Path
    binaries: Path
    ports: Ports
    advertise: str
    bind: str
    service_cidr: str
    pod_cidr: str
    first_service_address: str
    audit: bool = False
    service_accounts: bool = True

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports.api}"

    @property
    def audit_log(self) -> Path:
        """One JSON line per request, without bodies: who asked for what, and the answer's code."""
        return self.folder / "log" / "audit.jsonl"


@dataclass(frozen=True, slots=True)
class Credentials:
    """All key pairs of a control plane; the authority signs further ones (kubelet, kube-proxy)."""

    authority: Authority
    server: KeyPair
    service_accounts: KeyPair
    admin: KeyPair
    controller_manager: KeyPair
    scheduler: KeyPair


def issue_credentials(plane: ControlPlane) -> Credentials:
    """Make what is missing or outdated, and write `kubeconfig` (administrator) and the components' own."""
    authority = Authority(plane.folder / "pki")
    server = Subject(
        "kube-apiserver",
        hosts=("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"),
        addresses=tuple(dict.fromkeys(("127.0.0.1", plane.advertise, plane.first_service_address))),
    )
    credentials = Credentials(
        authority=authority,
        server=authority.issue("kube-apiserver", server),
        service_accounts=authority.service_account_keys(),
        admin=authority.issue("admin", Subject("webaudit-admin", group="system:masters")),
        controller_manager=authority.issue("controller-manager", Subject("system:kube-controller-manager")),
        scheduler=authority.issue("scheduler", Subject("system:kube-scheduler")),
    )
    write_kubeconfig(plane, authority, plane.folder / "kubeconfig", credentials.admin)
    write_kubeconfig(
        plane, authority, component_kubeconfig(plane, "controller-manager"), credentials.controller_manager
    )
    write_kubeconfig(plane, authority, component_kubeconfig(plane, "scheduler"), credentials.scheduler)
    if plane.audit:
        files.write(_audit_policy(plane), AUDIT_POLICY)
    return credentials


def write_kubeconfig(plane: ControlPlane, authority: Authority, path: Path, user: KeyPair) -> None:
    kubeconfig.write(path, server=plane.url, authority=authority.files.certificate, user=user)


def component_kubeconfig(plane: ControlPlane, name: str) -> Path:
    return plane.folder / "pki" / f"{name}.kubeconfig"


def etcd(plane: ControlPlane) -> Daemon:
    client, peer = (f"http://127.0.0.1:{port}" for port in (plane.ports.etcd, plane.ports.etcd_peer))
    return Daemon(
        "etcd",
        (
            str(plane.binaries / "server"),  # the name its Go package gives it
            f"--data-dir={plane.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # a crash of the machine may lose the cluster, which is cheap to make again
            "--log-level=warn",
        ),
    )


def api_server(plane: ControlPlane, credentials: Credentials) -> Daemon:
    authority = credentials.authority.files.certificate
    arguments = [
        str(plane.binaries / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{plane.ports.etcd}",
        f"--secure-port={plane.ports.api}",
        f"--bind-address={plane.bind}",
        f"--advertise-address={plane.advertise}",
        f"--tls-cert-file={credentials.server.certificate}",
        f"--tls-private-key-file={credentials.server.key}",
        f"--client-ca-file={authority}",
        f"--service-account-key-file={credentials.service_accounts.certificate}",
        f"--service-account-signing-key-file={credentials.service_accounts.key}",
        f"--service-account-issuer={ISSUER}",
        f"--service-cluster-ip-range={plane.service_cidr}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={credentials.admin.certificate}",
        f"--kubelet-client-key={credentials.admin.key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged",
    ]
    inputs = [credentials.server.certificate, authority, credentials.service_accounts.certificate]
    if not plane.service_accounts:
        # Without a controller manager nobody makes the `default` accounts that pods are given.
        arguments.append("--disable-admission-plugins=ServiceAccount")
    if plane.audit:
        arguments += [
            f"--audit-policy-file={_audit_policy(plane)}",
            f"--audit-log-path={plane.audit_log}",
            "--audit-log-maxsize=100",
            "--audit-log-maxbackup=2",
        ]
        inputs.append(_audit_policy(plane))
    return Daemon("kube-apiserver", tuple(arguments), tuple(inputs))


def controller_manager(plane: ControlPlane, credentials: Credentials) -> Daemon:
    authority = credentials.authority.files
    own = component_kubeconfig(plane, "controller-manager")
    return Daemon(
        "kube-controller-manager",
        (
            str(plane.binaries / "kube-controller-manager"),
            f"--kubeconfig={own}",
            f"--secure-port={plane.ports.controller_manager}",
            "--bind-address=127.0.0.1",
            f"--root-ca-file={authority.certificate}",
            f"--service-account-private-key-file={credentials.service_accounts.key}",
            "--use-service-account-credentials",
            f"--cluster-signing-cert-file={authority.certificate}",
            f"--cluster-signing-key-file={authority.key}",
            "--allocate-node-cidrs",
            f"--cluster-cidr={plane.pod_cidr}",
            f"--service-cluster-ip-range={plane.service_cidr}",
            "--leader-elect=false",
        ),
        (own, authority.certificate, credentials.service_accounts.key),
    )


def scheduler(plane: ControlPlane) -> Daemon:
    own = component_kubeconfig(plane, "scheduler")
    return Daemon(
        "kube-scheduler",
        (
            str(plane.binaries / "kube-scheduler"),
            f"--kubeconfig={own}",
            f"--secure-port={plane.ports.scheduler}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
        ),
        (own,),
    )


def _audit_policy(plane: ControlPlane) -> Path:
    return plane.folder / "audit-policy.yaml"


AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/openapi/*"]
- level: None
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: Metadata
"""
