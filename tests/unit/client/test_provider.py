"""The application as a provider's own client: what it believes of the provider, and what it does not."""

import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wardgate.client import (
    AnswerLost,
    APIError,
    ClearTextRefused,
    ClientSecret,
    IDTokenInvalid,
    PendingSignIn,
    ProviderUnusable,
    RelyingParty,
    TokenAnswerInvalid,
    TokenRefused,
)
from wardgate.jose import SigningJWK, base64url, sign

ISSUER = "https://am.example.nhs.uk:443/openam/oauth2/realms/root"
CLIENT = "example-client"
HOME = "http://127.0.0.1:9003/callback"


class Provider:
    """A provider that signs ID tokens; any part of it can be replaced."""

    def __init__(self, key: rsa.RSAPrivateKey, now: float) -> None:
        self.signing = SigningJWK.of("kid-1", "RS256", key)
        self.document: dict[str, Any] = {
            "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/access_token",
            "jwks_uri": f"{ISSUER}/jwk_uri", "userinfo_endpoint": f"{ISSUER}/userinfo", "end_session_endpoint": f"{ISSUER}/connect/endSession",
        }
        self.claims: dict[str, Any] = {"iss": ISSUER, "sub": "555000000101", "aud": CLIENT, "exp": int(now) + 3600, "iat": int(now), "nonce": "the-nonce"}
        self.keys = [self.signing.public_jwk()]
        self.text: Callable[[], str] = lambda: sign(self.claims, self.signing)
        self.answers: list[httpx2.Response] = []
        self.details: Any = {"sub": "555000000101", "name": "Test User"}
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        path = str(request.url).replace("https://am.example.nhs.uk/", "https://am.example.nhs.uk:443/").removeprefix(ISSUER)
        match path:
            case "/.well-known/openid-configuration":
                return httpx2.Response(200, json=self.document)
            case "/jwk_uri":
                return httpx2.Response(200, json={"keys": self.keys})
            case "/userinfo":
                return httpx2.Response(200, json=self.details)
            case _:
                if self.answers:
                    return self.answers.pop(0)
                return httpx2.Response(200, json={"access_token": "opaque", "id_token": self.text(), "token_type": "Bearer", "expires_in": 3599})

    def count(self, end: str) -> int:
        """Return how often an address was asked."""
        return sum(str(request.url).endswith(end) for request in self.asked)


@pytest.fixture
def provider(rsa_key: rsa.RSAPrivateKey, clock: Any) -> Provider:
    """Return a provider on the virtual clock."""
    return Provider(rsa_key, clock.now().timestamp())


@pytest.fixture
def party(provider: Provider, clock: Any) -> Iterator[RelyingParty]:
    """Return its client."""
    with RelyingParty(ISSUER, ClientSecret(CLIENT, "a-secret"), transport=httpx2.MockTransport(provider), clock=clock, draw=lambda: 1.0,
                      secret=iter(["the-state", "v" * 43, "the-nonce", "state-2", "w" * 43, "nonce-2"]).__next__) as one:
        yield one


def back(pending: PendingSignIn) -> str:
    """Return the address of a good answer."""
    return f"{HOME}?code=c0de&state={pending.state}"


def test_a_sign_in_ends_with_a_verified_id_token(party: RelyingParty, provider: Provider) -> None:
    """Scope, strength and nonce are asked; code, secret and verifier are sent; the token is proved (OpenID Connect Core section 3.1.3.7)."""
    pending = party.begin(HOME, "openid profile nationalrbacaccess", acr_values="AAL2_OR_AAL3_ANY", prompt="login", max_age_seconds=300)
    asked = parse_qs(urlsplit(pending.url).query)
    assert {name: asked[name] for name in ("scope", "acr_values", "prompt", "max_age", "nonce", "client_id")} == {
        "scope": ["openid profile nationalrbacaccess"], "acr_values": ["AAL2_OR_AAL3_ANY"], "prompt": ["login"], "max_age": ["300"],
        "nonce": ["the-nonce"], "client_id": [CLIENT]}
    tokens = party.redeem(pending, back(pending))
    assert tokens.id_token.claims["sub"] == "555000000101"
    form = parse_qs(next(request for request in provider.asked if request.method == "POST").content.decode())
    assert (form["code"], form["client_secret"], form["code_verifier"]) == (["c0de"], ["a-secret"], [pending.verifier])
    assert party.userinfo(tokens)["name"] == "Test User"
    assert "opaque" not in repr(tokens)
    assert tokens.id_token.text not in repr(tokens)
    assert "555000000101" not in repr(tokens)


