"""Delivery by signed PUT, against a real server that misbehaves as told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from testkit.pages import Handler, PageServer
from webaudit_capture.artifacts import crc32c
from webaudit_capture.contract import UploadTarget
from webaudit_capture.policy import Upload
from webaudit_capture.upload import SignedUploads, Undelivered

QUICK = Upload(attempts=3, attempt_timeout=2.0, backoff_initial=0.01, backoff_max=0.02)


@pytest_asyncio.fixture
async def bucket() -> AsyncIterator[PageServer]:
    async with PageServer() as server:
        yield server


def uploads(bucket: PageServer, *, max_bytes: int = 1000) -> SignedUploads:
    target = UploadTarget(
        object_name="shop.example__1/homepage/desktop/a.txt",
        url=bucket.url("/a?X-Goog-Signature=secret"),
        headers={"Content-Type": "text/plain", "x-goog-content-length-range": "0,1000"},
        max_bytes=max_bytes,
    )
    return SignedUploads({"a.txt": target}, QUICK)


def answers(status: int, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, headers=named, text="<Error><Code>Said</Code></Error>")

    return answer


async def test_exactly_the_signed_headers_are_sent_and_the_generation_comes_back(bucket: PageServer) -> None:
    bucket.handler("/a", answers(200, x_goog_generation="17", x_goog_hash=f"crc32c={crc32c(b'data')},md5=x"))
    async with uploads(bucket) as put:
        assert await put.put("a.txt", b"data") == "17"
        assert put.object_name("a.txt") == "shop.example__1/homepage/desktop/a.txt"
    (request,) = bucket.requests
    assert request.method == "PUT"
    assert request.headers["x-goog-content-length-range"] == "0,1000"
    assert request.headers["Content-Type"] == "text/plain"
    assert [name for name in request.headers if name.lower().startswith("x-goog")] == ["x-goog-content-length-range"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_busy_bucket_is_tried_again(bucket: PageServer, status: int) -> None:
    bucket.in_turn("/a", answers(status), answers(status), answers(200))
    async with uploads(bucket) as put:
        assert await put.put("a.txt", b"data") is None
    assert bucket.hits["/a"] == 3


async def test_a_broken_connection_is_tried_again(bucket: PageServer) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    bucket.in_turn("/a", hang_up, answers(200))
    async with uploads(bucket) as put:
        await put.put("a.txt", b"data")
    assert bucket.hits["/a"] == 2


async def test_a_checksum_that_differs_is_tried_again(bucket: PageServer) -> None:
    bucket.in_turn(
        "/a", answers(200, x_goog_hash="crc32c=AAAAAA=="), answers(200, x_goog_hash=f"crc32c={crc32c(b'data')}")
    )
    async with uploads(bucket) as put:
        await put.put("a.txt", b"data")
    assert bucket.hits["/a"] == 2


async def test_trouble_that_stays_is_undelivered(bucket: PageServer) -> None:
    bucket.handler("/a", answers(503))
    async with uploads(bucket) as put:
        with pytest.raises(Undelivered, match=r"answered 503 \(3 attempts\)"):
            await put.put("a.txt", b"data")
    assert bucket.hits["/a"] == 3


@pytest.mark.parametrize("status", [400, 403, 404, 412])
async def test_a_refusal_is_final_and_does_not_show_the_signature(bucket: PageServer, status: int) -> None:
    bucket.handler("/a", answers(status))
    async with uploads(bucket) as put:
        with pytest.raises(Undelivered, match=rf"refused it with {status}: Said") as refusal:
            await put.put("a.txt", b"data")
    assert "secret" not in str(refusal.value)
    assert bucket.hits["/a"] == 1


async def test_what_is_too_large_or_not_foreseen_is_not_even_sent(bucket: PageServer) -> None:
    async with uploads(bucket, max_bytes=3) as put:
        with pytest.raises(Undelivered, match="4 bytes, 3 are allowed"):
            await put.put("a.txt", b"data")
        with pytest.raises(Undelivered, match=r"no upload target for b\.txt"):
            await put.put("b.txt", b"")
    assert bucket.requests == []
