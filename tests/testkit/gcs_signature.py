"""Checks V4 signatures the way the service does: the canonical request is rebuilt from what really arrived. No state.

Source: Google Cloud Storage, "V4 signing process with your own program" and "Canonical requests".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from testkit.gcs_state import Refused

ALGORITHM = "GOOG4-RSA-SHA256"
MAX_SECONDS = 7 * 24 * 3600
MAX_SKEW = timedelta(minutes=15)
_QUERY = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


@dataclass(frozen=True)
class Arrived:
    """A request as it came over the wire: the path still percent-encoded, header names in lower case."""

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]


def is_signed(request: Arrived) -> bool:
    return "X-Goog-Signature=" in request.raw_query


def verify(request: Arrived, keys: Mapping[str, RSAPublicKey], now: datetime) -> None:
    """Raises Refused unless a known key has signed exactly this request for this time."""
    query = parse_qsl(request.raw_query, keep_blank_values=True)
    given = dict(query)
    missing = [name for name in _QUERY if f"X-Goog-{name}" not in given]
    if missing:
        raise _malformed(f"X-Goog-{missing[0]} is missing")
    if given["X-Goog-Algorithm"] != ALGORITHM:
        raise _malformed(f"the algorithm {given['X-Goog-Algorithm']} is not {ALGORITHM}")
    email, scope = _credential(given["X-Goog-Credential"])
    signed_at = _time(given["X-Goog-Date"])
    if scope.split("/")[0] != f"{signed_at:%Y%m%d}":
        raise _malformed("the credential's date is not the date of X-Goog-Date")
    signed_headers = given["X-Goog-SignedHeaders"].split(";")
    _check_headers(request, signed_headers)
    canonical = "\n".join(
        (
            request.method,
            request.raw_path,
            _canonical_query(query),
            "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed_headers),
            ";".join(signed_headers),
            request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    message = "\n".join((ALGORITHM, given["X-Goog-Date"], scope, digest))
    try:
        signature = bytes.fromhex(given["X-Goog-Signature"])
        keys[email].verify(signature, message.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (KeyError, ValueError, InvalidSignature):
        raise Refused(
            403,
            "forbidden",
            "The request signature we calculated does not match the signature you provided. "
            f"Check your Google secret key and signing method. StringToSign: {message}",
            "SignatureDoesNotMatch",
        ) from None
    _check_time(signed_at, given["X-Goog-Expires"], now)


def _credential(text: str) -> tuple[str, str]:
    email, _, scope = text.partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[2:] != ["storage", "goog4_request"]:
        raise _malformed(f"the credential scope {scope} is not DATE/LOCATION/storage/goog4_request")
    return email, scope


def _check_headers(request: Arrived, signed: list[str]) -> None:
    if "host" not in signed:
        raise _malformed("host is not among the signed headers")
    if signed != sorted(signed) or any(name != name.lower() for name in signed):
        raise _malformed("the signed headers are not in lower case and sorted")
    absent = [name for name in signed if name not in request.headers]
    # An extension header that nobody signed could change what the URL allows.
    surplus = [name for name in request.headers if name.startswith("x-goog-") and name not in signed]
    if absent or surplus:
        raise Refused(
            403,
            "forbidden",
            f"The signed headers are not those of the request: {', '.join(absent + surplus)}",
            "SignatureDoesNotMatch" if absent else "AccessDenied",
        )


def _canonical_query(query: list[tuple[str, str]]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Goog-Signature")


def _check_time(signed_at: datetime, expires: str, now: datetime) -> None:
    if not expires.isdigit() or not 0 < int(expires) <= MAX_SECONDS:
        raise _malformed(f"X-Goog-Expires {expires} is not between 1 and {MAX_SECONDS} seconds")
    if signed_at - now > MAX_SKEW:
        raise Refused(403, "forbidden", "The URL is signed for a time to come.", "RequestTimeTooSkewed")
    ends = signed_at + timedelta(seconds=int(expires))
    if now > ends:
        raise Refused(
            400,
            "badRequest",
            f"The provided token has expired. Request signature expired at: {ends.isoformat()}",
            "ExpiredToken",
        )


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _malformed(f"X-Goog-Date {text} is not YYYYMMDD'T'HHMMSS'Z'") from None


def _malformed(message: str) -> Refused:
    return Refused(400, "badRequest", message, "AuthenticationRequired" if "missing" in message else "InvalidArgument")
