"""A directory and the APIs that know their callers by it: fixed for tests of one thing, generated for the differential test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from wardgate.catalogue import API
from wardgate.security_patterns.facts import Facts, Listener
from wardgate.security_patterns.snapshot import CallingSystem, Snapshot
from wire.cast import GOOD_ID, Cast

URN: Final = "urn:nhs:names:services:"
OWN: Final = "200000000009"
CONSENT_READ, CONSENT_WRITE, FLAG_READ = (f"{URN}raflags:{name}:1" for name in ("Consent.read", "Consent.write", "Flag.read"))
REMOVE, REMOVE_FLAG, LIST_READ = (f"{URN}raflags:{name}:1" for name in ("removerarecord.write", "removeflag.write", "List.read"))
POINTER_READ, POINTER_SEARCH, POINTER_CREATE = (f"{URN}nrl:DocumentReference.{verb}" for verb in ("read", "search", "create"))
SLOTS, APPOINTMENT = (f"{URN}careconnect:fhir:rest:{name}" for name in ("search:slot", "read:appointment"))
METADATA: Final = f"{URN}gpconnect:fhir:rest:read:metadata-1"
OF_OUR_OWN: Final = "urn:example:an|odd:one"
"""An interaction that no catalogue has, with what parts keys elsewhere."""
INTERACTIONS: Final = (CONSENT_READ, CONSENT_WRITE, FLAG_READ, REMOVE, REMOVE_FLAG, LIST_READ, POINTER_READ, POINTER_SEARCH, POINTER_CREATE,
                       SLOTS, APPOINTMENT, METADATA, OF_OUR_OWN, "urn:example:an")
BY_ASID: Final = {"pattern": "asid-interaction", "spine_jwt": "none"}
APIS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "ra", "base_path": "/ra/STU3", "errors": "spine", "spine": {"service": "reasonable-adjustments", "asid": OWN}, "routes": [
        {"path": "/Consent", "methods": ["GET", "POST"]}, {"path": "/Consent/{id}"}, {"path": "/Flag"}, {"path": "/$removerarecord", "methods": ["POST"]},
        {"path": "/List/{id}", "methods": ["GET"], "identity_headers": {"system": "X-From-System", "interaction": "X-For"}},
        {"path": "/Nothing"}, {"path": "/fixed/*", "interaction": OF_OUR_OWN, "errors": "problem"}]},
    {"name": "nrl", "base_path": "/nrl", "errors": "spine", "spine": {"service": "nrl", "asid": OWN, "ungranted": "reference"}, "routes": [
        {"path": "/DocumentReference", "methods": ["GET", "POST", "PATCH"]}, {"path": "/DocumentReference/{id}", "methods": ["GET", "DELETE"]}]},
    {"name": "bookings", "base_path": "/bookings", "errors": "fhir", "spine": {"service": "bookings", "asid": OWN, "ungranted": "internet"}, "routes": [
        {"path": "/Slot", "methods": ["GET"]}, {"path": "/Appointment/{id}", "methods": ["GET", "PUT"], "request_id": "generated"}]},
    {"name": "gp", "base_path": "/gp", "errors": "gp-connect", "request_id": "generated", "spine": {"service": "gp-connect", "asid": OWN}, "routes": [
        {"path": "/metadata", "interaction": METADATA}, {"path": "/Patient/*"}]},
    {"name": "open", "base_path": "/ra/any", "errors": "spine", "spine": {"service": "reasonable-adjustments"}, "routes": [{"path": "/Consent", "methods": ["GET"]}]},
)
ASKED: Final = frozenset({("gp", "/Patient/*"), ("open", "/Consent")})
"""Routes that only the decision service can judge."""
PATHS: Final = (
    "/ra/STU3/Consent", "/ra/STU3/Consent/a-1.b", "/ra/STU3/Consent/a_b", "/ra/STU3/Consent/" + "a" * 65, "/ra/STU3/Consent/$op", "/ra/STU3/Consent/a%20b",
    "/ra/STU3/Flag", "/ra/STU3/$removerarecord", "/ra/STU3/List/1", "/ra/STU3/Nothing", "/ra/STU3/fixed/x", "/nrl/DocumentReference", "/nrl/DocumentReference/7",
    "/bookings/Slot", "/bookings/Appointment/1", "/gp/metadata", "/gp/Patient/1", "/ra/any/Consent", "/ra/STU3", "/nrl/DocumentReference/7/more",
)
NAMES_OF: Final = tuple(f"{name}.example.nhs.uk" for name in ("alpha", "beta", "outsider", "spare"))
ASIDS: Final = tuple(f"20000000000{number}" for number in range(1, 7))


def system(asid: str, names: tuple[str, ...], interactions: tuple[str, ...], **more: Any) -> CallingSystem:
    """Return a system with the certificates of these names."""
    return CallingSystem(asid, "Z9X01", frozenset({"Z9X01"}), "Z9X01-123456", frozenset(names), frozenset(interactions), **more)


SYSTEMS: Final[Mapping[str, CallingSystem]] = {found.asid: found for found in (
    system("200000000001", NAMES_OF[:1], (CONSENT_READ, POINTER_READ, SLOTS, OF_OUR_OWN)),
    system("200000000002", NAMES_OF[:1], (FLAG_READ,)),
    system("200000000003", NAMES_OF[1:2], INTERACTIONS),
    system("200000000004", NAMES_OF[2:], (CONSENT_READ,)),
    system("200000000005", NAMES_OF[1:2], INTERACTIONS, suspended=True),
    system("200000000006", (), INTERACTIONS),
    system(OWN, ("spine.example.nhs.uk",), ()),
)}


def world_of(cast: Cast, backend: str, systems: Mapping[str, CallingSystem] = SYSTEMS, *, profile: str = "verify") -> Snapshot:
    """Return the world of the cast, with these systems and APIs instead of its own."""
    apis = tuple(API.model_validate(api | {"backend": backend, "routes": [BY_ASID | route for route in api["routes"]]}) for api in APIS)
    return replace(cast.snapshot(backend, profile=profile), apis=apis, systems=dict(systems), organisations=frozenset({"Z9X01"}))


def changed(found: Snapshot, asid: str, **more: Any) -> Snapshot:
    """Return the next world, in which one system is another."""
    return replace(found, generation=found.generation + 1, systems=dict(found.systems) | {asid: replace(found.systems[asid], **more)})


@st.composite
def directories(draw: Any) -> dict[str, CallingSystem]:
    """Systems that share party keys, and so certificates; some suspended, some without anything."""
    parties = [tuple(draw(st.lists(st.sampled_from(NAMES_OF), max_size=3, unique=True))) for _ in range(3)]
    found = {}
    for asid in draw(st.lists(st.sampled_from(ASIDS), min_size=2, max_size=6, unique=True)):
        some = tuple(draw(st.lists(st.sampled_from(INTERACTIONS), max_size=6, unique=True)))
        granted = draw(st.sampled_from((INTERACTIONS, INTERACTIONS, some)))
        found[asid] = system(asid, draw(st.sampled_from(parties)), granted, suspended=draw(st.sampled_from((False, False, False, True))))
    return found


GOOD_TRACE: Final = "5d1e2f3a-0b4c-4d5e-8f60-718293a4b5c6"
WRONG_ASIDS: Final = ("", "20000000000", "2000000000011", "20000000000x", "200000000001,200000000001", "999999999999", " ", "caf\xe9")
WRONG_INTERACTIONS: Final = ("", "urn:x", "urn:a b", "x" * 301, f"{CONSENT_READ},{CONSENT_READ}", "caf\xe9", CONSENT_READ.upper(), f"{CONSENT_READ} set-0")
WRONG_TRACES: Final = ("", "x", GOOD_TRACE + "x", f"{GOOD_TRACE},{GOOD_TRACE}")
FITTING: Final = {
    "/ra/STU3/Consent": CONSENT_READ, "/ra/STU3/Consent/a-1.b": CONSENT_READ, "/ra/STU3/Flag": FLAG_READ, "/ra/STU3/$removerarecord": REMOVE_FLAG,
    "/ra/STU3/List/1": LIST_READ, "/ra/STU3/fixed/x": OF_OUR_OWN, "/nrl/DocumentReference": POINTER_SEARCH, "/nrl/DocumentReference/7": POINTER_READ,
    "/bookings/Slot": SLOTS, "/bookings/Appointment/1": APPOINTMENT, "/gp/metadata": METADATA, "/ra/any/Consent": CONSENT_READ,
}


@dataclass(frozen=True)
class SystemAsk:
    """One generated call between systems. `values` are those of sender, receiver, interaction and trace, each none, one or several."""

    listener: str
    who: str | None
    how: str
    method: str
    path: str
    values: tuple[tuple[str, ...], ...]
    case: Callable[[str], str]
    request_id: str = GOOD_ID
    version: str = "1.3"
    spelling: str = "plain"

    def headers(self, cast: Cast) -> list[tuple[str, str]]:
        """Return the headers as they go on the wire."""
        del cast
        proxied = self.path.startswith(("/bookings", "/gp"))
        names = ("Ssp-From", "Ssp-To", "Ssp-InteractionID", "Ssp-TraceID") if proxied else ("FromASID", "ToASID", "InteractionID", "TraceID")
        written = [(self.case(name), value) for name, values in zip(names, self.values, strict=True) for value in values]
        return [*written, ("X-Request-ID", self.request_id)]

    def facts(self, cast: Cast) -> Facts:
        """Return what the rule book is told."""
        found: dict[str, str] = {}
        for name, value in self.headers(cast):
            key, text = name.lower(), value.strip(" \t")
            found[key] = f"{found[key]},{text}" if key in found else text
        person = cast.people[self.who].presented if self.who and self.listener == "mtls" else None
        return Facts(Listener(self.listener), self.method, self.path, found, datetime.now(UTC), person)


def _mostly(right: str, others: tuple[str, ...], wrong: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    odd = st.one_of(st.just(()), st.sampled_from(others + wrong).map(lambda value: (value,)), st.sampled_from(others).map(lambda value: (right, value)))
    return st.integers(0, 11).flatmap(lambda number: odd if number == 0 else st.just((right,)))


@st.composite
def system_asks(draw: Any, directory: Mapping[str, CallingSystem], people: tuple[str | None, ...]) -> SystemAsk:
    """A call that is mostly as it should be, so that what comes last is judged as often as what comes first."""
    path = draw(st.sampled_from(PATHS + tuple(FITTING) * 2))
    asid = draw(st.sampled_from(sorted(directory) * 3 + list(ASIDS)))
    known = directory.get(asid)
    holders = tuple(name.partition(".")[0] for name in sorted(known.certificate_names)) if known else ()
    values = (
        draw(_mostly(asid, ASIDS, WRONG_ASIDS)), draw(_mostly(OWN, ASIDS, WRONG_ASIDS)),
        draw(_mostly(FITTING.get(path, CONSENT_READ), INTERACTIONS, WRONG_INTERACTIONS)), draw(_mostly(GOOD_TRACE, (GOOD_TRACE,), WRONG_TRACES)),
    )
    right = ("POST",) if path.endswith("$removerarecord") else ("GET",)
    return SystemAsk(
        listener=draw(st.sampled_from(("mtls",) * 12 + ("https", "http"))), who=draw(st.sampled_from(holders * 6 + people)),
        how=draw(st.sampled_from(("open", "open", "open", "resumed"))),
        method=draw(st.sampled_from(right * 12 + ("GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"))), path=path, values=values,
        case=draw(st.sampled_from((str, str.lower, str.upper))), request_id=draw(st.sampled_from((GOOD_ID, GOOD_ID, GOOD_ID, GOOD_ID, "bad"))),
    )


@st.composite
def worlds_and_calls(draw: Any, people: tuple[str | None, ...], size: int) -> tuple[dict[str, CallingSystem], list[SystemAsk]]:
    """A directory, and calls by its systems and by others."""
    directory = draw(directories())
    return directory, draw(st.lists(system_asks(directory, people), min_size=size, max_size=size))
