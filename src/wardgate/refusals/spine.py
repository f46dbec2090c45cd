"""Refusals of calls to a Spine API besides the JWT: headers, ASID, interaction, ownership (spine 4.3, 4.4, 5.3).

In the order in which they are checked (spine 11; spec README rule 26). `error` is the Spine code, `text` the diagnostics.
Rows whose code ends in `-reference` or `-internet` are the same fault as other published answers have it: a setting chooses.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason

_HEADER: Final = ("MISSING_OR_INVALID_HEADER", "There is a required header missing or invalid", "invalid")
_ASID: Final = ("ASID_CHECK_FAILED", "The sender or receiver's ASID is not authorised for this interaction", "forbidden")
_DENIED: Final = ("ACCESS_DENIED", "Access has been denied to process this request", "forbidden")
_TABLE: Final = "spine 4.4"


def _row(
    code: str, status: int, coding: tuple[str, str, str], text: str, check: str, advice: str, source: str = _TABLE, **more: Any
) -> Reason:
    spine_code, display, issue = coding
    return Reason(code, Area.SPINE, status, spine_code, text, check, advice, source=source,
                  fhir_code=spine_code, fhir_display=display, fhir_issue=more.pop("issue", issue), **more)


# fmt: off
SPINE: Final = (
    _row("spine-tls-unacceptable", 403, ("ACCESS_DENIED_SSL", "SSL Protocol or Cipher requirements not met", "forbidden"),
         "SSL Protocol or Cipher requirements not met", "the connection uses a TLS version and cipher of the list", "use TLS 1.2 or 1.3 with an ECDHE-RSA GCM suite"),
    _row("certificate-not-of-asid", 401, _DENIED, "Access has been denied to process this request",
         "the client certificate's name is that of the message handler which the ASID belongs to",
         "present the certificate of the system whose ASID the header names"),
    _row("from-asid-missing", 400, _HEADER, "fromASID HTTP Header is missing", "the request has one header FromASID", "send the system's ASID in FromASID"),
    _row("from-asid-unknown", 400, _HEADER, "fromASID HTTP Header is missing", "the ASID of FromASID is of a system in this environment that is not suspended",
         "use the ASID that the system has in this environment"),
    _row("to-asid-missing", 400, _HEADER, "toASID HTTP Header is missing", "the request has one header ToASID", "send the ASID of the API in ToASID"),
    _row("to-asid-not-ours", 400, _HEADER, "toASID HTTP Header is missing", "the ASID of ToASID is the one of this API", "ask the directory for the API's ASID"),
    _row("spine-header-missing", 400, _HEADER, "{header} HTTP Header is missing", "the request has every header that this API needs", "send it",
         "spine 3", placeholders=("header",)),
    _row("spine-header-invalid", 400, _HEADER, "{header} HTTP Header is invalid", "each of these headers is there once and has its form", "send it once, in its form",
         "spine 3", placeholders=("header",)),
    _row("interaction-disagrees", 400, _HEADER, "InteractionID HTTP Header does not match the request",
         "the header InteractionID is the interaction of the method and path", "send the interaction of this request, or leave the header out where it is optional", "spine 4.3"),
    _row("interaction-unresolved", 403, _ASID, "No interaction is known for this request", "the method and path are those of an interaction of this API",
         "check method and path; wardgate directory lookup shows the interactions", "spine 4.3"),
    _row("interaction-not-granted", 403, _ASID, "ASID {asid} has no {interaction}", "the system has been granted the interaction",
         "ask for the message set of the interaction to be approved for this ASID", fixer=Fixer.PRODUCER, placeholders=("asid", "interaction")),
    _row("interaction-not-granted-reference", 403, _DENIED, "Invalid Client Connection.", "the system has been granted the interaction",
         "ask for the message set of the interaction to be approved for this ASID", fixer=Fixer.PRODUCER, issue="invalid"),
    _row("interaction-not-granted-internet", 401, _DENIED, "Access has been denied to process this request", "the system has been granted the interaction",
         "ask for the message set of the interaction to be approved for this ASID", fixer=Fixer.PRODUCER),
    _row("custodian-not-of-asid", 400, ("INVALID_RESOURCE", "Invalid validation of resource", "invalid"),
         "The Custodian ODS code is not affiliated with the sender ASID.", "the pointer's custodian is an organisation that the system acts for",
         "write pointers of your own organisation only"),
    _row("spine-media-type", 415, ("UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", "invalid"), "Unsupported media type",
         "Accept or _format asks for FHIR JSON or XML", "ask for application/fhir+json or application/fhir+xml", "spine 8.2"),
)
# fmt: on
