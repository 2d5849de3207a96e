"""A GCS server for tests, over real HTTP on loopback, with faults on demand. It runs on a thread of its own.

What it knows of the service is in `gcs_state`, `gcs_signature` and `gcs_api`; here are sockets, keys and faults only.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from testkit.gcs_api import Answer, Api, is_json, json_error, xml_error
from testkit.gcs_signature import Arrived
from testkit.gcs_state import Bucket, GcsObject, Refused, utc_now
from webaudit_operator.gcs import GcsBlobs

BUCKET = "evidence"
EMAIL = "signer@webaudit-test.iam.gserviceaccount.com"

ACCEPTING_TURNS = 5
"""Turns of the loop from accepting a connection to its handler: three, as asyncio is written."""
How = int | Literal["reset", "lost", "no parts"]
"""A status to answer with; `reset`: the connection breaks before anything happens; `lost`: after it has happened;
`no parts`: a batch is not looked into, as fake-gcs-server does with those of Google's own client.
"""


@dataclass
class Fault:
    method: str
    pattern: re.Pattern[str]
    how: How
    times: int


@cache
def service_account_key() -> rsa.RSAPrivateKey:
    """The one key whose signatures the server accepts, made once per run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_service_account(path: Path, key: rsa.RSAPrivateKey, email: str, token_uri: str) -> Path:
    """A key file as the console hands it out."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "webaudit-test",
                "private_key_id": "0",
                "private_key": pem,
                "client_email": email,
                "token_uri": token_uri,
            }
        )
    )
    return path


class _Server(web.Server):
    """Knows its connections, so that none is left when its loop ends: closing one takes the loop some turns more."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler)
        self._open: dict[web.RequestHandler, asyncio.Transport] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._open[handler] = transport

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._open.pop(handler, None)

    async def let_go(self) -> None:
        """Break what is open, and what was accepted at the last moment and is a connection only now."""
        this = asyncio.current_task()
        while self._open or asyncio.all_tasks() - {this}:
            for transport in self._open.values():
                transport.abort()
            await asyncio.sleep(0)


async def _stop_accepting(listening: socket.socket) -> None:
    """Nothing is accepted any more, and what just was is a connection: asyncio loses one that the end overtakes.

    https://github.com/python/cpython/issues/109564
    """
    asyncio.get_running_loop().remove_reader(listening)
    for _ in range(ACCEPTING_TURNS):
        await asyncio.sleep(0)


class GcsServer:
    """One bucket, open to the JSON API, signed for the XML API. `now` is its clock and may be replaced."""

    def __init__(self, bucket: str = BUCKET) -> None:
        self.bucket = bucket
        self.now: Callable[[], datetime] = utc_now
        self.requests: list[tuple[str, str]] = []
        """(method, path with query) of everything that arrived, in order; a batch before its parts."""
        self.state = Bucket(bucket, lambda: self.now())
        self._faults: list[Fault] = []
        self._api = Api(
            {bucket: self.state}, {EMAIL: service_account_key().public_key()}, lambda: self.now(), self._part
        )
        self._folder = Path(tempfile.mkdtemp(prefix="webaudit-gcs-"))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._port = 0
        self.url = ""
        self.service_account_file = self._folder / "key.json"

    # --- life

    def start(self) -> str:
        """Listens on loopback and returns the URL; after a `stop` on the same port, with everything still there."""
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="gcs-server", daemon=True)
        self._thread.start()
        self._port = ready.result(10)
        self.url = f"http://127.0.0.1:{self._port}"
        write_service_account(self.service_account_file, service_account_key(), EMAIL, f"{self.url}/token")
        return self.url

    async def _serve(self, ready: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = _Server(self._handle)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        try:
            await runner.setup()
            listening = socket.create_server(("127.0.0.1", self._port))
            await web.SockSite(runner, listening).start()
            ready.set_result(listening.getsockname()[1])
            await self._stopping.wait()
            await _stop_accepting(listening)
        except OSError as error:
            ready.set_exception(error)
        finally:
            await runner.cleanup()
            await server.let_go()

    def stop(self) -> None:
        """Refuses connections from now on, and breaks those that are open."""
        if self._thread is not None and self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
            self._thread = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    # --- what tests look at and set

    @property
    def objects(self) -> dict[str, GcsObject]:
        """Live objects by name."""
        return self.state.objects

    def put(self, name: str, body: bytes, content_type: str = "application/octet-stream") -> GcsObject:
        """As somebody with full rights would."""
        return self.state.put(name, body, content_type)

    def overwrite(self, name: str, body: bytes) -> GcsObject:
        """A newer generation of an object that is there, with the same content type."""
        return self.state.put(name, body, self.state.objects[name].content_type)

    def hold(self, name: str, on: bool = True) -> None:
        self.state.objects[name].temporary_hold = on

    def advance(self, by: timedelta) -> None:
        """Move the server's clock."""
        before = self.now
        self.now = lambda: before() + by

    def fail_next(self, method: str, pattern: str, how: How, times: int = 1) -> None:
        """The next `times` requests whose method is the same and whose path and query contain the pattern fail."""
        self._faults.append(Fault(method, re.compile(pattern), how, times))

    def heal(self) -> None:
        """Drop all faults that are left."""
        self._faults.clear()

    # --- HTTP

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        # The path as it was sent: the signature is over its own percent-encoding.
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): ",".join(request.headers.getall(name)) for name in request.headers}
        arrived = Arrived(request.method, path, query, headers)
        body = await request.content.read()
        self.requests.append((request.method, request.raw_path))
        fault = self._next_fault(request.method, request.raw_path)
        if fault == "reset":
            return self._cut(request)
        if fault == "no parts":
            kind = "multipart/mixed; boundary=nothing"
            return self._send(Answer(200, b"\r\n--nothing--\r\n", {"Content-Type": kind}))
        if isinstance(fault, int):
            refusal = _told_to_fail(fault)
            return self._send(json_error(refusal) if is_json(path) else xml_error(refusal))
        answer = self._api.answer(arrived, body)
        return self._cut(request) if fault == "lost" else self._send(answer)

    def _part(self, method: str, target: str) -> Answer | None:
        """A call inside a batch arrives; the answer if it is told to fail. Only a status can be a part's own fault."""
        self.requests.append((method, target))
        fault = self._next_fault(method, target)
        return json_error(_told_to_fail(fault)) if isinstance(fault, int) else None

    def _send(self, answer: Answer) -> web.Response:
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
        headers["Date"] = format_datetime(self.now().astimezone(UTC), usegmt=True)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    def _next_fault(self, method: str, target: str) -> How | None:
        for fault in self._faults:
            if fault.times > 0 and fault.method == method and fault.pattern.search(target):
                fault.times -= 1
                return fault.how
        return None

    @staticmethod
    def _cut(request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _told_to_fail(status: int) -> Refused:
    return Refused(status, "backendError", "The server was told to fail.", "InternalError")


@pytest.fixture
def gcs() -> Iterator[GcsServer]:
    """An empty bucket of its own for each test."""
    server = GcsServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest_asyncio.fixture
async def blobs(gcs: GcsServer) -> AsyncIterator[GcsBlobs]:
    """The operator's client on that bucket."""
    blobs = GcsBlobs.connect(gcs.bucket, signing_key_file=gcs.service_account_file, endpoint=gcs.url)
    yield blobs
    await blobs.close()
