"""Good calls, which the rows spoil: one for each kind of API and caller."""

from typing import Any, Final

from spine_rows.place import CONSUMER, NATIONAL, SURGERY, SURGERY_ROOT, URN
from spine_rows.row import IAT, Call, Claims

TRACE: Final = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"
ODS, ASID = "https://fhir.nhs.uk/Id/ods-organization-code|", "https://fhir.nhs.uk/Id/accredited-system|"
USER: Final = "https://fhir.nhs.uk/Id/sds-role-profile-id|"
ROLE: Final = f"{USER}555254242105"
"""A role that the record of reasonable adjustments knows."""
PATIENT: Final = "https://fhir.nhs.net/Id/nhs-number|9990000018"
FLAG_READ: Final = f"{URN}raflags:Flag.read:1"
READ_PATIENT, SEARCH_PATIENT, METADATA = (f"{URN}gpconnect:fhir:rest:{name}-1" for name in ("read:patient", "search:patient", "read:metadata"))
SLOTS: Final = f"{URN}careconnect:fhir:rest:search:slot"

COMMON: Final[Claims] = {
    "iss": "https://ehr.example-supplier.thirdparty.nhs.uk", "aud": "https://clinicals.spineservices.nhs.uk/STU3", "exp": IAT + 300, "iat": IAT,
    "reason_for_request": "directcare", "requesting_system": ASID + CONSUMER, "requesting_organization": f"{ODS}Z9X01",
}
PROFESSIONAL: Final[Claims] = {**COMMON, "sub": f"{USER}555000000101", "requesting_user": f"{USER}555000000101", "scope": "patient/DocumentReference.read"}
UNATTENDED: Final[Claims] = {**COMMON, "sub": ASID + CONSUMER, "scope": "patient/DocumentReference.write"}
CITIZEN: Final[Claims] = {**COMMON, "sub": PATIENT, "requesting_patient": PATIENT, "reason_for_request": "patientaccess", "scope": "patient/DocumentReference.read"}
GP_CLAIMS: Final[Claims] = {
    "iss": "https://consumer.example.thirdparty.nhs.uk", "sub": "10019", "aud": SURGERY_ROOT, "exp": IAT + 300, "iat": IAT,
    "reason_for_request": "directcare", "requested_scope": "patient/*.read",
    "requesting_device": {"resourceType": "Device", "identifier": [{"system": "https://consumer.example/Id/device", "value": "1"}], "model": "EPR", "version": "5.2"},
    "requesting_organization": {"resourceType": "Organization", "name": "Example Hospital", "identifier": [{"system": ODS[:-1], "value": "Z9X01"}]},
    "requesting_practitioner": {
        "resourceType": "Practitioner", "id": "10019", "name": [{"family": "Black", "given": ["Sue"], "prefix": ["Dr"]}],
        "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK"}, {"system": USER[:-1], "value": "UNK"},
                       {"system": "https://consumer.example/Id/user", "value": "sblack"}]},
}

DIRECT: Final = {"FromASID": CONSUMER, "ToASID": NATIONAL}
NAMED: Final = {**DIRECT, "InteractionID": FLAG_READ, "TraceID": TRACE}
FLAG: Final = Call("/raflags/STU3/Flag/none", headers=NAMED, claims={**COMMON, "sub": ROLE, "requesting_user": ROLE, "scope": "user/Flag.read"})
"""Of reasonable adjustments, as a worker."""
POINTER: Final = Call("/nrl/STU3/DocumentReference/none", headers=DIRECT, claims=PROFESSIONAL)
POINTER_OF_A_CITIZEN: Final = Call("/nrl/STU3/DocumentReference/none", headers=DIRECT, claims=CITIZEN)
NEW_POINTER: Final = Call("/nrl/STU3/DocumentReference", "POST", headers=DIRECT, claims=UNATTENDED, body={"resourceType": "DocumentReference"})
CORE: Final = FLAG.but(path="/rows/core/Flag/none")
ALONE: Final = Call("/rows/alone/Flag", headers=NAMED)
"""Judged by Envoy alone."""
ASKED: Final = Call("/rows/asked/Flag", headers=NAMED)
"""The same, by the decision service."""

PROXIED: Final = {"Ssp-From": CONSUMER, "Ssp-To": SURGERY, "Ssp-TraceID": TRACE}


def relayed(path: str, interaction: str, method: str = "GET", **more: Any) -> Call:
    """Return a call to the surgery through the demo's secure proxy."""
    scope = "organization/*.read" if interaction == METADATA else "patient/*.read"
    return Call(f"/ssp/{SURGERY_ROOT}{path}", method, {**PROXIED, "Ssp-InteractionID": interaction}, {**GP_CLAIMS, "requested_scope": scope}, door="relay", **more)


AT_SURGERY: Final = relayed("/Patient/1", READ_PATIENT)
RELAYED: Final = Call(f"/rows/ssp/{SURGERY_ROOT}/Patient/1", headers={**PROXIED, "Ssp-InteractionID": READ_PATIENT}, door="relay")
"""Through a proxy that asks for no token."""
GP: Final = Call("/rows/gp/Patient/1", headers={**PROXIED, "Ssp-To": NATIONAL, "Ssp-InteractionID": READ_PATIENT}, claims=GP_CLAIMS)
"""A provider of GP Connect that is asked directly."""
BOOKING: Final = Call("/rows/bookings/Slot", headers={**PROXIED, "Ssp-To": NATIONAL, "Ssp-InteractionID": SLOTS},
                      claims={**COMMON, "sub": ROLE, "requesting_user": ROLE, "scope": "patient/Slot.read"})
RETRIEVAL: Final = Call("/rows/retrieval/https://nrl.example.nhs.uk/Z9X03", headers={**PROXIED, "Ssp-InteractionID": f"{URN}nrl:DocumentReference.content.read"},
                        claims={**PROFESSIONAL, "scope": "patient/*.read"}, door="relay")
SEARCH: Final = "patient=9000000009&status=active&category=NRAF"
INTERNET: Final = Call(f"/reasonable-adjustments/STU3/Flag?{SEARCH}", authorization="Bearer {worker}", door="https", who=None, accepts=("application/fhir+json",))
