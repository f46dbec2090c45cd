"""Handshakes with Python's TLS, with our server certificate, trust and lists: who gets in, and why not."""

from typing import Any

import pytest


def test_an_issued_certificate_is_accepted(world: Any) -> None:
    """With the leaf alone or its chain; the client trusts the server by our root."""
    issued, key = world.client()
    assert world.handshake(issued.certificate_pem, key) == "ok"
    assert world.handshake(issued.chain_pem, key, verify_chain=True) == "ok"


def test_no_certificate(world: Any) -> None:
    """The handshake fails."""
    assert world.handshake(None, None) == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


def test_a_revoked_certificate_is_refused(world: Any) -> None:
    """By the list, at the next handshake after revoking; another certificate is still accepted."""
    revoked, key = world.client()
    good, good_key = world.client("other.nhs.uk")
    assert world.handshake(revoked.chain_pem, key) == "ok"
    world.ca.revoke(fingerprint=revoked.certificate.fingerprint, reason="keyCompromise", now=world.now)
    assert world.handshake(revoked.chain_pem, key) == "certificate revoked"
    assert world.handshake(good.chain_pem, good_key) == "ok"


def test_a_self_signed_certificate_is_refused(world: Any) -> None:
    """The right name is not enough."""
    made = world.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={world.name}", "-keyout", "self.key", "-out", "self.pem")
    assert made.returncode == 0
    chain = (world.directory / "self.pem").read_text()
    assert world.handshake(chain, "self.key") == "self-signed certificate"


def test_the_gateways_certificate_is_not_a_clients(world: Any) -> None:
    """A server certificate of ours does not open the mutual-TLS port."""
    mine = world.ca.server_certificate(("gateway.nhs.uk",), world.now)
    world.write("gateway.key", mine.private_key_pem)
    assert world.handshake(mine.chain_pem, "gateway.key") == "unsuitable certificate purpose"


@pytest.mark.parametrize("whole_chain", [False, True], ids=["leaf list", "lists of the chain"])
def test_both_generations_are_accepted_until_the_old_is_retired(world: Any, whole_chain: bool) -> None:
    """Then a certificate of the old one is refused, whether or not it brings its issuer."""
    old, old_key = world.client()
    world.ca.rotate_issuing_ca(world.environment, world.now)
    new, new_key = world.client("new.nhs.uk")
    for issued, key in ((old, old_key), (new, new_key)):
        assert world.handshake(issued.chain_pem, key, verify_chain=whole_chain) == "ok"
    world.ca.retire_issuing_ca("authentication-1", world.now, force=True)
    assert world.handshake(new.chain_pem, new_key, verify_chain=whole_chain) == "ok"
    assert world.handshake(old.chain_pem, old_key, verify_chain=whole_chain) == "unable to get certificate CRL"
    assert world.handshake(old.certificate_pem, old_key, verify_chain=whole_chain) == "unable to get local issuer certificate"
