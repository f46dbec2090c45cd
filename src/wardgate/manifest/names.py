"""Names that must belong to one entry only."""

from collections.abc import Hashable, Iterable, Iterator

from wardgate.applications import Application, Product
from wardgate.catalogue import API
from wardgate.directory import System
from wardgate.directory.model import SharingRule
from wardgate.directory.stated import party_key_of
from wardgate.manifest.documents import ENVIRONMENT, KINDS
from wardgate.manifest.draft import Draft, Entry
from wardgate.manifest.errors import Problem
from wardgate.manifest.locate import Location
from wardgate.workflows.model import Mailbox, MessageKeys, Workflow

Claim = tuple[Hashable, str, Entry, Location]
"""An identity that may be claimed once, its name in a message, and where it is claimed."""


def check_names(draft: Draft) -> Iterator[Problem]:
    """Every identity has one owner, and a list names a thing once."""
    for kind, (_, key) in KINDS.items():
        if kind != ENVIRONMENT:
            yield from _claimed_once(_keys(draft, kind, key))
    yield from _claimed_once(
        (api.base_path, f"the base path `{api.base_path}`", entry, ("base_path",))
        for entry, api in draft.models("apis", API)
    )
    yield from _claimed_once((rule.name, "this data-sharing rule", entry, ()) for entry, rule in draft.models("sharing_rules", SharingRule))
    yield from _claimed_once(_api_keys(draft))
    yield from _one_party_key_per_fqdn(draft)
    yield from _claimed_once(_certificate_names(draft))
    yield from _names_of_systems(draft)
    yield from _listed_once(draft)
    yield from _listed_once_of_messages(draft)


def _claimed_once(claims: Iterable[Claim]) -> Iterator[Problem]:
    first: dict[Hashable, tuple[Entry, Location]] = {}
    for identity, name, entry, inner in claims:
        if identity not in first:
            first[identity] = (entry, inner)
            continue
        owner, owners_place = first[identity]
        at = owner.place(*owners_place)
        yield entry.place(*inner).problem(f"{name} is already used by `{at.key}` ({at.file}, line {at.line})")


def _keys(draft: Draft, kind: str, key: str) -> Iterator[Claim]:
    for entry in draft.sections[kind]:
        value = entry.raw.get(key) if isinstance(entry.raw, dict) else None
        if isinstance(value, str):
            yield value.casefold(), f"the {key} `{value[:60]}`", entry, (key,)


def _api_keys(draft: Draft) -> Iterator[Claim]:
    for entry, application in draft.models("applications", Application):
        for index, fixed in enumerate(application.api_keys):
            yield fixed.key, "this API key", entry, ("api_keys", index, "key")


def _one_party_key_per_fqdn(draft: Draft) -> Iterator[Problem]:
    """Systems of one party key share its FQDN (spec README rule 24); others have their own."""
    owners: dict[str, tuple[str, Entry]] = {}
    for entry, system in draft.models("systems", System):
        if system.fqdn is None:
            continue
        party = party_key_of(system)
        owner, owners_entry = owners.setdefault(system.fqdn, (party, entry))
        if owner != party:
            at = owners_entry.place("fqdn")
            message = f"the fqdn `{system.fqdn}` is already used by `{at.key}` ({at.file}, line {at.line})"
            yield entry.place("fqdn").problem(message, "only systems of one party_key share an fqdn")


def _certificate_names(draft: Draft) -> Iterator[Claim]:
    """The name an application is known by in TLS: its own, or else its system's FQDN."""
    systems = {system.asid: system for _, system in draft.models("systems", System)}
    for entry, application in draft.models("applications", Application):
        own = application.tls_client_auth_san_dns
        system = systems.get(application.asid) if application.asid else None
        name = own or (system.fqdn if system else None)
        if name is not None:
            yield name, f"the certificate name `{name}`", entry, ("tls_client_auth_san_dns",) if own else ("asid",)


def _names_of_systems(draft: Draft) -> Iterator[Problem]:
    """A system's FQDN is the certificate name of its own application at most: the certificate of another would be good for its ASID."""
    named: dict[str, list[tuple[Entry, str]]] = {}
    for entry, system in draft.models("systems", System):
        if system.fqdn is not None:
            named.setdefault(system.fqdn, []).append((entry, system.asid))
    for entry, application in draft.models("applications", Application):
        owners = named.get(application.tls_client_auth_san_dns or "", ())
        if owners and all(asid != application.asid for _, asid in owners):
            at = owners[0][0].place("fqdn")
            yield entry.place("tls_client_auth_san_dns").problem(
                f"the certificate name `{application.tls_client_auth_san_dns}` is already used by `{at.key}` ({at.file}, line {at.line})",
                "state the system's `asid` if the application is its own")


def _listed_once(draft: Draft) -> Iterator[Problem]:
    """A list of references names each once."""
    for entry, product in draft.models("products", Product):
        yield from _claimed_once((api, f"`{api}`", entry, ("apis", index)) for index, api in enumerate(product.apis))
    for entry, application in draft.models("applications", Application):
        yield from _claimed_once(
            (subscription.product, f"`{subscription.product}`", entry, ("products", index))
            for index, subscription in enumerate(application.products)
        )


def _listed_once_of_messages(draft: Draft) -> Iterator[Problem]:
    """A workflow names a mailbox once on each side, a mailbox a certificate once; a key id is of one key, whoever has it."""
    for entry, workflow in draft.models("workflows", Workflow):
        for key, listed in (("senders", workflow.senders), ("receivers", workflow.receivers)):
            yield from _claimed_once((name, f"`{name}`", entry, (key, index)) for index, name in enumerate(listed))
    for entry, mailbox in draft.models("mailboxes", Mailbox):
        yield from _claimed_once((name, f"`{name}`", entry, ("certificates", index)) for index, name in enumerate(mailbox.certificates))
    yield from _claimed_once(
        (published.kid, f"the key id `{published.kid}`", entry, ("keys", index, "kid"))
        for entry, keys in draft.models("message_keys", MessageKeys) for index, published in enumerate(keys.keys)
    )
