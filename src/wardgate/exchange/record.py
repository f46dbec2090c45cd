"""The events of the message handler: what each step says for ever (itk3-messaging 9.1).

A message's records are found by its id, by the mailbox server's, and by our key; those of a response by the id that it answers as well.
Contents, names and addresses are in none of them; numbers and people are keyed hashes. What others wrote is in one line, and without the
NHS numbers that should not be in it: in local ids, identifiers of documents, a server's words (itk3-messaging 5.3).
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256

from wardgate import fhir
from wardgate.audit.model import Detail, Event, EventType, Outcome, Personal
from wardgate.audit.patients import recorded
from wardgate.fhir import FHIRError, Version
from wardgate.itk3 import DocumentFacts, document_facts
from wardgate.itk3.glimpse import form_of
from wardgate.refusals import Refusal
from wardgate.sealing.model import Opened, Signed
from wardgate.spine.identifiers import nhs_number_holds
from wardgate.stores.exchange import HandledMessage
from wardgate.workflows.post_office import PostOffice

MOST_SHOWN: Final = 200
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9A-Za-z])")
"""As it stands by itself: a run of digits within an id is none."""


def event_of(
    kind: EventType, message: HandledMessage, now: datetime, office: PostOffice, more: Mapping[str, Detail] | None = None, *,
    refusal: Refusal | None = None, by: str = "server", **details: Detail,
) -> Event:
    """Return the event of a step of a message."""
    said: dict[str, Detail] = {
        "direction": message.direction.value, "stage": message.stage.value, "key": message.key, "mailbox": message.mailbox, "peer": message.peer,
        "mailbox_ods": _ods(office, message.mailbox), "peer_ods": _ods(office, message.peer), "workflow": message.workflow,
        "event": message.event or None, "document_id": message.document_id, "mex_message_id": message.mex_id, "seal": message.seal,
        "answers": message.answers, "codes": " ".join(message.codes) or None, "attempts": message.attempts or None, "by": by,
    }
    said |= digest_of(message)
    name = message.message_id or message.local_id
    message_id, answers = (known if known and is_id(known) else None for known in (name, message.answers))
    if name and message_id is None:
        said["local_id"] = Personal(name)
    if message.on_behalf_of is not None:
        said |= people(message.on_behalf_of)
    if refusal is not None:
        said |= {"expected": _short(refusal.expected), "received": _short(refusal.received)}
    outcome = Outcome.REFUSED if refusal is not None else Outcome.ALLOWED
    return Event(
        kind, now, outcome, refusal.reason.code if refusal is not None else None, message_id=message_id,
        request_id=message.mex_id, correlation_id=answers or message.key,
        details={name: plain(value) if isinstance(value, str) else value for name, value in {**said, **(more or {}), **details}.items() if value is not None},
    )


def is_id(text: str) -> bool:
    """Whether a text can be an id of FHIR, and names no patient: local ids of other senders may be anything."""
    return _ID.fullmatch(text) is not None and plain(text) == text


def plain(text: str) -> str:
    """Return what others wrote in one line, and without NHS numbers."""
    line = text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
    return _NUMBER.sub(lambda found: "(NHS number)" if nhs_number_holds(re.sub("[ -]", "", found[0])) else found[0], line)


def digest_of(message: HandledMessage) -> dict[str, Detail]:
    """Return the SHA-256 of the clear octets, and of what travels."""
    return {f"{name}_sha256": chunk.sha256 for name, chunk in (("content", message.content), ("sealed", message.sealed)) if chunk is not None}


def about(facts: DocumentFacts) -> dict[str, Detail]:
    """Return whom a document is about, and what it is."""
    said: dict[str, Detail] = {"composition": facts.composition, "document_type": facts.type, "attachments": len(facts.attachments) or None}
    return said | recorded(facts.patients)


def facts_in(content: bytes) -> DocumentFacts:
    """Return what octets say that somebody is shown: of a message that is not valid as well. Nothing of what is no FHIR, or is sealed."""
    form = form_of(content)
    if form is None:
        return DocumentFacts()
    for version in Version:
        with suppress(FHIRError):
            bundle = fhir.read(content, form, version)
            inner = [one for row in bundle.get("entry", ()) if (one := row.get("resource", {})).get("resourceType") == "Bundle"]
            found = [document_facts(one, version) for one in (*inner, bundle)]
            return replace(found[0], patients=tuple(dict.fromkeys(number for one in found for number in one.patients)))
    return DocumentFacts()


def proof(opened: Opened | None) -> dict[str, Detail]:
    """Return who signed, with which key, and which of ours opened it."""
    if opened is None:
        return {}
    said: dict[str, Detail] = {"opened_with": opened.opened_with, "encrypted": opened.encrypted}
    for signed in opened.signatures[:1]:
        said |= _signer(signed)
    return said


def _signer(signed: Signed) -> dict[str, Detail]:
    said: dict[str, Detail] = {
        "signer_kid": signed.kid, "alg": signed.algorithm, "signer_ods": signed.organisation, "signed_at": signed.statement.signed_at.isoformat(),
        "signer_certificate": signed.certificate.fingerprint(SHA256()).hex(), "covered_sha256": signed.digest,
        "signer_role": Personal(signed.statement.role) if signed.statement.role else None,
    }
    return said | (people(signed.statement.on_behalf_of) if signed.statement.on_behalf_of else {})


def people(on_behalf_of: Mapping[str, object]) -> dict[str, Detail]:
    """Return user and role id of whom it was done for, as hashes."""
    return {name: Personal(str(on_behalf_of[said])) for name, said in (("user", "user"), ("role", "role")) if on_behalf_of.get(said)}


def _ods(office: PostOffice, mailbox: str) -> str | None:
    found = office.mailbox(mailbox) if mailbox else None
    return found.organisation if found is not None else None


def _short(text: str | None) -> str | None:
    return None if text is None else text[:MOST_SHOWN]
