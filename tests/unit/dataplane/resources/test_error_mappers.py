"""Which mappers there are: for the shapes that some API has, in XML where one speaks it, systems on their own port."""

import json
from typing import Any

import pytest

from unit.security_patterns.systems import SNAPSHOT
from wardgate.catalogue import API
from wardgate.dataplane.resources import error_mappers, relay_errors
from wardgate.dataplane.resources.error_mappers import IN_XML, NAMED_BY_RULE, NAMED_BY_SYSTEM_RULE, Said, mappers
from wardgate.refusals import CATALOGUE
from wardgate.refusals.dialects import Dialect
from wardgate.security_patterns.facts import Listener


def said(world: Any, **api: Any) -> Said:
    """Return what a manifest of one API needs."""
    made = {"name": "a", "base_path": "/a", "backend": "http://127.0.0.1:9", "routes": [{"path": "/*", "pattern": "open-access"}]} | api
    return Said.of(world.snapshot({}, (API.model_validate(made),)))


def types(found: list[Any]) -> set[str]:
    """Return the content types of mappers."""
    return {mapper["body_format_override"]["content_type"] for mapper in found if "body_format_override" in mapper}


def test_shapes_come_from_apis_and_routes(world: Any) -> None:
    """Spine's and GP Connect's are one; XML is for APIs with `spine`."""
    assert said(world) == Said(frozenset({Dialect.FAULT}))
    assert said(world, routes=[{"path": "/*", "pattern": "open-access", "errors": "problem"}]).shapes == {Dialect.FAULT, Dialect.PROBLEM}
    assert said(world, errors="gp-connect").shapes == {Dialect.SPINE}
    assert said(world, errors="fhir", spine={"service": "nrl"}).xml == {Dialect.FHIR}
    found = Said.of(SNAPSHOT)
    assert (found.shapes, found.systems) == ({Dialect.SPINE}, True)


def test_a_plain_manifest_has_plain_mappers_only(world: Any) -> None:
    """And so a tenth of what there could be."""
    plain = mappers(Listener.MTLS, said(world))
    assert types(plain) == {"application/json"}
    everything = Said(frozenset(error_mappers.SHAPES), frozenset({Dialect.SPINE, Dialect.FHIR}), systems=True)
    assert types(mappers(Listener.MTLS, everything)) == {"application/json", "application/problem+json", "application/fhir+json", "application/fhir+xml"}
    assert len(json.dumps(plain)) * 10 < len(json.dumps(mappers(Listener.MTLS, everything)))


def test_systems_are_on_the_port_that_knows_them() -> None:
    """The others pay nothing for them."""
    found = {listener: json.dumps(mappers(listener, Said.of(SNAPSHOT))) for listener in (Listener.MTLS, Listener.HTTPS)}
    assert "certificate-not-of-asid" in found[Listener.MTLS]
    assert "certificate-not-of-asid" not in found[Listener.HTTPS]
    assert len(found[Listener.HTTPS]) * 2 < len(found[Listener.MTLS])


@pytest.mark.parametrize("code", sorted({*IN_XML, *NAMED_BY_RULE, *NAMED_BY_SYSTEM_RULE, *(row[0] for row in relay_errors.BY_ENVOY), *relay_errors.BY_RULE}))
def test_every_reason_is_in_the_catalogue(code: str) -> None:
    """A mapper's words are those of the catalogue."""
    assert code in CATALOGUE


def test_no_text_of_xml_holds_what_a_caller_sent(world: Any) -> None:
    """Envoy does not escape texts: only an identifier of ours, and a value behind a condition on its characters, stand in one."""
    everything = Said(frozenset(error_mappers.SHAPES), frozenset({Dialect.SPINE, Dialect.FHIR}), systems=True)
    for mapper in [*mappers(Listener.MTLS, everything), *relay_errors.mappers()]:
        text = mapper.get("body_format_override", {}).get("text_format_source", {}).get("inline_string", "")
        assert "%REQ(" not in text.replace("%REQ(:authority)%", "") or "matches(" in json.dumps(mapper["filter"])
    del world


def test_the_relays_shape_is_the_proxys() -> None:
    """Everything after the door is an outcome; what never got to it has no id to be known by."""
    assert types(relay_errors.mappers()) == {"application/json", "application/fhir+json", "application/fhir+xml"}
    assert {cause.reason.code for cause in relay_errors.causes()} >= {"ssp-endpoint-timeout", "ssp-endpoint-unreachable", "ssp-unavailable", "ssp-throttled"}
