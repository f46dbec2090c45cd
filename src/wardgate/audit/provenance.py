"""A call that changed something as a FHIR R4 Provenance (hl7.org/fhir/R4/provenance.html; spine 9.4).

Who did what on behalf of whom: the user in their role where the token states one, else the system. The resource that was
written is known to its server only; the target is the message by which it was, and the patient.
"""

from collections.abc import Mapping
from typing import Any, Final

from wardgate.audit import parties
from wardgate.audit.model import EventType

DATA_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ACTIVITIES: Final[Mapping[str, str]] = {"POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}
_DISPLAYS: Final = {"CREATE": "create", "UPDATE": "revise", "DELETE": "delete"}
_READS: Final = (".read", ".search")


def is_write(body: Mapping[str, Any]) -> bool:
    """Return whether a record is of a call between systems that was let through, succeeded, and changed something."""
    details = body.get("details", {})
    if EventType(body["type"]) is not EventType.CALL_ALLOWED or not details.get("from_asid") or details.get("method") not in ACTIVITIES:
        return False
    status = details.get("status")
    return isinstance(status, int) and 200 <= status < 300 and not _reads(str(details.get("interaction") or ""))


def provenance(seq: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Provenance of a record for which `is_write` holds."""
    details = body["details"]
    activity = "UPDATE" if "$" in str(details.get("route") or "") else ACTIVITIES[details["method"]]
    who = parties.person(details, "user", "auth_user_id")
    sender = parties.system(details, "from_asid") or {}
    behalf = parties.organisations(details)
    agents = [_agent("assembler" if who is not None else "author", "Assembler" if who is not None else "Author", sender, behalf)]
    if who is not None:
        role = parties.person(details, "role")
        named = {"role": [{"coding": [{"system": role["identifier"]["system"], "code": role["identifier"]["value"]}]}]} if role is not None else {}
        agents.insert(0, _agent("author", "Author", who | {"type": "PractitionerRole"}, behalf) | named)
    message = body.get("message_id") or f"audit-{seq}"
    return {
        "resourceType": "Provenance", "id": f"wardgate-{seq}",
        "target": [parties.identified("urn:wardgate:message", message, display=str(details.get("route") or "a call")), *parties.patients(details)],
        "recorded": body["at"],
        "activity": {"coding": [{"system": DATA_OPERATION, "code": activity, "display": _DISPLAYS[activity]}]},
        "agent": agents,
    }  # fmt: skip


def _agent(code: str, display: str, who: dict[str, Any], behalf: list[dict[str, Any]]) -> dict[str, Any]:
    agent: dict[str, Any] = {"type": {"coding": [{"system": PARTICIPANT, "code": code, "display": display}]}, "who": who}
    return agent | ({"onBehalfOf": behalf[0]} if behalf else {})


def _reads(interaction: str) -> bool:
    return interaction.endswith(_READS) or any(f"{end}:" in interaction for end in _READS) or ":rest:search:" in interaction
