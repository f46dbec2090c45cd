"""Refusals of the grants of users, in the order in which each grant checks: token exchange, authorization code, refresh.

Token exchange shares rows 1 and 3 to 21 of user-restricted 3.3 with the client credentials grant (`token_endpoint`).
Texts are wire strings, to the letter.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason
from wardgate.refusals.token_endpoint import NOT_CONFIGURED, UNKNOWN_ERROR

_REQUEST: Final = "invalid_request"
_GRANT: Final = "invalid_grant"
_CLIENT: Final = "invalid_client"
_KEY: Final = "public_key error"
_DENIED: Final = "access_denied"
_SIGNATURE: Final = "JWT signature verification failed"
_SECRET: Final = "client_id or client_secret is invalid"  # noqa: S105 - a wire text


def _row(source: int | str, code: str, status: int, error: str, text: str, check: str, advice: str, **more: Any) -> Reason:
    source = f"user-restricted 3.3 #{source}" if isinstance(source, int) else source
    return Reason(code, Area.USER_TOKENS, status, error, text, check, advice, source=source, **more)


def _claim(row: int, code: str, text: str, check: str, advice: str, status: int = 400) -> Reason:
    return _row(row, f"subject-token-{code}", status, _REQUEST, text, check, advice)


def _actor(code: str, text: str, check: str, source: str = "user-restricted 14") -> Reason:
    return _row(source, f"actor-token-{code}", 400, _REQUEST, text, check, "exchange the composite token as NHS login issued it")


# fmt: off
EXCHANGE: Final = (
    _row("user-restricted 2.3", "subject-token-type-invalid", 400, _REQUEST,
         "missing or invalid subject_token_type - must be 'urn:ietf:params:oauth:token-type:id_token'",
         "subject_token_type names the ID token", "send exactly that value"),
    _row(2, "exchange-grant-type", 400, _REQUEST, "grant_type is invalid",
         "a request with the subject_token_type of an ID token has the grant_type of token exchange",
         "send grant_type=urn:ietf:params:oauth:grant-type:token-exchange"),
    _claim(22, "missing", "Missing subject_token", "the form has subject_token", "add the ID token as subject_token"),
    _claim(23, "malformed", "Malformed JWT in subject_token", "the subject token is three base64url parts, the first two of them JSON objects",
           "send the ID token, not the provider's access token, unchanged"),
    _claim(24, "kid-missing", "Missing 'kid' header in subject_token JWT", "the ID token's header has kid", "ask the provider"),
    _claim(25, "typ", "Invalid 'typ' header in subject_token JWT - must be 'JWT'", "the ID token's header has typ JWT", "ask the provider"),
    _claim(26, "alg-missing", "Missing 'alg' header in subject_token JWT", "the ID token's header has alg", "send the ID token unchanged"),
    _claim(27, "exp-missing", "Missing 'exp' claim in subject_token JWT", "the ID token has exp", "send the ID token unchanged"),
    _claim(28, "exp-type", "Invalid 'exp' claim in subject_token JWT - must be an integer", "exp is a JSON number", "ask the provider"),
    _claim(29, "expired", "Invalid 'exp' claim in subject_token JWT - JWT has expired", "exp is not in the past; there is no grace",
           "refresh the sign-in at the provider, or use the refresh token"),
    _claim(30, "iss-missing", "Missing 'iss' claim in subject_token JWT", "the ID token has iss", "send the ID token unchanged"),
    _claim(31, "aud-missing", "Missing 'aud' claim in subject_token JWT", "the ID token has aud", "send the ID token unchanged", 401),
    _actor("kid-missing", "Missing 'kid' header in act.sub JWT", "the header of act.sub has kid"),
    _actor("typ", "Invalid 'typ' header in act.sub JWT - must be 'JWT'", "the header of act.sub has typ JWT"),
    _actor("alg-missing", "Missing 'alg' header in act.sub JWT", "the header of act.sub has alg"),
    _actor("exp-missing", "Missing 'exp' claim in act.sub JWT", "act.sub has exp"),
    _actor("exp-type", "Invalid 'exp' claim in act.sub JWT - must be an integer", "exp of act.sub is a JSON number"),
    _actor("iss-missing", "Missing 'iss' claim in act.sub JWT", "act.sub has iss"),
    _actor("aud-missing", "Missing 'aud' claim in act.sub JWT", "act.sub has aud"),
    _actor("nhs-number-missing", "Missing 'nhs_number' claim in act.sub JWT", "act.sub has nhs_number"),
    _row("user-restricted 14", "actor-token-malformed", 500, "unknown_error", UNKNOWN_ERROR,
         "act.sub is the ID token of the person who acts", "exchange the composite token as NHS login issued it"),
    _claim(33, "iss", "Missing or non-matching 'iss' claim in subject_token JWT",
           "iss is the issuer of a provider of this environment, to the letter, port included", "sign in at the provider of this environment"),
    _row(34, "provider-keys-unavailable", 500, "unknown_error", UNKNOWN_ERROR,
         "the sign-in provider's key set is there, in time and sound", "try again; then give the operator the message id", fixer=Fixer.OPERATOR),
    _claim(35, "kid-unknown", "Invalid 'kid' header in subject_token JWT - no matching public key",
           "kid is in the provider's key set, asked again at most once a minute", "send the ID token unchanged; try again in a minute", 401),
    _row(36, "subject-token-signature", 401, _KEY, _SIGNATURE,
         "the signature verifies by RS256 or RS512 with the provider's key", "send the ID token unchanged"),
    _row("user-restricted 3.4", "subject-token-aud", 401, _REQUEST, "Invalid 'aud' claim in subject_token JWT",
         "the ID token is for this application: aud is one of its provider_client_ids, if the manifest states any",
         "exchange the ID token that the provider gave to this application, or state the application's name there", fixer=Fixer.PRODUCER),
    _row("user-restricted 14; spec README rule 33", "actor-token-signature", 401, _KEY, _SIGNATURE,
         "the signature of act.sub verifies with a key of the same provider", "exchange the composite token as NHS login issued it"),
    _actor("expired", "Invalid 'exp' claim in act.sub JWT - JWT has expired", "act.sub is not over", "user-restricted 14; spec README rule 33"),
    _actor("iss", "Missing or non-matching 'iss' claim in act.sub JWT", "act.sub was issued by the issuer of the subject token",
           "user-restricted 14; spec README rule 33"),
    _row(37, "scope-none-for-user", 401, "unauthorized_client", NOT_CONFIGURED,
         "a product of the application carries a scope of exactly the user's level",
         "subscribe the application to a product with that scope, or have the user sign in at another level", fixer=Fixer.PRODUCER),
)

_ACCESS: Final = "user-restricted 2.2"
CLIENTS: Final = (
    _row("user-restricted 4.4", "client-id-missing", 401, _REQUEST, "client_id is missing", "the request has client_id",
         "send the application's API key as client_id"),
    _row("user-restricted 4.4", "client-credentials-invalid", 401, _CLIENT, _SECRET, "client_id and client_secret belong together",
         "use the API key and the secret of the application in this environment"),
    _row("user-restricted 4.4", "client-secret-missing", 401, _REQUEST, "client_secret is missing", "the form has client_secret",
         "send the secret that was shown with the API key"),
    _row(_ACCESS, "client-no-access", 401, _DENIED,
         "API Key supplied does not have access to this resource. Please check the API Key you are using belongs to an app "
         "which has sufficient access to access this resource.",
         "the application has at least one approved product", "subscribe the application to a product", fixer=Fixer.PRODUCER),
    _row(_ACCESS, "client-not-approved-or-revoked", 401, _DENIED,
         "The developer app associated with the API key is not approved or revoked", "the application and its key are approved",
         "ask for the application to be approved, or use its current key", fixer=Fixer.PRODUCER),
    _row(_ACCESS, "client-developer-inactive", 401, _DENIED,
         "The developer who created the developer app that has the API key you are using has an inactive status",
         "the application's developer is active", "ask for the developer to be activated", fixer=Fixer.PRODUCER),
    _row(_ACCESS, "client-company-inactive", 401, _DENIED,
         "The company associated with the developer app that has the API key you are using has an inactive status",
         "the application's organisation is active", "ask for the organisation to be activated", fixer=Fixer.PRODUCER),
)

CODE_AND_REFRESH: Final = (
    _row("user-restricted 4.4", "redirect-uri-missing", 400, _REQUEST, "redirect_uri is missing", "the request has redirect_uri",
         "send the application's callback URL"),
    _row("user-restricted 4.4", "redirect-uri-invalid", 400, _REQUEST, "redirect_uri is invalid",
         "redirect_uri is a callback URL of the application, to the letter", "send it as it is registered"),
    _row("user-restricted 4.4", "code-missing", 400, _REQUEST, "authorization_code is missing", "the form has code", "add the code"),
    _row("user-restricted 4.4", "code-invalid", 400, _GRANT, "authorization_code is invalid",
         "the code is this application's, for this redirect_uri, unused and at most 300 s old (in strict 60 s)", "sign in again"),
    _row("RFC 7636 section 4.6", "code-verifier-invalid", 400, _GRANT, "code_verifier is invalid",
         "code_verifier fits the code_challenge of the authorization request", "send the verifier the challenge was made from"),
    _row("user-restricted 4.5", "refresh-token-missing", 400, _REQUEST, "refresh_token is missing", "the form has refresh_token",
         "add the refresh token"),
    _row("user-restricted 4.5", "refresh-token-invalid", 401, _GRANT, "refresh_token is invalid",
         "the refresh token is this application's newest, and the user has not signed out", "use the newest one, or sign in again"),
    _row("user-restricted 4.5", "refresh-token-expired", 401, _GRANT, "refresh token refresh period has expired",
         "the refresh token is not over, nor the time since the user signed in", "sign in again"),
)
# fmt: on

USER_TOKENS: Final = EXCHANGE + CLIENTS + CODE_AND_REFRESH
