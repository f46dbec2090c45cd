"""The FHIR resources that a GP Connect token embeds: which members they may have, and of which JSON type (spine 2.6).

Old tokens are DSTU2, where a practitioner has one name with a list of family names; new ones are STU3. What is needed within
a sound resource is asked by `gp_connect`, with another answer.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from wardgate.spine.identifiers import ODS_SYSTEM, OLD_ODS_SYSTEM, OLD_USER_SYSTEM, USER_SYSTEM

MAX_ITEMS: Final = 20
_ANY_RESOURCE: Final = frozenset({
    "resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
})
_OWN: Final[Mapping[str, frozenset[str]]] = {
    "Device": frozenset({
        "identifier", "udi", "status", "type", "lotNumber", "manufacturer", "manufactureDate", "expirationDate", "expiry", "model", "version",
        "patient", "owner", "contact", "location", "url", "note", "safety",
    }),
    "Organization": frozenset({"identifier", "active", "type", "name", "alias", "telecom", "address", "partOf", "contact", "endpoint"}),
    "Practitioner": frozenset({
        "identifier", "active", "name", "telecom", "address", "gender", "birthDate", "photo", "practitionerRole", "qualification", "communication",
    }),
    "Patient": frozenset({
        "identifier", "active", "name", "telecom", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime", "address", "maritalStatus",
        "multipleBirthBoolean", "multipleBirthInteger", "photo", "contact", "animal", "communication", "careProvider", "generalPractitioner",
        "managingOrganization", "link",
    }),
}  # fmt: skip
_IDENTIFIER: Final = frozenset({"id", "extension", "use", "type", "system", "value", "period", "assigner"})
_NAME: Final = frozenset({"id", "extension", "use", "text", "family", "given", "prefix", "suffix", "period"})
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
SYSTEMS: Final[Mapping[bool, tuple[str, str]]] = MappingProxyType({
    False: (ODS_SYSTEM, USER_SYSTEM), True: (OLD_ODS_SYSTEM, OLD_USER_SYSTEM),
})
"""The systems of ODS codes and of users, of new and of old tokens."""


def is_sound(resource: Any, kind: str, *, old: bool) -> bool:
    """Return whether a value is a FHIR resource of this type: known members, each of its JSON type, nothing null."""
    if type(resource) is not dict or resource.get("resourceType") != kind:
        return False
    if any(value is None or name.removeprefix("_") not in _ANY_RESOURCE | _OWN[kind] for name, value in resource.items()):
        return False
    return all(_holds(_FORMS.get(name), value, old=old, kind=kind) for name, value in resource.items())


def _holds(form: Callable[..., bool] | None, value: Any, *, old: bool, kind: str) -> bool:
    return form is None or form(value, old, kind)


def _text(value: Any, _old: bool, _kind: str) -> bool:
    return type(value) is str and value.strip() != ""


def _id(value: Any, _old: bool, _kind: str) -> bool:
    return type(value) is str and _FHIR_ID.fullmatch(value) is not None


def _identifiers(value: Any, _old: bool, _kind: str) -> bool:
    return _list_of(value, _IDENTIFIER, lambda item: all(type(item.get(name, "")) is str for name in ("system", "value", "use")))


def _names(value: Any, old: bool, kind: str) -> bool:
    if kind == "Organization":
        return _text(value, old, kind)
    if old and kind == "Practitioner":
        return type(value) is dict and _list_of([value], _NAME, lambda item: _name(item, old=True))
    return _list_of(value, _NAME, lambda item: _name(item, old=old))


def _name(item: Mapping[str, Any], *, old: bool) -> bool:
    family = item.get("family", [] if old else "")
    lists = [item.get(name, []) for name in ("given", "prefix", "suffix")] + ([family] if old else [])
    texts = all(type(found) is list and len(found) <= MAX_ITEMS and all(type(part) is str for part in found) for found in lists)
    return texts and (old or type(family) is str)


def _list_of(value: Any, members: frozenset[str], holds: Callable[[Mapping[str, Any]], bool]) -> bool:
    return type(value) is list and len(value) <= MAX_ITEMS and all(type(item) is dict and item.keys() <= members and holds(item) for item in value)


_FORMS: Final[Mapping[str, Callable[[Any, bool, str], bool]]] = {
    "id": _id, "identifier": _identifiers, "name": _names, "model": _text, "version": _text,
}


# --- reading a sound resource

def identifier_in(resource: Mapping[str, Any], system: str) -> str | None:
    """Return the value of the first identifier in a system; None where it is absent or blank."""
    found = (item.get("value") for item in resource.get("identifier", ()) if item.get("system") == system)
    return next((value for value in found if value and value.strip()), None)


def first_name(resource: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return family and given name of a practitioner, None for what is absent."""
    names = resource.get("name") or ()
    name = names if isinstance(names, dict) else names[0] if names else {}
    family, given = name.get("family"), name.get("given") or ()
    if isinstance(family, list):
        family = family[0] if family else None
    return family or None, given[0] if given else None
