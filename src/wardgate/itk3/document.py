"""The document in a payload: what it must say of itself, and what it says (itk3-messaging 1.2, 1.6 FHIR-VER-01)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.fhir import Version, walk
from wardgate.itk3.attachments import Attachment, attachments
from wardgate.itk3.entries import Entry, by_url, find
from wardgate.itk3.model import Party
from wardgate.itk3.names import INFORMATION_RECIPIENT, NHS_NUMBER, SNOMED
from wardgate.itk3.parties import party_of
from wardgate.itk3.report import PAYLOAD, Report

_REQUIRED: Final = ("status", "type", "subject", "date", "author", "title")
_NHS_NUMBERS: Final = frozenset({NHS_NUMBER, "http://fhir.nhs.net/Id/nhs-number", "https://fhir.nhs.net/Id/nhs-number"})
_STEM: Final = INFORMATION_RECIPIENT.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a payload says that policy, record and readers ask for."""

    document_id: str | None = None
    """The id of the document's bundle, or its identifier where it has none: unique for ever."""
    identifier: str | None = None
    """`Bundle.identifier`."""
    composition: str | None = None
    """`Composition.identifier`: the same through all replacements."""
    types: tuple[str, ...] = ()
    """SNOMED CT codes of `Composition.type`, in their order."""
    confidentiality: tuple[str, ...] = ()
    """Every code of `Composition.confidentiality` and of security labels, sorted."""
    patients: tuple[str, ...] = field(default=(), repr=False)
    """NHS numbers: the subject's first, then those of other patients in it. Personal."""
    replaces: tuple[str, ...] = ()
    """The identifiers of documents that it replaces; an empty text for one that it does not name."""
    recipients: tuple[Party, ...] = ()
    """Whom it names as recipients of the information."""
    attachments: tuple[Attachment, ...] = ()

    @property
    def type(self) -> str | None:
        """The SNOMED CT code of its type; None where it has none, and where it has several, of which policy could ask one only."""
        return self.types[0] if len(set(self.types)) == 1 else None

    @property
    def patient(self) -> str | None:
        """The NHS number of whom it is about. Personal."""
        return self.patients[0] if self.patients else None


def _entries(payload: dict[str, Any]) -> tuple[Entry, ...]:
    rows = [(number, row) for number, row in enumerate(payload.get("entry", ())) if "resource" in row]
    return tuple(Entry(f"Bundle.entry[{number}].resource", row.get("fullUrl", "").lower(), row["resource"]) for number, row in rows)


def document_facts(payload: dict[str, Any] | None, version: Version = Version.STU3) -> DocumentFacts:
    """Return what a payload says: all of it that is there, whether the payload is valid or not."""
    if payload is None:
        return DocumentFacts()
    entries = _entries(payload)
    composition = next((entry.resource for entry in entries if entry.kind == "Composition"), None) or {}
    identifier = payload.get("identifier", {}).get("value")
    codings = composition.get("type", {}).get("coding", ())
    labels = {label["code"] for found in walk(payload, version) if found.kind == "Meta" for label in found.value.get("security", ()) if "code" in label}
    return DocumentFacts(
        document_id=payload.get("id") or identifier,
        identifier=identifier,
        composition=composition.get("identifier", {}).get("value"),
        types=tuple(one["code"] for one in codings if one.get("system") == SNOMED and "code" in one),
        confidentiality=tuple(sorted(labels | ({composition["confidentiality"]} if "confidentiality" in composition else set()))),
        patients=tuple(dict.fromkeys(_patients(composition, entries, by_url(entries)))),
        replaces=tuple(_replaced(composition, by_url(entries))),
        recipients=tuple(_recipients(composition, by_url(entries))),
        attachments=tuple(attachments(payload, version)),
    )


def _patients(composition: dict[str, Any], entries: tuple[Entry, ...], urls: Mapping[str, Entry]) -> Iterator[str]:
    subject = find(composition.get("subject", {}), urls)
    for entry in ((subject,) if subject else ()) + entries:
        if entry.kind == "Patient":
            yield from (one["value"] for one in entry.resource.get("identifier", ()) if one.get("system") in _NHS_NUMBERS and "value" in one)


def _replaced(composition: dict[str, Any], urls: Mapping[str, Entry]) -> Iterator[str]:
    for one in composition.get("relatesTo", ()):
        if one.get("code") == "replaces":
            target = one.get("targetReference", {})
            entry = find(target, urls)
            named = one.get("targetIdentifier") or target.get("identifier") or (entry.resource.get("identifier") if entry else None) or {}
            yield (named[0] if isinstance(named, list) else named).get("value", "")


def _recipients(composition: dict[str, Any], urls: Mapping[str, Entry]) -> Iterator[Party]:
    """Return whom a document names as recipients, as far as they have identifiers of NHS directories."""
    for one in composition.get("extension", ()):
        entry = find(one.get("valueReference", {}), urls) if one.get("url", "").rpartition("-")[0] == _STEM else None
        party = party_of(entry.resource) if entry else None
        if party is not None:
            yield party


def check_document_bundle(bundle: dict[str, Any], where: str, report: Report) -> None:
    """Note what a document's bundle does not say of itself: which document it is, and from when."""
    for name in ("system", "value"):
        if name not in bundle.get("identifier", {}):
            report.fault(PAYLOAD, f"{where}.identifier.{name}", "a document has an identifier", "required")
    if "lastUpdated" not in bundle.get("meta", {}):
        report.strict(PAYLOAD, f"{where}.meta.lastUpdated", "a document has a date", "required")


def check_document(entries: tuple[Entry, ...], report: Report) -> None:
    """Note what a document does not say: by whom and about whom it is, and under which identifier."""
    if entries[0].kind != "Composition":
        report.fault(PAYLOAD, entries[0].where, "a document begins with a Composition", "structure")
        return
    for other in entries[1:]:
        if other.kind in {"Composition", "Bundle"}:
            report.fault(PAYLOAD, other.where, "one document is sent at a time", "business-rule")
    _check_composition(entries[0].resource, f"{entries[0].where}.Composition", report)


def _check_composition(composition: dict[str, Any], where: str, report: Report) -> None:
    for name in _REQUIRED:
        if name not in composition and f"_{name}" not in composition:
            report.fault(PAYLOAD, f"{where}.{name}", "a composition has this", "required")
    if "value" not in composition.get("identifier", {}):
        report.fault(PAYLOAD, f"{where}.identifier.value", "a composition has an identifier, which stays through replacements", "required")
