"""Refusals at an API route: API keys, access tokens, scopes, headers and routes (application-restricted 5.3, 7, 10).

`error` is `fault.detail.errorcode`, `text` is `fault.faultstring`; FHIR forms follow spec README rule 15.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason


def _row(source: str, code: str, status: int, error: str, text: str, check: str, advice: str, **more: Any) -> Reason:
    if status == 403:
        more.setdefault("fhir_display", "Access Denied")
    return Reason(code, Area.GATEWAY, status, error, text, check, advice, source=source, **more)


_KEYS: Final = "application-restricted 5.3"
_TOKENS: Final = "application-restricted 7"
_HEADERS: Final = "application-restricted 10"
_NO_TOKEN: Final = ("oauth.v2.InvalidAccessToken", "Invalid access token")
_UNAUTHENTICATED: Final = (
    ("WWW-Authenticate", 'Bearer realm="null",error="invalid_token",error_description="{error}: {text}"'),
)

# fmt: off
GATEWAY: Final = (
    _row(_KEYS, "api-key-missing", 401, "steps.oauth.v2.FailedToResolveAPIKey",
         "Failed to resolve API Key variable request.header.apikey", "the request has the header apikey",
         "send the application's API key in the header apikey"),
    _row(_KEYS, "api-key-unknown", 401, "oauth.v2.InvalidApiKey", "Invalid ApiKey", "the API key is known in this environment",
         "copy the key again; keys of another environment do not work here"),
    _row(_KEYS, "api-key-revoked", 401, "keymanagement.service.invalid_client-app_not_approved", "ApiKey not approved",
         "the API key has not been revoked", "use the application's current key"),
    _row(_KEYS, "application-not-approved", 401, "keymanagement.service.invalid_client-app_not_approved", "ApiKey not approved",
         "the application is approved", "ask for the application to be approved", fixer=Fixer.PRODUCER),
    _row(_KEYS, "api-key-expired", 401, "keymanagement.service.consumer_key_expired", "API key has expired",
         "the API key has not expired", "rotate the key: wardgate app rotate-key"),
    _row(_KEYS, "api-key-wrong-product", 401, "oauth.v2.InvalidApiKeyForGivenResource", "Invalid ApiKey for given resource",
         "one of the application's approved products includes this API", "subscribe the application to a product of this API",
         fixer=Fixer.PRODUCER),
    _row(_KEYS, "application-no-products", 403, "no_products", "The application has no approved products",
         "the application has at least one approved product", "subscribe the application to a product", fixer=Fixer.PRODUCER),
    _row(_KEYS, "developer-inactive", 401, "keymanagement.service.DeveloperStatusNotActive", "Developer Status is not Active",
         "the application's developer is active", "ask for the developer to be activated", fixer=Fixer.PRODUCER),
    _row(_KEYS, "company-inactive", 401, "keymanagement.service.CompanyStatusNotActive", "Company Status is not Active",
         "the application's organisation is active", "ask for the organisation to be activated", fixer=Fixer.PRODUCER),
    _row(_TOKENS, "authorization-missing", 401, *_NO_TOKEN, "the request has the header Authorization",
         "send Authorization: Bearer and the access token", diagnostics="Missing Authorization header", headers=_UNAUTHENTICATED),
    _row(_TOKENS, "authorization-empty", 401, *_NO_TOKEN, "the Authorization header has a value",
         "send Authorization: Bearer and the access token", diagnostics="Empty Authorization header", headers=_UNAUTHENTICATED),
    _row(_TOKENS, "access-token-missing", 401, *_NO_TOKEN, "the Authorization header has a token after its scheme",
         "send Authorization: Bearer and the access token", diagnostics="Missing access token", headers=_UNAUTHENTICATED),
    _row(_TOKENS, "token-type-invalid", 401, *_NO_TOKEN, "the scheme of the Authorization header is Bearer, spelled so",
         "send Authorization: Bearer and the access token", diagnostics="Invalid token type '{scheme}', must be 'Bearer'",
         placeholders=("scheme",), headers=_UNAUTHENTICATED),
    _row(_TOKENS, "access-token-unknown", 401, "keymanagement.service.invalid_access_token", "Invalid Access Token",
         "the access token was issued by this environment and is unchanged", "get a new token from this environment",
         headers=_UNAUTHENTICATED),
    _row(_TOKENS, "access-token-expired", 401, "keymanagement.service.access_token_expired", "Access Token expired",
         "the access token has not expired", "get a new token", headers=_UNAUTHENTICATED),
    _row(_TOKENS, "access-token-revoked", 401, "keymanagement.service.access_token_not_approved", "Access Token not approved",
         "neither the token nor its application or credential has been revoked", "get a new token with a current credential",
         headers=_UNAUTHENTICATED),
    _row(_TOKENS, "access-token-wrong-product", 401, "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound",
         "Invalid API call as no apiproduct match found", "one of the application's approved products includes this API",
         "subscribe the application to a product of this API", fixer=Fixer.PRODUCER, headers=_UNAUTHENTICATED),
    _row(_TOKENS, "scope-insufficient", 403, "steps.oauth.v2.InsufficientScope", "Required scope(s): {scopes}",
         "the access token has one of the scopes the route asks for",
         "subscribe the application to a product with that scope, then get a new token", placeholders=("scopes",)),
    _row(_TOKENS, "access-token-wrong-kind", 401, "oauth.v2.InvalidAccessToken", "Invalid access token",
         "the access token is of the kind this route takes", "get a token of the right kind", headers=_UNAUTHENTICATED),
    _row("RFC 8705 section 3", "access-token-not-bound", 401, "keymanagement.service.invalid_access_token", "Invalid Access Token",
         "a certificate-bound access token comes over a connection with that certificate",
         "use the mutual-TLS port with the certificate the token was issued to", headers=_UNAUTHENTICATED),
    _row(_HEADERS, "request-id-missing", 400, "MissingHeader", "Missing value in header 'X-Request-ID'",
         "the request has the header X-Request-ID", "send a new UUID in X-Request-ID",
         fhir_code="MISSING_VALUE", fhir_display="Required value is missing", fhir_issue="required"),
    _row(_HEADERS, "request-id-invalid", 400, "InvalidHeader", "Invalid value - '{value}' in header 'X-Request-ID'",
         "X-Request-ID is a UUID", "send a new UUID in X-Request-ID", placeholders=("value",),
         fhir_code="INVALID_VALUE", fhir_display="Provided value is invalid", fhir_issue="value"),
    _row("design 5", "route-not-found", 404, "messaging.adaptors.http.flow.ApplicationNotFound",
         "Unable to identify proxy for host: default and url", "the path belongs to a route of the manifest",
         "check the path; wardgate manifest export shows the routes",
         fhir_code="RESOURCE_NOT_FOUND", fhir_display="Resource not found", fhir_issue="not-found"),
    _row("RFC 9110 section 15.5.6", "method-not-allowed", 405, "MethodNotAllowed", "The method is not allowed for this resource",
         "the route takes this method", "use a method that the route takes",
         fhir_code="INVALID_METHOD", fhir_display="Method not allowed", fhir_issue="not-supported"),
    _row("application-restricted 12", "api-status-key-invalid", 401, "", "",
         "the apikey header is the environment's monitoring key", "use the monitoring key, not an application's",
         fixer=Fixer.OPERATOR),
)
# fmt: on
