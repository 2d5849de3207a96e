"""docs/api.md against the definition: every field is in it, with the default that it has."""

from __future__ import annotations

import re
from typing import Any

import yaml

from testkit.apiserver import CRDS
from webaudit_cluster.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "api.md").read_text()
DEFINITION: dict[str, Any] = yaml.safe_load((CRDS / "auditsessions.yaml").read_text())["spec"]
PROPERTIES = DEFINITION["versions"][0]["schema"]["openAPIV3Schema"]["properties"]


def _rows(heading: str) -> dict[str, list[str]]:
    """First column (back-quoted names) to the other columns, of the first table under a heading."""
    table = PAGE.split(f"\n## {heading}", 1)[1].split("|---|", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[1:]]
    return {name: row[1:] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}


def test_the_reference_lists_every_field_of_spec_with_its_default() -> None:
    rows = _rows("Spec")
    properties = PROPERTIES["spec"]["properties"]
    assert {name.split(".")[0] for name in rows} == set(properties)
    for name, field in properties.items():
        if "default" in field:
            assert yaml.safe_load(rows[name][0].strip("`")) == field["default"]
        elif field.get("nullable"):
            assert rows[name][0] == "`null`"


def test_the_reference_lists_every_field_of_status() -> None:
    rows = _rows("Status")
    properties = PROPERTIES["status"]["properties"]
    assert set(rows) == set(properties)
    for name in properties["pages"]["items"]["properties"]:
        assert f"`{name}`" in rows["pages"][0]
    for name in properties["evidence"]["properties"]:
        assert f"`{name}`" in rows["evidence"][0]


def test_the_reference_names_every_value_that_can_be_chosen() -> None:
    for part in ("spec", "status"):
        for name, field in PROPERTIES[part]["properties"].items():
            for value in field.get("enum", []):
                assert re.search(rf"\b{value}\b", PAGE), f"{part}.{name}: {value}"


def test_the_reference_knows_the_short_names() -> None:
    for name in (*DEFINITION["names"]["shortNames"], *DEFINITION["names"]["categories"]):
        assert f"`{name}`" in PAGE.split("\n\n")[1]
