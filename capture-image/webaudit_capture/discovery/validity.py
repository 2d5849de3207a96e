"""When a rendered page counts as a product page. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from webaudit_capture import urls
from webaudit_capture.discovery.url_shape import Shape, identity, shape
from webaudit_capture.features.product import PdpCore


@dataclass(frozen=True, slots=True)
class Rejection:
    """`reason` is the event's code, `detail` one line for people."""

    reason: str
    detail: str
    missing: tuple[str, ...] = ()


def wrong_place(landed: str, home_url: str, tried: frozenset[str]) -> Rejection | None:
    """A redirect away from the shop, to its home page, or to a page that was tried before."""
    if not landed.startswith(("http://", "https://")):
        return Rejection("not_a_page", f"ended at {landed}")
    if not urls.same_site(landed, home_url):
        return Rejection("left_site", f"redirected to {urls.host(landed)}")
    if _is_home(landed, home_url):
        return Rejection("redirected_home", "redirected to the home page")
    if identity(landed) in tried:
        return Rejection("already_tried", f"redirected to {landed}, tried before")
    return None


def _is_home(landed: str, home_url: str) -> bool:
    """Whatever the query says, unless it names a product."""
    return identity(landed.partition("?")[0]) == identity(home_url.partition("?")[0]) and (
        identity(landed) == identity(home_url) or shape(landed) is not Shape.PRODUCT
    )


def unfit(core: PdpCore) -> Rejection | None:
    """What a page lacks of a price above zero, a title and a picture of its one product; None for a valid page.

    Whether it can be bought is not asked: a sold-out product is a product.
    """
    missing = []
    if core.price is None or not Decimal(core.price) > 0:
        missing.append("price")
    if core.title is None:
        missing.append("title")
    if not core.image_urls:
        missing.append("image")
    if not missing:
        return None
    return Rejection(f"no_{missing[0]}", f"the page shows no product {' and no '.join(missing)}", tuple(missing))
