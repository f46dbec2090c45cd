"""The catalogue: one table, each code once."""

from pathlib import Path

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


@pytest.mark.parametrize("area", Area)
def test_every_area_has_a_table_of_requests_on_the_wire(area: Area) -> None:
    """A new area without one would be met by nobody; within an area, those tables fail for a row that no request produces."""
    tests = Path(__file__).parents[2]
    asked = [path for folder in ("wire", "system") for path in (tests / folder).rglob("test_*.py")]
    assert [path.name for path in asked if f"Area.{area.name}" in path.read_text()]


def test_a_code_outside_the_catalogue_is_an_error() -> None:
    """Nothing refuses for a reason that nobody can look up."""
    with pytest.raises(KeyError):
        reason("because")


def test_the_catalogue_cannot_be_changed() -> None:
    """It is read-only."""
    with pytest.raises(TypeError):
        CATALOGUE["x"] = GATEWAY[0]  # type: ignore[index]
