"""When the binaries are built again."""

from __future__ import annotations

from pathlib import Path

import pytest

from webaudit_cluster import binaries, paths
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Quiet


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    (tmp_path / "go.mod").write_text("module x\n")
    (tmp_path / "go.sum").write_text("x v1 h1:aaa=\n")
    (tmp_path / "main.go").write_text("package main\n")
    return tmp_path


def test_the_stamp_stays_the_same_while_nothing_changes(tools: Path) -> None:
    assert binaries.stamp(tools, "-s") == binaries.stamp(tools, "-s")


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_another_module_version_hash_or_source_asks_for_another_build(tools: Path, file: str) -> None:
    before = binaries.stamp(tools, "-s")
    (tools / file).write_text("changed\n")
    assert binaries.stamp(tools, "-s") != before


def test_other_linker_flags_ask_for_another_build(tools: Path) -> None:
    assert binaries.stamp(tools, "-s") != binaries.stamp(tools, "-s -w")


def test_the_linker_is_told_the_version_that_go_mod_names() -> None:
    module = (paths.KIT / "tools" / "go.mod").read_text()
    assert f"k8s.io/kubernetes {binaries.KUBERNETES_VERSION}\n" in module.replace(" // indirect", "")
    assert f"version.gitVersion={binaries.KUBERNETES_VERSION}" in binaries.LINKER_FLAGS
    assert f"helm.sh/helm/v4 {binaries.HELM_VERSION}\n" in module.replace(" // indirect", "")


@pytest.mark.parametrize(
    ("version", "enough"),
    [("go1.26.8", True), ("go1.26rc1", True), ("go1.30", True), ("go1.25.9", False), ("go1.9", False)],
)
def test_go_versions_are_compared_as_numbers(version: str, enough: bool) -> None:
    assert (binaries.parse_version(version) >= binaries.GO_AT_LEAST) is enough


def test_without_go_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEBAUDIT_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"needs Go 1\.26 or later on PATH: .*go\.dev/dl") as error:
        binaries.ensure(Quiet())
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
