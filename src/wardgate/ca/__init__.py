"""The environment's own certification authorities: made on first start, issuing, revoking, and publishing lists.

Owns: the root and the issuing authorities, server and client certificates, revocation lists that never run out, renewal,
generation change, and the public endpoints under `/pki`.
Leaves: what certificates say and which requests are refused (`pki`), keeping them (`stores`), who is registered under a
name (`directory`, `applications`), bringing trust and lists to Envoy (`dataplane`).
Read: errors, settings, keys, records, hierarchy, revocation, server_certificate, issuing, responder, time_stamping, authority, app.
"""

from wardgate.ca.app import create_app
from wardgate.ca.authority import CertificateAuthority
from wardgate.ca.errors import CAError
from wardgate.ca.issuing import Issued
from wardgate.ca.revocation import ClientTrust, CRLHealth
from wardgate.ca.server_certificate import ServerCertificate
from wardgate.ca.settings import CASettings

__all__ = [
    "CAError",
    "CASettings",
    "CRLHealth",
    "CertificateAuthority",
    "ClientTrust",
    "Issued",
    "ServerCertificate",
    "create_app",
]
