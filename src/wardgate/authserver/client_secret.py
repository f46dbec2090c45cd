"""Who asks at the code and refresh grants (user-restricted 4.4): `client_id` and `client_secret`, in `strict` what proves a client elsewhere.

Also the four `access_denied` texts (2.2), which belong to these grants, `/authorize` and `/callback`: under a client
assertion the same applications get the text of row 16 (spec README rule 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.oauth.client_assertion import masked
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.mtls_binding import ClientCertificate
from wardgate.oauth.profiles import SIGN_IN_PROFILES, SignInProfile
from wardgate.security_patterns.snapshot import APIKey, Client, Snapshot

STANDING: Final = {
    "application-not-approved": "client-not-approved-or-revoked",
    "developer-inactive": "client-developer-inactive",
    "company-inactive": "client-company-inactive",
}
"""The snapshot's reason to stop an application, as these endpoints say it."""
_NO_SECRET: Final = "\0" * 16
"""Compared with when there is no secret: nothing a form can say is equal to it."""


@dataclass(frozen=True, slots=True)
class ProvedClient:
    """Proof of who asks: made by `prove_client` only."""

    client: Client
    credential: str
    profile: SignInProfile
    certificate: ClientCertificate | None = None


def profile_of(snapshot: Snapshot, client_id: str | None) -> SignInProfile:
    """Return the profile of the client that is named, else the environment's. Naming another gains nothing: its proof decides."""
    key = snapshot.api_keys.get(client_id) if client_id is not None else None
    client = snapshot.clients.get(key.application) if key is not None else None
    return SIGN_IN_PROFILES[client.profile if client is not None else snapshot.environment.profile]


def named_client(exchange: Exchange, snapshot: Snapshot, client_id: str | None, unknown: str) -> tuple[Client, APIKey]:
    """Return the application with this API key, if it may have users sign in. Raises `OAuthRefused`; `unknown` is the code for no such key."""
    if client_id is None:
        raise OAuthRefused("client-id-missing", "a client_id", "none")
    key = snapshot.api_keys.get(client_id)
    client = snapshot.clients.get(key.application) if key is not None else None
    if key is None or client is None:
        raise OAuthRefused(unknown, "an API key of this environment", masked(client_id))
    exchange.application = client.name
    exchange.details["credential"] = key.id
    ended = key.revoked or (key.expires is not None and key.expires <= exchange.at)
    if ended:
        raise OAuthRefused("client-not-approved-or-revoked", "an approved key", "api-key-revoked" if key.revoked else "api-key-expired")
    check_standing(client)
    return client, key


def check_standing(client: Client) -> None:
    """Raises `OAuthRefused` for an application that may not have users sign in now."""
    if client.refused is not None:
        raise OAuthRefused(STANDING[client.refused], "an approved application", client.refused)
    if not client.products:
        raise OAuthRefused("client-no-access", "at least one approved product", "none")


async def prove_client(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, form: Mapping[str, str], snapshot: Snapshot, addresses: Addresses
) -> ProvedClient:
    """Return who asks. Raises `OAuthRefused` with the first check that fails; an assertion that proved itself is used up."""
    profile = profile_of(snapshot, form.get("client_id"))
    if profile.secrets:
        return _by_secret(authenticator, exchange, form, snapshot, profile)
    who = await authenticator.authenticate(exchange, dict(form), snapshot, addresses, limited=True)
    first = await server.claim(who.use)
    authenticator.claimed(who.use)
    if not first:
        raise OAuthRefused("assertion-jti-replayed", "a jti this client has not used", "a jti that another request used")
    return ProvedClient(who.client, who.credential, SIGN_IN_PROFILES[who.profile.name], who.certificate)


def _by_secret(
    authenticator: Authenticator, exchange: Exchange, form: Mapping[str, str], snapshot: Snapshot, profile: SignInProfile
) -> ProvedClient:
    client, key = named_client(exchange, snapshot, form.get("client_id"), "client-credentials-invalid")
    authenticator.take(client, exchange.at)
    secret = form.get("client_secret")
    if secret is None:
        raise OAuthRefused("client-secret-missing", "a client_secret", "none")
    if not compare_digest(secret.encode("utf-8", "surrogatepass"), (key.secret or _NO_SECRET).encode("utf-8")):
        raise OAuthRefused("client-credentials-invalid", "the secret of the API key", "another" if key.secret else "one, but the key has none")
    exchange.details["authenticated"] = True
    return ProvedClient(client, key.id, profile)
