"""The status: what a new object shows, and that all the operator writes is in the schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from testkit.apiserver import audit_session, create
from webaudit_capture.contract import PageType, Viewport
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import CommandFailed
from webaudit_operator import status
from webaudit_operator.admission import Verdict
from webaudit_operator.sessions import Session
from webaudit_operator.status import Facts, PageState
from webaudit_operator.store.rows import PageKey

pytestmark = pytest.mark.apiserver

NOW = datetime(2026, 11, 23, 6, 0, 12, tzinfo=UTC)
CAPTURES = tuple(PageKey(page, port) for page in PageType for port in Viewport)


def _write(api: ApiServer, body: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Replace the status as the operator does: whole, and with unknown fields refused."""
    answer = api.kubectl(
        "replace",
        "--subresource=status",
        "--validate=strict",
        "-f",
        "-",
        "-o",
        "json",
        input=json.dumps({**body, "status": wanted}),
    )
    stored: dict[str, Any] = json.loads(answer)["status"]
    return stored


def _facts(pages: tuple[PageState, ...], **changes: Any) -> Facts:
    known: dict[str, Any] = {
        "pages": pages,
        "new": (),
        "admitted": True,
        "obstacle": None,
        "attempts": 1,
        "pdp_url": "https://www.acme-shop.com/p/1",
        "policy_version": "default@1",
        "bucket": "evidence",
        "now": NOW,
    }
    return Facts(**{**known, **changes})


def _page(key: PageKey, **changes: Any) -> PageState:
    known: dict[str, Any] = {
        "status": "ok",
        "job": f"acme-1234abcd-{key.page}-{key.viewport}-1",
        "low_confidence": ("missing_h1",),
        "url": "https://www.acme-shop.com/",
        "seconds": 4.1,
    }
    return PageState(key=key, **{**known, **changes})


LOOKS = {
    "queued": _facts(
        tuple(PageState(key=key) for key in CAPTURES),
        admitted=False,
        attempts=0,
        pdp_url=None,
        obstacle=Verdict("DomainBusy", "acme-shop.com is being audited by audits/other; 2nd in the queue"),
    ),
    "running": _facts(tuple(_page(key, status="running", url=None, seconds=None) for key in CAPTURES)),
    "completed": _facts(tuple(_page(key) for key in CAPTURES)),
    "failed": _facts(
        tuple(_page(key, status="failed", reason="TargetHttp404", message="answered 404") for key in CAPTURES)
    ),
}


@pytest.fixture
def body(kube_api: ApiServer, namespace: str) -> dict[str, Any]:
    return create(kube_api, audit_session({"url": "https://www.acme-shop.com/"}, namespace=namespace))


def test_a_new_object_says_at_once_that_nobody_has_looked_at_it(kube_api: ApiServer, body: dict[str, Any]) -> None:
    assert body["status"] == {"observedGeneration": -1}
    stored = kube_api.kubectl("-n", body["metadata"]["namespace"], "get", "audit", "acme", "-o", "json")
    assert json.loads(stored)["status"] == {"observedGeneration": -1}


def test_a_status_in_the_manifest_is_ignored(kube_api: ApiServer, namespace: str) -> None:
    manifest = audit_session({"url": "https://www.acme-shop.com/"}, namespace=namespace)
    created = create(kube_api, {**manifest, "status": {"observedGeneration": 1, "phase": "Completed"}})
    assert created["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("facts", LOOKS.values(), ids=LOOKS)
def test_what_the_operator_writes_is_kept_whole(kube_api: ApiServer, body: dict[str, Any], facts: Facts) -> None:
    evidence = {"uri": "gs://evidence/acme-shop.com__1/", "artifacts": 16, "bytes": 3 * 2**31}
    before = {"startTime": "2026-11-23T06:00:00Z", "evidence": evidence}
    built = status.build(Session({**body, "status": before}), facts)
    wanted = status.mirrored(built, ok=False, reason="DatabaseUnavailable", message="no connection", now=NOW)
    assert _write(kube_api, body, wanted) == wanted


def test_a_status_with_nulls_is_accepted(kube_api: ApiServer, body: dict[str, Any]) -> None:
    page = {"page": "pdp", "viewport": "mobile", "status": "pending"}
    empty = dict.fromkeys(("job", "reason", "message", "url", "durationSeconds"))
    names = ("startTime", "completionTime", "duration", "finalUrl", "pdpUrl", "errorSummary")
    assert _write(kube_api, body, {**dict.fromkeys(names), "pages": [{**page, **empty}]})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"phase": "Done"}, '"Queued", "Running", "Completed", "Partial", "Failed"'),
        ({"pages": [{"page": "pdp", "viewport": "mobile", "status": "ok"}] * 2}, "Duplicate value"),
        ({"conditions": [{"type": "Ready"}]}, "status.conditions[0].reason: Required value"),
        ({"duration": 12}, "must be of type string"),
        ({"html": "<html>"}, 'unknown field "status.html"'),
    ],
    ids=["phase", "capture twice", "half a condition", "duration as number", "evidence in status"],
)
def test_a_malformed_status_is_refused(
    kube_api: ApiServer, body: dict[str, Any], wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(CommandFailed) as refused:
        _write(kube_api, body, wrong)
    assert words in refused.value.stderr


def test_writing_the_status_leaves_the_spec_alone(kube_api: ApiServer, body: dict[str, Any]) -> None:
    changed = {**body, "spec": {**body["spec"], "suspend": True}}
    _write(kube_api, changed, {"observedGeneration": 1})
    stored = kube_api.kubectl("-n", body["metadata"]["namespace"], "get", "audit", "acme", "-o", "json")
    assert json.loads(stored)["spec"] == body["spec"]
