"""The Kubernetes API, as narrow as the operator needs it. The only module that knows the client.

Objects are plain dicts, as the API sends them: the client's models would drop fields newer than themselves.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from webaudit_operator.jobs import RESUMED_ANNOTATION, SELECTOR, UID_LABEL
from webaudit_operator.kube_errors import AlreadyExists, KubeConflict, KubeGone, KubeRefused, KubeUnavailable
from webaudit_operator.schedules import SCHEDULE_PLURAL, Schedule
from webaudit_operator.sessions import GROUP, PLURAL, VERSION, Key, Manifest, Session

FIELD_MANAGER = "webaudit-operator"
PAGE_SIZE = 500
TIMEOUT_SECONDS = 30
MERGE_PATCH = "application/merge-patch+json"
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Kube(Protocol):
    async def get_session(self, key: Key) -> Manifest | None: ...

    def list_sessions(self) -> AsyncIterator[Manifest]: ...

    async def put_status(self, session: Session, status: Manifest) -> Manifest:
        """Replace the status of exactly this resourceVersion. Raises KubeConflict."""

    async def set_finalizers(self, session: Session, finalizers: list[str]) -> None:
        """Raises KubeConflict."""

    async def create_session(self, session: Manifest) -> Manifest | None:
        """None when a session of this name is there already. Raises KubeRefused."""

    async def delete_session(self, key: Key, uid: str) -> None: ...

    async def get_schedule(self, key: Key) -> Manifest | None: ...

    def list_schedules(self) -> AsyncIterator[Manifest]: ...

    async def put_schedule_status(self, schedule: Schedule, status: Manifest) -> Manifest:
        """Replace the status of exactly this resourceVersion. Raises KubeConflict."""

    async def list_jobs(self, session: Session) -> list[Manifest]: ...

    def list_all_jobs(self) -> AsyncIterator[Manifest]: ...

    async def list_pods(self, session: Session) -> list[Manifest]: ...

    async def create_job(self, job: Manifest) -> bool:
        """False when a Job of this name is there already. Raises KubeRefused."""

    async def suspend_job(self, namespace: str, name: str) -> None: ...

    async def resume_job(self, namespace: str, name: str, *, resumed: int) -> None:
        """`resumed` is kept on the Job: which of the session's starts this is."""

    async def delete_job(self, namespace: str, name: str) -> None:
        """Foreground: the Job stays visible until its pods are gone."""

    async def get_secret(self, namespace: str, name: str) -> Manifest | None: ...

    async def put_secret(self, secret: Manifest, *, exists: bool) -> None:
        """Create it, or replace its content."""

    async def post_event(self, event: Manifest) -> None: ...


