"""The shop's pages as HTML. Every page is a pure function of the catalogue and the origin it is served from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from catalogue import CATEGORIES, CATEGORY, CURRENCY, PRODUCTS, Category, Product, in_category, related
from pictures import product_picture

SHOP = "Nordlicht Outdoor"
INFO = {
    "shipping": ("Shipping & returns", "Orders leave our warehouse in Flensburg within one working day and arrive in two to four. Shipping is free from €60; below that it is €4.90. You may send anything back within 100 days, unwashed and unburnt, and we pay the way back."),
    "repairs": ("Repairs", "A torn sleeve is a reason for a needle, not for a new jacket. Send us what we made and we mend it: the first five years free of charge, after that at cost. Seams, zips, poles and soles."),
    "about": ("About us", "Nordlicht began in 2009 with one tent and a sewing machine in a boat shed. Today forty people design, test and repair gear for long evenings outside. We own the shop ourselves, and we close it on good days."),
    "contact": ("Contact", "Write to hello@nordlicht.test or call +49 461 5550100, Monday to Friday from nine to five. Someone who has slept in the tent you are asking about will answer."),
    "imprint": ("Imprint", "Nordlicht Outdoor is a made-up shop. It sells nothing, stores nothing and is here to be looked at."),
    "privacy": ("Privacy", "The shop keeps your choice about cookies and the contents of your cart in your own browser, and nothing anywhere else."),
}  # fmt: skip


def money(amount: Any) -> str:
    return f"€{amount:,.2f}"


def home(origin: str) -> str:
    sale = [product for product in PRODUCTS if product.old_price]
    body = f"""
<section class="hero"><img src="/img/hero.svg" alt="Northern lights over a lake" width="1920" height="900">
<div class="hero-text"><p class="eyebrow">Autumn sale · up to 24 % off</p>
<h1>Made for long evenings outside</h1>
<p>Tents, jackets and small warm lights, designed in the north and mended for as long as you like.</p>
<p><a class="button primary" href="/category/tents">Shop tents &amp; sleep</a>
<a class="button ghost" href="/sale">See the sale</a></p></div></section>
<ul class="promises"><li><b>Free shipping</b> from €60</li><li><b>100 days</b> to change your mind</li>
<li><b>5 years</b> of free repairs</li><li><b>4.7 / 5</b> from 2,077 reviews</li></ul>
<section class="wrap"><h2>Where are you going?</h2><div class="tiles">{"".join(map(_tile, CATEGORIES))}</div></section>
<section class="wrap"><div class="row-head"><h2>Favourites this week</h2><a href="/category/jackets">All jackets</a></div>
<div class="grid">{_cards(PRODUCTS[:8])}</div></section>
<section class="banner"><img data-src="/img/ridge.svg" alt="Morning light on a chain of hills" width="1600" height="640">
<div><h2>We mend what we sell</h2><p>Seams, zips, poles, soles. The first five years are on us.</p>
<a class="button light" href="/info/repairs">How repairs work</a></div></section>
<section class="wrap"><div class="row-head"><h2>Last of the season</h2><a href="/sale">The whole sale</a></div>
<div class="grid">{_cards(sale[2:], deferred=True)}</div></section>
<section class="wrap voices"><h2>From the trail</h2><div class="quotes">{"".join(_quotes())}</div></section>"""
    data = {
        "@context": "https://schema.org",
        "@type": "OnlineStore",
        "name": SHOP,
        "url": f"{origin}/",
        "logo": f"{origin}/img/logo.svg",
    }
    return _page(
        origin, "/", f"{SHOP} | Tents, jackets and gear for long evenings",
        "Tents, shells, packs and camp kitchen from the north. Free shipping from €60, five years of free repairs.",
        body, [data], picture="/img/hero.svg",
    )  # fmt: skip


def category(origin: str, slug: str) -> str | None:
    shelf = CATEGORY.get(slug)
    if shelf is None:
        return None
    crumbs = (("Home", "/"), (shelf.name, f"/category/{slug}"))
    return _listing(origin, f"/category/{slug}", shelf.name, shelf.blurb, in_category(slug), crumbs)


def sale(origin: str) -> str:
    goods = [product for product in PRODUCTS if product.old_price]
    crumbs = (("Home", "/"), ("Sale", "/sale"))
    return _listing(origin, "/sale", "Autumn sale", "Last colours and last sizes, first-class gear.", goods, crumbs)


def _listing(
    origin: str, path: str, name: str, blurb: str, goods: Sequence[Product], crumbs: Sequence[tuple[str, str]]
) -> str:
    body = f"""<div class="wrap">{_breadcrumbs(crumbs)}<header class="shelf"><h1>{escape(name)}</h1>
