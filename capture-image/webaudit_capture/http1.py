"""The little of HTTP/1.1 that a forward proxy reads itself: the heads of requests and answers (RFC 9112). Pure.

What is not plainly a request to a proxy is refused, not mended: a browser writes no such thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import ada_url

from webaudit_capture.urls import BadUrl, host_port

END = b"\r\n\r\n"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(?P<method>" + _TOKEN + rb") (?P<target>[\x21-\x7e]+) HTTP/1\.[01]")
_AUTHORITY = re.compile(r"[^/\\@?#]+")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (?P<status>[1-5]\d\d)(?: .*)?", re.DOTALL)
_FIELD = re.compile(rb"(?P<name>" + _TOKEN + rb"):[ \t]*(?P<value>[^\r\n\0]*)")
_ONE_HOP = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"te", b"upgrade"})
_ONE_HOP_BACK = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"proxy-authenticate"})


class BadHead(Exception):
    """The other side does not speak HTTP as it is spoken with a proxy."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """CONNECT: bytes both ways."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Any other request: `head` is what the host gets, and after it `length` bytes of the client's, not one more."""

    host: str
    port: int
    head: bytes
    length: int


def target_of(url: str) -> tuple[str, int]:
    """Host (no brackets, no dot at the end) and port of an absolute URL. Raises ValueError."""
    parsed = ada_url.URL(url)
    default = 443 if parsed.protocol in ("https:", "wss:") else 80
    return parsed.hostname.strip("[]").rstrip(".").lower(), int(parsed.port) if parsed.port else default


def request(head: bytes) -> Tunnel | Forward:
    """Raises BadHead. The host comes from the request line alone, and its Host field is written anew from it."""
    first, *lines = head.removesuffix(END).split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise BadHead("not a request line")
    target = match["target"].decode()
    fields = _fields(lines)
    if match["method"] == b"CONNECT":
        try:
            if _AUTHORITY.fullmatch(target) is None:
                raise BadUrl(target)
            _, port = host_port(target)
            return Tunnel(target_of(f"http://{target}/")[0], port)
        except (BadUrl, ValueError) as error:
            raise BadHead("CONNECT is not to host:port") from error
    try:
        url = ada_url.URL(target)
    except ValueError as error:
        raise BadHead("not the address of a page") from error
    if url.protocol != "http:":
        raise BadHead("not an http address")
    length = _length(fields)
    named = {
        word.strip().lower() for name, value in fields if name.lower() == b"connection" for word in value.split(b",")
    }
    kept = [
        name + b": " + value
        for name, value in fields
        if name.lower() not in _ONE_HOP and name.lower() not in named and name.lower() != b"host"
    ]
    line = b"%s %s HTTP/1.1" % (match["method"], f"{url.pathname}{url.search}".encode())
    host = b"Host: " + url.host.encode()
    return Forward(*target_of(target), b"\r\n".join([line, host, *kept, b"Connection: close", END[2:]]), length)


def answer(head: bytes) -> tuple[bytes, bool]:
    """An answer's head as the client gets it, and whether another one follows (1xx). Raises BadHead.

    The final one says that the connection closes. A challenge in the proxy's name is not the host's to make.
    """
    first, *lines = head.removesuffix(END).split(b"\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None or match["status"] == b"101":
        raise BadHead("not an answer to what was asked")
    interim = match["status"].startswith(b"1")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in _ONE_HOP_BACK]
    closing = [] if interim else [b"Connection: close"]
    return b"\r\n".join([first, *kept, *closing, END[2:]]), interim


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BadHead("not a header field")
        fields.append((match["name"], match["value"].rstrip(b" \t")))
    return fields


def _length(fields: list[tuple[bytes, bytes]]) -> int:
    """Of the body. One of a length that is not stated is refused: browsers send none over HTTP/1."""
    lengths = {value for name, value in fields if name.lower() == b"content-length"}
    if any(name.lower() == b"transfer-encoding" for name, _ in fields):
        raise BadHead("the body's length is not stated")
    if not lengths:
        return 0
    length = lengths.pop()
    if lengths or not length.isdigit() or len(length) > 15:
        raise BadHead("the body's length is not clear")
    return int(length)
