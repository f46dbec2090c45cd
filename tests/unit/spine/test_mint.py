"""Tokens that we make: the published vector, and every variant back through its own checks."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.spine import authorization, checks
from wardgate.spine.errors import CannotMint
from wardgate.spine.gp_mint import Device, GPContext, Practitioner
from wardgate.spine.identifiers import Identifier, nhs_number_holds
from wardgate.spine.interaction_catalogue import INTERACTIONS, find
from wardgate.spine.interactions import PREFIX
from wardgate.spine.mint import CoreContext, build_spine_jwt
from wardgate.spine.stated import Expected
from wardgate.spine.unsecured import parse
from wardgate.spine.variants import VARIANTS, CallerKind, VariantName

IAT = datetime.fromtimestamp(1_767_225_900, UTC)
SAMPLE = json.loads((Path(__file__).parents[2] / "vectors" / "spine_jwt_sample.json").read_text())
BASE = CoreContext("https://ehr.example-supplier.thirdparty.nhs.uk", "https://clinicals.spineservices.nhs.uk/STU3", "200000100001", "Z9X01")
PROFESSIONAL = dataclasses.replace(BASE, role="555000000101")
CITIZEN = dataclasses.replace(BASE, patient="9990000018")
DELEGATE = dataclasses.replace(CITIZEN, actor="9990000026")
DOCTOR = Practitioner("10019", "Black", "Sue", Identifier("https://consumer.example/Id/user", "sblack"), prefix="Dr")
SURGERY = GPContext("https://consumer.example.thirdparty.nhs.uk", "https://provider.example/Z9X02/STU3/1/gpconnect", "Z9X01", "Example Surgery",
                    Device(Identifier("https://consumer.example/Id/device", "1"), "EPR", "5.2"), DOCTOR)


def test_the_published_sample() -> None:
    """Byte for byte, 699 characters with the dot at the end (spine 2.7)."""
    token = build_spine_jwt(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS], PROFESSIONAL, IAT, find(PREFIX + "raflags:Flag.read:1"))
    assert token == SAMPLE["token"]
    assert (len(token), token[-1]) == (699, ".")
    assert dict(parse(token).claims) == SAMPLE["claims"]


def test_the_other_samples() -> None:
    """An unattended provider, and a citizen who acts for another, are the same but for the claims that are named."""
    provider = build_spine_jwt(VARIANTS[VariantName.NRL], BASE, IAT, find(PREFIX + "nrl:DocumentReference.create"))
    changed = SAMPLE["claims"] | {"sub": SAMPLE["claims"]["requesting_system"], "scope": "patient/DocumentReference.write"}
    del changed["requesting_user"]
    assert dict(parse(provider).claims) == changed
    citizen = parse(build_spine_jwt(VARIANTS[VariantName.NRL], DELEGATE, IAT, find(PREFIX + "nrl:DocumentReference.read"))).claims
    assert {name: citizen[name] for name in ("sub", "requesting_patient", "reason_for_request", "act")} == {
        "sub": "https://fhir.nhs.net/Id/nhs-number|9990000018", "requesting_patient": "https://fhir.nhs.net/Id/nhs-number|9990000018",
        "reason_for_request": "patientaccess", "act": {"sub": "https://fhir.nhs.net/Id/nhs-number|9990000026"}}
    assert "requesting_user" not in citizen


FITTING = (
    (VariantName.SPINE_CORE, PROFESSIONAL, "raflags:List.read:1", CallerKind.PROFESSIONAL), (VariantName.SPINE_CORE, CITIZEN, "raflags:Flag.read:1", CallerKind.CITIZEN),
    (VariantName.SPINE_CORE, BASE, "raflags:Flag.write:1", CallerKind.UNATTENDED), (VariantName.SPINE_CORE, dataclasses.replace(BASE, local_user="https://local.example/Id/user-id|jo"), "raflags:Flag.read:1", CallerKind.PROFESSIONAL),
    (VariantName.REASONABLE_ADJUSTMENTS, PROFESSIONAL, "raflags:removerarecord.write:1", CallerKind.PROFESSIONAL), (VariantName.NRL, PROFESSIONAL, "nrl:DocumentReference.search", CallerKind.PROFESSIONAL),
    (VariantName.NRL, CITIZEN, "nrl:DocumentReference.read", CallerKind.CITIZEN), (VariantName.NRL, DELEGATE, "nrl:DocumentReference.read", CallerKind.DELEGATED),
    (VariantName.NRL, BASE, "nrl:DocumentReference.delete", CallerKind.UNATTENDED), (VariantName.NRL_RETRIEVAL, PROFESSIONAL, "nrl:DocumentReference.content.read", CallerKind.PROFESSIONAL),
    (VariantName.NEMS_SUBSCRIBE, BASE, "clinicals-sync:SubscriptionsApiPost", CallerKind.UNATTENDED), (VariantName.NEMS_PUBLISH, BASE, "events:birth-notification-1.Write", CallerKind.UNATTENDED),
)


@pytest.mark.parametrize(("name", "context", "interaction", "kind"), FITTING)
def test_every_variant_comes_back(name: VariantName, context: CoreContext, interaction: str, kind: CallerKind, directory: Any, now: datetime) -> None:
    """What is made passes the checks of its reader, register and scopes included."""
    known, variant = find(PREFIX + interaction), VARIANTS[name]
    token = build_spine_jwt(variant, context, IAT, known)
    stated = authorization.examine(f"Bearer {token}", Expected(variant, directory, known), now)
    checks.check_from_asid(stated, context.asid)
    checks.check_scopes(stated, known)
    assert (stated.caller, stated.asid, stated.organisation, stated.role, stated.patient) == (kind, context.asid, "Z9X01", context.role, context.patient)


@pytest.mark.parametrize("row", [row for row in INTERACTIONS.values() if row.service == "gpconnect"], ids=lambda row: row.id.removeprefix(PREFIX))
@pytest.mark.parametrize("name", [VariantName.GP_CONNECT_1, VariantName.GP_CONNECT_0])
def test_gp_connect_comes_back(name: VariantName, row: Any, now: datetime) -> None:
    """Each of its interactions, in old and new tokens."""
    token = build_spine_jwt(VARIANTS[name], dataclasses.replace(SURGERY, record="9990000018"), IAT, row)
    stated = authorization.examine(f"Bearer {token}", Expected(VARIANTS[name], interaction=row), now)
    assert (stated.scopes, stated.organisation, stated.subject) == (row.scopes, "Z9X01", "10019")
    assert stated.patient == ("9990000018" if name is VariantName.GP_CONNECT_0 else None)


def test_a_gp_connect_token_to_the_letter() -> None:
    """The claims in the published order; who has no smartcard is UNK."""
    token = build_spine_jwt(VARIANTS[VariantName.GP_CONNECT_1], dataclasses.replace(SURGERY, confidentiality="conf/N"), IAT, find(PREFIX + "gpconnect:fhir:rest:read:patient-1"))
    claims = dict(parse(token).claims)
    assert list(claims) == ["iss", "sub", "aud", "exp", "iat", "reason_for_request", "requested_scope", "requesting_device", "requesting_organization", "requesting_practitioner"]
    assert claims["requested_scope"] == "patient/*.read conf/N"
    assert claims["requesting_practitioner"] == {
        "resourceType": "Practitioner", "id": "10019", "identifier": [
            {"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK"}, {"system": "https://fhir.nhs.uk/Id/sds-role-profile-id", "value": "UNK"},
            {"system": "https://consumer.example/Id/user", "value": "sblack"}],
        "name": [{"family": "Black", "given": ["Sue"], "prefix": ["Dr"]}]}


def test_a_record_of_an_organisation() -> None:
    """An old token without a patient names the organisation."""
    token = build_spine_jwt(VARIANTS[VariantName.GP_CONNECT_0], SURGERY, IAT, find(PREFIX + "gpconnect:fhir:rest:read:metadata"))
    assert parse(token).claims["requested_record"] == {"resourceType": "Organization", "identifier": [{"system": "http://fhir.nhs.net/Id/ods-organization-code", "value": "Z9X01"}]}
    assert parse(token).claims["aud"] == "https://authorize.fhir.nhs.net/token"


@pytest.mark.parametrize(("name", "context", "interaction", "row"), [
    (VariantName.REASONABLE_ADJUSTMENTS, BASE, "raflags:Flag.read:1", "spine-jwt-claim-missing"), (VariantName.REASONABLE_ADJUSTMENTS, CITIZEN, "raflags:Flag.read:1", "spine-jwt-claim-missing"),
    (VariantName.NRL, BASE, "nrl:DocumentReference.read", "spine-jwt-claim-missing"), (VariantName.NRL, dataclasses.replace(PROFESSIONAL, patient="9990000018"), "nrl:DocumentReference.read", "spine-jwt-claim-forbidden"),
    (VariantName.NRL, dataclasses.replace(PROFESSIONAL, organisation=None), "nrl:DocumentReference.read", "spine-jwt-claim-missing"),
    (VariantName.NRL, dataclasses.replace(PROFESSIONAL, asid="1"), "nrl:DocumentReference.read", "spine-jwt-system-form"),
    (VariantName.NRL, dataclasses.replace(CITIZEN, patient="9990000019"), "nrl:DocumentReference.read", "spine-jwt-patient-form"),
    (VariantName.NRL, dataclasses.replace(PROFESSIONAL, role="R8000"), "nrl:DocumentReference.read", "spine-jwt-user-form"),
    (VariantName.NRL, dataclasses.replace(PROFESSIONAL, reason="secondaryuses"), "nrl:DocumentReference.read", "spine-jwt-reason"),
    (VariantName.NRL, dataclasses.replace(PROFESSIONAL, issuer=" "), "nrl:DocumentReference.read", "spine-jwt-claim-missing"),
    (VariantName.REASONABLE_ADJUSTMENTS, dataclasses.replace(PROFESSIONAL, scopes=("user/Flag.read",)), "raflags:Flag.write:1", "spine-jwt-scope-missing"),
    (VariantName.GP_CONNECT_1, dataclasses.replace(SURGERY, organisation="no code"), "gpconnect:fhir:rest:read:patient-1", "gp-connect-jwt-claim-invalid"),
    (VariantName.GP_CONNECT_1, dataclasses.replace(SURGERY, confidentiality="conf/R"), "gpconnect:fhir:rest:read:patient-1", "gp-connect-jwt-scope"),
])
def test_what_does_not_fit_is_not_made(name: VariantName, context: CoreContext | GPContext, interaction: str, row: str) -> None:
    """The row it would break is named, and nobody's number."""
    with pytest.raises(CannotMint) as caught:
        build_spine_jwt(VARIANTS[name], context, IAT, find(PREFIX + interaction))
    assert str(caught.value).startswith(row + ": ")
    assert "999000" not in str(caught.value)


