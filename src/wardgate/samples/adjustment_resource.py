"""What the resources of a record of reasonable adjustments have to be, and which of their changes is one (spine 9.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.fhir import Resource
from wardgate.samples.outcomes import Refused
from wardgate.samples.provenance import check_filled
from wardgate.samples.references import PATIENT, codings, shown, tail_of
from wardgate.samples.removal import removal_of, without_removal
from wardgate.spine.identifiers import nhs_number_holds

CATEGORY_SYSTEM: Final = "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-FlagCategory-1"
CATEGORY: Final = (CATEGORY_SYSTEM, "NRAF")


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of resource of the record: where it says whose it is, and whether it is in force."""

    name: str
    patient: str
    status: str
    active: str
    inactive: str
    searched: tuple[str, ...] = ()
    """The parameters of a search, all of them mandatory; none: it is not searched."""
    server_fills: bool = False
    """Whether the server fills its Provenance."""
    sole: str | None = None
    """What a patient is told to have already, of a type of which there is one in force."""


KINDS: Final[Mapping[str, Kind]] = {row.name: row for row in (
    Kind("Consent", "patient", "status", "active", "inactive", ("patient", "status", "category"), True, "The patient already has an active consent"),
    Kind("Flag", "subject", "status", "active", "inactive", ("patient", "status", "category"), True),
    Kind("List", "subject", "status", "current", "retired", ("patient", "status", "code"), False, "The patient already has a current list"),
    Kind("Condition", "subject", "clinicalStatus", "active", "inactive"),
)}  # fmt: skip


def check_new(kind: Kind, resource: Resource) -> str:
    """Return whose a new resource is. Raises `Refused` with the first rule that does not hold."""
    if "id" in resource:
        raise Refused("MSG_RESOURCE_ID_FAIL", "The server gives a resource its id")
    number = patient_of(kind, resource)
    if resource.get(kind.status) != kind.active:
        raise _invalid(f"{kind.status} of a new {kind.name} is {kind.active}")
    if removal_of(resource) is not None:
        raise _invalid(f"A new {kind.name} has no reason for its removal")
    if "category" in kind.searched and CATEGORY not in categories(resource):
        raise _invalid(f"category is {CATEGORY[1]} of {CATEGORY[0]}")
    if kind.name in {"List", "Condition"} and not codings(resource.get("code")):
        raise _invalid(f"{kind.name}.code is mandatory")
    _check_contained(kind, resource)
    return number


def _check_contained(kind: Kind, resource: Resource) -> None:
    if kind.name == "Condition":
        check_filled(resource)
    elif kind.name == "List" and any(one["resourceType"] == "Provenance" for one in resource.get("contained", [])):
        raise _invalid("A List carries no Provenance")


def patient_of(kind: Kind, resource: Resource) -> str:
    """Return the NHS number of the patient that a resource is about. Raises `Refused`."""
    number = tail_of(resource.get(kind.patient), PATIENT)
    if number is None:
        raise _invalid(f"{kind.patient}.reference is {PATIENT}[NHS number]")
    if not nhs_number_holds(number):
        raise Refused("INVALID_NHS_NUMBER", f"The NHS number does not conform to the NHS Number format: {shown(number)}")
    return number


def categories(resource: Resource) -> list[tuple[str, str]]:
    """Return the codings of `category`, of which a Consent has a list and a Flag one."""
    held = resource.get("category", [])
    return [coding for concept in (held if isinstance(held, list) else [held]) for coding in codings(concept)]


def check_change(kind: Kind, before: Resource, after: Resource) -> None:
    """Raise `Refused` unless a change is one of those there are: into inactive with its reason, or a list's entries."""
    if before.get(kind.status) != kind.active:
        raise _invalid(f"The {kind.name} is not {kind.active}: nothing of it changes any more")
    if kind.name == "List" and after.get("status") == kind.active:
        _check_entries(before, after)
        return
    if after.get(kind.status) != kind.inactive:
        raise _invalid(f"The only change is {kind.status} from {kind.active} to {kind.inactive}")
    if removal_of(after) is None:
        raise _invalid("removalReason and supportingComment are mandatory")
    if _rest(kind, before) != _rest(kind, after):
        raise _invalid(f"The only change is {kind.status} from {kind.active} to {kind.inactive}, with its reason")
    _check_contained(kind, after)


def _rest(kind: Kind, resource: Resource, *more: str) -> dict[str, Any]:
    """Return what of a resource must stay: not its version, the server's Provenance, its status and the reason."""
    left = {name: value for name, value in resource.items() if name not in {"meta", "contained", "extension", kind.status, *more}}
    contained = [one for one in resource.get("contained", []) if one["resourceType"] != "Provenance"]
    return left | {"contained": contained, "extension": without_removal(resource)}


def _check_entries(before: Resource, after: Resource) -> None:
    """Raise `Refused` unless a list keeps its entries in their places, some newly marked as deleted, and gains others behind them."""
    kind = KINDS["List"]
    kept, now = before.get("entry", []), after.get("entry", [])
    same = len(now) >= len(kept) and all(new in (old, {**old, "deleted": True}) for old, new in zip(kept, now, strict=False))
    if not same or _rest(kind, before, "entry", "date") != _rest(kind, after, "entry", "date"):
        raise _invalid("Of a current List only entries are added, or marked as deleted")
    _check_contained(kind, after)


def _invalid(diagnostics: str) -> Refused:
    return Refused("INVALID_RESOURCE", diagnostics)
