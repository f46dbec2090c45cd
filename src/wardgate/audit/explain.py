"""The story of one id: what was asked, which check failed, what was expected and received, and who can fix it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wardgate.audit.model import EventType, Outcome
from wardgate.refusals import CATALOGUE, Reason

_SENTENCES: Final[Mapping[EventType, str]] = {
    EventType.TOKEN_ISSUED: "An access token was issued",
    EventType.TOKEN_REFUSED: "A token request was refused",
    EventType.TOKEN_REVOKED: "An access token was revoked",
    EventType.TOKEN_INTROSPECTED: "An access token was introspected",
    EventType.SIGN_IN_STARTED: "A sign-in began",
    EventType.SIGN_IN_COMPLETED: "A user signed in",
    EventType.SIGN_IN_REFUSED: "A sign-in was refused",
    EventType.SIGN_IN_ENDED: "A sign-in ended",
    EventType.SIGN_OUT_REFUSED: "A logout token was refused",
    EventType.USERINFO_READ: "A user's details were read",
    EventType.USERINFO_REFUSED: "A request for a user's details was refused",
    EventType.STAND_IN_SIGNED_IN: "Somebody signed in at a stand-in provider",
    EventType.STAND_IN_TOKEN_ISSUED: "A stand-in provider gave a client tokens",
    EventType.STAND_IN_SIGNED_OUT: "Somebody signed out of a stand-in provider",
    EventType.STAND_IN_REFUSED: "A stand-in provider refused a request",
    EventType.STAND_IN_LOCKED: "Somebody was locked out of a stand-in provider after too many failed tries",
    EventType.STAND_IN_UNLOCKED: "An operator ended a lock-out at a stand-in provider",
    EventType.PASSKEY_REGISTERED: "A passkey was registered at a stand-in provider",
    EventType.PASSKEY_REMOVED: "A passkey of a stand-in provider was removed",
    EventType.CALL_ALLOWED: "A call was allowed",
    EventType.CALL_REFUSED: "A call was refused",
    EventType.CALL_DECIDED: "A call was decided, before its answer",
    EventType.HANDSHAKE_REFUSED: "A TLS handshake was refused",
    EventType.MANIFEST_APPLIED: "The manifest was changed",
    EventType.APPLICATION_CHANGED: "An application was changed",
    EventType.CREDENTIAL_ISSUED: "A credential was issued",
    EventType.CREDENTIAL_REVOKED: "A credential was revoked",
    EventType.PROVIDER_SECRET_SET: "Our secret at a sign-in provider was set",
    EventType.CERTIFICATE_ISSUED: "A certificate was issued",
    EventType.CERTIFICATE_REVOKED: "A certificate was revoked",
    EventType.CRL_ISSUED: "A revocation list was issued",
    EventType.SIGNING_KEY_ROTATED: "A signing key was rotated",
    EventType.SYSTEM_STEPPED: "The assurance of a system took a step",
    EventType.DIRECTORY_CHANGED: "The system directory was changed",
    EventType.MAILBOX_CHANGED: "A mailbox was changed",
    EventType.MAILBOX_ACCEPTED: "The mailbox server stored a message for its recipient",
    EventType.MAILBOX_DOWNLOADED: "A message was downloaded from the mailbox server",
    EventType.MAILBOX_ACKNOWLEDGED: "A recipient acknowledged the transfer of a message",
    EventType.MAILBOX_EXPIRED: "A message was not collected in time",
    EventType.MAILBOX_REFUSED: "The mailbox server refused a request",
    EventType.MESSAGE_BUILT: "A message was built, and its workflow allows it",
    EventType.MESSAGE_SEALED: "A message was sealed",
    EventType.MESSAGE_SENT: "A message was sent",
    EventType.MESSAGE_RECEIVED: "A message was received and kept",
    EventType.MESSAGE_OPENED: "A message was opened",
    EventType.MESSAGE_REFUSED: "A message was refused",
    EventType.MESSAGE_RESPONDED: "A response was made to a message that came in",
    EventType.MESSAGE_ACKNOWLEDGED: "A response to a message of ours came in",
    EventType.MESSAGE_DEAD: "A message was given up",
    EventType.MESSAGE_REPLAYED: "A message that had been given up was taken up again",
    EventType.MESSAGE_KEY_CHANGED: "A message key was changed",
    EventType.AUDIT_SEARCHED: "The record was searched for a patient",
    EventType.CLOCK_ADVANCED: "The virtual clock was turned ahead",
    EventType.CLOCK_RESET: "The virtual clock was turned back to the real time",
    EventType.SERVER_STARTED: "The server started",
    EventType.SERVER_STOPPED: "The server stopped",
    EventType.RECORDS_LOST: "Records of the data plane were lost",
}
"""What each event says in words."""

PARTIES: Final[Mapping[str, str]] = {
    "from_asid": "from system", "certificate_name": "certificate", "ods": "organisation", "caller_kind": "caller", "user": "user", "role": "role",
    "reason_for_request": "purpose", "scope": "scope", "to_asid": "to system", "interaction": "interaction", "endpoint": "endpoint", "host": "host",
    "trace": "trace",
}
"""Who and what a call between systems is, in the order in which they are told, and in words."""
_FILLED_WITH: Final = {"{asid}": "from_asid", "{interaction}": "interaction"}
_SHOWN_ELSEWHERE: Final = frozenset({"expected", "received"})


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one id: `lines` for people, `data` for programs. `found` is False when there is no record."""

    found: bool
    lines: tuple[str, ...]
    data: Mapping[str, Any]


