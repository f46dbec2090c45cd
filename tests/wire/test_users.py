"""Users at the gateway, on the wire: the role they act in, what backends learn of them, and what the log does not."""

import json
import time
from typing import Any

import pytest

from wardgate.audit.model import Event
from wardgate.refusals import reason
from wardgate.telemetry.lines import event_of
from wire.caller import Answer, Caller
from wire.cast import FIRST_ROLE, GOOD_ID, OTHER_ROLE, PATIENT, PROVIDER, WORKER, Cast
from wire.role_rows import CHOSEN, ROLE_ROWS, RoleRow

SPINE = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"
OUTCOMES = {401: ("forbidden", "ACCESS_DENIED", "Access Denied - Unauthorised"), 500: ("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error")}
WITH_ROLE = {"fault": "/users/role-of-all", "fhir": "/fhir/R4/role", "problem": "/problem/role"}
WITH_HEADER = {"fault": "/users/role-header", "fhir": "/fhir/R4/role-header", "problem": "/problem/role-header"}


def call(send: Caller, cast: Cast, path: str, token: str, role: str | None = None, *more: tuple[str, str]) -> Answer:
    """Send a user's request over the connection that is kept."""
    headers = [("Authorization", f"Bearer {cast.tokens[token]}"), ("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr-1"), *more]
    return send.kept("https").send("GET", path, headers + ([("NHSD-Session-URID", role)] if role is not None else []))


def rows(paths: dict[str, str]) -> list[Any]:
    """Return each row for each shape of API that takes its token."""
    return [pytest.param(row, path, id=f"{row.reason}, {row.token}, {row.header}, {shape}")
            for row in ROLE_ROWS for shape, path in paths.items() if shape == "fault" or not row.patients_only]


@pytest.mark.parametrize(("row", "path"), rows(WITH_ROLE))
def test_no_role_is_an_operation_outcome(row: RoleRow, path: str, cast: Cast, plane: Any, send: Caller) -> None:
    """401, or 500, and an OperationOutcome with the platform's text, whatever the API's own shape is."""
    answer = call(send, cast, path, row.token, row.header)
    issue, code, display = OUTCOMES[row.status]
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (row.status, row.reason, "application/fhir+json")
    assert json.loads(answer.body) == {"resourceType": "OperationOutcome", "issue": [{
        "severity": "error", "code": issue, "diagnostics": row.text,
        "details": {"coding": [{"system": SPINE, "version": "1", "code": code, "display": display}]}}]}
    assert (answer.headers["x-request-id"], answer.headers["cache-control"]) == (GOOD_ID, "no-store")


@pytest.mark.parametrize(("row", "path"), rows({"fault": "/users/role-plain"}))
def test_no_role_is_plain_text(row: RoleRow, path: str, cast: Cast, plane: Any, send: Caller) -> None:
    """The older form: 400 and the text alone, with the header in small letters."""
    answer = call(send, cast, path, row.token, row.header)
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (400, row.reason, "text/plain")
    assert answer.body.decode() == row.text.replace("NHSD-Session-URID", "nhsd-session-urid")


@pytest.mark.parametrize(("row", "path"), rows(WITH_HEADER))
def test_no_role_is_a_bad_header(row: RoleRow, path: str, cast: Cast, plane: Any, send: Caller) -> None:
    """400 in the API's shape, about the header."""
    answer = call(send, cast, path, row.token, row.header)
    assert (answer.status, answer.reason) == (400, row.as_header)
    text = reason(row.as_header).text.replace("{value}", row.header or "")
    found = json.loads(answer.body)
    if "fhir" in path:
        coding = found["issue"][0]["details"]["coding"][0]["code"]
        assert (found["issue"][0]["diagnostics"], coding) == (text, "INVALID_VALUE" if row.header else "MISSING_VALUE")
    elif "problem" in path:
        assert (found["detail"], found["status"]) == (text, 400)
    else:
        assert found["fault"]["faultstring"] == text


@pytest.mark.parametrize(("token", "header", "role"), CHOSEN)
def test_the_backend_learns_the_role(token: str, header: str | None, role: str, cast: Cast, plane: Any, send: Caller) -> None:
    """Under the platform's name or the route's own; what the caller sent is not beside it."""
    seen = json.loads(call(send, cast, "/users/role", token, header).body)["headers"]
    assert seen["nhsd-session-urid"] == role
    seen = json.loads(call(send, cast, "/users/urid", token, header, ("NHSD-URID", OTHER_ROLE)).body)["headers"]
    assert (seen["nhsd-urid"], seen["nhsd-identity-uuid"]) == (role, WORKER)
    assert "nhsd-session-urid" not in seen


@pytest.mark.parametrize("token", ["patient-P9", "delegated", "good"])
def test_the_role_of_others_is_taken_away(token: str, cast: Cast, plane: Any, send: Caller) -> None:
    """Where only workers act in a role, a patient's or an application's header does not reach the backend."""
    seen = json.loads(call(send, cast, "/users/pds", token, FIRST_ROLE).body)["headers"]
    assert "nhsd-session-urid" not in seen


