"""Every row of spine 2.3 and of its variants in 2.4 to 2.6, on an API of each variant.

The rows of claims are those that the checks themselves are tested with; here they leave through Envoy, in JSON and in XML.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from spine_rows.calls import (
    AT_SURGERY,
    BOOKING,
    CORE,
    FLAG,
    GP,
    GP_CLAIMS,
    NEW_POINTER,
    POINTER,
    POINTER_OF_A_CITIZEN,
    RETRIEVAL,
)
from spine_rows.place import CONSUMER, SISTER, URN
from spine_rows.row import IAT, Call, Claims, Row, Said, encoded
from unit.spine import test_checks as spine_rows
from unit.spine import test_gp_connect as gp_rows

HEADER: Final = encoded({"alg": "none", "typ": "JWT"})
TWICE: Final = '{"iss":"a","iss":"b"}'
INVALID: Final = {"www-authenticate": 'Bearer error="invalid_request"'}
SECTIONS: Final = "The JWT associated with the Authorisation header must have the 3 sections"
MALFORMED: Final = "The Authorisation header must be supplied as a valid JWT."
FORMS: Final[tuple[tuple[str, str | None, str, str], ...]] = (
    ("#1 no header", None, "missing", "The Authorisation header must be supplied"),
    ("#1 an empty header", "", "missing", "The Authorisation header must be supplied"),
    ("#2 two sections", f"Bearer {HEADER}.e30", "sections", SECTIONS), ("#2 one section", "Bearer x", "sections", SECTIONS),
    ("#2 a third section", f"Bearer {HEADER}.e30.c2ln", "sections", SECTIONS), ("#2 four sections", f"Bearer {HEADER}.e30..", "sections", SECTIONS),
    ("#3 an empty middle section", f"Bearer {HEADER}..", "body-empty", "The JWT associated with the Authorisation header must have a body of claims."),
    ("#4 claims that are no JSON", f"Bearer {HEADER}.{encoded('claims')}.", "malformed", MALFORMED),
    ("#4 claims that are a list", f"Bearer {HEADER}.{encoded([])}.", "malformed", MALFORMED),
    ("#4 a claim twice", f"Bearer {HEADER}.{encoded(TWICE)}.", "malformed", MALFORMED),
    ("#4 another algorithm", f"Bearer {encoded({'alg': 'RS256', 'typ': 'JWT'})}.e30.", "malformed", MALFORMED),
    ("#4 another scheme", "Basic dTpw", "malformed", MALFORMED), ("#4 padded", f"Bearer {HEADER}.e30=.", "malformed", MALFORMED),
    ("#4 30,000 characters", "Bearer " + "x" * 30_000, "malformed", MALFORMED),
)
"""Rows 1 to 4: an Authorization header, and what is said of it."""
TABLES: Final[tuple[tuple[str, Call, Sequence[spine_rows.Row]], ...]] = (
    ("professional", POINTER, spine_rows.PROFESSIONAL), ("unattended", NEW_POINTER, spine_rows.UNATTENDED), ("citizen", POINTER_OF_A_CITIZEN, spine_rows.CITIZEN),
)
NOT_ASKED: Final = "audience"
"""The published services do not look at `aud`, and neither does the gateway: the doctor and the SDK do."""


def _jwt(name: str, row: str, call: Call, text: str, form: str = "spine", issue: str = "structure") -> Row:
    challenge = {"www-authenticate": "Bearer"} if row == "missing" else INVALID
    return Row(name, f"spine-jwt-{row}", call, Said(400, "MISSING_OR_INVALID_HEADER", issue, text, form, headers=challenge))


def _booking(name: str, row: str, call: Call, text: str) -> Row:
    return Row(f"bookings, {name}", f"booking-jwt-{row}", call, Said(403, "MISSING_OR_INVALID_HEADER", "structure", text))


def _without_token(call: Call, header: str | None) -> Call:
    return call.but(headers={"Authorization": ""}, claims=dict.fromkeys(call.claims or {})) if header == "" else call.but(
        authorization=header, claims=dict.fromkeys(call.claims or {}))


def _put(**claims: Any) -> Callable[[Claims], None]:
    return lambda stated: stated.update(claims)


def _spine() -> Iterator[Row]:
    for name, header, row, text in FORMS:
        yield _jwt(f"nrl, {name}", row, _without_token(POINTER, header), text)
        yield _jwt(f"reasonable adjustments, {name}", row, _without_token(FLAG, header), text)
        yield _jwt(f"retrieval, {name}", row, _without_token(RETRIEVAL, header), text, "proxy")
        yield _booking(name, row, _without_token(BOOKING, header), text)
    for kind, call, rows in TABLES:
        for number, (row, text, spoil) in enumerate(rows):
            if row != NOT_ASKED:
                yield _jwt(f"nrl, {kind}, {number}: {row}", row, call.spoilt(spoil), text)
    ahead = {"iat": IAT + 400, "exp": IAT + 700}
    yield _jwt("nrl, issued in 400 s", "time", POINTER.but(claims=ahead),
               f"iat {IAT + 400} must be in the past or now and exp {IAT + 700} must be in the future or now")
    yield _jwt("nrl, good for 301 s", "lifetime", POINTER.but(claims={"exp": IAT + 301}), f"exp {IAT + 301} must be 5 minutes greater than iat {IAT}")
    yield _jwt("nrl, good for less than nothing", "lifetime", POINTER.but(claims={"exp": IAT - 1}), f"exp {IAT - 1} must be 5 minutes greater than iat {IAT}")
    yield _jwt("#14 another system of the same certificate", "asid-not-from", FLAG.but(headers={"FromASID": SISTER}),
               f"The ASID defined in the requesting_system ({CONSUMER}) does not match the FromASID in the request")
    yield _jwt("#10 the scope of another resource", "scope-missing", FLAG.but(claims={"scope": "user/List.read"}), "Required scopes not found in token (user/Flag.read)")
    yield _jwt("#10 the removal asks for three", "scope-missing",
               FLAG.but(path="/raflags/STU3/$removerarecord", method="POST", body={}, headers={"InteractionID": f"{URN}raflags:removerarecord.write:1"}, claims={"scope": "user/Flag.write"}),
               "Required scopes not found in token (user/Consent.write user/Flag.write user/List.write)")
    yield _jwt("reasonable adjustments, no user", "claim-missing", FLAG.but(claims={"requesting_user": None}), spine_rows._missing("requesting_user"))
    yield _jwt("reasonable adjustments, a citizen", "claim-missing", FLAG.but(claims={"requesting_user": None, "sub": "http://fhir.nhs.net/Id/nhs-number|9990000018",
               "requesting_patient": "http://fhir.nhs.net/Id/nhs-number|9990000018"}), spine_rows._missing("requesting_user"))
    yield _jwt("reasonable adjustments, secondary uses", "reason", FLAG.but(claims={"reason_for_request": "secondaryuses"}), "reason_for_request (secondaryuses) must be 'directcare'")
    yield _jwt("reasonable adjustments, no organisation", "claim-missing", FLAG.but(claims={"requesting_organization": None}), spine_rows._missing("requesting_organization"))
    yield _jwt("spine core, a reason of nobody's", "reason", CORE.but(claims={"reason_for_request": "research"}),
               "reason_for_request (research) must be 'directcare', 'secondaryuses' or 'patientaccess'")
    yield _jwt("retrieval, #11 the scope of pointers", "scope", RETRIEVAL.but(claims={"scope": "patient/DocumentReference.read"}),
               "scope (patient/DocumentReference.read) must match patient/*.read", "proxy")
    yield _jwt("subscriptions, #10", "scope-missing", FLAG.but(path="/rows/subscriptions/Subscription/1", headers={"InteractionID": f"{URN}clinicals-sync:SubscriptionsApiGet"}),
               "Required scopes not found in token (patient/Subscription.read)")
    yield _jwt("events, #10", "scope-missing", FLAG.but(path="/rows/events/$process-message", method="POST", body={}, headers={"InteractionID": f"{URN}events:PDS001.Write"}),
               "Required scopes not found in token (patient/Bundle.write)")
    for name, path, interaction in (("subscriptions", "/rows/subscriptions/Subscription/1", f"{URN}clinicals-sync:SubscriptionsApiGet"),
                                    ("events", "/rows/events/$process-message", f"{URN}events:PDS001.Write")):
        method, body = ("POST", {}) if name == "events" else ("GET", None)
        call = FLAG.but(path=path, method=method, body=body, headers={"InteractionID": interaction}, claims={"requesting_organization": None})
        yield _jwt(f"{name}, no organisation", "claim-missing", call, spine_rows._missing("requesting_organization"))


BOOKED: Final = {"claim-missing", "lifetime", "time", "user-not-sub", "asid-unknown", "organisation-form", "ods-unknown", "asid-not-of-ods", "system-form"}
"""Rows of a professional's token that are the same at a booking API."""


