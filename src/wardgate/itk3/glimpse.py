"""What can be read of a header, be the message valid, cut off, too large or none at all: enough to answer it (itk3-messaging 1.7)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element

from wardgate.fhir import Format, Version
from wardgate.fhir.xml_form import NAMESPACE
from wardgate.fhir.xml_reader import MAX_SOUGHT_BYTES, first
from wardgate.itk3.handling import KEYS, is_handling
from wardgate.itk3.model import Original

Loose = Mapping[str, list[Any]]
"""An element's children by name; a child without children is its value."""
_TAG: Final = f"{{{NAMESPACE}}}"
_JSON_HEADER: Final = re.compile(r'\{\s*"resourceType"\s*:\s*"MessageHeader"')
_R4: Final = re.compile(rb'<([A-Za-z0-9_.-]+:)?eventCoding[\s/>]|(?<!\\)"eventCoding"\s*:')
"""Where `eventCoding` is the name of an element: in no resource of STU3 is it."""
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_EVENT: Final = re.compile(r"[A-Z0-9]{1,20}")


def form_of(data: bytes) -> Format | None:
    """Return which form a text is in, by its first sign; None for neither."""
    start = data[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return {b"<": Format.XML, b"{": Format.JSON}.get(start)


def version_of(data: bytes, header: Loose | None) -> Version:
    """Return the release that a message is written in."""
    if header is not None:
        return Version.R4 if "eventCoding" in header else Version.STU3
    return Version.R4 if _R4.search(data) else Version.STU3


def header_of(data: bytes, form: Format | None) -> Loose | None:
    """Return the header in a text, as loosely as it is there; None when there is none whole."""
    if form is Format.XML:
        node = first(data, f"{_TAG}MessageHeader")
        return None if node is None else _of_node(node)
    if form is Format.JSON:
        return _of_json(data)
    return None


def header_in(bundle: Mapping[str, Any]) -> Loose | None:
    """Return the header of a bundle of FHIR, wherever it is among the entries."""
    resources = (row.get("resource", {}) for row in bundle.get("entry", ()))
    return next((_of_object(one) for one in resources if one.get("resourceType") == "MessageHeader"), None)


def _of_node(node: Element) -> Loose:
    found: dict[str, list[Any]] = {name: [value] for name, value in node.attrib.items()}
    for child in node:
        value = child.get("value") if "value" in child.attrib and not len(child) else _of_node(child)
        found.setdefault(child.tag.removeprefix(_TAG), []).append(value)
    return found


def _of_json(data: bytes) -> Loose | None:
    text = data[:MAX_SOUGHT_BYTES].decode("utf-8", errors="replace")
    start = _JSON_HEADER.search(text)
    try:
        value = json.JSONDecoder().raw_decode(text, start.start())[0] if start else None
        return _of_object(value) if value else None
    except (ValueError, RecursionError):
        return None


def _of_object(value: dict[str, Any]) -> Loose:
    return {name: [_of_object(one) if type(one) is dict else one for one in (member if type(member) is list else [member])] for name, member in value.items()}


def original_of(header: Loose | None, version: Version) -> Original:
    """Return what a response needs of a header."""
    if header is None:
        return Original(version=version)
    keys = {_text(one, "url"): one for one in _handling(header)}
    event = _child(header, "event") or _child(header, "eventCoding")
    answered = _text(_child(header, "response"), "identifier")
    return Original(
        message_id=_matching(_text(header, "id"), _ID), event=_matching(_text(event, "code"), _EVENT),
        business_ack=_flag(keys.get("BusAckRequested")), infrastructure_ack=_flag(keys.get("InfAckRequested")),
        sender_reference=_reference(keys.get("SenderReference")), response_identifier=_matching(answered, _ID), version=version,
    )


def key_code(header: Loose | None, extension: int, key: int) -> str | None:
    """Return the response code for a value of the handling extension that cannot be processed; None for another extension's."""
    outer = [one for one in (header or {}).get("extension", ()) if isinstance(one, Mapping)]
    if extension >= len(outer) or not is_handling({"url": _text(outer[extension], "url")}):
        return None
    keys = [one for one in outer[extension].get("extension", ()) if isinstance(one, Mapping)]
    return KEYS.get(_text(keys[key], "url") or "", "10001") if key < len(keys) else "10001"


def _handling(header: Loose) -> list[Loose]:
    found = [one for one in header.get("extension", ()) if isinstance(one, Mapping) and is_handling({"url": _text(one, "url")})]
    return [one for one in found[0].get("extension", ()) if isinstance(one, Mapping)] if len(found) == 1 else []


def _child(value: Loose | None, name: str) -> Loose | None:
    found = (value or {}).get(name, ())
    return found[0] if len(found) == 1 and isinstance(found[0], Mapping) else None


def _text(value: Loose | None, name: str) -> str | None:
    found = (value or {}).get(name, ())
    return found[0] if len(found) == 1 and isinstance(found[0], str) else None


def _flag(key: Loose | None) -> bool | None:
    found = (key or {}).get("valueBoolean", ())
    return {True: True, False: False, "true": True, "false": False}.get(found[0]) if len(found) == 1 and isinstance(found[0], bool | str) else None


def _reference(key: Loose | None) -> str | None:
    text = _text(key, "valueString")
    return text if text is not None and 0 < len(text) <= 255 and text.isprintable() else None


def _matching(text: str | None, form: re.Pattern[str]) -> str | None:
    return text if text is not None and form.fullmatch(text) else None
