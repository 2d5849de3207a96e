"""The crawl policy: every number a capture works with, by name.

The built-in policy is `default@1`. A session freezes the resolved values into `audit_sessions.config_snapshot`, and the
capture reads them from its request: no other module of the capture holds a timing or a limit of its own.
Durations are seconds, sizes bytes, lengths CSS pixels.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

POLICY_NAME = "default"
POLICY_VERSION = "1"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Navigation(_Section):
    """Section 1: reaching the page."""

    attempts: int = Field(3, ge=1, le=10)
    attempt_timeout: float = Field(30.0, gt=0)
    page_cap: float = Field(90.0, gt=0, description="Whole page, with every attempt and every back-off.")
    backoff: tuple[float, ...] = (1.0, 2.0, 4.0)
    jitter: float = Field(0.5, ge=0, description="Upper bound of what is added to each back-off.")
    retry_statuses: tuple[int, ...] = (403, 429, 503)
    bot_wall_wait: float = 2.0
    bot_wall_max_text: int = Field(1500, description="A page with more text than this is no challenge page.")
    bot_wall_lead: int = Field(300, description="Characters at a page's beginning in which a challenge says so.")
    bot_wall_frame_cover: float = Field(0.5, description="Share of the viewport a captcha frame fills on a wall.")
    follows: int = Field(
        2, ge=0, description="Navigations a page began while it was held in place that are made up for."
    )
    check_timeout: float = Field(5.0, description="For looking at a page that has just been reached.")
    resolve_timeout: float = Field(10.0, description="For one name, in the proxy.")
    connect_timeout: float = Field(10.0, description="For one address, in the proxy.")
    max_connections: int = Field(256, ge=1, description="Through the proxy at once; later ones wait.")


class Ready(_Section):
    """Section 2: when a page counts as loaded."""

    network_quiet: float = 0.8
    dom_quiet: float = 1.0
    ignore_request_after: float = Field(5.0, description="A request open longer no longer counts as in flight.")
    polling_hits: int = Field(4, description="fetch/xhr from this hit on one method and path are polling.")
    poll_interval: float = Field(0.1, description="Shortest pause between two looks at the page.")
    timeout: float = 15.0
    settle_timeout: float = Field(3.0, description="The same rule again, after scrolling or a dismissal.")


class Popups(_Section):
    """Section 3: dismissing overlays."""

    watch_after: float = Field(0.2, description="Quiet after which the vendor rules start watching.")
    vendor_timeout: float = 2.0
    poll_interval: float = 0.1
    settle_after_click: float = 0.5
    leave_timeout: float = Field(1.0, description="What an overlay that fades or moves away may take beyond that.")
    passes: int = Field(2, ge=0, le=2)
    clicks_per_pass: int = 5
    timeout: float = 10.0
    hide_min_z_index: int = 10
    hide_min_cover: float = Field(0.40, gt=0, le=1, description="Share of the viewport.")
    stable_wait: float = Field(0.1, description="A control must not have moved for this long to be clicked.")
    min_cover: float = Field(0.02, description="Share of the viewport below which nothing counts as an overlay.")
    modal_min_cover: float = Field(0.25, description="Share from which an overlay without ARIA counts as a modal.")
    hide_timeout: float = 3.0


class Scroll(_Section):
    """Section 4: making lazy content load."""

    step: float = Field(0.9, description="Share of the viewport's height.")
    step_pause: float = Field(0.05, description="Time a step gets to start something.")
    step_wait: float = Field(0.4, description="Longest wait at one step for what the step started.")
    dwell: float = 0.3
    max_height: int = 20_000
    timeout: float = 10.0


class Evidence(_Section):
    """Section 5: what is kept."""

    screenshot_max_height: int = 20_000
    screenshot_max_width: int = Field(2_000, ge=1, description="For pages that ask a phone for a wider layout.")
    screenshot_timeout: float = 20.0
    still_timeout: float = Field(0.5, description="For videos to be back at their beginning.")
    drawing_wait: float = Field(3.0, description="For style sheets and fonts without which nothing is drawn.")
    extract_timeout: float = 10.0
    blank_stddev: float = Field(1.5, description="Standard deviation of grey below which a screenshot is blank.")
    blank_share: float = Field(0.995, description="Share of one colour that, with little text, means blank.")
    skeleton_boxes: float = Field(0.05, description="Share of a skeleton that stands out only a little.")
    skeleton_ink: float = Field(0.01, description="Share above which something stands out, so that it is no skeleton.")
    skeleton_contrast: int = Field(64, description="Difference of grey, of 255, up to which it is a little.")
    skeleton_picture: int = Field(100, description="Width and height from which a picture makes it no skeleton.")
    blank_check_width: int = Field(256, description="Pixels a screenshot is shrunk to for the blank check.")
    max_text_bytes: int = 5 * 1024 * 1024
    max_html_bytes: int = 30 * 1024 * 1024
    max_features_bytes: int = Field(
        2 * 1024 * 1024,
        ge=256 * 1024,
        description="Of features.json. Of a larger one every list keeps its first entries, all lists equally many.",
    )
    max_upload_bytes: int = 50 * 1024 * 1024
    max_events_alike: int = Field(100, ge=1, description="Events of one name that are kept; the rest is counted.")
    max_event_chars: int = Field(2_000, ge=1, description="Length of one text in an event.")
    max_page_bytes: int = Field(
        200 * 1024 * 1024, description="What the page may receive and send, over all connections."
    )


class Features(_Section):
    """Section 6: bounds of what is read for features.json; `evidence.max_features_bytes` bounds the file."""

    max_items: int = Field(500, ge=1, description="Entries per list, and JSON-LD blocks that are read.")
    max_text_chars: int = Field(500, ge=1, description="Length of one text; longer ones are cut.")
    max_url_chars: int = Field(4_000, ge=1, description="Length of one address; longer ones are left out.")
    max_numbers: int = Field(50_000, description="Texts with a digit among which prices are looked for.")
    max_structured_chars: int = Field(2_000_000, description="Of all JSON-LD that is read, and as many of microdata.")


class Discovery(_Section):
    """Section 7: finding the product page."""

    max_candidates: int = 5
    max_weak_candidates: int = Field(2, description="Of these, links that only an id at their end speaks for.")
    max_categories: int = 3
    max_links: int = Field(3000, description="Links of one page that are looked at.")
    timeout: float = 60.0
    candidate_timeout: float = Field(15.0, description="For one candidate or category page.")
    look_timeout: float = Field(2.0, description="Of that, kept for judging a page that does not become ready.")
    calm_after: float = Field(0.2, description="Quiet after which a candidate is judged for the first time.")
    sitemap_documents: int = 3
    sitemap_timeout: float = Field(10.0, description="For one document, robots.txt among them.")
    sitemap_max_bytes: int = 2 * 1024 * 1024


class LowConfidence(_Section):
    """Section 8: when evidence is marked as doubtful."""

    min_text_chars: int = 200


class ViewportSize(_Section):
    width: int
    height: int


class Browser(_Section):
    """Fixed surroundings, so that the same page gives the same evidence."""

    locale: str = "en-US"
    timezone: str = "UTC"
    desktop: ViewportSize = ViewportSize(width=1440, height=900)
    mobile_device: str = "Pixel 7"
    launch_timeout: float = 20.0
    close_timeout: float = Field(5.0, description="After this the browser is killed.")
    answer_timeout: float = Field(5.0, description="A browser silent for longer when the time is up hangs.")
    max_memory: int = Field(1024 * 1024 * 1024, description="Of a browser's processes, apart from what they share.")
    watch_interval: float = Field(0.2, description="Between two looks at the browser's memory.")
    watchdog_grace: float = Field(
        30.0, description="What a pod may take beyond all its deadlines before it ends itself."
    )


class Upload(_Section):
    """Delivering artifacts and the result."""

    attempts: int = Field(6, ge=1)
    attempt_timeout: float = 60.0
    backoff_initial: float = 0.5
    backoff_max: float = 8.0


class Politeness(_Section):
    """Section 10: between sessions of one registrable domain."""

    domain_spacing: float = 2.0


class RetentionRule(_Section):
    """Days until an artifact expires; null keeps it."""

    html_gz_days: int | None
    evidence_days: int | None = Field(description="screenshot, visible_text and features_json")


class Retention(_Section):
    """Section 11."""

    short: RetentionRule = RetentionRule(html_gz_days=7, evidence_days=30)
    standard: RetentionRule = RetentionRule(html_gz_days=14, evidence_days=365)
    long: RetentionRule = RetentionRule(html_gz_days=30, evidence_days=None)


class CrawlPolicy(_Section):
    """A resolved policy, whole. `CrawlPolicy()` is the built-in one."""

    version: str = f"{POLICY_NAME}@{POLICY_VERSION}"
    navigation: Navigation = Navigation()
    ready: Ready = Ready()
    popups: Popups = Popups()
    scroll: Scroll = Scroll()
    evidence: Evidence = Evidence()
    features: Features = Features()
    discovery: Discovery = Discovery()
    low_confidence: LowConfidence = LowConfidence()
    browser: Browser = Browser()
    upload: Upload = Upload()
    politeness: Politeness = Politeness()
    retention: Retention = Retention()
