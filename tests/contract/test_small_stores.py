"""Signing keys, certificates, quotas, data planes and values, on every database."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from wardgate.audit import Event
from wardgate.stores import AlreadyExists, Stores
from wardgate.stores.ports import (
    Authority,
    DataPlane,
    IssuedCertificate,
    IssuedCRL,
    QuotaCount,
    SigningKey,
)
from wardgate.stores.sql.engine import Database

PEM = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def certificate(now: datetime) -> IssuedCertificate:
    """A certificate of demo-app."""
    return IssuedCertificate(
        "ab" * 32, "0f" * 8, "issuing", "demo.example.nhs.uk", "application", "demo-app", now, now + timedelta(days=1095), "PEM"
    )


def test_signing_keys_by_use(stores: Stores, again: Stores, event: Event, now: datetime, database: Database) -> None:
    """A key comes back by its use, sealed at rest; its retirement is kept."""
    key = SigningKey("k1", "access-token", PEM, now, now)
    stores.signing_keys.add(key, event)
    stores.signing_keys.add(replace(key, kid="k2", use="audit"), event)
    assert list(again.signing_keys.all("access-token")) == [key]
    again.signing_keys.retire("k1", now + timedelta(days=1))
    assert list(stores.signing_keys.all("access-token")) == [replace(key, verify_until=now + timedelta(days=1))]
    assert stores.generation.current() == 3
    with database.engine.connect() as connection:
        assert b"c2VjcmV0" not in bytes(connection.execute(text("SELECT sealed FROM signing_keys LIMIT 1")).scalar_one())


@pytest.mark.parametrize("clash", [{"sign_from": None}, {"kid": "k2"}], ids=["the same kid", "the same moment"])
def test_a_signing_key_that_clashes_is_refused(stores: Stores, event: Event, now: datetime, clash: dict[str, str | None]) -> None:
    """One key per kid, and per use and moment: of two processes that rotate at once, one wins."""
    key = SigningKey("k1", "access-token", PEM, now, now)
    stores.signing_keys.add(key, event)
    other = replace(key, kid="k2") if "kid" in clash else replace(key, sign_from=now + timedelta(days=1))
    with pytest.raises(AlreadyExists):
        stores.signing_keys.add(other, event)
    assert list(stores.signing_keys.all("access-token")) == [key]


def test_authorities(stores: Stores, again: Stores, now: datetime) -> None:
    """An authority's key comes back in clear; a name is taken once; retirement is kept."""
    root = Authority("root", None, "CERT", PEM, now)
    issuing = Authority("issuing", "root", "CERT2", PEM, now + timedelta(seconds=1))
    stores.certificates.add_authority(root)
    stores.certificates.add_authority(issuing)
    assert list(again.certificates.authorities()) == [root, issuing]
    with pytest.raises(AlreadyExists):
        again.certificates.add_authority(root)
    stores.certificates.retire_authority("issuing", now)
    assert again.certificates.authorities()[1].retired == now
    assert again.generation.current() == 3


def test_certificates(stores: Stores, again: Stores, certificate: IssuedCertificate, event: Event, now: datetime) -> None:
    """A certificate is found by its serial and revoked once."""
    stores.certificates.add(certificate, event)
    assert list(again.certificates.find(serial=certificate.serial)) == [certificate]
    assert list(again.certificates.find(serial="00")) == []
    assert list(again.certificates.revoked(now)) == []
    assert again.certificates.revoke(certificate.fingerprint, now, "keyCompromise", event) is True
    assert again.certificates.revoke(certificate.fingerprint, now + timedelta(days=1), "unspecified", event) is False
    assert again.certificates.revoke("cd" * 32, now, "unspecified", event) is False
    revoked = replace(certificate, revoked_at=now, revocation_reason="keyCompromise")
    assert list(stores.certificates.all()) == [revoked]
    assert list(stores.certificates.revoked(certificate.not_after - timedelta(seconds=1))) == [revoked]
    assert list(stores.certificates.revoked(certificate.not_after)) == []


