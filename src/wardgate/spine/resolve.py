"""From method and path to the interaction, and whether a supplied id agrees (spine 4.3).

Paths are relative to the API's base. A segment with anything but letters, digits, `-`, `.`, `_` and a leading `$` is no path
of ours: escapes never get as far as an interaction.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wardgate.refusals import Refusal, reason
from wardgate.spine.errors import SpineRefused, UnknownInteraction
from wardgate.spine.interaction_catalogue import GP_CONNECT, INTERACTIONS, find
from wardgate.spine.interactions import PREFIX, Interaction, Style, Verb, parse

_NAME: Final = re.compile(r"\$?[A-Za-z][A-Za-z.-]{0,63}")
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_DOTS: Final = frozenset({".", ".."})


class Service(StrEnum):
    """The APIs whose interaction follows from the request."""

    REASONABLE_ADJUSTMENTS = "reasonable-adjustments"
    NRL = "nrl"
    GP_CONNECT = "gp-connect"
    BOOKINGS = "bookings"
    NEMS_PUBLISH = "nems-publish"
    NEMS_SUBSCRIBE = "nems-subscribe"


HEADER_OPTIONAL: Final = frozenset({Service.NRL})
"""Where callers send no interaction, and one that is sent must agree."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a path is: a resource, an id of it, and a resource or an operation (with its `$`) behind that."""

    resource: str
    has_id: bool = False
    contained: str = ""
    operation: str = ""


def shape_of(path: str) -> Shape | None:
    """Return the shape of a path below the API's base, or None for any other path."""
    segments = path.removeprefix("/").split("/")
    if len(segments) > 3 or not all(_ID.fullmatch(part.removeprefix("$")) and part not in _DOTS for part in segments):
        return None
    first, rest = segments[0], segments[1:]
    if not _NAME.fullmatch(first):
        return None
    if first.startswith("$"):
        return None if rest else Shape("", operation=first)
    operation = ""
    if rest and rest[-1].startswith("$"):
        operation = rest.pop()
    if any(part.startswith("$") for part in rest):
        return None
    contained = rest[1] if len(rest) == 2 else ""
    if contained and not _NAME.fullmatch(contained):
        return None
    return Shape(first, bool(rest), contained, operation)


Rules = Mapping[tuple[str, Shape], tuple[str, ...]]


def _ra() -> Rules:
    found: dict[tuple[str, Shape], tuple[str, ...]] = {}
    names = {"Consent": "Consent", "Flag": "Flag", "Condition": "Condition", "List": "List", "UnderlyingConditionList": "List"}
    for resource, subject in names.items():
        for method, has_id, verb in (("GET", False, "read"), ("GET", True, "read"), ("POST", False, "write"), ("PUT", True, "write"), ("DELETE", True, "write")):
            found[method, Shape(resource, has_id)] = (f"{PREFIX}raflags:{subject}.{verb}:1",)
    for has_id in (False, True):  # NOTE: the ids of these two were never published (spine 12)
        found["GET", Shape("ThresholdCode", has_id)] = (f"{PREFIX}raflags:Condition.read:1",)
    found["POST", Shape("", operation="$removerarecord")] = (f"{PREFIX}raflags:removerarecord.write:1", f"{PREFIX}raflags:removeflag.write:1")
    return MappingProxyType(found)


def _rest(prefix: str, rows: Sequence[tuple[str, Shape, str]]) -> Rules:
    return MappingProxyType({(method, shape): (prefix + name,) for method, shape, name in rows})


