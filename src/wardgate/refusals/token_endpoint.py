"""Refusals of the token endpoint, in the order in which it checks.

Rows 1 to 28 of the platform's list (application-restricted 6.7, numbers in `source`), then what the `strict`
profile and our own endpoints add. Texts are wire strings, to the letter.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason


def _row(row: int | str, code: str, status: int, error: str, text: str, check: str, advice: str, **more: Any) -> Reason:
    source = f"application-restricted 6.7 #{row}" if isinstance(row, int) else row
    return Reason(code, Area.TOKEN_ENDPOINT, status, error, text, check, advice, source=source, **more)


_REQUEST: Final = "invalid_request"
_KEY: Final = "public_key error"
_CLIENT: Final = "Invalid 'iss'/'sub' claims in client_assertion JWT"
NOT_CONFIGURED: Final = (
    "you have tried to request authorization but your application is not configured to use this authorization grant type"
)
UNKNOWN_ERROR: Final = (
    "An unknown error occurred processing this request. Contact us for assistance diagnosing this issue: "
    "https://digital.nhs.uk/developer/help-and-support quoting Message ID"
)

# fmt: off
TOKEN_ENDPOINT: Final = (
    _row(1, "content-type-not-form", 415, _REQUEST, "Content-Type header must be application/x-www-form-urlencoded",
         "the Content-Type header is exactly application/x-www-form-urlencoded",
         "send the form with that header and without parameters such as charset"),
    _row(2, "token-method-not-post", 405, "", "", "the request method is POST", "use POST", headers=(("Allow", "POST"),)),
    _row(3, "grant-type-missing", 400, _REQUEST, "grant_type is missing", "the form has grant_type",
         "add grant_type=client_credentials"),
    _row(4, "grant-type-unknown", 400, "unsupported_grant_type", "grant_type is invalid",
         "grant_type is one this server implements", "use grant_type=client_credentials"),
    _row(5, "assertion-type-invalid", 400, _REQUEST,
         "Missing or invalid client_assertion_type - must be 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'",
         "client_assertion_type names the JWT bearer assertion", "send exactly that value"),
    _row(6, "assertion-missing", 400, _REQUEST, "Missing client_assertion", "the form has client_assertion",
         "add the signed JWT as client_assertion"),
    _row(7, "assertion-malformed", 400, _REQUEST, "Malformed JWT in client_assertion",
         "the assertion is three base64url parts, the first two of them JSON objects",
         "send the compact form of the JWT, unchanged and not encoded a second time"),
    _row(8, "assertion-alg", 400, _REQUEST,
         "Invalid 'alg' header in client_assertion JWT - unsupported JWT algorithm - must be 'RS512'",
         "the assertion's alg is RS512", "sign with RS512"),
    _row(9, "assertion-expired", 400, _REQUEST, "Invalid 'exp' claim in client_assertion JWT - JWT has expired",
         "exp is not in the past; there is no grace", "check the clock of the machine that signs"),
    _row(10, "assertion-kid-missing", 400, _REQUEST, "Missing 'kid' header in client_assertion JWT",
         "the assertion's header has kid", "name the key of your key set in kid"),
    _row(11, "assertion-typ", 400, _REQUEST, "Invalid 'typ' header in client_assertion JWT - must be 'JWT'",
         "the assertion's header has typ JWT, in any case of letters", "add typ to the header"),
    _row(12, "assertion-exp-missing", 400, _REQUEST, "Missing 'exp' claim in client_assertion JWT",
         "the assertion has exp", "add exp, at most five minutes ahead"),
    _row(13, "assertion-exp-type", 400, _REQUEST, "Invalid 'exp' claim in client_assertion JWT - must be an integer",
         "exp is a JSON number", "write exp as a number of seconds, not as text"),
    _row(14, "assertion-iss-sub", 400, _REQUEST, "Missing or non-matching 'iss'/'sub' claims in client_assertion JWT",
         "iss and sub are present and the same", "set both to the application's API key"),
    _row(15, "assertion-jti-missing", 400, _REQUEST, "Missing 'jti' claim in client_assertion JWT",
         "the assertion has jti", "add a new GUID for every attempt"),
    _row(16, "assertion-jti-type", 400, _REQUEST,
         "Invalid 'jti' claim in client_assertion JWT - must be a unique string value such as a GUID",
         "jti is a string", "write jti as a string, such as a GUID"),
    _row(17, "assertion-jti-replayed", 400, _REQUEST, "Non-unique 'jti' claim in client_assertion JWT",
         "this application has not used this jti before", "make a new jti for every attempt, retries included"),
    _row(18, "assertion-exp-too-far", 400, _REQUEST,
         "Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future",
         "exp is at most 300 s ahead, with 10 s of grace", "shorten exp; check the clock of the machine that signs"),
    _row(19, "client-unknown", 401, _REQUEST, _CLIENT, "iss/sub is an API key that this environment knows",
         "use the API key of the application in this environment"),
    _row("application-restricted 6.7, note on #19; spec README rule 5", "client-not-approved", 401, _REQUEST, _CLIENT,
         "the application and its credential are approved and not expired",
         "ask for the application to be approved, or use its current key", fixer=Fixer.PRODUCER),
    _row("application-restricted 6.7, note on #19; spec README rule 5", "client-not-subscribed", 401, _REQUEST, _CLIENT,
         "the application has at least one approved product", "subscribe the application to a product", fixer=Fixer.PRODUCER),
    _row(20, "public-key-not-registered", 403, _KEY,
         "You need to register a public key to use this authentication method - please contact support to configure",
         "the application has a JWKS URL or an inline key set", "register the public key: wardgate app set-jwks"),
    _row(21, "jwks-unreachable", 403, _KEY, "The JWKS endpoint, for your client_assertion can't be reached",
         "the key set's URL answers 200 with a valid key set, in time and within the size limit",
         "open the URL from this server; run wardgate doctor jwks"),
    _row(22, "assertion-kid-unknown", 401, _REQUEST, "Invalid 'kid' header in client_assertion JWT - no matching public key",
         "kid is in the registered key set (cached for an hour)", "publish the key before signing with it, or wait for the cache"),
    _row(23, "assertion-signature", 401, _KEY, "JWT signature verification failed",
         "the signature verifies with the key that kid names", "sign with the private half of the published key"),
    _row(24, "assertion-aud", 401, _REQUEST, "Missing or invalid 'aud' claim in client_assertion JWT",
         "aud is the token URL of this server", "set aud to the exact token URL, host and path as published"),
    _row(25, "scope-none-granted", 401, "unauthorized_client", NOT_CONFIGURED,
         "at least one product of the application carries an application-restricted (level 3) scope",
         "subscribe the application to a product with a level 3 scope", fixer=Fixer.PRODUCER),
    _row(26, "token-rate-limited", 429, "", "Your application, {application}, has exceeded its quota of {limit} requests every {interval} {timeunit}(s) and is being rate limited.",
         "the application asked for no more tokens than its limit", "reuse a token until it expires; honour Retry-After",
         placeholders=("application", "limit", "interval", "timeunit"),
         fhir_code="TOO_MANY_REQUESTS", fhir_display="Too many requests", fhir_issue="value"),
    _row(27, "oauth-path-unknown", 404, _REQUEST, "Not Found", "the path exists below /oauth2", "check the URL"),
    _row(28, "oauth-unexpected", 500, "unknown_error", UNKNOWN_ERROR, "the server could do its work",
         "try again; then give the operator the message id", fixer=Fixer.OPERATOR),
    _row("design 3.3", "grant-type-repeated", 400, _REQUEST, "{parameter} must not be repeated",
         "no form parameter is sent twice (RFC 6749 section 3.2)", "send each parameter once", placeholders=("parameter",)),
    _row("design 3.3", "form-malformed", 400, _REQUEST, "The request body is not a valid form",
         "the body is URL-encoded text in UTF-8", "encode the body as a form"),
    _row("design 3.3", "form-too-large", 413, _REQUEST, "The request body is too large",
         "the body is at most 64 KiB and 32 parameters", "send only the parameters of the grant"),
    _row("application-restricted 6.3", "assertion-nbf", 401, _REQUEST, "Invalid 'nbf' claim in client_assertion JWT",
         "nbf, if present, is at most 10 s ahead", "check the clock of the machine that signs"),
    _row("FAPI 2.0 section 5.3.2.1", "assertion-iat", 401, _REQUEST, "Invalid 'iat' claim in client_assertion JWT",
         "iat, if present, is at most 60 s ahead (profile strict)", "check the clock of the machine that signs"),
    # --- the strict profile (RFC 9700, FAPI 2.0): where it differs from the platform
    _row("RFC 7521 section 4.2", "client-id-mismatch", 401, "invalid_client", "client_id does not match the client assertion",
         "client_id, if sent, is the assertion's subject", "leave client_id out, or send the same value"),
    _row("FAPI 2.0 section 5.4", "assertion-alg-strict", 400, _REQUEST,
         "Invalid 'alg' header in client_assertion JWT - must be 'PS256', 'ES256' or 'EdDSA'",
         "the assertion's alg is PS256, ES256 or EdDSA", "sign with one of these"),
    _row("RFC 8705 section 2.1", "client-certificate-missing", 401, "invalid_client",
         "Client authentication by certificate failed", "the request came over mutual TLS with a valid certificate",
         "use the mutual-TLS port and your certificate"),
    _row("RFC 8705 section 2.1", "client-certificate-mismatch", 401, "invalid_client",
         "Client authentication by certificate failed", "the certificate's name is the one registered for the application",
         "use the certificate issued to this application"),
    _row("RFC 6749 section 5.2", "client-authentication-missing", 401, "invalid_client", "Client authentication is required",
         "introspection and revocation are asked for by an authenticated client", "authenticate as at the token endpoint",
         headers=(("WWW-Authenticate", 'Bearer realm="wardgate"'),)),
    _row("RFC 7662 section 2.1", "token-parameter-missing", 400, _REQUEST, "token is missing", "the form has token",
         "add the token"),
    _row("RFC 7009 section 2.1", "token-of-another-client", 400, "unauthorized_client", "The token was not issued to this client",
         "the token was issued to the client that revokes it", "authenticate as the application that got the token"),
    _row("RFC 7009 section 2.2.1", "token-type-unsupported", 400, "unsupported_token_type", "The token type cannot be revoked",
         "the token is one this server issued", "send an access or refresh token of this server"),
    _row("application-restricted 12", "status-key-invalid", 401, "Access Denied",
         "Invalid api key for _status monitoring endpoint", "the apikey header is the monitoring key",
         "use the monitoring key of the environment, not an application's", fixer=Fixer.OPERATOR),
)
# fmt: on
