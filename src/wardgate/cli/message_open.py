"""`wardgate message open FILE`: what is inside a seal, once all of it is proved."""

from pathlib import Path
from typing import Any, Final

import click

from wardgate.audit import EventType
from wardgate.cli.message_build import told
from wardgate.cli.message_desk import (
    Desk,
    check_new,
    message_file,
    out_option,
    read_file,
    refusals,
    say,
    with_desk,
    write_file,
)
from wardgate.cli.message_legacy import legacy_options, open_payload
from wardgate.cli.message_policy import check_policy, facts_of, of_context
from wardgate.cli.message_proof import proof_data, proof_lines, signature_data, signature_lines
from wardgate.cli.options import Command
from wardgate.cli.output import pairs
from wardgate.cli.progress import Progress
from wardgate.client.message import OpenedMessage, open_message
from wardgate.client.sealed_file import open_file
from wardgate.exchange.record import about, proof
from wardgate.fhir import Format
from wardgate.itk3 import Rules, write
from wardgate.itk3.glimpse import form_of
from wardgate.sealing.any_suite import Kind, kind_of
from wardgate.sealing.model import Transport

TOLD: Final = ("came_from", "came_to", "came_by")


def transport_options(command: Command) -> Command:
    """Add what the transport said of a message: all of it, or nothing."""
    for option in reversed((
        click.option("--came-from", default=None, metavar="MAILBOX", help="The mailbox that the transport says it is from: Mex-From."),
        click.option("--came-to", default=None, metavar="MAILBOX", help="The mailbox it was found in: Mex-To."),
        click.option("--came-by", default=None, metavar="ID", help="The workflow it came by: Mex-WorkflowID."),
    )):
        command = option(command)
    return command


@click.command("open")
@click.argument("file", type=message_file)
@click.option("--signature", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, metavar="FILE", help="The signature beside a clear message.")
@transport_options
@click.option("--lenient", is_flag=True, help="Pass over what a message should not say and does, with a warning.")
@click.option("--attachment", is_flag=True, help="FILE is no message but a sealed file of any size.")
@legacy_options
@out_option
@with_desk
def open_sealed(
    file: Path, signature: Path | None, lenient: bool, attachment: bool, legacy: bool, payload_id: str | None, out: Path | None, desk: Desk, **asked: Any,
) -> None:
    """Open the sealed message in FILE (- is standard input), and tell who signed what, when and in which role.

    The message is written to --out, and only when the signature is good, its signer believed, the message valid and what its seal says. With an
    installation the workflow's policy is asked too. Whether the message was seen before, the installation's message handler asks, not this command.
    """
    check_new(out)
    transport = transport_of(asked)
    if attachment:
        _open_attachment(desk, file, out, transport)
        return
    body = read_file(file, "the message")
    if legacy:
        open_payload(desk, body, payload_id, transport, out)
        return
    beside = read_file(signature, "the signature") if signature is not None else None
    with refusals(desk):
        found = open_message(
            body, keys=desk.keys, signature=beside, transport=transport, require_encryption=beside is None and desk.office is None, rules=Rules(strict=not lenient),
            now=desk.now,
        )
    message, opened, facts = found.message, found.opened, found.facts
    with refusals(desk, message.message_id, **of_context(opened.context)):
        held = check_policy(desk, facts_of(opened.context, facts, opened), facts)
    desk.record(EventType.MESSAGE_OPENED, message.message_id, {**of_context(opened.context), **told(message, facts), "seal": opened.suite.value, **about(facts), **proof(opened)})
    write_file(out, _whole(body, found))
    data = {**proof_data(opened), "message_id": message.message_id, "event": message.event, "document_id": facts.document_id, "document_types": list(facts.types),
            "attachments": len(facts.attachments), "warnings": list(message.warnings), "policy": list(held)}
    lines = pairs([("opened", message.message_id), ("event", f"{message.event} {message.event_display}"), ("document", facts.document_id or ""),
                   ("attachments", str(len(facts.attachments) or ""))])
    say(desk, out, data, [*lines, *proof_lines(opened), *(f"warning: {text}" for text in message.warnings), *([f"written to {out}"] if out is not None else [])])


def _whole(body: bytes, found: OpenedMessage) -> bytes:
    """Return the message as it was signed; of one whose header travelled in clear, with its payload in its place again."""
    if kind_of(body) is Kind.HEADER_READABLE:
        return write(found.message, form_of(body) or Format.XML)
    return found.opened.content


def transport_of(asked: dict[str, Any]) -> Transport | None:
    """Return what the transport said. Raises `UsageError` for a part of it."""
    given = [asked[name] for name in TOLD if asked[name] is not None]
    if given and len(given) != len(TOLD):
        raise click.UsageError("--came-from, --came-to and --came-by go together: they are what the transport said")
    return Transport(asked["came_from"], asked["came_to"], asked["came_by"]) if given else None


def _open_attachment(desk: Desk, file: Path, out: Path | None, transport: Transport | None) -> None:
    """Open a file in pieces; it appears under its name when all of it is proved."""
    if out is None or "-" in {str(file), str(out)}:
        raise click.UsageError("--attachment needs a FILE and --out FILE")
    total, done = file.stat().st_size, 0
    with refusals(desk), Progress(desk.printer, "opening") as progress:
        def more(octets: int) -> None:
            nonlocal done
            done += octets
            progress(min(done, total), total)

        found = open_file(file, out, transport=transport, held=desk.keys, directory=desk.keys, now=desk.now, progress=more)
    context, signed = found.context, found.signature
    desk.record(EventType.MESSAGE_OPENED, context.message_id, {**of_context(context), "seal": "cms", "opened_with": found.opened_with, "signer_kid": signed.kid})
    data = {"suite": "cms", "encrypted": True, "opened_with": found.opened_with, "media_type": found.media_type, "bytes": found.content_bytes,
            "context": context.members(), "signatures": [signature_data(signed)]}
    say(desk, out, data, [*pairs([("opened", f"{found.content_bytes} bytes of {found.media_type}"), ("goes with message", context.message_id)]), *signature_lines(signed)])
