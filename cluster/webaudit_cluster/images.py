"""The images of this project: what each is made of, its name by content, building and loading it into the cluster."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster import binaries, debian, imagebuild, mounts, paths
from webaudit_cluster.containerd import Store
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.locking import hold
from webaudit_cluster.progress import Progress

REGISTRY = "localhost"
MOVING_TAG = "dev"
BUILD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Image:
    """`context` is what the Dockerfile's COPY lines are relative to."""

    name: str
    dockerfile: Path
    context: Path
    uses_binaries: bool = False


def catalogue() -> dict[str, Image]:
    repository, kit, built = paths.REPOSITORY, paths.KIT / "images", paths.binaries()
    images = (
        Image("webaudit-operator", repository / "operator/Dockerfile", repository),
        Image("webaudit-capture", repository / "capture-image/Dockerfile", repository),
        Image("webaudit-postgres", kit / "postgres/Dockerfile", kit / "postgres"),
        Image("fake-gcs-server", kit / "fake-gcs-server/Dockerfile", built, uses_binaries=True),
        Image("coredns", kit / "coredns/Dockerfile", built, uses_binaries=True),
        Image("pause", kit / "pause/Dockerfile", Path("/bin")),
    )
    return {image.name: image for image in images}


def find(name: str) -> Image:
    try:
        return catalogue()[name]
    except KeyError:
        raise ClusterError(f'there is no image "{name}"; there are {", ".join(catalogue())}', exit_code=2) from None


def image_ref(name: str) -> str:
    """The image's reference in the cluster, by the content it is built from: `localhost/NAME:dev-<12 hex digits>`.

    It changes with the Dockerfile and every file that is copied, so that a Deployment that names it rolls.
    """
    return f"{moving_ref(name)}-{inputs_hash(find(name))[:12]}"


def inputs_hash(image: Image) -> str:
    """Over the Dockerfile, the base it stands on, and the files its COPY lines take, by path and content."""
    digest = hashlib.sha256(image.dockerfile.read_bytes())
    if debian.is_base_of(image.dockerfile):
        digest.update(debian.recipe().encode())
    for source in copied(image.dockerfile.read_text()):
        for path in _files(image.context / source):
            digest.update(f"\0{path.relative_to(image.context)}\0{path.stat().st_mode & 0o111:o}\0".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def copied(dockerfile: str) -> list[str]:
    """The sources of COPY and ADD lines, without those that come from another stage."""
    sources = []
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0].upper() in ("COPY", "ADD") and not any(word.startswith("--from=") for word in words):
            sources += [word for word in words[1:-1] if not word.startswith("--")]
    return sources


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if child.name != "__pycache__" and child.suffix != ".pyc":
                yield from _files(child)
    else:
        raise ClusterError(f"{path} is named by a Dockerfile and is not there")


def build(names: Iterable[str], progress: Progress) -> dict[str, str]:
    """Build those whose inputs changed since; name -> reference. The moving tag `:dev` follows.

    A reference is taken before its build: files changed meanwhile are in the next one.
    """
    references = {}
    for name in names:
        image = find(name)
        if image.uses_binaries:
            binaries.ensure(progress)
        references[name] = image_ref(name)
        with _builder():
            if not imagebuild.exists(references[name]):
                imagebuild.build(image.dockerfile, image.context, (moving_ref(name), references[name]), progress)
    return references


@contextlib.contextmanager
def _builder() -> Iterator[None]:
    """One build or export at a time; the next waits for it. What a failed or killed one left mounted goes."""
    with hold(paths.images() / "lock", "the image builder", BUILD_SECONDS):
        try:
            yield
        finally:
            mounts.unmount(paths.images())


def moving_ref(name: str) -> str:
    return f"{REGISTRY}/{name}:{MOVING_TAG}"


def load(references: Mapping[str, str], store: Store, progress: Progress) -> None:
    """Of what `build` returned, give containerd what it lacks or has another build of."""
    present = store.images()
    for name, reference in references.items():
        with _builder():
            manifest = imagebuild.export(reference)
        if present.get(reference) == manifest["digest"]:
            continue
        with progress.step(f"loading {reference}"):
            store.load(imagebuild.layout(), manifest, (reference, moving_ref(name)))
