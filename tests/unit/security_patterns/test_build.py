"""From the manifest's documents and the store's records to a snapshot."""

from dataclasses import replace
from typing import Any

import pytest

from unit.directory.samples import AT, DIRECTORY, ENDPOINT, PROVIDER, SYSTEM
from wardgate.applications import Application, Product, Profile
from wardgate.catalogue import API, Environment
from wardgate.directory import Directory, Organisation, System
from wardgate.directory.onboarding import State, take_over
from wardgate.jose import JWKSet
from wardgate.quotas import Quota, RateLimits, SpikeArrest
from wardgate.security_patterns.build import World, build
from wardgate.security_patterns.snapshot import APIKey, Snapshot, TokenIssuer

ASID = "200000000115"
API_DOCUMENT = {"name": "hello", "base_path": "/hello", "backend": "http://127.0.0.1:9", "routes": [{"path": "/", "pattern": "api-key"}]}


def snapshot(application: dict[str, Any], *, products: tuple[dict[str, Any], ...] = (), **more: Any) -> Snapshot:
    """Return the snapshot of a world with this application, at organisation Z9X01 with one system."""
    document = Application.model_validate({"name": "app", "organisation": "Z9X01"} | application)
    world = {
        "generation": 7, "environment": Environment(name="unit"), "organisations": {"Z9X01": Organisation(ods="Z9X01", name="Example")},
        "systems": {ASID: System.model_validate({"asid": ASID, "organisation": "Z9X01", "product": "EPR", "fqdn": "epr.example.nhs.uk"})},
        "apis": {"hello": API.model_validate(API_DOCUMENT)}, "products": {found["name"]: Product.model_validate(found) for found in products},
        "applications": {"app": document}, "api_keys": [APIKey("id", "k" * 20, "app")],
        "tokens": TokenIssuer(("https://localhost/oauth2",), "wardgate", JWKSet({}, {}), {"keys": []}),
    }
    return build(World(**(world | more)))


BOTH = ({"name": "one", "apis": ["hello"], "scopes": ["s1"]}, {"name": "two", "apis": ["other"], "scopes": ["s2"]})


def test_products_add_up() -> None:
    """Approved subscriptions count, pending, revoked and unknown ones do not."""
    found = snapshot({"products": ["one", {"product": "two", "status": "pending"}, "unknown"]}, products=BOTH).clients["app"]
    assert (found.products, found.apis, found.scopes, found.refused) == ({"one"}, {"hello"}, ("s1",), None)


@pytest.mark.parametrize(("application", "active", "expected"), [
    ({"status": "pending"}, True, "application-not-approved"), ({"status": "revoked"}, True, "application-not-approved"),
    ({"developer_active": False}, True, "developer-inactive"), ({}, False, "company-inactive"),
    ({"status": "pending", "developer_active": False}, False, "application-not-approved"), ({}, True, None),
])
def test_what_stops_an_application(application: dict[str, Any], active: bool, expected: str | None) -> None:
    """The application's own standing first, then its developer's, then its organisation's."""
    organisation = Organisation(ods="Z9X01", name="Example", active=active)
    assert snapshot(application, organisations={"Z9X01": organisation}).clients["app"].refused == expected


@pytest.mark.parametrize(("application", "expected"), [
    ({}, None), ({"asid": ASID}, "epr.example.nhs.uk"), ({"tls_client_auth_san_dns": "own.example.nhs.uk"}, "own.example.nhs.uk"),
    ({"asid": ASID, "tls_client_auth_san_dns": "own.example.nhs.uk"}, "own.example.nhs.uk"), ({"asid": "200000000999"}, None),
])
def test_the_certificate_name(application: dict[str, Any], expected: str | None) -> None:
    """The application's own name, or else its system's FQDN (spec README rule 24)."""
    found = snapshot(application)
    assert found.clients["app"].certificate_name == expected
    assert found.certificate_names == ({expected: "app"} if expected else {})


