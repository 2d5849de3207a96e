"""What a URL's form says about its page."""

from __future__ import annotations

import pytest

from webaudit_capture.discovery.url_shape import Shape, identity, is_list_view, is_locale_root, shape, visit_url


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # products
        ("/product/blue-shirt", Shape.PRODUCT),
        ("/products/blue-shirt", Shape.PRODUCT),
        ("/collections/summer/products/blue-shirt", Shape.PRODUCT),
        ("/shop/product/blue-shirt/", Shape.PRODUCT),
        ("/de/produkte/blaues-hemd", Shape.PRODUCT),
        ("/p/12345", Shape.PRODUCT),
        ("/shoes/runner/p/12345", Shape.PRODUCT),
        ("/blue-shirt/p", Shape.PRODUCT),
        ("/item/4711", Shape.PRODUCT),
        ("/itm/123456789", Shape.PRODUCT),
        ("/product/7", Shape.PRODUCT),
        ("/item/9", Shape.PRODUCT),
        ("/p/5", Shape.PRODUCT),
        ("/shop/p/5", Shape.PRODUCT),
        ("/produkt/3", Shape.PRODUCT),
        ("/products/100", Shape.PRODUCT),
        ("/products/7/blue-shirt", Shape.PRODUCT),
        ("/Blue-Shirt/dp/B01ABCDEFG", Shape.PRODUCT),
        ("/blue-shirt-p-123.html", Shape.PRODUCT),
        ("/blue-shirt-p123456", Shape.PRODUCT),
        ("/artikel-4711.html", Shape.PRODUCT),
        ("/PRODUCT/Blue", Shape.PRODUCT),
        ("/products/journal", Shape.PRODUCT),
        ("/product/basket", Shape.PRODUCT),
        # products by query
        ("/index.php?route=product/product&product_id=40", Shape.PRODUCT),
        ("/?product=blue-shirt", Shape.PRODUCT),
        ("/shop.aspx?pid=12", Shape.PRODUCT),
        ("/product.php?id=12", Shape.PRODUCT),
        ("/detail.html?item=9", Shape.PRODUCT),
        ("/?p=12&product_id=4", Shape.PRODUCT),
        ("/index.php?main_page=product_info&products_id=9", Shape.PRODUCT),
        ("/index.php?id_product=9&controller=product", Shape.PRODUCT),
        ("/detail/0192f3a4c5d67e8f90a1b2c3d4e5f6ff", Shape.PRODUCT),
        ("/catalog/product/view/id/12", Shape.PRODUCT),
        # an id in the query, at the end, or at the beginning of a page's name
        ("/?p=123", Shape.WEAK),
        ("/index.php?id=4711", Shape.WEAK),
        ("/men/1-1-hummingbird-t-shirt.html", Shape.WEAK),
        ("/Main-product/SWDEMO10001", Shape.WEAK),
        ("/blue-shirt-48151", Shape.WEAK),
        ("/hemd/48151.html", Shape.WEAK),
        ("/shirts/ab1234", Shape.WEAK),
        ("/blue-shirt-4711xl", Shape.WEAK),
        # a product or a page of a list
        ("/products/42", Shape.WEAK),
        ("/de/produkte/2", Shape.WEAK),
        # lists of products
        ("/products", Shape.CATEGORY),
        ("/products/", Shape.CATEGORY),
        ("/products/page/2", Shape.CATEGORY),
        ("/collections/summer", Shape.CATEGORY),
        ("/category/shoes", Shape.CATEGORY),
        ("/product-category/shoes", Shape.CATEGORY),
        ("/c/shoes-1234", Shape.CATEGORY),
        ("/shop", Shape.CATEGORY),
        ("/index.php?route=product/category&category_id=20", Shape.CATEGORY),
        ("/navigation/0192f3a4c5d67e8f90a1b2c3d4e5f607", Shape.CATEGORY),
        ("/?cat=4", Shape.CATEGORY),
        ("/index.php?controller=category&id_category=3", Shape.CATEGORY),
        # neither
        ("/?p=2", Shape.PLAIN),
        ("/?page_id=7", Shape.PLAIN),
        ("/canvas-laundry-cart", Shape.PLAIN),
        ("/3-clothes", Shape.PLAIN),
        ("/detail/history", Shape.PLAIN),
        ("/shoes", Shape.PLAIN),
        ("/blue-shirt.html", Shape.PLAIN),
        ("/summer-2024", Shape.PLAIN),
        # never
        ("/", Shape.NEVER),
        ("/blog/10-best-products-48151", Shape.NEVER),
        ("/blogs/news/products-we-love", Shape.NEVER),
        ("/2024/05/12/our-new-product", Shape.NEVER),
        ("/magazin/artikel-123", Shape.NEVER),
        ("/account/login", Shape.NEVER),
        ("/cart", Shape.NEVER),
        ("/wishlist/add/4711", Shape.NEVER),
        ("/?add-to-cart=12", Shape.NEVER),
        ("/?s=shirt", Shape.NEVER),
        ("/product/cup/?add-to-cart=12", Shape.NEVER),
        ("/product/cup/?add_to_wishlist=12", Shape.NEVER),
        ("/product/cup?action=yith-woocompare-add-product&id=12", Shape.NEVER),
        ("/product/cup/reviews", Shape.NEVER),
        ("/product/add/12", Shape.NEVER),
        ("/products/cup?view=quick-view", Shape.NEVER),
        ("/quickview/product/12", Shape.NEVER),
        ("/catalog/product_compare/add/product/12", Shape.NEVER),
        ("/checkout/cart/add/uenc/aHR0/product/12", Shape.NEVER),
        ("/sendfriend/product/send/id/12", Shape.NEVER),
        ("/cart.php?action=add&product_id=86", Shape.NEVER),
        ("/wishlist.php?product_id=86", Shape.NEVER),
        ("/my-account", Shape.NEVER),
        ("/index.php?route=product/product/review&product_id=42", Shape.NEVER),
        ("/index.php?route=product/compare&product_id=42", Shape.NEVER),
        ("/index.php?controller=cart&add=1&id_product=9", Shape.NEVER),
        ("/index.php?action=buy_now&products_id=9", Shape.NEVER),
        ("/?replytocom=9", Shape.NEVER),
        ("/images/product-4711.jpg", Shape.NEVER),
        ("/manuals/product/4711.pdf", Shape.NEVER),
        ("/pages/privacy/policy", Shape.NEVER),
    ],
)
def test_the_form_of_a_url(path: str, expected: Shape) -> None:
    assert shape(f"https://shop.test{path}") is expected


