"""The compiler: pure, stable, and every route table, map and listener is one that Envoy takes."""

import asyncio
import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from wardgate.catalogue import API, Environment
from wardgate.catalogue.model import ROUTE_SHAPES
from wardgate.dataplane.compile import (
    BIG_MAP,
    EXTENSIONS,
    LISTENERS,
    OVERLAY,
    ROUTES,
    Inputs,
    Key,
    Mapped,
    changed_clients,
    compile_resources,
    resource,
)
from wardgate.dataplane.errors import EnvoyMissing, Rejected
from wardgate.dataplane.resources.bootstrap import bootstrap
from wardgate.dataplane.resources.clusters import backend
from wardgate.dataplane.resources.envoy import Filter
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.validate import _secrets_of, masked, validate
from wardgate.quotas import RateLimits
from wardgate.security_patterns.snapshot import APIKey, Revocations, Snapshot

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,12}[a-z0-9])?", fullmatch=True)
SEGMENTS = st.one_of(st.from_regex(r"[A-Za-z0-9_~$.-]{1,8}", fullmatch=True).filter(lambda text: text not in {".", ".."}), st.just("{id}"))
PATHS = st.one_of(st.just("/"), st.just("/*"), st.builds(lambda parts, below: "/" + "/".join(parts) + below, st.lists(SEGMENTS, min_size=1, max_size=4), st.sampled_from(("", "/*"))))
SCOPES = st.from_regex(r"[\x21\x23-\x5B\x5D-\x7E]{1,40}", fullmatch=True)
WORKER: dict[str, Any] = {"pattern": "user-restricted", "access_mode": "healthcare-worker"}
PATIENT: dict[str, Any] = {"pattern": "user-restricted", "access_mode": "patient"}
ALTERNATIVES = st.sampled_from((
    [{"pattern": "open-access"}], [{"pattern": "api-key"}], [{"pattern": "signed-jwt"}], [{"pattern": "tls-ma"}],
    [{"pattern": "api-key"}, {"pattern": "signed-jwt"}], [{"pattern": "tls-ma"}, {"pattern": "signed-jwt"}, {"pattern": "api-key"}],
    [WORKER], [PATIENT | {"minimum_level": "P0"}], [PATIENT, {"pattern": "signed-jwt"}], [WORKER | {"minimum_level": "aal2"}, PATIENT, {"pattern": "tls-ma"}],
    [{"pattern": "api-key"}, WORKER, {"pattern": "signed-jwt"}, PATIENT],
))
IDENTITY_HEADERS = st.sampled_from((
    None, {"asid": "NHSD-ASID"}, {"application": "X-App", "asid": "NHSD-ASID"}, {"patient": "NHSD-NHSLogin-User", "issuer": "NHSD-Identity-IdP"},
    {"user": "NHSD-Identity-UUID"},
))
RATES = st.one_of(st.none(), st.builds(
    lambda limit, unit, rate: {"quota": {"limit": limit, "timeunit": unit}, "spike_arrest": {"rate": rate}},
    st.integers(1, 1_000_000_000), st.sampled_from(("minute", "hour", "month")), st.sampled_from(("1pm", "1ps", "300pm", "999999999ps")),
))


@st.composite
def routes(draw: Any) -> dict[str, Any]:
    """A route of the manifest."""
    alternatives = [dict(found) for found in draw(ALTERNATIVES)]
    for found in alternatives:
        if found["pattern"] in {"signed-jwt", "user-restricted"}:
            found["scopes"] = draw(st.lists(SCOPES, max_size=3))
    workers = any(found.get("access_mode") == "healthcare-worker" for found in alternatives)
    return {
        "role": draw(st.sampled_from(("none", "required", "optional"))) if workers else "none",
        "path": draw(PATHS), "any_of": alternatives, "methods": draw(st.sampled_from(((), ("GET",), ("POST", "DELETE")))),
        "enforcement": draw(st.sampled_from(("native", "native", "decision"))), "audit": draw(st.sampled_from((None, "before", "after"))),
        "errors": draw(st.sampled_from((None, *map(str, ROUTE_SHAPES)))), "request_id": draw(st.sampled_from((None, "required", "generated"))),
        "identity_headers": draw(IDENTITY_HEADERS),
        "wrong_token_status": draw(st.sampled_from((401, 403))), "timeout_seconds": draw(st.sampled_from((0.001, 30.0, 600.0))),
        "max_body_bytes": draw(st.sampled_from((0, 1, 100_000_000))),
    }


