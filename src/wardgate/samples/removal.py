"""Why something is taken off a record: a coded reason and a comment, both mandatory (spine 9.3)."""

from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.fhir import Resource
from wardgate.samples.outcomes import Refused
from wardgate.samples.references import codings, shown
from wardgate.spine.identifiers import nhs_number_holds

EXTENSION: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-RARecord-RemovalReason-1"
SYSTEM: Final = "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-RemovalReason-1"
REASONS: Final = frozenset({"Error", "PatientDissent", "ProxyDissent", "DoesntApply", "BestInterest"})
OPERATION: Final = "removerarecord"


@dataclass(frozen=True, slots=True)
class Removal:
    """A reason, as it is kept with what was removed."""

    concept: dict[str, Any]
    comment: str = field(repr=False)

    @property
    def extension(self) -> dict[str, Any]:
        """The extension of a resource that has become inactive."""
        return {"url": EXTENSION, "extension": [{"url": "removalReason", "valueCodeableConcept": self.concept},
                                                {"url": "supportingComment", "valueString": self.comment}]}


def _removal(concept: Any, comment: Any) -> Removal:
    known = [code for system, code in codings(concept) if system == SYSTEM and code in REASONS]
    if len(known) != 1:
        raise Refused("INVALID_RESOURCE", f"removalReason is one code of {SYSTEM}")
    if not isinstance(comment, str) or not comment.strip():
        raise Refused("INVALID_RESOURCE", "supportingComment is mandatory")
    return Removal(concept, comment)


def removal_of(resource: Resource) -> Removal | None:
    """Return why a resource was removed; None where it does not say. Raises `Refused` for a reason that is none."""
    found = [one for one in resource.get("extension", []) if one.get("url") == EXTENSION]
    if not found:
        return None
    parts = {one.get("url"): one for one in found[0].get("extension", [])}
    return _removal(parts.get("removalReason", {}).get("valueCodeableConcept"), parts.get("supportingComment", {}).get("valueString"))


def without_removal(resource: Resource) -> list[Any]:
    """Return a resource's other extensions."""
    return [one for one in resource.get("extension", []) if one.get("url") != EXTENSION]


def request_of(parameters: Resource) -> tuple[str, Removal]:
    """Return whose record `$removerarecord` removes, and why. Raises `Refused`."""
    found = parameters.get("parameter", [])
    if len(found) != 1 or found[0].get("name", "").lower() != OPERATION:
        raise Refused("INVALID_RESOURCE", f"Parameters have the one parameter {OPERATION}")
    parts = {part.get("name"): part for part in found[0].get("part", [])}
    number = parts.get("nhsNumber", {}).get("valueString") or parts.get("nhsNumber", {}).get("valueIdentifier", {}).get("value")
    if number is None:
        raise Refused("INVALID_RESOURCE", "nhsNumber is mandatory")
    if not nhs_number_holds(number):
        raise Refused("INVALID_NHS_NUMBER", f"The NHS number does not conform to the NHS Number format: {shown(number)}")
    return number, _removal(parts.get("removalReason", {}).get("valueCodeableConcept"), parts.get("supportingComment", {}).get("valueString"))
