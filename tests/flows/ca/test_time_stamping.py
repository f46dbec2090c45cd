"""The environment's time-stamping authority over HTTP, as `openssl ts` and our client use it."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from wardgate.ca.time_stamping import POLICY
from wardgate.catalogue import Environment
from wardgate.client.time_stamp import TimeStampAuthority, TimeStampUnavailable
from wardgate.cms import oids
from wardgate.cms.time_stamp import Request, read_token, write_request
from wardgate.pki import der
from wardgate.sealing import detached
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import State, Trust, Use
from wardgate.sealing.model import Context, Signed, Statement
from wardgate.sealing.private_keys import PrivateSigningKey
from wardgate.sealing.time_stamp import check_time_stamp
from wardgate.server.message_keys import directory_of_keys
from wardgate.workflows.model import MessageKeys, PublishedKey

DIGEST = hashlib.sha256(b"a signature").digest()
QUERY = "application/timestamp-query"


class Clocks:
    """A directory that trusts the environment's authorities about the time."""

    def __init__(self, world: Any) -> None:
        roots = x509.load_pem_x509_certificates(world.ca.roots().encode())
        between = [c for c in x509.load_pem_x509_certificates(world.ca.trust_bundle().encode()) if c not in roots]
        lists = [x509.load_pem_x509_crl(f"-----BEGIN X509 CRL{pem}".encode()) for pem in world.ca.crl_bundle().split("-----BEGIN X509 CRL")[1:]]
        self._trust = Trust(tuple(roots), tuple(between), tuple(lists))

    def time_authorities(self) -> Trust:
        """`KeyDirectory`."""
        return self._trust


def asked(server: str, body: bytes, kind: str = QUERY) -> httpx2.Response:
    """What the endpoint answers."""
    return httpx2.post(f"{server}/pki/tsa", content=body, headers={"Content-Type": kind})


def test_our_client_gets_a_time_stamp_that_is_believed(world: Any, server: str) -> None:
    """By a certificate of its own, which is kept: the second time-stamp is by the same one, with another serial number."""
    before = datetime.now(UTC).replace(microsecond=0)
    authority = TimeStampAuthority(f"{server}/pki/tsa", policy=POLICY)
    first, second = authority.stamp(DIGEST), authority.stamp(DIGEST)
    authority.close()
    assert before <= check_time_stamp(first, DIGEST, Clocks(world), datetime.now(UTC)) <= datetime.now(UTC)
    one, other = read_token(first), read_token(second)
    assert one.serial != other.serial
    assert one.tail.certificates == other.tail.certificates
    (certificate,) = map(x509.load_der_x509_certificate, one.tail.certificates)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert (list(usage.value), usage.critical) == ([ExtendedKeyUsageOID.TIME_STAMPING], True)
    issued = [details for _, details in world.events() if details.get("profile") == "time-stamping"]
    assert len(issued) == 1


def test_a_revoked_time_stamping_certificate_is_replaced(world: Any, server: str) -> None:
    """Nobody believes what it said, and the next time-stamp is by another."""
    authority = TimeStampAuthority(f"{server}/pki/tsa")
    first = authority.stamp(DIGEST)
    (encoded,) = read_token(first).tail.certificates
    world.ca.revoke(serial=f"{x509.load_der_x509_certificate(encoded).serial_number:x}", reason="keyCompromise", now=world.now)
    with pytest.raises(SealRefused):
        check_time_stamp(first, DIGEST, Clocks(world), datetime.now(UTC))
    second = authority.stamp(DIGEST)
    authority.close()
    assert check_time_stamp(second, DIGEST, Clocks(world), datetime.now(UTC)) <= datetime.now(UTC)


def test_openssl_ts_asks_and_verifies(world: Any, server: str) -> None:
    """The query of `openssl ts`, and its verdict on the reply."""
    (world.directory / "content").write_bytes(b"a letter")
    world.openssl("ts", "-query", "-data", "content", "-sha256", "-cert", "-out", "query.tsq")
    answer = asked(server, (world.directory / "query.tsq").read_bytes())
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "application/timestamp-reply", "no-store")
    (world.directory / "reply.tsr").write_bytes(answer.content)
    world.write("root.pem", world.ca.roots())
    world.write("bundle.pem", world.ca.trust_bundle())
    done = world.openssl("ts", "-verify", "-queryfile", "query.tsq", "-in", "reply.tsr", "-CAfile", "root.pem", "-untrusted", "bundle.pem")
    assert "Verification: OK" in done.stdout


def test_a_caller_that_wants_no_certificate_gets_none(world: Any, server: str) -> None:
    """RFC 3161 section 2.4.1, certReq."""
    answer = asked(server, write_request(Request("sha256", DIGEST, certificate_wanted=False)))
    assert read_token(_token(answer.content)).tail.certificates == ()


def _token(answer: bytes) -> bytes:
    reader = der.Reader(answer).inner(der.SEQUENCE)
    reader.element(der.SEQUENCE)
    return reader.encoded(der.SEQUENCE)


def _failure(answer: bytes) -> int:
    """The bit of PKIFailureInfo."""
    status = der.Reader(answer).inner(der.SEQUENCE).inner(der.SEQUENCE)
    assert status.integer() == 2
    status.element(der.SEQUENCE)
    bits = status.element(der.BIT_STRING)
    return 8 * (len(bits) - 1) - bits[0] - 1


