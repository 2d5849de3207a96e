"""What a URL's own form says about the page behind it: product, category, or neither. Pure; no page is opened."""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import pairwise
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


class Shape(IntEnum):
    NEVER = 0
    """Editorial, account, legal, a file: neither product nor category."""
    PLAIN = 1
    CATEGORY = 2
    WEAK = 3
    """Ends in something like an article number."""
    PRODUCT = 4


def _segments(table: str) -> frozenset[str]:
    return frozenset(table.split())


_PRODUCT = _segments(
    """
    product products produkt produkte produkter produit produits producto productos prodotto prodotti produto
    produtos tuote tuotteet urun ürün termek termék vyrobek zbozi tovar product-page productpage productdetail
    product-detail product-details item items itm p pd dp prod pdp sku goods
    """
)
# Of these, the words that also name a list: `/products/2` may be its second page as well as a product.
_PLURAL = _segments("products produkte produkter produits productos prodotti produtos tuotteet items goods")
_CATEGORY = _segments(
    """
    category categories c cat collection collections catalog catalogue shop store department departments
    browse range kategorie kategorien kategori kategoria categoria categorias categorie categories rayon
    rayons collezioni colecciones coleccion collectie kollektion kollektionen sortiment product-category
    produkt-kategorie brand brands marken marque marques
    """
)
_NEVER = _segments(
    """
    blog blogs blogg news newsroom article articles magazine magazin journal stories story post posts press
    presse editorial guide guides ratgeber inspiration lookbook recipes rezepte recipe help hilfe support faq
    faqs kb contact contact-us kontakt contacto about about-us uber-uns ueber-uns careers jobs karriere
    account accounts customer login signin sign-in logout register signup cart basket bag checkout warenkorb
    panier carrito carrello kasse wishlist wishlists merkliste favorites favourites search suche recherche
    buscar compare policy policies legal privacy datenschutz impressum imprint agb terms conditions shipping
    versand returns return delivery refund store-locator stores storefinder filialen locations sitemap feed
    rss tag tags author authors event events newsletter cookies cookie reviews review testimonials forum
    community wp-content wp-admin wp-login.php affiliate
    """
)
_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|svg|pdf|zip|docx?|xlsx?|mp4|webm|mp3|xml|txt|css|js|json|ics)$")
_DATED = re.compile(r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2])(?:/|$)")
_PRODUCT_NAME = re.compile(r"(?:^|[-_.])(?:p|pid|prod|product|art|artikel|item|sku)[-_.]?\d{2,}(?:[-_.]|$)")
_PRODUCT_KEYS = _segments(
    """
    product_id productid product prod_id prodid pid sku item_id itemid article_id artikel artnr anr goods_id idproduct
    id_product
    """
)
_GENERIC_KEYS = _segments("id item p")
_PRODUCT_SCRIPT = re.compile(r"product|produkt|item|artikel|detail|goods")
_SCRIPT = re.compile(r"\.(?:php|aspx?|jsp|html?|cgi)$")
_SHORT_NUMBER = re.compile(r"\d{1,2}")
_NUMBER_END = re.compile(r"(?:^|[-_./])(?!(?:19|20)\d\d$)\d{4,}$")
_SKU_END = re.compile(r"(?:^|[-_/.])(?:[a-z]{1,5}\d{3,}[a-z]{0,3}|\d{3,}[a-z]{1,4})$")
_TRACKING = re.compile(
    r"^(?:utm_\w+|gclid|gbraid|wbraid|fbclid|msclkid|yclid|mc_[ce]id|_pos|_sid|_ss|_psq|_fid|_v|pr_\w+"
    r"|ref|ref_|ref_src|source|srsltid|trk\w*|cm_\w+|icid|intcmp)$",
    re.IGNORECASE,
)
_VARIANT = re.compile(
    r"^(?:variant|variation|color|colour|size|farbe|taille|selected_?\w*|currency|lang|locale|attribute_\w+)$",
    re.IGNORECASE,
)


def shape(url: str) -> Shape:
    """Judge an absolute http(s) URL by path and query."""
    parts = urlsplit(url.lower())
    segments = [segment for segment in parts.path.split("/") if segment]
    keys = dict(parse_qsl(parts.query))
    slug = _slug_position(segments)
    # A product may be called "journal" or "basket"; what comes before its name may not.
    before = segments if slug is None else segments[:slug]
    if _FILE.search(parts.path) or _DATED.search(parts.path) or any(segment in _NEVER for segment in before):
        return Shape.NEVER
    if slug is not None or _product_query(parts.path, keys):
        return Shape.PRODUCT
    if keys.keys() & {"add-to-cart", "s", "q"}:
        return Shape.NEVER
    if not segments:
        return Shape.CATEGORY if keys else Shape.NEVER
    if _page_or_product(segments):
        return Shape.WEAK
    listing = any(segment in _CATEGORY or segment in _PRODUCT for segment in segments)
    if listing or keys.keys() & {"category", "cat", "category_id", "cid"}:
        return Shape.CATEGORY
    last = re.sub(r"\.(?:html?|php|aspx?)$", "", segments[-1])
    return Shape.WEAK if _NUMBER_END.search(last) or _SKU_END.search(last) else Shape.PLAIN


def _slug_position(segments: list[str]) -> int | None:
    """Where a product's own name stands in a path that says so: after `/product`, before a last `/p`, or in the last
    segment of `/blue-shirt-p-123.html`. A bare `/products` lists them."""
    for i, (word, name) in enumerate(pairwise(segments)):
        paging = name == "page" or _page_or_product(segments)
        if word in _PRODUCT and name not in _CATEGORY and not paging:
            return i + 1
    if len(segments) > 1 and segments[-1] == "p":
        return len(segments) - 2
    return len(segments) - 1 if segments and _PRODUCT_NAME.search(segments[-1]) else None


def _page_or_product(segments: list[str]) -> bool:
    return len(segments) > 1 and segments[-2] in _PLURAL and _SHORT_NUMBER.fullmatch(segments[-1]) is not None


def _product_query(path: str, keys: dict[str, str]) -> bool:
    if keys.get("route", "").startswith("product/") and "product_id" in keys:
        return True
    named = [key for key in keys if key in _PRODUCT_KEYS]
    if named and "add-to-cart" not in keys:
        return True
    name = path.rpartition("/")[2]
    script = _SCRIPT.search(name) is not None and _PRODUCT_SCRIPT.search(name) is not None
    return script and bool(keys.keys() & (_PRODUCT_KEYS | _GENERIC_KEYS))


def visit_url(url: str) -> str:
    """The address to open: without fragment and without what only says where a click came from."""
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)]
    kept = parts.query if len(query) == len(parse_qsl(parts.query, keep_blank_values=True)) else urlencode(query)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, kept, ""))


def identity(url: str) -> str:
    """Equal for addresses of one page: variants, tracking, a trailing slash and the order of the query set aside."""
    parts = urlsplit(visit_url(url))
    query = sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _VARIANT.match(k))
    return f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}?{urlencode(query)}"
