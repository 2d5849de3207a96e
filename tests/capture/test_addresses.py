"""Which addresses count as public."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webaudit_capture.addresses import is_public, why_not_public


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "::ffff:1.1.1.1"],
)
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "IPv4-compatible"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "not public"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "bound to a link"),
        ("2606:4700:4700::1111%1", "bound to a link"),
        ("0.0.0.0", "this network"),
        ("255.255.255.255", "reserved"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("192.0.0.8", "protocol assignments"),
        ("192.88.99.1", "6to4 relay"),
        ("168.63.129.16", "a cloud platform's own address"),
        ("198.18.0.1", "private"),
        ("203.0.113.1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::127.0.0.1", "IPv4-compatible"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b:1::a00:1", "local NAT64"),
        ("2002:7f00:1::", "6to4"),
        ("2001::1", "protocol assignments (Teredo, ORCHID)"),
        ("2001:db8::1", "private"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("fec0::1", "site-local"),
        ("::ffff:0:127.0.0.1", "IPv4-translated"),
        ("200::1", "not global unicast"),
        ("4000::1", "not global unicast"),
        ("0.0.0.0%1", "not an address"),
        ("shop.example", "not an address"),
        ("127.1", "not an address"),
        ("", "not an address"),
    ],
)
def test_everything_else_is_refused_with_its_reason(address: str, why: str) -> None:
    assert why_not_public(address) == why


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_address_in_it(address: ipaddress.IPv4Address) -> None:
    assert why_not_public(f"::ffff:{address}") == why_not_public(str(address))
