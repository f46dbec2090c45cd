"""`PUT /{mailbox}/inbox/{message_id}/status/acknowledged`: the recipient has the message safe; again is the same (itk3-messaging 5.2)."""

from wardgate.audit.model import EventType
from wardgate.mesh import bodies
from wardgate.mesh.errors import MeshRefused
from wardgate.messaging.call import Call
from wardgate.messaging.record import message_event
from wardgate.stores.mailboxes import Acknowledge, Done


async def acknowledge(call: Call) -> None:
    """Acknowledge, and answer with the id."""
    version, message_id, mailbox = call.version, call.parts["message_id"], call.mailbox.id
    message = call.server.recent.take(message_id) or await call.server.run(call.server.mailboxes.message, message_id)
    if message is None:
        raise MeshRefused("mesh-message-unknown", message_id=message_id)
    if message.recipient != mailbox:
        raise MeshRefused("mesh-message-of-another")
    event = message_event(call, EventType.MAILBOX_ACKNOWLEDGED, message)
    done = await call.step(Acknowledge(message_id, mailbox, call.at, call.use, event))
    if done is Done.UNKNOWN:
        raise MeshRefused("mesh-message-unknown", message_id=message_id)
    if done is not Done.DONE:
        raise MeshRefused("mesh-message-gone", "accepted or acknowledged", "given up", message_id=message_id)
    await call.answer(200, bodies.acknowledged(version, message_id))
