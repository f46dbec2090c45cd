"""The catalogue: one table, each code once."""

import pytest

from wardgate.refusals import CATALOGUE, Area, reason
from wardgate.refusals.catalogue import _by_code
from wardgate.refusals.gateway import GATEWAY


def test_a_code_appears_once() -> None:
    """Two rows with one code stop the program."""
    with pytest.raises(ValueError, match="two refusals have the code api-key-missing"):
        _by_code(GATEWAY, GATEWAY[:1])


def test_every_area_has_reasons() -> None:
    """No table is empty, and codes are words joined by hyphens."""
    assert {found.area for found in CATALOGUE.values()} == set(Area)
    assert all(code == found.code and code.replace("-", "").isalnum() and code.islower() for code, found in CATALOGUE.items())


def test_a_code_outside_the_catalogue_is_an_error() -> None:
    """Nothing refuses for a reason that nobody can look up."""
    with pytest.raises(KeyError):
        reason("because")


def test_the_catalogue_cannot_be_changed() -> None:
    """It is read-only."""
    with pytest.raises(TypeError):
        CATALOGUE["x"] = GATEWAY[0]  # type: ignore[index]
