"""`wardgate mesh send FILE`: send a file of any size; what was interrupted is gone on with by the same command."""

import hashlib
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from wardgate.cli.mesh_calling import IN_FILE_OR_STDIN, MeshCaller, with_mailbox
from wardgate.cli.output import Printer, pairs
from wardgate.cli.progress import Progress, amount
from wardgate.client import MeshAPIError, MeshOutgoing, SentMessage
from wardgate.client.mesh_content import DEFAULT_CHUNK_BYTES, MAX_CHUNK_BYTES
from wardgate.client.mesh_files import UploadFile
from wardgate.client.mesh_outgoing import OCTETS, addressee

LEVEL: Final = 6
"""Of gzip."""
_NAME_CHARACTERS: Final = 300


@click.command()
@click.argument("file", type=IN_FILE_OR_STDIN)
@click.option("--to", required=True, metavar="ID", help="The recipient's mailbox.")
@click.option("--workflow", required=True, metavar="ID", help="What kind of message it is.")
@click.option("--subject", default="", help="What it is about. Not sealed: nothing about a patient.")
@click.option("--local-id", default="", metavar="ID", help="Our own id of this one message; made when it is not given. Nothing about a patient.")
@click.option("--file-name", default=None, metavar="NAME", help="The name the recipient is told. [default: FILE's own]")
@click.option("--content-type", default=OCTETS, show_default=True, metavar="TYPE", help="What the content is; the recipient is told.")
@click.option("--partner-id", default="", metavar="ID", help="Passed on as it is.")
@click.option("--checksum", default=None, metavar="TEXT", help="Passed on as it is. [default: SHA256 and the content's hash, which recipients verify]")
@click.option("--compress", is_flag=True, help="Compress every chunk on its way.")
@click.option("--chunk-bytes", type=click.IntRange(1, MAX_CHUNK_BYTES), default=DEFAULT_CHUNK_BYTES, show_default=True, help="The most that one request carries.")
@click.option("--encrypted", is_flag=True, help="Tell the recipient that the content is encrypted.")
@click.option("--compressed", is_flag=True, help="Tell the recipient that the content is compressed.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", show_default="a hidden file beside FILE",
              help="Where it is kept how far this is, until all of it is sent.")
@click.option("--anew", is_flag=True, help="Begin from the beginning, whatever was interrupted: a message of its own.")
@with_mailbox
def send(file: Path, state: Path | None, anew: bool, caller: MeshCaller, printer: Printer, **said: Any) -> None:
    """Send FILE to a mailbox; - is standard input.

    It ends when the server has all of it. When it is interrupted, the same command goes on where it was, without sending anything twice.
    """
    said["compression"] = LEVEL if said.pop("compress") else None
    said["file_name"] = _told_name(file) if said["file_name"] is None else said["file_name"]
    outgoing = MeshOutgoing(**said)
    with ExitStack() as stack:
        content = _opened(file, stack)
        kept = _kept(file, state, outgoing, caller.mailbox, anew, stack)
        if kept is not None and kept.state is not None:
            printer.note(f"going on: {kept.state.done} chunks of this message were sent before (--anew sends another message)")
        mailbox, progress = stack.enter_context(caller.open()), stack.enter_context(Progress(printer, "sending"))
        try:
            sent = mailbox.send(content, outgoing, resume=kept.state if kept else None, keep=kept.keep if kept else None, progress=progress)
        except MeshAPIError as refused:
            if kept is not None and refused.status < 500 and (kept.state is None or kept.state.message_id is None):
                kept.forget()  # the message was not taken: there is nothing to go on with
            raise
        if kept is not None:
            kept.forget()
    _show(printer, caller.mailbox, sent)


def _opened(file: Path, stack: ExitStack) -> BinaryIO:
    return sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))


def _kept(file: Path, state: Path | None, outgoing: MeshOutgoing, mailbox: str, anew: bool, stack: ExitStack) -> UploadFile | None:
    """Return the state of this sending; None for standard input, which cannot be read again."""
    if str(file) == "-":
        if state is not None:
            raise click.UsageError("what comes on standard input cannot be gone on with: --state goes with a file")
        return None
    whose = hashlib.sha256("\n".join((mailbox.upper(), addressee(outgoing.to), outgoing.workflow)).encode()).hexdigest()[:12]
    path = state or file.with_name(f".{file.name}.{whose}.mesh-upload")
    if anew:
        with suppress(FileNotFoundError):
            path.unlink()
    return stack.enter_context(UploadFile(path))


def _told_name(file: Path) -> str:
    """Return the file's name when a header can hold it."""
    name = file.name.strip()
    return name if str(file) != "-" and name.isascii() and name.isprintable() and len(name) <= _NAME_CHARACTERS else ""


def _show(printer: Printer, mailbox: str, sent: SentMessage) -> None:
    printer.answer(asdict(sent), pairs([
        ("sent", sent.message_id), ("local id", sent.local_id), ("size", f"{amount(sent.size)} in {sent.chunks} chunk{'s' * (sent.chunks != 1)}"),
        ("sha256", sent.sha256), ("follow it", f"wardgate mesh track {sent.message_id} --mailbox {mailbox}")]))
