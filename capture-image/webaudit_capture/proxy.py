"""The filtering forward proxy: the browser's only way out, and the wall against server-side request forgery.

Resolves a name once, refuses it if any of its addresses is not public, and connects to the very address it
checked, so a name that changes its mind (DNS rebinding) gains nothing. HTTPS stays end to end. Knows no browser.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from webaudit_capture import http1
from webaudit_capture.addresses import why_not_public
from webaudit_capture.http1 import BadHead, Forward, Tunnel
from webaudit_capture.urls import host_port

Resolver = Callable[[str, int], Awaitable[list[str]]]
_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connector = Callable[[str, int], Awaitable[_Ends]]

_CHUNK = 64 * 1024
_MAX_HEAD = 64 * 1024
_PORTS = frozenset({80, 443})


class RefusalReason(StrEnum):
    BLOCKED_ADDRESS = "blocked_address"
    PORT_NOT_ALLOWED = "port_not_allowed"
    NAME_NOT_RESOLVED = "name_not_resolved"
    DNS_TROUBLE = "dns_trouble"
    CONNECTION_REFUSED = "connection_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    BYTE_BUDGET = "byte_budget"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the browser could not reach a host and port. `detail` completes "host:port ..."."""

    host: str
    port: int
    reason: RefusalReason
    detail: str


class _Refused(Exception):
    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the system's order. Raises socket.gaierror."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


async def _connect(address: str, port: int) -> _Ends:
    return await asyncio.open_connection(address, port)


