"""EverShop's database beside the evidence, without EverShop: its tables, in a real PostgreSQL."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from testkit.demo_kubectl import kubectl_with_database
from testkit.postgres import PostgresServer
from webaudit_demo import catalog, evershop
from webaudit_demo.agreement import Product
from webaudit_demo.kube import Kube

pytestmark = pytest.mark.postgres

# What is read, as EverShop 2.2.1's migrations leave it (catalog 1.0.0 to 1.0.15, setting 1.0.0). Left out:
# triggers, and columns that are not read and may be left out of a row.
TABLES = """
CREATE TABLE product (
  product_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  visibility boolean NOT NULL DEFAULT TRUE,
  sku varchar NOT NULL UNIQUE,
  price decimal(12,4) NOT NULL CHECK (price >= 0),
  status boolean NOT NULL DEFAULT FALSE
);
CREATE TABLE product_description (
  product_description_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_description_product_id INT NOT NULL UNIQUE REFERENCES product ON DELETE CASCADE,
  name varchar NOT NULL,
  url_key varchar NOT NULL UNIQUE
);
CREATE TABLE product_inventory (
  product_inventory_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_inventory_product_id INT NOT NULL UNIQUE REFERENCES product ON DELETE CASCADE,
  qty INT NOT NULL DEFAULT 0,
  manage_stock boolean NOT NULL DEFAULT FALSE,
  stock_availability boolean NOT NULL DEFAULT FALSE
);
CREATE TABLE setting (
  setting_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  name varchar NOT NULL UNIQUE,
  value text DEFAULT NULL,
  is_json boolean NOT NULL DEFAULT FALSE
);
"""
# Two products of the sample data. Their descriptions come in the other order, so that numbers of rows do not match.
PRODUCTS = """
INSERT INTO product (sku, price, status) VALUES ('BOWL-001-WHT', 18, TRUE), ('CUP-001-WHT', 15, TRUE);
INSERT INTO product_description (product_description_product_id, name, url_key) VALUES
  (2, 'Ceramic Coffee Cup - White', 'ceramic-coffee-cup-white'), (1, 'Ceramic Candy Bowl', 'ceramic-candy-bowl');
INSERT INTO product_inventory (product_inventory_product_id, qty, manage_stock, stock_availability) VALUES
  (1, 0, TRUE, TRUE), (2, 100, TRUE, TRUE);
"""
KEY = "ceramic-coffee-cup-white"
CUP = Product(title="Ceramic Coffee Cup - White", price="15.0000", currency="USD", availability="InStock")
CORE = {"title": CUP.title, "price": "15.00", "currency": "USD", "availability": "InStock"}


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Iterator[Kube]:
    kube = kubectl_with_database(tmp_path_factory.mktemp("kubectl"), postgres_server)
    evershop.make_database(kube)
    yield kube
    postgres_server.drop_database(postgres_server.url(evershop.DATABASE))


@pytest.fixture
def database(kube: Kube, postgres_server: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """Filled afresh."""
    with psycopg.connect(postgres_server.url(evershop.DATABASE), autocommit=True) as database:
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + TABLES + PRODUCTS)
        yield database


def test_a_product_is_read_as_the_shop_has_it(kube: Kube, database: psycopg.Connection[Any]) -> None:
    assert catalog.read(kube, KEY) == CUP
    database.execute("INSERT INTO setting (name, value) VALUES ('storeName', 'Cups'), ('storeCurrency', 'EUR')")
    database.execute("UPDATE product SET price = 1234.5 WHERE sku = 'CUP-001-WHT'")
    assert catalog.read(kube, KEY) == Product(CUP.title, "1234.5000", "EUR", "InStock")


@pytest.mark.parametrize(
    ("inventory", "availability"),
    [
        ("qty = 1", "InStock"),
        ("qty = 0", "OutOfStock"),
        ("qty = -1", "OutOfStock"),
        ("stock_availability = FALSE", "OutOfStock"),
        ("qty = 0, manage_stock = FALSE", "InStock"),
        ("stock_availability = FALSE, manage_stock = FALSE", "InStock"),
    ],
)
def test_a_product_is_in_stock_when_the_shop_would_sell_it(
    kube: Kube, database: psycopg.Connection[Any], inventory: str, availability: str
) -> None:
    database.execute(f"UPDATE product_inventory SET {inventory} WHERE product_inventory_product_id = 2".encode())
    found = catalog.read(kube, KEY)
    assert found is not None
    assert found.availability == availability


@pytest.mark.usefixtures("database")
def test_an_address_is_no_sql(kube: Kube) -> None:
    assert catalog.read(kube, "x' OR TRUE --") is None
    assert catalog.read(kube, "") is None


def a_session(**changes: str) -> dict[str, Any]:
    """Everything went well, but for `changes` to the mobile product page."""
    home = {"page": "homepage", "status": "ok", "lowConfidence": ["missing_h1", "text_too_short"]}
    pdp = {"page": "pdp", "status": "ok", "url": f"http://evershop.test/{KEY}"}
    viewports = ("desktop", "mobile")
    pages = [{**page, "viewport": viewport} for page in (home, pdp) for viewport in viewports]
    pages[-1].update(changes)
    return {"status": {"pages": pages}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Evidence that agrees."""
    for viewport in ("desktop", "mobile"):
        capture = tmp_path / "evidence" / "pdp" / viewport
        capture.mkdir(parents=True)
        (capture / "features.json").write_text(json.dumps({"pdp_core": CORE}))
    return tmp_path / "evidence"


