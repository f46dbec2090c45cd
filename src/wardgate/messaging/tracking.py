"""`GET /{mailbox}/outbox/tracking`: what became of a message, for its sender alone; another's is unknown (itk3-messaging 5.2)."""

from contextlib import suppress

from wardgate.mesh.errors import MeshRefused, wrong_parameter
from wardgate.mesh.model import MailboxMessage
from wardgate.mesh.tracking import tracking
from wardgate.mesh.versions import V1
from wardgate.messaging.call import Call
from wardgate.messaging.server import MailboxServer

MAX_ID_CHARACTERS = 300


async def track(call: Call) -> None:
    """Answer about the message of an id. Refused when there is none, or another mailbox sent it: as if there were none."""
    version, asked = call.version, call.query().get("messageID", "")
    if not asked:
        raise wrong_parameter("mesh-parameter-missing", "missing", "query", "messageID")
    if len(asked) > MAX_ID_CHARACTERS:
        raise wrong_parameter("mesh-parameter-long", "string_too_long", "query", "messageID", MAX_ID_CHARACTERS)
    message = await call.server.run(call.server.mailboxes.message, asked.upper())
    if message is None or message.sender != call.mailbox.id:
        raise MeshRefused("mesh-tracking-unknown")
    await _answer(call, version, message)


async def track_by_local_id(call: Call) -> None:
    """Answer about the one message that the sender gave this id, in version 1 always. Refused when there is none, or several."""
    found = await call.server.run(_sent, call.server, call.mailbox.id, call.parts["local_id"])
    if not found:
        raise MeshRefused("mesh-tracking-unknown")
    if len(found) > 1:
        raise MeshRefused("mesh-tracking-several", "one message", str(len(found)))
    await _answer(call, V1, found[0])


def _sent(server: MailboxServer, mailbox: str, local_id: str) -> list[MailboxMessage]:
    """Return the messages of a local id as its octets are in the path, and of one that clients write in UTF-8 there and in Latin-1 in the header."""
    found = list(server.mailboxes.sent(mailbox, local_id))
    with suppress(UnicodeDecodeError):
        text = local_id.encode("latin-1").decode("utf-8")
        found += server.mailboxes.sent(mailbox, text) if text != local_id else ()
    return found


async def _answer(call: Call, version: int, message: MailboxMessage) -> None:
    server = call.server
    await call.claim()
    await call.answer(200, tracking(version, message, server.party(message.sender), server.party(message.recipient)))
