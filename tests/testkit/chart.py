"""The chart as its users meet it: rendered by helm, and read back as objects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from webaudit_cluster.paths import REPOSITORY, binaries

CHART = REPOSITORY / "helm" / "webaudit"
KUBE_VERSION = "1.34.4"

GOOD: dict[str, Any] = {
    "bucket": {"name": "acme-evidence"},
    "database": {"existingSecret": {"name": "webaudit-database"}},
}
"""The least that renders."""


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`base` with `more` over it, key by key, as helm merges values."""
    both = dict(base)
    for key, value in more.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def write_values(folder: Path, values: dict[str, Any]) -> Path:
    """A values file. As JSON, because PyYAML leaves a text such as `y` bare and helm reads that as true."""
    path = folder / "values.json"
    path.write_text(json.dumps(values))
    return path


def helm_template(folder: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """`helm template` of release `wa` in namespace `audits`, with these values alone over the chart's own."""
    path = write_values(folder, values)
    command = [str(binaries() / "helm"), "template", "wa", str(CHART), "--namespace=audits"]
    options = [f"--kube-version={KUBE_VERSION}", f"--values={path}"]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=60)


def render(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every rendered object, hooks included."""
    done = helm_template(folder, values)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The only object of this kind and name."""
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """The only container of a Deployment or Job."""
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    result: dict[str, Any] = found
    return result


def environment(workload: dict[str, Any]) -> dict[str, Any]:
    """Its variables; a reference to a Secret as `name/key`, one to the pod's own fields as the field's path."""
    known: dict[str, Any] = {}
    for variable in container(workload)["env"]:
        assert variable["name"] not in known, f"{variable['name']} is set twice"
        source = variable.get("valueFrom", {})
        secret = source.get("secretKeyRef", {})
        elsewhere = source.get("fieldRef", {}).get("fieldPath", f"{secret.get('name')}/{secret.get('key')}")
        known[variable["name"]] = variable.get("value", elsewhere)
    return known
