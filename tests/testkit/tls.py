"""A certificate for a test's own server, issued by an authority that nobody knows."""

from __future__ import annotations

import ssl
from pathlib import Path

from webaudit_cluster.pki import Authority, Subject


def server_context(folder: Path, name: str) -> ssl.SSLContext:
    """For a server that is called `name`; its key lies in `folder`."""
    files = Authority(folder / "tls").issue(name, Subject(name, hosts=(name,)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context
