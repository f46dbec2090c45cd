"""APIs whose errors are those of Spine or of GP Connect: Envoy's own refusals in their shape, whole bodies compared (spine 8.1)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from wardgate.catalogue import API
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect, body, xml_body
from wardgate.security_patterns.interaction import parameters
from wardgate.spine.response_format import response_format
from wire.authority import new_key
from wire.caller import caller_of
from wire.cast import GOOD_ID
from wire.systems_cast import CONSENT_READ, CONSENT_WRITE, FLAG_READ, GOOD_TRACE, METADATA, OWN, SLOTS, world_of

FIRST = "200000000001"
SHAPES = (Dialect.SPINE, Dialect.GP_CONNECT)
ROUTES = [
    {"path": "/open", "pattern": "open-access"}, {"path": "/key", "pattern": "api-key"}, {"path": "/jwt", "pattern": "signed-jwt"}, {"path": "/mtls", "pattern": "tls-ma"},
    {"path": "/strict", "pattern": "open-access", "request_id": "required"}, {"path": "/only-post", "pattern": "open-access", "methods": ["POST"]},
    {"path": "/asked", "pattern": "api-key", "enforcement": "decision"}, {"path": "/down", "pattern": "open-access"},
]
NASTY = '"}<b>{value}\\'
ROWS: tuple[tuple[str, str, list[tuple[str, str]], dict[str, str]], ...] = (
    ("api-key-missing", "/key", [], {}), ("api-key-unknown", "/key", [("apikey", "another")], {}), ("api-key-missing", "/asked", [], {}),
    ("authorization-missing", "/jwt", [], {}), ("token-type-invalid", "/jwt", [("Authorization", "Basic dTpw")], {"scheme": "Basic"}),
    ("access-token-unknown", "/jwt", [("Authorization", "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.")], {}),
    ("certificate-missing", "/mtls", [], {}), ("request-id-missing", "/strict", [], {}), ("request-id-invalid", "/strict", [("X-Request-ID", NASTY)], {"value": NASTY}),
    ("route-not-found", "/nowhere", [], {}), ("method-not-allowed", "/only-post", [], {}), ("backend-unavailable", "/down", [], {}),
)  # fmt: skip


@pytest.fixture(scope="module")
def spine_plane(cast: Any, new_plane: Any) -> Iterator[Any]:
    """An Envoy with one API in each shape, and the same with a backend that is down. Shapes come with listeners: an open connection would keep others'."""

    def make(url: str) -> Any:
        found = cast.snapshot(url)
        working = [_api(shape, f"/{shape}", url) for shape in SHAPES]
        down = [_api(shape, f"/down-{shape}", "http://127.0.0.1:1") for shape in SHAPES]
        return replace(found, apis=(*found.apis, *working, *down))

    with new_plane(make=make) as plane:
        plane.caller = caller_of(plane, cast.roots)
        yield plane
        plane.caller.close()


def _api(shape: Dialect, base: str, url: str) -> API:
    return API.model_validate({"name": base.strip("/"), "base_path": base, "backend": url, "errors": shape, "routes": ROUTES})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("code", "path", "headers", "values"), ROWS)
def test_a_refusal_in_the_shape_of_spine(
    code: str, path: str, headers: list[tuple[str, str]], values: dict[str, str], shape: Dialect, spine_plane: Any
) -> None:
    """Status, type and the whole outcome, whose id is the message's; what the caller sent stays inside its text."""
    base = f"/down-{shape}" if path == "/down" else f"/{shape}"
    answer = spine_plane.caller.kept("https").send("GET", base + path, headers)
    found = json.loads(answer.body)
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (reason(code).status, code, "application/fhir+json")
    assert 1 <= len(found["id"]) <= 64
    assert found == body(shape, reason(code), Refusal(reason(code), values=values).fill, found["id"])


FULL = (("FromASID", FIRST), ("ToASID", OWN), ("InteractionID", CONSENT_READ), ("TraceID", GOOD_TRACE), ("X-Request-ID", GOOD_ID))
CONSENT = "/ra/STU3/Consent"


