"""A whole directory of one environment, and the rules that hold between its entries (spine 7.3, 7.4)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.attributes import CLASSES
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.entry import Item, broken, class_of, identifier_of, name_of, values_of
from wardgate.directory.errors import InvalidEntries, Problem, shown
from wardgate.directory.message_set import MessageSet
from wardgate.directory.model import Organisation
from wardgate.directory.onboarding import Enrolment
from wardgate.directory.sharing_rule import SharingRule

GP_CONNECT: Final = "urn:nhs:names:services:gpconnect:"


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that is registered. `organisations` None: they are known elsewhere and are not looked at."""

    organisations: tuple[Organisation, ...] | None = None
    systems: tuple[AccreditedSystem, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    message_sets: tuple[MessageSet, ...] = ()
    sharing_rules: tuple[SharingRule, ...] = ()
    enrolments: tuple[Enrolment, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """Every entry: the systems, then the endpoints."""
        return (*self.systems, *self.endpoints)


def check(directory: Directory) -> None:
    """Raise `InvalidEntries` with every rule that is broken, of single entries and between them."""
    if problems := [*_single(directory), *(problem for rule in RULES for problem in rule(directory))]:
        raise InvalidEntries(problems)


def check_change(old: Directory, new: Directory) -> None:
    """Raise `InvalidEntries` when an entry that is in both changed what never changes: its party key, CPA id or manufacturer."""
    before = {(class_of(item), identifier_of(item)): item for item in old.items}
    problems = [
        Problem(name_of(identifier_of(item)), row.name, f"{_listed(values_of(was, row))}, as when it was created", _listed(values_of(item, row)))
        for item in new.items
        if (was := before.get((class_of(item), identifier_of(item)))) is not None
        for row in CLASSES[class_of(item)]
        if row.fixed and values_of(was, row) != values_of(item, row)
    ]
    if problems:
        raise InvalidEntries(problems)


def _single(directory: Directory) -> Iterator[Problem]:
    for item in directory.items:
        name = name_of(identifier_of(item))
        for row in CLASSES[class_of(item)]:
            yield from broken(name, row, values_of(item, row))


def unique(directory: Directory) -> Iterator[Problem]:
    """Give each identifier that several have: those of entries, which are neighbours in one tree, and CPA ids among endpoints."""
    names = Counter(identifier_of(item).lower() for item in directory.items)
    contracts = Counter(item.cpa_id.lower() for item in directory.endpoints)
    yield from _repeated(names, "uniqueIdentifier", name_of)
    yield from _repeated(contracts, "nhsMhsCPAId", lambda _: "endpoints")
    yield from _repeated(Counter(found.name for found in directory.message_sets), "name", lambda _: "message sets")
    yield from _repeated(Counter(found.asid for found in directory.enrolments), "asid", lambda _: "enrolments")


def _served_once(directory: Directory) -> Iterator[Problem]:
    """A party key serves an interaction at one entry, so that a receiver is never two."""
    served = Counter((item.party_key.lower(), item.interaction) for item in directory.endpoints)
    for item in directory.endpoints:
        if served[item.party_key.lower(), item.interaction] > 1:
            yield _of(item, "nhsMhsSvcIA", "an interaction that its party key serves once", item.interaction)


def _one_gp_connect(directory: Directory) -> Iterator[Problem]:
    """One GP Connect provider per organisation (spine 7.4)."""
    providers: dict[str, set[str]] = {}
    for item in directory.endpoints:
        if item.interaction.startswith(GP_CONNECT):
            providers.setdefault(item.organisation, set()).add(item.party_key.lower())
    for organisation, keys in providers.items():
        if len(keys) > 1:
            yield Problem(f"nhsIDCode={organisation}", "nhsMHSPartyKey", "one GP Connect provider", f"{len(keys)} party keys")


def _named_parts(directory: Directory) -> Iterator[Problem]:
    """The interaction of an endpoint is its service and its name (spine 7.3)."""
    for item in directory.endpoints:
        if item.interaction != f"{item.service}:{item.interaction_name}":
            yield _of(item, "nhsMhsSvcIA", f"{shown(f'{item.service}:{item.interaction_name}')}, which are nhsMhsSN and nhsMhsIN", item.interaction)


def _addresses(directory: Directory) -> Iterator[Problem]:
    """The host is the entry's FQDN, on port 443 without saying so; FHIR roots end without a slash (spine 5.2, 7.3, 7.4)."""
    for item in directory.endpoints:
        for url in item.urls:
            try:
                yield from (_of(item, "nhsMHSEndPoint", rule, url) for rule in _broken_of_url(item, url))
            except ValueError:
                yield _of(item, "nhsMHSEndPoint", "a URL", url)


def _broken_of_url(item: Endpoint, url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.netloc.lower() != item.fqdn.lower():
        yield f"the host {item.fqdn}, which is nhsMhsFQDN, without a port"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        yield "a URL without query and fragment"
    segments = parts.path.split("/")[1:]
    if item.interaction_type == "FHIR" and (url.endswith("/") or "".join(segments[-1:]).startswith("$")):
        yield "a service root, without a slash or an operation at its end"
    if item.interaction.startswith(GP_CONNECT) and segments[:1] != [item.organisation]:
        yield f"{item.organisation}, which is nhsIDCode, as the first part of the path"


def _known_parts(directory: Directory) -> Iterator[Problem]:
    """Whatever is named is there."""
    asids = {system.asid for system in directory.systems}
    if directory.organisations is not None:
        codes = {organisation.ods for organisation in directory.organisations}
        for item in directory.items:
            if item.organisation not in codes:
                yield _of(item, "nhsIDCode", "an organisation that is known", item.organisation)
    for rule in directory.sharing_rules:
        for attribute, asid in (("from_asid", rule.from_asid), ("to_asid", rule.to_asid)):
            if asid not in asids:
                yield Problem("sharing rule", attribute, "a system that is registered", shown(asid))
    for enrolment in directory.enrolments:
        if enrolment.asid not in asids:
            yield Problem("enrolment", "asid", "a system that is registered", shown(enrolment.asid))


def _names(directory: Directory) -> Iterator[Problem]:
    """The name of a system that only asks is its party key's alone, so that a certificate is nobody else's (spec README rule 24)."""
    keys = {system.asid: system.party_key.lower() for system in directory.systems}
    owners: dict[str, set[str]] = {}
    for endpoint in directory.endpoints:
        owners.setdefault(endpoint.fqdn.lower(), set()).add(endpoint.party_key.lower())
    named = [(found, found.fqdn.lower(), keys[found.asid]) for found in directory.enrolments if found.fqdn is not None and found.asid in keys]
    for _, fqdn, key in named:
        owners.setdefault(fqdn, set()).add(key)
    for enrolment, fqdn, _ in named:
        if len(owners[fqdn]) > 1:
            yield Problem(name_of(enrolment.asid), "fqdn", "a name of one party key only", shown(fqdn))


RULES: Final[tuple[Callable[[Directory], Iterable[Problem]], ...]] = (
    unique, _served_once, _one_gp_connect, _named_parts, _addresses, _known_parts, _names,
)  # fmt: skip


def _repeated(counted: Mapping[str, int], attribute: str, entry: Callable[[str], str]) -> Iterator[Problem]:
    return (Problem(entry(value), attribute, "a value of one only", f"{shown(value)} {times} times") for value, times in counted.items() if times > 1)


def _of(item: Item, attribute: str, expected: str, received: str) -> Problem:
    return Problem(name_of(identifier_of(item)), attribute, expected, shown(received))


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(shown(value) for value in values) or "nothing"