def test_vectors_of_trust_are_a_json_list(party: RelyingParty) -> None:
    """NHS login's `vtr` (user-restricted 12.2)."""
    assert json.loads(parse_qs(urlsplit(party.begin(HOME, vtr=["P9.Cp.Cd", "P9.Cm"]).url).query)["vtr"][0]) == ["P9.Cp.Cd", "P9.Cm"]


@pytest.mark.parametrize("change", [
    {"iss": "https://evil.example"}, {"iss": ISSUER.replace(":443", "")}, {"aud": "another"}, {"aud": [CLIENT, "another"]}, {"aud": None}, {"azp": "another"},
    {"exp": 0}, {"exp": "later"}, {"exp": True}, {"iat": 4_000_000_000}, {"iat": None}, {"sub": ""}, {"sub": 1}, {"nonce": "another"}, {"nonce": None},
], ids=str)
def test_an_id_token_that_proves_something_else_is_refused(party: RelyingParty, provider: Provider, change: dict[str, Any]) -> None:
    """Each claim by itself; no claim's value is in the message."""
    provider.claims = {name: value for name, value in (provider.claims | change).items() if value is not None}
    pending = party.begin(HOME)
    with pytest.raises(IDTokenInvalid) as refused:
        party.redeem(pending, back(pending))
    assert "555000000101" not in str(refused.value)


def test_a_forged_id_token_is_refused(party: RelyingParty, provider: Provider, rsa_key: rsa.RSAPrivateKey) -> None:
    """No signature, another's, an algorithm swapped for HMAC with the public key, an unknown kid."""
    payload = sign(provider.claims, provider.signing).split(".")[1]
    none, swapped = (base64url.encode(json.dumps({"alg": alg, "typ": "JWT", "kid": "kid-1"}).encode()) for alg in ("none", "HS256"))
    public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = base64url.encode(hmac.digest(public, f"{swapped}.{payload}".encode(), "sha256"))
    stranger = SigningJWK.of("kid-1", "RS256", rsa.generate_private_key(65537, 2048))
    unknown = SigningJWK.of("kid-9", "RS256", rsa.generate_private_key(65537, 2048))
    pending = party.begin(HOME)
    for text in (f"{none}.{payload}.", f"{swapped}.{payload}.{mac}", sign(provider.claims, stranger), sign(provider.claims, unknown), "a.b.c", ""):
        provider.text = lambda text=text: text  # type: ignore[misc]
        with pytest.raises(IDTokenInvalid):
            party.redeem(pending, back(pending))


def test_keys_are_asked_for_again_when_they_changed(party: RelyingParty, provider: Provider) -> None:
    """A known kid costs no request, a new one costs one (user-restricted 18, line 17)."""
    pending = party.begin(HOME)
    party.redeem(pending, back(pending))
    party.redeem(pending, back(pending))
    assert provider.count("jwk_uri") == 1
    provider.signing = SigningJWK.of("kid-2", "RS512", rsa.generate_private_key(65537, 2048))
    provider.keys.append(provider.signing.public_jwk())
    party.redeem(pending, back(pending))
    assert provider.count("jwk_uri") == 2


@pytest.mark.parametrize("change", [
    {"issuer": "https://evil.example"}, {"issuer": None}, {"token_endpoint": None}, {"token_endpoint": 1}, {"authorization_endpoint": "javascript:alert(1)"},
    {"jwks_uri": "https://am.example.nhs.uk/x#y"}, {"userinfo_endpoint": "ftp://am.example.nhs.uk/"}, {"token_endpoint": "https://" + "a" * 2000},
], ids=str)
def test_a_description_that_cannot_be_right_is_refused(party: RelyingParty, provider: Provider, change: dict[str, Any]) -> None:
    """Another issuer's document (OpenID Connect Discovery section 4.3), and addresses that are none."""
    provider.document = {name: value for name, value in (provider.document | change).items() if value is not None}
    with pytest.raises(ProviderUnusable):
        party.begin(HOME)


def test_a_description_in_clear_text_is_refused(party: RelyingParty, provider: Provider) -> None:
    """Secrets go to the token endpoint."""
    provider.document["token_endpoint"] = "http://am.example.nhs.uk/token"
    with pytest.raises(ClearTextRefused):
        party.begin(HOME)


