"""The chart's own files: values described, used and as their schema says; definitions and version the project's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from jsonschema import Draft7Validator

from testkit.chart import CHART
from webaudit_cluster.paths import REPOSITORY

DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())


def _leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value and key != "resources":
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def _used() -> set[str]:
    """Every path behind `.Values` in the templates. Variables that stand for a subtree count as the whole of it."""
    texts = [path.read_text() for path in (CHART / "templates").iterdir()]
    return {match for text in texts for match in re.findall(r"\.Values\.([A-Za-z][A-Za-z.]*)", text)}


def test_every_value_in_a_template_has_a_default() -> None:
    known = set(_leaves(DEFAULTS))
    assert _used()
    for path in _used():
        assert any(leaf == path or leaf.startswith(f"{path}.") for leaf in known), path


def test_no_value_is_without_use() -> None:
    used = _used()
    for leaf in _leaves(DEFAULTS):
        assert any(leaf == path or leaf.startswith(f"{path}.") for path in used), leaf


def test_the_schema_accepts_the_defaults_and_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(DEFAULTS)] == []


def _undescribed(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    if "$ref" in schema:
        yield from _undescribed({"description": "-", **SCHEMA["definitions"][schema["$ref"].split("/")[-1]]}, path)
    if schema.get("type") == "object" and "properties" in schema and schema.get("additionalProperties") is not False:
        yield f"{path} takes unknown keys"
    for key, value in schema.get("properties", {}).items():
        if not value.get("description"):
            yield f"{path}.{key} has no description"
        yield from _undescribed(value, f"{path}.{key}")


def test_the_schema_describes_every_key_and_takes_no_other() -> None:
    assert list(_undescribed(SCHEMA)) == []
    known = {leaf.split(".")[0] for leaf in _leaves(DEFAULTS)}
    assert set(SCHEMA["properties"]) == known | {"global"}


def test_the_charts_definitions_are_the_projects_byte_for_byte() -> None:
    source = {path.name: path.read_bytes() for path in (REPOSITORY / "crds").iterdir()}
    copy = {path.name: path.read_bytes() for path in (CHART / "files" / "crds").iterdir()}
    assert copy == source


def test_the_chart_and_the_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert project is not None
    assert chart["appVersion"] == chart["version"] == project[1]
