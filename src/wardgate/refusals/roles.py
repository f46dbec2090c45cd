"""Refusals of a role that cannot be chosen (user-restricted 8): the texts of the platform's shared flow, in its order.

Status and shape here are the default, 401 and an OperationOutcome whatever the API's own shape is. A route may ask for
400 and plain text, or for one of the two `role-header` reasons in the API's shape (`security_patterns.role`).
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason


def _row(code: str, text: str, check: str, advice: str, **more: Any) -> Reason:
    return Reason(code, Area.GATEWAY, more.pop("status", 401), more.pop("error", ""), text, check, advice, source="user-restricted 8", **more)


# fmt: off
ROLES: Final = (
    _row("role-user-info-unavailable", "unable to retrieve user info", "the roles of the user behind the token can be known",
         "send no NHSD-Session-URID with a token of this kind", status=500,
         fhir_code="INTERNAL_SERVER_ERROR", fhir_display="Unexpected internal server error", fhir_issue="exception"),
    _row("role-claim-missing", "selected_roleid is missing in your token",
         "the request has NHSD-Session-URID, or the user's ID token had selected_roleid",
         "send NHSD-Session-URID, or sign in with the scope selectedrole"),
    _row("role-list-invalid", "nhsid_nrbac_roles is misconfigured/invalid", "every role the provider tells of the user has an identifier",
         "correct the user's roles at the provider", fixer=Fixer.OPERATOR),
    _row("role-none", "no userroles available, please check NHSD-Session-URID is valid", "the user has at least one role",
         "give the user a role at the provider", fixer=Fixer.OPERATOR),
    _row("role-not-of-user", "NHSD-Session-URID is invalid", "NHSD-Session-URID is the identifier of one of the user's roles",
         "send the identifier of a role of this user, digits only"),
    _row("role-claim-invalid", "selected_roleid is misconfigured/invalid", "selected_roleid of the ID token is the identifier of a role",
         "send NHSD-Session-URID, or correct the selected role at the provider"),
    _row("role-ambiguous", "multiple roles found in user info, please check NHSD-Session-URID",
         "the request says in which of several roles the user acts", "send NHSD-Session-URID"),
    _row("role-header-missing", "Missing value in header 'NHSD-Session-URID'", "a role can be chosen without NHSD-Session-URID",
         "send NHSD-Session-URID", status=400, error="MissingHeader",
         fhir_code="MISSING_VALUE", fhir_display="Required value is missing", fhir_issue="required"),
    _row("role-header-invalid", "Invalid value - '{value}' in header 'NHSD-Session-URID'", "NHSD-Session-URID is a role of the user",
         "send the identifier of a role of this user, digits only", status=400, error="InvalidHeader", placeholders=("value",),
         fhir_code="INVALID_VALUE", fhir_display="Provided value is invalid", fhir_issue="value"),
)
# fmt: on