@st.composite
def worlds(draw: Any, world: Any) -> Snapshot:
    """A snapshot with whatever a manifest and a store may hold."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    backends = ("http://127.0.0.1:9", "https://backend.example:8443", "http://[::1]:9", "unix:/run/backend.sock", "http://backend.example")
    apis = tuple(API.model_validate({
        "name": name, "base_path": f"/{name}/" + draw(st.sampled_from(("v1", "FHIR/R4", "a~b"))), "backend": draw(st.sampled_from(backends)),
        "errors": draw(st.sampled_from(tuple(map(str, ROUTE_SHAPES)))), "limits": draw(RATES), "routes": draw(st.lists(routes(), min_size=1, max_size=5)),
    }) for name in names)
    clients = {}
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        found = world.client(name, frozenset(draw(st.lists(st.sampled_from(names), max_size=3))), draw(st.sampled_from((None, "developer-inactive"))))
        limits = draw(RATES)
        clients[name] = replace(found, limits={api: RateLimits.model_validate(limits) for api in found.apis} if limits else {})
    keys = [APIKey(f"id-{number}", f"{number:04d}" + "k" * 20, "a", revoked=draw(st.booleans()), expires=draw(st.sampled_from((None, world.now)))) for number in range(3)]
    pairs = [(name, api) for name in ("", *clients) for api in names]
    spent = draw(st.lists(st.sampled_from(pairs), max_size=3))
    return world.snapshot(
        clients, apis, api_keys={key.key: key for key in keys} if draw(st.booleans()) else {},
        environment=Environment(name="unit", tls_ma_profile=draw(st.sampled_from(("verify", "answer"))), audit=draw(st.sampled_from(("before", "after")))),
        over_quota={pair: world.now + timedelta(hours=1) for pair in spent},
        revocations=Revocations(frozenset(draw(st.lists(NAMES, max_size=2))), frozenset(draw(st.lists(NAMES, max_size=2))), frozenset({"ab" * 32}),
                                frozenset(draw(st.lists(NAMES, max_size=2)))),
    )


def inputs(snapshot: Snapshot, world: Any, layout: Any, tls: TLSMaterial) -> Inputs:
    """Return what is compiled when nothing came before."""
    return Inputs(snapshot, (Mapped.of(snapshot),), Mapped.of(snapshot), tls, layout, world.now, "secret")


@pytest.mark.envoy
@settings(max_examples=examples(15), deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(data=st.data())
def test_envoy_takes_every_world(data: Any, world: Any, envoy: Path, tls: TLSMaterial, tmp_path: Path) -> None:
    """Whatever names, paths, scopes, limits and patterns a manifest may hold, the real Envoy takes the compiled form."""
    layout = world.layout(tmp_path, envoy)
    snapshot = data.draw(worlds(world))
    compiled = compile_resources(inputs(snapshot, world, layout, tls), {})
    asyncio.run(validate(compiled, compiled, layout))


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(data=st.data())
def test_the_same_world_compiles_to_the_same_bytes(data: Any, world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Also when its mappings come in another order: a version changes only with the content."""
    snapshot = data.draw(worlds(world))
    turned = replace(
        snapshot, clients=dict(reversed(list(snapshot.clients.items()))), api_keys=dict(reversed(list(snapshot.api_keys.items()))),
        certificate_names=dict(reversed(list(snapshot.certificate_names.items()))), over_quota=dict(reversed(list(snapshot.over_quota.items()))),
    )
    layout = world.layout(tmp_path, Path("envoy"))
    first, second = (compile_resources(inputs(found, world, layout, tls), {}) for found in (snapshot, turned))
    assert {key: found.version for key, found in first.items()} == {key: found.version for key, found in second.items()}


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_kept_is_what_would_be_made(data: Any, world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Coming from another world, or from this one with less or more of something, a world compiles as if nothing had come before."""
    layout = world.layout(tmp_path, Path("envoy"))
    old, new = data.draw(worlds(world)), data.draw(worlds(world))
    part = data.draw(st.sampled_from(("clients", "apis", "api_keys", "certificate_names", "environment", "over_quota", "revocations", None)))
    new = replace(old, **{part: getattr(new, part)}) if part else new
    before = compile_resources(inputs(old, world, layout, tls), {})
    kept, fresh = (compile_resources(inputs(new, world, layout, tls), previous) for previous in (before, {}))
    assert {key: found.body for key, found in kept.items()} == {key: found.body for key, found in fresh.items()}


def test_a_quota_that_is_over_by_time_alone_makes_routes_anew(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """The snapshot is the same; the moment is another."""
    layout = world.layout(tmp_path, Path("envoy"))
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [{"path": "/", "pattern": "api-key"}]})
    spent = inputs(world.snapshot({}, (api,), over_quota={("", "x"): world.now + timedelta(hours=1)}), world, layout, tls)
    routes_of = Key(ROUTES, "routes-https")
    first = compile_resources(spent, {})
    soon = compile_resources(replace(spent, now=world.now + timedelta(minutes=59)), first)
    later = compile_resources(replace(spent, now=world.now + timedelta(minutes=61)), soon)
    assert soon[routes_of] is first[routes_of]
    assert later[routes_of].version != first[routes_of].version


def test_a_generation_alone_loads_no_route_anew(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """`_ping` tells the generation in which the routes were made: with that of each change, each would load them all."""
    layout = world.layout(tmp_path, Path("envoy"))
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [{"path": "/", "pattern": "api-key"}]})
    snapshot = replace(world.snapshot({}, (api,)), generation=7)
    first = compile_resources(inputs(snapshot, world, layout, tls), {})
    second = compile_resources(inputs(replace(snapshot, generation=8), world, layout, tls), first)
    third = compile_resources(inputs(replace(snapshot, generation=9, apis=(api.model_copy(update={"base_path": "/y"}),)), world, layout, tls), second)
    key = Key(ROUTES, "routes-https")
    assert second[key] is first[key]
    assert b'\\"revision\\":\\"7\\"' in first[key].body
    assert b'\\"revision\\":\\"9\\"' in third[key].body


@given(found=st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=3), inner, max_size=5)), max_leaves=30,
), many=st.integers(0, 2500))
def test_big_resources_are_written_in_slices_and_are_the_same(found: Any, many: int) -> None:
    """A map of many entries, a list of many items: the text is the one that `json.dumps` would make at once."""
    one = {"b": found, "a": 1}
    whole = {"small": found, "map": {f"k{number:04d}": [number] for number in range(many)}, "list": [{"b": number, "a": 1} for number in range(many)],
             "shared": {f'é"{number}': one for number in range(many)}}
    items = json.dumps([whole], separators=(",", ":"), sort_keys=True)
    assert resource(EXTENSIONS, [whole]).body.endswith(f'"resources":{items}}}'.encode())


@pytest.mark.envoy
@pytest.mark.parametrize("http_port", [18080, None])
def test_envoy_takes_the_bootstrap(http_port: int | None, world: Any, envoy: Path, tmp_path: Path) -> None:
    """The bootstrap by itself, with and without the plain listener."""
    layout = replace(world.layout(tmp_path, envoy), http_port=http_port)
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(bootstrap(layout)))
    done = subprocess.run([envoy, "--mode", "validate", "-c", path, "--log-level", "error"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.envoy
def test_what_envoy_rejects_is_refused_in_its_words(world: Any, envoy: Path, tls: TLSMaterial, tmp_path: Path) -> None:
    """A certificate that is none is refused before it is offered, and nothing that was asked about stays on disk."""
    layout = world.layout(tmp_path, envoy)
    compiled = compile_resources(inputs(world.snapshot({}), world, layout, replace(tls, certificate_chain_pem="no certificate")), {})
    with pytest.raises(Rejected, match="Failed to load certificate chain"):
        asyncio.run(validate(compiled, compiled, layout))
    assert {path.name for path in tmp_path.iterdir()} <= {"access.log"}, "what was asked about held keys, and is gone"


@pytest.mark.envoy
@pytest.mark.parametrize("bad", [{"client": ""}, {"client": "b"}, {"clientx": "b"}])
def test_a_rejection_repeats_no_secret(bad: dict[str, str], world: Any, envoy: Path, tls: TLSMaterial, tmp_path: Path) -> None:
    """Envoy repeats what it does not like, API keys in clear included; the error does not."""
    secret = "a-key-that-nobody-may-see"
    twice = [{"key": secret, "client": "a"}, {"key": secret} | bad]
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth", "key_sources": [{"header": "apikey"}], "credentials": twice}
    found = {Key(EXTENSIONS, "keys"): resource(EXTENSIONS, [{"@type": "x", "name": "keys", "typed_config": config}])}
    with pytest.raises(Rejected) as caught:
        asyncio.run(validate(found, found, world.layout(tmp_path, envoy)))
    assert secret not in str(caught.value)
    assert "redential" in str(caught.value)


def test_what_is_masked(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """API keys, every line of the private key, and the secret of our own redirects."""
    layout = world.layout(tmp_path, Path("envoy"))
    snapshot = world.snapshot({"a": world.client("a", frozenset())})
    compiled = compile_resources(inputs(snapshot, world, layout, tls), {})
    secrets = set(_secrets_of(compiled))
    lines = set(tls.private_key_pem.splitlines()[1:-1])
    assert secrets == {"secret", next(iter(snapshot.api_keys)), *lines}
    assert masked(f"<{tls.private_key_pem}>", secrets).count("[redacted]") == len(lines)


def test_a_binary_that_is_missing_is_named(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Without a binary nothing can be validated, so nothing is published."""
    layout = world.layout(tmp_path, tmp_path / "no-envoy")
    compiled = compile_resources(inputs(world.snapshot({}), world, layout, tls), {})
    with pytest.raises(EnvoyMissing, match="no-envoy cannot be run"):
        asyncio.run(validate(compiled, compiled, layout))


def asked_about(found: Any, known: Any, layout: Any) -> Any:
    """Return the configuration that the binary is asked about."""
    script, copy = layout.run_directory / "envoy", layout.run_directory / "copy"
    script.write_text(f'#!/bin/sh\ncp "$4" {copy}\n')
    script.chmod(0o700)
    asyncio.run(validate(found, found, replace(layout, envoy_binary=script), known))
    return json.loads(copy.read_text())


def test_only_new_entries_of_a_map_are_asked_about(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Those that were in the same place are known to be good; everything else of the resource is there."""
    layout = world.layout(tmp_path, Path("envoy"))
    clients = {f"c{number}": world.client(f"c{number}", frozenset({"x"})) for number in range(20)}
    more = clients | {"c3": replace(clients["c3"], apis=frozenset({"y"})), "new": world.client("new", frozenset({"x"}))}
    before, after = (compile_resources(inputs(world.snapshot(found), world, layout, tls), {}) for found in (clients, more))
    text = json.dumps(asked_about({BIG_MAP: after[BIG_MAP]}, before, layout))
    assert {name for name in (*more, *(f"{client}|{api}" for client in more for api in "xy")) if f'"{name}"' in text} == {"c3|y", "new", "new|x"}
    whole = json.dumps(asked_about({BIG_MAP: after[BIG_MAP]}, {}, layout))
    assert all(f'"{name}"' in whole for name in more)


def test_only_new_keys_and_buckets_are_asked_about(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Of lists in which no two items say the same; when two do, Envoy is asked about all of them."""
    layout = world.layout(tmp_path, Path("envoy"))
    limits = {"x": RateLimits.model_validate({"quota": {"limit": 7}})}
    clients = {f"c{number}": replace(world.client(f"c{number}", frozenset({"x"})), limits=limits) for number in range(5)}
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [{"path": "/", "pattern": "api-key"}]})
    more = clients | {"new": replace(world.client("new", frozenset({"x"})), limits=limits)}
    before, after = (compile_resources(inputs(world.snapshot(found, (api,)), world, layout, tls), {}) for found in (clients, more))
    for name, inside in ((Filter.API_KEYS, "key"), (Filter.APPLICATION_QUOTA, "entries")):
        key = Key(EXTENSIONS, str(name))
        text = json.dumps(asked_about({key: after[key]}, before, layout))
        assert f'"{inside}"' in text
        assert [client for client in more if f'"{client}"' in text] == ["new"]
        again = json.dumps(asked_about({key: before[key]}, after, layout))
        assert [client for client in more if f'"{client}"' in again] == ["c0"], "one that is known stands for all"
    keys = json.loads(json.dumps(after[Key(EXTENSIONS, Filter.API_KEYS)].resources[0]))
    keys["typed_config"]["credentials"].append(keys["typed_config"]["credentials"][0])
    twice = {Key(EXTENSIONS, Filter.API_KEYS): resource(EXTENSIONS, [keys])}
    assert all(f'"{client}"' in json.dumps(asked_about(twice, before, layout)) for client in more)


