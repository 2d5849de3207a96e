"""The pictures that stand in for those of EverShop's sample data."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from webaudit_demo import goods

SEED = "/evershopcommerce/evershop/refs/heads/dev/seed/images"


@pytest.mark.parametrize(
    "path", [f"{SEED}/cup-white.jpg", f"{SEED}/pen-holder-black.jpg", "/seed/evershop-seo/1200/675"]
)
def test_a_picture_is_served_under_every_address_of_the_sample_data(path: str) -> None:
    with goods.gallery() as address:
        response = httpx.get(address + path)
    assert response.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(response.content)) as picture:
        assert picture.width >= 1200
        # Something stands there: not one colour.
        assert len(picture.resize((64, 64)).convert("P").getcolors() or []) > 4


def test_things_of_another_kind_or_colour_look_different_and_the_same_always_alike() -> None:
    names = ("cup-white", "cup-black", "bowl-white", "vase-green")
    first, second = ([goods.draw(f"/{name}.jpg") for name in names] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(names)
