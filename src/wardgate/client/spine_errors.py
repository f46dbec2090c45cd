"""What a Spine service says no with, as types (spine 8).

ClientError
├── SpineCallInvalid             context, API and interaction make no call: nothing was sent
├── ClientCertificateRejected    495, 496 or a TLS alert: the certificate, not the request. Never tried again
├── NotInDirectory               the directory has no such endpoint or system
├── DirectoryAmbiguous           it has several, and nothing says which
├── DirectoryAnswerInvalid       it said yes in a form that is none of FHIR
├── DirectorySessionOver         a look-up in a session that was closed
└── APIError
    └── SpineAPIError            any code of Spine's that has no type of its own
        ├── MissingOrInvalidHeader, BadRequest, UnsupportedMediaType
        ├── AccessDenied ── TLSNotAcceptable
        ├── ASIDCheckFailed ── SSPSenderCheckFailed, SSPReceiverCheckFailed
        ├── SSPSharingCheckFailed, SSPEndpointVaries, SSPEndpointUnreachable
        ├── InvalidResource, InvalidParameter, InvalidNHSNumber, DuplicateRejected
        ├── NoRecordFound, PreconditionFailed, VersionConflict
        └── NoConsent, NoRelationship

Types follow from the code alone, in whichever spelling; diagnostics are sentences for people, and differ between services
(spine 2.3). The secure proxy is the exception: its code is the HTTP status, and the fault is the first word of its text.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import httpx2

from wardgate.client.error_shapes import api_error
from wardgate.client.errors import APIError, ClientError

CERTIFICATE_STATUSES: Final = frozenset({495, 496})
"""No certificate, or one that is not accepted, where the terminator says so in HTTP (spine 5.3)."""


class SpineCallInvalid(ClientError):
    """What was put together is no call of this API. The message names the header or claim, never a value of it."""


class ClientCertificateRejected(ClientError):
    """The server did not accept the connection's certificate: `status` is 495 or 496, or `alert` is the TLS alert.

    Another attempt would fail alike (spine 5.3).
    """

    def __init__(self, *, status: int | None = None, alert: str | None = None, refusal: APIError | None = None) -> None:
        self.status = status
        self.alert = alert
        self.refusal = refusal
        what = f"TLS alert {alert}" if status is None else {496: "no client certificate was shown"}.get(status, "the client certificate is not accepted")
        super().__init__(what if status is None else f"{status}: {what}")

    @property
    def explain_id(self) -> str | None:
        """The id to give to `wardgate explain`, where the refusal came as an answer."""
        return self.refusal.explain_id if self.refusal is not None else None


class NotInDirectory(ClientError):
    """No endpoint or system of this organisation, interaction or party key."""


class DirectoryAmbiguous(ClientError):
    """Several fit: name the party key or the FQDN."""


class DirectoryAnswerInvalid(ClientError):
    """The directory's answer is no bundle of what was asked for."""


class DirectorySessionOver(ClientError):
    """Look-ups end with the session they belong to."""


class SpineAPIError(APIError):
    """A Spine service refused the call."""

    @property
    def spine_code(self) -> str:
        """The code in the one spelling: services write `ACCESS DENIED` and `ACCESS_DENIED` (spine 8.1)."""
        return canonical(self.code)


class MissingOrInvalidHeader(SpineAPIError):
    """`MISSING_OR_INVALID_HEADER`: a header, or the token in one: `wardgate doctor spine-jwt`."""


class BadRequest(SpineAPIError):
    """`BAD_REQUEST`."""


class UnsupportedMediaType(SpineAPIError):
    """`UNSUPPORTED_MEDIA_TYPE`."""


class AccessDenied(SpineAPIError):
    """`ACCESS_DENIED`: the certificate is not one of the ASID's, or the call is not allowed."""


class TLSNotAcceptable(AccessDenied):
    """`ACCESS_DENIED_SSL`: protocol or cipher."""


class ASIDCheckFailed(SpineAPIError):
    """`ASID_CHECK_FAILED`: a system has not been granted the interaction."""


class SSPSenderCheckFailed(ASIDCheckFailed):
    """The secure proxy: `Ssp-From` has not been granted the interaction."""


class SSPReceiverCheckFailed(ASIDCheckFailed):
    """The secure proxy: `Ssp-To` is unknown, or does not serve the interaction."""


class SSPSharingCheckFailed(SpineAPIError):
    """The secure proxy: no data-sharing rule between the two."""


class SSPEndpointVaries(SpineAPIError):
    """The secure proxy: the target is not the endpoint that the directory has."""


class SSPEndpointUnreachable(SpineAPIError):
    """The secure proxy: the provider did not answer."""


class InvalidResource(SpineAPIError):
    """`INVALID_RESOURCE`."""


class InvalidParameter(SpineAPIError):
    """`INVALID_PARAMETER`."""


