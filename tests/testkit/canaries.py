"""Listeners that must never hear anything: TCP and UDP, on every address of a namespace (netns.py).

What reached them is told by names: `tcp:PORT:ADDRESS` or `udp:PORT` as it was meant for, and of an HTTP request for
`/c/NAME` also NAME.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

Public = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WEB_PORTS = (80, 443)
_REPLY = (
    b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Private-Network: true\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class Canaries:
    """`reached` holds a name for each contact, `heard` is set by each.

    What is meant for `public` goes to `serve`, on the web's ports.
    """

    def __init__(self, public: frozenset[str], serve: Public) -> None:
        self._public = public
        self._serve = serve
        self.reached: set[str] = set()
        self.heard = asyncio.Event()

    def _hear(self, name: str) -> None:
        self.reached.add(name)
        self.heard.set()

    async def listen(self, tcp: Iterable[int], udp: Iterable[int]) -> None:
        loop = asyncio.get_running_loop()
        for port in tcp:
            await asyncio.start_server(self._accepted, sock=_wildcard(socket.SOCK_STREAM, port))
        for port in udp:
            sock = _wildcard(socket.SOCK_DGRAM, port)
            await loop.create_datagram_endpoint(partial(_Ear, self._hear, f"udp:{port}"), sock=sock)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port = writer.get_extra_info("sockname")[:2]
        if "." in address:
            address = address.removeprefix("::ffff:")  # an IPv4 address, as a socket for both kinds tells it
        try:
            if address in self._public and port in WEB_PORTS:
                await self._serve(port, reader, writer)
                return
            self._hear(f"tcp:{port}:{address}")
            path = (await reader.read(4096)).split(b" ")[1:2]
            if path and path[0].startswith(b"/c/"):
                self._hear(path[0].decode().removeprefix("/c/").partition("?")[0])
            writer.write(_REPLY)
            await writer.drain()
        except OSError:
            pass  # it went away: that it came is written down
        finally:
            writer.close()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[str], None], name: str) -> None:
        self._hear = hear
        self._name = name

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._hear(self._name)


def _wildcard(kind: socket.SocketKind, port: int) -> socket.socket:
    """On every IPv4 and IPv6 address; leaves room for a listener on one address of the same port."""
    listener = socket.socket(socket.AF_INET6, kind)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setblocking(False)
    listener.bind(("::", port))
    return listener
