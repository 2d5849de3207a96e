"""GcsBlobs over real HTTP: what each call answers, how long it is patient, and which faults are whose."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import google.auth
import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.auth.transport import Request
from google.cloud.storage import Client

from testkit.gcs_server import EMAIL, GcsServer, service_account_key
from testkit.gcs_state import GcsObject, crc32c
from testkit.postgres import free_port
from webaudit_operator import gcs as module
from webaudit_operator.blobs import (
    BlobsMisconfigured,
    BlobsUnavailable,
    BlobTooLarge,
    Deletion,
    Generation,
    Removal,
)
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.gcs_signing import signing_credentials

NAME = "acme.com__1/homepage/desktop/result.json"


async def removed(blobs: GcsBlobs, stored: GcsObject) -> Removal:
    (removal,) = await blobs.delete([Generation(stored.name, stored.generation)])
    return removal


async def outcome(blobs: GcsBlobs, stored: GcsObject) -> Deletion | None:
    return (await removed(blobs, stored)).outcome


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For faults that stay: half a second of retries is as good as eight."""
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    monkeypatch.setattr(module, "READ_PATIENCE", 0.5)


async def test_a_stat_tells_what_the_bucket_knows(blobs: GcsBlobs, gcs: GcsServer) -> None:
    stored = gcs.put(NAME, b"{}", "application/json")
    info = await blobs.stat(NAME)
    assert info is not None
    assert (info.name, info.generation, info.size) == (NAME, stored.generation, 2)
    assert (info.crc32c, info.content_type) == (crc32c(b"{}"), "application/json")
    assert info.created == stored.created


async def test_what_is_not_there_is_none(blobs: GcsBlobs) -> None:
    assert await blobs.stat(NAME) is None
    assert await blobs.read(NAME, max_bytes=10) is None


async def test_a_read_gives_the_bytes_as_they_are_stored(blobs: GcsBlobs, gcs: GcsServer) -> None:
    body = bytes(range(256))
    gcs.put(NAME, body)
    gcs.objects[NAME].content_encoding = "gzip"
    assert await blobs.read(NAME, max_bytes=256) == body


async def test_an_empty_object_is_read_as_empty(blobs: GcsBlobs, gcs: GcsServer) -> None:
    gcs.put(NAME, b"")
    assert await blobs.read(NAME, max_bytes=10) == b""


async def test_more_than_the_caller_wants_is_not_even_fetched(blobs: GcsBlobs, gcs: GcsServer) -> None:
    gcs.put(NAME, b"12345")
    with pytest.raises(BlobTooLarge, match="5 bytes, more than 4"):
        await blobs.read(NAME, max_bytes=4)
    assert not any("alt=media" in path for _, path in gcs.requests)


async def test_an_object_replaced_between_look_and_read_is_not_mixed_up(blobs: GcsBlobs, gcs: GcsServer) -> None:
    gcs.put(NAME, b"old")
    real = blobs.stat

    async def look_then_lose(name: str) -> Any:
        info = await real(name)
        gcs.overwrite(name, b"new, and longer")
        return info

    blobs.stat = look_then_lose  # type: ignore[method-assign]
    with pytest.raises(BlobsUnavailable, match="was replaced while it was read"):
        await blobs.read(NAME, max_bytes=100)


async def test_a_listing_streams_all_pages(blobs: GcsBlobs, gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 10)
    for number in range(25):
        gcs.put(f"a__1/{number:02}", b"x" * number)
    gcs.put("a__2/00", b"")
    found = [info async for info in blobs.list("a__1/")]
    assert [info.name for info in found] == [f"a__1/{number:02}" for number in range(25)]
    assert [info.size for info in found] == list(range(25))
    assert [info async for info in blobs.list("nothing/")] == []


async def test_exactly_the_recorded_generation_is_deleted(blobs: GcsBlobs, gcs: GcsServer) -> None:
    old = gcs.put(NAME, b"old")
    new = gcs.overwrite(NAME, b"new")
    assert await outcome(blobs, old) is Deletion.ALREADY_ABSENT
    assert gcs.objects[NAME].body == b"new"
    assert await outcome(blobs, new) is Deletion.DELETED
    assert await outcome(blobs, new) is Deletion.ALREADY_ABSENT


