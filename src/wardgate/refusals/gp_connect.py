"""Refusals of a GP Connect provider: its JWT in its own order and words, then the interaction (spine 2.6, 4.3).

400 `BAD_REQUEST`; 422 `INVALID_RESOURCE` for an embedded value that is no FHIR resource of the right type. The words are
those of the reference provider; `gp-connect-jwt-scope-endpoint` and the rows of interactions have words of our own.
"""

from typing import Final

from wardgate.refusals.reason import Area, Reason

_SDK: Final = "build the token with the SDK, or run wardgate doctor spine-jwt"


def _row(code: str, text: str, check: str, advice: str = _SDK, placeholders: tuple[str, ...] = (), source: str = "spine 2.6") -> Reason:
    return Reason(f"gp-connect-{code}", Area.GP_CONNECT, 400, "BAD_REQUEST", text, check, advice, placeholders=placeholders,
                  source=source, fhir_code="BAD_REQUEST", fhir_display="Bad request", fhir_issue="invalid")


def _unprocessable(code: str, text: str, check: str, placeholders: tuple[str, ...]) -> Reason:
    return Reason(f"gp-connect-{code}", Area.GP_CONNECT, 422, "INVALID_RESOURCE", text, check, _SDK, placeholders=placeholders,
                  source="spine 2.6", fhir_code="INVALID_RESOURCE", fhir_display="Invalid validation of resource", fhir_issue="invalid")


# fmt: off
GP_CONNECT: Final = (
    _row("jwt-missing", "Authorization header missing", "the request has one Authorization header with a value"),
    _row("jwt-scheme", "Authorization header invalid", "the Authorization header is Bearer and a token"),
    _row("jwt-padded", "JWT must be encoded using Base64URL. Padding is not allowed", "the token has no characters of standard base64 and no padding"),
    _row("jwt-blocks", "Invalid number of JWT base 64 blocks {blocks}", "the token has two sections and ends with a dot", placeholders=("blocks",)),
    _row("jwt-base64", "JWT is not Base 64", "the sections are base64url"),
    _row("jwt-header-value", "Invalid JWT header {key} value {value}", "the header is alg none and typ JWT alone",
         placeholders=("key", "value")),
    _row("jwt-header-key", "Missing JWT Header key {key}", "the header has alg and typ", placeholders=("key",)),
    _row("jwt-not-json", "Invalid WebToken", "header and claims are each one small JSON object with unique names"),
    _row("jwt-requested-record", "JWT claim requested_record should not be present", "the token has no requested_record", "leave it out"),
    _row("jwt-claim-missing", "JWT required claim {claim} is not present", "every claim of GP Connect is there", placeholders=("claim",)),
    _unprocessable("jwt-resource", "JWT claim {claim} is not a valid {resource} resource", "the embedded values are FHIR resources of the right type", ("claim", "resource")),
    _row("jwt-claim-null", "JWT JSON entry incomplete: claim {claim} is null.", "no claim, and nothing needed within one, is null or absent", placeholders=("claim",)),
    _row("jwt-claim-invalid", "JWT claim {claim} is not valid", "claims are texts that are not blank, times are whole numbers of seconds, identifiers have their forms",
         placeholders=("claim",)),
    _row("jwt-iat", "JWT Creation time is in the future", "iat is not further ahead than this environment allows", "check the clock of the machine that makes the token"),
    _row("jwt-lifetime", "JWT expiry time is not 5 minutes after the creation time", "exp is exactly iat + 300", "set exp to iat + 300"),
    _row("jwt-expired", "JWT Request time has expired", "exp has not passed", "make a new token for each request"),
    _row("jwt-reason", "JWT Reason for request is not directcare", "reason_for_request is directcare, or migration"),
    _row("jwt-practitioner", "JWT Practitioner ids do not match!", "sub is the id of requesting_practitioner"),
    _row("jwt-scope", "JWT Bad Request Exception Invalid requested scope: {scope}", "requested_scope is one scope of GP Connect, with at most one conf token",
         placeholders=("scope",)),
    _row("jwt-audience", "JWT claim aud is not valid", "aud is the endpoint's URL, of old tokens https://authorize.fhir.nhs.net/token"),
    _row("interaction-missing", "Ssp-InteractionID header missing", "the request has one header Ssp-InteractionID", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-unknown", "InteractionID is not one of this service", "Ssp-InteractionID is an interaction of GP Connect", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-method", "InteractionID does not match the HTTP method", "the method is the interaction's", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-resource", "InteractionID does not match the resource", "the resource of the path is the interaction's", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-operation", "InteractionID does not match the operation", "the operation of the path is the interaction's", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-id-segment", "InteractionID does not match the presence of a resource id", "the path has an id where the interaction has one", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-contained", "InteractionID does not match the contained resource", "the path ends in the resource that the interaction searches", "send the interaction of the request", source="spine 4.3"),
    _row("interaction-identifier", "InteractionID does not match the identifier system", "a search is by the identifier system of its interaction", "search by the right identifier system", source="spine 4.3"),
)
# fmt: on
