"""Message keys that left the manifest: of each its id stays taken and its revocation stays, whoever states it again.

Keys that are held here are in the store of private keys for ever; of the others this remembers what is needed to tell.
"""

import json
from collections.abc import Iterator
from typing import Final

from wardgate.manifest import Manifest
from wardgate.manifest.message_access import StatedKey, broken_promises, stated_keys
from wardgate.sealing.keys import Use
from wardgate.stores import Stores

MESSAGE_KEYS: Final = "message_keys"
"""The section of the manifest that they are stated in."""
PLACE: Final = "former-message-key/"
"""With the kid, the name under which the store keeps it."""


def refused_keys(stores: Stores, before: Manifest | None, after: Manifest) -> list[str]:
    """Return every promise of message keys that `after` would break. A new installation has made none."""
    if before is None:
        return list(broken_promises(None, after))
    return list(broken_promises(before, after, lambda kid: _former(stores, kid)))


def remember_keys(stores: Stores, before: Manifest | None, after: Manifest) -> None:
    """Remember the keys that are about to leave. Call it before `after` is stored: so nothing is lost in between."""
    held, stay = stated_keys(before), stated_keys(after)
    for kid in held.keys() - stay.keys():
        key = held[kid]
        said = {"organisation": key.organisation, "use": key.use.value, "certificate": key.certificate, "revoked": key.revoked}
        stores.values.put(PLACE + kid, json.dumps(said))


def _former(stores: Stores, kid: str) -> Iterator[StatedKey]:
    """Yield what is known of a key that is not in the manifest, from each place that knows something."""
    said = stores.values.get(PLACE + kid)
    if said is not None:
        found = json.loads(said)
        yield StatedKey(found["organisation"], Use(found["use"]), found["certificate"], found["revoked"])
    held = stores.message_keys.get(kid)
    if held is not None and held.certificate_pem is not None:
        yield StatedKey.of(held.organisation, held.use, held.certificate_pem, revoked=False)
