"""`wardgate message send DOC`: built, judged, sealed and sent in one."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from wardgate import fhir
from wardgate.cli.context import World
from wardgate.cli.durations import Duration
from wardgate.cli.failures import Failed
from wardgate.cli.handled import next_try, shown, with_handler
from wardgate.cli.output import Printer, pairs
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.outgoing import Route, Wishes
from wardgate.exchange.posting import PASSING
from wardgate.fhir import Format, Resource, Version
from wardgate.itk3 import RecipientType
from wardgate.itk3.glimpse import form_of
from wardgate.stores.exchange import HandledMessage, Stage

MAX_DOCUMENT_BYTES: Final = 10 * 1024 * 1024
LOOK_SECONDS: Final = 2.0
OVER: Final = frozenset({Stage.ANSWERED, Stage.REFUSED, Stage.DEAD, Stage.DROPPED})
IN_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)


@click.command()
@click.argument("document", type=IN_FILE, metavar="DOC")
@click.option("--from", "mailbox", required=True, metavar="MAILBOX", help="Our mailbox.")
@click.option("--to", required=True, metavar="ODS|MAILBOX", help="The recipient: a mailbox, or an organisation with one mailbox for the workflow.")
@click.option("--workflow", required=True, metavar="ID", help="What kind of message it is.")
@click.option("--event", default=None, metavar="CODE", show_default="the first that the workflow lists, else ITK007C", help="The message event.")
@click.option("--for-information", is_flag=True, help="The recipient need not act.")
@click.option("--reference", default="None", metavar="TEXT", help="Our reference, which responses repeat. Nothing about a patient.")
@click.option("--no-business-ack", is_flag=True, help="Ask for no business response.")
@click.option("--no-infrastructure-ack", is_flag=True, help="Ask for no infrastructure response.")
@click.option("--role", default=None, metavar="CODE", help="The role that the signer states, such as R8000.")
@click.option("--user", default=None, metavar="ID", help="The user it is signed for: an SDS user id.")
@click.option("--json", "as_json", is_flag=True, help="Send JSON, by agreement with the recipient. National flows carry XML.")
@click.option("--r4", is_flag=True, help="DOC is FHIR R4. National flows carry STU3.")
@click.option("--wait", type=Duration(), default=None, metavar="TIME", help="Wait so long for the answers, such as 30s or 10m.")
@with_handler
def send(
    document: Path, mailbox: str, to: str, workflow: str, role: str | None, user: str | None, as_json: bool, r4: bool, wait: timedelta | None,
    handler: MessageHandler, printer: Printer, world: World, **said: Any,
) -> None:
    """Send DOC, a FHIR document in XML or JSON: build the message, ask the workflow's policy, seal it, and send it by MESH.

    A DOC that is a message already is sent as it is. What cannot be sent now is kept, and tried again by the server, or by
    `wardgate message receive`. Exit code 1: refused, by the policy or, with --wait, by the recipient.
    """
    version = Version.R4 if r4 else Version.STU3
    content, resource = _read(document, version)
    behalf = {name: value for name, value in (("user", user), ("role", role)) if value} if user else None
    route = Route(mailbox, to, workflow, role, behalf, Format.JSON if as_json else Format.XML)
    if resource.get("resourceType") == "Bundle" and resource.get("type") == "message":
        row = handler.send_message(route, content)
    else:
        row = handler.send(route, resource, _wishes(said, version))
    if wait is not None:
        row = _answered(handler, row, wait)
    _show(world, printer, row)
    if row.stage in {Stage.REFUSED, Stage.DEAD}:
        click.get_current_context().exit(1)


def _wishes(said: dict[str, Any], version: Version) -> Wishes:
    return Wishes(
        event=said["event"], recipient_type=RecipientType.FOR_INFORMATION if said["for_information"] else RecipientType.FOR_ACTION,
        business_ack=False if said["no_business_ack"] else None, infrastructure_ack=False if said["no_infrastructure_ack"] else None,
        sender_reference=said["reference"], version=version,
    )


def _read(path: Path, version: Version) -> tuple[bytes, Resource]:
    """Return a document's octets and what they are. Raises `Failed`."""
    with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
        content = file.read(MAX_DOCUMENT_BYTES + 1)
    form = form_of(content)
    if len(content) > MAX_DOCUMENT_BYTES or form is None:
        raise Failed(f"{path}: " + (f"more than {MAX_DOCUMENT_BYTES} bytes" if form else "neither XML nor JSON"))
    try:
        return content, fhir.read(content, form, version)
    except fhir.FHIRError as error:
        raise Failed(f"{path}: {error}") from None


def _answered(handler: MessageHandler, row: HandledMessage, wait: timedelta, pause: Callable[[float], None] = time.sleep) -> HandledMessage:
    """Look into our mailbox until every answer is there, or the time is over."""
    until = time.monotonic() + wait.total_seconds()
    while row.stage not in OVER and row.responses_due and time.monotonic() < until:
        with suppress(*PASSING):  # the server may be there again at the next look
            handler.receive(row.mailbox)
        handler.drive(mailboxes={row.mailbox})
        row = handler.message(row.key)
        if row.stage not in OVER and row.responses_due:
            pause(min(LOOK_SECONDS, max(until - time.monotonic(), 0.0)))
    return row


def _show(world: World, printer: Printer, row: HandledMessage) -> None:
    stage = f"{row.stage.value} ({row.reason})" if row.reason else row.stage.value
    printer.answer(shown(row), pairs([
        ("message", row.message_id), ("stage", stage), ("last try", row.trouble or ""), ("next try", next_try(world, row)), ("to", f"{row.peer} by {row.workflow}"), ("sealed", row.seal or "no"), ("key", row.key),
        ("codes", " ".join(row.codes)), ("awaited", " and ".join(row.responses_due)), ("follow it", f"wardgate message track {row.message_id}")]))
