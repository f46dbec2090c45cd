"""Signatures inside FHIR, outside ITK3: the Signature datatype of STU3 and R4 with a detached JWS over canonical JSON (itk3-messaging 3).

`Bundle.signature` is made and verified here, `Provenance.signature` in `provenance`. CDex's way is a profile of the same. What the datatype
says beside its bytes is not covered by them, so each of its members is compared with what the JWS says under protection.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.fhir import Version
from wardgate.jose import jws_octets
from wardgate.jose.canonical import canonical
from wardgate.jose.jws_octets import UnverifiedJWS, check_members
from wardgate.jose.signature_algorithms import SEAL_ALGORITHMS, algorithm_for, check_signature
from wardgate.sealing.beside_signature import CounterSigner, counter_signatures, put_beside, stamped_at
from wardgate.sealing.canonical_forms import Covered, Form, covered, form_of, read_resource
from wardgate.sealing.context import check_not_ahead
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Limits, Purpose, Signed, Statement
from wardgate.sealing.signature import PURPOSES, certificate_digest, check_signing_key, known_key, written_time
from wardgate.sealing.translation import jose_refusals
from wardgate.sealing.trust import check_signer

PURPOSE_SYSTEM: Final = "urn:iso-astm:E1762-95:2013"
ODS_SYSTEM: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
JOSE: Final = "application/jose"
JOSE_JSON: Final = "application/jose+json"
"""With a time-stamp or counter-signatures beside the signature, which the compact form has no place for."""
MAX_SIGNATURE_CHARS: Final = 100_000
KNOWN: Final = frozenset({"alg", "kid", "x5t#S256", "x5c", "typ", "cty", "crit", "canon", "sigT", "srCms", "role", "obo", "kty", "use", "iat"})
"""`x5c` names a certificate, which the directory must have; `kty`, `use` and `iat` say nothing that is used."""
_OID: Final = "urn:oid:"
_DATA: Final = {Version.STU3: "blob", Version.R4: "data"}
_WHO: Final = {Version.STU3: "whoReference", Version.R4: "who"}
_ON_BEHALF: Final = {Version.STU3: "onBehalfOfReference", Version.R4: "onBehalfOf"}
DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Profile:
    """Which signatures are accepted."""

    forms: frozenset[Form]
    """What they may cover. Forms that leave the narrative or the data out are not among them unless they are named."""
    assumed: Form | None = None
    """The form of a signature that names none; None: it is refused."""
    algorithms: frozenset[str] = SEAL_ALGORITHMS | {"RS256"}
    protected_statement: bool = True
    """Whether time and purpose must be said under the signature's protection."""


FHIR: Final = Profile(frozenset({Form.WHOLE, Form.DOCUMENT}))
CDEX: Final = Profile(frozenset({Form.DOCUMENT}), assumed=Form.DOCUMENT)
"""Da Vinci CDex: without signature, id and meta."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is put beside a signature when it is made."""

    stamper: TimeStamper | None = None
    counter_signers: tuple[CounterSigner, ...] = ()


NOTHING: Final = Beside()


@dataclass(frozen=True, slots=True)
class ReadSignature:
    """A signature as somebody sent it, with the octets that it would cover."""

    jws: UnverifiedJWS
    covered: Covered = field(repr=False)
    statement: Statement
    who: str | None
    """The ODS code that the datatype names."""


@dataclass(frozen=True, slots=True)
class VerifiedResource:
    """A verified signature, and the part of the resource that it covers: nothing else of the resource is proved."""

    signed: Signed
    resource: dict[str, Any] = field(repr=False)


def sign_bundle(
    document: bytes, statement: Statement, signer: SigningKey, organisation: str, *, version: Version = Version.R4, form: Form = Form.DOCUMENT,
    beside: Beside = NOTHING,
) -> bytes:
    """Return the Bundle with its signature, in canonical JSON. Raises `SealRefused`."""
    resource = read_resource(document)
    if resource["resourceType"] != "Bundle" or "signature" in resource:
        raise SealRefused("seal-malformed", "a Bundle without a signature", "another resource")
    signature = made_signature(covered(resource, form), form, statement, signer, organisation, version, beside)
    return canonical(resource | {"signature": signature})