class RealKube:
    """Over kubernetes.aio, one connection pool for the process."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    async def connect(cls, kubeconfig: Path | None = None) -> Self:
        """In-cluster credentials where there are any, else the given or usual kubeconfig. Raises KubeUnavailable."""
        configuration = client.Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            try:
                await config.load_kube_config(
                    config_file=str(kubeconfig) if kubeconfig else None, client_configuration=configuration
                )
            except (config.ConfigException, OSError) as error:
                raise KubeUnavailable(f"no Kubernetes API: not in a pod, and no usable kubeconfig ({error})") from None
        return cls(client.ApiClient(configuration))

    async def close(self) -> None:
        await self._api.close()

    async def get_session(self, key: Key) -> Manifest | None:
        return await self._get(_path(PLURAL, key))

    def list_sessions(self) -> AsyncIterator[Manifest]:
        return self._list(f"/apis/{GROUP}/{VERSION}/{PLURAL}")

    async def put_status(self, session: Session, status: Manifest) -> Manifest:
        body = {**session.body, "status": status}
        return await self._call("PUT", f"{_path(PLURAL, session.key)}/status", body=body)

    async def set_finalizers(self, session: Session, finalizers: list[str]) -> None:
        meta = {"finalizers": finalizers, "resourceVersion": session.body["metadata"]["resourceVersion"]}
        await self._gone_is_fine("PATCH", _path(PLURAL, session.key), body={"metadata": meta}, kind=MERGE_PATCH)

    async def create_session(self, session: Manifest) -> Manifest | None:
        namespace = session["metadata"]["namespace"]
        try:
            return await self._call("POST", f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}", body=session)
        except AlreadyExists:
            return None

    async def delete_session(self, key: Key, uid: str) -> None:
        await self._gone_is_fine("DELETE", _path(PLURAL, key), body={"preconditions": {"uid": uid}})

    async def get_schedule(self, key: Key) -> Manifest | None:
        return await self._get(_path(SCHEDULE_PLURAL, key))

    def list_schedules(self) -> AsyncIterator[Manifest]:
        return self._list(f"/apis/{GROUP}/{VERSION}/{SCHEDULE_PLURAL}")

    async def put_schedule_status(self, schedule: Schedule, status: Manifest) -> Manifest:
        body = {**schedule.body, "status": status}
        return await self._call("PUT", f"{_path(SCHEDULE_PLURAL, schedule.key)}/status", body=body)

    async def list_jobs(self, session: Session) -> list[Manifest]:
        query = {"labelSelector": f"{SELECTOR},{UID_LABEL}={session.uid}"}
        return [job async for job in self._list(f"/apis/batch/v1/namespaces/{session.key.namespace}/jobs", query)]

    def list_all_jobs(self) -> AsyncIterator[Manifest]:
        return self._list("/apis/batch/v1/jobs", {"labelSelector": SELECTOR})

    async def list_pods(self, session: Session) -> list[Manifest]:
        query = {"labelSelector": f"{SELECTOR},{UID_LABEL}={session.uid}"}
        return [pod async for pod in self._list(f"/api/v1/namespaces/{session.key.namespace}/pods", query)]

    async def create_job(self, job: Manifest) -> bool:
        try:
            await self._call("POST", f"/apis/batch/v1/namespaces/{job['metadata']['namespace']}/jobs", body=job)
        except AlreadyExists:
            return False
        return True

    async def suspend_job(self, namespace: str, name: str) -> None:
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
        await self._gone_is_fine("PATCH", path, body={"spec": {"suspend": True}}, kind=MERGE_PATCH)

    async def resume_job(self, namespace: str, name: str, *, resumed: int) -> None:
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
        meta = {"annotations": {RESUMED_ANNOTATION: str(resumed)}}
        await self._gone_is_fine("PATCH", path, body={"metadata": meta, "spec": {"suspend": False}}, kind=MERGE_PATCH)

    async def delete_job(self, namespace: str, name: str) -> None:
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
        await self._gone_is_fine("DELETE", path, body={"propagationPolicy": "Foreground"})

    async def get_secret(self, namespace: str, name: str) -> Manifest | None:
        return await self._get(f"/api/v1/namespaces/{namespace}/secrets/{name}")

    async def put_secret(self, secret: Manifest, *, exists: bool) -> None:
        folder = f"/api/v1/namespaces/{secret['metadata']['namespace']}/secrets"
        if exists:
            await self._call("PUT", f"{folder}/{secret['metadata']['name']}", body=secret)
        else:
            await self._call("POST", folder, body=secret)

    async def post_event(self, event: Manifest) -> None:
        await self._call("POST", f"/api/v1/namespaces/{event['metadata']['namespace']}/events", body=event)

    async def _get(self, path: str) -> Manifest | None:
        try:
            return await self._call("GET", path)
        except KubeGone:
            return None

    async def _gone_is_fine(self, method: Method, path: str, *, body: Manifest, kind: str = "application/json") -> None:
        try:
            await self._call(method, path, body=body, kind=kind)
        except KubeGone:
            return

    async def _list(self, path: str, query: dict[str, str] | None = None) -> AsyncIterator[Manifest]:
        """Page by page. A token that expired in between (410) ends as KubeConflict: list again."""
        token = ""
        while True:
            more = {"continue": token} if token else {}
            try:
                page = await self._call("GET", path, query={**(query or {}), "limit": str(PAGE_SIZE), **more})
            except KubeGone as error:
                raise KubeRefused(f"the API server does not know {path}: are the CRDs of {GROUP} installed?") from error
            for item in page["items"]:
                yield item
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    async def _call(
        self,
        method: Method,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        if method != "GET":
            query = {**(query or {}), "fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
            if method == "DELETE":
                query = None
        request = await self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": kind},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = await self._api.call_api(*request, _request_timeout=TIMEOUT_SECONDS)
            raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubeUnavailable(f"{method} {path}: {error or type(error).__name__}") from error
        except ApiException as error:
            raise _translated(error.status, f"{method} {path}", error.body) from error
        if response.status >= 400:
            raise _translated(response.status, f"{method} {path}", raw)
        answer: dict[str, Any] = json.loads(raw)
        return answer


def _translated(status: int | None, call: str, body: str | bytes | None) -> Exception:
    try:
        answer = json.loads(body or b"{}")
        said, reason = answer.get("message") or "", answer.get("reason")
    except (ValueError, AttributeError):
        said, reason = str(body)[:200], None
    text = f"{call}: {status} {said}"
    if status == 404:
        return KubeGone(text)
    if reason == "AlreadyExists":
        return AlreadyExists(text)
    if status in (409, 410):
        return KubeConflict(text)
    if status is None or status == 429 or status >= 500:
        return KubeUnavailable(text)
    return KubeRefused(said or text)


def _path(plural: str, key: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{plural}/{key.name}"
