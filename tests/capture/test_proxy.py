"""The filtering proxy, spoken to over real sockets; only names and the way to public addresses are made up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from testkit.pages import PageServer
from webaudit_capture.proxy import FilteringProxy, Refusal, RefusalReason

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "93.184.215.15"


@dataclass
class World:
    """Names as a test wants them, and every address that was connected to; all of them end at the test's server."""

    port: int
    names: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.names.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.connected.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.port)

    def proxy(
        self, *, allow: tuple[str, ...] = (), max_bytes: int = 1 << 20, max_connections: int = 20
    ) -> FilteringProxy:
        return FilteringProxy(
            allow=allow,
            max_bytes=max_bytes,
            max_connections=max_connections,
            resolve_timeout=1.0,
            connect_timeout=1.0,
            on_refusal=self.refusals.append,
            resolver=self.resolve,
            connector=self.connect,
        )


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[PageServer]:
    async with PageServer() as server:
        server.document("/", "welcome", content_type="text/plain")
        yield server


@pytest.fixture
def world(shop: PageServer) -> World:
    return World(shop.port, names={"shop.example": [[PUBLIC]]})


async def get(proxy: FilteringProxy, url: str, **options: object) -> httpx.Response:
    async with httpx.AsyncClient(proxy=proxy.url, trust_env=False, timeout=5) as client:
        return await client.get(url, **options)  # type: ignore[arg-type]


async def refused(proxy: FilteringProxy, url: str) -> Refusal:
    """For plain HTTP the proxy must not answer at all; for CONNECT it must not say 200."""
    with pytest.raises((httpx.RemoteProtocolError, httpx.ProxyError, httpx.ReadError)):
        await get(proxy, url)
    refusal = proxy.refusal(url)
    assert refusal is not None
    return refusal


async def test_a_public_shop_is_reached_at_the_address_that_was_checked(world: World) -> None:
    async with world.proxy() as proxy:
        answer = await get(proxy, "http://shop.example/")
        assert answer.text == "welcome"
        assert answer.headers["connection"] == "close"
        assert proxy.refusal("http://shop.example/") is None
    assert world.connected == [(PUBLIC, 80)]


async def test_the_shop_sees_the_path_and_the_host_and_no_proxy_headers(world: World, shop: PageServer) -> None:
    shop.document("/a", "x")
    async with world.proxy() as proxy:
        await get(proxy, "http://shop.example/a?b=c", headers={"Proxy-Authorization": "Basic eDp5"})
    request = shop.requests[-1]
    assert (request.path_qs, request.headers["Host"]) == ("/a?b=c", "shop.example")
    assert "Proxy-Authorization" not in request.headers


async def test_a_request_body_arrives_whole(world: World, shop: PageServer) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read())

    shop.handler("/echo", echo)
    body = b"x" * 300_000
    async with world.proxy() as proxy, httpx.AsyncClient(proxy=proxy.url, trust_env=False) as client:
        assert (await client.post("http://shop.example/echo", content=body)).content == body


async def test_a_tunnel_carries_bytes_both_ways_untouched(world: World) -> None:
    async with world.proxy() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(proxy.url).port)
        writer.write(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"welcome")
        writer.close()
    assert world.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_address_that_is_not_public_is_never_connected_to(world: World, scheme: str, address: str) -> None:
    world.names["inside.example"] = [[address]]
    async with world.proxy() as proxy:
        refusal = await refused(proxy, f"{scheme}://inside.example/")
    assert refusal.reason is RefusalReason.BLOCKED_ADDRESS
    assert address in refusal.detail
    assert world.connected == []
    assert world.refusals == [refusal]


async def test_one_private_address_among_public_ones_refuses_the_name(world: World) -> None:
    world.names["mixed.example"] = [[PUBLIC, "10.0.0.1"]]
    async with world.proxy() as proxy:
        assert (await refused(proxy, "http://mixed.example/")).reason is RefusalReason.BLOCKED_ADDRESS
    assert world.connected == []


