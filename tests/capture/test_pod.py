"""A pod's run: its request, its verdict, its exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from capture.conftest import QUICK
from capture.requests import Bucket, request_file
from testkit.pages import PageServer
from webaudit_capture import pod
from webaudit_capture.contract import (
    CONTRACT_VERSION,
    RESULT_FILE,
    CaptureResult,
    ExitCode,
    Mode,
    PageType,
    SessionRecord,
    Viewport,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_pod_is_told_the_product_page_on_its_command_line(shop: PageServer, tmp_path: Path) -> None:
    bucket = Bucket(shop)
    path = request_file(tmp_path, shop, bucket, url=None, page=PageType.PDP)
    assert await pod.run(path, shop.url("/products/beech-stool")) is ExitCode.OK
    features = json.loads(bucket.stored["features.json"])
    assert features["pdp_core"]["title"] == "Beech stool"


async def test_a_failed_page_still_delivers_its_verdict(shop: PageServer, tmp_path: Path) -> None:
    bucket = Bucket(shop)
    path = request_file(tmp_path, shop, bucket, url=shop.url("/none"))
    assert await pod.run(path, None) is ExitCode.PAGE_FAILED
    assert list(bucket.stored) == [RESULT_FILE]
    assert CaptureResult.model_validate_json(bucket.stored[RESULT_FILE]).reason == "http_404"


async def test_a_result_carries_its_session_and_policy_as_they_came(shop: PageServer, tmp_path: Path) -> None:
    record = SessionRecord(
        url="https://shop.example/caf\u00e9?q=%C3%A9",
        mode=Mode.EVIDENCE_PACK,
        retention_policy="long",
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        pages=((PageType.HOMEPAGE, Viewport.DESKTOP), (PageType.PDP, Viewport.DESKTOP)),
        pdp_url="https://shop.example/p/1",
    )
    bucket = Bucket(shop)
    path = request_file(tmp_path, shop, bucket, url=shop.url("/none"), session=record)
    await pod.run(path, None)
    sent, told = json.loads(path.read_bytes()), json.loads(bucket.stored[RESULT_FILE])
    assert (told["session"], told["policy"]) == (sent["session"], sent["policy"])


@pytest.mark.parametrize("refused", ["screenshot.png", RESULT_FILE])
async def test_a_refused_upload_is_undelivered(
    shop: PageServer, tmp_path: Path, refused: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = Bucket(shop)
    bucket.refuse.add(refused)
    assert await pod.run(request_file(tmp_path, shop, bucket), None) is ExitCode.UNDELIVERED
    assert RESULT_FILE not in bucket.stored
    assert "ExpiredToken" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "Expecting property name"),
        ("[]", "contract version None"),
        (json.dumps({"contract_version": CONTRACT_VERSION + 1}), f"this image speaks {CONTRACT_VERSION}"),
        (json.dumps({"contract_version": CONTRACT_VERSION}), "session_id: Field required"),
    ],
)
async def test_a_request_that_cannot_be_read_is_a_bad_request(
    tmp_path: Path, content: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "request.json"
    path.write_text(content)
    assert await pod.run(path, None) is ExitCode.BAD_REQUEST
    assert sentence in capsys.readouterr().out


async def test_a_product_page_without_any_url_is_a_bad_request(
    shop: PageServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = request_file(tmp_path, shop, Bucket(shop), url=None)
    assert await pod.run(path, None) is ExitCode.BAD_REQUEST
    assert "--url" in capsys.readouterr().out


async def test_an_allowed_pair_that_is_none_is_a_bad_request(server: PageServer, tmp_path: Path) -> None:
    path = request_file(tmp_path, server, Bucket(server), allow=("localhost",))
    with pytest.raises(pod.BadRequest, match=r'allow: .*"localhost" is not host:port'):
        pod.read_request(path, None)


async def test_a_phone_that_nobody_knows_is_a_bad_request(
    server: PageServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = QUICK.model_copy(update={"browser": QUICK.browser.model_copy(update={"mobile_device": "Pixel 77"})})
    path = request_file(tmp_path, server, Bucket(server), policy=policy)
    assert await pod.run(path, None) is ExitCode.BAD_REQUEST
    assert 'browser.mobile_device: Playwright knows no "Pixel 77"' in json.loads(capsys.readouterr().out)["message"]


async def test_a_url_that_is_none_is_a_bad_request(server: PageServer, tmp_path: Path) -> None:
    path = request_file(tmp_path, server, Bucket(server), url="shop.example")
    with pytest.raises(pod.BadRequest, match="has no scheme"):
        pod.read_request(path, None)
