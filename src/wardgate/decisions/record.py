"""A decision as an event: who asked for what, as which system, and what came of it (spine 9.5).

Systems, organisations, interactions and reasons are in clear; whoever is behind a call, and whose record it is about, as a
keyed hash. Paths and queries are not in it: they may hold a patient's identifier.
"""

from collections.abc import Mapping
from datetime import timedelta

from wardgate.audit.model import Detail, Event, EventType, Outcome, Personal
from wardgate.audit.patients import patients_in, recorded
from wardgate.catalogue import Pattern
from wardgate.catalogue.paths import Found, Match
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.system_call import SystemCall
from wardgate.security_patterns.token_kind import mode_of

Details = Mapping[str, Detail]


def event_of(decision: Decision, facts: Facts, found: Match, shift: timedelta = timedelta(0)) -> Event:
    """Return the record of a decision, by the real time."""
    refusal = decision.refusal
    return Event(
        type=EventType.CALL_DECIDED,
        at=facts.now - shift,
        outcome=Outcome.ALLOWED if decision.allowed else Outcome.REFUSED,
        reason=refusal.reason.code if refusal else None,
        application=decision.application,
        message_id=facts.headers.get("x-wardgate-message-id"),
        request_id=facts.headers.get("x-request-id"),
        correlation_id=facts.headers.get("x-correlation-id"),
        details={
            "api": decision.api, "route": decision.route, "pattern": decision.pattern, "method": facts.method,
            "listener": str(facts.listener), "expected": refusal.expected if refusal else None,
            "received": refusal.received if refusal else None, "proved": "; ".join(decision.proved) or None,
            **_of_user(decision), **_between_systems(decision, facts, found), **({"clock_shift_seconds": int(shift.total_seconds())} if shift else {}),
        },
    )


def handed_on(decision: Decision, facts: Facts, found: Match) -> Details:
    """Return what Envoy's log cannot know of a call: why it was refused, and between systems who they and the people behind are."""
    refusal = decision.refusal
    asked = {"expected": refusal.expected, "received": refusal.received} if refusal is not None else {}
    between = _between_systems(decision, facts, found)
    details = {**asked, **(_of_user(decision) if between else {}), **between}
    return {name: value for name, value in details.items() if value is not None}


def _between_systems(decision: Decision, facts: Facts, found: Match) -> Details:
    """Return the parties of a call by ASID, of a translated one and of one through the secure proxy, and its patients.

    A refused call is recorded as fully as an allowed one: what is not known of it is left out.
    """
    if not isinstance(found, Found) or (found.route.pattern is not Pattern.ASID_INTERACTION and found.route.translate is None):
        return {}
    stated = decision.call.stated if decision.call is not None else None
    patients = (*((stated.patient,) if stated is not None and stated.patient else ()), *patients_in(facts.path, facts.query))
    certificate = facts.certificate.name if facts.certificate is not None else None
    return {
        **({"certificate_name": certificate} if certificate else {}), **of_call(decision.call),
        **recorded(patients),
    }


def _of_user(decision: Decision) -> Details:
    user = decision.user
    if user is None:
        return {}
    mode = mode_of(user)
    return {
        "access_mode": str(mode) if mode else None, "auth_level": user.level.lower(), "sign_in": user.grant, "auth_user_id": Personal(user.user),
        "actor_user_id": Personal(user.actor) if user.actor else None, "role": Personal(decision.role) if decision.role else None,
    }


def of_call(call: SystemCall | None) -> Details:
    """Return what is recorded of a call between systems, as far as it was known when it was decided."""
    if call is None:
        return {}
    found: dict[str, Detail] = {
        "from_asid": call.sender, "to_asid": call.receiver, "interaction": call.interaction, "trace": call.trace,
        "ods": ",".join(call.organisations) or None,
    }
    if call.relay is not None:
        found |= {"endpoint": call.relay.endpoint, "host": call.relay.host}
    if (stated := call.stated) is not None:
        found |= {
            "ods": stated.organisation or found["ods"], "caller_kind": str(stated.caller), "reason_for_request": stated.reason,
            "scope": " ".join(stated.scopes), "user": _personal(stated.user), "role": _personal(stated.role),
            "actor": _personal(stated.actor), **{f"stated_{name}": _personal(value) for name, value in stated.extra.items()},
        }
    return {name: value for name, value in found.items() if value is not None}


def _personal(value: str | None) -> Personal | None:
    return Personal(value) if value else None
