"""Organisations and systems: the spelling of their identifiers."""

from typing import Any

import pytest
from pydantic import ValidationError

from wardgate.directory import Organisation, System

SYSTEM = {"asid": "200000000115", "organisation": "Z9X01"}


def test_the_least_that_is_needed() -> None:
    """Everything else has a default; documents are frozen."""
    system = System.model_validate(SYSTEM)
    assert (system.fqdn, system.party_key, system.interactions, system.product) == (None, None, (), "")
    assert Organisation(ods="Y", name="N").active
    with pytest.raises(ValidationError):
        system.fqdn = "x.nhs.uk"  # type: ignore[misc]


@pytest.mark.parametrize("changes", [
    {"asid": "20000000011"}, {"asid": "2000000001150"}, {"asid": "20000000011x"}, {"asid": 200000000115}, {"asid": "200000000115\n"},
    {"organisation": ""}, {"organisation": "ABCDEFGHIJ"}, {"organisation": "Z-1"}, {"fqdn": "host"}, {"fqdn": "Host.nhs.uk"},
    {"fqdn": "-a.nhs.uk"}, {"fqdn": "a..nhs.uk"}, {"fqdn": "a.nhs.uk."}, {"fqdn": "*.nhs.uk"}, {"fqdn": "a." * 130 + "uk"},
    {"party_key": "Z9X01"}, {"party_key": "Z9X01-1234"}, {"party_key": "Z9X01-1234567890"}, {"interactions": ["with space"]},
    {"interactions": ["x" * 301]}, {"product": "two\nlines"}, {"product": "x" * 201}, {"unknown": 1},
])
def test_refused_systems(changes: dict[str, Any]) -> None:
    """Spec README rules 21 and 24: each of these is no system."""
    with pytest.raises(ValidationError):
        System.model_validate(SYSTEM | changes)


@pytest.mark.parametrize("changes", [{"ods": "z 1"}, {"name": ""}, {"name": "a\u001bb"}, {"active": 1}, {"active": "true"}])
def test_refused_organisations(changes: dict[str, Any]) -> None:
    """Control characters and things that could be taken for true are refused."""
    with pytest.raises(ValidationError):
        Organisation.model_validate({"ods": "Y", "name": "N"} | changes)
