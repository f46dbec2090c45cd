"""The one place where a refusal becomes an answer and an event (application-restricted 6.7).

The body has the three members of the platform; a 405 has none, a 429 the eight of section 9; a token of ours that does not
count is answered as the gateway does; what the application is told through the browser is a redirect. The header
`x-wardgate-reason` names the reason on every refusal; `wardgate-fault` is on those that somebody asked for.
"""

from typing import Final

from wardgate.audit.model import Outcome
from wardgate.authserver.authenticate import RateLimited
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.redirects import SentBack, redirect
from wardgate.authserver.wire import JSON, NEVER_CACHED, Header, Send, encode_json, respond
from wardgate.oauth.errors import OAuthRefused
from wardgate.refusals import Area, Reason, Refusal, reason
from wardgate.refusals.dialects import Dialect, body, rate_limit_body
from wardgate.refusals.faults import HEADER

HEADER_NAME: Final = HEADER.lower().encode("ascii")
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
        *([(HEADER_NAME, exchange.injected.encode("ascii"))] if exchange.injected else []),
        *((name.lower().encode("ascii"), refusal.fill(_filled(value, row)).encode("ascii")) for name, value in row.headers),
    ]
    if isinstance(refused, SentBack):
        await redirect(send, refused.location(), tuple(headers[len(NEVER_CACHED):]))
        return
    if isinstance(refused, RateLimited):
        headers += _limit_headers(refused)
        content = _limit_body(exchange, refusal, refused)
    elif not row.error:
        await respond(send, row.status, [_TEXT, *headers], b"", head=head)
        return
    else:
        dialect = Dialect.FAULT if row.area is Area.GATEWAY else Dialect.OAUTH
        content = encode_json(body(dialect, row, refusal.fill, exchange.message_id))
    status = 400 if row.status == 302 else row.status  # a pushed request is refused to the client itself (RFC 9126 section 2.3)
    await respond(send, status, [JSON, *headers], content.encode("utf-8"), head=head)


def _filled(value: str, row: Reason) -> str:
    """Return a header of a row, which may repeat the row's own words."""
    return value.replace("{error}", row.error).replace("{text}", row.text)


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
