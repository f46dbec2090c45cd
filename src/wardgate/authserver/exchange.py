"""One request on its way through: what is known of it so far, for the answer and for the record."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wardgate.audit.model import Event, EventType, Outcome, Personal
from wardgate.refusals.faults import Wanted

Details = dict[str, str | int | bool | Personal | None]


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A fault, and what asked for it: `header`, `parameter` or `persona`."""

    wanted: Wanted
    by: str


@dataclass(slots=True)
class Exchange:
    """Filled in as checks pass. `application` is set as soon as a credential names one, proved or not."""

    at: datetime
    base_path: str
    headers: dict[bytes, bytes]
    message_id: str
    refused_as: EventType = EventType.TOKEN_REFUSED
    application: str | None = None
    details: Details = field(default_factory=dict)
    """Short public values; what they are is said where they are put in. Never an assertion, a key or a token."""
    traces: tuple[str | None, str | None, str | None] | None = None
    """Request id, correlation id and the gateway's message id, read when the first event is made."""
    shift: timedelta = timedelta(0)
    """How far the virtual clock, which `at` is read from, is ahead of the real one."""
    asked: AskedFor | None = None
    """The fault that is asked for and not met yet."""
    injected: str | None = None
    """The fault that was met: the answer says so in a header, and nowhere else."""

    @property
    def real_at(self) -> datetime:
        """When it really was: what records, limits and signing keys go by."""
        return self.at - self.shift

    @property
    def not_before(self) -> int | None:
        """From when on a token that is issued now may be used; None while the clock is the real one."""
        return int(self.at.timestamp()) if self.shift else None

    def event(self, kind: EventType, outcome: Outcome, reason: str | None, more: Details) -> Event:
        """Return the event of this request's end."""
        request_id, correlation_id, gateway_message_id = self._traces()
        details = self.details | more
        if gateway_message_id is not None:
            details["gateway_message_id"] = gateway_message_id
        if self.shift:
            details["clock_shift_seconds"] = int(self.shift.total_seconds())
        return Event(
            kind, self.real_at, outcome, reason, self.application, self.message_id, request_id, correlation_id, details
        )

    def _traces(self) -> tuple[str | None, str | None, str | None]:
        if self.traces is None:
            get = self.headers.get
            self.traces = (
                trace_id(get(b"x-request-id")), trace_id(get(b"x-correlation-id")), trace_id(get(b"x-wardgate-message-id"))
            )
        return self.traces


def trace_id(value: bytes | None) -> str | None:
    """Return a caller's trace header as it may be recorded: printable ASCII of at most 200 characters, or nothing."""
    if value is None or not 0 < len(value) <= 200 or not value.isascii():
        return None
    text = value.decode("ascii")
    return text if text.isprintable() else None
