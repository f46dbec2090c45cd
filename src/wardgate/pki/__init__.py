"""Certificates: the names, profiles and checks of an environment's own two-tier PKI (application-restricted 8).

Owns: what a certificate request may ask, what a certificate of each profile says, chains, revocation lists (RFC 5280),
OCSP messages (RFC 6960), and reading the certificate that Envoy forwards. Pure: keys, serial numbers and `now` are
parameters.
Leaves: making keys, storing and publishing (`ca`), mapping a name to an application (`security_patterns`).
Read: errors, check, names, pem, rsa_strength, der, subject, profiles, csr, issue, crl, chain, explain,
ocsp_request, ocsp, xfcc.
"""

from wardgate.pki.chain import fingerprint, presented_name
from wardgate.pki.check import CheckResult, Outcome
from wardgate.pki.csr import accept_csr, explain_csr
from wardgate.pki.errors import CheckFailed, PKIError
from wardgate.pki.explain import explain_cert
from wardgate.pki.names import NameRules
from wardgate.pki.xfcc import ForwardedCertificate, parse_xfcc, presented_certificate

__all__ = [
    "CheckFailed",
    "CheckResult",
    "ForwardedCertificate",
    "NameRules",
    "Outcome",
    "PKIError",
    "accept_csr",
    "explain_cert",
    "explain_csr",
    "fingerprint",
    "parse_xfcc",
    "presented_certificate",
    "presented_name",
]
