"""The rows of spine 2.3: each alone, in exact words, and in order: with row N and every later one spoilt, N answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from wardgate.refusals import CATALOGUE, Refusal
from wardgate.refusals.spine_jwt import SPINE_JWT
from wardgate.spine import authorization, checks
from wardgate.spine.errors import SpineRefused
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.stated import Expected, Stated
from wardgate.spine.unsecured import UnsecuredClaims, compact
from wardgate.spine.variants import VARIANTS, CallerKind, VariantName

Claims = dict[str, Any]
Row = tuple[str, str, Callable[[Claims], Any]]
ROLE = "https://fhir.nhs.uk/Id/sds-role-profile-id|555000000101"
OTHER_ROLE = "https://fhir.nhs.uk/Id/sds-role-profile-id|555000000102"
SYSTEM = "https://fhir.nhs.uk/Id/accredited-system|200000100001"
PATIENT = "https://fhir.nhs.net/Id/nhs-number|9990000018"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code|"
AUDIENCE = "https://clinicals.spineservices.nhs.uk/STU3"
READ = find("urn:nhs:names:services:nrl:DocumentReference.read")
CREATE = find("urn:nhs:names:services:nrl:DocumentReference.create")


def _without(name: str) -> Callable[[Claims], Any]:
    return lambda claims: claims.pop(name, None)


def _with(**values: Any) -> Callable[[Claims], Any]:
    return lambda claims: claims.update(values)


def _missing(name: str) -> str:
    return f"The mandatory claim {name} from the JWT associated with the Authorisation header is missing"


BEGINNING: tuple[Row, ...] = (
    ("claim-missing", _missing("iss"), _without("iss")),
    ("claim-missing", _missing("aud"), _with(aud=" \t")),
    ("claim-missing", _missing("iat"), _with(iat="1767225900")),
    ("claim-missing", _missing("exp"), _without("exp")),
    ("lifetime", "exp 1767226199 must be 5 minutes greater than iat 1767225900", _with(iat=1_767_225_900, exp=1_767_226_199)),
    ("time", "iat 1767225000 must be in the past or now and exp 1767225300 must be in the future or now", _with(iat=1_767_225_000, exp=1_767_225_300)),
    ("audience", "aud must be the URL of the API endpoint", _with(aud="https://elsewhere.example")),
    ("claim-missing", _missing("sub"), _without("sub")),
)
END: tuple[Row, ...] = (
    ("asid-unknown", "The ASID defined in the requesting_system (299999999999) is unknown", lambda c: c.update(requesting_system=c["requesting_system"][:-12] + "299999999999")),
    ("claim-missing", _missing("reason_for_request"), _without("reason_for_request")),
    ("reason", "reason_for_request (secondaryuses) must be 'directcare'", _with(reason_for_request="secondaryuses")),
    ("claim-missing", _missing("scope"), _with(scope="")),
    ("scope", "scope (patient/Documentreference.read) must match patient/DocumentReference.read", _with(scope="patient/Documentreference.read")),
    ("claim-missing", _missing("requesting_organization"), _without("requesting_organization")),
    ("organisation-form", "requesting_organisation (https://fhir.nhs.uk/Id/ods-organization-code/Z9X01) must be of the form [https://fhir.nhs.uk/Id/ods-organization-code/[ODSCode]",
     _with(requesting_organization=ODS[:-1] + "/Z9X01")),
    ("ods-unknown", "The ODS code defined in the requesting_organisation(Z9X99) is unknown", _with(requesting_organization=ODS + "Z9X99")),
    ("asid-not-of-ods", "requesting_system ASID (200000100001) is not associated with the requesting_organisation ODS code (Z9X02)", _with(requesting_organization=ODS + "Z9X02")),
)
PROFESSIONAL: tuple[Row, ...] = (
    *BEGINNING,
    ("claim-missing", _missing("requesting_user"), _with(requesting_user="", sub=ROLE)),
    ("user-not-sub", f"requesting_user ({OTHER_ROLE}) and sub ({ROLE}) claim\u2019s values must match", _with(requesting_user=OTHER_ROLE, sub=ROLE)),
    ("user-form", "requesting_user (https://local.example/Id/user|1) must be of the form [https://fhir.nhs.uk/Id/sds-role-profile-id|[SDSRoleProfileID]]",
     _with(requesting_user="https://local.example/Id/user|1", sub="https://local.example/Id/user|1")),
    ("patient-form", "requesting_patient must be of the form [https://fhir.nhs.net/Id/nhs-number|[NHSNumber]]", _with(requesting_patient=PATIENT[:-1] + "9")),
    ("actor-form", "act.sub must be of the form [https://fhir.nhs.net/Id/nhs-number|[NHSNumber]]", _with(act={"sub": "9990000018"})),
    ("claim-missing", _missing("requesting_system"), _without("requesting_system")),
    ("system-form", "requesting_system (https://fhir.nhs.uk/Id/accredited-system|1) must be of the form [https://fhir.nhs.uk/Id/accredited-system/[ASID]]",
     _with(requesting_system="https://fhir.nhs.uk/Id/accredited-system|1")),
    ("claim-forbidden", "The claim requesting_patient from the JWT associated with the Authorisation header must not be present", _with(requesting_patient=PATIENT)),
    *END,
)
UNATTENDED: tuple[Row, ...] = (
    *BEGINNING,
    ("claim-missing", _missing("requesting_system"), _without("requesting_system")),
    ("system-not-sub", f"requesting_system ({SYSTEM[:-1]}2) and sub ({SYSTEM}) claim\u2019s values must match", _with(requesting_system=SYSTEM[:-1] + "2", sub=SYSTEM)),
    ("system-form", "requesting_system (urn:x|200000100001) must be of the form [https://fhir.nhs.uk/Id/accredited-system/[ASID]]",
     _with(requesting_system="urn:x|200000100001", sub="urn:x|200000100001")),
    ("asid-unknown", "The ASID defined in the requesting_system (299999999999) is unknown", _with(requesting_system=SYSTEM[:-12] + "299999999999", sub=SYSTEM[:-12] + "299999999999")),
    *END[1:4],
    ("scope", "scope (patient/DocumentReference.read) must match patient/DocumentReference.write", _with(scope="patient/DocumentReference.read")),
    *END[5:],
)
CITIZEN: tuple[Row, ...] = (
    *BEGINNING,
    ("patient-form", "requesting_patient must be of the form [https://fhir.nhs.net/Id/nhs-number|[NHSNumber]]", _with(requesting_patient=17, sub=PATIENT)),
    ("patient-not-sub", "requesting_patient and sub claim\u2019s values must match", _with(requesting_patient=PATIENT, sub=PATIENT[:-10] + "9990000026")),
    ("actor-form", "act.sub must be of the form [https://fhir.nhs.net/Id/nhs-number|[NHSNumber]]", _with(act="9990000026")),
    ("claim-missing", _missing("requesting_system"), _without("requesting_system")),
    ("system-form", "requesting_system (another value) must be of the form [https://fhir.nhs.uk/Id/accredited-system/[ASID]]", _with(requesting_system="another value")),
    ("claim-forbidden", "The claim requesting_user from the JWT associated with the Authorisation header must not be present", _with(requesting_user="")),
    END[0],
    END[1],
    ("reason", "reason_for_request (directcare) must be 'patientaccess'", _with(reason_for_request="directcare")),
    *END[3:],
)
CASES = [(kind, number) for kind, rows in (("claims", PROFESSIONAL), ("unattended", UNATTENDED), ("citizen", CITIZEN)) for number in range(len(rows))]
ROWS = {"claims": PROFESSIONAL, "unattended": UNATTENDED, "citizen": CITIZEN}


def _name(value: Any) -> str:
    return str(value)


def refused(claims: Claims, expected: Expected, now: datetime) -> Refusal:
    """Return the refusal of these claims as they come in a header."""
    with pytest.raises(SpineRefused) as caught:
        authorization.examine("Bearer " + compact(claims), expected, now)
    return caught.value.refusal


def expected_of(kind: str, directory: Any, **more: Any) -> Expected:
    """Return what an NRL route expects of this kind of caller."""
    interaction = CREATE if kind == "unattended" else READ
    return Expected(VARIANTS[VariantName.NRL], directory, interaction, audiences=frozenset({AUDIENCE}), **more)


@pytest.mark.parametrize(("kind", "number"), CASES, ids=_name)
def test_a_row_alone(kind: str, number: int, directory: Any, now: datetime, request: pytest.FixtureRequest) -> None:
    """One fault gives its row: 400, one envelope, the exact words; what may be recorded has nothing personal."""
    claims = request.getfixturevalue(kind)
    row, text, spoil = ROWS[kind][number]
    spoil(claims)
    found = refused(claims, expected_of(kind, directory), now)
    assert (found.reason.code, found.fill(found.reason.text)) == (f"spine-jwt-{row}", text)
    assert (found.reason.status, found.reason.fhir_code, found.reason.fhir_issue) == (400, "MISSING_OR_INVALID_HEADER", "structure")
    assert found.reason.headers == (("WWW-Authenticate", 'Bearer error="invalid_request"'),)
    told = f"{found.expected} {found.received}"
    assert "555000000" not in told
    assert "999000" not in told


@pytest.mark.parametrize(("kind", "number"), CASES, ids=_name)
def test_rows_in_order(kind: str, number: int, directory: Any, now: datetime, request: pytest.FixtureRequest) -> None:
    """With this row and every later one spoilt, this one answers."""
    claims = request.getfixturevalue(kind)
    for _, _, spoil in reversed(ROWS[kind][number:]):
        spoil(claims)
    found = refused(claims, expected_of(kind, directory), now)
    assert (found.reason.code, found.fill(found.reason.text)) == (f"spine-jwt-{ROWS[kind][number][0]}", ROWS[kind][number][1])


def test_every_row_is_met() -> None:
    """The tables above have every row of the checks, in the order of the checks."""
    order = [check.row for check in checks.CHECKS]
    assert {row[0] for rows in ROWS.values() for row in rows} == set(order)
    for rows in ROWS.values():
        places = iter(order)
        assert all(row[0] in places for row in rows), "a row is out of order"


def test_the_catalogue_is_in_the_order_of_the_checks() -> None:
    """The first place of each code is in order; the rows that other headers are needed for come last, those of the form first."""
    order = list(dict.fromkeys(check.row for check in checks.CHECKS))
    catalogue = [row.code.removeprefix("spine-jwt-") for row in SPINE_JWT]
    assert catalogue == ["missing", "sections", "body-empty", "malformed", *order, "asid-not-from", "scope-missing"]


@pytest.mark.parametrize("kind", ["claims", "unattended", "citizen"])
def test_honest_tokens(kind: str, directory: Any, now: datetime, request: pytest.FixtureRequest) -> None:
    """What they state is told apart, and the people in it are not printed."""
    claims = request.getfixturevalue(kind)
    found = authorization.examine("bearer  " + compact(claims), expected_of(kind, directory), now)
    assert (found.asid, found.organisation, found.subject) == ("200000100001", "Z9X01", claims["sub"])
    assert found.caller == {"claims": CallerKind.PROFESSIONAL, "unattended": CallerKind.UNATTENDED, "citizen": CallerKind.CITIZEN}[kind]
    assert (found.role, found.patient) == {"claims": ("555000000101", None), "unattended": (None, None), "citizen": (None, "9990000018")}[kind]
    assert "555000000" not in repr(found)
    assert "999000" not in repr(found)


def test_a_delegate(citizen: Claims, directory: Any, now: datetime) -> None:
    """A citizen may act for another."""
    found = authorization.examine("Bearer " + compact(citizen | {"act": {"sub": "https://fhir.nhs.net/Id/nhs-number|9990000026"}}), expected_of("citizen", directory), now)
    assert (found.caller, found.patient, found.actor) == (CallerKind.DELEGATED, "9990000018", "9990000026")


@pytest.mark.parametrize("system", ["http://fhir.nhs.net/Id/nhs-number", "https://fhir.nhs.uk/Id/nhs-number"])
def test_every_system_of_nhs_numbers(system: str, citizen: Claims, directory: Any, now: datetime) -> None:
    """All three are taken (spec README rule 20)."""
    patient = f"{system}|9990000018"
    assert authorization.examine("Bearer " + compact(citizen | {"sub": patient, "requesting_patient": patient}), expected_of("citizen", directory), now).patient == "9990000018"


@pytest.mark.parametrize(("header", "row", "text"), [
    (None, "missing", "The Authorisation header must be supplied"),
    ("", "missing", "The Authorisation header must be supplied"),
    ("   ", "missing", "The Authorisation header must be supplied"),
    ("Basic dTpw", "malformed", "The Authorisation header must be supplied as a valid JWT."),
    ("Bearer", "sections", "The JWT associated with the Authorisation header must have the 3 sections"),
    ("Bearer a.b", "sections", "The JWT associated with the Authorisation header must have the 3 sections"),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30", "sections", "The JWT associated with the Authorisation header must have the 3 sections"),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.sig", "sections", "The JWT associated with the Authorisation header must have the 3 sections"),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0..", "body-empty", "The JWT associated with the Authorisation header must have a body of claims."),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30x.", "malformed", "The Authorisation header must be supplied as a valid JWT."),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30., Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.", "sections", "The JWT associated with the Authorisation header must have the 3 sections"),
    ("Bearer " + "x" * 1_000_000, "malformed", "The Authorisation header must be supplied as a valid JWT."),
])
def test_the_header(header: str | None, row: str, text: str, directory: Any, now: datetime) -> None:
    """Rows 1 to 4, before any claim."""
    with pytest.raises(SpineRefused) as caught:
        authorization.examine(header, expected_of("claims", directory), now)
    assert (caught.value.refusal.reason.code, caught.value.refusal.reason.text) == (f"spine-jwt-{row}", text)
    assert str(caught.value) == f"spine-jwt-{row}"


@pytest.mark.parametrize(("change", "row", "claim"), [
    ({"exp": 1e999}, "claim-missing", "exp"), ({"exp": 1_767_226_200.0}, "claim-missing", "exp"), ({"iat": True}, "claim-missing", "iat"),
    ({"iat": None}, "claim-missing", "iat"), ({"exp": -1}, "claim-missing", "exp"), ({"exp": 10**4000}, "claim-missing", "exp"), ({"iss": ["https://a.example"]}, "claim-missing", "iss"),
    ({"iss": "\u2003\u00a0"}, "claim-missing", "iss"), ({"aud": {"url": "https://a.example"}}, "claim-missing", "aud"), ({"sub": 5}, "claim-missing", "sub"),
    ({"scope": ["patient/DocumentReference.read"]}, "claim-missing", "scope"), ({"requesting_organization": None}, "claim-missing", "requesting_organization"),
    ({"requesting_user": 5}, "user-not-sub", ""), ({"requesting_practitioner": OTHER_ROLE}, "user-not-sub", ""), ({"requesting_organization": {"value": "Z9X01"}}, "organisation-form", ""),
    ({"requesting_organization": ODS + "z9x01"}, "ods-unknown", ""), ({"requesting_organization": ODS + "Z9X01 "}, "organisation-form", ""),
    ({"requesting_organization": ODS + "\u0417\u0039X01"}, "organisation-form", ""), ({"requesting_organization": ODS + "Z9X01|Z9X02"}, "organisation-form", ""),
    ({"requesting_system": SYSTEM + "\n"}, "system-form", ""), ({"requesting_system": SYSTEM.replace("2", "\u0662")}, "system-form", ""),
    ({"requesting_system": SYSTEM.replace("https", "http")}, "system-form", ""), ({"scope": "patient/DocumentReference.read patient/DocumentReference.read"}, "scope", ""),
    ({"scope": "patient/*.read"}, "scope", ""), ({"reason_for_request": "DirectCare"}, "reason", ""), ({"act": {}}, "actor-form", ""),
])
def test_odd_values(change: Claims, row: str, claim: str, claims: Claims, directory: Any, now: datetime) -> None:
    """Numbers as text, fractions, huge numbers, other alphabets and lists are each refused by their row."""
    reading = UnsecuredClaims(claims | change)
    with pytest.raises(SpineRefused) as caught:
        checks.check(reading, expected_of("claims", directory), now)
    found = caught.value.refusal
    assert (found.reason.code, found.values.get("claim", "")) == (f"spine-jwt-{row}", claim)


def test_long_and_unprintable_values_are_not_repeated(claims: Claims, directory: Any, now: datetime) -> None:
    """An answer repeats at most 200 characters, none of them a control."""
    found = refused(claims | {"reason_for_request": "\u202e\x00" + "x" * 5_000}, expected_of("claims", directory), now)
    said = found.fill(found.reason.text)
    assert len(said) < 300
    assert said.startswith("reason_for_request (\ufffd\ufffdxxx")


def test_bars_may_be_escaped(claims: Claims, directory: Any, now: datetime) -> None:
    """%7C stands for a bar, in either case of letters."""
    escaped = {"requesting_system": SYSTEM.replace("|", "%7C"), "requesting_organization": (ODS + "Z9X01").replace("|", "%7c")}
    found = authorization.examine("Bearer " + compact(claims | escaped), expected_of("claims", directory), now)
    assert (found.asid, found.organisation) == ("200000100001", "Z9X01")


def test_a_practitioner_is_a_user(claims: Claims, directory: Any, now: datetime) -> None:
    """The other name of requesting_user is read as well."""
    claims["requesting_practitioner"] = claims.pop("requesting_user")
    assert authorization.examine("Bearer " + compact(claims), expected_of("claims", directory), now).role == "555000000101"


def test_a_reader_needs_a_user(unattended: Claims, directory: Any, now: datetime) -> None:
    """A system alone may write pointers, and not read them."""
    found = refused(unattended | {"scope": "patient/DocumentReference.read"}, expected_of("claims", directory), now)
    assert found.values == {"claim": "requesting_user"}


@pytest.mark.parametrize("kind", ["unattended", "citizen"])
def test_reasonable_adjustments_needs_a_user(kind: str, directory: Any, now: datetime, request: pytest.FixtureRequest) -> None:
    """Nobody else may call it (spine 12)."""
    found = refused(request.getfixturevalue(kind) | {"reason_for_request": "directcare"}, Expected(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS], directory), now)
    assert (found.reason.code, found.values) == ("spine-jwt-claim-missing", {"claim": "requesting_user"})


def test_without_a_derived_interaction(claims: Claims, unattended: Claims, directory: Any, now: datetime) -> None:
    """Either scope is exact, and the words name both."""
    expected = Expected(VARIANTS[VariantName.NRL], directory)
    for honest in (claims | {"requesting_user": ROLE, "sub": ROLE}, claims | {"requesting_user": ROLE, "sub": ROLE, "scope": "patient/DocumentReference.write"}, unattended):
        assert authorization.examine("Bearer " + compact(honest), expected, now).scopes == (honest["scope"],)
    found = refused(unattended | {"scope": "x.write"}, expected, now)
    assert found.fill(found.reason.text) == "scope (x.write) must match patient/DocumentReference.[read or write]"


def test_retrieval(claims: Claims, directory: Any, now: datetime) -> None:
    """Records are asked for with a scope of their own; a provider behind the proxy has no register to ask."""
    expected = Expected(VARIANTS[VariantName.NRL_RETRIEVAL], interaction=find("urn:nhs:names:services:nrl:DocumentReference.content.read"))
    stranger = claims | {"scope": "patient/*.read", "requesting_organization": ODS + "ZZZ99", "requesting_system": SYSTEM[:-1] + "9"}
    assert authorization.examine("Bearer " + compact(stranger), expected, now).organisation == "ZZZ99"
    found = refused(claims, expected, now)
    assert found.fill(found.reason.text) == "scope (patient/DocumentReference.read) must match patient/*.read"


@pytest.mark.parametrize(("name", "change", "row"), [
    (VariantName.SPINE_CORE, {"reason_for_request": "secondaryuses"}, None), (VariantName.SPINE_CORE, {"requesting_organization": ""}, None),
    (VariantName.SPINE_CORE, {"requesting_user": "https://local.example/Id/user-id|jo", "sub": "https://local.example/Id/user-id|jo"}, None),
    (VariantName.SPINE_CORE, {"requesting_user": "jo", "sub": "jo"}, "user-form"), (VariantName.SPINE_CORE, {"requesting_user": ROLE + "x", "sub": ROLE + "x"}, "user-form"),
    (VariantName.SPINE_CORE, {"reason_for_request": "research"}, "reason"), (VariantName.REASONABLE_ADJUSTMENTS, {"reason_for_request": "patientaccess"}, "reason"),
    (VariantName.REASONABLE_ADJUSTMENTS, {"requesting_organization": ""}, "claim-missing"), (VariantName.NEMS_SUBSCRIBE, {"requesting_organization": ""}, "claim-missing"),
    (VariantName.NEMS_PUBLISH, {"requesting_organization": ODS + "Z9X02"}, "asid-not-of-ods"), (VariantName.NEMS_PUBLISH, {}, None), (VariantName.NEMS_SUBSCRIBE, {}, None),
])
def test_variants_differ(name: VariantName, change: Claims, row: str | None, claims: Claims, directory: Any, now: datetime) -> None:
    """Spine 2.4: what one variant takes another refuses."""
    expected = Expected(VARIANTS[name], directory)
    if row is None:
        assert authorization.examine("Bearer " + compact(claims | change), expected, now).variant is name
    else:
        assert refused(claims | change, expected, now).reason.code == f"spine-jwt-{row}"


def test_reasons_in_words(claims: Claims, directory: Any, now: datetime) -> None:
    """Several allowed reasons are all named."""
    found = refused(claims | {"reason_for_request": "research"}, Expected(VARIANTS[VariantName.SPINE_CORE], directory), now)
    assert found.fill(found.reason.text) == "reason_for_request (research) must be 'directcare', 'secondaryuses' or 'patientaccess'"


NOT_OF_BOOKINGS = {"scope", "claim-forbidden", "reason", "user-form"}
"""A booking has no exact scope, and takes any reason and users of the caller's own."""
OF_BOOKINGS = [number for number, (row, text, _) in enumerate(PROFESSIONAL) if row not in NOT_OF_BOOKINGS and "requesting_organization from" not in text]


