"""Nordlicht Outdoor, a shop to be audited: `python3 server.py --port 8080`. Standard library only.

Any host name is served, and equal requests get equal bytes. Beside the shop: `/status/NNN` answers with that status,
`/silent` never answers, and `--silent-port` opens a port on which nothing is ever said.
"""

from __future__ import annotations

import argparse
import signal
import socketserver
import sys
import threading
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pages
from catalogue import BY_SLUG
from pictures import picture

HERE = Path(__file__).resolve().parent
ASSETS = {"/shop.css": "text/css; charset=utf-8", "/shop.js": "text/javascript; charset=utf-8"}
HTML = "text/html; charset=utf-8"
Answer = tuple[int, str, bytes]


def answer(origin: str, path: str) -> Answer:
    """Status, content type and body for a path; pure but for the two asset files."""
    if path in ASSETS:
        return 200, ASSETS[path], (HERE / path[1:]).read_bytes()
    if path == "/robots.txt":
        return 200, "text/plain; charset=utf-8", pages.robots(origin).encode()
    if path == "/sitemap.xml":
        return 200, "application/xml", pages.sitemap(origin).encode()
    folder, _, name = path.removeprefix("/").partition("/")
    if folder == "img" and name.endswith(".svg"):
        drawn = picture(name.removesuffix(".svg"))
        if drawn is not None:
            return 200, "image/svg+xml", drawn
    if folder == "status" and name in {str(int(status)) for status in HTTPStatus if status >= 400}:
        status = HTTPStatus(int(name))
        return status, HTML, pages.message(origin, status, status.phrase, status.description or "Asked for.").encode()
    html = page(origin, folder, name)
    if html is None:
        lost = pages.message(origin, 404, "Off the map", "This path leads nowhere. It happens to the best of us.")
        return 404, HTML, lost.encode()
    return 200, HTML, html.encode()


def page(origin: str, folder: str, name: str) -> str | None:
    if folder in ("", "index.html") and not name:
        return pages.home(origin)
    if folder == "category":
        return pages.category(origin, name)
    if folder == "products" and name in BY_SLUG:
        return pages.product(origin, BY_SLUG[name])
    if folder == "info":
        return pages.info(origin, name)
    if folder == "sale" and not name:
        return pages.sale(origin)
    if folder == "cart" and not name:
        return pages.cart(origin)
    return None


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nordlicht"
    sys_version = ""
    # Head and body in one packet: written apart, the second waits for the first's acknowledgement (about 40 ms).
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/silent":
            self.rfile.read(1)  # returns when the visitor gives up
            self.close_connection = True
            return
        host = escape(self.headers.get("Host") or "localhost")
        status, kind, body = answer(f"http://{host}", path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store" if kind == HTML else "max-age=3600")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        sys.stdout.write(f"{format % args}\n")
        sys.stdout.flush()


class Silence(socketserver.BaseRequestHandler):
    """Takes whatever comes and answers nothing until the visitor leaves."""

    def handle(self) -> None:
        while self.request.recv(4096):
            pass


class SilentServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    parser = argparse.ArgumentParser(description="A made-up outdoor shop.")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free port; the first line says which")
    parser.add_argument("--silent-port", type=int, help="accept here and never answer")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as process 1 of a container there is no default action
    shop = ThreadingHTTPServer((options.host, options.port), Shop)
    if options.silent_port is not None:
        silent = SilentServer((options.host, options.silent_port), Silence)
        threading.Thread(target=silent.serve_forever, daemon=True).start()
        print(f"silent on port {silent.server_address[1]}", flush=True)
    print(f"open on port {shop.server_address[1]}", flush=True)
    try:
        shop.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