<p>{escape(blurb)}</p></header><div class="filters"><span>{len(goods)} products</span>
<button type="button">Size</button><button type="button">Colour</button><button type="button">Price</button>
<label>Sort by <select><option>Favourites</option><option>Price</option><option>Newest</option></select></label></div>
<div class="grid">{_cards(goods)}</div></div>"""
    return _page(origin, path, f"{name} | {SHOP}", blurb, body, [_crumb_data(origin, crumbs)])


def product(origin: str, item: Product) -> str:
    path = f"/products/{item.slug}"
    shelf = CATEGORY[item.category]
    crumbs = (("Home", "/"), (shelf.name, f"/category/{shelf.slug}"), (item.name, path))
    views = [product_picture(item, colour, view) for colour in range(2) for view in ("studio", "outdoors")]
    thumbs = "".join(
        f'<button type="button" data-picture="{view}" aria-label="Picture {number}"><img src="{view}" alt="" '
        'width="88" height="88" loading="lazy"></button>'
        for number, view in enumerate(views, 1)
    )
    swatches = "".join(
        f'<label title="{colour.name}"><input type="radio" name="colour" value="{colour.name}"'
        f'{" checked" if number == 0 else ""} data-picture="{product_picture(item, number, "studio")}">'
        f'<span style="background:{colour.main}"></span></label>'
        for number, colour in enumerate(item.colours)
    )
    sizes = "".join(f"<option>{size}</option>" for size in item.sizes)
    size_field = f'<label class="field">Size<select name="size">{sizes}</select></label>' if sizes else ""
    facts = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in item.facts.items())
    body = f"""<div class="wrap">{_breadcrumbs(crumbs)}<article class="product">
<div class="gallery"><img class="stage" src="{views[0]}" alt="{escape(item.name)} in {item.colours[0].name}"
width="800" height="800"><div class="thumbs">{thumbs}</div></div>
<div class="buy"><p class="eyebrow">{escape(shelf.name)}</p><h1>{escape(item.name)}</h1>
<p class="tagline">{escape(item.tagline)}</p><p class="rating">{_stars(item)} <a href="#reviews">{item.rating} ·
{item.ratings} reviews</a></p><p class="price-row">{_price(item)}</p>
<p class="small">Prices include VAT. Free shipping from €60.</p>
<fieldset><legend>Colour</legend><div class="swatches">{swatches}</div></fieldset>{size_field}
{_cart_button(item)}<p class="stock {"in" if item.in_stock else "out"}">{
        "In stock · at your door in 2–4 days" if item.in_stock else "Sold out · back in spring"
    }</p><ul class="ticks"><li>100 days to return</li><li>Five years of free repairs</li><li>Climate report included</li></ul>
</div></article>
<section class="details"><div><h2>What it is</h2><p>{escape(item.description)}</p>
<details><summary>Care</summary><p>Cold water, mild soap, a line in the wind. No softener.</p></details>
<details><summary>Shipping &amp; returns</summary><p>{escape(INFO["shipping"][1])}</p></details></div>
<div><h2>Facts</h2><table>{facts}<tr><th>Article</th><td>{item.sku}</td></tr></table></div></section>
<section id="reviews" class="voices"><h2>Reviews</h2><div class="quotes">{
        "".join(_quote(one.author, one.title, one.text, one.stars) for one in item.reviews)
    }</div></section>
