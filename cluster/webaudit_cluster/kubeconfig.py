"""Kubeconfig files: one cluster, one user, certificates inside the file."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from webaudit_cluster import files
from webaudit_cluster.pki import KeyPair


def write(path: Path, *, server: str, authority: Path, user: KeyPair, name: str = "webaudit-local") -> None:
    """Write `path`, readable by its owner only."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": _embed(authority)}}],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _embed(user.certificate),
                    "client-key-data": _embed(user.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    files.write(path, yaml.safe_dump(document, sort_keys=False), mode=0o600)


def _embed(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
