"""References from one entry to another."""

from collections.abc import Iterator
from dataclasses import dataclass

from wardgate.applications import Application, Product
from wardgate.catalogue import API
from wardgate.catalogue.platform import PLATFORM_APIS
from wardgate.directory import System
from wardgate.directory.model import SharingRule
from wardgate.identities import User
from wardgate.manifest.draft import Draft, Entry
from wardgate.manifest.errors import Problem
from wardgate.manifest.locate import Location
from wardgate.workflows.model import Mailbox, MessageKeys, Workflow

_OURS = frozenset(api.name for api in PLATFORM_APIS)


@dataclass(frozen=True, slots=True)
class _Reference:
    """That `entry` names `value`, which must be an entry of section `target`."""

    entry: Entry
    inner: Location
    target: str
    value: str


def check_references(draft: Draft) -> Iterator[Problem]:
    """Every organisation, API, product, ASID, person and mailbox that is named is also described."""
    names = {kind: draft.names(kind) for kind in _NAMES}
    for reference in _references(draft):
        known = names[reference.target] | (_OURS if reference.target == "apis" else frozenset())
        if reference.target == "systems" and reference.value in draft.registered:
            continue
        if reference.value not in known:
            what = _NAMES[reference.target]
            message = f"there is no {what} `{reference.value}` in `{reference.target}`"
            yield reference.entry.place(*reference.inner).problem(message, draft.near.suggest(reference.value, known))


_NAMES = {
    "organisations": "organisation", "systems": "system with ASID", "apis": "API", "products": "product", "users": "user",
    "mailboxes": "mailbox",
}


def _references(draft: Draft) -> Iterator[_Reference]:
    for entry, system in draft.models("systems", System):
        yield _Reference(entry, ("organisation",), "organisations", system.organisation)
    for entry, rule in draft.models("sharing_rules", SharingRule):
        yield _Reference(entry, ("from_asid",), "systems", rule.from_asid)
        yield _Reference(entry, ("to_asid",), "systems", rule.to_asid)
    for entry, api in draft.models("apis", API):
        if api.spine is not None and api.spine.asid is not None:
            yield _Reference(entry, ("spine", "asid"), "systems", api.spine.asid)
    for entry, product in draft.models("products", Product):
        for index, covered in enumerate(product.apis):
            yield _Reference(entry, ("apis", index), "apis", covered)
    for entry, application in draft.models("applications", Application):
        yield _Reference(entry, ("organisation",), "organisations", application.organisation)
        if application.asid is not None:
            yield _Reference(entry, ("asid",), "systems", application.asid)
        for index, subscription in enumerate(application.products):
            yield _Reference(entry, ("products", index, "product"), "products", subscription.product)
    for entry, user in draft.models("users", User):
        for index, delegation in enumerate(user.patient.delegations if user.patient else ()):
            yield _Reference(entry, ("patient", "delegations", index, "for_user"), "users", delegation.for_user)
    yield from _of_messages(draft)


def _of_messages(draft: Draft) -> Iterator[_Reference]:
    for entry, mailbox in draft.models("mailboxes", Mailbox):
        yield _Reference(entry, ("organisation",), "organisations", mailbox.organisation)
    for entry, workflow in draft.models("workflows", Workflow):
        for key, listed in (("senders", workflow.senders), ("receivers", workflow.receivers)):
            for index, mailbox_id in enumerate(listed):
                yield _Reference(entry, (key, index), "mailboxes", mailbox_id)
    for entry, keys in draft.models("message_keys", MessageKeys):
        yield _Reference(entry, ("organisation",), "organisations", keys.organisation)
