"""The node's side: containerd, kubelet, kube-proxy; their configuration files and command lines. Starts nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from webaudit_cluster import controlplane, files, network
from webaudit_cluster.controlplane import ControlPlane, Credentials
from webaudit_cluster.daemons import Daemon
from webaudit_cluster.pki import Subject

NAME = "webaudit-local"
CGROUP = "webaudit-local"


@dataclass(frozen=True, slots=True)
class NodePorts:
    kubelet: int
    kubelet_health: int
    proxy_health: int
    proxy_metrics: int


@dataclass(frozen=True, slots=True)
class Node:
    """The single node, below the cluster's state folder."""

    plane: ControlPlane
    ports: NodePorts
    address: str
    pause_image: str

    @property
    def containerd_socket(self) -> Path:
        return self.plane.folder / "containerd.sock"

    @property
    def kubelet_folder(self) -> Path:
        """Pods' volumes, and seccomp profiles under `seccomp/`."""
        return self.plane.folder / "kubelet"

    @property
    def pod_logs(self) -> Path:
        return self.plane.folder / "pod-logs"


def containerd(node: Node) -> Daemon:
    """Writes its configuration."""
    folder = node.plane.folder
    cni = folder / "cni" / "net.d" / "10-webaudit.conflist"
    files.write(cni, json.dumps(network.cni_configuration(folder / "cni" / "networks"), indent=1))
    file = folder / "containerd.toml"
    files.write(
        file,
        f"""\
version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{node.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{node.pause_image}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni.parent}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{folder}/containerd/runc"
""",
    )
    return Daemon("containerd", ("containerd", f"--config={file}"), (file, cni))


def kubelet(node: Node, credentials: Credentials) -> Daemon:
    """Writes its configuration and kubeconfig."""
    plane = node.plane
    subject = Subject(f"system:node:{NAME}", group="system:nodes", hosts=(NAME,), addresses=(node.address, "127.0.0.1"))
    pair = credentials.authority.issue("kubelet", subject)
    own = controlplane.component_kubeconfig(plane, "kubelet")
    controlplane.write_kubeconfig(plane, credentials.authority, own, pair)
    file = plane.folder / "kubelet.yaml"
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "port": node.ports.kubelet,
        "healthzPort": node.ports.kubelet_health,
        "authentication": {
            "anonymous": {"enabled": False},
            "x509": {"clientCAFile": str(credentials.authority.files.certificate)},
            "webhook": {"enabled": True},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pair.certificate),
        "tlsPrivateKeyFile": str(pair.key),
        "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        # Its own root: a kubelet takes pods below its root that it does not know for leftovers and ends them.
        "cgroupRoot": f"/{CGROUP}",
        "clusterDNS": [network.DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "resolvConf": "",  # pods get no search domains of the machine
        "podLogsDir": str(node.pod_logs),
        "volumePluginDir": str(plane.folder / "volume-plugins"),
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "100Mi"},
        # Images come from the tree, not from a registry: one that is collected is gone.
        "imageGCHighThresholdPercent": 100,
        "maxPods": 200,
    }
    files.write(file, yaml.safe_dump(configuration, sort_keys=False))
    return Daemon(
        "kubelet",
        (
            str(plane.binaries / "kubelet"),
            f"--config={file}",
            f"--kubeconfig={own}",
            f"--root-dir={node.kubelet_folder}",
            f"--hostname-override={NAME}",
            f"--node-ip={node.address}",
        ),
        (file, own, pair.certificate),
    )


def kube_proxy(node: Node, credentials: Credentials) -> Daemon:
    """Writes its configuration and kubeconfig."""
    plane = node.plane
    own = controlplane.component_kubeconfig(plane, "kube-proxy")
    pair = credentials.authority.issue("kube-proxy", Subject("system:kube-proxy"))
    controlplane.write_kubeconfig(plane, credentials.authority, own, pair)
    file = plane.folder / "kube-proxy.yaml"
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(own)},
        "clusterCIDR": network.POD_CIDR,
        "healthzBindAddress": f"127.0.0.1:{node.ports.proxy_health}",
        "metricsBindAddress": f"127.0.0.1:{node.ports.proxy_metrics}",
        # Zero leaves the machine's own connection tracking settings alone.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
        # By default a Service refuses connections for up to a second after its pod is ready.
        "nftables": {"minSyncPeriod": "50ms"},
    }
    files.write(file, yaml.safe_dump(configuration, sort_keys=False))
    arguments = (str(plane.binaries / "kube-proxy"), f"--config={file}", f"--hostname-override={NAME}")
    return Daemon("kube-proxy", arguments, (file, own))
