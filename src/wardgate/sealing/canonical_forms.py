"""Which part of a FHIR resource a signature covers, and its canonical octets (itk3-messaging 3.2, 3.3).

The forms are those of FHIR's JSON canonicalisation, written by RFC 8785 as CDex and R6 have it. Text with which the two could differ,
such as the decimal 2.00, is refused before it is signed or verified. A signature never covers itself: `Bundle.signature` is left out.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wardgate.jose.canonical import canonical, decode_exact
from wardgate.jose.errors import MalformedJSON
from wardgate.sealing.errors import SealRefused

BASE: Final = "http://hl7.org/fhir/canonicalization/json"
MAX_RESOURCE_BYTES: Final = 10 * 1024 * 1024


class Form(StrEnum):
    """What is covered, by its fragment."""

    WHOLE = ""
    DATA = "data"
    STATIC = "static"
    NARRATIVE = "narrative"
    DOCUMENT = "document"

    @property
    def url(self) -> str:
        """How the form is named."""
        return f"{BASE}#{self.value}" if self.value else BASE

    @property
    def media_type(self) -> str:
        """`targetFormat` of a signature."""
        return f"application/fhir+json;canonicalization={self.url}"


LEFT_OUT: Final = {Form.WHOLE: (), Form.DATA: ("text",), Form.STATIC: ("text", "meta"), Form.DOCUMENT: ("id", "meta")}
COVERED: Final = {
    Form.WHOLE: "the whole resource",
    Form.DATA: "the resource without its text",
    Form.STATIC: "the resource without its text and meta",
    Form.NARRATIVE: "the resource's id and text alone",
    Form.DOCUMENT: "the whole resource without its id and meta",
}
_BY_URL: Final = {form.url: form for form in Form} | {f"{BASE}#": Form.WHOLE}


@dataclass(frozen=True, slots=True)
class Covered:
    """The part that a signature covers."""

    resource: dict[str, Any]
    octets: bytes
    words: str


def form_of(url: str) -> Form:
    """Return the form by its url. Raises `SealRefused` for one that is not FHIR's JSON."""
    form = _BY_URL.get(url)
    if form is None:
        raise SealRefused("seal-algorithm-refused", "a canonical form of FHIR's JSON", "another")
    return form


def read_resource(document: bytes) -> dict[str, Any]:
    """Return the resource in JSON that has one meaning and one canonical form. Raises `SealRefused` with `seal-malformed`."""
    try:
        resource = decode_exact(document, MAX_RESOURCE_BYTES)
    except MalformedJSON as fault:
        raise SealRefused("seal-malformed", fault.expected, fault.received) from None
    if type(resource.get("resourceType")) is not str:
        raise SealRefused("seal-malformed", "a resource", "an object without resourceType")
    return resource


def covered(resource: dict[str, Any], form: Form) -> Covered:
    """Return what a form covers of a resource."""
    if form is Form.DOCUMENT and resource["resourceType"] != "Bundle":
        raise SealRefused("seal-algorithm-refused", "a Bundle, for the form #document", "another resource")
    signature = ("signature",) if resource["resourceType"] == "Bundle" else ()
    if form is Form.NARRATIVE:
        part = {name: value for name, value in resource.items() if name in ("id", "text")}
    else:
        part = {name: value for name, value in resource.items() if name not in (*LEFT_OUT[form], *signature)}
    octets = canonical(part)
    words = COVERED[form] + (", and not Bundle.signature" if signature else "")
    return Covered(part, octets, f"{words}: {len(octets)} octets of canonical JSON")