async def test_a_hold_is_no_error(blobs: GcsBlobs, gcs: GcsServer) -> None:
    stored = gcs.put(NAME, b"x")
    gcs.hold(NAME)
    assert await outcome(blobs, stored) is Deletion.HELD
    gcs.hold(NAME, on=False)
    gcs.state.retention_period = timedelta(days=1)
    assert await outcome(blobs, stored) is Deletion.HELD
    assert NAME in gcs.objects


async def test_a_deletion_whose_answer_was_lost_counts_as_done(blobs: GcsBlobs, gcs: GcsServer) -> None:
    stored = gcs.put(NAME, b"x")
    gcs.fail_next("POST", "batch", "lost")
    assert await outcome(blobs, stored) is Deletion.ALREADY_ABSENT
    assert gcs.objects == {}


@pytest.mark.parametrize("how", [408, 429, 500, 502, 503, 504, "reset"])
async def test_a_passing_fault_is_not_noticed(blobs: GcsBlobs, gcs: GcsServer, how: Any) -> None:
    stored = gcs.put(NAME, b"{}")
    for method, pattern in (("GET", r"/o/.*projection"), ("GET", "alt=media"), ("GET", r"/o\?"), ("POST", "batch")):
        gcs.fail_next(method, pattern, how)
    if isinstance(how, int):
        gcs.fail_next("DELETE", "/o/", how, times=2)
    assert await blobs.read(NAME, max_bytes=10) == b"{}"
    assert [info.name async for info in blobs.list("acme")] == [NAME]
    assert await outcome(blobs, stored) is Deletion.DELETED


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", [429, 503, "reset"])
async def test_a_fault_that_stays_is_an_outage(blobs: GcsBlobs, gcs: GcsServer, how: Any) -> None:
    stored = gcs.put(NAME, b"{}")
    for method in ("GET", "POST"):
        gcs.fail_next(method, "", how, times=1000)
    asked = [Generation(NAME, stored.generation)]
    for call in (blobs.stat(NAME), blobs.stat_many([NAME]), blobs.delete(asked), blobs.check(), blobs.time()):
        with pytest.raises(BlobsUnavailable, match='bucket "evidence" at http://127'):
            await call
    with pytest.raises(BlobsUnavailable):
        _ = [info async for info in blobs.list("")]
    gcs.heal()
    assert await blobs.stat(NAME) is not None


@pytest.mark.usefixtures("impatient")
async def test_a_bucket_that_goes_and_comes_back(blobs: GcsBlobs, gcs: GcsServer) -> None:
    gcs.put(NAME, b"{}")
    gcs.stop()
    with pytest.raises(BlobsUnavailable, match="refused"):
        await blobs.stat(NAME)
    gcs.start()
    assert await blobs.stat(NAME) is not None


async def test_lacking_rights_are_a_mistake_and_not_a_hold(blobs: GcsBlobs, gcs: GcsServer) -> None:
    stored = gcs.put(NAME, b"{}")
    gcs.fail_next("DELETE", "", 403, times=1)
    assert await removed(blobs, stored) == Removal(None, "403 The server was told to fail.")
    for method in ("GET", "POST"):
        gcs.fail_next(method, "", 403, times=1000)
    asked = [Generation(NAME, stored.generation)]
    for call in (blobs.stat(NAME), blobs.stat_many([NAME]), blobs.delete(asked), blobs.check(), blobs.time()):
        with pytest.raises(BlobsMisconfigured, match=r"403 .* need the role Storage Object User"):
            await call


async def test_credentials_that_are_not_accepted_are_a_mistake(blobs: GcsBlobs, gcs: GcsServer) -> None:
    gcs.fail_next("GET", "", 401, times=1000)
    with pytest.raises(BlobsMisconfigured, match="the credentials fail"):
        await blobs.check()


async def test_in_a_bucket_that_does_not_exist_nothing_counts_as_absent(gcs: GcsServer) -> None:
    """An object's 404 looks the same: rows would be marked deleted because somebody mistyped the bucket."""
    blobs = GcsBlobs.connect("elsewhere", signing_key_file=gcs.service_account_file, endpoint=gcs.url)
    asked = [Generation(NAME, 1)]
    for call in (
        blobs.check(),
        blobs.stat(NAME),
        blobs.stat_many([NAME]),
        blobs.delete(asked),
        blobs.read(NAME, max_bytes=1),
        blobs.time(),
    ):
        with pytest.raises(BlobsMisconfigured, match=r'"elsewhere" at .* no such bucket; check WEBAUDIT_BUCKET'):
            await call
    await blobs.close()


