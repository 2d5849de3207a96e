"""/metrics, /healthz and /readyz. Health is true health: a loop that stands still or a dead worker is not alive."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from webaudit_operator.metrics import Metrics
from webaudit_operator.settings import PREFIX, SettingsError

Check = Callable[[], str | None]
"""None when all is well, else one line that says what is not."""


@asynccontextmanager
async def serve(port: int, metrics: Metrics, *, healthy: Check, ready: Check) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port (0 asks for a free one). Raises SettingsError for one in use."""

    def answer(check: Check) -> Callable[[web.Request], object]:
        async def handle(request: web.Request) -> web.Response:
            fault = check()
            return web.Response(text=f"{fault or 'ok'}\n", status=503 if fault else 200)

        return handle

    async def scrape(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", scrape)
    app.router.add_get("/healthz", answer(healthy))  # type: ignore[arg-type]
    app.router.add_get("/readyz", answer(ready))  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, _listen(port)).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _listen(port: int) -> socket.socket:
    """One port for IPv4 and IPv6: asked for a free one, aiohttp alone would take another one for each."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", port))
    except OSError as error:
        raise SettingsError(f"{PREFIX}HTTP_PORT: cannot listen on port {port}: {error.strerror}") from error
