"""What is recorded of a message, kept for a while after it was read: the acknowledgement that follows need not ask the store again.

Nothing in it changes once a message is complete. It decides nothing: the step of the acknowledgement does.
"""

from collections import OrderedDict
from typing import Final

from wardgate.mesh.model import MailboxMessage

MOST: Final = 1_000


class RecentMessages:
    """The last messages that were read here, without their headers."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, MailboxMessage] = OrderedDict()

    def keep(self, message: MailboxMessage) -> None:
        """Keep a complete message in place of the one that was kept longest."""
        self._kept[message.id] = MailboxMessage(
            message.id, message.type, message.sender, message.recipient, message.workflow, message.status, message.created, message.total_chunks, {},
            local_id=message.local_id, size=message.size,
        )
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def take(self, message_id: str) -> MailboxMessage | None:
        """Return a message that was kept, and forget it."""
        return self._kept.pop(message_id, None)
