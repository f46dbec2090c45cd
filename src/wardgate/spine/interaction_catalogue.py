"""The interactions that Spine's services publish, as data (spine 4.2; scopes: spine 2.4, 2.5).

The message sets of GP Connect are those of its registration; a service without a published one is a message set of its own name.
Events of NEMS have an id per event code, so they are made by `find`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wardgate.spine.errors import UnknownInteraction
from wardgate.spine.interactions import PREFIX, WRITING, Interaction, Style, Verb, parse

RA: Final = "raflags"
NRL: Final = "nrl"
GP_CONNECT: Final = "gpconnect"
BOOKINGS: Final = "careconnect"
EVENTS: Final = "events"
SUBSCRIPTIONS: Final = "clinicals-sync"

REMOVE_SCOPES: Final = ("user/Consent.write", "user/Flag.write", "user/List.write")
"""`$removerarecord` inactivates all three (spine 12); `ra.remove_scope` may ask for any one of them instead."""


def _ra() -> tuple[Interaction, ...]:
    return (
        *(Interaction(f"{PREFIX}raflags:{resource}.{verb}:1", RA, resource, verb, (f"user/{resource}.{verb}",))
          for verb in (Verb.READ, Verb.WRITE) for resource in ("Consent", "Flag", "Condition", "List")),
        *(Interaction(f"{PREFIX}raflags:{name}.write:1", RA, "$removerarecord", Verb.WRITE, REMOVE_SCOPES) for name in ("removerarecord", "removeflag")),
    )  # fmt: skip


_NRL_VERBS: Final = (Verb.READ, Verb.SEARCH, Verb.CREATE, Verb.UPDATE, Verb.DELETE)


def _pointer_scope(verb: Verb) -> tuple[str, ...]:
    return ("patient/DocumentReference.write" if verb in WRITING else "patient/DocumentReference.read",)


def _nrl() -> tuple[Interaction, ...]:
    return (
        *(Interaction(f"{PREFIX}nrl:DocumentReference.{verb}", NRL, "DocumentReference", verb, _pointer_scope(verb)) for verb in _NRL_VERBS),
        Interaction(f"{PREFIX}nrl:DocumentReference.content.read", NRL, "", Verb.READ, ("patient/*.read",)),
        Interaction(f"{PREFIX}nrl:DocumentReference.content", NRL, "", Verb.READ, ("patient/*.read",)),
        *(Interaction(f"{PREFIX}nrls:fhir:rest:{verb}:documentreference", NRL, "DocumentReference", verb, _pointer_scope(verb)) for verb in _NRL_VERBS),
        Interaction(f"{PREFIX}nrls:fhir:rest:read:metadata", NRL, "metadata", Verb.READ, ("patient/DocumentReference.read",)),
    )


PATIENT_RESOURCES: Final = frozenset({"Patient", "Appointment", "DocumentReference", "Binary"})
"""GP Connect's resources whose scope is a patient's; the others are an organisation's (spine 2.5)."""


def _gp(message_set: str, name: str, resource: str, verb: Verb, capability: str = "") -> Interaction:
    writes = verb in WRITING or name.endswith("registerpatient-1")
    subject = "patient" if resource in PATIENT_RESOURCES or resource.startswith("$") else "organization"
    prefix = f"{PREFIX}gpconnect{':' + capability if capability else ''}:fhir:"
    return Interaction(prefix + name, message_set, resource, verb, (f"{subject}/*.{'write' if writes else 'read'}",))


