"""Check digits of NHS numbers."""

import pytest

from wardgate.demo.fhir_resources import PEOPLE
from wardgate.demo.nhs_number import check_digit, is_nhs_number


@pytest.mark.parametrize(("text", "valid"), [
    ("9000000009", True), ("9434765919", True), ("4010232137", True), ("9000000010", False), ("900000000", False),
    ("90000000090", False), ("900000000a", False), ("٩٠٠٠٠٠٠٠٠٩", False), ("", False), ("9000000050", False),
])
def test_numbers(text: str, valid: bool) -> None:
    """Ten ASCII digits of which the last is right, and nothing else."""
    assert is_nhs_number(text) is valid


def test_remainder_of_ten_has_no_check_digit() -> None:
    """Some nine digits begin no NHS number; a sum of eleven means zero."""
    assert check_digit("900000005") is None
    assert check_digit("000000000") == 0


def test_the_sample_people_have_valid_numbers() -> None:
    """Every invented person can be asked for."""
    assert all(is_nhs_number(person.nhs_number) for person in PEOPLE)
