"""Answers about calls between systems: what Envoy is told on a yes, and whole bodies in JSON and XML on a no."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from unit.security_patterns.conftest import NOW as USERS_NOW
from unit.security_patterns.systems import (
    CLAIMS,
    CONSUMER,
    FLAG_READ,
    FLAG_WRITE,
    GP_CLAIMS,
    GP_ROOT,
    MATCHER,
    NAME,
    NATIONAL,
    NOW,
    NRL_HEADERS,
    PROVIDER_NAME,
    PROXY_HEADERS,
    RA_HEADERS,
    ROLE,
    SISTER,
    SNAPSHOT,
    TRACE,
    USER,
    bearer,
)
from wardgate.audit.model import Event, Personal
from wardgate.catalogue import API, Audit
from wardgate.catalogue.paths import RouteMatcher
from wardgate.dataplane.resources.decision import SAID_AS
from wardgate.decisions.question import Question
from wardgate.decisions.service import DecisionService, ToRecord, World
from wardgate.oauth.access_token import AccessToken, TokenUser
from wardgate.security_patterns.snapshot import Client, Snapshot
from wardgate.spine.interactions import PREFIX

XFCC = f'Hash={"ab" * 32};Subject="CN={NAME}";DNS={NAME}'
MESSAGE = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a91"
ID = {"x-wardgate-message-id": MESSAGE}


class Down(Exception):
    """The store is not available."""


def ask(target: str, headers: Mapping[str, str], method: str = "GET", snapshot: Snapshot = SNAPSHOT, events: list[Event] | None = None,
        now: Any = NOW) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    """Return status (the one that is meant), headers and body of the answer to one question that came through the mutual-TLS port."""

    async def record(event: Event) -> None:
        if events is None:
            raise Down
        events.append(event)

    matcher = MATCHER if snapshot is SNAPSHOT else RouteMatcher(snapshot.apis)
    service = DecisionService(lambda: World(snapshot, matcher), lambda: now, record, (Down,))
    told = {"x-wardgate-listener": "mtls", "x-forwarded-client-cert": XFCC} | ID | dict(headers)
    decided = service.ask(Question(method, "/decide" + target, told))
    answer = asyncio.run(service.recorded(decided)) if isinstance(decided, ToRecord) else decided
    meant = {said: status for status, said in SAID_AS.items()}
    return meant.get(answer.status, answer.status), {name.decode(): value.decode() for name, value in answer.headers}, answer.body


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what Envoy is told, without its prefix."""
    return {name.removeprefix("x-wardgate-"): value for name, value in headers.items() if name.startswith("x-wardgate-")}


def test_a_yes_tells_envoy_which_system_calls() -> None:
    """The ASID, the organisations it acts for, the interaction; nothing of the token."""
    status, headers, body = ask("/ra/Flag/a1", RA_HEADERS | {"authorization": bearer(CLAIMS)})
    assert (status, body) == (200, b"")
    assert told(headers) == {"system": CONSUMER, "organisations": "Z9X01", "interaction": FLAG_READ}
    _, headers, _ = ask("/plain/Flag", RA_HEADERS | {"fromasid": SISTER, "interactionid": FLAG_WRITE}, "POST")
    assert told(headers)["organisations"] == "Z9X01,Z9X05"


def test_a_relayed_call_goes_to_the_endpoint() -> None:
    """By cluster, host and path; the cluster is another where the manifest says where to connect."""
    target = f"/ssp/{GP_ROOT}/Slot?start=ge2026-11-21"
    headers = told(ask(target, PROXY_HEADERS | {"authorization": bearer(GP_CLAIMS)})[1])
    assert headers.pop("relay-cluster") == f"relay-{PROVIDER_NAME}"
    assert headers == {"system": CONSUMER, "organisations": "Z9X01", "interaction": PROXY_HEADERS["ssp-interactionid"], "relay-host": PROVIDER_NAME,
                       "relay-path": "/Z9X02/STU3/1/gpconnect/Slot?start=ge2026-11-21"}  # fmt: skip
    elsewhere = replace(SNAPSHOT, connect_to={"S918999000005": "127.0.0.1:9443"})
    assert told(ask(target, PROXY_HEADERS | {"authorization": bearer(GP_CLAIMS)}, snapshot=elsewhere)[1])["relay-cluster"] == f"relay-{PROVIDER_NAME}@127.0.0.1:9443"


