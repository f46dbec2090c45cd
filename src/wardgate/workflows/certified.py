"""Whether a certificate can be what a message key's document says it is: found out before it is published (itk3-messaging 6).

What time changes (dates, revocation, whom an authority is believed by) is judged when a key is used: `sealing.trust`.
"""

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from wardgate.sealing.keys import Use
from wardgate.sealing.trust import RECIPIENT_USAGES, key_usages, organisations_of

MIN_RSA_BITS: Final = 2048
CURVES: Final = {Use.SIGNING: ("secp256r1", "secp384r1"), Use.ENCRYPTION: ("secp256r1",)}
"""ES256 and ES384 sign; keys are agreed on P-256 (itk3-messaging 6)."""


def fault_of(certificate: x509.Certificate, use: Use, organisation: str) -> str | None:
    """Return in words what is wrong with a certificate for this use and organisation; None: nothing that never changes."""
    try:
        public, usages = certificate.public_key(), key_usages(certificate)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return "its key or its extensions cannot be read"
    if isinstance(public, RSAPublicKey):
        if public.key_size < MIN_RSA_BITS:
            return f"its RSA key has {public.key_size} bits, fewer than {MIN_RSA_BITS}"
    elif isinstance(public, EllipticCurvePublicKey):
        if public.curve.name not in CURVES[use]:
            return f"its key is on the curve {public.curve.name}, not on {' or '.join(CURVES[use])}"
    elif not isinstance(public, Ed25519PublicKey if use is Use.SIGNING else X25519PublicKey):
        return f"its key is of a kind that is not for {use}"
    wanted = ("digital_signature",) if use is Use.SIGNING else next(names for kind, names in RECIPIENT_USAGES.items() if isinstance(public, kind))
    if usages.isdisjoint(wanted):
        return f"its key usage is {_words(usages) or 'not stated'}, where {use} needs {' or '.join(map(_spelt, wanted))}"
    if "key_cert_sign" in usages:
        return "it is an authority's"
    named = organisations_of(certificate)
    if organisation.upper() not in named:
        return f"it names {', '.join(sorted(named)) or 'no organisation'}, not {organisation} (URI urn:nhs-uk:addressing:ods:{organisation})"
    return None


def _words(usages: frozenset[str]) -> str:
    return ", ".join(map(_spelt, sorted(usages)))


def _spelt(usage: str) -> str:
    """Return a key usage as RFC 5280 spells it: `crl_sign` is `cRLSign`."""
    first, *others = usage.split("_")
    return {"crl": "cRL"}.get(first, first) + "".join(other.capitalize() for other in others)
