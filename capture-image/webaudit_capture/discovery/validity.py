"""When a rendered page counts as a product page. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from webaudit_capture import urls
from webaudit_capture.discovery.url_shape import Shape, identity, shape
from webaudit_capture.features.product import PdpCore


class Reason(StrEnum):
    """Why a candidate is rejected that could be opened. One that could not has its navigation's reason."""

    NO_PRICE = "no_price"
    NO_TITLE = "no_title"
    NO_IMAGE = "no_image"
    LEFT_SITE = "left_site"
    REDIRECTED_HOME = "redirected_home"
    ALREADY_TRIED = "already_tried"
    NOT_A_PAGE = "not_a_page"
    PAGE_BROKE = "page_broke"
    CANDIDATE_TIMEOUT = "candidate_timeout"
    SEARCH_TIMEOUT = "search_timeout"
    BROWSER_LOST = "browser_lost"


@dataclass(frozen=True, slots=True)
class Rejection:
    """`reason` is the event's code (a Reason, or a PageFailed's), `detail` one line for people."""

    reason: str
    detail: str
    missing: tuple[str, ...] = ()


def wrong_place(landed: str, home_url: str, tried: frozenset[str]) -> Rejection | None:
    """A redirect away from the shop, to its home page, or to a page that was tried before."""
    if not landed.startswith(("http://", "https://")):
        return Rejection(Reason.NOT_A_PAGE, f"ended at {landed}")
    if not urls.same_site(landed, home_url):
        return Rejection(Reason.LEFT_SITE, f"redirected to {urls.host(landed)}")
    if _is_home(landed, home_url):
        return Rejection(Reason.REDIRECTED_HOME, "redirected to the home page")
    if identity(landed) in tried:
        return Rejection(Reason.ALREADY_TRIED, f"redirected to {landed}, tried before")
    return None


def _is_home(landed: str, home_url: str) -> bool:
    """Whatever the query says, unless it names a product."""
    return identity(landed.partition("?")[0]) == identity(home_url.partition("?")[0]) and (
        identity(landed) == identity(home_url) or shape(landed) not in (Shape.PRODUCT, Shape.WEAK)
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
    return Rejection(
        Reason(f"no_{missing[0]}"), f"the page shows no product {' and no '.join(missing)}", tuple(missing)
    )
