"""`POST /{mailbox}`, and GET: whether a client can reach its mailbox (itk3-messaging 5.2)."""

from wardgate.mesh import bodies, headers
from wardgate.messaging.call import Call


async def handshake(call: Call) -> None:
    """Answer with the mailbox."""
    version = call.version
    headers.check_handshake(call.headers)
    await call.claim()
    await call.answer(200, bodies.handshake(version, call.mailbox.id))
