"""CORS preflights, as the platform answers them (user-restricted 2.1).

No other answer carries CORS headers: the clients of this grant are confidential, and no browser holds their key.
"""

from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import NEVER_CACHED, Send, respond


def is_preflight(method: str, exchange: Exchange) -> bool:
    """Both headers must be there (Fetch standard, section 3.2.2)."""
    return method == "OPTIONS" and b"origin" in exchange.headers and b"access-control-request-method" in exchange.headers


async def preflight(exchange: Exchange, send: Send) -> None:
    """Echo the origin and name what the platform names."""
    await respond(send, 200, [
        *NEVER_CACHED,
        (b"access-control-allow-origin", exchange.headers[b"origin"]),
        (b"access-control-allow-headers", b"origin, x-requested-with, accept, content-type, authorization"),
        (b"access-control-max-age", b"600"),
        (b"access-control-allow-methods", b"GET, PUT, POST, DELETE"),
        (b"vary", b"Origin"),
    ], b"")
