"""The entries of a bundle: what lies where, and what a reference leads to (itk3-messaging 1.1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.fhir import Found, Version, walk
from wardgate.itk3.ids import is_urn
from wardgate.itk3.report import Report

MESSAGE_HAS_NOT: Final = ("implicitRules", "total", "link", "signature")
ENTRY_HAS_NOT: Final = ("link", "search", "request", "response")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry with its resource."""

    where: str
    url: str
    """Its fullUrl."""
    resource: dict[str, Any]

    @property
    def kind(self) -> str:
        """The type of its resource."""
        return str(self.resource["resourceType"])


def read_entries(bundle: Mapping[str, Any], where: str, code: str, report: Report) -> tuple[Entry, ...]:
    """Return the entries that have a resource and a fullUrl of their own, and note those that have not."""
    found: dict[str, Entry] = {}
    if not bundle.get("entry"):
        report.fault(code, f"{where}.entry", "a bundle has an entry", "required")
    for number, row in enumerate(bundle.get("entry", ())):
        place, url = f"{where}.entry[{number}]", row.get("fullUrl", "")
        if "resource" not in row:
            report.fault(code, place, "an entry has a resource", "required")
        elif not is_urn(url):
            report.fault(code, f"{place}.fullUrl", "the URL is a UUID as a URN", "value")
        elif url.lower() in found:
            report.fault(code, f"{place}.fullUrl", "two entries have this URL", "value")
        else:
            found[url.lower()] = Entry(f"{place}.resource", url.lower(), row["resource"])
    return tuple(found.values())


def check_absent(value: Mapping[str, Any], names: Iterable[str], where: str, code: str, report: Report) -> None:
    """Note elements that a profile allows none of."""
    for name in names:
        if name in value:
            report.fault(code, f"{where}.{name}", "this may not be there", "structure")


def by_url(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return entries by their URLs, in which to find what a reference leads to."""
    return {entry.url: entry for entry in entries if entry.url}


def find(reference: Mapping[str, Any], entries: Mapping[str, Entry]) -> Entry | None:
    """Return the entry that a reference leads to."""
    return entries.get(str(reference.get("reference", "")).lower())


def references(entries: Iterable[Entry], version: Version) -> frozenset[str]:
    """Return the URLs that entries refer to."""
    inside = (found for entry in entries for found in walk(entry.resource, version, within=frozenset({"Bundle"})))
    return frozenset(found.value["reference"].lower() for found in inside if found.kind == "Reference" and "reference" in found.value)


def contained_in(resource: Mapping[str, Any]) -> frozenset[str]:
    """Return the references within a resource to those that it contains, and to itself."""
    return frozenset(f"#{one['id']}" for one in resource.get("contained", ()) if "id" in one) | {"#"}


def check_reference(found: Found, inside: frozenset[str], code: str, report: Report) -> None:
    """Note a reference that leads out of the bundle, or nowhere."""
    reference = found.value.get("reference")
    if reference is not None and reference not in inside and reference.lower() not in inside:
        report.fault(code, f"{found.where}.reference", "the reference leads to no entry of this bundle", "value")
