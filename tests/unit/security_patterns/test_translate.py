"""Translated routes: a user's call in, a system's call out, and the words of the internet gateway in their order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest
from pydantic import ValidationError

from unit.security_patterns.conftest import NOW, WORKER
from unit.security_patterns.systems import (
    CONSUMER,
    FLAG_READ,
    NATIONAL,
    REMOVAL,
    SISTER,
    SNAPSHOT,
    SUSPENDED,
    TRACE,
    UNKNOWN,
    USER,
    said,
)
from wardgate.applications import Profile
from wardgate.catalogue import API
from wardgate.catalogue.paths import RouteMatcher
from wardgate.security_patterns.decide import GIVEN_REQUEST_ID, decide
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts, Listener
from wardgate.spine.authorization import examine
from wardgate.spine.interactions import PREFIX
from wardgate.spine.stated import Expected
from wardgate.spine.variants import VARIANTS, VariantName

URID = "555254240100"
AUDIENCE = "https://clinicals.spineservices.nhs.uk/STU3"
SCOPE = "urn:nhsd:apim:user-nhs-cis2:aal3:flags"
SEARCH = "patient=https://demographics.spineservices.nhs.uk/STU3/Patient/9912003071&status=active&category=https://x|NRAF"
WRITTEN = {"content-type": "application/fhir+json; charset=utf-8", "content-length": "7"}
ROUTE: dict[str, Any] = {**USER, "translate": {"audience": AUDIENCE}}


def flags(service: str = "reasonable-adjustments", route: Mapping[str, Any] = ROUTE, **more: Any) -> API:
    """Return the internet API of a Spine service."""
    document = {"name": "flags", "base_path": "/flags", "backend": "http://127.0.0.1:9", "errors": "fhir", "routes": [dict(route)],
                "spine": {"service": service, "asid": NATIONAL} | more}
    return API.model_validate(document)


def through(**translation: Any) -> API:
    """Return the same with another translation."""
    return flags(route={**USER, "translate": {"audience": AUDIENCE} | translation})


@dataclass
class Call:
    """A good search of flags, to spoil."""

    book: Any
    user: dict[str, Any] = field(default_factory=lambda: {"role": URID})
    path: str = "/flags/Flag"
    query: str = SEARCH
    method: str = "GET"
    headers: dict[str, str | None] = field(default_factory=lambda: {"x-request-id": TRACE, "x-correlation-id": "c-1", "x-wardgate-message-id": "rrt-1"})
    client: dict[str, Any] = field(default_factory=lambda: {"asid": CONSUMER})
    world: dict[str, Any] = field(default_factory=dict)
    api: API = field(default_factory=flags)
    scope: str = SCOPE

    @property
    def decision(self) -> Decision:
        """What is decided."""
        client = replace(self.book.snapshot.clients["good"], apis=frozenset({"flags"}), **self.client)
        world = {"apis": (self.api,), "clients": {"good": client}, "systems": SNAPSHOT.systems, "organisations": SNAPSHOT.organisations,
                 "environment": SNAPSHOT.environment} | self.world
        snapshot = replace(self.book.snapshot, **world)
        token = f"Bearer {self.book.user_token(scope=self.scope, **self.user)}"
        told = {name: value for name, value in {"authorization": token, **self.headers}.items() if value is not None}
        return decide(Facts(Listener.HTTPS, self.method, self.path, told, NOW, None, self.query), snapshot, RouteMatcher(snapshot.apis))

    @property
    def headers_out(self) -> Mapping[str, str]:
        """What the backend is told."""
        decision = self.decision
        assert said(decision) == "yes"
        assert decision.call is not None
        return decision.call.headers


@pytest.fixture
def call(book: Any) -> Call:
    """A good call."""
    return Call(book)


def test_a_user_s_call_becomes_a_system_s(call: Call) -> None:
    """The application's ASID, the ids of the call, and a token that the strict checks take; nothing of the caller's own (spine 3)."""
    decision = call.decision
    assert said(decision) == "yes"
    assert decision.call is not None
    headers = dict(decision.call.headers)
    stated = examine(headers.pop("Authorization"), Expected(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS]), NOW)
    assert headers == {"NHSD-ASID": CONSUMER, "NHSD-Request-ID": TRACE, "NHSD-Correlation-ID": f"{TRACE}.c-1.rrt-1"}
    assert (stated.asid, stated.organisation, stated.role, stated.scopes, stated.reason) == (CONSUMER, "Z9X01", URID, ("user/Flag.read",), "directcare")
    assert (stated.issuer, stated.audience) == ("https://localhost:8443", AUDIENCE)
    assert decision.call.stated == stated
    assert (decision.call.sender, decision.call.receiver, decision.call.interaction, decision.role) == (CONSUMER, NATIONAL, FLAG_READ, URID)
    assert URID not in repr(decision)
    assert headers["NHSD-Request-ID"] not in decision.proved


def test_the_older_headers(call: Call) -> None:
    """FromASID and its family, for a backend that knows them; the issuer may be stated."""
    call.api = through(headers="reasonable-adjustments", issuer="https://gateway.example")
    found = dict(call.headers_out)
    stated = examine(found.pop("Authorization"), Expected(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS]), NOW)
    assert found == {"FromASID": CONSUMER, "ToASID": NATIONAL, "InteractionID": FLAG_READ, "TraceID": TRACE}
    assert stated.issuer == "https://gateway.example"


def test_the_record_locator(call: Call) -> None:
    """Another service, another variant: its exact scope."""
    call.api = flags("nrl", {**USER, "translate": {"audience": AUDIENCE, "spine_jwt": "nrl"}})
    call.path, call.query = "/flags/DocumentReference", ""
    stated = examine(call.headers_out["Authorization"], Expected(VARIANTS[VariantName.NRL]), NOW)
    assert stated.scopes == ("patient/DocumentReference.read",)


@pytest.mark.parametrize("given", [None, "a\u00e9", "x" * 129, ""], ids=["none", "not ASCII", "long", "empty"])
def test_a_correlation_id_that_is_none(call: Call, given: str | None) -> None:
    """It is left out, and the rest is told."""
    call.headers["x-correlation-id"] = given
    assert call.headers_out["NHSD-Correlation-ID"] == f"{TRACE}.rrt-1"


def test_either_interaction_of_the_removal_is_enough(call: Call) -> None:
    """The one that the system has been granted."""
    call.path, call.method, call.query = "/flags/$removerarecord", "POST", ""
    call.headers |= WRITTEN
    decision = call.decision
    assert decision.call is not None
    assert decision.call.interaction == REMOVAL
    other = f"{PREFIX}raflags:removeflag.write:1"
    call.world = {"systems": {CONSUMER: replace(SNAPSHOT.systems[CONSUMER], interactions=frozenset({other}))}}
    decision = call.decision
    assert decision.call is not None
    assert (said(decision), decision.call.interaction) == ("yes", other)


def test_a_made_up_request_id_where_none_is_required(call: Call) -> None:
    """Envoy's own stands in for the caller's."""
    call.api = flags(route={**ROUTE, "request_id": "generated"})
    call.headers |= {GIVEN_REQUEST_ID: "nonsense"}
    assert call.headers_out["NHSD-Request-ID"] == TRACE


def _header(name: str, value: str | None) -> Callable[[Call], None]:
    return lambda c: c.headers.update({name: value})


def _ungranted(call: Call) -> None:
    call.world["systems"] = {CONSUMER: replace(SNAPSHOT.systems[CONSUMER], interactions=frozenset())}


def _written(call: Call) -> None:
    """A good update."""
    call.method, call.path, call.query = "PUT", "/flags/Flag/a1", ""
    call.headers |= WRITTEN | {"if-match": 'W/"1"'}


ORDER: list[tuple[str, Callable[[Call], None]]] = [
    ("ra-access-token-invalid", _header("authorization", "Bearer a.b.c")),
    ("ra-request-id-invalid", _header("x-request-id", "1")),
    ("ra-session-urid-invalid", lambda c: c.user.update(role=None)),
    ("ra-content-type-invalid", _header("content-type", "application/json")),
    ("ra-payload-missing", _header("content-length", "0")),
    ("ra-if-match-invalid", _header("if-match", '"1"')),
    ("ra-resource-not-found", lambda c: setattr(c, "path", "/flags/Patient/a1")),
    ("ra-asid-not-configured", lambda c: c.client.update(asid=None)),
    ("ra-ods-not-configured", lambda c: c.client.update(organisation="Z9X09")),
    ("interaction-not-granted", _ungranted),
]
"""A fault of each step of an update, in the order in which they are said (spine 8.4)."""


@pytest.mark.parametrize(("expected", "spoil"), ORDER, ids=[code for code, _ in ORDER])
def test_one_fault_is_said(call: Call, expected: str, spoil: Callable[[Call], None]) -> None:
    """Each alone; without one the update is made."""
    _written(call)
    call.world["systems"] = {CONSUMER: replace(SNAPSHOT.systems[CONSUMER], interactions=frozenset({f"{PREFIX}raflags:Flag.write:1"}))}
    assert said(call.decision) == "yes"
    spoil(call)
    refused = call.decision
    assert said(refused) == expected
    assert refused.refusal is not None
    assert refused.refusal.expected
    assert refused.refusal.received


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)), ids=lambda found: found[0])
def test_the_first_of_two_faults_is_said(call: Call, first: tuple[str, Callable[[Call], None]], second: tuple[str, Callable[[Call], None]]) -> None:
    """In the order of the table."""
    _written(call)
    second[1](call)
    first[1](call)
    assert said(call.decision) == first[0]


@pytest.mark.parametrize(("expected", "change"), [
    ("ra-query-invalid", {"query": ""}), ("ra-query-invalid", {"query": "patient=1&status=active"}), ("ra-query-invalid", {"query": SEARCH.replace("active", "")}),
    ("ra-query-invalid", {"path": "/flags/List"}), ("yes", {"path": "/flags/Flag/a1", "query": ""}), ("yes", {"path": "/flags/Condition", "query": ""}),
    ("ra-resource-not-found", {"path": "/flags"}), ("ra-resource-not-found", {"path": "/flags/Flag/a/b"}), ("ra-content-type-invalid", {"method": "HEAD"}),
    ("interaction-not-granted", {"client": {"asid": UNKNOWN}}), ("interaction-not-granted", {"client": {"asid": SUSPENDED}}),
    ("interaction-not-granted", {"client": {"asid": SISTER}}), ("interaction-not-granted-internet", {"client": {"asid": SISTER}, "api": flags(ungranted="internet")}),
    ("ra-access-token-invalid", {"user": {"role": URID, "claims": {"lasts": -5}}}), ("ra-access-token-invalid", {"client": {"asid": CONSUMER, "refused": "developer-inactive"}}),
    ("scope-insufficient", {"scope": "urn:nhsd:apim:user-nhs-cis2:aal1:flags"}),
    ("ra-session-urid-invalid", {"user": {"roles": (URID, "555254240101"), "separate": False}}),
])  # fmt: skip
def test_searches(call: Call, expected: str, change: dict[str, Any]) -> None:
    """The three parameters with values; a system that is live and has the interaction; the token's own faults in one sentence."""
    for name, value in change.items():
        setattr(call, name, value)
    assert said(call.decision) == expected


