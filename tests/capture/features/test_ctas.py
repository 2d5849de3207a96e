"""Calls to action: what labels say in many languages, what is merely a tool, and when a page has its primary one."""

from __future__ import annotations

from typing import Any

import pytest

from webaudit_capture.contract import LowConfidenceCode, PageType
from webaudit_capture.features import features_of
from webaudit_capture.features.cta_words import CtaKind
from webaudit_capture.features.ctas import find, has_primary, is_navigation, kind_of
from webaudit_capture.features.snapshot import Control, Heading, Picture, PriceTag, Snapshot
from webaudit_capture.policy import CrawlPolicy


@pytest.mark.parametrize(
    "label",
    [
        "Add to cart", "ADD TO BAG", "Add to basket – $19.99", "Quick add", "Add to my bag", "+ Add to Cart",
        "In den Warenkorb", "In den Einkaufswagen legen", "Ajouter au panier", "Añadir al carrito",
        "Añadir a la cesta",
        "Agregar al carrito", "Aggiungi al carrello", "Adicionar ao carrinho", "In winkelwagen", "In winkelmandje",
        "Toevoegen aan winkelwagen", "Dodaj do koszyka", "Do koszyka", "Lägg i varukorgen",
        "Læg i kurv", "Legg i handlekurv",
        "Lisää ostoskoriin", "Přidat do košíku", "Do košíka", "Kosárba", "Adaugă în coș",
        "Добави в количката", "В корзину",
        "Добавить в корзину", "До кошика", "Sepete ekle", "Προσθήκη στο καλάθι", "أضف إلى السلة", "הוסף לסל",
        "カートに入れる", "加入购物车", "加入購物車", "장바구니 담기", "หยิบใส่ตะกร้า",
        "Thêm vào giỏ hàng", "Masukkan ke keranjang",
    ],
)  # fmt: skip
def test_add_to_cart_is_understood_in_the_languages_of_the_big_markets(label: str) -> None:
    assert kind_of(label) is CtaKind.ADD_TO_CART


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Buy now", CtaKind.BUY_NOW),
        ("Buy it now", CtaKind.BUY_NOW),
        ("Jetzt kaufen", CtaKind.BUY_NOW),
        ("Acheter", CtaKind.BUY_NOW),
        ("Comprar ahora", CtaKind.BUY_NOW),
        ("Купить", CtaKind.BUY_NOW),
        ("立即购买", CtaKind.BUY_NOW),
        ("Hemen Al", CtaKind.BUY_NOW),
        ("Pre-order now", CtaKind.PRE_ORDER),
        ("Vorbestellen", CtaKind.PRE_ORDER),
        ("Notify me when available", CtaKind.NOTIFY_ME),
        ("Sold out", CtaKind.SOLD_OUT),
        ("AUSVERKAUFT", CtaKind.SOLD_OUT),
        ("在庫切れ", CtaKind.SOLD_OUT),
        ("Choose options", CtaKind.CHOOSE_OPTIONS),
        ("Select a size", CtaKind.CHOOSE_OPTIONS),
        ("Ausführung wählen", CtaKind.CHOOSE_OPTIONS),
        ("Request a quote", CtaKind.ENQUIRE),
        ("Checkout", CtaKind.CHECKOUT),
        ("Zur Kasse", CtaKind.CHECKOUT),
        ("Shop now", CtaKind.SHOP),
        ("Shop the collection →", CtaKind.SHOP),
        ("Jetzt entdecken", CtaKind.SHOP),
        ("Découvrir la collection", CtaKind.SHOP),
        ("Ver colección", CtaKind.SHOP),
        ("Scopri di più", CtaKind.SHOP),
        ("Sign up", CtaKind.SIGN_UP),
        ("Subscribe", CtaKind.SIGN_UP),
        ("Sign in", CtaKind.ACCOUNT),
        ("Anmelden", CtaKind.SIGN_UP),
        ("Shopping cart with 0 items", CtaKind.CART),
        ("Warenkorb (2)", CtaKind.CART),
        ("White", None),
        ("Free returns", None),
        ("Menu", None),
        ("", None),
        ("Basketball shoes", None),
        ("Shoppers' stories", None),
    ],
)
def test_labels_say_what_controls_do(label: str, kind: CtaKind | None) -> None:
    assert kind_of(label) is kind


@pytest.mark.parametrize(
    "label",
    ["Menu", "Open menu", "Search", "Close", "Next slide", "Go to slide 3", "×", "2", "EN", "en-US", "Add to wishlist",
     "Load more", "Filter", "Suche", "Schließen", "Cerrar", "検索", "Accept all cookies"],
)  # fmt: skip
def test_tools_of_the_page_are_no_calls(label: str) -> None:
    assert find([Control(text=label, filled=True)]) == ()


