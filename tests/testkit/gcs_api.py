"""The JSON API, the signed part of the XML API and batches: requests in, answers out, no sockets.

What the server does not know it refuses (501), so that no test passes on a parameter that was overlooked.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from testkit import gcs_signature
from testkit.gcs_signature import Arrived
from testkit.gcs_state import Bucket, Conditions, GcsObject, Refused, crc32c, md5

BATCH_LIMIT = 100
_COMMON = {"fields", "prettyPrint", "projection", "alt"}
_CONDITIONS = {"ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch"}
_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^/]+)(/restore)?")
_OBJECTS = re.compile(r"/storage/v1/b/([^/]+)/o")
_UPLOAD = re.compile(r"/(?:upload|resumable/upload)/storage/v1/b/([^/]+)/o")
_BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
_BATCH = "/batch/storage/v1"
_XML = re.compile(r"/([^/]+)/(.+)")


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def is_json(path: str) -> bool:
    """Whether the path belongs to the JSON API; else it is a bucket's name of the XML API."""
    return path.startswith(("/storage/", "/upload/", "/download/", "/batch/"))


@dataclass
class Api:
    buckets: dict[str, Bucket]
    keys: Mapping[str, RSAPublicKey]
    now: Callable[[], datetime]
    on_part: Callable[[str, str], Answer | None] = lambda method, target: None
    """Hears of each call in a batch, and may answer it in the bucket's place."""

    def answer(self, request: Arrived, body: bytes) -> Answer:
        as_json = is_json(request.raw_path)
        try:
            return self._json(request, body) if as_json else self._xml(request, body)
        except Refused as refusal:
            return json_error(refusal) if as_json else xml_error(refusal)

    # --- JSON API

    def _json(self, request: Arrived, body: bytes) -> Answer:
        path, method = request.raw_path, request.method
        query = {name: values[-1] for name, values in parse_qs(request.raw_query, keep_blank_values=True).items()}
        if path == _BATCH and method == "POST":
            return self._batch(request, body)
        if match := _UPLOAD.fullmatch(path):
            return self._insert(self._bucket(match[1]), request, query, body)
        if match := _OBJECT.fullmatch(path):
            return self._object(self._bucket(match[1]), unquote(match[2]), bool(match[3]), request, query, body)
        if (match := _OBJECTS.fullmatch(path)) and method == "GET":
            return self._list(self._bucket(match[1]), query)
        if (match := _BUCKET.fullmatch(path)) and method == "GET":
            _known(query, set())
            return _ok(bucket_resource(self._bucket(match[1])))
        raise Refused(501, "notImplemented", f"{method} {path} is not known to this server")

    def _bucket(self, quoted: str) -> Bucket:
        try:
            return self.buckets[unquote(quoted)]
        except KeyError:
            raise Refused(404, "notFound", "The specified bucket does not exist.", "NoSuchBucket") from None

    def _object(
        self, bucket: Bucket, name: str, restoring: bool, request: Arrived, query: dict[str, str], body: bytes
    ) -> Answer:
        _known(query, _CONDITIONS | {"generation", "softDeleted"})
        generation = int(query["generation"]) if "generation" in query else None
        conditions = _conditions(query)
        if restoring and request.method == "POST" and generation is not None:
            return _ok(object_resource(bucket, bucket.restore(name, generation, conditions)))
        if request.method == "DELETE":
            bucket.delete(name, generation=generation, conditions=conditions)
            return Answer(204)
        dead = _flag(query.get("softDeleted"))
        found = bucket.get(name, generation=generation, conditions=conditions, soft_deleted=dead)
        if request.method == "GET":
            return _media(found, request) if query.get("alt") == "media" else _ok(object_resource(bucket, found))
        if request.method == "PATCH":
            _patch(found, json.loads(body))
            return _ok(object_resource(bucket, found))
        raise Refused(501, "notImplemented", f"{request.method} of an object is not known to this server")

    def _list(self, bucket: Bucket, query: dict[str, str]) -> Answer:
        _known(query, {"prefix", "pageToken", "maxResults", "softDeleted"})
        found = list(bucket.listed(query.get("prefix", ""), soft_deleted=_flag(query.get("softDeleted"))))
        if token := query.get("pageToken"):
            last = base64.urlsafe_b64decode(token).decode()
            found = [each for each in found if each.name > last]
        most = min(int(query.get("maxResults", "1000")), 1000)
        page = found[:most]
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if page:
            answer["items"] = [object_resource(bucket, each) for each in page]
        if len(found) > most:
            answer["nextPageToken"] = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
        return _ok(answer)

    def _insert(self, bucket: Bucket, request: Arrived, query: dict[str, str], body: bytes) -> Answer:
        _known(query, _CONDITIONS | {"uploadType", "name", "contentEncoding"})
        kind = query.get("uploadType")
        about: dict[str, Any] = {}
        content_type = request.headers.get("content-type", "application/octet-stream")
        if kind == "multipart":
            first, second = _parts(content_type, body)
            about = json.loads(_payload(first))
            content_type, body = second.get_content_type(), _payload(second)
        elif kind != "media":
            raise Refused(501, "notImplemented", f"uploadType={kind} is not known to this server")
        for name, found in (("crc32c", crc32c(body)), ("md5Hash", md5(body))):
            if about.get(name, found) != found:
                raise Refused(400, "invalid", f'Provided {name} "{about[name]}" doesn\'t match calculated "{found}".')
        stored = bucket.put(
            about.get("name") or query["name"],
            body,
            about.get("contentType") or content_type,
            content_encoding=about.get("contentEncoding") or query.get("contentEncoding"),
            conditions=_conditions(query),
        )
        return _ok(object_resource(bucket, stored))

    def _batch(self, request: Arrived, body: bytes) -> Answer:
        parts = _parts(request.headers["content-type"], body)
        if len(parts) > BATCH_LIMIT:
            raise Refused(400, "badRequest", f"The batch request has {len(parts)} calls, more than {BATCH_LIMIT}.")
        boundary = "batch_answers"
        lines: list[bytes] = []
        for part in parts:
            answer = self._call(request, _payload(part))
            answer.headers.setdefault("Content-Length", str(len(answer.body)))
            lines += [
                f"--{boundary}".encode(),
                b"Content-Type: application/http",
                f"Content-ID: <response-{(part['Content-ID'] or '').strip('<>')}>".encode(),
                b"",
                f"HTTP/1.1 {answer.status} {'OK' if answer.status < 300 else 'Refused'}".encode(),
                *(f"{name}: {value}".encode() for name, value in answer.headers.items()),
                b"",
                answer.body,
            ]
        lines.append(f"--{boundary}--".encode())
        return Answer(200, b"\r\n".join(lines), {"Content-Type": f"multipart/mixed; boundary={boundary}"})

    def _call(self, batch: Arrived, text: bytes) -> Answer:
        """One call inside a batch: a request line, headers, a body."""
        first, _, rest = text.lstrip().partition(b"\n")
        method, target, *_ = first.decode().split()
        inner = BytesParser().parsebytes(rest)
        path, _, query = re.sub(r"^https?://[^/]+", "", target).partition("?")
        headers = {name.lower(): value for name, value in inner.items()}
        told = self.on_part(method, f"{path}?{query}" if query else path)
        if told is not None:
            return told
        call = replace(batch, method=method, raw_path=path, raw_query=query, headers=headers)
        return self.answer(call, _payload(inner))

    # --- XML API

    def _xml(self, request: Arrived, body: bytes) -> Answer:
        match = _XML.fullmatch(request.raw_path)
        if match is None:
            raise Refused(501, "notImplemented", f"{request.raw_path} is not known to this server")
        bucket, name = self._bucket(match[1]), unquote(match[2])
        if not gcs_signature.is_signed(request):
            raise Refused(403, "forbidden", "Anonymous caller does not have access to this object.", "AccessDenied")
        gcs_signature.verify(request, self.keys, self.now())
        if request.method == "PUT":
            return self._signed_put(bucket, name, request, body)
        if request.method == "GET":
            return _media(bucket.get(name), request)
        raise Refused(501, "notImplemented", f"signed {request.method} is not known to this server")

    def _signed_put(self, bucket: Bucket, name: str, request: Arrived, body: bytes) -> Answer:
        headers = request.headers
        if "content-length" not in headers and "transfer-encoding" not in headers:
            raise Refused(411, "required", "You must provide the Content-Length HTTP header.", "MissingContentLength")
        if allowed := headers.get("x-goog-content-length-range"):
            least, most = (int(part) for part in allowed.split(","))
            if len(body) < least:
                raise Refused(400, "badRequest", "Your proposed upload is smaller than allowed.", "EntityTooSmall")
            if len(body) > most:
                raise Refused(400, "badRequest", "Your proposed upload exceeds the maximum size.", "EntityTooLarge")
        _check_hashes(headers, body)
        stored = bucket.put(
            name,
            body,
            headers.get("content-type", "application/octet-stream"),
            content_encoding=headers.get("content-encoding"),
            conditions=Conditions(
                generation_match=_number(headers.get("x-goog-if-generation-match")),
                metageneration_match=_number(headers.get("x-goog-if-metageneration-match")),
            ),
        )
        return Answer(200, headers=_object_headers(stored))


