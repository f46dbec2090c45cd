"""Routes by ASID: who is let in, each way not to be, and which of several faults is said."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.security_patterns.systems import (
    ASID,
    CLAIMS,
    CONSUMER,
    FLAG_READ,
    FLAG_WRITE,
    GP_CLAIMS,
    NAME,
    NATIONAL,
    NOW,
    NRL_HEADERS,
    ODS,
    OWN,
    PATIENT,
    PROVIDER,
    PROVIDER_NAME,
    PROXY_HEADERS,
    RA_HEADERS,
    READ_PATIENT,
    REMOVAL,
    SISTER,
    SLOTS,
    SNAPSHOT,
    SUSPENDED,
    TRACE,
    UNKNOWN,
    ask,
    bearer,
    said,
)
from wardgate.catalogue.model import METHODS
from wardgate.security_patterns.facts import Listener
from wardgate.spine.interactions import PREFIX

NRL_CLAIMS = {**CLAIMS, "scope": "patient/DocumentReference.read"}
UNATTENDED = {**NRL_CLAIMS, "sub": ASID + CONSUMER, "requesting_user": None, "scope": "patient/DocumentReference.write"}
CITIZEN = {**NRL_CLAIMS, "sub": PATIENT, "requesting_patient": PATIENT, "requesting_user": None, "reason_for_request": "patientaccess"}
NEMS = {"fromasid": CONSUMER, "toasid": NATIONAL}


def test_a_call_is_let_in() -> None:
    """It is told who calls whom, for what, in which trace, and what the token states; the explanation has nothing personal."""
    found = ask("/ra/Flag/a1", RA_HEADERS, CLAIMS)
    assert (said(found), found.pattern, found.api, found.route) == ("yes", "asid-interaction", "ra", "/*")
    call = found.call
    assert call is not None
    assert call.stated is not None
    assert (call.sender, call.receiver, call.interaction, call.trace, call.organisations) == (CONSUMER, NATIONAL, FLAG_READ, TRACE, ("Z9X01",))
    assert (call.stated.role, call.stated.organisation, call.stated.reason) == ("555000000101", "Z9X01", "directcare")
    assert found.proved == (
        f"certificate {NAME} is of ASID {CONSUMER}", "the token states a professional caller of Z9X01, directcare", f"ASID {CONSUMER} has been granted {FLAG_READ}",
    )
    assert "555000000101" not in repr(found)


LET_IN: list[tuple[str, str, dict[str, str], Any, str, str]] = [
    ("a route without a token", "/plain/Flag/a1", RA_HEADERS, None, "GET", NAME),
    ("a search", "/plain/Flag", RA_HEADERS, None, "GET", NAME),
    ("the sister, with the shared certificate", "/plain/Flag", RA_HEADERS | {"fromasid": SISTER, "interactionid": FLAG_WRITE}, None, "POST", NAME),
    ("the provider, with its own", "/plain/Flag", RA_HEADERS | {"fromasid": PROVIDER}, None, "GET", PROVIDER_NAME),
    ("the same by another of its names", "/plain/Flag", RA_HEADERS | {"fromasid": PROVIDER}, None, "GET", "nrl-z9x02.example.thirdparty.nhs.uk"),
    ("any system of the directory is called", "/anyone/Flag", RA_HEADERS | {"toasid": PROVIDER}, None, "GET", NAME),
    ("NRL without an interaction", "/nrl/DocumentReference", NRL_HEADERS, NRL_CLAIMS, "GET", NAME),
    ("NRL with the one that fits", "/nrl/DocumentReference/a1", NRL_HEADERS | {"interactionid": f"{PREFIX}nrl:DocumentReference.read"}, NRL_CLAIMS, "GET", NAME),
    ("a provider's system by itself, writing", "/nrl/DocumentReference", NRL_HEADERS, UNATTENDED, "POST", NAME),
    ("a citizen", "/nrl/DocumentReference", NRL_HEADERS, CITIZEN, "GET", NAME),
    ("either interaction of the removal", "/ra/$removerarecord", RA_HEADERS | {"interactionid": f"{PREFIX}raflags:removeflag.write:1"},
     {**CLAIMS, "scope": "user/Consent.write user/Flag.write user/List.write"}, "POST", NAME),
    ("one scope of the removal, by setting", "/any-scope/$removerarecord", RA_HEADERS | {"interactionid": REMOVAL}, {**CLAIMS, "scope": "user/Flag.write"}, "POST", NAME),
    ("the route's own interaction", "/fixed/anything", RA_HEADERS | {"interactionid": OWN}, None, "DELETE", NAME),
    ("the same where no header needs to say so", "/fixed-nrl/anything", NRL_HEADERS, None, "GET", NAME),
    ("GP Connect", "/gp/Slot", PROXY_HEADERS | {"ssp-to": NATIONAL}, GP_CLAIMS, "GET", NAME),
    ("a booking", "/booking/Slot", PROXY_HEADERS | {"ssp-to": NATIONAL, "ssp-interactionid": f"{PREFIX}careconnect:fhir:rest:search:slot"}, CLAIMS, "GET", NAME),
    ("a subscription", "/subscriptions/Subscription", NEMS | {"interactionid": f"{PREFIX}clinicals-sync:SubscriptionsApiPost"},
     {**CLAIMS, "scope": "patient/Subscription.write"}, "POST", NAME),
    ("an event", "/events/$process-message", NEMS | {"interactionid": f"{PREFIX}events:PDS001.Write"}, {**CLAIMS, "scope": "patient/Bundle.write"}, "POST", NAME),
    ("what a gateway of one's own sends", "/hop/Flag", {"nhsd-asid": CONSUMER}, {**CLAIMS, "exp": None, "iat": None}, "GET", NAME),
]  # fmt: skip


@pytest.mark.parametrize(("path", "headers", "claims", "method", "name"), [row[1:] for row in LET_IN], ids=[row[0] for row in LET_IN])
def test_each_service_lets_its_callers_in(path: str, headers: dict[str, str], claims: Any, method: str, name: str) -> None:
    """Every family of headers, every variant of the token."""
    assert said(ask(path, headers, claims, method=method, name=name)) == "yes"


@dataclass
class Request:
    """A good call of the RA API, to spoil."""

    path: str = "/ra/Flag/a1"
    headers: dict[str, str | None] = field(default_factory=lambda: dict(RA_HEADERS))
    claims: dict[str, Any] = field(default_factory=lambda: dict(CLAIMS))
    name: str | None = NAME
    method: str = "GET"

    @property
    def outcome(self) -> str:
        """What is said."""
        return said(ask(self.path, {"authorization": bearer(self.claims)} | self.headers, method=self.method, name=self.name))


def _header(name: str, value: str | None) -> Callable[[Request], None]:
    return lambda r: r.headers.update({name: value})


def _claim(name: str, value: Any) -> Callable[[Request], None]:
    return lambda r: r.claims.update({name: value})


ORDER: list[tuple[str, Callable[[Request], None]]] = [
    ("certificate-not-of-asid", lambda r: setattr(r, "name", PROVIDER_NAME)),
    ("spine-jwt-missing", _header("authorization", None)),
    ("spine-jwt-sections", _header("authorization", "Bearer a.b")),
    ("spine-jwt-malformed", _header("authorization", "Basic a.b.")),
    ("spine-jwt-claim-missing", _claim("iss", None)),
    ("spine-jwt-lifetime", _claim("exp", CLAIMS["exp"] + 1)),
    ("spine-jwt-user-not-sub", _claim("sub", ASID + CONSUMER)),
    ("spine-jwt-system-form", _claim("requesting_system", "https://example.org|1")),
    ("spine-jwt-asid-unknown", _claim("requesting_system", ASID + UNKNOWN)),
    ("spine-jwt-reason", _claim("reason_for_request", "secondaryuses")),
    ("spine-jwt-ods-unknown", _claim("requesting_organization", ODS + "Z9X09")),
    ("spine-jwt-asid-not-of-ods", _claim("requesting_organization", ODS + "Z9X02")),
    ("from-asid-missing", _header("fromasid", f"{CONSUMER},{CONSUMER}")),
    ("from-asid-unknown", _header("fromasid", SUSPENDED)),
    ("to-asid-missing", _header("toasid", None)),
    ("to-asid-not-ours", _header("toasid", PROVIDER)),
    ("spine-jwt-asid-not-from", _claim("requesting_system", ASID + SISTER)),
    ("spine-header-missing", _header("interactionid", None)),
    ("spine-header-invalid", _header("traceid", "no uuid")),
    ("interaction-disagrees", _header("interactionid", f"{PREFIX}raflags:Consent.read:1")),
    ("interaction-not-granted", lambda r: (setattr(r, "path", "/ra/Flag"), setattr(r, "method", "POST"), r.headers.update(interactionid=FLAG_WRITE))[0]),
    ("spine-jwt-scope-missing", _claim("scope", "user/Consent.read")),
]
"""A fault of each step, in the order in which they are said."""


@pytest.mark.parametrize(("expected", "spoil"), ORDER, ids=[code for code, _ in ORDER])
def test_one_fault_is_said(expected: str, spoil: Callable[[Request], None]) -> None:
    """Each alone."""
    request = Request()
    assert request.outcome == "yes"
    spoil(request)
    assert request.outcome == expected


def _independent(one: str, other: str) -> bool:
    """Whether two faults can be had at once: the later one must not undo the earlier."""
    same_place = (
        {"spine-jwt-missing", "spine-jwt-sections", "spine-jwt-malformed"},
        {"spine-jwt-system-form", "spine-jwt-asid-unknown", "spine-jwt-asid-not-from"},
        {"spine-jwt-ods-unknown", "spine-jwt-asid-not-of-ods"}, {"from-asid-missing", "from-asid-unknown", "certificate-not-of-asid"},
        {"to-asid-missing", "to-asid-not-ours"}, {"spine-header-missing", "interaction-disagrees", "interaction-not-granted"},
        {"spine-jwt-asid-not-from", "spine-jwt-asid-not-of-ods"},
    )  # fmt: skip
    return not any({one, other} <= group for group in same_place)


@pytest.mark.parametrize(("first", "second"), [pair for pair in combinations(ORDER, 2) if _independent(pair[0][0], pair[1][0])],
                         ids=lambda found: found[0])  # fmt: skip
def test_the_first_of_two_faults_is_said(first: tuple[str, Callable[[Request], None]], second: tuple[str, Callable[[Request], None]]) -> None:
    """Spine 11: certificate, token, From, To, one system, interaction and trace, granted, scopes."""
    request = Request()
    second[1](request)
    first[1](request)
    assert request.outcome == first[0]


OF_ANOTHER = {**GP_CLAIMS, "requesting_organization": {**GP_CLAIMS["requesting_organization"], "identifier": [
    {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z9X02"}]}}
REFUSED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("an unknown system is no certificate's", "from-asid-unknown", "/plain/Flag", {"headers": {"fromasid": UNKNOWN}, "name": "other.example"}),
    ("a system that is only approved is unknown", "from-asid-unknown", "/plain/Flag", {"headers": {"fromasid": "200000100005"}}),
    ("no From, whatever the certificate", "from-asid-missing", "/plain/Flag", {"headers": {"fromasid": None}, "name": "other.example"}),
    ("a certificate without a name of its own", "certificate-not-of-asid", "/plain/Flag", {"name": None}),
    ("an ASID of another party key", "certificate-not-of-asid", "/plain/Flag", {"headers": {"fromasid": PROVIDER}}),
    ("several names in a certificate", "certificate-not-of-asid", "/plain/Flag", {"name": f"{NAME},other.example"}),
    ("the suspended system with another's certificate", "certificate-not-of-asid", "/plain/Flag", {"headers": {"fromasid": SUSPENDED}, "name": PROVIDER_NAME}),
    ("an unknown receiver", "to-asid-not-ours", "/anyone/Flag", {"headers": {"toasid": UNKNOWN}}),
    ("no method of an interaction", "interaction-unresolved", "/plain/Flag", {"method": "HEAD"}),
    ("no path of an interaction", "interaction-unresolved", "/plain/Patient", {}),
    ("an escape in the path", "interaction-unresolved", "/plain/Flag%2Fa1", {}),
    ("the base path", "interaction-unresolved", "/plain", {}),
    ("not granted, as the reference implementation says it", "interaction-not-granted-reference", "/reference/Flag",
     {"method": "POST", "headers": {"interactionid": FLAG_WRITE}}),
    ("not granted, as the internet gateway says it", "interaction-not-granted-internet", "/internet/Flag", {"method": "POST", "headers": {"interactionid": FLAG_WRITE}}),
    ("not the route's own interaction", "interaction-disagrees", "/fixed/x", {}),
    ("not granted the route's own", "interaction-not-granted", "/fixed-nrl/x", {"headers": {"fromasid": SISTER, "interactionid": None}}),
    ("NRL's disagrees", "interaction-disagrees", "/nrl-plain/DocumentReference", {"headers": {"interactionid": f"{PREFIX}nrl:DocumentReference.create"}}),
    ("NRL's twice", "spine-header-invalid", "/nrl-plain/DocumentReference", {"headers": {"interactionid": "a,a"}}),
    ("NRL has none for this", "interaction-unresolved", "/nrl-plain/DocumentReference", {"method": "PUT", "headers": {"interactionid": None}}),
    ("no interaction for a hop's call", "interaction-unresolved", "/hop/Patient", {"headers": {"nhsd-asid": CONSUMER}, "claims": CLAIMS}),
    ("no sender of a hop's call", "spine-header-missing", "/hop/Flag", {"claims": CLAIMS}),
    ("GP Connect's own word for no interaction", "gp-connect-interaction-missing", "/gp/Slot", {"gp": {"ssp-interactionid": None}}),
    ("GP Connect's for an unknown one", "gp-connect-interaction-unknown", "/gp/Slot", {"gp": {"ssp-interactionid": OWN}}),
    ("GP Connect's for another method", "gp-connect-interaction-method", "/gp/Slot", {"gp": {}, "method": "POST"}),
    ("GP Connect's for another resource", "gp-connect-interaction-resource", "/gp/Patient", {"gp": {}}),
    ("GP Connect's for an id that is not there", "gp-connect-interaction-id-segment", "/gp/Slot/1", {"gp": {}}),
    ("GP Connect: not granted", "interaction-not-granted", "/gp/Patient/1", {"gp": {"ssp-interactionid": READ_PATIENT}, "claims": {**GP_CLAIMS, "requested_scope": "patient/*.read"}}),
    ("GP Connect: another scope than the interaction's", "gp-connect-jwt-scope", "/gp/Slot", {"gp": {}, "claims": {**GP_CLAIMS, "requested_scope": "patient/*.read"}}),
    ("GP Connect: an organisation that the system does not act for", "gp-connect-jwt-claim-invalid", "/gp/Slot", {"gp": {}, "claims": OF_ANOTHER}),
    ("a provider's sender header by its name", "spine-header-missing", "/gp/Slot", {"gp": {"ssp-from": None}}),
    ("bookings say 403 of a token", "booking-jwt-missing", "/booking/Slot", {"gp": {"ssp-interactionid": f"{PREFIX}careconnect:fhir:rest:search:slot"}, "claims": None}),
    ("an event that is none", "interaction-disagrees", "/events/$process-message",
     {"method": "POST", "claims": {**CLAIMS, "scope": "patient/Bundle.write"}, "headers": {"interactionid": OWN}}),
    ("a token without times is for trusted hops", "spine-jwt-claim-missing", "/ra/Flag", {"claims": {**CLAIMS, "exp": None, "iat": None}}),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "path", "more"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refusals(expected: str, path: str, more: dict[str, Any]) -> None:
    """Each in its own words."""
    more = dict(more)
    gp = more.pop("gp", None)
    headers = {**PROXY_HEADERS, "ssp-to": NATIONAL, **gp} if gp is not None else {**RA_HEADERS, **more.pop("headers", {})}
    if path.startswith("/nrl") and "interactionid" not in headers:
        headers["interactionid"] = None
    claims = more.pop("claims", GP_CLAIMS if gp is not None else None)
    found = ask(path, headers, claims, **more)
    assert said(found) == expected
    assert found.refusal is not None
    assert found.refusal.expected
    assert found.refusal.received


def test_booking_s_status() -> None:
    """403 where the others say 400 (spine 2.4)."""
    refusal = ask("/booking/Slot", PROXY_HEADERS | {"ssp-to": NATIONAL}).refusal
    assert refusal is not None
    assert refusal.reason.status == 403


def test_without_a_certificate() -> None:
    """The port of everybody has none to show."""
    assert said(ask("/plain/Flag", RA_HEADERS, door=Listener.HTTPS)) == "certificate-missing"


def test_a_refusal_names_what_did_not_match() -> None:
    """ASID, party key and certificate; the interaction and who lacks it; the state of a system. And the record knows the systems."""
    wrong = ask("/plain/Flag", RA_HEADERS, name="other.example")
    assert wrong.refusal is not None
    assert wrong.refusal.expected == f"the certificate of party key Z9X01-850001, which ASID {CONSUMER} belongs to"
    assert wrong.refusal.received == "the certificate of other.example"
    short = ask("/plain/Flag", RA_HEADERS | {"interactionid": FLAG_WRITE}, method="POST")
    assert short.refusal is not None
    assert short.refusal.fill(short.refusal.reason.text) == f"ASID {CONSUMER} has no {FLAG_WRITE}"
    assert short.call is not None
    assert (short.call.sender, short.call.interaction, short.call.organisations) == (CONSUMER, FLAG_WRITE, ("Z9X01",))
    suspended = ask("/plain/Flag", RA_HEADERS | {"fromasid": SUSPENDED})
    assert suspended.refusal is not None
    assert suspended.refusal.received == f"ASID {SUSPENDED}, suspended"
    assert suspended.call is not None
    assert suspended.call.sender == SUSPENDED


def test_what_the_directory_does_not_have_is_not_recorded() -> None:
    """An ASID of nobody, a trace in no form: text of the caller's own."""
    call = ask("/plain/Flag", RA_HEADERS | {"fromasid": UNKNOWN, "toasid": "999", "traceid": "9990000018"}).call
    assert call is not None
    assert (call.sender, call.receiver, call.trace, call.organisations) == (None, None, None, ())


