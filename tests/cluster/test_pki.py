"""Certificates are made once, and again only when they must be."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from webaudit_cluster.pki import LIFETIME, RENEW_BEFORE, Authority, Subject

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SERVER = Subject("server", hosts=("localhost",), addresses=("127.0.0.1",))


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_second_run_changes_no_file(tmp_path: Path) -> None:
    def make() -> dict[str, bytes]:
        authority = Authority(tmp_path, NOW)
        authority.issue("server", SERVER)
        authority.issue("plain", Subject("plain"))
        authority.service_account_keys()
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert make() == make()


def test_the_group_becomes_the_organization(tmp_path: Path) -> None:
    pair = Authority(tmp_path, NOW).issue("admin", Subject("me", group="system:masters"))
    assert certificate(pair.certificate).subject.rfc4514_string() == "CN=me,O=system:masters"


def test_another_address_makes_another_certificate_by_the_same_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path, NOW)
    before = certificate(authority.issue("server", SERVER).certificate)
    moved = Subject("server", hosts=("localhost",), addresses=("127.0.0.1", "192.0.2.7"))
    after = certificate(Authority(tmp_path, NOW).issue("server", moved).certificate)
    assert before.serial_number != after.serial_number
    assert before.issuer == after.issuer


@pytest.mark.parametrize(("left", "renewed"), [(RENEW_BEFORE + timedelta(days=1), False), (timedelta(days=1), True)])
def test_what_is_about_to_expire_is_made_again(tmp_path: Path, left: timedelta, renewed: bool) -> None:
    before = certificate(Authority(tmp_path, NOW).issue("server", SERVER).certificate)
    later = Authority(tmp_path, NOW + LIFETIME - left)
    after = certificate(later.issue("server", SERVER).certificate)
    assert (before.serial_number != after.serial_number) is renewed
    after.verify_directly_issued_by(certificate(later.files.certificate))


def test_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path, NOW)
    keys = [authority.files.key, authority.issue("server", SERVER).key, authority.service_account_keys().key]
    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600] * 3
