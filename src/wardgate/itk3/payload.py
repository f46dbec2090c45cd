"""A payload: the bundle that a message carries, or the resources that lie in the message's own (itk3-messaging 1.1, 1.2, 1.6)."""

from typing import Any, Final

from wardgate.itk3.attachments import check_attachments, check_places
from wardgate.itk3.document import check_document, check_document_bundle
from wardgate.itk3.entries import Entry, check_absent, check_references, read_entries
from wardgate.itk3.report import PAYLOAD, Report

DOCUMENT: Final = "document"
TYPES: Final = frozenset({DOCUMENT, "message", "transaction", "batch", "collection"})


def check_nested(bundle: dict[str, Any], where: str, report: Report) -> None:
    """Note what is wrong with a payload that is a bundle of its own, at the place `where`."""
    place, kind = f"{where}.Bundle", bundle.get("type")
    if kind not in TYPES:
        report.fault(PAYLOAD, f"{place}.type", "no type of payload", "value")
    check_absent(bundle, ("signature",), place, PAYLOAD, report)
    entries = read_entries(bundle, place, PAYLOAD, report)
    if kind == DOCUMENT:
        check_document_bundle(bundle, place, report)
    check_laid_in(entries, frozenset(entry.url for entry in entries), report, is_document=kind == DOCUMENT)


def check_laid_in(entries: tuple[Entry, ...], urls: frozenset[str], report: Report, *, is_document: bool) -> None:
    """Note what is wrong with the resources of a payload; `urls` are those that they may refer to."""
    if is_document and entries:
        check_document(entries, report)
    for entry in entries:
        check_references(entry, urls, PAYLOAD, report)
        check_places(entry.resource, entry.where, urls, report)
        check_attachments(entry.resource, entry.where, report)
