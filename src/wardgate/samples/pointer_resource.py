"""What a pointer has to be: the elements of a DocumentReference that the record asks for, in the order in which they are looked at (spine 10, 8.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.fhir import Resource
from wardgate.samples.outcomes import Refused
from wardgate.samples.references import ORGANISATION, PATIENT, codings, ods_code_of, shown, tail_of
from wardgate.spine.identifiers import nhs_number_holds

SNOMED: Final = "http://snomed.info/sct"
NOT_CURRENT: Final = "DocumentReference status is not 'current'"
STATUSES: Final = frozenset({"current", "superseded", "entered-in-error"})
MANDATORY: Final = ("status", "type", "class", "subject", "indexed", "author", "custodian", "content", "context")


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer that holds: whose record, who keeps it, who owns the information, of which type."""

    nhs_number: str
    custodian: str
    author: str
    type: str
    """System, a bar, and code."""
    master: tuple[str, str] | None
    replaces: Mapping[str, Any] | None


def pointer_of(resource: Resource, knows_organisation: Callable[[str], bool]) -> Pointer:
    """Return what a new DocumentReference points to. Raises `Refused` with the first rule that does not hold."""
    _shape(resource)
    if resource["status"] not in STATUSES:
        raise _invalid("status is not one of document-reference-status")
    if resource["status"] != "current":
        raise Refused("BAD_REQUEST", NOT_CURRENT)
    kinds = codings(resource["type"])
    if len(kinds) != 1 or kinds[0][0] != SNOMED:
        raise _invalid(f"type has one coding of {SNOMED}")
    number = _patient(resource["subject"])
    author, custodian = (_organisation(value, name) for name, value in (("author", resource["author"][0]), ("custodian", resource["custodian"])))
    for code in (custodian, author):
        if not knows_organisation(code):
            raise Refused("ORGANISATION_NOT_FOUND", f"The ODS code in the custodian and/or author element is not resolvable - {code}")
    _content(resource)
    return Pointer(number, custodian, author, "|".join(kinds[0]), _master(resource), _replaced(resource))


def _shape(resource: Resource) -> None:
    if "id" in resource:
        raise Refused("MSG_RESOURCE_ID_FAIL", "The server gives a pointer its id")
    for name in MANDATORY:
        if name not in resource:
            raise _invalid(f"{name} is mandatory")
    if len(resource["author"]) != 1:
        raise _invalid("there is one author")


def _patient(subject: Any) -> str:
    number = tail_of(subject, PATIENT)
    if number is None:
        raise _invalid(f"subject.reference is {PATIENT}[NHS number]")
    if not nhs_number_holds(number):
        raise Refused("INVALID_NHS_NUMBER", f"The NHS number does not conform to the NHS Number format: {shown(number)}")
    return number


def _organisation(value: Any, name: str) -> str:
    code = ods_code_of(value)
    if code is None:
        raise _invalid(f"{name}.reference is {ORGANISATION}[ODS code]")
    return code


def _content(resource: Resource) -> None:
    for content in resource["content"]:
        attachment = content.get("attachment", {})
        if "url" not in attachment or "contentType" not in attachment:
            raise _invalid("content.attachment has url and contentType")
        if "code" not in content.get("format", {}) or "system" not in content["format"]:
            raise _invalid("content.format has system and code")


def _master(resource: Resource) -> tuple[str, str] | None:
    identifier = resource.get("masterIdentifier")
    if identifier is None:
        return None
    if "system" not in identifier or "value" not in identifier:
        raise _invalid("masterIdentifier has system and value")
    return identifier["system"], identifier["value"]


def _replaced(resource: Resource) -> Mapping[str, Any] | None:
    relations = resource.get("relatesTo", [])
    if not relations:
        return None
    if len(relations) != 1 or relations[0].get("code") != "replaces":
        raise _invalid("relatesTo has the code replaces, once")
    target: Mapping[str, Any] = relations[0].get("target", {})
    if "reference" not in target and not {"system", "value"}.issubset(target.get("identifier", {})):
        raise _invalid("relatesTo.target has a reference, or an identifier with system and value")
    return target


def _invalid(diagnostics: str) -> Refused:
    return Refused("INVALID_RESOURCE", diagnostics)


def check_update(resource: Resource) -> None:
    """Raise `Refused` unless Parameters ask for the one change there is: a status of entered-in-error (spine 10)."""
    operations = [one for one in resource.get("parameter", []) if one.get("name") == "operation"]
    if len(operations) != 1 or len(resource["parameter"]) != 1:
        raise _invalid("Parameters have one operation")
    parts = {part.get("name"): next((value for name, value in part.items() if name.startswith("value")), None) for part in operations[0].get("part", [])}
    for name, value in (("type", "replace"), ("path", "DocumentReference.status"), ("value", "entered-in-error")):
        if parts.get(name) != value:
            raise _invalid(f"The parameter {name} has the value {value}")