def test_scopes_have_a_source() -> None:
    """An interaction, or the scopes themselves."""
    for name, context in ((VariantName.NRL, PROFESSIONAL), (VariantName.GP_CONNECT_1, SURGERY)):
        with pytest.raises(CannotMint):
            build_spine_jwt(VARIANTS[name], context, IAT)
    with pytest.raises(CannotMint, match="scope: "):  # whose scopes were never published
        build_spine_jwt(VARIANTS[VariantName.SPINE_CORE], PROFESSIONAL, IAT, find(PREFIX + "visitorsandmigrants:Observation.read:1"))
    scoped = dataclasses.replace(PROFESSIONAL, scopes=("user/Flag.read", "user/List.read"))
    assert parse(build_spine_jwt(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS], scoped, IAT)).claims["scope"] == "user/Flag.read user/List.read"
    assert parse(build_spine_jwt(VARIANTS[VariantName.GP_CONNECT_1], dataclasses.replace(SURGERY, scope="organization/*.read"), IAT)).claims["requested_scope"] == "organization/*.read"


def test_a_context_of_the_other_family() -> None:
    """Is a mistake of the program."""
    for name, context in ((VariantName.NRL, SURGERY), (VariantName.GP_CONNECT_1, PROFESSIONAL)):
        with pytest.raises(ValueError, match="context of its own"):
            build_spine_jwt(VARIANTS[name], context, IAT)


