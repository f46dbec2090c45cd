"""The MessageHeader, in both releases (itk3-messaging 1.3).

ITK3 is STU3. What R4 has elsewhere is put where R4 has it, and means the same: `eventCoding` is `event`, `destination.receiver` is
`receiver`, `Bundle.timestamp` is `timestamp`; the handling extension stays, and `definition`, where it is there, repeats its URL.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from wardgate.fhir import Version
from wardgate.itk3.entries import check_absent
from wardgate.itk3.handling import write_handling
from wardgate.itk3.model import Handling, Message, Party
from wardgate.itk3.names import MESSAGE_EVENT, MESSAGE_HEADER
from wardgate.itk3.report import HEADER, Report

EVENT: Final = {Version.STU3: "event", Version.R4: "eventCoding"}
_HAS_NOT: Final = {
    Version.STU3: ("destination", "enterer", "author", "responsible", "reason"),
    Version.R4: ("eventUri", "enterer", "author", "responsible", "reason"),
}
_NOT_UNDERSTOOD: Final = ("implicitRules", "modifierExtension")
"""What changes the meaning of all else, and has to be refused by who does not know it."""
_SOURCE_HAS_NOT: Final = ("name", "software", "version", "contact")
_STEM: Final = MESSAGE_HEADER.rpartition("-")[0]
_ADDRESS: Final = "urn:nhs-uk:addressing:ods:"


def check_header(header: Mapping[str, Any], where: str, report: Report) -> None:
    """Note what a header has not, or should not have, besides what is read of it."""
    if "id" not in header:
        report.fault(HEADER, f"{where}.id", "a header has an id, which responses carry back", "required")
    for profile in header.get("meta", {}).get("profile", ()):
        if profile.rpartition("-")[0] == _STEM and profile != MESSAGE_HEADER:
            report.fault("10005", f"{where}.meta.profile", "a version of the header that is not spoken here")
    check_absent(header, (*_NOT_UNDERSTOOD, *_HAS_NOT[report.version]), where, HEADER, report)
    check_absent(header.get("source", {}), _SOURCE_HAS_NOT, f"{where}.source", HEADER, report)
    if "endpoint" not in header.get("source", {}):
        report.fault(HEADER, f"{where}.source.endpoint", "the sender's mailbox is named", "required")


def read_event(header: Mapping[str, Any], where: str, report: Report) -> tuple[str, str]:
    """Return the code and the display of a header's event; empty texts after a fault."""
    name = EVENT[report.version]
    event, place = header.get(name, {}), f"{where}.{name}"
    if event.get("system") != MESSAGE_EVENT or not {"code", "display"} <= set(event):
        report.fault(HEADER, place, "the event is a coding of ITK-MessageEvent-2, with code and display", "code-invalid" if event else "required")
        return "", ""
    check_absent(event, ("version", "userSelected"), place, HEADER, report)
    if event["code"] not in report.rules.events:
        report.fault(HEADER, f"{place}.code", "an event that is not known here", "code-invalid")
    return event["code"], event["display"]


def read_timestamp(bundle: Mapping[str, Any], header: Mapping[str, Any], where: str, report: Report) -> datetime | None:
    """Return when the message was made; None after a fault."""
    held, place = (header, where) if report.version is Version.STU3 else (bundle, "Bundle")
    if "timestamp" not in held:
        report.fault(HEADER, f"{place}.timestamp", "a message has a time", "required")
        return None
    try:
        return datetime.fromisoformat(held["timestamp"].replace(":60", ":59"))  # a leap second
    except ValueError:
        report.fault(HEADER, f"{place}.timestamp", "no such day", "value")
        return None


def sender_reference(header: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the reference to the sender."""
    found: Mapping[str, Any] = header.get("sender", {})
    return found


def receiver_reference(header: Mapping[str, Any], where: str, report: Report) -> Mapping[str, Any] | None:
    """Return the reference to the receiver, where there is one."""
    if report.version is Version.STU3:
        return header.get("receiver")
    destinations = header.get("destination", ())
    if len(destinations) > 1:
        report.fault(HEADER, f"{where}.destination", "a message has one destination", "structure")
    return destinations[0].get("receiver") if destinations else None


def check_definition(header: Mapping[str, Any], handling: Handling, where: str, report: Report) -> None:
    """Note an R4 header whose `definition` is another than the handling extension's."""
    if report.version is Version.R4 and header.get("definition", handling.message_definition).partition("|")[0] != handling.message_definition:
        report.fault("10004", f"{where}.definition", "another definition than the handling extension names")


def write_header(message: Message, sender: str, receiver: str | None, response: dict[str, Any] | None, focus: str | None) -> dict[str, Any]:
    """Return the header; the texts are URLs of the entries that it names."""
    event = {"system": MESSAGE_EVENT, "code": message.event, "display": message.event_display}
    header: dict[str, Any] = {
        "resourceType": "MessageHeader", "id": message.message_id, "meta": {"profile": [MESSAGE_HEADER]},
        "extension": [write_handling(message.handling)], EVENT[message.version]: event, "sender": {"reference": sender},
        "source": {"endpoint": message.endpoint},
    }
    if message.version is Version.STU3:
        header["timestamp"] = written_time(message.timestamp)
    else:
        header["definition"] = message.handling.message_definition
    if receiver is not None and message.receiver is not None:
        header |= _receiver(message.version, message.receiver, receiver)
    return header | ({"response": response} if response else {}) | ({"focus": [{"reference": focus}]} if focus else {})


def _receiver(version: Version, party: Party, url: str) -> dict[str, Any]:
    if version is Version.STU3:
        return {"receiver": {"reference": url}}
    return {"destination": [{"endpoint": f"{_ADDRESS}{party.ods or party.site}" if not party.is_person else url, "receiver": {"reference": url}}]}


def written_time(at: datetime) -> str:
    """Return an instant as FHIR writes it. Raises ValueError for a time without an offset."""
    if at.tzinfo is None:
        raise ValueError("a time without an offset")
    return at.isoformat(timespec="seconds" if not at.microsecond else "microseconds" if at.microsecond % 1000 else "milliseconds")
