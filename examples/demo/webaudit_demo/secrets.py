"""The demo's two Secrets, made on the spot and kept by later runs. Pure builders: nothing is applied here."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

DATABASE_SECRET = "demo-database"
SIGNING_SECRET = "demo-signing-key"
DATABASE_KEY = "url"
SIGNING_KEY = "key.json"
USER = DATABASE = "webaudit"


def database_secret(namespace: str) -> dict[str, Any]:
    """The variables of the PostgreSQL image, and the URL that the operator reads."""
    password = secrets.token_urlsafe(24)
    return _secret(
        DATABASE_SECRET,
        namespace,
        {
            "POSTGRES_USER": USER,
            "POSTGRES_PASSWORD": password,
            "POSTGRES_DB": DATABASE,
            DATABASE_KEY: f"postgresql://{USER}:{password}@postgres.{namespace}.svc:5432/{DATABASE}",
        },
    )


def signing_secret(namespace: str) -> dict[str, Any]:
    """A service-account key of nobody: enough to sign upload URLs, good for no other bucket in the world."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": namespace,
        "private_key_id": secrets.token_hex(20),
        "private_key": key.decode(),
        "client_email": f"signer@{namespace}.iam.gserviceaccount.com",
        "client_id": "0",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return _secret(SIGNING_SECRET, namespace, {SIGNING_KEY: json.dumps(account)})


def _secret(name: str, namespace: str, values: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }
