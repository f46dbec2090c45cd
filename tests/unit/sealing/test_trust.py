"""Who is believed: every way in which a key of the directory is not, and when a time-stamp changes that."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from message_world import DAY, NOW, RSA_KEY, YEAR, Authority, World, common_name, issuing, ods, root
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import MessageKey, State, Trust, Use
from wardgate.sealing.trust import check_recipient, check_signer, organisations_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    """Authorities, and nobody else yet."""
    return World()


def signer(world: World, **changes: Any) -> MessageKey:
    """A signing key of X26."""
    return world.keys[world.add("X26", Use.SIGNING, **changes).kid]


def recipient(world: World, **changes: Any) -> MessageKey:
    """An encryption key of RY6."""
    return world.keys[world.add("RY6", Use.ENCRYPTION, **changes).kid]


def refusal(world: World, key: MessageKey, *, organisation: str = "X26", signed_at: datetime = NOW, now: datetime = NOW, stamped_at: datetime | None = None) -> str | None:
    """The code that the key is refused with as a signer's, None when it is believed."""
    try:
        check_signer(key, world, organisation=organisation, signed_at=signed_at, now=now, stamped_at=stamped_at)
    except SealRefused as refused:
        return refused.code
    return None


def use_refusal(world: World, key: MessageKey, organisation: str = "RY6") -> SealRefused | None:
    """The refusal of the key as a recipient's."""
    try:
        check_recipient(key, world, organisation, NOW)
    except SealRefused as refused:
        return refused
    return None


@pytest.mark.parametrize("private", [None, RSA_KEY, ed25519.Ed25519PrivateKey.generate()], ids=["P-256", "RSA", "Ed25519"])
def test_an_organisations_own_key_is_believed(world: World, private: Any) -> None:
    """In date, certified for the organisation, not revoked."""
    assert refusal(world, signer(world, private=private)) is None


def test_a_retired_key_still_verifies(world: World) -> None:
    """What it signed is not undone by a newer key."""
    assert refusal(world, signer(world, state=State.RETIRED)) is None