@pytest.mark.parametrize("number", OF_BOOKINGS)
def test_bookings_answer_403(number: int, claims: Claims, directory: Any, now: datetime) -> None:
    """The same rows with another status (spine 2.4)."""
    row, _, spoil = PROFESSIONAL[number]
    spoil(claims)
    found = refused(claims, Expected(VARIANTS[VariantName.BOOKING], directory, audiences=frozenset({AUDIENCE})), now)
    assert (found.reason.code, found.reason.status) == (f"booking-jwt-{row}", 403)


@pytest.mark.parametrize("code", ["missing", "sections", "body-empty", "malformed"])
def test_bookings_answer_403_to_the_header(code: str, directory: Any, now: datetime) -> None:
    """Form as well."""
    header = {"missing": None, "sections": "Bearer a", "body-empty": "Bearer a..", "malformed": "Bearer a.b."}[code]
    with pytest.raises(SpineRefused) as caught:
        authorization.examine(header, Expected(VARIANTS[VariantName.BOOKING], directory), now)
    assert (caught.value.refusal.reason.code, caught.value.refusal.reason.status) == (f"booking-jwt-{code}", 403)


def _stated(**more: Any) -> Stated:
    values: dict[str, Any] = {"scopes": ("user/Flag.read",), "asid": "200000100001"} | more
    return Stated(VariantName.SPINE_CORE, CallerKind.PROFESSIONAL, "i", "a", "s", "directcare", **values)


