"""When a page counts as a product page, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from webaudit_capture.discovery.url_shape import identity
from webaudit_capture.discovery.validity import unfit, wrong_place
from webaudit_capture.features.product import PdpCore

HOME = "https://shop.test/"
CUP = PdpCore("Cup", "15.00", "EUR", "InStock", True, ("https://shop.test/cup.jpg",))


@pytest.mark.parametrize(
    ("case", "core", "missing"),
    [
        ("all there", CUP, ()),
        ("sold out and not for sale", replace(CUP, availability="OutOfStock", add_to_cart_present=False), ()),
        ("a price element without a currency", replace(CUP, currency=None), ()),
        ("no price", replace(CUP, price=None), ("price",)),
        ("a price of zero", replace(CUP, price="0.00"), ("price",)),
        ("no title", replace(CUP, title=None), ("title",)),
        ("no picture", replace(CUP, image_urls=()), ("image",)),
        ("nothing", PdpCore(None, None, None, None, False, ()), ("price", "title", "image")),
    ],
)
def test_a_product_page_has_price_title_and_picture(case: str, core: PdpCore, missing: tuple[str, ...]) -> None:
    rejection = unfit(core)
    assert (rejection.missing if rejection else ()) == missing, case
    if rejection:
        assert rejection.reason == f"no_{missing[0]}"


@pytest.mark.parametrize(
    ("landed", "reason"),
    [
        ("https://shop.test/products/cup", None),
        ("https://m.shop.test/products/cup", None),
        ("https://elsewhere.test/products/cup", "left_site"),
        ("https://shop.test/?utm_source=x", "redirected_home"),
        ("https://www.shop.test", "redirected_home"),
        ("https://shop.test/?gone=cup", "redirected_home"),
        ("https://shop.test/?product_id=7", None),
        ("https://shop.test/products/tried?variant=2", "already_tried"),
        ("chrome-error://chromewebdata/", "not_a_page"),
        ("about:blank", "not_a_page"),
    ],
)
def test_a_candidate_must_end_on_a_page_of_its_own(landed: str, reason: str | None) -> None:
    tried = frozenset({identity("https://shop.test/products/tried")})
    rejection = wrong_place(landed, HOME, tried)
    assert (rejection.reason if rejection else None) == reason
