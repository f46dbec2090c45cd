"""From a message to octets: the bundle with its header first (itk3-messaging 1.1 to 1.4).

The same message gives the same octets: entries that a message has no ids for get them from its own.
"""

from typing import Any

from wardgate import fhir
from wardgate.fhir import Format, Resource, Version
from wardgate.itk3.errors import NotAccepted, Problem
from wardgate.itk3.glimpse import header_in
from wardgate.itk3.header import write_header, written_time
from wardgate.itk3.ids import derived, urn
from wardgate.itk3.model import Message, original
from wardgate.itk3.names import MESSAGE_BUNDLE, URN_UUID, UUID
from wardgate.itk3.outcome import write_outcome
from wardgate.itk3.parties import write_party
from wardgate.itk3.read import TOO_LARGE, accept, code_at
from wardgate.itk3.rules import NATIONAL, Rules


def bundle_of(message: Message) -> Resource:
    """Return the bundle that a message is."""
    sender, receiver, outcome = (derived(message.message_id, name) for name in ("sender", "receiver", "outcome"))
    entries = [_entry(f"{URN_UUID}{sender}", write_party(message.sender, sender))]
    if message.receiver is not None:
        entries.append(_entry(f"{URN_UUID}{receiver}", write_party(message.receiver, receiver)))
    response = None
    if message.response is not None:
        answer = message.response
        response = {"identifier": answer.identifier, "code": answer.code, "details": {"reference": f"{URN_UUID}{outcome}"}}
        entries.append(_entry(f"{URN_UUID}{outcome}", write_outcome(answer.issues, outcome)))
    written = {entry["fullUrl"] for entry in entries}
    payload = [entry for entry in _payload(message) if entry["fullUrl"] not in written]  # a sender that resources beside it refer to
    focus = payload[0]["fullUrl"] if payload else None
    header = write_header(message, f"{URN_UUID}{sender}", f"{URN_UUID}{receiver}" if message.receiver else None, response, focus)
    bundle: dict[str, Any] = {
        "resourceType": "Bundle", "id": message.bundle_id, "meta": {"profile": [MESSAGE_BUNDLE]},
        "identifier": {"system": UUID, "value": message.bundle_identifier}, "type": "message",
        "entry": [_entry(urn(message.message_id, "header"), header), *entries, *payload],
    }
    return bundle | ({"timestamp": written_time(message.timestamp)} if message.version is Version.R4 else {})


def _payload(message: Message) -> list[dict[str, Any]]:
    if message.payload is None:
        return []
    if message.nested:
        return [_entry(urn(message.payload.get("id", ""), message.message_id, "payload"), message.payload)]
    return list(message.payload["entry"])


def _entry(url: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": url, "resource": resource}


def checked_bundle(message: Message) -> Resource:
    """Return the bundle that a message is, once it is FHIR. Raises `NotAccepted`."""
    bundle = bundle_of(message)
    try:
        return fhir.checked(bundle, message.version)
    except fhir.NotValid as error:
        problem = Problem(code_at(error.where, header_in(bundle)), error.where, error.problem, "structure")
    except fhir.TooLarge as error:
        problem = Problem(TOO_LARGE, "Bundle", str(error), "processing")
    raise NotAccepted((problem,), original(message))


def write(message: Message, form: Format = Format.XML, rules: Rules = NATIONAL) -> bytes:
    """Return a message in XML, as it travels, or in JSON. Raises `NotAccepted`: what leaves has been checked as what enters."""
    bundle = checked_bundle(message)
    accept(bundle, message.version, rules)
    data = fhir.write(bundle, form, message.version)
    if len(data) > rules.max_bytes:
        raise NotAccepted((Problem(TOO_LARGE, "Bundle", f"more than {rules.max_bytes} bytes", "processing"),), original(message))
    return data
