"""`wardgate message track ID` and `read ID`: a message from end to end, and what is in it."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

import click

from wardgate.audit.model import EventType
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.handled import found_row, shown, with_handler
from wardgate.cli.output import Printer, pairs
from wardgate.cli.output import shown as escaped
from wardgate.client.mesh_files import write_whole
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.record import plain
from wardgate.exchange.tracked import Tracked, track
from wardgate.itk3 import RESPONSE_CODE_ROWS
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.stores.ports import AuditRecord

WORDS: Final = {
    EventType.MESSAGE_BUILT: "built, and allowed by its workflow", EventType.MESSAGE_SEALED: "sealed", EventType.MESSAGE_SENT: "sent",
    EventType.MESSAGE_RECEIVED: "received", EventType.MESSAGE_OPENED: "opened", EventType.MESSAGE_REFUSED: "refused",
    EventType.MESSAGE_RESPONDED: "response made", EventType.MESSAGE_ACKNOWLEDGED: "response joined to its message",
    EventType.MESSAGE_DEAD: "given up", EventType.MESSAGE_REPLAYED: "taken up again", EventType.MAILBOX_ACCEPTED: "in the recipient's mailbox here",
    EventType.MAILBOX_DOWNLOADED: "downloaded by the recipient", EventType.MAILBOX_ACKNOWLEDGED: "transfer acknowledged by the recipient",
    EventType.MAILBOX_EXPIRED: "not collected in time",
}


@click.command("track")
@click.argument("any_id", metavar="ID")
@click.option("--offline", is_flag=True, help="Do not ask the mailbox server.")
@with_handler
def track_message(any_id: str, offline: bool, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Follow a message from end to end. ID is its message id, its document's, the mailbox server's, or our key.

    Every step that was recorded here, what the mailbox server says now, and the responses.
    """
    found = track(handler.parts, any_id, ask=not offline)
    if not found:
        raise Failed(f"there is no message {any_id} here: wardgate message list")
    told = [_told(one, _steps(world, one.row)) for one in found]
    printer.answer({"id": any_id, "messages": told}, [line for data in told for line in (*_lines(data), "")][:-1])


@click.command("read")
@click.argument("any_id", metavar="ID")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), default=None, metavar="FILE", show_default="standard output",
              help="Where the message goes; a file that only you may read.")
@click.option("--sealed", is_flag=True, help="What came, as it came: to inspect a message that was refused.")
@with_handler
def read_message(any_id: str, out: Path | None, sealed: bool, handler: MessageHandler, world: World, printer: Printer) -> None:
    """Read a message that is kept here, which is recorded. ID is its message id or our key."""
    del world
    row = found_row(handler, any_id)
    if out is not None and str(out) != "-" and os.path.lexists(out):
        raise Failed(f"{out} is there already")
    content = handler.opened(row, sealed=sealed)
    if out is None or str(out) == "-":
        put(content, sys.stdout)
        return
    write_whole(out, content)
    printer.answer({**shown(row), "file": str(out), "bytes": len(content)}, [f"{out}: {len(content)} bytes"])


def put(content: bytes, to: TextIO) -> None:
    """Write a content as it is; to a terminal without what would command it, which others may have written."""
    if to.isatty():
        to.write(escaped(content.decode("utf-8", "replace")))
        to.flush()
        return
    to.buffer.write(content)
    to.buffer.flush()


def _steps(world: World, row: HandledMessage) -> list[dict[str, Any]]:
    """Return what was recorded of one message, in order."""
    found: dict[int, AuditRecord] = {}
    for any_id in (row.message_id, row.mex_id, row.key):
        found |= {record.seq: record for record in (world.stores.audit.find(any_id) if any_id else ())}
    steps = []
    for seq in sorted(found):
        body = json.loads(found[seq].body)
        details = body.get("details", {})
        about_it = details.get("key") == row.key or ("key" not in details and row.mex_id is not None and details.get("mex_message_id") == row.mex_id)
        if about_it and body["type"] in {kind.value for kind in WORDS}:
            steps.append({"record": seq, "at": body["at"], "step": body["type"], "reason": body.get("reason"), "by": details.get("by"),
                          "words": WORDS[EventType(body["type"])] + (f" ({details['change']})" if details.get("change") else "")})
    return steps


def _told(one: Tracked, steps: list[dict[str, Any]]) -> dict[str, Any]:
    server = one.server
    said = None if server is None else {
        "status": plain(server.status), "status_code": plain(server.status_code) or None, "description": plain(server.status_description) or None,
        "uploaded_at": server.uploaded_at.isoformat() if server.uploaded_at else None, "status_at": server.status_at.isoformat() if server.status_at else None,
        "expires": server.expires.isoformat() if server.expires else None,
    }
    return {**shown(one.row), "steps": steps, "mailbox_server": said, "mailbox_server_silent": one.why}


def _lines(data: dict[str, Any]) -> list[str]:
    out = data["direction"] == Direction.OUT.value
    ends = (data["mailbox"], data["peer"]) if out else (data["peer"], data["mailbox"])
    server = data["mailbox_server"]
    codes = "; ".join(f"{code} {RESPONSE_CODE_ROWS[code].display if code in RESPONSE_CODE_ROWS else ''}".strip() for code in data["codes"])
    head = f"{'response' if data['answers'] else 'message'} {data['message_id'] or data['mex_message_id']} {'from us' if out else 'to us'}"
    facts = pairs([
        ("  from", ends[0]), ("  to", ends[1]), ("  workflow", data["workflow"]), ("  answers", data["answers"] or ""),
        ("  stage", data["stage"] + (f" ({data['reason']})" if data["reason"] else "")), ("  sealed", data["seal"] or "no"), ("  codes", codes),
        ("  awaited" if out else "  owed", " and ".join(data["responses_due"])), *_next(data), ("  last try", data["trouble"] or ""),
        ("  server", f"{server['status']} {server['description'] or ''}".strip() if server else data["mailbox_server_silent"] or "")])
    steps = [f"    {step['at']}  {step['words']}" + (f": {step['reason']}" if step["reason"] else "") for step in data["steps"]]
    return [head, *facts, *steps]


def _next(data: dict[str, Any]) -> list[tuple[str, str]]:
    """When it is tried again, or looked after: responses may not come, and what was sent may wait in its mailbox for ever."""
    if not data["due"]:
        return []
    trying = data["stage"] in {Stage.BUILT, Stage.SEALED, Stage.RECEIVED}
    return [("  next try" if trying else "  next look", f"{datetime.fromisoformat(data['due']):%Y-%m-%d %H:%M} UTC")]