def test_contexts_print_nobody() -> None:
    """Roles, patients and names stay out of logs."""
    shown = repr((PROFESSIONAL, DELEGATE, dataclasses.replace(SURGERY, record="9990000018")))
    assert not any(secret in shown for secret in ("555000000101", "99900000", "Black", "sblack"))


@given(st.integers(100_000_000, 999_999_999))
def test_nhs_numbers(digits: int) -> None:
    """Of ten last digits at most one is right."""
    assert sum(nhs_number_holds(f"{digits}{check}") for check in range(10)) in {0, 1}


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.from_regex(r"[0-9]{1,15}", fullmatch=True), st.from_regex(r"[A-Za-z0-9]{1,9}", fullmatch=True))  # noqa: DTZ001 - the time zone is added
def test_any_professional_comes_back(moment: datetime, role: str, ods: str) -> None:
    """Whatever the time, role and organisation."""
    at = moment.replace(tzinfo=UTC)
    variant, known = VARIANTS[VariantName.REASONABLE_ADJUSTMENTS], find(PREFIX + "raflags:Flag.read:1")
    stated = authorization.examine("Bearer " + build_spine_jwt(variant, dataclasses.replace(BASE, role=role, organisation=ods), at, known), Expected(variant), at)
    assert (stated.role, stated.organisation) == (role, ods)
