"""What people see of a session: columns, short names, `kubectl explain`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from testkit.apiserver import CRDS, audit_session, create
from webaudit_cluster.apiserver import ApiServer

STATUS = {
    "observedGeneration": 1,
    "phase": "Completed",
    "summary": "4/4",
    "lowConfidence": False,
    "pdpUrl": "https://www.acme-shop.com/p/1",
    "crawlPolicyVersion": "default@1",
    "duration": "41s",
    "evidence": {"uri": "gs://evidence/acme-shop.com__1/", "artifacts": 16, "bytes": 4711000},
    "conditions": [
        {
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": "",
            "lastTransitionTime": "2026-11-23T06:00:00Z",
        }
        for kind, reason in (("Admitted", "Started"), ("Ready", "AllPagesOk"))
    ],
}


@pytest.fixture
def shown(kube_api: ApiServer, namespace: str) -> str:
    """The namespace of one finished session."""
    create(kube_api, audit_session({"url": "https://acme-shop.com/"}, namespace=namespace))
    patch = json.dumps({"status": STATUS})
    kube_api.kubectl("-n", namespace, "patch", "audit", "acme", "--subresource=status", "--type=merge", "-p", patch)
    return namespace


@pytest.mark.apiserver
def test_a_finished_session_fits_into_80_columns(kube_api: ApiServer, shown: str) -> None:
    header, row = kube_api.kubectl("-n", shown, "get", "auditsessions").splitlines()
    assert header.split() == ["NAME", "STATUS", "PAGES", "LOW-CONF", "REASON", "AGE"]
    assert row.split()[:-1] == ["acme", "Completed", "4/4", "false", "AllPagesOk"]
    assert max(len(header), len(row)) <= 80


@pytest.mark.apiserver
def test_wide_adds_product_page_policy_duration_and_evidence(kube_api: ApiServer, shown: str) -> None:
    header, row = kube_api.kubectl("-n", shown, "get", "auditsessions", "-o", "wide").splitlines()
    assert header.split()[-5:] == ["URL", "PDP", "POLICY", "DURATION", "EVIDENCE"]
    wanted = [
        "https://acme-shop.com/",
        "https://www.acme-shop.com/p/1",
        "default@1",
        "41s",
        "gs://evidence/acme-shop.com__1/",
    ]
    assert row.split()[-5:] == wanted


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["audit", "audits", "auditsession", "webaudit"])
def test_sessions_are_found_under_their_other_names(kube_api: ApiServer, shown: str, name: str) -> None:
    assert kube_api.kubectl("-n", shown, "get", name, "-o", "name") == "auditsession.webaudit.dev/acme\n"


@pytest.mark.apiserver
def test_sessions_can_be_selected_by_phase(kube_api: ApiServer, shown: str) -> None:
    def names(phase: str) -> str:
        return kube_api.kubectl("-n", shown, "get", "audits", f"--field-selector=status.phase={phase}", "-o", "name")

    assert names("Completed") == "auditsession.webaudit.dev/acme\n"
    assert names("Failed") == ""


@pytest.mark.apiserver
def test_explain_tells_meaning_default_and_unit(kube_api: ApiServer) -> None:
    said = " ".join(kube_api.kubectl("explain", "audit.spec").split())
    assert "Seconds after its end at which this resource is deleted" in said
    assert "enum: standard, debug, evidence_pack" in said
    assert "Default: Retain." in said


def _undescribed(schema: dict[str, Any], path: str) -> Iterator[str]:
    if path and not schema.get("description"):
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from _undescribed(field, f"{path}.{name}")
    for field in schema.get("items", {}).get("properties", {}).items():
        yield from _undescribed(field[1], f"{path}[].{field[0]}")


def test_every_field_is_described() -> None:
    version = yaml.safe_load((CRDS / "auditsessions.yaml").read_text())["spec"]["versions"][0]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        assert list(_undescribed(properties[part], part)) == []
