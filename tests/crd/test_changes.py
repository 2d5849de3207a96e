"""What can be changed after creation, and what can't."""

from __future__ import annotations

import json
from typing import Any

import pytest

from testkit.apiserver import audit_session, create
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import CommandFailed

pytestmark = pytest.mark.apiserver

SENTENCE = (
    "cannot be changed after creation; create a new AuditSession instead "
    "(only suspend, deletionPolicy and ttlSecondsAfterFinished can be changed)"
)

FROZEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "url": ({}, {"url": "https://www.acme-shop.com/sale"}),
    "pdpUrl added": ({}, {"pdpUrl": "https://www.acme-shop.com/p/1"}),
    "pdpUrl in place of null": ({"pdpUrl": None}, {"pdpUrl": "https://www.acme-shop.com/p/1"}),
    "pdpUrl changed": ({"pdpUrl": "https://acme-shop.com/p/1"}, {"pdpUrl": "https://acme-shop.com/p/2"}),
    "pdpUrl removed": ({"pdpUrl": "https://acme-shop.com/p/1"}, {"pdpUrl": None}),
    "pages": ({}, {"pages": ["homepage"]}),
    "viewports": ({}, {"viewports": ["mobile"]}),
    "mode": ({}, {"mode": "debug"}),
    "retentionPolicy": ({}, {"retentionPolicy": "long"}),
    "crawlPolicyRef added": ({}, {"crawlPolicyRef": {"name": "strict"}}),
    "crawlPolicyRef changed": ({"crawlPolicyRef": {"name": "strict"}}, {"crawlPolicyRef": {"name": "lenient"}}),
    "crawlPolicyRef removed": ({"crawlPolicyRef": {"name": "strict"}}, {"crawlPolicyRef": None}),
}

FREE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "suspend": ({}, {"suspend": True}),
    "deletionPolicy": ({}, {"deletionPolicy": "Delete"}),
    "ttlSecondsAfterFinished added": ({}, {"ttlSecondsAfterFinished": 60}),
    "ttlSecondsAfterFinished removed": ({"ttlSecondsAfterFinished": 60}, {"ttlSecondsAfterFinished": None}),
    "the order of pages, which means nothing": ({}, {"pages": ["pdp", "homepage"]}),
    "a null where nothing was": ({}, {"pdpUrl": None}),
}


def _changed(api: ApiServer, namespace: str, before: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    base = {"url": "https://www.acme-shop.com/"}
    create(api, audit_session({**base, **before}, namespace=namespace))
    patch = json.dumps({"spec": change})
    patched = api.kubectl("-n", namespace, "patch", "audit", "acme", "--type=merge", "-p", patch, "-o", "json")
    spec: dict[str, Any] = json.loads(patched)["spec"]
    return spec


@pytest.mark.parametrize(("before", "change"), FROZEN.values(), ids=FROZEN)
def test_what_to_audit_is_fixed_at_creation(
    kube_api: ApiServer, namespace: str, before: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(CommandFailed) as refused:
        _changed(kube_api, namespace, before, change)
    field = next(iter(change))
    assert f"spec.{field}: " in refused.value.stderr
    assert SENTENCE in refused.value.stderr


@pytest.mark.parametrize(("before", "change"), FREE.values(), ids=FREE)
def test_what_becomes_of_it_can_be_changed(
    kube_api: ApiServer, namespace: str, before: dict[str, Any], change: dict[str, Any]
) -> None:
    spec = _changed(kube_api, namespace, before, change)
    assert {name: spec.get(name) for name in change} == change


def test_a_null_can_be_taken_out_of_the_manifest_again(kube_api: ApiServer, namespace: str) -> None:
    spec = {"url": "https://www.acme-shop.com/", "pdpUrl": None}
    create(kube_api, audit_session(spec, namespace=namespace))
    patch = json.dumps([{"op": "remove", "path": "/spec/pdpUrl"}])
    kube_api.kubectl("-n", namespace, "patch", "audit", "acme", "--type=json", "-p", patch)
    kept = json.loads(kube_api.kubectl("-n", namespace, "get", "audit", "acme", "-o", "json"))
    assert "pdpUrl" not in kept["spec"]


def test_applying_the_same_manifest_again_changes_nothing(kube_api: ApiServer, namespace: str) -> None:
    manifest = json.dumps(audit_session({"url": "https://www.acme-shop.com/"}, namespace=namespace))
    kube_api.kubectl("apply", "-f", "-", input=manifest)
    assert "unchanged" in kube_api.kubectl("apply", "-f", "-", input=manifest)
