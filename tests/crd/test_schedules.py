"""AuditSchedule at the API server: what is accepted and refused, what people see, that its template is a session."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from testkit.apiserver import CRDS, audit_schedule, audit_session, create, refusal
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.paths import REPOSITORY
from webaudit_operator.cron import BadSchedule, parse

SHOPS = [{"name": "acme", "url": "https://www.acme.com/"}, {"name": "birch", "url": "https://www.birch.com/"}]
KNOWN = [{**shop, "pdpUrl": f"{shop['url']}p/1"} for shop in SHOPS]


def definition(kind: str) -> dict[str, Any]:
    version: dict[str, Any] = yaml.safe_load((CRDS / f"{kind}.yaml").read_text())["spec"]["versions"][0]
    return version


SCHEDULE = definition("auditschedules")["schema"]["openAPIV3Schema"]["properties"]
SESSION = definition("auditsessions")["schema"]["openAPIV3Schema"]["properties"]


@pytest.mark.apiserver
def test_all_that_is_left_out_gets_its_default(kube_api: ApiServer, namespace: str) -> None:
    created = create(kube_api, audit_schedule({}, namespace=namespace))
    assert created["spec"] == {
        "schedule": "0 6 * * *",
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulSessionsHistoryLimit": 3,
        "failedSessionsHistoryLimit": 1,
        "splaySeconds": 0,
        "sessionTemplate": {"spec": {"url": "https://www.acme-shop.com/"}},
    }
    assert created["status"] == {"observedGeneration": -1}


ACCEPTED: dict[str, dict[str, Any]] = {
    "nulls count as absent": {"timeZone": None, "startingDeadlineSeconds": None},
    "a macro": {"schedule": "@weekly"},
    "names and steps": {"schedule": "*/5 1-5,7 1/2 JAN-mar sun,MON-FRI/2"},
    "question marks and white space": {"schedule": " 00  06 ?\t* ? "},
    "a zone without a slash": {"timeZone": "UTC"},
    "a zone of three parts": {"timeZone": "America/Argentina/Buenos_Aires"},
    "a zone with an offset in its name": {"timeZone": "Etc/GMT+5"},
    "targets": {"targets": SHOPS},
    "product pages alone, all known": {"targets": KNOWN, "sessionTemplate": {"spec": {"pages": ["pdp"]}}},
    "no history": {"successfulSessionsHistoryLimit": 0, "failedSessionsHistoryLimit": 0},
    "the whole template": {
        "sessionTemplate": {
            "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {
                "url": "https://acme.com/",
                "pdpUrl": "https://acme.com/p/1",
                "pages": ["homepage", "pdp"],
                "viewports": ["mobile"],
                "mode": "debug",
                "retentionPolicy": "long",
                "crawlPolicyRef": {"name": "default"},
                "suspend": True,
                "deletionPolicy": "Retain",
                "ttlSecondsAfterFinished": 60,
            },
        }
    },
}


@pytest.mark.apiserver
@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED)
def test_a_legal_spec_is_accepted(kube_api: ApiServer, spec: dict[str, Any]) -> None:
    stored = create(kube_api, audit_schedule(spec, namespace="default"), "--dry-run=server")
    assert {name: stored["spec"][name] for name in spec} == spec
    parse(stored["spec"]["schedule"], stored["spec"].get("timeZone"))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "four fields": ({"schedule": "0 6 * *"}, '"0 6 * *" has not five fields; write minute, hour, day of month, month'),
    "six fields": ({"schedule": "0 0 6 * * *"}, "has not five fields"),
    "nothing": ({"schedule": ""}, "spec.schedule in body should be at least 1 chars long"),
    "a zone inside": (
        {"schedule": "TZ=UTC 0 6 * * *"},
        '"TZ=" does not belong here; write the zone into spec.timeZone',
    ),
    "another zone inside": ({"schedule": "CRON_TZ=UTC 0 6 * * *"}, '"TZ=" does not belong here'),
    "an unknown macro": ({"schedule": "@dayly"}, "is not a macro; there are @hourly, @daily"),
    "an interval": ({"schedule": "@every 1h"}, "is not a macro"),
    "minute 60": ({"schedule": "60 * * * *"}, '"60 * * * *": the first field is not a minute; write 0-59, *, a range'),
    "hour 24": ({"schedule": "0 24 * * *"}, "the second field is not an hour; write 0-23"),
    "day 0": ({"schedule": "0 6 0 * *"}, "the third field is not a day of the month; write 1-31"),
    "day L": ({"schedule": "0 6 L * *"}, "the third field is not a day of the month"),
    "month 13": ({"schedule": "0 6 * 13 *"}, "the fourth field is not a month; write 1-12 or JAN-DEC"),
    "a month in full": ({"schedule": "0 6 * january *"}, "the fourth field is not a month"),
    "Sunday as 7": ({"schedule": "0 6 * * 7"}, "the fifth field is not a day of the week; write 0-6 (Sunday is 0)"),
    "the second Monday": ({"schedule": "0 6 * * 1#2"}, "the fifth field is not a day of the week"),
    "a step of nothing": ({"schedule": "*/0 * * * *"}, "the first field is not a minute"),
    "an empty item": ({"schedule": "1,,2 * * * *"}, "the first field is not a minute"),
    "the zone of the machine": ({"timeZone": "Local"}, '"Local" is not the name of a time zone; write one such as'),
    "a zone that leads elsewhere": ({"timeZone": "../etc/passwd"}, "is not the name of a time zone"),
    "an empty zone": ({"timeZone": ""}, "is not the name of a time zone"),
    "an unknown policy": ({"concurrencyPolicy": "Queue"}, 'supported values: "Allow", "Forbid", "Replace"'),
    "a negative deadline": ({"startingDeadlineSeconds": -1}, "should be greater than or equal to 0"),
    "a negative limit": ({"failedSessionsHistoryLimit": -1}, "should be greater than or equal to 0"),
    "a splay over days": ({"splaySeconds": 86401}, "should be less than or equal to 86400"),
    "a target twice": ({"targets": [SHOPS[0], SHOPS[0]]}, 'Duplicate value: {"name":"acme"}'),
    "a target without address": ({"targets": [{"name": "acme"}]}, "spec.targets[0].url: Required value"),
    "a target that no session can be named by": (
        {"targets": [{**SHOPS[0], "name": "Acme"}]},
        "should match '^[a-z0-9]",
    ),
    "a target's address without scheme": (
        {"targets": [{"name": "acme", "url": "acme.com"}]},
        'spec.targets[0].url: Invalid value: "string": "acme.com" has no scheme; write "https://acme.com/"',
    ),
    "no shop at all": ({"sessionTemplate": {}}, "write the shops either into spec.targets or, if there is only one"),
    "shops in both places": (
        {"targets": SHOPS, "sessionTemplate": {"spec": {"url": "https://www.acme.com/"}}},
        "one of the two is needed, not both",
    ),
    "one product page for all": (
        {"targets": SHOPS, "sessionTemplate": {"spec": {"pdpUrl": "https://www.acme.com/p/1"}}},
        "belongs to one shop; write it into that shop's entry in spec.targets",
    ),
    "product pages that nothing leads to": (
        {"targets": [KNOWN[0], SHOPS[1]], "sessionTemplate": {"spec": {"pages": ["pdp"]}}},
        "asks for a product page without the home page",
    ),
    "product pages that are not wanted": (
        {"targets": KNOWN, "sessionTemplate": {"spec": {"pages": ["homepage"]}}},
        "pdpUrl is set, but spec.sessionTemplate.spec.pages does not ask for a product page",
    ),
    "a promise to delete evidence": (
        {"sessionTemplate": {"spec": {"url": "https://acme.com/", "deletionPolicy": "Delete"}}},
        'Unsupported value: "Delete": supported values: "Retain"',
    ),
    "a field that does not exist": ({"timezone": "UTC"}, 'unknown field "spec.timezone"'),
}


@pytest.mark.apiserver
@pytest.mark.parametrize(("spec", "said"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_spec_is_refused_with_what_to_write(kube_api: ApiServer, spec: dict[str, Any], said: str) -> None:
    assert said in refusal(kube_api, audit_schedule(spec, namespace="default"))


@pytest.mark.apiserver
def test_a_name_that_sessions_could_not_carry_is_refused(kube_api: ApiServer) -> None:
    assert "may have at most 63 characters" in refusal(kube_api, audit_schedule({}, name="a" * 64, namespace="default"))


CORPUS = [
    *("* * * * *", "*/15 0-6,22 1/2 */3 1-5", "0 0 ? * MON", "007 006 * jan-DEC Sat,sun", "@hourly", "59 23 31 12 6"),
    *("60 * * * *", "* 24 * * *", "* * 32 * *", "* * * 0 *", "* * * * 7", "5-1 * * * *", "*-5 * * * *"),
    *("*/ * * * *", "*/x * * * *", "a * * * *", "* * * * mo", "@reboot", "* * * *", "+5 * * * *", "1.5 * * * *"),
    *("** * * * *", "1//2 * * * *", "1/2/3 * * * *", "1, * * * *", "0 0 30 2 *", "0 0 31 4,6 *"),
    *("*/99 * * * *", "1-2-3 * * * *", "-1 * * * *"),
]  # fmt: skip
LEFT_TO_THE_OPERATOR = {"5-1 * * * *", "0 0 30 2 *", "0 0 31 4,6 *"}


@pytest.mark.apiserver
def test_the_api_server_and_the_operator_read_schedules_alike(kube_api: ApiServer) -> None:
    """All that the first accepts the other can read, but for what has to be counted."""
    items = [audit_schedule({"schedule": text}, name=f"n{n}", namespace="default") for n, text in enumerate(CORPUS)]
    for text, manifest in zip(CORPUS, items, strict=True):
        try:
            parse(text)
            readable = True
        except BadSchedule:
            readable = text in LEFT_TO_THE_OPERATOR
        if readable:
            create(kube_api, manifest, "--dry-run=server")
        else:
            assert "spec.schedule" in refusal(kube_api, manifest)


SHOWN_STATUS = {
    "observedGeneration": 1,
    "lastScheduleTime": "2026-03-01T06:00:00Z",
    "lastResult": "Completed",
    "nextScheduleTimes": ["2026-03-02T06:00:00Z"],
    "activeCount": 2,
    "missed": 1,
}


@pytest.mark.apiserver
def test_people_see_when_what_and_how_it_went(kube_api: ApiServer, namespace: str) -> None:
    create(kube_api, audit_schedule({"timeZone": "Europe/Berlin"}, namespace=namespace))
    patch = json.dumps({"status": SHOWN_STATUS})
    where = ("-n", namespace)
    kube_api.kubectl(*where, "patch", "auditcron", "daily", "--subresource=status", "--type=merge", "-p", patch)
    header, row = kube_api.kubectl(*where, "get", "auditcron").splitlines()
    assert header.split() == ["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST", "LAST-RESULT", "NEXT"]
    cells = re.split(r" {2,}", row.strip())
    assert cells[:5] == ["daily", "0 6 * * *", "Europe/Berlin", "false", "2"]
    assert cells[6:] == ["Completed", "2026-03-02T06:00:00Z"]
    wide = kube_api.kubectl(*where, "get", "auditschedules", "-o", "wide").splitlines()[0]
    assert wide.split()[-3:] == ["MISSED", "REASON", "AGE"]
    assert "auditschedule.webaudit.dev/daily" in kube_api.kubectl(*where, "get", "webaudit", "-o", "name")


PHASES = {
    "Completed": ("4/4", "AllPagesOk"),
    "Partial": ("2/4", "SomePagesFailed"),
    "Failed": ("0/4", "TargetNoSuchHost"),
    "Running": ("2/4", "Capturing"),
    "Queued": ("0/4", "DomainSpacing"),
}


@pytest.mark.apiserver
def test_sessions_of_all_namespaces_fit_into_80_columns(kube_api: ApiServer, namespace: str) -> None:
    """A schedule of that name in a namespace of at most nine letters, in every phase there is."""
    name = f"team{namespace[-4:]}"
    kube_api.kubectl("create", "namespace", name)
    for number, (phase, (summary, reason)) in enumerate(PHASES.items()):
        session = f"elm-{29444000 + number}"
        create(
            kube_api, audit_session({"url": "https://www.a-rather-long-name.example/"}, name=session, namespace=name)
        )
        ready = {"type": "Ready", "status": "False", "reason": reason, "message": ""}
        conditions = [{**ready, "lastTransitionTime": "2026-03-01T06:00:00Z"}]
        status = {"phase": phase, "summary": summary, "lowConfidence": False, "conditions": conditions}
        what = ("patch", "audit", session, "-n", name, "--subresource=status", "--type=merge")
        kube_api.kubectl(*what, "-p", json.dumps({"status": status}))
    lines = kube_api.kubectl("get", "auditsessions", "-A").splitlines()
    kube_api.kubectl("delete", "auditsessions", "--all", "-n", name, "--wait=false")
    assert lines[0].split() == ["NAMESPACE", "NAME", "STATUS", "PAGES", "LOW-CONF", "REASON", "AGE"]
    ours = [line for line in lines if line.startswith(name)]
    assert [line.split()[2] for line in ours] == list(PHASES)
    assert max(map(len, [lines[0].rstrip(), *ours])) <= 80, "\n".join(lines)


def _undescribed(schema: dict[str, Any], path: str) -> Iterator[str]:
    if not schema.get("description"):
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from _undescribed(field, f"{path}.{name}")
    for name, field in schema.get("items", {}).get("properties", {}).items():
        yield from _undescribed(field, f"{path}[].{name}")


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_is_described(part: str) -> None:
    assert list(_undescribed(SCHEDULE[part], part)) == []


@pytest.mark.parametrize("kind", ["auditsessions", "auditschedules"])
def test_a_number_says_its_unit_and_a_default_is_told(kind: str) -> None:
    properties = definition(kind)["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    for name, field in properties.items():
        if name.endswith("Seconds") or name.startswith("ttlSeconds"):
            assert "econds" in field["description"], name
        if "default" in field:
            assert "Default: " in field["description"], name


@pytest.mark.apiserver
def test_explain_tells_it_in_the_terminal(kube_api: ApiServer) -> None:
    said = " ".join(kube_api.kubectl("explain", "auditschedule.spec").split())
    assert "one that clocks show twice runs twice" in said
    assert "enum: Allow, Forbid, Replace" in said
    assert "Default: 0, all at once." in said


def _essence(field: Any) -> Any:
    """A field's schema without words, defaults and rules about changes."""
    left_out = ("description", "default", "x-kubernetes-validations", "nullable")
    if isinstance(field, dict):
        return {name: _essence(value) for name, value in field.items() if name not in left_out}
    return field


