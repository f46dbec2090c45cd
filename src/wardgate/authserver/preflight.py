"""CORS preflights, as the platform answers them (user-restricted 2.1).

Of the other answers only that to a code carries CORS headers, as on the platform: elsewhere no browser has business.
"""

from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import NEVER_CACHED, Header, Send, respond


def is_preflight(method: str, exchange: Exchange) -> bool:
    """Both headers must be there (Fetch standard, section 3.2.2)."""
    return method == "OPTIONS" and b"origin" in exchange.headers and b"access-control-request-method" in exchange.headers


async def preflight(exchange: Exchange, send: Send) -> None:
    """Echo the origin and name what the platform names."""
    await respond(send, 200, [*NEVER_CACHED, *cors_headers(exchange)], b"")


def cors_headers(exchange: Exchange) -> tuple[Header, ...]:
    """Return the headers that let a page of the request's origin read the answer; none when it names no origin."""
    origin = exchange.headers.get(b"origin")
    if origin is None:
        return ()
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-headers", b"origin, x-requested-with, accept, content-type, authorization"),
        (b"access-control-max-age", b"600"),
        (b"access-control-allow-methods", b"GET, PUT, POST, DELETE"),
        (b"vary", b"Origin"),
    )