def test_a_map_without_new_entries_is_still_a_map(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Envoy refuses an empty one."""
    layout = world.layout(tmp_path, Path("envoy"))
    compiled = compile_resources(inputs(world.snapshot({"a": world.client("a", frozenset({"x"}))}), world, layout, tls), {})
    asked = asked_about({BIG_MAP: compiled[BIG_MAP]}, compiled, layout)
    filters = asked["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    root = filters[0]["typed_config"]["matcher"]
    assert root["matcher_tree"]["exact_match_map"]["map"].keys() == {"a|x"}
    assert root["on_no_match"]["matcher"]["matcher_tree"]["exact_match_map"]["map"].keys() == {"a"}


@pytest.mark.envoy
def test_a_bad_entry_among_known_ones_is_refused(world: Any, envoy: Path, tls: TLSMaterial, tmp_path: Path) -> None:
    """The real Envoy looks at a new entry of a map as it would at the whole map."""
    layout = world.layout(tmp_path, envoy)
    compiled = compile_resources(inputs(world.snapshot({"a": world.client("a", frozenset({"x"}))}), world, layout, tls), {})
    asyncio.run(validate({BIG_MAP: compiled[BIG_MAP]}, compiled, layout, compiled))
    config = json.loads(json.dumps(compiled[BIG_MAP].resources[0]))
    entries = config["typed_config"]["matcher"]["matcher_tree"]["exact_match_map"]["map"]
    entries["b|x"] = {"action": {"name": "action", "typed_config": {"@type": "type.googleapis.com/envoy.config.rbac.v3.Action", "name": "", "action": "ALLOW"}}}
    found = {BIG_MAP: resource(EXTENSIONS, [config])}
    with pytest.raises(Rejected, match="Name"):
        asyncio.run(validate(found, found, layout, compiled))


def test_nothing_changed_asks_nothing(world: Any, tmp_path: Path) -> None:
    """No change, no process."""
    asyncio.run(validate({}, {}, world.layout(tmp_path, tmp_path / "no-envoy")))


def test_what_did_not_change_keeps_its_version(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Suspending an application changes the overlay alone: no route, no listener, no limit (whose buckets would refill)."""
    layout = world.layout(tmp_path, Path("envoy"))
    snapshot = world.snapshot({name: world.client(name, frozenset({"x"})) for name in ("a", "b")})
    before = compile_resources(inputs(snapshot, world, layout, tls), {})
    changed = dict(snapshot.clients) | {"a": replace(snapshot.clients["a"], refused="developer-inactive")}
    given = Inputs(replace(snapshot, clients=changed), (Mapped.of(snapshot),), Mapped.of(snapshot), tls, layout, world.now, "secret")
    after = compile_resources(given, before)
    assert {key for key, found in after.items() if before[key].version != found.version} == {OVERLAY}
    assert after[BIG_MAP] is before[BIG_MAP]
    assert after[Key(LISTENERS)] is before[Key(LISTENERS)]


def test_changed_clients_are_what_the_map_does_not_say(world: Any) -> None:
    """New, changed and removed applications; a new limit or scope is none of the map's business."""
    base = {name: world.client(name, frozenset({"x"})) for name in ("same", "limits", "suspended", "gone")}
    current = dict(base) | {"suspended": replace(base["suspended"], refused="company-inactive"), "new": world.client("new", frozenset()),
                            "limits": replace(base["limits"], limits={"x": RateLimits()}, scopes=("s",))}
    del current["gone"]
    assert changed_clients(base, current) == {"suspended": current["suspended"], "new": current["new"], "gone": None}


def test_no_policy_lives_in_listeners(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Open connections keep old listeners, so these are the same for an empty world and a full one."""
    layout = world.layout(tmp_path, Path("envoy"))
    full = world.snapshot({"a": world.client("a", frozenset({"x"}))}, (API.model_validate(
        {"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [{"path": "/", "pattern": "api-key"}]}),))
    compiled = [compile_resources(inputs(found, world, layout, tls), {}) for found in (world.snapshot({}), full)]
    assert compiled[0][Key(LISTENERS)].version == compiled[1][Key(LISTENERS)].version
    text = compiled[1][Key(LISTENERS)].body.decode()
    assert "key-a" not in text
    assert "a.example.nhs.uk" not in text


@pytest.mark.parametrize("where", ["http://127.0.0.1:9", "https://wards.example.nhs.uk", "unix:/run/wards.sock"])
def test_a_backend_does_not_hang_up_first(where: str) -> None:
    """A request on a connection that the backend is closing is lost: we close idle ones before servers do, after 5 s as a rule."""
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": where, "routes": [{"path": "/", "pattern": "open-access"}]})
    options, = backend(api)["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"] == {"idle_timeout": "4s"}


def test_every_discovered_filter_starts_as_a_refusal(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """Until a filter's rules have come it refuses everything by name."""
    compiled = compile_resources(inputs(world.snapshot({}), world, world.layout(tmp_path, Path("envoy")), tls), {})
    discovered = set()
    for listener in compiled[Key(LISTENERS)].resources:
        for item in listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]:
            if "config_discovery" in item:
                discovered.add(item["name"])
                policies = item["config_discovery"]["default_config"]["rules"]
                assert (policies["action"], list(policies["policies"])) == ("DENY", ["rules-not-loaded"])
    published = {key.name for key in compiled if key.kind == EXTENSIONS}
    assert discovered == published


def test_every_route_switches_every_filter(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """A filter that a route forgets would judge it by another route's rule: each is on or off by name."""
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [
        {"path": "/", "pattern": "api-key"}, {"path": "/b", "any_of": [{"pattern": "tls-ma"}, {"pattern": "signed-jwt"}]},
        {"path": "/c", "pattern": "open-access", "enforcement": "decision"}, {"path": "/d", "any_of": [WORKER, {"pattern": "signed-jwt"}, PATIENT]},
        {"path": "/e", **WORKER, "role": "required"}]})
    compiled = compile_resources(inputs(world.snapshot({}, (api,)), world, world.layout(tmp_path, Path("envoy")), tls), {})
    judging = {Filter.API_KEYS, Filter.TOKENS, Filter.CERTIFICATE_NAMES, Filter.DECISION, Filter.ROUTE}
    for key, found in compiled.items():
        if key.kind != ROUTES:
            continue
        matcher = found.resources[0]["virtual_hosts"][0]["matcher"]
        lists = [*matcher["matcher_tree"]["prefix_match_map"]["map"].values(), matcher["on_no_match"]]
        for routes_of in lists:
            found_routes = routes_of["action"]["typed_config"]["routes"]
            assert any(route["match"] == {"prefix": "/"} for route in found_routes), "every list ends in an answer"
            for route in found_routes:
                configured = route["typed_per_filter_config"]
                off = {name for name, config in configured.items() if config.get("disabled")}
                on = {str(name) for name in judging} - off
                assert len(on - {Filter.ROUTE}) <= 1, "one credential is judged at a time"
                assert on or "direct_response" in route or route["route"].get("cluster", "").startswith("wardgate-"), route["name"]
