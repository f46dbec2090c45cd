"""A payload: the bundle that a message carries, or the resources that lie in the message's own (itk3-messaging 1.1, 1.2, 1.6)."""

from typing import Any, Final

from wardgate.fhir import walk
from wardgate.itk3.attachments import check_attachment, check_binary, check_place
from wardgate.itk3.document import check_document, check_document_bundle
from wardgate.itk3.entries import Entry, check_absent, check_reference, contained_in, read_entries
from wardgate.itk3.report import PAYLOAD, Report

DOCUMENT: Final = "document"
TYPES: Final = frozenset({DOCUMENT, "message", "transaction", "batch", "collection"})
_BUNDLE: Final = frozenset({"Bundle"})


def check_nested(bundle: dict[str, Any], place: str, report: Report) -> None:
    """Note what is wrong with a payload, or a part of one, that is a bundle of its own, at `place`."""
    kind = bundle.get("type")
    if kind not in TYPES:
        report.fault(PAYLOAD, f"{place}.type", "no type of payload", "value")
    check_absent(bundle, ("signature",), place, PAYLOAD, report)
    entries = read_entries(bundle, place, PAYLOAD, report)
    if kind == DOCUMENT:
        check_document_bundle(bundle, place, report)
    check_laid_in(entries, frozenset(entry.url for entry in entries), report, is_document=kind == DOCUMENT)


def check_one_document(payload: dict[str, Any], where: str, report: Report) -> None:
    """Note a second document, at whatever depth: what is asked of a message's document is asked of one (FHIR-PAY-01)."""
    if sum(found.kind == "Composition" for found in walk(payload, report.version)) > 1:
        report.fault(PAYLOAD, where, "one document is sent at a time", "business-rule")


def check_laid_in(entries: tuple[Entry, ...], urls: frozenset[str], report: Report, *, is_document: bool) -> None:
    """Note what is wrong with the resources of a payload; `urls` are those that they may refer to."""
    if is_document and entries:
        check_document(entries, report)
    for entry in entries:
        _check_resource(entry, urls, report)


def _check_resource(entry: Entry, urls: frozenset[str], report: Report) -> None:
    inside = urls | contained_in(entry.resource)
    for found in walk(entry.resource, report.version, entry.where, within=_BUNDLE):
        if found.kind == "Reference":
            check_reference(found, inside, PAYLOAD, report)
        elif found.kind == "Attachment":
            check_place(found, urls, report)
            check_attachment(found, report)
        elif found.kind == "Binary":
            check_binary(found, report)
            check_attachment(found, report)
        elif found.kind == "Bundle":
            check_nested(found.value, found.where, report)
