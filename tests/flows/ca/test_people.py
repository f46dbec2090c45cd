"""Smartcards from the authority: issued, recorded without saying whose, renewed, revoked."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.ca.errors import KeyRefused, NotRenewable
from wardgate.ca.records import SubjectKind
from wardgate.pki import CheckFailed

USER = "Aal3"
DAY = timedelta(days=1)


def card(world: Any, key: str | None = None, **changes: Any) -> Any:
    """A smartcard and its key's file."""
    csr, used = world.csr(USER, key)
    wanted = {"subject_kind": SubjectKind.USER, "subject": USER, "expected_name": USER, "now": world.now, "person": "Greta Nowak"}
    return world.ca.issue_from_csr(csr, **(wanted | changes)), used


def test_a_card_is_issued_and_accepted_by_tls(world: Any) -> None:
    """By a server that trusts our authorities and looks at our lists; the record has whom it is for."""
    issued, key = card(world)
    found = issued.certificate
    assert (found.subject_kind, found.subject, found.name) == ("user", USER, USER.lower())
    assert world.handshake(issued.chain_pem, key) == "ok"
    assert found.not_after - world.now < timedelta(days=world.settings.client_validity_days + 1)


def test_nobody_is_named_in_the_record(world: Any) -> None:
    """Issuing and revoking say the kind and a keyed hash."""
    issued, _ = card(world)
    world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="superseded", now=world.now)
    bodies = [record.body for record in world.stores.audit.last(10) if issued.certificate.serial in record.body]
    assert len(bodies) == 2
    for body in bodies:
        assert '"subject_kind":"user"' in body
        assert "hmac_sha256" in body
        assert USER.lower() not in body.lower()


def test_a_card_is_renewed_for_the_same_person(world: Any) -> None:
    """With its key or with a new one, in the last days, keeping the name for people."""
    issued, key = card(world)
    with pytest.raises(NotRenewable, match="may be renewed from"):
        world.ca.renew(now=world.now, name=USER)
    late = issued.certificate.not_after - 10 * DAY
    again = world.ca.renew(now=late, name=USER)
    subjects = {x509.load_pem_x509_certificate(one.certificate_pem.encode()).subject.rfc4514_string() for one in (issued, again)}
    assert subjects == {"CN=Greta Nowak (smartcard),UID=Aal3,OU=People,O=Wardgate"}
    old = load_pem_private_key((world.directory / key).read_bytes(), None).public_key()
    assert x509.load_pem_x509_certificate(again.certificate_pem.encode()).public_key() == old
    csr, _ = world.csr(USER)
    new = world.ca.renew(now=late, fingerprint=issued.certificate.fingerprint, csr=csr)
    assert x509.load_pem_x509_certificate(new.certificate_pem.encode()).public_key() != old
    assert new.certificate.subject == USER
    other, _ = world.csr("Aal4")
    with pytest.raises(CheckFailed):
        world.ca.renew(now=late, fingerprint=issued.certificate.fingerprint, csr=other)


def test_every_card_of_a_person_is_revoked_by_name(world: Any) -> None:
    """In any case of letters; a key that was given away is not certified again; TLS refuses it at once."""
    issued, key = card(world)
    card(world)
    assert world.handshake(issued.chain_pem, key) == "ok"
    assert len(world.ca.revoke(name="aAL3", reason="keyCompromise", now=world.now)) == 2
    assert world.handshake(issued.chain_pem, key) == "certificate revoked"
    assert issued.certificate.fingerprint in world.ca.revoked_fingerprints(world.now)
    with pytest.raises(KeyRefused):
        card(world, key)


def test_a_request_for_somebody_else(world: Any) -> None:
    """Is not certified."""
    with pytest.raises(CheckFailed):
        card(world, subject="Aal4", expected_name="Aal4")
