"""Client certificates as Envoy tells of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.oauth import OAuthRefused
from wardgate.oauth.mtls_binding import ClientCertificate, check_certificate, read_forwarded_certificate

HASH = "0a" * 32
NAME = "epr.example.thirdparty.nhs.uk"


@pytest.mark.parametrize(("header", "names"), [
    (f"Hash={HASH};DNS={NAME}", (NAME,)), (f'Hash={HASH};Subject="CN=other,O=x";DNS={NAME};DNS=b.example', (NAME, "b.example")),
    (f'By=spiffe://x;Hash={HASH.upper()};Subject="CN={NAME.upper()}"', (NAME,)), (f'Hash={HASH};Subject="O=a\\"b;DNS=evil,CN={NAME}"', (NAME,)),
    (f'Hash={HASH};Subject="O=x\\,CN={NAME}"', ()), (f'Hash={HASH};Subject="O=x\\+CN={NAME}"', ()), (f'Hash={HASH};Subject="O=x/CN={NAME}"', ()),
    (f'Hash={HASH};Subject="CN={NAME},CN=other"', ()), (f'Hash={HASH};Subject="OU=x+CN={NAME},O=y"', (NAME,)),
    (f'Hash={HASH};Subject="emailAddress=x"', ()), (f'Hash={HASH};Subject="";URI=', ()),
])
def test_one_certificate_is_read(header: str, names: tuple[str, ...]) -> None:
    """The fingerprint, and the DNS names or else the common name; quoted text is only text."""
    assert read_forwarded_certificate(header) == ClientCertificate(HASH, names)


@pytest.mark.parametrize("header", [
    "", "DNS=a", f"Hash={HASH[:-1]}", f"Hash={HASH};Hash={HASH}", f"Hash={HASH};DNS=a,Hash={HASH};DNS=b", f'Hash={HASH};Subject="open',
    f"Hash={HASH} ;;=", "x" * 20_000, f'Hash={HASH};DNS=a"b"',
])
def test_anything_else_is_no_certificate(header: str) -> None:
    """Fails closed: no hash, two elements, broken quotes, too long."""
    assert read_forwarded_certificate(header) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(header: str) -> None:
    """Any header is a certificate or none."""
    read_forwarded_certificate(header)


def test_the_registered_name_decides() -> None:
    """RFC 8705 section 2.1.2: compared without case, never by part."""
    certificate = ClientCertificate(HASH, (NAME,))
    assert check_certificate(certificate, NAME.upper()) is certificate
    for registered in (None, "example.thirdparty.nhs.uk", "*.example.thirdparty.nhs.uk"):
        with pytest.raises(OAuthRefused) as caught:
            check_certificate(certificate, registered)
        assert caught.value.code == "client-certificate-mismatch"
    with pytest.raises(OAuthRefused) as caught:
        check_certificate(None, NAME)
    assert caught.value.code == "client-certificate-missing"


def test_the_thumbprint_is_base64url_of_the_hash() -> None:
    """RFC 8705 section 3.1."""
    assert ClientCertificate("ff" * 32, ()).thumbprint == "_" * 42 + "8"
