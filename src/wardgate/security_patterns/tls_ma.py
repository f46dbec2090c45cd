"""TLS-MA: the application by the name in its client certificate (application-restricted 8; spec README rules 24 and 25)."""

from wardgate.catalogue import Pattern
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.facts import CertificateStatus, Facts, Listener
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot


def admit(facts: Facts, snapshot: Snapshot) -> Refusal | None:
    """Return why the connection may not be used at all: the mutual-TLS port serves valid certificates only."""
    certificate = facts.certificate
    if certificate is None:
        if facts.listener is Listener.MTLS:
            return Refusal(reason("certificate-missing"), expected="a client certificate", received="none")
        return None
    if certificate.fingerprint in snapshot.revocations.fingerprints:
        return Refusal(reason("certificate-revoked"), expected="a certificate in force",
                       received=f"SHA-256 {certificate.fingerprint}")
    if certificate.status is CertificateStatus.INVALID:
        return Refusal(reason("certificate-invalid"), expected="trusted, in date, not revoked",
                       received=f"SHA-256 {certificate.fingerprint}")
    return None


def identify(facts: Facts, snapshot: Snapshot) -> Proof | Refusal:
    """Return the application registered under the certificate's name. Call `admit` first."""
    certificate = facts.certificate
    if certificate is None:
        return Refusal(reason("certificate-missing"), expected="a client certificate, on the mutual-TLS port", received="none")
    application = snapshot.certificate_names.get(certificate.name) if certificate.name is not None else None
    if application is None:
        return Refusal(reason("certificate-not-registered"), expected="a registered certificate name",
                       received=certificate.name or "no name")
    return Proof(Pattern.TLS_MA, application, (f"certificate {certificate.name} is registered for {application}",))
