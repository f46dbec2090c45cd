"""Making a message of a FHIR document: identities, references inside, header (itk3-messaging 1.1 to 1.6)."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wardgate import fhir
from wardgate.fhir import Resource, Version, walk
from wardgate.itk3.codes import definition_of
from wardgate.itk3.errors import NotAccepted, Problem
from wardgate.itk3.header import written_time
from wardgate.itk3.ids import Random, is_urn, is_uuid, made
from wardgate.itk3.model import Handling, Message, Party, RecipientType
from wardgate.itk3.names import DOCUMENT_BUNDLE, PAYLOAD_BUNDLE, URN_UUID, UUID
from wardgate.itk3.read import TOO_LARGE, accept
from wardgate.itk3.report import PAYLOAD
from wardgate.itk3.rules import NATIONAL, Rules
from wardgate.itk3.write import checked_bundle


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends, to whom, as what: all of a message but its payload. Flags and reference as in `Handling`."""

    sender: Party
    endpoint: str
    """The sender's mailbox."""
    event: str
    """A code of ITK-MessageEvent-2, such as `ITK007C`."""
    receiver: Party | None = None
    definition: str | None = None
    """The URL of the message's definition; None: the event's usual one."""
    recipient_type: RecipientType = RecipientType.FOR_ACTION
    business_ack: bool = True
    infrastructure_ack: bool = True
    sender_reference: str = "None"
    local_extension: str | dict[str, Any] = "None"

    def handling(self) -> Handling:
        """Return the handling extension."""
        return Handling(
            self.business_ack, self.infrastructure_ack, self.recipient_type, self.definition or definition_of(self.event), self.sender_reference,
            self.local_extension,
        )


def build(
    content: Resource | Sequence[Resource], sending: Sending, *, now: datetime, random: Random, version: Version = Version.STU3,
    nested: bool = True, rules: Rules = NATIONAL,
) -> Message:  # fmt: skip
    """Return a message that carries a document's bundle, or resources of which the first is its Composition.

    What is there stays: ids, identifiers, the date. What is missing of these is made, and references to resources of the payload by type
    and id, or by an address, become references within it. Raises `NotAccepted` for what no message may carry.
    """
    payload = payload_of(content, now=now, random=random, version=version)
    message = Message(
        bundle_id=made(random), bundle_identifier=made(random), message_id=made(random), event=sending.event,
        event_display=rules.events.get(sending.event, sending.event), handling=sending.handling(), sender=sending.sender, endpoint=sending.endpoint,
        timestamp=now, receiver=sending.receiver, payload=payload, nested=nested, version=version,
    )  # fmt: skip
    return accept(checked_bundle(message), version, rules)


def _not_fhir(error: fhir.FHIRError) -> NotAccepted:
    where, problem = (error.where, error.problem) if isinstance(error, fhir.NotValid) else ("Bundle", str(error))
    return NotAccepted((Problem(TOO_LARGE if isinstance(error, fhir.TooLarge) else PAYLOAD, where, problem, "structure"),))


def payload_of(content: Resource | Sequence[Resource], *, now: datetime, random: Random, version: Version = Version.STU3) -> Resource:
    """Return the payload's bundle: a document when a Composition comes first. Raises `NotAccepted` for what is not FHIR."""
    try:
        if isinstance(content, dict) and content.get("resourceType") == "Bundle":
            bundle = deepcopy(fhir.checked(content, version))
        else:
            resources = [content] if isinstance(content, dict) else content
            rows = [{"resource": deepcopy(fhir.checked(one, version))} for one in resources]
            bundle = {"resourceType": "Bundle", "type": "document" if _kind(rows) == "Composition" else "collection", "entry": rows}
    except fhir.FHIRError as error:
        raise _not_fhir(error) from None
    _identify(bundle, now, random, version)
    _lay_in(bundle.get("entry", []), random, version)
    return bundle


def _kind(rows: list[dict[str, Any]]) -> str | None:
    return rows[0]["resource"]["resourceType"] if rows and "resource" in rows[0] else None


def _identify(bundle: Resource, now: datetime, random: Random, version: Version) -> None:
    """Give a bundle the identity that it lacks."""
    is_document = bundle.get("type") == "document"
    bundle.setdefault("id", made(random))
    meta = bundle.setdefault("meta", {})
    meta.setdefault("lastUpdated", written_time(now))
    meta.setdefault("profile", [DOCUMENT_BUNDLE if is_document else PAYLOAD_BUNDLE])
    bundle.setdefault("identifier", {"system": UUID, "value": made(random)})
    if version is Version.R4 and is_document:
        bundle.setdefault("timestamp", meta["lastUpdated"])
    if is_document and _kind(bundle.get("entry", [])) == "Composition":
        bundle["entry"][0]["resource"].setdefault("identifier", {"system": UUID, "value": made(random)})


def _lay_in(rows: list[dict[str, Any]], random: Random, version: Version) -> None:
    """Give every resource a URL of its own, and let references lead there."""
    named: dict[str, str] = {}
    for row in rows:
        if "resource" in row:
            url, resource = row.get("fullUrl", ""), row["resource"]
            given = resource.get("id", "")
            row["fullUrl"] = url if is_urn(url) else f"{URN_UUID}{given if is_uuid(given) else made(random)}"
            resource.setdefault("id", row["fullUrl"].removeprefix(URN_UUID))
            named |= {name: row["fullUrl"] for name in (url, f"{resource['resourceType']}/{given}" if given else "") if name}
    for row in rows:
        for found in walk(row.get("resource", {"resourceType": "Basic"}), version, within=frozenset({"Bundle"})):
            member = {"Reference": "reference", "Attachment": "url"}.get(found.kind)
            if member in found.value:
                found.value[member] = named.get(found.value[member].partition("/_history/")[0], found.value[member])
