"""Answers that leave as a redirect, and the cookie that ties a sign-in to its browser (user-restricted 4.1, 4.2, 17)."""

from dataclasses import dataclass
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Final

from wardgate.authserver.exchange import Exchange
from wardgate.authserver.sign_in_record import hashed
from wardgate.authserver.wire import NEVER_CACHED, Header, Send, respond
from wardgate.oauth.authorization_request import with_parameters
from wardgate.oauth.errors import OAuthRefused
from wardgate.refusals import Refusal, reason

COOKIE_SECONDS: Final = 600
MAX_COOKIES_CHARS: Final = 8_192
_NO_REFERRER: Final[Header] = (b"referrer-policy", b"no-referrer")


class SentBack(OAuthRefused):
    """A refusal that the application is told through the browser. Made only after client and `redirect_uri` were checked."""

    def __init__(self, refused: OAuthRefused, redirect_uri: str, state: str | None, issuer: str | None) -> None:
        super().__init__(refused.code, refused.expected, refused.received, refused.values)
        self.redirect_uri = redirect_uri
        self.state = state
        self.issuer = issuer
        """RFC 9207; None where the profile does not say it."""

    def location(self) -> str:
        """Return where the browser goes, with the row's words."""
        refusal = Refusal(reason(self.code), self.expected, self.received, self.values)
        return with_parameters(self.redirect_uri, {
            "error": refusal.fill(refusal.reason.error), "error_description": refusal.fill(refusal.reason.text) or None,
            "state": self.state, "iss": self.issuer,
        })


async def redirect(send: Send, location: str, headers: tuple[Header, ...] = ()) -> None:
    """Send the browser elsewhere; the answer says nothing else, and its address is told to nobody."""
    await respond(send, 302, [*NEVER_CACHED, _NO_REFERRER, (b"location", location.encode("ascii")), *headers], b"")


@dataclass(frozen=True, slots=True)
class BrowserCookie:
    """One cookie per sign-in, named after its state: several may go on at once, and one that is planted fits none.

    Over TLS it has the prefix `__Host-`: no other host, not even one below ours, can set it.
    """

    name: str
    secure: bool

    @classmethod
    def of(cls, state: str, callback: str) -> "BrowserCookie":
        """Return the cookie of a sign-in that comes back to `callback`."""
        secure = callback.startswith("https://")
        return cls(f"{'__Host-' if secure else ''}wardgate-sign-in-{hashed(state)[:16]}", secure)

    def set(self, value: str, seconds: int = COOKIE_SECONDS) -> Header:
        """Return the header that sets it. RFC 6265bis: the provider's redirect is a top-level navigation, which `Lax` lets pass."""
        words = f"{self.name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{'; Secure' if self.secure else ''}"
        return b"set-cookie", words.encode("ascii")

    def forget(self) -> Header:
        """Return the header that takes it back."""
        return self.set("", 0)

    def is_right(self, exchange: Exchange, expected_hash: str) -> bool | None:
        """Whether the browser has the value it was given; None when it has none at all."""
        value = _cookies(exchange).get(self.name)
        return None if value is None else compare_digest(hashed(value), expected_hash)


def _cookies(exchange: Exchange) -> dict[str, str]:
    header = exchange.headers.get(b"cookie", b"")
    if len(header) > MAX_COOKIES_CHARS:
        return {}
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header.decode("latin-1")).items()}
    except CookieError:
        return {}
