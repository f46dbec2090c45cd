"""A seal of whatever kind: which suite is asked to open it."""

import pytest

from wardgate.sealing.any_suite import SUITES, Kind, kind_of, media_type_of
from wardgate.sealing.header_readable import SEALED_START

SEALS = b'{"resourceType":"Bundle","contentType":"application/jose+json","data":"'
LOOKS = [
    ("a JWE", b'{"protected":"e30"}', None, Kind.MODERN),
    ("a compact JWS", b"e30.e30.e30", None, Kind.MODERN),
    ("nothing", b"", None, Kind.MODERN),
    ("CMS", b"\x30\x80", None, Kind.CMS),
    ("encrypted XML", b'<?xml version="1.0"?>\n<xenc:EncryptedData xmlns:xenc="x">', None, Kind.XML),
    ("signed XML", b"\xef\xbb\xbf<seal:SealedMessage>", None, Kind.XML),
    ("ITK2", b"<itk:DistributionEnvelope>", None, Kind.ITK2),
    ("FHIR in XML", b'<Bundle xmlns="http://hl7.org/fhir">', None, Kind.CLEAR),
    ("FHIR in JSON", b' {"resourceType":"Bundle"}', None, Kind.CLEAR),
    ("FHIR with a signature beside it", b'{"resourceType":"Bundle"}', b"e30..e30", Kind.DETACHED),
    ("FHIR around a seal", SEALS + SEALED_START + b'"}', None, Kind.HEADER_READABLE),
    ("FHIR around two", SEALS + SEALED_START * 2 + b'"}', None, Kind.CLEAR),
    ("FHIR around a text that begins as a seal does", SEALS.replace(b"application/jose+json", b"text/plain") + SEALED_START + b'"}', None, Kind.CLEAR),
]


@pytest.mark.parametrize(("what", "body", "signature", "kind"), LOOKS, ids=[row[0] for row in LOOKS])
def test_looks(what: str, body: bytes, signature: bytes | None, kind: Kind) -> None:
    """By the first octets, and by what is beside it."""
    assert kind_of(body, signature) is kind, what


def test_every_kind_but_a_clear_one_has_a_suite() -> None:
    """Nothing is left that nobody opens."""
    assert SUITES.keys() == set(Kind) - {Kind.CLEAR}


def test_forms_of_fhir() -> None:
    """By the first sign."""
    assert media_type_of(b"\n{}") == "application/fhir+json"
    assert media_type_of(b"\xef\xbb\xbf<Bundle/>") == "application/fhir+xml"
