"""Who owns an address."""

from __future__ import annotations

import pytest

from webaudit_capture.urls import BadUrl, host_port, same_site


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


@pytest.mark.parametrize(
    ("pair", "apart"),
    [
        ("Shop.test.:8080", ("shop.test", 8080)),
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:443", ("::1", 443)),
        ("shop.test", None),
        ("shop.test:", None),
        (":80", None),
        ("shop.test:0", None),
        ("shop.test:65536", None),
        ("shop.test:²", None),
    ],
)
def test_a_pair_is_a_host_and_a_port(pair: str, apart: tuple[str, int] | None) -> None:
    if apart is not None:
        assert host_port(pair) == apart
        return
    with pytest.raises(BadUrl, match="is not host:port"):
        host_port(pair)