async def test_each_part_of_a_batch_has_its_own_answer(blobs: GcsBlobs, gcs: GcsServer) -> None:
    names = ["a/gone", "a/held", "a/kept ü#%", "a/forbidden", "a/busy", "a/fine"]
    stored = [gcs.put(name, name.encode()) for name in names]
    del gcs.objects["a/gone"]
    gcs.hold("a/held")
    gcs.overwrite("a/kept ü#%", b"newer")
    gcs.fail_next("DELETE", "forbidden", 403, times=1000)
    gcs.fail_next("DELETE", "busy", 503, times=1)
    removals = await blobs.delete([Generation(each.name, each.generation) for each in stored])
    assert [removal.outcome for removal in removals] == [
        Deletion.ALREADY_ABSENT,
        Deletion.HELD,
        Deletion.ALREADY_ABSENT,
        None,
        Deletion.DELETED,
        Deletion.DELETED,
    ]
    assert set(gcs.objects) == {"a/held", "a/kept ü#%", "a/forbidden"}
    found = await blobs.stat_many([*names, "a/never"])
    assert [info and info.size for info in found] == [None, 6, 5, 11, None, None, None]
    assert found[1] == await blobs.stat("a/held")


async def test_a_policys_refusal_says_until_when(blobs: GcsBlobs, gcs: GcsServer) -> None:
    stored = gcs.put(NAME, b"x")
    gcs.state.retention_period = timedelta(days=1)
    assert (await removed(blobs, stored)).until == stored.created + timedelta(days=1)


async def test_the_buckets_clock_is_told_to_the_second(blobs: GcsBlobs, gcs: GcsServer) -> None:
    then = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    gcs.now = lambda: then
    assert await blobs.time() == then


async def test_a_good_bucket_passes_the_check(blobs: GcsBlobs) -> None:
    await blobs.check()


async def test_many_calls_at_once_share_the_threads(blobs: GcsBlobs, gcs: GcsServer) -> None:
    stored = [gcs.put(f"a/{number}", b"x") for number in range(50)]
    outcomes = await asyncio.gather(*(outcome(blobs, each) for each in stored))
    assert set(outcomes) == {Deletion.DELETED}
    assert gcs.objects == {}


async def test_the_emulator_variable_needs_no_credentials(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    blobs = GcsBlobs.connect(gcs.bucket, signing_key_file=gcs.service_account_file)
    await blobs.check()
    permit = await blobs.sign_put(NAME, content_type="a/b", max_bytes=9, expires_in=timedelta(minutes=5))
    assert permit.url.startswith(gcs.url)
    await blobs.close()


@pytest.mark.usefixtures("impatient")
async def test_nobody_listening_is_an_outage(gcs: GcsServer) -> None:
    blobs = GcsBlobs.connect(
        "evidence", signing_key_file=gcs.service_account_file, endpoint=f"http://127.0.0.1:{free_port()}"
    )
    with pytest.raises(BlobsUnavailable):
        await blobs.check()
    await blobs.close()


async def test_an_endpoint_that_is_no_url_is_a_mistake(gcs: GcsServer) -> None:
    blobs = GcsBlobs.connect("evidence", signing_key_file=gcs.service_account_file, endpoint="127.0.0.1:9")
    with pytest.raises(BlobsMisconfigured):
        await blobs.check()
    await blobs.close()


def test_no_credentials_at_all_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**_: object) -> None:
        raise DefaultCredentialsError("Your default credentials were not found.\nSee the docs.")

    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(google.auth, "default", none)
    with pytest.raises(BlobsMisconfigured, match=r'^bucket "evidence": Your default .* found\. See the docs\.$'):
        GcsBlobs.connect("evidence")


# --- signing


class Workload(Credentials):
    """Credentials of a workload without a key, as Compute Engine and Workload Identity hand them out."""

    def __init__(self, email: str | None = EMAIL) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = "workload-token"
        self.service_account_email = email

    def refresh(self, request: Request) -> None:
        self.service_account_email = EMAIL


