"""A pod whose disks are full, from the start or in the middle: the capture goes on where it can, else it says why.

Each pod gets small disks in a mount namespace of its own, which takes them along when it ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from capture.pages.shops import SHOP
from capture.requests import Bucket, request_file
from testkit.pages import PageServer
from webaudit_capture.contract import ARTIFACT_FILES, RESULT_FILE, Blame, CaptureResult, ExitCode, Verdict

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks"),
]

SMALL = "size=8m,nr_inodes=400"
FILL = "head -c 9m /dev/zero > {disk}/full 2>/dev/null"
USE_UP_NAMES = "cd {disk} && seq 500 | xargs touch 2>/dev/null; cd /"
# Uses what a browser keeps on disk or in shared memory: large pictures, storage, a long page.
PAGE = f"""{SHOP}<canvas id=large width=3000 height=3000></canvas><div style="height: 6000px"></div><script>
  const pen = large.getContext("2d");
  for (let i = 0; i < 60; i++) {{ pen.fillStyle = `hsl(${{i * 6}} 50% 50%)`; pen.fillRect(i * 50, 0, 50, 3000) }}
  localStorage.wool = "wool".repeat(1e6);
  fetch("/now");
</script>"""


class Pod:
    """A capture in its pod's command, with a disk of its own for all that it writes."""

    def __init__(self, server: PageServer, folder: Path) -> None:
        self._bucket = Bucket(server)
        self._request = request_file(folder, server, self._bucket)
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.pid = 0

    async def run(self, before: str) -> tuple[CaptureResult, int, set[str]]:
        """The verdict, the exit code and the files that were delivered. `before` is done by a shell."""
        inside = f'mount -t tmpfs -o {SMALL} tmpfs {self.disk} && {{ {before}; true; }} && exec "$@"'
        pod = [sys.executable, "-m", "webaudit_capture", "pod", "--request", str(self._request)]
        places = dict.fromkeys(("TMPDIR", "HOME", "XDG_CACHE_HOME"), str(self.disk))
        process = await asyncio.create_subprocess_exec(
            *("unshare", "--mount", "sh", "-c", inside, "sh", *pod),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **places},
        )
        self.pid = process.pid
        await process.communicate()
        assert process.returncode is not None
        stored = dict(self._bucket.stored)
        result = CaptureResult.model_validate_json(stored.pop(RESULT_FILE))
        return result, process.returncode, set(stored)


@pytest.fixture
def pod(server: PageServer, tmp_path: Path) -> Pod:
    return Pod(server, tmp_path)


def filling(pod: Pod) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers once the pod's disk is full."""

    def fill() -> None:
        with suppress(OSError), Path(f"/proc/{pod.pid}/root{pod.disk}/full").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024 * 1024))

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(fill)
        return web.Response()

    return answer


async def nothing(_: web.Request) -> web.StreamResponse:
    return web.Response()


@pytest.mark.parametrize("when", ["from the start", "in the middle", "shared memory"])
async def test_a_full_disk_costs_nothing_of_the_evidence(server: PageServer, pod: Pod, when: str) -> None:
    server.page("/", PAGE)
    server.handler("/now", filling(pod) if when == "in the middle" else nothing)
    shared_memory = "mount -t tmpfs -o size=64k tmpfs /dev/shm"
    before = {"from the start": FILL.format(disk=pod.disk), "shared memory": shared_memory}.get(when, "")
    result, code, delivered = await pod.run(before or ":")
    assert server.hits["/now"] == 1
    assert (result.verdict, result.low_confidence, code) == (Verdict.OK, [], ExitCode.OK)
    assert delivered == {file for file, _ in ARTIFACT_FILES.values()}


async def test_a_disk_on_which_the_browser_cannot_start_is_the_platforms_fault_and_told(
    server: PageServer, pod: Pod
) -> None:
    server.page("/", PAGE)
    result, code, delivered = await pod.run(USE_UP_NAMES.format(disk=pod.disk))
    assert (result.reason, result.blame, code) == ("browser_start", Blame.PLATFORM, ExitCode.RETRY)
    assert "no space left on device" in (result.message or "")
    assert delivered == set()
