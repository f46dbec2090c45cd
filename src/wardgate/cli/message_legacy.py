"""Payloads of ITK2's envelopes, opened and verified by commands where `--legacy` allows it (itk3-messaging 2.3). They are never made.

Nothing of an envelope is signed: what is proved is that the payload was signed by a key of the organisation that the envelope names as its sender.
"""

import os
from pathlib import Path
from typing import Final

import click

from wardgate.audit import EventType
from wardgate.cli.message_desk import Desk, refusals, say, write_file
from wardgate.cli.message_policy import check_policy, facts_of, of_context
from wardgate.cli.message_proof import proof_data, proof_lines
from wardgate.cli.options import Command
from wardgate.cli.output import pairs
from wardgate.exchange.record import about, proof
from wardgate.itk2.envelope import read_envelope
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import DistributionEnvelope, Payload
from wardgate.itk2.payload import open_encrypted
from wardgate.itk3 import DocumentFacts, ITK3Error, document_facts, read
from wardgate.sealing.any_suite import Kind, kind_of
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Opened, Suite, Transport

SUITES: Final = (Suite.ITK2_LEGACY,)


def legacy_options(command: Command) -> Command:
    """Add the switch of ITK2's payloads."""
    for option in reversed((
        click.option("--legacy", is_flag=True, help="FILE is an envelope of ITK2, with a payload encrypted and signed as ITK2 did."),
        click.option("--payload", "payload_id", default=None, metavar="ID", show_default="the one that is encrypted", help="With --legacy: which payload."),
    )):
        command = option(command)
    return command


def open_payload(desk: Desk, body: bytes, payload_id: str | None, transport: Transport | None, out: Path | None) -> None:
    """Open a payload, ask the policy of the workflow it came by, record it, and tell what was proved."""
    if desk.office is not None and transport is None:
        raise click.UsageError("--legacy: an envelope names no mailboxes and no workflow: say --came-from, --came-to and --came-by")
    with refusals(desk, workflow=transport.workflow if transport is not None else None):
        tracking_id, opened = _opened(desk, body, payload_id)
    message_id, event, facts = _inside(opened.content)
    context = _context(opened.context, transport, message_id or tracking_id, event)
    with refusals(desk, context.message_id, **of_context(context)):
        _check_sender(desk, context)
        held = check_policy(desk, facts_of(context, facts, opened), facts)
    desk.record(EventType.MESSAGE_OPENED, context.message_id, {**of_context(context), "seal": opened.suite.value, **about(facts), **proof(opened)})
    write_file(out, opened.content)
    data = {**proof_data(opened), "tracking_id": tracking_id, "message_id": message_id, "event": event or None, "policy": list(held)}
    lines = pairs([("opened", tracking_id), ("message inside", message_id or "none of ITK3"), ("size", f"{len(opened.content)} bytes of {opened.media_type}")])
    say(desk, out, data, [*lines, *proof_lines(opened), *([f"written to {out}"] if out is not None else [])])


def verify_payload(desk: Desk, body: bytes, payload_id: str | None) -> None:
    """Tell who signed what of a payload."""
    with refusals(desk):
        tracking_id, opened = _opened(desk, body, payload_id)
    desk.printer.answer({"good": True, "tracking_id": tracking_id, **proof_data(opened)}, ["the signature is good", *proof_lines(opened)])


def _opened(desk: Desk, body: bytes, payload_id: str | None) -> tuple[str, Opened]:
    if kind_of(body) is not Kind.ITK2:
        raise click.UsageError("--legacy is for ITK2's envelopes, and FILE is none")
    try:
        envelope = read_envelope(body)
        payload = _chosen(envelope, payload_id)
        opened = open_encrypted(envelope, payload, held=desk.keys, directory=desk.keys, now=desk.now, random=os.urandom, suites=SUITES)
    except ITK2Refused as refused:
        raise SealRefused("seal-malformed", f"{refused.where}: {refused.problem}", "an envelope that breaks this") from None
    return envelope.tracking_id, opened


def _chosen(envelope: DistributionEnvelope, payload_id: str | None) -> Payload:
    found = [one for one in envelope.payloads if (one.encrypted if payload_id is None else one.id == payload_id)]
    if len(found) > 1:
        raise click.UsageError("--payload: which of " + ", ".join(one.id for one in found))
    if not found:
        raise SealRefused("seal-encryption-missing", "an encrypted payload" if payload_id is None else "a payload of this id", f"{len(envelope.payloads)} others")
    if not found[0].encrypted:
        raise SealRefused("seal-encryption-missing", "an encrypted payload", "a clear one")
    return found[0]


def _inside(content: bytes) -> tuple[str | None, str, DocumentFacts]:
    """Return the id and event of the message of ITK3 inside, and what it carries; ITK2 carried other documents too, and of those nothing is said."""
    try:
        message = read(content)
    except ITK3Error:
        return None, "", DocumentFacts()
    return message.message_id, message.event, document_facts(message.payload, message.version)


def _context(said: Context, transport: Transport | None, message_id: str, event: str) -> Context:
    """Return where it came from and went to: as the transport proved it, where there was one."""
    if transport is None:
        return Context(said.sender, said.sender_ods, said.recipients, said.workflow, message_id, event)
    return Context(transport.sender, said.sender_ods, (transport.recipient,), transport.workflow, message_id, event)


def _check_sender(desk: Desk, context: Context) -> None:
    """The organisation that signed is the one whose mailbox it came from, where that is known. Raises `SealRefused`."""
    ods = desk.organisation_of(context.sender)
    if ods is not None and ods != context.sender_ods:
        raise SealRefused("signer-organisation", f"{ods}, whose mailbox sent it", context.sender_ods)