SIGNER_ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "asked for another organisation": ({}, {"organisation": "RY6"}, "signer-organisation"),
    "the certificate names another organisation": ({"names": [ods("RY6")]}, {}, "signer-organisation"),
    "the certificate names none": ({"names": []}, {}, "signer-organisation"),
    "the certificate names it as a prefix": ({"names": [ods("X26A")]}, {}, "signer-organisation"),
    "no digitalSignature": ({"usages": ("key_agreement",)}, {}, "signer-key-usage"),
    "contentCommitment alone": ({"usages": ("content_commitment",)}, {}, "signer-key-usage"),
    "no key usage at all": ({"usages": ()}, {}, "signer-key-usage"),
    "an authority's key": ({"usages": ("digital_signature", "key_cert_sign")}, {}, "signer-key-usage"),
    "for serving TLS only": ({"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]}, {}, "signer-key-usage"),
    "for telling the time only": ({"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)]}, {}, "signer-key-usage"),
    "over when it signed and now": ({"end": NOW - DAY}, {}, "signer-expired"),
    "over since it signed, without a time-stamp": ({"end": NOW - DAY}, {"signed_at": NOW - 2 * DAY}, "signer-expired"),
    "not yet begun when it signed": ({"start": NOW - DAY}, {"signed_at": NOW - 2 * DAY}, "signer-expired"),
    "over when it was time-stamped": ({"end": NOW - 2 * DAY}, {"signed_at": NOW - 3 * DAY, "stamped_at": NOW - DAY}, "signer-expired"),
    "signed after the time-stamp": ({}, {"signed_at": NOW, "stamped_at": NOW - 6 * MINUTE}, "time-stamp-invalid"),
    "revoked in the directory": ({"state": State.REVOKED, "revoked_at": NOW - DAY}, {}, "signer-revoked"),
    "revoked in the directory before the time-stamp": ({"state": State.REVOKED, "revoked_at": NOW - DAY}, {"stamped_at": NOW}, "signer-revoked"),
    "revoked in the directory, nobody knows when": ({"state": State.REVOKED}, {"stamped_at": NOW}, "signer-revoked"),
}


@pytest.mark.parametrize(("made", "asked", "code"), SIGNER_ROWS.values(), ids=SIGNER_ROWS)
def test_a_signer_that_is_not_believed(world: World, made: dict[str, Any], asked: dict[str, Any], code: str) -> None:
    """Each row is a key or a question that is refused with its own reason."""
    assert refusal(world, signer(world, **made), **asked) == code


BELIEVED_ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "for e-mail": ({"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)]}, {}),
    "over since it was time-stamped": ({"end": NOW - DAY}, {"signed_at": NOW - 2 * DAY, "stamped_at": NOW - 2 * DAY}),
    "revoked in the directory after the time-stamp": ({"state": State.REVOKED, "revoked_at": NOW - MINUTE}, {"signed_at": NOW - DAY, "stamped_at": NOW - 2 * MINUTE}),
    "a clock that is a little ahead of the time-stamp's": ({}, {"signed_at": NOW, "stamped_at": NOW - 5 * MINUTE}),
}


@pytest.mark.parametrize(("made", "asked"), BELIEVED_ROWS.values(), ids=BELIEVED_ROWS)
def test_a_signer_that_is_believed(world: World, made: dict[str, Any], asked: dict[str, Any]) -> None:
    """Each row is near one that is refused."""
    assert refusal(world, signer(world, **made), **asked) is None


def test_an_encryption_key_signs_nothing(world: World) -> None:
    """One key has one use, whatever its certificate says."""
    held = world.add("X26", Use.ENCRYPTION, usages=("digital_signature", "key_agreement"))
    assert refusal(world, world.keys[held.kid]) == "signer-key-usage"


def test_an_authority_that_is_trusted_for_another_organisation_is_not_for_this_one(world: World) -> None:
    """Trust is given for each organisation; one that nobody trusts for anything has none."""
    key = signer(world)
    world.trusts = {"RY6": world.believed(), "X26": Trust((root().certificate,), (), ())}
    assert refusal(world, key) == "signer-untrusted"
    world.trusts.pop("X26")
    assert refusal(world, key) == "signer-untrusted"


def test_a_path_through_a_certificate_that_is_no_authority(world: World) -> None:
    """Whoever has a certificate cannot make others (RFC 5280 section 4.2.1.9)."""
    middle = world.add("X26", Use.SIGNING)
    forged = issuing(world.issuing)
    forged = type(forged)(middle.certificate, middle.private)
    key = signer(world, by=forged)
    world.trusts["X26"] = Trust((world.root.certificate,), (world.issuing.certificate, middle.certificate), (world.root.revocations(), world.issuing.revocations()))
    assert refusal(world, key) == "signer-untrusted"


def test_a_weak_key_is_not_believed(world: World) -> None:
    """RSA of 1024 bits."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    assert refusal(world, signer(world, private=weak)) == "signer-untrusted"


def listed(world: World, key: MessageKey, **changes: Any) -> None:
    """Revoke the key in its authority's list."""
    world.trusts["X26"] = world.believed(world.root.revocations(), world.issuing.revocations(key.certificate, **changes))


def test_a_certificate_on_its_authoritys_list_is_refused_whenever_it_claims_to_have_signed(world: World) -> None:
    """Nobody but the signer says that it signed before."""
    key = signer(world)
    listed(world, key, since=NOW - DAY)
    assert refusal(world, key) == "signer-revoked"
    assert refusal(world, key, signed_at=NOW - 2 * DAY) == "signer-revoked"


def test_a_time_stamp_from_before_the_revocation_keeps_a_signature_good(world: World) -> None:
    """From the revocation on it does not."""
    key = signer(world)
    listed(world, key, since=NOW - 2 * DAY)
    assert refusal(world, key, signed_at=NOW - 3 * DAY, stamped_at=NOW - 2 * DAY - MINUTE) is None
    assert refusal(world, key, signed_at=NOW - 3 * DAY, stamped_at=NOW - 2 * DAY) == "signer-revoked"


def test_a_key_that_was_known_to_others_before_it_was_revoked_is_bad_since_then(world: World) -> None:
    """RFC 5280 section 5.3.2: invalidityDate counts, not only the day of revocation."""
    key = signer(world)
    known = x509.InvalidityDate((NOW - 5 * DAY).replace(tzinfo=None))
    listed(world, key, since=NOW - 2 * DAY, entry=[known])
    assert refusal(world, key, signed_at=NOW - 6 * DAY, stamped_at=NOW - 3 * DAY) == "signer-revoked"
    assert refusal(world, key, signed_at=NOW - 7 * DAY, stamped_at=NOW - 6 * DAY) is None


def test_a_revoked_authority_takes_its_certificates_along(world: World) -> None:
    """Every certificate of the path is looked for."""
    key = signer(world)
    world.trusts["X26"] = world.believed(world.root.revocations(world.issuing.certificate), world.issuing.revocations())
    assert refusal(world, key) == "signer-revoked"


PARTIAL = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)


def part(url: str) -> x509.IssuingDistributionPoint:
    """The scope of a list that an authority gives out in parts, by where the part is found."""
    return x509.IssuingDistributionPoint([x509.UniformResourceIdentifier(url)], None, False, False, None, False, False)


def found_at(url: str) -> tuple[x509.CRLDistributionPoints, bool]:
    """What a certificate says of where its authority's list is."""
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)]), False


