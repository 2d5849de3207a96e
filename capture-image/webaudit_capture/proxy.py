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

import ada_url

from webaudit_capture.addresses import why_not_public
from webaudit_capture.urls import BadUrl, host_port

Resolver = Callable[[str, int], Awaitable[list[str]]]
_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connector = Callable[[str, int], Awaitable[_Ends]]

_CHUNK = 64 * 1024
_MAX_HEAD = 64 * 1024
_PORTS = frozenset({80, 443})
_HOP_BY_HOP = frozenset({"connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "upgrade"})


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


class _BadRequest(Exception):
    """The client did not speak HTTP to a proxy."""


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the system's order. Raises socket.gaierror."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


async def _connect(address: str, port: int) -> _Ends:
    return await asyncio.open_connection(address, port)


class FilteringProxy:
    """A forward proxy on loopback for one capture; `async with` starts and stops it.

    `allow` holds host:port pairs, as they stand in the URL, that are reached although they are not public or not
    on port 80 or 443. `on_refusal` hears of each host, port and reason once.
    """

    def __init__(
        self,
        *,
        allow: tuple[str, ...] = (),
        max_bytes: int,
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
        self._addresses: dict[str, list[str]] = {}
        self._refusals: dict[tuple[str, int], Refusal] = {}
        self._told: set[tuple[str, int, RefusalReason]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.received_bytes = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_MAX_HEAD)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def refusal(self, url: str) -> Refusal | None:
        """Why the last connection for this URL's host and port was not made; None when it was."""
        return self._refusals.get(_host_port(url))

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
            method, target, version, headers = await _read_request(reader)
            if method == "CONNECT":
                await self._tunnel(target, reader, writer)
            else:
                await self._forward(method, target, version, headers, reader, writer)
        except (_BadRequest, _Refused, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # A refusal is already recorded. For plain HTTP nothing is answered at all: a page that says 502 is then
            # always the shop's own, and the browser's error leads to the recorded reason.
            pass
        finally:
            writer.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, port = host_port(target)
        except BadUrl as error:
            raise _BadRequest(target) from error
        try:
            upstream_reader, upstream_writer = await self._open(host, port)
        except _Refused:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            raise
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._pipe(host, port, (reader, writer), (upstream_reader, upstream_writer))
        finally:
            upstream_writer.close()

    async def _forward(
        self,
        method: str,
        target: str,
        version: str,
        headers: list[tuple[str, str]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One plain HTTP request per connection: it is closed after the answer, so each request is checked."""
        try:
            url = ada_url.URL(target)
        except ValueError as error:
            raise _BadRequest(target) from error
        if url.protocol != "http:":
            raise _BadRequest(target)
        host, port = _host_port(target)
        upstream_reader, upstream_writer = await self._open(host, port)
        try:
            kept = [f"{name}: {value}" for name, value in headers if name.lower() not in _HOP_BY_HOP]
            lines = [f"{method} {url.pathname}{url.search} {version}", *kept, "Connection: close", "", ""]
            upstream_writer.write("\r\n".join(lines).encode("latin-1"))
            await upstream_writer.drain()
            await self._pipe(host, port, (reader, writer), (upstream_reader, upstream_writer), http=True)
        finally:
            upstream_writer.close()

    async def _answer_head(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on the answer's head, saying that the connection closes; interim answers (1xx) come first."""
        while True:
            head = await upstream.readuntil(b"\r\n\r\n")
            self.received_bytes += len(head)
            status_line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
            interim = status_line.split(b" ")[1:2] and status_line.split(b" ")[1].startswith(b"1")
            kept = [
                line
                for line in lines
                if line.partition(b":")[0].strip().lower() not in (b"connection", b"keep-alive", b"proxy-connection")
            ]
            closing = [] if interim else [b"Connection: close"]
            writer.write(b"\r\n".join([status_line, *kept, *closing, b"", b""]))
            await writer.drain()
            if not interim:
                return

    async def _open(self, host: str, port: int) -> _Ends:
        try:
            connection = await self._checked_connection(host, port)
        except _Refused as refused:
            self._remember(Refusal(host, port, refused.reason, refused.detail))
            raise
        self._refusals.pop((host, port), None)
        return connection

    async def _checked_connection(self, host: str, port: int) -> _Ends:
        if self.received_bytes >= self._max_bytes:
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
        if (known := self._addresses.get(host)) is not None:
            return known
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
        return self._addresses.setdefault(host, addresses)

    async def _first_that_answers(self, addresses: list[str], port: int) -> _Ends:
        refused = _Refused(RefusalReason.UNREACHABLE, "could not be reached")
        for address in addresses:
            try:
                async with asyncio.timeout(self._connect_timeout):
                    return await self._connector(address, port)
            except TimeoutError:
                refused = _Refused(RefusalReason.CONNECT_TIMEOUT, "did not answer the connection")
            except ConnectionRefusedError:
                refused = _Refused(RefusalReason.CONNECTION_REFUSED, "refused the connection")
            except OSError as error:
                refused = _Refused(RefusalReason.UNREACHABLE, f"could not be reached: {error.strerror or error}")
        raise refused

    def _remember(self, refusal: Refusal) -> None:
        self._refusals[(refusal.host, refusal.port)] = refusal
        key = (refusal.host, refusal.port, refusal.reason)
        if key not in self._told:
            self._told.add(key)
            self._on_refusal(refusal)

    async def _pipe(self, host: str, port: int, client: _Ends, upstream: _Ends, *, http: bool = False) -> None:
        """Both ways until the server ends its side, or the page's bytes are used up."""

        async def up() -> None:
            while data := await client[0].read(_CHUNK):
                upstream[1].write(data)
                await upstream[1].drain()
            if upstream[1].can_write_eof():
                upstream[1].write_eof()

        sending = asyncio.ensure_future(up())
        try:
            if http:
                await self._answer_head(upstream[0], client[1])
            while data := await upstream[0].read(_CHUNK):
                self.received_bytes += len(data)
                client[1].write(data)
                await client[1].drain()
                if self.received_bytes >= self._max_bytes:
                    detail = f"is cut off: the page has used up its {self._max_bytes} bytes"
                    self._remember(Refusal(host, port, RefusalReason.BYTE_BUDGET, detail))
                    return
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, str, list[tuple[str, str]]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    parts = request_line.split(" ")
    if len(parts) != 3:
        raise _BadRequest(request_line)
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return parts[0], parts[1], parts[2], headers


def _host_port(url: str) -> tuple[str, int]:
    parsed = ada_url.URL(url)
    default = 443 if parsed.protocol in ("https:", "wss:") else 80
    return parsed.hostname.strip("[]").rstrip(".").lower(), int(parsed.port) if parsed.port else default
