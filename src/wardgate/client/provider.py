"""The separate pattern's first half: an application signs a user in at NHS CIS2 or NHS login by itself (user-restricted 1, 11, 12).

The ID token it gets is what `UserApplication.exchange` takes, for 60 minutes at most.
"""

import json
import random
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from wardgate.client.authorization import NewSecret, PendingSignIn, ask, new_secret, with_query
from wardgate.client.client_authentication import ClientAuthentication
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.environments import refuse_clear_text
from wardgate.client.errors import ClientError, IDTokenInvalid, ProviderUnusable, TokenAnswerInvalid
from wardgate.client.id_token import IDToken, kid_of, verify_id_token
from wardgate.client.retry import Draw, RetryPolicy
from wardgate.client.token_endpoint import TIMEOUT_SECONDS, TokenEndpoint
from wardgate.client.users import read_object
from wardgate.jose import InvalidJWKSet, JWKSet, KeyRules, parse_jwk_set
from wardgate.jose.strict_json import decode_object
from wardgate.oauth.providers import DISCOVERY_PATH
from wardgate.oauth.token_requests import ID_TOKEN_TYPE, GrantType

_LONGEST_URL: Final = 2_000


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """Where a provider is (OpenID Connect Discovery section 3). `issuer` is compared to the letter, port included."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    names_issuer: bool = False
    """Whether its answers carry `iss` (RFC 9207)."""

    @classmethod
    def of(cls, document: Mapping[str, Any], issuer: str) -> Self:
        """Return what a discovery document says. Raises `ProviderUnusable` for another issuer's, and for addresses that are none."""
        if document.get("issuer") != issuer:
            raise ProviderUnusable(f"the discovery document is not that of {issuer}")
        userinfo, end = (_url(document, name) if name in document else None for name in ("userinfo_endpoint", "end_session_endpoint"))
        authorization, token, keys = (_url(document, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
        names_issuer = document.get("authorization_response_iss_parameter_supported") is True
        return cls(issuer, authorization, token, keys, userinfo, end, names_issuer)


def _url(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_URL or not value.startswith(("https://", "http://")) or "#" in value:
        raise ProviderUnusable(f"{name} of the discovery document is not an address")
    refuse_clear_text(httpx2.URL(value))
    return value


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """What a provider gave: the proof of who signed in, and its own access token, which is for its userinfo alone."""

    id_token: IDToken
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)


class RelyingParty:
    """The application as a client of one provider. Safe for threads. Close it, or use it as a context."""

    def __init__(
        self, issuer: str, authentication: ClientAuthentication, *, metadata: ProviderMetadata | None = None,
        tls: ssl.SSLContext | None = None, proxy: str | None = None, transport: httpx2.BaseTransport | None = None,
        retry: RetryPolicy | None = None, timeout_seconds: float = TIMEOUT_SECONDS, clock: Clock = SYSTEM_CLOCK,
        draw: Draw = random.random, secret: NewSecret = new_secret,
    ) -> None:
        refuse_clear_text(httpx2.URL(issuer))
        self.issuer, self.authentication = issuer, authentication
        self._metadata, self._keys = metadata, JWKSet({}, {})
        self._clock, self._secret = clock, secret
        inner = transport or httpx2.HTTPTransport(verify=tls or ssl.create_default_context(), proxy=proxy)
        self._client = httpx2.Client(transport=inner, trust_env=False, timeout=timeout_seconds)
        self._endpoint = TokenEndpoint(self._client, retry or RetryPolicy(), clock, draw, timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    @property
    def metadata(self) -> ProviderMetadata:
        """Where the provider is; asked for once. Raises `ProviderUnusable`, `APIError` and httpx2's errors."""
        if self._metadata is None:
            document = self._get(self.issuer.rstrip("/") + DISCOVERY_PATH)
            self._metadata = ProviderMetadata.of(document, self.issuer)
        return self._metadata

    def begin(
        self, redirect_uri: str, scope: str = "openid profile", *, acr_values: str | None = None, vtr: Sequence[str] | None = None,
        prompt: str | None = None, max_age_seconds: int | None = None, pkce: bool = True,
    ) -> PendingSignIn:
        """Begin a sign-in: `acr_values` and `max_age_seconds` are for NHS CIS2, `vtr` for NHS login (user-restricted 11.3, 12.3).

        For NHS CIS2, `nationalrbacaccess` in `scope` brings the user's roles, `selectedrole` has one of them chosen.
        """
        more = {"acr_values": acr_values, "vtr": json.dumps(list(vtr)) if vtr is not None else None, "prompt": prompt,
                "max_age": str(max_age_seconds) if max_age_seconds is not None else None}
        asked = ask(self.authentication.client_id, redirect_uri, scope=scope, nonce=True, pkce=pkce, secret=self._secret,
                    more={name: value for name, value in more.items() if value is not None})
        return asked.at(self.metadata.authorization_endpoint, self.issuer, issuer_required=self.metadata.names_issuer)

    def redeem(self, pending: PendingSignIn, redirect: str) -> ProviderTokens:
        """Return the tokens for the address the user came back to, the ID token verified.

        Raises `RedirectInvalid`, `SignInRefused`, `TokenRefused`, `AnswerLost` and `IDTokenInvalid`.
        """
        form = {"grant_type": GrantType.AUTHORIZATION_CODE, "code": pending.code_of(redirect), "redirect_uri": pending.redirect_uri}
        if pending.verifier is not None:
            form["code_verifier"] = pending.verifier
        return self._tokens(self._ask(form, repeatable=False), pending.nonce)

    def composite(self, id_token: IDToken, patient: str) -> IDToken:
        """Return an ID token of `patient`, by `sub` or NHS number, with who signed in as `act` (user-restricted 14). Raises `TokenRefused`.

        The published pages say that the client makes this exchange at NHS login; they do not show it. This is RFC 8693 with
        `requested_subject`, as the stand-in takes it.
        """
        form = {"grant_type": GrantType.TOKEN_EXCHANGE, "subject_token_type": ID_TOKEN_TYPE, "subject_token": id_token.text,
                "requested_token_type": ID_TOKEN_TYPE, "requested_subject": patient}
        return self._tokens(self._ask(form, repeatable=True), None).id_token

    def userinfo(self, tokens: ProviderTokens) -> dict[str, Any]:
        """Return the details the provider tells of who signed in (OpenID Connect Core section 5.3). Raises `APIError`, `IDTokenInvalid`."""
        if self.metadata.userinfo_endpoint is None:
            raise ProviderUnusable(f"{self.issuer} has no userinfo endpoint")
        details = self._get(self.metadata.userinfo_endpoint, {"Authorization": f"Bearer {tokens.access_token}"})
        if details.get("sub") != tokens.id_token.claims["sub"]:
            raise IDTokenInvalid("userinfo is about somebody else")
        return details

    def logout_url(
        self, id_token: IDToken | None = None, post_logout_redirect_uri: str | None = None, state: str | None = None
    ) -> str | None:
        """Return where the user's browser ends the session at the provider; None: NHS login has no such place (user-restricted 11.8, 12.7)."""
        if self.metadata.end_session_endpoint is None:
            return None
        asked = {"id_token_hint": id_token.text if id_token is not None else None, "client_id": self.authentication.client_id,
                 "post_logout_redirect_uri": post_logout_redirect_uri, "state": state}
        return with_query(self.metadata.end_session_endpoint, {name: value for name, value in asked.items() if value is not None})

    def _ask(self, form: Mapping[str, str], *, repeatable: bool) -> bytes:
        url = self.metadata.token_endpoint

        def make(now: datetime) -> Mapping[str, str]:
            return {**form, "client_id": self.authentication.client_id, **self.authentication.parameters(url, now)}

        return self._endpoint.ask(url, make, repeatable=repeatable).content

    def _tokens(self, body: bytes, nonce: str | None) -> ProviderTokens:
        try:
            found = decode_object(body)
        except ValueError:
            raise TokenAnswerInvalid("the provider's answer is not a JSON object") from None
        text, access, refresh = found.get("id_token"), found.get("access_token"), found.get("refresh_token")
        if not isinstance(text, str) or not isinstance(access, str) or not access.isascii() or not access.isprintable():
            raise TokenAnswerInvalid("the provider's answer has no id_token or no access_token")
        verified = verify_id_token(text, self._keys_for(text), issuer=self.issuer, client_id=self.authentication.client_id, nonce=nonce,
                                   now=self._clock.now())
        return ProviderTokens(verified, access, refresh if isinstance(refresh, str) else None)

    def _keys_for(self, text: str) -> JWKSet:
        """Return the provider's keys, asked for again when the token names another: a provider changes them."""
        kid = kid_of(text)
        if kid is None or self._keys.get(kid) is None:
            try:
                self._keys = parse_jwk_set(self._get(self.metadata.jwks_uri), KeyRules())
            except InvalidJWKSet as fault:
                raise ProviderUnusable(f"the keys of {self.issuer} cannot be used: expected {fault.expected}") from None
        return self._keys

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            return read_object(self._client, url, headers or {}, self._clock.now())
        except ClientError as error:
            if type(error) is ClientError:
                raise ProviderUnusable(str(error)) from None
            raise
