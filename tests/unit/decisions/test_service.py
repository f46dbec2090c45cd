"""The decision service in one process: what it answers, what it records, and what it refuses when it cannot record."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from wardgate.audit.model import Event, Outcome, Personal
from wardgate.catalogue import API, Environment
from wardgate.catalogue.paths import RouteMatcher
from wardgate.decisions.question import Question
from wardgate.decisions.service import DecisionService, ToRecord, World
from wardgate.jose import KeyRules, SigningJWK, parse_jwk_set, sign
from wardgate.oauth.access_token import AccessToken, TokenUser
from wardgate.quotas import RateLimits
from wardgate.security_patterns.snapshot import APIKey, Client, Snapshot, TokenIssuer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WORKER, PATIENT = ({"pattern": "user-restricted", "access_mode": mode} for mode in ("healthcare-worker", "patient"))
SIGNER = SigningJWK.of("wg-1", "ES256", ec.generate_private_key(ec.SECP256R1()))
JWKS = {"keys": [SIGNER.public_jwk()]}
API_DOCUMENT: dict[str, Any] = {"name": "hello", "base_path": "/hello", "backend": "http://127.0.0.1:9", "limits": {"quota": {"limit": 60}}, "routes": [
    {"path": "/key", "pattern": "api-key"}, {"path": "/before", "pattern": "api-key", "audit": "before"},
    {"path": "/user", "any_of": [WORKER, PATIENT], "role": "optional"}, {"path": "/strict", **WORKER, "role": "required", "audit": "before"},
    {"path": "/plain", **WORKER, "role": "required", "role_errors": "plain-text"},
    {"path": "/fhir", "pattern": "api-key", "errors": "fhir"}, {"path": "/get", "pattern": "open-access", "methods": ["GET", "HEAD"]}]}
LIMITS = RateLimits.model_validate({"quota": {"limit": 30, "interval": 2, "timeunit": "hour"}, "spike_arrest": {"rate": "2ps"}})


class Down(Exception):
    """The store is not available."""


class Service:
    """The application, its world, and what it recorded."""

    def __init__(self) -> None:
        client = Client("app", "Z9X01", frozenset({"p"}), frozenset({"hello"}), (), asid="200000000115", limits={"hello": LIMITS})
        self.snapshot = Snapshot(1, Environment(name="unit"), (API.model_validate(API_DOCUMENT),), {"app": client},
                                 {"the-key": APIKey("id-1", "the-key", "app")}, {}, TokenIssuer(("https://w/oauth2",), "w", parse_jwk_set(JWKS, KeyRules()), JWKS))
        self.recorded: list[Event] = []
        self.down = False

    async def record(self, event: Event) -> None:
        """Keep an event, or say that the store is down."""
        if self.down:
            raise Down
        self.recorded.append(event)

    def ask(self, path: str, headers: Iterable[tuple[str, str]] = (), method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer to one question."""
        service = DecisionService(lambda: World(self.snapshot, RouteMatcher(self.snapshot.apis)), lambda: NOW, self.record, (Down,))
        decided = service.ask(Question(method, path, dict(headers)))
        answer = asyncio.run(service.recorded(decided)) if isinstance(decided, ToRecord) else decided
        return answer.status, {name.decode(): value.decode() for name, value in answer.headers}, answer.body


@pytest.fixture
def service() -> Service:
    """A fresh service."""
    return Service()


KEY = ("apikey", "the-key")
MESSAGE = ("x-wardgate-message-id", "m-1")


def test_a_yes_tells_envoy_who_calls(service: Service) -> None:
    """The application and its ASID, for the backend's headers and the log."""
    status, headers, body = service.ask("/decide/hello/key", [KEY])
    assert (status, body) == (200, b"")
    assert headers == {"content-length": "0", "x-wardgate-client": "app", "x-wardgate-asid": "200000000115"}
    assert service.recorded == []


def test_a_no_is_the_whole_answer(service: Service) -> None:
    """Status, reason and body in the shape of the route."""
    status, headers, body = service.ask("/decide/hello/key", [MESSAGE])
    assert (status, headers["x-wardgate-reason"], headers["content-type"], headers["cache-control"]) == (401, "api-key-missing", "application/json", "no-store")
    assert json.loads(body)["fault"]["detail"] == {"errorcode": "steps.oauth.v2.FailedToResolveAPIKey"}
    status, headers, body = service.ask("/decide/hello/fhir", [KEY, ("x-wardgate-given-request-id", "")])
    assert headers["x-wardgate-client"] == "app", "the rule about request ids is the API's, not the shape's of one route"


