"""Message keys as the commands find them: the documents, the private halves that are held here, and the module they may be in."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wardgate.audit import Event, EventType
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.stating import store_change
from wardgate.keystores.message_keys import MessageKeyRing
from wardgate.keystores.pkcs11 import HardwareModule
from wardgate.manifest import Manifest
from wardgate.pki import pem
from wardgate.pki.chain import fingerprint
from wardgate.sealing.keys import Use
from wardgate.server.message_keys import directory_of_keys, hardware_of
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.workflows.key_directory import PublishedKeys
from wardgate.workflows.model import MessageKeys, PublishedKey

SHORT: Final = {Use.SIGNING: "sig", Use.ENCRYPTION: "enc"}


@dataclass(frozen=True, slots=True)
class Known:
    """One key: what the directory has of it, and what is held of it here."""

    kid: str
    organisation: str
    use: Use
    published: PublishedKey | None
    held: HeldMessageKey | None

    @property
    def certificate(self) -> x509.Certificate | None:
        """Its certificate, once it has one."""
        text = self.published.certificate if self.published is not None else self.held.certificate_pem if self.held is not None else None
        return pem.certificates(text.encode("ascii"))[0] if text else None

    @property
    def state(self) -> str:
        """Where it stands, in a word."""
        if self.published is not None:
            return self.published.state.value
        if self.held is None or self.held.is_erased:
            return "erased"
        return "uncertified" if self.held.certificate_pem is None else "made"

    def data(self) -> dict[str, Any]:
        """Return the form for `--output json`."""
        certificate, held = self.certificate, self.held
        where = None if held is None else "erased" if held.is_erased else "hardware" if held.hardware else "store"
        return {
            "kid": self.kid, "organisation": self.organisation, "use": self.use.value, "state": self.state, "private": where,
            "hardware": held.hardware if held is not None else None,
            "not_after": certificate.not_valid_after_utc.isoformat() if certificate is not None else None,
            "fingerprint": fingerprint(certificate) if certificate is not None else None,
            "revoked_at": _iso(self.published.revoked_at) if self.published is not None else None,
            "opens_until": _iso(held.opens_until) if held is not None else None,
        }


def known_keys(world: World) -> list[Known]:
    """Return every key, of partners too, by organisation and kid."""
    _, manifest = world.manifest()
    held = {key.kid: key for key in world.stores.message_keys.all()}
    found = [Known(key.kid, stated.organisation, key.use, key, held.pop(key.kid, None)) for stated in manifest.message_keys for key in stated.keys]
    found += [Known(key.kid, key.organisation, key.use, None, key) for key in held.values()]
    return sorted(found, key=lambda one: (one.organisation, one.kid))


def known_key(world: World, kid: str) -> Known:
    """Return one key. Raises `Failed` when there is none."""
    found = next((key for key in known_keys(world) if key.kid == kid), None)
    if found is None:
        raise Failed(f"there is no message key {kid}: wardgate message keys list")
    return found


def new_kid(world: World, organisation: str, use: Use, stated: str | None) -> str:
    """Return the id of a new key: the one that is stated, or one made of organisation, use, day and chance. Raises `Failed` for one that was used."""
    kid = stated or f"{organisation.lower()}-{SHORT[use]}-{world.now:%Y%m%d}-{secrets.token_hex(3)}"
    if any(key.kid.casefold() == kid.casefold() for key in known_keys(world)):
        raise Failed(f"the key id {kid} was used before: an id is never used again")
    return kid


def check_organisation(world: World, ods: str) -> None:
    """Raise `Failed` for an organisation that the manifest does not describe."""
    if all(found.ods != ods for found in world.manifest()[1].organisations):
        raise Failed(f"there is no organisation {ods} in the manifest")


def document_for(manifest: Manifest, ods: str) -> MessageKeys:
    """Return an organisation's document, an empty one where it has none yet."""
    return next((found for found in manifest.message_keys if found.organisation == ods), MessageKeys(organisation=ods))


def change_document(world: World, ods: str, change: Callable[[MessageKeys], MessageKeys], event: Event) -> int:
    """Change an organisation's document, and return the generation. Raises `Failed`."""
    return store_change(world, lambda manifest: ([("message_keys", change(document_for(manifest, ods)))], []), event)


def with_key(document: MessageKeys, key: PublishedKey) -> MessageKeys:
    """Return the document with a key, in place of one with its id."""
    others = tuple(found for found in document.keys if found.kid != key.kid)
    return document.model_copy(update={"keys": (*others, key)})


def key_event(world: World, kid: str, organisation: str, change: str, **details: Any) -> Event:
    """Return an event about a message key."""
    return world.event(EventType.MESSAGE_KEY_CHANGED, kid=kid, organisation=organisation, change=change, **details)


def hardware(world: World) -> HardwareModule | None:
    """Return the hardware module of this installation, if one is set."""
    return hardware_of(world.settings, os.environ)


def directory(world: World) -> PublishedKeys:
    """Return the directory of message keys as it stands."""
    _, manifest = world.manifest()
    return directory_of_keys(world.stores, manifest.environment, manifest.message_keys)


def ring(world: World) -> MessageKeyRing:
    """Return the private keys of this installation."""
    found = directory(world)
    keys = MessageKeyRing(world.stores.message_keys, lambda: found, lambda: world.now, hardware(world))
    keys.reload()
    return keys


def spki(public: Any) -> bytes:
    """Return a public key as DER, to compare."""
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
