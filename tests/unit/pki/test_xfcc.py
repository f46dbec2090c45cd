"""The forwarded-certificate header: Envoy's quoting, and nothing else."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from wardgate.pki import ForwardedCertificate, parse_xfcc, presented_certificate
from wardgate.pki.errors import MalformedXFCC

HASH = "ab" * 32


def test_what_envoy_writes() -> None:
    """Hash, quoted subject and DNS names."""
    header = f'Hash={HASH};Subject="CN=epr.nhs.uk,OU=CA,O=\\"NHS\\"";DNS=epr.nhs.uk'
    assert presented_certificate(header) == ForwardedCertificate(HASH, 'CN=epr.nhs.uk,OU=CA,O=\\"NHS\\"', ("epr.nhs.uk",))
    assert presented_certificate(header).name == "epr.nhs.uk"


def test_the_name_is_the_common_name_without_dns_names() -> None:
    """SAN dNSName, else CN (spec README rule 24); in lower case; several are none."""
    assert presented_certificate(f'Hash={HASH};Subject="O=NHS,CN=EPR.nhs.uk"').name == "epr.nhs.uk"
    assert presented_certificate(f"Hash={HASH};DNS=a.nhs.uk;DNS=b.nhs.uk").name is None
    assert presented_certificate(f'Hash={HASH};Subject="CN=a,CN=b"').name is None
    assert presented_certificate(f'Hash={HASH};Subject=""').name is None
    assert presented_certificate(f'Hash={HASH};Subject="not a name"').name is None
    assert presented_certificate(f'Hash={HASH};Subject="CN=epr.example.u\\E2\\84\\AA"').name is None


def test_other_keys_are_passed_over() -> None:
    """By, URI, Cert and Chain are Envoy's as well; Cert is URL-encoded PEM."""
    header = f'By=spiffe://gateway;Hash={HASH};Cert="-----BEGIN%20CERTIFICATE-----";Chain="";URI=;DNS=a.nhs.uk'
    assert presented_certificate(header).dns_names == ("a.nhs.uk",)


def test_several_elements() -> None:
    """A header from several proxies has several elements, of which none is the caller's certificate."""
    assert [c.name for c in parse_xfcc(f"Hash={HASH};DNS=a.nhs.uk,Hash={HASH};DNS=b.nhs.uk")] == ["a.nhs.uk", "b.nhs.uk"]
    with pytest.raises(MalformedXFCC, match="one element"):
        presented_certificate(f"Hash={HASH},Hash={HASH}")


@pytest.mark.parametrize(
    "header",
    ["", "Hash", "Hash=", f"Hash={HASH[:-1]}", f"Hash={HASH.upper()}", f"Hash={HASH};", f"Hash={HASH};Hash={HASH}", "DNS=a.nhs.uk",
     f'Hash={HASH};Subject="open', f'Hash={HASH};Subject="a"b', f'Hash={HASH};Subject="a\\', f"Hash={HASH};Subject=a;Subject=b",
     f"Hash={HASH} ;DNS=a.nhs.uk", ",".join([f"Hash={HASH}"] * 11), f"Hash={HASH};DNS={'a' * 16384}"],
)  # fmt: skip
def test_headers_that_envoy_would_not_write(header: str) -> None:
    """Anything outside the grammar is refused, not guessed at."""
    with pytest.raises(MalformedXFCC):
        presented_certificate(header)


def test_a_name_cannot_be_smuggled_in_a_subject() -> None:
    """What looks like a pair inside quotes stays inside them."""
    found = presented_certificate(f'Hash={HASH};Subject="CN=evil\\";DNS=victim.nhs.uk;X=\\""')
    assert found.dns_names == ()


@pytest.mark.parametrize("subject", ["O=x\\,CN=victim.nhs.uk", "O=x\\+CN=victim.nhs.uk", 'O=x\\",CN\\=victim.nhs.uk', "O=x/CN=victim.nhs.uk"])
def test_a_common_name_cannot_be_smuggled_in_another_attribute(subject: str) -> None:
    """An escaped separator stays part of its value, as Envoy wrote it (RFC 2253 section 2.4)."""
    assert presented_certificate(f'Hash={HASH};Subject="{subject}"').name is None


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60), st.lists(st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), max_size=3))
def test_subjects_come_out_as_they_were(organisation: str, names: list[str]) -> None:
    """Whatever an attribute holds, the common name beside it is the one found, and the names after it are untouched."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, "epr.nhs.uk")])
    header = f'Hash={HASH};Subject="{name.rfc4514_string()}"' + "".join(f";DNS={name}" for name in names)
    found = presented_certificate(header)
    assert found == ForwardedCertificate(HASH, name.rfc4514_string(), tuple(names))
    assert ForwardedCertificate(HASH, found.subject).name == "epr.nhs.uk"