def verify_bundle(
    document: bytes, *, directory: KeyDirectory, now: datetime, version: Version = Version.R4, profile: Profile = FHIR, limits: Limits = DEFAULT_LIMITS,
) -> VerifiedResource:
    """Return who signed the Bundle and what of it is signed. Raises `SealRefused`."""
    resource = read_resource(document)
    if resource["resourceType"] != "Bundle" or "signature" not in resource:
        raise SealRefused("seal-signature-missing", "a Bundle with a signature of its own", "none in that place")
    return verify_signature(read_signature(resource["signature"], resource, version, profile), directory=directory, now=now, profile=profile, limits=limits)


def made_signature(
    part: Covered, form: Form, statement: Statement, signer: SigningKey, organisation: str, version: Version, beside: Beside = NOTHING,
) -> dict[str, Any]:
    """Return a Signature datatype over a part of a resource. Raises `SealRefused`."""
    check_signing_key(signer, organisation, statement.signed_at)
    with jose_refusals():
        algorithm_for(signer.algorithm, signer.certificate.public_key(), SEAL_ALGORITHMS)
    certificate = b64encode(signer.certificate.public_bytes(Encoding.DER)).decode("ascii")
    header: dict[str, Any] = {
        "alg": signer.algorithm, "kid": signer.kid, "x5t#S256": certificate_digest(signer.certificate), "x5c": [certificate],
        "canon": form.url, "sigT": written_time(statement.signed_at),
        "srCms": [{"commId": {"id": _OID + statement.purpose.code, "desc": statement.purpose.name.replace("_", " ").lower()}}],
    }
    header |= {"role": statement.role} if statement.role is not None else {}
    header |= {"obo": dict(statement.on_behalf_of)} if statement.on_behalf_of is not None else {}
    protected, _, made = jws_octets.sign_detached(header, part.octets, signer.sign).rpartition(b".")
    jws = b"".join(put_beside(protected, made, beside.stamper, beside.counter_signers))
    kind = JOSE_JSON if jws[:1] == b"{" else JOSE
    formats = {"contentType": kind} if version is Version.STU3 else {"targetFormat": form.media_type, "sigFormat": kind}
    behalf = {_ON_BEHALF[version]: dict(statement.on_behalf_of)} if statement.on_behalf_of is not None else {}
    return {
        "type": [{"system": PURPOSE_SYSTEM, "code": statement.purpose.code}], "when": header["sigT"],
        _WHO[version]: {"identifier": {"system": ODS_SYSTEM, "value": organisation}}, **behalf, **formats,
        _DATA[version]: b64encode(jws).decode("ascii"),
    }


def read_signature(signature: Any, resource: dict[str, Any], version: Version, profile: Profile) -> ReadSignature:
    """Return a signature that is of the profile, with what it covers of a resource. Nothing is verified yet. Raises `SealRefused`."""
    if type(signature) is not dict or not isinstance(signature.get(_DATA[version]), str) or len(signature[_DATA[version]]) > MAX_SIGNATURE_CHARS:
        raise SealRefused("seal-malformed", "one Signature with its bytes", "another value")
    kind = signature.get("sigFormat", signature.get("contentType", JOSE))
    if kind not in (JOSE, JOSE_JSON):
        raise SealRefused("seal-algorithm-refused", f"a signature of {JOSE}", "another format")
    try:
        compact = b64decode(signature[_DATA[version]], validate=True)
    except ValueError:
        raise SealRefused("seal-malformed", "a signature's bytes in base64", "other characters") from None
    with jose_refusals():
        jws = jws_octets.parse(compact, MAX_SIGNATURE_CHARS)
        check_members(jws.header, KNOWN, ())
    if jws.encoded_payload is not None:
        raise SealRefused("signature-wrapped", "a detached signature over the resource it is in", "one with a payload of its own")
    if bool(jws.unprotected) != (kind == JOSE_JSON):
        raise SealRefused("seal-malformed", f"a JWS in the form of {kind}", "another form")
    form = _form(signature, jws.header, profile)
    return ReadSignature(jws, covered(resource, form), _statement(signature, jws.header, version, profile), _organisation(signature, version))