def test_limits_come_from_the_nearest_place() -> None:
    """The application's own, else the most generous of its products', else the environment's, else 300 a minute."""
    generous = {"name": "generous", "apis": ["hello"], "limits": {"quota": {"limit": 900}}}
    small = {"name": "small", "apis": ["hello"], "limits": {"quota": {"limit": 10}, "spike_arrest": {"rate": "5ps"}}}
    products = (*BOTH, generous, small)
    plain = snapshot({"products": ["one"]}, products=products).clients["app"].limits
    assert plain == {"hello": RateLimits(quota=Quota(limit=300))}
    both = snapshot({"products": ["generous", "small"]}, products=products).clients["app"].limits["hello"]
    assert both == RateLimits(quota=Quota(limit=900), spike_arrest=SpikeArrest(rate="5ps"))
    own = snapshot({"products": ["generous"], "limits": {"quota": {"limit": 7}}}, products=products).clients["app"].limits["hello"]
    assert own.quota == Quota(limit=7)
    environment = Environment(name="unit", default_limits=RateLimits(quota=Quota(limit=1)))
    assert snapshot({"products": ["one"]}, products=products, environment=environment).clients["app"].limits["hello"].quota == Quota(limit=1)


def test_the_profile_is_the_application_s_or_the_environment_s() -> None:
    """An application's own profile wins."""
    strict = Environment(name="unit", profile=Profile.STRICT)
    assert snapshot({}, environment=strict).clients["app"].profile is Profile.STRICT
    assert snapshot({"profile": "nhs"}, environment=strict).clients["app"].profile is Profile.NHS


def test_keys_are_found_by_the_clear_key() -> None:
    """And the snapshot says which generation it is of."""
    found = snapshot({})
    assert found.api_keys["k" * 20].application == "app"
    assert found.generation == 7


def test_the_systems_of_the_directory() -> None:
    """Live and suspended ones, with the names of their party key: of its endpoints, and of systems that have none."""
    enrolments = (
        *(take_over(asid, "unit", by="a test", at=AT) for asid in (SYSTEM.asid, PROVIDER.asid)),
        replace(take_over("200000100003", "unit", by="a test", at=AT), state=State.SUSPENDED),
        *(replace(take_over(f"20000010001{number}", "unit", by="a test", at=AT), state=state)
          for number, state in enumerate((State.REQUESTED, State.EVIDENCE, State.APPROVED))),
    )  # fmt: skip
    systems = (SYSTEM, PROVIDER, replace(SYSTEM, asid="200000100003"), *(replace(SYSTEM, asid=f"20000010001{number}") for number in range(4)))
    directory = Directory(systems=systems, endpoints=(ENDPOINT,), enrolments=enrolments)
    found = snapshot({}, directory=directory, names={"Z9X01-850001": frozenset({"EPR.example.nhs.uk"})})
    assert set(found.systems) == {SYSTEM.asid, PROVIDER.asid, "200000100003"}
    consumer, provider = found.systems[SYSTEM.asid], found.systems[PROVIDER.asid]
    assert (consumer.organisation, consumer.acts_for, consumer.party_key) == ("Z9X01", {"Z9X01"}, "Z9X01-850001")
    assert (consumer.certificate_names, consumer.interactions, consumer.suspended) == ({"epr.example.nhs.uk"}, frozenset(SYSTEM.interactions), False)
    assert (provider.acts_for, provider.certificate_names) == ({"Z9X02"}, {"nrl-z9x02.example.thirdparty.nhs.uk"})
    assert found.systems["200000100003"].suspended
    assert found.organisations == {"Z9X01", "Z9X02"}
    assert found.directory is not None
    assert found.directory.system(PROVIDER.asid) == PROVIDER


def test_systems_of_an_organisation_that_is_not_active_are_suspended() -> None:
    """Whatever their own standing."""
    closed = {"Z9X02": Organisation(ods="Z9X02", name="Example", active=False)}
    found = snapshot({}, directory=DIRECTORY, organisations=closed).systems
    assert {asid: system.suspended for asid, system in found.items()} == {SYSTEM.asid: False, PROVIDER.asid: True}


def test_what_has_been_made_already_is_taken() -> None:
    """The index, the systems and the codes, when a change touched none of them."""
    first = snapshot({}, directory=DIRECTORY)
    again = snapshot({}, index=first.directory, calling=first.systems, known_codes=first.organisations)
    assert (again.directory is first.directory, again.systems is first.systems, again.organisations is first.organisations) == (True, True, True)
