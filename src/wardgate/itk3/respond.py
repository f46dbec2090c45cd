"""Responses: which are owed for a message, and making them (itk3-messaging 1.6, 1.7, 1.8).

A response says codes only, and nothing of a patient (FHIR-BA-02). Nobody answers an infrastructure response, so no two systems answer
each other without end.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from wardgate.itk3.codes import EVENTS, RESPONSE_EVENT, definition_of
from wardgate.itk3.ids import Random, made
from wardgate.itk3.model import (
    Handling,
    Issue,
    Message,
    Original,
    Party,
    RecipientType,
    Response,
    ResponseCode,
    original,
)
from wardgate.itk3.names import UNREADABLE
from wardgate.itk3.response_codes import RESPONSE_CODE_ROWS

_PER_PAYLOAD: Final = {True: ("information", "informational"), False: ("fatal", "business-rule")}


class Owed(StrEnum):
    """A response that is still to be sent."""

    INFRASTRUCTURE = "infrastructure"
    BUSINESS = "business"


def owed(to: Original | Message, *, refused: bool = False, full_ack: bool = False, one_way: bool = False) -> tuple[Owed, ...]:
    """Return which responses a message is owed, in their order.

    `refused` says that it is answered with a bad infrastructure code, after which there is no other; `full_ack`, `one_way` are the workflow's.
    """
    of = original(to) if isinstance(to, Message) else to
    if one_way:
        return ()
    if of.is_response:
        return (Owed.INFRASTRUCTURE,) if of.business and not refused and (full_ack or of.infrastructure_ack) else ()
    unknown = of.infrastructure_ack is None or of.business_ack is None
    if refused:
        return (Owed.INFRASTRUCTURE,) if unknown or of.infrastructure_ack or of.business_ack else ()
    return ((Owed.INFRASTRUCTURE,) if unknown or of.infrastructure_ack else ()) + ((Owed.BUSINESS,) if of.business_ack else ())


def respond(
    to: Original | Message, code: str, *, sender: Party, endpoint: str, now: datetime, random: Random,
    receiver: Party | None = None, ok: bool | None = None, issue: str | None = None, full_ack: bool = False,
) -> Message:  # fmt: skip
    """Return the response with a code, from us, to the sender of a message.

    `ok` says whether a code is good whose meaning is the payload's to say; `issue` is the FHIR issue code where several go with the code.
    Raises ValueError for a code that there is not, or whose meaning is not said.
    """
    of = original(to) if isinstance(to, Message) else to
    row = _row(code, ok=ok)
    handling = Handling(
        business_ack=False, infrastructure_ack=full_ack and row.is_business, recipient_type=RecipientType.FOR_ACTION,
        message_definition=definition_of(RESPONSE_EVENT), sender_reference=of.sender_reference or "None",
    )
    found = Issue(row.code, row.display, row.severity or "", issue if issue in row.issues else row.issues[0])
    return Message(
        bundle_id=made(random), bundle_identifier=made(random), message_id=made(random), event=RESPONSE_EVENT, event_display=EVENTS[RESPONSE_EVENT],
        handling=handling, sender=sender, endpoint=endpoint, timestamp=now, receiver=receiver,
        response=Response(of.message_id or UNREADABLE, "ok" if row.ok else "fatal-error", (found,)), version=of.version,
    )  # fmt: skip


def _row(code: str, *, ok: bool | None) -> ResponseCode:
    row = RESPONSE_CODE_ROWS.get(code)
    if row is None:
        raise ValueError("no code of ITK-ResponseCodes-1")
    if row.ok is not None:
        return row
    if ok is None:
        raise ValueError(f"whether {code} is good is for the payload's specification to say")
    severity, issue = _PER_PAYLOAD[ok]
    return ResponseCode(row.code, row.display, ok, severity, (issue,))
