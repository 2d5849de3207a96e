"""Delivering files by signed PUT, checked by crc32c; `result.json` is the caller's last one.

Goes straight to the bucket, never through the filtering proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from webaudit_capture.artifacts import crc32c
from webaudit_capture.contract import UploadTarget
from webaudit_capture.policy import Upload

_TRY_AGAIN = frozenset({408, 429})


class Undelivered(Exception):
    """An upload was refused, or failed as often as the policy allows."""


class _Trouble(Exception):
    """Worth another try."""


class SignedUploads:
    """PUTs to the targets of a request, by file name."""

    def __init__(self, targets: Mapping[str, UploadTarget], policy: Upload) -> None:
        self._targets = targets
        self._policy = policy
        # The environment's proxies are not for the bucket: its address is in the signed URL.
        self._client = httpx.AsyncClient(timeout=policy.attempt_timeout, trust_env=False)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    def object_name(self, file: str) -> str:
        """Raises Undelivered for a file the request has no target for."""
        return self._target(file).object_name

    def max_bytes(self, file: str) -> int:
        return self._target(file).max_bytes

    async def put(self, file: str, data: bytes) -> str | None:
        """Store one file; the generation if the answer names it.

        Tries again on 408, 429, 5xx, broken connections and a checksum that differs. Raises Undelivered.
        """
        target = self._target(file)
        if len(data) > target.max_bytes:
            raise Undelivered(f"{file} has {len(data)} bytes, {target.max_bytes} are allowed")
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._policy.attempts),
            wait=wait_exponential(
                multiplier=self._policy.backoff_initial, min=self._policy.backoff_initial, max=self._policy.backoff_max
            ),
            retry=retry_if_exception_type(_Trouble),
            reraise=True,
        )
        try:
            return await attempts(self._put_once, file, target, data)
        except _Trouble as trouble:
            raise Undelivered(f"{file}: {trouble} ({self._policy.attempts} attempts)") from trouble

    async def _put_once(self, file: str, target: UploadTarget, data: bytes) -> str | None:
        try:
            answer = await self._client.put(target.url, content=data, headers=target.headers)
        except httpx.TransportError as error:
            raise _Trouble(f"{type(error).__name__} {error}".strip()) from error
        if answer.status_code in _TRY_AGAIN or answer.status_code >= 500:
            raise _Trouble(f"the bucket answered {answer.status_code}")
        if not answer.is_success:
            raise Undelivered(f"{file}: the bucket refused it with {answer.status_code}: {_code(answer)}")
        stored = _stated_crc32c(answer)
        if stored is not None and stored != crc32c(data):
            raise _Trouble("the bucket's checksum differs from what was sent")
        generation: str | None = answer.headers.get("x-goog-generation")
        return generation

    def _target(self, file: str) -> UploadTarget:
        target = self._targets.get(file)
        if target is None:
            raise Undelivered(f"the request has no upload target for {file}")
        return target


def _stated_crc32c(answer: httpx.Response) -> str | None:
    """From `x-goog-hash: crc32c=AAAAAA==,md5=...`, which may also come as several headers."""
    for part in ",".join(answer.headers.get_list("x-goog-hash")).split(","):
        name, _, value = part.strip().partition("=")
        if name == "crc32c":
            return value
    return None


def _code(answer: httpx.Response) -> str:
    """What a refusal says, in short: the XML API's <Code>, or the body's beginning. Never the URL: it is signed."""
    body = answer.text
    start, end = body.find("<Code>"), body.find("</Code>")
    return body[start + len("<Code>") : end] if 0 <= start < end else " ".join(body.split())[:120]