@pytest.mark.parametrize("wanted", [
    {"fingerprint": "ab" * 32}, {"serial": "0f" * 8}, {"name": "demo.example.nhs.uk"}, {"authority": "issuing"},
    {"subject": ("application", "demo-app")}, {"name": "demo.example.nhs.uk", "authority": "issuing"},
], ids="+".join)
def test_certificates_are_found_by_what_they_are(
    stores: Stores, certificate: IssuedCertificate, event: Event, wanted: dict[str, Any]
) -> None:
    """Each condition alone finds one of two; what fits neither finds nothing."""
    other = IssuedCertificate("cd" * 32, "0e" * 8, "issuing-2", "other.example.nhs.uk", "system", "demo-app", certificate.not_before,
                              certificate.not_after, "PEM")
    for one in (certificate, other):
        stores.certificates.add(one, event)
    assert list(stores.certificates.find(**wanted)) == [certificate]
    assert list(stores.certificates.find(**wanted | {"serial": other.serial})) == ([other] if wanted == {"serial": certificate.serial} else [])
    assert (stores.generation.current(), len(stores.audit.last(9))) == (2, 2)


@pytest.mark.parametrize("change", [{"serial": "1a"}, {"fingerprint": "cd" * 32}], ids=["fingerprint", "serial"])
def test_a_certificate_is_added_once(stores: Stores, certificate: IssuedCertificate, event: Event, change: dict[str, str]) -> None:
    """Neither a fingerprint nor a serial may come twice."""
    stores.certificates.add(certificate, event)
    with pytest.raises(AlreadyExists):
        stores.certificates.add(replace(certificate, **change), event)


def test_crl_numbers_only_rise(stores: Stores, again: Stores, event: Event, now: datetime) -> None:
    """A newer list replaces the one before; an equal or lower number is refused (RFC 5280 section 5.2.3)."""
    crl = IssuedCRL("issuing", 5, now, now + timedelta(days=1), "PEM")
    stores.certificates.put_crl(crl, event)
    stores.certificates.put_crl(replace(crl, number=6), event)
    for number in (6, 5):
        with pytest.raises(AlreadyExists, match="number 6"):
            again.certificates.put_crl(replace(crl, number=number), event)
    assert list(again.certificates.crls()) == [replace(crl, number=6)]
    assert again.generation.current() == 2


def test_quota_windows(stores: Stores, now: datetime) -> None:
    """Counts add up per window; windows that are over are not counted and are purged."""
    hour = QuotaCount("demo-app", "hello", 3600, now, 3)
    day = QuotaCount("", "hello", 86_400, now, 1)
    stores.audit.append_from("log", 1, [], [hour, hour, day])
    assert [(c.application, c.used) for c in stores.quotas.used(now)] == [("", 1), ("demo-app", 6)]
    later = now + timedelta(seconds=3600)
    assert list(stores.quotas.used(later)) == [day]
    assert stores.quotas.purge(later) == 1
    assert list(stores.quotas.used(now)) == [day]
    assert stores.generation.current() == 0


def test_data_planes_keep_the_newest_word(stores: Stores, again: Stores, now: datetime) -> None:
    """A node's later confirmation replaces its earlier one."""
    stores.data_planes.confirm(DataPlane("b", 1, now, "rejected: no listener"))
    stores.data_planes.confirm(DataPlane("a", 2, now))
    stores.data_planes.confirm(DataPlane("b", 2, now + timedelta(seconds=1)))
    assert list(again.data_planes.all()) == [DataPlane("a", 2, now), DataPlane("b", 2, now + timedelta(seconds=1))]


def test_values_are_set_once(stores: Stores, again: Stores, database: Database) -> None:
    """The first value holds for everyone, and is sealed."""
    assert stores.values.get("monitoring-key") is None
    assert stores.values.set_if_absent("monitoring-key", "clear-text-1") == "clear-text-1"
    assert again.values.set_if_absent("monitoring-key", "clear-text-2") == "clear-text-1"
    assert again.values.get("monitoring-key") == "clear-text-1"
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT sealed FROM installation_values")).scalars()
        assert all(b"clear-text" not in bytes(row) for row in rows)
