"""Provenance.signature: a signature over another resource, which a Provenance names (itk3-messaging 3.1).

One Provenance names one target and has one signature, over the target's canonical JSON. What the Provenance itself says is not covered; its
target and agent are compared with what is.
"""

from datetime import datetime
from typing import Any, Final

from wardgate.fhir import Version
from wardgate.jose.canonical import canonical
from wardgate.sealing.canonical_forms import Form, covered, read_resource
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.fhir_signature import (
    DEFAULT_LIMITS,
    FHIR,
    NOTHING,
    ODS_SYSTEM,
    Beside,
    Profile,
    VerifiedResource,
    made_signature,
    read_signature,
    verify_signature,
)
from wardgate.sealing.keys import KeyDirectory, SigningKey
from wardgate.sealing.model import Limits, Statement
from wardgate.sealing.signature import written_time

MAX_ENTRIES: Final = 1_000


def sign_resource(
    target: bytes, reference: str, statement: Statement, signer: SigningKey, organisation: str, *, version: Version = Version.R4, form: Form = Form.WHOLE,
    beside: Beside = NOTHING,
) -> bytes:
    """Return a Provenance, in canonical JSON, whose signature is over the target; `reference` names that. Raises `SealRefused`."""
    resource = read_resource(target)
    _check_named(resource, reference)
    agent = {"identifier": {"system": ODS_SYSTEM, "value": organisation}}
    return canonical({
        "resourceType": "Provenance", "target": [{"reference": reference}], "recorded": written_time(statement.signed_at),
        "agent": [{"whoReference" if version is Version.STU3 else "who": agent}],
        "signature": [made_signature(covered(resource, form), form, statement, signer, organisation, version, beside)],
    })


def verify_resource(
    provenance: bytes, target: bytes, *, directory: KeyDirectory, now: datetime, version: Version = Version.R4, profile: Profile = FHIR,
    limits: Limits = DEFAULT_LIMITS,
) -> VerifiedResource:
    """Return who signed the target, and what of it. Raises `SealRefused`."""
    resource = read_resource(target)
    statement = read_resource(provenance)
    _check_named(resource, _target(statement))
    return _verified(statement, resource, directory, now, version, profile, limits)


def verify_in_bundle(
    bundle: bytes, *, directory: KeyDirectory, now: datetime, version: Version = Version.R4, profile: Profile = FHIR, limits: Limits = DEFAULT_LIMITS,
) -> VerifiedResource:
    """Return what the one Provenance of a Bundle proves of the entry it names: that entry and no other. Raises `SealRefused`.

    Where two entries go by one name, or two Provenances are signed, nobody could say what was meant: `signature-wrapped`.
    """
    entries = read_resource(bundle).get("entry")
    if type(entries) is not list or len(entries) > MAX_ENTRIES or not all(type(one) is dict and type(one.get("resource")) is dict for one in entries):
        raise SealRefused("seal-malformed", f"a Bundle of at most {MAX_ENTRIES} resources", "another value")
    provenances = [one["resource"] for one in entries if one["resource"].get("resourceType") == "Provenance" and "signature" in one["resource"]]
    if len(provenances) != 1:
        code = "signature-wrapped" if provenances else "seal-signature-missing"
        raise SealRefused(code, "one Provenance with a signature", f"{len(provenances)}")
    reference = _target(provenances[0])
    named = [one["resource"] for one in entries if reference in _names(one)]
    if len(named) != 1:
        raise SealRefused("signature-wrapped", "one entry that the Provenance names", f"{len(named)}")
    return _verified(provenances[0], named[0], directory, now, version, profile, limits)


def _verified(
    provenance: dict[str, Any], target: dict[str, Any], directory: KeyDirectory, now: datetime, version: Version, profile: Profile, limits: Limits,
) -> VerifiedResource:
    if type(target.get("resourceType")) is not str or target["resourceType"] == "Provenance":
        raise SealRefused("signature-wrapped", "a target that is a resource, and no Provenance", "another value")
    match provenance:
        case {"resourceType": "Provenance", "signature": [signature], "agent": [{"who": who} | {"whoReference": who}]}:
            read = read_signature(signature, target, version, profile)
        case _:
            raise SealRefused("seal-malformed", "a Provenance with one agent and one signature", "another resource")
    if read.who is not None and who != {"identifier": {"system": ODS_SYSTEM, "value": read.who}}:
        raise SealRefused("signer-organisation", "the agent of the Provenance is who signed", "another agent")
    return verify_signature(read, directory=directory, now=now, profile=profile, limits=limits)


def _target(provenance: dict[str, Any]) -> str:
    match provenance.get("target"):
        case [{"reference": str(reference)}]:
            return reference
        case _:
            raise SealRefused("signature-wrapped", "a Provenance of one target", "another number of them")


def _check_named(resource: dict[str, Any], reference: str) -> None:
    identity = str(resource.get("id"))
    if reference not in (f"urn:uuid:{identity}", f"{resource['resourceType']}/{identity}") and not reference.endswith(f"/{resource['resourceType']}/{identity}"):
        raise SealRefused("signature-wrapped", "the resource that the Provenance names", "another resource")


def _names(entry: dict[str, Any]) -> set[str]:
    resource = entry["resource"]
    return {str(entry.get("fullUrl")), f"{resource.get('resourceType')}/{resource.get('id')}"}
