"""Which addresses a capture may connect to: public unicast ones. Pure; no names are resolved here."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What `ipaddress.is_global` calls global and is not ours to visit.
_DENIED: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(text), why)
    for text, why in (
        ("0.0.0.0/8", "this network"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.88.99.0/24", "6to4 relay"),
        ("168.63.129.16/32", "a cloud platform's own address"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard"),
        ("2001::/23", "protocol assignments (Teredo, ORCHID)"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)

# All that IANA has assigned for public use; what lies outside some networks use for themselves.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def why_not_public(text: str) -> str | None:
    """Why an address must not be connected to; None for a public one.

    An IPv4-mapped IPv6 address is judged as the IPv4 address in it. What is no address at all is refused too, and what
    is bound to one of the machine's links by a zone (`%eth0`).
    """
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return "not an address"
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return "bound to a link"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    for network, why in _DENIED:
        if address.version == network.version and address in network:
            return why
    for why, holds in (
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("private", address.is_private),
        ("not public", not address.is_global),
        ("not global unicast", address.version == 6 and address not in _GLOBAL_UNICAST),
    ):
        if holds:
            return why
    return None


def is_public(text: str) -> bool:
    return why_not_public(text) is None
