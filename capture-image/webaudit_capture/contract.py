"""What the operator and a capture say to each other. Pure data: no browser, no cluster.

A capture reads one `CaptureRequest` (a mounted Secret key), PUTs its artifacts, PUTs one `CaptureResult` as
`result.json` last, and exits with an `ExitCode`. A change that an older side could misread raises CONTRACT_VERSION; a
field that may be absent does not: an older side refuses it by name, and what was written before stays readable.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.texts import well_formed
from webaudit_capture.urls import host_port

CONTRACT_VERSION = 1
REQUEST_PATH = "/request/request.json"
RESULT_FILE = "result.json"


class PageType(StrEnum):
    HOMEPAGE = "homepage"
    PDP = "pdp"


class Viewport(StrEnum):
    DESKTOP = "desktop"
    MOBILE = "mobile"


class Mode(StrEnum):
    STANDARD = "standard"
    DEBUG = "debug"
    EVIDENCE_PACK = "evidence_pack"


class ArtifactType(StrEnum):
    SCREENSHOT = "screenshot"
    VISIBLE_TEXT = "visible_text"
    FEATURES_JSON = "features_json"
    HTML_GZ = "html_gz"


ARTIFACT_FILES: dict[ArtifactType, tuple[str, str]] = {
    ArtifactType.SCREENSHOT: ("screenshot.png", "image/png"),
    ArtifactType.VISIBLE_TEXT: ("visible_text.txt", "text/plain; charset=utf-8"),
    ArtifactType.FEATURES_JSON: ("features.json", "application/json"),
    ArtifactType.HTML_GZ: ("page.html.gz", "application/gzip"),
}
"""File name and content type per artifact. The gzip file carries no content encoding: it is stored as it is."""

RESULT_CONTENT_TYPE = "application/json"


class Verdict(StrEnum):
    OK = "ok"
    FAILED = "failed"


class Blame(StrEnum):
    """Whose fault a failed page is."""

    TARGET = "target"
    PLATFORM = "platform"
    CONFIG = "config"


class EventType(StrEnum):
    NAVIGATION = "navigation"
    POPUP = "popup"
    RETRY = "retry"
    TIMEOUT = "timeout"
    ERROR = "error"
    ARTIFACT = "artifact"


class LogLevel(StrEnum):
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LowConfidenceCode(StrEnum):
    MISSING_H1 = "missing_h1"
    MISSING_PRIMARY_CTA = "missing_primary_cta"
    TEXT_TOO_SHORT = "text_too_short"
    SCREENSHOT_FAILED = "screenshot_failed"
    SCREENSHOT_BLANK = "screenshot_blank"
    OVERLAY_REMAINING = "overlay_remaining"
    NOT_READY = "not_ready"
    PDP_MISSING_PRICE = "pdp_missing_price"
    PDP_MISSING_TITLE = "pdp_missing_title"
    PDP_MISSING_IMAGE = "pdp_missing_image"


class ExitCode(IntEnum):
    """Exit codes of a capture container; the Job's podFailurePolicy mirrors them."""

    OK = 0
    PAGE_FAILED = 10  # verdict delivered, for good: 4xx, bot wall, no such host
    RETRY = 11  # verdict delivered, worth another pod: renderer crash, network trouble, deadline
    UNDELIVERED = 12  # an upload was refused: fresh signatures may help, another pod with the same ones can't
    BAD_REQUEST = 13  # unreadable request, or a contract version this image does not speak


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Told(_Model):
    """A part of `result.json`. It carries words of the page, so every text in it is made fit to be written."""

    @model_validator(mode="before")
    @classmethod
    def _well_formed(cls, data: Any) -> Any:
        return well_formed(data)


class UploadTarget(_Model):
    """One signed PUT: exactly these headers, at most this many bytes."""

    object_name: str
    url: str
    headers: dict[str, str]
    max_bytes: int