def test_a_method_that_is_not_taken_says_which_are(service: Service) -> None:
    """RFC 9110 section 15.5.6."""
    status, headers, _ = service.ask("/decide/hello/get", method="POST")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(("headers", "outcome", "reason", "application"), [
    ([KEY], Outcome.ALLOWED, None, "app"), ([], Outcome.REFUSED, "api-key-missing", None), ([("apikey", "no")], Outcome.REFUSED, "api-key-unknown", None),
])
def test_what_is_recorded_before_the_answer(
    headers: list[tuple[str, str]], outcome: Outcome, reason: str | None, application: str | None, service: Service
) -> None:
    """Yes and no alike, with what was checked; neither the path nor a credential."""
    service.ask("/decide/hello/before", [*headers, MESSAGE, ("x-request-id", "r-1"), ("x-correlation-id", "c-1")])
    event, = service.recorded
    assert (event.outcome, event.reason, event.application, event.message_id, event.request_id, event.correlation_id) == (
        outcome, reason, application, "m-1", "r-1", "c-1")
    assert (event.details["api"], event.details["route"], event.details["pattern"]) == ("hello", "/before", "api-key")
    assert "the-key" not in str(event)


@pytest.mark.parametrize("headers", [[KEY], []])
def test_no_record_no_answer(headers: list[tuple[str, str]], service: Service) -> None:
    """When the store cannot keep the event, nobody is told yes or no (design 3.4)."""
    service.down = True
    status, found, _ = service.ask("/decide/hello/before", headers)
    assert (status, found["x-wardgate-reason"]) == (503, "decision-unavailable")
    assert service.ask("/decide/hello/key", [KEY])[0] == 200, "what is not recorded before goes on"


def explained(service: Service, code: str, *, dialect: str = "fault", application: str = "app", api: str = "hello") -> tuple[int, dict[str, str], Any]:
    """Ask for the explanation of a limit as Envoy's redirect does."""
    status, headers, body = service.ask("/refusal", [
        MESSAGE, ("x-wardgate-refused-reason", code), ("x-wardgate-refused-api", api), ("x-wardgate-refused-dialect", dialect), ("x-wardgate-client", application)])
    return status, headers, json.loads(body)


@pytest.mark.parametrize(("code", "scope", "policy", "limit", "interval", "timeunit", "wait"), [
    ("application-quota-exceeded", "application", "quota", 30, 2, "hour", "240"),
    ("application-spike", "application", "spikearrest", 120, 1, "minute", "1"),
    ("api-quota-exceeded", "proxy", "quota", 60, 1, "minute", "1"),
    ("api-spike", "proxy", "spikearrest", 300, 1, "minute", "1"),
])
def test_the_eight_members(code: str, scope: str, policy: str, limit: int, interval: int, timeunit: str, wait: str, service: Service) -> None:
    """application-restricted 9, to the letter; Retry-After is when one more request fits."""
    status, headers, body = explained(service, code)
    expiry = NOW + timedelta(seconds=interval * {"hour": 3600, "minute": 60}[timeunit] / limit)
    assert status == 429
    message = body.pop("message")
    assert body == {"scope": scope, "policy": policy, "limit": limit, "interval": interval, "timeunit": timeunit,
                    "ratelimiting_expiry_time_ms": int(expiry.timestamp() * 1000), "message_id": "m-1"}
    assert message.startswith("Your application, app, has" if scope == "application" else "This API is currently receiving a high volume")
    assert (headers["retry-after"], headers["ratelimit-limit"], headers["ratelimit-remaining"], headers["ratelimit-reset"]) == (wait, str(limit), "0", wait)
    assert headers["x-wardgate-reason"] == code


def test_the_quota_of_a_month_ends_when_its_window_does(service: Service) -> None:
    """A quota that the store counts says when its window ends."""
    service.snapshot = replace(service.snapshot, over_quota={("app", "hello"): NOW + timedelta(seconds=90)})
    assert explained(service, "application-quota-exceeded")[1]["retry-after"] == "90"


def test_a_limit_in_fhir(service: Service) -> None:
    """TOO_MANY_REQUESTS with issue `value` and the message as diagnostics (spec README rule 16)."""
    _, headers, body = explained(service, "application-quota-exceeded", dialect="fhir")
    issue, = body["issue"]
    assert headers["content-type"] == "application/fhir+json"
    assert (issue["code"], issue["details"]["coding"][0]["code"], issue["details"]["coding"][0]["display"]) == ("value", "TOO_MANY_REQUESTS", "Too many requests")
    assert issue["diagnostics"] == "Your application, app, has exceeded its quota of 30 requests every 2 hour(s) and is being rate limited."


