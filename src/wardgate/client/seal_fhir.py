"""Signatures inside FHIR, outside ITK3 (which forbids them): `Bundle.signature` and Provenance, in JSON and in XML (itk3-messaging 3)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate.client.clock import SYSTEM_CLOCK
from wardgate.client.key_ring import SealKeys
from wardgate.fhir import Version
from wardgate.sealing import fhir_signature, provenance, xml_fhir
from wardgate.sealing.any_suite import media_type_of
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.fhir_signature import Beside
from wardgate.sealing.keys import SigningKey, TimeStamper
from wardgate.sealing.model import Purpose, Signed, Statement

XML: Final = "application/fhir+xml"


@dataclass(frozen=True, slots=True)
class VerifiedFHIR:
    """A good signature inside FHIR, and the part that it covers: nothing else of the resource is proved."""

    signed: Signed
    covered: dict[str, Any] | bytes = field(repr=False)
    """Of JSON the part of the resource; of XML its canonical octets."""


def sign_bundle(
    document: bytes, *, organisation: str, keys: SealKeys, purpose: Purpose = Purpose.AUTHOR, role: str | None = None, stamper: TimeStamper | None = None,
    version: Version = Version.R4, now: datetime | None = None,
) -> bytes:
    """Return a Bundle with its signature, in the form it came in. Raises `SealRefused`."""
    statement, signer = _said(organisation, keys, purpose, role, now)
    if media_type_of(document) != XML:
        return fhir_signature.sign_bundle(document, statement, signer, organisation, version=version, beside=Beside(stamper))
    if stamper is not None:
        raise SealRefused("time-stamp-missing", "a Bundle in JSON, whose signature may have a time-stamp beside it", "one in XML")
    return xml_fhir.sign_bundle(document, statement, signer, organisation, version=version)


def verify_bundle(document: bytes, *, keys: SealKeys, version: Version = Version.R4, now: datetime | None = None) -> VerifiedFHIR:
    """Return who signed a Bundle, and what of it. Raises `SealRefused`."""
    at = now or SYSTEM_CLOCK.now()
    if media_type_of(document) == XML:
        return VerifiedFHIR(*xml_fhir.verify_bundle(document, directory=keys, now=at, version=version))
    found = fhir_signature.verify_bundle(document, directory=keys, now=at, version=version)
    return VerifiedFHIR(found.signed, found.resource)


def sign_resource(
    resource: bytes, reference: str, *, organisation: str, keys: SealKeys, purpose: Purpose = Purpose.AUTHOR, role: str | None = None,
    stamper: TimeStamper | None = None, version: Version = Version.R4, now: datetime | None = None,
) -> bytes:
    """Return a Provenance that signs a resource in JSON, which `reference` names. Raises `SealRefused`."""
    statement, signer = _said(organisation, keys, purpose, role, now)
    return provenance.sign_resource(resource, reference, statement, signer, organisation, version=version, beside=Beside(stamper))


def verify_resource(signed_by: bytes, resource: bytes, *, keys: SealKeys, version: Version = Version.R4, now: datetime | None = None) -> VerifiedFHIR:
    """Return who signed a resource by a Provenance, and what of it. Raises `SealRefused`."""
    found = provenance.verify_resource(signed_by, resource, directory=keys, now=now or SYSTEM_CLOCK.now(), version=version)
    return VerifiedFHIR(found.signed, found.resource)


def _said(organisation: str, keys: SealKeys, purpose: Purpose, role: str | None, now: datetime | None) -> tuple[Statement, SigningKey]:
    signer = keys.signing_key(organisation)
    if signer is None:
        raise SealRefused("signing-key-unavailable", f"a private signing key of {organisation}, published and in date", "none")
    return Statement((now or SYSTEM_CLOCK.now()).replace(microsecond=0), purpose, role), signer
