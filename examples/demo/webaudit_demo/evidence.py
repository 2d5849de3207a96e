"""The bucket's side: list a session's objects, copy them out, and check every artifact row against its object."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage
from rich.console import Console
from rich.table import Table
from rich.text import Text

from webaudit_demo.errors import DemoError
from webaudit_demo.install import BUCKET, BUCKET_PORT
from webaudit_demo.kube import Kube

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Object:
    """An object as the bucket holds it; `sha256` is computed from its bytes."""

    name: str
    size: int
    generation: int
    content_type: str
    sha256: str


def copy_out(kube: Kube, namespace: str, prefix: str, folder: Path) -> list[Object]:
    """Every object below the prefix, its bytes written to `folder` under the rest of its name.

    What the folder held before is removed. Raises DemoError when the bucket cannot be reached or the folder written.
    """
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return _copy(kube, namespace, prefix, folder)
    except (GoogleAPIError, OSError) as error:  # OSError: also what the client says of a connection that broke
        raise DemoError(f"the evidence was not copied to {folder}: {error}") from None


def _copy(kube: Kube, namespace: str, prefix: str, folder: Path) -> list[Object]:
    objects = []
    credentials = AnonymousCredentials()
    session = AuthorizedSession(credentials)
    session.trust_env = False  # a proxy for the web does not lead to this machine's loopback
    with kube.forwarded(namespace, "service/gcs", BUCKET_PORT) as port:
        client = storage.Client(
            project=namespace,
            credentials=credentials,
            _http=session,
            client_options=ClientOptions(api_endpoint=f"http://127.0.0.1:{port}"),
        )
        for blob in client.list_blobs(BUCKET, prefix=prefix):
            content = blob.download_as_bytes(raw_download=True)
            target = folder / blob.name.removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            objects.append(
                Object(blob.name, blob.size, blob.generation, blob.content_type, hashlib.sha256(content).hexdigest())
            )
    return objects


def faults(artifacts: Sequence[Row], objects: Sequence[Object]) -> list[str]:
    """Where a row and the bucket disagree, one sentence each."""
    by_name = {each.name: each for each in objects}
    found = []
    for row in artifacts:
        uri = row["storage_uri"]
        name, _, generation = uri.removeprefix(f"gs://{BUCKET}/").partition("#")
        held = by_name.get(name)
        if held is None:
            found.append(f"{uri} is not in the bucket")
            continue
        if str(held.generation) != generation:
            found.append(f"{uri} is recorded, generation {held.generation} is in the bucket")
        if held.size != row["size_bytes"]:
            found.append(f"{name} is recorded with {row['size_bytes']} bytes and has {held.size}")
        if row["checksum"] != f"sha256:{held.sha256}":
            found.append(f"{name} is recorded as {row['checksum']} and is sha256:{held.sha256}")
    return found


def show(objects: Sequence[Object], prefix: str, console: Console) -> None:
    console.print(f"gs://{BUCKET}/{prefix}", style="bold", soft_wrap=True, markup=False)
    table = Table(header_style="dim")
    table.add_column("object", overflow="fold")
    table.add_column("bytes", justify="right")
    table.add_column("generation")
    table.add_column("content type", overflow="fold")
    for each in objects:
        cells = (each.name.removeprefix(prefix), f"{each.size:,}", str(each.generation), each.content_type or "")
        table.add_row(*map(Text, cells))
    console.print(table)
