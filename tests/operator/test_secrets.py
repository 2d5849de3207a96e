"""The Secret of a session's start: each capture's request as the capture will read it, and nothing more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from testkit.operator import HD, HM, NOW, PD, PM, session, settings
from webaudit_capture.contract import ARTIFACT_FILES, RESULT_FILE, CaptureRequest, Mode, SessionRecord, UploadTarget
from webaudit_capture.policy import CrawlPolicy
from webaudit_operator import secrets
from webaudit_operator.jobs import job_stem, request_key
from webaudit_operator.sessions import Session
from webaudit_operator.store.rows import PageKey

POLICY = CrawlPolicy()
PDP = "https://www.acme-shop.com/p/1"
UNTIL = NOW + timedelta(hours=2)


def target(of: Session, key: PageKey, file: str) -> UploadTarget:
    name = secrets.object_name(of, key, file)
    return UploadTarget(object_name=name, url=f"https://bucket/{name}?signed", headers={"x-goog-a": "b"}, max_bytes=9)


def built(of: Session, **changes: Any) -> dict[str, Any]:
    uploads = {key: {file: target(of, key, file) for file in secrets.files(POLICY)} for key in of.captures}
    return secrets.build_secret(
        of, attempt=2, policy=POLICY, uploads=uploads, signed_until=UNTIL, settings=settings(**changes)
    )


def requests(of: Session, **changes: Any) -> dict[PageKey, CaptureRequest]:
    data = built(of, **changes)["stringData"]
    return {key: CaptureRequest.model_validate_json(data[request_key(key)]) for key in of.captures}


def test_the_secret_belongs_to_its_session_and_start() -> None:
    of = session()
    secret = built(of)
    assert (secret["apiVersion"], secret["kind"], secret["type"]) == ("v1", "Secret", "Opaque")
    meta = secret["metadata"]
    assert (meta["name"], meta["namespace"]) == (f"{job_stem(of)}-2", "audits")
    assert meta["labels"]["webaudit.dev/session-uid"] == of.uid
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("AuditSession", "acme", of.uid)


def test_there_is_one_request_per_wanted_capture() -> None:
    assert set(built(session())["stringData"]) == {request_key(key) for key in (HD, HM, PD, PM)}
    one = session(spec={"pages": ["homepage"], "viewports": ["mobile"]})
    assert set(built(one)["stringData"]) == {request_key(HM)}


def test_a_capture_is_told_who_it_is() -> None:
    of = session(spec={"mode": "debug"})
    found = requests(of, capture_sandbox="required", allow_targets=("shop.local:8080",))
    for key, request in found.items():
        assert (request.session_id, request.attempt, request.page, request.viewport) == (of.uid, 2, *key)
        assert (request.mode, request.policy) == (Mode.DEBUG, POLICY)
        assert (request.sandbox, request.allow) == ("required", ("shop.local:8080",))
        assert request.image == settings().capture_image


def test_a_capture_carries_what_the_record_says_of_its_session() -> None:
    of = session(spec={"mode": "debug", "retentionPolicy": "long", "viewports": ["mobile"], "pdpUrl": PDP})
    for request in requests(of).values():
        assert request.session == of.record
    assert of.record == SessionRecord(
        url="https://www.acme-shop.com/",
        mode=Mode.DEBUG,
        retention_policy="long",
        created_at=NOW - timedelta(minutes=1),
        pages=(HM, PM),
        pdp_url=PDP,
    )


def test_the_desktops_home_page_looks_for_the_product_page() -> None:
    found = requests(session())
    assert {key for key, request in found.items() if request.discover_pdp} == {HD}
    assert {key: request.url for key, request in found.items()} == {
        HD: "https://www.acme-shop.com/",
        HM: "https://www.acme-shop.com/",
        PD: None,
        PM: None,
    }


def test_a_given_product_page_is_not_looked_for() -> None:
    found = requests(session(spec={"pdpUrl": PDP + "#reviews"}))
    assert not any(request.discover_pdp for request in found.values())
    assert (found[PD].url, found[PM].url) == (PDP, PDP)


def test_a_capture_may_upload_its_artifacts_and_its_result_and_nothing_else() -> None:
    of = session()
    for key, request in requests(of).items():
        assert set(request.uploads) == {name for name, _ in ARTIFACT_FILES.values()} | {RESULT_FILE}
        assert {upload.object_name for upload in request.uploads.values()} == {
            f"acme-shop.com__{of.uid}/{key.page}/{key.viewport}/{file}" for file in request.uploads
        }


def test_every_upload_is_bounded_and_typed() -> None:
    found = secrets.files(POLICY)
    assert found["page.html.gz"] == ("application/gzip", POLICY.evidence.max_upload_bytes)
    assert found[RESULT_FILE] == ("application/json", 5 * 1024 * 1024)
    assert len(found) == 5


def test_a_secret_stays_under_what_kubernetes_stores() -> None:
    of = session(spec={"url": "https://acme-shop.com/" + "u" * 2000, "pdpUrl": "https://acme-shop.com/" + "p" * 2000})
    assert sum(map(len, built(of)["stringData"].values())) < 256 * 1024  # of 1 MiB


def test_it_says_how_long_its_signatures_hold() -> None:
    assert secrets.good_until(built(session())) == UNTIL


@pytest.mark.parametrize("meta", [{}, {"annotations": None}, {"annotations": {"other": "x"}}])
def test_a_secret_that_does_not_say_how_long_it_holds_is_not_trusted(meta: dict[str, Any]) -> None:
    assert secrets.good_until({"metadata": meta}) is None
