"""Token exchange: the 37 rows of user-restricted 3.3 in order, and what stands before them (2.2, 2.3)."""

from dataclasses import dataclass, field
from typing import Any

from user_rows.place import BASE, NOBODY_LISTENS, TWIN, Answer, Place, kept
from user_rows.rows import Row, be, both, drop, put

Members = dict[str, Any]
SEEN = object()
"""In place of a jti: one that a request before this has used."""


@dataclass
class Exchange:
    """An exchange of a patient's ID token, in which another patient acts: every row can be met by it."""

    form: Members = field(default_factory=dict)
    assertion_header: Members = field(default_factory=dict)
    assertion_claims: Members = field(default_factory=dict)
    tail: str = ""
    """Added to the assertion."""
    header: Members = field(default_factory=dict)
    claims: Members = field(default_factory=dict)
    actor: str | None = None
    """In place of `act.sub`."""
    actor_header: Members = field(default_factory=dict)
    actor_claims: Members = field(default_factory=dict)
    standing: str = "good"
    base: str = BASE
    media_type: str | None = None

    def send(self, place: Place) -> Answer:
        """Ask for a token."""
        if self.assertion_claims.get("jti") is SEEN:
            self.assertion_claims["jti"] = f"seen-{place.assertion()[-20:]}"
            good = place.assertion(base=self.base, jti=self.assertion_claims["jti"], standing=self.standing)
            first = place.post("/token", place.exchange_form(client_assertion=good), self.base)
            assert first.code not in {"assertion-jti-replayed", "client-unknown"}, first.body
        form = {"subject_token": self._subject(place), "client_assertion": self._assertion(place), **self.form}
        headers = {"content_type": self.media_type} if self.media_type else {}
        return place.post("/token", kept(place.exchange_form(**form)), self.base, **headers)

    def _assertion(self, place: Place) -> str:
        claims = {name: value(place) if callable(value) else value for name, value in self.assertion_claims.items()}
        return place.assertion(self.assertion_header, standing=self.standing, base=self.base, **claims) + self.tail

    def _subject(self, place: Place) -> str:
        provider = place.nhs_login
        made = self.actor or provider.id_token(self.actor_header, **{"nhs_number": "9912003072", **self.actor_claims})
        claims = {name: value(place) if callable(value) else value for name, value in self.claims.items()}
        return str(provider.id_token(self.header, act={"sub": made}, **claims))


def ahead(seconds: int) -> Any:
    """Return a time, counted from the place's."""
    return lambda place: place.seconds() + seconds


def _text(seconds: int) -> Any:
    return lambda place: str(place.seconds() + seconds)


BEFORE: tuple[Row[Exchange], ...] = (
    Row("415 the media type has a parameter", "content-type-not-form", be(media_type="application/x-www-form-urlencoded; charset=UTF-8")),
    Row("415 another media type", "content-type-not-form", be(media_type="application/json")),
    Row("no grant_type and no token's type", "grant-type-missing", put("form", grant_type=None, subject_token_type=None)),
    Row("a grant of passwords", "grant-type-unknown", put("form", grant_type="password", subject_token_type=None)),
    Row("no subject_token_type", "subject-token-type-invalid", put("form", subject_token_type=None)),
    Row("an access token to exchange", "subject-token-type-invalid", put("form", subject_token_type="urn:ietf:params:oauth:token-type:access_token")),
)
"""user-restricted 2.2 and 2.3: met one at a time, as each decides by itself whose rows follow."""