def test_row_14() -> None:
    """The header's ASID is the token's."""
    checks.check_from_asid(_stated(), "200000100001")
    with pytest.raises(SpineRefused) as caught:
        checks.check_from_asid(_stated(), "200000100002")
    found = caught.value.refusal
    assert found.fill(found.reason.text) == "The ASID defined in the requesting_system (200000100001) does not match the FromASID in the request"


def test_row_10() -> None:
    """All scopes of the interaction, or by setting one of them; an interaction without any asks for none."""
    flag, remove = (find(f"urn:nhs:names:services:raflags:{name}:1") for name in ("Flag.write", "removerarecord.write"))
    with pytest.raises(SpineRefused) as caught:
        checks.check_scopes(_stated(), flag)
    found = caught.value.refusal
    assert (found.reason.code, found.fill(found.reason.text)) == ("spine-jwt-scope-missing", "Required scopes not found in token (user/Flag.write)")
    checks.check_scopes(_stated(scopes=("a", "user/Flag.write")), flag)
    with pytest.raises(SpineRefused):
        checks.check_scopes(_stated(scopes=("user/Flag.write",)), remove)
    checks.check_scopes(_stated(scopes=("user/Flag.write",)), remove, any_one=True)
    with pytest.raises(SpineRefused):
        checks.check_scopes(_stated(), remove, any_one=True)
    checks.check_scopes(_stated(scopes=()), find("urn:nhs:names:services:careconnect:fhir:rest:search:slot"), any_one=True)


@pytest.mark.parametrize(("kind", "number"), CASES, ids=_name)
def test_the_doctor_agrees(kind: str, number: int, directory: Any, now: datetime, request: pytest.FixtureRequest) -> None:
    """It tells the same row last, every row before it as holding, and no one's number."""
    claims = request.getfixturevalue(kind)
    row, _, spoil = ROWS[kind][number]
    honest = authorization.explain("Bearer " + compact(claims), expected_of(kind, directory), now)
    assert all(result.holds and result.expected and result.received for result in honest)
    spoil(claims)
    told = authorization.explain("Bearer " + compact(claims), expected_of(kind, directory), now)
    assert (told[-1].code, told[-1].holds) == (f"spine-jwt-{row}", False)
    assert all(result.holds for result in told[:-1])
    assert {result.code for result in told} <= set(CATALOGUE)
    assert "555000000" not in str(told)
    assert "999000" not in str(told)


def test_the_doctor_and_no_token(directory: Any, now: datetime) -> None:
    """Form is one row."""
    (only,) = authorization.explain("Bearer a.b", expected_of("claims", directory), now)
    assert (only.code, only.holds, only.received) == ("spine-jwt-sections", False, "2 sections, without the dot at the end")
