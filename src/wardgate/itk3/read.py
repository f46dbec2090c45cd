"""From octets to a message: within limits, checked, and with the response code that answers what is not (itk3-messaging 1.2 to 1.8).

Steps: (1) size, (2) form and release, (3) FHIR itself, (4) the message's bundle and entries, (5) header, (6) handling, (7) sender and
receiver, (8) response or payload. All that is wrong from (4) on is noted, in this order; the first says the response code.
"""

import re
from typing import Any, Final

from wardgate import fhir
from wardgate.fhir import Format, Resource, Version
from wardgate.itk3.entries import (
    ENTRY_HAS_NOT,
    MESSAGE_HAS_NOT,
    Entry,
    by_url,
    check_absent,
    find,
    read_entries,
    references,
)
from wardgate.itk3.errors import ITK3Error, NotAccepted, NotReadable, Problem
from wardgate.itk3.glimpse import Loose, form_of, header_in, header_of, key_code, original_of, version_of
from wardgate.itk3.handling import check_business_rules, read_handling
from wardgate.itk3.header import (
    check_definition,
    check_header,
    read_event,
    read_timestamp,
    receiver_reference,
    sender_reference,
)
from wardgate.itk3.model import Handling, Message, Party, Response
from wardgate.itk3.names import UNREADABLE
from wardgate.itk3.outcome import CODES, read_issues
from wardgate.itk3.parties import read_party
from wardgate.itk3.payload import DOCUMENT, check_laid_in, check_nested, check_one_document
from wardgate.itk3.report import HEADER, PAYLOAD, Report
from wardgate.itk3.response_codes import RESPONSE_CODE_ROWS
from wardgate.itk3.rules import NATIONAL, Rules

TOO_LARGE: Final = "20015"
UNREADABLE_CODE: Final = "10009"
_KEY: Final = re.compile(r"Bundle\.entry\[\d+\]\.resource\.MessageHeader\.extension\[(\d+)\]\.extension\[(\d+)\]")
_HEADERS: Final = "MessageHeader|OperationOutcome|Organization|Practitioner"
_IN_HEADER: Final = re.compile(rf"Bundle(\.(?!entry).*|\.entry(\[\d+\])?(\.(?!resource).*)?)?$|Bundle\.entry\[\d+\]\.resource\.({_HEADERS})\b")
_STRAYS: Final = frozenset({"Organization", "Practitioner", "Provenance"})
"""What may lie in a message's bundle without being named by its header."""


def read(data: bytes, rules: Rules = NATIONAL, form: Format | None = None, version: Version | None = None) -> Message:
    """Return the message in `data`, in the form and release that it is in unless they are given. Raises `ITK3Error`."""
    form = form or form_of(data)
    header = header_of(data, form)
    known = version or version_of(data, header)
    if len(data) > rules.max_bytes:
        raise _refused(TOO_LARGE, "Bundle", f"more than {rules.max_bytes} bytes", header, known)
    if form is None:
        raise NotReadable((Problem(UNREADABLE_CODE, "message", "neither XML nor JSON", "processing"),))
    try:
        bundle = fhir.read(data, form, known, rules.max_bytes)
    except fhir.TooLarge as error:
        raise _refused(TOO_LARGE, "Bundle", str(error), header, known) from None
    except fhir.NotWellFormed as error:
        raise NotReadable((Problem(UNREADABLE_CODE, "message", str(error), "processing"),), original_of(header, known)) from None
    except fhir.NotValid as error:
        raise _refused(code_at(error.where, header), error.where, error.problem, header, known) from None
    try:
        return accept(bundle, known, rules)
    except ITK3Error as error:
        raise type(error)(error.problems, original_of(header_in(bundle), known)) from None


def _refused(code: str, where: str, problem: str, header: Loose | None, version: Version) -> NotAccepted | NotReadable:
    kind = NotReadable if code == UNREADABLE_CODE else NotAccepted
    return kind((Problem(code, where, problem, "structure" if code in {HEADER, PAYLOAD} else "processing"),), original_of(header, version))


