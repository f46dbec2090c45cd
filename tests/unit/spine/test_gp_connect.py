"""GP Connect's token: its rows alone, in exact words, and in order (spine 2.6)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.refusals import CATALOGUE, Refusal
from wardgate.spine import authorization, gp_connect
from wardgate.spine.errors import SpineRefused
from wardgate.spine.gp_resources import is_sound
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.stated import Expected
from wardgate.spine.unsecured import UnsecuredClaims, compact
from wardgate.spine.variants import VARIANTS, VariantName

Claims = dict[str, Any]
READ = find("urn:nhs:names:services:gpconnect:fhir:rest:read:patient-1")
NEW = Expected(VARIANTS[VariantName.GP_CONNECT_1], interaction=READ)
OLD = Expected(VARIANTS[VariantName.GP_CONNECT_0])
RECORD = {"resourceType": "Patient", "identifier": [{"system": "http://fhir.nhs.net/Id/nhs-number", "value": "9990000018"}]}


def _with(**values: Any) -> Callable[[Claims], Any]:
    return lambda claims: claims.update(values)


def _within(claim: str, **values: Any) -> Callable[[Claims], Any]:
    def spoil(claims: Claims) -> None:
        if isinstance(claims.get(claim), dict):
            claims[claim] = claims[claim] | values

    return spoil


ROWS: tuple[tuple[str, str, Callable[[Claims], Any]], ...] = (
    ("requested-record", "JWT claim requested_record should not be present", _with(requested_record=RECORD)),
    *(("claim-missing", f"JWT required claim {name} is not present", lambda claims, name=name: claims.pop(name, None)) for name in gp_connect.REQUIRED),
    ("resource", "JWT claim requesting_device is not a valid Device resource", _within("requesting_device", resourceType="InvalidResourceType")),
    ("resource", "JWT claim requesting_organization is not a valid Organization resource", _within("requesting_organization", invalidField="x")),
    ("resource", "JWT claim requesting_practitioner is not a valid Practitioner resource", _within("requesting_practitioner", name={"family": "Black"})),
    *(("claim-null", f"JWT JSON entry incomplete: claim {name} is null.", _with(**{name: None})) for name in gp_connect.REQUIRED),
    ("claim-null", "JWT JSON entry incomplete: claim requesting_device.identifier is null.", lambda claims: claims["requesting_device"] and claims["requesting_device"].pop("identifier")),
    ("claim-null", "JWT JSON entry incomplete: claim requesting_organization.identifier (ODS) is null.", _within("requesting_organization", identifier=[])),
    ("claim-null", "JWT JSON entry incomplete: claim requesting_practitioner.name.family is null.", _within("requesting_practitioner", name=[{"given": ["Sue"]}])),
    ("claim-null", "JWT JSON entry incomplete: claim requesting_practitioner.identifier (SDS) is null.",
     _within("requesting_practitioner", identifier=[{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": " "}])),
    ("claim-invalid", "JWT claim iss is not valid", _with(iss=" ")),
    ("claim-invalid", "JWT claim exp is not valid", _with(exp="1767226200")),
    ("claim-invalid", "JWT claim requesting_organization is not valid",
     _within("requesting_organization", identifier=[{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "no code"}])),
    ("iat", "JWT Creation time is in the future", _with(iat=1_767_226_600, exp=1_767_226_900)),
    ("lifetime", "JWT expiry time is not 5 minutes after the creation time", _with(iat=1_767_225_900, exp=1_767_226_201)),
    ("expired", "JWT Request time has expired", _with(iat=1_767_225_400, exp=1_767_225_700)),
    ("reason", "JWT Reason for request is not directcare", _with(reason_for_request="secondaryuses")),
    ("practitioner", "JWT Practitioner ids do not match!", _with(sub="10020")),
    ("scope", "JWT Bad Request Exception Invalid requested scope: patient/*.write", _with(requested_scope="patient/*.write")),
    ("audience", "JWT claim aud is not valid", _with(aud="https://elsewhere.example")),
)
AT_PROVIDER = Expected(VARIANTS[VariantName.GP_CONNECT_1], interaction=READ, audiences=frozenset({"https://provider.example.thirdparty.nhs.uk/Z9X02/STU3/1/gpconnect"}))


def refused(claims: Claims, expected: Expected, now: datetime) -> Refusal:
    """Return the refusal of these claims as they come in a header."""
    with pytest.raises(SpineRefused) as caught:
        authorization.examine("Bearer " + compact(claims), expected, now)
    return caught.value.refusal


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_row_alone(number: int, gp_claims: Claims, now: datetime) -> None:
    """One fault gives its row: 400 BAD_REQUEST, or 422 INVALID_RESOURCE for what is no resource, in the exact words."""
    row, text, spoil = ROWS[number]
    spoil(gp_claims)
    found = refused(gp_claims, AT_PROVIDER, now)
    assert (found.reason.code, found.fill(found.reason.text)) == (f"gp-connect-jwt-{row}", text)
    assert (found.reason.status, found.reason.fhir_code) == ((422, "INVALID_RESOURCE") if row == "resource" else (400, "BAD_REQUEST"))
    assert "10019" not in f"{found.expected} {found.received}"


def _blocks() -> list[list[int]]:
    """Return the rows by their place in the order: of the rows of one place, one fault at a time is asked."""
    places: list[list[int]] = []
    for number, row in enumerate(ROWS):
        if places and ROWS[places[-1][0]][0] == row[0]:
            places[-1].append(number)
        else:
            places.append([number])
    return places


@pytest.mark.parametrize("place", range(len(_blocks())))
def test_rows_in_order(place: int, gp_claims: Claims, now: datetime) -> None:
    """With a row of this place spoilt and one of every later place, this one answers."""
    for number in [block[-1] for block in reversed(_blocks()[place + 1:])]:
        ROWS[number][2](gp_claims)
    for number in _blocks()[place]:
        spoilt = dict(gp_claims)
        ROWS[number][2](spoilt)
        found = refused(spoilt, AT_PROVIDER, now)
        assert found.reason.code == f"gp-connect-jwt-{ROWS[number][0]}"


def test_every_row_is_met_in_order() -> None:
    """The table above has every row of the checks, in their order."""
    assert list(dict.fromkeys(row[0] for row in ROWS)) == [check.row for check in gp_connect.CHECKS]


@pytest.mark.parametrize(("header", "row", "text"), [
    (None, "missing", "Authorization header missing"), (" ", "missing", "Authorization header missing"), ("Basic dTpw", "scheme", "Authorization header invalid"),
    ("Bearer ", "scheme", "Authorization header invalid"), ("Bearer e30=.e30.", "padded", "JWT must be encoded using Base64URL. Padding is not allowed"),
    ("Bearer a+b", "padded", "JWT must be encoded using Base64URL. Padding is not allowed"), ("Bearer a/b.c.d.e", "padded", "JWT must be encoded using Base64URL. Padding is not allowed"),
    ("Bearer a", "blocks", "Invalid number of JWT base 64 blocks 1"), ("Bearer a.b.c", "blocks", "Invalid number of JWT base 64 blocks 3"), ("Bearer a..", "blocks", "Invalid number of JWT base 64 blocks 1"),
    ("Bearer a.b.", "base64", "JWT is not Base 64"), ("Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.", "header-value", "Invalid JWT header alg value RS256"),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoiMSJ9.e30.", "header-value", "Invalid JWT header kid value 1"),
    ("Bearer eyJhbGciOiJub25lIn0.e30.", "header-key", "Missing JWT Header key typ"), ("Bearer e30.e30.", "header-key", "Missing JWT Header key alg"),
    ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.W10.", "not-json", "Invalid WebToken"), ("Bearer " + "x" * 100_000, "scheme", "Authorization header invalid"),
])
def test_the_header(header: str | None, row: str, text: str, now: datetime) -> None:
    """Form comes first, standard base64 before the number of blocks."""
    with pytest.raises(SpineRefused) as caught:
        authorization.examine(header, NEW, now)
    found = caught.value.refusal
    assert (found.reason.code, found.fill(found.reason.text)) == (f"gp-connect-jwt-{row}", text)


def test_an_honest_token(gp_claims: Claims, now: datetime) -> None:
    """Who, from where, with what; nobody's name is printed."""
    found = authorization.examine("Bearer " + compact(gp_claims), AT_PROVIDER, now)
    assert (found.subject, found.organisation, found.user, found.role, found.asid) == ("10019", "Z9X01", "UNK", None, None)
    assert dict(found.extra) == {"device": "EPR", "organisation": "Example Surgery", "practitioner": "Sue Black"}
    assert "Black" not in repr(found)


