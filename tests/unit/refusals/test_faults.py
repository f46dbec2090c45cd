"""Faults follow from the tables of refusals: nothing is listed a second time, and what is asked for is read strictly."""

from dataclasses import replace

import pytest

from wardgate.refusals import CATALOGUE, Area
from wardgate.refusals.faults import (
    EXAMPLES,
    EXCEPTIONS,
    FAULTS,
    LONGEST_SECONDS,
    PREFIXES,
    TABLES,
    Endpoint,
    Moment,
    UnknownFault,
    example_values,
    faults_of,
    near,
    wanted,
)


def test_every_refusal_of_these_areas_is_a_fault() -> None:
    """The token endpoint, users' tokens, sign-in and the providers: whatever the catalogue has there can be asked for."""
    areas = {Area.TOKEN_ENDPOINT, Area.USER_TOKENS, Area.SIGN_IN, Area.PROVIDERS}
    assert {code for code, row in CATALOGUE.items() if row.area in areas} <= FAULTS.keys()
    assert all(fault.reason is None or fault.reason is CATALOGUE[name] for name, fault in FAULTS.items())


@pytest.mark.parametrize(("rows", "places"), TABLES)
def test_a_new_row_is_a_fault(rows: tuple, places: tuple) -> None:  # type: ignore[type-arg]
    """Of the endpoint of its table, without a word about it anywhere else."""
    new = replace(rows[0], code="something-new")
    (found,) = faults_of([((new,), places)])
    assert (found.name, found.endpoints, found.moments, found.reason) == ("something-new", *places, new)


def test_the_exceptions_are_about_rows_that_exist() -> None:
    """A row that went away takes its exception with it."""
    assert EXCEPTIONS.keys() <= FAULTS.keys()
    assert all(any(name.startswith(prefix) for name in FAULTS) for prefix in PREFIXES)


def test_every_endpoint_and_every_moment_has_faults() -> None:
    """None is named in vain; each fault is met somewhere, and its endpoints are of one side."""
    assert {endpoint for fault in FAULTS.values() for endpoint in fault.endpoints} == set(Endpoint)
    assert {moment for fault in FAULTS.values() for moment in fault.moments} == set(Moment)
    for fault in FAULTS.values():
        assert len({endpoint.startswith("provider ") for endpoint in fault.endpoints}) == 1


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.reason is not None and fault.reason.placeholders])
def test_every_placeholder_has_an_example(name: str) -> None:
    """The words of a fault have no braces in them; an application is named by the request."""
    row = FAULTS[name].reason
    assert row is not None
    given = {"application": "demo-app", "limit": "300", "interval": "1", "timeunit": "minute"}
    assert example_values(row, given).keys() == set(row.placeholders)
    assert set(row.placeholders) <= EXAMPLES.keys() | given.keys()
    assert example_values(replace(row, placeholders=("unheard-of",)), {}) == {"unheard-of": "unheard-of"}


@pytest.mark.parametrize(("text", "name", "seconds"), [
    ("code-invalid", "code-invalid", 5), ("slow", "slow", 5), ("slow; seconds=2", "slow", 2), ("idp-slow;seconds=0.25", "idp-slow", 0.25),
    ("idp-slow; seconds=20", "idp-slow", LONGEST_SECONDS),
])
def test_what_is_asked_for(text: str, name: str, seconds: float) -> None:
    """A name, and how long for one that takes time."""
    found = wanted(text)
    assert (found.fault.name, found.seconds) == (name, seconds)


@pytest.mark.parametrize("text", [
    "", " slow", "slow;", "slow; seconds=", "slow; seconds=-1", "slow; seconds=1e3", "slow; seconds=0", "slow; seconds=20.5", "slow; seconds=999", "slow; minutes=1",
    "code-invalid; seconds=1", "CODE-INVALID", "code-invalid,code-missing", "code-invalid\n", "a" * 61, "slow; seconds=" + "1" * 100,
])
def test_what_cannot_be_asked_for(text: str) -> None:
    """Anything else is refused, and not repeated in the refusal."""
    with pytest.raises(UnknownFault) as refused:
        wanted(text)
    assert not text or text.strip() not in refused.value.hint.split()


def test_near_names_are_named() -> None:
    """At most three, else where to look."""
    assert near("idp-consent-refuse").startswith(": did you mean idp-consent-refused or ")
    assert near("xyzzy") == ": wardgate faults list"