def complaints(kube: Kube, folder: Path, session: dict[str, Any]) -> tuple[list[str], str]:
    """With what was shown."""
    said = io.StringIO()
    return catalog.complaints(kube, session, folder, Console(file=said, width=160)), said.getvalue()


@pytest.mark.usefixtures("database")
def test_agreement_is_shown_and_said(kube: Kube, folder: Path) -> None:
    found, said = complaints(kube, folder, a_session())
    assert found == []
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if line.startswith("│")]
    assert cells == [
        ["title", CUP.title, CUP.title, CUP.title],
        ["price", "15.0000", "15.00", "15.00"],
        ["currency", "USD", "USD", "USD"],
        ["availability", "InStock", "InStock", "InStock"],
    ]
    assert said.splitlines()[-1].startswith("EverShop's database agrees")


def test_what_changed_since_the_capture_is_a_complaint_about_each_viewport(
    kube: Kube, folder: Path, database: psycopg.Connection[Any]
) -> None:
    database.execute("UPDATE product SET price = 16")
    database.execute("UPDATE product_inventory SET qty = 0")
    found, said = complaints(kube, folder, a_session())
    assert found == [
        f'features.json of pdp/{viewport} has {field} "{CORE[field]}", the shop\'s database "{now}"'
        for viewport in ("desktop", "mobile")
        for field, now in (("price", "16.0000"), ("availability", "OutOfStock"))
    ]
    assert "16.0000" in said
    assert "agrees" not in said


@pytest.mark.usefixtures("database")
def test_a_doubt_that_the_page_does_not_deserve_is_a_complaint(kube: Kube, folder: Path) -> None:
    session = a_session()
    session["status"]["pages"][0]["lowConfidence"] = ["missing_h1", "text_too_short", "overlay_remaining"]
    found, said = complaints(kube, folder, session)
    assert found == ["homepage/desktop is given the doubt overlay_remaining and does not deserve it"]
    assert "agrees" not in said


@pytest.mark.usefixtures("database")
def test_a_capture_without_features_is_a_complaint(kube: Kube, folder: Path) -> None:
    (folder / "pdp" / "mobile" / "features.json").unlink()
    found, _ = complaints(kube, folder, a_session())
    assert found == ["there is no features.json of pdp/mobile to compare with the shop's database"]


@pytest.mark.usefixtures("database")
def test_features_that_an_earlier_run_left_do_not_stand_for_a_failed_capture(kube: Kube, folder: Path) -> None:
    _, said = complaints(kube, folder, a_session(status="failed"))
    assert "desktop" in said
    assert "mobile" not in said


@pytest.mark.usefixtures("database")
def test_viewports_that_captured_different_products_are_a_complaint(kube: Kube, folder: Path) -> None:
    assert complaints(kube, folder, a_session(url="http://evershop.test/ceramic-candy-bowl")) == (
        ["the viewports captured different products: ceramic-candy-bowl, ceramic-coffee-cup-white"], "",
    )  # fmt: skip


@pytest.mark.usefixtures("database")
def test_a_page_that_is_no_product_of_the_shop_is_a_complaint(kube: Kube, folder: Path) -> None:
    session = a_session()
    for page in session["status"]["pages"][2:]:
        page["url"] = "http://evershop.test/about-us"
    assert complaints(kube, folder, session) == (
        ['EverShop\'s database has no product with the url_key "about-us", which was captured'], "",
    )  # fmt: skip


def test_a_session_without_a_product_page_is_a_complaint(kube: Kube, folder: Path) -> None:
    session = a_session()
    session["status"]["pages"][2:] = [{"page": "pdp", "viewport": "desktop", "status": "failed"}]
    assert complaints(kube, folder, session) == (
        ["no product page was captured to compare with EverShop's database"], "",
    )  # fmt: skip
