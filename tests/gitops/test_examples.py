"""The manifests for Argo CD and Flux speak of what is there: their paths, and the objects they follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from webaudit_cluster import paths
from webaudit_cluster.kubectl import Client
from webaudit_cluster.paths import REPOSITORY

MANIFESTS = [
    REPOSITORY / "examples/gitops/argocd/applications.yaml",
    REPOSITORY / "examples/gitops/flux/audits.yaml",
    REPOSITORY / "docs/gitops/flux/audits.yaml",
]


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def overlays(document: dict[str, Any]) -> list[Path]:
    spec = document["spec"]
    found = spec.get("path") or spec.get("source", {}).get("path")
    return [REPOSITORY / found] if found else []


def rendered(overlay: Path) -> set[tuple[str, str, str]]:
    text = Client(paths.cache() / "none").kubectl("kustomize", str(overlay))
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
        for each in yaml.safe_load_all(text)
    }


@pytest.mark.binaries
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_they_name_is_there(path: Path) -> None:
    seen = 0
    for document in documents(path):
        for overlay in overlays(document):
            there = rendered(overlay)
            seen += 1
            assert {kind for kind, _, _ in there} >= {"AuditSchedule", "AuditSession", "Namespace"}
            for check in document["spec"].get("healthChecks", []):
                assert (check["kind"], check["namespace"], check["name"]) in there
            destination = document["spec"].get("destination")
            if destination:
                assert {namespace for _, namespace, _ in there} - {""} == {destination["namespace"]}
    assert seen


@pytest.mark.binaries
def test_there_are_many_shops_in_the_example_and_every_overlay_is_used() -> None:
    base = REPOSITORY / "examples/gitops/base"
    (shops,) = documents(base / "shops.yaml")
    assert len(shops["spec"]["targets"]) >= 20
    used = {overlay for path in MANIFESTS for document in documents(path) for overlay in overlays(document)}
    assert used == set((REPOSITORY / "examples/gitops/overlays").iterdir())