@pytest.mark.parametrize("more", [{"application": "gone"}, {"api": "gone"}, {"application": ""}])
def test_what_is_gone_meanwhile_is_still_explained(more: dict[str, str], service: Service) -> None:
    """An application or API that a change took away between the refusal and its explanation."""
    assert explained(service, "application-quota-exceeded", **more)[0] == 429


@pytest.mark.parametrize("sent", [[("x-wardgate-refused-reason", "nonsense")], [("x-wardgate-refused-dialect", "nonsense")], []])
def test_a_question_that_is_none_is_still_a_429(sent: list[tuple[str, str]], service: Service) -> None:
    """Whatever reaches the private path, the answer is a limit's."""
    assert service.ask("/refusal", sent)[0] == 429


USER = TokenUser("656005750104", "grant-1", "https://provider.example", "aal3", separate=True, role="555254240100")
PATIENT_USER = TokenUser("9912003071", "grant-2", "https://login.example", "P9", separate=True, patient="P9:9912003071", actor="9912003072")


def bearer(user: TokenUser) -> tuple[str, str]:
    """Return the header of a user's call."""
    family = "user-nhs-login" if user.patient else "user-nhs-cis2"
    at = int(NOW.timestamp())
    claims = AccessToken("https://w/oauth2", "w", "app", "id-1", "Z9X01", f"urn:nhsd:apim:{family}:{user.level}:hello", "jti", at, at + 600, user=user).claims()
    return "authorization", f"Bearer {sign(claims, SIGNER, 'at+jwt')}"


def test_a_yes_tells_envoy_who_the_user_is(service: Service) -> None:
    """A worker with the role; a patient with the number, and no worker's identifier: what Envoy puts where the route says."""
    _, headers, _ = service.ask("/decide/hello/user", [bearer(USER)])
    told = {name.removeprefix("x-wardgate-"): value for name, value in headers.items() if name.startswith("x-wardgate-")}
    assert told == {"client": "app", "asid": "200000000115", "user": "656005750104", "provider": "https://provider.example", "level": "aal3",
                    "role": "555254240100"}
    _, headers, _ = service.ask("/decide/hello/user", [bearer(PATIENT_USER), ("nhsd-session-urid", "1")])
    told = {name.removeprefix("x-wardgate-"): value for name, value in headers.items() if name.startswith("x-wardgate-")}
    assert told == {"client": "app", "asid": "200000000115", "provider": "https://login.example", "patient": "P9:9912003071", "level": "P9"}


def test_no_role_in_plain_text_and_as_a_server_error(service: Service) -> None:
    """Plain text where the route says so; 400 and 500 travel as others, for Envoy would hang up, and take the service for down."""
    unknown = replace(USER, separate=False, role=None)
    status, headers, body = service.ask("/decide/hello/plain", [bearer(replace(USER, role=None)), MESSAGE])
    assert (status, headers["content-type"], body) == (417, "text/plain", b"selected_roleid is missing in your token")
    status, headers, body = service.ask("/decide/hello/user", [bearer(unknown), MESSAGE])
    assert (status, headers["content-type"], headers["x-wardgate-reason"]) == (424, "application/fhir+json", "role-user-info-unavailable")
    assert json.loads(body)["issue"][0]["diagnostics"] == "unable to retrieve user info"


def test_the_record_of_a_user_is_personal(service: Service) -> None:
    """How strongly somebody signed in and in which sign-in; who, and in which role, as keyed hashes."""
    service.ask("/decide/hello/strict", [bearer(USER)])
    details = service.recorded[0].details
    assert {name: details[name] for name in ("pattern", "access_mode", "auth_level", "sign_in", "auth_user_id", "role")} == {
        "pattern": "user-restricted", "access_mode": "healthcare-worker", "auth_level": "aal3", "sign_in": "grant-1",
        "auth_user_id": Personal("656005750104"), "role": Personal("555254240100")}
    assert "656005750104" not in str({name: value for name, value in details.items() if not isinstance(value, Personal)})


def test_a_decision_goes_by_the_virtual_clock_and_its_record_does_not(service: Service) -> None:
    """A key that ends within the shift has ended; the event is of the real time and says how far the clock is ahead."""
    hour = timedelta(hours=1)
    key = APIKey("id-1", "the-key", "app", expires=NOW + hour)
    service.snapshot = replace(service.snapshot, api_keys={"the-key": key})
    assert service.ask("/decide/hello/before", [KEY])[0] == 200
    assert "clock_shift_seconds" not in service.recorded[-1].details
    service.snapshot = replace(service.snapshot, clock_shift=hour)
    assert service.ask("/decide/hello/before", [KEY])[1]["x-wardgate-reason"] == "api-key-expired"
    assert (service.recorded[-1].at, service.recorded[-1].details["clock_shift_seconds"]) == (NOW, 3600)
