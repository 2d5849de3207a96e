"""Certificates of a throw-away cluster: one authority, the leaves it signs, the service accounts' key pair.

Files are made when missing, about to expire, or when what they must say has changed; otherwise left as they are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a certificate speaks for; Kubernetes reads `name` as the user and `group` as its group."""

    name: str
    group: str | None = None
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPair:
    certificate: Path
    key: Path


class Authority:
    """The cluster's certificate authority in a folder of its own."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.folder = folder
        self._now = now or datetime.now(UTC)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.files = KeyPair(folder / "ca.crt", folder / "ca.key")
        if not self._still_good(self.files):
            _make_authority(self.files, self._now)
        self._certificate = x509.load_pem_x509_certificate(self.files.certificate.read_bytes())
        self._key = _load_key(self.files.key)

    def issue(self, name: str, subject: Subject) -> KeyPair:
        """A certificate for client and server use, as `NAME.crt` and `NAME.key`."""
        files = KeyPair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        if self._still_good(files, lambda certificate: self._says(certificate, subject)):
            return files
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(subject), self._certificate.subject, key.public_key(), self._now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
        )
        if alternatives := _alternative_names(subject):
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        _write(files, key, builder.sign(self._key, hashes.SHA256()))
        return files

    def service_account_keys(self) -> KeyPair:
        """The pair that signs service account tokens; `certificate` is the bare public key."""
        files = KeyPair(self.folder / "service-accounts.pub", self.folder / "service-accounts.key")
        if not (files.key.exists() and files.certificate.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            _write_key(files.key, key)
            files.certificate.write_bytes(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
        return files

    def _still_good(self, files: KeyPair, says: Callable[[x509.Certificate], bool] = lambda _: True) -> bool:
        if not (files.certificate.exists() and files.key.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        return certificate.not_valid_after_utc - self._now > RENEW_BEFORE and says(certificate)

    def _says(self, certificate: x509.Certificate, subject: Subject) -> bool:
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (InvalidSignature, ValueError):  # ValueError: the issuer's name differs
            return False
        try:
            names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except x509.ExtensionNotFound:
            names = []
        return certificate.subject == _name(subject) and names == _alternative_names(subject)


def _make_authority(files: KeyPair, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    # The date in the name keeps a new authority from being taken for the one it replaces.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"webaudit-local {now:%Y-%m-%dT%H:%M:%SZ}")])
    builder = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write(files, key, builder.sign(key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _name(subject: Subject) -> x509.Name:
    group = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.group)] if subject.group else []
    return x509.Name([*group, x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])


def _alternative_names(subject: Subject) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(host) for host in subject.hosts),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in subject.addresses),
    ]


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _write(files: KeyPair, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    _write_key(files.key, key)
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
