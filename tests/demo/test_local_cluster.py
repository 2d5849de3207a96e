"""What `down` takes away and what it leaves, told apart by what runs and what was remembered. No cluster runs here:
plain processes stand for its components, scripts for kubectl and helm.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from rich.console import Console

from webaudit_cluster import paths
from webaudit_cluster.cluster import Cluster
from webaudit_cluster.daemons import Daemon, Daemons
from webaudit_demo import evershop, platform
from webaudit_demo.__main__ import conclude, down

A_PROCESS = ("sleep", "600")
NAMESPACE = '{"metadata": {"labels": {"app.kubernetes.io/part-of": "webaudit-demo"}}}'


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Of a cache folder of its own; nothing of it runs. The test counts as root."""
    monkeypatch.setenv("WEBAUDIT_CACHE", str(tmp_path / "a cache"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return Cluster()


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Instead of taking a cluster down, which is the end-to-end suite's: whether its data were to go as well."""
    calls: list[bool] = []
    monkeypatch.setattr(Cluster, "down", lambda self, *, purge=False: calls.append(purge))
    return calls


@pytest.fixture
def component(cluster: Cluster) -> Iterator[None]:
    """One component that runs."""
    daemons = Daemons(cluster.state, die_with_us=True)
    daemons.ensure(Daemon("etcd", A_PROCESS))
    yield
    daemons.stop(["etcd"])


@pytest.fixture
def running_shop(cluster: Cluster) -> Iterator[None]:
    """A process under EverShop's name."""
    daemons = Daemons(evershop.home(), die_with_us=True)
    daemons.ensure(Daemon("evershop", A_PROCESS))
    yield
    daemons.stop(["evershop"])


def goes_down() -> None:
    """As `make cluster-down` leaves it: data, and no record of the machine from before."""
    (paths.cache() / "cluster.before.json").unlink()


def a_program(name: str, script: str) -> None:
    paths.binaries().mkdir(parents=True, exist_ok=True)
    file = paths.binaries() / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_what_the_demo_brought_up_from_nothing_goes_with_its_data(cluster: Cluster, stopped: list[bool]) -> None:
    cluster.claim(platform.OWNER)
    cluster.claim(platform.OWNER)  # a second run
    assert platform.local_down()
    assert stopped == [True]


def test_what_the_demo_left_in_a_cluster_that_is_down_goes_too(cluster: Cluster) -> None:
    cluster.claim(platform.OWNER)
    goes_down()
    assert platform.local_down()
    assert not cluster.state.exists()
    assert not platform.local_down()


def test_a_cluster_that_was_up_before_is_not_stopped(cluster: Cluster, stopped: list[bool]) -> None:
    cluster.claim("")
    cluster.claim(platform.OWNER)  # also after the machine was restarted in between: the record is still there
    assert not platform.local_down()
    assert stopped == []


def test_one_that_somebody_brought_up_on_the_demos_data_is_theirs(cluster: Cluster, stopped: list[bool]) -> None:
    cluster.claim(platform.OWNER)
    goes_down()
    cluster.claim("")
    assert not platform.local_down()
    assert stopped == []


def test_one_that_the_demo_brought_up_on_somebodys_data_is_stopped_and_keeps_them(
    cluster: Cluster, stopped: list[bool]
) -> None:
    cluster.claim("")
    cluster.state.mkdir()
    goes_down()
    cluster.claim(platform.OWNER)
    assert platform.local_down()
    assert stopped == [False]


def test_the_data_of_somebody_elses_cluster_stay(cluster: Cluster) -> None:
    cluster.state.mkdir(parents=True)
    assert not platform.local_down()
    assert cluster.state.exists()


@pytest.mark.usefixtures("component")
def test_from_somebody_elses_cluster_only_the_demo_is_removed(cluster: Cluster) -> None:
    done = paths.cache() / "done"
    a_program(
        "kubectl",
        f"""shift  # --cache-dir
case "$*" in
"get namespace webaudit-demo "*) echo '{NAMESPACE}' ;;
get*) echo 'Error from server (NotFound): ...' >&2; exit 1 ;;
*) echo "$*" >> '{done}' ;;
esac""",
    )
    a_program("helm", "echo 'Error: release: not found' >&2; exit 1")
    assert platform.local_down()
    assert done.read_text() == "delete namespace webaudit-demo --timeout 120s\n"
    assert cluster.components() == {"etcd": True}


@pytest.mark.usefixtures("component")
def test_from_somebody_elses_cluster_without_the_demo_nothing_is_removed(cluster: Cluster) -> None:
    a_program("kubectl", "echo 'Error from server (NotFound): ...' >&2; exit 1")
    assert not platform.local_down()
    assert cluster.components() == {"etcd": True}


@pytest.mark.usefixtures("running_shop")
def test_a_shop_is_not_stopped_while_a_demo_uses_it(capsys: pytest.CaptureFixture[str]) -> None:
    lock = paths.cache() / "cluster.lock"
    with subprocess.Popen(
        ["flock", lock, "sh", "-c", "echo held; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == b"held\n"
        with pytest.raises(typer.Exit):
            down()
        assert "the local cluster is in use" in capsys.readouterr().out
        assert Daemons(evershop.home()).is_running("evershop")
        demo.communicate(b"\n")
    down()
    assert capsys.readouterr().out == "The demo is gone.\n"
    assert not Daemons(evershop.home()).is_running("evershop")
    down()
    assert capsys.readouterr().out == "There is no demo to remove.\n"


def test_removing_it_without_root_is_refused_in_a_sentence(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(typer.Exit):
        down()
    said = capsys.readouterr().out
    assert said.startswith("demo: run it as root")
    assert "make demo-down CONTEXT=name" in said
    assert not paths.cache().exists()


def test_the_demo_ends_with_a_line_after_which_kubectl_leads_to_its_cluster(cluster: Cluster) -> None:
    a_program("kubectl", 'echo "$KUBECONFIG"')
    said = io.StringIO()
    conclude([], 38.2, platform.shell_line(cluster), Console(file=said, width=70))
    line, *ending = said.getvalue().splitlines()
    pasted = subprocess.run(["sh", "-c", f"{line}\nkubectl"], capture_output=True, text=True, check=True)
    assert pasted.stdout == f"{cluster.kubeconfig}\n"
    assert " ".join(ending) == "38 s; again: make demo; away with it: make demo-down"


def test_the_call_that_messages_name_leads_there_too(cluster: Cluster) -> None:
    a_program("kubectl", 'echo "$KUBECONFIG $*"')
    command = f"{platform.local_kube(cluster).typed} get nodes"
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said == f"{cluster.kubeconfig} get nodes\n"