def test_a_translated_call_is_told_what_to_say(book: Any) -> None:
    """Each header that takes the place of the caller's; the token has a dot at its end."""
    api = API.model_validate({
        "name": "flags", "base_path": "/flags", "backend": "http://127.0.0.1:9", "errors": "fhir", "spine": {"service": "reasonable-adjustments"},
        "routes": [{**USER, "translate": {"audience": "https://clinicals.spineservices.nhs.uk/STU3"}}],
    })  # fmt: skip
    client = Client("good", "Z9X01", frozenset({"p"}), frozenset({"flags"}), (), asid=CONSUMER)
    snapshot = replace(SNAPSHOT, apis=(api,), clients={"good": client}, tokens=book.snapshot.tokens)
    token = book.user_token(scope="urn:nhsd:apim:user-nhs-cis2:aal3:flags", role="555254240100")
    headers = told(ask("/flags/Flag/a1", {"authorization": f"Bearer {token}", "x-request-id": TRACE, "x-wardgate-given-request-id": TRACE,
                                          "x-wardgate-listener": "https"}, snapshot=snapshot, now=USERS_NOW)[1])  # fmt: skip
    replaced = {name.removeprefix("set-"): headers.pop(name) for name in list(headers) if name.startswith("set-")}
    assert replaced.pop("authorization").startswith("Bearer ey")
    assert replaced == {"nhsd-asid": CONSUMER, "nhsd-request-id": TRACE, "nhsd-correlation-id": f"{TRACE}.{MESSAGE}"}
    assert {name: headers[name] for name in ("client", "asid", "system", "interaction", "organisations", "role")} == {
        "client": "good", "asid": CONSUMER, "system": CONSUMER, "interaction": FLAG_READ, "organisations": "Z9X01", "role": "555254240100"}


def outcome(code: str, display: str, issue: str, diagnostics: str, system: str = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1",
            profile: str | None = "https://fhir.nhs.uk/STU3/StructureDefinition/Spine-OperationOutcome-1", severity: str = "error") -> dict[str, Any]:  # fmt: skip
    """Return a whole outcome."""
    meta = {"meta": {"profile": [profile]}} if profile else {}
    coding = {"system": system, "code": code, "display": display}
    return {"resourceType": "OperationOutcome", "id": MESSAGE, **meta, "issue": [
        {"severity": severity, "code": issue, "details": {"coding": [coding]}, "diagnostics": diagnostics}]}


def as_tree(xml: bytes) -> Any:
    """Return FHIR XML of an outcome as the JSON would be."""

    def read(element: Any) -> Any:
        if "value" in element.attrib:
            return element.attrib["value"]
        found: dict[str, Any] = {}
        for child in element:
            name = child.tag.removeprefix("{http://hl7.org/fhir}")
            value = read(child)
            found[name] = [value] if name in {"issue", "coding", "profile"} else value
        return found

    root = fromstring(xml)  # noqa: S314 - of our own making
    return {"resourceType": root.tag.removeprefix("{http://hl7.org/fhir}")} | read(root)


HEADER = ("MISSING_OR_INVALID_HEADER", "There is a required header missing or invalid")
BODIES: list[tuple[str, str, dict[str, str], str, int, dict[str, Any]]] = [
    ("no token", "/ra/Flag", dict(RA_HEADERS), "GET", 400, outcome(*HEADER, "structure", "The Authorisation header must be supplied")),
    ("no From", "/plain/Flag", {name: value for name, value in RA_HEADERS.items() if name != "fromasid"}, "GET", 400, outcome(*HEADER, "invalid", "fromASID HTTP Header is missing")),
    ("not granted", "/plain/Flag", RA_HEADERS | {"interactionid": FLAG_WRITE}, "POST", 403,
     outcome("ASID_CHECK_FAILED", "The sender or receiver's ASID is not authorised for this interaction", "forbidden", f"ASID {CONSUMER} has no {FLAG_WRITE}")),
    ("not granted, reference", "/reference/Flag", RA_HEADERS | {"interactionid": FLAG_WRITE}, "POST", 403,
     outcome("ACCESS_DENIED", "Access has been denied to process this request", "invalid", "Invalid Client Connection.")),
    ("not of the ASID", "/plain/Flag", RA_HEADERS | {"x-forwarded-client-cert": XFCC.replace(NAME, "other.example")}, "GET", 401,
     outcome("ACCESS_DENIED", "Access has been denied to process this request", "forbidden", "Access has been denied to process this request")),
    ("GP Connect", "/gp/Slot", PROXY_HEADERS | {"ssp-to": NATIONAL}, "GET", 400,
     outcome("BAD_REQUEST", "Bad request", "invalid", "Authorization header missing", profile="https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1")),
    ("a sender of the proxy's", f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS | {"ssp-from": SISTER}, "GET", 403,
     outcome("403", f"ASID_CHECK_FAILED_MESSAGESENDER_{SISTER}", "forbidden", f"ASID_CHECK_FAILED_MESSAGESENDER_{SISTER}",
             "http://fhir.nhs.net/ValueSet/gpconnect-schedule-response-code-1-0", None)),
    ("a target of the proxy's", "/ssp-plain/https://evil.example/a", dict(PROXY_HEADERS), "GET", 400,
     outcome("400", text := f"ENDPOINT_{GP_ROOT}_CPAID_S918999000005_VARIES_FROM_TARGETURL_https://evil.example/a", "invalid", text,
             "http://fhir.nhs.net/ValueSet/gpconnect-schedule-response-code-1-0", None)),
    ("a method of the proxy's", f"/ssp-get/{GP_ROOT}/Slot", dict(PROXY_HEADERS), "POST", 405,
     outcome("405", "405: Method Not Allowed", "not-supported", "405: Method Not Allowed", "https://fhir.nhs.uk/StructureDefinition/spine-operationoutcome-1", None, "fatal")),
]  # fmt: skip


