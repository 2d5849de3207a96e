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
    productdetails product-detail product-details item items itm p pd dp prod pdp sku goods
    """
)
# Of these, the words that also name a list: `/products/2` may be its second page as well as a product.
_PLURAL = _segments("products produkte produkter produits productos prodotti produtos tuotteet items goods")
_CATEGORY = _segments(
    """
    category categories c cat collection collections catalog catalogue shop store department departments
    browse range kategorie kategorien kategori kategoria categoria categorias categorie categories rayon
    rayons collezioni colecciones coleccion collectie kollektion kollektionen sortiment product-category
    produkt-kategorie brand brands marken marque marques navigation
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
    community wp-content wp-admin wp-login affiliate my-account shopping-cart shopping-bag catalogsearch sendfriend
    order orders
    """
)
# Words of what does something to a product instead of showing it: a link with one of them is never opened.
_ACTS = _segments("add remove cart basket wishlist compare quickview review reviews questions replytocom write")
_ACTION = re.compile(
    r"^(?:add|remove)[-_]?(?:to|from)[-_]|(?:^|[-_])(?:wish[-_]?list|quick[-_]?view|product[-_]compare)$"
)
# Keys of a query whose value says which page it is.
_ROUTES = _segments(
    "route controller action act a do cmd cl fnc method task main_page dispatch page view option module mode mod op r"
)
_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|svg|pdf|zip|docx?|xlsx?|mp4|webm|mp3|xml|txt|css|js|json|ics)$")
_DATED = re.compile(r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2])(?:/|$)")
_PRODUCT_NAME = re.compile(r"(?:^|[-_.])(?:p|pid|prod|product|art|artikel|item|sku)[-_.]?\d{2,}(?:[-_.]|$)")
_PRODUCT_KEY = re.compile(
    r"(?:\w+_)?(?:products?|prod|item|article|goods)_?id|id_?product|product|pid|sku|artikel|artnr|anr", re.ASCII
)
_CATEGORY_KEYS = _segments("category cat category_id cid id_category product_cat path cpath")
_GENERIC_KEYS = _segments("id item p")
# A generic key's shorter numbers are pages of a list.
_ID = re.compile(r"\d{3,}")
_PRODUCT_SCRIPT = re.compile(r"product|produkt|item|artikel|detail|goods")
_SCRIPT = re.compile(r"\.(?:php|aspx?|jsp|html?|cgi)$")
_ID_FIRST = re.compile(r"\d+-[^/]*\.html?$")
_LOCALE = re.compile(r"/(?:[a-z]{2}[-_][a-z]{2,4}|[a-z]{2})/?", re.IGNORECASE)
_LOCALES = _segments(
    """
    ar at au be bg br ca ch cn cs cz da de dk ee el en es et eu fi fr gb gr he hr hu ie in int is it ja jp ko lt lv mx
    nb nl no nz pl pt ro ru se sk sl sr sv tr uk us vi zh
    """
)
_SHORT_NUMBER = re.compile(r"\d{1,2}")
_NUMBER_END = re.compile(r"(?:^|[-_./])(?!(?:19|20)\d\d$)\d{4,}$")
_SKU_END = re.compile(r"(?:^|[-_/.])(?:[a-z]{1,5}\d{3,}[a-z]{0,3}|[a-z]{6,8}\d{5,}|\d{3,}[a-z]{1,4})$")
_TRACKING = re.compile(
    r"^(?:utm_\w+|gclid|gbraid|wbraid|gad_\w+|_gl|dclid|fbclid|msclkid|ttclid|twclid|yclid|mc_[ce]id|_pos|_sid|_ss|_psq"
    r"|_fid|_v|pr_\w+|ref|ref_|ref_src|source|srsltid|trk\w*|cm_\w+|icid|intcmp|hsa_\w+|mkt_tok|irclickid)$",
    re.IGNORECASE,
)
_TRACKING_PATH = re.compile(r"/ref=[^/]*$")
# A Shopify product stands in every collection that holds it.
_IN_COLLECTION = re.compile(r"/collections/[^/]+(?=/products/[^/]+$)")
_VARIANT = re.compile(
    r"^(?:variant|variation|color|colour|size|farbe|taille|selected_?\w*|currency|lang|locale|attribute_\w+)$",
    re.IGNORECASE,
)


def shape(url: str) -> Shape:
    """Judge an absolute http(s) URL by path and query."""
    parts = urlsplit(url.lower())
    segments = _split(parts.path)
    keys = dict(parse_qsl(parts.query, keep_blank_values=True))
    slug = _slug_position(segments)
    if _FILE.search(parts.path) or _DATED.search(parts.path) or _acts(keys) or _leads_aside(segments, slug):
        return Shape.NEVER
    if slug is not None or _product_query(parts.path, keys):
        return Shape.PRODUCT
    if keys.keys() & {"s", "q"}:
        return Shape.NEVER
    if _id_query(segments, keys) or _page_or_product(segments):
        return Shape.WEAK
    listing = any(segment in _CATEGORY or segment in _PRODUCT for segment in segments)
    if listing or keys.keys() & _CATEGORY_KEYS:
        return Shape.CATEGORY
    if not segments:
        return Shape.PLAIN if keys else Shape.NEVER
    if _ID_FIRST.match(segments[-1]):
        return Shape.WEAK
    last = _bare(segments[-1])
    return Shape.WEAK if _NUMBER_END.search(last) or _SKU_END.search(last) else Shape.PLAIN


def _split(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _bare(segment: str) -> str:
    return _SCRIPT.sub("", segment)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z0-9]+", text))


def _acts(keys: dict[str, str]) -> bool:
    """Whether the query does something (`?add-to-cart=12`) or names a page that is no product's."""
    if any(_words(key) & _ACTS or _ACTION.search(key) for key in keys):
        return True
    routes = [value for key, value in keys.items() if key in _ROUTES]
    return any(_words(value) & (_ACTS | _NEVER | {"buy"}) or _ACTION.search(value) for value in routes)


