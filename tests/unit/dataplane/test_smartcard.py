"""The listener for smartcards: there only when it is asked for, asking, and leading to the smartcard page and nothing else."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wardgate.dataplane.compile import LISTENERS, Inputs, Key, Mapped, compile_resources
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.resources import smartcard
from wardgate.dataplane.resources.envoy import LISTENER
from wardgate.dataplane.resources.listeners import Shape, listeners
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.validate import validate
from wardgate.security_patterns.facts import Listener
from wardgate.standins.methods.smartcard_reader import LISTENER_HEADER, SMARTCARD
from wardgate.standins.surfaces import SURFACES, Endpoint


def made(world: Any, directory: Path, port: int | None, *, answer: bool = False) -> dict[str, Any]:
    """Return the listeners by name."""
    layout = replace(world.layout(directory, Path("envoy")), smartcard_port=port)
    shape = replace(Shape.of(world.snapshot({}), layout, "secret"), answer_bad_certificates=answer)
    return {one["name"]: one for one in listeners(shape)}


def manager(listener: dict[str, Any]) -> dict[str, Any]:
    """Return a listener's connection manager."""
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def test_there_is_none_unless_it_is_asked_for(world: Any, tmp_path: Path) -> None:
    """Then it is one more, and the others are what they were."""
    without, with_one = made(world, tmp_path, None), made(world, tmp_path, 18445)
    assert smartcard.NAME not in without
    assert {name: one for name, one in with_one.items() if name != smartcard.NAME} == without
    assert with_one[smartcard.NAME]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 18445}


@pytest.mark.parametrize("answer", [False, True])
def test_it_asks_and_takes_whatever_comes(world: Any, tmp_path: Path, answer: bool) -> None:
    """In both TLS-MA profiles alike; the ordinary port asks for nothing."""
    found = made(world, tmp_path, 18445, answer=answer)
    context = found[smartcard.NAME]["filter_chains"][0]["transport_socket"]["typed_config"]
    common = context["common_tls_context"]
    assert context["require_client_certificate"] is False
    assert common["combined_validation_context"]["default_validation_context"] == {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
    assert common["combined_validation_context"]["validation_context_sds_secret_config"]["name"] == "client-trust"
    assert context["disable_stateless_session_resumption"]
    assert context["disable_stateful_session_resumption"]
    ordinary = found[Listener.HTTPS]["filter_chains"][0]["transport_socket"]["typed_config"]
    assert "combined_validation_context" not in ordinary["common_tls_context"]
    assert "validation_context_sds_secret_config" not in ordinary["common_tls_context"]


def test_what_a_caller_says_of_certificates_is_replaced(world: Any, tmp_path: Path) -> None:
    """Here by the certificate presented; the door drops our headers and names this listener; one request a connection."""
    found = manager(made(world, tmp_path, 18445)[smartcard.NAME])
    assert found["forward_client_cert_details"] == "SANITIZE_SET"
    mutations = found["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    dropped = [one["remove_on_match"]["key_matcher"].get("prefix") for one in mutations if "remove_on_match" in one]
    put = {one["append"]["header"]["key"]: one["append"] for one in mutations if "append" in one}
    assert "x-wardgate-" in dropped
    assert put[LISTENER]["header"]["value"] == smartcard.NAME == SMARTCARD
    assert put[LISTENER]["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD"
    assert LISTENER == LISTENER_HEADER
    assert found["common_http_protocol_options"]["max_requests_per_connection"] == 1
    assert smartcard.NAME not in set(Listener)


def test_no_other_listener_forwards_what_a_caller_says(world: Any, tmp_path: Path) -> None:
    """The mutual-TLS port sets it anew; the others drop it, which is Envoy's default."""
    ways = {name: manager(one).get("forward_client_cert_details", "SANITIZE") for name, one in made(world, tmp_path, 18445).items()}
    assert ways == {"https": "SANITIZE", "http": "SANITIZE", "mtls": "SANITIZE_SET", "smartcard": "SANITIZE_SET"}


def test_it_leads_to_the_smartcard_pages_only(world: Any, tmp_path: Path) -> None:
    """To every stand-in NHS CIS2's and to the style sheets; the last route refuses."""
    routes = manager(made(world, tmp_path, 18445)[smartcard.NAME])["route_config"]["virtual_hosts"][0]["routes"]
    assert [route["match"] for route in routes] == [{"safe_regex": {"regex": smartcard.PATHS}}, {"prefix": "/"}]
    assert routes[-1]["direct_response"] == {"status": 404}
    paths = {(surface.base + path): endpoint for surface in SURFACES.values() for endpoint, path in surface.paths.items()}
    taken = {endpoint for path, endpoint in paths.items() if re.fullmatch(smartcard.PATHS, path)}
    assert taken == {Endpoint.SMARTCARD}
    assert all(re.fullmatch(smartcard.PATHS, path) for path, endpoint in paths.items() if endpoint is Endpoint.SMARTCARD)
    assert not re.fullmatch(smartcard.PATHS, "/standins/nhs-login/login-actions/smartcard")


@pytest.mark.envoy
@pytest.mark.parametrize("answer", ["verify", "answer"])
def test_envoy_takes_it(world: Any, envoy: Path, tls: TLSMaterial, tmp_path: Path, answer: str) -> None:
    """The real one, in both profiles, its routes included: a broken one is refused."""
    layout = replace(world.layout(tmp_path, envoy), smartcard_port=18445)
    snapshot = world.snapshot({})
    snapshot = replace(snapshot, environment=snapshot.environment.model_copy(update={"tls_ma_profile": answer}))
    compiled = compile_resources(Inputs(snapshot, (Mapped(),), Mapped(), tls, layout, world.now, "secret"), {})
    asyncio.run(validate(compiled, compiled, layout))
    broken = compiled[Key(LISTENERS)].resources[-1]
    manager(broken)["route_config"]["virtual_hosts"][0]["routes"][0]["match"]["safe_regex"]["regex"] = "("
    with pytest.raises(Rejected):
        asyncio.run(validate(compiled, compiled, layout))