@dataclass(frozen=True)
class Row:
    """A call that Envoy refuses by itself: what of `FULL` is replaced (None: left out), and what the outcome says."""

    code: str
    values: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str | None] = field(default_factory=dict)
    path: str = CONSENT
    method: str = "GET"
    listener: str = "mtls"
    shape: Dialect = Dialect.SPINE

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers as they are sent."""
        return [(name, value) for name, value in (dict(FULL) | self.changed).items() if value is not None]


POINTERS = {"InteractionID": None, "TraceID": None}
PROXIED = {"FromASID": None, "ToASID": None, "InteractionID": None, "TraceID": None, "Ssp-From": FIRST, "Ssp-To": OWN, "Ssp-InteractionID": METADATA, "Ssp-TraceID": GOOD_TRACE}
BY_SYSTEM = (
    Row("certificate-not-of-asid", changed={"FromASID": "200000000003"}), Row("from-asid-missing", changed={"FromASID": None}),
    Row("from-asid-unknown", changed={"FromASID": "999999999999"}), Row("to-asid-missing", changed={"ToASID": None}), Row("to-asid-not-ours", changed={"ToASID": FIRST}),
    Row("spine-header-missing", {"header": "InteractionID"}, {"InteractionID": None}), Row("spine-header-invalid", {"header": "InteractionID"}, {"InteractionID": "urn:a,b"}),
    Row("spine-header-missing", {"header": "TraceID"}, {"TraceID": None}), Row("spine-header-invalid", {"header": "TraceID"}, {"TraceID": "<&>"}),
    Row("interaction-disagrees", changed={"InteractionID": CONSENT_WRITE}), Row("interaction-unresolved", path="/ra/STU3/Nothing"),
    Row("interaction-not-granted", {"asid": FIRST, "interaction": FLAG_READ}, {"InteractionID": FLAG_READ}, "/ra/STU3/Flag"),
    Row("interaction-not-granted-reference", changed=POINTERS, path="/nrl/DocumentReference"),
    Row("route-not-found", path="/ra/STU3/Nowhere"),
    Row("spine-header-missing", {"header": "Ssp-TraceID"}, PROXIED | {"Ssp-TraceID": None}, "/gp/metadata", shape=Dialect.GP_CONNECT),
    Row("interaction-not-granted", {"asid": FIRST, "interaction": METADATA}, PROXIED, "/gp/metadata", shape=Dialect.GP_CONNECT),
    Row("certificate-missing", listener="https"), Row("method-not-allowed", path="/ra/STU3/$removerarecord", method="GET"),
)  # fmt: skip


@pytest.fixture(scope="module")
def systems_plane(new_plane: Any, cast: Any) -> Iterator[Any]:
    """An Envoy in front of APIs of systems."""
    with new_plane(make=lambda url: world_of(cast, url)) as plane:
        plane.caller = caller_of(plane, cast.roots)
        yield plane
        plane.caller.close()


def outcome_of(answer: Any, row: Row) -> None:
    """Hold the whole outcome against the catalogue, in the form that the type says."""
    assert (answer.status, answer.reason) == (reason(row.code).status, row.code)
    fill = Refusal(reason(row.code), values=row.values).fill
    if answer.headers["content-type"] == "application/fhir+xml":
        message_id = answer.body.decode().partition('<id value="')[2].partition('"')[0]
        assert len(message_id) == 36
        assert answer.body == xml_body(row.shape, reason(row.code), fill, message_id)
    else:
        found = json.loads(answer.body)
        assert answer.headers["content-type"] == "application/fhir+json"
        assert found == body(row.shape, reason(row.code), fill, found["id"])


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("row", BY_SYSTEM, ids=lambda row: f"{row.code} {row.path}")
def test_a_refusal_of_a_system_in_both_forms(row: Row, form: str, systems_plane: Any, cast: Any) -> None:
    """Envoy's own refusals on routes by ASID: JSON or XML as Accept asks, whole bodies, nothing broken by what the caller sent."""
    identity = cast.people["alpha"].identity if row.listener == "mtls" else None
    answer = systems_plane.caller.kept(row.listener, identity).send(row.method, row.path, [*row.headers, ("Accept", f"application/fhir+{form}")])
    assert answer.headers["content-type"] == f"application/fhir+{form}"
    outcome_of(answer, row)


FORMS = (
    ("", None, None, "json"), ("", "*/*", None, "json"), ("", "text/html", None, "json"), ("", " ", None, "json"),
    ("", "application/fhir+xml", None, "xml"), ("", "application/xml;charset=utf-8", None, "xml"), ("", "TEXT/XML", None, "xml"),
    ("", "application/fhir+json, application/fhir+xml", None, "json"), ("", "text/html, application/fhir+xml, */*", None, "xml"),
    ("", "application/fhir+json;q=0.5, application/fhir+xml", None, "xml"), ("", "application/fhir+xml;q=0.5, application/fhir+json", None, "json"),
    ("", "application/fhir+xml;q=0", None, "json"), ("", "application/fhir+xml;q=0.2", None, "xml"), ("", "*/*, application/fhir+xml", None, "json"),
    ("", "application/fhir+xml;q=0.9, */*;q=0.1", None, "xml"), ("", None, "application/fhir+xml", "xml"), ("", "*/*", "application/xml+fhir", "xml"),
    ("", None, "application/fhir+json", "json"), ("", "application/fhir+json", "application/fhir+xml", "json"),
    ("?_format=xml", "application/fhir+json", None, "xml"), ("?a=b&_format=application%2Ffhir%2Bxml", "application/fhir+json", None, "xml"),
    ("?_format=application/fhir+xml", None, None, "xml"), ("?_format=json", "application/fhir+xml", None, "json"), ("?_format=text/plain", "application/fhir+xml", None, "json"),
    ("?x_format=xml", None, None, "json"), ("?note=xml", None, None, "json"),
)  # fmt: skip


