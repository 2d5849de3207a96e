"""The bucket over google-cloud-storage: the one implementation of `blobs.Blobs`, the only file that knows the client.

The client blocks, so its calls run on a few threads of their own; each has a time limit that suits a reconcile.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import google.auth
import requests.exceptions
import structlog
from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError, from_http_response
from google.auth.credentials import AnonymousCredentials, Credentials, Signing
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError as Urllib3Error

from webaudit_operator import gcs_batches as batches
from webaudit_operator import gcs_soft_delete as soft_delete
from webaudit_operator.blobs import (
    BlobInfo,
    BlobsMisconfigured,
    BlobsUnavailable,
    BlobTooLarge,
    Deletion,
    Generation,
    Removal,
    SignedPut,
    SoftDeleted,
)
from webaudit_operator.gcs_signing import signing_credentials

T = TypeVar("T")
log = structlog.get_logger(__name__)

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EMULATOR = "STORAGE_EMULATOR_HOST"
THREADS = 8
"""Calls at once, and connections kept."""
TIMEOUT = (3.05, 10.0)
"""Seconds to connect and between bytes, per request."""
PATIENCE = 8.0
"""Seconds for a call with all its retries. The client's own 120 s would hold a worker of the queue too long."""
READ_PATIENCE = 20.0
PAGE_SIZE = 1000
LENGTH_RANGE = "x-goog-content-length-range"
_FIELDS = "name,generation,size,crc32c,contentType,timeCreated"
_BATCH_TIMEOUT = (3.05, 30.0)

_REFUSED = re.compile(r"PERMISSION_DENIED|NOT_FOUND|INVALID_ARGUMENT|UNAUTHENTICATED")
"""How IAM says no; google-auth reports it as a transport error, like a lost connection."""

_RETRY = DEFAULT_RETRY.with_delay(initial=0.2, maximum=2.0, multiplier=2.0)
_OUTAGES = (RetryError, requests.exceptions.RequestException, Urllib3Error, DataCorruption, OSError)
_NO_SUCH_PLACE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


