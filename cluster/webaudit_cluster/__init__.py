"""A real Kubernetes on one machine, from package registries alone. See cluster/README.md."""

from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.cluster import Cluster
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.images import image_ref
from webaudit_cluster.kubectl import CommandFailed
from webaudit_cluster.locking import lock

__all__ = ["ApiServer", "Cluster", "ClusterError", "CommandFailed", "image_ref", "lock"]
