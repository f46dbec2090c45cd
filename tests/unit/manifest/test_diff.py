"""Differences: documents and access, by name, before anything changes."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from wardgate.catalogue.paths import Found, RouteMatcher
from wardgate.manifest import Manifest
from wardgate.manifest.access import EVERYONE, Gain, Loss, compare_access
from wardgate.manifest.diff import Action, DocumentChange, FieldChange, diff
from wardgate.manifest.documents import from_documents, to_documents

Data = dict[str, Any]
Accept = Callable[..., Manifest]
Change = Callable[[Data], object]

TOKENS = "signed-jwt"
ONE_APPLICATION = [
    ("one", "hello", "/hello/application", "api-key"),
    ("one", "hello", "/hello/application", TOKENS),
]
TWO_PATIENT = [("two", "demo-fhir", "PATCH /demo/FHIR/R4/Patient/{id}", "tls-ma")]
OPEN = (EVERYONE, "hello", "/hello/world", "open-access")


def app(data: Data, index: int, **changes: Any) -> None:
    """Change keys of an application."""
    data["applications"][index].update(changes)


def product(data: Data, index: int, **changes: Any) -> None:
    """Change keys of a product."""
    data["products"][index].update(changes)


def route(data: Data, api: int, index: int, **changes: Any) -> None:
    """Replace a route."""
    data["apis"][api]["routes"][index] = changes


ROWS: list[tuple[str, Change, list[Any], list[Any]]] = [
    ("an application is revoked", lambda data: app(data, 0, status="revoked"), [], ONE_APPLICATION),
    ("an application is pending", lambda data: app(data, 0, status="pending"), [], ONE_APPLICATION),
    ("a developer is inactive", lambda data: app(data, 0, developer_active=False), [], ONE_APPLICATION),
    ("an organisation is inactive", lambda data: data["organisations"][0].update(active=False), [], ONE_APPLICATION),
    ("a subscription ends", lambda data: app(data, 0, products=[]), [], ONE_APPLICATION),
    ("a product loses its API", lambda data: product(data, 0, apis=[]), [], ONE_APPLICATION),
    ("a product loses its scope", lambda data: product(data, 0, scopes=[]), [], ONE_APPLICATION[1:]),
    ("a product has a user scope only", lambda data: product(data, 0, scopes=["urn:nhsd:apim:user-nhs-cis2:aal3:hello"]), [],
     ONE_APPLICATION[1:]),
    ("an application loses its keys", lambda data: data["applications"][0].pop("jwks_url"), [], ONE_APPLICATION[1:]),
    ("strict takes a certificate instead", lambda data: (data["applications"][0].pop("jwks_url"), app(data, 0, profile="strict")),
     [], []),
    ("a pending subscription is approved", lambda data: app(data, 0, products=["hello", "fhir"]),
     [("one", "demo-fhir", "GET /demo/FHIR/R4/Patient/{id}", TOKENS), ("one", "demo-fhir", "PATCH /demo/FHIR/R4/Patient/{id}", "tls-ma")],
     []),
    ("a system loses its name", lambda data: (data["systems"][0].pop("fqdn"), app(data, 0, products=["hello"])), [], []),
    ("an application loses its certificate name", lambda data: data["applications"][1].pop("tls_client_auth_san_dns"), [], TWO_PATIENT),
    ("an application gets a key set", lambda data: app(data, 1, jwks_url="https://keys.example.nhs.uk/jwks.json"),
     [("two", "demo-fhir", "GET /demo/FHIR/R4/Patient/{id}", TOKENS)], []),
    ("a scope is asked for that nobody has", lambda data: route(data, 0, 1, path="/application", pattern=TOKENS, scopes=["x:y"]),
     [], ONE_APPLICATION),
    ("an open route is closed", lambda data: route(data, 0, 0, path="/world", pattern="api-key"),
     [("one", "hello", "/hello/world", "api-key")], [OPEN]),
    ("a closed route is opened", lambda data: route(data, 0, 1, path="/application", pattern="open-access"),
     [(EVERYONE, "hello", "/hello/application", "open-access")], ONE_APPLICATION),
    ("a route is taken away", lambda data: data["apis"][0]["routes"].pop(0), [], [OPEN]),
    ("a method is added", lambda data: data["apis"][1]["routes"][1].update(methods=["PATCH", "PUT"]),
     [("two", "demo-fhir", "PUT /demo/FHIR/R4/Patient/{id}", "tls-ma")], []),
    ("a route is limited to one method", lambda data: data["apis"][0]["routes"][0].update(methods=["GET"]), [],
     [(EVERYONE, "hello", "HEAD,POST,PUT,PATCH,DELETE,OPTIONS /hello/world", "open-access")]),
    ("the base path moves", lambda data: (data["apis"][0].update(base_path="/hullo"), data["apis"][0]["routes"].pop(1)),
     [(EVERYONE, "hello", "/hullo/world", "open-access")], [OPEN, *ONE_APPLICATION]),
    ("a parameter is renamed", lambda data: [
        route.update(path="/Patient/{number}") for route in data["apis"][1]["routes"]], [], []),
    ("limits change", lambda data: app(data, 0, limits={"quota": {"limit": 1}}), [], []),
]


@pytest.mark.parametrize(("change", "gains", "losses"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_access(base: Data, accept: Accept, change: Change, gains: list[Any], losses: list[Any]) -> None:
    """One change, and exactly who gains and loses what by it; undoing it turns gains into losses."""
    before = accept(copy.deepcopy(base))
    change(base)
    after = accept(base)
    assert compare_access(before, after) == (
        tuple(sorted(Gain(*row) for row in gains)), tuple(sorted(Loss(*row) for row in losses)))
    assert compare_access(after, before) == (
        tuple(sorted(Gain(*row) for row in losses)), tuple(sorted(Loss(*row) for row in gains)))


WORKERS = {"path": "/user", "pattern": "user-restricted", "access_mode": "healthcare-worker", "minimum_level": "aal2"}
PATIENTS = {"path": "/user", "pattern": "user-restricted", "access_mode": "patient"}
USER_SCOPES = ["urn:nhsd:apim:user-nhs-id:aal3:hello", "urn:nhsd:apim:user-nhs-cis2:aal2:hello", "urn:nhsd:apim:user-nhs-cis2:aal1:hello",
               "urn:nhsd:apim:user-nhs-login:P9:hello"]


def by(who: str) -> tuple[str, str, str, str]:
    """Return the right of the first application, through these users."""
    return "one", "hello", "/hello/user", f"user-restricted, {who}"


OF_USERS: list[tuple[str, Data, Change, list[Any], list[Any]]] = [
    ("a product loses a level", WORKERS, lambda data: product(data, 0, scopes=["urn:nhsd:apim:app:level3:hello", USER_SCOPES[0]]), [], [by("healthcare-worker at aal2")]),
    ("a route takes the strongest only", WORKERS, lambda data: data["apis"][0]["routes"][2].pop("minimum_level"), [], [by("healthcare-worker at aal2")]),
    ("a route takes the weakest as well", WORKERS, lambda data: data["apis"][0]["routes"][2].update(minimum_level="aal1"),
     [by("healthcare-worker at aal1")], []),
    ("a route is for patients instead", WORKERS, lambda data: route(data, 0, 2, **PATIENTS),
     [by("patient at P9")], [by("healthcare-worker at aal2"), by("healthcare-worker at aal3")]),
    ("patients may be weaker, which no product is for", PATIENTS, lambda data: data["apis"][0]["routes"][2].update(minimum_level="P0"), [], []),
    ("the application loses its keys", PATIENTS, lambda data: data["applications"][0].pop("jwks_url"),
     [], [by("patient at P9"), ONE_APPLICATION[1]]),
    ("but has an address to return to", PATIENTS, lambda data: (data["applications"][0].pop("jwks_url"), app(data, 0, callback_urls=["https://one.example/cb"])),
     [], [ONE_APPLICATION[1]]),
    ("stated scopes", WORKERS, lambda data: data["apis"][0]["routes"][2].update(scopes=USER_SCOPES[:1]), [], [by("healthcare-worker at aal2")]),
    ("a role is asked for", WORKERS, lambda data: data["apis"][0]["routes"][2].update(role="required"), [], []),
    ("applications may come too", PATIENTS, lambda data: route(data, 0, 2, path="/user", any_of=[
        {"pattern": "user-restricted", "access_mode": "patient"}, {"pattern": "signed-jwt"}]), [("one", "hello", "/hello/user", TOKENS)], []),
]


@pytest.mark.parametrize(("first", "change", "gains", "losses"), [row[1:] for row in OF_USERS], ids=[row[0] for row in OF_USERS])
def test_access_of_users(base: Data, accept: Accept, first: Data, change: Change, gains: list[Any], losses: list[Any]) -> None:
    """Through which users, and how strongly signed in, an application gains and loses what."""
    base["apis"][0]["routes"].append(dict(first))
    product(base, 0, scopes=["urn:nhsd:apim:app:level3:hello", *USER_SCOPES])
    before = accept(copy.deepcopy(base))
    change(base)
    after = accept(base)
    assert compare_access(before, after) == (tuple(sorted(Gain(*row) for row in gains)), tuple(sorted(Loss(*row) for row in losses)))
    assert compare_access(after, before) == (tuple(sorted(Gain(*row) for row in losses)), tuple(sorted(Loss(*row) for row in gains)))


def test_the_words_for_users(base: Data, accept: Accept) -> None:
    """One line for each level, so that a lowered minimum is seen as what it lets in."""
    before = accept(copy.deepcopy(base))
    base["apis"][0]["routes"].append(dict(WORKERS))
    product(base, 0, scopes=["urn:nhsd:apim:app:level3:hello", *USER_SCOPES])
    text = diff(before, accept(base)).as_text()
    assert "  one gains /hello/user of hello (user-restricted, healthcare-worker at aal2)\n" in text
    assert "  one gains /hello/user of hello (user-restricted, healthcare-worker at aal3)\n" in text
    assert "aal1)" not in text


def test_a_more_specific_route_takes_paths_away(base: Data, accept: Accept) -> None:
    """A new route below a wide open one shows as a loss for everyone on its paths, and only there."""
    base["apis"][0]["routes"] = [{"path": "/files/*", "pattern": "open-access"}]
    before = accept(copy.deepcopy(base))
    base["apis"][0]["routes"].append({"path": "/files/{name}", "pattern": "api-key"})
    assert compare_access(before, accept(base)) == (
        (Gain("one", "hello", "/hello/files/{name}", "api-key"),),
        (Loss(EVERYONE, "hello", "/hello/files/{name}", "open-access"),),
    )


def test_a_wide_route_that_is_fully_covered_changes_nothing(base: Data, accept: Accept) -> None:
    """Access is judged on paths that the route really decides."""
    base["apis"][0]["routes"] = [{"path": "/files/{name}/*", "pattern": "api-key"}, {"path": "/files/*", "pattern": "api-key"}]
    before = accept(copy.deepcopy(base))
    base["apis"][0]["routes"][1]["pattern"] = "open-access"
    gains, losses = compare_access(before, accept(base))
    assert [gain.route for gain in gains] == ["/hello/files/*"]
    assert [loss.route for loss in losses] == ["/hello/files/*"]


def test_from_nothing_all_access_is_gained(base: Data, accept: Accept) -> None:
    """The first manifest gives everything it gives, and the route matcher agrees about every route named."""
    manifest = accept(base)
    difference = diff(None, manifest)
    assert {change.action for change in difference.documents} == {Action.ADDED}
    assert difference.losses == ()
    assert set(difference.gains) == {Gain(*row) for row in [OPEN, *ONE_APPLICATION, *TWO_PATIENT]}
    for gain in difference.gains:
        path = gain.route.rsplit(" ", 1)[-1].replace("{id}", "1")
        assert isinstance(RouteMatcher(manifest.apis).find("PATCH", path), Found)


def test_no_difference(base: Data, accept: Accept) -> None:
    """A manifest does not differ from itself, nor from the one that the store makes of it, secrets or not."""
    base["applications"][0]["api_keys"] = [{"key": "k" * 16}]
    manifest = accept(base)
    assert not diff(manifest, manifest)
    assert diff(manifest, manifest).as_text() == "No difference.\n"
    stored = from_documents(to_documents(manifest)[0])
    assert not diff(stored, manifest)
    assert not diff(manifest, stored)


def test_documents(base: Data, accept: Accept) -> None:
    """Added, removed and changed documents are named; a change lists its keys, of routes by method and path."""
    before = accept(copy.deepcopy(base))
    base["organisations"].append({"ods": "Z9X03", "name": "Third"})
    del base["systems"][1]
    base["apis"][1]["routes"][0]["timeout_seconds"] = 5
    base["applications"][0]["limits"] = {"quota": {"limit": 10}}
    assert diff(before, accept(base)).documents == (
        DocumentChange("organisations", "Z9X03", Action.ADDED),
        DocumentChange("systems", "200000000116", Action.REMOVED),
        DocumentChange("apis", "demo-fhir", Action.CHANGED, (
            FieldChange("routes[GET /Patient/{id}].timeout_seconds", None, "5.0"),)),
        DocumentChange("applications", "one", Action.CHANGED, (FieldChange("limits.quota.limit", None, "10"),)),
    )


def test_secrets_are_compared_only_when_asked_and_never_shown(base: Data, accept: Accept) -> None:
    """A changed key is said to be changed."""
    base["environment"]["status_key"] = "hush-status-0123456789"
    before = accept(copy.deepcopy(base))
    base["environment"]["status_key"] = "hush-other-0123456789"
    base["applications"][0]["api_keys"] = [{"key": "hush-key-0123456789"}]
    after = accept(base)
    assert not diff(before, after)
    difference = diff(before, after, compare_secrets=True)
    assert [(change.name, change.fields) for change in difference.documents] == [
        ("environment", (FieldChange("status_key", "(hidden)", "(hidden)"),)),
        ("one", (FieldChange("api_keys", None, "(hidden)"),)),
    ]
    assert "hush" not in difference.as_text() + json.dumps(difference.as_json())


def test_text_and_json(base: Data, accept: Accept) -> None:
    """The two forms say the same."""
    before = accept(copy.deepcopy(base))
    base["apis"][0]["routes"][0] = {"path": "/world", "pattern": "api-key"}
    base["applications"][1]["status"] = "revoked"
    difference = diff(before, accept(base))
    assert difference.as_text() == (
        "Documents:\n"
        "  ~ apis hello\n"
        '      routes[/world].pattern: "open-access" -> "api-key"\n'
        "  ~ applications two\n"
        '      status: (not stated) -> "revoked"\n'
        "Access:\n"
        "  everyone loses /hello/world of hello (open-access)\n"
        "  two loses PATCH /demo/FHIR/R4/Patient/{id} of demo-fhir (tls-ma)\n"
        "  one gains /hello/world of hello (api-key)\n")
    assert json.loads(json.dumps(difference.as_json())) == {
        "documents": [
            {"kind": "apis", "name": "hello", "action": "changed",
             "fields": [{"key": "routes[/world].pattern", "before": '"open-access"', "after": '"api-key"'}]},
            {"kind": "applications", "name": "two", "action": "changed",
             "fields": [{"key": "status", "before": None, "after": '"revoked"'}]},
        ],
        "gains": [{"application": "one", "api": "hello", "route": "/hello/world", "pattern": "api-key"}],
        "losses": [
            {"application": "everyone", "api": "hello", "route": "/hello/world", "pattern": "open-access"},
            {"application": "two", "api": "demo-fhir", "route": "PATCH /demo/FHIR/R4/Patient/{id}", "pattern": "tls-ma"},
        ],
    }
    base["applications"][1]["status"] = "approved"
    base["environment"]["audit"] = "before"
    assert "Access: nobody gains or loses a route." in diff(
        accept(copy.deepcopy(base)), accept(base | {"environment": {"name": "test"}})).as_text()
