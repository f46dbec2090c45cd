"""Bringing the store to what a manifest says: its documents in one step, then the API keys it spells out.

API keys are kept encrypted beside the documents, so they follow in steps of their own; an apply that was interrupted in
between is finished by the next one, which finds no difference in documents and adds the keys that are missing.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from wardgate.applications import Approval, FixedKey
from wardgate.audit import Event, EventType
from wardgate.keystores.client_secrets import SECRET_SECTIONS, secret_name
from wardgate.manifest import Manifest
from wardgate.manifest.documents import (
    Changes,
    ManifestDocument,
    Secrets,
    changes,
    document_of,
    from_documents,
    key_of,
    parts_of,
    secrets_of,
)
from wardgate.server.former_keys import MESSAGE_KEYS, refused_keys, remember_keys
from wardgate.server.installation import STATUS_KEY
from wardgate.stores import Stores, Superseded
from wardgate.stores.ports import Credential, StoredDocument

NewEvent = Callable[..., Event]
"""(type, application=None, **details) to an event that says who did it."""


class ApplyRefused(Exception):
    """The manifest cannot be applied to this store as it is; the message says why, without secrets."""


@dataclass(frozen=True, slots=True)
class KeyWork:
    """What is to be done to API keys: new ones, other states, and keys whose application goes away."""

    add: tuple[tuple[str, FixedKey], ...]
    change: tuple[tuple[Credential, Approval], ...]
    revoke: tuple[Credential, ...]
    sign_in: tuple[tuple[str, str, str | None], ...] = ()
    """(section, key, secret): those that are new or another; None forgets one whose entry goes away."""
    passwords: tuple[str, ...] = ()
    """Mailboxes that go away, whose passwords are forgotten."""

    def __bool__(self) -> bool:
        return bool(self.add or self.change or self.revoke or self.sign_in or self.passwords)

    def lines(self) -> list[str]:
        """Return what will be done, naming applications and never a key."""
        return [*(f"  + API key of {application} ({fixed.status})" for application, fixed in self.add),
                *(f"  ~ API key {held.id} of {held.application}: {held.status} -> {status}" for held, status in self.change),
                *(f"  - API key {held.id} of {held.application}, which goes away: revoked" for held in self.revoke),
                *(f"  {'~' if secret else '-'} {SECRET_SECTIONS[section]} of {name} in {section}" for section, name, secret in self.sign_in),
                *(f"  - password of mailbox {mailbox}, which goes away: forgotten" for mailbox in self.passwords)]


def key_work(stores: Stores, manifest: Manifest, removed: Sequence[tuple[str, str]]) -> KeyWork:
    """Compare the manifest's keys with the store's. Raises `ApplyRefused` for a key that cannot become what is stated."""
    add: list[tuple[str, FixedKey]] = []
    change: list[tuple[Credential, Approval]] = []
    for application, fixed in _stated(secrets_of(manifest)):
        held = stores.credentials.by_key(fixed.key)
        if held is None:
            add.append((application, fixed))
        elif held.application != application:
            raise ApplyRefused(f"an API key stated for {application} belongs to {held.application} already")
        elif held.expires != fixed.expires:
            raise ApplyRefused(f"the API key {held.id} of {application} was issued with another expiry: state another key")
        elif fixed.secret is not None and held.secret != fixed.secret:
            raise ApplyRefused(f"the API key {held.id} of {application} was issued with another secret: state another key")
        elif held.status != fixed.status:
            change.append((held, fixed.status))
    leaving = [credential for kind, name in removed if kind == "applications" for credential in stores.credentials.of(name)]
    return KeyWork(tuple(add), tuple(change), tuple(held for held in leaving if held.status != Approval.REVOKED), _secret_work(stores, manifest, removed),
                   _passwords(stores, removed))


def _secret_work(stores: Stores, manifest: Manifest, removed: Sequence[tuple[str, str]]) -> tuple[tuple[str, str, str | None], ...]:
    stated = secrets_of(manifest).sign_in
    new = [(section, name, secret) for (section, name), secret in stated.items()
           if stores.values.get(secret_name(section, name)) != secret]
    gone = [(section, name, None) for section, name in removed
            if section in SECRET_SECTIONS and stores.values.get(secret_name(section, name)) is not None]
    return (*new, *gone)


def _passwords(stores: Stores, removed: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    leaving = {name for kind, name in removed if kind == "mailboxes"}
    return tuple(sorted(leaving & stores.mailboxes.passwords().keys())) if leaving else ()


def apply(
    stores: Stores, manifest: Manifest, seen: int, documents: Changes, keys: KeyWork, now: datetime, new_event: NewEvent
) -> int:
    """Store everything and return the generation that holds it.

    `seen` is the generation at which the difference was shown: raises `ApplyRefused` when the manifest has changed since.
    """
    for section, name, secret in keys.sign_in:
        stores.values.put(secret_name(section, name), secret)
    put = [StoredDocument(entry.kind, entry.name, entry.body) for entry in (*documents.put, *_touched(manifest, documents, keys))]
    if put or documents.remove:
        event = new_event(EventType.MANIFEST_APPLIED, put=len(put), removed=len(documents.remove))
        if MESSAGE_KEYS in {kind for kind, _ in documents.remove} | {entry.kind for entry in put}:
            _remember_keys(stores, manifest)
        try:
            stores.documents.write(put, documents.remove, event, seen)
        except Superseded:
            raise ApplyRefused("the manifest was changed while you looked at the difference: run the command again") from None
    _apply_keys(stores, keys, now, new_event)
    for mailbox in keys.passwords:
        stores.mailboxes.forget_password(mailbox, new_event(EventType.MAILBOX_CHANGED, mailbox=mailbox, change="password forgotten"))
    status_key = secrets_of(manifest).status_key
    if status_key is not None and stores.values.set_if_absent(STATUS_KEY, status_key) != status_key:
        raise ApplyRefused("everything is stored, but this Wardgate has another monitoring key already: take status_key out of the manifest")
    return stores.generation.current()


def _remember_keys(stores: Stores, manifest: Manifest) -> None:
    _, stored = stores.documents.load()
    if stored:
        remember_keys(stores, from_documents(stored), manifest)


def _touched(manifest: Manifest, documents: Changes, keys: KeyWork) -> Iterator[ManifestDocument]:
    """Entries with another secret are written again: that is how those who hold them in memory learn of it."""
    names = {(section, name) for section, name, secret in keys.sign_in if secret is not None}
    names -= {(entry.kind, entry.name) for entry in documents.put}
    for section, model in parts_of(manifest):
        if (section, key_of(section, model)) in names:
            yield document_of(section, model)


def documents_to_change(stores: Stores, manifest: Manifest) -> tuple[int, Manifest | None, Changes]:
    """Return the generation, the manifest the store holds (None: none yet) and the smallest step to `manifest`.

    Raises `ApplyRefused` for message keys that may not become what is stated.
    """
    generation, stored = stores.documents.load()
    before = from_documents(stored) if stored else None
    broken = refused_keys(stores, before, manifest)
    if broken:
        raise ApplyRefused("\n".join(broken))
    return generation, before, changes(stored, manifest)


def _apply_keys(stores: Stores, keys: KeyWork, now: datetime, new_event: NewEvent) -> None:
    credentials = stores.credentials
    for application, fixed in keys.add:
        made = Credential(secrets.token_hex(8), application, fixed.key, fixed.status.value, now, fixed.expires, secret=fixed.secret)
        credentials.add(made, new_event(EventType.CREDENTIAL_ISSUED, application, credential=made.id, status=fixed.status.value))
    for held, status in [*keys.change, *((held, Approval.REVOKED) for held in keys.revoke)]:
        kind = EventType.CREDENTIAL_REVOKED if status is Approval.REVOKED else EventType.APPLICATION_CHANGED
        event = new_event(kind, held.application, credential=held.id, status=status.value)
        credentials.set_status(held.id, status.value, now, event)


def _stated(spelt: Secrets) -> Iterator[tuple[str, FixedKey]]:
    for application, fixed_keys in spelt.api_keys.items():
        for fixed in fixed_keys:
            yield application, fixed
