"""OperationOutcome in the forms of the Spine services, in JSON and in FHIR XML (spine 8.1, 8.3, 7.5).

A form is data: which profile, which coding system, with an id or without. The JSON is built in the order of FHIR's elements,
so that the XML is the same tree written down: `as_xml` needs no knowledge of the resource.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

FHIR_NAMESPACE: Final = "http://hl7.org/fhir"
JSON_TYPE: Final = "application/fhir+json"
XML_TYPE: Final = "application/fhir+xml"
STU3: Final = "https://fhir.nhs.uk/STU3"
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 section 2.2 cannot hold at all, lone surrogates among it."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a family of services writes an outcome. `by_status`: the proxy's coding, which is the HTTP status as text."""

    profile: str | None
    system: str
    version: str | None = None
    has_id: bool = True
    by_status: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an outcome; `text` is `details.text` of a successful create."""

    severity: str
    code: str
    spine_code: str
    display: str
    diagnostics: str | None = None
    text: str | None = None


# fmt: off
SPINE_STU3: Final = Form(f"{STU3}/StructureDefinition/Spine-OperationOutcome-1", f"{STU3}/CodeSystem/Spine-ErrorOrWarningCode-1")
"""Spine Core, Reasonable Adjustments, NRL, NEMS."""
SPINE_R4: Final = Form(None, "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode", "1", has_id=False)
"""The internet gateways' (spec README rule 15)."""
SPINE_EARLY: Final = Form("https://fhir.nhs.uk/StructureDefinition/spine-operationoutcome-1-0", "https://fhir.nhs.uk/ValueSet/spine-response-code-1-0")
"""What is raised before the API layer."""
GP_CONNECT_STU3: Final = Form(f"{STU3}/StructureDefinition/GPConnect-OperationOutcome-1", f"{STU3}/CodeSystem/Spine-ErrorOrWarningCode-1")
DIRECTORY: Final = Form(None, f"{STU3}/ValueSet/Spine-ErrorOrWarningCode-1")
"""The directory's FHIR API, whose id is the correlation id (spine 7.5)."""
PROXY: Final = Form(None, "http://fhir.nhs.net/ValueSet/gpconnect-schedule-response-code-1-0", by_status=True)
PROXY_EARLY: Final = Form(None, "https://fhir.nhs.uk/StructureDefinition/spine-operationoutcome-1", by_status=True)
"""The secure proxy's 405."""
# fmt: on


def outcome(form: Form, issues: Iterable[Issue], identifier: str) -> dict[str, Any]:
    """Return the outcome as JSON. `identifier` is a FHIR id, at most 64 of `A-Z a-z 0-9 . -`, or a text that Envoy replaces by one."""
    found: dict[str, Any] = {"resourceType": "OperationOutcome"}
    if form.has_id and identifier:
        found["id"] = identifier
    if form.profile is not None:
        found["meta"] = {"profile": [form.profile]}
    found["issue"] = [_issue(form, issue) for issue in issues]
    return found


def _issue(form: Form, issue: Issue) -> dict[str, Any]:
    coding = {"system": form.system} | ({"version": form.version} if form.version is not None else {})
    details: dict[str, Any] = {"coding": [coding | {"code": issue.spine_code, "display": issue.display}]}
    if issue.text is not None:
        details["text"] = issue.text
    said = {"severity": issue.severity, "code": issue.code, "details": details}
    return said | {"diagnostics": issue.diagnostics} if issue.diagnostics else said  # FHIR has no empty text


def as_xml(resource: Mapping[str, Any]) -> bytes:
    """Return a resource of simple elements as FHIR XML (hl7.org/fhir/STU3/xml.html), UTF-8, without XML declaration.

    Values are escaped by the writer; what XML cannot hold becomes U+FFFD. Nested resources, narrative and `_`-members are
    not for this writer: it raises `ValueError`.
    """
    root = Element(str(resource["resourceType"]), {"xmlns": FHIR_NAMESPACE})
    _write(root, ((name, value) for name, value in resource.items() if name != "resourceType"))
    return bytes(tostring(root, encoding="utf-8", xml_declaration=False))


def _write(parent: Element, members: Iterable[tuple[str, Any]]) -> None:
    for name, value in members:
        if name in {"resourceType", "div"} or name.startswith("_"):
            raise ValueError("not an element that this writer knows")
        for item in _items(value):
            if isinstance(item, Mapping):
                _write(SubElement(parent, name), item.items())
            else:
                SubElement(parent, name, {"value": _primitive(item)})


def _items(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else (value,)


def _primitive(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return writable(str(value))
    raise ValueError("not a primitive of an outcome")


def writable(text: str) -> str:
    """Return a text with what neither XML nor UTF-8 can hold replaced by U+FFFD."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