LIST_ROWS: dict[str, dict[str, Any]] = {
    "one that is over": {"at": NOW - 2 * DAY, "end": NOW - DAY},
    "one that has not begun": {"at": NOW + MINUTE},
    "one that another key signed": {"key": RSA_KEY},
    "one that is about authorities only": {"extensions": [(PARTIAL, True)]},
    "changes to another list only": {"extensions": [(x509.DeltaCRLIndicator(1), True)]},
    "one part of a list": {"extensions": [(part("http://crl.test/2"), True)]},
    "one with a critical extension that nobody knows": {"extensions": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]},
}


@pytest.mark.parametrize("changes", LIST_ROWS.values(), ids=LIST_ROWS)
def test_a_list_that_does_not_count(world: World, changes: dict[str, Any]) -> None:
    """Nobody knows then whether the certificate was revoked."""
    key = signer(world)
    world.trusts["X26"] = world.believed(world.root.revocations(), world.issuing.revocations(**changes))
    assert refusal(world, key) == "signer-revocation-unknown"


def test_only_the_part_of_a_list_that_a_certificate_names_counts(world: World) -> None:
    """An authority may give its list out in parts (RFC 5280 section 6.3.3): another part does not say that a certificate is good."""
    key = signer(world, extensions=[found_at("http://crl.test/1")])
    for at, revoked, code in (("1", (), None), ("2", (), "signer-revocation-unknown"), ("1", (key.certificate,), "signer-revoked")):
        lists = world.issuing.revocations(*revoked, extensions=[(part(f"http://crl.test/{at}"), True)])
        world.trusts["X26"] = world.believed(world.root.revocations(), lists)
        assert refusal(world, key) == code


CONSTRAINED: dict[str, x509.NameConstraints] = {
    "to names of another host": x509.NameConstraints([x509.UniformResourceIdentifier("rqm.test")], None),
    "to subjects of another unit": x509.NameConstraints([x509.DirectoryName(common_name("x", "RQM"))], None),
    "to none of these": x509.NameConstraints(None, [x509.UniformResourceIdentifier(".")]),
}


