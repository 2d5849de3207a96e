"""Pure parts of the record: expiry, storage URIs, and text that PostgreSQL accepts."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testkit.samples import NOW
from webaudit_capture.contract import ArtifactType
from webaudit_capture.policy import Retention, RetentionRule
from webaudit_operator.store.expiry import retention_until
from webaudit_operator.store.rows import BlobRef, RetentionPolicy
from webaudit_operator.store.types import storable_json, storable_text

patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("policy", "html_days", "evidence_days"),
    [(RetentionPolicy.SHORT, 7, 30), (RetentionPolicy.STANDARD, 14, 365), (RetentionPolicy.LONG, 30, None)],
)
def test_expiry_is_the_table_of_the_crawl_policy(
    policy: RetentionPolicy, html_days: int, evidence_days: int | None
) -> None:
    evidence = None if evidence_days is None else NOW + timedelta(days=evidence_days)
    assert {kind: retention_until(kind, NOW, policy, Retention()) for kind in ArtifactType} == {
        ArtifactType.HTML_GZ: NOW + timedelta(days=html_days),
        ArtifactType.SCREENSHOT: evidence,
        ArtifactType.VISIBLE_TEXT: evidence,
        ArtifactType.FEATURES_JSON: evidence,
    }


def test_a_policy_may_set_its_own_days() -> None:
    own = Retention(short=RetentionRule(html_gz_days=None, evidence_days=0))
    assert retention_until(ArtifactType.HTML_GZ, NOW, RetentionPolicy.SHORT, own) is None
    assert retention_until(ArtifactType.SCREENSHOT, NOW, RetentionPolicy.SHORT, own) == NOW


def test_a_storage_uri_names_one_generation() -> None:
    ref = BlobRef("evidence", "acme.com__1/homepage/desktop/page.html.gz", 1700000000000001)
    assert ref.uri == "gs://evidence/acme.com__1/homepage/desktop/page.html.gz#1700000000000001"
    assert BlobRef.parse(ref.uri) == ref


@patiently
@given(st.from_regex(r"[a-z0-9]{3,10}", fullmatch=True), st.text(min_size=1), st.integers(min_value=0))
def test_every_storage_uri_reads_back(bucket: str, name: str, generation: int) -> None:
    ref = BlobRef(bucket, name, generation)
    assert BlobRef.parse(ref.uri) == ref


@pytest.mark.parametrize("uri", ["", "gs://b/o", "gs://b#1", "gs:///o#1", "s3://b/o#1", "gs://b/o#", "gs://b/o#-1"])
def test_what_names_no_generation_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="is not gs://"):
        BlobRef.parse(uri)


@patiently
@given(st.text())
def test_storable_text_is_utf8_without_nul_and_otherwise_the_same(text: str) -> None:
    stored = storable_text(text)
    assert "\x00" not in stored.encode().decode()
    assert len(stored) == len(text)
    assert all(new in (old, "\ufffd") for old, new in zip(text, stored, strict=True))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@patiently
@given(values)
def test_storable_json_is_json(value: object) -> None:
    text = json.dumps(storable_json(value), allow_nan=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    assert storable_json(json.loads(text)) == json.loads(text)
