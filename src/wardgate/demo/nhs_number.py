"""NHS numbers: ten digits, the last a check digit. The demo's begin with 9, which is kept for tests."""

from typing import Final

SYSTEM: Final = "https://fhir.nhs.uk/Id/nhs-number"


def check_digit(first_nine: str) -> int | None:
    """Return the check digit by modulus 11, or None for nine digits that no NHS number begins with."""
    digit = 11 - sum(int(number) * weight for number, weight in zip(first_nine, range(10, 1, -1), strict=True)) % 11
    return {10: None, 11: 0}.get(digit, digit)


def is_nhs_number(text: str) -> bool:
    """Return whether `text` is ten digits with the right check digit."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()):
        return False
    return check_digit(text[:9]) == int(text[9])