@pytest.mark.timeout(30)  # takes a moment; before, the first of them did not end
@pytest.mark.parametrize("piece", ["product", "item-", "-1111", "/p", "a1", "1", ".php", "/product/"])
def test_a_long_url_takes_time_in_proportion_to_its_length(piece: str) -> None:
    assert shape(f"https://shop.test/{piece * (2_000_000 // len(piece))}?item") in Shape


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("https://shop.test/p/1#reviews", "https://shop.test/p/1"),
        ("https://shop.test/p/1?utm_source=mail&gclid=x", "https://shop.test/p/1"),
        ("https://shop.test/p/1?variant=7&utm_medium=x", "https://shop.test/p/1?variant=7"),
        ("https://shop.test/?product_id=40&x=a%20b", "https://shop.test/?product_id=40&x=a%20b"),
        ("https://shop.test/products/a?_pos=1&_sid=2&pr_prod_strat=x", "https://shop.test/products/a"),
    ],
)
def test_links_are_opened_without_what_only_tracks_them(url: str, opened: str) -> None:
    assert visit_url(url) == opened


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://shop.test/p/1", "https://www.shop.test/p/1/", True),
        ("https://shop.test/p/1?variant=7", "https://shop.test/p/1?variant=8", True),
        ("https://shop.test/p/1?a=1&b=2", "https://shop.test/p/1?b=2&a=1&utm_x=3", True),
        ("http://shop.test/p/1", "https://shop.test/p/1#x", True),
        ("https://shop.test/?product_id=1", "https://shop.test/?product_id=2", False),
        ("https://shop.test/p/1", "https://shop.test/p/2", False),
        ("https://shop.test/p/1", "https://m.shop.test/p/1", False),
        ("https://shop.test/collections/new/products/a", "https://shop.test/products/a/", True),
        ("https://shop.test/collections/new/products/a", "https://shop.test/collections/new", False),
        ("https://shop.test/cup/dp/B01ABC/ref=sr_1_1", "https://shop.test/cup/dp/B01ABC", True),
        ("https://shop.test/?p=123", "https://shop.test/?p=124", False),
    ],
)
def test_variants_and_tracking_do_not_make_another_page(one: str, other: str, same: bool) -> None:
    assert (identity(one) == identity(other)) is same


@pytest.mark.parametrize(
    ("link", "page", "expected"),
    [
        ("/shoes.html?price=10-20", "/shoes.html", True),
        ("/shoes.html?p=2", "/shoes.html", True),
        ("/shoes-1234?sort=price", "/shoes-1234", True),
        ("/?p=2", "/", True),
        ("/?p=123", "/", False),
        ("/index.php?product_id=4", "/index.php?cat=2", False),
        ("/shoes/red", "/shoes", False),
        ("https://m.shop.test/shoes?p=2", "/shoes", False),
    ],
)
def test_a_list_sorted_or_filtered_is_the_same_list(link: str, page: str, expected: bool) -> None:
    home = "https://shop.test"
    assert is_list_view(link if link.startswith("http") else home + link, home + page) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((path, True) for path in ("/de", "/fr-fr/", "/en_GB", "/us/")),
        *((path, False) for path in ("/tv", "/pc-wii", "/de/cups", "/")),
    ],
)
def test_a_home_page_in_another_language_is_known_by_its_address(path: str, expected: bool) -> None:
    assert is_locale_root(f"https://shop.test{path}") is expected
