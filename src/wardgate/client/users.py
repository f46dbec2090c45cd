"""An application at one authorisation server, with users: signing in, redeeming, exchanging, renewing, signing out.

The four patterns (user-restricted 1): *combined*, where the server sends the user to NHS CIS2 or NHS login itself (`begin`, then
`redeem`), and *separate*, where the application signs the user in there and brings the ID token (`exchange`).

The few requests of a sign-in are blocking. On asyncio `run` puts one on a thread: there it ends whatever becomes of the task
that asked, which matters, because the answer to a renewal must not be lost.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

import httpx2

from wardgate.client.authorization import NewSecret, PendingSignIn, ask, new_secret
from wardgate.client.client_authentication import ClientAuthentication
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.environments import Environment
from wardgate.client.error_shapes import api_error
from wardgate.client.errors import ClientError, TokenAnswerInvalid
from wardgate.client.retry import Draw, RetryPolicy
from wardgate.client.token_endpoint import TIMEOUT_SECONDS, TokenEndpoint
from wardgate.client.tokens import AccessToken
from wardgate.client.user_tokens import UserTokens, read_user_tokens
from wardgate.jose.strict_json import decode_object
from wardgate.oauth.token_requests import ID_TOKEN_TYPE, GrantType

P = ParamSpec("P")
T = TypeVar("T")


class Provider(StrEnum):
    """Who signs the user in, in the combined pattern; the value is the `scope` that chooses (user-restricted 4.1)."""

    CIS2 = "nhs-cis2"
    NHS_LOGIN = "nhs-login"


async def run(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do a blocking piece of a sign-in on a thread. When the task is cancelled the piece still comes to its end."""
    return await asyncio.shield(asyncio.to_thread(work, *arguments, **named))


