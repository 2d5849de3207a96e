"""Who owns an address."""

from __future__ import annotations

import pytest

from webaudit_capture.urls import same_site


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://shop.test/a", "http://www.shop.test:8080/b", True),
        ("https://shop.co.uk/", "https://other.co.uk/", False),
        ("https://", "https://shop.test/", False),
        ("https://shop.test/", "http://host:99999/", False),
        ("https://", "https://", False),
    ],
)
def test_a_site_is_one_registrable_domain_and_what_is_no_url_belongs_to_none(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same