@pytest.mark.parametrize(("query", "accept", "content_type", "form"), FORMS)
def test_the_form_that_was_asked_for(query: str, accept: str | None, content_type: str | None, form: str, systems_plane: Any, cast: Any) -> None:
    """`_format`, then Accept by its weights, then the request's own type, as the rule says (spine 3): Envoy and the rule agree."""
    asked = parameters(query.removeprefix("?")).get("_format")
    assert (response_format(asked[-1] if asked else None, accept, content_type) or "json") == form
    more = [(name, value) for name, value in (("Accept", accept), ("Content-Type", content_type)) if value is not None]
    row = Row("from-asid-missing", changed={"FromASID": None})
    answer = systems_plane.caller.kept("mtls", cast.people["alpha"].identity).send("GET", CONSENT + query, [*row.headers, *more])
    assert answer.headers["content-type"] == f"application/fhir+{form}"
    outcome_of(answer, row)


def test_the_record_locator_answers_in_xml(systems_plane: Any, cast: Any) -> None:
    """Unless JSON is asked for."""
    row = Row("from-asid-missing", changed=POINTERS | {"FromASID": None}, path="/nrl/DocumentReference")
    for more, form in (([], "xml"), ([("Accept", "*/*")], "xml"), ([("Accept", "application/json")], "json"), ([("Content-Type", "application/json")], "json")):
        answer = systems_plane.caller.kept("mtls", cast.people["alpha"].identity).send("GET", row.path, [*row.headers, *more])
        assert answer.headers["content-type"] == f"application/fhir+{form}"
        outcome_of(answer, row)


@pytest.mark.parametrize("given", ["<a&b>", "a b", 'x"y', "caf\xe9", "12345"])
def test_what_cannot_stand_in_xml_is_left_out(given: str, systems_plane: Any, cast: Any) -> None:
    """Envoy does not escape texts, so a value that would break one is not repeated; the answer is well-formed whatever was sent."""
    answer = systems_plane.caller.kept("mtls", cast.people["alpha"].identity).send(
        "GET", "/bookings/Slot", [("X-Request-ID", given), ("Accept", "application/fhir+xml"),
                                  *((name, value) for name, value in (PROXIED | {"Ssp-InteractionID": SLOTS}).items() if value is not None)])
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (400, "request-id-invalid", "application/fhir+xml")
    assert ET.fromstring(answer.body).tag == "{http://hl7.org/fhir}OperationOutcome"  # noqa: S314 - the answer of our own Envoy
    assert (given.encode("latin-1") in answer.body) is (given in {"a b", "12345"})


@pytest.fixture(scope="module")
def answering_plane(new_plane: Any, cast: Any) -> Iterator[Any]:
    """The same with the profile `answer`."""
    with new_plane(make=lambda url: world_of(cast, url, profile="answer")) as plane:
        plane.caller = caller_of(plane, cast.roots)
        yield plane
        plane.caller.close()


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(("path", "shape"), [(CONSENT, Dialect.SPINE), ("/gp/metadata", Dialect.GP_CONNECT), ("/bookings/Slot", Dialect.FHIR)])
@pytest.mark.parametrize("who", [None, "foreign", "expired"])
def test_495_and_496_in_every_shape(who: str | None, path: str, shape: Dialect, form: str, answering_plane: Any, cast: Any) -> None:
    """A bad certificate and none, in the shapes of Spine, GP Connect and FHIR (spine 5.3)."""
    identity = None
    if who is not None:
        key = new_key()
        foreign = cast.stranger.client("alpha.example.nhs.uk", key)
        expired = cast.authority.client("alpha.example.nhs.uk", key, now=cast.authority.now - timedelta(days=40))
        identity = cast.person(who, foreign if who == "foreign" else expired, key, "alpha.example.nhs.uk").identity
    answer, _ = answering_plane.caller.send("new", "mtls", "GET", path, [*FULL, ("Accept", f"application/fhir+{form}")], identity=identity)
    code = "certificate-missing" if who is None else "certificate-invalid"
    fill = Refusal(reason(code)).fill
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (reason(code).status, code, f"application/fhir+{form}")
    if form == "xml":
        message_id = answer.body.decode().partition('<id value="')[2].partition('"')[0]
        assert answer.body == xml_body(shape, reason(code), fill, message_id)
    else:
        found = json.loads(answer.body)
        assert found == body(shape, reason(code), fill, found.get("id", ""))
