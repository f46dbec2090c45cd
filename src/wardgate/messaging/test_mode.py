"""Routes that are no part of the API: mailboxes emptied, and reports made, between tests (itk3-messaging 5.6).

They are there where a setting says so, and never in a live environment. They need no token.
"""

import json
from datetime import timedelta
from typing import Any, Final

from wardgate.audit.model import Event, EventType, Outcome
from wardgate.mesh import reports
from wardgate.mesh.errors import MeshRefused, wrong_parameter
from wardgate.mesh.model import StatusReport
from wardgate.messaging.call import Call
from wardgate.messaging.receiving import pieces
from wardgate.messaging.server import MailboxServer

PURGED_AT_ONCE: Final = 1_000
MAX_BODY_BYTES: Final = 10_000
REQUIRED: Final = ("mailbox_id", "code", "description", "workflow_id")
MAX_CHARACTERS: Final = 500
STATUSES: Final = {"undeliverable", "error"}


async def reset(call: Call) -> None:
    """Empty every mailbox, or one."""
    mailbox = call.parts.get("mailbox")
    if mailbox is not None and call.server.post_office().mailbox(mailbox) is None:
        raise MeshRefused("mesh-mailbox-unknown")
    await call.server.record(Event(EventType.MAILBOX_CHANGED, call.at, Outcome.ALLOWED, details={"reset": mailbox or "all"}))
    await call.server.run(_empty, call.server, call.at + timedelta(days=1), mailbox)
    await call.answer(200, {"message": f"mailbox {mailbox} reset" if mailbox else "all mailboxes reset"})


async def report(call: Call) -> None:
    """Put a report into a mailbox, and answer with its id."""
    asked = _read(await _body(call))
    if call.server.post_office().mailbox(asked["mailbox_id"]) is None:
        raise MeshRefused("mesh-mailbox-unknown")
    told = StatusReport("TRANSFER" if asked["status"] == "error" else "SEND", asked["code"], asked["description"], success=False, at=call.at)
    made = reports.report(
        recipient=asked["mailbox_id"].upper(), workflow=asked["workflow_id"], report_id=call.server.new_message_id(),
        linked_id=asked.get("linked_message_id"), local_id=asked.get("local_id", ""), subject=asked.get("subject", ""), told=told,
    )
    details = {"mailbox": made.recipient, "workflow": made.workflow, "mex_message_id": made.id}
    event = Event(EventType.MAILBOX_ACCEPTED, call.at, Outcome.ALLOWED, message_id=made.id, details=details)
    await call.server.run(call.server.mailboxes.report, made, event)
    await call.answer(200, {"message_id": made.id})


def _empty(server: MailboxServer, before: Any, mailbox: str | None) -> None:
    number = 1
    while number:
        number, places = server.mailboxes.purge(before, PURGED_AT_ONCE, mailbox)
        server.bodies.remove(places)


async def _body(call: Call) -> bytes:
    body = b""
    async for piece in pieces(call):
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise wrong_parameter("mesh-parameter-long", "string_too_long", "body", "body", MAX_BODY_BYTES)
    return body


def _read(body: bytes) -> dict[str, str]:
    """Return the members that are texts. Raises `MeshRefused`."""
    try:
        stated = json.loads(body)
    except (ValueError, RecursionError):
        stated = None
    if not isinstance(stated, dict):
        raise wrong_parameter("mesh-parameter-value", "value_error", "body", "body")
    asked = {name: value for name, value in stated.items() if isinstance(value, str)}
    for name in REQUIRED:
        if not asked.get(name):
            raise wrong_parameter("mesh-parameter-missing", "missing", "body", name)
    for name, value in asked.items():
        if len(value) > MAX_CHARACTERS or not value.isprintable():
            raise wrong_parameter("mesh-parameter-value", "value_error", "body", name[:MAX_CHARACTERS])
    if asked.setdefault("status", "undeliverable") not in STATUSES:
        raise wrong_parameter("mesh-parameter-value", "value_error", "body", "status")
    return asked
