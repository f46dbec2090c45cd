"""What a certificate of each kind says, and what must hold before one is signed.

The shape of application-restricted 8.2: a root of RSA 4096 that signs with SHA-384, issuing authorities of RSA 2048
below it; and of spec README rule 29 for what they issue: RSA 2048 or more, SHA-256, CN = SAN = FQDN, 3 years.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wardgate.pki import rsa_strength
from wardgate.pki.check import Check, Mismatch
from wardgate.pki.errors import NameRefused
from wardgate.pki.names import MAX_COMMON_NAME_CHARACTERS, NameRules, check_name, check_server_name

ROOT_KEY_BITS: Final = 4096
KEY_BITS: Final = 2048
COUNTRY: Final = "GB"
ORGANISATION: Final = "Wardgate"
AUTHORITY_UNIT: Final = "CA"
PEOPLE_UNIT: Final = "People"
ORGANISATION_URN: Final = "urn:nhs-uk:addressing:ods:"
"""Begins the alternative name by which a certificate names an organisation (itk3-messaging 2.2)."""
DOCUMENT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""RFC 9336."""
MESSAGE_CURVE: Final = "secp256r1"
SMARTCARD: Final = " (smartcard)"
"""Ends the CN of a person's certificate: a space stands in no DNS name."""
MAX_SERVER_NAMES: Final = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """A certificate before it is signed."""

    subject: x509.Name
    names: tuple[str, ...]
    public_key: RSAPublicKey | EllipticCurvePublicKey
    validity: timedelta
    uris: tuple[str, ...] = ()
    """Alternative names that are URIs."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is put in, and the validators that a draft must pass. `path_length` is None for what may not sign."""

    name: str
    validators: tuple[Check[Draft], ...]
    key_usage: frozenset[str]
    extended_key_usage: tuple[x509.ObjectIdentifier, ...] = ()
    path_length: int | None = None
    critical_purpose: bool = False
    """Whether nobody may ignore the extended key usage (RFC 3161 section 2.3)."""
    ocsp_no_check: bool = False
    """RFC 6960 section 4.2.2.2.1: clients need not ask whether the responder's own certificate is revoked."""


def common_name(name: str) -> x509.Name:
    """A subject of one CN and nothing else."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def person_subject(username: str, name: str) -> x509.Name:
    """The subject of a person's smartcard: UID says who it is, CN is for people and is no DNS name.

    Nothing that looks for an application by a certificate's CN or DNS name can take a person for one.
    """
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, PEOPLE_UNIT),
        x509.NameAttribute(NameOID.USER_ID, username),
        x509.NameAttribute(NameOID.COMMON_NAME, name[: MAX_COMMON_NAME_CHARACTERS - len(SMARTCARD)] + SMARTCARD),
    ])


def person_name(subject: x509.Name) -> str:
    """The name that `person_subject` was given, as far as it fitted."""
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).removesuffix(SMARTCARD)


def authority_subject(name: str) -> x509.Name:
    """C=GB, O=Wardgate, OU=CA and the authority's own name; raises `ValueError` when that is too long."""
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, AUTHORITY_UNIT),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])


def root_name(environment: str) -> str:
    """The common name of an environment's root."""
    return _bounded(f"Wardgate {environment} Root Authority")


def issuing_name(environment: str, generation: int) -> str:
    """The common name of an environment's issuing authority; from the second generation on it says which."""
    return _bounded(f"Wardgate {environment} Authentication" + (f" G{generation}" if generation > 1 else ""))


def _bounded(name: str) -> str:
    if len(name) > MAX_COMMON_NAME_CHARACTERS:
        raise ValueError(f"an authority's name has at most {MAX_COMMON_NAME_CHARACTERS} characters: {name}")
    return name


def organisation_subject(ods: str, use: str, kid: str) -> x509.Name:
    """The subject of an organisation's message key. Its CN has spaces: nothing that looks for a DNS name can take it for one."""
    name = f"{ods} message {use} {kid}"
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, ods),
        x509.NameAttribute(NameOID.COMMON_NAME, name[:MAX_COMMON_NAME_CHARACTERS].rstrip()),
    ])


def _key_strength(draft: Draft) -> None:
    if not isinstance(draft.public_key, RSAPublicKey):
        raise Mismatch("an RSA key", f"a key on {draft.public_key.curve.name}")
    numbers = draft.public_key.public_numbers()
    rsa_strength.check_modulus_size(numbers)
    rsa_strength.check_exponent(numbers)
    rsa_strength.check_not_weak(numbers)


def _root_key_size(draft: Draft) -> None:
    if draft.public_key.key_size < ROOT_KEY_BITS:
        raise Mismatch(f"a key of {ROOT_KEY_BITS} bits or more", f"{draft.public_key.key_size} bits")


def _message_key_strength(draft: Draft) -> None:
    if isinstance(draft.public_key, RSAPublicKey):
        _key_strength(draft)
    elif draft.public_key.curve.name != MESSAGE_CURVE:
        raise Mismatch(f"an RSA key, or one on {MESSAGE_CURVE}", f"a key on {draft.public_key.curve.name}")


