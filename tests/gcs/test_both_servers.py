"""The tests' own server and fake-gcs-server, asked the same through the operator's client: where both know, both agree.

Where fake-gcs-server is known to be laxer than the service a table says so, and the tests' own server is not.
"""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from testkit.gcs_server import BUCKET, GcsServer
from testkit.postgres import free_port
from testkit.waiting import until
from webaudit_cluster.paths import binaries
from webaudit_operator import gcs as gcs_module
from webaudit_operator.blobs import BlobsMisconfigured, BlobTooLarge, Deletion, Generation
from webaudit_operator.gcs import GcsBlobs

pytestmark = pytest.mark.binaries

OURS, FAKE = "ours", "fake-gcs-server"
ODD = "shop.com__1/a b ü?#%.png"


@pytest.fixture(scope="module")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a fake-gcs-server with one empty bucket."""
    data: Path = tmp_path_factory.mktemp("fake-gcs")
    (data / BUCKET).mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(binaries() / "fake-gcs-server"), "-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory",
        f"-data={data}", f"-external-url={url}", f"-public-host=127.0.0.1:{port}", "-log-level=error",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            client = _client(url)
            until(lambda: process.poll() is not None or _answers(client))
            assert process.poll() is None, "fake-gcs-server ended"
            yield url
            client.close()
        finally:
            process.terminate()


def _client(url: str) -> Client:
    return Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})


def _answers(client: Client) -> bool:
    try:
        list(client.list_blobs(BUCKET, retry=None))
    except OSError:
        return False
    return True


@pytest.fixture(params=[OURS, FAKE])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty bucket on either server."""
    if request.param == OURS:
        gcs: GcsServer = request.getfixturevalue("gcs")
        yield gcs.url
        return
    url: str = request.getfixturevalue("fake_gcs")
    yield url
    client = _client(url)
    for blob in list(client.list_blobs(BUCKET)):
        blob.delete()
    client.close()


@pytest.fixture
def bucket(url: str) -> Iterator[Any]:
    client = _client(url)
    yield client.bucket(BUCKET)
    client.close()


@pytest_asyncio.fixture
async def asked(url: str) -> AsyncIterator[GcsBlobs]:
    blobs = GcsBlobs.connect(BUCKET, endpoint=url)
    yield blobs
    await blobs.close()


def put(bucket: Any, name: str, body: bytes = b"evidence") -> Generation:
    blob = bucket.blob(name)
    blob.upload_from_string(body, content_type="image/png")
    return Generation(name, int(blob.generation))


async def test_an_object_is_stated_as_it_was_put(bucket: Any, asked: GcsBlobs) -> None:
    stored = put(bucket, ODD)
    found = await asked.stat(ODD)
    assert found is not None
    assert (found.name, found.generation, found.size) == (ODD, stored.number, 8)
    assert (found.crc32c, found.content_type) == ("YEs3uw==", "image/png")
    assert abs(found.created - datetime.now(UTC)).total_seconds() < 60
    assert await asked.stat_many([ODD, "nothing"]) == [found, None]
    assert [each async for each in asked.list("shop.com__1/")] == [found]


async def test_what_is_not_there_is_none(asked: GcsBlobs) -> None:
    assert await asked.stat("nothing") is None
    assert await asked.read("nothing", max_bytes=1) is None
    assert [each async for each in asked.list("")] == []


async def test_an_object_is_read_up_to_a_size(bucket: Any, asked: GcsBlobs) -> None:
    put(bucket, ODD, b"\x00\r\n--x")
    assert await asked.read(ODD, max_bytes=6) == b"\x00\r\n--x"
    with pytest.raises(BlobTooLarge):
        await asked.read(ODD, max_bytes=5)


async def test_a_listing_goes_over_pages_in_the_order_of_names_and_keeps_to_its_prefix(
    bucket: Any, asked: GcsBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcs_module, "PAGE_SIZE", 3)
    for name in ("b/9", "a/2", "a/10", "a/1", "a/ü", "a/B", "a/b", "ab"):
        put(bucket, name)
    assert [each.name async for each in asked.list("a/")] == ["a/1", "a/10", "a/2", "a/B", "a/b", "a/ü"]


async def test_deletions_have_an_answer_each(bucket: Any, asked: GcsBlobs) -> None:
    doomed = [put(bucket, f"a/{number}") for number in range(3)]
    put(bucket, "b")
    removals = await asked.delete([*doomed[:2], Generation("nothing", 1)])
    assert [each.outcome for each in removals] == [Deletion.DELETED, Deletion.DELETED, Deletion.ALREADY_ABSENT]
    assert [each.name async for each in asked.list("")] == ["a/2", "b"]


async def test_a_newer_put_is_a_higher_generation(bucket: Any, asked: GcsBlobs) -> None:
    old, new = put(bucket, "a"), put(bucket, "a", b"newer")
    assert old.number < new.number
    found = await asked.stat("a")
    assert found is not None
    assert (found.generation, found.size) == (new.number, 5)


async def test_an_older_generations_deletion_leaves_the_newer_object(bucket: Any, asked: GcsBlobs) -> None:
    old, new = put(bucket, "a"), put(bucket, "a", b"newer")
    (removal,) = await asked.delete([old])
    assert removal.outcome is Deletion.ALREADY_ABSENT
    found = await asked.stat("a")
    assert found is not None
    assert found.generation == new.number


def deleted_under_a_hold(bucket: Any) -> bool:
    blob = bucket.get_blob("a")
    blob.temporary_hold = True
    blob.patch()
    return _goes(lambda: blob.delete())


def deleted_against_a_precondition(bucket: Any) -> bool:
    return _goes(lambda: bucket.blob("a").delete(if_generation_match=1))


def batch_without_answers(bucket: Any) -> bool:
    batch = bucket.client.batch(raise_exception=False)
    with suppress(ValueError), batch:
        bucket.delete_blob("nothing", generation=1, retry=None)
    return not batch._responses


def _goes(deletion: Callable[[], None]) -> bool:
    try:
        deletion()
    except GoogleAPICallError:
        return False
    return True


@pytest.mark.parametrize(
    "laxity",
    [deleted_under_a_hold, deleted_against_a_precondition, batch_without_answers],
    ids=lambda each: each.__name__,
)
def test_where_fake_gcs_server_is_laxer_than_the_service_the_tests_own_is_not(
    request: pytest.FixtureRequest, bucket: Any, laxity: Callable[[Any], bool]
) -> None:
    put(bucket, "a")
    assert laxity(bucket) is (request.node.callspec.params["url"] == FAKE)


async def test_the_time_is_the_servers(asked: GcsBlobs) -> None:
    assert abs(await asked.time() - datetime.now(UTC)).total_seconds() < 60


async def test_a_missing_bucket_is_a_mistake_and_no_absence(url: str) -> None:
    blobs = GcsBlobs.connect("nowhere", endpoint=url)
    try:
        with pytest.raises(BlobsMisconfigured, match="there is no such bucket"):
            await blobs.stat("a")
        with pytest.raises(BlobsMisconfigured, match="there is no such bucket"):
            await blobs.delete([Generation("a", 1)])
    finally:
        await blobs.close()