_FOUNDATIONS: Final = "GPConnect-Foundations-1"
_APPOINTMENTS: Final = "GPConnect-Appointments-1"
_STRUCTURED: Final = "GPConnect-StructuredRecord-1"
_DOCUMENTS: Final = "GPConnect-Documents-1"
# fmt: off
_GP_CONNECT: Final = (
    _gp(_FOUNDATIONS, "rest:read:metadata-1", "metadata", Verb.READ),
    _gp(_FOUNDATIONS, "rest:read:patient-1", "Patient", Verb.READ),
    _gp(_FOUNDATIONS, "rest:search:patient-1", "Patient", Verb.SEARCH),
    _gp(_FOUNDATIONS, "rest:read:practitioner-1", "Practitioner", Verb.READ),
    _gp(_FOUNDATIONS, "rest:search:practitioner-1", "Practitioner", Verb.SEARCH),
    _gp(_FOUNDATIONS, "rest:read:organization-1", "Organization", Verb.READ),
    _gp(_FOUNDATIONS, "rest:search:organization-1", "Organization", Verb.SEARCH),
    _gp(_FOUNDATIONS, "rest:read:location-1", "Location", Verb.READ),
    _gp(_FOUNDATIONS, "operation:gpc.registerpatient-1", "$gpc.registerpatient", Verb.OPERATION),
    _gp(_APPOINTMENTS, "rest:search:slot-1", "Slot", Verb.SEARCH),
    _gp(_APPOINTMENTS, "rest:read:appointment-1", "Appointment", Verb.READ),
    _gp(_APPOINTMENTS, "rest:create:appointment-1", "Appointment", Verb.CREATE),
    _gp(_APPOINTMENTS, "rest:update:appointment-1", "Appointment", Verb.UPDATE),
    _gp(_APPOINTMENTS, "rest:cancel:appointment-1", "Appointment", Verb.CANCEL),
    _gp(_APPOINTMENTS, "rest:search:patient_appointments-1", "Appointment", Verb.SEARCH),
    _gp(_STRUCTURED, "operation:gpc.getstructuredrecord-1", "$gpc.getstructuredrecord", Verb.OPERATION),
    _gp(_STRUCTURED, "operation:gpc.migratestructuredrecord-1", "$gpc.migratestructuredrecord", Verb.OPERATION),
    _gp(_STRUCTURED, "rest:read:metadata-1", "metadata", Verb.READ, "structured"),
    _gp(_DOCUMENTS, "rest:read:metadata-1", "metadata", Verb.READ, "documents"),
    _gp(_DOCUMENTS, "rest:search:patient-1", "Patient", Verb.SEARCH, "documents"),
    _gp(_DOCUMENTS, "rest:search:documentreference-1", "DocumentReference", Verb.SEARCH, "documents"),
    _gp(_DOCUMENTS, "rest:read:binary-1", "Binary", Verb.READ, "documents"),
    _gp(_DOCUMENTS, "rest:migrate:binary-1", "Binary", Verb.MIGRATE, "documents"),
    _gp("GPC Access Record", "operation:gpc.getcarerecord", "$gpc.getcarerecord", Verb.OPERATION),
    _gp("GPC Foundations", "rest:read:metadata", "metadata", Verb.READ),
)
_NEMS: Final = (
    Interaction(f"{PREFIX}clinicals-sync:SubscriptionsApiPost", SUBSCRIPTIONS, "Subscription", Verb.CREATE, ("patient/Subscription.write",)),
    Interaction(f"{PREFIX}clinicals-sync:SubscriptionsApiGet", SUBSCRIPTIONS, "Subscription", Verb.READ, ("patient/Subscription.read",)),
    Interaction(f"{PREFIX}clinicals-sync:SubscriptionsApiDelete", SUBSCRIPTIONS, "Subscription", Verb.DELETE, ("patient/Subscription.write",)),
)
_BOOKINGS: Final = (
    Interaction(f"{PREFIX}careconnect:fhir:rest:read:metadata", BOOKINGS, "metadata", Verb.READ),
    Interaction(f"{PREFIX}careconnect:fhir:rest:search:slot", BOOKINGS, "Slot", Verb.SEARCH),
    Interaction(f"{PREFIX}careconnect:fhir:rest:create:appointment", BOOKINGS, "Appointment", Verb.CREATE),
    Interaction(f"{PREFIX}careconnect:fhir:rest:search:appointment", BOOKINGS, "Appointment", Verb.SEARCH),
    Interaction(f"{PREFIX}careconnect:fhir:rest:read:appointment", BOOKINGS, "Appointment", Verb.READ),
    Interaction(f"{PREFIX}careconnect:fhir:rest:update:appointment", BOOKINGS, "Appointment", Verb.UPDATE),
)
_VISITORS: Final = (
    Interaction(f"{PREFIX}visitorsandmigrants:fhir:rest:search:observation:1", "visitorsandmigrants", "Observation", Verb.SEARCH),
    Interaction(f"{PREFIX}visitorsandmigrants:Observation.read:1", "visitorsandmigrants", "Observation", Verb.READ),
)
# fmt: on

INTERACTIONS: Final[Mapping[str, Interaction]] = MappingProxyType(
    {row.id: row for row in (*_ra(), *_nrl(), *_GP_CONNECT, *_NEMS, *_BOOKINGS, *_VISITORS)}
)


REGISTERED_AS: Final[Mapping[str, str]] = MappingProxyType({f"{PREFIX}nrl:DocumentReference.content.read": f"{PREFIX}nrl:DocumentReference.content"})
"""Sent in a header, and registered at the endpoint that serves it under another id."""


def endpoint_interaction(sent: str) -> str:
    """Return the id under which the directory has the endpoint for an interaction that is sent (spine 4.2)."""
    return REGISTERED_AS.get(sent, sent)


def find(text: str) -> Interaction:
    """Return an interaction by its id, letter for letter. Raises `UnknownInteraction`."""
    if (known := INTERACTIONS.get(text)) is not None:
        return known
    name = parse(text)
    if name.style is Style.EVENT:
        return Interaction(text, EVENTS, "$process-message", Verb.PUBLISH, ("patient/Bundle.write",))
    raise UnknownInteraction(f"expected an interaction of a service that is known; received another one of {name.style}")


def message_sets() -> Mapping[str, tuple[Interaction, ...]]:
    """Return the interactions of each message set, in the order of the catalogue."""
    found: dict[str, list[Interaction]] = {}
    for row in INTERACTIONS.values():
        found.setdefault(row.message_set, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}
