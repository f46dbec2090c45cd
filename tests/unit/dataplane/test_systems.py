"""Systems compiled: which routes stay in Envoy, what the maps say, and what is made anew when something changes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wardgate.catalogue import API
from wardgate.dataplane.compile import (
    GRANTS,
    ROUTES,
    SYSTEM_MAP,
    SYSTEM_OVERLAY,
    Inputs,
    Key,
    Mapped,
    compile_resources,
)
from wardgate.dataplane.resources import systems
from wardgate.dataplane.resources.bootstrap import RUNTIME
from wardgate.dataplane.resources.envoy import Filter, State
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.resources.system_routes import ID, Judged, judged
from wardgate.security_patterns.snapshot import CallingSystem
from wardgate.spine.resolve import RULES, resolve

OWN = "200000000009"
READ, WRITE = "urn:nhs:names:services:raflags:Consent.read:1", "urn:nhs:names:services:raflags:Consent.write:1"
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def api(route: dict[str, Any], **spine: Any) -> API:
    """Return an API with one route by ASID."""
    return API.model_validate({
        "name": "ra", "base_path": "/ra/v1.0", "backend": "http://127.0.0.1:9", "spine": {"service": "reasonable-adjustments", "asid": OWN} | spine,
        "routes": [{"pattern": "asid-interaction", "spine_jwt": "none"} | route]})


def system(asid: str, *names: str, interactions: tuple[str, ...] = (READ,), suspended: bool = False) -> CallingSystem:
    """Return a system."""
    return CallingSystem(asid, "Z9X01", frozenset({"Z9X01"}), "Z9X01-12345", frozenset(names), frozenset(interactions), suspended)


NATIVE: tuple[tuple[str, dict[str, Any], dict[str, Any], tuple[Judged, ...]], ...] = (
    ("one interaction", {"path": "/Consent", "methods": ["GET"]}, {}, (Judged(("GET",), READ),)),
    ("an id", {"path": "/Consent/{id}", "methods": ["GET"]}, {}, (Judged(("GET",), READ, rf"/ra/v1\.0/Consent/{ID}"),)),
    ("methods apart", {"path": "/Consent/{id}", "methods": ["GET", "PUT", "DELETE"]}, {},
     (Judged(("GET",), READ, rf"/ra/v1\.0/Consent/{ID}"), Judged(("PUT", "DELETE"), WRITE, rf"/ra/v1\.0/Consent/{ID}"))),
    ("every method", {"path": "/Consent"}, {}, (Judged(("GET",), READ), Judged(("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"), None), Judged(("POST",), WRITE), Judged((), None))),
    ("no interaction", {"path": "/Patient", "methods": ["GET"]}, {}, (Judged(("GET",), None),)),
    ("the route's own", {"path": "/*", "interaction": "urn:x"}, {}, (Judged((), "urn:x"),)),
    ("the route's own of a service that names it in a header", {"path": "/*", "interaction": "urn:x"}, {"service": "gp-connect"}, (Judged((), "urn:x"),)),
)
ASKED: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("everything below", {"path": "/Consent/*"}, {}), ("any resource", {"path": "/{kind}"}, {}), ("what an id contains", {"path": "/Consent/{id}/{part}"}, {}),
    ("a token", {"path": "/Consent", "spine_jwt": "reasonable-adjustments"}, {}), ("the usual token", {"path": "/Consent", "spine_jwt": None}, {}),
    ("an interaction that the header names", {"path": "/metadata", "methods": ["GET"]}, {"service": "gp-connect"}),
    ("two interactions that fit", {"path": "/$removerarecord", "methods": ["POST"]}, {}),
    ("an event", {"path": "/$process-message"}, {"service": "nems-publish"}), ("a receiver of any ASID", {"path": "/Consent"}, {"asid": None}),
    ("a header that only the gateway sets", {"path": "/Consent"}, {"headers": "translated"}),
    ("the organisations", {"path": "/Consent", "identity_headers": {"organisations": "X-For"}}, {}),
)


@pytest.mark.parametrize(("route", "spine", "expected"), [row[1:] for row in NATIVE], ids=[row[0] for row in NATIVE])
def test_what_envoy_knows_of_a_route(route: dict[str, Any], spine: dict[str, Any], expected: tuple[Judged, ...]) -> None:
    """Where method and template say which interaction a call is, Envoy judges it alone."""
    one = api(route, **spine)
    assert judged(one, one.routes[0]) == expected


@pytest.mark.parametrize(("route", "spine"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_what_the_decision_service_is_asked(route: dict[str, Any], spine: dict[str, Any], world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Where they do not, it is asked: no filter of systems is on."""
    one = api(route, **spine)
    assert judged(one, one.routes[0]) == ()
    compiled = compile_resources(inputs(world.snapshot({}, (one,)), world, tls, tmp_path), {})
    listed = compiled[Key(ROUTES, "routes-mtls")].resources[0]["virtual_hosts"][0]["matcher"]["matcher_tree"]["prefix_match_map"]["map"]["/ra/v1.0/"]
    on = {name for found in listed["action"]["typed_config"]["routes"] if "route" in found
          for name, config in found["typed_per_filter_config"].items() if not config.get("disabled")}
    off = {name for found in listed["action"]["typed_config"]["routes"] if found["metadata"]["filter_metadata"]["wardgate"].get("pattern") == "decision"
           for name, config in found["typed_per_filter_config"].items() if config.get("disabled")}
    assert not on & {Filter.SYSTEMS, Filter.GRANTS, Filter.SYSTEM_DECISION}
    assert Filter.DECISION not in off


