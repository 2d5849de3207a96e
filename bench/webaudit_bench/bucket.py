"""`python -m webaudit_bench.bucket COUNT`: a bucket server in a process of its own, with made-up objects.

The tests' own handlers answer, so generations count; only listings are made up on the fly, as long as they are asked.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs
from uuid import UUID

from aiohttp import web

from testkit.gcs_api import Api
from testkit.gcs_server import BUCKET
from testkit.gcs_signature import Arrived
from testkit.gcs_state import Bucket, GcsObject, utc_now

FILES = ("screenshot.png", "visible_text.txt", "page.html.gz", "features.json")
GENERATION = 1_700_000_000_000_000
MADE = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 1000


def name_of(number: int) -> str:
    """The same as SQL makes it for the rows; four to a capture, each capture a session's only one."""
    capture, kind = divmod(number, len(FILES))
    return f"shop.com__{UUID(int=capture)}/homepage/desktop/{FILES[kind]}"


def filled(count: int) -> Bucket:
    bucket = Bucket(BUCKET, utc_now)
    for number in range(count):
        name = name_of(number)
        bucket.objects[name] = GcsObject(name, GENERATION, b"", "image/png", MADE)
    return bucket


def page(token: str, most: int, count: int) -> dict[str, object]:
    start = int(token or 0)
    end = min(start + most, count)
    items = [
        {
            "name": name_of(number),
            "generation": str(GENERATION),
            "size": "0",
            "crc32c": "AAAAAA==",
            "contentType": "image/png",
            "timeCreated": "2026-01-01T00:00:00Z",
        }
        for number in range(start, end)
    ]
    return {"items": items} | ({"nextPageToken": str(end)} if end < count else {})


async def serve(stored: int, listed: int, rate: float) -> None:
    """`rate`: deletions in batches that are answered in a second, at most; 0: as many as it can."""
    api = Api({BUCKET: filled(stored)}, {}, utc_now)
    loop = asyncio.get_running_loop()
    free_at = loop.time()

    async def handle(request: web.BaseRequest) -> web.Response:
        nonlocal free_at
        path, _, raw_query = request.raw_path.partition("?")
        date = {"Date": format_datetime(utc_now(), usegmt=True)}
        if path == f"/storage/v1/b/{BUCKET}/o":
            query = parse_qs(raw_query)
            most = min(int(query.get("maxResults", ["1000"])[0]), PAGE)
            found = page(query.get("pageToken", [""])[0], most, listed)
            return web.Response(text=json.dumps(found), content_type="application/json", headers=date)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.content.read()
        if rate and path.startswith("/batch/"):
            free_at = max(loop.time(), free_at) + body.count(b"\nDELETE ") / rate
            await asyncio.sleep(free_at - loop.time())
        answer = api.answer(Arrived(request.method, path, raw_query, headers), body)
        kept = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
        return web.Response(status=answer.status, body=answer.body, headers=kept | date)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def running(stored: int, listed: int = 0, rate: float = 0) -> Iterator[str]:
    """Its URL."""
    command = [sys.executable, "-m", "webaudit_bench.bucket", str(stored), str(listed), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
