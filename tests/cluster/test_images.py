"""What an image is named after, and what containerd is sent."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from webaudit_cluster import containerd, images
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.images import Image

DOCKERFILE = """\
FROM scratch AS first
COPY a.txt \\
    folder ./
FROM scratch
# COPY not-this .
COPY --chown=1:1 script.sh /
COPY --from=first /x /y
"""


@pytest.fixture
def image(tmp_path: Path) -> Image:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "folder" / "deep" / "b.py").write_text("b")
    (tmp_path / "script.sh").write_text("s")
    (tmp_path / "elsewhere.txt").write_text("e")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(DOCKERFILE)
    return Image("x", dockerfile, tmp_path)


def test_copied_files_are_read_from_the_dockerfile() -> None:
    assert images.copied(DOCKERFILE) == ["a.txt", "folder", "script.sh"]


@pytest.mark.parametrize("changed", ["a.txt", "folder/deep/b.py", "script.sh", "Dockerfile"])
def test_a_changed_input_changes_the_name(image: Image, changed: str) -> None:
    before = images.inputs_hash(image)
    with (image.context / changed).open("a") as file:
        file.write("#")
    assert images.inputs_hash(image) != before


def test_a_file_that_is_moved_or_added_changes_the_name(image: Image) -> None:
    names = {images.inputs_hash(image)}
    (image.context / "folder" / "deep" / "b.py").rename(image.context / "folder" / "b.py")
    names.add(images.inputs_hash(image))
    (image.context / "folder" / "new").write_text("")
    names.add(images.inputs_hash(image))
    (image.context / "script.sh").chmod(0o755)
    names.add(images.inputs_hash(image))
    assert len(names) == 4


def test_what_no_copy_line_takes_does_not_change_the_name(image: Image) -> None:
    before = images.inputs_hash(image)
    (image.context / "elsewhere.txt").write_text("other")
    (image.context / "folder" / "__pycache__").mkdir()
    (image.context / "folder" / "__pycache__" / "b.cpython-311.pyc").write_text("x")
    (image.context / "a.txt").touch()
    assert images.inputs_hash(image) == before


def test_a_missing_input_is_named(image: Image) -> None:
    (image.context / "script.sh").unlink()
    with pytest.raises(ClusterError, match=r"script\.sh is named by a Dockerfile and is not there"):
        images.inputs_hash(image)


def test_a_reference_carries_twelve_digits_of_its_content() -> None:
    name, _, digits = images.image_ref("webaudit-postgres").rpartition("-")
    assert name == "localhost/webaudit-postgres:dev"
    assert len(digits) == 12
    assert int(digits, 16)


def test_an_unknown_image_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match=r'no image "webaudit"; there are webaudit-operator, webaudit-capture'):
        images.find("webaudit")


@pytest.fixture
def layout(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """An OCI layout with one image of two layers, and the descriptor of its manifest."""
    folder = tmp_path / "blobs" / "sha256"
    folder.mkdir(parents=True)
    content = {"config": {"digest": "sha256:config"}, "layers": [{"digest": "sha256:old"}, {"digest": "sha256:new"}]}
    for name in ("config", "old", "new"):
        (folder / name).write_text(name)
    (folder / "manifest").write_text(json.dumps(content))
    return tmp_path, {"digest": "sha256:manifest", "mediaType": "application/vnd.oci.image.manifest.v1+json"}


def test_a_layer_that_containerd_has_is_not_sent_again(layout: tuple[Path, dict[str, str]]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        containerd.write_archive(archive, *layout, ("localhost/x:1", "localhost/x:2"), {"sha256:old", "sha256:other"})
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        index = files["index.json"]
        assert index is not None
        named = [manifest["annotations"] for manifest in json.load(index)["manifests"]]
    assert sorted(name for name in files if name.startswith("blobs/")) == [
        "blobs/sha256/config",
        "blobs/sha256/manifest",
        "blobs/sha256/new",
    ]
    assert [next(iter(each.values())) for each in named] == ["localhost/x:1", "localhost/x:2"]


def test_containerds_listing_is_read_by_reference() -> None:
    listing = (
        "REF                TYPE                                       DIGEST       SIZE    PLATFORMS   LABELS\n"
        "localhost/x:dev-1  application/vnd.oci.image.manifest.v1+json sha256:aaaa  1.1 MiB linux/amd64 managed=yes\n"
    )
    assert containerd.parse_listing(listing) == {"localhost/x:dev-1": "sha256:aaaa"}
