"""The handling extension: six keys, how a receiver is to treat the message (itk3-messaging 1.4)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wardgate.itk3.codes import RECIPIENT_TYPES, RESPONSE_EVENT, definition_of, definition_parts
from wardgate.itk3.model import Handling, RecipientType
from wardgate.itk3.names import HANDLING, RECIPIENT_TYPE
from wardgate.itk3.report import Report

SPECIFICATION: Final = "10001"
BUSINESS_RULE: Final = "10008"
KEYS: Final[Mapping[str, str]] = {
    "BusAckRequested": "10003", "InfAckRequested": "10002", "RecipientType": "10010", "MessageDefinition": "10004", "SenderReference": "10007",
    "LocalExtension": SPECIFICATION,
}
"""The keys in their order, and the response code for a value that cannot be processed."""
REMOVED: Final = frozenset({"PriorityFlag"})
"""No key any more; a lenient reader passes it over."""
MAX_REFERENCE_CHARS: Final = 255
_STEM: Final = HANDLING.rpartition("-")[0]
_VALUE: Final = frozenset({"url", "id"})


def is_handling(extension: Mapping[str, Any]) -> bool:
    """Return whether an extension is the handling one, of whatever version."""
    return str(extension.get("url", "")).rpartition("-")[0] == _STEM


def read_handling(extensions: list[dict[str, Any]], event: str, where: str, report: Report) -> Handling | None:
    """Return the handling of a header's extensions; None after a fault. A lenient reader takes a response whose keys are not all there."""
    found = [(f"{where}.extension[{place}]", one) for place, one in enumerate(extensions) if is_handling(one)]
    if len(found) != 1:
        report.fault(SPECIFICATION, f"{where}.extension", "the handling extension is there once")
        return None
    place, extension = found[0]
    if extension["url"] != HANDLING:
        report.fault("10005", f"{place}.url", "a version of the handling extension that is not spoken here")
        return None
    faults = len(report.problems)
    keys = _keys(extension.get("extension", []), place, report)
    _check_all_there(keys, event, place, report)
    values = {name: _READERS[name](keys[name][1], keys[name][0], report) for name in KEYS if name in keys}
    more = tuple(one for name, (_, one) in keys.items() if name not in KEYS)
    if len(report.problems) > faults:
        return None
    return Handling(
        values.get("BusAckRequested", False), values.get("InfAckRequested", False), values.get("RecipientType", RecipientType.FOR_ACTION),
        values.get("MessageDefinition", definition_of(event)), values.get("SenderReference", "None"), values.get("LocalExtension", "None"), more,
    )


def _keys(extensions: list[dict[str, Any]], where: str, report: Report) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the extensions by key, with their places, once each is one that is known, and there once."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, one in enumerate(extensions):
        place, name = f"{where}.extension[{number}]", one.get("url", "")
        if name in found:
            report.fault(SPECIFICATION, place, "a key that is there twice")
        elif name in KEYS or name in report.rules.local_keys:
            found[name] = (place, one)
        else:
            gone = "PriorityFlag, which there is no more" if name in REMOVED else "a key that was not agreed"
            report.strict(SPECIFICATION, place, gone)
    return found


def _check_all_there(keys: Mapping[str, Any], event: str, where: str, report: Report) -> None:
    for name in KEYS:
        if name not in keys:
            may_lack = event == RESPONSE_EVENT or name == "LocalExtension"
            (report.strict if may_lack else report.fault)(SPECIFICATION, where, f"{name} is missing")


def _only(extension: dict[str, Any], kind: str) -> Any:
    """Return the value when it is of this kind, and there is nothing else."""
    return extension[kind] if set(extension) - _VALUE == {kind} else None


def _flag(name: str) -> Callable[[dict[str, Any], str, Report], bool]:
    def read(extension: dict[str, Any], where: str, report: Report) -> bool:
        value = _only(extension, "valueBoolean")
        if value is None:
            report.fault(KEYS[name], where, "the value is true or false")
        return bool(value)

    return read


