"""Message keys from the authority: what their certificates say, who believes them, and what TLS makes of them."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.ca.errors import KeyRefused, NotRenewable
from wardgate.ca.records import SubjectKind
from wardgate.pki import CheckFailed, pem
from wardgate.sealing.keys import MessageKey, Trust, Use
from wardgate.sealing.trust import check_recipient, check_signer, organisations_of
from wardgate.workflows.certified import fault_of
from wardgate.workflows.key_directory import OrganisationKeys, PublishedKeys

KEYS = {"ec": ec.generate_private_key(ec.SECP256R1()), "rsa": rsa.generate_private_key(65537, 2048)}


def certify(world: Any, key: Any, use: Use = Use.SIGNING, kid: str = "x26-sig-1") -> Any:
    """Have a key of X26 certified."""
    return world.ca.certify_message_key(key.public_key(), organisation="X26", use=use, kid=kid, now=world.now)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("use", Use)
def test_a_message_key_is_believed(world: Any, kind: str, use: Use) -> None:
    """By the rules of seals, with our lists at hand; and not when its certificate was revoked."""
    issued = certify(world, KEYS[kind], use)
    leaf, *between = pem.certificates(issued.chain_pem.encode())
    assert (organisations_of(leaf), fault_of(leaf, use, "X26")) == (frozenset({"X26"}), None)
    key = MessageKey("x26-sig-1", "X26", use, leaf)

    def directory() -> PublishedKeys:
        lists = pem.revocation_lists(world.ca.crl_bundle().encode())
        own = Trust(tuple(pem.certificates(world.ca.roots().encode())), tuple(between), tuple(lists))
        return PublishedKeys.of([OrganisationKeys("X26", (key,), Trust())], own)

    def check() -> None:
        if use is Use.SIGNING:
            check_signer(key, directory(), organisation="X26", signed_at=world.now, now=world.now, stamped_at=None)
        else:
            check_recipient(key, directory(), "X26", world.now)

    check()
    world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="keyCompromise", now=world.now)
    with pytest.raises(Exception, match=r"Unauthorised Sender|Unrecognised Recipient"):
        check()
    with pytest.raises(KeyRefused):
        certify(world, KEYS[kind], use, "x26-sig-2")


def test_nothing_takes_it_for_a_client(world: Any) -> None:
    """It has no DNS name, its CN is none, and TLS refuses it by its extended key usage."""
    issued = certify(world, KEYS["ec"])
    leaf = x509.load_pem_x509_certificate(issued.certificate_pem.encode())
    assert " " in str(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    assert not leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    (world.directory / "message.key").write_bytes(KEYS["ec"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert world.handshake(issued.chain_pem, "message.key") != "ok"


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 1024)], ids=["another curve", "a weak key"])  # noqa: S505 - weak on purpose
def test_a_key_that_is_not_certified(world: Any, key: Any) -> None:
    """By its kind."""
    with pytest.raises(CheckFailed):
        certify(world, key)


def test_a_message_key_is_neither_asked_for_nor_renewed(world: Any) -> None:
    """Its commands make and rotate it."""
    issued = certify(world, KEYS["ec"])
    assert issued.certificate.subject_kind == SubjectKind.MESSAGES
    with pytest.raises(NotRenewable, match="rotated, not renewed"):
        world.ca.renew(now=world.now, fingerprint=issued.certificate.fingerprint, early=True)
    csr, _ = world.csr("x26")
    with pytest.raises(ValueError, match="not certified on request"):
        world.ca.issue_from_csr(csr, subject_kind=SubjectKind.MESSAGES, subject="X26", expected_name="x26", now=world.now)
