"""Signed uploads: what GcsBlobs signs, the server verifies, and everything that is not exactly that is refused."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from testkit.gcs_server import EMAIL, GcsServer, write_service_account
from testkit.gcs_state import crc32c
from webaudit_operator.blobs import SignedPut
from webaudit_operator.gcs import GcsBlobs

NAME = "acme.com__1/homepage/desktop/page.html.gz"
BODY = b"\x1f\x8b some bytes"


async def signed(blobs: GcsBlobs, *, name: str = NAME, max_bytes: int = 100) -> SignedPut:
    return await blobs.sign_put(
        name, content_type="application/gzip", max_bytes=max_bytes, expires_in=timedelta(hours=2)
    )


def send(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
    return httpx.request(method, url, content=body, headers=headers)


def put(url: str, headers: dict[str, str], body: bytes = BODY) -> httpx.Response:
    return send("PUT", url, headers, body)


def code(response: httpx.Response) -> tuple[int, str]:
    found = re.search(r"<Code>(\w+)</Code>", response.text)
    return response.status_code, found.group(1) if found else ""


async def test_an_upload_with_exactly_what_was_signed_is_stored(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    answer = put(permit.url, permit.headers)
    assert answer.status_code == 200
    stored = gcs.objects[NAME]
    assert (stored.body, stored.content_type, stored.content_encoding) == (BODY, "application/gzip", None)
    assert answer.headers["x-goog-generation"] == str(stored.generation)
    assert f"crc32c={crc32c(BODY)}" in answer.headers["x-goog-hash"]


async def test_the_url_leads_to_the_clients_own_endpoint_by_path(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    assert permit.url.startswith(f"{gcs.url}/evidence/acme.com__1/homepage/desktop/page.html.gz?")
    assert "X-Goog-SignedHeaders=content-type%3Bhost%3Bx-goog-content-length-range" in permit.url
    assert permit.headers == {"content-type": "application/gzip", "x-goog-content-length-range": "0,100"}


async def test_names_with_odd_characters_are_signed_as_they_are_sent(blobs: GcsBlobs, gcs: GcsServer) -> None:
    name = "münchen.de__1/a b+c%41~(1).txt"
    permit = await signed(blobs, name=name)
    assert put(permit.url, permit.headers).status_code == 200
    assert set(gcs.objects) == {name}


async def test_a_url_is_good_until_it_expires_and_no_longer(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    gcs.advance(timedelta(hours=2) - timedelta(seconds=60))
    assert put(permit.url, permit.headers).status_code == 200
    gcs.advance(timedelta(seconds=120))
    assert code(put(permit.url, permit.headers)) == (400, "ExpiredToken")


async def test_a_url_signed_by_a_clock_far_ahead_is_refused(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    gcs.advance(-timedelta(minutes=20))
    assert code(put(permit.url, permit.headers)) == (403, "RequestTimeTooSkewed")


async def test_a_body_above_the_signed_size_is_refused(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs, max_bytes=len(BODY))
    assert put(permit.url, permit.headers).status_code == 200
    assert code(put(permit.url, permit.headers, BODY + b"!")) == (400, "EntityTooLarge")
    assert gcs.objects[NAME].body == BODY


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"content-type": "text/html"}, (403, "SignatureDoesNotMatch")),
        ({"x-goog-content-length-range": "0,1000000"}, (403, "SignatureDoesNotMatch")),
        ({"x-goog-content-length-range": None}, (403, "SignatureDoesNotMatch")),
        ({"content-type": None}, (403, "SignatureDoesNotMatch")),
        ({"x-goog-if-generation-match": "0"}, (403, "AccessDenied")),
        ({"host": "storage.googleapis.com"}, (403, "SignatureDoesNotMatch")),
    ],
)
async def test_a_header_that_was_not_signed_so_is_refused(
    blobs: GcsBlobs, gcs: GcsServer, change: dict[str, str | None], expected: tuple[int, str]
) -> None:
    permit = await signed(blobs)
    headers = {name: value for name, value in (permit.headers | change).items() if value is not None}
    assert code(put(permit.url, headers)) == expected
    assert gcs.objects == {}


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("desktop", "mobile"),
        ("X-Goog-Expires=7200", "X-Goog-Expires=604800"),
        ("signer%40", "other%40"),
        ("content-type%3Bhost", "host"),
        ("&X-Goog-Date", "&generation=1&X-Goog-Date"),
    ],
)
async def test_a_changed_url_is_refused(blobs: GcsBlobs, gcs: GcsServer, find: str, replace: str) -> None:
    permit = await signed(blobs)
    assert find in permit.url
    assert put(permit.url.replace(find, replace), permit.headers).status_code == 403
    assert gcs.objects == {}


async def test_a_url_for_a_put_is_good_for_nothing_else(blobs: GcsBlobs, gcs: GcsServer) -> None:
    gcs.put(NAME, b"secret")
    permit = await signed(blobs)
    for method in ("GET", "DELETE", "POST"):
        assert code(send(method, permit.url, permit.headers)) == (403, "SignatureDoesNotMatch")
    assert code(put(permit.url.partition("?")[0], {})) == (403, "AccessDenied")


async def test_a_url_signed_with_another_key_is_refused(gcs: GcsServer, tmp_path: Path) -> None:
    forged = write_service_account(
        tmp_path / "key.json",
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        EMAIL,
        "http://127.0.0.1/",
    )
    blobs = GcsBlobs.connect(gcs.bucket, signing_key_file=forged, endpoint=gcs.url)
    permit = await signed(blobs)
    assert code(put(permit.url, permit.headers)) == (403, "SignatureDoesNotMatch")
    await blobs.close()


async def test_an_expiry_beyond_seven_days_is_refused(blobs: GcsBlobs) -> None:
    with pytest.raises(ValueError, match="seven days"):
        await blobs.sign_put(NAME, content_type="text/plain", max_bytes=1, expires_in=timedelta(days=8))


async def test_a_later_upload_replaces_the_first(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    first = put(permit.url, permit.headers).headers["x-goog-generation"]
    second = put(permit.url, permit.headers, b"other").headers["x-goog-generation"]
    assert int(second) > int(first)
    assert gcs.objects[NAME].body == b"other"


async def test_an_upload_over_a_held_object_is_refused(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    put(permit.url, permit.headers)
    gcs.hold(NAME)
    assert code(put(permit.url, permit.headers)) == (403, "AccessDenied")


async def test_a_corrupted_upload_is_refused(blobs: GcsBlobs, gcs: GcsServer) -> None:
    permit = await signed(blobs)
    assert code(put(permit.url, permit.headers | {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="})) == (400, "BadDigest")


def test_the_key_file_is_one_that_google_auth_reads(gcs: GcsServer) -> None:
    key = json.loads(gcs.service_account_file.read_text())
    assert key["client_email"] == EMAIL
    assert urlsplit(key["token_uri"]).hostname == "127.0.0.1"