def test_a_provider_that_names_itself_must(party: RelyingParty, provider: Provider) -> None:
    """RFC 9207: when its description says that answers carry `iss`, one without is refused."""
    provider.document["authorization_response_iss_parameter_supported"] = True
    assert party.begin(HOME).issuer_required


def test_key_sets_that_cannot_be_used_are_refused(party: RelyingParty, provider: Provider) -> None:
    """A private member, a key twice."""
    pending = party.begin(HOME)
    for keys in ([provider.keys[0] | {"d": "c2VjcmV0"}], [provider.keys[0]] * 2, []):
        provider.keys = keys
        with pytest.raises(ProviderUnusable):
            party.redeem(pending, back(pending))


@pytest.mark.parametrize(("answer", "error"), [
    (httpx2.Response(400, json={"error": "invalid_grant", "error_description": "no"}), TokenRefused), (httpx2.Response(500), AnswerLost),
    (httpx2.Response(200, content=b"x"), TokenAnswerInvalid), (httpx2.Response(200, json={"access_token": "a"}), TokenAnswerInvalid),
    (httpx2.Response(200, json={"id_token": "a.b.c"}), TokenAnswerInvalid), (httpx2.Response(200, content=b"{" + b" " * 70_000), TokenAnswerInvalid),
    (httpx2.Response(200, json={"id_token": "a.b.c", "access_token": "a\nb"}), TokenAnswerInvalid),
], ids=["refused", "failed", "no JSON", "no ID token", "no access token", "too large", "no token"])
def test_answers_of_another_form_are_refused(party: RelyingParty, provider: Provider, answer: httpx2.Response, error: type[Exception]) -> None:
    """Told as what they are; a code is not sent a second time."""
    pending = party.begin(HOME)
    provider.answers = [answer]
    with pytest.raises(error):
        party.redeem(pending, back(pending))
    assert provider.count("access_token") == 1


def test_details_of_somebody_else_are_refused(party: RelyingParty, provider: Provider) -> None:
    """OpenID Connect Core section 5.3.2: `sub` of userinfo is that of the ID token."""
    pending = party.begin(HOME)
    tokens = party.redeem(pending, back(pending))
    for details in ({"sub": "another"}, {}):
        provider.details = details
        with pytest.raises(IDTokenInvalid):
            party.userinfo(tokens)
    provider.details = []
    with pytest.raises(ProviderUnusable):
        party.userinfo(tokens)


def test_a_provider_that_is_not_there_is_told(clock: Any) -> None:
    """Its own status and words."""
    server = httpx2.MockTransport(lambda _request: httpx2.Response(503, json={"error": "temporarily_unavailable"}))
    with RelyingParty(ISSUER, ClientSecret(CLIENT, "a-secret"), transport=server, clock=clock) as party, pytest.raises(APIError, match="503"):
        party.begin(HOME)


def test_signing_out_leads_to_the_provider(party: RelyingParty, provider: Provider) -> None:
    """RP-Initiated Logout section 2; NHS login has no such place."""
    pending = party.begin(HOME)
    tokens = party.redeem(pending, back(pending))
    address = party.logout_url(tokens.id_token, "https://app.example.nhs.uk/bye", "s1")
    assert address is not None
    assert address.startswith(f"{ISSUER}/connect/endSession?")
    assert parse_qs(urlsplit(address).query) == {"id_token_hint": [tokens.id_token.text], "client_id": [CLIENT],
                                                 "post_logout_redirect_uri": ["https://app.example.nhs.uk/bye"], "state": ["s1"]}
    del provider.document["end_session_endpoint"]
    with RelyingParty(ISSUER, ClientSecret(CLIENT, "a-secret"), transport=httpx2.MockTransport(provider)) as other:
        assert other.logout_url() is None


def test_somebody_acts_for_a_patient(party: RelyingParty, provider: Provider) -> None:
    """user-restricted 14: the ID token is exchanged at the provider for a composite one, which is verified like any other."""
    pending = party.begin(HOME)
    actor = party.redeem(pending, back(pending)).id_token
    provider.claims = {name: value for name, value in provider.claims.items() if name != "nonce"} | {"sub": "a-patient", "act": {"sub": actor.text}}
    composite = party.composite(actor, "9912003074")
    assert composite.claims["sub"] == "a-patient"
    form = parse_qs(provider.asked[-1].content.decode())
    assert (form["subject_token"], form["requested_subject"]) == ([actor.text], ["9912003074"])
    provider.claims["iss"] = "https://evil.example"
    with pytest.raises(IDTokenInvalid):
        party.composite(actor, "9912003074")