# fmt: off
EXCHANGE_ROWS: tuple[Row[Exchange], ...] = (
    Row("1 no client_assertion_type", "assertion-type-invalid", put("form", client_assertion_type=None)),
    Row("2 another grant_type", "exchange-grant-type", put("form", grant_type="client_credentials")),
    Row("3 no assertion", "assertion-missing", put("form", client_assertion=None)),
    Row("4 not a JWT", "assertion-malformed", put("form", client_assertion="not.a.jwt")),
    Row("5 RS256", "assertion-alg", put("assertion_header", alg="RS256")),
    Row("6 expired", "assertion-expired", put("assertion_claims", exp=ahead(-2))),
    Row("7 no kid", "assertion-kid-missing", put("assertion_header", kid=None)),
    Row("8 no typ", "assertion-typ", put("assertion_header", typ=None)),
    Row("9 no exp", "assertion-exp-missing", put("assertion_claims", exp=None)),
    Row("10 exp as text", "assertion-exp-type", put("assertion_claims", exp=_text(60))),
    Row("11 iss is not sub", "assertion-iss-sub", put("assertion_claims", iss="somebody")),
    Row("12 no jti", "assertion-jti-missing", put("assertion_claims", jti=None)),
    Row("13 jti is a number", "assertion-jti-type", put("assertion_claims", jti=5)),
    Row("14 jti seen", "assertion-jti-replayed", both(
        put("assertion_claims", jti=SEEN), be(standing="good", base=BASE), drop("assertion_claims", "iss", "sub"))),
    Row("15 exp 330 s ahead", "assertion-exp-too-far", put("assertion_claims", exp=ahead(330))),
    Row("16 an unknown client", "client-unknown", put("assertion_claims", iss="nobody", sub="nobody")),
    Row("17 no key set", "public-key-not-registered", be(standing="no key set")),
    Row("18 an unreachable key set", "jwks-unreachable", be(standing="unreachable key set")),
    Row("19 an unknown kid", "assertion-kid-unknown", put("assertion_header", kid="unknown")),
    Row("20 no aud", "assertion-aud", put("assertion_claims", aud=None), unless="21"),
    Row("21 another signature", "assertion-signature", be(tail="AAAA")),
    Row("22 no subject token", "subject-token-missing", put("form", subject_token=None)),
    Row("23 the provider's access token", "subject-token-malformed", put("form", subject_token="Zz0opaqueAtRefAAAAAAAAAAAA")),
    Row("24 no kid", "subject-token-kid-missing", put("header", kid=None)),
    Row("25 no typ", "subject-token-typ", put("header", typ=None)),
    Row("26 no alg", "subject-token-alg-missing", put("header", alg=None)),
    Row("27 no exp", "subject-token-exp-missing", put("claims", exp=None)),
    Row("28 exp as text", "subject-token-exp-type", put("claims", exp=_text(60))),
    Row("29 expired", "subject-token-expired", put("claims", exp=ahead(-2))),
    Row("30 no iss", "subject-token-iss-missing", put("claims", iss=None)),
    Row("31 no aud", "subject-token-aud-missing", put("claims", aud=None)),
    Row("32 act.sub is no token", "actor-token-malformed", be(actor="9912003072")),
    Row("32 act.sub without kid", "actor-token-kid-missing", put("actor_header", kid=None)),
    Row("32 act.sub without typ", "actor-token-typ", put("actor_header", typ=None)),
    Row("32 act.sub without alg", "actor-token-alg-missing", put("actor_header", alg=None)),
    Row("32 act.sub without exp", "actor-token-exp-missing", put("actor_claims", exp=None)),
    Row("32 act.sub with exp as text", "actor-token-exp-type", put("actor_claims", exp="4000000000")),
    Row("32 act.sub without iss", "actor-token-iss-missing", put("actor_claims", iss=None)),
    Row("32 act.sub without aud", "actor-token-aud-missing", put("actor_claims", aud=None)),
    Row("32 act.sub without nhs_number", "actor-token-nhs-number-missing", put("actor_claims", nhs_number=None)),
    Row("33 another issuer", "subject-token-iss", put("claims", iss="https://elsewhere.example")),
    Row("34 the provider is down", "provider-keys-unavailable", both(put("claims", iss=NOBODY_LISTENS + "/login"), be(base=TWIN))),
    Row("35 an unknown kid", "subject-token-kid-unknown", put("header", kid="unknown")),
    Row("36 another key's signature", "subject-token-signature", put("header", kid="nhs-login-1")),
    Row("36 a forged actor", "actor-token-signature", put("actor_header", kid="nhs-login-1")),
    Row("36 an actor whose token is over", "actor-token-expired", put("actor_claims", exp=1)),
    Row("36 an actor of another issuer", "actor-token-iss", put("actor_claims", iss="https://elsewhere.example")),
    Row("37 no scope is left", "scope-none-for-user", be(standing="application scopes only")),
)

MORE_ROWS: tuple[Row[Exchange], ...] = (
    Row("5 alg none", "assertion-alg", put("assertion_header", alg="none")),
    Row("5 HMAC", "assertion-alg", put("assertion_header", alg="HS256")),
    Row("16 an application that is not approved", "client-not-approved", be(standing="not approved")),
    Row("16 a revoked key", "client-not-approved", be(standing="key revoked")),
    Row("16 an expired key", "client-not-approved", be(standing="key expired")),
    Row("16 an inactive developer", "client-not-approved", be(standing="developer inactive")),
    Row("16 an inactive company", "client-not-approved", be(standing="company inactive")),
    Row("16 no product", "client-not-subscribed", be(standing="no product")),
    Row("20 the twin's URL", "assertion-aud", put("assertion_claims", aud=lambda place: place.token_url(TWIN))),
    Row("33 the issuer of the twin's provider", "subject-token-iss", put("claims", iss=NOBODY_LISTENS + "/login")),
    Row("33 the issuer with a slash", "subject-token-iss", put("claims", iss=lambda place: place.nhs_login.issuer + "/")),
    Row("33 the other provider's token, unsigned by it", "subject-token-kid-unknown", put("claims", iss=lambda place: place.cis2.issuer)),
    Row("3.4 an ID token for another application", "subject-token-aud", be(standing="known there")),
    Row("3.4 one for several others", "subject-token-aud", both(be(standing="known there"), put("claims", aud=["wardgate", "known-there-2"]))),
    Row("3.4 an audience that is no name", "subject-token-aud", both(be(standing="known there"), put("claims", aud=["known", {"there": 1}]))),
    Row("36 before 3.4, forged for this application", "subject-token-signature", both(
        be(standing="known there"), both(put("claims", aud="known-there"), put("header", kid="nhs-login-1")))),
    Row("36 alg none", "subject-token-signature", put("header", alg="none")),
    Row("36 HMAC", "subject-token-signature", put("header", alg="HS256")),
    Row("36 PS512", "subject-token-signature", put("header", alg="PS512")),
    Row("37 no level", "scope-none-for-user", put("claims", identity_proofing_level=None)),
    Row("37 a level that is a number", "scope-none-for-user", put("claims", identity_proofing_level=9)),
    Row("37 P9 alone, of a P5 user", "scope-none-for-user", both(be(standing="strongest only"), put("claims", identity_proofing_level="P5"))),
)
"""Further ways to meet a row, each alone."""
# fmt: on