class SessionRecord(_Model):
    """What the record says of a session from its first moment on, so that the bucket alone can tell it again.

    It never changes. The policy's snapshot is not in it: a request has the policy itself, a result its copy.
    """

    url: str = Field(description="Normalised.")
    mode: Mode
    retention_policy: Literal["standard", "short", "long"]
    created_at: datetime
    pages: tuple[tuple[PageType, Viewport], ...] = Field(min_length=1, description="The captures wanted, in order.")
    pdp_url: str | None = Field(None, description="The product page that the manifest names.")


class CaptureRequest(_Model):
    """All a capture may know and do."""

    contract_version: int = CONTRACT_VERSION
    session_id: str
    attempt: int = Field(1, ge=1, description="Start of the session's capture work this request belongs to.")
    page: PageType
    viewport: Viewport
    url: str | None = Field(description="Null for a product page still to be found: then `--url` names it.")
    discover_pdp: bool = False
    mode: Mode = Mode.STANDARD
    policy: CrawlPolicy = CrawlPolicy()
    allow: tuple[str, ...] = Field((), description="host:port pairs reachable although not public or not port 80/443.")
    sandbox: Literal["required", "preferred", "off"] = "preferred"
    image: str | None = Field(None, description="The capture image as the Job names it, for the result.")
    session: SessionRecord | None = Field(None, description="For the result, unchanged.")
    uploads: dict[str, UploadTarget] = Field(description="By file name, `result.json` included.")

    @field_validator("allow")
    @classmethod
    def _pairs(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for pair in allow:
            host_port(pair)
        return allow


class CaptureEvent(_Told):
    """Becomes one `crawl_logs` row. `details.event` names it exactly."""

    timestamp: datetime
    level: LogLevel
    event_type: EventType
    message: str
    details: dict[str, Any]


class LowConfidence(_Told):
    code: LowConfidenceCode
    detail: str


class ArtifactRecord(_Told):
    """An uploaded artifact as the capture saw it; the operator checks it against the bucket."""

    type: ArtifactType
    object_name: str
    content_type: str
    size: int
    sha256: str = Field(description="Lower-case hex.")
    crc32c: str = Field(description="Base64 of the big-endian checksum, as GCS states it.")
    generation: str | None = Field(None, description="From the PUT's answer, when it had one. Never trusted.")


class PdpDiscovery(_Told):
    """What the home page's desktop capture found out about the product page."""

    url: str | None
    source: Literal["grid", "link", "structured_data", "category", "sitemap"] | None = None
    candidates_tried: int = 0
    reason: str | None = Field(None, description="Why there is none.")


class CaptureResult(_Told):
    """`result.json`: describes one capture fully."""

    contract_version: int = CONTRACT_VERSION
    session_id: str
    attempt: int
    page: PageType
    viewport: Viewport
    verdict: Verdict
    reason: str | None = Field(None, description="Short code of a failure, e.g. http_404, bot_wall, net_err.")
    message: str | None = Field(None, description="One line for people.")
    blame: Blame | None = None
    requested_url: str
    final_url: str | None = None
    load_timings: dict[str, Any] = {}
    low_confidence: list[LowConfidence] = []
    events: list[CaptureEvent] = []
    artifacts: list[ArtifactRecord] = []
    pdp: PdpDiscovery | None = None
    browser_version: str | None = None
    engine: str | None = None
    sandbox: bool | None = Field(None, description="Whether Chromium's own sandbox was on.")
    image: str | None = None
    session: SessionRecord | None = Field(None, description="As the request has it; absent in older results.")
    policy: dict[str, Any] | None = Field(None, description="As it was in force; absent in older results.")
    policy_version: str
    started_at: datetime
    finished_at: datetime


def capture_prefix(domain: str, session_id: str, page: PageType | str, viewport: Viewport | str) -> str:
    """Where one capture's objects lie: `acme.com__<uid>/homepage/desktop/`."""
    return f"{session_prefix(domain, session_id)}{page}/{viewport}/"


def session_prefix(domain: str, session_id: str) -> str:
    """Where a session's objects lie: `acme.com__<uid>/`."""
    return f"{domain}__{session_id}/"
