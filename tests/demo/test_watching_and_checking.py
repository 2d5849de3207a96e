"""What the driver says about a running session, and how it judges the evidence: pure, as tables."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from webaudit_demo import evidence, progress, record
from webaudit_demo.errors import DemoError
from webaudit_demo.evidence import Object
from webaudit_demo.kube import Kube
from webaudit_demo.progress import Line
from webaudit_demo.record import Record

SPEC = {"url": "http://shop.test/", "pages": ["homepage", "pdp"], "viewports": ["desktop", "mobile"]}
PREFIX = "shop.test__1/homepage/desktop/"
TEXT = b"Made for long evenings outside"
SHA = hashlib.sha256(TEXT).hexdigest()


def a_session(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "demo", "generation": 1}, "spec": SPEC, "status": status}


def test_a_session_nobody_has_looked_at_has_all_its_lines_pending() -> None:
    assert progress.lines(a_session(observedGeneration=-1)) == [
        Line("homepage", "desktop", "pending", ""),
        Line("homepage", "mobile", "pending", ""),
        Line("pdp", "desktop", "pending", ""),
        Line("pdp", "mobile", "pending", ""),
    ]


def test_a_waiting_session_says_what_it_waits_for() -> None:
    busy = {"type": "Admitted", "status": "False", "reason": "DomainBusy", "message": "test is being audited by a/b"}
    assert {line.detail for line in progress.lines(a_session(conditions=[busy]))} == {"test is being audited by a/b"}


@pytest.mark.parametrize(
    ("entry", "state", "detail"),
    [
        ({"status": "running", "job": "demo-1"}, "running", ""),
        ({"status": "ok", "durationSeconds": 4.06, "url": "http://shop.test/"}, "ok", "4.1 s  http://shop.test/"),
        (
            {"status": "ok", "lowConfidence": ["missing_h1", "text_too_short"]},
            "ok",
            "low confidence: missing_h1, text_too_short",
        ),
        (
            {"status": "failed", "reason": "TargetHttp404", "message": "the page answered 404"},
            "failed",
            "TargetHttp404: the page answered 404",
        ),
        ({"status": "failed", "reason": "PlatformOOMKilled", "message": None}, "failed", "PlatformOOMKilled"),
    ],
)
def test_a_line_says_what_is_known_of_its_capture(entry: dict[str, Any], state: str, detail: str) -> None:
    pages = [{"page": "homepage", "viewport": "desktop", **entry}]
    assert progress.lines(a_session(pages=pages))[0] == Line("homepage", "desktop", state, detail)


@pytest.mark.parametrize(
    ("phase", "observed", "expected"),
    [
        ("Completed", 1, True),
        ("Partial", 1, True),
        ("Failed", 1, True),
        ("Running", 1, False),
        ("Queued", 1, False),
        ("Completed", -1, False),
    ],
)
def test_a_session_has_finished_when_the_operator_says_so_of_this_generation(
    phase: str, observed: int, expected: bool
) -> None:
    assert progress.finished(a_session(phase=phase, observedGeneration=observed)) is expected


def a_row(**changes: Any) -> dict[str, Any]:
    uri = f"gs://webaudit-evidence/{PREFIX}visible_text.txt#17"
    return {"storage_uri": uri, "size_bytes": len(TEXT), "checksum": f"sha256:{SHA}", **changes}


def an_object(**changes: Any) -> Object:
    fields = {
        "name": f"{PREFIX}visible_text.txt",
        "size": len(TEXT),
        "generation": 17,
        "content_type": "text/plain",
        "sha256": SHA,
    }
    return Object(**{**fields, **changes})


def test_a_row_that_agrees_with_its_object_has_no_fault() -> None:
    assert evidence.faults([a_row()], [an_object()]) == []


@pytest.mark.parametrize(
    ("row", "held", "fault"),
    [
        (a_row(), [], "is not in the bucket"),
        (a_row(), [an_object(name="other")], "is not in the bucket"),
        (a_row(), [an_object(generation=18)], "generation 18 is in the bucket"),
        (a_row(), [an_object(size=1)], "is recorded with 30 bytes and has 1"),
        (a_row(), [an_object(sha256="0" * 64)], "and is sha256:000"),
        (a_row(checksum=None), [an_object()], "is recorded as None"),
    ],
)
def test_a_row_that_disagrees_with_the_bucket_is_a_fault(row: dict[str, Any], held: list[Object], fault: str) -> None:
    found = evidence.faults([row], held)
    assert len(found) == 1
    assert fault in found[0]


def test_a_session_that_does_not_end_is_told_with_a_command_that_works_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SESSION_SECONDS", 0)
    kube = Kube(kubectl=("false",), helm=("false",), typed="kubectl --context=mine")
    with pytest.raises(DemoError) as caught:
        progress.follow(kube, "demo", "audits", Console(file=io.StringIO()))
    assert "see `kubectl --context=mine --namespace audits describe auditsession demo`" in str(caught.value)


def test_what_a_shop_wrote_is_shown_as_it_is_and_not_taken_for_markup() -> None:
    said = io.StringIO()
    url = "http://shop.test/?filter[/b]=[red]"
    record.show(Record(session={"url": url}, pages=[], artifacts=[], events=[]), Console(file=said, width=100))
    evidence.show([an_object(content_type="text/[/b]")], PREFIX, Console(file=said, width=100))
    assert url in said.getvalue()
    assert "text/[/b]" in said.getvalue()


def test_evidence_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "demo-evidence").write_text("a file where the folder should be")
    kube = Kube(kubectl=("false",), helm=("false",))
    with pytest.raises(DemoError, match=r"the evidence was not copied to .*demo-evidence"):
        evidence.copy_out(kube, "webaudit-demo", PREFIX, tmp_path / "demo-evidence" / "demo")
