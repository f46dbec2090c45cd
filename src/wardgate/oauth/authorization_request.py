"""The authorization request (RFC 6749 section 4.1.1; user-restricted 4.1), in the platform's order, and what is sent back.

Nothing is sent back to a `redirect_uri` before client and URI are known to belong together: until then a refusal is JSON.
Every value put into a URL is percent-encoded; the platform joins texts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.pkce import read_challenge
from wardgate.oauth.profiles import SignInProfile
from wardgate.oauth.providers import DEFAULT_ACR_VALUES
from wardgate.oauth.users import ProviderKind

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_NHS_LOGIN_SCOPE: Final = "nhs-login"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A sound request: what is remembered until the provider sends the user back."""

    redirect_uri: str
    state: str
    kind: ProviderKind
    acr_values: str
    challenge: str | None


def check_redirect_uri(asked: str | None, registered: Iterable[str], profile: SignInProfile) -> str:
    """Return the URI when it is one of the application's, to the letter. Raises `OAuthRefused`."""
    if asked is None:
        raise OAuthRefused("redirect-uri-missing", "a redirect_uri", "none")
    if asked not in tuple(registered):
        raise OAuthRefused("redirect-uri-invalid", "a callback URL of the application, to the letter", "another URL")
    if profile.https_redirects and not _is_safe(asked):
        raise OAuthRefused("redirect-uri-invalid", "an https URL, or one of this machine", "a plain http URL")
    return asked


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def check_request(query: Mapping[str, str], redirect_uri: str, profile: SignInProfile) -> AuthorizationRequest:
    """Check what follows client and URI. Raises `OAuthRefused` with a row that leaves as a redirect (status 302)."""
    state = query.get("state")
    if state is None:
        raise OAuthRefused("state-missing", "a state", "none")
    response_type = query.get("response_type")
    if response_type is None:
        raise OAuthRefused("response-type-missing", "response_type=code", "none")
    if response_type != "code":
        raise OAuthRefused("response-type-invalid", "response_type=code", ascii(response_type[:40]))
    challenge = read_challenge(query.get("code_challenge"), query.get("code_challenge_method"), required=profile.pkce)
    kind = ProviderKind.NHS_LOGIN if _NHS_LOGIN_SCOPE in query.get("scope", "").split(" ") else ProviderKind.CIS2
    return AuthorizationRequest(redirect_uri, state, kind, query.get("acr_values", DEFAULT_ACR_VALUES), challenge)


def with_parameters(url: str, parameters: Mapping[str, str | None]) -> str:
    """Return `url` with the parameters that are not None, percent-encoded (RFC 3986 section 2.1), after those it has."""
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items() if value is not None)
    if not added:
        return url
    return url + ("" if url.endswith(("?", "&")) else "&" if "?" in url else "?") + added