def test_time_goes_by_the_decision_s_clock() -> None:
    """A token is good for five minutes and a grace."""
    assert said(ask("/ra/Flag/a1", RA_HEADERS, CLAIMS, now=NOW + timedelta(seconds=230))) == "yes"
    assert said(ask("/ra/Flag/a1", RA_HEADERS, CLAIMS, now=NOW + timedelta(seconds=231))) == "spine-jwt-time"


def test_the_times_of_a_token_are_the_api_s() -> None:
    """A setting takes a rule away, another one makes it narrower."""
    late = NOW + timedelta(hours=1)
    assert said(ask("/lenient/Flag/a1", RA_HEADERS, {**CLAIMS, "exp": CLAIMS["exp"] + 7}, now=late)) == "yes"
    assert said(ask("/ra/Flag/a1", RA_HEADERS, CLAIMS, now=late)) == "spine-jwt-time"


def test_the_long_quota_of_the_api() -> None:
    """The last thing that is asked."""
    spent = replace(SNAPSHOT, over_quota={("", "plain"): NOW + timedelta(hours=1)})
    assert said(ask("/plain/Flag", RA_HEADERS, snapshot=spent)) == "api-quota-exceeded"
    assert said(ask("/plain/Flag", RA_HEADERS | {"toasid": None}, snapshot=spent)) == "to-asid-missing"


