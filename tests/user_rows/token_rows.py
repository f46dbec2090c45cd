"""The code and refresh grants: the rows of user-restricted 4.4 and 4.5 in order, with the four `access_denied` texts of 2.2."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from user_rows.place import CALLBACK, VERIFIER, Answer, Place, kept
from user_rows.rows import Row, be, put

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Of the verifier of RFC 7636 appendix B, which is `VERIFIER`."""


@dataclass
class Redemption:
    """A code that is redeemed, with its verifier."""

    form: dict[str, Any] = field(default_factory=dict)
    standing: str = "good"
    """Of the application that redeems."""
    of: str = "good"
    """Of the application the code is for."""
    make: Callable[[Place], str] | None = None
    """How to get the code; None: sign in for it."""
    then: Callable[[Place, str], Any] = lambda _place, _code: None
    """What happens before it is redeemed."""

    def send(self, place: Place) -> Answer:
        """Redeem."""
        form: dict[str, Any] = {"client_id": place.identifier(self.standing), "client_secret": place.secret(self.standing),
                                "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        if "code" not in self.form:
            form["code"] = self.make(place) if self.make else place.sign_in(standing=self.of, code_challenge=CHALLENGE, code_challenge_method="S256")
            self.then(place, form["code"])
        return place.post("/token", kept({"grant_type": "authorization_code", **form, **self.form}))


@dataclass
class Refresh:
    """A refresh token that is used."""

    form: dict[str, Any] = field(default_factory=dict)
    standing: str = "good"
    of: str = "good"
    knobs: dict[str, str] = field(default_factory=dict)
    """Of the exchange that gives the token."""
    then: Callable[[Place, str], Any] = lambda _place, _token: None

    def send(self, place: Place) -> Answer:
        """Refresh."""
        form: dict[str, Any] = {"client_id": place.identifier(self.standing), "client_secret": place.secret(self.standing)}
        if "refresh_token" not in self.form:
            form["refresh_token"] = place.exchange(client_assertion=place.assertion(standing=self.of), **self.knobs).json["refresh_token"]
            self.then(place, form["refresh_token"])
        return place.post("/token", kept({"grant_type": "refresh_token", **form, **self.form}))


def _used(place: Place, code: str) -> None:
    assert place.redeem(code, code_verifier=VERIFIER).status == 200


def _rotated(place: Place, token: str) -> None:
    assert place.refresh(token).status == 200


# fmt: off
CODE_ROWS: tuple[Row[Redemption], ...] = (
    Row("no client_id", "client-id-missing", put("form", client_id=None)),
    Row("an unknown client_id", "client-credentials-invalid", put("form", client_id="nobody")),
    Row("no client_secret", "client-secret-missing", put("form", client_secret=None)),
    Row("another client_secret", "client-credentials-invalid", put("form", client_secret="another-secret-x")),
    Row("no redirect_uri", "redirect-uri-missing", put("form", redirect_uri=None)),
    Row("another redirect_uri", "redirect-uri-invalid", put("form", redirect_uri=CALLBACK + "/")),
    Row("no code", "code-missing", put("form", code=None)),
    Row("an unknown code", "code-invalid", put("form", code="frVpKg-TirVwU1APwiboHaWrto8")),
    Row("another verifier", "code-verifier-invalid", put("form", code_verifier="x" * 43)),
)
REFRESH_ROWS: tuple[Row[Refresh], ...] = (
    Row("no client_id", "client-id-missing", put("form", client_id=None)),
    Row("an unknown client_id", "client-credentials-invalid", put("form", client_id="nobody")),
    Row("no client_secret", "client-secret-missing", put("form", client_secret=None)),
    Row("another client_secret", "client-credentials-invalid", put("form", client_secret="another-secret-x")),
    Row("no refresh_token", "refresh-token-missing", put("form", refresh_token=None)),
    Row("an unknown refresh_token", "refresh-token-invalid", put("form", refresh_token="pUDyf17ZD29QjQ7tjaHZnbVItztmM9bI")),
    Row("one that is over", "refresh-token-expired", be(knobs={"_refresh_token_expiry_ms": "4"}, then=lambda place, _token: place.outlive(0.01))),
)

_DENIED = (
    ("not approved", "client-not-approved-or-revoked"), ("key revoked", "client-not-approved-or-revoked"),
    ("key expired", "client-not-approved-or-revoked"), ("no product", "client-no-access"),
    ("developer inactive", "client-developer-inactive"), ("company inactive", "client-company-inactive"),
)
MORE_CODE_ROWS: tuple[Row[Redemption], ...] = (
    *(Row(f"{standing}, and no secret", code, be(standing=standing, form={"code": "x", "client_secret": None})) for standing, code in _DENIED),
    Row("a secret in other letters", "client-credentials-invalid", lambda draft: draft.form.update(client_secret="DEMO-APP-CLIENT-SECRET")),
    Row("a secret where the key has none", "client-credentials-invalid", be(standing="no secret", form={"code": "x", "client_secret": "\x01" * 16})),
    Row("an empty secret where the key has none", "client-secret-missing", be(standing="no secret", form={"code": "x", "client_secret": ""})),
    Row("Basic in place of a secret", "client-secret-missing", put("form", code="x", client_secret=None)),
    Row("a used code", "code-invalid", be(then=_used)),
    Row("a code after 300 s", "code-invalid", be(then=lambda place, _code: place.age(300))),
    Row("another application's code", "code-invalid", be(of="another")),
    Row("a code of another callback URL", "code-invalid", be(standing="two callbacks", of="two callbacks", form={"redirect_uri": CALLBACK + "/2"})),
    Row("no verifier", "code-verifier-invalid", put("form", code_verifier=None)),
    Row("a verifier without a challenge", "code-verifier-invalid", be(make=lambda place: place.sign_in())),
    Row("no scope is left", "scope-none-for-user", be(standing="loses", of="loses", then=lambda place, _code: place.lose_scopes("loses"))),
)
MORE_REFRESH_ROWS: tuple[Row[Refresh], ...] = (
    *(Row(f"{standing}, and no secret", code, be(standing=standing, form={"refresh_token": "x", "client_secret": None})) for standing, code in _DENIED),
    Row("a used refresh token", "refresh-token-invalid", be(then=_rotated)),
    Row("another application's refresh token", "refresh-token-invalid", be(of="another")),
    Row("an access token as a refresh token", "refresh-token-invalid", lambda draft: draft.form.update(refresh_token="eyJhbGciOiJFUzI1NiJ9.e30.AAAA")),
    Row("one of twelve hours ago", "refresh-token-expired", be(then=lambda place, _token: place.age(43_200))),
    Row("a validity that is over", "refresh-token-expired", be(form={"_refresh_tokens_validity_ms": "1000"}, then=lambda place, _token: place.age(2))),
    Row("no scope is left", "scope-none-for-user", be(standing="loses", of="loses", then=lambda place, _token: place.lose_scopes("loses"))),
)
# fmt: on
