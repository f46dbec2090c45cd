"""OCSP: strict reading, and answers that another implementation accepts."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import given
from hypothesis import strategies as st

from wardgate.pki import der, profiles
from wardgate.pki.crl import REASONS, Revoked
from wardgate.pki.errors import MalformedDER, OCSPRequestRefused
from wardgate.pki.issue import Issuer
from wardgate.pki.ocsp import ERRORS, REASON_NUMBERS, Responder, Status, answers_for, error_response, respond
from wardgate.pki.ocsp_request import MAX_CERTIFICATES, parse_ocsp_request

HOUR = timedelta(hours=1)
NAMING = hashes.SHA1()  # noqa: S303 - what clients name issuers with


def asked(world: Any, leaf: x509.Certificate, algorithm: hashes.HashAlgorithm | None = None, nonce: bytes | None = None) -> bytes:
    """A request as the library writes it."""
    builder = library.OCSPRequestBuilder().add_certificate(leaf, world.issuing.certificate, algorithm or NAMING)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def answered(world: Any, request: bytes, status: Status, responder: Responder | None = None) -> library.OCSPResponse:
    """Our answer, read by the library."""
    responder = responder or Responder(world.issuing.certificate, world.issuing)
    body = respond(parse_ocsp_request(request), responder, lambda _: status, now=world.now, validity=HOUR)
    return library.load_der_ocsp_response(body)


@pytest.mark.parametrize("algorithm", [NAMING, hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda a: a.name)
def test_a_good_certificate(world: Any, algorithm: hashes.HashAlgorithm) -> None:
    """Good, current for as long as asked, signed by the issuer, about the certificate as the client named it."""
    leaf = world.leaf()
    answer = answered(world, asked(world, leaf, algorithm), Status(issued=True))
    assert answer.response_status is library.OCSPResponseStatus.SUCCESSFUL
    assert (answer.certificate_status, answer.serial_number) == (library.OCSPCertStatus.GOOD, leaf.serial_number)
    assert (answer.this_update_utc, answer.next_update_utc) == (world.now, world.now + HOUR)
    assert answer.hash_algorithm.name == algorithm.name
    assert answer.certificates == []
    signed_with = answer.signature_hash_algorithm
    assert signed_with is not None
    world.issuing.private_key.public_key().verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), signed_with)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_revoked_certificate(world: Any, reason: str) -> None:
    """Revoked, when and why."""
    leaf = world.leaf()
    revoked = Revoked(leaf.serial_number, world.now, reason)
    answer = answered(world, asked(world, leaf), Status(issued=True, revoked=revoked))
    assert answer.certificate_status is library.OCSPCertStatus.REVOKED
    assert answer.revocation_time_utc == world.now
    assert answer.revocation_reason == (None if reason == "unspecified" else REASONS[reason])


def test_a_certificate_we_did_not_issue(world: Any, elsewhere: Any) -> None:
    """Unknown, also when it is another authority's, whatever the store would say of its serial number."""
    leaf = world.leaf()
    assert answered(world, asked(world, leaf), Status(issued=False)).certificate_status is library.OCSPCertStatus.UNKNOWN
    foreign = asked(elsewhere, elsewhere.leaf())
    assert answered(world, foreign, Status(issued=True)).certificate_status is library.OCSPCertStatus.UNKNOWN


@pytest.mark.parametrize("size", [1, 8, 32, 128])
def test_the_nonce_is_repeated(world: Any, size: int) -> None:
    """RFC 9654: 1 to 128 bytes; without one none is sent."""
    leaf = world.leaf()
    answer = answered(world, asked(world, leaf, nonce=b"\7" * size), Status(issued=True))
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"\7" * size
    assert list(answered(world, asked(world, leaf), Status(issued=True)).extensions) == []


def test_a_delegate_signs(world: Any) -> None:
    """A responder certificate of the issuer may sign and is sent along; any other certificate may not."""
    certificate = world.leaf(profile=profiles.OCSP_RESPONDER, names=(), subject=profiles.common_name("ocsp"))
    responder = Responder(world.issuing.certificate, Issuer(certificate, world.key))
    answer = answered(world, asked(world, world.leaf()), Status(issued=True), responder)
    assert answer.certificates == [certificate]
    world.key.public_key().verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), hashes.SHA256())
    for wrong in (Issuer(world.leaf(), world.key), world.root):
        with pytest.raises(ValueError, match="delegate"):
            Responder(world.issuing.certificate, wrong)