def explain(any_id: str, found: Sequence[tuple[int, Mapping[str, Any]]]) -> Story:
    """Return the story of `any_id` from its records: pairs of number and parsed body, oldest first."""
    if not found:
        line = f"No record has the message, request or correlation id {any_id}."
        return Story(False, (line, "Records of calls arrive within a second of the answer."), {"id": any_id, "events": []})
    lines = [f"{any_id}: {len(found)} record{'s' if len(found) > 1 else ''}"]
    events = []
    for seq, body in found:
        reason = CATALOGUE.get(body.get("reason", ""))
        lines += ["", *_tell(seq, body, reason)]
        events.append(_event(seq, body, reason))
    return Story(True, tuple(lines), {"id": any_id, "events": events})


def _tell(seq: int, body: Mapping[str, Any], reason: Reason | None) -> list[str]:
    details = body.get("details", {})
    lines = [f"{_SENTENCES[EventType(body['type'])]} at {body['at']} (audit record {seq})"]
    if "application" in body:
        lines.append(f"  application   {body['application']}")
    parties = PARTIES if "from_asid" in details or "certificate_name" in details else {}
    lines += [f"  {words:<13} {_shown(details[name])}" for name, words in parties.items() if details.get(name) not in (None, "")]
    lines += [f"  {name:<13} {_shown(value)}" for name, value in details.items() if name not in _SHOWN_ELSEWHERE and name not in parties]
    lines += [f"  {name:<13} {body[name]}" for name in ("message_id", "request_id", "correlation_id") if name in body]
    if body.get("outcome") == Outcome.REFUSED or "reason" in body:
        lines += _tell_refusal(body, details, reason)
    return lines


def _tell_refusal(body: Mapping[str, Any], details: Mapping[str, Any], reason: Reason | None) -> list[str]:
    lines = [f"  reason        {body.get('reason', 'not recorded')}"]
    if reason is None:
        return lines
    lines.append(f"  check         {reason.check}: this did not hold")
    lines += [f"  {name:<13} {_shown(details[name])}" for name in ("expected", "received") if details.get(name) is not None]
    answered = f"{reason.status} {_filled(reason.text, details)}".strip()
    return [*lines, f"  answered      {answered}", f"  who can fix   the {reason.fixer}", f"  what to do    {reason.advice}",
            f"  read more     {reason.anchor}"]


def _event(seq: int, body: Mapping[str, Any], reason: Reason | None) -> dict[str, Any]:
    event: dict[str, Any] = {"seq": seq, **body}
    if reason is not None:
        details = body.get("details", {})
        event["refusal"] = {
            "code": reason.code, "check": reason.check, "expected": details.get("expected"),
            "received": details.get("received"), "status": reason.status, "text": reason.text,
            "who_can_fix": reason.fixer.value, "advice": reason.advice, "source": reason.source, "anchor": reason.anchor,
        }
    return event


def _filled(text: str, details: Mapping[str, Any]) -> str:
    """Return the public text with what the record knows of its placeholders."""
    for placeholder, name in _FILLED_WITH.items():
        text = text.replace(placeholder, str(details.get(name) or placeholder))
    return text


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"(personal, keyed hash {str(value.get('hmac_sha256', ''))[:16]}…)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
