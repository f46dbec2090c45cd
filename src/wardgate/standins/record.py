"""Recording what happened at a stand-in: one event for each end of a sign-in, of a token request and of a session."""

from wardgate.audit.model import Event, EventType, Outcome, Personal
from wardgate.standins.dependencies import StandIns
from wardgate.standins.surfaces import Surface


async def note(
    deps: StandIns, kind: EventType, outcome: Outcome, error: str | None, surface: Surface, client_id: str | None,
    username: str | None = None, reason: str | None = None, **details: str | int | Personal | None,
) -> None:
    """Store the event, by the real time; returns when it is durable. `reason` is the refusal's code, if it has one."""
    about: dict[str, str | int | Personal | None] = {
        "provider": surface.kind.value, "realm": surface.realm_name, "client": client_id, "error": error, **details,
        "user": Personal(username) if username is not None else None,
    }
    shift = deps.clock_shift()
    if shift:
        about["clock_shift_seconds"] = int(shift.total_seconds())
    await deps.record(Event(
        kind, deps.real_now(), outcome, reason, details={name: value for name, value in about.items() if value is not None}))