GOOD = write_request(Request("sha256", DIGEST, nonce=1))
REFUSED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 5),
    "cut short": (GOOD[:-1], 5),
    "with something after it": (GOOD + b"\x00", 5),
    "of another version": (GOOD.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), 2),
    "over SHA-1": (der.sequence((der.integer(1), der.sequence((der.sequence((oids.oid("1.3.14.3.2.26"), b"\x05\x00")), der.write(der.OCTET_STRING, b"\x00" * 20))))), 0),
    "over a digest of another length": (GOOD.replace(der.write(der.OCTET_STRING, DIGEST), der.write(der.OCTET_STRING, DIGEST[:-1])).replace(GOOD[:2], bytes((0x30, GOOD[1] - 1)), 1), 5),
    "under another policy": (write_request(Request("sha256", DIGEST, policy="1.2.3")), 15),
    "with an extension": (der.sequence((GOOD[2:], der.write(der.context(0), der.sequence((oids.oid("1.2.3"), der.write(der.OCTET_STRING, b"")))))), 16),
}


@pytest.mark.parametrize(("body", "failure"), REFUSED.values(), ids=REFUSED)
def test_requests_that_are_refused(world: Any, server: str, body: bytes, failure: int) -> None:
    """Each with the failure of RFC 3161 section 2.4.2, which our client takes for no time-stamp."""
    answer = asked(server, body)
    assert answer.status_code == 200
    assert _failure(answer.content) == failure


def test_requests_that_are_not_read(world: Any, server: str) -> None:
    """Of another type, too long, by another method."""
    assert asked(server, GOOD, "application/ocsp-request").status_code == 415
    assert asked(server, bytes(5000)).status_code == 413
    assert httpx2.get(f"{server}/pki/tsa").status_code == 405


def answering(status: int = 200, kind: str = "application/timestamp-reply", body: bytes = b"") -> TimeStampAuthority:
    """A client of an authority that answers so."""
    return TimeStampAuthority("http://tsa.test/", transport=httpx2.MockTransport(lambda _: httpx2.Response(status, headers={"Content-Type": kind}, content=body)))


def test_answers_that_are_no_time_stamp(world: Any, server: str) -> None:
    """An error, another type, a redirection, too long an answer, another's token, no server: all one error, which is an `OSError`."""
    others = asked(server, write_request(Request("sha256", DIGEST, nonce=5))).content
    for authority in (
        answering(500), answering(kind="text/html"), answering(302), answering(body=bytes(70_000)), answering(body=b"\x30\x00"), answering(body=others),
        TimeStampAuthority("http://127.0.0.1:1/"), TimeStampAuthority(f"{server}/pki/tsa", policy="1.2.3"),
    ):
        with pytest.raises(TimeStampUnavailable):
            authority.stamp(DIGEST)
        authority.close()
    with pytest.raises(ValueError, match="begins with"):
        TimeStampAuthority("ldap://tsa.test/")


def test_a_time_stamp_is_made_with_the_time_that_is_real(world: Any) -> None:
    """The authority is told the time by its caller, to the second."""
    at = world.now.replace(microsecond=999_999) + timedelta(days=1)
    token = read_token(_token(world.ca.time_stamp(GOOD, at)))
    assert token.at == at.replace(microsecond=0)


def test_a_stamped_seal_outlives_its_key(world: Any, server: str) -> None:
    """Sealed with a time-stamp of the running authority, by a key of this environment: it verifies after the key was revoked, which it does not without."""
    context, now = Context("ALICE", "A1A", ("BOB",), "LETTER", "m-1", "ITK007C"), datetime.now(UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    issued = world.ca.certify_message_key(key.public_key(), organisation="A1A", use=Use.SIGNING, kid="a-1", now=now)
    chain = x509.load_pem_x509_certificates(issued.chain_pem.encode())
    signer = PrivateSigningKey("a-1", chain[0], key)
    published = PublishedKey(kid="a-1", use=Use.SIGNING, certificate=issued.chain_pem)
    authority = TimeStampAuthority(f"{server}/pki/tsa")
    signed_at = max(now, chain[0].not_valid_before_utc)
    sealed = {stamper is not None: detached.seal(b"<Bundle/>", "application/fhir+xml", context, Statement(signed_at), signer, stamper=stamper)
              for stamper in (authority, None)}
    authority.close()

    def opened(stamped: bool, at: datetime, **revoked: Any) -> Signed:
        document = MessageKeys(organisation="A1A", keys=(published.model_copy(update=revoked),))
        environment = Environment(name=world.environment)
        found = detached.open_seal(
            sealed[stamped].body, sealed[stamped].signature, transport=None, directory=directory_of_keys(world.stores, environment, [document]), now=at)
        return found.signatures[0]

    later = datetime.now(UTC) + timedelta(seconds=2)
    stamped_at = opened(True, later).time_stamped_at
    assert stamped_at is not None
    assert now <= stamped_at <= later
    assert opened(False, later).time_stamped_at is None
    revoked = {"state": State.REVOKED, "revoked_at": later}
    assert opened(True, later + timedelta(seconds=1), **revoked).time_stamped_at == stamped_at
    for stamped, since in ((False, later), (True, stamped_at - timedelta(seconds=1))):
        with pytest.raises(SealRefused):
            opened(stamped, later + timedelta(seconds=1), **revoked | {"revoked_at": since})
