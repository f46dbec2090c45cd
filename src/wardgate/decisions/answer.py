"""A decision as an HTTP answer: headers for the backend, or the refusal in the route's dialect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from wardgate.catalogue.model import AccessMode
from wardgate.catalogue.paths import Found, Match, MethodNotAllowed, NotFound
from wardgate.dataplane.resources.decision import SAID_AS
from wardgate.dataplane.resources.envoy import (
    PROXIED_INTERACTION,
    PROXIED_ORGANISATIONS,
    PROXIED_SYSTEM,
    RELAY_CLUSTER,
    RELAY_HOST,
    RELAY_PATH,
    SET_PREFIX,
)
from wardgate.dataplane.resources.relay import cluster_of
from wardgate.oauth.access_token import TokenUser
from wardgate.refusals import Refusal
from wardgate.refusals.dialects import CONTENT_TYPES, FORMS, Dialect, body, xml_body
from wardgate.refusals.operation_outcome import XML_TYPE
from wardgate.security_patterns import role
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.interaction import parameters
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.system_call import SystemCall
from wardgate.security_patterns.token_kind import mode_of
from wardgate.spine.response_format import Format, response_format

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of an HTTP answer."""

    status: int
    headers: Headers
    body: bytes


def allowed(decision: Decision, snapshot: Snapshot) -> Answer:
    """Return the yes: Envoy adds these headers to the request and goes on, of a relayed call to the endpoint they name."""
    headers: Headers = [(b"content-length", b"0")]
    client = snapshot.clients.get(decision.application) if decision.application else None
    known = {"client": client.name, "asid": client.asid} if client is not None else {}
    if decision.user is not None:
        known |= _of_user(decision.user) | {"role": decision.role}
    headers += [(b"x-wardgate-" + name.encode(), value.encode("latin-1", "replace")) for name, value in known.items() if value]
    if decision.call is not None:
        headers += [(name.encode(), value.encode("latin-1")) for name, value in _of_call(decision.call, snapshot).items() if value]
    return Answer(200, headers, b"")


def _of_call(call: SystemCall, snapshot: Snapshot) -> dict[str, str | None]:
    """Return who calls, what a translated call says in place of the caller's words, and where a relayed one goes."""
    told = {PROXIED_SYSTEM: call.sender, PROXIED_ORGANISATIONS: ",".join(call.organisations), PROXIED_INTERACTION: call.interaction}
    told |= {SET_PREFIX + name.lower(): value for name, value in call.headers.items()}
    if call.relay is not None:
        told |= {RELAY_CLUSTER: cluster_of(call.relay, snapshot), RELAY_HOST: call.relay.host, RELAY_PATH: call.relay.path}
    return told


def _of_user(user: TokenUser) -> dict[str, str | None]:
    """Return what Envoy takes from a token by itself on other routes; the identifier is a healthcare worker's only."""
    worker = mode_of(user) is AccessMode.HEALTHCARE_WORKER
    return {"user": user.user if worker else None, "provider": user.issuer, "patient": user.patient, "level": user.level}


def shape(refusal: Refusal, found: Match) -> Dialect | None:
    """Return the shape in which a refusal leaves; None is plain text."""
    if isinstance(found, NotFound):
        return Dialect.FAULT
    if found.api.relays:
        return Dialect.SECURE_PROXY
    return role.shape(refusal, found.api, found.route) if isinstance(found, Found) else Dialect.FAULT


def form(found: Match, facts: Facts) -> Format:
    """Return the form in which a Spine API answers this request (spine 3); other APIs speak JSON. Asked for another one, it is the API's own."""
    spine = found.api.spine if isinstance(found, (Found, MethodNotAllowed)) else None
    if spine is None:
        return Format.JSON
    told, default = facts.headers, spine.default_format
    asked = parameters(facts.query).get("_format") if "_format" in facts.query else None
    return response_format(asked[-1] if asked else None, told.get("accept"), told.get("content-type"), default) or default


def refused(
    refusal: Refusal, dialect: Dialect | None, message_id: str, extra: Mapping[str, str] | None = None, in_form: Format = Format.JSON
) -> Answer:
    """Return the refusal: Envoy sends it to the caller as it is. Without a dialect it is plain text; an OperationOutcome can be XML."""
    reason = refusal.reason
    content, content_type = _body(refusal, dialect, message_id, in_form)
    headers: Headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-wardgate-reason", reason.code.encode()),
    ]
    for name, value in reason.headers:
        filled = value.replace("{error}", reason.error).replace("{text}", reason.text)
        headers.append((name.lower().encode(), filled.encode()))
    headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in (extra or {}).items()]
    return Answer(SAID_AS.get(reason.status, reason.status), headers, content)


def _body(refusal: Refusal, dialect: Dialect | None, message_id: str, in_form: Format) -> tuple[bytes, str]:
    reason = refusal.reason
    if dialect is None:
        return refusal.fill(reason.text).encode(), "text/plain"
    if not reason.text:
        return b"", "text/plain"
    if in_form is Format.XML and dialect in FORMS:
        return xml_body(dialect, reason, refusal.fill, message_id), XML_TYPE
    return json.dumps(body(dialect, reason, refusal.fill, message_id)).encode(), CONTENT_TYPES[dialect]
