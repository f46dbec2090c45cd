"""Refusals of the stand-in sign-in providers, in the order in which each endpoint checks (user-restricted 11 and 12).

Rows with status 302 leave as a redirect to the client, whose address was proved to be registered; at the authorization and
logout endpoints the others are pages for the person, elsewhere they are JSON. A few are documented but never arise by
themselves: they can only be asked for as faults.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason

_REQUEST: Final = "invalid_request"
_DENIED: Final = "access_denied"
_GRANT: Final = "invalid_grant"
_FEDERATION: Final = "user-restricted 12.2"
_CORE: Final = "OpenID Connect Core section 3.1.2.6"


def _row(source: str, code: str, status: int, error: str, text: str, check: str, advice: str, **more: Any) -> Reason:
    return Reason(f"idp-{code}", Area.PROVIDERS, status, error, text, check, advice, source=source, **more)


def _page(code: str, text: str, check: str, advice: str, status: int = 400, error: str = _REQUEST, **more: Any) -> Reason:
    return _row("user-restricted 11.2, 12.2", code, status, error, text, check, advice, **more)


def _told(code: str, error: str, text: str, check: str, advice: str, source: str = _FEDERATION) -> Reason:
    return _row(source, code, 302, error, text, check, advice)


def _outage(code: str, status: int, error: str, text: str, check: str, *headers: tuple[str, str]) -> Reason:
    return _row("user-restricted 16", code, status, error, text, check, "try again later; honour Retry-After", fixer=Fixer.OPERATOR, headers=headers)


# fmt: off
AUTHORIZE: Final = (
    _page("parameters-malformed", "{problem}.", "the parameters are URL-encoded text in UTF-8, few, short, and none of them twice",
          "encode the request as a form", placeholders=("problem",)),
    _page("client-id-missing", "The request has no client_id.", "the request has client_id", "add the client_id"),
    _page("client-unknown", "No client of this provider has this client_id.", "client_id is that of a client of this provider",
          "use the client_id that is registered here", 401, "invalid_client"),
    _page("redirect-uri-missing", "The request has no redirect_uri.", "the request has redirect_uri", "add the redirect_uri"),
    _page("redirect-uri-invalid", "The redirect_uri is not one that the client has registered, to the letter.",
          "redirect_uri is registered for the client", "send it as it is registered"),
    _told("request-not-supported", "request_not_supported", "The parameter request is not supported", "there is no request object", "send plain parameters", _CORE),
    _told("request-uri-not-supported", "request_uri_not_supported", "The parameter request_uri is not supported", "there is no request object", "send plain parameters", _CORE),
    _told("registration-not-supported", "registration_not_supported", "The parameter registration is not supported", "the client is registered beforehand", "leave registration out", _CORE),
    _told("invalid-request-uri", "invalid_request_uri", "The request_uri cannot be read", "a request object, were it supported, could be fetched", "send plain parameters", _CORE),
    _told("invalid-request-object", "invalid_request_object", "The request object cannot be read", "a request object, were it supported, could be read", "send plain parameters", _CORE),
    _told("response-type-missing", _REQUEST, "response_type is missing", "the request has response_type", "add response_type=code"),
    _told("response-type-invalid", "unsupported_response_type", "response_type must be code", "response_type is code", "send response_type=code"),
    _told("response-mode-invalid", _REQUEST, "response_mode must be query", "response_mode, if sent, is query", "leave response_mode out"),
    _told("state-missing", _REQUEST, "state is missing", "the request has state", "add an unguessable state"),
    _told("state-too-long", _REQUEST, "state and nonce have at most 2000 characters", "state and nonce are short", "send less in state"),
    _told("nonce-missing", _REQUEST, "nonce is missing", "a request to NHS login has nonce", "add a nonce"),
    _told("scope-openid-missing", "invalid_scope", "scope must contain openid", "scope has openid", "add openid to scope"),
    _told("scope-not-registered", "invalid_scope", "A scope is not registered for this client", "every scope is registered for the client", "ask for registered scopes only"),
    _told("scope-exclusive", "invalid_scope", "profile and basic_demographics exclude each other", "one of the two scopes is asked for, at NHS login", "ask for one of them"),
    _told("prompt-unknown", _REQUEST, "prompt has an unknown value", "prompt has values that the provider knows", "send none or login"),
    _told("prompt-none-not-alone", _REQUEST, "prompt none stands alone", "prompt none has no other value beside it", "send none alone"),
    _told("display-unknown", _REQUEST, "display has an unknown value", "display is page, touch, popup or wap", "leave display out"),
    _told("max-age-invalid", _REQUEST, "max_age must be a number of seconds", "max_age is a number", "send whole seconds"),
    _told("vtr-malformed", _REQUEST, "vtr must be a JSON array of vectors of trust", "vtr is a JSON array of vectors", "send vectors such as P9.Cp.Cd", "user-restricted 12.3"),
    _told("vtr-not-registered", _REQUEST, "vtr has a vector that is not registered for this client", "every vector is registered for the client", "ask for registered vectors only"),
    _told("challenge-method-alone", _REQUEST, "code_challenge_method without code_challenge", "a method comes with a challenge", "use PKCE with S256", "RFC 7636 section 4.3"),
    _told("challenge-invalid", _REQUEST, "code_challenge must be base64url of SHA-256, with code_challenge_method S256",
          "a code_challenge is 43 characters of base64url, its method S256", "use PKCE with S256", "RFC 7636 section 4.3"),
    _told("unauthorized-client", "unauthorized_client", "The client may not use this way of asking", "the client may ask for a code", "ask the provider to allow it"),
    _told("login-required", "login_required", "Nobody is signed in who satisfies the request", "with prompt none, somebody is signed in", "ask again without prompt=none"),
    _told("sso-login-required", "sso_login_required", "Nobody is signed in who satisfies the request", "with an asserted identity and prompt none, somebody is signed in", "ask again without prompt=none"),
    _told("stronger-login-required", "login_required", "The person would have to be asked something", "with prompt none, the sign-in is strong enough", "ask again without prompt=none"),
    _told("interaction-required", "interaction_required", "The person would have to be asked something", "with prompt none, there is nothing to ask", "ask again without prompt=none"),
    _told("consent-required", "consent_required", "The person would have to be asked something", "with prompt none, the person has agreed before", "ask again without prompt=none"),
    _told("account-selection-required", "account_selection_required", "The person would have to choose an account", "with prompt none, there is one account", "ask again without prompt=none"),
    _told("acr-out-of-reach", _DENIED, "The user cannot sign in as strongly as acr_values asks for", "the person has an authenticator of acr_values", "sign in as somebody who has one", "user-restricted 15.2"),
    _told("acr-unmet", _DENIED, "The sign-in is not as strong as acr_values asks for", "the person signed in as acr_values asks for", "sign in with a stronger authenticator", "user-restricted 15.2"),
    _told("vtr-unmet", _DENIED, "The sign-in is not one of those that vtr asks for", "the person signed in as vtr asks for", "sign in with another credential", "user-restricted 12.3"),
    _told("person-gone", _DENIED, "The person is no longer known to this provider", "the person is in the manifest", "sign in as somebody else"),
    _told("consent-refused", _DENIED, "ConsentNotGiven", "the person agreed to share with the client", "tell the person what it is for"),
    _told("identity-check-failed", _DENIED, "The identity check was not passed", "the person proved who they are", "sign in as somebody who can"),
    _told("server-error", "server_error", "The provider cannot answer now", "the provider could do its work", "try again"),
    _told("temporarily-unavailable", "temporarily_unavailable", "The provider cannot answer now", "the provider is up", "try again later"),
)

STEPS: Final = (
    _page("sign-in-over", "This sign-in is over, or was begun in another browser. Go back to where you came from and begin again.",
          "the sign-in goes on, in the browser it began in", "begin the sign-in again"),
    _page("form-foreign", "The form is not the one that was shown. Go back and try again.", "the form is one that was given to this browser",
          "begin the sign-in again", 403),
    _page("client-gone", "The client is no longer known to this provider.", "the client is registered while the person signs in",
          "begin the sign-in again", 401, "invalid_client"),
    _page("not-signed-in", "You are not signed in any more. Go back to where you came from and begin again.", "the session goes on", "begin the sign-in again"),
    _page("signed-out-meanwhile", "You were signed out meanwhile. Go back to where you came from and begin again.",
          "the session goes on until the code is given", "begin the sign-in again"),
)

TOKEN: Final = (
    _row("RFC 6749 section 3.2", "parameters-in-address", 400, _REQUEST, "Parameters are sent in the body, not in the address",
         "the address has no query", "send a form"),
    _row("RFC 6749 section 3.2", "form-malformed", 400, _REQUEST, "{problem}", "the body is a form: URL-encoded text in UTF-8, none of its parameters twice",
         "send a form", placeholders=("problem",)),
    _row("user-restricted 11.4, 12.4", "client-authentication", 401, "invalid_client", "Client authentication failed",
         "the client proves itself as it is registered (NHS login answers 400)", "use the client's secret, or its key"),
    _row("user-restricted 11.4, 12.4", "assertion-invalid", 401, "invalid_client", "JWT is not valid",
         "the client's assertion holds, and was not used before (NHS login answers 400)", "sign a new one for the token URL"),
    _row("RFC 6749 section 2.3", "two-proofs", 400, _REQUEST, "A client proves itself in one way, by a JWT of the type jwt-bearer or by a secret",
         "the form has a secret or an assertion", "send one of them"),
    _row("RFC 6749 section 5.2", "grant-type-missing", 400, _REQUEST, "grant_type is missing", "the form has grant_type", "add grant_type"),
    _row("RFC 6749 section 5.2", "grant-type-unknown", 400, "unsupported_grant_type", "grant_type is not supported", "the provider knows the grant",
         "use authorization_code or refresh_token"),
    _row("RFC 6749 section 5.2", "token-unauthorized-client", 400, "unauthorized_client", "The client may not use this grant", "the client may use the grant",
         "ask the provider to allow it"),
    _row("RFC 6749 section 4.1.3", "code-missing", 400, _REQUEST, "code is missing", "the form has code", "add the code"),
    _row("user-restricted 11.4", "grant-invalid", 400, _GRANT, "The provided access grant is invalid, expired, or revoked.",
         "the code or refresh token is this client's, unused and not over", "sign in again"),
    _row("RFC 6749 section 6", "refresh-token-missing", 400, _REQUEST, "refresh_token is missing", "the form has refresh_token", "add the refresh token"),
    _row("RFC 6749 section 6", "refresh-scope", 400, "invalid_scope", "scope may only be part of what was granted, and contains openid",
         "a refresh asks for no more than before", "leave scope out"),
    _row("user-restricted 14", "exchange-parameters", 400, _REQUEST, "subject_token is an ID token of this provider, of that type",
         "an exchange names an ID token", "send subject_token and its type"),
    _row("user-restricted 14", "exchange-token", 400, _GRANT, "subject_token is not a current ID token of this client",
         "the ID token is this client's and not over", "sign in again"),
    _row("user-restricted 14", "exchange-denied", 400, _DENIED, "The person may not act for that patient", "the person is one of the patient's proxies",
         "add the delegation to the manifest"),
)

_BEARER: Final = "RFC 6750 section 3.1"
USERINFO: Final = (
    _row(_BEARER, "token-invalid", 401, "invalid_token", "The access token is missing, expired or revoked", "the access token is this provider's and in force", "get a new token"),
    _row(_BEARER, "token-without-openid", 403, "insufficient_scope", "The token has no scope openid", "the token has the scope openid", "ask for openid"),
    _row(_BEARER, "token-without-metadata", 403, "insufficient_scope", "The token has no scope client_metadata", "the token has the scope client_metadata", "ask for client_metadata"),
    _row("user-restricted 12.6", "metadata-not-object", 400, _REQUEST, "The body is one JSON object", "the body is a JSON object", "send one"),
    _row("user-restricted 12.6", "metadata-invalid", 400, _REQUEST, "client_user_metadata is a text of at most 1024 characters", "client_user_metadata is a short text", "send less"),
)

_LOGOUT: Final = "RP-Initiated Logout section 3"
LOGOUT: Final = (
    _row(_LOGOUT, "hint-invalid", 400, _REQUEST, "The id_token_hint is not an ID token of this provider.", "id_token_hint, if sent, is an ID token of this provider", "send the ID token unchanged"),
    _row(_LOGOUT, "hint-of-another-client", 400, _REQUEST, "The client_id is not that of the id_token_hint.", "client_id and id_token_hint name one client", "leave client_id out"),
    _row(_LOGOUT, "logout-address", 400, _REQUEST, "The post_logout_redirect_uri is not one that the client has registered, to the letter.",
         "post_logout_redirect_uri is registered for the client", "send it as it is registered"),
)

OUTAGES: Final = (
    _outage("unexpected", 500, "server_error", "The provider cannot answer now", "the provider could do its work"),
    _outage("busy", 429, "temporarily_unavailable", "Too many requests", "the provider is asked less often", ("Retry-After", "5")),
    _outage("down", 503, "temporarily_unavailable", "The provider cannot answer now", "the provider is up", ("Retry-After", "5")),
)
# fmt: on

PROVIDERS: Final = AUTHORIZE + STEPS + TOKEN + USERINFO + LOGOUT + OUTAGES
