"""Random histories of sessions, holds, re-runs, faults and time, beside a small model of what has to be there.

When the dust has settled an object exists exactly if the model says so, and each deletion has exactly one receipt.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testkit.gcs_server import GcsServer, How
from testkit.killing import Wire, dies
from testkit.postgres import TEMPLATE, PostgresServer
from testkit.retained import UNHURRIED, FixedClock, captured, receipts, result_name
from testkit.samples import DOMAIN, HOME_DESKTOP, NOW, object_name
from webaudit_capture.contract import ArtifactType, session_prefix
from webaudit_operator import gcs as gcs_module
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention import passes
from webaudit_operator.retention.purging import EvidenceRemains, purge_session
from webaudit_operator.store.record import Store

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
SESSIONS = 3
RULES = replace(UNHURRIED, batch=2)
KINDS = tuple(ArtifactType)
LIVES = dict.fromkeys(KINDS, 30 * DAY) | {ArtifactType.HTML_GZ: 7 * DAY}
"""Of the policy `short`, which `captured` takes."""

Step = tuple[str, int, int]


@dataclass
class Model:
    """What has been done to each object; an object is one name at the generation that its row tells of."""

    now: datetime = NOW
    alive: set[tuple[int, ArtifactType]] = field(default_factory=set)
    replaced: set[tuple[int, ArtifactType]] = field(default_factory=set)
    session_holds: set[int] = field(default_factory=set)
    object_holds: set[tuple[int, ArtifactType]] = field(default_factory=set)
    receipts: Counter[UUID] = field(default_factory=Counter)

    def settle(self) -> None:
        """All that is due and not held has gone."""
        for session, kind in list(self.alive):
            if session in self.session_holds or NOW + LIVES[kind] > self.now:
                continue
            if (session, kind) in self.object_holds and (session, kind) not in self.replaced:
                continue
            self.take(session, kind)

    def take(self, session: int, kind: ArtifactType) -> None:
        self.alive.discard((session, kind))
        self.receipts[UUID(int=session)] += 1

    def objects(self, known: set[int]) -> set[str]:
        there = {(session, kind) for session, kind in self.alive | self.replaced}
        names = {object_name(UUID(int=session), HOME_DESKTOP, kind) for session, kind in there}
        whole = {session for session, _ in self.alive} & known
        return names | {result_name(UUID(int=session)) for session in whole}


def steps() -> st.SearchStrategy[list[Step]]:
    what = st.sampled_from(["capture", "hold", "release", "hold_object", "replace", "pass", "crash", "fault", "wait"])
    return st.lists(st.tuples(what, st.integers(0, SESSIONS - 1), st.integers(0, 40)), max_size=14)


class World:
    """The same steps taken on a real database and a real bucket server."""

    def __init__(self, gcs: GcsServer, url: str) -> None:
        self.gcs, self.url = gcs, url
        self.model = Model()
        self.known: set[int] = set()
        self.store = Store.from_url(url)
        self.blobs = GcsBlobs.connect(gcs.bucket, endpoint=gcs.url)
        gcs.now = lambda: self.model.now

    async def close(self) -> None:
        await asyncio.gather(self.store.close(), self.blobs.close())

    async def take(self, what: str, session: int, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        if what == "capture" and session not in self.known:
            await captured(self.store, self.gcs, UUID(int=session))
            self.known.add(session)
            self.model.alive |= {(session, each) for each in KINDS}
        elif what in ("hold", "release"):
            self._hold(session, what == "hold")
        elif what == "hold_object" and (session, kind) in self.model.alive - self.model.replaced:
            name = object_name(UUID(int=session), HOME_DESKTOP, kind)
            if name in self.gcs.objects:
                self.gcs.hold(name)
                self.model.object_holds.add((session, kind))
        elif what == "replace" and (session, kind) in self.model.alive - self.model.object_holds:
            name = object_name(UUID(int=session), HOME_DESKTOP, kind)
            self.gcs.put(name, b"somebody else's")
            self.model.replaced.add((session, kind))
        elif what == "fault":
            how: How = (503, 403, "lost", "reset")[number % 4]
            self.gcs.fail_next(("POST", "DELETE", "GET")[number % 3], "", how, times=number % 5)
        elif what == "wait":
            self.model.now += timedelta(days=number)
        elif what in ("pass", "crash"):
            await self._pass(Wire(number if what == "crash" else None, after=bool(session)))

    def _hold(self, session: int, on: bool) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("DELETE FROM retention_holds WHERE session_id = %s", [UUID(int=session)])
            if on:
                connection.execute(
                    "INSERT INTO retention_holds (session_id, reason, source, placed_at) VALUES (%s, '', 'cli', %s)",
                    [UUID(int=session), NOW],
                )
        (self.model.session_holds.add if on else self.model.session_holds.discard)(session)

    async def _pass(self, wire: Wire) -> None:
        """What it came to is not known yet: faults and a death may have kept it from anything."""
        clock = FixedClock(self.model.now)
        work = passes.run_once(wire.around(self.store), wire.around(self.blobs), clock=clock, rules=RULES)
        await dies(work)
        # A deletion may have happened while nobody knows: the model only follows what the record is sure of.
        self._follow()

    def _follow(self) -> None:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT session_id, type, deleted_at IS NOT NULL, storage_uri FROM artifacts"
            ).fetchall()
        for session_id, kind, gone, uri in rows:
            mine = (int(session_id), ArtifactType(kind))
            name, _, generation = uri.partition(f"gs://{self.gcs.bucket}/")[2].partition("#")
            found = self.gcs.objects.get(name)
            lost = mine not in self.model.replaced and (found is None or str(found.generation) != generation)
            if mine in self.model.alive and (gone or lost):
                assert mine[0] not in self.model.session_holds or gone is False, "a held session's artifact was marked"
                assert NOW + LIVES[mine[1]] <= self.model.now, "it was not due"
                assert mine not in self.model.object_holds, "it was held"
                self.model.take(*mine)

    async def settle(self) -> None:
        """Faults end, and passes follow until what was put off has had its next try."""
        self.gcs.heal()
        for _ in range(3):
            self.model.now += DAY
            await passes.run_once(self.store, self.blobs, clock=FixedClock(self.model.now), rules=RULES)
        self.model.settle()

    def check(self) -> None:
        expected = self.model.objects(self.known)
        assert set(self.gcs.objects) == expected
        told = receipts(self.url)
        assert len({receipt["artifact"] for receipt in told}) == len(told), "a second receipt"
        with psycopg.connect(self.url) as connection:
            marked: Counter[UUID] = Counter(
                dict(connection.execute(
                    "SELECT session_id, count(*) FROM artifacts WHERE deleted_at IS NOT NULL GROUP BY 1"
                ).fetchall())
            )  # fmt: skip
        assert marked == self.model.receipts
        assert len(told) == self.model.receipts.total()


async def _live_through(history: list[Step], purged: int | None, gcs: GcsServer, url: str) -> None:
    world = World(gcs, url)
    try:
        for step in history:
            await world.take(*step)
        await world.settle()
        world.check()
        if purged is not None:
            await _purge(world, purged)
    finally:
        await world.close()


async def _purge(world: World, session: int) -> None:
    held = session in world.model.session_holds
    kept = {each for each in world.model.alive & world.model.object_holds if each[0] == session}
    prefix = session_prefix(DOMAIN, str(UUID(int=session)))
    before = {name for name in world.gcs.objects if name.startswith(prefix)}
    try:
        await purge_session(
            world.store, world.blobs, UUID(int=session), prefix=prefix, clock=FixedClock(world.model.now)
        )
    except EvidenceRemains:
        assert held or kept, "nothing keeps it"
        if held:
            assert {name for name in world.gcs.objects if name.startswith(prefix)} == before
    else:
        assert not held
        assert not any(name.startswith(prefix) for name in world.gcs.objects)
    told = receipts(world.url)
    assert len({receipt["artifact"] for receipt in told}) == len(told), "a second receipt"


@settings(
    max_examples=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=steps(), purged=st.none() | st.integers(0, SESSIONS - 1))
def test_when_the_dust_has_settled_bucket_and_record_are_as_the_model_says(
    postgres_server: PostgresServer, history: list[Step], purged: int | None
) -> None:
    url = postgres_server.create_database(template=TEMPLATE)
    gcs = GcsServer()
    gcs.start()
    before, gcs_module.PATIENCE = gcs_module.PATIENCE, 0.1
    try:
        asyncio.run(_live_through(history, purged, gcs, url))
    finally:
        gcs_module.PATIENCE = before
        gcs.remove()
        postgres_server.drop_database(url)