async def test_a_name_that_changes_its_mind_gains_nothing(world: World) -> None:
    world.names["rebinding.example"] = [[OTHER_PUBLIC], ["127.0.0.1"]]
    async with world.proxy() as proxy:
        for _ in range(3):
            await get(proxy, "http://rebinding.example/")
    assert world.connected == [(OTHER_PUBLIC, 80)] * 3
    assert world.asked == ["rebinding.example"]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"])
async def test_an_address_in_the_url_is_checked_however_it_is_written(world: World, host: str) -> None:
    async with FilteringProxy(
        max_bytes=1000, max_connections=9, resolve_timeout=5, connect_timeout=1, on_refusal=world.refusals.append
    ) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(proxy.url).port)
        writer.write(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 502 ")
        writer.close()
    assert [refusal.reason for refusal in world.refusals] == [RefusalReason.BLOCKED_ADDRESS]


async def test_only_web_ports_are_open(world: World) -> None:
    async with world.proxy() as proxy:
        refusal = await refused(proxy, "http://shop.example:22/")
    assert refusal.reason is RefusalReason.PORT_NOT_ALLOWED
    assert world.asked == []


async def test_an_allowed_pair_is_reached_although_private_and_on_another_port(world: World) -> None:
    world.names["demo.internal"] = [["10.0.0.9"]]
    async with world.proxy(allow=("demo.internal:8080",)) as proxy:
        assert (await get(proxy, "http://demo.internal:8080/")).text == "welcome"
        assert (await refused(proxy, "http://demo.internal/")).reason is RefusalReason.BLOCKED_ADDRESS
        assert (await refused(proxy, "http://demo.internal:8081/")).reason is RefusalReason.PORT_NOT_ALLOWED
    assert world.connected == [("10.0.0.9", 8080)]


async def test_a_name_without_address_is_told_from_trouble_with_the_name_servers(world: World) -> None:
    async def trouble(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async with world.proxy() as proxy:
        assert (await refused(proxy, "http://nowhere.example/")).reason is RefusalReason.NAME_NOT_RESOLVED
    async with FilteringProxy(
        max_bytes=1, max_connections=9, resolve_timeout=1, connect_timeout=1, resolver=trouble
    ) as proxy:
        assert (await refused(proxy, "https://shop.example/")).reason is RefusalReason.DNS_TROUBLE


async def test_silent_name_servers_and_hosts_are_given_up_on(world: World) -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError

    async def silent(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    async with FilteringProxy(
        max_bytes=1, max_connections=9, resolve_timeout=0.05, connect_timeout=1, resolver=never
    ) as proxy:
        assert (await refused(proxy, "http://shop.example/")).reason is RefusalReason.DNS_TROUBLE
    async with FilteringProxy(
        max_bytes=1,
        max_connections=9,
        resolve_timeout=1,
        connect_timeout=0.05,
        resolver=world.resolve,
        connector=silent,
    ) as proxy:
        assert (await refused(proxy, "http://shop.example/")).reason is RefusalReason.CONNECT_TIMEOUT


async def test_the_next_address_is_tried_when_the_first_refuses(world: World) -> None:
    async def first_refuses(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if address == PUBLIC:
            raise ConnectionRefusedError
        return await world.connect(address, port)

    world.names["two.example"] = [[PUBLIC, OTHER_PUBLIC]]
    async with FilteringProxy(
        max_bytes=1000,
        max_connections=9,
        resolve_timeout=1,
        connect_timeout=1,
        resolver=world.resolve,
        connector=first_refuses,
    ) as proxy:
        assert (await get(proxy, "http://two.example/")).text == "welcome"


async def test_a_refusal_is_forgotten_once_the_host_was_reached(world: World) -> None:
    world.names["late.example"] = []
    async with world.proxy() as proxy:
        assert (await refused(proxy, "http://late.example/")).reason is RefusalReason.NAME_NOT_RESOLVED
        world.names["late.example"] = [[PUBLIC]]
        await get(proxy, "http://late.example/")
        assert proxy.refusal("http://late.example/") is None


async def test_a_page_cannot_download_more_than_its_budget(world: World, shop: PageServer) -> None:
    shop.document("/big", b"x" * 500_000, content_type="application/octet-stream")
    async with world.proxy(max_bytes=100_000) as proxy:
        with pytest.raises(httpx.RemoteProtocolError):
            await get(proxy, "http://shop.example/big")
        assert (await refused(proxy, "http://shop.example/")).reason is RefusalReason.BYTE_BUDGET
        assert proxy.received_bytes < 300_000
    assert [refusal.reason for refusal in world.refusals] == [RefusalReason.BYTE_BUDGET]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET ftp://shop.example/ HTTP/1.1\r\n\r\n",
        b"CONNECT shop.example HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET " + b"x" * 200_000,
    ],
)
async def test_what_is_no_proxy_request_is_dropped(world: World, request_bytes: bytes) -> None:
    async with world.proxy() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(proxy.url).port)
        writer.write(request_bytes)
        assert await _rest(reader) == b""
        writer.close()
    assert world.connected == []


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_an_interim_answer_comes_before_the_answer(world: World) -> None:
    async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(hints, "127.0.0.1", 0)
    world.port = server.sockets[0].getsockname()[1]
    async with server, world.proxy() as proxy:
        answer = await get(proxy, "http://shop.example/")
    assert (answer.status_code, answer.text, answer.headers["connection"]) == (200, "ok", "close")


async def test_many_at_once_ask_for_a_name_once(world: World) -> None:
    first, *others = [PUBLIC], ["127.0.0.1"]
    world.names["rebinding.example"] = [first, *others]
    asked = world.resolve

    async def slowly(host: str, port: int) -> list[str]:
        await asyncio.sleep(0)
        return await asked(host, port)

    world.resolve = slowly  # type: ignore[method-assign]
    async with world.proxy() as proxy:
        answers = await asyncio.gather(*(get(proxy, "http://rebinding.example/") for _ in range(6)))
    assert [answer.text for answer in answers] == ["welcome"] * 6
    assert world.asked == ["rebinding.example"]


@dataclass
class Host:
    """A host that says what it is told to and writes down all it gets."""

    says: bytes
    got: bytes = b""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.came.set()
        self.got += await reader.readuntil(b"\r\n\r\n")
        writer.write(self.says)
        try:
            while data := await reader.read(1000):
                self.got += data
        except ConnectionError:
            pass  # the proxy left
        self.open -= 1
        self.gone.set()
        writer.close()


async def spoken(proxy: FilteringProxy, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(proxy.url).port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    return reader, writer


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    ("fields", "body"),
    [(b"", b""), (b"Content-Length: 4\r\n", b"body")],
    ids=["no body", "a body"],
)
async def test_a_second_request_on_a_connection_is_not_passed_on(world: World, fields: bytes, body: bytes) -> None:
    host = Host(OK)
    second = b"GET http://10.0.0.1/inside HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"
    async with await asyncio.start_server(host.serve, "127.0.0.1", 0) as server, world.proxy() as proxy:
        world.port = server.sockets[0].getsockname()[1]
        request = b"POST http://shop.example/ HTTP/1.1\r\n" + fields + b"\r\n" + body
        reader, writer = await spoken(proxy, request + second, second)
        assert (await reader.readexactly(len(OK))).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await host.gone.wait()
    assert host.got.endswith(b"\r\n\r\n" + body)
    assert b"inside" not in host.got
    assert world.connected == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET http://shop.example/ HTTP/1.1\r\n\r\n", b"CONNECT shop.example:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"],
    ids=["http", "tunnel"],
)
async def test_a_client_that_leaves_keeps_no_connection_open(world: World, request_bytes: bytes) -> None:
    silent = Host(b"")
    async with await asyncio.start_server(silent.serve, "127.0.0.1", 0) as server, world.proxy() as proxy:
        world.port = server.sockets[0].getsockname()[1]
        _, writer = await spoken(proxy, request_bytes)
        await silent.came.wait()
        writer.close()
        await asyncio.wait_for(silent.gone.wait(), 10)
        assert silent.open == 0


