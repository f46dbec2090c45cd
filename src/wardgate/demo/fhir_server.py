"""The sample FHIR R4 API: read, search by a few parameters, and creating a Consent that is answered and forgotten."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wardgate.demo.fhir_resources import CAPABILITIES, RESOURCES, Resource, subject_of
from wardgate.demo.nhs_number import is_nhs_number

CONTENT_TYPE: Final = "application/fhir+json"
MAX_CONSENT_BYTES: Final = 100_000
MAX_PARAMETERS: Final = 10
_CODES: Final = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"


class Outcome(Exception):
    """The request cannot be answered: an OperationOutcome says why (application-restricted 11.2)."""

    def __init__(self, status: int, issue: str, code: str, display: str, diagnostics: str) -> None:
        super().__init__(code)
        self.status = status
        coding = {"system": _CODES, "version": "1", "code": code, "display": display}
        self.body = {"resourceType": "OperationOutcome", "issue": [{
            "severity": "error", "code": issue, "details": {"coding": [coding]}, "diagnostics": diagnostics}]}


def _not_found(kind: str) -> Outcome:
    return Outcome(404, "not-found", "RESOURCE_NOT_FOUND", "Resource not found", f"There is no such {kind}")


def _invalid_search(diagnostics: str) -> Outcome:
    return Outcome(400, "value", "INVALID_SEARCH_DATA", "Search data is invalid", diagnostics)


def _invalid(diagnostics: str) -> Outcome:
    return Outcome(400, "value", "INVALID_VALUE", "Provided value is invalid", diagnostics)


Test = Callable[[Resource, str], bool]

_ABOUT_PATIENT: Final[Test] = lambda resource, value: subject_of(resource) == value.rsplit("/", 1)[-1].rsplit("|", 1)[-1]  # noqa: E731 - a row of the table below, used in four places
_SEARCHES: Final[Mapping[str, Mapping[str, Test]]] = {
    "Patient": {
        "identifier": _ABOUT_PATIENT,
        "family": lambda patient, value: patient["name"][0]["family"].casefold().startswith(value.casefold()),
        "given": lambda patient, value: patient["name"][0]["given"][0].casefold().startswith(value.casefold()),
        "gender": lambda patient, value: patient["gender"] == value,
        "birthdate": lambda patient, value: patient["birthDate"] == value.removeprefix("eq"),
    },
    "Flag": {"patient": _ABOUT_PATIENT},
    "Consent": {"patient": _ABOUT_PATIENT, "status": lambda consent, value: consent["status"] == value},
    "DocumentReference": {"patient": _ABOUT_PATIENT, "subject": _ABOUT_PATIENT},
}
"""The parameters each type may be searched by; at least one is needed."""


async def metadata(_request: Request) -> Response:
    """The CapabilityStatement (FHIR R4, http.html#capabilities)."""
    return _answer(CAPABILITIES)


async def read(request: Request) -> Response:
    """One resource by its id; a Patient's is an NHS number."""
    kind, name = request.path_params["kind"], request.path_params["id"]
    if kind not in RESOURCES:
        raise _not_found("resource type")
    if kind == "Patient" and not is_nhs_number(name):
        raise Outcome(400, "value", "INVALID_RESOURCE_ID", "Resource Id is invalid", "The id is not an NHS number")
    if name not in RESOURCES[kind]:
        raise _not_found(kind)
    return _answer(RESOURCES[kind][name])


async def search(request: Request) -> Response:
    """A searchset Bundle of what all parameters match."""
    found = _matching(request.path_params["kind"], request.query_params.multi_items())
    entries = [{"fullUrl": f"{resource['resourceType']}/{resource['id']}", "resource": resource,
                "search": {"mode": "match"}} for resource in found]
    return _answer({"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})


def _matching(kind: str, parameters: list[tuple[str, str]]) -> list[Resource]:
    if kind not in RESOURCES:
        raise _not_found("resource type")
    tests = _SEARCHES[kind]
    unknown = [name for name, _ in parameters if name not in tests]
    if unknown or not 1 <= len(parameters) <= MAX_PARAMETERS:
        raise _invalid_search(f"Search by at least one of: {', '.join(tests)}")
    return [
        resource for resource in RESOURCES[kind].values() if all(tests[name](resource, value) for name, value in parameters)
    ]


async def create_consent(request: Request) -> Response:
    """Answer a Consent as if it had been stored; the sample API is stateless."""
    created = _consent_of(await _body(request)) | {"id": "consent-created", "meta": {"versionId": "1"}}
    return _answer(created, 201, {"Location": "Consent/consent-created/_history/1"})


async def answer_outcome(_request: Request, outcome: Exception) -> Response:
    """Write an `Outcome`; the application calls this for every one that is raised."""
    if not isinstance(outcome, Outcome):
        raise outcome
    return _answer(outcome.body, outcome.status)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_CONSENT_BYTES:
            raise Outcome(413, "too-long", "INVALID_VALUE", "Provided value is invalid", "The body is too large")
    return bytes(body)


def _consent_of(body: bytes) -> Resource:
    try:
        resource = json.loads(body)
    except (ValueError, RecursionError):
        raise _invalid("The body is not JSON") from None
    if not isinstance(resource, dict) or resource.get("resourceType") != "Consent":
        raise _invalid("The body is not a Consent")
    about = subject_of(resource)
    if about is None or not is_nhs_number(about):
        raise _invalid("patient.reference is not Patient/ and an NHS number")
    return resource


def _answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, headers, media_type=CONTENT_TYPE)


ROUTES: Final = (
    Route("/metadata", metadata),
    Route("/Consent", create_consent, methods=["POST"]),
    Route("/{kind}", search),
    Route("/{kind}/{id}", read),
)
