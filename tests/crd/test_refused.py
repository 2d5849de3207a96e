"""What the API server refuses, and the sentence it says then."""

from __future__ import annotations

from typing import Any

import pytest

from testkit.apiserver import audit_session, refusal
from webaudit_cluster.apiserver import ApiServer

pytestmark = pytest.mark.apiserver

LIKE_THIS = 'write an address like "https://www.acme-shop.com/"'
NO_SCHEME = "has no scheme; write"
WRONG_CHARACTER = "contains white space or a control character"
LOGIN = "contains a user name or password"

URLS = {
    "acme-shop.com": f'"acme-shop.com" {NO_SCHEME} "https://acme-shop.com/"',
    "www.acme-shop.com/sale": f'{NO_SCHEME} "https://www.acme-shop.com/sale"',
    "acme-shop.com?ref=1": f'{NO_SCHEME} "https://acme-shop.com?ref=1"',
    "//acme-shop.com": f'{NO_SCHEME} "https://acme-shop.com/"',
    "acme-shop.com:8080": f'{NO_SCHEME} "https://acme-shop.com:8080/"',
    "localhost:8080/shop": f'{NO_SCHEME} "https://localhost:8080/shop"',
    "acme-shop.com/?to=https://x.example": f'{NO_SCHEME} "https://acme-shop.com/?to=https://x.example"',
    "": f"is empty; {LIKE_THIS}",
    "ftp://acme-shop.com/": f'"ftp://acme-shop.com/" is not http or https; {LIKE_THIS}',
    "javascript:alert(1)": f"is not http or https; {LIKE_THIS}",
    "file:///etc/passwd": f"is not http or https; {LIKE_THIS}",
    "https://": f'"https://" has no valid host and port; {LIKE_THIS}',
    "https:///sale": "has no valid host and port",
    "https:acme-shop.com": "has no valid host and port",
    "https://?q=1": "has no valid host and port",
    "https://acme|shop.com/": "has no valid host and port",
    "https://acme-shop.com:http/": "has no valid host and port",
    "https://acme-shop.com:65536/": "has no valid host and port",
    "https://acme shop.com/": WRONG_CHARACTER,
    " https://acme-shop.com/": WRONG_CHARACTER,
    "https://acme-shop.com/\n": WRONG_CHARACTER,
    "https://acme-shop.com/\x7f": WRONG_CHARACTER,
    "https://acme-shop.com/" + "a" * 2048: "may not be more than 2048 bytes",
}

LOGINS = ("https://jane:hunter2@acme-shop.com/", "https://hunter2@acme-shop.com", "jane:hunter2@acme-shop.com")

SPECS: dict[str, tuple[dict[str, Any], str]] = {
    "a product page on another domain": (
        {"pdpUrl": "https://acme-shop.org/p/1"},
        'spec.pdpUrl: Invalid value: "object": "https://acme-shop.org/p/1" is not on the same site as spec.url '
        '("https://www.acme-shop.com/"); the product page must belong to the shop\'s registrable domain',
    ),
    "a product page on a domain that only ends alike": (
        {"pdpUrl": "https://notacme-shop.com/p/1"},
        "is not on the same site as spec.url",
    ),
    "a product page without scheme": (
        {"pdpUrl": "acme-shop.com/p/1"},
        'spec.pdpUrl: Invalid value: "string": "acme-shop.com/p/1" has no scheme; write "https://acme-shop.com/p/1"',
    ),
    "an empty product page": ({"pdpUrl": ""}, 'spec.pdpUrl: Invalid value: "string": is empty'),
    "a product page that is not wanted": (
        {"pdpUrl": "https://acme-shop.com/p/1", "pages": ["homepage"]},
        'spec.pages does not ask for a product page; add "pdp" to spec.pages or leave out spec.pdpUrl',
    ),
    "a product page that nothing leads to": (
        {"pages": ["pdp"]},
        'without the home page, where it would be found; add "homepage" or name the product page in spec.pdpUrl',
    ),
    "a product page that nothing leads to, with a null": (
        {"pages": ["pdp"], "pdpUrl": None},
        "or name the product page in spec.pdpUrl",
    ),
    "no pages": ({"pages": []}, "spec.pages in body should have at least 1 items"),
    "a page twice": ({"pages": ["pdp", "homepage", "pdp"]}, 'spec.pages[2]: Duplicate value: "pdp"'),
    "an unknown page": ({"pages": ["cart"]}, 'Unsupported value: "cart": supported values: "homepage", "pdp"'),
    "no viewports": ({"viewports": []}, "spec.viewports in body should have at least 1 items"),
    "an unknown viewport": ({"viewports": ["tablet"]}, 'supported values: "desktop", "mobile"'),
    "an unknown mode": ({"mode": "fast"}, 'supported values: "standard", "debug", "evidence_pack"'),
    "an unknown retention": ({"retentionPolicy": "30d"}, 'supported values: "standard", "short", "long"'),
    "an unknown deletion policy": ({"deletionPolicy": "Keep"}, 'supported values: "Retain", "Delete"'),
    "a policy without name": ({"crawlPolicyRef": {}}, "spec.crawlPolicyRef.name: Required value"),
    "a policy that no resource can be named": ({"crawlPolicyRef": {"name": "My Policy"}}, "should match '^[a-z0-9]"),
    "a policy of a kind": (
        {"crawlPolicyRef": {"name": "default", "kind": "CrawlPolicy"}},
        'unknown field "spec.crawlPolicyRef.kind"',
    ),
    "a negative time to live": ({"ttlSecondsAfterFinished": -1}, "should be greater than or equal to 0"),
    "a time to live as text": ({"ttlSecondsAfterFinished": "1h"}, "must be of type integer"),
    "suspend as text": ({"suspend": "yes"}, "must be of type boolean"),
    "a field that does not exist": ({"pdpURL": "https://acme-shop.com/p/1"}, 'unknown field "spec.pdpURL"'),
}


@pytest.mark.parametrize("url", URLS)
def test_a_wrong_url_is_refused_with_what_to_write_instead(kube_api: ApiServer, url: str) -> None:
    said = refusal(kube_api, audit_session({"url": url}, namespace="default"))
    assert "spec.url: " in said
    assert URLS[url] in said
    assert said.count("spec.url: ") == 1, "one fault, one sentence"


@pytest.mark.parametrize("url", LOGINS)
def test_a_url_with_a_login_is_refused_without_repeating_it(kube_api: ApiServer, url: str) -> None:
    said = refusal(kube_api, audit_session({"url": url}, namespace="default"))
    assert LOGIN in said
    assert "hunter2" not in said


@pytest.mark.parametrize(("spec", "sentence"), SPECS.values(), ids=SPECS)
def test_a_wrong_spec_is_refused_with_a_sentence(kube_api: ApiServer, spec: dict[str, Any], sentence: str) -> None:
    wanted = {"url": "https://www.acme-shop.com/", **spec}
    assert sentence in refusal(kube_api, audit_session(wanted, namespace="default"))


def test_a_manifest_without_spec_is_refused(kube_api: ApiServer) -> None:
    assert "spec: Required value" in refusal(kube_api, audit_session(None, namespace="default"))


def test_a_spec_without_url_is_refused(kube_api: ApiServer) -> None:
    assert "spec.url: Required value" in refusal(kube_api, audit_session({}, namespace="default"))