<section><h2>Goes well with it</h2><div class="grid">{_cards(related(item), deferred=True)}</div></section></div>
<div class="buy-bar"><span><b>{escape(item.name)}</b><br>{_price(item)}</span>{_cart_button(item, short=True)}</div>"""
    data = [_product_data(origin, item, views), _crumb_data(origin, crumbs)]
    return _page(
        origin, path, f"{item.name} | {SHOP}", f"{item.tagline} {item.description}", body, data,
        picture=views[0], kind="product", price=item,
    )  # fmt: skip


def info(origin: str, slug: str) -> str | None:
    if slug not in INFO:
        return None
    name, text = INFO[slug]
    crumbs = (("Home", "/"), (name, f"/info/{slug}"))
    body = (
        f'<div class="wrap prose">{_breadcrumbs(crumbs)}<h1>{escape(name)}</h1><p>{escape(text)}</p>'
        '<p><a class="button primary" href="/category/jackets">Back to the shop</a></p></div>'
    )
    return _page(origin, f"/info/{slug}", f"{name} | {SHOP}", text, body, [_crumb_data(origin, crumbs)])


def cart(origin: str) -> str:
    body = (
        '<div class="wrap prose"><h1>Your cart</h1><div id="cart-lines"><p>Your cart is empty. The mountains are '
        'patient.</p></div><p><a class="button primary" href="/">Go on shopping</a></p></div>'
    )
    return _page(origin, "/cart", f"Cart | {SHOP}", "What you have chosen so far.", body, [])


def message(origin: str, status: int, title: str, text: str) -> str:
    """A page for an error status, in the shop's clothes."""
    body = (
        f'<div class="wrap prose lost"><p class="eyebrow">Error {status}</p><h1>{escape(title)}</h1><p>{escape(text)}</p>'
        '<p><a class="button primary" href="/">Back to the home page</a></p></div>'
    )
    return _page(origin, None, f"{title} | {SHOP}", text, body, [])


def sitemap(origin: str) -> str:
    paths = ["/", "/sale", *(f"/category/{shelf.slug}" for shelf in CATEGORIES), *(f"/info/{slug}" for slug in INFO)]
    paths += [f"/products/{item.slug}" for item in PRODUCTS]
    urls = "".join(f"<url><loc>{escape(origin + path)}</loc><lastmod>2026-10-01</lastmod></url>" for path in paths)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'


def robots(origin: str) -> str:
    return f"User-agent: *\nDisallow: /cart\n\nSitemap: {origin}/sitemap.xml\n"


def _price(item: Product) -> str:
    if item.old_price:
        return (
            f'<span class="price sale">{money(item.price)}</span> <s class="old-price">{money(item.old_price)}</s> '
            f'<span class="save">−{item.discount} %</span>'
        )
    return f'<span class="price">{money(item.price)}</span>'


def _stars(item: Product) -> str:
    return f'<span class="stars" style="--share:{float(item.rating) * 20:.0f}%" aria-hidden="true"></span>'


def _cart_button(item: Product, *, short: bool = False) -> str:
    if not item.in_stock:
        return '<button type="button" class="button" disabled>Sold out</button>'
    label = "Add to cart"
    size = "" if short else " wide"
    return (
        f'<button type="button" class="button primary{size}" data-add="{item.sku}" data-name="{escape(item.name)}" '
        f'data-price="{item.price}">{label}</button>'
    )


def _cards(goods: Iterable[Product], *, deferred: bool = False) -> str:
    return "".join(_card(item, deferred=deferred) for item in goods)


def _card(item: Product, *, deferred: bool) -> str:
    picture = product_picture(item, 0, "studio")
    source = f'data-src="{picture}"' if deferred else f'src="{picture}" loading="lazy"'
    badge = "Sold out" if not item.in_stock else f"−{item.discount} %" if item.old_price else item.badge
    mark = f'<span class="badge{" hot" if item.old_price else ""}">{badge}</span>' if badge else ""
    return (
        f'<article class="card"><a href="/products/{item.slug}">{mark}<img {source} alt="{escape(item.name)}" width="400" '
        f'height="400"><h3>{escape(item.name)}</h3></a><p class="rating">{_stars(item)} <small>({item.ratings})</small></p>'
        f"<p>{_price(item)}</p></article>"
    )


def _tile(shelf: Category) -> str:
    return (
        f'<a class="tile" href="/category/{shelf.slug}"><img src="/img/category-{shelf.slug}.svg" alt="" width="400" '
        f'height="400" loading="lazy"><span>{escape(shelf.name)}</span></a>'
    )


def _quotes() -> Iterable[str]:
    for item in PRODUCTS[:3]:
        one = item.reviews[0]
        yield _quote(f"{one.author}, on the {item.name}", one.title, one.text, one.stars)


def _quote(author: str, title: str, text: str, stars: int) -> str:
    return (
        f'<blockquote><span class="stars" style="--share:{stars * 20}%" aria-hidden="true"></span>'
        f"<b>{escape(title)}</b><p>{escape(text)}</p><cite>{escape(author)}</cite></blockquote>"
    )


