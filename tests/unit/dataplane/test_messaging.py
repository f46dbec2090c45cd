"""The route of mailboxes: on one port, bounded by pauses alone; every other request is bounded as before."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from wardgate.catalogue import API
from wardgate.dataplane.compile import LISTENERS, ROUTES, Inputs, Key, Mapped, Resources, compile_resources
from wardgate.dataplane.resources.bootstrap import bootstrap
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.workflows.model import Mailbox
from wardgate.workflows.post_office import PostOffice


def compiled(world: Any, tls: TLSMaterial, tmp_path: Path, snapshot: Snapshot | None = None, before: Resources | None = None) -> Resources:
    """Every resource of a world with one API."""
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [
        {"path": "/", "pattern": "open-access", "timeout_seconds": 7}, {"path": "/a", "pattern": "tls-ma"}, {"path": "/b", "pattern": "api-key", "enforcement": "decision"},
        {"path": "/long", "pattern": "open-access", "timeout_seconds": 31}]})
    found = snapshot or world.snapshot({}, (api,))
    layout = replace(world.layout(tmp_path, Path("envoy")), relay_port=9)
    return compile_resources(Inputs(found, (Mapped.of(found),), Mapped.of(found), tls, layout, world.now, "secret"), before or {})


def forwarded(value: Any) -> Iterator[dict[str, Any]]:
    """Every route that leads somewhere."""
    if isinstance(value, dict):
        if "match" in value and "route" in value:
            yield value
        for found in value.values():
            yield from forwarded(found)
    elif isinstance(value, list):
        for found in value:
            yield from forwarded(found)


def test_it_is_on_the_port_of_certificates_alone(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Everywhere else the path is nobody's."""
    made = compiled(world, tls, tmp_path)
    for listener in Listener:
        key = Key(ROUTES, f"routes-{listener}")
        named = [route["name"] for route in forwarded(list(made[key].resources))] if key in made else []
        assert ("wardgate messaging" in named) is (listener is Listener.MTLS)


def test_pauses_bound_it_and_a_time_every_other(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Where the request alone has no limit, the whole call has: a longer one where the route's backend has longer than usual."""
    made = compiled(world, tls, tmp_path)
    routes = {route["name"]: route["route"] for route in forwarded(list(made[Key(ROUTES, "routes-mtls")].resources))}
    assert routes.pop("wardgate messaging") == {
        "cluster": "wardgate-messaging", "timeout": "0s", "idle_timeout": "150s", "max_stream_duration": {"max_stream_duration": "0s"}}
    assert routes["x /"]["timeout"] == "7s"
    long = routes.pop("x /long")
    assert "timeout" not in long
    assert (long["max_stream_duration"], long["retry_policy"]) == ({"max_stream_duration": "151s"}, {"num_retries": 0, "per_try_timeout": "31s"})
    assert not any("max_stream_duration" in route for route in routes.values())
    others = [route["route"] for route in forwarded(list(made[Key(ROUTES, "routes-https")].resources)) if route["name"] == "x /long"]
    assert [route["timeout"] for route in others] == ["31s"]
    managers = {listener["name"]: listener["filter_chains"][0]["filters"][0]["typed_config"] for listener in made[Key(LISTENERS)].resources}
    assert {name: manager["request_timeout"] for name, manager in managers.items()} == {
        name: "0s" if name == str(Listener.MTLS) else "120s" for name in managers}
    assert managers[str(Listener.MTLS)]["common_http_protocol_options"]["max_stream_duration"] == "150s"
    assert [name for name, manager in managers.items() if "max_stream_duration" in manager["common_http_protocol_options"]] == [str(Listener.MTLS)]


def test_nothing_holds_a_body_and_nobody_is_asked(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Every filter that a route can switch off is off; nothing is sent twice."""
    made = compiled(world, tls, tmp_path)
    route = next(found for found in forwarded(list(made[Key(ROUTES, "routes-mtls")].resources)) if found["name"] == "wardgate messaging")
    assert all(config.get("disabled") for config in route["typed_per_filter_config"].values())
    assert {"wg.body", "wg.early-body", "wg.decision", "wg.route"} <= route["typed_per_filter_config"].keys()
    assert "retry_policy" not in route["route"]


def test_it_leads_to_a_socket_of_its_own(world: Any, tmp_path: Path) -> None:
    """Bodies keep nobody else waiting."""
    layout = world.layout(tmp_path, Path("envoy"))
    clusters = {cluster["name"]: cluster for cluster in bootstrap(layout)["static_resources"]["clusters"]}
    address = clusters["wardgate-messaging"]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
    assert address == {"pipe": {"path": str(layout.run_directory / "messaging.sock")}}
    assert clusters["wardgate-messaging"]["circuit_breakers"]["thresholds"][0]["max_retries"] == 0


def test_a_change_of_mailboxes_is_no_change_of_envoys(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Not one resource is even made again."""
    bare = world.snapshot({})
    before = compiled(world, tls, tmp_path, bare)
    after = compiled(world, tls, tmp_path, replace(bare, generation=bare.generation + 1, post_office=PostOffice.of([Mailbox(id="A", organisation="A1A")], [])), before)
    assert {key: found.version for key, found in after.items()} == {key: found.version for key, found in before.items()}
    routes = [key for key in before if key.kind == ROUTES]
    assert all(after[key] is before[key] for key in routes)
