"""Small documents (robots.txt, sitemaps) by the same way out as the browser: through the filtering proxy."""

from __future__ import annotations

import httpx

from webaudit_capture.urls import BadUrl, normalize


class Fetcher:
    """GETs as the browser's user agent; every redirect passes the proxy's checks too."""

    def __init__(self, proxy_url: str, *, user_agent: str, timeout: float) -> None:
        self._proxy_url = proxy_url
        self._user_agent = user_agent
        self._timeout = timeout

    async def __call__(self, url: str, max_bytes: int) -> bytes | None:
        """The first so many bytes (decoded) of a success's body, else None. What lies beyond them is not read."""
        try:
            target = normalize(url)
        except BadUrl:
            return None
        async with httpx.AsyncClient(
            proxy=self._proxy_url,
            trust_env=False,
            follow_redirects=True,
            timeout=self._timeout,
            headers={"User-Agent": self._user_agent},
        ) as client:
            try:
                async with client.stream("GET", target) as answer:
                    if not answer.is_success:
                        return None
                    body = bytearray()
                    async for chunk in answer.aiter_bytes():
                        body += chunk
                        if len(body) >= max_bytes:
                            break
                    return bytes(body[:max_bytes])
            except (httpx.HTTPError, httpx.InvalidURL):
                return None