def _known(query: Mapping[str, str], names: set[str]) -> None:
    if unknown := set(query) - names - _COMMON:
        raise Refused(501, "notImplemented", f"parameters not known to this server: {', '.join(sorted(unknown))}")


def _stamp(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


def _flag(text: str | None) -> bool:
    return (text or "").lower() == "true"  # Google's client sends "True"


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _conditions(query: Mapping[str, str]) -> Conditions:
    return Conditions(
        _number(query.get("ifGenerationMatch")),
        _number(query.get("ifGenerationNotMatch")),
        _number(query.get("ifMetagenerationMatch")),
    )


def _check_hashes(headers: Mapping[str, str], body: bytes) -> None:
    claims = dict(claim.strip().split("=", 1) for claim in headers.get("x-goog-hash", "").split(",") if claim)
    if "content-md5" in headers:
        claims["md5"] = headers["content-md5"]
    for kind, found in (("crc32c", crc32c(body)), ("md5", md5(body))):
        if claims.get(kind, found) != found:
            message = f"The {kind.upper()} you specified did not match what we computed."
            raise Refused(400, "invalid", message, "BadDigest")


def _patch(found: GcsObject, changes: dict[str, Any]) -> None:
    fields = {"temporaryHold": "temporary_hold", "eventBasedHold": "event_based_hold"}
    if unknown := set(changes) - set(fields) - {"metadata"}:
        raise Refused(501, "notImplemented", f"metadata not known to this server: {', '.join(sorted(unknown))}")
    for name, value in (changes.pop("metadata", None) or {}).items():
        if value is None:
            found.metadata.pop(name, None)
        else:
            found.metadata[name] = str(value)
    for name, value in changes.items():
        setattr(found, fields[name], bool(value))
    found.metageneration += 1


def _parts(content_type: str, body: bytes) -> list[Message]:
    whole = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = whole.get_payload()
    assert isinstance(parts, list)
    return [part for part in parts if isinstance(part, Message)]


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _ok(resource: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(resource).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def _object_headers(found: GcsObject) -> dict[str, str]:
    return {
        "x-goog-generation": str(found.generation),
        "x-goog-metageneration": str(found.metageneration),
        "x-goog-hash": f"crc32c={found.crc32c},md5={found.md5}",
        "x-goog-stored-content-length": str(len(found.body)),
        "x-goog-stored-content-encoding": found.content_encoding or "identity",
        "ETag": f'"{found.md5}"',
    }


def _media(found: GcsObject, request: Arrived) -> Answer:
    headers = _object_headers(found) | {"Content-Type": found.content_type}
    if found.content_encoding:
        headers["Content-Encoding"] = found.content_encoding
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if wanted is None:
        return Answer(200, found.body, headers)
    start, end = int(wanted[1]), int(wanted[2] or len(found.body) - 1)
    if start >= len(found.body):
        raise Refused(416, "requestedRangeNotSatisfiable", "The requested range cannot be satisfied.", "InvalidRange")
    part = found.body[start : end + 1]
    headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(found.body)}"
    return Answer(206, part, headers)


def bucket_resource(bucket: Bucket) -> dict[str, Any]:
    resource: dict[str, Any] = {"kind": "storage#bucket", "id": bucket.name, "name": bucket.name, "location": "EU"}
    if bucket.retention_period is not None:
        resource["retentionPolicy"] = {"retentionPeriod": str(int(bucket.retention_period.total_seconds()))}
    if bucket.soft_delete is not None:
        seconds = str(int(bucket.soft_delete.total_seconds()))
        resource["softDeletePolicy"] = {"retentionDurationSeconds": seconds}
    return resource


def object_resource(bucket: Bucket, found: GcsObject) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{bucket.name}/{found.name}/{found.generation}",
        "name": found.name,
        "bucket": bucket.name,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "contentType": found.content_type,
        "size": str(len(found.body)),
        "md5Hash": found.md5,
        "crc32c": found.crc32c,
        "timeCreated": _stamp(found.created),
        "updated": _stamp(found.created),
    }
    if found.content_encoding:
        resource["contentEncoding"] = found.content_encoding
    if found.metadata:
        resource["metadata"] = dict(found.metadata)
    if found.temporary_hold:
        resource["temporaryHold"] = True
    if found.event_based_hold:
        resource["eventBasedHold"] = True
    if bucket.retention_period is not None:
        resource["retentionExpirationTime"] = _stamp(found.created + bucket.retention_period)
    if found.soft_deleted_at is not None and bucket.soft_delete is not None:
        resource["softDeleteTime"] = _stamp(found.soft_deleted_at)
        resource["hardDeleteTime"] = _stamp(found.soft_deleted_at + bucket.soft_delete)
    return resource


def json_error(refusal: Refused) -> Answer:
    detail = {"domain": "global", "reason": refusal.reason, "message": refusal.message}
    body = {"error": {"code": refusal.status, "message": refusal.message, "errors": [detail]}}
    return Answer(refusal.status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def xml_error(refusal: Refused) -> Answer:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{refusal.code}</Code>"
    body += f"<Message>{escape(refusal.message)}</Message></Error>"
    return Answer(refusal.status, body.encode(), {"Content-Type": "application/xml; charset=UTF-8"})
