"""Refusals of a Spine JWT, in the order of the published list (spine 2.3; numbers in `source`).

One envelope, 400 with `MISSING_OR_INVALID_HEADER` and issue `structure`; only the diagnostics vary, and they are wire
strings, to the letter. Rows without a number are ours, for what the list has no words for: they repeat nothing personal.
"""

from dataclasses import replace
from typing import Final

from wardgate.refusals.reason import Area, Reason

_APOSTROPHE: Final = "\N{RIGHT SINGLE QUOTATION MARK}"
_MATCH: Final = f"claim{_APOSTROPHE}s values must match"
_SDK: Final = "build the token with the SDK, or run wardgate doctor spine-jwt"


def _row(row: int | None, code: str, text: str, check: str, advice: str = _SDK, placeholders: tuple[str, ...] = ()) -> Reason:
    return Reason(
        f"spine-jwt-{code}", Area.SPINE, 400, "MISSING_OR_INVALID_HEADER", text, check, advice, placeholders=placeholders,
        source=f"spine 2.3 #{row}" if row is not None else "spine 2.2 to 2.5", fhir_code="MISSING_OR_INVALID_HEADER",
        fhir_display="There is a required header missing or invalid", fhir_issue="structure",
        headers=(("WWW-Authenticate", "Bearer" if row == 1 else 'Bearer error="invalid_request"'),),  # RFC 6750 section 3.1
    )


# fmt: off
SPINE_JWT: Final = (
    _row(1, "missing", "The Authorisation header must be supplied", "the request has one Authorization header with a value",
         "send Authorization: Bearer and a Spine JWT made for this request"),
    _row(2, "sections", "The JWT associated with the Authorisation header must have the 3 sections",
         "the token has three sections joined by dots, the third of them empty: it ends with a dot", "keep the dot at the end"),
    _row(3, "body-empty", "The JWT associated with the Authorisation header must have a body of claims.",
         "the middle section is not empty"),
    _row(4, "malformed", "The Authorisation header must be supplied as a valid JWT.",
         "the scheme is Bearer; the sections are base64url without padding; the header is alg none and typ JWT alone; the claims are one small JSON object"),
    _row(5, "claim-missing", "The mandatory claim {claim} from the JWT associated with the Authorisation header is missing",
         "every mandatory claim is there: a text that is not blank, times as whole numbers of seconds", placeholders=("claim",)),
    _row(None, "lifetime", "exp {exp} must be {lifetime} greater than iat {iat}", "exp is exactly as long after iat as this environment asks",
         "set exp to iat + 300", ("exp", "iat", "lifetime")),
    _row(None, "time", "iat {iat} must be in the past or now and exp {exp} must be in the future or now", "the token is in force now",
         "make a new token for each request; check the clock of the machine that makes it", ("exp", "iat")),
    _row(None, "audience", "aud must be the URL of the API endpoint", "aud is the endpoint's URL as the directory has it, without query",
         "set aud to nhsMhsEndPoint of the API"),
    _row(7, "user-not-sub", f"requesting_user ({{user}}) and sub ({{sub}}) {_MATCH}", "sub is requesting_user when there is one",
         placeholders=("user", "sub")),
    _row(8, "user-form", "requesting_user ({user}) must be of the form [https://fhir.nhs.uk/Id/sds-role-profile-id|[SDSRoleProfileID]]",
         "requesting_user is a role profile in this form", placeholders=("user",)),
    _row(None, "patient-form", "requesting_patient must be of the form [{system}|[NHSNumber]]", "requesting_patient is an NHS number in this form",
         placeholders=("system",)),
    _row(None, "patient-not-sub", f"requesting_patient and sub {_MATCH}", "sub is requesting_patient when a citizen calls, and no user is named"),
    _row(None, "actor-form", "act.sub must be of the form [{system}|[NHSNumber]]", "act names the citizen who acts in this form",
         placeholders=("system",)),
    _row(6, "system-not-sub", f"requesting_system ({{system}}) and sub ({{sub}}) {_MATCH}", "sub is requesting_system when nobody is behind the call",
         placeholders=("system", "sub")),
    _row(12, "system-form", "requesting_system ({system}) must be of the form [https://fhir.nhs.uk/Id/accredited-system/[ASID]]",
         "requesting_system is an ASID of 12 digits in the form https://fhir.nhs.uk/Id/accredited-system|ASID", placeholders=("system",)),
    _row(None, "claim-forbidden", "The claim {claim} from the JWT associated with the Authorisation header must not be present",
         "the token has no claim of another kind of caller than its own", "leave it out", ("claim",)),
    _row(13, "asid-unknown", "The ASID defined in the requesting_system ({asid}) is unknown", "the ASID is of a system in this environment",
         "use the ASID that the system has in this environment", ("asid",)),
    _row(9, "reason", "reason_for_request ({reason}) must be {allowed}", "reason_for_request is one that this API takes from this kind of caller",
         placeholders=("reason", "allowed")),
    _row(11, "scope", "scope ({scope}) must match {wanted}", "scope is exactly the one of the interaction", placeholders=("scope", "wanted")),
    _row(15, "organisation-form",
         "requesting_organisation ({organisation}) must be of the form [https://fhir.nhs.uk/Id/ods-organization-code/[ODSCode]",
         "requesting_organization is an ODS code in the form https://fhir.nhs.uk/Id/ods-organization-code|ODS", placeholders=("organisation",)),
    _row(16, "ods-unknown", "The ODS code defined in the requesting_organisation({ods}) is unknown", "the organisation is known in this environment",
         "use the ODS code of the originating organisation", ("ods",)),
    _row(17, "asid-not-of-ods",
         "requesting_system ASID ({asid}) is not associated with the requesting_organisation ODS code ({ods})",
         "the system acts for the organisation: the directory has the two together", "use the ASID that the system has in this organisation", ("asid", "ods")),
    _row(14, "asid-not-from", "The ASID defined in the requesting_system ({asid}) does not match the FromASID in the request",
         "requesting_system is the ASID of the header", "send the same ASID in both", ("asid",)),
    _row(10, "scope-missing", "Required scopes not found in token ({scope})", "scope has every scope that the interaction needs",
         "ask for the scope of the interaction", ("scope",)),
)
# fmt: on

BOOKING_JWT: Final = tuple(
    replace(row, code=row.code.replace("spine-jwt-", "booking-jwt-"), status=403, source="spine 2.4, NHS booking; " + row.source, headers=()) for row in SPINE_JWT
)
"""The same of a booking API, whose status for a bad or missing token is 403 (spine 2.4)."""