def test_identifiers_that_consumers_omit(gp_claims: Claims, now: datetime) -> None:
    """The role profile and the local identifier may be absent."""
    practitioner = gp_claims["requesting_practitioner"]
    practitioner["identifier"] = practitioner["identifier"][:1]
    assert authorization.examine("Bearer " + compact(gp_claims), NEW, now).role is None


@pytest.mark.parametrize(("scope", "reason", "holds"), [
    ("patient/*.read conf/N", "directcare", True), ("conf/N patient/*.read", "directcare", True), ("patient/*.read conf/R", "directcare", False),
    ("patient/*.read conf/R", "migration", True), ("patient/*.read conf/N conf/R", "migration", False), ("conf/N", "directcare", False),
    ("patient/*.read patient/*.write", "directcare", False), ("patient/*.read  conf/N", "directcare", False), ("organization/*.read", "directcare", False),
    ("patient/*.READ", "directcare", False), ("*/*.read", "directcare", False),
])
def test_scopes(scope: str, reason: str, holds: bool, gp_claims: Claims, now: datetime) -> None:
    """One scope of the interaction, and at most one conf token; the restricted one is for migration."""
    stated = gp_claims | {"requested_scope": scope, "reason_for_request": reason}
    if holds:
        assert authorization.examine("Bearer " + compact(stated), NEW, now).scopes == tuple(scope.split())
    else:
        assert refused(stated, NEW, now).reason.code == "gp-connect-jwt-scope"


