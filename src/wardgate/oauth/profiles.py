"""How the profiles differ, as data: `nhs` is the national platform, `strict` is FAPI 2.0 and RFC 9700 where stronger."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class AssertionProfile:
    """What a profile asks of a token request and its assertion."""

    name: str
    algorithms: frozenset[str]
    algorithm_code: str
    """The refusal of another `alg`; its text names the allowed ones."""
    issuer_is_audience: bool
    """Rule 6 of the resolved conflicts: the issuer is accepted as `aud` beside the token URLs."""
    single_audience: bool
    """FAPI 2.0 section 5.3.2.1: `aud` is one text, not a list."""
    content_type_parameters: bool
    """Rule 7: `application/x-www-form-urlencoded; charset=UTF-8` is accepted."""
    client_id_must_match: bool
    """RFC 7521 section 4.2: a `client_id` in the form must be the assertion's subject."""
    refetch_unknown_kid: bool
    """application-restricted 6.2: `nhs` waits for its cache, `strict` asks again, at most once a minute per URL."""
    type_needed: bool
    """`nhs` wants `typ: JWT` in the header (row 8); `strict` takes one without `typ` as well (RFC 7519 section 5.1)."""
    max_issued_ahead_seconds: int | None
    """FAPI 2.0 section 5.3.2.1: an `iat` further ahead than this is refused; None: `iat` is not looked at."""


PROFILES: Final[Mapping[str, AssertionProfile]] = MappingProxyType({
    "nhs": AssertionProfile(
        name="nhs", algorithms=frozenset({"RS512"}), algorithm_code="assertion-alg", issuer_is_audience=False,
        single_audience=False, content_type_parameters=False, client_id_must_match=False, refetch_unknown_kid=False,
        type_needed=True, max_issued_ahead_seconds=None,
    ),
    "strict": AssertionProfile(
        name="strict", algorithms=frozenset({"PS256", "ES256", "EdDSA"}), algorithm_code="assertion-alg-strict",
        issuer_is_audience=True, single_audience=True, content_type_parameters=True, client_id_must_match=True,
        refetch_unknown_kid=True, type_needed=False, max_issued_ahead_seconds=60,
    ),
})


@dataclass(frozen=True, slots=True)
class SignInProfile:
    """What a profile asks of sign-in, and what it does with codes and refresh tokens."""

    name: str
    secrets: bool
    """Clients prove themselves with `client_secret` at the code and refresh grants; else as at token exchange (FAPI 2.0 section 5.3.2.1)."""
    pushed_requests: bool
    """RFC 9126: an authorization request is pushed beforehand."""
    pkce: bool
    """RFC 7636: a `code_challenge` by S256 is needed."""
    issuer_in_response: bool
    """RFC 9207: answers that leave as a redirect carry `iss`."""
    nonce: bool
    """OpenID Connect Core section 3.1.2.1: we send the provider a nonce and compare it."""
    bound_to_browser: bool
    """A sign-in must come back with the cookie it began with; else only a wrong cookie refuses (user-restricted 17)."""
    https_redirects: bool
    """RFC 9700 section 2.6: callback URLs are https, or loopback ones (RFC 8252 section 7.3)."""
    code_seconds: int
    """How long a code lasts: user-restricted 4.4; FAPI 2.0 section 5.3.2.1."""
    refresh_grace_seconds: int
    """Spec README rule 9: how long a repeated refresh gets the same successor."""
    ends_family: bool
    """RFC 9700 section 4.14.2: use of a used code or refresh token ends the sign-in."""


SIGN_IN_PROFILES: Final[Mapping[str, SignInProfile]] = MappingProxyType({
    "nhs": SignInProfile(
        name="nhs", secrets=True, pushed_requests=False, pkce=False, issuer_in_response=False, nonce=False,
        bound_to_browser=False, https_redirects=False, code_seconds=300, refresh_grace_seconds=0, ends_family=False,
    ),
    "strict": SignInProfile(
        name="strict", secrets=False, pushed_requests=True, pkce=True, issuer_in_response=True, nonce=True,
        bound_to_browser=True, https_redirects=True, code_seconds=60, refresh_grace_seconds=10, ends_family=True,
    ),
})
