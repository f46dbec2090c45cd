"""What Envoy gets by SDS: the secure proxy's certificate and trust only where there is a secure proxy."""

from dataclasses import replace

from wardgate.dataplane.resources.secrets import TLSMaterial, secrets

MATERIAL = TLSMaterial("chain", "key", "ours ", "our-list ")
FOREIGN = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n-----BEGIN X509 CRL-----\nB\n-----END X509 CRL-----\n-----BEGIN CERTIFICATE-----\nC\n-----END CERTIFICATE-----\n"


def test_without_a_secure_proxy() -> None:
    """Server certificate and client trust, and no more."""
    assert [secret["name"] for secret in secrets(MATERIAL)] == ["server-certificate", "client-trust"]


def test_with_a_secure_proxy() -> None:
    """Its certificate, and our own authorities with their lists."""
    found = {secret["name"]: secret for secret in secrets(replace(MATERIAL, relay_chain_pem="shown", relay_key_pem="own"))}
    assert found["relay-certificate"]["tls_certificate"] == {"certificate_chain": {"inline_string": "shown"}, "private_key": {"inline_string": "own"}}
    assert found["relay-trust"]["validation_context"] == found["client-trust"]["validation_context"]


def test_authorities_of_others_are_trusted_for_endpoints_only() -> None:
    """Certificates and lists are told apart, whatever order they stand in; callers gain nothing by it."""
    found = {secret["name"]: secret for secret in secrets(replace(MATERIAL, relay_chain_pem="shown", relay_key_pem="own", relay_trust_pem=FOREIGN))}
    trust = found["relay-trust"]["validation_context"]
    assert trust["trusted_ca"]["inline_string"].count("BEGIN CERTIFICATE") == 2
    assert trust["trusted_ca"]["inline_string"].startswith("ours ")
    assert "CRL" not in trust["trusted_ca"]["inline_string"]
    assert trust["crl"]["inline_string"] == "our-list -----BEGIN X509 CRL-----\nB\n-----END X509 CRL-----\n"
    assert found["client-trust"]["validation_context"]["trusted_ca"] == {"inline_string": "ours "}


def test_keys_are_not_shown() -> None:
    """Neither in a log nor in an exception."""
    assert "secret" not in repr(TLSMaterial("c", "secret", "t", "l", "r", "secret"))
