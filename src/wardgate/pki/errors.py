"""What can be wrong with a certificate, a request for one, or a message about one.

PKIError
├── CheckFailed          a numbered check of a request or certificate failed; `result` says which, expected and received
├── NameRefused          a DNS name breaks the rules of this environment
├── MalformedPEM         the text is not the PEM it should be
├── ChainRefused         no path from the certificate to a trusted root
├── CRLRefused           a revocation list is not its issuer's, not current, or not readable
├── MalformedDER         bytes that are not the DER they should be
├── OCSPRequestRefused   an OCSP request that is answered with an error status
└── MalformedXFCC        a forwarded-certificate header that Envoy would not write
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wardgate.pki.check import CheckResult


class PKIError(Exception):
    """The root of this room."""


class CheckFailed(PKIError):
    """A check did not hold. The message is safe to show: it never contains key material."""

    def __init__(self, result: "CheckResult") -> None:
        super().__init__(result.sentence)
        self.result = result


class NameRefused(PKIError):
    """A DNS name breaks the rules; `expected` states the rule, `received` the name."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(f"expected {expected}, received {received}")
        self.expected = expected
        self.received = received


class MalformedPEM(PKIError):
    """The text is not one PEM block of the kind asked for."""


class ChainRefused(PKIError):
    """No acceptable path leads to a trusted root."""


class CRLRefused(PKIError):
    """A revocation list cannot be used; whoever relies on it must refuse."""


class MalformedDER(PKIError):
    """The bytes are not the DER structure that was asked for."""


class OCSPRequestRefused(PKIError):
    """The request is answered with the OCSP error status named `status` (RFC 6960 section 2.3)."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class MalformedXFCC(PKIError):
    """The header is not what Envoy writes."""