def test_where_no_role_is_asked_for_the_header_passes(cast: Cast, plane: Any, send: Caller) -> None:
    """It is one of the headers that callers send by right (spec README rule 12)."""
    assert json.loads(call(send, cast, "/users/worker", "worker-aal3", "anything").body)["headers"]["nhsd-session-urid"] == "anything"


IDENTITY = (
    ("/users/identity", "worker-aal3", {"nhsd-identity-uuid": WORKER, "nhsd-identity-idp": PROVIDER, "x-app": "alpha"}),
    ("/users/both", "worker-aal3", {"nhsd-identity-idp": PROVIDER}),
    ("/users/both", "patient-P9", {"nhsd-identity-idp": PROVIDER, "nhsd-nhslogin-user": f"P9:{PATIENT}"}),
    ("/users/who", "worker-aal3", {"nhsd-identity-uuid": WORKER}),
    ("/users/who", "patient-P9", {}),
    ("/users/who", "good", {}),
    ("/users/pds", "worker-claim", {"nhsd-identity-uuid": WORKER, "nhsd-identity-idp": PROVIDER, "nhsd-session-urid": "555254240101"}),
    ("/users/pds", "patient-P9", {"nhsd-identity-idp": PROVIDER, "nhsd-nhslogin-user": f"P9:{PATIENT}"}),
    ("/users/pds", "delegated", {"nhsd-identity-idp": PROVIDER, "nhsd-nhslogin-user": f"P9:{PATIENT}"}),
    ("/users/pds", "good", {}),
    ("/users/worker", "worker-aal3", {}),
)


@pytest.mark.parametrize(("path", "token", "expected"), IDENTITY)
def test_what_the_backend_learns_of_a_user(path: str, token: str, expected: dict[str, str], cast: Cast, plane: Any, send: Caller) -> None:
    """Exactly what the route says (spec README rule 11), also when the caller claims to be somebody else."""
    spoofed = [(name, "spoofed") for name in ("NHSD-Identity-UUID", "NHSD-Identity-IdP", "NHSD-NHSLogin-User", "X-App")]
    seen = json.loads(call(send, cast, path, token, None, *spoofed).body)["headers"]
    told = ("nhsd-identity-uuid", "nhsd-identity-idp", "nhsd-nhslogin-user", "nhsd-session-urid", *(["x-app"] if path == "/users/identity" else []))
    assert {name: seen[name] for name in told if name in seen} == expected
    assert not [name for name in seen if name.startswith("x-wardgate-") or name == "authorization"]


LOGGED = (
    ("/users/worker", "worker-aal3", None, "user-restricted", "healthcare-worker", "aal3"),
    ("/users/all", "worker-aal3", None, "user-restricted", "healthcare-worker", "aal3"),
    ("/users/all", "patient-P9", None, "user-restricted", "patient", "p9"),
    ("/users/all", "good", None, "signed-jwt", None, None),
    ("/users/user-first", "good", None, "signed-jwt", None, None),
    ("/users/user-first", "worker-aal3", "scope-insufficient", "user-restricted", "healthcare-worker", "aal3"),
    ("/users/all", "worker-aal1", "scope-insufficient", "user-restricted", "healthcare-worker", "aal1"),
    ("/hello-world/jwt", "worker-aal3", "scope-insufficient", "signed-jwt", "healthcare-worker", "aal3"),
    ("/users/user-first", "worker-forged", "access-token-unknown", "user-restricted", None, None),
    ("/users/worker", "good", "scope-insufficient", "user-restricted", None, None),
    ("/users/pds", "patient-P9", None, "decision", "patient", "p9"),
)


@pytest.mark.parametrize(("path", "token", "code", "pattern", "mode", "level"), LOGGED)
def test_what_is_recorded_of_a_user(path: str, token: str, code: str | None, pattern: str, mode: str | None, level: str | None,
                                    cast: Cast, plane: Any, send: Caller) -> None:
    """How somebody signed in, by which pattern they were judged, and the token's id; never who it was."""
    answer = call(send, cast, path, token)
    assert answer.reason == code
    line, event = last_line(plane)
    details = event.details
    assert (event.reason, details["pattern"], details.get("access_mode"), details.get("auth_level")) == (code, pattern, mode, level)
    for personal in (WORKER, PATIENT, PROVIDER, "9912003072"):
        assert personal not in line


def last_line(plane: Any) -> tuple[str, Event]:
    """Return the newest line of Envoy's log, once nothing more comes, and its event."""
    time.sleep(0.3)  # more than a flush
    line = plane.layout.access_log.read_text().splitlines()[-1]
    event = event_of(line.encode())
    assert event is not None
    return line, event
