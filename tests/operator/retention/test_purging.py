"""Purging a session, which is what `deletionPolicy: Delete` does: everything of it goes at once, with receipts."""

from __future__ import annotations

from uuid import UUID

import pytest

from testkit.gcs_server import GcsServer
from testkit.retained import FixedClock, captured, deleted, is_fault_of, receipts, result_name
from testkit.samples import DOMAIN, SESSION
from webaudit_capture.contract import ArtifactType, session_prefix
from webaudit_operator import gcs as gcs_module
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention.purging import EvidenceRemains, purge_session
from webaudit_operator.store.record import Store

pytestmark = pytest.mark.postgres

PREFIX = session_prefix(DOMAIN, str(SESSION))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_module, "PATIENCE", 0.3)


async def test_a_purge_takes_everything_of_the_session_and_nothing_else(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    other = UUID(int=7)
    await captured(store, gcs)
    await captured(store, gcs, other)
    gcs.put(f"{PREFIX}homepage/mobile/screenshot.png", b"of a capture that never reached the record")
    done = await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock())
    assert done == {"deleted": 4}
    assert {name.split("/")[0] for name in gcs.objects} == {f"{DOMAIN}__{other}"}
    assert [receipt["rule"] for receipt in receipts(database_url)] == ["session_deleted"] * 4
    assert await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock()) == {}
    assert len(receipts(database_url)) == 4


async def test_a_purge_of_a_session_without_a_row_takes_its_objects(
    store: Store, blobs: GcsBlobs, gcs: GcsServer
) -> None:
    gcs.put(result_name(), b"{}")
    await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock())
    assert gcs.objects == {}


@pytest.mark.parametrize("held", ["screenshot.png", "result.json"])
async def test_a_held_object_stops_the_purge_and_its_release_lets_it_end(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, held: str
) -> None:
    await captured(store, gcs)
    name = f"{PREFIX}homepage/desktop/{held}"
    gcs.hold(name)
    with pytest.raises(EvidenceRemains):
        await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock())
    assert name in gcs.objects
    gcs.hold(name, on=False)
    await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock())
    assert gcs.objects == {}


async def test_a_purge_that_fails_halfway_says_so_and_goes_on_later(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    gcs.fail_next("DELETE", is_fault_of(ArtifactType.SCREENSHOT), 503, times=10_000)
    with pytest.raises(EvidenceRemains, match="1 of 4 artifacts could not be deleted: 503"):
        await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock())
    assert deleted(database_url) == 3
    gcs.heal()
    await purge_session(store, blobs, SESSION, prefix=PREFIX, clock=FixedClock())
    assert gcs.objects == {}
    assert deleted(database_url) == 4


@pytest.mark.parametrize("prefix", ["", "/", f"{DOMAIN}__", f"{DOMAIN}__{UUID(int=9)}/", f"{DOMAIN}__{SESSION}"])
async def test_a_purge_refuses_a_prefix_that_is_not_the_sessions(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, prefix: str
) -> None:
    gcs.put("a", b"")
    with pytest.raises(ValueError, match="is not the prefix"):
        await purge_session(store, blobs, SESSION, prefix=prefix, clock=FixedClock())
    assert "a" in gcs.objects