def _bookings() -> Iterator[Row]:
    for number, (row, text, spoil) in enumerate(spine_rows.PROFESSIONAL):
        if row in BOOKED and "claim requesting_organization" not in text:
            def at_role(claims: Claims, spoil: Callable[[Claims], Any] = spoil) -> None:
                claims.update(sub=spine_rows.ROLE, requesting_user=spine_rows.ROLE)
                spoil(claims)
            yield _booking(f"professional, {number}: {row}", row, BOOKING.spoilt(at_role), text)
    local = "https://local.example/Id/user"
    patient = "http://fhir.nhs.net/Id/nhs-number|[NHSNumber]"
    of_patients = BOOKING.but(claims={"requesting_user": None, "sub": "http://fhir.nhs.net/Id/nhs-number|9990000018", "requesting_patient": "http://fhir.nhs.net/Id/nhs-number|9990000018"})
    yield _booking("a user without a value", "user-form", BOOKING.but(claims={"sub": local, "requesting_user": local}),
                   f"requesting_user ({local}) must be of the form [https://fhir.nhs.uk/Id/sds-role-profile-id|[SDSRoleProfileID]]")
    yield _booking("a patient that is none", "patient-form", of_patients.but(claims={"requesting_patient": "9990000018"}), f"requesting_patient must be of the form [{patient}]")
    yield _booking("another patient", "patient-not-sub", of_patients.but(claims={"sub": "http://fhir.nhs.net/Id/nhs-number|9990000026"}),
                   "requesting_patient and sub claim\u2019s values must match")
    yield _booking("somebody acts who is nobody", "actor-form", of_patients.but(claims={"act": {"sub": "9990000026"}}), f"act.sub must be of the form [{patient}]")
    yield _booking("a system that is not sub", "system-not-sub", BOOKING.but(claims={"requesting_user": None, "sub": "urn:x"}),
                   f"requesting_system (https://fhir.nhs.uk/Id/accredited-system|{CONSUMER}) and sub (urn:x) claim\u2019s values must match")
    yield _booking("a reason of nobody's", "reason", BOOKING.but(claims={"reason_for_request": "research"}),
                   "reason_for_request (research) must be 'directcare', 'secondaryuses' or 'patientaccess'")
    yield _booking("#10", "scope-missing", CORE.but(path="/rows/core-bookings/Flag/none", claims={"scope": "user/List.read"}), "Required scopes not found in token (user/Flag.read)")
    yield _booking("another system's token", "asid-not-from", BOOKING.but(headers={"Ssp-From": SISTER}),
                   f"The ASID defined in the requesting_system ({CONSUMER}) does not match the FromASID in the request")


