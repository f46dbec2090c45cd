"""Which mailboxes may send what to whom, and which keys speak for an organisation, as two manifests state it.

Receivers are told together: a workflow may have thousands on each side.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from wardgate.manifest.model import Manifest
from wardgate.sealing.keys import State, Use
from wardgate.workflows.post_office import PostOffice, Rules

MESSAGE: Final = "message"
"""The pattern's name of what is sent by mailboxes."""
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
MAX_NAMED: Final = 5
"""Receivers that are named; more are counted."""

Row = tuple[str, str, str, str]
"""(who, of what, what, how): as `access.Gain` and `access.Loss` have them."""


def compare_messages(before: Manifest | None, after: Manifest) -> tuple[list[Row], list[Row]]:
    """Return what is gained and what is lost."""
    old, new = _office(before), _office(after)
    gained, lost = list(_sending(new, old)), list(_sending(old, new))
    held, wanted = _keys(before), _keys(after)
    return gained + sorted(wanted - held), lost + sorted(held - wanted)


@dataclass(frozen=True, slots=True)
class StatedKey:
    """What of a published key holds for ever: whose it is, what for, the digest of its certificate, and that it was revoked."""

    organisation: str
    use: Use
    certificate: str
    revoked: bool

    @classmethod
    def of(cls, organisation: str, use: Use, certificate_pem: str, *, revoked: bool) -> Self:
        """Return it with the digest of the key's own certificate, the first; how it is broken into lines, and what lies between it and an anchor, may change."""
        own = certificate_pem.partition(_BEGIN)[2].partition(_END)[0]
        return cls(organisation, use, hashlib.sha256("".join(own.split()).encode()).hexdigest(), revoked)


def stated_keys(manifest: Manifest | None) -> dict[str, StatedKey]:
    """Return every message key of a manifest by its id."""
    return {
        key.kid: StatedKey.of(stated.organisation, key.use, key.certificate, revoked=key.state is State.REVOKED)
        for stated in (manifest.message_keys if manifest is not None else ()) for key in stated.keys
    }


def _none_known(_kid: str) -> Iterable[StatedKey]:
    return ()


def broken_promises(before: Manifest | None, after: Manifest, former: Callable[[str], Iterable[StatedKey]] = _none_known) -> Iterator[str]:
    """What message keys may not become: a key id is of one certificate for ever, and what is revoked stays so.

    `former` tells what is known of a key id that `before` does not state: keys that left the manifest.
    """
    held = stated_keys(before)
    for kid, key in stated_keys(after).items():
        for was in (held[kid],) if kid in held else former(kid):
            if (was.organisation, was.use, was.certificate) != (key.organisation, key.use, key.certificate):
                yield f"the key id {kid} was published for another certificate, of {was.organisation}: give the new key an id of its own"
                break
            if was.revoked and not key.revoked:
                yield f"the key {kid} of {was.organisation} was revoked, and stays so: make a new key"
                break


def _office(manifest: Manifest | None) -> PostOffice:
    if manifest is None:
        return PostOffice()
    closed = frozenset(found.ods for found in manifest.organisations if not found.active)
    return PostOffice.of(manifest.mailboxes, manifest.workflows, closed)


def _sending(office: PostOffice, other: PostOffice) -> Iterator[Row]:
    """What mailboxes may send here and may not send there, or not in the same way."""
    for workflow, rules in office.rules.items():
        there = other.rules.get(workflow)
        same_way = there is not None and there.messages.protection is rules.messages.protection
        here, elsewhere = _receivers(office, rules), _receivers(other, there) if there is not None and same_way else {}
        told: dict[tuple[frozenset[str], frozenset[str]], str] = {}
        for sender, receivers in here.items():
            pair = (receivers, elsewhere.get(sender, frozenset()))
            if pair not in told:
                told[pair] = _listed(pair[0] - pair[1])
            if told[pair]:
                yield f"mailbox {sender}", workflow, f"sending to {told[pair]}", f"{MESSAGE}, {rules.messages.protection}"


def _receivers(office: PostOffice, rules: Rules) -> Mapping[str, frozenset[str]]:
    """The active mailboxes that each active sender may send to. Senders of one exchange share a set."""
    active = {name for name, mailbox in office.mailboxes.items() if mailbox.active}
    found: dict[str, frozenset[str]] = {}
    joined: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}
    for exchange in rules.exchanges:
        to = frozenset(exchange.receivers & active)
        for sender in exchange.senders & active:
            pair = (found.get(sender, frozenset()), to)
            found[sender] = joined.setdefault(pair, pair[0] | pair[1])
    return found


def _listed(receivers: Collection[str]) -> str:
    names = sorted(receivers)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def _keys(manifest: Manifest | None) -> set[Row]:
    """Each key that is believed: a signing key that is not revoked, and an encryption key that others seal to."""
    return {
        (f"organisation {stated.organisation}", "messages", f"{'signing by' if key.use is Use.SIGNING else 'receiving under'} the key {key.kid}", f"{MESSAGE} key")
        for stated in (manifest.message_keys if manifest is not None else ()) for key in stated.keys
        if key.state is State.PUBLISHED or (key.use is Use.SIGNING and key.state is State.RETIRED)
    }