@pytest.mark.parametrize("xml", [False, True], ids=["json", "xml"])
@pytest.mark.parametrize(("target", "headers", "method", "status", "body"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_whole_bodies(target: str, headers: dict[str, str], method: str, status: int, body: dict[str, Any], xml: bool) -> None:
    """In the form that is asked for; the two say the same."""
    asked = "application/fhir+xml" if xml else "application/fhir+json"
    found, answered, content = ask(target, headers | {"accept": asked}, method)
    assert (found, answered["content-type"], answered["cache-control"]) == (status, asked, "no-store")
    assert (as_tree(content) if xml else json.loads(content)) == body
    assert answered.get("allow") == ("GET, POST, PUT, PATCH, DELETE" if status == 405 else None)


JSON, XML = "application/fhir+json", "application/fhir+xml"
SUBSCRIPTION = {"interactionid": f"{PREFIX}clinicals-sync:SubscriptionsApiGet"}


@pytest.mark.parametrize(("target", "headers", "expected"), [
    ("/plain/Patient", {}, JSON), ("/nrl-plain/Patient", {}, XML), ("/subscriptions/Subscription", SUBSCRIPTION, XML), ("/events/$process-message", {}, XML),
    ("/plain/Patient", {"content-type": "application/fhir+xml"}, XML), ("/nrl-plain/Patient", {"content-type": "application/fhir+json"}, JSON),
    ("/nrl-plain/Patient", {"accept": "application/json"}, JSON), ("/plain/Patient", {"accept": "text/xml"}, XML), ("/nrl-plain/Patient", {"accept": "*/*"}, XML),
    ("/plain/Patient?_format=xml", {"accept": "application/json"}, XML), ("/nrl-plain/Patient?_format=application%2Ffhir%2Bjson", {"accept": "text/xml"}, JSON),
    ("/nrl-plain/Patient?_format=pdf", {}, XML), ("/plain/Patient", {"accept": "image/png"}, JSON), ("/plain/Patient?_format=xml&_format=json", {}, JSON),
    ("/plain/Patient?x_format=1&y=2", {}, JSON),
])  # fmt: skip
def test_the_form_of_a_refusal(target: str, headers: dict[str, str], expected: str) -> None:
    """`_format`, Accept, the request's own type, the service's default (spine 3); what nobody speaks is answered in the default."""
    assert ask(target, NRL_HEADERS | headers)[1]["content-type"] == expected


def test_bearer_errors_are_named() -> None:
    """RFC 6750 section 3.1."""
    assert ask("/ra/Flag", RA_HEADERS)[1]["www-authenticate"] == "Bearer"
    assert ask("/ra/Flag", RA_HEADERS | {"authorization": "Bearer a.b"})[1]["www-authenticate"] == 'Bearer error="invalid_request"'


def audited() -> Snapshot:
    """Return the world with records before the answer."""
    apis = tuple(found.model_copy(update={"routes": tuple(route.model_copy(update={"audit": Audit.BEFORE}) for route in found.routes)}) for found in SNAPSHOT.apis)
    return replace(SNAPSHOT, apis=apis)


def test_the_record_of_a_call() -> None:
    """Systems, interaction, organisation and reason in clear; the user as a keyed hash (spine 9.5)."""
    events: list[Event] = []
    ask("/ra/Flag/a1", RA_HEADERS | {"authorization": bearer(CLAIMS)}, snapshot=audited(), events=events)
    details = events[0].details
    assert {name: details[name] for name in ("from_asid", "to_asid", "interaction", "ods", "reason_for_request", "trace", "scope", "user", "role")} == {
        "from_asid": CONSUMER, "to_asid": NATIONAL, "interaction": FLAG_READ, "ods": "Z9X01", "reason_for_request": "directcare", "trace": TRACE,
        "scope": "user/Flag.read", "user": Personal(ROLE), "role": Personal("555000000101")}
    assert "555000000101" not in str({name: value for name, value in details.items() if not isinstance(value, Personal)})


@pytest.mark.parametrize(("target", "expected"), [("/nrl/DocumentReference", XML), (f"/ssp-plain/{GP_ROOT}/Slot", JSON)])
def test_what_cannot_be_recorded_is_not_answered(target: str, expected: str) -> None:
    """The refusal is in the API's own form."""
    status, headers, body = ask(target, NRL_HEADERS | PROXY_HEADERS, snapshot=audited())
    assert (status, headers["content-type"], headers["x-wardgate-reason"]) == (503, expected, "decision-unavailable")
    assert MESSAGE.encode() in body


def test_a_user_s_token_is_no_system_s() -> None:
    """An access token on a route by ASID is no Spine JWT; it is not repeated."""
    claims = AccessToken("https://w/oauth2", "w", "app", "id-1", "Z9X01", "s", "jti", 1, 2, user=TokenUser("656005750104", "g", "i", "aal3", separate=True)).claims()
    status, headers, body = ask("/ra/Flag", RA_HEADERS | {"authorization": bearer(claims)[:-1] + ".c2ln"})
    assert (status, headers["x-wardgate-reason"]) == (400, "spine-jwt-sections")
    assert b"656005750104" not in body
