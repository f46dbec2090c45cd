"""The one place where a refusal becomes an answer and an event (application-restricted 6.7).

The body has the three members of the platform; a 405 has none, a 429 the eight of section 9. The header
`x-wardgate-reason` names the reason on every refusal.
"""

from typing import Final

from wardgate.audit.model import Outcome
from wardgate.authserver.authenticate import RateLimited
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import JSON, NEVER_CACHED, Header, Send, encode_json, respond
from wardgate.oauth.errors import OAuthRefused
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect, body, rate_limit_body

_TEXT: Final[Header] = (b"content-type", b"text/plain")


class AlreadyRecorded(Exception):
    """A refusal whose event was stored in the same step that decided it."""

    def __init__(self, refused: OAuthRefused) -> None:
        super().__init__(refused.code)
        self.refused = refused


def refusal_of(refused: OAuthRefused) -> Refusal:
    """Return the catalogue's row for an error of `oauth`."""
    return Refusal(reason(refused.code), refused.expected, refused.received, refused.values)


async def record(server: AuthServer, exchange: Exchange, refusal: Refusal) -> None:
    """Store the event of a refusal."""
    await server.record(exchange.event(exchange.refused_as, Outcome.REFUSED, refusal.reason.code, {
        key: value for key, value in (("expected", refusal.expected), ("received", refusal.received)) if value is not None
    }))


async def answer(exchange: Exchange, refused: OAuthRefused, send: Send, *, head: bool = False) -> None:
    """Send the refusal in the shape of its row."""
    refusal = refusal_of(refused)
    row = refusal.reason
    headers: list[Header] = [
        *NEVER_CACHED,
        (b"x-wardgate-reason", row.code.encode("ascii")),
        *((name.lower().encode("ascii"), value.encode("ascii")) for name, value in row.headers),
    ]
    if isinstance(refused, RateLimited):
        headers += _limit_headers(refused)
        content = _limit_body(exchange, refusal, refused)
    elif not row.error:
        await respond(send, row.status, [_TEXT, *headers], b"", head=head)
        return
    else:
        content = encode_json(body(Dialect.OAUTH, row, refusal.fill, exchange.message_id))
    await respond(send, row.status, [JSON, *headers], content.encode("utf-8"), head=head)


def _limit_headers(refused: RateLimited) -> list[Header]:
    """`Retry-After`, and the fields of the RateLimit header draft (rule 16)."""
    seconds = refused.exceeded.retry_after_seconds
    return [
        (b"retry-after", b"%d" % seconds),
        (b"ratelimit-policy", b'"token";q=%d;w=60' % refused.exceeded.limit),
        (b"ratelimit", b'"token";r=0;t=%d' % seconds),
    ]


def _limit_body(exchange: Exchange, refusal: Refusal, refused: RateLimited) -> str:
    return encode_json(rate_limit_body(
        refusal.fill(refusal.reason.text), scope="application", policy="quota", limit=refused.exceeded.limit, interval=1,
        timeunit="minute", expiry_ms=refused.exceeded.expiry_ms, message_id=exchange.message_id,
    ))
