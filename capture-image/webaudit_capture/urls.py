"""URLs as the browser understands them, and who owns a host. Offline: the public suffix list is in the package."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import ada_url
from publicsuffixlist import PublicSuffixList


class BadUrl(ValueError):
    """The message says what is wrong with the URL and what to write instead."""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True)


def normalize(url: str) -> str:
    """Parse and serialise by the WHATWG URL standard, without fragment.

    Raises BadUrl for anything but http(s) with a host and without credentials.
    """
    text = url.strip()
    if "://" not in text:
        raise BadUrl(f'"{text}" has no scheme; write "https://{text.lstrip("/")}"')
    try:
        parsed = ada_url.URL(text)
    except ValueError as error:
        raise BadUrl(f'"{text}" is not a URL') from error
    if parsed.protocol not in ("http:", "https:"):
        raise BadUrl(f'"{text}" is not http or https')
    if parsed.username or parsed.password:
        raise BadUrl(f'"{parsed.protocol}//{parsed.host}/" must be given without user name and password')
    if not parsed.hostname:
        raise BadUrl(f'"{text}" has no host')
    parsed.hash = ""
    return str(parsed.href)


def host(url: str) -> str:
    """Lower-case host without port, punycode for international names, brackets around IPv6."""
    return str(ada_url.URL(url).hostname).rstrip(".")


def site_name(url: str) -> str:
    """The host without `www.`: the first part of object names. IPv6 loses its brackets and colons."""
    name = host(url).removeprefix("www.")
    return name.strip("[]").replace(":", "-")


@lru_cache(maxsize=4096)
def _registrable(name: str) -> str:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return _suffixes().privatesuffix(name) or name
    return name


def registrable_domain(url: str) -> str:
    """The part of the host that one owner registered (public suffix list, private part included).

    An IP address, a single label, and a public suffix itself count as their own domain.
    """
    return _registrable(host(url))


def parses(url: str) -> bool:
    """Whether a browser would take this for an absolute URL."""
    try:
        ada_url.URL(url)
    except ValueError:
        return False
    return True


def same_site(one: str, other: str) -> bool:
    """Whether two absolute URLs belong to one registrable domain; what is no URL belongs to none."""
    return parses(one) and parses(other) and registrable_domain(one) == registrable_domain(other)


def host_port(pair: str) -> tuple[str, int]:
    """`host:port` apart, the host in lower case, IPv6 without its brackets. Raises BadUrl."""
    name, _, port = pair.rpartition(":")
    if not name or not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise BadUrl(f'"{pair}" is not host:port, as in "shop.test:8080"')
    return name.strip("[]").rstrip(".").lower(), int(port)


def join(base: str, reference: str) -> str | None:
    """Resolve a link as the browser would; None when it is no URL at all."""
    try:
        return str(ada_url.URL(reference, base=base).href)
    except ValueError:
        return None