@pytest.mark.parametrize("query", ["x=" + "a" * 9_000, "&".join(["a=1"] * 101)], ids=["long", "many"])
def test_a_query_that_nobody_sends(query: str) -> None:
    """Its parameters are not read; the search by an identifier then has none."""
    headers = PROXY_HEADERS | {"ssp-to": NATIONAL, "ssp-interactionid": f"{PREFIX}gpconnect:fhir:rest:search:patient-1"}
    claims = {**GP_CLAIMS, "requested_scope": "patient/*.read"}
    good = "identifier=https://fhir.nhs.uk/Id/nhs-number%7C9990000018"
    assert said(ask("/gp/Patient", headers, claims, query=good)) == "yes"
    assert said(ask("/gp/Patient", headers, claims, query=f"{good}&{query}")) == "gp-connect-interaction-identifier"


def test_slots_are_the_consumer_s_to_ask() -> None:
    """A directory that grants nothing lets nobody in."""
    nothing = replace(SNAPSHOT, systems={CONSUMER: replace(SNAPSHOT.systems[CONSUMER], interactions=frozenset())})
    assert said(ask("/gp/Slot", PROXY_HEADERS | {"ssp-to": NATIONAL, "ssp-interactionid": SLOTS}, GP_CLAIMS, snapshot=nothing)) == "interaction-not-granted"


@given(st.dictionaries(st.sampled_from((*RA_HEADERS, "authorization", "accept", "content-type", "ssp-from", "nhsd-asid")), st.text(max_size=40), max_size=6),
       st.sampled_from(("/ra", "/plain", "/nrl", "/gp", "/events", "/hop", "/ssp", "/ssp-plain")), st.text("/Flag%$.a1\x00\\", max_size=12),
       st.sampled_from(METHODS), st.text(max_size=20))  # fmt: skip
def test_whatever_comes_is_decided(headers: dict[str, str], base: str, rest: str, method: str, query: str) -> None:
    """Nothing that a caller may send makes a decision fail, and nothing of it is a yes without the rest."""
    assert not ask(f"{base}/{rest}", headers, method=method, query=query).allowed