@pytest.mark.parametrize("service", RULES)
def test_what_stands_for_an_id_is_never_an_operation(service: Any) -> None:
    """A template with an id is compiled by one example: nothing that the rules know of has an operation in its place."""
    for (method, shape), fitting in RULES[service].items():
        assert not (shape.resource and (shape.operation or shape.contained))
        if shape.has_id:
            found = tuple(row.id for row in resolve(service, method, f"/{shape.resource}/a1"))
            assert found == fitting == tuple(row.id for row in resolve(service, method, f"/{shape.resource}/Z.9-{'x' * 60}"))
            assert resolve(service, method, f"/{shape.resource}/$a") == ()


def inputs(snapshot: Any, world: Any, tls: TLSMaterial, directory: Path, *possible: Mapped) -> Inputs:
    """Return what is compiled when these maps are known."""
    known = possible or (Mapped.of(snapshot),)
    return Inputs(snapshot, known, known[-1], tls, world.layout(directory, Path("envoy")), world.now, "secret")


def test_what_the_maps_say(world: Any) -> None:
    """The map has what may call; of what has changed the overlay says also why it may not."""
    known = {found.asid: found for found in (system("200000000001", "a.nhs.uk", "b.nhs.uk"), system("200000000002", "a.nhs.uk", suspended=True))}
    found = systems.systems(known)
    a_set = systems.set_name(frozenset({READ}))
    said = {key: world.verdict(found, {State.SYSTEM: key}) for key in ("200000000001|a.nhs.uk", "200000000001|b.nhs.uk", "200000000001|a.nhs.uk,b.nhs.uk",
                                                                       "200000000001|*.nhs.uk", "200000000001|", "200000000002|a.nhs.uk", "200000000003|a.nhs.uk")}
    assert [verdict for verdict, _ in said.values()] == [a_set, a_set, "ask", "ask", "ask", "ask", "ask"]
    assert {action for _, action in said.values()} == {"ALLOW"}
    overlay = systems.overlay(dict(known) | {"200000000004": None})
    rows = {"200000000001|a.nhs.uk": a_set, "200000000001|CN=a.nhs.uk": a_set, "200000000001|c.nhs.uk": "certificate-not-of-asid",
            "200000000002|a.nhs.uk": "from-asid-unknown", "200000000002|CN=a.nhs.uk": "from-asid-unknown", "200000000002|b.nhs.uk": "certificate-not-of-asid",
            "200000000004|a.nhs.uk": "from-asid-unknown", "200000000005|a.nhs.uk": "unlisted"}
    assert {key: world.verdict(overlay, {State.SYSTEM: key})[0] for key in rows} == rows


def test_what_a_set_holds(world: Any) -> None:
    """By the map's name for it when the overlay says nothing, else by the overlay's; and only what some route asks for."""
    small, large = frozenset({READ}), frozenset({READ, WRITE})
    found = systems.grants((small, large), frozenset({READ, WRITE}))
    first, second = systems.set_name(small), systems.set_name(large)
    rows = {f"unlisted {READ} {first}": "granted", f"unlisted {WRITE} {first}": "not-granted", f"unlisted {WRITE} {second}": "granted",
            f"{first} {WRITE} {second}": "not-granted", f"{second} {WRITE} {first}": "granted", f"{second} {WRITE} ask": "granted",
            f"unlisted {READ} ask": "not-granted", f"unlisted {WRITE}x {second}": "not-granted", "": "not-granted"}
    assert {key: world.verdict(found, {State.GRANT: key})[0] for key in rows} == rows
    assert WRITE not in str(systems.grants((small, large), frozenset({READ})))
    assert first != second != systems.set_name(frozenset())


def test_what_is_made_anew(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """A suspension changes the overlay alone; a new combination of interactions also what the sets hold; neither a route."""
    known = {found.asid: found for found in (system("200000000001", "a.nhs.uk"), system("200000000002", "b.nhs.uk", interactions=(WRITE,)))}
    snapshot = world.snapshot({}, (api({"path": "/Consent"}),), systems=known)
    base, before = Mapped.of(snapshot), compile_resources(inputs(snapshot, world, tls, tmp_path), {})

    def changes(**more: Any) -> set[Key]:
        changed = replace(snapshot, systems=dict(known) | {"200000000001": replace(known["200000000001"], **more)})
        after = compile_resources(inputs(changed, world, tls, tmp_path, base), before)
        assert after[SYSTEM_MAP] is before[SYSTEM_MAP]
        return {key for key, found in after.items() if before[key].version != found.version}

    assert changes(suspended=True) == changes(certificate_names=frozenset()) == changes(interactions=frozenset({WRITE})) == {SYSTEM_OVERLAY}
    assert changes(interactions=frozenset({READ, WRITE})) == {SYSTEM_OVERLAY, GRANTS}
    assert changes(organisation="Z9X02") == set()


def test_what_an_overlay_may_still_name_is_kept(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """A set that nobody has any more holds what it held, while an Envoy may be told of it."""
    snapshot = world.snapshot({}, (api({"path": "/Consent"}),))
    gone = frozenset({READ})
    made = compile_resources(replace(inputs(snapshot, world, tls, tmp_path), named=frozenset({gone})), {})
    assert systems.set_name(gone) in made[GRANTS].body.decode()
    assert systems.set_name(gone) not in compile_resources(inputs(snapshot, world, tls, tmp_path), {})[GRANTS].body.decode()


def test_envoys_rules_see_repeated_headers_as_one() -> None:
    """Else a second ASID would go unseen (`test_asid_native` has the wire)."""
    assert RUNTIME["layers"][0]["static_layer"]["envoy.reloadable_features.rbac_match_headers_individually"] is False
