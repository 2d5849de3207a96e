"""One user at a time, by name; those it started may join."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from webaudit_cluster import cluster
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.locking import lock

HOLD = "from webaudit_cluster.locking import lock\nwith lock():\n print('held', flush=True); input()"
TRY = "from webaudit_cluster.locking import lock\nwith lock(): print('held')"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBAUDIT_CACHE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def hold() -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_user_is_told_which_process_has_it() -> None:
    with hold() as holder, pytest.raises(ClusterError, match=f"in use by process {holder.pid};"), lock():
        pass


def test_it_is_free_again_when_the_holder_is_killed() -> None:
    with hold() as holder:
        holder.kill()
    with lock():
        pass


def test_waiting_gets_it_when_the_holder_ends() -> None:
    with hold() as holder:
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        with lock(wait=30):
            assert holder.wait(30) == 0


def test_a_process_started_by_the_holder_shares_it() -> None:
    with lock():
        nested = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TRY!r}])"]
        assert subprocess.run(nested, capture_output=True, text=True).stdout == "held\n"


def test_the_holder_itself_may_ask_again_and_keeps_it() -> None:
    with lock():
        with lock():
            pass
        assert Path(os.environ["WEBAUDIT_CACHE"], "cluster.lock").read_text() == str(os.getpid())


def test_the_cluster_of_another_checkout_is_not_taken_for_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = replace(cluster.PORTS, etcd=1, api=other.getsockname()[1])
        monkeypatch.setattr(cluster, "PORTS", taken)
        with pytest.raises(ClusterError, match="local cluster of another checkout"):
            cluster.Cluster()._check_ports()
