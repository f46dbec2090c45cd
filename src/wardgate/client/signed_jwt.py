"""The signed JWT pattern: client credentials with `private_key_jwt` (application-restricted 6 and 16).

Beside it the other proof of the profile `strict`: the certificate of the connection (RFC 8705).
"""

import random
from typing import Any

import httpx2

from wardgate.client.client_authentication import ClientAssertion, ClientAuthentication, ClientCertificate
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.environments import Environment, refuse_clear_text
from wardgate.client.retry import Draw, RetryPolicy
from wardgate.client.signer import Signer
from wardgate.client.token_auth import TokenAuth
from wardgate.client.token_plan import TokenPlan
from wardgate.client.tokens import TokenCache


class SignedJWTAuth(TokenAuth):
    """Sends a bearer token, fetched with a signed assertion when none is held that is good for another minute.

    `client_id` is the application's API key. `audience` is the token URL unless the server says otherwise. A 401 from
    the API discards the token and is tried once more with a new one, unless the token was new. The server's clock is
    believed over ours once per fetch, when it says that the assertion's time is wrong.
    Raises `TokenRefused`, `TokenAnswerInvalid`, `ClearTextRefused` and what the signer raises, out of the client's call.
    Token requests leave through the client that uses this auth, so they have its trust, proxies and hooks.
    """

    def __init__(
        self, client_id: str, signer: Signer, *, kid: str, token_url: str, audience: str | None = None,
        lifetime_seconds: int = 120, cache: TokenCache | None = None, retry: RetryPolicy | None = None,
        timeout_seconds: float = 10.0, clock: Clock = SYSTEM_CLOCK, draw: Draw = random.random,
    ) -> None:
        proof = ClientAssertion(client_id, signer, kid, lifetime_seconds, audience)
        super().__init__(_plan(proof, kid, token_url, cache, retry, timeout_seconds, clock, draw))

    @classmethod
    def of(cls, environment: Environment, client_id: str, signer: Signer, *, kid: str, **more: Any) -> "SignedJWTAuth":
        """Return the auth for an environment, whose token URL is known."""
        return cls(client_id, signer, kid=kid, token_url=environment.token_url, **more)

    def __repr__(self) -> str:
        return f"SignedJWTAuth(client_id=..., kid={self._plan.name!r}, token_url={self._plan.token_url!r})"


class CertificateAuth(TokenAuth):
    """Sends a bearer token that the connection's certificate was the proof for (`tls_client_auth`, RFC 8705 section 2).

    For servers with the profile `strict`, on their mutual-TLS port: use it in a client made by `tls_ma_client`. When the
    server binds tokens to certificates (section 3), calls need the same client too. In all else as `SignedJWTAuth`.
    """

    def __init__(
        self, client_id: str, *, token_url: str, cache: TokenCache | None = None, retry: RetryPolicy | None = None,
        timeout_seconds: float = 10.0, clock: Clock = SYSTEM_CLOCK, draw: Draw = random.random,
    ) -> None:
        super().__init__(_plan(ClientCertificate(client_id), "certificate", token_url, cache, retry, timeout_seconds, clock, draw))

    def __repr__(self) -> str:
        return f"CertificateAuth(client_id=..., token_url={self._plan.token_url!r})"


def _plan(
    proof: ClientAuthentication, name: str, token_url: str, cache: TokenCache | None, retry: RetryPolicy | None, timeout_seconds: float,
    clock: Clock, draw: Draw,
) -> TokenPlan:
    refuse_clear_text(httpx2.URL(token_url))
    return TokenPlan(
        proof=proof, name=name, token_url=token_url, timeout_seconds=timeout_seconds, cache=cache if cache is not None else TokenCache(),
        retry=retry or RetryPolicy(), clock=clock, draw=draw,
    )
