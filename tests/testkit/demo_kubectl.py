"""A kubectl for the demo's driver where there is no cluster: a program that a test writes.

What it stands for is the way to the database's pod, or a kubectl that has something to complain about.
"""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path

from testkit.postgres import BIN, PASSWORD, USER, PostgresServer
from webaudit_demo.kube import Kube


def kubectl_that(folder: Path, script: str) -> Kube:
    """A Kube whose kubectl is this shell script."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Kube(kubectl=(str(program),), helm=("false",))


def kubectl_with_database(folder: Path, server: PostgresServer) -> Kube:
    """`exec ... -- psql ...` runs the real psql on the server; its Service and Secret are there; `apply` takes all."""
    secret = {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": PASSWORD}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.items()}
    answers = {"service": {"spec": {"clusterIP": "127.0.0.1"}}, "secret": {"data": data}}
    cases = "\n".join(f"'get {kind}') echo {shlex.quote(json.dumps(it))}; exit ;;" for kind, it in answers.items())
    return kubectl_that(
        folder,
        f"""
case "$1 $2" in
{cases}
apply*) cat >/dev/null; exit ;;
esac
while [ "$1" != -- ]; do shift; done
shift
export PATH={BIN}:$PATH PGHOST=127.0.0.1 PGPORT={server.port} PGPASSWORD={shlex.quote(PASSWORD)}
exec "$@"
""",
    )
