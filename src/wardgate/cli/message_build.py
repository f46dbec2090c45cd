"""`wardgate message build DOC`: an ITK3 message of a FHIR document, in a file."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import click

from wardgate.audit import EventType
from wardgate.audit.model import Detail
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
from wardgate.cli.output import pairs
from wardgate.exchange.record import about
from wardgate.fhir import FHIRError, Format, Resource, Version
from wardgate.fhir import read as read_fhir
from wardgate.itk3 import (
    NATIONAL,
    DocumentFacts,
    NotAccepted,
    Party,
    Problem,
    RecipientType,
    Rules,
    Sending,
    build,
    document_facts,
    write,
)
from wardgate.itk3.glimpse import form_of
from wardgate.itk3.model import Message

FORMATS: Final = {"xml": Format.XML, "json": Format.JSON}


@click.command("build")
@click.argument("doc", type=message_file)
@click.option("--from", "endpoint", required=True, metavar="MAILBOX", help="The sending mailbox.")
@click.option("--organisation", default=None, metavar="ODS", show_default="the mailbox's", help="The sending organisation.")
@click.option("--to", "receiver", default=None, metavar="ODS", help="The receiving organisation, if the header is to name it.")
@click.option("--event", required=True, metavar="CODE", help="What the message is, such as ITK007C.")
@click.option("--definition", default=None, metavar="URL", show_default="the event's", help="The MessageDefinition, where another was agreed.")
@click.option("--for-information", is_flag=True, help="A copy for information: nobody has to act.")
@click.option("--business-ack/--no-business-ack", default=True, show_default=True, help="Whether a business response is asked for.")
@click.option("--infrastructure-ack/--no-infrastructure-ack", default=True, show_default=True, help="Whether an infrastructure response is asked for.")
@click.option("--reference", default="None", metavar="TEXT", help="Our own reference, which responses carry back. Nothing about a patient.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="xml", show_default=True, help="XML is what national services take.")
@click.option("--fhir", "release", type=click.Choice([version.value for version in Version]), default=Version.STU3.value, show_default=True, help="DOC's release of FHIR.")
@click.option("--one-bundle", is_flag=True, help="Lay the document's resources in the message's own bundle.")
@out_option
@with_desk
def build_message(
    doc: Path, endpoint: str, organisation: str | None, receiver: str | None, event: str, definition: str | None, for_information: bool, business_ack: bool,
    infrastructure_ack: bool, reference: str, form: str, release: str, one_bundle: bool, out: Path | None, desk: Desk,
) -> None:
    """Make an ITK3 message of the FHIR document in DOC (XML or JSON; - is standard input).

    Ids that the document has stay; those that it lacks are made, and its references lead into it. What leaves has been checked as what enters.
    """
    check_new(out)
    ods = organisation or desk.organisation_of(endpoint)
    if ods is None:
        raise click.UsageError("--organisation: nobody knows whose mailbox this is")
    definitions = frozenset({definition}) if definition is not None else frozenset()
    rules = Rules(events=NATIONAL.events, other_definitions=definitions)
    sending = Sending(
        Party(ods=ods), endpoint, event, Party(ods=receiver) if receiver is not None else None, definition,
        RecipientType.FOR_INFORMATION if for_information else RecipientType.FOR_ACTION, business_ack, infrastructure_ack, reference,
    )
    version = Version(release)
    with refusals(desk, mailbox=endpoint, event=event):
        message = build(_document(read_file(doc, "the document"), version), sending, now=desk.now, random=os.urandom, version=version, nested=not one_bundle, rules=rules)
        octets = write(message, FORMATS[form], rules)
    facts = document_facts(message.payload, version)
    desk.record(EventType.MESSAGE_BUILT, message.message_id, {**told(message, facts), "content_sha256": sha256(octets).hexdigest(), **about(facts)})
    write_file(out, octets)
    data = {"message_id": message.message_id, "document_id": facts.document_id, "event": event, "from": endpoint, "organisation": ods, "bytes": len(octets)}
    say(desk, out, data, pairs([("built", message.message_id), ("document", facts.document_id or ""), ("event", f"{event} {message.event_display}"),
                                ("size", f"{len(octets)} bytes of {form.upper()}"), ("written to", str(out or ""))]))


def told(message: Message, facts: DocumentFacts) -> dict[str, Detail]:
    """Return what the record says of a message."""
    return {"mailbox": message.endpoint, "mailbox_ods": message.sender.ods, "event": message.event, "document_id": facts.document_id}


def _document(content: bytes, version: Version) -> Resource:
    form = form_of(content)
    if form is None:
        raise NotAccepted((Problem("20009", "document", "neither XML nor JSON", "structure"),))
    try:
        return read_fhir(content, form, version)
    except FHIRError as error:
        raise NotAccepted((Problem("20009", getattr(error, "where", "document"), getattr(error, "problem", str(error)), "structure"),)) from None
