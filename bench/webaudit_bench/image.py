"""What an image weighs when it is pushed, and what that weight is made of. Reads layers; runs nothing."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

MEGABYTE = 1_000_000
_DPKG_LISTS = "var/lib/dpkg/info/"
_SITE_PACKAGES = "/site-packages/"
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Weight:
    """Compressed bytes of an image's layers, and of its parts: their sum differs a little, as each is packed alone."""

    compressed: int
    parts: dict[str, int]

    def parts_over(self, least: int) -> list[tuple[str, int]]:
        """The parts of at least so many bytes, heaviest first, and the rest of them as one."""
        heavy = sorted(((n, s) for n, s in self.parts.items() if s >= least), key=lambda part: -part[1])
        rest = sum(size for size in self.parts.values() if size < least)
        return [*heavy, ("all others together", rest)]


def weigh(layout: Path, manifest: dict[str, Any]) -> Weight:
    """The weight of an image in an OCI layout whose layers lie there uncompressed.

    Source: the OCI image layout specification.
    """
    blobs = layout / "blobs"
    described = json.loads((blobs / manifest["digest"].replace(":", "/")).read_bytes())
    layers = [blobs / layer["digest"].replace(":", "/") for layer in described["layers"]]
    owners = _owners(layers)
    whole = 0
    packers: dict[str, _Packer] = defaultdict(_Packer)
    for layer in layers:
        packed = _Packer()
        with layer.open("rb") as file:
            while data := file.read(MEGABYTE):
                packed.feed(data)
        whole += packed.close()
        for member, data in _files(layer):
            packer = packers[_part(member.name, owners)]
            packer.feed(member.tobuf())
            packer.feed(data)
    return Weight(whole, {part: packer.close() for part, packer in packers.items()})


class _Packer:
    """Counts what gzip at its usual level makes of a stream."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(wbits=31)
        self._size = 0

    def feed(self, data: bytes) -> None:
        self._size += len(self._zlib.compress(data))

    def close(self) -> int:
        return self._size + len(self._zlib.flush())


def _files(layer: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(layer, "r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            yield member, content.read() if content is not None else b""


def _owners(layers: list[Path]) -> dict[str, str]:
    """Which Debian package a path belongs to."""
    owners: dict[str, str] = {}
    for layer in layers:
        with tarfile.open(layer, "r:") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name.startswith(_DPKG_LISTS) and name.endswith(".list") and member.isreg():
                    package = PurePosixPath(name).stem.partition(":")[0]
                    content = archive.extractfile(member)
                    assert content is not None
                    for line in content.read().decode().splitlines():
                        owners.setdefault(_merged(line.strip("/")), package)
    return owners


def _merged(path: str) -> str:
    """As it lies on a Debian whose /bin and /lib are links into /usr."""
    top = path.partition("/")[0]
    return f"usr/{path}" if top in ("bin", "sbin", "lib", "lib64") else path


def _part(name: str, owners: dict[str, str]) -> str:
    path = _merged(name.removeprefix("./").strip("/"))
    if _SITE_PACKAGES in path:
        package = path.split(_SITE_PACKAGES)[1].split("/")[0].removesuffix(".libs")
        if path.endswith("playwright/driver/node"):
            return "Node.js of Playwright's driver"
        return f"Python: {package.partition('-')[0]}"
    if path in owners:
        return f"Debian: {owners[path]}"
    return f"/{path.partition('/')[0]}/{path.split('/')[1]}" if "/" in path else "/"
