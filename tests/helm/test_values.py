"""Values as helm takes them: checked, refused with a sentence, and carried to the operator's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testkit.chart import CHART, GOOD, KUBE_VERSION, environment, helm_template, merged, one, render
from webaudit_cluster.paths import binaries
from webaudit_operator.settings import PREFIX, Settings, load

pytestmark = pytest.mark.binaries

ONLY_TESTS_HAVE = {"WEBAUDIT_CLOCK_OFFSET_SECONDS"}
FROM_THE_POD = {"pod_namespace": "metadata.namespace", "pod_name": "metadata.name", "pod_uid": "metadata.uid"}
LIBRARIES_OWN = {"STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"}

EVERYTHING = merged(
    GOOD,
    {
        "image": {"repository": "registry.example/operator", "tag": "9", "pullPolicy": "Always"},
        "captureImage": {"repository": "registry.example/capture", "tag": "8", "pullPolicy": "Never"},
        "bucket": {
            "emulatorHost": "http://gcs:4443",
            "signingKey": {"existingSecret": {"name": "signer", "key": "signer.json"}},
            "credentials": {"existingSecret": {"name": "reader", "key": "reader.json"}},
        },
        "allowTargets": ["shop.audits.svc:80", "[::1]:8080"],
        "limits": {"maxCaptures": 1000000, "maxCapturesPerNamespace": 21},
        "capture": {
            "memoryLimit": "2Gi",
            "memoryRequest": "1Gi",
            "cpuRequest": "1",
            "sandbox": "required",
            "seccompProfile": "webaudit/chromium.json",
        },
        "job": {"deadlineSeconds": 900, "ttlSeconds": 1000000},
        "signedUrlHours": 3.5,
        "retention": {
            "mode": "dry-run",
            "keepNewest": True,
            "intervalSeconds": 1000000,
            "rate": 0.5,
            "workers": 3,
            "batch": 99,
            "breaker": {"maxArtifacts": 1000000, "maxShare": 0.75, "maxClockSkewSeconds": 1.5},
        },
        "resyncSeconds": 0.5,
        "workers": 9,
        "log": {"format": "text", "level": "debug"},
        "httpPort": 9090,
    },
)


def test_the_chart_passes_strict_lint() -> None:
    command = [str(binaries() / "helm"), "lint", "--strict", str(CHART), f"--kube-version={KUBE_VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_of_the_operator_can_be_set_by_a_value(tmp_path: Path) -> None:
    known = environment(one(render(tmp_path, EVERYTHING), "Deployment", "wa-webaudit"))
    settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(known) == (settings - ONLY_TESTS_HAVE) | LIBRARIES_OWN


def test_values_arrive_in_the_operator_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = environment(one(render(tmp_path, EVERYTHING), "Deployment", "wa-webaudit"))
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WEBAUDIT_DATABASE_URL", "postgresql://u:p@h/d")  # a reference in the Deployment
    settings = load(Settings)
    assert known["WEBAUDIT_DATABASE_URL"] == "webaudit-database/url"
    assert settings.model_dump() == {
        "database_url": "postgresql://u:p@h/d",
        "bucket": "acme-evidence",
        "signing_key_file": Path("/etc/webaudit/signing-key/signer.json"),
        "capture_image": "registry.example/capture:8",
        "capture_image_pull_policy": "Never",
        "capture_memory_limit": "2Gi",
        "capture_memory_request": "1Gi",
        "capture_cpu_request": "1",
        "capture_sandbox": "required",
        "capture_seccomp_profile": "webaudit/chromium.json",
        "allow_targets": ("shop.audits.svc:80", "[::1]:8080"),
        "max_captures": 1000000,
        "max_captures_per_namespace": 21,
        "workers": 9,
        "resync_seconds": 0.5,
        "retention_interval_seconds": 1000000.0,
        "retention_mode": "dry-run",
        "retention_keep_newest": True,
        "retention_rate": 0.5,
        "retention_workers": 3,
        "retention_batch": 99,
        "retention_max_artifacts": 1000000,
        "retention_max_share": 0.75,
        "retention_max_clock_skew_seconds": 1.5,
        "clock_offset_seconds": 0.0,
        **FROM_THE_POD,
        "signed_url_hours": 3.5,
        "job_deadline_seconds": 900,
        "job_ttl_seconds": 1000000,
        "http_port": 9090,
        "log_format": "text",
        "log_level": "debug",
    }
    assert known["STORAGE_EMULATOR_HOST"] == "http://gcs:4443"
    assert known["GOOGLE_APPLICATION_CREDENTIALS"] == "/etc/webaudit/credentials/reader.json"


def test_the_charts_defaults_are_the_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = environment(one(render(tmp_path, GOOD), "Deployment", "wa-webaudit"))
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WEBAUDIT_DATABASE_URL", "postgresql://u:p@h/d")
    by_chart = load(Settings).model_dump()
    for name, field in Settings.model_fields.items():
        if not field.is_required() and name not in FROM_THE_POD:
            assert by_chart[name] == field.default, name


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no bucket": ({"bucket": {"name": ""}}, "bucket.name is not set: name the bucket that receives the evidence"),
    "a bucket as URI": (
        {"bucket": {"name": "gs://acme"}},
        'bucket.name: "gs://acme" is not a bucket name; write it without gs:// and without a path',
    ),
    "no database": (
        {"database": {"existingSecret": {"name": ""}}},
        "no database is set: name a Secret in database.existingSecret.name",
    ),
    "two databases": ({"database": {"url": "postgresql://u:p@h/d"}}, "are both set: keep one of them"),
    "another database": (
        {"database": {"existingSecret": {"name": ""}, "url": "mysql://h/d"}},
        "write postgresql://user:password@host:5432/database",
    ),
    "an emulator without scheme": (
        {"bucket": {"emulatorHost": "gcs:4443"}},
        'bucket.emulatorHost: "gcs:4443" has no scheme; write "http://gcs:4443"',
    ),
    "signatures that end before the Job": (
        {"signedUrlHours": 1, "job": {"deadlineSeconds": 7200}},
        "signedUrlHours: uploads would be refused before a capture Job's deadline (7200 s): set more than 2.00 hours",
    ),
    "an unknown key": ({"bucketName": "acme"}, "additional properties 'bucketName' not allowed"),
    "an unknown key below": ({"limits": {"maxCapture": 3}}, "additional properties 'maxCapture' not allowed"),
    "no captures at all": ({"limits": {"maxCaptures": 0}}, "/limits/maxCaptures"),
    "a target without port": ({"allowTargets": ["shop"]}, "/allowTargets/0"),
    "an unquoted off": ({"capture": {"sandbox": False}}, "'required', 'preferred', 'off'"),
    "a wrong quantity": ({"capture": {"memoryLimit": "2 GB"}}, "/capture/memoryLimit"),
    "an unknown log level": ({"log": {"level": "trace"}}, "'debug', 'info', 'warning', 'error'"),
    "a port that needs root": ({"httpPort": 80}, "/httpPort"),
}


@pytest.mark.parametrize(("change", "sentence"), BAD.values(), ids=BAD)
def test_bad_values_are_refused_with_a_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    done = helm_template(tmp_path, merged(GOOD, change))
    assert done.returncode != 0
    assert sentence in done.stderr
