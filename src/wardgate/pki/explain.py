"""A certificate explained: the checks of a TLS end that trusts this environment, in the order it makes them.

The order is that of X.509 verification in OpenSSL and BoringSSL: path, purpose, revocation, dates; then what the
gateway asks of the name.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from wardgate.pki import pem as pem_text
from wardgate.pki import rsa_strength
from wardgate.pki.chain import is_self_signed, presented_names, verify_chain
from wardgate.pki.check import Check, CheckResult, Mismatch, first_failure, not_reached, run
from wardgate.pki.crl import check_current, of_issuer
from wardgate.pki.errors import ChainRefused, CRLRefused, MalformedPEM

MAX_CERTIFICATE_BYTES: Final = 64 * 1024
SIGNATURE_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class _Held:
    """A readable certificate, what was presented with it, and what it is held against."""

    leaf: x509.Certificate
    presented: tuple[x509.Certificate, ...]
    trusted: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    now: datetime
    expected_name: str | None

    def path(self) -> tuple[x509.Certificate, ...]:
        """The path to a root, with the leaf's own dates left to their check; raises `ChainRefused`."""
        within = min(max(self.now, self.leaf.not_valid_before_utc), self.leaf.not_valid_after_utc)
        roots = [certificate for certificate in self.trusted if is_self_signed(certificate)]
        others = [c for c in (*self.presented, *self.trusted) if not is_self_signed(c)]
        return verify_chain(self.leaf, others, roots, within)


def explain_cert(
    pem: bytes,
    trust_bundle: bytes,
    crls: bytes,
    *,
    now: datetime,
    expected_name: str | None = None,
) -> list[CheckResult]:
    """Every check of a client certificate in order, up to the first that fails.

    `pem` is the certificate and, after it, any chain that is sent along; `trust_bundle` and `crls` are this
    environment's. Not for several threads at once. Never raises for what `pem` holds; raises `MalformedPEM` for a bundle or lists of ours that are not
    PEM.
    """
    trusted, lists = pem_text.certificates(trust_bundle), pem_text.revocation_lists(crls) if crls.strip() else []
    results = run(READING, pem)
    if first_failure(results) is not None:
        return results + not_reached(HOLDING)
    leaf, *presented = pem_text.certificates(pem)
    held = _Held(leaf, tuple(presented), tuple(trusted), tuple(lists), now, expected_name)
    return results + run(HOLDING, held)


def _check_size(pem: bytes) -> None:
    if len(pem) > MAX_CERTIFICATE_BYTES:
        raise Mismatch(f"at most {MAX_CERTIFICATE_BYTES} bytes", f"{len(pem)} bytes")


def _check_no_private_key(pem: bytes) -> None:
    found = [label for label in pem_text.labels(pem) if "PRIVATE KEY" in label]
    if found:
        raise Mismatch("certificates only", f"a {found[0]} block", "keep the private key in a file of its own")


def _check_readable(pem: bytes) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what the library only warns of, X.509 does not allow
            for certificate in pem_text.certificates(pem):
                _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.public_key()
    except MalformedPEM as error:
        raise Mismatch("one or more CERTIFICATE blocks in PEM, the end's first", str(error)) from error
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, Warning) as error:
        raise Mismatch("a certificate that can be read", "a field that cannot") from error


def _check_key(held: _Held) -> None:
    key = held.leaf.public_key()
    if not isinstance(key, RSAPublicKey):
        raise Mismatch("an RSA key", type(key).__name__.removesuffix("PublicKey"))
    rsa_strength.check_modulus_size(key.public_numbers())


def _check_algorithm(held: _Held) -> None:
    if not isinstance(held.leaf.signature_hash_algorithm, SIGNATURE_HASHES):
        raise Mismatch("a signature with SHA-256 or better", held.leaf.signature_algorithm_oid.dotted_string)


def _check_chain(held: _Held) -> None:
    try:
        held.path()
    except ChainRefused as error:
        roots = ", ".join(c.subject.rfc4514_string() for c in held.trusted if is_self_signed(c))
        received = f"issuer {held.leaf.issuer.rfc4514_string()}"
        raise Mismatch(f"a path to {roots or 'a root'}", received, "use a certificate of this environment and send its chain") from error


def _check_purpose(held: _Held) -> None:
    expected = "extended key usage clientAuth"
    try:
        uses = held.leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise Mismatch(expected, "no extended key usage") from error
    if ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
        raise Mismatch(expected, ", ".join(use.dotted_string for use in uses), "ask for a certificate of the endpoint profile")


def _check_lists(held: _Held) -> None:
    issuer = held.path()[1]
    try:
        check_current(of_issuer(held.crls, issuer), held.now)
    except CRLRefused as error:
        raise Mismatch(
            f"a current revocation list of {issuer.subject.rfc4514_string()}",
            str(error),
            "the operator publishes it: no client of this issuer is let in without",
        ) from error


def _check_not_revoked(held: _Held) -> None:
    issuer = held.path()[1]
    entry = of_issuer(held.crls, issuer).get_revoked_certificate_by_serial_number(held.leaf.serial_number)
    if entry is not None:
        raise Mismatch("a serial number that is not on the list", f"revoked at {_spelt(entry.revocation_date_utc)}", "ask for a new certificate")


def _check_dates(held: _Held) -> None:
    start, end = held.leaf.not_valid_before_utc, held.leaf.not_valid_after_utc
    if held.now < start:
        raise Mismatch(f"{_spelt(start)} or later", _spelt(held.now), "wait, or set this machine's clock")
    if held.now > end:
        raise Mismatch(f"{_spelt(end)} or earlier", _spelt(held.now), "renew it: wardgate cert renew")


def _check_one_name(held: _Held) -> None:
    names = presented_names(held.leaf)
    if len(names) != 1:
        raise Mismatch("one DNS name", ", ".join(names) or "none", "ask for a certificate with one name")


def _check_expected_name(held: _Held) -> None:
    names = presented_names(held.leaf)
    if held.expected_name is not None and names != (held.expected_name.lower(),):
        raise Mismatch(held.expected_name.lower(), names[0], "register this name, or use the certificate of the registered one")


def _spelt(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


READING: Final[Sequence[Check[bytes]]] = (
    Check("cert-size", "the text is of a bounded size", _check_size),
    Check("cert-no-private-key", "no private key was sent along", _check_no_private_key),
    Check("cert-readable", "the text is a PEM certificate", _check_readable),
)
HOLDING: Final[Sequence[Check[_Held]]] = (
    Check("cert-key", "the key is RSA of 2048 to 8192 bits", _check_key),
    Check("cert-algorithm", "the certificate is signed with SHA-256 or better", _check_algorithm),
    Check("cert-chain", "the certificate's chain ends in a root of this environment", _check_chain),
    Check("cert-purpose", "the certificate is for clients", _check_purpose),
    Check("cert-crl", "the issuer's revocation list is at hand and current", _check_lists),
    Check("cert-revoked", "the certificate has not been revoked", _check_not_revoked),
    Check("cert-dates", "the certificate is within its dates", _check_dates),
    Check("cert-one-name", "the certificate presents one name", _check_one_name),
    Check("cert-expected-name", "the name is the registered one", _check_expected_name),
)