def code_at(where: str, header: Loose | None = None) -> str:
    """Return the response code for an element that is not FHIR, by its place."""
    key = _KEY.match(where)
    if key:
        return key_code(header, int(key[1]), int(key[2])) or HEADER
    if not where.startswith("Bundle"):
        return UNREADABLE_CODE
    return HEADER if _IN_HEADER.match(where) else PAYLOAD


def accept(bundle: Resource, version: Version, rules: Rules = NATIONAL) -> Message:
    """Return the message that a bundle is. Raises `ITK3Error`."""
    if bundle["resourceType"] != "Bundle" or bundle.get("type") != "message":
        raise NotReadable((Problem(UNREADABLE_CODE, "Bundle.type", "no Bundle of type message", "processing"),))
    report = Report(rules, version)
    entries = _entries(bundle, report)
    if not entries or entries[0].kind != "MessageHeader":
        report.fault(HEADER, "Bundle.entry[0].resource", "a message begins with its header", "structure")
        raise NotAccepted(tuple(report.problems))
    for other in entries[1:]:
        if other.kind == "MessageHeader":
            report.fault(HEADER, other.where, "a message has one header", "structure")
    message = _Reading(bundle, entries, report).message()
    report.close()
    return message


def _entries(bundle: Resource, report: Report) -> tuple[Entry, ...]:
    rows = bundle.get("entry", ())
    count = len(rows) + sum(len(row.get("resource", {}).get("entry", ())) for row in rows)
    if count > report.rules.max_entries:
        raise NotAccepted((Problem(TOO_LARGE, "Bundle.entry", f"more than {report.rules.max_entries} entries", "processing"),))
    if "id" not in bundle:
        report.fault(HEADER, "Bundle.id", "a message's bundle has an id", "required")
    if "value" not in bundle.get("identifier", {}):
        report.fault(HEADER, "Bundle.identifier.value", "a message's bundle has an identifier", "required")
    check_absent(bundle, MESSAGE_HAS_NOT, "Bundle", HEADER, report)
    for number, row in enumerate(rows):
        check_absent(row, ENTRY_HAS_NOT, f"Bundle.entry[{number}]", HEADER, report)
    return read_entries(bundle, "Bundle", HEADER, report)


