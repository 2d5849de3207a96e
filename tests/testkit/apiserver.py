"""A real Kubernetes API for tests: one server per run, with the project's resource definitions, no nodes.

Manifests go through kubectl, so that what a test reads is what a user reads.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import CommandFailed
from webaudit_cluster.paths import REPOSITORY

CRDS = REPOSITORY / "crds"


def audit_session(spec: dict[str, Any] | None, *, name: str = "acme", namespace: str) -> dict[str, Any]:
    """A manifest; without spec when that is None."""
    metadata = {"name": name, "namespace": namespace}
    manifest: dict[str, Any] = {"apiVersion": "webaudit.dev/v1alpha1", "kind": "AuditSession", "metadata": metadata}
    return manifest if spec is None else {**manifest, "spec": spec}


def audit_schedule(spec: dict[str, Any], *, name: str = "daily", namespace: str, **metadata: Any) -> dict[str, Any]:
    """A manifest; without a word about time or shop it is one a day, of one shop."""
    shop = {} if "targets" in spec else {"sessionTemplate": {"spec": {"url": "https://www.acme-shop.com/"}}}
    return {
        "apiVersion": "webaudit.dev/v1alpha1",
        "kind": "AuditSchedule",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"schedule": "0 6 * * *", **shop, **spec},
    }


def create(api: ApiServer, manifest: dict[str, Any], *options: str) -> dict[str, Any]:
    """The object as the API server stored it. Raises CommandFailed when it is refused."""
    created: dict[str, Any] = json.loads(
        api.kubectl("create", "-f", "-", "-o", "json", *options, input=json.dumps(manifest))
    )
    return created


def refusal(api: ApiServer, manifest: dict[str, Any]) -> str:
    """What the API server says about a manifest that it must not accept."""
    with pytest.raises(CommandFailed) as refused:
        create(api, manifest, "--dry-run=server")
    return refused.value.stderr


@pytest.fixture(scope="session")
def kube_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The run's API server, with the definitions of crds/ ready to use. Stay in your own namespace."""
    with ApiServer.start(tmp_path_factory.mktemp("kube-api")) as api:
        define(api)
        yield api


def define(api: ApiServer) -> None:
    """Make the project's resource definitions known to it."""
    api.kubectl("apply", "--server-side", "-f", str(CRDS))
    api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


@pytest.fixture
def namespace(kube_api: ApiServer) -> Iterator[str]:
    """A namespace of the test's own. It stays until the server goes, but no session in it: operators look at all."""
    name = f"test-{secrets.token_hex(4)}"
    kube_api.kubectl("create", "namespace", name)
    yield name
    kube_api.kubectl("delete", "auditschedules,auditsessions", "--all", f"--namespace={name}", "--wait=false")
