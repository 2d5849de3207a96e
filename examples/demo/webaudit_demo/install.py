"""Putting the demo into a cluster: the manifests beside this package, two Secrets, the chart. Idempotent."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webaudit_demo import secrets
from webaudit_demo.errors import DemoError
from webaudit_demo.kube import CommandFailed, Kube

DEMO = Path(__file__).resolve().parents[1]
CHART = DEMO.parents[1] / "helm" / "webaudit"
NAMESPACE = "webaudit-demo"
OWNER = ("app.kubernetes.io/part-of", "webaudit-demo")
RELEASE = "webaudit"
BUCKET = "webaudit-evidence"
BUCKET_PORT = 4443
CRD = "auditsessions.webaudit.dev"
SCHEDULES_CRD = "auditschedules.webaudit.dev"
ALLOW_TARGETS = (f"shop.{NAMESPACE}.svc.cluster.local:80", "evershop.test:80")
ROLLOUT_SECONDS = 180
APPLY = ("apply", "--server-side", "--force-conflicts")


@dataclass(frozen=True, slots=True)
class Images:
    """Full references, each with a tag."""

    operator: str
    capture: str
    postgres: str = "postgres:15"
    gcs: str = "fsouza/fake-gcs-server:1.56.1"


def refuse_foreign(kube: Kube) -> None:
    """Raises DemoError when the cluster holds something of those names that the demo did not make."""
    namespace = kube.get("namespace", NAMESPACE)
    if namespace is not None and namespace["metadata"].get("labels", {}).get(OWNER[0]) != OWNER[1]:
        raise DemoError(
            f"the cluster has a namespace {NAMESPACE} that is not the demo's; rename it or use another cluster"
        )
    crd = kube.get("customresourcedefinition", CRD)
    if crd is not None:
        release = crd["metadata"].get("annotations", {}).get("meta.helm.sh/release-namespace")
        if release != NAMESPACE:
            raise DemoError(
                f"the cluster already has webaudit (installed in {release or 'an unknown way'}); "
                "apply examples/demo/session.yaml to it, or use another cluster for the demo"
            )


def surroundings(kube: Kube, images: Images) -> None:
    """Apply database, bucket and shop, and wait until they are ready. Raises DemoError saying what is not."""
    kube.run(*APPLY, "--filename", str(DEMO / "manifests" / "namespace.yaml"))
    for name, make in (
        (secrets.DATABASE_SECRET, secrets.database_secret),
        (secrets.SIGNING_SECRET, secrets.signing_secret),
    ):
        if kube.get("secret", name, NAMESPACE) is None:
            kube.apply(make(NAMESPACE))
    with tempfile.TemporaryDirectory(prefix="webaudit-demo-") as folder:
        apply_manifests(kube, images, Path(folder))
    for name in ("postgres", "gcs", "shop"):
        rolled_out(kube, name)


def apply_manifests(kube: Kube, images: Images, folder: Path) -> None:
    """Apply everything but the Secrets; the folder gets the overlay that names the images."""
    overlay = kustomization(os.path.relpath(DEMO, folder.resolve()), images)
    (folder / "kustomization.yaml").write_text(json.dumps(overlay))
    kube.run(*APPLY, "--kustomize", str(folder))


def kustomization(base: str, images: Images) -> dict[str, Any]:
    """The manifests with these images in place of the public ones."""
    replaced = {"postgres": images.postgres, "fsouza/fake-gcs-server": images.gcs, "python": images.operator}
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "images": [
            {"name": name, "newName": repository, "newTag": tag}
            for name, image in replaced.items()
            for repository, tag in (split(image),)
        ],
    }


def split(image: str) -> tuple[str, str]:
    """Repository and tag; a colon before the last slash belongs to the registry's port."""
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        raise DemoError(f'"{image}" has no tag; write it as repository:tag')
    return repository, tag


def values(images: Images) -> dict[str, Any]:
    """What the chart is given."""
    return {
        "image": dict(zip(("repository", "tag"), split(images.operator), strict=True)),
        "captureImage": dict(zip(("repository", "tag"), split(images.capture), strict=True)),
        "database": {"existingSecret": {"name": secrets.DATABASE_SECRET, "key": secrets.DATABASE_KEY}},
        "bucket": {
            "name": BUCKET,
            "emulatorHost": f"http://gcs.{NAMESPACE}.svc:{BUCKET_PORT}",
            "signingKey": {"existingSecret": {"name": secrets.SIGNING_SECRET, "key": secrets.SIGNING_KEY}},
        },
        "allowTargets": list(ALLOW_TARGETS),
        # The definition comes and goes with the demo.
        "crds": {"keep": False},
    }


def operator(kube: Kube, images: Images, **changes: Any) -> None:
    """Install or upgrade the chart and wait for the operator. A release left over half-installed is removed first.

    `changes` are chart values in place of the demo's.
    """
    if release_status(kube) in ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling"):
        kube.run_helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--ignore-not-found")
    try:
        kube.run_helm(
            *("upgrade", RELEASE, str(CHART), "--install", "--namespace", NAMESPACE),
            *("--values", "-", "--wait", "--timeout", f"{ROLLOUT_SECONDS}s"),
            stdin=json.dumps({**values(images), **changes}),
        )
    except CommandFailed as error:
        raise DemoError(f"helm could not install the chart: {error}{troubles(kube)}") from None


def release_status(kube: Kube) -> str | None:
    """helm's word for where the release stands; None when there is none."""
    try:
        found = json.loads(kube.run_helm("status", RELEASE, "--namespace", NAMESPACE, "--output", "json"))
    except CommandFailed as error:
        if "release: not found" in str(error):
            return None
        raise
    return str(found["info"]["status"])


def uninstall(kube: Kube) -> bool:
    """Remove release, definition and namespace. False when none of it was there. Raises DemoError if not the demo's."""
    refuse_foreign(kube)
    if kube.get("namespace", NAMESPACE) is None:
        return False
    for crd in (SCHEDULES_CRD, CRD):  # schedules first, lest they make more
        if kube.get("customresourcedefinition", crd) is not None:
            # While the operator is there to let go of those that promise to delete their evidence.
            kube.run("delete", crd, "--all", "--namespace", NAMESPACE, "--timeout", "60s", timeout=90)
    if release_status(kube) is not None:
        kube.run_helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")
    kube.run("delete", "namespace", NAMESPACE, "--timeout", "120s", timeout=150)
    return True


def rolled_out(kube: Kube, deployment: str) -> None:
    """Wait for a Deployment; a failure names the pods' own reasons."""
    wait = ("rollout", "status", f"deployment/{deployment}", "--namespace", NAMESPACE)
    try:
        kube.run(*wait, "--timeout", f"{ROLLOUT_SECONDS}s", timeout=ROLLOUT_SECONDS + 10)
    except CommandFailed as error:
        raise DemoError(f"{deployment} is not ready: {error}{troubles(kube)}") from None


def troubles(kube: Kube) -> str:
    """What containers that do not run say about it, one indented line each."""
    lines = []
    for pod in json.loads(kube.run("get", "pods", "--namespace", NAMESPACE, "--output", "json"))["items"]:
        for container in pod.get("status", {}).get("containerStatuses", []):
            state = container["state"].get("waiting") or container["state"].get("terminated") or {}
            if state.get("reason") not in (None, "Completed"):
                last = container.get("lastState", {}).get("terminated", {}).get("message", "")
                detail = (state.get("message") or last).strip()
                lines.append(f"\n  {pod['metadata']['name']}: {state['reason']} {detail}".rstrip())
    return "".join(lines)