class _Reading:
    """One bundle that has a header."""

    def __init__(self, bundle: Resource, entries: tuple[Entry, ...], report: Report) -> None:
        self._bundle = bundle
        self._entries = entries
        self._report = report
        self._header = entries[0].resource
        self._where = f"{entries[0].where}.MessageHeader"
        self._by_url = by_url(entries[1:])
        self._named: set[str] = {entries[0].url}

    def message(self) -> Message:
        """Return the message; what it lacks is in the report."""
        check_header(self._header, self._where, self._report)
        event, display = read_event(self._header, self._where, self._report)
        at = read_timestamp(self._bundle, self._header, self._where, self._report)
        handling = self._handling(event)
        sender = self._party(sender_reference(self._header), "sender")
        reference = receiver_reference(self._header, self._where, self._report)
        receiver = self._party(reference, "receiver") if reference is not None else None
        response = self._response(event)
        payload, nested = self._payload(is_response=response is not None)
        if payload is not None:
            check_one_document(payload, f"{self._where}.focus[0]", self._report)
        # An empty text or None in what follows goes with a problem in the report, so no such message leaves `accept`.
        return Message(
            self._bundle.get("id", ""), self._bundle.get("identifier", {}).get("value", ""), self._header.get("id", ""), event, display,
            handling, sender, self._header.get("source", {}).get("endpoint", ""), at, receiver, response, payload,  # type: ignore[arg-type]
            nested, self._report.version, tuple(self._report.warnings),
        )

    def _handling(self, event: str) -> Handling | None:
        handling = read_handling(self._header.get("extension", []), event, self._where, self._report)
        if handling is not None:
            check_business_rules(handling, event, f"{self._where}.extension", self._report)
            check_definition(self._header, handling, self._where, self._report)
        return handling

    def _find(self, reference: Any, name: str) -> Entry | None:
        entry = find(reference, self._by_url)
        if entry is None:
            self._report.fault(HEADER, f"{self._where}.{name}.reference", "the reference leads to no entry of this bundle", "required")
        else:
            self._named.add(entry.url)
        return entry

    def _party(self, reference: Any, name: str) -> Party | None:
        entry = self._find(reference, name)
        return read_party(entry.resource, entry.where, self._report) if entry else None

    def _response(self, event: str) -> Response | None:
        value, place = self._header.get("response"), f"{self._where}.response"
        if (value is not None) != (event == "ITK008M") and event:
            self._report.fault(HEADER, place, "a response has the event ITK008M, and nothing else has it", "structure")
        if value is None:
            return None
        if "identifier" not in value or value.get("code") not in CODES:
            self._report.fault(HEADER, place, "a response says what it answers, and ok, transient-error or fatal-error", "required")
        entry = self._find(value.get("details", {}), "response.details")
        if entry is not None and entry.kind != "OperationOutcome":
            self._report.fault(HEADER, entry.where, "the details of a response are an OperationOutcome", "structure")
            entry = None
        issues = read_issues(entry.resource, f"{entry.where}.OperationOutcome", self._report) if entry else ()
        if any(RESPONSE_CODE_ROWS[one.code].ok is (value.get("code") != "ok") for one in issues):
            self._report.strict(HEADER, f"{place}.code", "another outcome than the response codes say", "value")
        return Response(value.get("identifier", UNREADABLE), value.get("code", ""), issues)

    def _payload(self, *, is_response: bool) -> tuple[dict[str, Any] | None, bool]:
        focuses = self._header.get("focus", ())
        if len(focuses) > 1:
            self._report.fault(HEADER, f"{self._where}.focus", "a message has one payload", "structure")
        if focuses and is_response:
            self._report.warn(f"{self._where}.focus", "a response has no payload")
        if not focuses:
            if not is_response:
                self._report.fault(HEADER, f"{self._where}.focus", "a message that is no response has a payload", "required")
            self._check_strays()
            return None, True
        entry = self._find(focuses[0], "focus[0]")
        if entry is None:
            return None, True
        if entry.kind == "Bundle":
            self._check_strays()
            check_nested(entry.resource, f"{entry.where}.Bundle", self._report)
            return entry.resource, True
        return self._laid_in(entry), False

    def _laid_in(self, focus: Entry) -> dict[str, Any]:
        """Return a bundle of the payload's resources, which lie in the message's own.

        They are the focus, all that the header does not name, and what it names if those refer to it.
        """
        rest = tuple(entry for entry in self._entries if entry.url not in self._named)
        wanted = references((focus, *rest), self._report.version) & (self._named - {self._entries[0].url, focus.url})
        rest += tuple(entry for entry in self._entries if entry.url in wanted)
        is_document = focus.kind == "Composition"
        check_laid_in((focus, *rest), frozenset(entry.url for entry in self._entries[1:]), self._report, is_document=is_document)
        rows = [{"fullUrl": entry.url, "resource": entry.resource} for entry in (focus, *rest)]
        identity = {name: self._bundle[name] for name in ("id", "identifier") if name in self._bundle}
        return {"resourceType": "Bundle"} | identity | { "type": DOCUMENT if is_document else "collection", "entry": rows}

    def _check_strays(self) -> None:
        for entry in self._entries:
            if entry.url not in self._named and entry.kind not in _STRAYS:
                self._report.strict(HEADER, entry.where, "the header does not name this resource", "structure")
