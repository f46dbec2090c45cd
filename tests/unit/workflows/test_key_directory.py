"""The directory of message keys: how keys are found, whom they are believed by, and what our own authority says of them."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes

from simulators.message_authority import NOW, MessageAuthority, new_key, pem_of
from wardgate.pki.errors import MalformedPEM
from wardgate.sealing.keys import State, Trust, Use
from wardgate.workflows.certified import fault_of
from wardgate.workflows.key_directory import OrganisationKeys, PublishedKeys, read_keys
from wardgate.workflows.model import MessageKeys, PublishedKey

OURS, THEIRS = MessageAuthority("Ours"), MessageAuthority("Theirs")
OWN = Trust((OURS.certificate,), (), ())
ENCRYPTION = ("key_agreement",)


def published(kid: str, use: Use = Use.SIGNING, authority: MessageAuthority = OURS, organisation: str = "X26", **changes: object) -> PublishedKey:
    """A key as a document states it."""
    usages = ("digital_signature",) if use is Use.SIGNING else ENCRYPTION
    certificate = pem_of(authority.certify(organisation, new_key().public_key(), usages))
    return PublishedKey.model_validate({"kid": kid, "use": use, "certificate": certificate, **changes})


def read(*keys: PublishedKey, organisation: str = "X26", **changes: object) -> OrganisationKeys:
    """A document, read."""
    return read_keys(MessageKeys.model_validate({"organisation": organisation, "keys": keys, **changes}))


def test_a_key_that_two_organisations_have_is_nobodys() -> None:
    """By its id or by its certificate: whoever comes last must not take another's place, whatever checked the documents before."""
    ours, same = published("one"), published("other")
    theirs = same.model_copy(update={"kid": "one"})
    other = ours.model_copy(update={"kid": "two"})
    for first, second in ((ours, theirs), (ours, other)):
        directory = PublishedKeys.of([read(first), read(second, organisation="RY6")], OWN)
        made = read(first).keys[0]
        found = directory.key(first.kid), directory.by_certificate(made.certificate.fingerprint(hashes.SHA256()))
        assert None in found
        assert all(one is None or one.organisation == "X26" for one in found)


def test_keys_are_found_by_id_and_by_certificate() -> None:
    """In whatever state; what nobody published is not found."""
    made = read(published("one"), published("two", state="retired"), published("three", state="revoked", revoked_at=NOW))
    directory = PublishedKeys.of([made], OWN)
    for key in made.keys:
        assert directory.key(key.kid) == directory.by_certificate(key.certificate.fingerprint(hashes.SHA256())) == key
    assert [directory.keys[kid].state for kid in ("one", "two", "three")] == [State.PUBLISHED, State.RETIRED, State.REVOKED]
    assert directory.key("four") is directory.by_certificate(bytes(32)) is None


def test_messages_are_sealed_to_the_newest_published_encryption_key() -> None:
    """Signing keys, and those that are retired or revoked, are not among them."""
    later = MessageAuthority("Later", NOW + timedelta(hours=1))
    made = read(published("old", Use.ENCRYPTION), published("new", Use.ENCRYPTION, later), published("signs"),
                published("retired", Use.ENCRYPTION, state="retired"), published("revoked", Use.ENCRYPTION, state="revoked", revoked_at=NOW))
    directory = PublishedKeys.of([made], OWN)
    assert [key.kid for key in directory.encryption_keys("X26")] == ["new", "old"]
    assert directory.encryption_keys("RY6") == ()


def test_who_is_believed() -> None:
    """Our own authorities where a document states none, and then only those it states; nobody for an organisation without a document."""
    crl = THEIRS.revocations()
    directory = PublishedKeys.of([
        read(published("ours")), read(published("theirs", authority=THEIRS, organisation="RY6"), organisation="RY6", anchors=THEIRS.pem, revocations=crl)], OWN, OWN)
    assert directory.trust("X26") == OWN
    assert directory.trust("RY6").anchors == (THEIRS.certificate,)
    assert len(directory.trust("RY6").revocations) == 1
    assert directory.trust("Z9X") == Trust()
    assert directory.time_authorities() == OWN


def test_what_lies_between_is_at_hand() -> None:
    """Certificates that follow a key's own."""
    leaf = published("one")
    made = read(leaf.model_copy(update={"certificate": leaf.certificate + THEIRS.pem}))
    assert PublishedKeys.of([made], OWN).trust("X26").intermediates == (THEIRS.certificate,)


def test_a_certificate_that_our_authority_took_back_is_revoked() -> None:
    """From the earlier of the two times on, and for good."""
    made = read(published("one"), published("two", Use.ENCRYPTION), published("three", state="revoked", revoked_at=NOW))
    prints = [key.certificate.fingerprint(hashes.SHA256()).hex() for key in made.keys]
    earlier = NOW - timedelta(days=1)
    directory = PublishedKeys.of([made], OWN, revoked=dict.fromkeys(prints, earlier))
    assert {(key.state, key.revoked_at) for key in directory.keys.values()} == {(State.REVOKED, earlier)}
    assert directory.encryption_keys("X26") == ()
    late = PublishedKeys.of([made], OWN, revoked={prints[2]: NOW + timedelta(days=1)})
    assert late.keys["three"].revoked_at == NOW


def test_what_cannot_be_read() -> None:
    """Is refused when it is read: no check of the manifest lets it through."""
    with pytest.raises(MalformedPEM):
        read(PublishedKey(kid="one", use=Use.SIGNING, certificate="none"))


@pytest.mark.parametrize(("kind", "usages", "use", "fault"), [
    ("ec", ("digital_signature",), Use.SIGNING, None), ("p384", ("digital_signature",), Use.SIGNING, None), ("rsa", ("digital_signature",), Use.SIGNING, None),
    ("ec", ("key_agreement",), Use.ENCRYPTION, None), ("rsa", ("key_encipherment",), Use.ENCRYPTION, None), ("rsa", ("data_encipherment",), Use.ENCRYPTION, None),
    ("ec", ("key_encipherment",), Use.ENCRYPTION, "its key usage is keyEncipherment, where encryption needs keyAgreement"),
    ("ec", ("key_agreement", "crl_sign"), Use.SIGNING, "its key usage is cRLSign, keyAgreement, where signing needs digitalSignature"),
    ("p384", ("key_agreement",), Use.ENCRYPTION, "its key is on the curve secp384r1, not on secp256r1"),
    ("weak", ("digital_signature",), Use.SIGNING, "its RSA key has 1024 bits, fewer than 2048"),
])
def test_what_a_certificate_can_be(kind: str, usages: tuple[str, ...], use: Use, fault: str | None) -> None:
    """A key for signing, for encryption, or neither."""
    assert fault_of(OURS.certify("X26", new_key(kind).public_key(), usages), use, "X26") == fault
