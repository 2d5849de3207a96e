"""What the in-page reader reports, typed. The shape of js/features.js's answer and nothing else."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Box(_Part):
    """Place on the page in CSS pixels, from its top left corner."""

    top: int = 0
    left: int = 0
    width: int = 0
    height: int = 0


class Heading(_Part):
    text: str
    region: str = "main"
    top: int = 0


class PriceTag(Box):
    """An element whose own text is an amount of money, or is called a price and is a number."""

    text: str
    around: str = ""
    """Text of what encloses it, when that is short; else empty."""
    struck: bool = False
    names: str = ""
    """Ids, classes, item properties of the element and its parents."""
    size: int = 16
    region: str = "main"
    card: bool = False
    """Part of a teaser for another page."""


class Control(Box):
    """A button, or a link that may be one."""

    text: str
    label: str = ""
    href: str | None = None
    button: bool = True
    filled: bool = False
    """Drawn as a button: padded, with a background or a border of its own."""
    picture: float = 0.0
    """The picture inside as a share of the viewport."""
    disabled: bool = False
    names: str = ""
    region: str = "main"
    card: bool = False
    above_fold: bool = True


class Link(_Part):
    text: str
    href: str
    region: str = "nav"


class Picture(Box):
    url: str
    alt: str = ""
    region: str = "main"
    card: bool = False


class Note(_Part):
    """A short text beside the product whose element's name speaks of ratings or stock."""

    text: str = ""
    label: str = ""
    names: str = ""


class Snapshot(_Part):
    """One page as it stands, outside its cards and consent banners where that matters."""

    url: str
    title: str = ""
    lang: str = ""
    canonical: str = ""
    metas: tuple[tuple[str, str], ...] = ()
    h1: tuple[Heading, ...] = ()
    h2: tuple[Heading, ...] = ()
    controls: tuple[Control, ...] = ()
    nav_links: tuple[Link, ...] = ()
    header_links: tuple[Link, ...] = ()
    footer_links: tuple[Link, ...] = ()
    prices: tuple[PriceTag, ...] = ()
    images: tuple[Picture, ...] = ()
    ratings: tuple[Note, ...] = ()
    stock: tuple[Note, ...] = ()
    jsonld: tuple[str, ...] = ()
    microdata: tuple[dict[str, object], ...] = ()
    currencies: tuple[str, ...] = ()
    """Codes that the page's own scripts name, the commonest first."""
    left_out: dict[str, int] = {}
    """What was too much to be read: `jsonld_blocks`, `microdata_items`, `long_urls`."""
    full: tuple[str, ...] = ()
    """Lists of features.json that were full before the page came to its end."""

    def meta(self, *names: str) -> str | None:
        """The first non-empty content of the first of these names that has one."""
        for name in names:
            for key, content in self.metas:
                if key == name and content:
                    return content
        return None
