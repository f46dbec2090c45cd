"""Refusals of sign-in, in the order in which each endpoint checks: authorize, pushed requests, callback, userinfo, logout.

Rows with status 302 leave as a redirect to the application's callback URL, which was proved to be one (user-restricted 4.1);
the others are JSON. Texts are wire strings, to the letter.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason
from wardgate.refusals.token_endpoint import UNKNOWN_ERROR

_REQUEST: Final = "invalid_request"
_UNKNOWN: Final = "unknown_error"
_COMBINED_ONLY: Final = (
    "The Userinfo endpoint is only supported for Combined Auth integrations. Currently this is only for NHS CIS2 authentications - for more "
    "guidance see https://digital.nhs.uk/developer/guides-and-documentation/security-and-authorisation/"
    "user-restricted-restful-apis-nhs-cis2-combined-authentication-and-authorisation"
)
_AUTHORIZE: Final = "user-restricted 4.1"
_CALLBACK: Final = "user-restricted 4.3"
_LOGOUT: Final = "user-restricted 7.2"


def _row(source: str, code: str, status: int, error: str, text: str, check: str, advice: str, **more: Any) -> Reason:
    return Reason(code, Area.SIGN_IN, status, error, text, check, advice, source=source, **more)


def _token(code: str, status: int, error: str, text: str, check: str, source: str = _CALLBACK) -> Reason:
    return _row(source, f"id-token-{code}", status, error, text, check, "compare the provider in the manifest with the real one",
                fixer=Fixer.OPERATOR)


def _logout(code: str, text: str, check: str, status: int = 400, error: str = _REQUEST) -> Reason:
    return _row(_LOGOUT, f"logout-{code}", status, error, text, check, "compare the provider's logout token with the documentation",
                fixer=Fixer.OPERATOR)


# fmt: off
AUTHORIZE: Final = (
    _row("user-restricted 2.2", "method-not-get", 405, "", "", "the request method is GET", "use GET", headers=(("Allow", "GET"),)),
    _row("design 3.3", "query-malformed", 400, _REQUEST, "The query is not a valid form", "the query is URL-encoded text in UTF-8",
         "encode the query as a form"),
    _row("design 3.3", "query-too-large", 414, _REQUEST, "The query is too large",
         "the query is at most 16 KiB and 32 parameters, state and the like at most 4096 characters", "send only the parameters of the request"),
    _row(_AUTHORIZE, "authorize-client-id-invalid", 401, _REQUEST, "client_id is invalid", "client_id is an API key of this environment",
         "use the API key of the application in this environment"),
    _row("RFC 9126 section 4", "request-uri-invalid", 400, _REQUEST, "request_uri is invalid",
         "request_uri was given to this application a moment ago and is used once (profile strict)", "push the request again"),
    _row("RFC 9126 section 5", "request-not-pushed", 400, _REQUEST, "request_uri is missing",
         "the authorization request was pushed beforehand (profile strict)", "push the request, then send client_id and request_uri"),
    _row(_AUTHORIZE, "state-missing", 302, _REQUEST, "state is missing", "the request has state", "add an unguessable state"),
    _row(_AUTHORIZE, "response-type-missing", 302, _REQUEST, "response_type is missing", "the request has response_type", "add response_type=code"),
    _row(_AUTHORIZE, "response-type-invalid", 302, "unsupported_response_type", "response_type is invalid", "response_type is code",
         "send response_type=code"),
    _row("RFC 7636 section 4.4.1", "code-challenge-missing", 302, _REQUEST, "code_challenge is missing",
         "the request has a code_challenge (profile strict)", "use PKCE with S256"),
    _row("RFC 7636 section 4.4.1", "code-challenge-invalid", 302, _REQUEST, "code_challenge is invalid",
         "a code_challenge is 43 characters of base64url, its method S256", "use PKCE with S256"),
    _row("user-restricted 4.2", "provider-not-configured", 302, "server_error", "The sign-in provider is not available",
         "this environment has a provider of the kind that was asked for", "state the provider in the manifest", fixer=Fixer.OPERATOR),
    _row("user-restricted 4.2", "provider-unavailable", 302, "temporarily_unavailable", "The sign-in provider is not available",
         "the provider's discovery document is there, in time and sound", "try again; then look at _status", fixer=Fixer.OPERATOR),
)

CALLBACK: Final = (
    _row(_CALLBACK, "callback-state", 400, _REQUEST, "Invalid state parameter.",
         "state is one that was sent to the provider at most 600 s ago and has not come back yet", "begin the sign-in again"),
    _row("user-restricted 17", "callback-browser", 400, _REQUEST, "Invalid state parameter.",
         "the sign-in comes back in the browser it began in", "begin the sign-in again, with cookies allowed"),
    _row("RFC 9207 section 2.4", "callback-issuer", 400, _REQUEST, "Invalid iss parameter.",
         "iss, if there is one, is the provider the browser was sent to", "begin the sign-in again", fixer=Fixer.OPERATOR),
    _row("user-restricted 16; RFC 6749 section 4.1.2.1", "provider-refused", 302, "{error}", "{description}",
         "the provider signed the user in", "read what the provider says", placeholders=("error", "description")),
    _row(_CALLBACK, "callback-code-missing", 400, _REQUEST, "code is missing", "the provider sends a code or an error",
         "begin the sign-in again", fixer=Fixer.OPERATOR),
    _row("user-restricted 16", "provider-code-refused", 500, _UNKNOWN, UNKNOWN_ERROR, "the provider gives tokens for its code",
         "compare client_id and secret or key with those the provider has", fixer=Fixer.OPERATOR),
    _row("user-restricted 16", "provider-unreachable", 500, _UNKNOWN, UNKNOWN_ERROR, "the provider answers, in time and within the size limit",
         "try again; then look at _status", fixer=Fixer.OPERATOR),
    _token("malformed", 400, _REQUEST, "Malformed JWT in External ID token", "the provider's answer has an ID token"),
    _token("aud", 400, _REQUEST, "Invalid 'aud' claim in external ID token JWT", "aud is our client_id at the provider, alone"),
    _token("iss", 400, _REQUEST, "Invalid iss claim in external ID token JWT", "iss is the provider's issuer, in any case of letters"),
    _token("kid-unknown", 401, _REQUEST, "Invalid 'kid' header in external ID token JWT - no matching public key",
           "kid is in the provider's key set, asked again at most once a minute"),
    _token("signature", 401, "public_key error", "JWT signature verification failed", "the signature verifies by RS256 or RS512 with the provider's key"),
    _token("expired", 401, "public_key error", "JWT signature verification failed", "the ID token has an exp that is not in the past"),
    _token("subject", 400, _REQUEST, "Invalid 'sub' claim in external ID token JWT", "the ID token has a sub of at most 255 characters"),
    _token("nonce", 400, _REQUEST, "Invalid 'nonce' claim in external ID token JWT",
           "nonce is the one that was sent, where one was (profile strict)", "OpenID Connect Core section 3.1.3.7"),
)

USERINFO: Final = (
    _row("user-restricted 7.1", "userinfo-not-combined", 400, _REQUEST, _COMBINED_ONLY,
         "the access token came from a code, with NHS CIS2 as the provider", "ask the provider yourself; for NHS login there is nothing to ask here"),
    _row("OpenID Connect Core section 5.3.2", "userinfo-mismatch", 500, _UNKNOWN, UNKNOWN_ERROR,
         "the provider answers with a JSON object about the user who signed in", "ask the operator of the provider", fixer=Fixer.OPERATOR),
)

LOGOUT: Final = (
    _row(_LOGOUT, "logout-source", 403, "access_denied", "Forbidden", "the caller's address is one the provider calls from",
         "add the network to the provider's logout_networks", fixer=Fixer.OPERATOR),
    _logout("malformed", "Malformed JWT in logout_token", "the form has logout_token, a JWT"),
    _logout("aud", "Missing/invalid aud claim in JWT", "the first aud is our client_id at NHS CIS2"),
    _logout("iss", "Missing/invalid iss claim in JWT", "iss is the issuer of NHS CIS2, in any case of letters"),
    _logout("sid", "Missing sid claim in JWT", "the token has sid"),
    _logout("events", "Missing/invalid events claim in JWT", "events has the back-channel logout event"),
    _logout("nonce", "Prohibited nonce claim in JWT", "the token has no nonce: it is not an ID token"),
    _logout("keys-unavailable", "Logout Failed", "the provider's key set is there, in time and sound", 501, "not_implemented"),
    _logout("signature", "Unable to verify JWT", "the signature verifies by RS256 or RS512 with the provider's key; exp, if there is one, is not past",
            error="bad_request"),
    _logout("kid-unknown", "Invalid 'kid' header in logout_token JWT - no matching public key", "kid is in the provider's key set", 401),
    _logout("sid-unknown", "SID not found", "a sign-in of that session is known and has not ended", 501, "not_implemented"),
    _logout("failed", "Logout Failed", "the store could end the sign-in", 501, "not_implemented"),
)
# fmt: on

SIGN_IN: Final = AUTHORIZE + CALLBACK + USERINFO + LOGOUT
