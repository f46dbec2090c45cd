"""Time-stamps: those of `openssl ts` are believed and it believes ours; each way in which one is not."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from message_world import DAY, NOW, RSA_KEY, YEAR, World
from time_stamping import TIME_STAMPING, Authority, openssl, openssl_response, over, write_pem
from wardgate.cms import oids
from wardgate.cms.time_stamp import Request, read_request, read_response, read_token, write_request, write_response
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Trust
from wardgate.sealing.time_stamp import check_time_stamp

SIGNATURE = b"what was signed"
DIGEST = hashlib.sha256(SIGNATURE).digest()


@pytest.fixture
def world() -> World:
    """Authorities, and nobody else."""
    return World()


@pytest.fixture
def authority(world: World) -> Authority:
    """One that is believed."""
    return Authority(world).trusted()


def detail(world: World, token: bytes, *, digest: bytes = DIGEST, now: datetime = NOW) -> str:
    """What was found wrong; empty when nothing was. Always the one reason."""
    try:
        check_time_stamp(token, digest, world, now)
    except SealRefused as refused:
        return f"{refused.refusal.expected}: {refused.refusal.received}" if refused.code == "time-stamp-invalid" else ""
    return ""


def test_a_time_stamp_says_when(world: World, authority: Authority) -> None:
    """To the second."""
    assert check_time_stamp(authority.stamp(DIGEST), DIGEST, world, NOW) == NOW


def test_a_time_stamp_without_its_certificate_is_good_when_that_is_at_hand(world: World, authority: Authority) -> None:
    """The directory has it; without, nobody knows whose the signature is."""
    token = authority.token(over(SIGNATURE, certificate_wanted=False))
    assert "no certificate with the digest" in detail(world, token)
    world.time = Trust(world.time.anchors, (*world.time.intermediates, authority.certificate), world.time.revocations)
    assert detail(world, token) == ""


@pytest.mark.parametrize("key", [None, RSA_KEY], ids=["P-256", "RSA"])
def test_a_time_stamp_of_openssl_is_believed(world: World, tmp_path: Path, key: Any) -> None:
    """For our own request, with its nonce; at the machine's time."""
    machine = datetime.now(UTC)
    authority = Authority(world, **({"key": key} if key else {}), changes={"start": machine - DAY, "end": machine + DAY}).trusted()
    response = openssl_response(tmp_path, authority, write_request(over(SIGNATURE, nonce=12345)))
    token = read_response(response)
    world.time = world.believed(world.root.revocations(at=machine - DAY, end=machine + DAY), world.issuing.revocations(at=machine - DAY, end=machine + DAY))
    at = check_time_stamp(token, DIGEST, world, datetime.now(UTC))
    assert abs(at - machine) < timedelta(minutes=1)
    assert read_token(token).nonce == 12345


def test_openssl_believes_ours(world: World, authority: Authority, tmp_path: Path) -> None:
    """`openssl ts -verify`, for the request that openssl made, with its nonce."""
    (tmp_path / "content").write_bytes(SIGNATURE)
    openssl(tmp_path, "ts", "-query", "-data", "content", "-sha256", "-cert", "-out", "query.tsq")


    request = read_request((tmp_path / "query.tsq").read_bytes(), frozenset())
    (tmp_path / "reply.tsr").write_bytes(write_response(authority.token(request)))
    write_pem(tmp_path / "root.pem", world.root.certificate)
    write_pem(tmp_path / "issuing.pem", world.issuing.certificate)
    said = openssl(tmp_path, "ts", "-verify", "-queryfile", "query.tsq", "-in", "reply.tsr", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-attime", str(int(NOW.timestamp())))
    assert b"Verification: OK" in said.stdout


CERTIFICATE_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "no extended key usage": ({"extensions": ()}, "timeStamping"),
    "timeStamping that is not critical": ({"extensions": ((TIME_STAMPING[0], False),)}, "critical: False"),
    "timeStamping and another": ({"extensions": ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CLIENT_AUTH]), True),)}, "and no other"),
    "another": ({"extensions": ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True),)}, "timeStamping"),
    "a key for encryption": ({"usages": ("key_agreement",)}, "key_agreement"),
    "no key usage": ({"usages": ()}, "none"),
    "over before it told the time": ({"changes": {"end": NOW - DAY}}, "an authority in date"),
    "not begun when it told the time": ({"changes": {"start": NOW + timedelta(seconds=1)}}, "an authority in date"),
}


