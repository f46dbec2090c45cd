"""What an authorization request must be (OpenID Connect Core section 3.1.2.1; user-restricted 11.2 and 12.2). Pure.

The checks run in the order of the table. Before them stand the two whose failure may not redirect: the client and its
`redirect_uri`. Unknown parameters are ignored, as both providers do.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import wanted
from wardgate.oidc.scopes import SCOPES
from wardgate.oidc.vectors import BadVTR, Vector, parse_vtr
from wardgate.standins.clients import Client
from wardgate.standins.errors import PageRefused, RedirectRefused
from wardgate.standins.surfaces import Surface

Parameters = Mapping[str, str]
OFFLINE: Final = "offline_access"
MAX_STATE_CHARS: Final = 2_000
MAX_AGE_LIMIT: Final = 10**9
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS: Final = {ProviderKind.CIS2: frozenset({"none", "login", "consent", "select_account"}),
                   ProviderKind.NHS_LOGIN: frozenset({"none", "login"})}


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that was found good; `scopes` are those the client may have, of those it asked for."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None = None
    nonce: str | None = None
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    acr_names: tuple[str, ...] = ()
    vtr: str | None = None
    challenge: str | None = None
    login_hint: str | None = None
    asserted_identity: str | None = None
    fault: str | None = None
    """A fault that the sign-in carries (`standins.faults`)."""

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The vectors of trust asked for."""
        return parse_vtr(self.vtr)


@dataclass(frozen=True, slots=True)
class _Asked:
    parameters: Parameters
    client: Client
    surface: Surface

    def get(self, name: str) -> str | None:
        return self.parameters.get(name)

    @property
    def is_strict_login(self) -> bool:
        """NHS login itself, which also demands what the platform as its client leaves out (user-restricted 4.2)."""
        return self.surface.kind is ProviderKind.NHS_LOGIN and not self.surface.is_realm and not self.client.is_platform


def check_return_address(parameters: Parameters, client: Client | None) -> str:
    """Return the address people are sent back to. Raises `PageRefused`: nobody is redirected to what is not registered."""
    if "client_id" not in parameters:
        raise PageRefused.by("idp-client-id-missing")
    if client is None:
        raise PageRefused.by("idp-client-unknown")
    address = parameters.get("redirect_uri")
    if address is None:
        raise PageRefused.by("idp-redirect-uri-missing")
    if address not in client.redirect_uris:
        raise PageRefused.by("idp-redirect-uri-invalid")
    return address


def _no_request_object(asked: _Asked) -> None:
    for name, code in (("request", "idp-request-not-supported"), ("request_uri", "idp-request-uri-not-supported"),
                       ("registration", "idp-registration-not-supported")):
        if asked.get(name) is not None:
            raise RedirectRefused.by(code)


def _response_type(asked: _Asked) -> None:
    found = asked.get("response_type")
    if found is None:
        raise RedirectRefused.by("idp-response-type-missing")
    if found != "code":
        raise RedirectRefused.by("idp-response-type-invalid")
    if asked.get("response_mode") not in {None, "query"}:
        raise RedirectRefused.by("idp-response-mode-invalid")


def _state_and_nonce(asked: _Asked) -> None:
    state, nonce = asked.get("state"), asked.get("nonce")
    if state is None and not asked.surface.is_realm:
        raise RedirectRefused.by("idp-state-missing")
    if len(state or "") > MAX_STATE_CHARS or len(nonce or "") > MAX_STATE_CHARS:
        raise RedirectRefused.by("idp-state-too-long")
    if nonce is None and asked.is_strict_login:
        raise RedirectRefused.by("idp-nonce-missing")


def _scope(asked: _Asked) -> None:
    words = (asked.get("scope") or "").split(" ")
    if "openid" not in words:
        raise RedirectRefused.by("idp-scope-openid-missing")
    if asked.client.scopes and not set(words) & set(SCOPES[asked.surface.kind]) <= {*asked.client.scopes, "openid"}:
        raise RedirectRefused.by("idp-scope-not-registered")
    if {"profile", "basic_demographics"} <= set(words) and asked.surface.kind is ProviderKind.NHS_LOGIN:
        raise RedirectRefused.by("idp-scope-exclusive")
    if "gp_integration_credentials" in words and asked.surface.kind is ProviderKind.NHS_LOGIN and not asked.client.im1:
        raise RedirectRefused.by("idp-scope-not-registered")


def _prompt(asked: _Asked) -> None:
    words = (asked.get("prompt") or "").split()
    if not set(words) <= _PROMPTS[asked.surface.kind]:
        raise RedirectRefused.by("idp-prompt-unknown")
    if "none" in words and len(set(words)) > 1:
        raise RedirectRefused.by("idp-prompt-none-not-alone")
    if asked.get("display") not in {None, "page", "touch", "popup", "wap"}:
        raise RedirectRefused.by("idp-display-unknown")


def _max_age(asked: _Asked) -> None:
    text = asked.get("max_age")
    if asked.surface.kind is ProviderKind.CIS2 and text is not None and not (text.isascii() and text.isdigit() and int(text[:12]) <= MAX_AGE_LIMIT):
        raise RedirectRefused.by("idp-max-age-invalid")


def _vtr(asked: _Asked) -> None:
    if asked.surface.kind is not ProviderKind.NHS_LOGIN:
        return
    try:
        vectors = parse_vtr(asked.get("vtr"))
    except BadVTR:
        raise RedirectRefused.by("idp-vtr-malformed") from None
    if asked.client.vtr and asked.get("vtr") is not None and not {vector.text for vector in vectors} <= set(asked.client.vtr):
        raise RedirectRefused.by("idp-vtr-not-registered")


def _code_challenge(asked: _Asked) -> None:
    """RFC 7636 section 4.3: S256 only, which is what RFC 9700 section 2.1.1 asks for."""
    challenge, method = asked.get("code_challenge"), asked.get("code_challenge_method")
    if challenge is None and method is not None:
        raise RedirectRefused.by("idp-challenge-method-alone")
    if challenge is not None and (method != "S256" or not _CHALLENGE.fullmatch(challenge)):
        raise RedirectRefused.by("idp-challenge-invalid")


CHECKS: Final[tuple[Callable[[_Asked], None], ...]] = (
    _no_request_object, _response_type, _state_and_nonce, _scope, _prompt, _max_age, _vtr, _code_challenge,
)


def check_request(parameters: Parameters, client: Client, surface: Surface, redirect_uri: str) -> AuthorizationRequest:
    """Return the request when every check holds. Raises `RedirectRefused` for the first that does not."""
    asked = _Asked(parameters, client, surface)
    for check in CHECKS:
        check(asked)
    known = {*SCOPES[surface.kind], OFFLINE}
    login = surface.kind is ProviderKind.NHS_LOGIN
    max_age = None if login else asked.get("max_age")
    return AuthorizationRequest(
        client.client_id, redirect_uri, tuple(dict.fromkeys(word for word in parameters["scope"].split(" ") if word in known)),
        asked.get("state"), asked.get("nonce"), tuple((asked.get("prompt") or "").split()), int(max_age) if max_age else None,
        () if login else wanted(asked.get("acr_values")), asked.get("vtr") if login else None, asked.get("code_challenge"),
        asked.get("login_hint"), asked.get("asserted_login_identity") if login else None,
    )
