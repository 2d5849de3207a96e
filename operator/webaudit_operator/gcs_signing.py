"""Who signs upload URLs: a service-account key, the client's own credentials, or IAM's signBlob on their behalf.

Nothing here touches the bucket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import google.auth.credentials
import google.auth.exceptions
import google.auth.iam
from google.auth.credentials import Credentials, Signing
from google.auth.transport import Request
from google.auth.transport.requests import Request as HttpRequest
from google.oauth2.service_account import Credentials as KeyCredentials

from webaudit_operator.blobs import BlobsMisconfigured


class IamCredentials(Signing):
    """Signs by IAM's signBlob: one HTTPS call per URL, with the role Token Creator on the account itself.

    Only good for signing; requests are made with the credentials it was made from.
    """

    def __init__(self, email: str, credentials: Credentials, request: Request) -> None:
        self._email = email
        self._signer = google.auth.iam.Signer(request, credentials, email)

    def sign_bytes(self, message: bytes) -> bytes:
        signature: bytes = self._signer.sign(message)
        return signature

    @property
    def signer_email(self) -> str:
        return self._email

    @property
    def signer(self) -> Any:
        return self._signer


def signing_credentials(credentials: Credentials, key_file: Path | None, request: Request | None = None) -> Signing:
    """The key file where there is one, else the credentials themselves, else IAM on their behalf.

    May ask the metadata server for the account's name. Raises BlobsMisconfigured when nothing can sign;
    google.auth.exceptions.TransportError when the metadata server does not answer.
    """
    if key_file is not None:
        return _from_key(key_file)
    if isinstance(credentials, Signing):
        return credentials
    request = request or HttpRequest()
    if getattr(credentials, "service_account_email", None) == "default":
        credentials.refresh(request)  # Compute Engine: only the metadata server knows the account
    email = getattr(credentials, "service_account_email", None)
    if not email:
        raise BlobsMisconfigured(
            "there is no key to sign upload URLs with: set WEBAUDIT_SIGNING_KEY_FILE to a service-account key, "
            "or run with credentials of a service account"
        )
    return IamCredentials(email, credentials, request)


def _from_key(path: Path) -> Signing:
    try:
        credentials: Signing = KeyCredentials.from_service_account_file(str(path))
    except OSError as error:
        raise BlobsMisconfigured(f"WEBAUDIT_SIGNING_KEY_FILE: cannot read {path}: {error.strerror}") from error
    except (ValueError, google.auth.exceptions.GoogleAuthError) as error:
        words = " ".join(str(error).split())
        raise BlobsMisconfigured(f"WEBAUDIT_SIGNING_KEY_FILE: {path} is not a service-account key ({words})") from error
    return credentials