async def test_of_too_many_connections_the_later_ones_wait(world: World) -> None:
    host = Host(b"")
    request_bytes = b"GET http://shop.example/ HTTP/1.1\r\n\r\n"
    async with (
        await asyncio.start_server(host.serve, "127.0.0.1", 0) as server,
        world.proxy(max_connections=2) as proxy,
    ):
        world.port = server.sockets[0].getsockname()[1]
        clients = [await spoken(proxy, request_bytes) for _ in range(3)]
        while host.open < 2:
            host.came.clear()
            await host.came.wait()
        assert len(world.connected) == 2
        host.came.clear()
        for _, writer in clients[:2]:
            writer.close()
        await asyncio.wait_for(host.came.wait(), 10)
        assert len(world.connected) == 3
        clients[2][1].close()


@pytest.mark.parametrize(
    "says",
    [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000],
    ids=["1xx", "body"],
)
async def test_a_stream_ends_where_the_budget_does_whatever_it_is_made_of(world: World, says: bytes) -> None:
    host = Host(says)
    async with (
        await asyncio.start_server(host.serve, "127.0.0.1", 0) as server,
        world.proxy(max_bytes=100_000) as proxy,
    ):
        world.port = server.sockets[0].getsockname()[1]
        reader, writer = await spoken(proxy, b"GET http://shop.example/ HTTP/1.1\r\n\r\n")
        assert 100_000 <= len(await _rest(reader)) < 300_000
        writer.close()
    assert [refusal.reason for refusal in world.refusals] == [RefusalReason.BYTE_BUDGET]


