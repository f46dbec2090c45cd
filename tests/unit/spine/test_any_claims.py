"""Whatever is stated, the answer is a row: no other exception, and nothing personal in what may be recorded."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wardgate.refusals import CATALOGUE
from wardgate.refusals.dialects import FORMS, body, xml_body
from wardgate.spine import authorization, checks, gp_connect
from wardgate.spine.errors import SpineRefused
from wardgate.spine.interaction_catalogue import INTERACTIONS
from wardgate.spine.stated import Expected
from wardgate.spine.unsecured import UnsecuredClaims, compact
from wardgate.spine.variants import VARIANTS, VariantName

NOW = datetime.fromtimestamp(1_767_226_000, UTC)
NAMES = ("iss", "sub", "aud", "exp", "iat", "reason_for_request", "scope", "requesting_system", "requesting_organization", "requesting_user",
         "requesting_practitioner", "requesting_patient", "act", "requested_scope", "requesting_device", "requested_record")  # fmt: skip
LIKELY = st.sampled_from([
    "https://fhir.nhs.uk/Id/sds-role-profile-id|555000000101", "https://fhir.nhs.uk/Id/accredited-system|200000100001", "https://fhir.nhs.net/Id/nhs-number|9990000018",
    "https://fhir.nhs.uk/Id/ods-organization-code|Z9X01", "directcare", "patientaccess", "patient/DocumentReference.read", "user/Flag.write", 1_767_225_900, 1_767_226_200, "",
    None, True, 10**300, float("inf"), {"sub": "https://fhir.nhs.net/Id/nhs-number|9990000026"}, [], {}, "|", "%7C", "a|b|c", "\ud800", "\x00", "x" * 10_000,
])  # fmt: skip
VALUES = LIKELY | st.text(max_size=20) | st.integers() | st.floats() | st.lists(LIKELY, max_size=2) | st.dictionaries(st.sampled_from(["sub", "system", "value"]), LIKELY, max_size=2)
CLAIMS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=16)


class Everything:
    """A register that knows one system and one organisation."""

    def organisations_of(self, asid: str) -> frozenset[str] | None:
        """Return whom the one system acts for."""
        return frozenset({"Z9X01"}) if asid == "200000100001" else None

    def knows_organisation(self, ods: str) -> bool:
        """Return whether it is the one."""
        return ods == "Z9X01"


@pytest.mark.parametrize("name", VariantName)
@given(CLAIMS, st.booleans(), st.none() | st.sampled_from(list(INTERACTIONS.values())))
@example({"exp": 10**300, "iat": 10**300 - 300}, False, None)
@settings(max_examples=60)
def test_any_claims(name: VariantName, claims: dict[str, Any], hop: bool, interaction: Any) -> None:
    """A row answers, or they are what the variant asks for; its words can be written in every form."""
    expected = Expected(VARIANTS[name], Everything(), interaction)
    token = UnsecuredClaims(claims, trusted_hop=hop)
    try:
        stated = gp_connect.check(token, expected, NOW) if expected.variant.is_gp_connect else checks.check(token, expected, NOW)
    except SpineRefused as refused:
        found = refused.refusal
    else:
        assert stated.variant is name
        return
    told = f"{found.expected} {found.received}"
    assert found.reason.code in CATALOGUE
    assert "5550000001" not in told
    assert "99900000" not in told
    assert len(told) < 1_000
    for dialect in FORMS:
        assert len(str(body(dialect, found.reason, found.fill, "id"))) < 4_000
        assert xml_body(dialect, found.reason, found.fill, "id").decode("utf-8").isprintable()


@pytest.mark.parametrize("name", VariantName)
@given(st.dictionaries(st.sampled_from(NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.integers(0, 10) | st.none(), max_size=16))
@settings(max_examples=40)
def test_the_doctor_and_the_server_agree(name: VariantName, claims: dict[str, Any]) -> None:
    """The doctor's last row is the server's answer."""
    expected = Expected(VARIANTS[name], Everything())
    told = authorization.explain("Bearer " + compact(claims), expected, NOW)
    with pytest.raises(SpineRefused) as refused:
        authorization.examine("Bearer " + compact(claims), expected, NOW)
    assert told[-1].code == refused.value.refusal.reason.code
