"""A network of its own for one program: a namespace in which every address on earth is this machine.

Whatever the program connects to or sends to, public or private, IPv4 or IPv6, arrives at listeners inside the namespace
and nowhere else. It ends with the program. Needs root, util-linux and iproute2.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NAME_SERVER = "127.0.0.53"
INTERFACE = "outside"
_SETUP = f"""
set -eu
mount --make-rprivate /
printf 'nameserver {NAME_SERVER}\\noptions timeout:2 attempts:1\\n' > "$1/resolv.conf"
mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"
ip link set lo up
# An interface that is not the loopback: without one there is no WebRTC.
ip link add {INTERFACE} type veth peer name beyond
ip link set beyond up
ip address add 192.0.2.2/24 dev {INTERFACE}
ip address add 2001:db8::2/64 dev {INTERFACE} nodad
ip link set {INTERFACE} up
ip route add local default dev lo
ip -6 route add local default dev lo
shift
exec "$@"
"""


class NoNamespace(Exception):
    """The machine does not let us make one; the message is what it said."""


def run(module: str, *arguments: str, folder: Path, env: Mapping[str, str], timeout: float) -> str:
    """What `python -m module arguments` prints inside a namespace; its name server is at NAME_SERVER.

    `folder` is for what the namespace needs on disk. Raises NoNamespace, and CalledProcessError with the program's
    errors when it fails.
    """
    # The program is killed with us: nothing outlives a test that was interrupted.
    unshare = ("unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or str(error)
        raise NoNamespace(f"a network namespace can't be made here (root is needed): {told.strip()}") from error
    program = (sys.executable, "-m", module, *arguments)
    done = subprocess.run(
        [*unshare, "sh", "-c", _SETUP, "sh", str(folder), *program],
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode != 0:
        failed = subprocess.CalledProcessError(done.returncode, program, done.stdout, done.stderr)
        failed.add_note(done.stderr)
        raise failed
    return done.stdout
