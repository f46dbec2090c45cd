"""What the demo's mailboxes and message keys are at the first start: passwords that are published, and keys of this environment's own authority."""

from contextlib import suppress
from datetime import datetime
from typing import Final

from wardgate.audit.model import EventType
from wardgate.ca.authority import CertificateAuthority
from wardgate.demo.post import MAILBOX_PASSWORD, SHARED_KEY, mailboxes
from wardgate.keystores.private_keys import load_private, new_private_pem
from wardgate.manifest import Manifest
from wardgate.manifest.documents import document_of, from_documents
from wardgate.sealing.keys import Use
from wardgate.server.former_keys import refused_keys
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.preparing import event_of_start
from wardgate.stores import Stores, Superseded
from wardgate.stores.errors import AlreadyExists
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.stores.ports import StoredDocument
from wardgate.workflows.model import MessageKeys, PublishedKey

SHORT: Final = {Use.SIGNING: "sig", Use.ENCRYPTION: "enc"}


def prepare_post(stores: Stores, authority: CertificateAuthority, moment: datetime) -> None:
    """Give the demo's mailboxes the published password where they have none, and their organisations keys where there are none.

    Another start at the same moment, or one that was cut short, does no harm.
    """
    ours = mailboxes()
    present = [mailbox for mailbox in _manifest(stores).mailboxes if ours.get(mailbox.id) == mailbox.organisation]
    if not present:
        return
    stores.values.set_if_absent(MESH_SHARED_KEY, SHARED_KEY)
    held = stores.mailboxes.passwords()
    for mailbox in present:
        if mailbox.id not in held:
            stores.mailboxes.set_password(mailbox.id, MAILBOX_PASSWORD, event_of_start(EventType.MAILBOX_CHANGED, mailbox=mailbox.id, change="password"))
    for ods in sorted({mailbox.organisation for mailbox in present} - _with_keys(stores)):
        keys = [_key(stores, authority, ods, use, moment) for use in Use]
        _publish(stores, MessageKeys(organisation=ods, keys=tuple(
            PublishedKey(kid=key.kid, use=key.use, certificate=key.certificate_pem or "") for key in keys)))


def _manifest(stores: Stores) -> Manifest:
    return from_documents(stores.documents.load()[1])


def _with_keys(stores: Stores) -> set[str]:
    """Return the organisations with keys that are not the demo's own: made by somebody, or a partner's."""
    demo = {_kid(ods, use) for ods in mailboxes().values() for use in Use}
    stated = {one.organisation for one in _manifest(stores).message_keys}
    return stated | {key.organisation for key in stores.message_keys.all() if key.kid not in demo}


def _key(stores: Stores, authority: CertificateAuthority, ods: str, use: Use, moment: datetime) -> HeldMessageKey:
    kid = _kid(ods, use)
    held = stores.message_keys.get(kid)
    if held is not None:
        return held
    private_pem = new_private_pem("ec")
    chain = authority.certify_message_key(load_private(private_pem).public_key(), organisation=ods, use=use, kid=kid, now=moment).chain_pem
    made = HeldMessageKey(kid, ods, use, moment, private_pem, None, chain)
    try:
        stores.message_keys.add(made, event_of_start(
            EventType.MESSAGE_KEY_CHANGED, kid=kid, organisation=ods, change="made", use=use.value, hardware=False))
    except AlreadyExists:  # another node starts at the same moment
        return stores.message_keys.get(kid) or made
    return made


def _publish(stores: Stores, keys: MessageKeys) -> None:
    before = _manifest(stores)
    if refused_keys(stores, before, before.model_copy(update={"message_keys": (*before.message_keys, keys)})):
        return  # they were revoked, and then taken out of the manifest: nobody publishes them again
    document = document_of("message_keys", keys)
    event = event_of_start(EventType.MESSAGE_KEY_CHANGED, kid="", organisation=keys.organisation, change="published", keys=len(keys.keys))
    with suppress(Superseded):
        stores.documents.write([StoredDocument(document.kind, document.name, document.body)], [], event, stores.documents.load()[0])


def _kid(ods: str, use: Use) -> str:
    return f"demo-{ods.lower()}-{SHORT[use]}"