def several(world: Any, count: int) -> bytes:
    """A request about many certificates, put together by hand."""
    one = parse_ocsp_request(asked(world, world.leaf())).certificates[0].encoded
    return der.sequence([der.sequence([der.sequence([der.sequence([one])] * count)])])


def test_many_certificates_in_one_request(world: Any) -> None:
    """Each gets its answer, up to a limit."""
    request = parse_ocsp_request(several(world, 3))
    assert len(request.certificates) == 3
    responder = Responder(world.issuing.certificate, world.issuing)
    body = respond(request, responder, lambda _: Status(issued=True), now=world.now, validity=HOUR)
    assert len(list(library.load_der_ocsp_response(body).responses)) == 3
    with pytest.raises(OCSPRequestRefused):
        parse_ocsp_request(several(world, MAX_CERTIFICATES + 1))


def test_requests_that_are_refused(world: Any) -> None:
    """Empty, cut short, with bytes after it, about nothing, too large, nonce out of bounds, unknown critical extension."""
    good = asked(world, world.leaf())
    critical = der.sequence([der.write(6, bytes.fromhex("2b06010505073001ff0f")), der.write(1, b"\xff"), der.write(4, b"x")])
    tbs = der.sequence([der.sequence([der.sequence([parse_ocsp_request(good).certificates[0].encoded])]),
                        der.write(0xA2, der.sequence([critical]))])  # fmt: skip
    for request in (b"", b"\x30", good[:-1], good + b"\0", several(world, 0), b"\x30\x80\0\0", b"x" * 5000,
                    asked(world, world.leaf(), nonce=b"n" * 200), der.sequence([tbs])):  # fmt: skip
        with pytest.raises(OCSPRequestRefused) as refused:
            parse_ocsp_request(request)
        assert refused.value.status == "malformedRequest"


def test_an_unknown_hash_names_no_issuer(world: Any) -> None:
    """An issuer named by a hash we do not compute is not ours."""
    question = parse_ocsp_request(asked(world, world.leaf())).certificates[0]
    assert answers_for(world.issuing.certificate, question)
    assert not answers_for(world.root.certificate, question)
    assert not answers_for(world.issuing.certificate, type(question)(question.encoded, b"\x2a", b"", b"", 1))


@pytest.mark.parametrize("status", sorted(ERRORS))
def test_error_responses(status: str) -> None:
    """They are what the library reads as that status."""
    read = library.load_der_ocsp_response(error_response(status)).response_status
    assert read.name.replace("_", "").lower() == {"sigRequired": "sigrequired"}.get(status, status.lower())


def test_reasons_have_numbers() -> None:
    """Two tables of the same standard list the same reasons."""
    assert REASON_NUMBERS.keys() == REASONS.keys()


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    """Whatever the bytes, the outcome is a request or a refusal."""
    with contextlib.suppress(OCSPRequestRefused):
        assert parse_ocsp_request(noise).certificates


@given(st.integers(min_value=-(1 << 200), max_value=1 << 200))
def test_integers_round_trip(value: int) -> None:
    """What is written is read back, in the fewest bytes."""
    assert der.Reader(der.integer(value)).integer() == value


@given(st.binary(max_size=70_000))
def test_elements_round_trip(content: bytes) -> None:
    """Short and long lengths."""
    reader = der.Reader(der.write(der.OCTET_STRING, content))
    assert reader.element(der.OCTET_STRING) == content
    reader.end()


@pytest.mark.parametrize("encoded", ["0280", "02820001ff", "028101ff", "02020001", "0202ffff", "0200", "0285000000000101", "0284ffffffff", "02"])
def test_der_is_strict(encoded: str) -> None:
    """Lengths and integers that are not minimal, indefinite, or cut short are refused."""
    with pytest.raises(MalformedDER):
        der.Reader(bytes.fromhex(encoded)).integer()