def test_a_body_in_chunks(call: Call) -> None:
    """Its length is not known, and it is there."""
    call.path, call.method, call.query = "/flags/Consent", "POST", ""
    call.headers |= {"content-type": "application/fhir+json", "transfer-encoding": "chunked"}
    assert said(call.decision) == "yes"


def test_the_role_is_the_user_s(call: Call) -> None:
    """The strict profile takes only a role of the directory's; what came is not repeated."""
    call.user = {"role": None}
    call.headers["nhsd-session-urid"] = "555254240101"
    call.client["profile"] = Profile.STRICT
    assert call.decision.role == "555254240101"
    call.headers["nhsd-session-urid"] = "555254240999"
    refused = call.decision
    assert said(refused) == "ra-session-urid-invalid"
    assert "555254240999" not in str(refused.refusal)
    assert WORKER not in str(refused.refusal)


def test_a_refused_call_is_known_by_its_systems(call: Call) -> None:
    """What the record gets of a call that was not granted."""
    call.client["asid"] = SUSPENDED
    refused = call.decision
    assert refused.call is not None
    assert refused.refusal is not None
    assert (refused.call.sender, refused.call.interaction, refused.call.organisations) == (SUSPENDED, FLAG_READ, ("Z9X01",))
    assert refused.refusal.received == f"ASID {SUSPENDED}, suspended"
    assert refused.call.headers == {}


@pytest.mark.parametrize(("make", "said_in"), [
    (lambda: through(spine_jwt="gp-connect-1"), "embeds a device"), (lambda: flags("gp-connect"), "is for the services"), (lambda: flags("bookings"), "is for the services"),
    (lambda: flags(asid=None, route={**USER, "translate": {"audience": AUDIENCE, "headers": "nrl"}}), "needs the API's own `asid`"),
], ids=["variant", "service", "bookings", "no receiver"])  # fmt: skip
def test_translations_that_cannot_be_made(make: Callable[[], API], said_in: str) -> None:
    """The manifest says so, instead of every call."""
    with pytest.raises(ValidationError, match=said_in):
        make()
