"""Back-channel logout: the rows of user-restricted 7.2 in order, and what a logout token must not be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from user_rows.place import BASE, NOBODY_LISTENS, TWIN, Answer, Place
from user_rows.rows import Row, be, both, put

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Logout:
    """A logout token of a user who signed in through us."""

    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    text: str | None = ""
    """In place of the token; None: no such parameter."""
    base: str = BASE
    make: Callable[[Place], str] | None = None
    store_fails: bool = False
    again: bool = False
    network: str | None = None
    """Where logout tokens come from, if that is limited."""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, place: Place) -> Answer:
        """Sign in, then post the token."""
        place.tokens()
        made = self.make(place) if self.make else place.cis2.logout_token(self.header, **self.claims)
        token = made if self.text == "" else self.text
        if self.network is not None:
            place.limit_logout(self.network)
        if self.again:
            assert place.logout(token).status == 200
        if self.store_fails:
            with place.store_that_cannot_end():
                return place.logout(token, self.base, **self.headers)
        return place.logout(token, self.base, **self.headers)


# fmt: off
LOGOUT_ROWS: tuple[Row[Logout], ...] = (
    Row("a caller from elsewhere", "logout-source", be(network="10.1.0.0/16")),
    Row("no JWT", "logout-malformed", be(text="x")),
    Row("another client's", "logout-aud", put("claims", aud="somebody")),
    Row("another issuer's", "logout-iss", put("claims", iss="https://elsewhere.example")),
    Row("no sid", "logout-sid", put("claims", sid=None)),
    Row("no event", "logout-events", put("claims", events={})),
    Row("a nonce", "logout-nonce", put("claims", nonce="n")),
    Row("the keys are away", "logout-keys-unavailable", both(put("claims", iss=NOBODY_LISTENS), be(base=TWIN))),
    Row("an unknown kid", "logout-kid-unknown", put("header", kid="unknown")),
    Row("another key's signature", "logout-signature", put("header", kid="nhs-cis2-1")),
    Row("an unknown session", "logout-sid-unknown", put("claims", sid="another")),
    Row("the store refuses", "logout-failed", be(store_fails=True)),
)
"""NOTE: the table names the signature before the kid; a signature by an unknown key cannot be verified, so the kid goes first."""
MORE_LOGOUT_ROWS: tuple[Row[Logout], ...] = (
    Row("no parameter", "logout-malformed", be(text=None)),
    Row("two parts", "logout-malformed", be(text="e30.e30")),
    Row("an ID token", "logout-events", be(make=lambda place: place.cis2.id_token())),
    Row("our client id in second place", "logout-aud", put("claims", aud=["somebody", "wardgate"])),
    Row("no aud", "logout-aud", put("claims", aud=None)),
    Row("an empty sid", "logout-sid", put("claims", sid="")),
    Row("a sid that is a number", "logout-sid", put("claims", sid=5)),
    Row("an event of another kind", "logout-events", put("claims", events={"http://schemas.openid.net/event/frontchannel-logout": {}})),
    Row("the event in a list", "logout-events", put("claims", events=[EVENT])),
    Row("an empty nonce", "logout-nonce", put("claims", nonce="")),
    Row("alg none", "logout-signature", put("header", alg="none")),
    Row("HMAC", "logout-signature", put("header", alg="HS256")),
    Row("a token that is over", "logout-signature", put("claims", exp=1)),
    Row("a token that came before", "logout-sid-unknown", be(again=True)),
    Row("the error that is reserved, asked for as a fault", "logout-gateway-timeout", be(headers={"wardgate_fault": "logout-gateway-timeout"})),
    Row("a form of another media type", "content-type-not-form", be(headers={"content_type": "application/json"})),
)
# fmt: on
