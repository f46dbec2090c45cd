"""What must happen now and then: keys rotate, lists are renewed, the chain is signed, what is over is forgotten.

A chore that fails is logged and tried again at its next time; one that must not fail silently, the revocation lists, is
also in `_status`.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wardgate.audit.checkpoint import sign_checkpoint
from wardgate.ca import CertificateAuthority
from wardgate.keystores import DatabaseKeys
from wardgate.keystores.database import ACCESS_TOKEN, AUDIT
from wardgate.server.exchange_rounds import MessageRounds
from wardgate.server.messaging import MessagingChores
from wardgate.server.partner_lists import PartnerLists
from wardgate.stores import Stores
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import Checkpoint

HOUR: Final = 3600.0
MINUTE: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chores:
    """The parts the chores work on. Every method is blocking and safe to repeat."""

    stores: Stores
    keys: DatabaseKeys
    authority: CertificateAuthority
    now: Callable[[], datetime]
    checkpoint_seconds: float = MINUTE
    messages: MessagingChores | None = None
    handled: MessageRounds | None = None
    partner_lists: PartnerLists | None = None

    async def run(self) -> None:
        """Do each chore at its own pace until cancelled."""
        rounds: tuple[tuple[Callable[[], None], float], ...] = ((self.checkpoint, self.checkpoint_seconds), (self.renew, 10 * MINUTE), (self.rotate, HOUR), (self.forget, 10 * MINUTE))
        if self.messages is not None:
            rounds += ((self.messages.expire, MINUTE), (self.messages.purge, 10 * MINUTE), (self.messages.sweep, HOUR))
        if self.handled is not None:
            rounds += ((self.handled.purge, HOUR), (self.handled.sweep, HOUR))
        if self.partner_lists is not None:
            rounds += ((self.partner_lists.fetch, self.partner_lists.every_seconds),)
        await asyncio.gather(*(self._repeat(chore, seconds) for chore, seconds in rounds))

    async def _repeat(self, chore: Callable[[], None], seconds: float) -> None:
        while True:
            try:
                await asyncio.to_thread(chore)
            except StoreError as error:
                _log.warning("the chore %s could not be done and will be tried again: %s", chore.__name__, error)
            except Exception:  # noqa: BLE001 - one failed chore must not end the others
                _log.exception("the chore %s failed and will be tried again", chore.__name__)
            await asyncio.sleep(seconds)

    def checkpoint(self) -> None:
        """Sign the head of the audit chain, if it has moved since the last signature."""
        head = self.stores.audit.head()
        known = self.stores.audit.checkpoints()
        if head is None or (known and known[-1].seq >= head.seq):
            return
        now = self.now()
        signer = self.keys.signer(AUDIT, now)
        signature = sign_checkpoint(head.seq, head.hash, now, signer.kid, signer.sign)
        self.stores.audit.add_checkpoint(Checkpoint(head.seq, now, head.hash, signature))

    def renew(self) -> None:
        """Re-issue revocation lists at half of their life, or when they do not say what the store says."""
        self.authority.publish_crls(self.now())

    def rotate(self) -> None:
        """Make the next signing key of each use when it is due."""
        for use in (ACCESS_TOKEN, AUDIT):
            self.keys.rotate_if_due(use, self.now())

    def forget(self) -> None:
        """Purge single uses, revocations, quota windows, sign-ins and lock-outs that are over."""
        now = self.now()
        stores = self.stores
        for store in (stores.single_uses, stores.tokens, stores.grants, stores.quotas, stores.kept, stores.failed_tries):
            store.purge(now)
