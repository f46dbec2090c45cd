"""Revocation by the authority: lists that follow at once, are renewed at half their life, and lose nothing."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from wardgate.audit.model import Event, EventType
from wardgate.ca import CertificateAuthority
from wardgate.ca.errors import (
    CertificateNotFound,
    CRLPublicationFailed,
    KeyRefused,
    NotRevocable,
)
from wardgate.ca.records import SubjectKind
from wardgate.stores import StoreUnavailable

DAY = timedelta(days=1)


def test_revoking_renews_the_list_at_once(world: Any) -> None:
    """The serial number is on the next list, whose number is higher, and the fingerprint is among the revoked."""
    issued, _ = world.client()
    before = world.ca.crl("authentication-1").number
    (revoked,) = world.ca.revoke(serial=issued.certificate.serial.upper(), reason="keyCompromise", now=world.now)
    assert (revoked.fingerprint, revoked.revocation_reason) == (issued.certificate.fingerprint, "keyCompromise")
    crl = world.ca.crl("authentication-1")
    loaded = x509.load_pem_x509_crl(crl.pem.encode())
    assert crl.number == before + 1
    assert [entry.serial_number for entry in loaded] == [int(issued.certificate.serial, 16)]
    assert world.ca.revoked_fingerprints(world.now) == {issued.certificate.fingerprint}
    assert world.ca.revoked_fingerprints(issued.certificate.not_after) == frozenset()
    assert [kind for kind, _ in world.events()][-2:] == ["CertificateRevoked", "CRLIssued"]
    again = world.ca.revoke(serial=issued.certificate.serial, reason="superseded", now=world.now + DAY / 24)
    assert again == (revoked,)
    assert world.ca.crl("authentication-1").number == crl.number


def test_revoking_by_name_takes_every_good_certificate(world: Any) -> None:
    """Both certificates of a renewed name; then there is none left."""
    first, _ = world.client()
    second, _ = world.client()
    world.client("other.nhs.uk")
    revoked = world.ca.revoke(name=world.name, reason="cessationOfOperation", now=world.now)
    assert {c.fingerprint for c in revoked} == {first.certificate.fingerprint, second.certificate.fingerprint}
    with pytest.raises(CertificateNotFound):
        world.ca.revoke(name=world.name, reason="cessationOfOperation", now=world.now)


def test_what_cannot_be_revoked(world: Any) -> None:
    """Unknown certificates, unknown reasons, authorities; and a choice must be one choice."""
    issued, _ = world.client()
    root = next(c for c in world.ca.certificates() if c.name == "root-1")
    with pytest.raises(CertificateNotFound):
        world.ca.revoke(fingerprint="00" * 32, reason="superseded", now=world.now)
    with pytest.raises(NotRevocable, match="a reason is one of"):
        world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="certificateHold", now=world.now)
    with pytest.raises(NotRevocable, match="retired"):
        world.ca.revoke(fingerprint=root.fingerprint, reason="superseded", now=world.now)
    with pytest.raises(CertificateNotFound):
        world.ca.revoke(name="root-1", reason="superseded", now=world.now)
    for choice in ({}, {"name": world.name, "serial": "1"}):
        with pytest.raises(ValueError, match="one of them"):
            world.ca.revoke(reason="superseded", now=world.now, **choice)


def test_a_compromised_key_is_not_certified_again(world: Any) -> None:
    """A key that was revoked as compromised is refused, under any name; a new one is welcome."""
    issued, key = world.client()
    world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="keyCompromise", now=world.now)
    csr, _ = world.csr("new.nhs.uk", key)
    with pytest.raises(KeyRefused):
        world.ca.issue_from_csr(csr, subject_kind=SubjectKind.SYSTEM, subject="200000000116", expected_name="new.nhs.uk", now=world.now)
    world.client("new.nhs.uk")


def test_lists_are_renewed_at_half_their_life(world: Any) -> None:
    """Nothing before; all of them after; and at once when a revocation was stored but not published."""
    start = world.now
    assert world.ca.publish_crls(start + timedelta(hours=11)) == ()
    assert [crl.number for crl in world.ca.publish_crls(start + timedelta(hours=13))] == [2, 2]
    issued, _ = world.client()
    unpublished = Event(EventType.CERTIFICATE_REVOKED, start)
    world.stores.certificates.revoke(issued.certificate.fingerprint, start, "superseded", unpublished)
    assert [crl.authority for crl in world.ca.publish_crls(start + timedelta(hours=13))] == ["authentication-1"]


def test_an_entry_leaves_the_list_after_its_certificate_is_over(world: Any) -> None:
    """It stays one list's life beyond the end (RFC 5280 section 3.3)."""
    issued, _ = world.client()
    world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="superseded", now=world.now)
    end = issued.certificate.not_after
    for moment, entries in ((end + DAY / 2, 1), (end + 2 * DAY, 0)):
        world.ca.publish_crls(moment)
        assert len(x509.load_pem_x509_crl(world.ca.crl("authentication-1").pem.encode())) == entries


def test_publication_failure_is_an_alarm(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Every authority is tried, the failure names those that were not renewed, and health shows them overdue."""

    class Refusing:
        """The store, but lists of one authority cannot be written."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def put_crl(self, crl: Any, event: Any) -> None:
            if crl.authority == "root-1":
                raise StoreUnavailable("disk full")
            self.inner.put_crl(crl, event)

    ca = CertificateAuthority(Refusing(world.stores.certificates), world.stores.values, world.settings)
    later = world.now + timedelta(hours=20)
    with caplog.at_level(logging.ERROR, "wardgate.ca"), pytest.raises(CRLPublicationFailed) as failed:
        ca.publish_crls(later)
    assert failed.value.failed == {"root-1": "StoreUnavailable"}
    assert "the revocation list of root-1 was not renewed" in caplog.text
    assert {row.authority: row.overdue for row in ca.crl_health(later)} == {"root-1": True, "authentication-1": False}


def test_concurrent_publication_loses_no_revocation(world: Any) -> None:
    """Several processes revoke at once; the last list has every one of them."""
    issued = [world.client(f"n{number}.nhs.uk")[0].certificate for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda c: world.another().revoke(fingerprint=c.fingerprint, reason="superseded", now=world.now), issued))
    listed = {entry.serial_number for entry in x509.load_pem_x509_crl(world.ca.crl("authentication-1").pem.encode())}
    assert listed == {int(c.serial, 16) for c in issued}
