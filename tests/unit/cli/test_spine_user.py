"""Who is behind a call between systems: what the options name, and what the manifest says of them."""

from types import SimpleNamespace
from typing import Any

import click
import pytest

from wardgate.cli.failures import Failed
from wardgate.cli.spine_user import Behind, context_of, organisation_of
from wardgate.identities import User
from wardgate.security_patterns.snapshot import CallingSystem

ROLE = {"person_orgid": "555000009201", "org_code": "Z9X01", "role_code": "S8000:G8000:R8000", "role_name": "Clinician"}


def user(name: str, roles: tuple[str, ...] = (), *, patient: str | None = None, **worker: Any) -> User:
    """Return a person of the manifest."""
    if patient is not None:
        return User.model_validate({"username": name, "patient": {"subject": name, "nhs_number": patient}})
    made = [ROLE | {"person_roleid": role} for role in roles]
    return User.model_validate({"username": name, "given_name": "Ada", "family_name": "Bee", "worker": {"roles": made} | worker})


PEOPLE = (user("one", ("11",)), user("two", ("21", "22")), user("chosen", ("31", "32"), selected_role="32", title="Dr"), user("ill", patient="9990000018"))
WORLD: Any = SimpleNamespace(manifest=lambda: (1, SimpleNamespace(
    users=PEOPLE, organisations=(SimpleNamespace(ods="Z9X01", name="Example Hospital"),), systems=(SimpleNamespace(asid="200000000115", product="EPR"),))))


def behind(role: str | None = None, user: str | None = None, patient: str | None = None, *, unattended: bool = False) -> Behind:
    """Return what the options say."""
    return Behind(role, user, patient, unattended)


def context(said: Behind, *, gp_connect: bool = False) -> Any:
    """Return the context of a call."""
    return context_of(WORLD, said, "200000000115", "https://epr.example", "Z9X01", None, gp_connect=gp_connect)


@pytest.mark.parametrize(("said", "role", "patient"), [
    (behind("7"), "7", None), (behind(user="one"), "11", None), (behind(user="chosen"), "32", None), (behind("21", "two"), "21", None),
    (behind(user="ill"), None, "9990000018"), (behind(patient="9990000026"), None, "9990000026"), (behind(unattended=True), None, None),
])
def test_the_caller_is_whom_the_options_name(said: Behind, role: str | None, patient: str | None) -> None:
    """A role, a worker's only or chosen role, a patient, or nobody."""
    said.check()
    found = context(said)
    assert (found.role, found.patient, found.organisation) == (role, patient, "Z9X01")


@pytest.mark.parametrize(("said", "why"), [(behind(user="two"), "has 2 roles"), (behind(user="none"), "no user none")])
def test_who_cannot_be_told_is_asked_for(said: Behind, why: str) -> None:
    """With the option that says it."""
    with pytest.raises(Failed, match=why):
        context(said)


@pytest.mark.parametrize("said", [behind(), behind("1", patient="2"), behind(user="a", unattended=True), behind(patient="1", unattended=True)])
def test_one_kind_of_caller_is_named(said: Behind) -> None:
    """Not none, and not two."""
    with pytest.raises(click.UsageError):
        said.check()


def test_gp_connect_names_device_organisation_and_practitioner() -> None:
    """As the manifest has them."""
    found = context(behind(user="chosen"), gp_connect=True)
    assert (found.organisation_name, found.device.model) == ("Example Hospital", "EPR")
    who = found.practitioner
    assert (who.id, who.family, who.given, who.prefix, who.user_id, who.role) == ("chosen", "Bee", "Ada", "Dr", "chosen", "32")
    for said in (behind("7"), behind(user="ill"), behind(unattended=True)):
        with pytest.raises(Failed, match="--user NAME"):
            context(said, gp_connect=True)


@pytest.mark.parametrize(("own", "acts_for", "said", "found"), [
    ("Z9X01", {"Z9X01", "Z9X02"}, None, "Z9X01"), ("Z9X01", {"Z9X03", "Z9X02"}, None, "Z9X02"), ("Z9X01", set(), None, "Z9X01"), ("Z9X01", {"Z9X01"}, "Z9X09", "Z9X09"),
])
def test_the_organisation_is_the_systems(own: str, acts_for: set[str], said: str | None, found: str) -> None:
    """Its own, else one it acts for, unless another is said."""
    system = CallingSystem("200000000115", own, frozenset(acts_for), "Z9X01-0000001", frozenset(), frozenset())
    assert organisation_of(system, said) == found
    with pytest.raises(Failed, match="--organisation"):
        organisation_of(None, None)
