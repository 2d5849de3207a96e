"""The attacking shop: a public web server of the namespace, and what its names lead to."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from urllib.parse import unquote

from capture.ssrf import vectors
from capture.ssrf.vectors import SHOP
from testkit.nameserver import Answers

ADDRESS = "93.184.216.34"
"""Public by every rule; in the namespace it is this machine."""
ADDRESS_V6 = "2606:2800:21f::5"
PRIVATE = "10.9.8.7"
REBINDING = "rebind.test"
AT_ONCE = "rebind-at-once.test"
SLOW = {"slow.test": 0.3, AT_ONCE: 0.1}
"""Names whose answer takes a while, in seconds."""
NAMES: dict[str, Answers] = {
    SHOP: [[ADDRESS]],
    "quic.test": [[ADDRESS]],
    "six.test": [[ADDRESS_V6]],
    # Public for the first question, private for every one after it.
    REBINDING: [[ADDRESS], [PRIVATE]],
    AT_ONCE: [[ADDRESS], [PRIVATE]],
    "late.test": [[PRIVATE], [ADDRESS]],
    **{name: [[PRIVATE]] for name in ("slow.test", "capitals.test", "xn--bcher-kva.test", "stun.test")},
    "10.1.7.15.nip.test": [["10.1.7.15"]],
    "private.test": [[PRIVATE]],
    "private2.test": [[PRIVATE]],
    "alias.test": [["private.test"]],
    "metadata.test": [["169.254.169.254"]],
    "mixed.test": [[PRIVATE, ADDRESS]],
    "mixed6.test": [[ADDRESS, "fd12::7"]],
    "mapped.test": [["::ffff:10.9.8.7"]],
    "nat64.test": [["64:ff9b::a09:807"]],
}
LEAVING = {
    "/meta": ("", '<meta http-equiv="refresh" content="0;url=http://10.9.7.1/c/main-meta">'),
    "/refresh": ("Refresh: 0;url=http://10.9.7.2/c/main-refresh\r\n", ""),
    "/location": ("", '<script>location = "http://10.9.7.3/c/main-location"</script>'),
    "/replace": ("", '<script>location.replace("http://[fd12::3]/c/main-replace")</script>'),
    "/form": ("", '<form action="http://10.9.7.4/c/main-form"></form><script>document.forms[0].submit()</script>'),
}
"""Pages that go elsewhere by themselves: headers and head by path."""
_AGAIN = (
    "<script>const again = async () => { for (let i = 0; i < 8; i++) {"
    ' await fetch("/c/rebound?" + i, {cache: "no-store"}).catch(() => {});'
    " await new Promise((r) => setTimeout(r, 100)); } document.title = 'asked again'; }; again();</script>"
)


class Shop:
    """Serves the vectors' pages on ports 80 and 443. `asked` holds the paths it was asked for."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self.asked: list[str] = []

    async def serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        if port == 443:
            await writer.start_tls(self._tls)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ", 2)[1]
        self.asked.append(path)
        status, headers, body = _answer(path)
        data = body.encode()
        start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{headers}Content-Length: {len(data)}\r\n"
        writer.write(f"{start}Connection: close\r\n\r\n".encode() + data)
        await writer.drain()


def _answer(path: str) -> tuple[int, str, str]:
    """Status, further header lines, body."""
    page, _, query = path.partition("?")
    html = "Content-Type: text/html; charset=utf-8\r\n"
    if page == "/to":
        target, _, kind = query.partition("&")
        status = int(kind or 302)
        return status, f"Location: {unquote(target)}\r\nAccess-Control-Allow-Origin: *\r\n", ""
    if page in LEAVING:
        headers, inside = LEAVING[page]
        return 200, html + headers, f"<!doctype html><title>Off</title>{inside}<h1>Elsewhere</h1>"
    if page == "/worker.js":
        return 200, "Content-Type: text/javascript\r\n", f'fetch("https://{query}/c/x", {{mode: "no-cors"}})'
    if page == "/rebinding":
        return 200, html, f"<!doctype html><title>Rebinding</title><h1>A shop</h1>{_AGAIN}"
    if page == "/at-once":
        pictures = "".join(f'<img src="http://{AT_ONCE}/c/at-once?{number}">' for number in range(6))
        return 200, html, f"<!doctype html><title>At once</title><h1>A shop</h1>{pictures}"
    if page.startswith("/tried/"):
        return 204, "", ""
    if page.startswith("/c/"):
        return 200, "Content-Type: text/plain\r\n", "from the public shop"
    if page == "/robots.txt":
        return 200, "Content-Type: text/plain\r\n", f"Sitemap: http://{SHOP}/to?http://10.9.7.9/c/sitemap\n"
    if page == "/clip":
        return 200, "Content-Type: video/mp4\r\n", ""
    name = page.strip("/")
    if name in vectors.PAGES:
        lines = "".join(f"{header}: {value}\r\n" for header, value in vectors.headers(name).items())
        return 200, html + lines, vectors.html(name)
    return 404, html, "<!doctype html><title>Nothing</title>"
