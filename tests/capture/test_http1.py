"""Which heads a proxy takes from a client and from a host, and what it passes on of them."""

from __future__ import annotations

import pytest

from webaudit_capture.http1 import BadHead, Forward, Tunnel, answer, request


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("shop.example:443", "shop.example", 443),
        ("Shop.Example.:80", "shop.example", 80),
        ("127.1:443", "127.0.0.1", 443),
        ("0x7f000001:443", "127.0.0.1", 443),
        ("[::1]:443", "::1", 443),
        ("[::ffff:10.0.0.1]:443", "::ffff:a00:1", 443),
    ],
)
def test_a_tunnel_leads_to_the_host_as_the_url_standard_reads_it(target: str, host: str, port: int) -> None:
    assert request(head(f"CONNECT {target} HTTP/1.1", "Host: elsewhere.example")) == Tunnel(host, port)


def test_a_request_is_passed_on_to_the_host_of_its_first_line_and_to_no_other() -> None:
    passed = request(
        head(
            "POST http://shop.example:8080/a?b=c HTTP/1.1",
            "Host: 169.254.169.254",
            "hOST: 10.0.0.1",
            "Connection: keep-alive, X-Between",
            "X-Between: us",
            "Proxy-Authorization: Basic eDp5",
            "Upgrade: websocket",
            "Content-Length: 2",
            "Content-Length: 2",
            "Accept: */*",
        )
    )
    expected = head(
        "POST /a?b=c HTTP/1.1",
        "Host: shop.example:8080",
        "Content-Length: 2",
        "Content-Length: 2",
        "Accept: */*",
        "Connection: close",
    )
    assert passed == Forward("shop.example", 8080, expected, 2)


@pytest.mark.parametrize(
    "lines",
    [
        ["GET / HTTP/1.1"],
        ["GET //10.0.0.1/ HTTP/1.1"],
        ["GET https://shop.example/ HTTP/1.1"],
        ["GET file:///etc/passwd HTTP/1.1"],
        ["GET http://shop.example:80:80/ HTTP/1.1"],
        ["GET http://shop.example/ HTTP/1.1 HTTP/1.1"],
        ["GET http://shop.example/ HTTP/2.0"],
        ["GET http://shop.example/\tHTTP/1.1"],
        ["GET http://shop.example/\nHost:\t10.0.0.1 HTTP/1.1"],
        ["GET http://shop.example/ HTTP/1.1\nX: y"],
        ["G(T http://shop.example/ HTTP/1.1"],
        ["CONNECT shop.example HTTP/1.1"],
        ["CONNECT http://shop.example:443 HTTP/1.1"],
        ["CONNECT shop.example:443:443 HTTP/1.1"],
        ["CONNECT user@shop.example:443/ HTTP/1.1"],
        ["CONNECT [fe80::1%25lo]:80 HTTP/1.1"],
        ["CONNECT sh\0op.example:443 HTTP/1.1"],
        ["CONNECT a b:443 HTTP/1.1"],
        ["CONNECT :443 HTTP/1.1"],
        ["GET http://shop.example/ HTTP/1.1", "no field"],
        ["GET http://shop.example/ HTTP/1.1", "Two words: x"],
        ["GET http://shop.example/ HTTP/1.1", "Host : 10.0.0.1"],
        ["GET http://shop.example/ HTTP/1.1", "A: b", " folded"],
        ["GET http://shop.example/ HTTP/1.1", "A: b\nHost: 10.0.0.1"],
        ["GET http://shop.example/ HTTP/1.1", "A: b\rHost: 10.0.0.1"],
        ["POST http://shop.example/ HTTP/1.1", "Transfer-Encoding: chunked"],
        ["POST http://shop.example/ HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked"],
        ["POST http://shop.example/ HTTP/1.1", "Content-Length: 4", "Content-Length: 5"],
        ["POST http://shop.example/ HTTP/1.1", "Content-Length: +4"],
        ["POST http://shop.example/ HTTP/1.1", "Content-Length: 4, 4"],
        ["POST http://shop.example/ HTTP/1.1", "Content-Length: -1"],
    ],
    ids=lambda lines: repr(lines[-1]),
)
def test_what_could_be_read_in_two_ways_is_refused(lines: list[str]) -> None:
    with pytest.raises(BadHead):
        request(head(*lines))


def test_an_answer_ends_with_the_connection_and_cannot_ask_for_a_proxys_password() -> None:
    told = head("HTTP/1.1 407 X", "Proxy-Authenticate: Negotiate", "Connection: keep-alive", "Content-Length: 0")
    assert answer(told) == (head("HTTP/1.1 407 X", "Content-Length: 0", "Connection: close"), False)


def test_an_interim_answer_is_passed_on_and_another_follows() -> None:
    hints = head("HTTP/1.1 103 Early Hints", "Link: </a.css>")
    assert answer(hints) == (hints, True)


@pytest.mark.parametrize("first", ["HTTP/1.1 101 Switching Protocols", "SSH-2.0-OpenSSH", "HTTP/1.1 999", "HTTP/2 200"])
def test_what_is_no_answer_to_a_request_is_refused(first: str) -> None:
    with pytest.raises(BadHead):
        answer(head(first))
