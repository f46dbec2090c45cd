"""`GET /_ping`: whether anybody is there. It needs no token (itk3-messaging 5.2)."""

from wardgate.messaging.call import Call


async def ping(call: Call) -> None:
    """Answer that the server runs."""
    await call.answer(200, {"status": "running", "outcome": "Yes"})
