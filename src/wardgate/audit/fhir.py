"""A stored event as a FHIR R4 AuditEvent (hl7.org/fhir/R4/auditevent.html).

`type` is the standard's code for the family of event, `subtype` our own name of it. `agent` is who asked: the
application, or this Wardgate where nobody did. A call between systems has more of them, the user first, then the calling
system, its organisation and the system that was called; each patient is an `entity`. Details become `entity.detail`;
personal values stay keyed hashes.
"""

from collections.abc import Mapping
from typing import Any, Final

from wardgate.audit import parties
from wardgate.audit.accesses import CALLS
from wardgate.audit.model import EventType, Outcome

DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
AUDIT_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
PARTICIPATION_ROLE: Final = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PURPOSES: Final = {"directcare": ("TREAT", "treatment"), "patientaccess": ("PATRQT", "patient requested")}
"""Reasons for a request (spine 2.2) that the standard has a code for."""
EVENT_SYSTEM: Final = "urn:wardgate:event"
REASON_SYSTEM: Final = "urn:wardgate:refusal"

_REST: Final = {"system": AUDIT_EVENT_TYPE, "code": "rest", "display": "RESTful Operation"}
_AUTHENTICATION: Final = {"system": DICOM, "code": "110114", "display": "User Authentication"}
_SECURITY: Final = {"system": DICOM, "code": "110113", "display": "Security Alert"}
_EXPORT: Final = {"system": DICOM, "code": "110106", "display": "Export"}
_IMPORT: Final = {"system": DICOM, "code": "110107", "display": "Import"}
_APPLICATION: Final = {"system": DICOM, "code": "110100", "display": "Application Activity"}

FORM: Final[Mapping[EventType, tuple[Mapping[str, str], str]]] = {
    EventType.TOKEN_ISSUED: (_AUTHENTICATION, "E"),
    EventType.TOKEN_REFUSED: (_AUTHENTICATION, "E"),
    EventType.TOKEN_REVOKED: (_AUTHENTICATION, "D"),
    EventType.TOKEN_INTROSPECTED: (_AUTHENTICATION, "R"),
    EventType.SIGN_IN_STARTED: (_AUTHENTICATION, "E"),
    EventType.SIGN_IN_COMPLETED: (_AUTHENTICATION, "E"),
    EventType.SIGN_IN_REFUSED: (_AUTHENTICATION, "E"),
    EventType.SIGN_IN_ENDED: (_AUTHENTICATION, "D"),
    EventType.SIGN_OUT_REFUSED: (_AUTHENTICATION, "E"),
    EventType.USERINFO_READ: (_AUTHENTICATION, "R"),
    EventType.USERINFO_REFUSED: (_AUTHENTICATION, "R"),
    EventType.STAND_IN_SIGNED_IN: (_AUTHENTICATION, "E"),
    EventType.STAND_IN_TOKEN_ISSUED: (_AUTHENTICATION, "E"),
    EventType.STAND_IN_SIGNED_OUT: (_AUTHENTICATION, "D"),
    EventType.STAND_IN_REFUSED: (_AUTHENTICATION, "E"),
    EventType.STAND_IN_LOCKED: (_AUTHENTICATION, "E"),
    EventType.STAND_IN_UNLOCKED: (_SECURITY, "U"),
    EventType.PASSKEY_REGISTERED: (_SECURITY, "C"),
    EventType.PASSKEY_REMOVED: (_SECURITY, "D"),
    EventType.CALL_ALLOWED: (_REST, "E"),
    EventType.CALL_REFUSED: (_REST, "E"),
    EventType.CALL_DECIDED: (_REST, "E"),
    EventType.HANDSHAKE_REFUSED: (_AUTHENTICATION, "E"),
    EventType.MANIFEST_APPLIED: (_SECURITY, "U"),
    EventType.APPLICATION_CHANGED: (_SECURITY, "U"),
    EventType.CREDENTIAL_ISSUED: (_SECURITY, "C"),
    EventType.CREDENTIAL_REVOKED: (_SECURITY, "U"),
    EventType.PROVIDER_SECRET_SET: (_SECURITY, "U"),
    EventType.CERTIFICATE_ISSUED: (_SECURITY, "C"),
    EventType.CERTIFICATE_REVOKED: (_SECURITY, "U"),
    EventType.CRL_ISSUED: (_SECURITY, "C"),
    EventType.SIGNING_KEY_ROTATED: (_SECURITY, "C"),
    EventType.SYSTEM_STEPPED: (_SECURITY, "U"),
    EventType.DIRECTORY_CHANGED: (_SECURITY, "U"),
    EventType.AUDIT_SEARCHED: (_SECURITY, "R"),
    EventType.MAILBOX_CHANGED: (_SECURITY, "U"),
    EventType.MAILBOX_ACCEPTED: (_IMPORT, "C"),
    EventType.MAILBOX_DOWNLOADED: (_EXPORT, "R"),
    EventType.MAILBOX_ACKNOWLEDGED: (_EXPORT, "U"),
    EventType.MAILBOX_EXPIRED: (_EXPORT, "U"),
    EventType.MAILBOX_REFUSED: (_EXPORT, "E"),
    EventType.MESSAGE_BUILT: (_EXPORT, "C"),
    EventType.MESSAGE_SEALED: (_EXPORT, "U"),
    EventType.MESSAGE_SENT: (_EXPORT, "E"),
    EventType.MESSAGE_RECEIVED: (_IMPORT, "C"),
    EventType.MESSAGE_OPENED: (_IMPORT, "R"),
    EventType.MESSAGE_REFUSED: (_IMPORT, "E"),
    EventType.MESSAGE_RESPONDED: (_EXPORT, "C"),
    EventType.MESSAGE_ACKNOWLEDGED: (_IMPORT, "U"),
    EventType.MESSAGE_DEAD: (_EXPORT, "U"),
    EventType.MESSAGE_REPLAYED: (_EXPORT, "U"),
    EventType.MESSAGE_KEY_CHANGED: (_SECURITY, "U"),
    EventType.CLOCK_ADVANCED: (_SECURITY, "U"),
    EventType.CLOCK_RESET: (_SECURITY, "U"),
    EventType.SERVER_STARTED: (_APPLICATION, "E"),
    EventType.SERVER_STOPPED: (_APPLICATION, "E"),
    EventType.RECORDS_LOST: (_SECURITY, "E"),
}
"""The family and the action (C, R, U, D, E) of each event."""

