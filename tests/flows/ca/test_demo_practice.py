"""The demo's surgery: a certificate of our authority, kept until it is due, and lists that are always the newest."""

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.demo.samples import PRACTICE_FQDN
from wardgate.server.demo_practice import PracticeTLS


def material(world: Any, trust: str | None = None) -> TLSMaterial:
    """What the gateway's TLS ends have at this moment."""
    known = world.ca.client_trust()
    return TLSMaterial("", "", trust if trust is not None else known.authorities, known.crls)


def leaf(directory: Path) -> x509.Certificate:
    """The certificate that is shown."""
    return x509.load_pem_x509_certificates((directory / "practice-chain.pem").read_bytes())[0]


def test_made_once(world: Any) -> None:
    """A second start takes the same certificate, whose key is its owner's only; before there is one, nothing listens."""
    first = PracticeTLS(world.directory, world.ca)
    with pytest.raises(LookupError):
        first.context()
    first.reload(material(world), world.now)
    found = leaf(world.directory)
    assert found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [PRACTICE_FQDN]
    assert (world.directory / "practice-key.pem").stat().st_mode & 0o777 == 0o600
    second = PracticeTLS(world.directory, world.ca)
    second.reload(material(world), world.now)
    assert leaf(world.directory) == found
    context = second.context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.verify_flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


def test_made_anew_when_it_is_due(world: Any) -> None:
    """Sixty days ahead of its end, and when its issuer is trusted no more."""
    practice = PracticeTLS(world.directory, world.ca)
    practice.reload(material(world), world.now)
    first = leaf(world.directory)
    practice.reload(material(world), first.not_valid_after_utc - timedelta(days=61))
    assert leaf(world.directory) == first
    practice.reload(material(world, world.ca.roots()), world.now)
    second = leaf(world.directory)
    assert second != first
    (world.directory / "practice-key.pem").unlink()
    practice.reload(material(world), world.now)
    assert leaf(world.directory) not in {first, second}


def test_lists_are_taken_over(world: Any) -> None:
    """A new list of the authority is one that the next handshake asks."""
    practice = PracticeTLS(world.directory, world.ca)
    practice.reload(material(world), world.now)
    before = practice._current
    practice.reload(material(world), world.now)
    assert practice._current is before
    issued, _ = world.client()
    world.ca.revoke(reason="unspecified", now=world.now, fingerprint=issued.certificate.fingerprint)
    practice.reload(material(world), world.now)
    assert practice._current is not before
