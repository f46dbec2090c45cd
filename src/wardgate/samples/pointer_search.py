"""The parameters of a search for pointers (spine 10, 8.2): `_id` alone, or `subject`, with `type` and `custodian` or without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.samples.outcomes import Refused
from wardgate.samples.pointer_resource import SNOMED
from wardgate.samples.references import ORGANISATION, PATIENT, shown
from wardgate.spine.identifiers import ODS_SYSTEM, is_ods_code, nhs_number_holds

TYPE_NAMES: Final = frozenset({"type", "type.coding"})
CUSTODIAN_NAMES: Final = frozenset({"custodian", "custodian.identifier"})


@dataclass(frozen=True, slots=True)
class PointerQuery:
    """What is looked for."""

    identifier: str | None = None
    nhs_number: str | None = None
    type: str | None = None
    custodian: str | None = None


def query_of(pairs: Sequence[tuple[str, str]], knows_organisation: Callable[[str], bool]) -> PointerQuery:
    """Return what the parameters ask for. Raises `Refused`."""
    given = _once(pairs)
    if "_id" in given:
        if len(given) != 1:
            raise Refused("INVALID_PARAMETER", "_id cannot be combined with another parameter")
        return PointerQuery(identifier=given["_id"])
    if "subject" not in given:
        raise Refused("INVALID_PARAMETER", "subject or _id is needed")
    return PointerQuery(None, patient_of(given["subject"]), _type(given.get("type")), _custodian(given.get("custodian"), knows_organisation))


def _once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        known = "type" if name in TYPE_NAMES else "custodian" if name in CUSTODIAN_NAMES else name
        if known not in {"_id", "subject", "type", "custodian"}:
            raise Refused("INVALID_PARAMETER", f"The parameter {shown(name)} is not one of this search")
        if known in found:
            raise Refused("INVALID_PARAMETER", f"The parameter {known} is there more than once")
        found[known] = value
    return found


def patient_of(subject: str) -> str:
    """Return the NHS number of the parameter `subject`. Raises `Refused`."""
    number = subject.removeprefix(PATIENT)
    if number == subject or not number:
        raise Refused("INVALID_PARAMETER", f"subject is {PATIENT}[NHS number]")
    if not nhs_number_holds(number):
        raise Refused("INVALID_NHS_NUMBER", f"The NHS number does not conform to the NHS Number format: {shown(number)}")
    return number


def _type(value: str | None) -> str | None:
    if value is not None and not (value.startswith(SNOMED + "|") and len(value) > len(SNOMED) + 1):
        raise Refused("INVALID_PARAMETER", f"type is {SNOMED}|[code]")
    return value


def _custodian(value: str | None, knows_organisation: Callable[[str], bool]) -> str | None:
    if value is None:
        return None
    code = next((value.removeprefix(prefix) for prefix in (ODS_SYSTEM + "|", ORGANISATION) if value.startswith(prefix)), "")
    if not is_ods_code(code):
        raise Refused("INVALID_PARAMETER", f"custodian is {ODS_SYSTEM}|[ODS code]")
    if not knows_organisation(code):
        raise Refused("ORGANISATION_NOT_FOUND", f"The ODS code in the custodian and/or author element is not resolvable - {code}")
    return code


def identifier_query(pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return NHS number and master identifier of an update or removal without an id in the path. Raises `Refused`."""
    given = dict(pairs)
    if len(pairs) != 2 or set(given) != {"subject", "identifier"}:
        raise Refused("INVALID_PARAMETER", "The path has the pointer's id, or the query has subject and identifier")
    system, bar, value = given["identifier"].partition("|")
    if not (system and bar and value):
        raise Refused("INVALID_PARAMETER", "identifier is [system]|[value] of masterIdentifier")
    return patient_of(given["subject"]), f"{system}|{value}"