async def test_what_a_page_sends_counts_too(world: World) -> None:
    host = Host(b"")
    async with (
        await asyncio.start_server(host.serve, "127.0.0.1", 0) as server,
        world.proxy(max_bytes=100_000) as proxy,
    ):
        world.port = server.sockets[0].getsockname()[1]
        request = b"POST http://shop.example/ HTTP/1.1\r\nContent-Length: 500000\r\n\r\n"
        reader, writer = await spoken(proxy, request)
        writer.write(b"x" * 500_000)
        assert await _rest(reader) == b""
        writer.close()
        await host.gone.wait()
    assert len(host.got) < 300_000
    assert [refusal.reason for refusal in world.refusals] == [RefusalReason.BYTE_BUDGET]


@pytest.mark.parametrize("addresses", [["2606:4700::1"], ["2606:4700::1", PUBLIC]], ids=["IPv6 only", "dual stack"])
async def test_a_host_on_ipv6_is_reached(world: World, addresses: list[str]) -> None:
    world.names["six.example"] = [addresses]
    async with world.proxy() as proxy:
        assert (await get(proxy, "http://six.example/")).text == "welcome"
    assert world.connected == [("2606:4700::1", 80)]


async def test_an_address_that_leads_nowhere_is_not_waited_for_twice(world: World) -> None:
    tried: list[str] = []

    async def only_ipv4(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tried.append(address)
        if ":" in address:
            await asyncio.Event().wait()
        return await world.connect(address, port)

    world.names["dual.example"] = [["2606:4700::1", PUBLIC]]
    async with FilteringProxy(
        max_bytes=1000,
        max_connections=9,
        resolve_timeout=1,
        connect_timeout=0.05,
        resolver=world.resolve,
        connector=only_ipv4,
    ) as proxy:
        for _ in range(2):
            assert (await get(proxy, "http://dual.example/")).text == "welcome"
    assert tried == ["2606:4700::1", PUBLIC, PUBLIC]
