"""A stand-in for node and Job controller: ends capture Jobs on an API server without nodes, evidence included.

What a capture would do, it does for real: it reads the request from the session's Secret and PUTs through the signed
URLs. Only the browser is missing.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from webaudit_capture.artifacts import crc32c
from webaudit_capture.contract import (
    ARTIFACT_FILES,
    RESULT_FILE,
    ArtifactRecord,
    Blame,
    CaptureEvent,
    CaptureRequest,
    CaptureResult,
    EventType,
    LogLevel,
    PdpDiscovery,
    Verdict,
)
from webaudit_operator.jobs import view_job
from webaudit_operator.kube import RealKube
from webaudit_operator.sessions import Manifest

WHEN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
Behaviour = Callable[[CaptureRequest, str], CaptureResult | None]
"""From a request and its URL to the result, without artifacts; None: the pod dies without a word."""


def good(request: CaptureRequest, url: str) -> CaptureResult:
    """A page without fault; the home page finds a product page."""
    pdp = PdpDiscovery(url=f"{url}products/tent", source="grid", candidates_tried=1) if request.discover_pdp else None
    return _result(request, url, verdict=Verdict.OK, pdp=pdp)


def not_found(request: CaptureRequest, url: str) -> CaptureResult:
    """The shop answers 404."""
    said = f"{url} answered 404 Not Found"
    return _result(request, url, verdict=Verdict.FAILED, reason="http_404", blame=Blame.TARGET, message=said)


def without_product(request: CaptureRequest, url: str) -> CaptureResult:
    pdp = PdpDiscovery(url=None, reason="no candidate") if request.discover_pdp else None
    return _result(request, url, verdict=Verdict.OK, pdp=pdp)


def dies(request: CaptureRequest, url: str) -> None:
    return None


def _result(request: CaptureRequest, url: str, **changes: Any) -> CaptureResult:
    event = CaptureEvent(
        timestamp=WHEN,
        level=LogLevel.INFO,
        event_type=EventType.NAVIGATION,
        message=f"opened {url}",
        details={"event": "navigation_done"},
    )
    values: dict[str, Any] = {
        "session_id": request.session_id,
        "attempt": request.attempt,
        "page": request.page,
        "viewport": request.viewport,
        "requested_url": url,
        "final_url": url,
        "events": [event],
        "session": request.session,
        "policy": request.policy.model_dump(mode="json"),
        "policy_version": request.policy.version,
        "started_at": WHEN,
        "finished_at": WHEN,
        **changes,
    }
    return CaptureResult(**values)


class StandIn(RealKube):
    """Call `work` as often as Jobs may have come."""

    behave: Behaviour = staticmethod(good)
    namespace: str
    """Whose Jobs it ends."""

    async def work(self) -> int:
        """End every live Job that is not suspended; returns how many."""
        ended = 0
        for job in await self.jobs():
            view = view_job(job)
            if view.live and not job["spec"].get("suspend") and not view.deleting:
                await self._end(job)
                ended += 1
        return ended

    async def jobs(self) -> list[Manifest]:
        return [job async for job in self._list(f"/apis/batch/v1/namespaces/{self.namespace}/jobs")]

    async def _end(self, job: Manifest) -> None:
        request, url = await self._request_of(job)
        result = type(self).behave(request, url)
        if result is not None:
            await _deliver(request, result)
        succeeded = result is not None and result.verdict is Verdict.OK
        await self._finish(job, succeeded, "PodFailurePolicy" if result is not None else "BackoffLimitExceeded")

    async def _request_of(self, job: Manifest) -> tuple[CaptureRequest, str]:
        pod = job["spec"]["template"]["spec"]
        source = next(v["secret"] for v in pod["volumes"] if v["name"] == "request")
        secret = await self.get_secret(job["metadata"]["namespace"], source["secretName"])
        assert secret is not None
        raw = base64.b64decode(secret["data"][source["items"][0]["key"]])
        request = CaptureRequest.model_validate_json(raw)
        arguments = pod["containers"][0]["args"]
        url = request.url or arguments[arguments.index("--url") + 1]
        return request, url

    async def _finish(self, job: Manifest, succeeded: bool, reason: str) -> None:
        """As the Job controller words it; the API server checks the order of the conditions."""
        at = "2026-03-01T12:00:05Z"
        kinds = ("SuccessCriteriaMet", "Complete") if succeeded else ("FailureTarget", "Failed")
        said = "CompletionsReached" if succeeded else reason
        conditions = [
            {"type": kind, "status": "True", "reason": said, "message": "", "lastTransitionTime": at} for kind in kinds
        ]
        status: dict[str, Any] = {"startTime": "2026-03-01T12:00:00Z", "conditions": conditions}
        status |= {"completionTime": at, "succeeded": 1} if succeeded else {"failed": 1}
        meta = job["metadata"]
        path = f"/apis/batch/v1/namespaces/{meta['namespace']}/jobs/{meta['name']}/status"
        await self._call("PATCH", path, body={"status": status}, kind="application/merge-patch+json")


def _artifacts(request: CaptureRequest) -> Mapping[str, bytes]:
    about = f"{request.page} {request.viewport}"
    return {
        "screenshot.png": f"picture of {about}".encode(),
        "visible_text.txt": about.encode(),
        "features.json": json.dumps({"about": about}).encode(),
        "page.html.gz": gzip.compress(about.encode(), mtime=0),
    }


async def _deliver(request: CaptureRequest, result: CaptureResult) -> None:
    """PUT artifacts, then result.json, with exactly the signed headers. Raises httpx.HTTPStatusError."""
    async with httpx.AsyncClient() as client:
        records: list[ArtifactRecord] = []
        if result.verdict is Verdict.OK:
            contents = _artifacts(request)
            for kind, (file, content_type) in ARTIFACT_FILES.items():
                body = contents[file]
                target = request.uploads[file]
                answer = await client.put(target.url, content=body, headers=target.headers)
                answer.raise_for_status()
                records.append(
                    ArtifactRecord(
                        type=kind,
                        object_name=target.object_name,
                        content_type=content_type,
                        size=len(body),
                        sha256=hashlib.sha256(body).hexdigest(),
                        crc32c=crc32c(body),
                        generation=answer.headers["x-goog-generation"],
                    )
                )
        final = result.model_copy(update={"artifacts": records})
        target = request.uploads[RESULT_FILE]
        sent = await client.put(target.url, content=final.model_dump_json().encode(), headers=target.headers)
        sent.raise_for_status()
