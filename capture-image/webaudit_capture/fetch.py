"""Small documents (robots.txt, sitemaps) by the same way out as the browser: through the filtering proxy."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx

from webaudit_capture.urls import BadUrl, normalize


class Fetcher:
    """GETs as the browser's user agent; every redirect passes the proxy's checks too."""

    def __init__(self, proxy_url: str, *, user_agent: str, timeout: float) -> None:
        self._proxy_url = proxy_url
        self._user_agent = user_agent
        self._timeout = timeout

    async def __call__(self, url: str, max_bytes: int) -> bytes | None:
        """The first so many bytes (decoded) of a success's body, else None. What lies beyond them is not read.

        Of a body that does not end in time, or breaks off, what came of it.
        """
        try:
            target = normalize(url)
        except BadUrl:
            return None
        body: bytearray | None = None
        with suppress(httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            async with (
                asyncio.timeout(self._timeout),
                httpx.AsyncClient(
                    proxy=self._proxy_url,
                    trust_env=False,
                    follow_redirects=True,
                    timeout=self._timeout,
                    headers={"User-Agent": self._user_agent},
                ) as client,
                client.stream("GET", target) as answer,
            ):
                if answer.is_success:
                    body = bytearray()
                    async for chunk in answer.aiter_bytes():
                        body += chunk
                        if len(body) >= max_bytes:
                            break
        return bytes(body[:max_bytes]) if body is not None else None