def _leads_aside(segments: list[str], slug: int | None) -> bool:
    """A product may be called "journal" or "basket"; what comes before its name may not, and what comes after it may
    be a page about it (`/reviews`)."""
    before = segments if slug is None else segments[:slug]
    after = [] if slug is None else segments[slug + 1 :]
    return any(_bare(segment) in _NEVER | _ACTS or _ACTION.search(segment) for segment in before) or any(
        segment in _ACTS for segment in after
    )


def _slug_position(segments: list[str]) -> int | None:
    """Where a product's own name stands in a path that says so: after `/product`, before a last `/p`, or in the last
    segment of `/blue-shirt-p-123.html`. A bare `/products` lists them."""
    for i, (word, name) in enumerate(pairwise(segments)):
        paging = name == "page" or _page_or_product(segments)
        about = name in _ACTS | _NEVER and i + 2 < len(segments)
        if word in _PRODUCT and name not in _CATEGORY and not paging and not about:
            return i + 1
        if word in ("detail", "details") and any(character.isdigit() for character in name):
            return i + 1
    if len(segments) > 1 and segments[-1] == "p":
        return len(segments) - 2
    return len(segments) - 1 if segments and _PRODUCT_NAME.search(segments[-1]) else None


def _page_or_product(segments: list[str]) -> bool:
    return len(segments) > 1 and segments[-2] in _PLURAL and _SHORT_NUMBER.fullmatch(segments[-1]) is not None


def _product_query(path: str, keys: dict[str, str]) -> bool:
    if any(_PRODUCT_KEY.fullmatch(key) for key in keys):
        return True
    name = path.rpartition("/")[2]
    script = _SCRIPT.search(name) is not None and _PRODUCT_SCRIPT.search(name) is not None
    return script and bool(keys.keys() & _GENERIC_KEYS)


def _id_query(segments: list[str], keys: dict[str, str]) -> bool:
    script = not segments or _SCRIPT.search(segments[-1]) is not None
    return script and any(_ID.fullmatch(keys[key]) for key in _GENERIC_KEYS & keys.keys())


def is_list_view(url: str, page_url: str) -> bool:
    """Whether a link only sorts, filters or pages the page it stands on."""
    one, other = urlsplit(url.lower()), urlsplit(page_url.lower())
    if (one.netloc, one.path) != (other.netloc, other.path):
        return False
    keys = dict(parse_qsl(one.query))
    return not _product_query(one.path, keys) and not _id_query(_split(one.path), keys)


def is_locale_root(url: str) -> bool:
    """The home page in another language or for another country."""
    path = urlsplit(url).path
    return _LOCALE.fullmatch(path) is not None and path[1:3].lower() in _LOCALES


def visit_url(url: str) -> str:
    """The address to open: without fragment and without what only says where a click came from."""
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)]
    kept = parts.query if len(query) == len(parse_qsl(parts.query, keep_blank_values=True)) else urlencode(query)
    return urlunsplit((parts.scheme, parts.netloc, _TRACKING_PATH.sub("", parts.path), kept, ""))


def identity(url: str) -> str:
    """Equal for addresses of one page: variants, tracking, the collection a product was met in, a trailing slash and
    the order of the query set aside."""
    parts = urlsplit(visit_url(url))
    query = sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _VARIANT.match(k))
    path = _IN_COLLECTION.sub("", parts.path.rstrip("/"))
    return f"{parts.netloc.removeprefix('www.')}{path}?{urlencode(query)}"
