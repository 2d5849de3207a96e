"""Processes are known by more than their number, and stopped without hitting another."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.waiting import until
from webaudit_cluster import processes
from webaudit_cluster.daemons import Daemon, Daemons
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.processes import ProcessIdentity

SLEEPER = ("sleep", "1000")
STUBBORN = ("sh", "-c", 'trap "" TERM; echo ready; while :; do sleep 1000; done')


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessIdentity]:
    process = processes.start(SLEEPER, tmp_path / "log", dies_with_us=True)
    yield process
    processes.stop([process])


def test_a_running_process_is_known_again(sleeper: ProcessIdentity) -> None:
    assert sleeper.is_running()
    assert processes.identify(sleeper.pid) == sleeper


@pytest.mark.parametrize("other", [{"started": 1}, {"boot": "another"}])
def test_another_process_with_the_same_number_is_not_taken_for_it_nor_stopped(
    sleeper: ProcessIdentity, other: dict[str, int | str]
) -> None:
    impostor = dataclasses.replace(sleeper, **other)  # type: ignore[arg-type]
    assert not impostor.is_running()
    processes.stop([impostor])
    assert sleeper.is_running()


def test_a_process_that_nobody_reaped_counts_as_ended(sleeper: ProcessIdentity) -> None:
    os.kill(sleeper.pid, signal.SIGKILL)
    until(lambda: not sleeper.is_running())
    assert Path(f"/proc/{sleeper.pid}").exists()


def test_stopping_waits_until_it_is_gone_and_may_be_repeated(sleeper: ProcessIdentity) -> None:
    processes.stop([sleeper])
    assert not sleeper.is_running()
    processes.stop([sleeper])


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = processes.start(STUBBORN, log, dies_with_us=True)
    until(lambda: "ready" in log.read_text())
    processes.stop([process], grace=0.05)
    assert not process.is_running()


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    daemons = Daemons(tmp_path, die_with_us=True)
    yield daemons
    daemons.stop(daemons.names())


def test_what_it_says_is_in_its_log(daemons: Daemons) -> None:
    daemons.ensure(Daemon("talker", ("sh", "-c", "echo out; echo err >&2; exec sleep 1000")))
    until(lambda: daemons.last_words("talker").endswith("err"))
    assert daemons.last_words("talker") == "out\nerr"


def test_a_daemon_that_runs_as_described_is_left_alone(daemons: Daemons) -> None:
    assert daemons.ensure(Daemon("it", SLEEPER))
    before = daemons.identity("it")
    assert not daemons.ensure(Daemon("it", SLEEPER))
    assert daemons.identity("it") == before


def test_a_daemon_that_ended_is_started_again(daemons: Daemons) -> None:
    daemons.ensure(Daemon("it", SLEEPER))
    before = daemons.identity("it")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: not daemons.is_running("it"))
    assert daemons.ensure(Daemon("it", SLEEPER))
    assert daemons.is_running("it")


def test_a_changed_command_line_or_input_replaces_the_process(daemons: Daemons, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.write_text("one")
    seen = []
    for argv, content in ((SLEEPER, "one"), (("sleep", "2000"), "one"), (("sleep", "2000"), "two")):
        settings.write_text(content)
        assert daemons.ensure(Daemon("it", argv, (settings,)))
        seen.append(daemons.identity("it"))
    assert [process is not None and process.is_running() for process in seen] == [False, False, True]


def test_a_program_that_is_not_there_is_named(daemons: Daemons) -> None:
    with pytest.raises(ClusterError, match="no-such-program is not there"):
        daemons.ensure(Daemon("it", ("no-such-program",)))


def test_a_broken_record_says_which_file_it_is(daemons: Daemons, tmp_path: Path) -> None:
    daemons.ensure(Daemon("it", SLEEPER))
    record = tmp_path / "run" / "it.json"
    good = record.read_text()
    record.write_text("{")
    with pytest.raises(ClusterError, match=r"run/it\.json is not a process record"):
        daemons.is_running("it")
    record.write_text(good)
