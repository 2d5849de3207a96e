"""EverShop's database on the captured product, read and shown beside the evidence that was copied out.

What counts as a difference is agreement.py's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from webaudit_capture.contract import ARTIFACT_FILES, ArtifactType, LowConfidenceCode, PageType
from webaudit_demo import agreement, evershop
from webaudit_demo.agreement import Evidence, Product
from webaudit_demo.kube import Kube, Resource

# The sample data leave its home page empty between header and footer.
DESERVED_DOUBTS: dict[str, tuple[str, ...]] = {
    PageType.HOMEPAGE: (LowConfidenceCode.MISSING_H1, LowConfidenceCode.TEXT_TOO_SHORT)
}

# As EverShop itself reads them: whether something is in stock in modules/catalog/graphql/types/Product/Inventory, the
# currency in modules/setting/services/setting.js; its installation leaves that setting out.
PRODUCT = """SELECT row_to_json(answer) FROM (
  SELECT d.name AS title, p.price::text AS price,
    coalesce((SELECT value FROM setting WHERE name = 'storeCurrency'), 'USD') AS currency,
    CASE WHEN NOT i.manage_stock OR (i.qty > 0 AND i.stock_availability) THEN 'InStock' ELSE 'OutOfStock' END
      AS availability
  FROM product p
  JOIN product_description d ON d.product_description_product_id = p.product_id
  JOIN product_inventory i ON i.product_inventory_product_id = p.product_id
  WHERE d.url_key = :'url_key'
) AS answer"""


def complaints(kube: Kube, session: Resource, folder: Path, console: Console) -> list[str]:
    """Show what database and evidence say of the session's product; return where they differ, and undeserved doubts.

    `folder` has the session's evidence. Raises CommandFailed when the database does not answer.
    """
    pages = session["status"].get("pages", [])
    wrong = agreement.wrong_doubts(pages, DESERVED_DOUBTS)
    captured = [entry for entry in pages if entry["page"] == PageType.PDP and entry["status"] == "ok"]
    keys = sorted({agreement.url_key(entry["url"]) for entry in captured})
    if not keys:
        return [*wrong, "no product page was captured to compare with EverShop's database"]
    if len(keys) > 1:
        return [*wrong, f"the viewports captured different products: {', '.join(keys)}"]
    product = read(kube, keys[0])
    if product is None:
        return [*wrong, f'EverShop\'s database has no product with the url_key "{keys[0]}", which was captured']
    captures = [Evidence(entry["viewport"], _features(folder, entry["viewport"])) for entry in captured]
    show(product, captures, console)
    wrong += agreement.differences(product, captures)
    if not wrong:
        console.print("EverShop's database agrees, and no page has a doubt that it does not deserve.", soft_wrap=True)
    return wrong


def read(kube: Kube, url_key: str) -> Product | None:
    """The product of that url_key; None when there is none. Raises CommandFailed."""
    answer = evershop.psql(kube, evershop.DATABASE, PRODUCT, url_key=url_key)
    return Product(**json.loads(answer)) if answer else None


def _features(folder: Path, viewport: str) -> dict[str, Any] | None:
    file = folder / PageType.PDP / viewport / ARTIFACT_FILES[ArtifactType.FEATURES_JSON][0]
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def show(product: Product, captures: Sequence[Evidence], console: Console) -> None:
    table = Table(title="the product", title_justify="left", title_style="bold", header_style="dim")
    for column in ("field", "EverShop's database", *(f"features.json, {capture.viewport}" for capture in captures)):
        table.add_column(column, overflow="fold")
    for row in agreement.rows(product, captures):
        table.add_row(*map(Text, (row.field, row.database, *row.evidence)))
    console.print(table)