class InvalidNHSNumber(SpineAPIError):
    """`INVALID_NHS_NUMBER`."""


class DuplicateRejected(SpineAPIError):
    """`DUPLICATE_REJECTED`."""


class NoRecordFound(SpineAPIError):
    """`NO_RECORD_FOUND`, `PATIENT_NOT_FOUND` and their like."""


class PreconditionFailed(SpineAPIError):
    """`PRECONDITION_FAILED`: an update without `If-Match`."""


class VersionConflict(SpineAPIError):
    """`CONFLICT`: `If-Match` is not the current version."""


class NoConsent(SpineAPIError):
    """`NO_PATIENT_CONSENT` or `NO_ORGANISATIONAL_CONSENT`."""


class NoRelationship(SpineAPIError):
    """`NO_RELATIONSHIP`: no legitimate relationship with the patient."""


BY_CODE: Final[Mapping[str, type[SpineAPIError]]] = MappingProxyType({
    "MISSING_OR_INVALID_HEADER": MissingOrInvalidHeader, "BAD_REQUEST": BadRequest, "UNSUPPORTED_MEDIA_TYPE": UnsupportedMediaType,
    "ACCESS_DENIED": AccessDenied, "ACCESS_DENIED_SSL": TLSNotAcceptable, "ASID_CHECK_FAILED": ASIDCheckFailed,
    "INVALID_RESOURCE": InvalidResource, "INVALID_PARAMETER": InvalidParameter, "INVALID_NHS_NUMBER": InvalidNHSNumber,
    "DUPLICATE_REJECTED": DuplicateRejected, "NO_RECORD_FOUND": NoRecordFound, "PATIENT_NOT_FOUND": NoRecordFound,
    "PRACTITIONER_NOT_FOUND": NoRecordFound, "ORGANISATION_NOT_FOUND": NoRecordFound, "PRECONDITION_FAILED": PreconditionFailed,
    "CONFLICT": VersionConflict, "NO_PATIENT_CONSENT": NoConsent, "NO_ORGANISATIONAL_CONSENT": NoConsent, "NO_ORGANISATION_CONSENT": NoConsent,
    "NO_RELATIONSHIP": NoRelationship,
})
"""By code (spine 8.2)."""
BY_PROXY_TEXT: Final[tuple[tuple[str, type[SpineAPIError]], ...]] = (
    ("ASID_CHECK_FAILED_MESSAGESENDER", SSPSenderCheckFailed), ("ASID_CHECK_FAILED_MESSAGERECEIVER", SSPReceiverCheckFailed),
    ("PARTYKEY_INTERACTION_CHECK_FAILED", SSPReceiverCheckFailed), ("FOT_CHECK_FAILED", SSPSharingCheckFailed),
    ("ERROR_COMMUNICATING_TO_ENDPOINT_URL", SSPEndpointUnreachable), ("ENDPOINT_", SSPEndpointVaries),
)
"""By the beginning of the proxy's text (spine 8.3)."""
_CERTIFICATE_ALERTS: Final = (
    "BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "CERTIFICATE_REQUIRED",
    "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE",
)
"""RFC 8446 section 6.2, and `handshake_failure`, which is how TLS 1.2 says that a certificate is needed."""


def canonical(code: str) -> str:
    """Return a code in the one spelling."""
    return code.replace(" ", "_")


def spine_error(response: httpx2.Response, now: datetime) -> APIError | ClientCertificateRejected:
    """Return the error of a response that has been read, JSON or XML. What is no OperationOutcome stays an `APIError`."""
    plain = api_error(response, now)
    if response.status_code in CERTIFICATE_STATUSES:
        return ClientCertificateRejected(status=response.status_code, refusal=plain)
    if plain.shape != "operation-outcome":
        return plain
    return api_error(response, now, _kind(plain))


def raise_for_spine_error(response: httpx2.Response, now: datetime) -> httpx2.Response:
    """Return a response below 400 as it is. Raises `SpineAPIError` by its code, `APIError` or `ClientCertificateRejected`."""
    if response.status_code < 400:
        return response
    raise spine_error(response, now)


def _kind(plain: APIError) -> type[SpineAPIError]:
    if plain.code == str(plain.status):
        return next((kind for beginning, kind in BY_PROXY_TEXT if plain.text.startswith(beginning)), SpineAPIError)
    return BY_CODE.get(canonical(plain.code), SpineAPIError)


def certificate_alert(error: BaseException | None) -> str | None:
    """Return the TLS alert about our certificate that is at the bottom of an error, in lower case; None: there is none."""
    for _ in range(10):
        if error is None:
            return None
        if isinstance(error, ssl.SSLError):
            _, alerted, name = (error.reason or "").partition("ALERT_")
            return name.lower() if alerted and name in _CERTIFICATE_ALERTS else None
        error = error.__cause__ or error.__context__
    return None