def _recipient_type(extension: dict[str, Any], where: str, report: Report) -> RecipientType:
    coding = _only(extension, "valueCoding") or {}
    code = coding.get("code", "")
    if coding.get("system") != RECIPIENT_TYPE or code not in {*RecipientType} or {"version", "userSelected"} & set(coding):
        report.fault(KEYS["RecipientType"], f"{where}.valueCoding", "the type is FA or FI, of the system ITK-RecipientType-1")
        return RecipientType.FOR_ACTION
    return RecipientType(code)


def _definition(extension: dict[str, Any], where: str, report: Report) -> str:
    reference = _only(extension, "valueReference") or {}
    url, place = reference.get("reference", ""), f"{where}.valueReference"
    if not url.startswith(("https://", "http://")) or {"identifier", "display"} & set(reference):
        report.fault(KEYS["MessageDefinition"], place, "the definition is an absolute URL, and no more")
        return ""
    name, version = definition_parts(url) or ("", 0)
    if url not in report.rules.other_definitions:
        if name not in report.rules.definitions:
            (report.strict if name else report.fault)(KEYS["MessageDefinition"], place, "a definition that is not known here")
        elif version not in report.rules.definitions[name]:
            report.fault("10005", place, "a version of the definition that is not known here")
    return str(url)


def _sender_reference(extension: dict[str, Any], where: str, report: Report) -> str:
    value = _only(extension, "valueString")
    if value is None or len(value) > MAX_REFERENCE_CHARS:
        report.fault(KEYS["SenderReference"], where, f"the reference is a text of at most {MAX_REFERENCE_CHARS} characters")
    return str(value)


def _local(extension: dict[str, Any], where: str, report: Report) -> str | dict[str, Any]:
    value = {name: member for name, member in extension.items() if name not in _VALUE}
    if not any(name.startswith("value") for name in value):
        report.fault(SPECIFICATION, where, "the key has a value")
    text = value.get("valueString")
    return text if text is not None and len(value) == 1 else value


_READERS: Final[Mapping[str, Callable[[dict[str, Any], str, Report], Any]]] = {
    "BusAckRequested": _flag("BusAckRequested"), "InfAckRequested": _flag("InfAckRequested"), "RecipientType": _recipient_type,
    "MessageDefinition": _definition, "SenderReference": _sender_reference, "LocalExtension": _local,
}


def check_business_rules(handling: Handling, event: str, where: str, report: Report) -> None:
    """Note flags that go with no pattern of responses, or not with what the message is (1.7)."""
    name, _ = definition_parts(handling.message_definition) or ("", 0)
    if event == RESPONSE_EVENT and handling.business_ack:
        report.fault(BUSINESS_RULE, where, "a response asks for no business response")
    if handling.business_ack and not handling.infrastructure_ack:
        report.strict(BUSINESS_RULE, where, "who asks for a business response asks for an infrastructure response too")
    if (event == RESPONSE_EVENT) != (name == "Response") and handling.message_definition not in report.rules.other_definitions:
        report.fault(BUSINESS_RULE, where, "the definition of responses goes with responses, and with nothing else")
    wanted = report.rules.flags.get(event)
    if wanted is not None and wanted != (handling.business_ack, handling.infrastructure_ack):
        report.strict(BUSINESS_RULE, where, "acknowledgements that the payload's specification prescribes otherwise")


def write_handling(handling: Handling) -> dict[str, Any]:
    """Return the extension."""
    local = handling.local_extension
    coding = {"system": RECIPIENT_TYPE, "code": handling.recipient_type.value, "display": RECIPIENT_TYPES[handling.recipient_type]}
    return {"url": HANDLING, "extension": [
        {"url": "BusAckRequested", "valueBoolean": handling.business_ack},
        {"url": "InfAckRequested", "valueBoolean": handling.infrastructure_ack},
        {"url": "RecipientType", "valueCoding": coding},
        {"url": "MessageDefinition", "valueReference": {"reference": handling.message_definition}},
        {"url": "SenderReference", "valueString": handling.sender_reference},
        {"url": "LocalExtension"} | ({"valueString": local} if isinstance(local, str) else local),
        *handling.more,
    ]}  # fmt: skip
