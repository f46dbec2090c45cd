"""Who asked about a patient: the records about one patient as rows, one for each call, for a records officer (spine 9.5)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from wardgate.audit.model import EventType

CALLS: Final = frozenset({EventType.CALL_DECIDED, EventType.CALL_ALLOWED, EventType.CALL_REFUSED})
MESSAGES: Final = frozenset({EventType.MESSAGE_BUILT, EventType.MESSAGE_OPENED})
"""A document about the patient went to somebody; or came in, or was looked at again."""


@dataclass(frozen=True, slots=True)
class Access:
    """One call about the patient. Text is empty where nothing is known; people are keyed hashes."""

    seq: int
    """Number of the record: of its outcome, or of the decision where that is all there is."""
    at: str
    outcome: str
    reason: str = ""
    """The code of the refusal."""
    from_asid: str = ""
    organisation: str = ""
    """ODS code that the caller stated, else those that its system acts for."""
    application: str = ""
    certificate_name: str = ""
    caller_kind: str = ""
    user: str = ""
    role: str = ""
    purpose: str = ""
    to_asid: str = ""
    interaction: str = ""
    scope: str = ""
    api: str = ""
    route: str = ""
    method: str = ""
    status: str = ""
    trace: str = ""
    message_id: str = ""
    request_id: str = ""

    @property
    def row(self) -> dict[str, str | int]:
        """The members by name, in order."""
        return asdict(self)


COLUMNS: Final = tuple(field.name for field in fields(Access))


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the trail is asked for: `start` is the first moment and `end` the first no longer; None: without a bound."""

    start: datetime | None = None
    end: datetime | None = None
    organisation: str | None = None

    def takes(self, access: Access) -> bool:
        """Return whether a row is asked for. ODS codes are compared without case."""
        at = datetime.fromisoformat(access.at)
        if (self.start is not None and at < self.start) or (self.end is not None and at >= self.end):
            return False
        return self.organisation is None or self.organisation.upper() in access.organisation.upper().split(",")


def accesses(records: Iterable[tuple[int, Mapping[str, Any]]], asked: Asked) -> list[Access]:
    """Return the calls among the records, pairs of number and parsed body, in their order.

    A decision that was recorded before its answer and the call's outcome are one row: who called is taken from either.
    """
    found: dict[str, Access] = {}
    for seq, body in records:
        kind = EventType(body["type"])
        if kind in MESSAGES:
            found[str(seq)] = _message(seq, body, kind)
        if kind not in CALLS:
            continue
        access = _access(seq, body)
        key = access.message_id or str(seq)
        found[key] = _joined(found[key], access) if key in found else access
    return [access for access in found.values() if asked.takes(access)]


def _access(seq: int, body: Mapping[str, Any]) -> Access:
    details = body.get("details", {})

    def text(*names: str) -> str:
        return next((_shown(details[name]) for name in names if details.get(name) not in (None, "")), "")

    return Access(
        seq, body["at"], body.get("outcome", ""), body.get("reason", ""), text("from_asid"), text("ods"), body.get("application", ""),
        text("certificate_name"), text("caller_kind", "access_mode"), text("user", "auth_user_id"), text("role"), text("reason_for_request"),
        text("to_asid"), text("interaction"), text("scope"), text("api"), text("route"), text("method"), text("status"), text("trace"),
        body.get("message_id", ""), body.get("request_id", ""),
    )  # fmt: skip


def _message(seq: int, body: Mapping[str, Any], kind: EventType) -> Access:
    """Return the row of a message: to which organisation it went, or at which it was opened, and by whose account or for whom."""
    details = body.get("details", {})
    went = kind is EventType.MESSAGE_BUILT
    return Access(
        seq, body["at"], body.get("outcome", ""), body.get("reason", ""), organisation=str(details.get("peer_ods" if went else "mailbox_ods") or ""),
        caller_kind="message sent" if went else f"message {details.get('change') or 'opened'}", user=_shown(details.get("user") or details.get("by") or ""),
        role=_shown(details.get("role") or ""), interaction=str(details.get("event") or ""), api="message", route=str(details.get("workflow") or ""),
        message_id=body.get("message_id", ""), request_id=body.get("request_id", ""),
    )


def _joined(first: Access, last: Access) -> Access:
    """Return the later record, with what only the earlier one knows."""
    return Access(**{name: getattr(last, name) or getattr(first, name) for name in COLUMNS})


def _shown(value: object) -> str:
    return str(value.get("hmac_sha256", "")) if isinstance(value, Mapping) else str(value)
