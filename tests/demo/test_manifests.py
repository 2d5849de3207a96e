"""The demo's manifests against a real API server, and what the driver makes of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.oauth2.service_account import Credentials

from testkit.demo_shop import SHOP
from webaudit_cluster import ApiServer, paths
from webaudit_demo import evershop, install, secrets, session
from webaudit_demo.errors import DemoError
from webaudit_demo.install import DEMO, NAMESPACE, Images
from webaudit_demo.kube import Kube
from webaudit_demo.platform import USAGE, existing

IMAGES = Images(
    operator="registry.test:5000/webaudit-operator:v1",
    capture="localhost/webaudit-capture:dev-0123",
    postgres="localhost/webaudit-postgres:dev-4567",
    gcs="localhost/fake-gcs-server:dev-89ab",
)


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    with ApiServer.start(tmp_path_factory.mktemp("api")) as api:
        yield Kube(
            kubectl=(str(paths.binaries() / "kubectl"), f"--cache-dir={api.kubeconfig.parent / 'cache'}"),
            helm=(str(paths.binaries() / "helm"),),
            environment={"KUBECONFIG": str(api.kubeconfig)},
        )


@pytest.fixture(scope="module")
def applied(kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The demo's Deployments as the API server took them, by name."""
    folder = tmp_path_factory.mktemp("overlay")
    install.apply_manifests(kube, IMAGES, folder)
    items = json.loads(kube.run("get", "deployments", "--namespace", NAMESPACE, "--output=json"))["items"]
    return {item["metadata"]["name"]: item for item in items}


@pytest.mark.apiserver
def test_the_images_of_this_run_replace_the_public_ones(applied: dict[str, dict[str, Any]]) -> None:
    images = {
        name: deployment["spec"]["template"]["spec"]["containers"][0]["image"] for name, deployment in applied.items()
    }
    assert images == {"postgres": IMAGES.postgres, "gcs": IMAGES.gcs, "shop": IMAGES.operator}


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["postgres", "gcs", "shop"])
def test_pods_are_allowed_in_a_restricted_namespace(kube: Kube, applied: dict[str, dict[str, Any]], name: str) -> None:
    template = applied[name]["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"try-{name}", "namespace": NAMESPACE},
        "spec": template["spec"],
    }
    kube.run("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod))
    pod["spec"] = {**template["spec"], "securityContext": {"runAsUser": 0}}
    with pytest.raises(DemoError, match="violates PodSecurity"):
        kube.run("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod))


@pytest.mark.apiserver
def test_every_file_of_the_shop_is_in_its_config_map(kube: Kube, applied: dict[str, dict[str, Any]]) -> None:
    volume = applied["shop"]["spec"]["template"]["spec"]["volumes"][0]
    config = kube.get("configmap", volume["configMap"]["name"], NAMESPACE)
    assert config is not None
    assert config["data"] == {file.name: file.read_text() for file in SHOP.iterdir() if file.is_file()}


@pytest.mark.apiserver
def test_the_manifests_for_faults_and_for_evershop_are_valid(kube: Kube, applied: dict[str, dict[str, Any]]) -> None:
    kube.run("apply", "--dry-run=server", "--filename", str(DEMO / "manifests" / "faults.yaml"))
    kube.apply(*evershop.network("192.0.2.7"))
    slices = kube.get("endpointslice", "evershop", NAMESPACE)
    assert slices is not None
    assert slices["endpoints"][0]["addresses"] == ["192.0.2.7"]


@pytest.mark.apiserver
def test_a_secret_is_readable_as_it_was_made(kube: Kube, applied: dict[str, dict[str, Any]]) -> None:
    made = secrets.signing_secret(NAMESPACE)
    kube.apply(made)
    found = kube.get("secret", secrets.SIGNING_SECRET, NAMESPACE)
    assert found is not None
    assert found["data"] == made["data"]


@pytest.mark.apiserver
def test_a_namespace_of_somebody_else_is_left_alone(kube: Kube, applied: dict[str, dict[str, Any]]) -> None:
    install.refuse_foreign(kube)
    kube.run("label", "namespace", NAMESPACE, f"{install.OWNER[0]}-")
    try:
        with pytest.raises(DemoError, match="not the demo's"):
            install.refuse_foreign(kube)
        with pytest.raises(DemoError, match="not the demo's"):
            install.uninstall(kube)
    finally:
        kube.run("label", "namespace", NAMESPACE, "=".join(install.OWNER))


@pytest.mark.apiserver
def test_a_resource_or_a_kind_that_is_not_there_is_none(kube: Kube) -> None:
    assert kube.get("configmap", "nothing", "default") is None
    assert kube.get("auditsession", "demo", "default") is None


def test_the_session_of_the_demo_is_the_file_beside_it() -> None:
    assert session.manifest(None) == yaml.safe_load((DEMO / "session.yaml").read_text())


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.Acme-Shop.com/de?x=1", "demo-acme-shop-com"),
        ("http://192.0.2.1:8080/", "demo-192-0-2-1"),
        ("http://[2001:db8::1]/", "demo-2001-db8-1"),
        ("https://" + "long." * 20 + "test/", "demo-" + "long-" * 11 + "lon"),
    ],
)
def test_another_address_gets_a_session_of_its_own(url: str, name: str) -> None:
    made = session.manifest(url)
    assert made["metadata"]["name"] == name
    assert made["metadata"]["namespace"] == NAMESPACE
    assert session.manifest(url, "evershop")["metadata"]["name"] == "evershop"


def test_a_bare_host_is_refused_with_a_hint() -> None:
    with pytest.raises(DemoError, match=re.escape("https://acme-shop.com")):
        session.manifest("acme-shop.com")


def test_a_context_without_images_is_refused_with_the_command_to_type() -> None:
    with pytest.raises(DemoError, match="IMAGE_REPOSITORY=") as caught:
        existing("production", None, "v1")
    assert USAGE in str(caught.value)


@pytest.mark.parametrize("image", ["postgres", "registry.test:5000/postgres"])
def test_an_image_without_a_tag_is_refused(image: str) -> None:
    with pytest.raises(DemoError, match="has no tag"):
        install.split(image)


def test_the_database_url_carries_the_password_of_the_database() -> None:
    data = {key: base64.b64decode(value).decode() for key, value in secrets.database_secret(NAMESPACE)["data"].items()}
    assert data["url"] == f"postgresql://webaudit:{data['POSTGRES_PASSWORD']}@postgres.webaudit-demo.svc:5432/webaudit"


def test_the_signing_key_signs_upload_addresses() -> None:
    info = json.loads(base64.b64decode(secrets.signing_secret(NAMESPACE)["data"]["key.json"]))
    credentials = Credentials.from_service_account_info(info)
    assert len(credentials.sign_bytes(b"anything")) == 256


def test_the_kustomization_is_found_from_anywhere(tmp_path: Path) -> None:
    overlay = install.kustomization("../demo", IMAGES)
    assert overlay["resources"] == ["../demo"]
    assert {"name": "python", "newName": "registry.test:5000/webaudit-operator", "newTag": "v1"} in overlay["images"]
