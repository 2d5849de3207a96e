"""Building images without a registry: ordinary Dockerfiles with buildah, on a Debian base made here (debian.py).

All of buildah's storage lies in the cache folder. Which images there are, and when one is rebuilt, is in images.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from webaudit_cluster import debian, hostconfig, paths, shell
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Progress

DRIVER = "overlay"


def build(dockerfile: Path, context: Path, tags: Sequence[str], progress: Progress) -> None:
    """Build one image under all of `tags`. Layers that did not change are reused. Raises ClusterError."""
    needs_base = debian.is_base_of(dockerfile)
    if needs_base and _label(debian.NAME, debian.LABEL) != debian.recipe():
        _make_base(progress)
    command = [
        *("build", "--isolation=chroot", "--network=host", "--layers", "--force-rm", "--pull-never", "--format=oci"),
        *(hostconfig.write(paths.images() / "host").build_options() if needs_base else ()),
        *(f"--tag={tag}" for tag in tags),
        f"--file={dockerfile}",
        str(context),
    ]
    with progress.step(f"building {tags[-1]}") as line:
        _buildah(command, line)


def _make_base(progress: Progress) -> None:
    """Debian as a package manager makes it, under the name of the official image."""
    folder = paths.images()
    with progress.step("making the Debian base image") as line:
        root = debian.bootstrap(folder, hostconfig.write(folder / "host"), line)
        dockerfile = folder / "debian.Dockerfile"
        label = f"LABEL {debian.LABEL}={debian.recipe()}"
        dockerfile.write_text(f'FROM scratch\nADD {root.name} /\n{label}\nCMD ["bash"]\n')
        _buildah(["build", "--isolation=chroot", f"--tag={debian.NAME}", f"--file={dockerfile}", str(folder)], line)
        root.unlink()


def _label(tag: str, label: str) -> str | None:
    if not exists(tag):
        return None
    template = f'--format={{{{index .OCIv1.Config.Labels "{label}"}}}}'
    return shell.output([*_command(), "inspect", "--type=image", template, tag]).strip()


def exists(tag: str) -> bool:
    return shell.succeeds([*_command(), "inspect", "--type=image", tag])


def layout() -> Path:
    """The OCI layout that `export` writes to; all images share it, so that a layer lies there once."""
    return paths.images() / "layout"


def export(tag: str) -> dict[str, Any]:
    """Have the image in `layout()`, uncompressed; the descriptor of its manifest, as an OCI index holds it."""
    identity = shell.output([*_command(), "inspect", "--type=image", "--format={{.FromImageID}}", tag]).strip()
    found = _exported(identity)
    if found is None:
        # buildah's own push compresses all layers each time; skopeo writes those that are not there yet, as they are.
        source = f"containers-storage:[{DRIVER}@{_storage()}+{_run_root()}]@{identity}"
        target = f"oci:{layout()}:{identity}"
        shell.run(["skopeo", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers", source, target])
        found = _exported(identity)
    if found is None:
        raise ClusterError(f"{tag} did not arrive in {layout()}; delete that folder")
    return found


def _exported(identity: str) -> dict[str, Any] | None:
    index = layout() / "index.json"
    manifests = json.loads(index.read_text())["manifests"] if index.exists() else []
    for manifest in manifests:
        annotations = manifest.pop("annotations", {})
        if annotations.get("org.opencontainers.image.ref.name") == identity:
            return dict(manifest)
    return None


def _buildah(arguments: Sequence[str], line: Callable[[str], None] | None = None) -> None:
    # Without TMPDIR large temporary files would go to /var/tmp.
    temporary = paths.images() / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    shell.run([*_command(), *arguments], line=line, env={"TMPDIR": str(temporary), "BUILDAH_LAYERS": "true"})


def _command() -> list[str]:
    return ["buildah", f"--root={_storage()}", f"--runroot={_run_root()}", f"--storage-driver={DRIVER}"]


def _storage() -> Path:
    return paths.images() / "storage"


def _run_root() -> Path:
    return paths.images() / "run"