_POINTER: Final = Shape("DocumentReference")
_POINTER_ID: Final = Shape("DocumentReference", has_id=True)
_APPOINTMENT_ID: Final = Shape("Appointment", has_id=True)
_SUBSCRIPTION_ID: Final = Shape("Subscription", has_id=True)
# fmt: off
RULES: Final[Mapping[Service, Rules]] = MappingProxyType({
    Service.REASONABLE_ADJUSTMENTS: _ra(),
    Service.NRL: _rest(f"{PREFIX}nrl:DocumentReference.", (
        ("GET", _POINTER_ID, "read"), ("GET", _POINTER, "search"), ("POST", _POINTER, "create"),
        ("PATCH", _POINTER_ID, "update"), ("PATCH", _POINTER, "update"), ("DELETE", _POINTER_ID, "delete"), ("DELETE", _POINTER, "delete"))),
    Service.BOOKINGS: _rest(f"{PREFIX}careconnect:fhir:rest:", (
        ("GET", Shape("metadata"), "read:metadata"), ("GET", Shape("Slot"), "search:slot"), ("POST", Shape("Appointment"), "create:appointment"),
        ("GET", Shape("Appointment"), "search:appointment"), ("GET", _APPOINTMENT_ID, "read:appointment"), ("PUT", _APPOINTMENT_ID, "update:appointment"))),
    Service.NEMS_SUBSCRIBE: _rest(f"{PREFIX}clinicals-sync:SubscriptionsApi", (
        ("POST", Shape("Subscription"), "Post"), ("GET", _SUBSCRIPTION_ID, "Get"), ("GET", Shape("Subscription"), "Get"), ("DELETE", _SUBSCRIPTION_ID, "Delete"))),
})
# fmt: on
"""Method and shape to the interactions that fit, the one to derive first. GP Connect and events are told by the header."""
PUBLISH_SHAPE: Final = Shape("", operation="$process-message")


def resolve(service: Service, method: str, path: str, supplied: str | None = None) -> tuple[Interaction, ...]:
    """Return the interactions that fit a request; of several, any one that is granted is enough. None fits: an empty tuple.

    An event is named by the header alone, so for publishing `supplied` is looked at; elsewhere `settle` does.
    """
    shape = shape_of(path)
    if shape is None:
        return ()
    if service is Service.NEMS_PUBLISH:
        return _event(supplied) if (method, shape) == ("POST", PUBLISH_SHAPE) else ()
    if service is Service.GP_CONNECT:
        return tuple(row.interaction for row in GP_REQUESTS.values() if (row.method, row.shape) == (method, shape))
    return tuple(find(name) for name in RULES[service].get((method, shape), ()))


def _event(supplied: str | None) -> tuple[Interaction, ...]:
    try:
        return (find(supplied),) if supplied and parse(supplied).style is Style.EVENT else ()
    except UnknownInteraction:
        return ()


def settle(service: Service, method: str, path: str, supplied: str | None) -> tuple[Interaction, ...]:
    """Return the interactions of a request to a Spine API: the one supplied, else those that fit. Never empty.

    Raises `SpineRefused`: 403 where none fits, 400 where the header is missing (but for NRL) or disagrees (spine 4.3).
    GP Connect's own answers are `settle_gp_connect`'s.
    """
    if supplied is None and service not in HEADER_OPTIONAL:
        raise _refused("spine-header-missing", "the header InteractionID", "none", {"header": "InteractionID"})
    if service is Service.NEMS_PUBLISH and not _event(supplied):
        raise _refused("interaction-disagrees", "the interaction of an event", "another text")
    fitting = resolve(service, method, path, supplied)
    if not fitting:
        raise _refused("interaction-unresolved", "method and path of an interaction", method if method.isalpha() and len(method) < 10 else "another method")
    if supplied is None:
        return fitting
    agreed = tuple(row for row in fitting if row.id == supplied)
    if not agreed:
        raise _refused("interaction-disagrees", " or ".join(row.id for row in fitting), "another interaction")
    return agreed


REQUIRED_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "Consent": ("patient", "status", "category"), "Flag": ("patient", "status", "category"), "List": ("patient", "status", "code"),
})
"""What a search of Reasonable Adjustments has to say, by resource (spine 4.3, 8.4)."""


