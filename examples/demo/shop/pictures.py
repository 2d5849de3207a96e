"""Which address shows which picture: `/img/<name>.svg`. Drawn on the first request, then kept."""

from __future__ import annotations

from functools import lru_cache

import scenery
from catalogue import BY_SLUG, CATEGORY, Product

VIEWS = ("studio", "outdoors")
_EVENINGS = (
    (("#f3c9a0", "#f7ead6"), "#b79f92", "#7d8f7f", "#46604f"),
    (("#a9cfe0", "#eef4ee"), "#8fb0b8", "#5d8a84", "#3b6455"),
)
_STAR = "M12 1.6 L15.2 8.6 L22.8 9.4 L17.1 14.5 L18.7 22 L12 18.2 L5.3 22 L6.9 14.5 L1.2 9.4 L8.8 8.6 Z"


def product_picture(product: Product, colour: int, view: str) -> str:
    return f"/img/{product.slug}-{colour}-{view}.svg"


@lru_cache(maxsize=256)
def picture(name: str) -> bytes | None:
    """The SVG of that name without its ending, or None."""
    if name == "hero":
        return scenery.aurora(1920, 900)
    if name == "ridge":
        return scenery.ridge_walk(1600, 640)
    if name == "logo":
        return _logo()
    if name == "stars":
        return scenery.document(24, 24, f'<path d="{_STAR}" fill="#000"/>', "Star")
    if name.startswith("category-"):
        return _category(name.removeprefix("category-"))
    slug, _, rest = name.rpartition("-")
    slug, _, number = slug.rpartition("-")
    product = BY_SLUG.get(slug)
    if product is None or rest not in VIEWS or not number.isdigit() or int(number) >= len(product.colours):
        return None
    cloth = product.colours[int(number)]
    category = CATEGORY[product.category]
    behind = (
        scenery.studio(category.tint, category.floor)
        if rest == "studio"
        else scenery.outdoors(*_EVENINGS[int(number) % len(_EVENINGS)])
    )
    goods = f'<g transform="translate(20 36) scale(.95)">{product.drawing(cloth)}</g>'
    return scenery.document(800, 800, behind + goods, f"{product.name} in {cloth.name}")


def _category(slug: str) -> bytes | None:
    category = CATEGORY.get(slug)
    if category is None:
        return None
    drawing, cloth = category.emblem
    behind = scenery.outdoors(*_EVENINGS[len(slug) % len(_EVENINGS)])
    goods = f'<g transform="translate(40 66) scale(.9)">{drawing(cloth)}</g>'
    return scenery.document(800, 800, behind + goods, category.name.replace("&", "and"))


def _logo() -> bytes:
    body = (
        '<rect width="64" height="64" rx="16" fill="#0e2433"/><path d="M6 30 C18 12 30 34 40 18 S56 16 60 12" fill="none" '
        'stroke="#48e2a4" stroke-width="5" stroke-linecap="round"/>'
        '<path d="M6 54 L24 30 L34 42 L42 34 L58 54 Z" fill="#f4f1ea"/>'
    )
    return scenery.document(64, 64, body, "Nordlicht")