def _old(claims: Claims) -> Claims:
    organization = claims["requesting_organization"] | {"identifier": [{"system": "http://fhir.nhs.net/Id/ods-organization-code", "value": "Z9X01"}]}
    practitioner = claims["requesting_practitioner"] | {
        "name": {"family": ["Black"], "given": ["Sue"]}, "identifier": [{"system": "http://fhir.nhs.net/sds-user-id", "value": "G13579135"}]}
    return claims | {"aud": "https://authorize.fhir.nhs.net/token", "requesting_organization": organization, "requesting_practitioner": practitioner, "requested_record": RECORD}


def test_old_tokens(gp_claims: Claims, now: datetime) -> None:
    """Before release 1: the record is named, the audience fixed, the systems and names of DSTU2."""
    found = authorization.examine("Bearer " + compact(_old(gp_claims)), OLD, now)
    assert (found.patient, found.organisation, found.user) == ("9990000018", "Z9X01", "G13579135")


@pytest.mark.parametrize(("change", "row"), [
    ({"requested_record": None}, "claim-null"), ({"aud": "https://provider.example"}, "audience"), ({"requested_record": {"resourceType": "Device"}}, "resource"),
    ({"requested_record": "9990000018"}, "resource"),
])
def test_old_tokens_refused(change: Claims, row: str, gp_claims: Claims, now: datetime) -> None:
    """Their rules are their own."""
    assert refused(_old(gp_claims) | change, OLD, now).reason.code == f"gp-connect-jwt-{row}"
    assert refused({name: value for name, value in _old(gp_claims).items() if name != "requested_record"}, OLD, now).values == {"claim": "requested_record"}
    assert refused(gp_claims | {"requested_record": RECORD}, OLD, now).reason.code == "gp-connect-jwt-resource"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["resourceType", "identifier", "name", "system", "value", "family", "given", "id", "model", "x"]), inner, max_size=5), max_leaves=12),
    st.sampled_from(["requesting_device", "requesting_organization", "requesting_practitioner"]))
def test_anything_embedded_is_answered(value: Any, claim: str) -> None:
    """Whatever stands in a claim, the answer is a row."""
    moment = datetime.fromtimestamp(1_767_226_000).astimezone()
    stated = {"iss": "i", "sub": "1", "aud": "a", "exp": 1_767_226_200, "iat": 1_767_225_900, "reason_for_request": "directcare", "requested_scope": "patient/*.read",
              "requesting_device": None, "requesting_organization": None, "requesting_practitioner": None}  # fmt: skip
    with pytest.raises(SpineRefused) as caught:
        gp_connect.check(UnsecuredClaims(stated | {claim: value}), NEW, moment)
    assert caught.value.refusal.reason.code in {"gp-connect-jwt-resource", "gp-connect-jwt-claim-null"}


@pytest.mark.parametrize("resource", [None, [], "Device", {}, {"resourceType": "Device", "model": 5}, {"resourceType": "Device", "identifier": {}},
                                      {"resourceType": "Device", "identifier": [None]}, {"resourceType": "Device", "id": "no id"}, {"resourceType": "Device", "type": None}])
def test_what_is_no_device(resource: Any) -> None:
    """Members, types and nulls are looked at."""
    assert not is_sound(resource, "Device", old=False)


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_the_doctor_agrees(number: int, gp_claims: Claims, now: datetime) -> None:
    """It tells the same row last."""
    row, _, spoil = ROWS[number]
    assert all(result.holds for result in authorization.explain("Bearer " + compact(gp_claims), AT_PROVIDER, now))
    spoil(gp_claims)
    told = authorization.explain("Bearer " + compact(gp_claims), AT_PROVIDER, now)
    assert (told[-1].code, told[-1].holds) == (f"gp-connect-jwt-{row}", False)
    assert {result.code for result in told} <= set(CATALOGUE)


def test_the_doctor_and_no_token(now: datetime) -> None:
    """Form is one row."""
    (only,) = authorization.explain("Bearer a.b", NEW, now)
    assert (only.code, only.holds) == ("gp-connect-jwt-blocks", False)
