"""What the operator remembers: who holds a shop, who waits, and which of two tellings is the newer one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from testkit.operator import HD, HM, NOW, job_manifest, session, with_status
from webaudit_operator.admission import first_obstacle
from webaudit_operator.jobs import GRACE_SECONDS, JobState
from webaudit_operator.sessions import HOLD, Session, format_time, key_of
from webaudit_operator.world import Memory, parent_of

ACME = "acme-shop.com"
STARTED = {"phase": "Running", "startTime": format_time(NOW)}
ENDED = {**STARTED, "phase": "Completed", "completionTime": format_time(NOW)}


def memory(*sessions: Session, limit: int = 10) -> Memory:
    made = Memory(max_captures=limit, max_captures_per_namespace=limit, domain_spacing=timedelta(seconds=2))
    for known in sessions:
        made.see_session(known.body)
    return made


def holders(of: Memory) -> dict[str, str]:
    """Session name -> domain."""
    return {holder.key.name: holder.domain for holder in of.world(NOW).holders}


def waiting(of: Memory) -> set[str]:
    return {wish.key.name for wish in of.world(NOW).waiting}


def obstacle(of: Memory, asking: Session) -> str | None:
    verdict = first_obstacle(of.wish_of(asking), of.world(NOW))
    return verdict.reason if verdict else None


def test_a_session_that_has_not_started_waits() -> None:
    known = memory(session())
    assert (holders(known), waiting(known)) == ({}, {"acme"})


def test_a_started_session_holds_its_shop() -> None:
    known = memory(session(status=STARTED))
    assert (holders(known), waiting(known)) == ({"acme": ACME}, set())


@pytest.mark.parametrize("phase", ["Completed", "Partial", "Failed"])
def test_a_finished_session_holds_nothing(phase: str) -> None:
    known = memory(session(status={**ENDED, "phase": phase}))
    assert (holders(known), waiting(known)) == ({}, set())


def test_a_session_just_admitted_holds_its_shop_before_anything_is_written() -> None:
    of = session()
    known = memory(of)
    known.admit(of)
    assert (holders(known), waiting(known)) == ({"acme": ACME}, set())


def test_a_start_that_is_being_made_does_not_stand_in_its_own_way() -> None:
    of = session()
    known = memory(of, limit=of.width)
    assert obstacle(known, of) is None
    known.admit(of)  # and then the API server could not be reached: the next look asks again
    assert obstacle(known, of) is None


def test_a_live_job_holds_the_shop_of_a_session_that_nobody_knows_any_more() -> None:
    gone = session()
    known = memory()
    known.see_job(job_manifest(gone), live=True)
    assert holders(known) == {"acme": ACME}
    assert known.world(NOW).holders[0].width == gone.width
    assert obstacle(known, session("next")) == "DomainBusy"


def test_jobs_of_a_started_session_are_counted_once() -> None:
    of = session(status=STARTED)
    known = memory(of)
    for capture in (HD, HM):
        known.see_job(job_manifest(of, capture), live=True)
    assert known.world(NOW).running() == of.width


def test_a_session_finished_while_a_job_of_its_still_runs_keeps_its_shop() -> None:
    of = session(status=ENDED)
    known = memory(of)
    known.see_job(job_manifest(of), live=True)
    assert holders(known) == {"acme": ACME}


def test_an_ended_job_lets_go() -> None:
    of = session()
    known = memory()
    known.see_job(job_manifest(of), live=True)
    known.see_job(job_manifest(of, state=JobState.SUCCEEDED), live=False)
    assert holders(known) == {}


def test_a_job_that_no_session_owns_is_nobodys() -> None:
    stray = job_manifest(session(), ownerReferences=[])
    known = memory()
    known.see_job(stray, live=True)
    assert parent_of(stray) is None
    assert holders(known) == {}


@pytest.mark.parametrize("other_is_listed", [True, False])
def test_jobs_missing_from_a_full_listing_are_gone(other_is_listed: bool) -> None:
    one, two = session("one"), session("two", spec={"url": "https://two.com/"})
    known = memory()
    listed = key_of(job_manifest(two))
    known.see_job(job_manifest(two), live=other_is_listed)  # older than the one that is missing
    known.see_job(job_manifest(one), live=True)
    before = known.job_versions()
    known.forget_missing_jobs(before, [listed] if other_is_listed else [], NOW)
    assert holders(known) == ({"two": "two.com"} if other_is_listed else {})


def test_a_job_that_was_made_while_the_listing_was_taken_stays() -> None:
    known = memory()
    before = known.job_versions()
    known.see_job(job_manifest(session()), live=True)
    known.forget_missing_jobs(before, [], NOW)
    assert holders(known) == {"acme": ACME}


def test_a_job_that_was_heard_of_while_the_listing_was_taken_stays() -> None:
    known = memory()
    known.see_job(job_manifest(session()), live=True)
    before = known.job_versions()
    known.see_job(job_manifest(session()), live=True)  # a newer version of it
    known.forget_missing_jobs(before, [], NOW)
    assert holders(known) == {"acme": ACME}


def test_a_shop_is_left_alone_until_the_pods_of_a_deleted_job_have_ended() -> None:
    gone, asking = session(), session("next")
    known = memory(asking)
    known.see_job(job_manifest(gone), live=True)
    known.forget_job(key_of(job_manifest(gone)), NOW)
    assert obstacle(known, asking) == "DomainSpacing"
    assert known.world(NOW).last_end == {ACME: NOW + timedelta(seconds=GRACE_SECONDS)}


def test_a_job_that_had_ended_leaves_no_pods_to_wait_for() -> None:
    gone = session()
    known = memory()
    known.see_job(job_manifest(gone, state=JobState.SUCCEEDED), live=False)
    known.forget_job(key_of(job_manifest(gone)), NOW)
    assert known.world(NOW).last_end == {}


@pytest.mark.parametrize("reason", ["JobRefused", "SigningFailed"])
def test_nobody_waits_for_a_session_of_which_nothing_can_be_started(reason: str) -> None:
    told = {"phase": "Queued", "conditions": [{"type": "Admitted", "status": "False", "reason": reason}]}
    stuck = session("stuck", created=NOW - timedelta(hours=1), status=told)
    asking = session("next")
    known = memory(stuck, asking)
    assert obstacle(known, asking) is None
    assert obstacle(known, stuck) is None, "it is tried again"
    assert known.next_in_line(ACME, NOW) == [asking.key], "by itself, not in the place of somebody who could start"


def test_a_finished_session_that_goes_lets_go_of_nothing() -> None:
    of = session(status=ENDED)
    assert memory(of).forget_session(of.key) is None


def test_a_late_event_does_not_take_back_what_was_written() -> None:
    before = session()
    written = with_status(before, STARTED)
    known = memory(written)
    assert not known.see_session(before.body)
    assert holders(known) == {"acme": ACME}


def test_the_same_telling_twice_is_taken() -> None:
    of = session()
    known = memory(of)
    assert known.see_session(of.body)


def test_a_session_created_anew_under_its_old_name_starts_from_nothing() -> None:
    old = session(uid="11111111-0000-0000-0000-000000000000", status=STARTED)
    known = memory(old)
    known.admit(old)
    new = session(uid="22222222-0000-0000-0000-000000000000")
    assert known.see_session(new.body)
    assert (holders(known), waiting(known)) == ({}, {"acme"})
    assert [wish.uid for wish in known.world(NOW).waiting] == [new.uid]


def test_a_late_event_of_a_deleted_session_does_not_replace_its_successor() -> None:
    old = session(uid="11111111-0000-0000-0000-000000000000")
    new = session(uid="22222222-0000-0000-0000-000000000000", status=STARTED)
    known = memory(new)
    assert not known.see_session(old.body)
    assert [holder.uid for holder in known.world(NOW).holders] == [new.uid]
    assert holders(known) == {"acme": ACME}


def test_the_admission_of_a_session_is_not_its_successors() -> None:
    old = session(uid="11111111-0000-0000-0000-000000000000")
    known = memory(old)
    known.admit(old)
    known.see_session(session(uid="22222222-0000-0000-0000-000000000000").body)
    assert (holders(known), waiting(known)) == ({}, {"acme"})


def test_a_forgotten_session_neither_holds_nor_waits() -> None:
    of = session()
    known = memory(of)
    known.admit(of)
    assert known.forget_session(of.key) == ACME
    assert known.forget_session(of.key) is None
    assert (holders(known), waiting(known), known.keys()) == ({}, set(), [])


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"deletionTimestamp": "2026-03-01T11:00:00Z"}, id="being deleted"),
        pytest.param({"spec": {"url": "https://user:pw@acme-shop.com/"}}, id="at fault"),
    ],
)
def test_who_will_never_start_is_not_waited_for(changes: dict[str, Any]) -> None:
    known = memory(session(**changes))
    assert (holders(known), waiting(known)) == ({}, set())


def test_the_last_end_of_a_shop_is_its_newest() -> None:
    earlier = {**ENDED, "completionTime": format_time(NOW - timedelta(hours=1))}
    known = memory(session("new", status=ENDED), session("old", status=earlier))
    assert known.world(NOW).last_end == {ACME: NOW}


def test_a_session_that_failed_before_it_started_was_never_at_the_shop() -> None:
    never = {"phase": "Failed", "completionTime": format_time(NOW)}
    assert memory(session(status=never)).world(NOW).last_end == {}


def test_when_a_place_is_free_the_shops_oldest_comes_first_and_others_once_per_shop() -> None:
    def waiter(name: str, domain: str, age: int, **spec: Any) -> Session:
        url = {"url": f"https://{domain}/"}
        return session(name, created=NOW - timedelta(minutes=age), spec={**url, **spec})

    known = memory(
        waiter("young", "acme-shop.com", 1),
        waiter("old", "acme-shop.com", 2),
        waiter("other-young", "other.com", 3),
        waiter("other-old", "other.com", 9),
        waiter("held-back", "third.com", 10, suspend=True),
        waiter("fourth", "fourth.com", 5),
    )
    assert [key.name for key in known.next_in_line(ACME, NOW)] == ["old", "other-old", "fourth"]
    assert [key.name for key in known.next_in_line(None, NOW, most=1)] == ["other-old"]


def test_phases_count_what_was_never_looked_at_as_queued() -> None:
    assert sorted(memory(session("new"), session("on", status=STARTED)).phases()) == ["Queued", "Running"]


def test_whose_evidence_is_held_is_known_from_the_resources_until_they_change_or_go() -> None:
    acme = session(annotations={HOLD: "case 4711"})
    birch = session("birch", annotations={HOLD: "false"})
    cedar = session("cedar", annotations={HOLD: ""})
    known = memory(acme, birch, cedar)
    assert known.held_sessions() == {UUID(acme.uid), UUID(cedar.uid)}
    known.see_session(session(uid=acme.uid).body)
    known.forget_session(cedar.key)
    assert known.held_sessions() == frozenset()
