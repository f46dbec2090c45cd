"""A record of reasonable adjustments: one active Consent, Flags, one current List with its Conditions (spine 9.3, 9.4)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from wardgate.fhir import Resource
from wardgate.samples.adjustment_resource import KINDS, Kind, categories, check_change, check_new, patient_of
from wardgate.samples.outcomes import Refused
from wardgate.samples.provenance import RoleProfile, Roles, author_of, with_provenance
from wardgate.samples.records import Record, Records, Taken, Transaction
from wardgate.samples.references import codings, shown
from wardgate.samples.removal import Removal, request_of, without_removal
from wardgate.spine.identifiers import nhs_number_holds

MAX_OF_ONE_PATIENT: Final = 200
CREATE: Final = "CREATE"
UPDATE: Final = "UPDATE"


class Adjustments:
    """The rules over one file of records. Every method is one transaction, and raises `Refused`."""

    def __init__(self, records: Records, roles: Roles, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._roles = roles
        self._clock = clock

    def author(self, authorization: str | None) -> RoleProfile:
        """Return who acts: every call, of whatever kind, is somebody's."""
        return author_of(authorization, self._roles, self._clock())

    def create(self, author: RoleProfile, resource: Resource) -> Record:
        """Keep a new resource."""
        kind = KINDS[resource["resourceType"]]
        number = check_new(kind, resource)
        with self._records.transaction() as kept:
            if len(kept.find(kind.name, MAX_OF_ONE_PATIENT, patient=number)) >= MAX_OF_ONE_PATIENT:
                raise Refused("INVALID_RESOURCE", f"There are {MAX_OF_ONE_PATIENT} of this patient, the most that this sample keeps")
            _check_entries(kept, number, resource)
            whole = with_provenance(resource, author, CREATE, kept.now) if kind.server_fills else resource
            try:
                return kept.add(kind.name, str(uuid4()), whole, _keys(kind, number, whole), _sole(kind, number, whole))
            except Taken:
                raise Refused("DUPLICATE_REJECTED", kind.sole or "") from None

    def update(self, author: RoleProfile, name: str, if_match: str | None, resource: Resource) -> Record:
        """Keep the one change that there is, of the version that the caller saw (spine 8.2, versioning)."""
        kind = KINDS[resource["resourceType"]]
        if if_match is None:
            raise Refused("PRECONDITION_FAILED", "If-Match is missing")
        with self._records.transaction() as kept:
            found = kept.get(kind.name, name)
            if found is None:
                raise _no_record(kind.name)
            if if_match != f'W/"{found.version}"':
                raise Refused("CONFLICT", "If-Match is not the version of the resource")
            if resource.get("id") != name:
                raise Refused("INVALID_RESOURCE", "The id is not the one in the path")
            check_change(kind, found.body, resource)
            number = patient_of(kind, resource)
            _check_entries(kept, number, resource)
            whole = with_provenance(resource, author, UPDATE, kept.now) if kind.server_fills else resource
            return kept.replace(found, whole, _keys(kind, number, whole), _sole(kind, number, whole))

    def read(self, kind: str, name: str) -> Record:
        """Return a resource by its id, in force or not."""
        with self._records.transaction() as kept:
            found = kept.get(kind, name)
        if found is None:
            raise _no_record(kind)
        return found

    def search(self, kind: str, pairs: Sequence[tuple[str, str]]) -> tuple[list[Record], list[Record]]:
        """Return what is looked for; with a List, its Conditions."""
        wanted = _wanted(KINDS[kind], pairs)
        with self._records.transaction() as kept:
            found = kept.find(kind, MAX_OF_ONE_PATIENT, patient=wanted["patient"], status=wanted["status"])
            found = [record for record in found if _has(record, wanted.get("category") or wanted["code"])]
            conditions = [kept.get("Condition", name) for record in found for name in _conditions(record.body)] if kind == "List" else []
        return found, [one for one in conditions if one is not None]

    def remove(self, author: RoleProfile, parameters: Resource) -> int:
        """Make everything of a patient inactive, all or nothing, and return how much that was (`$removerarecord`)."""
        number, removal = request_of(parameters)
        with self._records.transaction() as kept:
            count = 0
            for kind in KINDS.values():
                for found in kept.find(kind.name, MAX_OF_ONE_PATIENT, patient=number, status=kind.active):
                    body = _inactive(kind, found.body, removal)
                    whole = with_provenance(body, author, UPDATE, kept.now) if kind.server_fills else body
                    kept.replace(found, whole, _keys(kind, number, whole))
                    count += 1
            if not count:
                raise Refused("NO_RECORD_FOUND", "The patient has no record of reasonable adjustments that is active")
        return count


def _inactive(kind: Kind, resource: Resource, removal: Removal) -> Resource:
    changed = {**resource, kind.status: kind.inactive, "extension": [*without_removal(resource), removal.extension]}
    if kind.name == "List" and "entry" in resource:
        changed["entry"] = [{**entry, "deleted": True} for entry in resource["entry"]]
    return changed


def _check_entries(kept: Transaction, number: str, resource: Resource) -> None:
    if resource["resourceType"] != "List":
        return
    for name in _conditions(resource):
        found = kept.get("Condition", name)
        if found is None or patient_of(KINDS["Condition"], found.body) != number:
            raise Refused("REFERENCE_NOT_FOUND", "An entry is no Condition of this patient")


def _conditions(resource: Resource) -> list[str]:
    """Return the ids of the Conditions that a List has."""
    references = [entry.get("item", {}).get("reference", "") for entry in resource.get("entry", [])]
    return [text.rpartition("/")[2] for text in references]


def _keys(kind: Kind, number: str, resource: Resource) -> dict[str, str]:
    return {"patient": number, "status": str(resource[kind.status])}


def _sole(kind: Kind, number: str, resource: Resource) -> str | None:
    return number if kind.sole is not None and resource[kind.status] == kind.active else None


def _wanted(kind: Kind, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    given = dict(pairs)
    if len(given) != len(pairs) or set(given) != set(kind.searched) or not all(value.strip() for value in given.values()):
        raise Refused("INVALID_PARAMETER", f"A search has {', '.join(kind.searched)}, each once and with a value, and nothing else")
    number = given["patient"].rpartition("|")[2].rpartition("/")[2]
    if not nhs_number_holds(number):
        raise Refused("INVALID_NHS_NUMBER", f"The NHS number does not conform to the NHS Number format: {shown(number)}")
    return {**given, "patient": number}


def _has(record: Record, token: str) -> bool:
    """Whether category or code is what a token parameter says: `system|code`, or a code of any system."""
    held: list[tuple[str, str]] = codings(record.body.get("code")) if record.kind == "List" else categories(record.body)
    system, bar, code = token.rpartition("|")
    return any(code == one and (not bar or system == of) for of, one in held)


def _no_record(kind: str) -> Refused:
    return Refused("NO_RECORD_FOUND", f"There is no {kind} with this id")
