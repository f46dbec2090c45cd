"""Secrets: the server's certificate, and whom client certificates are trusted from. Swapped without losing a request."""

import re
from dataclasses import dataclass, field
from typing import Final

from wardgate.dataplane.resources.envoy import JSON, T

SERVER_CERTIFICATE: Final = "server-certificate"
CLIENT_TRUST: Final = "client-trust"
RELAY_CERTIFICATE: Final = "relay-certificate"
RELAY_TRUST: Final = "relay-trust"


@dataclass(frozen=True, slots=True)
class TLSMaterial:
    """PEM texts. Every issuing authority in `trust_pem` needs its list in `crl_pem`, even an empty one, or all its clients are refused."""

    certificate_chain_pem: str
    private_key_pem: str = field(repr=False)
    trust_pem: str
    crl_pem: str
    relay_chain_pem: str = ""
    """What the secure proxy shows to endpoints; empty: there is none."""
    relay_key_pem: str = field(default="", repr=False)
    relay_trust_pem: str = ""
    """Authorities of endpoints beside our own, each with its list."""


_LIST: Final = re.compile(r"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\s*", re.DOTALL)


def secrets(material: TLSMaterial) -> list[JSON]:
    """Return the SDS resources."""
    certificate = {"certificate_chain": {"inline_string": material.certificate_chain_pem},
                   "private_key": {"inline_string": material.private_key_pem}}
    trust = {"trusted_ca": {"inline_string": material.trust_pem}, "crl": {"inline_string": material.crl_pem}}
    kind = T + "envoy.extensions.transport_sockets.tls.v3.Secret"
    found = [
        {"@type": kind, "name": SERVER_CERTIFICATE, "tls_certificate": certificate},
        {"@type": kind, "name": CLIENT_TRUST, "validation_context": trust},
    ]
    return [*found, *_of_the_relay(material, kind)] if material.relay_chain_pem else found


def _of_the_relay(material: TLSMaterial, kind: str) -> list[JSON]:
    """Return what the secure proxy shows, and whom it trusts. NOTE: an authority without a list is trusted in nothing."""
    more = material.relay_trust_pem
    lists = "".join(_LIST.findall(more))
    certificate = {"certificate_chain": {"inline_string": material.relay_chain_pem}, "private_key": {"inline_string": material.relay_key_pem}}
    trust = {"trusted_ca": {"inline_string": material.trust_pem + _LIST.sub("", more)}, "crl": {"inline_string": material.crl_pem + lists}}
    return [
        {"@type": kind, "name": RELAY_CERTIFICATE, "tls_certificate": certificate},
        {"@type": kind, "name": RELAY_TRUST, "validation_context": trust},
    ]
