"""Bringing the store to what a manifest says: its documents in one step, then the API keys it spells out.

API keys are kept encrypted beside the documents, so they follow in steps of their own; an apply that was interrupted in
between is finished by the next one, which finds no difference in documents and adds the keys that are missing.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.applications import Approval, FixedKey
from wardgate.audit import EventType
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.manifest import Manifest
from wardgate.manifest.documents import Changes, Secrets, changes, secrets_of
from wardgate.stores.ports import Credential, StoredDocument

STATUS_KEY: Final = "status-key"
"""The name under which the store keeps the monitoring key of `_status`."""


@dataclass(frozen=True, slots=True)
class KeyWork:
    """What is to be done to API keys: new ones, other states, and keys whose application goes away."""

    add: tuple[tuple[str, FixedKey], ...]
    change: tuple[tuple[Credential, Approval], ...]
    revoke: tuple[Credential, ...]

    def __bool__(self) -> bool:
        return bool(self.add or self.change or self.revoke)

    def lines(self) -> list[str]:
        """Return what will be done, naming applications and never a key."""
        return [*(f"  + API key of {application} ({fixed.status})" for application, fixed in self.add),
                *(f"  ~ API key {held.id} of {held.application}: {held.status} -> {status}" for held, status in self.change),
                *(f"  - API key {held.id} of {held.application}, which goes away: revoked" for held in self.revoke)]


def key_work(world: World, manifest: Manifest, removed: Sequence[tuple[str, str]]) -> KeyWork:
    """Compare the manifest's keys with the store's. Raises `Failed` for a key that cannot become what is stated."""
    add: list[tuple[str, FixedKey]] = []
    change: list[tuple[Credential, Approval]] = []
    for application, fixed in _stated(secrets_of(manifest)):
        held = world.stores.credentials.by_key(fixed.key)
        if held is None:
            add.append((application, fixed))
        elif held.application != application:
            raise Failed(f"an API key stated for {application} belongs to {held.application} already")
        elif held.expires != fixed.expires:
            raise Failed(f"the API key {held.id} of {application} was issued with another expiry: state another key")
        elif held.status != fixed.status:
            change.append((held, fixed.status))
    leaving = [credential for kind, name in removed if kind == "applications" for credential in world.stores.credentials.of(name)]
    return KeyWork(tuple(add), tuple(change), tuple(held for held in leaving if held.status != Approval.REVOKED))


def apply(world: World, manifest: Manifest, seen: int, documents: Changes, keys: KeyWork) -> int:
    """Store everything and return the generation that holds it.

    `seen` is the generation at which the difference was shown: raises `Failed` when the store has changed since.
    """
    if world.stores.generation.current() != seen:
        raise Failed("the store was changed while you looked at the difference: run the command again")
    if documents:
        put = [StoredDocument(entry.kind, entry.name, entry.body) for entry in documents.put]
        event = world.event(EventType.MANIFEST_APPLIED, put=len(put), removed=len(documents.remove))
        world.stores.documents.write(put, documents.remove, event)
    _apply_keys(world, keys)
    status_key = secrets_of(manifest).status_key
    if status_key is not None and world.stores.values.set_if_absent(STATUS_KEY, status_key) != status_key:
        raise Failed("everything is stored, but this Wardgate has another monitoring key already: take status_key out of the manifest")
    return world.stores.generation.current()


def documents_to_change(world: World, manifest: Manifest) -> tuple[int, Manifest | None, Changes]:
    """Return the generation, the manifest the store holds (None: none yet) and the smallest step to `manifest`."""
    generation, stored = world.documents()
    before = world.manifest()[1] if stored else None
    return generation, before, changes(stored, manifest)


def _apply_keys(world: World, keys: KeyWork) -> None:
    credentials = world.stores.credentials
    for application, fixed in keys.add:
        made = Credential(secrets.token_hex(8), application, fixed.key, fixed.status.value, world.now, fixed.expires)
        credentials.add(made, world.event(EventType.CREDENTIAL_ISSUED, application, credential=made.id, status=fixed.status.value))
    for held, status in [*keys.change, *((held, Approval.REVOKED) for held in keys.revoke)]:
        kind = EventType.CREDENTIAL_REVOKED if status is Approval.REVOKED else EventType.APPLICATION_CHANGED
        event = world.event(kind, held.application, credential=held.id, status=status.value)
        credentials.set_status(held.id, status.value, world.now, event)


def _stated(spelt: Secrets) -> Iterator[tuple[str, FixedKey]]:
    for application, fixed_keys in spelt.api_keys.items():
        for fixed in fixed_keys:
            yield application, fixed