@pytest.mark.parametrize(
    ("case", "control", "kind"),
    [
        ("an unknown label drawn as a button", Control(text="Feel the warmth", filled=True), CtaKind.OTHER),
        ("the same as a plain link", Control(text="Feel the warmth", button=False, href="/x"), None),
        ("a plain link that calls", Control(text="Shop now", button=False, href="/x"), CtaKind.SHOP),
        ("the same in the menu", Control(text="Shop", button=False, href="/x", region="nav"), None),
        ("a linked banner", Control(text="Autumn", button=False, href="/x", picture=0.4), CtaKind.SHOP),
        ("a linked thumbnail", Control(text="Autumn", button=False, href="/x", picture=0.03), None),
        ("an icon named for the cart", Control(text="", names="btn-cart add-to-cart"), CtaKind.ADD_TO_CART),
        ("a label behind an icon", Control(text="+", label="Add to cart"), CtaKind.ADD_TO_CART),
        ("a whole paragraph", Control(text="Shop now " * 20, filled=True), None),
        ("a footer's button", Control(text="Feel the warmth", filled=True, region="footer"), None),
    ],
)
def test_looks_and_place_decide_where_words_do_not(case: str, control: Control, kind: CtaKind | None) -> None:
    if not control.text:
        control = control.model_copy(update={"text": "Cart"})
    found = find([control])
    assert (found[0].kind if found else None) is kind, case


def test_the_same_call_counts_once_and_the_pages_own_comes_before_a_teasers() -> None:
    found = find(
        [Control(text="Add to cart", card=True), Control(text="Add to cart", top=400), Control(text="Add to cart")]
    )
    assert [(cta.in_card, cta.top) for cta in found] == [(False, 400)]


@pytest.mark.parametrize(
    ("label", "leads"),
    [("Shoes", True), ("Sale", True), ("Sign in", False), ("Cart (0)", False), ("Search", False), ("", False)],
)
def test_navigation_is_told_from_tools(label: str, leads: bool) -> None:
    assert is_navigation(label) is leads


@pytest.mark.parametrize(
    ("case", "page_type", "controls", "present"),
    [
        ("home with a hero button", PageType.HOMEPAGE, [Control(text="Shop now")], True),
        ("home with product cards", PageType.HOMEPAGE, [Control(text="Add to cart", card=True)], True),
        ("home with a banner", PageType.HOMEPAGE, [Control(text="", button=False, href="/x", picture=0.5)], False),
        ("home with icons only", PageType.HOMEPAGE, [Control(text="Sign in", button=False, href="/login")], True),
        ("home with a search only", PageType.HOMEPAGE, [Control(text="Search")], False),
        ("home with nothing", PageType.HOMEPAGE, [], False),
        ("product to buy", PageType.PDP, [Control(text="Add to cart")], True),
        ("product disabled until a size is chosen", PageType.PDP, [Control(text="Add to cart", disabled=True)], True),
        ("product sold out", PageType.PDP, [Control(text="Sold out", disabled=True)], True),
        ("product with options", PageType.PDP, [Control(text="Choose options")], True),
        ("product to ask for", PageType.PDP, [Control(text="Request a quote")], True),
        ("teasers only", PageType.PDP, [Control(text="Add to cart", card=True)], False),
        ("cart icon only", PageType.PDP, [Control(text="Cart")], False),
        ("shop link only", PageType.PDP, [Control(text="Shop now")], False),
    ],
)
def test_the_primary_call(case: str, page_type: PageType, controls: list[Control], present: bool) -> None:
    assert has_primary(find(controls), page_type) is present, case


GOOD: dict[str, Any] = {
    "h1": (Heading(text="Cup"),),
    "controls": (Control(text="Add to cart"),),
    "prices": (PriceTag(text="$15.00"),),
    "images": (Picture(url="/cup.jpg"),),
}
LONG = "A cup for every morning. " * 10


@pytest.mark.parametrize(
    ("case", "change", "text", "codes"),
    [
        ("as it should be", {}, LONG, []),
        ("no headline, but a title", {"h1": (), "metas": (("og:title", "Cup"),)}, LONG, [LowConfidenceCode.MISSING_H1]),
        ("no call", {"controls": ()}, LONG, [LowConfidenceCode.MISSING_PRIMARY_CTA]),
        ("short", {}, "x" * 199, [LowConfidenceCode.TEXT_TOO_SHORT]),
        ("just long enough", {}, "x" * 200, []),
        ("white space does not count", {}, "x " + " " * 400, [LowConfidenceCode.TEXT_TOO_SHORT]),
        ("no price", {"prices": ()}, LONG, [LowConfidenceCode.PDP_MISSING_PRICE]),
        ("no picture", {"images": ()}, LONG, [LowConfidenceCode.PDP_MISSING_IMAGE]),
        (
            "nothing",
            {"h1": (), "controls": (), "prices": (), "images": ()},
            "",
            [
                LowConfidenceCode.MISSING_H1,
                LowConfidenceCode.MISSING_PRIMARY_CTA,
                LowConfidenceCode.TEXT_TOO_SHORT,
                LowConfidenceCode.PDP_MISSING_PRICE,
                LowConfidenceCode.PDP_MISSING_TITLE,
                LowConfidenceCode.PDP_MISSING_IMAGE,
            ],
        ),
    ],
)
def test_low_confidence_names_what_is_missing(
    case: str, change: dict[str, Any], text: str, codes: list[LowConfidenceCode]
) -> None:
    features = features_of(Snapshot(url="https://shop.test/cup", **{**GOOD, **change}), PageType.PDP)
    doubts = features.low_confidence(text, CrawlPolicy())
    assert [doubt.code for doubt in doubts] == codes, case
    assert all(doubt.detail for doubt in doubts)


def test_a_home_page_is_not_asked_for_a_product() -> None:
    features = features_of(
        Snapshot(url="https://shop.test/", h1=(Heading(text="Acme"),), controls=(Control(text="Shop now"),)),
        PageType.HOMEPAGE,
    )
    assert features.low_confidence(LONG, CrawlPolicy()) == []
