"""Secrets: the server's certificate, and whom client certificates are trusted from. Swapped without losing a request."""

from dataclasses import dataclass, field

from wardgate.dataplane.resources.envoy import JSON, T
from wardgate.dataplane.resources.listeners import CLIENT_TRUST, SERVER_CERTIFICATE


@dataclass(frozen=True, slots=True)
class TLSMaterial:
    """PEM texts. Every issuing authority in `trust_pem` needs its list in `crl_pem`, even an empty one, or all its clients are refused."""

    certificate_chain_pem: str
    private_key_pem: str = field(repr=False)
    trust_pem: str
    crl_pem: str


def secrets(material: TLSMaterial) -> list[JSON]:
    """Return the SDS resources."""
    certificate = {"certificate_chain": {"inline_string": material.certificate_chain_pem},
                   "private_key": {"inline_string": material.private_key_pem}}
    trust = {"trusted_ca": {"inline_string": material.trust_pem}, "crl": {"inline_string": material.crl_pem}}
    kind = T + "envoy.extensions.transport_sockets.tls.v3.Secret"
    return [
        {"@type": kind, "name": SERVER_CERTIFICATE, "tls_certificate": certificate},
        {"@type": kind, "name": CLIENT_TRUST, "validation_context": trust},
    ]