@pytest.mark.parametrize(("made", "found"), CERTIFICATE_ROWS.values(), ids=CERTIFICATE_ROWS)
def test_an_authority_that_may_not_tell_the_time(world: World, made: dict[str, Any], found: str) -> None:
    """RFC 3161 section 2.3."""
    assert found in detail(world, Authority(world, **made).trusted().stamp(DIGEST))


def test_an_authority_that_nobody_trusts_for_the_time(world: World, authority: Authority) -> None:
    """Being trusted for an organisation is another thing."""
    token = authority.stamp(DIGEST)
    world.trusts["X26"], world.time = world.time, Trust()
    assert "trusted to tell the time" in detail(world, token)


def test_a_time_stamp_of_something_else(world: World, authority: Authority) -> None:
    """Over another signature; and over a digest that is not the one asked for."""
    assert "SHA-256" in detail(world, authority.stamp(hashlib.sha256(b"other").digest()))
    assert "sha384" in detail(world, authority.token(Request("sha384", hashlib.sha384(SIGNATURE).digest())))


def test_a_time_stamp_from_the_future(world: World, authority: Authority) -> None:
    """Five minutes ahead may be the clocks."""
    token = authority.stamp(DIGEST)
    assert detail(world, token, now=NOW - timedelta(minutes=5)) == ""
    assert "a time up to" in detail(world, token, now=NOW - timedelta(minutes=5, seconds=1))


def test_a_time_stamp_outlives_its_authoritys_certificate(world: World) -> None:
    """That is what it is for; given a list that was made after it."""
    authority = Authority(world, now=NOW - 2 * DAY, changes={"end": NOW + DAY}).trusted()
    assert detail(world, authority.stamp(DIGEST), now=NOW + 5 * YEAR) == ""


def revoked(world: World, authority: Authority, *entry: Any) -> None:
    """Revoke the authority's certificate at noon yesterday, for a reason."""
    world.time = world.believed(world.root.revocations(), world.issuing.revocations(authority.certificate, since=NOW - DAY, entry=entry))


def test_an_authority_that_was_revoked(world: World) -> None:
    """What it said before is still good where it only stopped, and not where its key may be anybody's."""
    before, after = Authority(world, now=NOW - 2 * DAY), Authority(world)
    stopped, lost = x509.CRLReason(x509.ReasonFlags.cessation_of_operation), x509.CRLReason(x509.ReasonFlags.key_compromise)
    revoked(world, before, stopped)
    assert detail(world, before.stamp(DIGEST)) == ""
    revoked(world, after, stopped)
    assert "revoked from" in detail(world, after.stamp(DIGEST))
    for reason in ([lost], []):
        revoked(world, before, *reason)
        assert "revoked from" in detail(world, before.stamp(DIGEST))


def test_an_authority_of_which_nobody_knows_whether_it_was_revoked(world: World, authority: Authority) -> None:
    """No list."""
    world.time = Trust((world.root.certificate,), (world.issuing.certificate,))
    assert "a current list" in detail(world, authority.stamp(DIGEST))


def test_a_weak_authority(world: World) -> None:
    """RSA of 1024 bits; the signature itself is good."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    authority = Authority(world, key=key).trusted()
    token = authority.token(over(SIGNATURE), algorithm_name="PS256", sign=lambda octets: key.sign(octets, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()))
    assert "2048" in detail(world, token)


def changed(token: bytes, old: bytes, new: bytes) -> bytes:
    """The token with some octets changed."""
    assert token.count(old) >= 1
    return token.replace(old, new)


TAMPERED: dict[str, Any] = {
    "cut short": lambda token: token[:-1],
    "with something after it": lambda token: token + b"\x00",
    "nothing": lambda _: b"",
    "of another time": lambda token: changed(token, b"20260301120000Z", b"20250301120000Z"),
    "of another content": lambda token: changed(token, oids.oid(oids.TST_INFO), oids.oid("1.2.840.113549.1.9.16.1.5")),
    "over a digest that is broken": lambda token: changed(token, oids.oid(oids.SHA256), oids.oid("2.16.840.1.101.3.4.2.9")),
    "whose certificate is not named": lambda token: changed(token, oids.oid(oids.SIGNING_CERTIFICATE_V2), oids.oid("1.2.840.113549.1.9.16.2.48")),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_token_that_was_changed(world: World, authority: Authority, change: Any) -> None:
    """Each change is found."""
    assert detail(world, change(authority.stamp(DIGEST)))
