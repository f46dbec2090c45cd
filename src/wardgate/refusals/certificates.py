"""Refusals of client certificates (application-restricted 8; spec README rule 25).

Statuses 495 and 496 are those of the Spine Secure Proxy. With the `verify` profile the caller sees a TLS alert
instead of them, and the reason is known from the listener's log only.
"""

from typing import Final

from wardgate.refusals.reason import Area, Fixer, Reason


def _row(code: str, status: int, text: str, check: str, advice: str, fixer: Fixer = Fixer.CALLER) -> Reason:
    return Reason(code, Area.CERTIFICATES, status, f"tls.{code}", text, check, advice, fixer=fixer,
                  source="application-restricted 8; spec README rule 25", fhir_display="Access Denied")


# fmt: off
CERTIFICATES: Final = (
    _row("certificate-missing", 496, "No client certificate was presented", "the connection has a client certificate",
         "use the mutual-TLS port and present the certificate with its chain"),
    _row("certificate-expired", 495, "The client certificate has expired", "the certificate is within its dates",
         "renew the certificate: wardgate cert renew"),
    _row("certificate-untrusted", 495, "The client certificate is not trusted",
         "the certificate's chain ends in a root of this environment",
         "use a certificate of this environment and send its chain"),
    _row("certificate-revoked", 495, "The client certificate has been revoked", "the certificate has not been revoked",
         "ask for a new certificate"),
    _row("certificate-invalid", 495, "The client certificate is not valid",
         "the certificate is trusted, in date and not revoked", "run wardgate doctor cert"),
    _row("certificate-not-registered", 403, "The client certificate is not registered for an application",
         "the certificate's name is registered for an approved application",
         "register the name: tls_client_auth_san_dns of the application", Fixer.PRODUCER),
    _row("certificate-wrong-product", 403, "The application has no approved product for this API",
         "one of the application's approved products includes this API",
         "subscribe the application to a product of this API", Fixer.PRODUCER),
)
# fmt: on
