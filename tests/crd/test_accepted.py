"""What the API server accepts, and what it fills in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.apiserver import audit_session, create
from webaudit_capture import urls
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.paths import REPOSITORY

pytestmark = pytest.mark.apiserver

EXAMPLES = [*sorted((REPOSITORY / "examples/sessions").iterdir()), REPOSITORY / "examples/demo/session.yaml"]

URLS = (
    "https://www.acme-shop.com/",
    "http://acme-shop.com",
    "HTTPS://ACME-SHOP.COM/Sale?utm=a@b.de&x=%20#top",
    "https://acme-shop.com/@brand/100%-cotton",
    "https://acme-shop.com:8443?x=1",
    "https://acme-shop.com./",
    "http://shop.audits.svc.cluster.local:80/",
    "http://localhost/",
    "http://192.0.2.7:8080/",
    "http://[2001:db8::7]:8080/",
    "https://münchner-läden.example/größen",
    "https://xn--mnchen-3ya.example/",
)

SPECS: dict[str, dict[str, Any]] = {
    "nulls count as absent": {"pdpUrl": None, "ttlSecondsAfterFinished": None},
    "a product page on another host of the site": {"pdpUrl": "http://m.shop.ACME-shop.com:8080/p/1"},
    "a product page alone, when it is known": {"pages": ["pdp"], "pdpUrl": "https://acme-shop.com/p/1"},
    "the home page alone": {"pages": ["homepage"]},
    "one viewport": {"viewports": ["mobile"]},
    "deletion at once after the end": {"ttlSecondsAfterFinished": 0},
    "a policy by name": {"crawlPolicyRef": {"name": "strict.v2"}},
}


def test_all_that_is_left_out_gets_its_default(kube_api: ApiServer, namespace: str) -> None:
    created = create(kube_api, audit_session({"url": "https://www.acme-shop.com/"}, namespace=namespace))
    assert created["spec"] == {
        "url": "https://www.acme-shop.com/",
        "pages": ["homepage", "pdp"],
        "viewports": ["desktop", "mobile"],
        "mode": "standard",
        "retentionPolicy": "standard",
        "suspend": False,
        "deletionPolicy": "Retain",
    }


@pytest.mark.parametrize("url", URLS)
def test_an_accepted_url_is_one_the_operator_can_work_with(kube_api: ApiServer, url: str) -> None:
    manifest = audit_session({"url": url}, namespace="default")
    assert create(kube_api, manifest, "--dry-run=server")["spec"]["url"] == url
    assert urls.normalize(url)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_legal_spec_is_accepted(kube_api: ApiServer, spec: dict[str, Any]) -> None:
    wanted = {"url": "https://www.acme-shop.com/", **spec}
    stored = create(kube_api, audit_session(wanted, namespace="default"), "--dry-run=server")
    assert {name: stored["spec"][name] for name in wanted} == wanted


def test_a_product_page_may_be_written_in_the_other_form_of_an_international_name(kube_api: ApiServer) -> None:
    spec = {"url": "https://münchen.example/", "pdpUrl": "https://www.xn--mnchen-3ya.example/p/1"}
    assert create(kube_api, audit_session(spec, namespace="default"), "--dry-run=server")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(kube_api: ApiServer, path: Path) -> None:
    manifest = yaml.safe_load(path.read_text())
    manifest["metadata"]["namespace"] = "default"
    assert create(kube_api, manifest, "--dry-run=server")["kind"] == "AuditSession"


def test_there_are_examples_of_the_usual_cases() -> None:
    assert {"minimal.yaml", "full.yaml", "known-pdp.yaml"} <= {path.name for path in EXAMPLES}
