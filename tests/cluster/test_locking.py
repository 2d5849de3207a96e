"""One user at a time, by name; those it started may join."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from webaudit_cluster import cluster, footprint, paths, teardown
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


def held_by() -> int | None:
    """What the lock says of itself."""
    text = Path(os.environ["WEBAUDIT_CACHE"], "cluster.lock").read_text()
    return int(text) if text else None


def test_a_second_user_is_told_which_process_has_it() -> None:
    with hold() as holder, pytest.raises(ClusterError, match=f"in use by process {holder.pid};"), lock():
        pass


def test_it_is_free_again_when_the_holder_is_killed() -> None:
    with hold() as holder:
        holder.kill()
    with lock():
        assert held_by() == os.getpid()
    assert held_by() is None


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
        assert held_by() == os.getpid()


@pytest.fixture
def other_checkout(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something that is not ours listens where our API server would."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(cluster, "PORTS", replace(cluster.PORTS, etcd=1, api=other.getsockname()[1]))
        yield


@pytest.mark.usefixtures("other_checkout")
def test_the_cluster_of_another_checkout_is_not_taken_for_ones_own() -> None:
    with pytest.raises(ClusterError, match="local cluster of another checkout"):
        cluster.Cluster()._check_ports()


@pytest.mark.usefixtures("other_checkout")
def test_a_cluster_that_is_down_leaves_the_machine_to_the_one_of_another_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teardown, "take_down", lambda *_: pytest.fail("it touched the machine"))
    ours = cluster.Cluster()
    ours.state.mkdir()
    ours.down()
    assert ours.state.exists()
    ours.down(purge=True)
    assert not ours.state.exists()


@pytest.mark.usefixtures("other_checkout")
def test_what_a_machine_that_was_restarted_left_of_a_cluster_is_no_leave_to_touch_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teardown, "take_down", lambda *_: pytest.fail("it touched the machine"))
    footprint.record(paths.cache() / "cluster.before.json")
    with pytest.raises(ClusterError, match="local cluster of another checkout"):
        cluster.Cluster().down()