def test_the_template_is_a_sessions_spec() -> None:
    template = SCHEDULE["spec"]["properties"]["sessionTemplate"]["properties"]["spec"]["properties"]
    session = SESSION["spec"]["properties"]
    assert set(template) == set(session)
    for name, field in template.items():
        if name != "deletionPolicy":
            assert _essence(field) == _essence(session[name]), name
        assert "default" not in field, "a session has defaults of its own"
    rules = session["url"]["x-kubernetes-validations"][1:]
    target = SCHEDULE["spec"]["properties"]["targets"]["items"]["properties"]
    for field in (template["url"], template["pdpUrl"], target["url"], target["pdpUrl"]):
        assert field["x-kubernetes-validations"] == rules, "addresses are judged alike"


def test_both_kinds_have_conditions_alike() -> None:
    assert _essence(SCHEDULE["status"]["properties"]["conditions"]) == _essence(
        SESSION["status"]["properties"]["conditions"]
    )


PAGE = (REPOSITORY / "docs" / "api.md").read_text()


@pytest.mark.parametrize("part", ["spec", "status"])
def test_the_reference_lists_every_field_with_its_default(part: str) -> None:
    table = PAGE.split(f"\n### {part.capitalize()} of a schedule", 1)[1].split("|---|", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[1:]]
    found = {name: row[1:] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}
    assert set(found) == set(SCHEDULE[part]["properties"])
    for name, field in SCHEDULE[part]["properties"].items():
        if "default" in field and part == "spec":
            assert yaml.safe_load(found[name][0].strip("`")) == field["default"]
        inner = {} if name == "conditions" else field.get("items", {}).get("properties", {})
        for value in itertools.chain(field.get("enum", []), inner):
            assert f"`{value}`" in " ".join(found[name]), f"{name}: {value}"
