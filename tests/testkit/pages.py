"""A real web server on loopback whose pages a test writes itself, for a browser to visit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Serves what was put at a path; anything else is 404. `async with` starts and stops it on a free port."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._runner: web.ServerRunner | None = None
        self.port = 0
        self.hits: Counter[str] = Counter()
        self.requests: list[web.BaseRequest] = []
        self._leaving = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        address = self._runner.addresses[0]
        assert isinstance(address, tuple)
        self.port = address[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        self._leaving.set()
        await self._runner.cleanup()

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host_port}{path}"

    def page(
        self,
        path: str,
        body: str,
        *,
        title: str = "A shop",
        head: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        """An HTML page; returns its URL."""
        html = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width">{head}</head><body>{body}</body></html>'
        )
        return self.document(path, html, status=status, headers=headers)

    def document(
        self,
        path: str,
        content: str | bytes,
        *,
        content_type: str = "text/html",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        data = content.encode() if isinstance(content, str) else content

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=data, content_type=content_type, charset="utf-8", status=status, headers=headers)

        return self.handler(path, answer)

    def redirect(self, path: str, target: str, *, status: int = 302) -> str:
        return self.document(path, "", status=status, headers={"Location": target})

    def in_turn(self, path: str, *handlers: Handler) -> str:
        """The first hit gets the first handler, and so on; the last one stays."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await handlers[min(self.hits[path], len(handlers)) - 1](request)

        return self.handler(path, answer)

    def silence(self, path: str) -> str:
        """Accepts the request and never answers, until the server stops."""

        async def answer(_: web.Request) -> web.StreamResponse:
            await self._leaving.wait()
            return web.Response(status=503)

        return self.handler(path, answer)

    def handler(self, path: str, handler: Handler) -> str:
        self._handlers[path] = handler
        return self.url(path)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.hits[request.path] += 1
        self.requests.append(request)
        handler = self._handlers.get(request.path)
        if handler is None:
            return web.Response(status=404, text="not found")
        return await handler(request)  # type: ignore[arg-type]
