"""What the record says of the directory: each step of assurance, and each change of entries (`audit.model`).

Neither role profiles nor what an entry holds are in it: who took a step is named as Wardgate knows them.
"""

from collections.abc import Mapping
from datetime import datetime

from wardgate.audit.model import Event, EventType
from wardgate.directory.exchange import Imported
from wardgate.directory.onboarding import Enrolment


def stepped(enrolment: Enrolment, told: Mapping[str, str]) -> Event:
    """Return the event of the last step of an enrolment; `told` says through what and by which account it was taken."""
    moved = enrolment.history[-1]
    details: dict[str, str] = {
        "asid": enrolment.asid, "step": moved.step, "state": enrolment.state, "environment": enrolment.environment, "taken_by": moved.by,
    }  # fmt: skip
    details |= {"note": moved.note} if moved.note else {}
    details |= {"granted": ", ".join(enrolment.granted)} if enrolment.granted else {}
    return Event(EventType.SYSTEM_STEPPED, moved.at, details={**details, **told})


def imported(taken: Imported, form: str, told: Mapping[str, str], at: datetime) -> Event:
    """Return the event of a file that was taken in."""
    counts = {"added": len(taken.added), "changed": len(taken.changed), "unchanged": len(taken.unchanged)}
    return Event(EventType.DIRECTORY_CHANGED, at, details={"form": form, **counts, **told})


def changed(put: int, removed: int, told: Mapping[str, str], at: datetime) -> Event:
    """Return the event of entries or sharing rules that were put or removed by hand."""
    return Event(EventType.DIRECTORY_CHANGED, at, details={"put": put, "removed": removed, **told})