def verify_signature(read: ReadSignature, *, directory: KeyDirectory, now: datetime, profile: Profile, limits: Limits) -> VerifiedResource:
    """Return what the signature proves. Whose signature it should be is the caller's to compare with `Signed.organisation`. Raises `SealRefused`."""
    key = _key(read.jws.header, directory)
    with jose_refusals():
        algorithm = algorithm_for(read.jws.header.get("alg"), key.certificate.public_key(), profile.algorithms)
    organisation = read.who if read.who is not None else key.organisation
    stamped = stamped_at(read.jws, directory, now)
    check_signer(key, directory, organisation=organisation, signed_at=read.statement.signed_at, now=now, stamped_at=stamped)
    with jose_refusals():
        check_signature(algorithm, key.certificate.public_key(), read.jws.signature, read.jws.signed_octets(read.covered.octets))
    counter = counter_signatures(read.jws, directory, now, limits)
    check_not_ahead(read.statement.signed_at, now, limits)
    digest = sha256(read.covered.octets).hexdigest()
    signed = Signed(key.kid, algorithm.name, key.certificate, key.organisation, read.statement, read.covered.words, digest, stamped, counter)
    return VerifiedResource(signed, read.covered.resource)


def _form(signature: Mapping[str, Any], header: Mapping[str, Any], profile: Profile) -> Form:
    """The form that the signature names under protection; where the datatype names one too, the same."""
    named = {form_of(str(header["canon"]))} if "canon" in header else set()
    kind, _, url = str(signature.get("targetFormat", "")).partition("canonicalization=")
    if kind and kind.partition(";")[0].strip() != "application/fhir+json":
        raise SealRefused("seal-algorithm-refused", "a signature over FHIR's JSON", "another targetFormat")
    named |= {form_of(url.strip())} if url else set()
    forms = named or ({profile.assumed} if profile.assumed is not None else set())
    if len(forms) != 1 or not forms <= profile.forms:
        raise SealRefused("signature-wrapped", "one canonical form, " + " or ".join(f"'{form.value}'" for form in sorted(profile.forms)), "another, or two")
    return forms.pop()


def _statement(signature: Mapping[str, Any], header: Mapping[str, Any], version: Version, profile: Profile) -> Statement:
    """What the signer says; each member of the datatype is the same as under protection, where it must be."""
    when = _instant(signature.get("when"))
    types = _types(signature.get("type"))
    if (profile.protected_statement or "sigT" in header) and _instant(header.get("sigT")) != when:
        raise SealRefused("signature-invalid", "sigT is Signature.when", "another time")
    if (profile.protected_statement or "srCms" in header) and types != _commitments(header.get("srCms")):
        raise SealRefused("signature-purpose", "srCms is Signature.type", "another purpose")
    behalf = signature.get(_ON_BEHALF[version])
    if behalf != header.get("obo"):
        raise SealRefused("signature-invalid", "onBehalfOf as it was signed", "another person")
    purpose: Purpose | None = PURPOSES.get(types[0]) if len(types) == 1 else None
    role = header.get("role")
    if purpose is None or not (role is None or (type(role) is str and 0 < len(role) <= 100)):
        raise SealRefused("signature-purpose", "one purpose of ASTM E1762-95", "another value")
    return Statement(when, purpose, role, behalf if isinstance(behalf, dict) else None)


def _types(value: Any) -> list[str]:
    if type(value) is not list:
        return []
    return [str(one.get("code")) for one in value if type(one) is dict and one.get("system") == PURPOSE_SYSTEM]


def _commitments(value: Any) -> list[str]:
    match value:
        case [{"commId": {"id": str(name)}}]:
            return [name.removeprefix(_OID)]
        case _:
            return ["none"]


def _instant(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise SealRefused("signature-invalid", "a signing time with its offset", "another value")
    return at.astimezone(UTC)


def _organisation(signature: Mapping[str, Any], version: Version) -> str | None:
    match signature.get(_WHO[version]):
        case {"identifier": {"system": system, "value": str(value)}} if system == ODS_SYSTEM:
            return value
        case _:
            return None


def _key(header: Mapping[str, Any], directory: KeyDirectory) -> MessageKey:
    """The directory's key, by kid, else by the certificate that `x5c` begins with."""
    if isinstance(header.get("kid"), str):
        digest = header.get("x5t#S256")
        return known_key(directory, header["kid"], digest if isinstance(digest, str) else None)
    chain = header.get("x5c")
    try:
        first = b64decode(chain[0], validate=True) if isinstance(chain, list) and chain and isinstance(chain[0], str) else b""
    except ValueError:
        first = b""
    key = directory.by_certificate(sha256(first).digest())
    if key is None:
        raise SealRefused("signer-unknown", "a key or certificate of the directory", "another")
    return key
