"""Secrets of mailboxes that the demo publishes: refused in a live environment, as its keys are (`demo.refuse_live`)."""

from wardgate.demo.post import MAILBOX_PASSWORD, SHARED_KEY
from wardgate.manifest import Manifest
from wardgate.server.errors import StartRefused
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.stores import Stores


def is_published(secret: str) -> bool:
    """Whether everyone knows a password or shared key of mailboxes."""
    return secret in {MAILBOX_PASSWORD, SHARED_KEY}


def refuse_published_secrets(stores: Stores, manifest: Manifest) -> None:
    """Raise `StartRefused` when a live environment has the demo's password at a mailbox, or its shared key."""
    if not manifest.environment.live:
        return
    if stores.values.get(MESH_SHARED_KEY) == SHARED_KEY:
        raise StartRefused("the shared key of the mailboxes is the demo's, which everyone knows: wardgate mesh shared-key set FILE")
    known = sorted(mailbox for mailbox, password in stores.mailboxes.passwords().items() if password == MAILBOX_PASSWORD)
    if known:
        raise StartRefused(f"the password of {', '.join(known)} is the demo's, which everyone knows: wardgate mesh mailbox password {known[0]}")
