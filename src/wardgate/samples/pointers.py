"""The record of pointers: who may keep, replace, change and remove one, and who sees which (spine 10; NRL v3 for types).

A pointer is its custodian's. The custodian is one of the organisations of the calling system, whatever is done to the pointer;
an organisation sees the types that it is approved for, and no others.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from uuid import uuid4

from wardgate.fhir import Resource
from wardgate.samples.caller import Caller
from wardgate.samples.outcomes import Refused
from wardgate.samples.pointer_resource import NOT_CURRENT, Pointer, check_update, pointer_of
from wardgate.samples.pointer_search import PointerQuery, identifier_query, query_of
from wardgate.samples.records import Record, Records, Taken, Transaction

KIND: Final = "DocumentReference"
MAX_OF_ONE_PATIENT: Final = 200
NOT_OURS: Final = "The Custodian ODS code is not affiliated with the sender ASID."

Types = Callable[[str], AbstractSet[str]]
"""The types (system, bar, code) that an organisation is approved for, by its ODS code."""
Organisations = Callable[[str], bool]
"""Whether an organisation has this ODS code."""


class Pointers:
    """The rules over one file of records. Every method is one transaction, and raises `Refused`."""

    def __init__(self, records: Records, knows_organisation: Organisations, types: Types) -> None:
        self._records = records
        self._knows = knows_organisation
        self._types = types

    def create(self, caller: Caller, resource: Resource) -> Record:
        """Keep a new pointer; one that it replaces becomes superseded with it, or neither happens."""
        pointer = pointer_of(resource, self._knows)
        if pointer.custodian not in caller.organisations:
            raise Refused("INVALID_RESOURCE", NOT_OURS)
        if pointer.type not in self._seen_by(caller):
            raise Refused("AUTHOR_CREDENTIALS_ERROR", "The type of the provided DocumentReference is not in the list of allowed types for this organisation")
        with self._records.transaction() as kept:
            if len(kept.find(KIND, MAX_OF_ONE_PATIENT, patient=pointer.nhs_number)) >= MAX_OF_ONE_PATIENT:
                raise Refused("INVALID_RESOURCE", f"There are {MAX_OF_ONE_PATIENT} pointers of this patient, the most that this sample keeps")
            if pointer.replaces is not None:
                self._supersede(kept, caller, pointer, pointer.replaces)
            try:
                return kept.add(KIND, str(uuid4()), resource, _keys(pointer, "current"), _sole(pointer))
            except Taken:
                system, value = pointer.master or ("", "")
                raise Refused("DUPLICATE_REJECTED", f"Duplicate masterIdentifier value: {value} system: {system}") from None

    def _supersede(self, kept: Transaction, caller: Caller, new: Pointer, target: Mapping[str, Any]) -> None:
        old = _resolved(kept, new.nhs_number, target)
        if old is None:
            raise Refused("INVALID_RESOURCE", "relatesTo.target is not a pointer of this record")
        before = _pointer(old)
        if before.custodian not in caller.organisations:
            raise Refused("INVALID_RESOURCE", NOT_OURS)
        if before.nhs_number != new.nhs_number:
            raise Refused("INVALID_RESOURCE", "relatesTo.target is a pointer of another subject")
        stated = target.get("identifier")
        if stated is not None and (stated.get("system"), stated.get("value")) != before.master:
            raise Refused("INVALID_RESOURCE", "relatesTo.target.identifier is not the masterIdentifier of the pointer")
        if old.body["status"] != "current":
            raise Refused("BAD_REQUEST", NOT_CURRENT)
        kept.replace(old, {**old.body, "status": "superseded"}, _keys(before, "superseded"), _sole(before))

    def read(self, caller: Caller, name: str) -> Record:
        """Return a pointer of a type that the caller may see."""
        seen = self._seen_by(caller)
        with self._records.transaction() as kept:
            found = kept.get(KIND, name)
        if found is None or _pointer(found).type not in seen:
            raise _no_record(name)
        if found.body["status"] != "current":
            raise Refused("BAD_REQUEST", NOT_CURRENT)
        return found

    def search(self, caller: Caller, pairs: list[tuple[str, str]]) -> list[Record]:
        """Return the current pointers that are looked for, of the types that the caller may see."""
        wanted: PointerQuery = query_of(pairs, self._knows)
        seen = self._seen_by(caller)
        with self._records.transaction() as kept:
            if wanted.identifier is not None:
                one = kept.get(KIND, wanted.identifier)
                found = [one] if one is not None and one.body["status"] == "current" else []
            else:
                keys = {"patient": wanted.nhs_number, "type": wanted.type, "custodian": wanted.custodian, "status": "current"}
                found = kept.find(KIND, MAX_OF_ONE_PATIENT, **{name: value for name, value in keys.items() if value is not None})
        return [record for record in found if _pointer(record).type in seen]

    def update(self, caller: Caller, name: str | None, pairs: list[tuple[str, str]], if_match: str | None, resource: Resource) -> Record:
        """Mark a current pointer as entered in error."""
        check_update(resource)
        with self._records.transaction() as kept:
            found, pointer = self._own(kept, caller, name, pairs, if_match)
            if found.body["status"] != "current":
                raise Refused("BAD_REQUEST", NOT_CURRENT)
            return kept.replace(found, {**found.body, "status": "entered-in-error"}, _keys(pointer, "entered-in-error"), _sole(pointer))

    def delete(self, caller: Caller, name: str | None, pairs: list[tuple[str, str]], if_match: str | None) -> None:
        """Remove a pointer; its master identifier may be used again."""
        with self._records.transaction() as kept:
            found, _ = self._own(kept, caller, name, pairs, if_match)
            kept.remove(found)

    def _own(
        self, kept: Transaction, caller: Caller, name: str | None, pairs: list[tuple[str, str]], if_match: str | None,
    ) -> tuple[Record, Pointer]:  # fmt: skip
        """Return the one pointer that a change is about, if it is the caller's and the version that the caller saw."""
        if name is None:
            number, master = identifier_query(pairs)
            found = next(iter(kept.find(KIND, 1, patient=number, master=master)), None)
            name = master
        else:
            found = kept.get(KIND, name)
        if found is None:
            raise _no_record(name)
        pointer = _pointer(found)
        if pointer.custodian not in caller.organisations:
            raise Refused("INVALID_RESOURCE", NOT_OURS)
        if if_match is not None and if_match != f'W/"{found.version}"':
            raise Refused("CONFLICT", "If-Match is not the version of the pointer")
        return found, pointer

    def _seen_by(self, caller: Caller) -> AbstractSet[str]:
        seen = {kind for ods in caller.organisations for kind in self._types(ods)}
        if not seen:
            names = "', '".join(sorted(caller.organisations))
            raise Refused("ACCESS_DENIED", f"Your organisation '{names}' does not have permission to access this resource. Contact the onboarding team.")
        return seen


def _pointer(record: Record) -> Pointer:
    """What was kept has passed the rules, and is read by them."""
    body = {name: value for name, value in record.body.items() if name != "id"}
    return pointer_of({**body, "status": "current"}, lambda _ods: True)


def _resolved(kept: Transaction, nhs_number: str, target: Mapping[str, Any]) -> Record | None:
    if "reference" in target:
        return kept.get(KIND, str(target["reference"]).rpartition("/")[2])
    identifier = target["identifier"]
    return next(iter(kept.find(KIND, 1, patient=nhs_number, master=f"{identifier['system']}|{identifier['value']}")), None)


def _keys(pointer: Pointer, status: str) -> dict[str, str]:
    found = {"patient": pointer.nhs_number, "custodian": pointer.custodian, "type": pointer.type, "status": status}
    return found | ({"master": "|".join(pointer.master)} if pointer.master is not None else {})


def _sole(pointer: Pointer) -> str | None:
    return None if pointer.master is None else "|".join((pointer.nhs_number, *pointer.master))


def _no_record(name: str) -> Refused:
    return Refused("NO_RECORD_FOUND", f"No record found for supplied DocumentReference identifier - {name[:100]}.")
