"""The images containerd has for Kubernetes: what is there, and giving it what is not, without what it has already."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from webaudit_cluster import shell
from webaudit_cluster.errors import ClusterError

# What `ctr images import` calls the image.
_NAME = "io.containerd.image.name"


class Store:
    """The Kubernetes namespace of the containerd behind this socket."""

    def __init__(self, socket: Path) -> None:
        self._ctr = ["ctr", f"--address={socket}", "--namespace=k8s.io"]

    def images(self) -> dict[str, str]:
        """Reference -> digest of the manifest."""
        return parse_listing(shell.output([*self._ctr, "images", "ls"]))

    def load(self, layout: Path, manifest: dict[str, Any], references: Iterable[str]) -> None:
        """Import from an OCI layout the image of this manifest descriptor, under all `references`.

        Layers that containerd has are left out of what is sent: a change of code costs its own layer.
        """
        present = set(shell.output([*self._ctr, "content", "ls", "--quiet"]).split())
        importing = subprocess.Popen(
            [*self._ctr, "images", "import", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert importing.stdin is not None
        assert importing.stdout is not None
        with importing:
            try:
                with tarfile.open(fileobj=importing.stdin, mode="w|") as archive:
                    write_archive(archive, layout, manifest, references, present)
                importing.stdin.close()
            except BrokenPipeError:
                pass  # it ended early, and says below why
            said = importing.stdout.read().decode(errors="replace")
        if importing.returncode != 0:
            raise ClusterError(f"containerd did not take {', '.join(references)}: {said.strip()}")


def write_archive(
    archive: tarfile.TarFile, layout: Path, manifest: dict[str, Any], references: Iterable[str], present: set[str]
) -> None:
    """An OCI image archive of one manifest, without the blobs that are `present`."""
    index = {
        "schemaVersion": 2,
        "manifests": [{**manifest, "annotations": {_NAME: reference}} for reference in references],
    }
    _add(archive, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
    for digest in blobs(layout, manifest):
        if digest not in present:
            archive.add(_blob(layout, digest), arcname=f"blobs/{digest.replace(':', '/')}")
    _add(archive, "index.json", json.dumps(index).encode())


def blobs(layout: Path, manifest: dict[str, Any]) -> list[str]:
    """The manifest's own digest, its configuration's and its layers'."""
    content = json.loads(_blob(layout, manifest["digest"]).read_bytes())
    return [manifest["digest"], content["config"]["digest"], *(layer["digest"] for layer in content["layers"])]


def parse_listing(listing: str) -> dict[str, str]:
    """From `ctr images ls`: REF TYPE DIGEST SIZE PLATFORMS LABELS."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {row[0]: row[2] for row in rows}


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
