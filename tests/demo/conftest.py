"""Fixtures of the demo's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.demo_shop import DemoShop


@pytest.fixture(scope="session")
def shop() -> Iterator[DemoShop]:
    with DemoShop.open() as shop:
        yield shop