def check_parameters(method: str, path: str, query: Mapping[str, Sequence[str]]) -> None:
    """Raise `SpineRefused` (404) for a search of Reasonable Adjustments without its parameters, or with empty ones."""
    shape = shape_of(path)
    needed = REQUIRED_PARAMETERS.get(shape.resource, ()) if shape is not None and method == "GET" and not shape.has_id else ()
    missing = [name for name in needed if not any(value.strip() for value in query.get(name, ()))]
    if missing:
        raise _refused("ra-query-invalid", ", ".join(needed), "no " + ", ".join(missing))


# --- GP Connect: the header says which, and everything of the request must fit it

SEARCHED_BY: Final[Mapping[str, str]] = MappingProxyType({
    "Patient": "https://fhir.nhs.uk/Id/nhs-number", "Practitioner": "https://fhir.nhs.uk/Id/sds-user-id",
    "Organization": "https://fhir.nhs.uk/Id/ods-organization-code",
})
"""The identifier system that a search of a resource is by."""
_METHODS: Final[Mapping[Verb, str]] = {
    Verb.READ: "GET", Verb.SEARCH: "GET", Verb.MIGRATE: "GET", Verb.CREATE: "POST", Verb.UPDATE: "PUT", Verb.CANCEL: "PUT", Verb.OPERATION: "POST",
}
_OF_A_PATIENT: Final = ("search:patient_appointments-1", "search:documentreference-1")


@dataclass(frozen=True, slots=True)
class GPRequest:
    """What a request with an interaction of GP Connect looks like."""

    interaction: Interaction
    method: str
    shape: Shape
    identifier: str | None


def _gp_request(row: Interaction) -> GPRequest:
    if row.verb is Verb.OPERATION:
        shape = Shape("Patient", operation=row.resource)
    elif row.id.endswith(_OF_A_PATIENT):
        shape = Shape("Patient", has_id=True, contained=row.resource)
    else:
        shape = Shape(row.resource, has_id=row.verb in {Verb.READ, Verb.UPDATE, Verb.CANCEL, Verb.MIGRATE} and row.resource != "metadata")
    by = SEARCHED_BY.get(row.resource) if row.verb is Verb.SEARCH and not shape.contained else None
    return GPRequest(row, _METHODS[row.verb], shape, by)


GP_REQUESTS: Final[Mapping[str, GPRequest]] = MappingProxyType(
    {row.id: _gp_request(row) for row in INTERACTIONS.values() if row.service == GP_CONNECT}
)
"""By interaction id."""


def settle_gp_connect(method: str, path: str, query: Mapping[str, Sequence[str]], supplied: str | None) -> Interaction:
    """Return the interaction that the header names, if the request fits it. Raises `SpineRefused`, 400 `BAD_REQUEST`."""
    if not supplied:
        raise _refused("gp-connect-interaction-missing", "the header Ssp-InteractionID", "none")
    wanted = GP_REQUESTS.get(supplied)
    if wanted is None:
        raise _refused("gp-connect-interaction-unknown", "an interaction of GP Connect", "another text")
    shape = shape_of(path) or Shape("")
    faults = (
        ("method", method == wanted.method),
        ("resource", shape.resource == wanted.shape.resource),
        ("operation", shape.operation == wanted.shape.operation),
        ("id-segment", shape.has_id == wanted.shape.has_id),
        ("contained", shape.contained == wanted.shape.contained),
        ("identifier", wanted.identifier is None or _searches_by(query, wanted.identifier)),
    )
    for name, holds in faults:
        if not holds:
            raise _refused(f"gp-connect-interaction-{name}", f"a request of {supplied}", f"another {name}")
    return wanted.interaction


def _searches_by(query: Mapping[str, Sequence[str]], system: str) -> bool:
    given = query.get("identifier", ())
    return len(given) == 1 and given[0].startswith(system + "|") and len(given[0]) > len(system) + 1


def _refused(code: str, expected: str, received: str, values: Mapping[str, str] = MappingProxyType({})) -> SpineRefused:
    return SpineRefused(Refusal(reason(code), expected=expected, received=received, values=values))