class FilteringProxy:
    """A forward proxy on loopback for one capture; `async with` starts and stops it.

    `allow` holds host:port pairs, as they stand in the URL, that are reached although they are not public or not
    on port 80 or 443. `max_bytes` counts both directions. Of more than `max_connections` at once the later ones wait.
    `on_refusal` hears of each host, port and reason once.
    """

    def __init__(
        self,
        *,
        allow: tuple[str, ...] = (),
        max_bytes: int,
        max_connections: int,
        resolve_timeout: float,
        connect_timeout: float,
        on_refusal: Callable[[Refusal], None] = lambda refusal: None,
        resolver: Resolver = resolve,
        connector: Connector = _connect,
    ) -> None:
        self._allow = frozenset(host_port(pair) for pair in allow)
        self._max_bytes = max_bytes
        self._resolve_timeout = resolve_timeout
        self._connect_timeout = connect_timeout
        self._on_refusal = on_refusal
        self._resolver = resolver
        self._connector = connector
        self._slots = asyncio.Semaphore(max_connections)
        self._lookups: dict[str, asyncio.Task[list[str]]] = {}
        self._refusals: dict[tuple[str, int], Refusal] = {}
        self._told: set[tuple[str, int, RefusalReason]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.received_bytes = 0
        self._sent_bytes = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_MAX_HEAD)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        running = [*self._tasks, *self._lookups.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def refusal(self, url: str) -> Refusal | None:
        """Why the last connection for this URL's host and port was not made; None when it was."""
        return self._refusals.get(http1.target_of(url))

    def forget(self) -> None:
        """Before another attempt: what was refused is tried, and told of through `refusal`, anew."""
        self._refusals.clear()

    # A callback and not a coroutine: asyncio would log what a cancelled handler raises.
    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = http1.request(await reader.readuntil(http1.END))
            async with self._slots:
                match request:
                    case Tunnel():
                        await self._tunnel(request, (reader, writer))
                    case Forward():
                        await self._forward(request, (reader, writer))
        except (BadHead, _Refused, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # A refusal is already recorded. For plain HTTP nothing is answered at all: a page that says 502 is then
            # always the shop's own, and the browser's error leads to the recorded reason.
            pass
        finally:
            writer.close()

    async def _tunnel(self, request: Tunnel, client: _Ends) -> None:
        _, writer = client
        try:
            upstream = await self._open(request.host, request.port)
        except _Refused:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            raise
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._pipe(request, client, upstream)
        finally:
            upstream[1].close()

    async def _forward(self, request: Forward, client: _Ends) -> None:
        """One plain HTTP request per connection: it is closed after the answer, so each request is checked."""
        upstream = await self._open(request.host, request.port)
        try:
            upstream[1].write(request.head)
            await self._pipe(request, client, upstream)
        finally:
            upstream[1].close()

    async def _open(self, host: str, port: int) -> _Ends:
        try:
            connection = await self._checked_connection(host, port)
        except _Refused as refused:
            self._remember(Refusal(host, port, refused.reason, refused.detail))
            raise
        self._refusals.pop((host, port), None)
        return connection

    async def _checked_connection(self, host: str, port: int) -> _Ends:
        if self._used_up:
            raise _Refused(RefusalReason.BYTE_BUDGET, f"is refused: the page has used up its {self._max_bytes} bytes")
        allowed = (host, port) in self._allow
        if not allowed and port not in _PORTS:
            raise _Refused(RefusalReason.PORT_NOT_ALLOWED, f"is refused: port {port} is neither 80 nor 443")
        addresses = await self._resolved(host, port)
        if not allowed:
            for address in addresses:
                if (why := why_not_public(address)) is not None:
                    raise _Refused(RefusalReason.BLOCKED_ADDRESS, f"is refused: {address} is not public ({why})")
        return await self._first_that_answers(addresses, port)

    async def _resolved(self, host: str, port: int) -> list[str]:
        """Of one name there is one lookup, for all who wait for it; only one that failed is made again."""
        lookup = self._lookups.get(host)
        if lookup is None:
            lookup = self._lookups[host] = asyncio.ensure_future(self._look_up(host, port))
        try:
            return await asyncio.shield(lookup)
        except _Refused:
            if self._lookups.get(host) is lookup:
                del self._lookups[host]
            raise

    async def _look_up(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(self._resolve_timeout):
                addresses = await self._resolver(host, port)
        except TimeoutError as error:
            raise _Refused(RefusalReason.DNS_TROUBLE, "got no answer from the name servers") from error
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
                raise _Refused(RefusalReason.NAME_NOT_RESOLVED, "has no address: no such host") from error
            raise _Refused(RefusalReason.DNS_TROUBLE, f"could not be resolved: {error.strerror}") from error
        except UnicodeError as error:  # getaddrinfo's IDNA step, for labels that are empty or too long
            raise _Refused(RefusalReason.NAME_NOT_RESOLVED, "is not a host name") from error
        if not addresses:
            raise _Refused(RefusalReason.NAME_NOT_RESOLVED, "has no address: no such host")
        return addresses

    async def _first_that_answers(self, addresses: list[str], port: int) -> _Ends:
        refused = _Refused(RefusalReason.UNREACHABLE, "could not be reached")
        for address in list(addresses):
            try:
                async with asyncio.timeout(self._connect_timeout):
                    connection = await self._connector(address, port)
            except TimeoutError:
                refused = _Refused(RefusalReason.CONNECT_TIMEOUT, "did not answer the connection")
            except ConnectionRefusedError:
                refused = _Refused(RefusalReason.CONNECTION_REFUSED, "refused the connection")
            except OSError as error:
                refused = _Refused(RefusalReason.UNREACHABLE, f"could not be reached: {error.strerror or error}")
            else:
                # First from now on: where one kind of address leads nowhere, only the first connection pays for it.
                addresses.sort(key=lambda known: known != address)
                return connection
        raise refused

    def _remember(self, refusal: Refusal) -> None:
        self._refusals[(refusal.host, refusal.port)] = refusal
        key = (refusal.host, refusal.port, refusal.reason)
        if key not in self._told:
            self._told.add(key)
            self._on_refusal(refusal)

    @property
    def _used_up(self) -> bool:
        return self.received_bytes + self._sent_bytes >= self._max_bytes

    def _cut_if_used_up(self, request: Tunnel | Forward) -> None:
        if self._used_up:
            detail = f"is cut off: the page has used up its {self._max_bytes} bytes"
            self._remember(Refusal(request.host, request.port, RefusalReason.BYTE_BUDGET, detail))
            raise _Refused(RefusalReason.BYTE_BUDGET, detail)

    async def _pipe(self, request: Tunnel | Forward, client: _Ends, upstream: _Ends) -> None:
        """Both ways until either side ends, or the page's bytes are used up."""
        ways = [
            asyncio.ensure_future(self._up(request, client[0], upstream[1])),
            asyncio.ensure_future(self._down(request, upstream[0], client[1])),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _up(
        self, request: Tunnel | Forward, client: asyncio.StreamReader, upstream: asyncio.StreamWriter
    ) -> None:
        """Returns when the client is gone. Of a plain request its body is passed on, and nothing after it."""
        left = request.length if isinstance(request, Forward) else None
        taken = True
        while data := await client.read(_CHUNK):
            if left is not None:
                data = data[:left]
                left -= len(data)
            if not taken:
                continue
            self._sent_bytes += len(data)
            try:
                upstream.write(data)
                await upstream.drain()
            except OSError:
                taken = False  # the host may have answered and left without reading all
            self._cut_if_used_up(request)

    async def _down(
        self, request: Tunnel | Forward, upstream: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        """Returns when the host has said all."""
        interim = isinstance(request, Forward)
        while interim:
            head = await upstream.readuntil(http1.END)
            self.received_bytes += len(head)
            shown, interim = http1.answer(head)
            client.write(shown)
            await client.drain()
            self._cut_if_used_up(request)
        while data := await upstream.read(_CHUNK):
            self.received_bytes += len(data)
            client.write(data)
            await client.drain()
            self._cut_if_used_up(request)