def _gp(name: str, row: str, call: Call, text: str, form: str) -> Row:
    status, code = (422, "INVALID_RESOURCE") if row == "resource" else (400, "BAD_REQUEST")
    return Row(name, f"gp-connect-jwt-{row}", call, Said(status, code, "invalid", text, form))


GP_FORMS: Final[tuple[tuple[str | None, str, str], ...]] = (
    (None, "missing", "Authorization header missing"), ("Basic dTpw", "scheme", "Authorization header invalid"),
    (f"Bearer {HEADER}.e30=.", "padded", "JWT must be encoded using Base64URL. Padding is not allowed"),
    ("Bearer a/b.c.", "padded", "JWT must be encoded using Base64URL. Padding is not allowed"),
    ("Bearer a", "blocks", "Invalid number of JWT base 64 blocks 1"), (f"Bearer {HEADER}.e30.c2ln", "blocks", "Invalid number of JWT base 64 blocks 3"),
    ("Bearer a.b.", "base64", "JWT is not Base 64"), (f"Bearer {encoded({'alg': 'RS256', 'typ': 'JWT'})}.e30.", "header-value", "Invalid JWT header alg value RS256"),
    (f"Bearer {encoded({'alg': 'none'})}.e30.", "header-key", "Missing JWT Header key typ"), (f"Bearer {HEADER}.{encoded([])}.", "not-json", "Invalid WebToken"),
)


def _gp_connect() -> Iterator[Row]:
    for where, call, form in (("gp connect", GP, "gp-connect"), ("gp connect, at the proxy", AT_SURGERY, "proxy")):
        for number, (header, row, text) in enumerate(GP_FORMS):
            yield _gp(f"{where}, form {number}: {row}", row, call.but(authorization=header, claims=dict.fromkeys(GP_CLAIMS)), text, form)
        for number, (row, text, spoil) in enumerate(gp_rows.ROWS):
            if row != NOT_ASKED:
                yield _gp(f"{where}, {number}: {row}", row, call.spoilt(spoil), text, form)
        other = call.spoilt(gp_rows._within("requesting_organization", identifier=[{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z9X02"}]))
        yield _gp(f"{where}, an organisation of another system", "claim-invalid", other, "JWT claim requesting_organization is not valid", form)
    old = GP.but(path="/rows/gp-old/metadata", headers={"Ssp-InteractionID": f"{URN}gpconnect:fhir:rest:read:metadata"})
    honest = gp_rows._old(GP_CLAIMS) | {"requested_scope": "organization/*.read"}
    for name, changes, row, text in (
        ("another audience", {"aud": "https://provider.example"}, "audience", "JWT claim aud is not valid"),
        ("a record that is a device", {"requested_record": {"resourceType": "Device"}}, "resource", "JWT claim requested_record is not a valid Patient or Organization resource"),
        ("no record", {"requested_record": None}, "claim-missing", "JWT required claim requested_record is not present"),
    ):  # fmt: skip
        yield _gp(f"gp connect before 1, {name}", row, old.but(claims=honest | changes), text, "gp-connect")


JWT_ROWS: Final = (*_spine(), *_bookings(), *_gp_connect())
