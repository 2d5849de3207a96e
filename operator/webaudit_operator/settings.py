"""Every setting of the operator, once: environment variables WEBAUDIT_*, listed by `webaudit-operator settings`.

The chart's values carry the same names in camel case. Libraries' own variables (STORAGE_EMULATOR_HOST,
GOOGLE_APPLICATION_CREDENTIALS, KUBECONFIG) are left to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, PostgresDsn, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "WEBAUDIT_"
S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


class DatabaseSettings(BaseSettings):
    """What `migrate` needs, and no more."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    database_url: str = Field(description="postgresql://user:password@host:5432/database")

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        TypeAdapter(PostgresDsn).validate_python(value)
        return value


class RetentionSettings(DatabaseSettings):
    """What every command needs that works on the record and the bucket."""

    bucket: str = Field(min_length=3, description="Bucket for evidence, by name alone.")
    retention_mode: Literal["enforce", "dry-run"] = Field(
        "enforce", description="dry-run: passes look and tell, and delete nothing."
    )
    retention_keep_newest: bool = Field(
        False, description="Keep the newest completed audit of a site's page until there is a newer one."
    )
    retention_rate: float = Field(500.0, gt=0, le=10_000, description="Deletions per second, at most.")
    retention_workers: int = Field(8, ge=1, le=64, description="Batches of due artifacts at once.")
    retention_batch: int = Field(100, ge=1, le=100, description="Due artifacts per call to the bucket and transaction.")
    retention_max_artifacts: int = Field(
        50_000, ge=1, description="A pass that would delete more waits for `retention approve`."
    )
    retention_max_share: float = Field(
        0.2, gt=0, le=1, description="So does one of a larger share of all artifacts, once there are more than 5,000."
    )
    retention_max_clock_skew_seconds: float = Field(
        300.0, gt=0, description="So does one whose clock is further from the bucket's."
    )
    clock_offset_seconds: float = Field(0.0, description="For tests alone: moves the clock that expiry goes by.")

    @field_validator("bucket")
    @classmethod
    def _bucket_name(cls, value: str) -> str:
        if "/" in value or ":" in value:
            raise ValueError(f'"{value}" is not a bucket name; write it without gs:// and without a path')
        return value


class Settings(RetentionSettings):
    """What `run` needs."""

    signing_key_file: Path | None = Field(
        None,
        description="Service-account key (JSON) that signs upload URLs; unset: the client's own credentials sign.",
    )
    capture_image: str = Field(min_length=1, description="Image of the capture Jobs.")
    capture_image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    capture_memory_limit: str = "1536Mi"
    capture_memory_request: str = "512Mi"
    capture_cpu_request: str = "250m"
    capture_sandbox: Literal["required", "preferred", "off"] = Field(
        "preferred", description="Chromium's own sandbox; `preferred` records when the pod does not allow it."
    )
    capture_seccomp_profile: str | None = Field(
        None, description="Localhost seccomp profile of capture pods; unset: RuntimeDefault."
    )
    allow_targets: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated host:port pairs that captures may reach although they are not public."
    )
    max_captures: int = Field(20, ge=1, description="Captures running at once, over all namespaces.")
    max_captures_per_namespace: int = Field(10, ge=1, description="Captures running at once in one namespace.")
    workers: int = Field(4, ge=1, description="Reconciles at once, of sessions and of schedules each.")
    resync_seconds: float = Field(300.0, gt=0, description="How often all sessions are looked at again.")
    retention_interval_seconds: float = Field(60.0, gt=0, description="Pause between passes over due artifacts.")
    signed_url_hours: float = Field(2.0, gt=0, le=168)
    job_deadline_seconds: int = Field(600, ge=60, description="activeDeadlineSeconds of a capture Job.")
    job_ttl_seconds: int = Field(3600, ge=300, description="ttlSecondsAfterFinished of a capture Job.")
    pod_namespace: str = Field(
        "", description="Namespace of the operator's own pod: Events about retention are about it."
    )
    pod_name: str = Field("", description="Its name; empty: no such Events.")
    pod_uid: str = Field("", description="Its uid.")
    http_port: int = Field(8080, ge=0, le=65535, description="/metrics, /healthz and /readyz.")
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("signing_key_file", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _signatures_outlive_jobs(self) -> Self:
        if self.signed_url_hours * 3600 <= self.job_deadline_seconds:
            raise ValueError("WEBAUDIT_SIGNED_URL_HOURS must be longer than WEBAUDIT_JOB_DEADLINE_SECONDS")
        return self

    @field_validator("allow_targets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allow_targets")
    @classmethod
    def _host_and_port(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            name, _, port = pair.rpartition(":")
            if not name or not port.isdigit():
                raise ValueError(f'"{pair}" is not host:port')
        return value


def load(kind: type[S]) -> S:
    """Read settings from the environment. Raises SettingsError naming every wrong variable in one line."""
    try:
        return kind()
    except ValidationError as error:
        faults = (
            ": ".join(
                [*(f"{PREFIX}{str(name).upper()}" for name in fault["loc"][:1]), _plain(fault["type"], fault["msg"])]
            )
            for fault in error.errors()
        )
        raise SettingsError("; ".join(faults)) from None


def _plain(kind: str, message: str) -> str:
    return "is not set" if kind == "missing" else message.removeprefix("Value error, ")
