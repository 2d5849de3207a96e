"""Where things are and who may know whom: what a reader relies on and no other test would notice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATOR = ROOT / "operator" / "webaudit_operator"
PACKAGES = (
    OPERATOR,
    ROOT / "capture-image" / "webaudit_capture",
    ROOT / "cluster" / "webaudit_cluster",
    ROOT / "bench" / "webaudit_bench",
)
MODULES = sorted(module for package in PACKAGES for module in package.rglob("*.py"))
MAX_LINES = 400
MACHINE_PATHS = re.compile(r"(?<![\w.-])/(?:root/\.?\w|home/[a-z]+/)")
TEST_REFERENCE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def imports(module: Path) -> set[str]:
    """Full names of the modules that are imported, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importers(package: str, top: Path = OPERATOR) -> set[str]:
    return {
        str(module.relative_to(top))
        for module in top.rglob("*.py")
        if any(name == package or name.startswith(f"{package}.") for name in imports(module))
    }


def files() -> Iterator[Path]:
    """What belongs to the project: no folders that tools make for themselves."""
    for top in ROOT.iterdir():
        if top.name.startswith(".") and top.name not in (".ci", ".gitignore", ".dockerignore"):
            continue
        if top.name in ("demo-evidence", "dist"):
            continue
        found = [top] if top.is_file() else top.rglob("*")
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


@pytest.mark.parametrize("name", ["__init__.py", "operator.py"])
def test_the_operators_folder_does_not_shadow_the_standard_library(name: str) -> None:
    assert OPERATOR.is_dir()
    assert not (ROOT / "operator" / name).exists()


def test_only_the_handlers_and_the_process_around_them_know_kopf() -> None:
    assert importers("kopf") == {"handlers.py", "run.py"}


def test_only_one_module_knows_the_kubernetes_client() -> None:
    assert importers("kubernetes") == {"kube.py"}


def test_only_the_store_knows_the_database() -> None:
    known = importers("sqlalchemy") | importers("psycopg") | importers("alembic")
    assert known
    assert all(name.startswith("store/") for name in known)


def test_only_the_bucket_modules_know_google() -> None:
    known = importers("google")
    assert known
    assert all(name.startswith("gcs") for name in known)


PURE = (
    "admission", "conditions", "cron", "events", "jobs", "outcomes", "planner", "schedule_planner", "schedule_status",
    "schedules", "secrets", "sessions", "status",
)  # fmt: skip
ACTING = {"asyncio", "aiohttp", "structlog", "webaudit_operator.kube", "webaudit_operator.store.record"}


@pytest.mark.parametrize("name", PURE)
def test_what_decides_does_not_act_and_does_not_ask_for_the_time(name: str) -> None:
    module = OPERATOR / f"{name}.py"
    assert not imports(module) & ACTING
    calls = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    asked = [call.attr for call in calls if isinstance(call, ast.Attribute)]
    assert not {"now", "utcnow", "today", "monotonic", "time"} & set(asked)


def test_the_capture_knows_nothing_of_the_operator() -> None:
    assert importers("webaudit_operator", ROOT / "capture-image") == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_says_what_lives_in_it(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    if text:
        assert ast.get_docstring(ast.parse(text))


def test_nothing_in_the_tree_names_a_path_of_one_machine() -> None:
    found: list[str] = []
    seen = 0
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:  # a picture
            continue
        seen += 1
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in MACHINE_PATHS.finditer(text)]
    assert seen > 50
    assert found == []


@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_a_test_that_the_documents_name_is_there(document: Path) -> None:
    for file, name in TEST_REFERENCE.findall(document.read_text()):
        assert (ROOT / file).is_file(), f"{document.name} names {file}"
        assert not name or f"def {name}(" in (ROOT / file).read_text(), f"{document.name} names {file}::{name}"