_SUCCESS: Final = "0"
_MINOR_FAILURE: Final = "4"
_SERIOUS_FAILURE: Final = "8"


def audit_event(seq: int, body: Mapping[str, Any], *, site: str, observer: str) -> dict[str, Any]:
    """Return the AuditEvent of a stored event. `site` is the environment's name, `observer` this installation's.

    Raises `ValueError` for an event of an unknown type.
    """
    kind = EventType(body["type"])
    family, action = FORM[kind]
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"wardgate-{seq}",
        "type": dict(family),
        "subtype": [{"system": EVENT_SYSTEM, "code": kind.value}],
        "action": action,
        "recorded": body["at"],
        "outcome": _outcome(kind, body),
    }
    if "reason" in body:
        resource["outcomeDesc"] = body["reason"]
    between = body.get("details", {}) if kind in CALLS else {}
    resource["agent"] = _parties(between) or [_agent(body, observer)]
    if purpose := between.get("reason_for_request"):
        resource["purposeOfEvent"] = [_purpose(purpose)]
    resource["source"] = {
        "site": site,
        "observer": {"display": observer},
        "type": [{"system": SOURCE_TYPE, "code": "4", "display": "Application Server"}],
    }
    resource["entity"] = [_entity(seq, body), *(_patient(one) for one in parties.patients(between))]
    return resource


def _outcome(kind: EventType, body: Mapping[str, Any]) -> str:
    if kind is EventType.RECORDS_LOST:
        return _SERIOUS_FAILURE
    return _MINOR_FAILURE if body.get("outcome") == Outcome.REFUSED else _SUCCESS


def _agent(body: Mapping[str, Any], observer: str) -> dict[str, Any]:
    """Return who asked. Nobody is known when a handshake failed or a key was unknown."""
    role = {"coding": [{"system": PARTICIPATION_ROLE, "code": "dataprocessor", "display": "data processor"}]}
    if "application" in body:
        identifier = {"system": "urn:wardgate:application", "value": body["application"]}
        return {"type": role, "who": {"identifier": identifier, "display": body["application"]}, "requestor": True}
    if "outcome" in body:
        return {"type": role, "who": {"display": "unknown caller"}, "requestor": True}
    return {"type": role, "who": {"display": observer}, "requestor": False}


def _parties(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the agents of a call between systems; nothing for another event. One of them is the requestor."""
    agents: list[dict[str, Any]] = []
    if (user := parties.person(details, "user", "auth_user_id")) is not None and "from_asid" in details:
        role = parties.person(details, "role")
        codes = {"role": [{"coding": [{"system": role["identifier"]["system"], "code": role["identifier"]["value"]}]}]} if role is not None else {}
        agents.append({"type": _coded(PARTICIPATION_ROLE, "humanuser", "human user"), **codes, "who": user, "requestor": True})
    if (sender := parties.system(details, "from_asid")) is not None:
        name = {"name": details["certificate_name"]} if details.get("certificate_name") else {}
        agents.append({"type": _coded(DICOM, "110153", "Source Role ID"), "who": sender, **name, "requestor": not agents})
        agents += [{"type": _coded(PARTICIPATION, "RESP", "responsible party"), "who": one, "requestor": False} for one in parties.organisations(details)]
    if agents and (receiver := parties.system(details, "to_asid")) is not None:
        agents.append({"type": _coded(DICOM, "110152", "Destination Role ID"), "who": receiver, "requestor": False})
    return agents


def _purpose(stated: str) -> dict[str, Any]:
    """Return the stated reason, with the standard's code where there is one."""
    found = PURPOSES.get(stated)
    return ({"coding": [{"system": ACT_REASON, "code": found[0], "display": found[1]}]} if found is not None else {}) | {"text": stated}


def _coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _patient(who: dict[str, Any]) -> dict[str, Any]:
    """Return a patient as an entity. `who` is a keyed hash, never the NHS number."""
    return {
        "what": who, "type": {"system": ENTITY_TYPE, "code": "1", "display": "Person"},
        "role": {"system": OBJECT_ROLE, "code": "1", "display": "Patient"},
    }  # fmt: skip


def _entity(seq: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was touched: the message, with everything else the event says as details."""
    what = body.get("message_id") or body.get("request_id")
    identifier = (
        {"system": "urn:wardgate:message", "value": what} if what else {"system": "urn:wardgate:audit", "value": str(seq)}
    )
    entity: dict[str, Any] = {
        "what": {"identifier": identifier},
        "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
        "role": {"system": OBJECT_ROLE, "code": "24", "display": "Query"},
    }
    details = [_detail("audit_seq", str(seq))]
    details += [_detail(name, body[name]) for name in ("request_id", "correlation_id") if name in body]
    details += [_detail(name, _text(value)) for name, value in body.get("details", {}).items() if value not in (None, "")]
    return entity | {"detail": details}


def _detail(name: str, value: str) -> dict[str, str]:
    return {"type": name, "valueString": value}


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return f"hmac-sha256:{value.get('hmac_sha256', '')}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