class GcsBlobs:
    """One bucket. Close it: it has threads and connections."""

    def __init__(self, bucket: str, client: Client, signer: Callable[[], Signing]) -> None:
        """`signer` is asked once, at the first signature, on a thread."""
        self.bucket = bucket
        self._client = client
        self._bucket = client.bucket(bucket)
        self._make_signer = signer
        self._signer: Signing | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gcs")
        self._batches = True

    @classmethod
    def connect(cls, bucket: str, *, signing_key_file: Path | None = None, endpoint: str | None = None) -> GcsBlobs:
        """With the environment's credentials, or none where `endpoint` or STORAGE_EMULATOR_HOST names a stand-in.

        Asks nothing yet. Raises BlobsMisconfigured when there are no credentials.
        """
        endpoint = endpoint or os.environ.get(EMULATOR)
        project: str | None = None
        credentials: Credentials
        if endpoint:
            credentials = AnonymousCredentials()
        else:
            try:
                credentials, project = google.auth.default(scopes=[SCOPE])
            except DefaultCredentialsError as error:
                raise BlobsMisconfigured(f'bucket "{bucket}": {_one_line(error)}') from error
        # A project is asked for by the client, and used for nothing that we do.
        options = {"api_endpoint": endpoint.rstrip("/")} if endpoint else None
        client = Client(
            project=project or "unused", credentials=credentials, client_options=options, _http=_session(credentials)
        )
        return cls(bucket, client, lambda: signing_credentials(credentials, signing_key_file))

    async def close(self) -> None:
        """Waits for calls under way."""
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        self._client.close()

    async def check(self) -> None:
        """Lists one object and signs one URL: the rights that captures need. Deleting is not tried."""
        await self._call(self._first_object)
        await self.sign_put("check", content_type="text/plain", max_bytes=1, expires_in=timedelta(minutes=1))

    async def sign_put(self, name: str, *, content_type: str, max_bytes: int, expires_in: timedelta) -> SignedPut:
        headers = {"content-type": content_type, LENGTH_RANGE: f"0,{max_bytes}"}

        def sign() -> str:
            if self._signer is None:
                self._signer = self._make_signer()
            url: str = self._bucket.blob(name).generate_signed_url(
                version="v4", method="PUT", expiration=expires_in, headers=dict(headers), credentials=self._signer
            )
            return url

        return SignedPut(await self._call(sign), headers)

    async def stat(self, name: str) -> BlobInfo | None:
        def get() -> BlobInfo | None:
            try:
                blob = self._bucket.blob(name)
                blob.reload(timeout=TIMEOUT, retry=_RETRY.with_timeout(PATIENCE))
            except NotFound:
                self._first_object()
                return None
            return _info(blob)

        return await self._call(get)

    async def read(self, name: str, *, max_bytes: int) -> bytes | None:
        info = await self.stat(name)
        if info is None:
            return None
        if info.size > max_bytes:
            raise BlobTooLarge(f"{name} has {info.size} bytes, more than {max_bytes}")

        def download() -> bytes:
            try:
                blob = self._bucket.blob(name, generation=info.generation)
                body: bytes = blob.download_as_bytes(
                    raw_download=True, timeout=TIMEOUT, retry=_RETRY.with_timeout(READ_PATIENCE)
                )
            except NotFound as error:
                raise BlobsUnavailable(f"{name} was replaced while it was read") from error
            return body

        return await self._call(download)

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """Newest generations in the order of their names, a page at a time: memory does not grow with the bucket."""
        pages = self._client.list_blobs(
            self._bucket, prefix=prefix, page_size=PAGE_SIZE, fields=f"items({_FIELDS}),nextPageToken",
            timeout=TIMEOUT, retry=_RETRY.with_timeout(PATIENCE),
        ).pages  # fmt: skip
        async for info in self._paged(pages, _info):
            yield info

    async def _paged(self, pages: Iterator[Any], read: Callable[[Any], T]) -> AsyncIterator[T]:
        """What the client's blobs say, a page asked for at a time."""

        def turn() -> tuple[T, ...] | None:
            page = next(pages, None)
            return None if page is None else tuple(map(read, page))

        while (found := await self._call(turn)) is not None:
            for each in found:
                yield each

    async def stat_many(self, names: Sequence[str]) -> Sequence[BlobInfo | None]:
        if self._batches:
            try:
                return await self._call(lambda: self._stat_batch(names))
            except batches.NoBatches as error:
                self._without_batches(error)
        return list(await asyncio.gather(*map(self.stat, names)))

    def _stat_batch(self, names: Sequence[str]) -> Sequence[BlobInfo | None]:
        def ask(name: str) -> None:
            self._bucket.blob(name).reload(timeout=_BATCH_TIMEOUT, retry=None)

        calls = [partial(ask, name) for name in names]
        found = []
        for answer in batches.send(self._client, calls, _RETRY.with_timeout(PATIENCE)):
            error = batches.fault(answer)
            if error is not None and error.code != 404:
                raise error
            found.append(None if error is not None else _from_resource(answer.json()))
        if None in found:
            self._first_object()
        return found

    async def delete(self, doomed: Sequence[Generation]) -> Sequence[Removal]:
        if self._batches:
            try:
                return await self._call(lambda: self._delete_batch(doomed))
            except batches.NoBatches as error:
                self._without_batches(error)
        return list(await asyncio.gather(*map(self._delete_one, doomed)))

    def _delete_batch(self, doomed: Sequence[Generation]) -> Sequence[Removal]:
        calls = [
            partial(self._bucket.delete_blob, each.name, generation=each.number, timeout=_BATCH_TIMEOUT, retry=None)
            for each in doomed
        ]
        answers = batches.send(self._client, calls, _RETRY.with_timeout(PATIENCE))
        removals = [batches.removal(batches.fault(answer)) for answer in answers]
        if any(each.outcome is Deletion.ALREADY_ABSENT for each in removals):
            self._first_object()
        return removals

    async def _delete_one(self, doomed: Generation) -> Removal:
        def remove() -> Removal:
            try:
                self._bucket.delete_blob(
                    doomed.name, generation=doomed.number, timeout=TIMEOUT, retry=_RETRY.with_timeout(PATIENCE)
                )
            except NotFound:
                self._first_object()
                return Removal(Deletion.ALREADY_ABSENT)
            except GoogleAPICallError as error:
                return batches.removal(error)
            return Removal(Deletion.DELETED)

        return await self._call(remove)

    def _without_batches(self, error: batches.NoBatches) -> None:
        log.info("this server takes no batches: one call per object", bucket=self._place(), said=_one_line(error))
        self._batches = False

    async def soft_deleted(self, prefix: str) -> AsyncIterator[SoftDeleted]:
        pages = soft_delete.pages(self._client, self._bucket, prefix, TIMEOUT, _RETRY.with_timeout(PATIENCE))
        async for gone in self._paged(pages, lambda blob: SoftDeleted(_info(blob), blob.hard_delete_time)):
            yield gone

    async def restore(self, gone: Generation) -> BlobInfo | None:
        def bring_back() -> BlobInfo | None:
            back = soft_delete.restore(self._bucket, gone, TIMEOUT, _RETRY.with_timeout(PATIENCE))
            if back is None:
                self._first_object()
                return None
            return _info(back)

        return await self._call(bring_back)

    async def soft_delete_window(self) -> timedelta | None:
        return await self._call(
            lambda: soft_delete.window(self._client.bucket(self.bucket), TIMEOUT, _RETRY.with_timeout(PATIENCE))
        )

    async def time(self) -> datetime:
        heard: list[str] = []

        def ask() -> None:
            url = f"{self._client.api_endpoint}/storage/v1/b/{quote(self.bucket, safe='')}/o"
            answer = self._client._http.get(url, params={"maxResults": 1, "fields": "kind"}, timeout=TIMEOUT)
            heard.append(answer.headers.get("Date", ""))
            if answer.status_code >= 400:
                raise from_http_response(answer)

        await self._call(lambda: _RETRY.with_timeout(PATIENCE)(ask)())
        try:
            return parsedate_to_datetime(heard[-1])
        except ValueError as error:
            raise BlobsUnavailable(f"{self._place()}: its answer has no readable Date") from error

    def _first_object(self) -> None:
        """Raises NotFound when the bucket itself is missing: an object's own 404 does not tell which it was."""
        # Not the bucket's metadata: that is a right of its own, which nothing else here needs.
        pages = self._client.list_blobs(
            self._bucket, max_results=1, fields="items(name)", timeout=TIMEOUT, retry=_RETRY.with_timeout(PATIENCE)
        ).pages
        next(pages, None)

    async def _call(self, work: Callable[[], T]) -> T:
        """Run it on a thread; every failure of the client becomes one of ours."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except GoogleAPICallError as error:
            raise self._by_status(error) from error
        except GoogleAuthError as error:
            kind = BlobsUnavailable if _passes(error) else BlobsMisconfigured
            raise kind(f"{self._place()}: the credentials fail: {_one_line(error)}") from error
        except _NO_SUCH_PLACE as error:
            raise BlobsMisconfigured(f"{self._place()}: {_one_line(error)}") from error
        except _OUTAGES as error:
            if _no_such_host(error):
                raise BlobsMisconfigured(
                    f"{self._place()}: the host name does not resolve; check {EMULATOR}"
                ) from error
            raise BlobsUnavailable(f"{self._place()}: {_one_line(error)}") from error

    def _by_status(self, error: GoogleAPICallError) -> Exception:
        status = int(error.code or 0)
        words = f"{self._place()}: {status} {batches.said(error)}"
        if status in batches.TRANSIENT or status >= 500:
            return BlobsUnavailable(words)
        if status == 404:
            return BlobsMisconfigured(f"{self._place()}: there is no such bucket; check WEBAUDIT_BUCKET")
        if status in (401, 403):
            return BlobsMisconfigured(f"{words}; the credentials need the role Storage Object User on this bucket")
        return BlobsMisconfigured(words)

    def _place(self) -> str:
        return f'bucket "{self.bucket}" at {self._client.api_endpoint}'


def _session(credentials: Credentials) -> AuthorizedSession:
    """The client's own kind of session, with one connection per thread."""
    session = AuthorizedSession(credentials)
    session.mount("https://", HTTPAdapter(pool_maxsize=THREADS))
    session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))

    def drop_refusals(response: Response, *_: Any, **__: Any) -> None:
        # A download that is refused is retried without its answer being read, which leaves the connection open.
        if response.status_code >= 400:
            _body = response.content

    session.hooks["response"].append(drop_refusals)
    return session


def _info(blob: Any) -> BlobInfo:
    return BlobInfo(
        name=blob.name,
        generation=int(blob.generation),
        size=int(blob.size),
        crc32c=blob.crc32c,
        content_type=blob.content_type,
        created=blob.time_created,
    )


def _from_resource(resource: dict[str, Any]) -> BlobInfo:
    """An object as the JSON API describes it: https://cloud.google.com/storage/docs/json_api/v1/objects#resource"""
    return BlobInfo(
        name=resource["name"],
        generation=int(resource["generation"]),
        size=int(resource["size"]),
        crc32c=resource["crc32c"],
        content_type=resource.get("contentType"),
        created=datetime.fromisoformat(resource["timeCreated"]),
    )


def _passes(error: GoogleAuthError) -> bool:
    """Whether credentials may work again by themselves: no answer, not a refusal."""
    if error.retryable:
        return True
    transport = error if isinstance(error, TransportError) else error.__cause__
    return isinstance(transport, TransportError) and not _REFUSED.search(str(transport))


def _no_such_host(error: BaseException | None) -> bool:
    """Whether a name server said that the endpoint's name does not exist; its silence is an outage."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
        error = error.__cause__ or error.__context__
    return False


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
