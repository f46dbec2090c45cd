"""Certificate signing requests (PKCS #10, RFC 2986): read once, checked in order, explained in the same order.

Only the name and the public key are taken from a request; the profile decides everything else. A request that asks for
more is refused, so that nobody believes to have got what was left out (application-restricted 8.1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.x509.oid import ExtendedKeyUsageOID

from wardgate.pki import rsa_strength
from wardgate.pki.check import Check, CheckResult, Mismatch, first_failure, not_reached, run
from wardgate.pki.errors import CheckFailed, MalformedDER, MalformedPEM, NameRefused
from wardgate.pki.names import CLIENT_NAMES, NameRules, check_name
from wardgate.pki.pem import blocks, labels
from wardgate.pki.subject import COMMON_NAME, request_subject

MAX_CSR_BYTES: Final = 16 * 1024
REQUEST_LABELS: Final = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
SIGNATURE_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
EXTENSION_REQUEST: Final = x509.ObjectIdentifier("1.2.840.113549.1.9.14")
ALLOWED_ATTRIBUTES: Final = {
    EXTENSION_REQUEST: "extension request",
    x509.ObjectIdentifier("1.3.6.1.4.1.311.13.2.2"): "Windows: enrolment provider, ignored",
    x509.ObjectIdentifier("1.3.6.1.4.1.311.13.2.3"): "Windows: system version, ignored",
    x509.ObjectIdentifier("1.3.6.1.4.1.311.21.20"): "Windows: client information, ignored",
}
ALLOWED_USES: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH})
COMMAND: Final = "openssl req -new -newkey rsa:2048 -nodes -subj /CN=<FQDN> -keyout <FQDN>.key -out <FQDN>.csr"


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """What a request that passed every check is good for: a key that its sender holds, and the one name."""

    name: str
    public_key: RSAPublicKey


@dataclass(frozen=True, slots=True)
class _Asked:
    """A readable request and what it is held against."""

    csr: x509.CertificateSigningRequest
    rules: NameRules | None
    expected_name: str | None


def accept_csr(pem: bytes, rules: NameRules | None = CLIENT_NAMES, expected_name: str | None = None) -> AcceptedRequest:
    """Every check of a request holds; raises `CheckFailed` with the first that does not.

    `rules` None: for a person, whose name is no DNS name but the expected one.
    """
    failure = first_failure(explain_csr(pem, rules, expected_name))
    if failure is not None:
        raise CheckFailed(failure)
    csr = _load(pem)
    return AcceptedRequest(_common_name(csr), _rsa_key(csr))


def explain_csr(pem: bytes, rules: NameRules | None = CLIENT_NAMES, expected_name: str | None = None) -> list[CheckResult]:
    """Every check of a request in order, up to the first that fails. Never raises for what the request holds."""
    results = run(READING, pem)
    if first_failure(results) is not None:
        return results + not_reached(ASKING)
    return results + run(ASKING, _Asked(_load(pem), rules, expected_name))


def _check_size(pem: bytes) -> None:
    if len(pem) > MAX_CSR_BYTES:
        raise Mismatch(f"at most {MAX_CSR_BYTES} bytes", f"{len(pem)} bytes")


def _check_no_private_key(pem: bytes) -> None:
    found = [label for label in labels(pem) if "PRIVATE KEY" in label]
    if found:
        raise Mismatch(
            "the request alone; a private key never leaves its owner",
            f"a {found[0]} block",
            "treat this key as disclosed: destroy it and make a new key and request",
        )


def _check_pem(pem: bytes) -> None:
    try:
        count = len(_blocks(pem))
    except MalformedPEM as error:
        raise Mismatch("one CERTIFICATE REQUEST block in PEM", str(error), COMMAND) from error
    if count != 1:
        raise Mismatch("one CERTIFICATE REQUEST block in PEM", f"{count} blocks")


def _check_der(pem: bytes) -> None:
    try:
        _load(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Mismatch("a PKCS #10 request in DER", "bytes that are not one", COMMAND) from error


def _blocks(pem: bytes) -> list[bytes]:
    label = next((name for name in labels(pem) if name in REQUEST_LABELS), REQUEST_LABELS[0])
    return blocks(pem, label, MAX_CSR_BYTES)


def _load(pem: bytes) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(_blocks(pem)[0])


def _rsa_key(csr: x509.CertificateSigningRequest) -> RSAPublicKey:
    try:
        key = csr.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Mismatch("an RSA key", "a key that cannot be read") from error
    if not isinstance(key, RSAPublicKey):
        raise Mismatch("an RSA key", type(key).__name__.removesuffix("PublicKey"), COMMAND)
    return key


def _check_key_type(asked: _Asked) -> None:
    _rsa_key(asked.csr)


def _on_key(test: Callable[[RSAPublicNumbers], None]) -> Callable[[_Asked], None]:
    return lambda asked: test(_rsa_key(asked.csr).public_numbers())


def _check_signature_algorithm(asked: _Asked) -> None:
    expected = "a signature with SHA-256 (SHA-384 and SHA-512 are taken too)"
    try:
        algorithm = asked.csr.signature_hash_algorithm
    except UnsupportedAlgorithm as error:
        raise Mismatch(expected, f"algorithm {asked.csr.signature_algorithm_oid.dotted_string}") from error
    if not isinstance(algorithm, SIGNATURE_HASHES):
        raise Mismatch(expected, algorithm.name if algorithm else "no hash", "add -sha256 to the openssl command")


def _check_proof_of_possession(asked: _Asked) -> None:
    try:
        valid = asked.csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        valid = False
    if not valid:
        raise Mismatch("a signature by the request's own key", "a signature that does not verify", "make it again, unedited")


def _common_name(csr: x509.CertificateSigningRequest) -> str:
    return request_subject(csr.tbs_certrequest_bytes)[0].text or ""


def _check_subject(asked: _Asked) -> None:
    expected = "a subject of one CN; every other field left out, e-mail too"
    try:
        fields = request_subject(asked.csr.tbs_certrequest_bytes)
    except MalformedDER as error:
        raise Mismatch(expected, "a subject that cannot be read", COMMAND) from error
    if [field.identifier for field in fields] != [COMMON_NAME]:
        received = ", ".join(field.name for field in fields) or "no field"
        raise Mismatch(expected, received, "use -subj /CN=<FQDN>")
    if fields[0].text is None:
        raise Mismatch("a CN in UTF-8 or printable characters", "another kind of string")


def _check_allowed_name(asked: _Asked) -> None:
    if asked.rules is None:
        return  # the last check compares it with the one name that is expected
    try:
        check_name(_common_name(asked.csr), asked.rules)
    except NameRefused as refused:
        raise Mismatch(refused.expected, refused.received) from refused


def _check_attributes(asked: _Asked) -> None:
    try:
        oids = [attribute.oid for attribute in asked.csr.attributes]
    except ValueError as error:
        raise Mismatch("readable attributes, each with one value", "attributes that cannot be read") from error
    strangers = [oid.dotted_string for oid in oids if oid not in ALLOWED_ATTRIBUTES]
    if strangers:
        raise Mismatch("no attribute but the extension request", ", ".join(strangers), "leave the challenge password empty")
    if len(set(oids)) != len(oids):
        raise Mismatch("each attribute once", "a repeated attribute")


def _check_alternative_names(asked: _Asked) -> None:
    expected = "no subject alternative name" if asked.rules is None else f"DNS:{_common_name(asked.csr)} or no subject alternative name"
    try:
        names = list(asked.csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise Mismatch(expected, "extensions that cannot be read") from error
    if asked.rules is None or names != [x509.DNSName(_common_name(asked.csr))]:
        raise Mismatch(expected, ", ".join(f"{type(name).__name__}:{name.value}" for name in names) or "no name")


def _check_extensions(asked: _Asked) -> None:
    for extension in asked.csr.extensions:
        test = EXTENSIONS.get(type(extension.value))
        if test is None:
            raise Mismatch("no extension beyond those the profile puts in", extension.oid.dotted_string)
        test(extension.value)


def _check_not_an_authority(value: x509.BasicConstraints) -> None:
    if value.ca:
        raise Mismatch("a request for an end's certificate", "basicConstraints CA:TRUE")


def _check_key_usage(value: x509.KeyUsage) -> None:
    if value.key_cert_sign or value.crl_sign:
        raise Mismatch("key usage of an end's certificate", "keyCertSign or cRLSign")


def _check_extended_use(value: x509.ExtendedKeyUsage) -> None:
    strangers = [use.dotted_string for use in value if use not in ALLOWED_USES]
    if strangers:
        raise Mismatch("extended key usage clientAuth and serverAuth only", ", ".join(strangers))


def _ignored(_value: x509.ExtensionType) -> None:
    """Checked elsewhere, or derived from the key by the profile."""


def _check_expected_name(asked: _Asked) -> None:
    if asked.expected_name is not None and _common_name(asked.csr) != asked.expected_name:
        raise Mismatch(asked.expected_name, _common_name(asked.csr), "ask with the name that is registered")


EXTENSIONS: Final[dict[type[x509.ExtensionType], Callable[..., None]]] = {
    x509.SubjectAlternativeName: _ignored,
    x509.SubjectKeyIdentifier: _ignored,
    x509.BasicConstraints: _check_not_an_authority,
    x509.KeyUsage: _check_key_usage,
    x509.ExtendedKeyUsage: _check_extended_use,
}
"""Extensions that may be asked for. None is copied: the profile puts in its own."""

READING: Final[tuple[Check[bytes], ...]] = (
    Check("csr-size", "the request is of a bounded size", _check_size),
    Check("csr-no-private-key", "no private key was sent along", _check_no_private_key),
    Check("csr-pem", "the text is one PEM certificate request", _check_pem),
    Check("csr-der", "the block holds a PKCS #10 request", _check_der),
)
ASKING: Final[tuple[Check[_Asked], ...]] = (
    Check("csr-key-type", "the key is RSA", _check_key_type),
    Check("csr-key-size", "the key is long enough", _on_key(rsa_strength.check_modulus_size)),
    Check("csr-key-exponent", "the public exponent is sound", _on_key(rsa_strength.check_exponent)),
    Check("csr-key-weak", "the key has no known weakness", _on_key(rsa_strength.check_not_weak)),
    Check("csr-algorithm", "the request is signed with SHA-256 or better", _check_signature_algorithm),
    Check("csr-signature", "the request is signed by its own key", _check_proof_of_possession),
    Check("csr-subject", "the subject is a CN and nothing else", _check_subject),
    Check("csr-name", "the name is one this environment certifies", _check_allowed_name),
    Check("csr-attributes", "no attribute asks for anything else", _check_attributes),
    Check("csr-alternative-names", "the alternative name, if any, is the CN", _check_alternative_names),
    Check("csr-extensions", "no extension asks for more than the profile gives", _check_extensions),
    Check("csr-expected-name", "the name is the registered one", _check_expected_name),
)
