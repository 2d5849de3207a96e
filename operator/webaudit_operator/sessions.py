"""An AuditSession as the operator reads it: dicts in, frozen views out. Nothing here decides or acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from webaudit_capture import urls
from webaudit_capture.contract import Mode, PageType, SessionRecord, Viewport
from webaudit_operator.store.rows import PageKey, RetentionPolicy

GROUP = "webaudit.dev"
VERSION = "v1alpha1"
PLURAL = "auditsessions"
KIND = "AuditSession"
FINALIZER = f"{GROUP}/evidence"
HOLD = f"{GROUP}/hold"
STOPPING = "Stopping"
TERMINAL_PHASES = frozenset({"Completed", "Partial", "Failed"})

Manifest = Mapping[str, Any]
"""A Kubernetes object as decoded JSON."""


class Key(NamedTuple):
    """Where a session lives; what the queue holds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def key_of(body: Manifest) -> Key:
    """Where any namespaced object lives."""
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


def parse_time(text: str | None) -> datetime | None:
    """A Kubernetes timestamp (RFC 3339, whole seconds, UTC)."""
    return datetime.fromisoformat(text) if text else None


def format_time(moment: datetime) -> str:
    """The form Kubernetes prints: whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Resource:
    """View of one of our resources. Raises KeyError or ValueError only for objects no CRD schema lets through."""

    kind: ClassVar[str]
    body: Manifest

    @property
    def key(self) -> Key:
        return key_of(self.body)

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def version(self) -> str | None:
        """metadata.resourceVersion"""
        version: str | None = self.body["metadata"].get("resourceVersion")
        return version

    @property
    def generation(self) -> int:
        return int(self.body["metadata"].get("generation", 1))

    @cached_property
    def created(self) -> datetime:
        moment = parse_time(self.body["metadata"]["creationTimestamp"])
        assert moment is not None, "the API server always sets creationTimestamp"
        return moment

    @property
    def deleting(self) -> bool:
        return bool(self.body["metadata"].get("deletionTimestamp"))

    @property
    def spec(self) -> Manifest:
        spec: Manifest = self.body["spec"]
        return spec

    @property
    def status(self) -> Manifest:
        status: Manifest = self.body.get("status") or {}
        return status


@dataclass(frozen=True)
class Session(Resource):
    """View of one AuditSession."""

    kind = KIND

    @property
    def finalizers(self) -> tuple[str, ...]:
        return tuple(self.body["metadata"].get("finalizers", ()))

    @cached_property
    def url(self) -> str:
        """Normalised. Raises urls.BadUrl for what the CRD's rules can't see."""
        return urls.normalize(self.spec["url"])

    @cached_property
    def pdp_url(self) -> str | None:
        """The product page the manifest names, normalised. Raises urls.BadUrl."""
        given = self.spec.get("pdpUrl")
        return urls.normalize(given) if given else None

    @property
    def domain(self) -> str:
        """Registrable domain: what politeness is counted by."""
        return urls.registrable_domain(self.url)

    @property
    def site(self) -> str:
        """Host without `www.`: the first part of object names."""
        return urls.site_name(self.url)

    @property
    def mode(self) -> Mode:
        return Mode(self.spec.get("mode", "standard"))

    @property
    def retention_policy(self) -> RetentionPolicy:
        return RetentionPolicy(self.spec.get("retentionPolicy", "standard"))

    @property
    def policy_name(self) -> str:
        return str((self.spec.get("crawlPolicyRef") or {}).get("name", "default"))

    @property
    def suspended(self) -> bool:
        return bool(self.spec.get("suspend"))

    @property
    def deletes_evidence(self) -> bool:
        return bool(self.spec.get("deletionPolicy", "Retain") == "Delete")

    @property
    def held(self) -> bool:
        """An annotation keeps the resource from being deleted by its time to live or by a schedule's history limit."""
        return bool((self.body["metadata"].get("annotations") or {}).get(HOLD, "false") != "false")

    @property
    def mirrored(self) -> bool:
        """All that the status says is in the record."""
        condition = self.condition("Mirrored")
        return condition is not None and condition["status"] == "True"

    @property
    def stopping(self) -> Manifest | None:
        """The condition that says why it is to end before its captures do."""
        condition = self.condition(STOPPING)
        return condition if condition and condition["status"] == "True" else None

    @property
    def ttl_seconds(self) -> int | None:
        value = self.spec.get("ttlSecondsAfterFinished")
        return None if value is None else int(value)

    @cached_property
    def captures(self) -> tuple[PageKey, ...]:
        """Wanted captures in order: home page before product page, desktop before mobile."""
        pages = set(self.spec.get("pages") or ("homepage", "pdp"))
        viewports = set(self.spec.get("viewports") or ("desktop", "mobile"))
        return tuple(
            PageKey(page, port) for page in PageType for port in Viewport if page in pages and port in viewports
        )

    @property
    def record(self) -> SessionRecord:
        """What its captures' results carry. Raises urls.BadUrl."""
        return SessionRecord(
            url=self.url,
            mode=self.mode,
            retention_policy=self.retention_policy.value,
            created_at=self.created,
            pages=self.captures,
            pdp_url=self.pdp_url,
        )

    @property
    def discoverer(self) -> PageKey | None:
        """The home page capture that also looks for the product page, when one is to be found."""
        wants_pdp = any(key.page is PageType.PDP for key in self.captures)
        if not wants_pdp or self.pdp_url:
            return None
        return next((key for key in self.captures if key.page is PageType.HOMEPAGE), None)

    @property
    def width(self) -> int:
        """Most captures this session runs at once."""
        if self.discoverer is None:
            return len(self.captures)
        return max(
            sum(key.page is PageType.HOMEPAGE for key in self.captures),
            sum(key.page is PageType.PDP for key in self.captures),
        )

    @property
    def phase(self) -> str | None:
        phase = self.status.get("phase")
        return str(phase) if phase else None

    @property
    def finished(self) -> bool:
        """By the operator's own word: who else writes a phase into the status leaves out when it ended."""
        return self.phase in TERMINAL_PHASES and self.completed is not None

    @property
    def started(self) -> datetime | None:
        return parse_time(self.status.get("startTime"))

    @property
    def completed(self) -> datetime | None:
        """When it finished."""
        return parse_time(self.status.get("completionTime"))

    @property
    def attempts(self) -> int:
        return int(self.status.get("attempts", 0))

    def condition(self, kind: str) -> Manifest | None:
        conditions: list[Manifest] = self.status.get("conditions") or []
        return next((condition for condition in conditions if condition["type"] == kind), None)

    def page(self, key: PageKey) -> Manifest:
        """The capture's entry in status, or {}."""
        pages: list[Manifest] = self.status.get("pages") or []
        return next((p for p in pages if (p["page"], p["viewport"]) == tuple(key)), {})
