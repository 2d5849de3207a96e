"""A pod's request and the bucket it is to deliver to, for tests of pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from capture.conftest import QUICK
from testkit.pages import PageServer
from webaudit_capture.contract import ARTIFACT_FILES, RESULT_FILE, CaptureRequest, PageType, UploadTarget, Viewport


class Bucket:
    """Takes PUTs in order; refuses what it is told to."""

    def __init__(self, server: PageServer) -> None:
        self.server = server
        self.stored: dict[str, bytes] = {}
        self.refuse: set[str] = set()
        self.targets = {
            file: UploadTarget(
                object_name=f"shop.example__1/homepage/desktop/{file}",
                url=server.handler(f"/bucket/{file}", self._take),
                headers={"Content-Type": content_type},
                max_bytes=10_000_000,
            )
            for file, content_type in [*ARTIFACT_FILES.values(), (RESULT_FILE, "application/json")]
        }

    async def _take(self, request: web.Request) -> web.StreamResponse:
        file = request.path.rpartition("/")[2]
        if file in self.refuse:
            return web.Response(status=403, text="<Code>ExpiredToken</Code>")
        self.stored[file] = await request.read()
        return web.Response(headers={"x-goog-generation": "5"})


def request_file(tmp_path: Path, server: PageServer, bucket: Bucket, **changes: Any) -> Path:
    request = CaptureRequest(
        session_id="3f1c0d2e-0000-4000-8000-000000000001",
        page=PageType.HOMEPAGE,
        viewport=Viewport.DESKTOP,
        url=server.url("/"),
        policy=QUICK,
        allow=(server.host_port,),
        sandbox="off",
        image="registry.example/capture@sha256:0",
        uploads=bucket.targets,
    ).model_copy(update=changes)
    path = tmp_path / "request.json"
    path.write_text(request.model_dump_json())
    return path