def _names_one_organisation(draft: Draft) -> None:
    units = [str(attribute.value) for attribute in draft.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    if draft.names or list(draft.uris) != [ORGANISATION_URN + unit for unit in units] or len(units) != 1:
        raise Mismatch("one organisation, as OU and as URI, and no DNS name", f"{draft.subject.rfc4514_string()}; {', '.join((*draft.names, *draft.uris))}")


def _no_names(draft: Draft) -> None:
    if draft.names:
        raise Mismatch("no DNS name", ", ".join(draft.names))


def _subject_is_a_person(draft: Draft) -> None:
    users = [str(attribute.value) for attribute in draft.subject.get_attributes_for_oid(NameOID.USER_ID)]
    if len(users) != 1 or not users[0] or draft.subject != person_subject(users[0], person_name(draft.subject)):
        raise Mismatch(f"O={ORGANISATION}, OU={PEOPLE_UNIT}, one UID, and a CN that ends in{SMARTCARD}", draft.subject.rfc4514_string())


def _subject_is_the_one_name(draft: Draft) -> None:
    if len(draft.names) != 1 or draft.subject != common_name(draft.names[0]):
        raise Mismatch("CN = SAN = one name, and nothing else", f"{draft.subject.rfc4514_string()}; {', '.join(draft.names)}")


def _server_names(draft: Draft) -> None:
    if not 1 <= len(draft.names) <= MAX_SERVER_NAMES or len(set(draft.names)) != len(draft.names):
        raise Mismatch(f"1 to {MAX_SERVER_NAMES} different names", f"{len(draft.names)} names")
    for name in draft.names:
        try:
            check_server_name(name)
        except NameRefused as refused:
            raise Mismatch(refused.expected, refused.received) from refused


def _name_under(rules: NameRules) -> Callable[[Draft], None]:
    def test(draft: Draft) -> None:
        for name in draft.names:
            try:
                check_name(name, rules)
            except NameRefused as refused:
                raise Mismatch(refused.expected, refused.received) from refused

    return test


KEY_STRENGTH: Final = Check("key-strength", "the key is RSA, long enough and not weak", _key_strength)
ROOT_KEY_SIZE: Final = Check("root-key-size", "a root's key has 4096 bits", _root_key_size)
NO_NAMES: Final = Check("no-names", "an authority or person has no DNS name", _no_names)
PERSON: Final = Check("person", "the subject is a person and nothing else", _subject_is_a_person)
ONE_NAME: Final = Check("one-name", "the subject is the one DNS name", _subject_is_the_one_name)
SERVED_NAMES: Final = Check("server-names", "every name may stand in a server certificate", _server_names)

MESSAGE_KEY_STRENGTH: Final = Check("message-key-strength", "the key is RSA, long enough and not weak, or on P-256", _message_key_strength)
ONE_ORGANISATION: Final = Check("one-organisation", "the subject is one organisation and nothing else", _names_one_organisation)

SIGNS: Final = frozenset({"key_cert_sign", "crl_sign", "digital_signature"})
"""`digital_signature` because an authority answers OCSP itself (RFC 6960 section 4.2.2.2)."""
TLS_KEY: Final = frozenset({"digital_signature", "key_encipherment"})

ROOT: Final = Profile("root", (KEY_STRENGTH, ROOT_KEY_SIZE, NO_NAMES), SIGNS, path_length=1)
ISSUING: Final = Profile("issuing", (KEY_STRENGTH, NO_NAMES), SIGNS, path_length=0)
SERVER: Final = Profile("server", (KEY_STRENGTH, SERVED_NAMES), TLS_KEY, (ExtendedKeyUsageOID.SERVER_AUTH,))
RELAY: Final = Profile("relay", (KEY_STRENGTH, SERVED_NAMES), TLS_KEY, (ExtendedKeyUsageOID.CLIENT_AUTH,))
"""The gateway's own as a client: what the secure proxy shows to endpoints."""
SMARTCARD_HOLDER: Final = Profile(
    "smartcard", (KEY_STRENGTH, NO_NAMES, PERSON), frozenset({"digital_signature"}), (ExtendedKeyUsageOID.CLIENT_AUTH,))
TIME_STAMPING: Final = Profile(
    "time-stamping", (KEY_STRENGTH, NO_NAMES), frozenset({"digital_signature"}), (ExtendedKeyUsageOID.TIME_STAMPING,), critical_purpose=True)
"""The environment's own time-stamping authority."""
OCSP_RESPONDER: Final = Profile(
    "ocsp-responder",
    (KEY_STRENGTH, NO_NAMES),
    frozenset({"digital_signature"}),
    (ExtendedKeyUsageOID.OCSP_SIGNING,),
    ocsp_no_check=True,
)


MESSAGE_SIGNING: Final = Profile(
    "message-signing", (MESSAGE_KEY_STRENGTH, ONE_ORGANISATION), frozenset({"digital_signature"}),
    (DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION))
"""What signs messages (itk3-messaging 6): no use in TLS. E-mail protection is what tools of CMS look for."""
_MESSAGE_ENCRYPTION: Final = {True: "key_encipherment", False: "key_agreement"}
"""By whether the key is RSA."""


def message_encryption(key: RSAPublicKey | EllipticCurvePublicKey) -> Profile:
    """The profile of what messages are sealed to: RSA keys encipher keys, others agree on them."""
    usage = _MESSAGE_ENCRYPTION[isinstance(key, RSAPublicKey)]
    return Profile("message-encryption", (MESSAGE_KEY_STRENGTH, ONE_ORGANISATION), frozenset({usage}), (ExtendedKeyUsageOID.EMAIL_PROTECTION,))


def endpoint(rules: NameRules) -> Profile:
    """The profile of systems and applications: one name under `rules`, client and server use (spec README rule 29)."""
    named = Check("allowed-name", "the name is one this environment certifies", _name_under(rules))
    return Profile(
        "endpoint",
        (KEY_STRENGTH, ONE_NAME, named),
        TLS_KEY,
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
    )