class Iam(Request):
    """IAM's signBlob: signs with the test key, or answers as told."""

    def __init__(self, status: int = 200, answer: bytes = b"") -> None:
        self.status, self.answer, self.calls = status, answer, 0

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any
    ) -> Any:
        self.calls += 1
        assert url == f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:signBlob"
        assert headers["authorization"] == "Bearer workload-token"
        data = self.answer
        if self.status == 200:
            payload = base64.b64decode(json.loads(body)["payload"])
            signature = service_account_key().sign(payload, padding.PKCS1v15(), hashes.SHA256())
            data = json.dumps({"signedBlob": base64.b64encode(signature).decode()}).encode()
        return type("Response", (), {"status": self.status, "data": data})


def with_credentials(gcs: GcsServer, credentials: Credentials, request: Request | None = None) -> GcsBlobs:
    client = Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": gcs.url})
    return GcsBlobs(gcs.bucket, client, lambda: signing_credentials(credentials, None, request))


@pytest.mark.parametrize("email", [EMAIL, "default"])
async def test_a_workload_without_a_key_signs_by_iam(gcs: GcsServer, email: str) -> None:
    iam = Iam()
    blobs = with_credentials(gcs, Workload(email), iam)
    permit = await blobs.sign_put(NAME, content_type="a/b", max_bytes=9, expires_in=timedelta(minutes=5))
    assert iam.calls == 1
    async with httpx.AsyncClient() as http:
        answer = await http.put(permit.url, content=b"x", headers=permit.headers)
    assert answer.status_code == 200, answer.text
    await blobs.close()


async def test_credentials_with_a_key_sign_for_themselves(gcs: GcsServer) -> None:
    own = signing_credentials(AnonymousCredentials(), gcs.service_account_file)
    assert isinstance(own, Credentials)
    assert signing_credentials(own, None) is own


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (403, b'{"error": {"status": "PERMISSION_DENIED"}}', BlobsMisconfigured),
        (400, b'{"error": {"status": "UNKNOWN"}}', BlobsUnavailable),
    ],
)
async def test_iam_refusing_is_a_mistake_and_iam_failing_an_outage(
    gcs: GcsServer, status: int, answer: bytes, kind: type[Exception]
) -> None:
    blobs = with_credentials(gcs, Workload(), Iam(status, answer))
    with pytest.raises(kind, match="the credentials fail: Error calling the IAM signBlob API"):
        await blobs.check()
    await blobs.close()


async def test_a_metadata_server_that_is_away_is_an_outage(gcs: GcsServer) -> None:
    class Lost(Workload):
        def refresh(self, request: Request) -> None:
            try:
                raise TransportError("metadata server unreachable")
            except TransportError as error:
                raise RefreshError(error) from error

    blobs = with_credentials(gcs, Lost("default"))
    with pytest.raises(BlobsUnavailable, match="metadata server unreachable"):
        await blobs.check()
    await blobs.close()


async def test_nothing_to_sign_with_is_a_mistake(gcs: GcsServer) -> None:
    blobs = GcsBlobs.connect(gcs.bucket, endpoint=gcs.url)
    with pytest.raises(BlobsMisconfigured, match="set WEBAUDIT_SIGNING_KEY_FILE"):
        await blobs.check()
    await blobs.close()


@pytest.fixture
def bad_keys(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "text").write_text("not json")
    (tmp_path / "json").write_text("{}")
    return {"text": tmp_path / "text", "json": tmp_path / "json", "missing": tmp_path / "missing"}


@pytest.mark.parametrize(
    ("which", "words"),
    [("text", "is not a service-account key"), ("json", "is not a service-account key"), ("missing", "cannot read")],
)
async def test_a_bad_key_file_is_named(gcs: GcsServer, bad_keys: dict[str, Path], which: str, words: str) -> None:
    blobs = GcsBlobs.connect(gcs.bucket, signing_key_file=bad_keys[which], endpoint=gcs.url)
    with pytest.raises(BlobsMisconfigured, match=f"^WEBAUDIT_SIGNING_KEY_FILE: .*{words}") as caught:
        await blobs.check()
    assert "\n" not in str(caught.value)
    await blobs.close()
