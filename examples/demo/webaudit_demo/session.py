"""The AuditSession that a run applies: the one of session.yaml, or the same for another address."""

from __future__ import annotations

import re
from typing import Any

import yaml

from webaudit_capture.urls import BadUrl, normalize, site_name
from webaudit_demo.errors import DemoError
from webaudit_demo.install import DEMO
from webaudit_demo.kube import Kube

MANIFEST = DEMO / "session.yaml"


def manifest(url: str | None, name: str | None = None) -> dict[str, Any]:
    """session.yaml, with another address and a name made from its host when given. Raises DemoError for a bad one."""
    session: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    if url is None:
        return session
    try:
        session["spec"]["url"] = normalize(url)
    except BadUrl as error:
        raise DemoError(f"URL: {error}") from None
    label = re.sub(r"[^a-z0-9]+", "-", site_name(url)).strip("-")
    session["metadata"]["name"] = name or f"demo-{label}"[:63].rstrip("-")
    return session


def start(kube: Kube, session: dict[str, Any]) -> dict[str, Any]:
    """Apply it afresh: the resource of an earlier run goes, its evidence and rows stay. Raises CommandFailed."""
    name, namespace = session["metadata"]["name"], session["metadata"]["namespace"]
    kube.run("delete", "auditsession", name, "--namespace", namespace, "--ignore-not-found", "--timeout", "60s")
    kube.apply(session)
    created = kube.get("auditsession", name, namespace)
    if created is None:
        raise DemoError(f"session {name} was deleted by somebody else as soon as it was there")
    return created
