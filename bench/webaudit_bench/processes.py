"""Running a command and measuring it from outside: its wall time, or the memory of its whole process tree."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

SAMPLE_SECONDS = 0.02


class Failed(Exception):
    """A measured command did not succeed: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """One contender's work on one page: commands run one after the other."""

    steps: tuple[tuple[str, ...], ...]
    env: Mapping[str, str]


def wall_seconds(command: Command) -> tuple[float, str]:
    """From the first start to the last end, and what the last step printed. Raises Failed."""
    began = time.perf_counter()
    said = ""
    for step in command.steps:
        done = subprocess.run(step, env=command.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Failed(f"{' '.join(step)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
        said = done.stdout
    return time.perf_counter() - began, said


def peak_pss(command: Command) -> int:
    """The largest sum of the proportional set sizes of a step's processes, in bytes. Raises Failed.

    Shared pages count once, divided among those who share them (proc(5), smaps_rollup). Sampling slows the processes
    down, so that time and memory are never taken from one run.
    """
    return max(_peak_pss(step, command.env) for step in command.steps)


def _peak_pss(step: Sequence[str], env: Mapping[str, str]) -> int:
    with subprocess.Popen(step, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        root = psutil.Process(process.pid)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _pss_of_tree(root))
            time.sleep(SAMPLE_SECONDS)
    if process.returncode != 0:
        raise Failed(f"{' '.join(step)} ended with {process.returncode}")
    return peak


def _pss_of_tree(root: psutil.Process) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
    return total
