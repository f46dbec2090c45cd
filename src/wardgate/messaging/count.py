"""`GET /{mailbox}/count`: how many messages wait. Deprecated (itk3-messaging 5.2)."""

from wardgate.mesh import bodies
from wardgate.messaging.call import Call


async def count(call: Call) -> None:
    """Answer with the number."""
    version = call.version
    number = await call.server.run(call.server.mailboxes.count, call.mailbox.id)
    await call.claim()
    await call.answer(200, bodies.count(version, number, call.internal_id))
