"""Revocation lists: what they say, and when they may be used."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from wardgate.pki.crl import REASONS, Revoked, build_crl, check_current, crl_number, of_issuer, revoked_serials
from wardgate.pki.errors import CRLRefused


def test_an_empty_list_is_a_list(world: Any) -> None:
    """It has a number and an end, and nothing on it."""
    crl = world.crl(number=7)
    assert (crl_number(crl), revoked_serials(crl)) == (7, frozenset())
    assert crl.next_update_utc == world.now + timedelta(hours=24)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_is_written(world: Any, reason: str) -> None:
    """The entry has serial, time and reason; `unspecified` is left out (RFC 5280 section 5.3.1)."""
    crl = build_crl(world.issuing, [Revoked(99, world.now, reason)], number=1, now=world.now, validity=timedelta(hours=1))
    entry = crl.get_revoked_certificate_by_serial_number(99)
    assert entry is not None
    assert entry.revocation_date_utc == world.now
    written = [extension.value.reason for extension in entry.extensions]
    assert written == ([] if reason == "unspecified" else [REASONS[reason]])


def test_there_is_no_hold(world: Any) -> None:
    """What could be taken back is not a reason."""
    with pytest.raises(ValueError, match="unknown reason"):
        build_crl(world.issuing, [Revoked(99, world.now, "certificateHold")], number=1, now=world.now, validity=timedelta(1))


def test_the_newest_list_of_the_issuer_counts(world: Any) -> None:
    """Among several, the one that was made last."""
    old, new = world.crl(), world.crl(5, now=world.now + timedelta(hours=1), number=2)
    assert crl_number(of_issuer([new, old], world.issuing.certificate)) == 2


def test_a_list_that_is_not_the_issuers(world: Any, elsewhere: Any) -> None:
    """No list, another authority's, and one signed by another key under the issuer's name are refused."""
    forged = x509.CertificateRevocationListBuilder().issuer_name(world.issuing.certificate.subject)
    forged = forged.last_update(world.now).next_update(world.now + timedelta(days=9))
    signed = forged.sign(elsewhere.issuing.private_key, world.crl().signature_hash_algorithm)
    for lists in ([], [elsewhere.crl()]):
        with pytest.raises(CRLRefused, match="no revocation list of the issuer"):
            of_issuer(lists, world.issuing.certificate)
    with pytest.raises(CRLRefused, match="issuer's signature"):
        of_issuer([signed], world.issuing.certificate)
    with pytest.raises(CRLRefused, match="no number"):
        crl_number(signed)


def test_a_list_has_an_end(world: Any) -> None:
    """Before it begins and from its `nextUpdate` on it may not be used."""
    crl = world.crl(hours=24)
    check_current(crl, world.now)
    check_current(crl, world.now + timedelta(hours=24, seconds=-1))
    for moment in (world.now - timedelta(minutes=6), world.now + timedelta(hours=24)):
        with pytest.raises(CRLRefused):
            check_current(crl, moment)