class UserApplication:
    """An application that calls for users. Safe for threads. Close it, or use it as a context.

    `authentication` proves it at the code and refresh grants; token exchange and revocation want a signed assertion or a
    certificate, which `exchange_authentication` is when the first is a secret. `pushed` and `issuer_required` are for servers
    of the profile `strict`: authorization requests are pushed (RFC 9126), and their answers must say whom they are from.
    """

    def __init__(
        self, environment: Environment, authentication: ClientAuthentication, *,
        exchange_authentication: ClientAuthentication | None = None, pushed: bool = False, issuer_required: bool = False,
        tls: ssl.SSLContext | None = None, proxy: str | None = None, transport: httpx2.BaseTransport | None = None,
        retry: RetryPolicy | None = None, timeout_seconds: float = TIMEOUT_SECONDS, clock: Clock = SYSTEM_CLOCK,
        draw: Draw = random.random, secret: NewSecret = new_secret,
    ) -> None:
        self.environment = environment
        self.authentication = authentication
        self.exchange_authentication = exchange_authentication or authentication
        self.clock = clock
        self._pushed, self._issuer_required, self._secret = pushed, issuer_required, secret
        # Every request has a connection of its own: one that was kept may be closing, and a refresh token would be lost with it.
        inner = transport or httpx2.HTTPTransport(verify=tls or ssl.create_default_context(), proxy=proxy,
                                                  limits=httpx2.Limits(max_keepalive_connections=0))
        self._client = httpx2.Client(transport=inner, trust_env=False)
        self._endpoint = TokenEndpoint(self._client, retry or RetryPolicy(), clock, draw, timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def begin(
        self, redirect_uri: str, provider: Provider = Provider.CIS2, *, acr_values: str | None = None, pkce: bool = True
    ) -> PendingSignIn:
        """Begin a sign-in at the combined pattern. `pkce=False` is for a server that refuses parameters it does not know.

        The national platform ignores the challenge (user-restricted 4.6). Raises `TokenRefused` when a pushed request is refused.
        """
        asked = ask(self.authentication.client_id, redirect_uri, scope=provider, pkce=pkce, secret=self._secret,
                    more={"acr_values": acr_values} if acr_values is not None else None)
        pushed = self._push(asked.parameters) if self._pushed else None
        return asked.at(self.environment.authorize_url, self.environment.issuer, issuer_required=self._issuer_required, pushed=pushed)

    def redeem(self, pending: PendingSignIn, redirect: str) -> UserTokens:
        """Return the tokens for the address the user came back to. Raises `RedirectInvalid`, `SignInRefused`, `TokenRefused`.

        Raises `AnswerLost` when no answer came: the code is used up, and the user signs in again.
        """
        form = {"grant_type": GrantType.AUTHORIZATION_CODE, "code": pending.code_of(redirect), "redirect_uri": pending.redirect_uri}
        if pending.verifier is not None:
            form["code_verifier"] = pending.verifier
        return self._tokens(form, self.authentication, repeatable=False)

    def exchange(self, id_token: str) -> UserTokens:
        """Return the tokens for an ID token of NHS CIS2 or NHS login, a composite one included (user-restricted 3, 14). Raises `TokenRefused`."""
        if not self.exchange_authentication.signs:
            raise ValueError("token exchange needs a signed assertion or a certificate, not a secret")
        form = {"grant_type": GrantType.TOKEN_EXCHANGE, "subject_token_type": ID_TOKEN_TYPE, "subject_token": id_token}
        return self._tokens(form, self.exchange_authentication, repeatable=True, named=False)

    def renew(self, refresh_token: str) -> UserTokens:
        """Return the successors of a refresh token, which is used up by that. `UserSession` sees to it that it is sent once.

        Raises `TokenRefused`, `AnswerLost` and `TokenAnswerInvalid`; after the last two nobody knows whether it was used up.
        """
        return self._tokens({"grant_type": GrantType.REFRESH_TOKEN, "refresh_token": refresh_token}, self.authentication, repeatable=False)

    def revoke(self, access: AccessToken) -> None:
        """Take an access token back (RFC 7009), where the server can and the application signs. Raises `TokenRefused`."""
        if not self.exchange_authentication.signs:
            raise ValueError("revocation needs a signed assertion or a certificate, not a secret")
        token = {"token": access.value, "token_type_hint": "access_token"}
        self._endpoint.ask(self.environment.revocation_url, lambda now: {**token, **self._proof(self.exchange_authentication, now)},
                           repeatable=True)

    def userinfo(self, access: AccessToken) -> dict[str, Any]:
        """Return the details of a healthcare worker who signed in through the combined pattern (user-restricted 7.1). Raises `APIError`."""
        headers = {"Authorization": f"Bearer {access.value}", "Accept": "application/json"}
        return read_object(self._client, self.environment.userinfo_url, headers, self.clock.now())

    def _push(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """Return what goes through the browser in place of the parameters (RFC 9126 sections 2 and 4)."""
        answer = self._endpoint.ask(self.environment.pushed_request_url, lambda now: {**parameters, **self._proof(self.authentication, now)},
                                    repeatable=True)
        try:
            name = decode_object(answer.content).get("request_uri")
        except ValueError:
            name = None
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isascii() or not name.isprintable():
            raise TokenAnswerInvalid("the answer to a pushed request has no request_uri")
        return {"client_id": self.authentication.client_id, "request_uri": name}

    def _tokens(self, form: Mapping[str, str], proof: ClientAuthentication, *, repeatable: bool, named: bool = True) -> UserTokens:
        """Ask for tokens. `named`: the form has a `client_id` whatever proves it; five fields are what token exchange takes."""
        name = {"client_id": proof.client_id} if named else {}
        sent: list[datetime] = []

        def make(now: datetime) -> Mapping[str, str]:
            sent.append(self.clock.now())
            return {**form, **name, **self._proof(proof, now)}

        answer = self._endpoint.ask(self.environment.token_url, make, repeatable=repeatable)
        return read_user_tokens(answer.content, sent[-1])

    def _proof(self, proof: ClientAuthentication, now: datetime) -> Mapping[str, str]:
        return proof.parameters(self.environment.token_url, now)


_LONGEST_NAME: Final = 1_000
_LARGEST_DETAILS_BYTES: Final = 262_144


def read_object(client: httpx2.Client, url: str, headers: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return the JSON object at a URL, within limits. Raises `APIError` for a refusal and `ClientError` for anything else."""
    with client.stream("GET", url, headers={**headers, "Accept-Encoding": "identity"}, follow_redirects=False) as response:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LARGEST_DETAILS_BYTES:
                raise ClientError(f"{url}: more than {_LARGEST_DETAILS_BYTES} bytes")
    if response.status_code != 200:
        raise api_error(httpx2.Response(response.status_code, headers=response.headers, content=bytes(body)), now)
    try:
        return decode_object(bytes(body))
    except ValueError:
        raise ClientError(f"{url}: not a JSON object") from None
