"""`wardgate mesh handshake|list|acknowledge|track|lookup`: small questions of a mailbox."""

from dataclasses import asdict
from itertools import islice
from typing import Any

import click

from wardgate.cli.mesh_calling import MeshCaller, with_mailbox
from wardgate.cli.output import Printer, pairs, table
from wardgate.client import MeshTracking


@click.command()
@with_mailbox
def handshake(caller: MeshCaller, printer: Printer) -> None:
    """Prove that the server is there, and believes the mailbox's certificate, password and key."""
    with caller.open() as mailbox:
        mailbox.handshake()
    printer.answer({"mailbox": caller.mailbox.upper()}, [f"{caller.mailbox.upper()} is believed"])


@click.command("list")
@click.option("--workflow", default=None, metavar="FILTER", help="Those of a workflow: X, X*, *X*, or one of these behind an exclamation mark.")
@click.option("--limit", type=click.IntRange(1), default=500, show_default=True, help="At most so many.")
@click.option("--details", is_flag=True, help="Ask for what is said of each: sender, workflow, chunks.")
@with_mailbox
def list_messages(workflow: str | None, limit: int, details: bool, caller: MeshCaller, printer: Printer) -> None:
    """List the messages that wait, oldest first."""
    with caller.open() as mailbox:
        found = list(islice(mailbox.messages(workflow_filter=workflow), limit))
        if not details:
            printer.answer({"messages": found}, found or ["no message waits"])
            return
        told = [mailbox.head(message_id) for message_id in found]
    rows = [(one.id, one.type.value, one.sender, one.workflow, str(one.total_chunks), one.local_id) for one in told]
    data = [{"id": one.id, "type": one.type.value, "sender": one.sender, "workflow": one.workflow, "chunks": one.total_chunks,
             "local_id": one.local_id, "linked_id": one.linked_id} for one in told]
    printer.answer({"messages": data}, table(("ID", "TYPE", "FROM", "WORKFLOW", "CHUNKS", "LOCAL ID"), rows) if rows else ["no message waits"])


@click.command()
@click.argument("message_ids", nargs=-1, required=True, metavar="MESSAGE_ID...")
@with_mailbox
def acknowledge(message_ids: tuple[str, ...], caller: MeshCaller, printer: Printer) -> None:
    """Tell the server that messages are durably here; they leave the inbox."""
    with caller.open() as mailbox:
        for message_id in message_ids:
            mailbox.acknowledge(message_id)
            printer.item({"acknowledged": message_id}, f"acknowledged {message_id}")


@click.command()
@click.argument("message_id", required=False)
@click.option("--local-id", default=None, metavar="ID", help="The message by our own id of it.")
@with_mailbox
def track(message_id: str | None, local_id: str | None, caller: MeshCaller, printer: Printer) -> None:
    """Show where a message that we sent stands: uploading, accepted, acknowledged, undeliverable or error."""
    if (message_id is None) == (local_id is None):
        raise click.UsageError("give MESSAGE_ID or --local-id")
    with caller.open() as mailbox:
        found = mailbox.track_local(local_id) if local_id is not None else mailbox.track(message_id or "")
    printer.answer(_data(found), pairs([
        ("message", found.message_id), ("status", found.status), ("local id", found.local_id), ("to", found.recipient), ("workflow", found.workflow),
        ("sent", _time(found.uploaded_at)), ("expires", _time(found.expires)), ("since", _time(found.status_at)),
        ("said", " ".join(part for part in (found.status_event, found.status_code, found.status_description) if part))]))


@click.command()
@click.argument("workflow")
@click.option("--ods", default=None, metavar="ODS", help="Those of one organisation.")
@with_mailbox
def lookup(workflow: str, ods: str | None, caller: MeshCaller, printer: Printer) -> None:
    """Find the mailboxes that receive WORKFLOW."""
    with caller.open() as mailbox:
        found = mailbox.search(workflow) if ods is None else mailbox.lookup(ods, workflow)
    printer.answer({"mailboxes": [asdict(one) for one in found]},
                   table(("MAILBOX", "NAME"), [(one.id, one.name) for one in found]) if found else ["no mailbox receives it"])


def _data(found: MeshTracking) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in asdict(found).items()}


def _time(moment: Any) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment is not None else ""