@pytest.mark.parametrize("constraints", CONSTRAINED.values(), ids=CONSTRAINED)
def test_an_authority_whose_names_are_constrained(world: World, constraints: x509.NameConstraints) -> None:
    """Constraints on what an organisation is named by are not passed over: such a path is refused."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = world.root.sign(common_name("Constrained"), key.public_key(), "key_cert_sign", "crl_sign", authority=True, extensions=[(constraints, True)])
    made = signer(world, by=Authority(certificate, key))
    world.trusts["X26"] = Trust((world.root.certificate,), (certificate,), (world.root.revocations(), Authority(certificate, key).revocations()))
    assert refusal(world, made) == "signer-untrusted"


def test_without_a_list_nobody_knows(world: World) -> None:
    """No list of the issuer; and none of the authority above it."""
    key = signer(world)
    world.trusts["X26"] = world.believed(world.root.revocations())
    assert refusal(world, key) == "signer-revocation-unknown"
    world.trusts["X26"] = world.believed(world.issuing.revocations())
    assert refusal(world, key) == "signer-revocation-unknown"


def test_a_list_that_is_over_still_revokes(world: World) -> None:
    """A newer, empty one does not undo that: authorities forget what is over."""
    key = signer(world)
    old = world.issuing.revocations(key.certificate, at=NOW - 9 * DAY, end=NOW - 8 * DAY)
    world.trusts["X26"] = world.believed(world.root.revocations(), world.issuing.revocations(), old)
    assert refusal(world, key) == "signer-revoked"


def test_a_list_made_after_the_time_stamp_is_good_for_ever(world: World) -> None:
    """It said all there was to say about the moment; one from before the time-stamp did not."""
    key = signer(world, end=NOW + 30 * DAY)
    later = NOW + 5 * YEAR
    assert refusal(world, key, signed_at=NOW - 2 * DAY, stamped_at=NOW - 2 * DAY, now=later) is None
    assert refusal(world, key, signed_at=NOW, stamped_at=NOW, now=later) == "signer-revocation-unknown"


def test_an_authority_that_may_not_sign_lists(world: World) -> None:
    """RFC 5280 section 6.3.3 (f)."""
    below = issuing(world.root, "No Lists", ("key_cert_sign",))
    key = signer(world, by=below)
    world.trusts["X26"] = Trust((world.root.certificate,), (below.certificate,), (world.root.revocations(), below.revocations()))
    assert refusal(world, key) == "signer-revocation-unknown"


def test_the_organisations_of_a_certificate(world: World) -> None:
    """By URI, with what may follow the code; without any URI by organizational unit; nothing else that looks like a code."""
    key = RSA_KEY.public_key()
    uris = [ods("RY6:WARD3"), x509.UniformResourceIdentifier("urn:NHS-UK:addressing:ODS:x26"), x509.UniformResourceIdentifier("https://A81001"), x509.DNSName("b82001.nhs.uk")]
    assert organisations_of(world.issuing.sign(common_name("a", "P84009"), key, names=uris)) == {"RY6", "X26"}
    assert organisations_of(world.issuing.sign(common_name("P84009", "P84009", "People"), key, names=[x509.DNSName("x.nhs.uk")])) == {"P84009"}
    assert organisations_of(world.issuing.sign(common_name("P84009"), key)) == frozenset()
    assert organisations_of(world.issuing.sign(common_name("a"), key, names=[ods("RY6\nX26")])) == frozenset()


@pytest.mark.parametrize(("private", "usage"), [(None, "key_agreement"), (RSA_KEY, "key_encipherment"), (RSA_KEY, "data_encipherment"), (x25519.X25519PrivateKey.generate(), "key_agreement")])
def test_a_recipients_key_is_used(world: World, private: Any, usage: str) -> None:
    """For what its certificate says."""
    assert use_refusal(world, recipient(world, private=private, usages=(usage,))) is None


RECIPIENT_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "RSA for key agreement": ({"private": RSA_KEY, "usages": ("key_agreement",)}, "key_agreement"),
    "P-256 for key encipherment": ({"usages": ("key_encipherment",)}, "key_encipherment"),
    "a key for signatures": ({"usages": ("digital_signature",)}, "digital_signature"),
    "no key usage": ({"usages": ()}, "no key usage"),
    "Ed25519": ({"private": ed25519.Ed25519PrivateKey.generate(), "usages": ("key_agreement",)}, "key_agreement"),
    "over": ({"end": NOW - DAY}, "in date from"),
    "not begun": ({"start": NOW + DAY}, "in date from"),
    "retired": ({"state": State.RETIRED}, "retired"),
    "revoked": ({"state": State.REVOKED}, "revoked"),
    "of another organisation": ({"names": [ods("X26")]}, "X26"),
}


@pytest.mark.parametrize(("made", "found"), RECIPIENT_ROWS.values(), ids=RECIPIENT_ROWS)
def test_a_recipients_key_that_is_not_used(world: World, made: dict[str, Any], found: str) -> None:
    """One reason for all, and what was found beside it."""
    refused = use_refusal(world, recipient(world, **made))
    assert refused is not None
    assert refused.code == "recipient-key-unusable"
    assert found in str(refused.refusal.received)


def test_a_recipients_key_is_certified_and_not_revoked(world: World) -> None:
    """As a signer's is; and a signing key is none to encrypt to."""
    key = recipient(world)
    world.trusts["RY6"] = world.believed(world.root.revocations(), world.issuing.revocations(key.certificate))
    assert str(getattr(use_refusal(world, key), "code", None)) == "recipient-key-unusable"
    world.trusts["RY6"] = Trust()
    assert str(getattr(use_refusal(world, key), "code", None)) == "recipient-key-unusable"
    signing = world.keys[world.add("RY6", Use.SIGNING, usages=("digital_signature", "key_agreement")).kid]
    assert str(getattr(use_refusal(world, signing), "code", None)) == "recipient-key-unusable"
