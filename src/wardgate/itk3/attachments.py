"""Attachments: they travel inside, their types are known, and they are what they say (itk3-messaging 1.6 FHIR-PAY-02, FHIR-HA-01)."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.fhir import Found, Version, walk
from wardgate.itk3.report import PAYLOAD, Report

NOT_APPROVED: Final = "20004"
NOT_SUPPORTED: Final = "20005"
_STARTS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "application/pdf": (b"%PDF-",), "application/rtf": (b"{\\rtf",), "text/rtf": (b"{\\rtf",), "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",), "image/jpg": (b"\xff\xd8\xff",), "image/tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "application/msword": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (b"PK\x03\x04",),
}
"""How the octets of a type begin: other octets are of another type than they say."""
_PROGRAMS: Final = (
    b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!", b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!",
    b"\xd0\xcf\x11\xe0",
)
"""How programs, archives and compound files begin, which no text does."""
_TEXT: Final = "text/"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a payload."""

    where: str
    content_type: str | None
    """In small letters, without parameters."""
    size_bytes: int | None
    """How many octets; None: they are no base64."""
    start: bytes = field(repr=False)


def attachments(resource: dict[str, Any], version: Version) -> Iterator[Attachment]:
    """Return every Binary and every Attachment that holds data."""
    for found in walk(resource, version):
        one = _attachment(found) if found.kind in {"Binary", "Attachment"} else None
        if one is not None:
            yield one


def _attachment(found: Found) -> Attachment | None:
    """Return the file in an element; None for one without data."""
    data, content_type = found.value.get("data") or found.value.get("content"), found.value.get("contentType")
    if not isinstance(data, str):
        return None
    kind = content_type.partition(";")[0].strip().lower() if content_type else None
    try:
        octets = base64.b64decode("".join(data.split()), validate=True)
    except binascii.Error:
        return Attachment(found.where, kind, None, b"")
    return Attachment(found.where, kind, len(octets), octets[:16].removeprefix(b"\xef\xbb\xbf"))


def check_attachment(found: Found, report: Report) -> None:
    """Note a file of a type that is not approved, or not supported, or that is not what it says."""
    one = _attachment(found)
    if one is None:
        return
    if one.size_bytes is None:
        report.fault(PAYLOAD, one.where, "the content is base64", "value")
    elif one.content_type is None or one.content_type not in report.rules.supported_types:
        report.fault(NOT_SUPPORTED, f"{one.where}.contentType", "a type that is not supported here", "security")
    elif one.content_type not in report.rules.approved_types:
        report.fault(NOT_APPROVED, f"{one.where}.contentType", "a type that is not approved", "security")
    elif not _is_what_it_says(one.content_type, one.start):
        report.fault(NOT_APPROVED, one.where, "the content is of another type than it says", "security")


def _is_what_it_says(content_type: str, start: bytes) -> bool:
    if content_type in _STARTS:
        return start.startswith(_STARTS[content_type])
    return not (content_type.startswith(_TEXT) and start.startswith(_PROGRAMS))


def check_place(found: Found, urls: frozenset[str], report: Report) -> None:
    """Note an Attachment that lies outside."""
    url = found.value.get("url")
    if url is not None and url.lower() not in urls:
        report.fault(PAYLOAD, f"{found.where}.url", "an attachment is inside the message, not at an address", "value")


def check_binary(found: Found, report: Report) -> None:
    """Note a Binary that says who may see it, or that is empty."""
    if "securityContext" in found.value:
        report.fault(PAYLOAD, f"{found.where}.securityContext", "this may not be there", "structure")
    if "contentType" not in found.value or not ({"content", "data"} & set(found.value)):
        report.fault(PAYLOAD, found.where, "an attachment has a type and a content", "required")