def _breadcrumbs(crumbs: Sequence[tuple[str, str]]) -> str:
    links = "".join(f'<li><a href="{path}">{escape(name)}</a></li>' for name, path in crumbs[:-1])
    return f'<nav class="crumbs" aria-label="Breadcrumb"><ol>{links}<li aria-current="page">{escape(crumbs[-1][0])}</li></ol></nav>'


def _crumb_data(origin: str, crumbs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "@context": "https://schema.org",
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": number, "name": name, "item": origin + path}
            for number, (name, path) in enumerate(crumbs, 1)
        ],
    }


def _product_data(origin: str, item: Product, views: Sequence[str]) -> dict[str, Any]:
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": item.name,
        "sku": item.sku,
        "description": item.description,
        "image": [origin + view for view in views],
        "brand": {"@type": "Brand", "name": "Nordlicht"},
        "offers": {
            "@type": "Offer",
            "url": f"{origin}/products/{item.slug}",
            "price": str(item.price),
            "priceCurrency": CURRENCY,
            "availability": f"https://schema.org/{'InStock' if item.in_stock else 'OutOfStock'}",
            "itemCondition": "https://schema.org/NewCondition",
        },
        "aggregateRating": {
            "@type": "AggregateRating",
            "ratingValue": str(item.rating),
            "reviewCount": item.ratings,
            "bestRating": "5",
        },
        "review": [
            {
                "@type": "Review",
                "author": {"@type": "Person", "name": one.author},
                "datePublished": one.date,
                "reviewRating": {"@type": "Rating", "ratingValue": one.stars},
                "reviewBody": one.text,
            }
            for one in item.reviews
        ],
    }


def _json(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>'


def _page(
    origin: str,
    path: str | None,
    title: str,
    description: str,
    body: str,
    data: Sequence[dict[str, Any]],
    *,
    picture: str = "/img/hero.svg",
    kind: str = "website",
    price: Product | None = None,
) -> str:
    nav = "".join(f'<a href="/category/{shelf.slug}">{escape(shelf.name)}</a>' for shelf in CATEGORIES)
    canonical = f'<link rel="canonical" href="{origin}{path}">' if path else '<meta name="robots" content="noindex">'
    offer = (
        f'<meta property="product:price:amount" content="{price.price}">'
        f'<meta property="product:price:currency" content="{CURRENCY}">'
        if price
        else ""
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><meta name="description" content="{escape(description)}">{canonical}
<meta property="og:title" content="{escape(title)}"><meta property="og:type" content="{kind}">
<meta property="og:site_name" content="{SHOP}"><meta property="og:url" content="{origin}{path or "/"}">
<meta property="og:description" content="{escape(description)}"><meta property="og:image" content="{origin}{picture}">{offer}
<link rel="icon" href="/img/logo.svg" type="image/svg+xml"><link rel="stylesheet" href="/shop.css">
{"".join(map(_json, data))}</head><body>
<p class="topbar">Autumn sale: up to 24 % off · Free shipping from €60</p>
<header class="site"><div class="wrap"><button class="burger" type="button" aria-label="Menu" aria-expanded="false"
aria-controls="menu"><span></span><span></span><span></span></button>
<a class="logo" href="/"><img src="/img/logo.svg" alt="" width="36" height="36"> Nordlicht</a>
<nav id="menu" class="main-nav" aria-label="Shop">{nav}<a class="hot" href="/sale">Sale</a></nav>
<form class="search" role="search" action="/category/jackets"><input type="search" name="q" placeholder="Search"
aria-label="Search"></form><a class="cart" href="/cart">Cart <span id="cart-count">0</span></a></div></header>
<main>{body}</main>
<footer class="site"><div class="wrap"><div><b>{SHOP}</b><p>Harbour Street 4, Flensburg.<br>Open when it rains.</p></div>
<nav aria-label="Shop by category"><b>Shop</b>{nav}<a href="/sale">Sale</a></nav>
<nav aria-label="Help"><b>Help</b>{_info_links("shipping", "repairs", "contact")}</nav>
<nav aria-label="Company"><b>Nordlicht</b>{_info_links("about", "imprint", "privacy")}</nav></div>
<p class="small">© 2026 {SHOP}. A made-up shop; nothing here is for sale.</p></footer>
<script src="/shop.js"></script></body></html>
"""


def _info_links(*slugs: str) -> str:
    return "".join(f'<a href="/info/{slug}">{escape(INFO[slug][0])}</a>' for slug in slugs)
