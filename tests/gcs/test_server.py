"""The GCS server of the tests, through Google's own client: what it keeps, and what it refuses as the service does."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client

from testkit.gcs_server import GcsServer
from testkit.gcs_state import crc32c


@pytest.fixture
def client(gcs: GcsServer) -> Iterator[Client]:
    client = Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": gcs.url})
    yield client
    client.close()


@pytest.fixture
def bucket(client: Client, gcs: GcsServer) -> Bucket:
    bucket: Bucket = client.bucket(gcs.bucket)
    return bucket


def upload(bucket: Bucket, name: str, body: bytes, **conditions: Any) -> Any:
    blob = bucket.blob(name)
    blob.upload_from_string(body, content_type="application/gzip", retry=None, **conditions)
    return blob


def test_what_is_uploaded_comes_back_byte_by_byte(bucket: Bucket) -> None:
    body = bytes(range(256)) * 5 + b"\r\n--\r\nx\n\r" + os.urandom(70_000)
    blob = upload(bucket, "a b/ü?#%41.gz", body)
    assert blob.crc32c == crc32c(body)
    assert blob.size == len(body)
    again = bucket.get_blob("a b/ü?#%41.gz")
    assert again.generation == blob.generation
    assert again.content_type == "application/gzip"
    assert again.download_as_bytes(raw_download=True) == body


def test_a_part_of_an_object_can_be_read(bucket: Bucket) -> None:
    blob = upload(bucket, "a", b"0123456789")
    assert blob.download_as_bytes(start=2, end=4) == b"234"
    assert blob.download_as_bytes(start=7) == b"789"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=10)


def test_an_upload_whose_declared_checksum_is_wrong_is_refused(bucket: Bucket, gcs: GcsServer) -> None:
    blob = bucket.blob("a")
    blob.crc32c = "AAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="doesn't match"):
        blob.upload_from_string(b"abc", checksum=None, retry=None)
    assert gcs.objects == {}


def test_every_write_is_a_new_generation(bucket: Bucket) -> None:
    first, second = upload(bucket, "a", b"1"), upload(bucket, "a", b"2")
    assert second.generation > first.generation
    assert bucket.get_blob("a", generation=first.generation) is None


def test_an_upload_meets_its_precondition_or_fails(bucket: Bucket) -> None:
    blob = upload(bucket, "a", b"1", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        upload(bucket, "a", b"2", if_generation_match=0)
    upload(bucket, "a", b"2", if_generation_match=blob.generation)


def test_a_deletion_meets_its_precondition_or_fails(bucket: Bucket, gcs: GcsServer) -> None:
    first = upload(bucket, "a", b"1")
    second = upload(bucket, "a", b"2")
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.delete_blob("a", if_generation_match=first.generation)
    with pytest.raises(exceptions.NotFound, match="No such object: evidence/a"):
        bucket.delete_blob("a", generation=first.generation)
    assert "a" in gcs.objects
    bucket.delete_blob("a", generation=second.generation, if_generation_match=second.generation)
    assert gcs.objects == {}


def test_a_listing_comes_in_pages_sorted_and_by_prefix(client: Client, gcs: GcsServer) -> None:
    for number in reversed(range(25)):
        gcs.put(f"in/{number:02}", b"")
    gcs.put("out", b"")
    names = [blob.name for blob in client.list_blobs(gcs.bucket, prefix="in/", page_size=10)]
    assert names == [f"in/{number:02}" for number in range(25)]
    assert sum("/o?" in path for _, path in gcs.requests) == 3
    assert [blob.name for blob in client.list_blobs(gcs.bucket, max_results=2)] == ["in/00", "in/01"]


def test_another_bucket_does_not_exist(client: Client) -> None:
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        list(client.list_blobs("elsewhere"))
    with pytest.raises(exceptions.NotFound):
        client.get_bucket("elsewhere")


@pytest.mark.parametrize("kind", ["temporary_hold", "event_based_hold"])
def test_a_held_object_can_neither_be_deleted_nor_overwritten(bucket: Bucket, gcs: GcsServer, kind: str) -> None:
    blob = upload(bucket, "a", b"1")
    setattr(blob, kind, True)
    blob.patch()
    with pytest.raises(exceptions.Forbidden, match="hold and cannot be deleted"):
        blob.delete()
    with pytest.raises(exceptions.Forbidden, match="hold and cannot be deleted"):
        upload(bucket, "a", b"2")
    setattr(blob, kind, False)
    blob.patch()
    blob.delete()
    assert gcs.objects == {}


def test_a_retention_policy_keeps_objects_for_its_time(bucket: Bucket, gcs: GcsServer) -> None:
    gcs.state.retention_period = timedelta(days=1)
    blob = upload(bucket, "a", b"1")
    with pytest.raises(exceptions.Forbidden, match="bucket's retention policy") as caught:
        blob.delete()
    assert caught.value.errors[0]["reason"] == "retentionPolicyNotMet"
    gcs.advance(timedelta(days=1))
    blob.delete()


def test_a_soft_deleted_object_is_listed_and_restored_until_its_window_ends(client: Client, gcs: GcsServer) -> None:
    gcs.state.soft_delete = timedelta(days=7)
    bucket = client.bucket(gcs.bucket)
    gone = upload(bucket, "a", b"1")
    gone.delete()
    assert list(client.list_blobs(gcs.bucket)) == []
    (found,) = client.list_blobs(gcs.bucket, soft_deleted=True)
    assert found.generation == gone.generation
    assert found.hard_delete_time - found.soft_delete_time == timedelta(days=7)
    restored = bucket.restore_blob("a", generation=gone.generation)
    assert restored.generation > gone.generation
    restored.delete()
    gcs.advance(timedelta(days=7))
    assert list(client.list_blobs(gcs.bucket, soft_deleted=True)) == []


def test_a_batch_answers_each_call_by_itself(client: Client, gcs: GcsServer) -> None:
    bucket = client.bucket(gcs.bucket)
    for name in "abc":
        gcs.put(name, b"")
    gcs.hold("b")
    with client.batch(raise_exception=False) as batch:
        for name in "abcd":
            bucket.delete_blob(name)
    assert [response.status_code for response in batch._responses] == [204, 403, 204, 404]
    assert set(gcs.objects) == {"b"}


def test_a_batch_of_more_than_a_hundred_is_refused_whole(client: Client, gcs: GcsServer) -> None:
    bucket = client.bucket(gcs.bucket)
    for number in range(101):
        gcs.put(str(number), b"")
    with pytest.raises(exceptions.BadRequest, match="101 calls"), client.batch():  # noqa: PT012
        for number in range(101):
            bucket.delete_blob(str(number))
    assert len(gcs.objects) == 101


def test_a_fault_happens_as_often_as_told(gcs: GcsServer) -> None:
    gcs.put("a", b"x")
    url = f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/a"
    gcs.fail_next("GET", "/o/a$", 503, times=2)
    assert [requests.get(url, timeout=5).status_code for _ in range(3)] == [503, 503, 200]


def test_a_reset_comes_before_the_effect_and_a_lost_answer_after_it(gcs: GcsServer) -> None:
    gcs.put("a", b"x")
    url = f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/a"
    gcs.fail_next("DELETE", "/o/a", "reset")
    with pytest.raises(requests.ConnectionError):
        requests.delete(url, timeout=5)
    assert "a" in gcs.objects
    gcs.fail_next("DELETE", "/o/a", "lost")
    with pytest.raises(requests.ConnectionError):
        requests.delete(url, timeout=5)
    assert gcs.objects == {}


def test_what_the_server_does_not_know_it_does_not_pretend(client: Client, gcs: GcsServer) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="delimiter"):
        list(client.list_blobs(gcs.bucket, delimiter="/", retry=None))
    assert requests.post(f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/a", timeout=5).status_code == 404


def test_md5_is_checked_too(gcs: GcsServer, bucket: Bucket) -> None:
    blob = bucket.blob("a")
    blob.md5_hash = base64.b64encode(b"0" * 16).decode()
    with pytest.raises(exceptions.BadRequest):
        blob.upload_from_string(b"abc", checksum=None, retry=None)
