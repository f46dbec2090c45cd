"""What a refusal looks like on the wire, by dialect (application-restricted 6.7, 9, 11; spine 8; itk3-messaging 5.5; RFC 9457).

The same functions serve Wardgate's own answers and the compiled error mappers of Envoy: the caller passes the
values of placeholders, or Envoy's format operators in their place.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Final

from wardgate.refusals import operation_outcome as outcomes
from wardgate.refusals.mesh import EVENTS, SHAPES, Shape
from wardgate.refusals.operation_outcome import Form, Issue
from wardgate.refusals.reason import Reason


class Dialect(StrEnum):
    """The shape of an API's errors: a route's `errors:` in the manifest."""

    FAULT = "fault"
    FHIR = "fhir"
    PROBLEM = "problem"
    OAUTH = "oauth"
    SPINE = "spine"
    GP_CONNECT = "gp-connect"
    SECURE_PROXY = "ssp"
    MESH = "mesh"
    """Of the mailbox server, in version 1 of its API: version 2 is `mesh_body`."""


CONTENT_TYPES: Final[Mapping[Dialect, str]] = {
    Dialect.FAULT: "application/json",
    Dialect.FHIR: "application/fhir+json",
    Dialect.PROBLEM: "application/problem+json",
    Dialect.OAUTH: "application/json",
    Dialect.SPINE: outcomes.JSON_TYPE,
    Dialect.GP_CONNECT: outcomes.JSON_TYPE,
    Dialect.SECURE_PROXY: outcomes.JSON_TYPE,
    Dialect.MESH: "application/json",
}
MESH_TYPES: Final = {1: "application/json", 2: "application/vnd.mesh.v2+json"}
"""By version of the API (itk3-messaging 5.2)."""
FORMS: Final[Mapping[Dialect, Form]] = {
    Dialect.FHIR: outcomes.SPINE_R4,
    Dialect.SPINE: outcomes.SPINE_STU3,
    Dialect.GP_CONNECT: outcomes.GP_CONNECT_STU3,
    Dialect.SECURE_PROXY: outcomes.PROXY,
}
"""The dialects that are an OperationOutcome: these can be said in XML as well."""

Fill = Callable[[str], str]


def profile_of(dialect: Dialect) -> str | None:
    """Return the profile that an outcome of this shape names. Spine's and GP Connect's differ in nothing else."""
    return FORMS[dialect].profile if dialect in FORMS else None


def body(dialect: Dialect, reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    """Return the JSON body of `reason`; `fill` substitutes the reason's placeholders in a text."""
    return _BODIES[dialect](reason, fill, message_id)


def _oauth(reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    return {"error": fill(reason.error), "error_description": fill(reason.text), "message_id": message_id}


def _fault(reason: Reason, fill: Fill, _message_id: str) -> dict[str, Any]:
    if reason.code == "application-no-products":  # the enhanced key check has a flat body (application-restricted 5.3)
        return {"error": reason.error, "error_description": fill(reason.text)}
    return {"fault": {"faultstring": fill(reason.text), "detail": {"errorcode": fill(reason.error)}}}


def xml_body(dialect: Dialect, reason: Reason, fill: Fill, message_id: str) -> bytes:
    """Return the same outcome as FHIR XML, whose type is `operation_outcome.XML_TYPE`. Raises `KeyError` for a dialect not in `FORMS`."""
    return outcomes.as_xml(_operation_outcome(FORMS[dialect], reason, fill, message_id))


def _operation_outcome(form: Form, reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    diagnostics = fill(reason.diagnostics if reason.diagnostics is not None else reason.text)
    code, display = reason.fhir_code, fill(reason.fhir_display)
    if form.by_status:
        form = outcomes.PROXY_EARLY if reason.status == 405 else form
        code, display = str(reason.status), diagnostics
    return outcomes.outcome(form, (Issue(reason.fhir_severity, reason.fhir_issue, code, display, diagnostics),), message_id)


def _in(form: Form) -> "Callable[[Reason, Fill, str], dict[str, Any]]":
    return partial(_operation_outcome, form)


def _problem(reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    detail = fill(reason.diagnostics if reason.diagnostics is not None else reason.text)
    return {"type": f"urn:wardgate:refusal:{reason.code}", "title": reason.check, "status": reason.status,
            "detail": detail, "instance": f"urn:wardgate:message:{message_id}"}


def mesh_body(
    version: int, reason: Reason, fill: Fill, internal_id: str, *, message_id: str | None = None, fields: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the body in a version of the mailbox API (itk3-messaging 5.5). `message_id` is of the message that it is about, `fields` of a malformed control file."""
    shape = SHAPES.get(reason.code, Shape.ERROR)
    if shape is Shape.PLAIN:
        return {"internal_id": internal_id, "message": fill(reason.text)}
    if shape is Shape.PARAMETER:
        return {"detail": [{"type": fill(reason.error), "loc": [fill("{place}"), fill("{name}")], "msg": fill(reason.text)}]}
    event, code, text = EVENTS.get(reason.code, ""), fill(reason.error), fill(reason.text)
    named: dict[str, Any] = {"fields": list(fields)} if fields else {}
    if version == 1:
        return ({"messageID": message_id} if message_id else {}) | {"errorEvent": event, "errorCode": code, "errorDescription": text} | named
    about = {"message_id": message_id} if message_id else {}
    return about | {"internal_id": internal_id, "detail": [{"event": event, "code": code, "msg": text} | named]}


def _mesh(reason: Reason, fill: Fill, message_id: str) -> dict[str, Any]:
    return mesh_body(1, reason, fill, message_id)


_BODIES: Final = {
    Dialect.OAUTH: _oauth,
    Dialect.FAULT: _fault,
    Dialect.PROBLEM: _problem,
    Dialect.MESH: _mesh,
    **{dialect: _in(form) for dialect, form in FORMS.items()},
}


def rate_limit_body(
    message: str, *, scope: str, policy: str, limit: int, interval: int, timeunit: str, expiry_ms: int, message_id: str
) -> dict[str, Any]:
    """Return the platform's eight-member 429 body (application-restricted 9). `expiry_ms` is epoch milliseconds."""
    return {"message": message, "scope": scope, "policy": policy, "limit": limit, "interval": interval,
            "timeunit": timeunit, "ratelimiting_expiry_time_ms": expiry_ms, "message_id": message_id}
