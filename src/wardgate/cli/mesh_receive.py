"""`wardgate mesh receive`: what came to our mailbox, as files that are durable before the server is told."""

import json
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from wardgate.cli.mesh_calling import MeshCaller, tell, with_mailbox
from wardgate.cli.output import Printer
from wardgate.cli.progress import Progress, amount
from wardgate.client import MeshContentInvalid, MeshMailbox, MeshMessage
from wardgate.client.mesh_download import MAX_RECEIVED_BYTES
from wardgate.client.mesh_files import write_whole

DIRECTORY: Final = click.Path(file_okay=False, path_type=Path)
STANDARD_OUTPUT: Final = Path("-")


@click.command()
@click.argument("message_ids", nargs=-1, metavar="[MESSAGE_ID]...")
@click.option("--into", type=DIRECTORY, default=Path(), show_default="this directory", help="Where MESSAGE_ID.dat, the content, and MESSAGE_ID.json, what was said of it, go.")
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), default=None, help="The file that one message becomes; - is standard output, which is never acknowledged.")
@click.option("--workflow", default=None, metavar="FILTER", help="Those of a workflow: X, X*, *X*, or one of these behind an exclamation mark.")
@click.option("--limit", type=click.IntRange(1), default=None, help="At most so many.")
@click.option("--max-bytes", type=click.IntRange(1), default=MAX_RECEIVED_BYTES, show_default=True, help="The largest message that is taken.")
@click.option("--keep", is_flag=True, help="Do not acknowledge: the messages stay in the mailbox.")
@with_mailbox
def receive(
    message_ids: tuple[str, ...], into: Path, file: Path | None, workflow: str | None, limit: int | None, max_bytes: int, keep: bool,
    caller: MeshCaller, printer: Printer,
) -> None:
    """Receive the messages with these ids, or all that wait.

    Each is acknowledged when its files are durable. An interrupted download is gone on with by the same command.
    """
    if file is not None and len(message_ids) != 1:
        raise click.UsageError("--file is for one message: give its id")
    failed = False
    with caller.open() as mailbox:
        if file == STANDARD_OUTPUT:
            mailbox.receive(message_ids[0], sys.stdout.buffer, max_bytes=max_bytes)
            return
        into.mkdir(parents=True, exist_ok=True)
        for message_id in message_ids or islice(mailbox.messages(workflow_filter=workflow), limit):
            try:
                told = _received(mailbox, message_id, file or into / f"{_name(message_id)}.dat", max_bytes, printer)
                if not keep:
                    mailbox.acknowledge(message_id)
                printer.item({**told, "acknowledged": not keep}, _line(told))
            except MeshContentInvalid as error:  # it stays in the mailbox, and the others are received
                failed = True
                printer.note(f"{message_id}:")
                tell(printer, error)
    if failed:
        click.get_current_context().exit(1)


def _received(mailbox: MeshMailbox, message_id: str, path: Path, max_bytes: int, printer: Printer) -> dict[str, Any]:
    """Make the files of a message, durably, and return what is told of it. A file that is there is the whole message."""
    beside = path.with_name(f"{path.stem}.json") if path.suffix == ".dat" else path.with_name(f"{path.name}.json")
    if path.name == f"{message_id}.dat" and path.exists():  # an earlier run was interrupted before the server was told
        received = mailbox.received_before(message_id, path)
    else:
        with Progress(printer, f"receiving {message_id}") as progress:
            received = mailbox.receive_to_file(message_id, path, max_bytes=max_bytes, progress=progress)
    told = {**_data(received.message), "size": received.size, "sha256": received.sha256, "file": None if received.message.is_report else str(path)}
    write_whole(beside, json.dumps(told, indent=2, ensure_ascii=False).encode())
    return told


def _name(message_id: str) -> str:
    """Return an id as part of a file's name: ids of the inbox are letters, digits, hyphens and underscores."""
    return Path(message_id).name


def _data(message: MeshMessage) -> dict[str, Any]:
    body = asdict(message)
    if message.report is not None:
        body["report"]["at"] = message.report.at.isoformat()
    return body


def _line(told: dict[str, Any]) -> str:
    if told["file"] is None:
        report = told["report"]
        return f"{told['id']}  report on {told['linked_id'] or told['local_id'] or 'a message'}: {report['event']} {report['code']} {report['description']}"
    return f"{told['id']}  {told['workflow']} from {told['sender']}, {amount(told['size'])}: {told['file']}"
